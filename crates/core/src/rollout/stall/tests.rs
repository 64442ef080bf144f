//! Rollouts of each kind that stand still.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::rollout::{Pod, Replicas};

fn at(minutes: i64) -> Time {
    "2026-11-28T02:00:00Z".parse::<Time>().unwrap() + TimeDelta::minutes(minutes)
}

const LIMITS: Limits = Limits { deadline: TimeDelta::minutes(10), window: TimeDelta::minutes(30) };

fn pod(name: &str, is_new: bool, phase: PodPhase, made: i64) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: name.to_owned(),
        is_new,
        hash: String::new(),
        phase,
        reason: (phase != PodPhase::Ready).then(|| "ContainersNotReady".to_owned()),
        restarts: 0,
        oom_killed: false,
        created: Some(at(made)),
        ready_since: (phase == PodPhase::Ready).then(|| at(made + 1)),
        unready_since: (phase != PodPhase::Ready).then(|| at(made)),
        node: (phase != PodPhase::Ready).then(|| "worker-3".to_owned()),
        zone: None,
        last_words: None,
        images: Vec::new(),
    }
}

/// A rollout that waits, with these pods.
fn waiting(deadline: Deadline, pods: Vec<Pod>) -> Rollout {
    Rollout {
        uid: String::new(),
        generation: 1,
        progress: Progress::Waiting("Waiting for 1 pods to be ready...".to_owned()),
        replicas: Replicas { desired: 3, ..Replicas::default() },
        pods,
        troubles: Vec::new(),
        deadline,
        changed_by: None,
        deploy: None,
        revisions: Vec::new(),
    }
}

fn kind(rollout: &Rollout, minutes: i64) -> Option<TroubleKind> {
    stall(rollout, at(0), LIMITS, at(minutes)).map(|stall| stall.trouble.kind)
}

#[test]
fn what_has_no_deadline_gets_one_first_a_warning_then_a_flag() {
    let pods = vec![pod("db-2", true, PodPhase::Unready, 2), pod("db-1", false, PodPhase::Ready, -90)];
    let rollout = waiting(Deadline::Nobody, pods);
    assert_eq!(kind(&rollout, 11), None, "ten minutes count from the newest pod, not from the deploy");
    assert_eq!(kind(&rollout, 12), Some(TroubleKind::Stalling));
    assert_eq!(kind(&rollout, 16), Some(TroubleKind::Stalling));
    assert_eq!(kind(&rollout, 17), Some(TroubleKind::Stalled));
    let stall = stall(&rollout, at(0), LIMITS, at(20)).unwrap();
    assert_eq!(stall.since, at(2));
    assert_eq!(
        stall.trouble.sentence,
        "no progress for 18 min: 0 of 3 new pods ready; not ready: db-2 (ContainersNotReady, node worker-3)"
    );
}

#[test]
fn each_pod_that_gets_ready_is_progress() {
    let pods = (0..3).map(|number| pod(&format!("db-{number}"), true, PodPhase::Ready, number * 9));
    let rollout = waiting(Deadline::Nobody, pods.collect());
    assert_eq!(kind(&rollout, 28), None);
    assert_eq!(kind(&rollout, 29), Some(TroubleKind::Stalling));
}

#[test]
fn a_controllers_own_deadline_counts_where_somebody_lives_to_hear_of_it() {
    let rollout = |minutes| waiting(Deadline::Controller(TimeDelta::minutes(minutes)), Vec::new());
    assert_eq!(kind(&rollout(20), 29), Some(TroubleKind::Stalling));
    assert_eq!(
        kind(&rollout(20), 30),
        Some(TroubleKind::Stalled),
        "half as long again, and the controller said nothing"
    );
    assert_eq!(kind(&rollout(24 * 60), 15), Some(TroubleKind::Stalled), "a day is no deadline");
}

#[test]
fn what_waits_for_a_person_or_goes_by_steps_is_never_a_flag_for_waiting() {
    assert_eq!(kind(&waiting(Deadline::Person, Vec::new()), 600), Some(TroubleKind::Stalling));
    let steps = |pods| waiting(Deadline::Steps, pods);
    assert_eq!(kind(&steps(vec![pod("app-1", true, PodPhase::Ready, 1)]), 600), None);
    assert_eq!(kind(&steps(vec![pod("app-1", true, PodPhase::Unready, 1)]), 600), Some(TroubleKind::Stalled));
}

#[test]
fn what_is_through_or_gone_does_not_stand_still() {
    for progress in [Progress::Complete, Progress::Gone, Progress::Failed(String::new())] {
        let rollout = Rollout { progress, ..waiting(Deadline::Nobody, Vec::new()) };
        assert_eq!(kind(&rollout, 600), None);
        assert_eq!(left_unready(&rollout, at(600)), None);
    }
}

#[test]
fn after_the_end_pods_that_are_not_ready_for_long_are_named() {
    let lost = |name: &str, since| Pod { unready_since: Some(at(since)), ..pod(name, true, PodPhase::Unready, -60) };
    let rollout =
        waiting(Deadline::Nobody, vec![lost("db-0", 3), lost("db-1", 9), pod("db-2", true, PodPhase::Ready, -60)]);
    assert_eq!(left_unready(&rollout, at(7)), None);
    let told = left_unready(&rollout, at(10)).unwrap();
    assert_eq!(told.kind, TroubleKind::NotReady);
    assert_eq!(told.sentence, "1 new pod has not been ready for 7 min: db-0 (ContainersNotReady, node worker-3)");
}

#[test]
fn many_pods_are_counted_and_three_named() {
    let mut pods: Vec<Pod> = (0..9).map(|number| pod(&format!("db-{number}"), true, PodPhase::Starting, 0)).collect();
    pods.push(pod("old-1", false, PodPhase::Terminating, 0));
    for pod in &mut pods {
        (pod.reason, pod.node) = (None, None);
    }
    let lack = lack(&waiting(Deadline::Nobody, pods));
    assert_eq!(lack.to_string(), "0 of 3 new pods ready; not ready: db-0, db-1, db-2 and 6 more");
    let left = Lack { ready: 3, desired: 3, unready: Vec::new(), left: vec!["old-1".to_owned()] };
    assert_eq!(left.to_string(), "3 of 3 new pods ready; still on the previous version: old-1");
}
