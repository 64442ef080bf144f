//! The cluster: its objects, its kubelet and its controllers, moved on second by second. Who may see and change it over
//! HTTP is the API server's business: `systems/kubernetes/peer`.

mod controlled;
mod deployment;
pub(crate) mod etcd;
mod kept;
mod objects;
pub(crate) mod patch;
mod pods;
pub(crate) mod status;

use super::history::{History, seconds};
use super::names::NAMESPACE;
use super::noise;
use super::scenario::{Service, Trouble};
use crate::deploy::Time;
use chrono::TimeDelta;
use controlled::{Controlled, ControllerRevision};
use etcd::{Etcd, Resource};
use objects::{
    CHANGE_CAUSE, Deployment, DeploymentStatus, Event, Meta, Owner, REVISION, ReplicaSet, ReplicaSetStatus,
    TEMPLATE_HASH, template_hash,
};
use pods::{Change, Outcome, Pod};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Events older than this are forgotten, as by the real API server.
const EVENT_TTL: TimeDelta = TimeDelta::hours(1);

/// The whole cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    now: Time,
    seed: u64,
    deployments: Vec<Deployment>,
    sets: Vec<ReplicaSet>,
    controlled: Vec<Controlled>,
    revisions: Vec<ControllerRevision>,
    pods: Vec<Pod>,
    events: Vec<Event>,
    outcomes: BTreeMap<String, Outcome>,
    named: i64,
    /// Objects to write at the end of the step.
    touched: BTreeSet<(Resource, String)>,
}

impl Cluster {
    /// A cluster in which every service has run its last version for days.
    pub(crate) fn new(services: &[Service], start: Time, seed: u64) -> Self {
        let mut cluster = Self {
            etcd: Etcd::new(184_217),
            now: start,
            seed,
            deployments: Vec::new(),
            sets: Vec::new(),
            controlled: Vec::new(),
            revisions: Vec::new(),
            pods: Vec::new(),
            events: Vec::new(),
            outcomes: BTreeMap::new(),
            named: 0,
            touched: BTreeSet::new(),
        };
        for service in services {
            let outcome = match service.trouble {
                Trouble::CrashLoop => Outcome::Crashes,
                Trouble::ImagePull => Outcome::NoImage,
                Trouble::MemoryLeak => Outcome::Leaks,
                Trouble::None
                | Trouble::Errors
                | Trouble::PoolExhausted
                | Trouble::Dependency
                | Trouble::ErrorsAndNoWayBack => Outcome::Works,
            };
            cluster.outcomes.insert(service.image(&service.version), outcome);
            cluster.found(service);
            if service.trouble == Trouble::ErrorsAndNoWayBack {
                // The pods that run have it; the registry has since cleaned up behind itself.
                for version in &service.history {
                    cluster.outcomes.insert(service.image(version), Outcome::NoImage);
                }
            }
        }
        cluster.found_controlled();
        cluster.found_kept(services);
        cluster.flush();
        cluster
    }

    /// Puts a service's Deployment there with its history of `ReplicaSets` and its running pods.
    fn found(&mut self, service: &Service) {
        let now = self.now;
        let template = |version: &str| {
            json!({"metadata": {"labels": {"app": service.name}}, "spec": {
                "containers": [{
                    "name": "app", "image": service.image(version),
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "envFrom": [{"configMapRef": {"name": format!("{}-config", service.name)}},
                                {"secretRef": {"name": format!("{}-database", service.name)}}],
                    "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "250m", "memory": "256Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
                        "timeoutSeconds": 1, "periodSeconds": 2, "successThreshold": 1, "failureThreshold": 3},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "imagePullPolicy": "IfNotPresent"}],
                "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                "securityContext": {}, "schedulerName": "default-scheduler"}})
        };
        let current = service.history.last().map_or("", String::as_str);
        let mut meta = self.meta(&service.name, &service.name, now - TimeDelta::days(211));
        let count = length(&service.history);
        meta.generation = count + 3;
        meta.annotations.insert(REVISION.to_owned(), count.to_string());
        meta.annotations.insert(CHANGE_CAUSE.to_owned(), cause(&service.name, current));
        let spec = json!({
            "replicas": service.replicas, "selector": {"matchLabels": {"app": service.name}}, "template": template(current),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
            "minReadySeconds": 6, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 120});
        let hash = template_hash(&spec["template"]);
        let deployment = Deployment { meta, spec, status: DeploymentStatus::default(), hash };
        for (age, version) in (0_i64..).zip(service.history.iter().rev()) {
            let mut set = self.replica_set(&deployment, &template(version), now - TimeDelta::hours(52 + 170 * age));
            set.replicas = if age == 0 { service.replicas } else { 0 };
            set.meta.generation = 6;
            set.meta.annotations.insert(REVISION.to_owned(), (count - age).to_string());
            set.meta.annotations.insert(CHANGE_CAUSE.to_owned(), cause(&service.name, version));
            set.status.observed_generation = 6;
            if age == 0 {
                set.status = ReplicaSetStatus { observed_generation: 6, ..ReplicaSetStatus::default() };
                for place in 0..service.replicas {
                    let mut pod = self.pod_of(&set, set.meta.created + TimeDelta::seconds(4 * place));
                    pod.settle();
                    self.add_pod(pod);
                }
            }
            self.touch(Resource::ReplicaSets, &set.meta.name);
            self.sets.push(set);
        }
        let place = self.deployments.len();
        let rolled_out = now - TimeDelta::hours(52) + TimeDelta::seconds(71);
        let observed = deployment.meta.generation;
        let newest = format!("{}-{}", service.name, deployment.hash);
        self.deployments.push(deployment);
        self.count_sets();
        let status = &mut self.deployments[place].status;
        status.observed_generation = observed;
        status.set(
            rolled_out,
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.".to_owned(),
        );
        status.set(
            rolled_out,
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{newest}\" has successfully progressed."),
        );
        self.update_deployment_status(place);
        self.touch(Resource::Deployments, &service.name);
    }

    /// Moves everything on to `now`, at most a second or so after the step before.
    pub(crate) fn step(&mut self, now: Time, services: &[Service], history: &mut History) {
        self.now = now;
        self.kubelet(services, history);
        // Controllers react to each other within a moment; a few rounds settle what one event sets off.
        for _ in 0..4 {
            self.count_sets();
            for place in 0..self.deployments.len() {
                self.sync_deployment(place);
            }
            self.sync_sets();
            self.sync_controlled();
            if self.touched.is_empty() {
                break;
            }
            self.flush();
        }
        self.forget_events();
        self.flush();
        self.note_serving(services, history);
    }

    fn kubelet(&mut self, services: &[Service], history: &mut History) {
        let mut removed = Vec::new();
        for index in 0..self.pods.len() {
            let changes = self.pods[index].step(self.now, self.seed);
            let meta = &self.pods[index].meta;
            let (name, uid) = (meta.name.clone(), meta.uid.clone());
            // There is no `Change` for readiness; the store ignores an object that is the same.
            if !changes.is_empty() || self.pods[index].changed_at(self.now) {
                self.touch(Resource::Pods, &name);
            }
            for change in changes {
                match change {
                    Change::Event(kind, reason, message) => {
                        let component = if reason == "Scheduled" { "default-scheduler" } else { "kubelet" };
                        self.tell(component, (Resource::Pods, &name, &uid), kind, reason, message);
                    }
                    Change::Started => self.note_start(index, services, history),
                    Change::Removed => removed.push(name.clone()),
                }
            }
        }
        for name in removed {
            history.note_end(&name, seconds(self.now));
            self.pods.retain(|pod| pod.meta.name != name);
            self.touched.remove(&(Resource::Pods, name.clone()));
            self.etcd.delete(Resource::Pods, &name);
        }
    }

    fn note_start(&self, index: usize, services: &[Service], history: &mut History) {
        let pod = &self.pods[index];
        let app = pod.meta.labels.get("app");
        if let Some(service) = services.iter().position(|service| Some(&service.name) == app) {
            let faulty = pod.image() == services[service].image(&services[service].version);
            history.note_start(service, &pod.meta.name, faulty, seconds(self.now));
        }
    }

    /// Tells the metrics who served before anything happened.
    pub(crate) fn note_beginning(&self, services: &[Service], history: &mut History) {
        for pod in &self.pods {
            let app = pod.meta.labels.get("app");
            if let Some(service) = services.iter().position(|service| Some(&service.name) == app) {
                history.note_start(service, &pod.meta.name, false, seconds(pod.meta.created));
            }
        }
        for (index, service) in services.iter().enumerate() {
            self.note_previous(index, service, history);
        }
    }

    /// The pods that the previous version had until this one came: monitoring still knows of them.
    fn note_previous(&self, index: usize, service: &Service, history: &mut History) {
        let own = |set: &&ReplicaSet| set.meta.labels.get("app") == Some(&service.name);
        let mut sets: Vec<&ReplicaSet> = self.sets.iter().filter(own).collect();
        sets.sort_by_key(|set| std::cmp::Reverse(set.meta.created));
        let [current, previous, ..] = sets.as_slice() else { return };
        for place in 0..service.replicas {
            let name = format!("{}-{:05x}", previous.meta.name, noise::hash(self.seed, 3, place) & 0xf_ffff);
            history.note_start(index, &name, false, seconds(previous.meta.created));
            history.note_end(&name, seconds(current.meta.created));
        }
    }

    fn note_serving(&self, services: &[Service], history: &mut History) {
        for (index, service) in services.iter().enumerate() {
            let faulty_image = service.image(&service.version);
            let (mut ready, mut faulty) = (0.0, 0.0);
            for pod in
                self.pods.iter().filter(|pod| pod.is_ready() && pod.meta.labels.get("app") == Some(&service.name))
            {
                ready += 1.0;
                faulty += if pod.image() == faulty_image { 1.0 } else { 0.0 };
            }
            let wanted = self.deployment(&service.name).map_or(1, Deployment::replicas).max(1) as f64;
            let share = if ready > 0.0 { faulty / ready } else { 0.0 };
            history.note_serving(index, seconds(self.now), share, (ready / wanted).min(1.0));
        }
    }

    pub(crate) fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.meta.name == name)
    }

    /// What is common to a new object of an app.
    fn meta(&mut self, name: &str, app: &str, created: Time) -> Meta {
        self.named += 1;
        let (high, low) = (noise::hash(self.seed, 1, self.named), noise::hash(self.seed, 2, self.named));
        let uid = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        Meta {
            name: name.to_owned(),
            uid,
            generation: 1,
            created,
            labels: [("app".to_owned(), app.to_owned())].into(),
            annotations: BTreeMap::new(),
            owner: None,
        }
    }

    /// A `ReplicaSet` for a template of a Deployment, without replicas or number.
    fn replica_set(&mut self, deployment: &Deployment, template: &Value, created: Time) -> ReplicaSet {
        let hash = template_hash(template);
        let mut template = template.clone();
        template["metadata"]["labels"][TEMPLATE_HASH] = json!(hash);
        let name = format!("{}-{hash}", deployment.meta.name);
        let mut meta = self.meta(&name, &deployment.meta.name, created);
        meta.labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        meta.owner = Some(owner(Resource::Deployments, &deployment.meta));
        ReplicaSet {
            meta,
            replicas: 0,
            template,
            hash,
            min_ready_seconds: deployment.spec["minReadySeconds"].as_i64().unwrap_or(0),
            status: ReplicaSetStatus::default(),
        }
    }

    /// A pod of a `ReplicaSet`.
    fn pod_of(&mut self, set: &ReplicaSet, created: Time) -> Pod {
        let name = self.pod_name(&set.meta.name);
        let mut meta = self.meta(&name, "", created);
        meta.labels.clone_from(&set.meta.labels);
        meta.owner = Some(owner(Resource::ReplicaSets, &set.meta));
        self.pod(meta, &set.template["spec"])
    }

    /// A pod whose outcome is that of its image.
    fn pod(&self, meta: Meta, spec: &Value) -> Pod {
        let image = spec.pointer("/containers/0/image").and_then(Value::as_str).unwrap_or_default();
        let outcome = self.outcomes.get(image).copied().unwrap_or_default();
        Pod::new(meta, spec.clone(), outcome, self.seed)
    }

    /// `app-66c979bf5d-` and five letters.
    fn pod_name(&mut self, prefix: &str) -> String {
        const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        self.named += 1;
        let mut rest = noise::hash(self.seed, 3, self.named);
        let mut name = format!("{prefix}-");
        for _ in 0..5 {
            name.push(char::from(SAFE[(rest % SAFE.len() as u64) as usize]));
            rest /= SAFE.len() as u64;
        }
        name
    }

    fn add_pod(&mut self, pod: Pod) {
        self.touch(Resource::Pods, &pod.meta.name);
        self.pods.push(pod);
    }

    /// Which pod has this name now.
    pub(crate) fn uid_of_pod(&self, name: &str) -> Option<&str> {
        self.pods.iter().find(|pod| pod.meta.name == name).map(|pod| pod.meta.uid.as_str())
    }

    /// Asks a pod to end; `None` when there is none of this name.
    pub(crate) fn delete_pod(&mut self, name: &str) -> Option<()> {
        let index = self.pods.iter().position(|pod| pod.meta.name == name)?;
        if !self.pods[index].is_terminating()
            && let Change::Event(kind, reason, message) = self.pods[index].delete(self.now, self.seed)
        {
            let uid = self.pods[index].meta.uid.clone();
            self.tell("kubelet", (Resource::Pods, name, &uid), kind, reason, message);
        }
        self.touch(Resource::Pods, name);
        Some(())
    }

    /// Records an event about an object, or counts it again.
    fn tell(
        &mut self,
        component: &'static str,
        (resource, name, uid): (Resource, &str, &str),
        kind: &'static str,
        reason: &'static str,
        message: String,
    ) {
        let now = self.now;
        let same = |event: &&mut Event| event.about["uid"] == uid && event.reason == reason && event.message == message;
        if let Some(event) = self.events.iter_mut().find(same) {
            event.count += 1;
            event.last = now;
            let name = event.meta.name.clone();
            self.touch(Resource::Events, &name);
            return;
        }
        self.named += 1;
        let full = format!("{name}.{:016x}", noise::hash(self.seed, 4, self.named));
        let mut meta = self.meta(&full, "", now);
        meta.labels.clear();
        meta.generation = 0;
        let about = json!({"kind": resource.kind(), "namespace": NAMESPACE, "name": name, "uid": uid,
                           "apiVersion": resource.api_version(), "resourceVersion": self.etcd.version().to_string()});
        self.touch(Resource::Events, &full);
        self.events.push(Event { meta, about, kind, reason, message, count: 1, first: now, last: now, component });
    }

    fn forget_events(&mut self) {
        let now = self.now;
        let is_old = |event: &Event| now - event.last > EVENT_TTL;
        for event in self.events.iter().filter(|event| is_old(event)) {
            self.etcd.delete(Resource::Events, &event.meta.name);
        }
        self.events.retain(|event| !is_old(event));
    }

    fn touch(&mut self, resource: Resource, name: &str) {
        self.touched.insert((resource, name.to_owned()));
    }

    /// Writes what was touched to the store.
    pub(crate) fn flush(&mut self) {
        for (resource, name) in std::mem::take(&mut self.touched) {
            if let Some(object) = self.render(resource, &name) {
                self.etcd.put(resource, &name, object);
            }
        }
    }

    fn render(&self, resource: Resource, name: &str) -> Option<Value> {
        match resource {
            Resource::Deployments => self.deployment(name).map(Deployment::render),
            Resource::ReplicaSets => self.sets.iter().find(|set| set.meta.name == name).map(ReplicaSet::render),
            Resource::StatefulSets | Resource::DaemonSets => self
                .controlled
                .iter()
                .find(|one| one.resource == resource && one.meta.name == name)
                .map(Controlled::render),
            Resource::ControllerRevisions => {
                self.revisions.iter().find(|one| one.meta.name == name).map(ControllerRevision::render)
            }
            Resource::Pods => self.pods.iter().find(|pod| pod.meta.name == name).map(Pod::render),
            Resource::Events => self.events.iter().find(|event| event.meta.name == name).map(Event::render),
            // Written once and by requests: the store has them, the simulation does not.
            Resource::ConfigMaps
            | Resource::Secrets
            | Resource::Namespaces
            | Resource::Quotas
            | Resource::HorizontalPodAutoscalers
            | Resource::Jobs
            | Resource::Leases => None,
        }
    }
}

/// How many there are, as Kubernetes counts.
fn length<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

/// What an owner reference says.
fn owner(resource: Resource, meta: &Meta) -> Owner {
    Owner { kind: resource.kind(), name: meta.name.clone(), uid: meta.uid.clone() }
}

/// The change cause that the company's pipeline writes.
pub(crate) fn cause(service: &str, version: &str) -> String {
    format!("dana ({service} {version})")
}
