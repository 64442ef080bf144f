//! What keeps the previous version from reaching all pods although the template was reverted.

use super::{Objects, Permission, waits_for_broken_pods, warning};
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::destination::history::is_controlled_by;
use crate::rollback::destination::text::{items, named};
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

pub(super) fn check(reference: &WorkloadRef, objects: Objects<'_>) -> Vec<Check> {
    if matches!(reference.kind, WorkloadKind::Deployment | WorkloadKind::Rollout) {
        return Vec::new();
    }
    let namespace = &reference.namespace;
    let strategy = &objects.workload["spec"]["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        return vec![warning(
            CheckKind::Order,
            "strategy OnDelete: each pod runs the new version until it is deleted manually",
            format!("after the rollback, pod by pod: kubectl delete pod NAME -n {namespace}"),
        )];
    }
    let mut checks = Vec::new();
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    if partition > 0 {
        let patch = r#"'{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"#;
        checks.push(warning(
            CheckKind::Order,
            format!("partition {partition}: pods with an ordinal below {partition} are not touched"),
            format!("if they run the new version too: kubectl patch {reference} -n {namespace} -p {patch}"),
        ));
    }
    if waits_for_broken_pods(reference.kind, objects.workload) {
        checks.push(broken_pods(reference, objects));
    }
    if checks.is_empty() {
        checks.push(Check::ok(CheckKind::Order, "no broken pod blocks the others"));
    }
    checks
}

fn broken_pods(reference: &WorkloadRef, objects: Objects<'_>) -> Check {
    let uid = objects.workload["metadata"]["uid"].as_str().unwrap_or_default();
    let broken: Vec<&str> = objects
        .pods
        .iter()
        .filter(|pod| is_controlled_by(pod, uid))
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null() && !is_ready(pod))
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .collect();
    let (which, names) = match broken.as_slice() {
        [] => ("pods that are not ready".to_owned(), "NAME".to_owned()),
        names => (named("pod", names), names.join(" ")),
    };
    let manual_command = format!("kubectl delete pod {names} -n {}", reference.namespace);
    let way_out = match &objects.around.delete_pods {
        Some(Permission::Given) => {
            format!(
                "if they are still there after the rollback is sent, redflag offers to delete them (you may), or \
                 run: {manual_command}"
            )
        }
        Some(Permission::Denied(denied)) => {
            format!(
                "if they are still there after the rollback is sent: {manual_command}; but {}: {}",
                denied.reason, denied.way_out
            )
        }
        Some(Permission::Unknown(_)) | None => {
            format!("if they are still there after the rollback is sent: {manual_command}")
        }
    };
    warning(CheckKind::Order, format!("OrderedReady waits for {which} even after the rollback"), way_out)
}

fn is_ready(pod: &Value) -> bool {
    items(&pod["status"]["conditions"])
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
