//! Argo Rollouts in raw JSON: where an update stands, and the template of a `ReplicaSet` as the Rollout carried it.

use super::template;
use crate::rollout::argo::{self, Spec, Status, Update};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The labels and annotations that the controller has added to a `ReplicaSet`'s pods for their part in an update.
const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";

/// Where a Rollout's update stands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct UpdateStatus {
    metadata: Metadata,
    spec: Spec,
    status: ReadStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    generation: i64,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReadStatus {
    #[serde(deserialize_with = "argo::observed_generation")]
    observed_generation: i64,
    #[serde(flatten)]
    argo: Status,
}

impl UpdateStatus {
    /// Reads it. What cannot be read counts as not observed yet, from which nothing follows.
    pub fn of(workload: &Value) -> Self {
        Self::deserialize(workload).unwrap_or_default()
    }

    /// Where the update stands.
    pub fn update(&self) -> Update<'_> {
        let seen = argo::has_seen_workload(self.metadata.annotations.as_ref(), &self.status.argo);
        let is_observed = self.status.observed_generation >= self.metadata.generation.max(1) && seen;
        Update { is_observed, spec: &self.spec, status: &self.status.argo }
    }
}

/// A `ReplicaSet`'s template as the Rollout carried it: without the hash label, the metadata of stable and canary
/// pods, and the rule that keeps the two versions on different nodes. The controller would take any of them for a
/// new version.
pub(super) fn restored(replica_set: &Value) -> Value {
    let mut template = template::restored(&replica_set["spec"]["template"]);
    let added = replica_set["metadata"]["annotations"][EPHEMERAL_METADATA].as_str();
    let added: Value = added.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for part in ["labels", "annotations"] {
        let own = template.pointer_mut(&format!("/metadata/{part}")).and_then(Value::as_object_mut);
        if let (Some(own), Some(added)) = (own, added[part].as_object()) {
            own.retain(|key, value| added.get(key) != Some(value));
        }
    }
    without_injected_rule(&mut template);
    template
}

/// Drops the terms of the pods' anti-affinity that name the hash label, and what is empty without them.
fn without_injected_rule(template: &mut Value) {
    let Some(spec) = template["spec"].as_object_mut() else { return };
    let Some(affinity) = spec.get_mut("affinity").and_then(Value::as_object_mut) else { return };
    let Some(anti) = affinity.get_mut("podAntiAffinity").and_then(Value::as_object_mut) else { return };
    let mut dropped = false;
    for terms in anti.values_mut().filter_map(Value::as_array_mut) {
        let before = terms.len();
        terms.retain(|term| !names_hash(term) && !names_hash(&term["podAffinityTerm"]));
        dropped |= terms.len() < before;
    }
    if !dropped {
        return;
    }
    anti.retain(|_, terms| terms.as_array().is_none_or(|terms| !terms.is_empty()));
    if anti.is_empty() {
        affinity.remove("podAntiAffinity");
    }
    if affinity.is_empty() {
        spec.remove("affinity");
    }
}

fn names_hash(term: &Value) -> bool {
    let expressions = term["labelSelector"]["matchExpressions"].as_array();
    expressions.is_some_and(|all| all.iter().any(|expression| expression["key"] == template::ROLLOUT_HASH_LABEL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_controller_added_to_the_pods_does_not_come_back() {
        let rule = json!({"labelSelector": {"matchExpressions": [
            {"key": "rollouts-pod-template-hash", "operator": "In", "values": ["abc"]}]}, "topologyKey": "kubernetes.io/hostname"});
        let own = json!({"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"});
        let replica_set = |terms: Value| {
            json!({
                "metadata": {"annotations": {"rollout.argoproj.io/ephemeral-metadata": "{\"labels\":{\"role\":\"canary\"}}"}},
                "spec": {"template": {
                    "metadata": {"labels": {"app": "web", "role": "canary", "rollouts-pod-template-hash": "abc"}},
                    "spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}},
                }},
            })
        };
        let bare = json!({"metadata": {"labels": {"app": "web"}}, "spec": {}});
        assert_eq!(restored(&replica_set(json!([rule.clone()]))), bare);
        let kept = restored(&replica_set(json!([rule, own.clone()])));
        let terms = &kept["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(*terms, json!([own]));
    }

    #[test]
    fn a_status_of_another_generation_says_nothing() {
        let rollout = |generation: i64, observed: &Value| {
            json!({"metadata": {"generation": generation},
                   "status": {"observedGeneration": observed, "currentPodHash": "a", "stableRS": "b"}})
        };
        let in_flight = |rollout: &Value| UpdateStatus::of(rollout).update().is_in_flight();
        assert!(in_flight(&rollout(7, &json!("7"))));
        assert!(!in_flight(&rollout(8, &json!("7"))));
        assert!(!in_flight(&json!({"metadata": {"generation": 7}})));
    }
}
