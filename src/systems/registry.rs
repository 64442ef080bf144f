//! Every system that is read: the one file that names them all.

use super::api::SourceSpec;
use super::declaration::System;
use super::probe::ProbeSpec;
use crate::net::Endpoint;
use crate::signal::SignalId;

/// In the order in which people are told of them.
pub(crate) static SYSTEMS: &[&System] = &[
    &super::kubernetes::SYSTEM,
    &super::grafana::SYSTEM,
    &super::prometheus::SYSTEM,
    &super::sentry::SYSTEM,
    &super::datadog::SYSTEM,
    &super::loki::SYSTEM,
];

/// The source that a signal of the kind probe makes for itself; `status` is what it expects, else any 2xx.
pub(crate) fn probe(endpoint: Endpoint, signal: SignalId, status: Option<u16>) -> SourceSpec {
    SourceSpec::Polled(Box::new(ProbeSpec { endpoint, signal, status }))
}
