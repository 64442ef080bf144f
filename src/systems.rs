//! The outside: a folder for each system that is read, rolls back or keeps feature flags, with its table of the file, its
//! adapter, its peer (what answers for it in the demo), what was recorded of it and its tests. Adding one: `docs/new-source.md`.

pub mod api;
pub(crate) mod declaration;
pub mod questions;
pub mod registry;
mod shared;

pub mod argo_rollouts;
pub mod argocd;
pub mod command;
pub mod datadog;
pub mod flux;
pub mod git;
pub mod github;
pub mod gitlab;
pub mod grafana;
pub mod helm;
pub mod jenkins;
pub mod kubernetes;
pub mod launchdarkly;
pub mod loki;
pub mod probe;
pub mod prometheus;
pub mod sentry;
pub mod unleash;
pub mod webhook;

#[cfg(test)]
mod tests;
