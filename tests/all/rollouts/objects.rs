//! A Rollout of five pods, its `ReplicaSets` and its pods, as an API server and the controller write them: from
//! 1.8.3 (revision 7) to 1.9.0 (revision 8), with 1.8.2 (revision 6) before.

use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::rollback::Goal;
use redflag::rollback::request::{Choice, PlanRequest, Wanted};
use serde_json::{Value, json};

/// Hash, tag, revision and the minute at which it was made.
pub(crate) const OLDER: Version = Version("4a4b9c7f5d", "1.8.2", 6, 0);
pub(crate) const OLD: Version = Version("5f6b8d9c44", "1.8.3", 7, 10);
pub(crate) const NEW: Version = Version("7c9d6b5f88", "1.9.0", 8, 20);

#[derive(Clone, Copy)]
pub(crate) struct Version(pub(crate) &'static str, pub(crate) &'static str, i64, i64);

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) rollout: Value,
    pub(crate) replica_sets: Vec<Value>,
    pub(crate) pods: Vec<Value>,
    /// Where the template is, when the Rollout has none of its own.
    pub(crate) deployment: Option<Value>,
    /// Whether the definition of Rollouts has the subresource `status`.
    pub(crate) has_status: bool,
}

pub(crate) fn template(tag: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}},
           "spec": {"containers": [{"name": "web", "image": format!("shop/web:{tag}")}]}})
}

pub(crate) fn canary() -> Value {
    json!({"canary": {"maxSurge": "25%", "maxUnavailable": 0, "steps": [
        {"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "10m"}}, {"setWeight": 80},
    ]}})
}

fn replica_set(Version(hash, tag, revision, minute): Version, pods: usize) -> Value {
    let mut template = template(tag);
    template["metadata"]["labels"]["rollouts-pod-template-hash"] = json!(hash);
    // The API server fills in what the Rollout's author left out; the Rollout itself stays as it was written.
    template["spec"]["dnsPolicy"] = json!("ClusterFirst");
    template["spec"]["terminationGracePeriodSeconds"] = json!(30);
    json!({
        "metadata": {
            "name": format!("web-{hash}"), "namespace": "production", "uid": format!("uid-{hash}"),
            "creationTimestamp": format!("2026-11-23T01:{minute:02}:00Z"),
            "labels": {"app": "web", "rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": revision.to_string(),
                            "rollout.argoproj.io/desired-replicas": "5"},
            "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web",
                                 "uid": "uid-web", "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {"replicas": pods, "template": template},
        "status": {"replicas": pods, "readyReplicas": pods, "availableReplicas": pods},
    })
}

fn pod(Version(hash, _, _, minute): Version, number: usize) -> Value {
    json!({
        "metadata": {
            "name": format!("web-{hash}-{number}"), "namespace": "production", "uid": format!("uid-{hash}-{number}"),
            "creationTimestamp": format!("2026-11-23T01:{minute:02}:05Z"),
            "labels": {"app": "web", "rollouts-pod-template-hash": hash},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{hash}"),
                                 "uid": format!("uid-{hash}"), "controller": true}],
        },
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": format!("2026-11-23T01:{minute:02}:25Z")}]},
    })
}

/// A Rollout in this state, with so many pods of the old and of the new version.
pub(crate) fn world(strategy: Value, old: usize, new: usize, status: &Value) -> World {
    let mut rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "production", "uid": "uid-web", "generation": 12,
                     "creationTimestamp": "2026-11-01T00:00:00Z",
                     "annotations": {"rollout.argoproj.io/revision": "8"}},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "web"}}, "template": template(NEW.1)},
        "status": {"observedGeneration": "12", "selector": "app=web", "currentPodHash": NEW.0, "stableRS": OLD.0,
                   "replicas": old + new, "updatedReplicas": new, "readyReplicas": old + new,
                   "availableReplicas": old + new, "HPAReplicas": old + new, "blueGreen": {}, "canary": {}},
    });
    rollout["spec"]["strategy"] = strategy;
    for (key, value) in status.as_object().unwrap() {
        rollout["status"][key] = value.clone();
    }
    let sets = [(OLDER, 0), (OLD, old), (NEW, new)];
    World {
        rollout,
        replica_sets: sets.into_iter().map(|(version, pods)| replica_set(version, pods)).collect(),
        pods: sets.into_iter().flat_map(|(version, pods)| (0..pods).map(move |number| pod(version, number))).collect(),
        deployment: None,
        has_status: true,
    }
}

/// A canary that waits for a person at its second step.
pub(crate) fn paused() -> World {
    let pause = json!([{"reason": "CanaryPauseStep", "startTime": "2026-11-23T01:21:00Z"}]);
    let status = json!({"phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1,
                        "controllerPause": true, "pauseConditions": pause});
    world(canary(), 4, 1, &status)
}

/// The same after an abort, when all pods are back.
pub(crate) fn aborted() -> World {
    let message = "RolloutAborted: Rollout aborted update to revision 8";
    let status = json!({"phase": "Degraded", "message": message, "abort": true, "abortedAt": "2026-11-23T01:25:00Z",
                        "currentStepIndex": 0});
    world(canary(), 5, 0, &status)
}

/// 1.9.0 was promoted.
pub(crate) fn promoted() -> World {
    let progressing = json!([{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                              "lastUpdateTime": "2026-11-23T01:40:00Z"}]);
    let status = json!({"phase": "Healthy", "stableRS": NEW.0, "currentStepIndex": 5, "conditions": progressing});
    world(canary(), 0, 5, &status)
}

/// A blue-green update before its switch, which a person makes.
pub(crate) fn blue_green() -> World {
    let strategy = json!({"blueGreen": {"activeService": "web", "previewService": "web-preview",
                                        "autoPromotionEnabled": false, "scaleDownDelaySeconds": 600}});
    let status = json!({"phase": "Paused", "message": "BlueGreenPause", "controllerPause": true,
                        "pauseConditions": [{"reason": "BlueGreenPause", "startTime": "2026-11-23T01:21:00Z"}],
                        "blueGreen": {"activeSelector": OLD.0, "previewSelector": NEW.0},
                        "readyReplicas": 5, "availableReplicas": 5});
    world(strategy, 5, 5, &status)
}

/// The same, when its template is that of a Deployment which has no pods of its own.
pub(crate) fn by_reference(mut world: World) -> World {
    let template = world.rollout["spec"].as_object_mut().unwrap().remove("template").unwrap();
    world.rollout["spec"]["workloadRef"] =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-template"});
    world.rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"] = json!("3");
    world.rollout["status"]["workloadObservedGeneration"] = json!("3");
    world.deployment = Some(json!({
        "metadata": {"name": "web-template", "namespace": "production", "uid": "uid-template", "generation": 3,
                     "annotations": {"note": "kept"}},
        "spec": {"replicas": 0, "template": template},
    }));
    world
}

pub(crate) fn reference() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Rollout, namespace: "production".to_owned(), name: "web".to_owned() }
}

pub(crate) fn ask(goal: Goal, choice: Choice) -> PlanRequest {
    PlanRequest {
        goal,
        workload: WorkloadId(0),
        reference: reference(),
        service: "web".to_owned(),
        environment: "production".to_owned(),
        wanted: Wanted { choice, ..Wanted::default() },
    }
}

/// What a person means who does not choose.
pub(crate) fn usual() -> PlanRequest {
    ask(Goal::RollBack, Choice::Usual { served_before: Some(OLD.0.to_owned()) })
}
