//! Stories of what does not get on: rollouts without an end, rollbacks that do not come up, workloads without pods.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::deploy::WorkloadKind;
use redflag_core::message::{Command, Message};
use redflag_core::rollback::{Answer, Goal, Readiness, Rollback, Run, StepState};
use redflag_core::rollout::{PodPhase, Progress, Replicas, Rollout};
use redflag_core::setup::Setup;
use redflag_core::verdict::{Level, Verdict};
use redflag_core::watch::Watch;

const MINUTE: i64 = 60;

/// Two of three pods of a version run; `db-2` never gets ready.
fn stuck(generation: i64, from: &str, to: &str, deployed: i64) -> Rollout {
    let mut rollout = rolled_out(generation, from, to, deployed, None);
    rollout.progress = Progress::Waiting("Waiting for 1 pods to be ready...".to_owned());
    rollout.replicas = Replicas { ready: 2, available: 2, ..rollout.replicas };
    let pod = &mut rollout.pods[2];
    "db-2".clone_into(&mut pod.name);
    (pod.phase, pod.reason, pod.ready_since) = (PodPhase::Unready, Some("ContainersNotReady".to_owned()), None);
    (pod.unready_since, pod.node) = (Some(at(deployed + 1)), Some("worker-3".to_owned()));
    rollout
}

fn scaled_to_zero(generation: i64, from: &str, to: &str, deployed: i64) -> Rollout {
    let mut rollout = rolled_out(generation, from, to, deployed, Some(deployed + 30));
    rollout.replicas = Replicas::default();
    rollout.pods.clear();
    rollout
}

fn database() -> Setup {
    let mut setup = setup();
    setup.workloads[0].reference.kind = WorkloadKind::StatefulSet;
    "db".clone_into(&mut setup.workloads[0].reference.name);
    setup
}

/// A deploy that was rolled back by a key at `at(10)`; the cluster accepted it at `at(11)`.
fn rolled_back(answered: Answer) -> Watch {
    let mut watch = Watch::new(database());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    ask(&mut watch, 3, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 10, Command::Confirm { typed: None });
    answer(&mut watch, 11, answered);
    watch
}

#[test]
fn a_stateful_set_that_cannot_end_is_warned_of_then_red_and_its_window_opens() {
    let mut watch = Watch::new(database());
    watch.update(told(1, stuck(2, "1.8.3", "1.9.0", 0)));
    well_ticks(&mut watch, 2..=20 + 10 * MINUTE - 1);
    assert_eq!((watch.finding(ROLLOUT).level, watch.window().opened), (Level::Clear, None));

    well_ticks(&mut watch, 20 + 10 * MINUTE..=20 + 10 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::Warning);
    assert_eq!(watch.window().opened, Some(at(20 + 10 * MINUTE)), "what does not end is not waited for");

    well_ticks(&mut watch, 20 + 10 * MINUTE + 1..=20 + 15 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::RedFlag);
    assert_eq!(
        watch.finding(ROLLOUT).sentence(),
        "no progress for 15 min: 2 of 3 new pods ready; not ready: db-2 (ContainersNotReady, node worker-3)"
    );
    assert_eq!(watch.verdict(), Verdict::Faulty);
}

#[test]
fn a_watch_begun_long_after_it_got_stuck_knows_at_once() {
    let mut watch = Watch::new(database());
    watch.update(told(1, stuck(2, "1.8.3", "1.9.0", -90 * MINUTE)));
    assert_eq!(watch.finding(ROLLOUT).level, Level::RedFlag);
    assert_eq!(watch.window().opened, Some(at(20 - 80 * MINUTE)));
}

#[test]
fn a_rollout_that_ends_after_all_reopens_the_window_and_takes_the_flag_down() {
    let mut watch = Watch::new(database());
    watch.update(told(1, stuck(2, "1.8.3", "1.9.0", 0)));
    well_ticks(&mut watch, 2..=20 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::RedFlag);
    watch.update(told(20 * MINUTE, rolled_out(2, "1.8.3", "1.9.0", 0, Some(20 * MINUTE))));
    assert_eq!(watch.finding(ROLLOUT).level, Level::Clear);
    assert_eq!(watch.window().opened, Some(at(20 * MINUTE)));
}

#[test]
fn a_pod_that_is_lost_after_the_rollout_keeps_the_deploy_from_being_healthy() {
    let mut watch = Watch::new(database());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    well_ticks(&mut watch, 2..=20 * MINUTE);
    let mut lost = stuck(2, "1.8.3", "1.9.0", -100);
    lost.pods[2].unready_since = Some(at(20 * MINUTE));
    lost.deploy.as_mut().unwrap().finished = Some(at(-30));
    watch.update(told(20 * MINUTE, lost));
    well_ticks(&mut watch, 20 * MINUTE + 1..=25 * MINUTE - 1);
    assert_eq!(watch.finding(ROLLOUT).level, Level::Clear, "a node that is drained takes a pod or two along");
    well_ticks(&mut watch, 25 * MINUTE..=31 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::Warning);
    assert_eq!(watch.verdict(), Verdict::Degraded);
}

#[test]
fn nothing_that_runs_is_nothing_healthy() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, scaled_to_zero(2, "1.8.3", "1.9.0", -100)));
    well_ticks(&mut watch, 2..=40 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::NoData);
    assert_eq!(watch.finding(ROLLOUT).sentence(), "0 pods requested: nothing is running, nothing to judge");
    assert_eq!(watch.verdict(), Verdict::Inconclusive);
}

#[test]
fn a_rollback_that_does_not_get_on_ends_with_what_is_missing_and_is_put_right_when_it_comes() {
    let mut watch = rolled_back(Answer::Accepted);
    watch.update(told(13, stuck(3, "1.9.0", "1.8.3", 12)));
    let deadline = 12 + 20 + 10 * MINUTE;
    well_ticks(&mut watch, 14..=deadline - 1);
    assert!(matches!(watch.rollback(), Rollback::Running(_)), "{:?}", watch.rollback());
    well_ticks(&mut watch, deadline..=deadline);
    let Rollback::Failed { done, blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(
        blocked.reason,
        "deployment/app: 1.8.3 has made no progress for 10 min: 2 of 3 new pods ready; not ready: db-2 \
         (ContainersNotReady, \
         node worker-3)"
    );
    assert!(blocked.way_out.starts_with("kubectl describe deployment/app -n production"), "{}", blocked.way_out);
    assert!(matches!(done.steps[0], StepState::Accepted { .. }), "it was taken, and may come yet");

    well_ticks(&mut watch, deadline + 1..=deadline + 100);
    watch.update(told(deadline + 101, rolled_out(3, "1.9.0", "1.8.3", 12, Some(deadline + 100))));
    well_ticks(&mut watch, deadline + 102..=deadline + 200);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}

#[test]
fn a_rollback_of_which_the_cluster_says_nothing_ends_too() {
    let mut watch = rolled_back(Answer::Accepted);
    well_ticks(&mut watch, 12..=12 + 10 * MINUTE);
    let Rollback::Failed { blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert!(
        blocked.reason.starts_with("deployment/app: 1.8.3 has made no progress for 10 min: "),
        "{}",
        blocked.reason
    );
}

#[test]
fn no_rollback_serves_again_without_a_pod() {
    let mut watch = rolled_back(Answer::Accepted);
    watch.update(told(13, scaled_to_zero(3, "1.9.0", "1.8.3", 12)));
    let Rollback::Failed { blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(blocked.reason, "deployment/app: 1.8.3 is back, but 0 pods run: nothing serves");
    assert_eq!(blocked.way_out, "kubectl scale deployment/app -n production --replicas=N");
}

#[test]
fn a_run_that_never_ends_is_not_waited_for_without_end() {
    let run = Run { id: "7".to_owned(), state: "waiting for approval".to_owned(), link: None, ended: false };
    let mut watch = rolled_back(Answer::Running(run));
    well_ticks(&mut watch, 12..=10 + 30 * MINUTE);
    assert!(matches!(watch.rollback(), Rollback::Running(_)), "{:?}", watch.rollback());
    well_ticks(&mut watch, 11 + 30 * MINUTE..=12 + 30 * MINUTE);
    let Rollback::Failed { blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(blocked.reason, "deployment/app: “waiting for approval” for 30 min");
}

#[test]
fn the_deadline_is_the_one_that_was_set() {
    let mut watch = Watch::new(Setup { rollout_deadline: TimeDelta::minutes(2), ..database() });
    watch.update(told(1, stuck(2, "1.8.3", "1.9.0", 0)));
    well_ticks(&mut watch, 2..=20 + 3 * MINUTE);
    assert_eq!(watch.finding(ROLLOUT).level, Level::RedFlag);
}
