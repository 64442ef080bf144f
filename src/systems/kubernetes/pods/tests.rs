//! Pods in every state, and what is remembered of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use chrono::DateTime;
use serde_json::{Value, json};

/// Minutes and seconds after two o'clock.
fn at(minutes: i64, seconds: i64) -> Time {
    DateTime::parse_from_rfc3339("2026-11-23T02:00:00Z").unwrap().to_utc() + TimeDelta::seconds(minutes * 60 + seconds)
}

fn stamp(time: Time) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A pod made at two o'clock, scheduled at once, with one container in this state.
fn pod(phase: &str, is_ready: bool, container: &Value) -> Pod {
    let mut status = json!({ "name": "app", "image": "company/app:2", "ready": is_ready, "restartCount": 0 });
    for (key, value) in container.as_object().unwrap() {
        status[key] = value.clone();
    }
    let ready = if is_ready { "True" } else { "False" };
    let object = json!({
        "metadata": { "name": "app-1", "uid": "u1", "creationTimestamp": stamp(at(0, 0)) },
        "status": {
            "phase": phase,
            "conditions": [
                { "type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(at(0, 0)) },
                { "type": "Ready", "status": ready, "lastTransitionTime": stamp(at(0, 5)) },
            ],
            "containerStatuses": [status],
        },
    });
    serde_json::from_value(object).unwrap()
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}

fn running(restarts: u32) -> Value {
    json!({ "state": { "running": {} }, "restartCount": restarts })
}

fn look_and_examine(pod: &Pod, now: Time) -> (PodState, Vec<PodProblem>) {
    let mut memory = Memory::default();
    memory.look(pod, now);
    examine(pod, &memory, &Roles::default(), Some(at(0, 0)), now)
}

fn kinds(problems: &[PodProblem]) -> Vec<TroubleKind> {
    problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn a_pod_carries_its_zone_and_the_last_words_of_the_container_that_ended_last() {
    let container = |name: &str, message: &str, minute: i64| {
        json!({ "name": name, "image": "company/app:2", "ready": true, "restartCount": 1, "state": { "running": {} },
            "lastState": { "terminated":
                { "reason": "Error", "exitCode": 1, "message": message, "finishedAt": stamp(at(minute, 0)) } } })
    };
    let mut object = json!({
        "metadata": { "name": "app-1", "uid": "u1", "creationTimestamp": stamp(at(0, 0)),
            "labels": { "topology.kubernetes.io/region": "eu-1", "topology.kubernetes.io/zone": "eu-1b" } },
        "spec": { "nodeName": "worker-3" },
        "status": { "phase": "Running", "containerStatuses": [
            container("proxy", "upstream failed", 1), container("app", "KeyError: 'DB_URL'\n", 3)] },
    });
    let told = |object: &Value| {
        let pod: Pod = serde_json::from_value(object.clone()).unwrap();
        let (state, _) = look_and_examine(&pod, at(4, 0));
        state.into_pod(&pod, WorkloadKind::Deployment, true)
    };
    let pod = told(&object);
    assert_eq!((pod.node.as_deref(), pod.zone.as_deref()), (Some("worker-3"), Some("eu-1b")));
    assert_eq!(pod.last_words.as_deref(), Some("exit 1: “KeyError: 'DB_URL'”"));
    // A cluster before 1.35 does not say where the node is.
    object["metadata"]["labels"] = json!({});
    object["status"]["containerStatuses"] = json!([]);
    let pod = told(&object);
    assert_eq!((pod.zone, pod.last_words), (None, None));
}

#[test]
fn every_waiting_reason_has_its_class() {
    let rows = [
        ("CrashLoopBackOff", Some(TroubleKind::CrashLoop)),
        ("RunContainerError", Some(TroubleKind::CrashLoop)),
        ("PostStartHookError", Some(TroubleKind::CrashLoop)),
        ("ErrImagePull", Some(TroubleKind::Image)),
        ("ImagePullBackOff", Some(TroubleKind::Image)),
        ("InvalidImageName", Some(TroubleKind::Image)),
        ("ErrImageNeverPull", Some(TroubleKind::Image)),
        ("CreateContainerConfigError", Some(TroubleKind::Config)),
        ("CreateContainerError", Some(TroubleKind::Config)),
        ("CreatePodSandboxError", Some(TroubleKind::Config)),
        ("ContainerCreating", None),
        ("PodInitializing", None),
    ];
    for (reason, kind) in rows {
        let (state, problems) = look_and_examine(&pod("Pending", false, &waiting(reason, "")), at(0, 10));
        assert_eq!(kinds(&problems), Vec::from_iter(kind), "{reason}");
        let phase = if kind.is_some() { PodPhase::Failing } else { PodPhase::Starting };
        assert_eq!((state.phase, state.reason.as_deref()), (phase, Some(reason)));
    }
}

#[test]
fn a_missing_secret_is_named() {
    let pod = pod("Pending", false, &waiting("CreateContainerConfigError", "secret \"db\" not found"));
    let (_, problems) = look_and_examine(&pod, at(0, 10));
    assert_eq!(problems[0].detail, "CreateContainerConfigError: secret \"db\" not found");
}

#[test]
fn containers_in_creation_are_stuck_after_three_minutes_but_not_behind_a_migration() {
    let creating = pod("Pending", false, &waiting("ContainerCreating", ""));
    assert_eq!(kinds(&look_and_examine(&creating, at(2, 59)).1), []);
    let (state, problems) = look_and_examine(&creating, at(3, 0));
    assert_eq!((state.phase, kinds(&problems)), (PodPhase::Failing, vec![TroubleKind::Config]));
    assert_eq!(problems[0].detail, "ContainerCreating for more than 3 min");

    let mut migrating = pod("Pending", false, &waiting("PodInitializing", ""));
    let init = json!([{ "name": "migrate", "state": { "running": {} } }]);
    migrating.status.init_container_statuses = serde_json::from_value(init).unwrap();
    let (state, problems) = look_and_examine(&migrating, at(20, 0));
    assert_eq!((state.phase, kinds(&problems)), (PodPhase::Starting, vec![]));
}

#[test]
fn an_init_container_that_crashes_is_a_crash_loop() {
    let mut pod = pod("Pending", false, &waiting("PodInitializing", ""));
    let init = json!([{ "name": "migrate", "restartCount": 3,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 2, "reason": "Error" } } }]);
    pod.status.init_container_statuses = serde_json::from_value(init).unwrap();
    let (_, problems) = look_and_examine(&pod, at(1, 0));
    assert_eq!(problems[0].container.as_deref(), Some("migrate"));
    assert_eq!(problems[0].detail, "CrashLoopBackOff, exit 2");
}

#[test]
fn two_restarts_in_five_minutes_are_a_loop_even_while_the_pod_is_ready() {
    let mut memory = Memory::default();
    let looks = [(0, at(1, 0)), (1, at(2, 0)), (2, at(4, 0))];
    let mut told = Vec::new();
    for (restarts, now) in looks {
        let pod = pod("Running", true, &running(restarts));
        memory.look(&pod, now);
        let (state, problems) = examine(&pod, &memory, &Roles::default(), Some(at(0, 0)), now);
        told.push((state.phase, state.restarts, kinds(&problems)));
    }
    assert_eq!(
        told,
        [
            (PodPhase::Ready, 0, vec![]),
            (PodPhase::Ready, 1, vec![TroubleKind::Restarts]),
            (PodPhase::Failing, 2, vec![TroubleKind::CrashLoop]),
        ]
    );
    // Five minutes after the first of them it is no loop any more; the restarts stay on the record.
    let pod = pod("Running", true, &running(2));
    let (state, problems) = examine(&pod, &memory, &Roles::default(), Some(at(0, 0)), at(7, 30));
    assert_eq!((state.phase, kinds(&problems)), (PodPhase::Ready, vec![TroubleKind::Restarts]));
    assert_eq!(problems[0].detail, "2 times");
}

#[test]
fn restarts_from_before_the_deploy_do_not_count() {
    let old = pod("Running", true, &running(9));
    let mut memory = Memory::default();
    memory.look(&old, at(60, 0));
    // The pod is an hour older than the deploy: it was there already, and survived an undo perhaps.
    let (state, problems) = examine(&old, &memory, &Roles::default(), Some(at(59, 0)), at(60, 0));
    assert_eq!((state.restarts, problems), (0, vec![]));
    let again = pod("Running", true, &running(10));
    memory.look(&again, at(61, 0));
    assert_eq!(examine(&again, &memory, &Roles::default(), Some(at(59, 0)), at(61, 0)).0.restarts, 1);
}

#[test]
fn a_count_that_falls_is_not_a_restart() {
    let mut memory = Memory::default();
    for (restarts, now) in [(3, at(10, 0)), (0, at(11, 0)), (1, at(12, 0))] {
        memory.look(&pod("Running", true, &running(restarts)), now);
    }
    let pod = pod("Running", true, &running(1));
    assert_eq!(examine(&pod, &memory, &Roles::default(), Some(at(9, 0)), at(12, 0)).0.restarts, 1);
}

#[test]
fn a_kill_for_memory_is_remembered_after_the_next_restart() {
    let mut memory = Memory::default();
    let killed = json!({ "restartCount": 1, "state": { "running": {} }, "lastState": { "terminated":
        { "exitCode": 137, "reason": "OOMKilled", "finishedAt": stamp(at(3, 0)) } } });
    memory.look(&pod("Running", true, &killed), at(3, 5));
    let later = json!({ "restartCount": 2, "state": { "running": {} }, "lastState": { "terminated":
        { "exitCode": 1, "reason": "Error", "finishedAt": stamp(at(9, 0)) } } });
    let pod = pod("Running", true, &later);
    memory.look(&pod, at(9, 5));
    let (state, problems) = examine(&pod, &memory, &Roles::default(), Some(at(0, 0)), at(9, 5));
    assert!(state.oom_killed);
    assert!(kinds(&problems).contains(&TroubleKind::OomKilled));
    // Of a pod from before the deploy, a kill from before counts for nothing.
    assert!(!examine(&pod, &memory, &Roles::default(), Some(at(5, 0)), at(9, 5)).0.oom_killed);
}

#[test]
fn the_registrys_words_outlive_the_back_off() {
    let mut memory = Memory::default();
    memory.look(&pod("Pending", false, &waiting("ErrImagePull", "manifest unknown")), at(0, 5));
    let backing_off = pod("Pending", false, &waiting("ImagePullBackOff", "Back-off pulling image \"company/app:2\""));
    memory.look(&backing_off, at(0, 15));
    let (state, problems) = examine(&backing_off, &memory, &Roles::default(), Some(at(0, 0)), at(0, 15));
    assert_eq!(problems[0].detail, "company/app:2: manifest unknown");
    assert_eq!(state.reason.as_deref(), Some("ImagePullBackOff"));
    // Newer kubelets repeat them.
    let newer = waiting("ImagePullBackOff", "Back-off pulling image \"company/app:2\": ErrImagePull: denied");
    assert_eq!(look_and_examine(&pod("Pending", false, &newer), at(0, 15)).1[0].detail, "company/app:2: denied");
}

#[test]
fn a_pod_without_a_node_says_what_is_missing() {
    let mut pod = pod("Pending", false, &json!({}));
    pod.status.container_statuses.clear();
    let conditions = json!([{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/5 nodes are available: 5 Insufficient memory." }]);
    pod.status.conditions = serde_json::from_value(conditions).unwrap();
    let (state, problems) = look_and_examine(&pod, at(9, 0));
    assert_eq!((state.phase, state.reason.as_deref()), (PodPhase::Starting, Some("Unschedulable")));
    assert_eq!(problems[0].detail, "0/5 nodes are available: 5 Insufficient memory.");
}

#[test]
fn pods_on_their_way_out_and_evicted_ones_ail_nothing() {
    let mut leaving = pod("Running", false, &waiting("CrashLoopBackOff", ""));
    leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
    let (state, problems) = look_and_examine(&leaving, at(1, 0));
    assert_eq!((state.phase, state.reason, problems), (PodPhase::Terminating, None, vec![]));

    let mut evicted = pod("Failed", false, &json!({}));
    evicted.status.reason = "Evicted".to_owned();
    let (state, problems) = look_and_examine(&evicted, at(1, 0));
    assert_eq!((state.phase, state.reason.as_deref(), problems), (PodPhase::Finished, Some("Evicted"), vec![]));
}

#[test]
fn a_pod_tells_what_it_really_runs_where_the_image_was_pulled() {
    let pod: Pod = serde_json::from_value(json!({"status": {"containerStatuses": [
        {"name": "app", "image": "shop/app:1.9.0", "imageID": "docker-pullable://shop/app@sha256:01"},
        {"name": "pinned", "image": "shop/proxy@sha256:02", "imageID": "shop/proxy@sha256:02"},
        {"name": "local", "image": "app:dev", "imageID": "sha256:03"},
        {"name": "waiting", "image": "shop/app:1.9.0", "imageID": ""},
    ]}}))
    .unwrap();
    assert_eq!(pod.images(), ["shop/app:1.9.0@sha256:01", "shop/proxy@sha256:02"]);
}

/// A template with an app, a proxy beside it, a native sidecar and a migration.
fn template() -> Template {
    let template = json!({ "spec": {
        "containers": [{ "name": "app", "image": "company/app:2" }, { "name": "proxy", "image": "proxy:1" }],
        "initContainers": [
            { "name": "logs", "image": "logs:1", "restartPolicy": "Always" },
            { "name": "migrate", "image": "company/app:2" },
        ],
    } });
    serde_json::from_value(template).unwrap()
}

#[test]
fn one_memory_kill_of_a_sidecar_is_a_warning_and_everything_else_a_flag() {
    let template = template();
    let roles = Roles::of(Some(&template), Some("app"));
    let killed = |container: &str, minute| {
        json!({ "name": container, "restartCount": 1, "state": { "running": {} },
                "lastState": { "terminated": { "reason": "OOMKilled", "exitCode": 137, "finishedAt": stamp(at(minute, 0)) } } })
    };
    let kind = |memory: &Memory, pod: &Pod, minute| {
        let (state, problems) = examine(pod, memory, &roles, Some(at(0, 0)), at(minute, 0));
        assert!(state.oom_killed);
        problems.into_iter().find(|it| it.reason == "OOMKilled").map(|it| (it.kind, it.container))
    };
    for (container, expected) in [
        ("app", TroubleKind::OomKilled),
        ("proxy", TroubleKind::SidecarOomKilled),
        ("logs", TroubleKind::SidecarOomKilled),
        ("migrate", TroubleKind::OomKilled),
        ("debugger", TroubleKind::OomKilled),
    ] {
        let pod = pod("Running", true, &killed(container, 1));
        let mut memory = Memory::default();
        memory.look(&pod, at(2, 0));
        memory.look(&pod, at(3, 0));
        assert_eq!(kind(&memory, &pod, 3), Some((expected, Some(container.to_owned()))), "{container}");
    }
    let mut memory = Memory::default();
    memory.look(&pod("Running", true, &killed("proxy", 1)), at(2, 0));
    let again = pod("Running", true, &killed("proxy", 9));
    memory.look(&again, at(10, 0));
    assert_eq!(kind(&memory, &again, 10), Some((TroubleKind::OomKilled, Some("proxy".to_owned()))), "twice");
}

#[test]
fn what_a_container_said_last_is_kept_though_its_state_is_gone() {
    let mut memory = Memory::default();
    let died = json!({ "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": {
        "terminated": { "reason": "Error", "exitCode": 1, "finishedAt": stamp(at(1, 0)),
                        "message": "loading config\nfatal: no such table: orders\n" } } });
    memory.look(&pod("Running", false, &died), at(1, 10));
    let silent =
        pod("Running", false, &json!({ "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } } }));
    memory.look(&silent, at(1, 20));
    let (_, problems) = examine(&silent, &memory, &Roles::default(), Some(at(0, 0)), at(1, 20));
    assert_eq!(problems[0].detail, "CrashLoopBackOff, exit 1: “fatal: no such table: orders”");
}
