//! What the lists of all systems have in common: how many flags, how they are read, and where a person can look at one.

use super::client;
use crate::feature_flags::FlagState;
use crate::feature_flags::spec::FeatureFlagsSpec;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};

/// The most flags of a project that are listed.
pub(in crate::systems) const MOST_LISTED: usize = 200;

/// So many flags are read at a time: a list of ten should not take ten round trips, nor be a burst.
pub(in crate::systems) const AT_ONCE: usize = 4;

/// The flag's page: as configured, else as the system usually has it.
pub(in crate::systems) fn link(
    spec: &FeatureFlagsSpec,
    key: &str,
    usual: impl FnOnce() -> Option<String>,
) -> Option<String> {
    match &spec.link {
        Some(template) => client::address(template, key, &spec.environment).ok().map(String::from),
        None => usual(),
    }
}

/// Reads several flags; the answers are in the order of the questions.
pub(in crate::systems) async fn a_few_at_a_time(asked: Vec<BoxFuture<'_, FlagState>>) -> Vec<FlagState> {
    stream::iter(asked).buffered(AT_ONCE).collect().await
}
