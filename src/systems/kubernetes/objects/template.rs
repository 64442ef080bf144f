//! Pod templates, and when two are the same.

use super::{POD_TEMPLATE_HASH, ROLLOUTS_POD_TEMPLATE_HASH};
use crate::deploy::Outline;
use crate::deploy::outline::fingerprint;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A pod template: what people must know of it, and whether it equals another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Template {
    /// Its containers, without the init containers.
    pub containers: Vec<Container>,
    /// Its sidecars: the init containers that go on running (`restartPolicy: Always`).
    pub sidecars: Box<[String]>,
    /// Equal for equal templates, leaving aside what the controllers add to their copies.
    pub fingerprint: u64,
    /// The same, leaving aside that the pods were restarted: `kubectl rollout restart` makes no other version.
    pub version_fingerprint: u64,
    /// The container that it names as the main one.
    pub default_container: Option<Box<str>>,
    /// What it consists of.
    pub outline: Outline,
}

impl Template {
    /// Name and image of each container.
    pub fn named_images(&self) -> Vec<(&str, &str)> {
        self.containers.iter().map(|container| (container.name.as_str(), container.image.as_str())).collect()
    }
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
        let init = template.pointer("/spec/initContainers").and_then(Value::as_array).into_iter().flatten();
        let sidecars = init.filter(|container| container["restartPolicy"] == "Always");
        let sidecars = sidecars.filter_map(|container| text(&container["name"])).collect();
        // The controllers' own marks: the hash label on a ReplicaSet's copy, the patch directive on a
        // ControllerRevision's.
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(POD_TEMPLATE_HASH);
            labels.remove(ROLLOUTS_POD_TEMPLATE_HASH);
        }
        if let Some(template) = template.as_object_mut() {
            template.remove("$patch");
        }
        let annotations = template.pointer("/metadata/annotations");
        let default_container = annotations.and_then(|all| all[DEFAULT_CONTAINER].as_str()).map(Box::from);
        let outline = Outline::of(&template);
        let whole = fingerprint(&template);
        if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove(RESTARTED_AT);
        }
        // Where there was nothing else, the annotation took its map with it.
        drop_empty_metadata(&mut template);
        Self {
            containers,
            sidecars,
            fingerprint: whole,
            version_fingerprint: fingerprint(&template),
            default_container,
            outline,
        }
    }
}

/// Where a template names its main container.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// What `kubectl rollout restart` sets.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// A template without labels and annotations is the same whether it has an empty `metadata` or none.
fn drop_empty_metadata(template: &mut Value) {
    let is_empty = |map: &Value| map.as_object().is_some_and(Map::is_empty);
    let Some(fields) = template.as_object_mut() else { return };
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| !is_empty(value));
    }
    fields.retain(|key, value| key != "metadata" || !is_empty(value));
}
