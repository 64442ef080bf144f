//! The API's objects as far as redflag reads them. What is not named here is dropped on arrival: a pod costs
//! hundreds of bytes, not tens of thousands, and a field that a newer server adds or leaves out breaks nothing.

use crate::deploy::{Time, WorkloadKind};
use chrono::DateTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{ApiResource, DynamicResourceScope, GroupVersionKind, ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The label that the Deployment controller adds to templates, `ReplicaSet`s and pods: their version's identity.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// The same for the pods of `StatefulSet`s (the `ControllerRevision`'s name) and `DaemonSet`s (only its hash).
pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";
/// The number of a Deployment's template history.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// What people write about a revision.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// A Deployment, `StatefulSet` or `DaemonSet`. Missing integers in its status mean zero.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// Name, uid, generation, annotations.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: WorkloadSpec,
    /// What there is. Stale while `generation > observedGeneration`.
    pub status: WorkloadStatus,
}

/// What is asked for of a workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Pods wanted; the API server fills in 1. `DaemonSet`s have none.
    pub replicas: Option<i64>,
    /// Which pods and revisions are its own (with their owner's uid).
    pub selector: LabelSelector,
    /// What a pod looks like.
    pub template: Template,
    /// Deployments only: nothing is rolled out until it is resumed.
    pub paused: bool,
    /// `StatefulSet`s and `DaemonSet`s only.
    pub update_strategy: UpdateStrategy,
    /// Deployments only, seconds.
    pub progress_deadline_seconds: Option<i64>,
}

/// How a `StatefulSet` or `DaemonSet` is rolled out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// `RollingUpdate` or `OnDelete`.
    pub r#type: String,
    /// The API server always fills it in for `RollingUpdate`.
    pub rolling_update: Option<RollingUpdate>,
}

/// The part of a rolling update that decides which pods move.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RollingUpdate {
    /// `StatefulSet`s only: pods below this ordinal stay as they are.
    pub partition: Option<i64>,
}

/// The counts of a workload. Deployments and `StatefulSet`s fill in the first half, `DaemonSet`s the second.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct WorkloadStatus {
    pub observed_generation: i64,
    pub replicas: i64,
    pub updated_replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
    pub current_revision: String,
    pub update_revision: String,
    pub desired_number_scheduled: i64,
    pub current_number_scheduled: i64,
    pub updated_number_scheduled: i64,
    pub number_ready: i64,
    pub number_available: i64,
    pub conditions: Vec<Condition>,
}

/// A condition of a workload or a pod. Pods have no `lastUpdateTime`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub last_update_time: Option<Time>,
    pub last_transition_time: Option<Time>,
}

impl Workload {
    /// Whether the controller has seen the newest spec; until then every other status field is stale.
    pub fn is_observed(&self) -> bool {
        self.generation() <= self.status.observed_generation
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or(0)
    }

    /// A condition of its status.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.r#type == kind)
    }
}

/// An entry of the template history: a `ReplicaSet` or a `ControllerRevision`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Name, uid, owner, labels, annotations, creation.
    pub metadata: ObjectMeta,
    /// `ReplicaSet`s only.
    pub spec: EntrySpec,
    /// `ControllerRevision`s only: the number of the history.
    pub revision: i64,
    /// `ControllerRevision`s only: a patch of the workload that holds the template.
    pub data: EntryData,
}

/// Where an entry keeps its template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EntrySpec {
    /// What a pod of this version looks like.
    pub template: Template,
}

/// The patch in a `ControllerRevision`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EntryData {
    /// Where the template is.
    pub spec: EntrySpec,
}

/// A pod template: what people must know of it, and whether it equals another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Template {
    /// Its containers, without the init containers.
    pub containers: Vec<Container>,
    /// Equal for equal templates, leaving aside what the controllers add to their copies.
    pub fingerprint: u64,
}

/// A container of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its memory limit as written: `512Mi`.
    pub memory_limit: Option<String>,
}

impl From<Value> for Template {
    fn from(mut template: Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let containers = template.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
        let containers = containers.map(|container| Container {
            name: text(&container["name"]).unwrap_or_default(),
            image: text(&container["image"]).unwrap_or_default(),
            memory_limit: container.pointer("/resources/limits/memory").and_then(text),
        });
        let containers = containers.collect();
        // The controllers' own marks: the hash label on a ReplicaSet's copy, the patch directive on a
        // ControllerRevision's.
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(POD_TEMPLATE_HASH);
        }
        if let Some(template) = template.as_object_mut() {
            template.remove("$patch");
        }
        let mut hasher = DefaultHasher::new();
        hash(&template, &mut hasher);
        Self { containers, fingerprint: hasher.finish() }
    }
}

/// Hashes a value whatever the order of its keys. Null, an empty map of labels or annotations and a missing
/// key are the same to the API server, and so they are here.
fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(map) => {
            let is_nothing = |key: &str, value: &Value| {
                let is_map = matches!(key, "labels" | "annotations");
                value.is_null() || (is_map && value.as_object().is_some_and(Map::is_empty))
            };
            let mut entries: Vec<_> = map.iter().filter(|(key, value)| !is_nothing(key, value)).collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            (0u8, entries.len()).hash(hasher);
            for (key, value) in entries {
                key.hash(hasher);
                hash(value, hasher);
            }
        }
        Value::Array(list) => {
            (1u8, list.len()).hash(hasher);
            for value in list {
                hash(value, hasher);
            }
        }
        other => (2u8, other.to_string()).hash(hasher),
    }
}

impl Entry {
    /// Its template.
    pub fn template(&self, kind: WorkloadKind) -> &Template {
        match kind {
            WorkloadKind::Deployment => &self.spec.template,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => &self.data.spec.template,
        }
    }

    /// Its number in the history; zero while the controller has not written it yet.
    pub fn number(&self, kind: WorkloadKind) -> i64 {
        match kind {
            WorkloadKind::Deployment => annotation(&self.metadata, REVISION).and_then(|n| n.parse().ok()).unwrap_or(0),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => self.revision,
        }
    }

    /// What the pods of this version carry as their identity label.
    pub fn hash(&self, kind: WorkloadKind) -> &str {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        match kind {
            WorkloadKind::Deployment => label(&self.metadata, POD_TEMPLATE_HASH).unwrap_or(name),
            WorkloadKind::StatefulSet => name,
            WorkloadKind::DaemonSet => label(&self.metadata, CONTROLLER_REVISION_HASH)
                .or_else(|| label(&self.metadata, "controller.kubernetes.io/hash"))
                .or_else(|| name.rsplit_once('-').map(|(_, hash)| hash))
                .unwrap_or(name),
        }
    }
}

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, uid, owner, labels, creation, deletion.
    pub metadata: ObjectMeta,
    /// How it is.
    pub status: PodStatus,
}

/// How a pod is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct PodStatus {
    pub phase: String,
    pub reason: String,
    pub conditions: Vec<Condition>,
    pub init_container_statuses: Vec<ContainerStatus>,
    pub container_statuses: Vec<ContainerStatus>,
}

/// How a container is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct ContainerStatus {
    pub name: String,
    pub image: String,
    pub ready: bool,
    pub restart_count: u32,
    pub state: ContainerState,
    pub last_state: ContainerState,
}

/// Exactly one of these in `state`; none or `terminated` in `lastState`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct ContainerState {
    pub waiting: Option<Waiting>,
    pub running: Option<Running>,
    pub terminated: Option<Terminated>,
}

/// A container that runs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Running {}

/// A container that waits, and for what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct Waiting {
    pub reason: String,
    pub message: String,
}

/// A container that ended, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Terminated {
    pub exit_code: i64,
    pub signal: Option<i64>,
    pub reason: String,
    pub finished_at: Option<Time>,
}

impl Pod {
    /// Whether it is on its way out: it counts for nothing any more.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Since when it is ready; `None` while it is not.
    pub fn ready_since(&self) -> Option<Time> {
        let ready = self.condition("Ready").filter(|ready| ready.status == "True")?;
        ready.last_transition_time.or_else(|| created(&self.metadata))
    }

    /// A condition of its status.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.r#type == kind)
    }

    /// Its containers' states, init containers (and with them sidecars) first.
    pub fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().chain(&self.status.container_statuses)
    }

    /// Its version's identity.
    pub fn hash(&self, kind: WorkloadKind) -> &str {
        let name = match kind {
            WorkloadKind::Deployment => POD_TEMPLATE_HASH,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => CONTROLLER_REVISION_HASH,
        };
        label(&self.metadata, name).unwrap_or_default()
    }
}

/// An event of the core API (`v1`, not `events.k8s.io`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Event {
    pub metadata: ObjectMeta,
    pub involved_object: Involved,
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    pub r#type: String,
    pub count: Option<u32>,
    pub series: Option<EventSeries>,
    pub first_timestamp: Option<Time>,
    pub last_timestamp: Option<Time>,
    pub event_time: Option<Time>,
}

/// What an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct Involved {
    pub kind: String,
    pub name: String,
    pub uid: String,
}

/// How often an event happened, as newer components count.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct EventSeries {
    pub count: u32,
    pub last_observed_time: Option<Time>,
}

impl Event {
    /// When it last happened. Any of the stamps may be missing.
    pub fn seen(&self) -> Option<Time> {
        self.last_timestamp
            .or_else(|| self.series.as_ref().and_then(|series| series.last_observed_time))
            .or(self.event_time)
            .or_else(|| created(&self.metadata))
    }

    /// How often it happened.
    pub fn times(&self) -> u32 {
        self.series.as_ref().map(|series| series.count).or(self.count).unwrap_or(1).max(1)
    }
}

/// The API writes `null` where some clients left a text out.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// When an object was made.
pub fn created(metadata: &ObjectMeta) -> Option<Time> {
    let stamp = metadata.creation_timestamp.as_ref()?.0;
    DateTime::from_timestamp(stamp.as_second(), 0)
}

/// The uid, or nothing.
pub fn uid(metadata: &ObjectMeta) -> &str {
    metadata.uid.as_deref().unwrap_or_default()
}

/// A label's value.
pub fn label<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(name).map(String::as_str)
}

/// An annotation's value.
pub fn annotation<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The uid of the one controller that owns an object. Selectors of two workloads can overlap: this cannot.
pub fn owner(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}

/// The API resource of a kind of workload.
pub fn workload_resource(kind: WorkloadKind) -> ApiResource {
    resource("apps", kind.kind(), kind.plural())
}

/// The API resource of a kind of workload's template history.
pub fn history_resource(kind: WorkloadKind) -> ApiResource {
    match kind {
        WorkloadKind::Deployment => resource("apps", "ReplicaSet", "replicasets"),
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            resource("apps", "ControllerRevision", "controllerrevisions")
        }
    }
}

/// The API resource of pods.
pub fn pod_resource() -> ApiResource {
    resource("", "Pod", "pods")
}

/// The API resource of events.
pub fn event_resource() -> ApiResource {
    resource("", "Event", "events")
}

fn resource(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
}

macro_rules! api_objects {
    ($($object:ty),*) => {$(
        impl kube::Resource for $object {
            type DynamicType = ApiResource;
            type Scope = DynamicResourceScope;
            fn kind(resource: &ApiResource) -> Cow<'_, str> {
                resource.kind.as_str().into()
            }
            fn group(resource: &ApiResource) -> Cow<'_, str> {
                resource.group.as_str().into()
            }
            fn version(resource: &ApiResource) -> Cow<'_, str> {
                resource.version.as_str().into()
            }
            fn plural(resource: &ApiResource) -> Cow<'_, str> {
                resource.plural.as_str().into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    )*};
}

api_objects!(Workload, Entry, Pod, Event);
