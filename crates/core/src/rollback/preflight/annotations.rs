//! Annotations of the Deployment itself that an undo replaces by those of the old revision, as kubectl's does.

use super::warning;
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::destination::{Target, patch};
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

/// These say what was deployed, and what shipped with it: they go back with the version, and should.
const OF_THE_VERSION: [&str; 2] = ["kubernetes.io/change-cause", "redflag.dev/migration"];

/// Only a Deployment's annotations are part of its undo.
pub(super) fn check(reference: &WorkloadRef, workload: &Value, target: &Target) -> Option<Check> {
    if reference.kind != WorkloadKind::Deployment {
        return None;
    }
    let own = workload["metadata"]["annotations"].as_object();
    let after = patch::annotations(own, &target.entry.annotations);
    let (mut dropped, mut changed) = (Vec::new(), Vec::new());
    for (key, value) in own.into_iter().flatten().filter(|(key, _)| !OF_THE_VERSION.contains(&key.as_str())) {
        match after.get(key) {
            None => dropped.push(key.as_str()),
            Some(other) if other != value => changed.push(key.as_str()),
            Some(_) => {}
        }
    }
    let told: Vec<String> = [("drops", dropped), ("changes", changed)]
        .into_iter()
        .filter(|(_, keys)| !keys.is_empty())
        .map(|(verb, keys)| format!("{verb} {}", keys.join(", ")))
        .collect();
    if told.is_empty() {
        return Some(Check::ok(CheckKind::Annotations, "annotations unchanged"));
    }
    Some(warning(
        CheckKind::Annotations,
        format!("{} on the workload, as kubectl rollout undo does", told.join(" and ")),
        format!(
            "save them first: kubectl get {reference} -n {} -o jsonpath='{{.metadata.annotations}}'",
            reference.namespace
        ),
    ))
}
