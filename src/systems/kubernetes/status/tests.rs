//! One row a case of kubectl's algorithm.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use serde_json::{Value, json};

fn say(kind: WorkloadKind, spec: &Value, status: &Value) -> String {
    let object = json!({ "metadata": { "name": "app", "generation": 7 }, "spec": spec, "status": status });
    let workload: Workload = serde_json::from_value(object).unwrap();
    match progress(kind, &workload) {
        Progress::Waiting(text) => text,
        Progress::Complete => "done".to_owned(),
        Progress::Failed(text) => format!("error: {text}"),
        Progress::Gone => "gone".to_owned(),
    }
}

fn merged(base: &Value, change: &Value) -> Value {
    let mut base = base.clone();
    for (key, value) in change.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

#[test]
fn a_deployment_is_judged_in_kubectls_order() {
    let late = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]);
    let all = json!({ "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 });
    let rows = [
        (json!(3), json!({}), "done"),
        // Stale: whatever else the status says is about the spec before.
        (json!(3), json!({ "observedGeneration": 6 }), "Waiting for deployment spec update to be observed..."),
        (
            json!(3),
            json!({ "observedGeneration": 6, "conditions": late }),
            "Waiting for deployment spec update to be observed...",
        ),
        // The deadline comes before the counts.
        (
            json!(3),
            json!({ "conditions": late, "updatedReplicas": 1 }),
            "error: deployment \"app\" exceeded its progress deadline",
        ),
        (
            json!(3),
            json!({ "updatedReplicas": 1, "replicas": 4 }),
            "Waiting for deployment \"app\" rollout to finish: 1 out of 3 new replicas have been updated...",
        ),
        (
            json!(3),
            json!({ "updatedReplicas": null, "replicas": 3 }),
            "Waiting for deployment \"app\" rollout to finish: 0 out of 3 new replicas have been updated...",
        ),
        (
            json!(3),
            json!({ "replicas": 5 }),
            "Waiting for deployment \"app\" rollout to finish: 2 old replicas are pending termination...",
        ),
        (
            json!(3),
            json!({ "availableReplicas": 2 }),
            "Waiting for deployment \"app\" rollout to finish: 2 of 3 updated replicas are available...",
        ),
        // Scaled to nothing counts as done; a missing count is zero.
        (json!(0), json!({ "replicas": 0, "updatedReplicas": 0, "availableReplicas": 0 }), "done"),
        (json!(null), json!({}), "done"),
        // Nobody has filled in the default, and there is no pod.
        (
            json!(null),
            json!({ "replicas": 0, "updatedReplicas": 0, "availableReplicas": 0 }),
            "Waiting for deployment \"app\" rollout to finish: 0 out of 1 new replicas have been updated...",
        ),
    ];
    for (replicas, change, expected) in rows {
        let mut status = merged(&all, &change);
        status.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(say(WorkloadKind::Deployment, &json!({ "replicas": replicas }), &status), expected, "{change}");
    }
}

#[test]
fn a_stateful_set_is_judged_in_kubectls_order_and_to_its_last_pod() {
    let rolling = |partition: i64| json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": partition } });
    let by_hand = json!({ "type": "OnDelete" });
    let unset = json!({ "type": "RollingUpdate" });
    let all = json!({ "observedGeneration": 7, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3,
        "currentRevision": "app-b", "updateRevision": "app-b" });
    let rows = [
        (rolling(0), json!({}), "done"),
        (rolling(0), json!({ "observedGeneration": 6 }), "Waiting for statefulset spec update to be observed..."),
        (rolling(0), json!({ "observedGeneration": 0 }), "Waiting for statefulset spec update to be observed..."),
        (rolling(0), json!({ "readyReplicas": 1 }), "Waiting for 2 pods to be ready..."),
        (
            rolling(0),
            json!({ "updatedReplicas": 1, "currentRevision": "app-a" }),
            "Waiting for partitioned roll out to finish: 1 out of 3 new pods have been updated...",
        ),
        (
            rolling(2),
            json!({ "updatedReplicas": 0, "currentRevision": "app-a" }),
            "Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...",
        ),
        // A partition is meant to leave old pods behind.
        (rolling(2), json!({ "updatedReplicas": 1, "currentRevision": "app-a" }), "done"),
        // Without one kubectl would say done here, a moment too early.
        (
            rolling(0),
            json!({ "currentRevision": "app-a" }),
            "waiting for statefulset rolling update to complete 3 pods at revision app-b...",
        ),
        (
            unset,
            json!({ "updatedReplicas": 2, "currentRevision": "app-a" }),
            "waiting for statefulset rolling update to complete 2 pods at revision app-b...",
        ),
        (by_hand.clone(), json!({}), "done"),
        (
            by_hand,
            json!({ "updatedReplicas": 1 }),
            "Waiting for its pods to be deleted manually (strategy OnDelete): 1 out of 3 are new, 3 ready...",
        ),
    ];
    for (strategy, change, expected) in rows {
        let spec = json!({ "replicas": 3, "updateStrategy": strategy });
        assert_eq!(say(WorkloadKind::StatefulSet, &spec, &merged(&all, &change)), expected, "{change}");
    }
}

#[test]
fn a_daemon_set_is_judged_in_kubectls_order() {
    let all = json!({ "observedGeneration": 7, "desiredNumberScheduled": 5, "currentNumberScheduled": 5,
        "updatedNumberScheduled": 5, "numberAvailable": 5, "numberReady": 5 });
    let rolling = json!({ "type": "RollingUpdate" });
    let by_hand = json!({ "type": "OnDelete" });
    let rows = [
        (&rolling, json!({}), "done"),
        (&rolling, json!({ "observedGeneration": 6 }), "Waiting for daemon set spec update to be observed..."),
        (
            &rolling,
            json!({ "updatedNumberScheduled": 2 }),
            "Waiting for daemon set \"app\" rollout to finish: 2 out of 5 new pods have been updated...",
        ),
        (
            &rolling,
            json!({ "numberAvailable": 4 }),
            "Waiting for daemon set \"app\" rollout to finish: 4 of 5 updated pods are available...",
        ),
        (
            &by_hand,
            json!({ "updatedNumberScheduled": 2 }),
            "Waiting for its pods to be deleted manually (strategy OnDelete): 2 out of 5 are new, 5 ready...",
        ),
    ];
    for (strategy, change, expected) in rows {
        let spec = json!({ "updateStrategy": strategy });
        assert_eq!(say(WorkloadKind::DaemonSet, &spec, &merged(&all, &change)), expected, "{change}");
    }
}

#[test]
fn a_daemon_set_counts_nodes() {
    let object = json!({ "status": { "desiredNumberScheduled": 5, "currentNumberScheduled": 4,
        "updatedNumberScheduled": 3, "numberReady": 2, "numberAvailable": 1 } });
    let counts = replicas(WorkloadKind::DaemonSet, &serde_json::from_value(object).unwrap());
    assert_eq!(counts, Replicas { desired: 5, updated: 3, ready: 2, available: 1, total: 4 });
}
