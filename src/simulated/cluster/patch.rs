//! Changes from outside: the three kinds of patch, validation, and what a change of the spec entails.

use super::Cluster;
use super::etcd::Resource;
use super::objects::template_hash;
use super::status::{Cause, Refusal};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own: lists merge by key, `$patch` directives.
    Strategic,
}

impl Form {
    /// By the request's content type.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }

    /// What an object becomes by a patch of this form.
    pub(super) fn apply(self, before: &Value, patch: &Value) -> Result<Value, Refusal> {
        let mut after = before.clone();
        match self {
            Self::Json => {
                let operations: json_patch::Patch = serde_json::from_value(patch.clone()).map_err(|error| {
                    Refusal::bad_request(&format!("error decoding patch: json: cannot unmarshal: {error}"))
                })?;
                json_patch::patch(&mut after, &operations).map_err(|_| Refusal::patch_failed())?;
            }
            Self::Merge => json_patch::merge(&mut after, patch),
            Self::Strategic => merge_strategically(&mut after, patch),
        }
        Ok(after)
    }
}

/// Whether the values that a JSON patch tests are written as the server itself writes them, for it compares bytes: Go's
/// `json.Marshal` escapes these three, so that a text with one of them in the open never equals the server's own
/// (`kubernetes/apiserver#100`).
pub(crate) fn tests_as_go_writes(body: &[u8], patch: &Value) -> bool {
    let is_escaped = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&'));
    let operations = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut tests = operations.iter().filter(|operation| operation["op"] == "test");
    !(is_escaped(body) && tests.any(|test| is_escaped(test["value"].to_string().as_bytes())))
}

impl Cluster {
    /// Applies a patch; the object as it is (or, in a dry run, would be) afterwards.
    pub(crate) fn patch(
        &mut self,
        resource: Resource,
        name: &str,
        form: Form,
        patch: &Value,
        dry_run: bool,
    ) -> Result<Value, Refusal> {
        let stored = self.etcd.get(resource, name).ok_or_else(|| Refusal::not_found(resource, name))?;
        let before: Value = serde_json::from_str(stored).map_err(|error| Refusal::bad_request(&error.to_string()))?;
        let mut after = form.apply(&before, patch)?;
        if after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
            return Err(Refusal::conflict(resource, name));
        }
        let causes = invalid_fields(&before, &after);
        if !causes.is_empty() {
            return Err(Refusal::invalid(resource, name, &causes));
        }
        // The status and the generation are the server's to write.
        after["status"] = before["status"].clone();
        let generation = before["metadata"]["generation"].as_i64().unwrap_or(0);
        after["metadata"]["generation"] = Value::from(generation + i64::from(after["spec"] != before["spec"]));
        if dry_run {
            return Ok(after);
        }
        self.adopt(resource, name, &after);
        self.flush();
        let stored = self.etcd.get(resource, name).ok_or_else(|| Refusal::not_found(resource, name))?;
        serde_json::from_str(stored).map_err(|error| Refusal::bad_request(&error.to_string()))
    }

    /// Takes a patched object over into the simulation.
    fn adopt(&mut self, resource: Resource, name: &str, object: &Value) {
        let texts = |pointer: &str| -> BTreeMap<String, String> {
            let texts = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
            texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        };
        let hash = template_hash(&object["spec"]["template"]);
        let parts = match resource {
            Resource::Deployments => self
                .deployments
                .iter_mut()
                .find(|one| one.meta.name == name)
                .map(|one| (&mut one.meta, &mut one.spec, &mut one.hash)),
            _ => self
                .controlled
                .iter_mut()
                .find(|one| one.resource == resource && one.meta.name == name)
                .map(|one| (&mut one.meta, &mut one.spec, &mut one.hash)),
        };
        if let Some((meta, spec, its_hash)) = parts {
            meta.annotations = texts("/metadata/annotations");
            meta.labels = texts("/metadata/labels");
            meta.generation = object["metadata"]["generation"].as_i64().unwrap_or(meta.generation);
            *spec = object["spec"].clone();
            *its_hash = hash;
        }
        self.touch(resource, name);
    }
}

/// Validation rules of the API server that a user may run into.
fn invalid_fields(before: &Value, after: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut refuse =
        |reason: &'static str, field: String, message: String| causes.push(Cause { reason, message, field });
    for field in ["name", "namespace", "uid"] {
        if after["metadata"][field] != before["metadata"][field] {
            let message = format!("Invalid value: {}: field is immutable", after["metadata"][field]);
            refuse("FieldValueInvalid", format!("metadata.{field}"), message);
        }
    }
    let spec = &after["spec"];
    if spec["selector"] != before["spec"]["selector"] {
        let message = format!("Invalid value: {}: field is immutable", spec["selector"]);
        refuse("FieldValueInvalid", "spec.selector".to_owned(), message);
    }
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        refuse("FieldValueInvalid", "spec.replicas".to_owned(), message);
    }
    let labels = &spec["template"]["metadata"]["labels"];
    let wanted = spec["selector"]["matchLabels"].as_object();
    if wanted.is_some_and(|wanted| wanted.iter().any(|(key, value)| labels[key] != *value)) {
        let message = format!("Invalid value: {labels}: `selector` does not match template `labels`");
        refuse("FieldValueInvalid", "spec.template.metadata.labels".to_owned(), message);
    }
    let containers = spec["template"]["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        refuse("FieldValueRequired", "spec.template.spec.containers".to_owned(), "Required value".to_owned());
    }
    for (index, container) in containers.iter().enumerate() {
        let field = format!("spec.template.spec.containers[{index}]");
        if container["image"].as_str().unwrap_or_default().is_empty() {
            refuse("FieldValueRequired", format!("{field}.image"), "Required value".to_owned());
        }
        for (place, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
            let number = port["containerPort"].as_i64().unwrap_or(0);
            if !(1..=65_535).contains(&number) {
                let message = format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
                refuse("FieldValueInvalid", format!("{field}.ports[{place}].containerPort"), message);
            }
        }
    }
    causes
}

/// Merges a strategic merge patch: objects key by key, lists of named things by their merge key.
fn merge_strategically(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").is_some_and(|directive| directive == "replace") {
        let mut whole = changes.clone();
        whole.remove("$patch");
        *target = Value::Object(whole);
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        match (change, merge_key(key)) {
            (Value::Null, _) => {
                fields.remove(key);
            }
            (Value::Array(items), Some(merge_key)) => {
                merge_list(fields.entry(key.clone()).or_insert_with(|| Value::Array(Vec::new())), items, merge_key);
            }
            _ => merge_strategically(fields.entry(key.clone()).or_insert(Value::Null), change),
        }
    }
}

fn merge_list(target: &mut Value, items: &[Value], key: &str) {
    let Value::Array(list) = target else { return };
    for item in items {
        let place = list.iter().position(|known| known[key] == item[key]);
        match place {
            Some(place) if item["$patch"] == "delete" => {
                list.remove(place);
            }
            Some(place) => merge_strategically(&mut list[place], item),
            None => list.push(item.clone()),
        }
    }
}

/// By which field a list's items are told apart; `None` for lists that are replaced whole.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "env" | "volumes" => Some("name"),
        "ports" => Some("containerPort"),
        "volumeMounts" => Some("mountPath"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_strategic_patch_changes_one_container_and_leaves_the_others() {
        let mut object = json!({"spec": {"containers": [{"name": "app", "image": "a:1", "resources": {}}, {"name": "log", "image": "l"}]}});
        merge_strategically(&mut object, &json!({"spec": {"containers": [{"name": "app", "image": "a:2"}]}}));
        let expected = json!({"spec": {"containers": [{"name": "app", "image": "a:2", "resources": {}}, {"name": "log", "image": "l"}]}});
        assert_eq!(object, expected);
    }

    #[test]
    fn a_replace_directive_takes_the_old_template_away() {
        let mut object = json!({"template": {"spec": {"containers": [{"name": "app"}], "nodeName": "x"}}});
        merge_strategically(&mut object, &json!({"template": {"$patch": "replace", "spec": {"containers": []}}}));
        assert_eq!(object, json!({"template": {"spec": {"containers": []}}}));
    }
}
