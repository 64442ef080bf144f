//! The cluster's objects as the simulation keeps them, and as the API server writes them.

use super::etcd::Resource;
use crate::deploy::Time;
use crate::simulated::names::NAMESPACE;
use crate::simulated::noise;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The annotation that numbers a Deployment's templates.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation with the numbers that a template had before.
pub(crate) const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The annotation that says why a template was changed.
pub(crate) const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
/// The label that tells the pods of one `ReplicaSet` from those of another.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";

/// A time as Kubernetes writes it: whole seconds, UTC.
pub(crate) fn stamp(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `metadata`, but for the resource version, which only the store knows.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    pub(crate) created: Time,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner: Option<Owner>,
}

/// The controller that an object belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owner {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Meta {
    pub(crate) fn render(&self) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("name".to_owned(), json!(self.name));
        out.insert("namespace".to_owned(), json!(NAMESPACE));
        out.insert("uid".to_owned(), json!(self.uid));
        if self.generation > 0 {
            out.insert("generation".to_owned(), json!(self.generation));
        }
        out.insert("creationTimestamp".to_owned(), json!(stamp(self.created)));
        if !self.labels.is_empty() {
            out.insert("labels".to_owned(), json!(self.labels));
        }
        if !self.annotations.is_empty() {
            out.insert("annotations".to_owned(), json!(self.annotations));
        }
        if let Some(owner) = &self.owner {
            out.insert(
                "ownerReferences".to_owned(),
                json!([{"apiVersion": "apps/v1", "kind": owner.kind, "name": owner.name, "uid": owner.uid,
                        "controller": true, "blockOwnerDeletion": true}]),
            );
        }
        out
    }
}

/// A status integer that Kubernetes leaves out when it is zero.
pub(crate) fn put_count(out: &mut Map<String, Value>, name: &str, count: i64) {
    if count != 0 {
        out.insert(name.to_owned(), json!(count));
    }
}

/// One entry of `status.conditions`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) updated: Time,
    pub(crate) transitioned: Time,
}

impl Condition {
    fn render(&self) -> Value {
        json!({"type": self.kind, "status": self.status, "lastUpdateTime": stamp(self.updated),
               "lastTransitionTime": stamp(self.transitioned), "reason": self.reason, "message": self.message})
    }
}

/// A Deployment.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) meta: Meta,
    pub(crate) spec: Value,
    pub(crate) status: DeploymentStatus,
    /// The hash of its template: which `ReplicaSet` is its newest.
    pub(crate) hash: String,
}

/// A Deployment's status.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DeploymentStatus {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i64,
    pub(crate) updated: i64,
    pub(crate) ready: i64,
    pub(crate) available: i64,
    pub(crate) unavailable: i64,
    pub(crate) terminating: i64,
    pub(crate) conditions: Vec<Condition>,
}

impl DeploymentStatus {
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Sets a condition as the controller does: the transition's time moves only when the status does.
    pub(crate) fn set(
        &mut self,
        now: Time,
        kind: &'static str,
        status: &'static str,
        reason: &'static str,
        message: String,
    ) {
        let before = self.condition(kind);
        let transitioned = before.filter(|before| before.status == status).map_or(now, |before| before.transitioned);
        let condition = Condition { kind, status, reason, message, updated: now, transitioned };
        self.conditions.retain(|condition| condition.kind != kind);
        self.conditions.push(condition);
    }
}

impl Deployment {
    pub(crate) fn render(&self) -> Value {
        let status = &self.status;
        let mut out = Map::new();
        put_count(&mut out, "observedGeneration", status.observed_generation);
        put_count(&mut out, "replicas", status.replicas);
        put_count(&mut out, "updatedReplicas", status.updated);
        put_count(&mut out, "readyReplicas", status.ready);
        put_count(&mut out, "availableReplicas", status.available);
        put_count(&mut out, "unavailableReplicas", status.unavailable);
        out.insert("terminatingReplicas".to_owned(), json!(status.terminating));
        out.insert("conditions".to_owned(), status.conditions.iter().map(Condition::render).collect());
        object(Resource::Deployments, self.meta.render(), &self.spec, out)
    }

    /// `spec.template`.
    pub(crate) fn template(&self) -> &Value {
        &self.spec["template"]
    }

    /// `spec.replicas`; 1 when not given.
    pub(crate) fn replicas(&self) -> i64 {
        self.spec["replicas"].as_i64().unwrap_or(1)
    }
}

/// A `ReplicaSet`.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaSet {
    pub(crate) meta: Meta,
    pub(crate) replicas: i64,
    /// With the hash label, as the cluster keeps it.
    pub(crate) template: Value,
    pub(crate) hash: String,
    pub(crate) min_ready_seconds: i64,
    pub(crate) status: ReplicaSetStatus,
}

/// A `ReplicaSet`'s status.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ReplicaSetStatus {
    pub(crate) replicas: i64,
    pub(crate) ready: i64,
    pub(crate) available: i64,
    pub(crate) terminating: i64,
    pub(crate) observed_generation: i64,
}

impl ReplicaSet {
    /// The number that its template has in the Deployment's history.
    pub(crate) fn revision(&self) -> i64 {
        self.meta.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn render(&self) -> Value {
        let status = &self.status;
        let mut out = Map::new();
        out.insert("replicas".to_owned(), json!(status.replicas));
        put_count(&mut out, "fullyLabeledReplicas", status.replicas);
        put_count(&mut out, "readyReplicas", status.ready);
        put_count(&mut out, "availableReplicas", status.available);
        if status.observed_generation > 0 {
            out.insert("terminatingReplicas".to_owned(), json!(status.terminating));
        }
        put_count(&mut out, "observedGeneration", status.observed_generation);
        let mut spec = json!({"replicas": self.replicas, "selector": {"matchLabels": self.meta.labels},
                              "template": self.template});
        if self.min_ready_seconds > 0 {
            spec["minReadySeconds"] = json!(self.min_ready_seconds);
        }
        object(Resource::ReplicaSets, self.meta.render(), &spec, out)
    }
}

/// An object of kind, metadata, spec and status.
pub(crate) fn object(resource: Resource, meta: Map<String, Value>, spec: &Value, status: Map<String, Value>) -> Value {
    let mut out = Map::new();
    out.insert("kind".to_owned(), json!(resource.kind()));
    out.insert("apiVersion".to_owned(), json!(resource.api_version()));
    out.insert("metadata".to_owned(), Value::Object(meta));
    out.insert("spec".to_owned(), spec.clone());
    out.insert("status".to_owned(), Value::Object(status));
    Value::Object(out)
}

/// A template without the label that only the controller sets.
pub(crate) fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

/// A name of a template that is the same for equal templates: the hash label's value.
pub(crate) fn template_hash(template: &Value) -> String {
    // The alphabet of Kubernetes' own hashes: no vowels, so no words.
    const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rest = noise::stream(&without_hash(template).to_string());
    let mut out = String::new();
    for _ in 0..9 {
        out.push(char::from(SAFE[(rest % SAFE.len() as u64) as usize]));
        rest /= SAFE.len() as u64;
    }
    out
}

/// One event about an object. Repetitions are counted, as the real recorder does.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) meta: Meta,
    pub(crate) about: Value,
    pub(crate) kind: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) count: i64,
    pub(crate) first: Time,
    pub(crate) last: Time,
    pub(crate) component: &'static str,
}

impl Event {
    pub(crate) fn render(&self) -> Value {
        json!({"kind": "Event", "apiVersion": "v1", "metadata": self.meta.render(), "involvedObject": self.about,
               "reason": self.reason, "message": self.message, "source": {"component": self.component},
               "firstTimestamp": stamp(self.first), "lastTimestamp": stamp(self.last), "count": self.count,
               "type": self.kind, "eventTime": null, "reportingComponent": self.component, "reportingInstance": ""})
    }
}
