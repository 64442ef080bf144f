//! `StatefulSets` and `DaemonSets` with their `ControllerRevisions`, and the controllers that roll them pod by pod.

use super::etcd::Resource;
use super::objects::{Meta, object, put_count, template_hash};
use super::{Cluster, length, owner};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

/// The nodes that a `DaemonSet` runs on.
const NODES: i64 = 3;

/// A `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone)]
pub(crate) struct Controlled {
    pub(crate) resource: Resource,
    pub(crate) meta: Meta,
    pub(crate) spec: Value,
    pub(crate) hash: String,
    status: Status,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Status {
    observed_generation: i64,
    pods: i64,
    ready: i64,
    updated: i64,
    current: i64,
    /// Names of the `ControllerRevisions` that ran before and that run next.
    current_revision: String,
    update_revision: String,
}

/// One entry of the template history.
#[derive(Debug, Clone)]
pub(crate) struct ControllerRevision {
    pub(crate) meta: Meta,
    data: Value,
    revision: i64,
}

impl ControllerRevision {
    pub(crate) fn render(&self) -> Value {
        json!({"kind": "ControllerRevision", "apiVersion": "apps/v1", "metadata": self.meta.render(), "data": self.data,
               "revision": self.revision})
    }
}

impl Controlled {
    fn wanted(&self) -> i64 {
        match self.resource {
            Resource::DaemonSets => NODES,
            _ => self.spec["replicas"].as_i64().unwrap_or(1),
        }
    }

    pub(crate) fn render(&self) -> Value {
        let status = &self.status;
        let mut out = Map::new();
        put_count(&mut out, "observedGeneration", status.observed_generation);
        if self.resource == Resource::DaemonSets {
            out.insert("currentNumberScheduled".to_owned(), json!(status.pods));
            out.insert("numberMisscheduled".to_owned(), json!(0));
            out.insert("desiredNumberScheduled".to_owned(), json!(NODES));
            out.insert("numberReady".to_owned(), json!(status.ready));
            put_count(&mut out, "updatedNumberScheduled", status.updated);
            put_count(&mut out, "numberAvailable", status.ready);
            put_count(&mut out, "numberUnavailable", NODES - status.ready);
        } else {
            out.insert("replicas".to_owned(), json!(status.pods));
            put_count(&mut out, "readyReplicas", status.ready);
            put_count(&mut out, "currentReplicas", status.current);
            put_count(&mut out, "updatedReplicas", status.updated);
            out.insert("currentRevision".to_owned(), json!(status.current_revision));
            out.insert("updateRevision".to_owned(), json!(status.update_revision));
            out.insert("collisionCount".to_owned(), json!(0));
            out.insert("availableReplicas".to_owned(), json!(status.ready));
        }
        object(self.resource, self.meta.render(), &self.spec, out)
    }

    /// What its pods carry as `controller-revision-hash`: the revision's name, or for a `DaemonSet` the hash alone.
    fn pod_hash(&self) -> String {
        match self.resource {
            Resource::DaemonSets => self.hash.clone(),
            _ => format!("{}-{}", self.meta.name, self.hash),
        }
    }
}

const HASH_LABEL: &str = "controller-revision-hash";

impl Cluster {
    /// The company's database and its log agent, each with a version before the one that runs.
    pub(super) fn found_controlled(&mut self) {
        let template = |name: &str, image: &str| {
            json!({"metadata": {"labels": {"app": name}}, "spec": {
                "containers": [{"name": "app", "image": image, "resources": {},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "imagePullPolicy": "IfNotPresent"}],
                "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                "securityContext": {}, "schedulerName": "default-scheduler"}})
        };
        let database = json!({
            "replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "serviceName": "db",
            "template": template("db", "registry.example.com/db:1.1.0"), "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, "revisionHistoryLimit": 10,
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}});
        let agent = json!({
            "selector": {"matchLabels": {"app": "log-agent"}},
            "template": template("log-agent", "registry.example.com/log-agent:3.2.0"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "revisionHistoryLimit": 10});
        for (resource, name, spec, before) in [
            (Resource::StatefulSets, "db", database, "registry.example.com/db:1.0.0"),
            (Resource::DaemonSets, "log-agent", agent, "registry.example.com/log-agent:3.1.4"),
        ] {
            let created = self.now - TimeDelta::days(90);
            let mut meta = self.meta(name, name, created);
            meta.generation = 2;
            let hash = template_hash(&spec["template"]);
            let status = Status { observed_generation: 2, ..Status::default() };
            let mut one = Controlled { resource, meta, spec, hash, status };
            self.record(&one, &template(name, before), created);
            self.record(&one, &one.spec["template"].clone(), created + TimeDelta::days(60));
            let revision = format!("{name}-{}", one.hash);
            (one.status.current_revision, one.status.update_revision) = (revision.clone(), revision);
            for place in 0..one.wanted() {
                let mut pod = self.controlled_pod(&one, place, created + TimeDelta::days(60));
                pod.settle();
                self.add_pod(pod);
            }
            self.touch(resource, name);
            self.controlled.push(one);
        }
        self.sync_controlled();
    }

    /// Makes a template the newest entry of the history.
    fn record(&mut self, one: &Controlled, template: &Value, created: chrono::DateTime<chrono::Utc>) {
        let hash = template_hash(template);
        let of_owner = |revision: &&ControllerRevision| {
            revision.meta.owner.as_ref().is_some_and(|owner| owner.uid == one.meta.uid)
        };
        let next = self.revisions.iter().filter(of_owner).map(|revision| revision.revision).max().unwrap_or(0) + 1;
        let name = format!("{}-{hash}", one.meta.name);
        if let Some(known) = self.revisions.iter_mut().find(|revision| revision.meta.name == name) {
            // The same template again keeps its entry and gets a new number.
            if known.revision != next - 1 {
                known.revision = next;
            }
        } else {
            let mut meta = self.meta(&name, &one.meta.name, created);
            meta.generation = 0;
            let label = if one.resource == Resource::DaemonSets { HASH_LABEL } else { "controller.kubernetes.io/hash" };
            meta.labels.insert(label.to_owned(), hash.clone());
            meta.owner = Some(owner(one.resource, &one.meta));
            let mut replace = template.clone();
            replace["$patch"] = json!("replace");
            self.revisions.push(ControllerRevision {
                meta,
                data: json!({"spec": {"template": replace}}),
                revision: next,
            });
        }
        self.touch(Resource::ControllerRevisions, &name);
    }

    fn controlled_pod(
        &mut self,
        one: &Controlled,
        place: i64,
        created: chrono::DateTime<chrono::Utc>,
    ) -> super::pods::Pod {
        let stateful = one.resource == Resource::StatefulSets;
        let name = if stateful { format!("{}-{place}", one.meta.name) } else { self.pod_name(&one.meta.name) };
        let mut meta = self.meta(&name, &one.meta.name, created);
        meta.labels.insert(HASH_LABEL.to_owned(), one.pod_hash());
        if stateful {
            meta.labels.insert("apps.kubernetes.io/pod-index".to_owned(), place.to_string());
            meta.labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name);
        }
        meta.owner = Some(owner(one.resource, &one.meta));
        self.pod(meta, &one.spec["template"]["spec"])
    }

    /// One round of the `StatefulSet` and `DaemonSet` controllers.
    pub(super) fn sync_controlled(&mut self) {
        for index in 0..self.controlled.len() {
            let one = self.controlled[index].clone();
            let newest = format!("{}-{}", one.meta.name, one.hash);
            if one.status.update_revision != newest {
                self.record(&one, &one.spec["template"], self.now);
                self.controlled[index].status.update_revision.clone_from(&newest);
            }
            self.roll(&one);
            self.count_controlled(index);
        }
    }

    /// Creates what is missing, waits for what is not ready, then replaces one pod of an older template.
    fn roll(&mut self, one: &Controlled) {
        let owned: Vec<usize> = (0..self.pods.len())
            .filter(|pod| self.pods[*pod].meta.owner.as_ref().is_some_and(|owner| owner.uid == one.meta.uid))
            .collect();
        if one.resource == Resource::StatefulSets {
            for place in 0..one.wanted() {
                let name = format!("{}-{place}", one.meta.name);
                match owned.iter().find(|pod| self.pods[**pod].meta.name == name) {
                    None => {
                        let pod = self.controlled_pod(one, place, self.now);
                        return self.add_pod(pod);
                    }
                    // Ordered: a pod that is not ready holds up all others, even when its template was rolled back.
                    Some(pod) if !self.pods[*pod].is_ready() => return,
                    Some(_) => {}
                }
            }
        } else {
            if length(&owned) < one.wanted() {
                let pod = self.controlled_pod(one, 0, self.now);
                return self.add_pod(pod);
            }
            if owned.iter().any(|pod| self.pods[*pod].is_terminating()) {
                return;
            }
        }
        let hash = one.pod_hash();
        let mut outdated: Vec<usize> =
            owned.into_iter().filter(|pod| self.pods[*pod].meta.labels.get(HASH_LABEL) != Some(&hash)).collect();
        // The highest ordinal first; for a DaemonSet those that do not serve.
        outdated.sort_by_key(|pod| (self.pods[*pod].is_ready(), std::cmp::Reverse(self.pods[*pod].meta.name.clone())));
        let all_ready = |cluster: &Self| {
            cluster
                .pods
                .iter()
                .filter(|pod| pod.meta.owner.as_ref().is_some_and(|owner| owner.uid == one.meta.uid))
                .all(super::pods::Pod::is_ready)
        };
        if let Some(pod) = outdated.first()
            && (!self.pods[*pod].is_ready() || all_ready(self))
        {
            let name = self.pods[*pod].meta.name.clone();
            self.delete_pod(&name);
        }
    }

    fn count_controlled(&mut self, index: usize) {
        let one = &self.controlled[index];
        let mut status = Status { observed_generation: one.meta.generation, ..one.status.clone() };
        (status.pods, status.ready, status.updated, status.current) = (0, 0, 0, 0);
        let hash = one.pod_hash();
        for pod in self.pods.iter().filter(|pod| pod.meta.owner.as_ref().is_some_and(|owner| owner.uid == one.meta.uid))
        {
            status.pods += 1;
            status.ready += i64::from(pod.is_ready());
            let label = pod.meta.labels.get(HASH_LABEL);
            status.updated += i64::from(label == Some(&hash));
            status.current += i64::from(label == Some(&status.current_revision));
        }
        if status.updated == one.wanted() && status.ready == one.wanted() {
            status.current_revision.clone_from(&status.update_revision);
            status.current = status.updated;
        }
        if status != one.status {
            let (resource, name) = (one.resource, one.meta.name.clone());
            self.controlled[index].status = status;
            self.touch(resource, &name);
        }
    }
}
