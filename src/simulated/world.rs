//! The simulated company: its cluster, its past, and the deploys that the scenario has in store. Moves on in
//! whole seconds of the clock's time, as many as have passed.

use super::application::{Application, TRACKING};
use super::cluster::etcd::Resource;
use super::cluster::patch::Form;
use super::cluster::{Cluster, cause};
use super::history::{History, Seconds, seconds};
use super::metrics::Metrics;
use super::names::NAMESPACE;
use super::scenario::{Scenario, Service};
use crate::deploy::{Time, version_label};
use crate::rollback::version_history::{Known, VersionStatus};
use chrono::TimeDelta;
use serde_json::json;

/// The annotation by which a pipeline tells what its migrations do.
const MIGRATION: &str = "redflag.dev/migration";

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
    /// What Argo CD keeps, where the scenario has one.
    pub(crate) argocd: Option<Application>,
}

impl World {
    /// The company just before the deploy.
    pub(crate) fn new(scenario: Scenario, start: Time, seed: u64) -> Self {
        let services = scenario.services();
        let cluster = Cluster::new(&services, start, seed);
        let mut history = History::new(services.len());
        let kept = services.first().filter(|_| scenario == Scenario::GitopsOwned);
        let argocd = kept.map(|service| Application::new(&service.name, &service.history, start));
        cluster.note_beginning(&services, &mut history);
        let script = services
            .iter()
            .enumerate()
            .map(|(index, service)| (start + TimeDelta::seconds(service.deployed_after), index))
            .collect();
        Self { scenario, services, cluster, history, start, seed, now: start, script, argocd }
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
                if let Some(application) = &mut self.argocd {
                    application.merge(&version, now);
                }
                self.deploy(&name, &version);
            }
            self.synchronize(now);
            self.cluster.step(now, &self.services, &mut self.history);
        }
    }

    /// The metrics as they are known at `at`.
    pub(crate) fn metrics(&self, at: Time) -> Metrics<'_> {
        self.metrics_at(seconds(at))
    }

    /// The same, for a moment in epoch seconds.
    pub(crate) fn metrics_at(&self, now: Seconds) -> Metrics<'_> {
        let (services, seed, history) = (&self.services, self.seed, &self.history);
        Metrics { services, seed, history, start: seconds(self.start), now }
    }

    /// How much of a service's database pool is in use, 0 to 1.
    pub(crate) fn pool(&self, service: usize, at: Time) -> f64 {
        self.metrics(at).pool(service, seconds(at))
    }

    /// Seconds since the story began.
    pub(crate) fn age(&self, at: Time) -> Seconds {
        (at - self.start).as_seconds_f64()
    }

    /// The index of a service in [`World::services`].
    pub(crate) fn service(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|service| service.name == name)
    }

    /// Deploys a version of a service, as the company's pipeline does it.
    pub(crate) fn deploy(&mut self, service: &str, version: &str) {
        let Some(index) = self.service(service) else { return };
        let image = self.services[index].image(version);
        let migration = self.services[index].migration;
        let mut annotations = json!({"kubernetes.io/change-cause": cause(service, version), MIGRATION: migration});
        if self.argocd.is_some() {
            annotations[TRACKING] = json!(format!("{service}:apps/Deployment:{NAMESPACE}/{service}"));
        }
        self.change(
            service,
            &json!({
            "metadata": {"annotations": annotations},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}),
        );
    }

    /// What a watch of the previous version has found.
    pub(crate) fn known(&self, service: &str) -> Vec<Known> {
        let Some(profile) = self.service(service).map(|index| &self.services[index]) else { return Vec::new() };
        let Some(image) = profile.history.last().map(|version| profile.image(version)) else { return Vec::new() };
        let hash = self.cluster.hash_of(service, &image).unwrap_or_default();
        let at = self.start - TimeDelta::hours(51);
        vec![Known { hash, images: vec![image], standing: VersionStatus::Good, at, by: None }]
    }

    /// Argo CD's part of a second.
    fn synchronize(&mut self, now: Time) {
        let Some(name) = self.argocd.as_ref().map(|application| application.name.clone()) else { return };
        let live = self.live_version(&name);
        let wanted = self.argocd.as_mut().and_then(|application| application.step(&live, now));
        if let Some(version) = wanted.filter(|version| *version != live) {
            self.deploy(&name, &version);
        }
    }

    /// The version in a service's template.
    pub(crate) fn live_version(&self, service: &str) -> String {
        let deployment = self.cluster.deployment(service);
        let image = deployment.and_then(|one| one.spec.pointer("/template/spec/containers/0/image")?.as_str());
        image.map_or_else(String::new, |image| version_label(image).to_owned())
    }

    /// Changes a Deployment by a strategic merge patch; one that does not apply is nobody's fault but the caller's.
    pub(crate) fn change(&mut self, service: &str, patch: &serde_json::Value) {
        if let Err(refusal) = self.cluster.patch(Resource::Deployments, service, Form::Strategic, patch, false) {
            tracing::warn!(service, message = %refusal.body["message"], "the demo's own change was refused");
        }
    }

    /// Rolls a service back to the revision before its current one, as `kubectl rollout undo` does it.
    pub(crate) fn undo(&mut self, service: &str) {
        let Some(patch) = self.cluster.undo_patch(service) else { return };
        if let Err(refusal) = self.cluster.patch(Resource::Deployments, service, Form::Json, &patch, false) {
            tracing::warn!(service, message = %refusal.body["message"], "the demo's own undo was refused");
        }
    }
}
