//! The request of an undo: a JSON Patch that tests before it replaces.
//!
//! kubectl undoes a Deployment with a JSON Patch and a `StatefulSet` or `DaemonSet` with a strategic merge
//! patch, both without any precondition. Here all three get a JSON Patch, for its `test` operations: they
//! are checked by the API server against the newest object, in the request itself, so an undo that was
//! prepared for one state of a workload can never overwrite another. The effect is the same, because the
//! template in a `ControllerRevision` is marked `$patch: replace`: either way it is replaced whole.
//!
//! `resourceVersion` is not tested: the status moves it many times a second during a rollout.

use super::Target;
use crate::deploy::WorkloadKind;
use crate::rollback::Blocked;
use serde_json::{Map, Value, json};

/// Annotations that stay the Deployment's own when its template goes back, as in kubectl; all others come
/// from the `ReplicaSet`.
const KEPT: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// What a request is pinned to: this very object, in this very state of its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
}

impl Pinned {
    /// Reads it from the workload; without it there is nothing to test, and so no undo.
    pub fn of(workload: &Value) -> Result<Self, Blocked> {
        let uid = workload["metadata"]["uid"].as_str();
        let generation = workload["metadata"]["generation"].as_i64();
        match (uid, generation) {
            (Some(uid), Some(generation)) => Ok(Self { uid: uid.to_owned(), generation }),
            _ => Err(Blocked {
                reason: "the API server's answer has no uid or generation to pin the undo to".to_owned(),
                way_out: "check that the address is a Kubernetes API server's".to_owned(),
            }),
        }
    }
}

/// Builds the patch (RFC 6902): the tests, the template, and for a Deployment its annotations.
pub fn build(kind: WorkloadKind, workload: &Value, pinned: &Pinned, target: &Target) -> Value {
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": pinned.uid}),
        json!({"op": "test", "path": "/metadata/generation", "value": pinned.generation}),
        json!({"op": "replace", "path": "/spec/template", "value": target.entry.template}),
    ];
    if kind == WorkloadKind::Deployment {
        let own = workload["metadata"]["annotations"].as_object();
        // `replace` needs something to replace; the controller's own annotation makes its lack rare.
        let op = if own.is_some() { "replace" } else { "add" };
        let annotations = annotations(own, &target.entry.annotations);
        operations.push(json!({"op": op, "path": "/metadata/annotations", "value": annotations}));
    }
    Value::Array(operations)
}

/// The annotations that a Deployment has after an undo.
pub fn annotations(own: Option<&Map<String, Value>>, old: &Map<String, Value>) -> Map<String, Value> {
    let kept = own.into_iter().flatten().filter(|(key, _)| KEPT.contains(&key.as_str()));
    let restored = old.iter().filter(|(key, _)| !KEPT.contains(&key.as_str()));
    kept.chain(restored).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The template that a patch of [`build`] puts in place; `Null` for any other document.
pub fn template(patch: &Value) -> &Value {
    let operations = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = operations.iter().find(|operation| operation["path"] == "/spec/template");
    found.map_or(&Value::Null, |operation| &operation["value"])
}
