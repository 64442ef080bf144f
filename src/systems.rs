//! Systems that are read: a folder each, with its table of the file, its adapter, what was recorded of it and its tests.
//! Adding one: `docs/new-source.md`.

pub mod api;
pub(crate) mod declaration;
pub mod questions;
pub(crate) mod registry;
mod shared;

pub mod datadog;
pub mod grafana;
pub mod kubernetes;
pub mod loki;
pub mod probe;
pub mod prometheus;
pub mod sentry;

#[cfg(test)]
mod tests;
