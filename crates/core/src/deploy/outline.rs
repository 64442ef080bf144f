//! What a pod template consists of, as far as two of them are compared: names and fingerprints. No value of a variable
//! and nothing of a Secret's contents is kept, so that none can be shown.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A pod template's containers, variables and references; cheap to clone. Empty where the template is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline(Arc<Parts>);

/// What is kept of a template.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    /// Its containers, the init containers behind them.
    pub(super) containers: Vec<Container>,
    /// The ConfigMaps and Secrets that it names, each once, sorted.
    pub(super) references: Vec<(Referred, String)>,
    /// Its annotations, labels and other settings, sorted, each with its fingerprint.
    pub(super) settings: Vec<(Setting, u64)>,
}

/// A container, as far as it is compared.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) init: bool,
    /// The names of its variables, sorted, each with the fingerprint of its value.
    pub(super) variables: Vec<(String, u64)>,
    /// A fingerprint for each of [`Aspect::ALL`].
    pub(super) aspects: [u64; Aspect::ALL.len()],
}

/// What a pod template refers to by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Referred {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// A part of a container that is told of as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// `command` and `args`.
    Command,
    /// Requests and limits.
    Resources,
    /// Liveness, readiness and startup probes.
    Probes,
    /// What it mounts.
    Mounts,
    /// Everything else.
    Other,
}

impl Aspect {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Command, Self::Resources, Self::Probes, Self::Mounts, Self::Other];

    fn of(field: &str) -> Self {
        match field {
            "command" | "args" => Self::Command,
            "resources" | "resizePolicy" => Self::Resources,
            "livenessProbe" | "readinessProbe" | "startupProbe" => Self::Probes,
            "volumeMounts" | "volumeDevices" => Self::Mounts,
            _ => Self::Other,
        }
    }
}

/// A setting of a pod template outside its containers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// An annotation, by its key.
    Annotation(String),
    /// A label, by its key.
    Label(String),
    /// A field of the pod's spec, by its name.
    Field(String),
}

/// What `kubectl rollout restart` sets: it makes no other version.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// What controllers add to their copies of a template.
const ADDED: [&str; 3] = ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"];

impl Outline {
    /// Reads a pod template as the API server gives it.
    pub fn of(template: &Value) -> Self {
        let spec = &template["spec"];
        let own = items(&spec["containers"]).map(|container| Container::of(container, false));
        let init = items(&spec["initContainers"]).map(|container| Container::of(container, true));
        Self(Arc::new(Parts {
            containers: own.chain(init).collect(),
            references: references(spec),
            settings: settings(template),
        }))
    }

    /// The name of the first container, without the init containers, that runs this image.
    pub(super) fn container_of(&self, image: &str) -> Option<&str> {
        let mut own = self.0.containers.iter().filter(|container| !container.init);
        own.find(|container| container.image == image).map(|container| container.name.as_str())
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl Container {
    fn of(container: &Value, init: bool) -> Self {
        let text = |key: &str| container[key].as_str().unwrap_or_default().to_owned();
        let mut hashers = [const { None::<DefaultHasher> }; Aspect::ALL.len()];
        for (field, value) in container.as_object().into_iter().flatten() {
            if matches!(field.as_str(), "name" | "image" | "env" | "envFrom") || value.is_null() {
                continue;
            }
            let hasher = hashers[Aspect::of(field) as usize].get_or_insert_default();
            field.hash(hasher);
            self::hash(value, hasher);
        }
        let mut variables: Vec<(String, u64)> = items(&container["env"]).filter_map(variable).collect();
        variables.sort();
        Self {
            name: text("name"),
            image: text("image"),
            init,
            variables,
            aspects: hashers.map(|hasher| hasher.map_or(0, |hasher| hasher.finish())),
        }
    }
}

/// A variable with the fingerprint of its value. Which ConfigMap or Secret it is read from is told with the others that
/// are referred to.
fn variable(variable: &Value) -> Option<(String, u64)> {
    let name = variable["name"].as_str()?.to_owned();
    let mut value = variable.clone();
    for reference in ["/valueFrom/configMapKeyRef/name", "/valueFrom/secretKeyRef/name"] {
        blank(&mut value, reference);
    }
    Some((name, fingerprint(&value)))
}

fn references(spec: &Value) -> Vec<(Referred, String)> {
    let mut found = Vec::new();
    let mut note = |referred: Referred, name: &Value| {
        found.extend(name.as_str().map(|name| (referred, name.to_owned())));
    };
    for volume in items(&spec["volumes"]) {
        note(Referred::ConfigMap, &volume["configMap"]["name"]);
        note(Referred::Secret, &volume["secret"]["secretName"]);
        for source in items(&volume["projected"]["sources"]) {
            note(Referred::ConfigMap, &source["configMap"]["name"]);
            note(Referred::Secret, &source["secret"]["name"]);
        }
    }
    for container in items(&spec["containers"]).chain(items(&spec["initContainers"])) {
        for source in items(&container["envFrom"]) {
            note(Referred::ConfigMap, &source["configMapRef"]["name"]);
            note(Referred::Secret, &source["secretRef"]["name"]);
        }
        for variable in items(&container["env"]) {
            note(Referred::ConfigMap, &variable["valueFrom"]["configMapKeyRef"]["name"]);
            note(Referred::Secret, &variable["valueFrom"]["secretKeyRef"]["name"]);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn settings(template: &Value) -> Vec<(Setting, u64)> {
    let mut found = Vec::new();
    let metadata = &template["metadata"];
    let mut note = |values: &Value, make: fn(String) -> Setting, leave: &[&str]| {
        let kept = values.as_object().into_iter().flatten();
        let kept = kept.filter(|(key, value)| !leave.contains(&key.as_str()) && !value.is_null());
        found.extend(kept.map(|(key, value)| (make(key.clone()), fingerprint(value))));
    };
    note(&metadata["annotations"], Setting::Annotation, &[RESTARTED_AT]);
    note(&metadata["labels"], Setting::Label, &ADDED);
    note(&template["spec"], Setting::Field, &["containers", "initContainers", "volumes"]);
    let mut volumes = template["spec"]["volumes"].clone();
    for volume in volumes.as_array_mut().into_iter().flatten() {
        blank(volume, "/configMap/name");
        blank(volume, "/secret/secretName");
        for source in volume.pointer_mut("/projected/sources").and_then(Value::as_array_mut).into_iter().flatten() {
            blank(source, "/configMap/name");
            blank(source, "/secret/name");
        }
    }
    if volumes.as_array().is_some_and(|volumes| !volumes.is_empty()) {
        found.push((Setting::Field("volumes".to_owned()), fingerprint(&volumes)));
    }
    found.sort();
    found
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn blank(value: &mut Value, pointer: &str) {
    if let Some(name) = value.pointer_mut(pointer) {
        *name = Value::Null;
    }
}

/// Equal for equal JSON, whatever the order of its keys.
pub fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(value, &mut hasher);
    hasher.finish()
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
