//! Kubernetes: what a real API server said (`src/systems/kubernetes/recorded/streams`), through the real source.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub(crate) mod server;
pub(crate) mod tape;

mod bounds;
mod checking;
mod sharing;
mod stories;
mod streaming;
