//! `provider = "launchdarkly"`: its table, that table validated, and what the adapter is told.

use super::LaunchDarkly;
use crate::clock::Clock;
use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::{FeatureFlagsSpec, ProviderSpec};
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::at::At;
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
pub(in crate::systems) static FLAGS: FlagProviderKind = FlagProviderKind {
    name: "launchdarkly",
    about: "A LaunchDarkly project.",
    table: Shape::<dyn FlagTable>::of::<Table>(),
};

/// Flags of a LaunchDarkly project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its address; default `https://app.launchdarkly.com`.
    url: Option<At<String>>,
    /// An access token that may write flags.
    token: At<SecretRef>,
    /// Key of the project.
    project: At<String>,
    /// LaunchDarkly's key of the environment; default: the environment's own name.
    environment: Option<At<String>>,
    /// The flags, by their keys; default: all of the project.
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
        let url = address::or_usual(self.url.as_ref(), "https://app.launchdarkly.com", problems);
        // A project stands in paths, and holds no variables.
        let project = texts::check(&self.project, &[], problems);
        Some((url?, Box::new(Settings { token: self.token.clone(), project: project? })))
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
        Some(Arc::new(LaunchDarklySpec { token: resolver.secret(&self.token)?, project: self.project.clone() }))
    }
}

/// LaunchDarkly. The endpoint is everything before `/api/v2`.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchDarklySpec {
    /// An access token that may write flags, sent as it is, without `Bearer`.
    pub token: Secret,
    /// Key of the project.
    pub project: String,
}

impl ProviderSpec for LaunchDarklySpec {
    fn system(&self) -> FlagSystem {
        FlagSystem::LaunchDarkly
    }

    fn build(&self, spec: &FeatureFlagsSpec, clock: Clock) -> Result<Box<dyn FlagProvider>, String> {
        Ok(Box::new(LaunchDarkly::new(spec, &self.token, &self.project, clock)?))
    }
}
