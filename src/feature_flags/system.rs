//! The systems that keep feature flags, an adapter each: the only place that knows them all.

mod client;
mod launchdarkly;
mod listing;
mod unleash;
mod webhook;

use super::provider::FlagProvider;
use super::spec::{FeatureFlagsSpec, FlagSystemSpec};
use crate::clock::Clock;

/// Makes the adapter; connects to nothing.
///
/// # Errors
/// Why there can be none, in one sentence: an address or a token that cannot be sent.
pub fn build(spec: &FeatureFlagsSpec, clock: &Clock) -> Result<Box<dyn FlagProvider>, String> {
    let clock = clock.clone();
    Ok(match &spec.provider {
        FlagSystemSpec::Unleash { token, project } => Box::new(unleash::Unleash::new(spec, token, project, clock)?),
        FlagSystemSpec::LaunchDarkly { token, project } => {
            Box::new(launchdarkly::LaunchDarkly::new(spec, token, project, clock)?)
        }
        FlagSystemSpec::Webhook { auth, signing_key, state_url } => {
            Box::new(webhook::Webhook::new(spec, auth, signing_key.as_ref(), state_url.as_deref(), clock)?)
        }
    })
}
