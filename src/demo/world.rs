//! The simulated company: its cluster, its past, and the deploys that the scenario has in store. Moves on in
//! whole seconds of the clock's time, as many as have passed.

use super::history::{History, Seconds, seconds};
use super::kubernetes::cluster::{Cluster, cause};
use super::kubernetes::etcd::Resource;
use super::kubernetes::patch::Form;
use super::metrics::Metrics;
use super::scenario::{Scenario, Service};
use crate::deploy::Time;
use chrono::TimeDelta;
use serde_json::json;

/// Everything that is true of the company at a moment.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) services: Vec<Service>,
    pub(crate) cluster: Cluster,
    pub(crate) history: History,
    pub(crate) start: Time,
    pub(crate) seed: u64,
    now: Time,
    /// Deploys to come: when, which service.
    script: Vec<(Time, usize)>,
}

impl World {
    /// The company just before the deploy.
    pub(crate) fn new(scenario: Scenario, start: Time, seed: u64) -> Self {
        let services = scenario.cast();
        let cluster = Cluster::new(&services, start, seed);
        let mut history = History::new(services.len());
        cluster.note_beginning(&services, &mut history);
        let script = services
            .iter()
            .enumerate()
            .map(|(index, service)| (start + TimeDelta::seconds(service.deployed_after), index))
            .collect();
        Self { scenario, services, cluster, history, start, seed, now: start, script }
    }

    /// Lets the time up to `to` pass.
    pub(crate) fn advance(&mut self, to: Time) {
        let second = TimeDelta::seconds(1);
        while self.now + second <= to {
            self.now += second;
            let now = self.now;
            for (_, service) in self.script.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>() {
                let version = self.services[service].version.clone();
                let name = self.services[service].name.clone();
                self.deploy(&name, &version);
            }
            self.cluster.step(now, &self.services, &mut self.history);
        }
    }

    /// The metrics as they are known at `at`.
    pub(crate) fn metrics(&self, at: Time) -> Metrics<'_> {
        Metrics { services: &self.services, seed: self.seed, history: &self.history, now: seconds(at) }
    }

    /// How much of a service's database pool is in use, 0 to 1.
    pub(crate) fn pool(&self, service: usize, at: Time) -> f64 {
        self.metrics(at).pool(service, seconds(at))
    }

    /// Seconds since the story began.
    pub(crate) fn age(&self, at: Time) -> Seconds {
        (at - self.start).as_seconds_f64()
    }

    /// Where a service stands in the cast.
    pub(crate) fn service(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|service| service.name == name)
    }

    /// Deploys a version of a service, as the company's pipeline does it.
    pub(crate) fn deploy(&mut self, service: &str, version: &str) {
        let Some(index) = self.service(service) else { return };
        let image = self.services[index].image(version);
        self.change(
            service,
            &json!({
            "metadata": {"annotations": {"kubernetes.io/change-cause": cause(service, version)}},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}),
        );
    }

    /// Changes a Deployment by a strategic merge patch; one that does not apply is nobody's fault but the caller's.
    pub(crate) fn change(&mut self, service: &str, patch: &serde_json::Value) {
        if let Err(refusal) = self.cluster.patch(Resource::Deployments, service, Form::Strategic, patch, false) {
            tracing::warn!(service, message = %refusal.body["message"], "the demo's own change was refused");
        }
    }

    /// Takes a service back to the revision before its current one, as `kubectl rollout undo` does it.
    pub(crate) fn undo(&mut self, service: &str) {
        let Some(patch) = self.cluster.undo_patch(service) else { return };
        if let Err(refusal) = self.cluster.patch(Resource::Deployments, service, Form::Json, &patch, false) {
            tracing::warn!(service, message = %refusal.body["message"], "the demo's own undo was refused");
        }
    }
}
