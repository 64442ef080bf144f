//! Words: what each system of feature flags is told. Configuration writes them, the adapters to flag systems read them.

use super::provider::FlagProvider;
use crate::clock::Clock;
use crate::deploy::ServiceId;
use crate::net::Endpoint;
use crate::setup::FlagSystem;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// Flags of an environment that a person may turn off, in one system.
#[derive(Debug, Clone)]
pub struct FeatureFlagsSpec {
    /// Where its API is; for a webhook, the address that turns a flag off.
    pub endpoint: Endpoint,
    /// Which system, and how it is asked.
    pub provider: Arc<dyn ProviderSpec>,
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
    /// Makes the adapter; connects to nothing.
    ///
    /// # Errors
    /// Why there can be none, in one sentence: an address or a token that cannot be sent.
    pub fn build(&self, clock: &Clock) -> Result<Box<dyn FlagProvider>, String> {
        self.provider.build(self, clock.clone())
    }

    /// What a system of a known kind is told, for whoever looks at it.
    pub fn told<T: Any>(&self) -> Option<&T> {
        let told: &dyn Any = self.provider.as_ref();
        told.downcast_ref()
    }
}

/// What one system is told beside what all of them are, with its secrets.
pub trait ProviderSpec: Any + Debug + Send + Sync {
    /// The provider of these flags.
    fn system(&self) -> FlagSystem;

    /// Makes the adapter; connects to nothing.
    ///
    /// # Errors
    /// Why there can be none, in one sentence.
    fn build(&self, spec: &FeatureFlagsSpec, clock: Clock) -> Result<Box<dyn FlagProvider>, String>;
}
