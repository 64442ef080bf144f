//! Whether the workload takes another version at all.

use super::warning;
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::{Blocked, Check, CheckKind};
use serde_json::Value;

pub(super) fn check(reference: &WorkloadRef, workload: &Value) -> Check {
    let namespace = &reference.namespace;
    if !workload["metadata"]["deletionTimestamp"].is_null() {
        return Check::blocked(
            CheckKind::Deletion,
            Blocked {
                reason: format!("{reference} is being deleted"),
                way_out: "find out who deletes it, then deploy the earlier version anew".to_owned(),
            },
        );
    }
    if reference.kind == WorkloadKind::Rollout && workload["spec"]["paused"] == true {
        return warning(
            CheckKind::Paused,
            format!("{reference} is paused by hand: it may go no further than where it stands"),
            format!("let it go on after that: kubectl argo rollouts promote {} -n {namespace}", reference.name),
        );
    }
    if reference.kind != WorkloadKind::Deployment {
        return Check::ok(CheckKind::Paused, format!("{reference} is there and is not being deleted"));
    }
    if workload["spec"]["paused"] == true {
        return Check::typed(
            CheckKind::Paused,
            format!("{reference} is paused: the undo resumes it in the same request"),
            format!("ask who paused it, and why; by hand: kubectl rollout resume {reference} -n {namespace}"),
        );
    }
    Check::ok(CheckKind::Paused, format!("{reference} is not paused"))
}
