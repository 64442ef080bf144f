//! `provider = "unleash"`: its table, that table validated, and what the adapter is told.

use super::Unleash;
use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::{FeatureFlagsSpec, ProviderSpec};
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::address::Tail;
use crate::settings::at::At;
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::settings::texts;
use crate::setup::FlagSystem;
use crate::systems::declaration::Shape;
use crate::systems::declaration::flags::{Common, FlagProviderKind, FlagSettings, FlagTable};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The declaration of the system for the configuration.
pub(in crate::systems) static FLAGS: FlagProviderKind =
    FlagProviderKind { name: "unleash", about: "An Unleash project.", table: Shape::<dyn FlagTable>::of::<Table>() };

/// Flags of an Unleash project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/api/admin`.
    url: At<String>,
    /// An admin's, a service account's or a personal token; a client's token cannot turn flags off.
    token: At<SecretRef>,
    /// Id of the project; default `default`.
    project: Option<At<String>>,
    /// Unleash's name of the environment; default: the environment's own.
    environment: Option<At<String>>,
    /// The flags; default: all of the project.
    features: Option<At<Vec<At<String>>>>,
    /// The service that they belong to; default: the whole environment.
    service: Option<At<String>>,
    /// Where a person can look at a flag; may hold `$feature` and `$environment`.
    link: Option<At<String>>,
    /// How long an answer may take; default `5s`.
    timeout: Option<At<HumanDuration>>,
}

impl FlagTable for Table {
    fn common(&self) -> Common<'_> {
        Common {
            environment: self.environment.as_ref(),
            features: self.features.as_ref(),
            service: self.service.as_ref(),
            link: self.link.as_ref(),
            timeout: self.timeout.as_ref(),
        }
    }

    fn check(&self, problems: &mut Problems) -> Option<(String, Box<dyn FlagSettings>)> {
        let url = address::check(&self.url, Tail::None, problems);
        // A project stands in paths, and holds no variables.
        let project = optional(self.project.as_ref(), |project| texts::check(project, &[], problems));
        let project = project?.unwrap_or_else(|| "default".to_owned());
        Some((url?, Box::new(Settings { token: self.token.clone(), project })))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    token: At<SecretRef>,
    project: String,
}

impl FlagSettings for Settings {
    fn resolve(&self, resolver: &mut Resolver<'_>) -> Option<Arc<dyn ProviderSpec>> {
        Some(Arc::new(UnleashSpec { token: resolver.secret(&self.token)?, project: self.project.clone() }))
    }
}

/// Unleash. The endpoint is everything before `/api/admin`.
#[derive(Debug, Clone, PartialEq)]
pub struct UnleashSpec {
    /// An admin, service account or personal token, sent as it is, without `Bearer`.
    pub token: Secret,
    /// Id of the project.
    pub project: String,
}

impl ProviderSpec for UnleashSpec {
    fn system(&self) -> FlagSystem {
        FlagSystem::Unleash
    }

    fn build(&self, spec: &FeatureFlagsSpec, clock: Clock) -> Result<Box<dyn FlagProvider>, String> {
        Ok(Box::new(Unleash::new(spec, &self.token, &self.project, clock)?))
    }
}
