//! Polled sources against recorded bodies, the good and the bad, served on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "sources/datadog.rs"]
mod datadog;
#[path = "sources/grafana.rs"]
mod grafana;
#[path = "sources/http.rs"]
mod http;
#[path = "sources/peer.rs"]
mod peer;
#[path = "sources/probe.rs"]
mod probe;
#[path = "sources/prometheus.rs"]
mod prometheus;
#[path = "sources/scrapes.rs"]
mod scrapes;
#[path = "sources/sentry.rs"]
mod sentry;
