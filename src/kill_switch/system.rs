//! The systems that keep feature flags: one trait, an adapter each.

mod launchdarkly;
mod talk;
mod unleash;
mod webhook;

use super::spec::{SwitchProvider, SwitchSpec};
use super::{Answer, FlagState, Listing, Order, Permission};
use crate::clock::Clock;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

/// The most flags of a project that are listed.
const MOST_LISTED: usize = 200;

/// So many flags are read at a time: a list of ten should not take ten round trips, nor be a burst.
const AT_ONCE: usize = 4;

/// One system's flags of one environment.
pub trait KillSwitch: Send + Sync {
    /// Reads every flag. One that cannot be read says so itself and does not take the others with it.
    ///
    /// # Errors
    /// Why the system told of none, in one sentence.
    fn read(&self) -> BoxFuture<'_, Result<Listing, String>>;

    /// Reads one flag, from the system itself and not from anything remembered.
    fn read_one<'a>(&'a self, key: &'a str) -> BoxFuture<'a, FlagState>;

    /// Whether it would let us turn flags off, asked in advance. Changes nothing.
    fn permission(&self) -> BoxFuture<'_, Permission>;

    /// Turns a flag off: one request, never a second. [`Answer::Refused`] only for what certainly changed
    /// nothing; in doubt [`Answer::Unknown`].
    fn turn_off<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Answer>;
}

/// Makes the adapter; connects to nothing.
///
/// # Errors
/// Why there can be none, in one sentence: an address or a token that cannot be sent.
pub fn build(spec: &SwitchSpec, clock: &Clock) -> Result<Box<dyn KillSwitch>, String> {
    let clock = clock.clone();
    Ok(match &spec.provider {
        SwitchProvider::Unleash { token, project } => Box::new(unleash::Unleash::new(spec, token, project, clock)?),
        SwitchProvider::LaunchDarkly { token, project } => {
            Box::new(launchdarkly::LaunchDarkly::new(spec, token, project, clock)?)
        }
        SwitchProvider::Webhook { auth, signing_key, state_url } => {
            Box::new(webhook::Webhook::new(spec, auth, signing_key.as_ref(), state_url.as_deref(), clock)?)
        }
    })
}

/// The flag's page: as configured, else as the system usually has it.
fn link(spec: &SwitchSpec, key: &str, usual: impl FnOnce() -> Option<String>) -> Option<String> {
    match &spec.link {
        Some(template) => talk::address(template, key, &spec.environment).ok().map(String::from),
        None => usual(),
    }
}

/// Reads several flags; the answers are in the order of the questions.
async fn a_few_at_a_time(asked: Vec<BoxFuture<'_, FlagState>>) -> Vec<FlagState> {
    stream::iter(asked).buffered(AT_ONCE).collect().await
}
