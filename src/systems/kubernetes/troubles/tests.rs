//! The sentences.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::rollout::PodPhase;
use serde_json::{Value, json};

fn workload(spec: &Value, status: &Value) -> Workload {
    let object = json!({ "metadata": { "name": "app", "generation": 1 }, "spec": spec, "status": status });
    serde_json::from_value(object).unwrap()
}

fn problem(kind: TroubleKind, detail: &str, container: Option<&str>) -> PodProblem {
    let container = container.map(str::to_owned);
    PodProblem { kind, reason: String::new(), detail: detail.to_owned(), container }
}

fn ill<const N: usize>(pod: &str, problems: [PodProblem; N]) -> FailingPod<'_> {
    FailingPod { pod, problems: Vec::from(problems) }
}

fn sentences(troubles: &[Trouble]) -> Vec<&str> {
    troubles.iter().map(|trouble| trouble.sentence.as_str()).collect()
}

#[test]
fn each_kind_has_one_sentence_and_the_worst_comes_first() {
    let template = json!({ "spec": { "containers": [
        { "name": "app", "image": "company/app:2", "resources": { "limits": { "memory": "512Mi" } } }] } });
    let workload = workload(&json!({ "template": template }), &json!({ "observedGeneration": 1 }));
    let crash = || problem(TroubleKind::CrashLoop, "CrashLoopBackOff, exit 1", Some("app"));
    let pods = [
        ill("app-1", [crash(), problem(TroubleKind::OomKilled, "OOMKilled", Some("app"))]),
        ill("app-2", [crash()]),
        ill("app-3", [crash(), problem(TroubleKind::Restarts, "3 times, exit 1", Some("app"))]),
        ill("app-4", [problem(TroubleKind::Unschedulable, "0/5 nodes are available", None)]),
    ];
    assert_eq!(
        sentences(&troubles(WorkloadKind::Deployment, &workload, &pods, true)),
        [
            "3 of 4 new pods crash-loop: CrashLoopBackOff, exit 1 (container app; app-1 and 2 more)",
            "1 of 4 new pods was killed for using too much memory: OOMKilled (container app, limit 512Mi; app-1)",
            "1 of 4 new pods cannot be scheduled: 0/5 nodes are available (app-4)",
            "1 of 4 new pods restarted 3 times, exit 1 (container app; app-3)",
        ]
    );
}

#[test]
fn what_the_conditions_say_is_said() {
    let conditions = json!([
        { "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable" },
        { "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
          "message": "pods \"app-1\" is forbidden: exceeded quota: compute" },
        { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" },
    ]);
    let status = |observed| json!({ "observedGeneration": observed, "updatedReplicas": 1, "availableReplicas": 1, "conditions": conditions });
    let spec = json!({ "replicas": 3, "paused": true, "progressDeadlineSeconds": 600 });
    let told = troubles(WorkloadKind::Deployment, &workload(&spec, &status(1)), &[], false);
    assert_eq!(
        sentences(&told),
        [
            "the rollout exceeded its progress deadline of 600 s: 1 of 3 pods updated, 1 available",
            "pods are refused: FailedCreate: pods \"app-1\" is forbidden: exceeded quota: compute",
            "only 1 of 3 pods is available, below the minimum",
            "the deployment is paused: it waits until somebody resumes it",
        ]
    );
    // A status that speaks of the spec before says nothing about this one.
    let stale = troubles(WorkloadKind::Deployment, &workload(&spec, &status(0)), &[], false);
    assert_eq!(sentences(&stale), ["the deployment is paused: it waits until somebody resumes it"]);
}

#[test]
fn a_stateful_set_that_lost_all_its_pods_is_unavailable_but_not_while_it_starts() {
    let workload = workload(&json!({ "replicas": 2 }), &json!({ "observedGeneration": 1 }));
    assert_eq!(troubles(WorkloadKind::StatefulSet, &workload, &[], false), []);
    let told = troubles(WorkloadKind::StatefulSet, &workload, &[], true);
    assert_eq!(sentences(&told), ["only 0 of 2 pods are available, below the minimum"]);
}

#[test]
fn a_broken_pod_that_holds_a_stateful_set_up_is_named_with_the_command_that_removes_it() {
    let pod = |name: &str, is_new: bool, phase: PodPhase| Pod {
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
        is_new,
        hash: String::new(),
        phase,
        reason: None,
        restarts: 0,
        oom_killed: false,
        created: None,
        ready_since: None,
        unready_since: None,
        node: None,
        zone: None,
        last_words: None,
        images: Vec::new(),
    };
    let spec = json!({ "podManagementPolicy": "OrderedReady", "updateStrategy": { "type": "RollingUpdate" } });
    let mut set = workload(&spec, &json!({ "observedGeneration": 1 }));
    set.metadata.namespace = Some("shop".to_owned());
    let told = |set: &Workload, kind, pods: &[Pod]| held_up(kind, set, pods).map(|trouble| trouble.sentence);
    let of_set = |set: &Workload, pods: &[Pod]| told(set, WorkloadKind::StatefulSet, pods);

    let one = [pod("db-0", false, PodPhase::Ready), pod("db-1", false, PodPhase::Failing)];
    assert_eq!(
        of_set(&set, &one).as_deref(),
        Some("db-1 of another version is not ready, and OrderedReady waits for it: kubectl delete pod db-1 -n shop")
    );
    let two = [pod("db-1", false, PodPhase::Unready), pod("db-2", false, PodPhase::Failing)];
    assert_eq!(
        of_set(&set, &two).as_deref(),
        Some(
            "db-1, db-2 of another version are not ready, and OrderedReady waits for them: \
             kubectl delete pod db-1 db-2 -n shop"
        )
    );

    let moving = [pod("db-0", false, PodPhase::Starting), pod("db-1", false, PodPhase::Terminating)];
    assert_eq!(of_set(&set, &moving), None, "these go on by themselves");
    assert_eq!(of_set(&set, &[pod("db-1", true, PodPhase::Failing)]), None, "a new one is another trouble");
    assert_eq!(told(&set, WorkloadKind::DaemonSet, &one), None);
    set.spec.pod_management_policy = "Parallel".to_owned();
    assert_eq!(of_set(&set, &one), None);
    set.spec.pod_management_policy = "OrderedReady".to_owned();
    set.spec.update_strategy.r#type = "OnDelete".to_owned();
    assert_eq!(of_set(&set, &one), None);
}

#[test]
fn memory_kills_of_a_sidecar_are_a_flag_once_they_spread() {
    let workload = workload(&json!({ "replicas": 50 }), &json!({ "observedGeneration": 1 }));
    let worst = |killed: usize, of: usize| {
        let kill = |place: usize| (place < killed).then(|| problem(TroubleKind::SidecarOomKilled, "OOMKilled", None));
        let pods: Vec<_> =
            (0..of).map(|place| FailingPod { pod: "app", problems: kill(place).into_iter().collect() }).collect();
        troubles(WorkloadKind::Deployment, &workload, &pods, true).first().map(|trouble| trouble.kind)
    };
    assert_eq!(worst(0, 50), None);
    assert_eq!(worst(1, 50), Some(TroubleKind::SidecarOomKilled));
    assert_eq!(worst(5, 50), Some(TroubleKind::SidecarOomKilled));
    assert_eq!(worst(6, 50), Some(TroubleKind::OomKilled));
    assert_eq!(worst(1, 2), Some(TroubleKind::SidecarOomKilled), "one is one, of however few");
    assert_eq!(worst(2, 3), Some(TroubleKind::OomKilled));
}

#[test]
fn a_deadline_that_was_exceeded_on_the_way_to_the_end_is_no_trouble() {
    let exceeded = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]);
    let told = |updated: i64, available: i64, total: i64| {
        let status = json!({ "observedGeneration": 1, "replicas": total, "updatedReplicas": updated,
                             "readyReplicas": available, "availableReplicas": available, "conditions": exceeded });
        let workload = workload(&json!({ "replicas": 3, "progressDeadlineSeconds": 600 }), &status);
        let is_red = troubles(WorkloadKind::Deployment, &workload, &[], false)
            .iter()
            .any(|trouble| trouble.kind == TroubleKind::DeadlineExceeded);
        (status::progress(WorkloadKind::Deployment, &workload), is_red)
    };
    assert_eq!(told(3, 3, 3), (crate::rollout::Progress::Complete, false));
    for (updated, available, total) in [(2, 2, 2), (3, 2, 3), (3, 4, 4)] {
        let (progress, is_red) = told(updated, available, total);
        assert!(matches!(progress, crate::rollout::Progress::Failed(_)) && is_red, "{updated} {available} {total}");
    }
}
