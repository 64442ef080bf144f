//! Pod templates, and when two are the same.

use super::{POD_TEMPLATE_HASH, ROLLOUTS_POD_TEMPLATE_HASH};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::hash::{DefaultHasher, Hash, Hasher};

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
            labels.remove(ROLLOUTS_POD_TEMPLATE_HASH);
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
