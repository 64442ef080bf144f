//! What is told of a Rollout: its progress in words, which version it is about, and which pods count.

use super::objects::{NEW, OLD, World, aborted, blue_green, by_reference, paused, promoted, world};
use chrono::DateTime;
use kube::runtime::watcher::Event;
use redflag::deploy::{Version, WorkloadKind};
use redflag::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use redflag::systems::kubernetes::fold::Fold;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn list<K: DeserializeOwned>(items: &[Value], mut take: impl FnMut(Event<K>)) {
    take(Event::Init);
    for item in items {
        take(Event::InitApply(serde_json::from_value(item.clone()).unwrap()));
    }
    take(Event::InitDone);
}

fn hear(fold: &mut Fold, world: &World) -> Rollout {
    let now = DateTime::parse_from_rfc3339("2026-11-23T01:45:00Z").unwrap().to_utc();
    list(std::slice::from_ref(&world.rollout), |event| fold.take_workload(event));
    list(&world.replica_sets, |event| fold.take_entry(event));
    list(&world.pods, |event| fold.take_pod(event, now));
    fold.digest(now)
}

fn digest(world: &World) -> Rollout {
    hear(&mut Fold::new(WorkloadKind::Rollout), world)
}

fn says(world: &World) -> String {
    match digest(world).progress {
        Progress::Waiting(text) => text,
        Progress::Complete => "done".to_owned(),
        Progress::Failed(text) => format!("error: {text}"),
        Progress::Gone => "gone".to_owned(),
    }
}

fn from_to(rollout: &Rollout) -> (Option<&str>, &str) {
    let deploy = rollout.deploy.as_ref().unwrap();
    (deploy.from.as_ref().map(Version::label), deploy.to.label())
}

#[test]
fn its_phase_is_told_in_words_and_only_once_it_is_of_the_newest_spec() {
    let rows = [
        (json!({}), "waits at step 2 of 5: paused until promoted manually"),
        (json!({"currentStepIndex": 3}), "waits at step 4 of 5: paused for 10 min"),
        (
            json!({"pauseConditions": [{"reason": "InconclusiveAnalysisRun"}]}),
            "waits at step 2 of 5: its analysis was inconclusive, waiting for a manual decision",
        ),
        // Promoted a moment ago: the phase is of before.
        (json!({"pauseConditions": []}), "Waiting for the controller to continue after a pause..."),
        (json!({"observedGeneration": "11"}), "Waiting for rollout spec update to be observed..."),
        (json!({"observedGeneration": "11", "phase": "Healthy"}), "Waiting for rollout spec update to be observed..."),
        // Before 0.10 it was a hash: nothing follows from it.
        (json!({"observedGeneration": "6f8d9c44b7"}), "waits at step 2 of 5: paused until promoted manually"),
        (
            json!({"phase": "Progressing", "controllerPause": false, "message": "more replicas need to be updated"}),
            "in progress at step 2 of 5: more replicas need to be updated",
        ),
        (
            json!({"phase": "Progressing", "controllerPause": false, "currentStepIndex": 5, "message": "waiting for all steps to complete"}),
            "in progress after its steps: waiting for all steps to complete",
        ),
        (
            json!({"phase": "Degraded", "message": "ProgressDeadlineExceeded: ReplicaSet \"web-7c9d6b5f88\" has timed out progressing."}),
            "error: ProgressDeadlineExceeded: ReplicaSet \"web-7c9d6b5f88\" has timed out progressing.",
        ),
        (
            json!({"phase": "Degraded", "abort": true}),
            "aborted: returning to the stable version, 4 of 5 pods available",
        ),
        (json!({"phase": "Degraded", "abort": true, "updatedReplicas": 0, "replicas": 5}), "done"),
        (json!({"phase": ""}), "its controller reports no phase (Argo Rollouts 1.0 and newer do)"),
        (json!({"phase": "Healthy", "stableRS": NEW.0}), "done"),
    ];
    for (change, expected) in rows {
        let mut world = paused();
        for (key, value) in change.as_object().unwrap() {
            world.rollout["status"][key] = value.clone();
        }
        assert_eq!(says(&world), expected, "{change}");
    }
    assert_eq!(says(&blue_green()), "waits before the switch: paused until promoted manually");
    let mut manual_command = paused();
    manual_command.rollout["spec"]["paused"] = json!(true);
    assert_eq!(says(&manual_command), "waits at step 2 of 5: paused manually");
}

#[test]
fn a_canary_that_waits_is_neither_finished_nor_failed() {
    let rollout = digest(&paused());
    assert_eq!(from_to(&rollout), (Some("1.8.3"), "1.9.0"));
    let deploy = rollout.deploy.unwrap();
    assert_eq!((deploy.finished, deploy.to.revision, deploy.to.hash.as_str()), (None, 8, NEW.0));
    assert_eq!(rollout.troubles, []);
    assert_eq!((rollout.replicas.desired, rollout.replicas.updated, rollout.replicas.old()), (5, 1, 4));
    let new: Vec<bool> = rollout.pods.iter().map(|pod| pod.is_new).collect();
    assert_eq!(new, [true, false, false, false, false]);
    assert_eq!(rollout.revisions.iter().map(|it| it.version.revision).collect::<Vec<_>>(), [8, 7, 6]);
}

#[test]
fn a_promoted_version_is_rolled_out_since_the_controller_said_so() {
    let rollout = digest(&promoted());
    assert_eq!((from_to(&rollout), &rollout.progress), ((Some("1.8.3"), "1.9.0"), &Progress::Complete));
    let finished = rollout.deploy.unwrap().finished.unwrap();
    assert_eq!(finished.to_rfc3339(), "2026-11-23T01:40:00+00:00");
}

#[test]
fn an_abort_is_a_way_back_to_the_stable_version_and_says_that_the_template_is_not() {
    let mut fold = Fold::new(WorkloadKind::Rollout);
    let before = hear(&mut fold, &paused());
    let after = hear(&mut fold, &aborted());
    assert_eq!((from_to(&before), from_to(&after)), ((Some("1.8.3"), "1.9.0"), (Some("1.9.0"), "1.8.3")));
    assert_eq!(after.progress, Progress::Complete);
    let deploy = after.deploy.as_ref().unwrap();
    assert_eq!(deploy.to.hash, OLD.0);
    assert_eq!(deploy.at.to_rfc3339(), "2026-11-23T01:25:00+00:00");
    assert_eq!(after.generation, before.generation, "an abort leaves the spec alone");
    assert!(after.pods.iter().all(|pod| pod.is_new && pod.phase == PodPhase::Ready));
    let trouble = &after.troubles[0];
    assert!(trouble.kind == TroubleKind::Aborted && !trouble.kind.is_red_flag());
    assert_eq!(
        trouble.sentence,
        "aborted: all traffic on 1.8.3; its template still names the new version \
         (RolloutAborted: Rollout aborted update to revision 8)"
    );
}

#[test]
fn pods_that_are_kept_without_traffic_do_not_count() {
    let mut world = blue_green();
    assert_eq!(digest(&world).pods.len(), 10, "before the switch nobody is idle");
    world.rollout["status"]["abort"] = json!(true);
    world.rollout["status"]["phase"] = json!("Degraded");
    let aborted = digest(&world);
    assert_eq!((aborted.pods.len(), aborted.replicas.old(), aborted.progress), (5, 0, Progress::Complete));
    assert!(aborted.pods.iter().all(|pod| pod.hash == OLD.0));

    let status = json!({"phase": "Healthy", "stableRS": NEW.0, "blueGreen": {"activeSelector": NEW.0}});
    let mut switched = blue_green();
    for (key, value) in status.as_object().unwrap() {
        switched.rollout["status"][key] = value.clone();
    }
    switched.rollout["status"]["controllerPause"] = json!(false);
    let switched = digest(&switched);
    assert_eq!((switched.pods.len(), switched.replicas.old(), switched.progress), (5, 0, Progress::Complete));
    assert!(switched.pods.iter().all(|pod| pod.hash == NEW.0));
}

#[test]
fn a_mesh_that_still_sends_traffic_to_the_canary_is_waited_for() {
    let mut strategy = super::objects::canary();
    strategy["canary"]["trafficRouting"] = json!({"nginx": {"stableIngress": "web"}});
    let weights = |canary: i64| json!({"weights": {"canary": {"weight": canary}, "stable": {"weight": 100 - canary}}});
    let status = |canary: i64| json!({"abort": true, "phase": "Degraded", "canary": weights(canary)});
    let before = world(strategy.clone(), 5, 1, &status(20));
    assert_eq!(says(&before), "aborted: returning to the stable version, 5 of 5 pods available");
    let after = world(strategy, 5, 1, &status(0));
    assert_eq!((says(&after).as_str(), digest(&after).pods.len()), ("done", 5));
}

#[test]
fn a_template_that_is_a_deployments_is_followed_by_what_the_controller_made_of_it() {
    let mut world = by_reference(paused());
    assert_eq!(from_to(&digest(&world)), (Some("1.8.3"), "1.9.0"));
    world.rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"] = json!("4");
    assert_eq!(says(&world), "Waiting for rollout spec update to be observed...");
}
