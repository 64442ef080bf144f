//! What the configuration knows of a system that keeps feature flags: one [`FlagProviderKind`] is declared in its folder and
//! named once, in the registry.

use super::Shape;
use crate::feature_flags::spec::ProviderSpec;
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use std::fmt::Debug;
use std::sync::Arc;

/// A system that keeps feature flags.
#[derive(Debug)]
pub(crate) struct FlagProviderKind {
    /// What its tables say at `provider`.
    pub(crate) name: &'static str,
    /// What it is, as editors show it.
    pub(crate) about: &'static str,
    /// What its tables may hold.
    pub(crate) table: Shape<dyn FlagTable>,
}

/// What the tables of all systems have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    /// The system's own name of the environment.
    pub(crate) environment: Option<&'a At<String>>,
    /// The flags, by their keys.
    pub(crate) features: Option<&'a At<Vec<At<String>>>>,
    /// The service that they belong to.
    pub(crate) service: Option<&'a At<String>>,
    /// Where a person can look at a flag.
    pub(crate) link: Option<&'a At<String>>,
    /// How long an answer may take.
    pub(crate) timeout: Option<&'a At<HumanDuration>>,
}

/// A system's table as it is written: known keys and right types.
pub(crate) trait FlagTable: Debug {
    /// What every system's table has.
    fn common(&self) -> Common<'_>;

    /// Its address, and what else it means. `None` where something is wrong with it: all of that is reported at once.
    fn check(&self, problems: &mut Problems) -> Option<(String, Box<dyn FlagSettings>)>;
}

/// A system's table, checked, without its secrets.
pub(crate) trait FlagSettings: Debug + Send + Sync {
    /// What its adapter is told. `None` where a secret cannot be had: that is reported.
    fn resolve(&self, resolver: &mut Resolver<'_>) -> Option<Arc<dyn ProviderSpec>>;
}
