//! Whether the workload accepts another version at all.

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
                way_out: "find out who is deleting it, then redeploy the earlier version".to_owned(),
            },
        );
    }
    if reference.kind == WorkloadKind::Rollout && workload["spec"]["paused"] == true {
        return warning(
            CheckKind::Paused,
            format!("{reference} is paused manually: it may stop where it is"),
            format!("resume it afterwards: kubectl argo rollouts promote {} -n {namespace}", reference.name),
        );
    }
    if reference.kind != WorkloadKind::Deployment {
        return Check::ok(CheckKind::Paused, format!("{reference} exists and is not being deleted"));
    }
    if workload["spec"]["paused"] == true {
        return Check::typed(
            CheckKind::Paused,
            format!("{reference} is paused: the rollback resumes it in the same request"),
            format!("ask who paused it, and why; manually: kubectl rollout resume {reference} -n {namespace}"),
        );
    }
    Check::ok(CheckKind::Paused, format!("{reference} is not paused"))
}
