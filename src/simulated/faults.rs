//! What can go wrong between redflag and the company, on command (tests) or by schedule (`flaky-sources`),
//! and what other people do meanwhile.

use super::scenario::Scenario;
use super::state::Simulation;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A system of the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Its Grafana, with the Prometheus behind it.
    Grafana,
    /// Its Sentry.
    Sentry,
    /// Its Datadog.
    Datadog,
    /// What the probe asks.
    Website,
    /// Its Kubernetes API server.
    Kubernetes,
    /// Its Argo CD.
    ArgoCd,
    /// Its Unleash.
    Unleash,
}

impl Peer {
    /// Every peer.
    pub const ALL: [Self; 7] =
        [Self::Grafana, Self::Sentry, Self::Datadog, Self::Website, Self::Kubernetes, Self::ArgoCd, Self::Unleash];

    /// Its name in the configuration and in requests' records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grafana => "grafana",
            Self::Sentry => "sentry",
            Self::Datadog => "datadog",
            Self::Website => "website",
            Self::Kubernetes => "kubernetes",
            Self::ArgoCd => "argocd",
            Self::Unleash => "unleash",
        }
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 401, as if the token had been revoked.
    Unauthorized,
    /// 429 with the vendor's own header.
    RateLimited {
        /// The vendor's `Retry-After`.
        seconds: u32,
    },
    /// 500 with a body that is no JSON.
    ServerError,
    /// 200 with a login page instead of JSON.
    Html,
    /// No answer until the fault is cleared.
    Hang,
    /// The connection breaks before the request is looked at.
    DropBefore,
    /// The request is carried out, then the connection breaks.
    DropAfter,
}

/// One request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who was asked.
    pub peer: Peer,
    /// `GET`, `POST`, `PATCH`, …
    pub method: String,
    /// Path and query, cut at 200 characters.
    pub path: String,
}

/// The last requests are remembered, the older ones only counted.
const REMEMBERED: usize = 512;

/// What was asked of the company.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// The last 512 requests, oldest first.
    pub last: VecDeque<Request>,
    counts: [u64; Peer::ALL.len()],
}

impl Requests {
    /// How many requests a peer got since the start.
    pub fn count(&self, peer: Peer) -> u64 {
        self.counts[peer as usize]
    }

    /// Those of the last requests that would have changed a workload: `PATCH` and `DELETE` without `dryRun`.
    pub fn changes(&self) -> impl Iterator<Item = &Request> {
        self.last.iter().filter(|request| is_change(&request.method, &request.path))
    }
}

/// Whether a request means to change the cluster.
pub(crate) fn is_change(method: &str, path_and_query: &str) -> bool {
    // A lease says who is rolling back, and a ConfigMap what was found; neither changes anything of what runs.
    let kept = path_and_query.contains("/leases") || path_and_query.contains("/configmaps");
    matches!(method, "PATCH" | "DELETE" | "PUT") && !path_and_query.contains("dryRun=All") && !kept
}

/// What is broken at the moment, and the record of requests.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    peers: [Option<Fault>; Peer::ALL.len()],
    changes: Option<Fault>,
    requests: Requests,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.send_replace(());
    }

    /// The fault that a request meets now.
    pub(crate) fn of(&self, peer: Peer, is_change: bool) -> Option<Fault> {
        let state = self.state();
        state.changes.filter(|_| is_change && peer == Peer::Kubernetes).or(state.peers[peer as usize])
    }

    /// Wakes at each change of what is broken.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn note(&self, peer: Peer, method: &str, path: &str) {
        let requests = &mut self.state().requests;
        requests.counts[peer as usize] += 1;
        let path = path.chars().take(200).collect();
        requests.last.push_back(Request { peer, method: method.to_owned(), path });
        if requests.last.len() > REMEMBERED {
            requests.last.pop_front();
        }
    }

    pub(crate) fn requests(&self) -> Requests {
        self.state().requests.clone()
    }
}

/// Sets and clears faults of peers, and acts as another user. Cheap to clone.
#[derive(Clone)]
pub struct Faults(pub(crate) Arc<Simulation>);

impl Faults {
    /// From now on, each request to this peer meets this fault. Open watches end with it.
    pub fn set(&self, peer: Peer, fault: Fault) {
        self.0.board.set(|state| state.peers[peer as usize] = Some(fault));
    }

    /// From now on, each request that means to change the cluster meets this fault.
    pub fn set_for_changes(&self, fault: Fault) {
        self.0.board.set(|state| state.changes = Some(fault));
    }

    /// Ends this peer's faults, those of changes included. What hung is answered.
    pub fn heal(&self, peer: Peer) {
        self.0.board.set(|state| {
            state.peers[peer as usize] = None;
            if peer == Peer::Kubernetes {
                state.changes = None;
            }
        });
    }

    /// Another user deploys a version of a service.
    pub fn deploy(&self, service: &str, version: &str) {
        self.0.with(|world, _| world.deploy(service, version));
    }

    /// Another user rolls a service back, as `kubectl rollout undo` does.
    pub fn undo(&self, service: &str) {
        self.0.with(|world, _| world.undo(service));
    }

    /// Another user scales a service.
    pub fn scale(&self, service: &str, replicas: u32) {
        self.0.with(|world, _| world.change(service, &json!({"spec": {"replicas": replicas}})));
    }

    /// Another user pauses a service's rollouts, or resumes them.
    pub fn pause(&self, service: &str, paused: bool) {
        self.0.with(|world, _| world.change(service, &json!({"spec": {"paused": paused}})));
    }
}

/// What is broken by schedule, `age` seconds into the story. Each lasts a minute, with a quiet one after it;
/// the last minutes of the window are quiet.
pub(crate) fn scheduled(scenario: Scenario, peer: Peer, age: f64) -> Option<Fault> {
    if scenario != Scenario::FlakySources {
        return None;
    }
    let turn = turn(age)?;
    match (turn, peer) {
        (0 | 6, Peer::Datadog) => Some(Fault::RateLimited { seconds: 40 }),
        (2, Peer::Sentry) => Some(Fault::RateLimited { seconds: 60 }),
        (1 | 10, Peer::Grafana) | (9, Peer::Datadog) => Some(Fault::ServerError),
        (5, Peer::Sentry) | (7, Peer::Grafana) => Some(Fault::Html),
        (3, Peer::Grafana) => Some(Fault::Hang),
        _ => None,
    }
}

/// What is wrong with the data of a moment, though the answer as a whole is fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The moment is missing.
    Gap,
    /// The value is not a number.
    NotANumber,
}

/// The flaw in Prometheus' data of a moment, `age` seconds into the story.
pub(crate) fn flaw(scenario: Scenario, age: f64) -> Option<Flaw> {
    if scenario != Scenario::FlakySources {
        return None;
    }
    match turn(age)? {
        4 => Some(Flaw::NotANumber),
        8 => Some(Flaw::Gap),
        _ => None,
    }
}

/// Which trouble's turn it is; `None` in the quiet between two.
fn turn(age: f64) -> Option<u32> {
    const FIRST: f64 = 150.0;
    const EVERY: f64 = 130.0;
    const LASTS: f64 = 60.0;
    let since = age - FIRST;
    ((0.0..11.0 * EVERY).contains(&since) && since % EVERY < LASTS).then_some((since / EVERY) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaky_sources_are_never_all_broken_and_end_quiet() {
        for age in 0..2200 {
            let broken =
                Peer::ALL.iter().filter(|peer| scheduled(Scenario::FlakySources, **peer, f64::from(age)).is_some());
            assert!(broken.count() <= 1);
            assert!(age < 1600 || turn(f64::from(age)).is_none(), "quiet at the end");
        }
        assert!(Peer::ALL.iter().all(|peer| scheduled(Scenario::Healthy, *peer, 200.0).is_none()));
    }
}
