//! Words: what each system of feature flags is told. Configuration writes them, the adapters to flag systems read them.

use crate::deploy::ServiceId;
use crate::net::{Auth, Endpoint};
use crate::secret::Secret;
use crate::setup::FlagSystem;

/// Flags of an environment that a person may turn off, in one system.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureFlagsSpec {
    /// Where its API is; for a webhook, the address that turns a flag off.
    pub endpoint: Endpoint,
    /// Which system, and how it is asked.
    pub provider: FlagSystemSpec,
    /// The system's own name of the environment.
    pub environment: String,
    /// The flags, by their keys; empty: every flag of the project. Never empty for a webhook.
    pub features: Vec<String>,
    /// The service that they belong to; `None`: to the whole environment.
    pub service: Option<ServiceId>,
    /// Where a person can look at a flag. May hold `$feature` and `$environment`.
    pub link: Option<String>,
}

impl FeatureFlagsSpec {
    /// The provider of these flags.
    pub const fn system(&self) -> FlagSystem {
        match self.provider {
            FlagSystemSpec::Unleash { .. } => FlagSystem::Unleash,
            FlagSystemSpec::LaunchDarkly { .. } => FlagSystem::LaunchDarkly,
            FlagSystemSpec::Webhook { .. } => FlagSystem::Webhook,
        }
    }
}

/// The systems that keep flags.
#[derive(Debug, Clone, PartialEq)]
pub enum FlagSystemSpec {
    /// Unleash. The endpoint is everything before `/api/admin`.
    Unleash {
        /// An admin, service account or personal token, sent as it is, without `Bearer`.
        token: Secret,
        /// Id of the project.
        project: String,
    },
    /// LaunchDarkly. The endpoint is everything before `/api/v2`.
    LaunchDarkly {
        /// An access token that may write flags, sent as it is, without `Bearer`.
        token: Secret,
        /// Key of the project.
        project: String,
    },
    /// Any address that takes a POST. Addresses may hold `$feature` and `$environment`.
    Webhook {
        /// How it knows us.
        auth: Auth,
        /// Signs the body: `X-Signature-256: sha256=…`.
        signing_key: Option<Secret>,
        /// Where to ask for a flag's state.
        state_url: Option<String>,
    },
}
