//! Every system that is read: the one file that names them all.

use super::api::SourceSpec;
use super::declaration::System;
use super::{datadog, grafana, kubernetes, probe, prometheus, sentry};
use crate::net::Endpoint;
use crate::signal::SignalId;

/// In the order in which people are told of them.
pub(crate) static SYSTEMS: &[&System] =
    &[&kubernetes::SYSTEM, &grafana::SYSTEM, &prometheus::SYSTEM, &sentry::SYSTEM, &datadog::SYSTEM];

/// The source that a signal of the kind probe makes for itself; `status` is what it expects, else any 2xx.
pub(crate) fn probe(endpoint: Endpoint, signal: SignalId, status: Option<u16>) -> SourceSpec {
    SourceSpec::Polled(Box::new(probe::ProbeSpec { endpoint, signal, status }))
}
