//! Whether the namespace's quotas allow the surge pods of a rollback.

use super::pace::Pace;
use super::{Looked, quantity, warning};
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::destination::Target;
use crate::rollback::destination::text::items;
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

const NAME: CheckKind = CheckKind::Capacity;

/// The quota's resources that pods use up, with what they are in a container's `resources`.
const LIMITED: [(&str, Option<(&str, &str)>); 8] = [
    ("pods", None),
    ("count/pods", None),
    ("cpu", Some(("requests", "cpu"))),
    ("requests.cpu", Some(("requests", "cpu"))),
    ("limits.cpu", Some(("limits", "cpu"))),
    ("memory", Some(("requests", "memory"))),
    ("requests.memory", Some(("requests", "memory"))),
    ("limits.memory", Some(("limits", "memory"))),
];

/// Quotas alone: whether the nodes have room is for the scheduler to say. `None` where they may not be read.
pub(super) fn check(
    reference: &WorkloadRef,
    workload: &Value,
    target: &Target,
    pace: Pace,
    looked: &Looked,
) -> Option<Check> {
    let quotas = looked.found()?;
    // Pods that are on top already make room for each other.
    let replicas = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    let on_top = match reference.kind {
        WorkloadKind::Deployment | WorkloadKind::Rollout => {
            (workload["status"]["replicas"].as_i64().unwrap_or(0) - replicas).max(0)
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => 0,
    };
    let surge = (pace.surge.min(pace.pods) - on_top).max(0) as f64;
    let (old, new) = (&target.entry.template, &workload["spec"]["template"]);
    let unscoped =
        |quota: &&Value| items(&quota["spec"]["scopes"]).is_empty() && quota["spec"]["scopeSelector"].is_null();

    let mut limited = false;
    for quota in quotas.iter().filter(unscoped) {
        let status = &quota["status"];
        for (resource, of_container) in LIMITED {
            let (Some(hard), Some(used)) =
                (quantity::read(&status["hard"][resource]), quantity::read(&status["used"][resource]))
            else {
                continue;
            };
            limited = true;
            let each = |template| of_container.map_or(1.0, |(part, key)| pod(template, part, key));
            let needed = surge * each(old) + (each(old) - each(new)).max(0.0) * pace.pods as f64;
            let free = (hard - used).max(0.0);
            if needed > free {
                let name = quota["metadata"]["name"].as_str().unwrap_or("?");
                return Some(short(reference, pace, name, resource, needed, free));
            }
        }
    }
    Some(Check::ok(
        NAME,
        match (pace.surge, limited) {
            (0, _) => "no surge pods (maxSurge 0): no extra capacity needed".to_owned(),
            (_, true) => "quota allows the surge pods".to_owned(),
            (_, false) => "no quota limits the surge pods".to_owned(),
        },
    ))
}

fn short(reference: &WorkloadRef, pace: Pace, quota: &str, resource: &str, needed: f64, free: f64) -> Check {
    let (needed, free) = (quantity::write(resource, needed), quantity::write(resource, free));
    let then = if pace.unavailable == 0 { "it would not start until there is room" } else { "it would be slow" };
    warning(
        NAME,
        format!("needs {needed} more of quota {quota} ({resource}), {free} free: {then}"),
        format!(
            "make room: kubectl edit resourcequota {quota} -n {namespace}, or scale down something else in {namespace}",
            namespace = reference.namespace
        ),
    )
}

/// What one pod asks for: its containers together, or its greediest init container where that is more. A
/// container that names only its limit requests as much.
fn pod(template: &Value, part: &str, key: &str) -> f64 {
    let asks = |container: &Value| {
        let resources = &container["resources"];
        quantity::read(&resources[part][key]).or_else(|| quantity::read(&resources["limits"][key])).unwrap_or(0.0)
    };
    let spec = &template["spec"];
    // An init container that always restarts is a sidecar: it stays beside the others.
    let (sidecars, first): (Vec<&Value>, Vec<&Value>) =
        items(&spec["initContainers"]).iter().partition(|container| container["restartPolicy"] == "Always");
    let beside: f64 = sidecars.into_iter().map(asks).sum();
    let together: f64 = items(&spec["containers"]).iter().map(asks).sum();
    let greediest = first.into_iter().map(asks).fold(0.0, f64::max);
    beside + together.max(greediest)
}

#[cfg(test)]
mod tests {
    use super::pod;
    use serde_json::{Value, json};

    #[test]
    fn a_pod_asks_for_its_containers_together_or_its_greediest_first_one() {
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let mut template = json!({"spec": {"containers": [container("250m"), container("250m")]}});
        let cpu = |template: &Value| pod(template, "requests", "cpu");
        assert!((cpu(&template) - 0.5).abs() < 1e-9);
        template["spec"]["initContainers"] = json!([container("2")]);
        assert!((cpu(&template) - 2.0).abs() < 1e-9);
        let mut sidecar = container("1");
        sidecar["restartPolicy"] = json!("Always");
        template["spec"]["initContainers"] = json!([container("2"), sidecar]);
        assert!((cpu(&template) - 3.0).abs() < 1e-9);
        let limited = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1"}}}]}});
        assert!((cpu(&limited) - 1.0).abs() < 1e-9, "a limit alone is a request too");
    }
}
