//! Pod templates as raw JSON: fields that redflag does not know must survive a rollback.

use crate::deploy::{self, Naming, main_first, version_label};
use serde_json::Value;

/// Where a template names its main container.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// What `kubectl rollout restart` sets.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The label by which a Deployment's controller tells its `ReplicaSets` apart; never part of the template.
pub(super) const HASH_LABEL: &str = "pod-template-hash";

/// The same of Argo Rollouts.
pub(super) const ROLLOUT_HASH_LABEL: &str = "rollouts-pod-template-hash";

/// A history entry's template as the workload carried it: without the controllers' own additions.
///
/// A `ReplicaSet` has the hash label on top; a `ControllerRevision` has `$patch: replace`, which only a
/// strategic merge patch understands.
pub(super) fn restored(entry: &Value) -> Value {
    let mut template = entry.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
        labels.remove(ROLLOUT_HASH_LABEL);
    }
    template
}

/// Whether two templates make the same pods.
///
/// Both sides must come from an API server, so defaults are filled in on both. Told apart are neither the
/// controllers' additions nor the ways to write nothing: `null`, no key, and an empty map of labels.
pub fn same(one: &Value, other: &Value) -> bool {
    plain(one) == plain(other)
}

fn plain(template: &Value) -> Value {
    let mut template = restored(template);
    drop_nulls(&mut template);
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    }
    if let Some(fields) = template.as_object_mut() {
        fields.retain(|key, value| key != "metadata" || value.as_object().is_none_or(|map| !map.is_empty()));
    }
    template
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Whether two templates make the same version: they differ in nothing, or only in when `kubectl rollout restart`
/// was called.
pub fn same_version(one: &Value, other: &Value) -> bool {
    let settled = |template: &Value| {
        let mut template = template.clone();
        if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove(RESTARTED_AT);
        }
        plain(&template)
    };
    settled(one) == settled(other)
}

fn containers(template: &Value) -> Vec<(&str, &str)> {
    let containers = template["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut named = Vec::with_capacity(containers.len());
    for container in containers {
        if let Some(image) = container["image"].as_str() {
            named.push((container["name"].as_str().unwrap_or_default(), image));
        }
    }
    named
}

/// The name of a workload's main container ([`crate::deploy::main_container`]), by the template that ran before its
/// own where that is known; `configured` is what the configuration calls it.
pub fn main_container(workload: &Value, before: Option<&Value>, configured: Option<&str>) -> Option<String> {
    let template = &workload["spec"]["template"];
    let (now, before) = (containers(template), before.map(containers));
    let naming = Naming {
        configured,
        annotated: template["metadata"]["annotations"][DEFAULT_CONTAINER].as_str(),
        workload: workload["metadata"]["name"].as_str().unwrap_or_default(),
    };
    let main = deploy::main_container(&now, before.as_deref(), naming);
    now.get(main).map(|(name, _)| (*name).to_owned())
}

/// The images of its containers, that of the main one first. Init containers do not make a version.
pub fn images(template: &Value, main: Option<&str>) -> Vec<String> {
    let containers = containers(template);
    let place = containers.iter().position(|(name, _)| Some(*name) == main);
    main_first(&containers, place.unwrap_or(0))
}

/// What people call the version that a workload's template makes; `container` is its main one, where that is known.
pub fn label(workload: &Value, container: Option<&str>) -> String {
    let main = main_container(workload, None, container);
    let images = images(&workload["spec"]["template"], main.as_deref());
    images.first().map_or("?", |image| version_label(image)).to_owned()
}

/// Whether a template's containers have these images, in whichever order.
pub fn runs(template: &Value, images: &[String]) -> bool {
    let mut own: Vec<&str> = containers(template).iter().map(|(_, image)| *image).collect();
    let mut others: Vec<&str> = images.iter().map(String::as_str).collect();
    own.sort_unstable();
    others.sort_unstable();
    own == others
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_controllers_additions_are_not_part_of_a_template() {
        let live = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let of_replica_set =
            json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "1"}}, "spec": {"containers": []}});
        let of_revision =
            json!({"$patch": "replace", "metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        assert!(same(&live, &of_replica_set));
        assert!(same(&live, &of_revision));
        assert_eq!(restored(&of_replica_set), live);
        assert_eq!(restored(&of_revision), live);
    }

    #[test]
    fn the_ways_to_write_nothing_are_the_same() {
        let with = json!({"metadata": {"creationTimestamp": null, "labels": {}}, "spec": {"nodeName": null}});
        assert!(same(&with, &json!({"spec": {}})));
    }

    #[test]
    fn an_empty_choice_is_not_nothing() {
        let scratch = json!({"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}});
        assert!(!same(&scratch, &json!({"spec": {"volumes": [{"name": "tmp"}]}})));
    }

    #[test]
    fn a_field_from_the_future_survives_and_counts() {
        let future = json!({"metadata": {"labels": {"pod-template-hash": "1"}}, "spec": {"warpDrive": {"on": true}}});
        assert_eq!(restored(&future)["spec"]["warpDrive"]["on"], true);
        assert!(!same(&future, &json!({"spec": {}})));
    }
}
