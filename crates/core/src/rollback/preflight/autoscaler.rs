//! Whether there are enough pods for the traffic while the old ones come back cold, and who else counts them.

use super::{Looked, warning};
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::destination::Target;
use crate::rollback::destination::text::items;
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

const NAME: CheckKind = CheckKind::Autoscaler;

/// How many pods the Deployment had when its controller last touched this `ReplicaSet`.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

pub(super) fn check(reference: &WorkloadRef, workload: &Value, target: &Target, looked: &Looked) -> Option<Check> {
    if reference.kind == WorkloadKind::DaemonSet {
        return None;
    }
    let scales = |hpa: &&Value| {
        let of = &hpa["spec"]["scaleTargetRef"];
        of["kind"] == reference.kind.kind() && of["name"] == reference.name.as_str()
    };
    match looked.found().and_then(|hpas| hpas.iter().find(scales)) {
        Some(hpa) => Some(headroom(reference, hpa)),
        None if is_scaled(workload) => Some(warning(
            NAME,
            "an autoscaler manages its replicas: if it scales at that very moment, the rollback is rejected and \
             overwrites nothing",
            "if that happens, reopen the plan and confirm again",
        )),
        None => fewer_pods(reference, workload, target).or_else(|| {
            let sentence = "no HPA";
            looked.found().map(|_| Check::ok(NAME, sentence))
        }),
    }
}

/// An autoscaler that can add pods is a help, one that cannot is none: cold pods need more of them.
fn headroom(reference: &WorkloadRef, hpa: &Value) -> Check {
    let name = hpa["metadata"]["name"].as_str().unwrap_or("?");
    let (spec, status) = (&hpa["spec"], &hpa["status"]);
    let most = spec["maxReplicas"].as_i64().unwrap_or(0);
    let least = spec["minReplicas"].as_i64().unwrap_or(1);
    let (now, wanted) = (status["currentReplicas"].as_i64().unwrap_or(0), status["desiredReplicas"].as_i64());
    let namespace = &reference.namespace;
    let fails = items(&status["conditions"])
        .iter()
        .find(|condition| condition["type"] == "ScalingActive" && condition["status"] == "False");
    if let Some(condition) = fails {
        let reason = condition["reason"].as_str().unwrap_or("no reason given");
        return warning(
            NAME,
            format!("hpa/{name} cannot scale ({reason}): the old pods start cold at full traffic, {now} of them"),
            format!("be ready to scale it manually: kubectl scale {reference} -n {namespace} --replicas=N"),
        );
    }
    if now >= most {
        return warning(
            NAME,
            format!("hpa/{name} is at its maximum of {most} pods: the old ones start cold at full traffic"),
            format!(
                "raise the maximum first: kubectl patch hpa {name} -n {namespace} -p \
                 '{{\"spec\":{{\"maxReplicas\":N}}}}'"
            ),
        );
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != now) {
        return warning(
            NAME,
            format!(
                "hpa/{name} is scaling it from {now} to {wanted} pods: if it scales at that very moment, the \
                 rollback is rejected and overwrites nothing"
            ),
            "if that happens, reopen the plan and confirm again",
        );
    }
    Check::ok(
        NAME,
        format!("hpa/{name} allows {least} to {most} pods, {now} now: it can scale up while the old ones warm up"),
    )
}

/// Where the autoscalers may not be read, one leaves its trace in the fields' managers.
fn is_scaled(workload: &Value) -> bool {
    let scales = |entry: &Value| entry["subresource"] == "scale" && entry["manager"] == "kube-controller-manager";
    items(&workload["metadata"]["managedFields"]).iter().any(scales)
}

fn fewer_pods(reference: &WorkloadRef, workload: &Value, target: &Target) -> Option<Check> {
    let before: i64 = target.entry.annotations.get(DESIRED)?.as_str()?.parse().ok()?;
    let now = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    (now < before).then(|| {
        warning(
            NAME,
            format!(
                "{now} pods now, {before} when {} was replaced: fewer, and cold, for the same traffic",
                target.entry.version.label()
            ),
            format!("kubectl scale {reference} -n {} --replicas={before}", reference.namespace),
        )
    })
}
