//! The kubelet's own words (`pkg/kubelet/eviction/helpers.go`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use serde_json::json;

const EMPTY_DIR: &str = "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". ";
const CONTAINER: &str = "Container app exceeded its local ephemeral storage limit \"2Gi\". ";
const POD: &str = "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ";
const NODE: &str = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. Container app was \
                    using 1Gi, request is 512Mi, has larger consumption of memory. ";

fn now() -> Time {
    "2026-11-28T10:00:00Z".parse().unwrap()
}

fn pod(number: u32, version: &str, reason: &str, message: &str, minutes_ago: i64) -> Pod {
    let at = (now() - TimeDelta::minutes(minutes_ago)).to_rfc3339();
    let object = json!({
        "metadata": { "name": format!("db-{number}"), "uid": format!("u{number}"),
                      "labels": { "controller-revision-hash": version } },
        "status": { "phase": "Failed", "reason": reason, "message": message,
                    "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": at }] },
    });
    serde_json::from_value(object).unwrap()
}

fn trouble(pods: &[Pod]) -> Option<Trouble> {
    let mut evictions = Evictions::default();
    for pod in pods {
        evictions.look(pod, WorkloadKind::StatefulSet, now());
        // A pod is told again with each change of it.
        evictions.look(pod, WorkloadKind::StatefulSet, now());
    }
    evictions.trouble("new", now())
}

#[test]
fn evictions_for_the_pods_own_limits_are_a_flag_the_second_time() {
    for message in [EMPTY_DIR, CONTAINER, POD] {
        let once = trouble(&[pod(1, "new", "Evicted", message, 1)]).unwrap();
        assert_eq!(once.kind, TroubleKind::Evicted, "{message}");
        let twice = trouble(&[pod(1, "new", "Evicted", message, 9), pod(2, "new", "Evicted", message, 1)]).unwrap();
        assert_eq!(twice.kind, TroubleKind::OverLimit, "{message}");
    }
    let twice = trouble(&[
        pod(1, "new", "Evicted", EMPTY_DIR, 9),
        pod(2, "new", "Evicted", NODE, 1),
        pod(3, "new", "Evicted", EMPTY_DIR, 2),
    ]);
    assert_eq!(
        twice.unwrap().sentence,
        "2 new pods were evicted for exceeding their own limits: Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". (db-3)"
    );
}

#[test]
fn a_node_that_runs_low_is_a_warning_however_often() {
    let pods: Vec<Pod> = (0..1000).map(|number| pod(number, "new", "Evicted", NODE, 1)).collect();
    let told = trouble(&pods).unwrap();
    assert_eq!(told.kind, TroubleKind::Evicted);
    assert!(
        told.sentence.starts_with(&format!("{MOST} new pods were evicted because the node ran low: ")),
        "{}",
        told.sentence
    );
}

#[test]
fn what_is_old_of_another_version_or_no_eviction_says_nothing() {
    assert_eq!(trouble(&[pod(1, "old", "Evicted", POD, 1), pod(2, "old", "Evicted", POD, 1)]), None);
    assert_eq!(trouble(&[pod(1, "new", "Evicted", POD, 31)]), None);
    assert_eq!(trouble(&[pod(1, "new", "NodeShutdown", POD, 1)]), None);
}
