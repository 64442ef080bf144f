//! The request of an undo: a JSON Patch that tests before it replaces.
//!
//! kubectl undoes a Deployment with a JSON Patch and a `StatefulSet` or `DaemonSet` with a strategic merge
//! patch, both without any precondition. Here all three get a JSON Patch, for its `test` operations: they
//! are checked by the API server against the newest object, in the request itself, so an undo that was
//! prepared for one state of a workload can never overwrite another. The effect is the same, because the
//! template in a `ControllerRevision` is marked `$patch: replace`: either way it is replaced whole.
//!
//! What is tested is what must not have changed: that it is this object, and the template that is rolled back. Neither
//! `generation`, which an autoscaler moves, nor `resourceVersion`, which each status does. An API server compares the
//! template byte by byte with its own way to write it (`kubernetes/apiserver#100`), so it is tested as the server told
//! it, and sent as Go writes it.

use super::Target;
use crate::deploy::WorkloadKind;
use crate::rollback::Blocked;
use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde_json::{Map, Value};

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

const TEMPLATE: [&str; 2] = ["spec", "template"];
const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

/// What a request is pinned to: this very object. Its generation says which state of its
/// spec was read; an autoscaler moves that too, so the patch does not test it.
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
                reason: "the API server's response has no uid or generation to pin the rollback to".to_owned(),
                way_out: "check that the address is a Kubernetes API server".to_owned(),
            }),
        }
    }
}

/// An operation that keeps all others from happening unless this is there.
pub fn test<'a>(path: impl IntoIterator<Item = &'a str>, value: impl Into<Value>) -> PatchOperation {
    PatchOperation::Test(TestOperation { path: PointerBuf::from_tokens(path), value: value.into() })
}

/// An operation that puts this there, over whatever was.
pub fn add<'a>(path: impl IntoIterator<Item = &'a str>, value: impl Into<Value>) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path), value: value.into() })
}

fn replace<'a>(path: impl IntoIterator<Item = &'a str>, value: impl Into<Value>) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(path), value: value.into() })
}

fn remove<'a>(path: impl IntoIterator<Item = &'a str>) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(path) })
}

/// Builds the patch (RFC 6902): the tests, the template, and for a Deployment its annotations. One that is paused takes
/// no template until it is resumed: that is done in the same patch.
pub fn build(kind: WorkloadKind, workload: &Value, pinned: &Pinned, target: &Target) -> Patch {
    let mut operations =
        vec![test(["metadata", "uid"], pinned.uid.as_str()), test(TEMPLATE, workload["spec"]["template"].clone())];
    if kind == WorkloadKind::Deployment && workload["spec"]["paused"] == true {
        operations.push(replace(["spec", "paused"], false));
    }
    operations.push(replace(TEMPLATE, target.entry.template.clone()));
    if kind == WorkloadKind::Deployment {
        operations.extend(annotate(workload["metadata"]["annotations"].as_object(), &target.entry.annotations));
    }
    Patch(operations)
}

/// What makes a Deployment's annotations those of [`annotations`], one by one: what somebody else writes there meanwhile
/// stays.
fn annotate(own: Option<&Map<String, Value>>, old: &Map<String, Value>) -> Vec<PatchOperation> {
    let after = annotations(own, old);
    let Some(own) = own else { return vec![add(ANNOTATIONS, after)] };
    let path = |key| ANNOTATIONS.into_iter().chain([key]);
    let gone = own.keys().filter(|key| !after.contains_key(*key)).map(|key| remove(path(key)));
    let changed = after.iter().filter(|(key, value)| own.get(*key) != Some(value));
    gone.chain(changed.map(|(key, value)| add(path(key), value.clone()))).collect()
}

/// The annotations that a Deployment has after an undo.
pub fn annotations(own: Option<&Map<String, Value>>, old: &Map<String, Value>) -> Map<String, Value> {
    let kept = own.into_iter().flatten().filter(|(key, _)| KEPT.contains(&key.as_str()));
    let restored = old.iter().filter(|(key, _)| !KEPT.contains(&key.as_str()));
    kept.chain(restored).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The template that a patch of [`build`] puts in place; `Null` for any other document.
pub fn template(patch: &Patch) -> &Value {
    let found = patch.iter().find_map(|operation| match operation {
        PatchOperation::Replace(ReplaceOperation { path, value }) => is_template(path).then_some(value),
        _ => None,
    });
    found.unwrap_or(&Value::Null)
}

/// The template that a patch of [`build`] takes away, as it tests it; `Null` for any other document.
pub fn replaced(patch: &Patch) -> &Value {
    let found = patch.iter().find_map(|operation| match operation {
        PatchOperation::Test(TestOperation { path, value }) => is_template(path).then_some(value),
        _ => None,
    });
    found.unwrap_or(&Value::Null)
}

fn is_template(path: &Pointer) -> bool {
    path.tokens().map(|token| token.decoded().into_owned()).eq(TEMPLATE)
}

/// A patch as Go's `json.Marshal` writes it, which the API server compares with byte by byte: `<`, `>`, `&` and the two
/// separators of lines are escaped. Outside of strings JSON has none of them.
pub fn written(patch: &str) -> String {
    let mut written = String::with_capacity(patch.len());
    for c in patch.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => written.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => written.push(c),
        }
    }
    written
}
