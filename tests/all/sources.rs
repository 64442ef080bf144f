//! Polled sources against recorded bodies, the good and the bad, served on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod datadog;
mod grafana;
mod http;
mod peer;
mod probe;
mod prometheus;
mod scrapes;
mod sentry;
