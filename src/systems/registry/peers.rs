//! The peers: what the demo and the tests talk to instead of the real systems, each in its system's folder.

use crate::simulated::faults::Peer;
use crate::simulated::server::Served;
use crate::simulated::state::Simulation;
use crate::systems::{argocd, datadog, grafana, kubernetes, probe, prometheus, sentry, unleash};
use std::sync::Arc;

/// What answers for a system.
pub(crate) fn served(peer: Peer, state: Arc<Simulation>) -> Served {
    match peer {
        Peer::Kubernetes => kubernetes::peer::served(state),
        Peer::Grafana => grafana::peer::served(state, prometheus::peer::api),
        Peer::Sentry => sentry::peer::served(state),
        Peer::Datadog => datadog::peer::served(state),
        Peer::Website => probe::peer::served(state),
        Peer::ArgoCd => argocd::peer::served(state),
        Peer::Unleash => unleash::peer::served(state),
    }
}
