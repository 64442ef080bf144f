//! Stories of rollbacks that wait for a broken pod, told to the pure core: who may be deleted, when, and how often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::deploy::WorkloadKind;
use redflag_core::message::{Command, Effect, Message};
use redflag_core::rollback::deletion::{Deleted, PodId};
use redflag_core::rollback::{Answer, Blocked, Goal, Readiness, Rollback};
use redflag_core::rollout::{Pod, PodPhase, Progress, Rollout, Trouble, TroubleKind};
use redflag_core::setup::Setup;
use redflag_core::watch::Watch;

fn database() -> Setup {
    let mut setup = setup();
    setup.confirm_grace = TimeDelta::seconds(2);
    setup.workloads[0].reference.kind = WorkloadKind::StatefulSet;
    "db".clone_into(&mut setup.workloads[0].reference.name);
    "ada".clone_into(&mut setup.rollback.actor);
    setup
}

/// `db-0` is back on the previous version, `db-1` is broken on the one that was rolled back, and all wait for it.
fn waits_for_db_1(generation: i64) -> Rollout {
    let mut rollout = rolled_out(generation, "1.9.0", "1.8.3", 12, None);
    rollout.progress = Progress::Waiting("1 of 2 pods".to_owned());
    rollout.pods.truncate(2);
    for (index, pod) in rollout.pods.iter_mut().enumerate() {
        (pod.name, pod.uid) = (format!("db-{index}"), format!("uid-of-db-{index}"));
    }
    break_one(&mut rollout.pods[1], "1.9.0");
    let sentence = "db-1 of another version is not ready, and OrderedReady waits for it".to_owned();
    rollout.troubles = vec![Trouble { kind: TroubleKind::HeldUp, sentence }];
    rollout
}

fn break_one(pod: &mut Pod, version: &str) {
    pod.is_new = false;
    pod.hash = format!("hash-{version}");
    pod.phase = PodPhase::Failing;
    pod.reason = Some("CrashLoopBackOff".to_owned());
}

/// The deploy was rolled back, and the cluster has accepted that.
fn rolled_back(setup: Setup) -> Watch {
    let mut watch = Watch::new(setup);
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    ask(&mut watch, 3, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 10, Command::Confirm { typed: None });
    answer(&mut watch, 11, Answer::Accepted);
    watch
}

fn held_up() -> Watch {
    let mut watch = rolled_back(database());
    watch.update(told(12, waits_for_db_1(3)));
    watch
}

/// Time goes on as the loop makes it.
fn pass(watch: &mut Watch, second: i64) {
    let now = (watch.now() - at(0)).num_seconds();
    ticks(watch, now + 1..=second);
}

fn open(watch: &mut Watch, second: i64) -> Vec<Effect> {
    pass(watch, second);
    ask(watch, second, Command::AskToDeletePods { scope: Vec::new() })
}

fn yes(watch: &mut Watch, second: i64) -> Vec<Effect> {
    pass(watch, second);
    ask(watch, second, Command::DeletePods)
}

fn deleted(watch: &mut Watch, second: i64, deleted: Deleted) {
    watch.update(Message::PodsDeleted { workload: APP, at: at(second), answers: vec![(db_1(), deleted)] });
}

fn db_1() -> PodId {
    PodId { name: "db-1".to_owned(), uid: "uid-of-db-1".to_owned() }
}

fn of_db_1() -> Effect {
    Effect::DeletePods { workload: APP, pods: vec![db_1()] }
}

fn entries(watch: &Watch) -> Vec<&str> {
    watch.timeline().entries().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn the_broken_pod_is_deleted_by_two_keys_and_the_rollback_ends_well() {
    let mut watch = held_up();
    assert_eq!(watch.deletable_pods(APP), [db_1()]);
    assert_eq!(open(&mut watch, 20), [], "the question alone does nothing");
    assert_eq!(watch.deletion().unwrap().pods, [(APP, vec![db_1()])]);
    assert_eq!(yes(&mut watch, 30), [of_db_1()]);
    assert_eq!(watch.deletion(), None);
    deleted(&mut watch, 31, Deleted::Taken);
    let told_now = entries(&watch);
    assert!(told_now.contains(&"ada deletes db-1 of statefulset/db, which blocks the rollback"), "{told_now:?}");
    assert!(told_now.contains(&"pod db-1: deletion accepted"), "{told_now:?}");

    pass(&mut watch, 60);
    watch.update(told(60, rolled_out(3, "1.9.0", "1.8.3", 12, Some(60))));
    assert_eq!(watch.rollback().execution().unwrap().ready, Some(at(60)));
}

#[test]
fn a_yes_in_the_first_moments_is_no_answer_and_leaves_the_question_open() {
    let mut watch = held_up();
    open(&mut watch, 20);
    assert_eq!(watch.wakes_at(), Some(at(22)));
    assert_eq!(yes(&mut watch, 21), []);
    assert!(!watch.takes_deletion());
    assert!(watch.deletion().is_some());
    assert_eq!(yes(&mut watch, 22), [], "one that is held is struck again");
    assert_eq!(yes(&mut watch, 28), [of_db_1()], "let go, it is an answer");
}

#[test]
fn closing_the_question_deletes_nothing_and_leaves_the_rollback_alone() {
    let mut watch = held_up();
    open(&mut watch, 20);
    pass(&mut watch, 30);
    assert_eq!(ask(&mut watch, 30, Command::Dismiss), []);
    assert_eq!(watch.deletion(), None);
    assert_eq!(yes(&mut watch, 31), [], "there is nothing to say yes to");
    assert!(matches!(watch.rollback(), Rollback::Running(_)));
}

#[test]
fn a_pod_is_asked_for_once_while_nobody_knows_better() {
    let mut watch = held_up();
    open(&mut watch, 20);
    yes(&mut watch, 30);
    assert_eq!(watch.deletable_pods(APP), [], "its deletion is on its way");
    for done in [Deleted::Taken, Deleted::GoneAlready, Deleted::Replaced] {
        deleted(&mut watch, 31, done);
        watch.update(told(32, waits_for_db_1(3)));
        open(&mut watch, 40);
        assert_eq!(watch.deletion(), None);
        assert_eq!(yes(&mut watch, 50), []);
    }
}

#[test]
fn what_was_refused_or_lost_may_be_asked_again_and_says_why() {
    let mut watch = held_up();
    open(&mut watch, 20);
    yes(&mut watch, 30);
    let reason = "you may not delete pods in production: no role allows it".to_owned();
    deleted(&mut watch, 31, Deleted::Refused(Blocked { reason, way_out: "ask for a Role".to_owned() }));
    let told_now = "pod db-1: not deleted: you may not delete pods in production: no role allows it; ask for a Role";
    assert_eq!(entries(&watch).last(), Some(&told_now));
    assert_eq!(watch.deletable_pods(APP), [db_1()]);
    open(&mut watch, 40);
    assert_eq!(yes(&mut watch, 50), [of_db_1()]);
    deleted(&mut watch, 51, Deleted::Unknown("no answer within 10 s".to_owned()));
    open(&mut watch, 60);
    assert_eq!(yes(&mut watch, 70), [of_db_1()], "the uid makes it harmless");
}

#[test]
fn the_pod_that_takes_its_name_is_another_one() {
    let mut watch = held_up();
    open(&mut watch, 20);
    yes(&mut watch, 30);
    deleted(&mut watch, 31, Deleted::Taken);
    let mut anew = waits_for_db_1(3);
    anew.pods[1].uid = "uid-of-the-next-db-1".to_owned();
    watch.update(told(40, anew));
    assert_eq!(watch.deletable_pods(APP)[0].uid, "uid-of-the-next-db-1");
}

#[test]
fn a_pod_that_got_well_while_the_question_was_open_is_left_alone() {
    let mut watch = held_up();
    open(&mut watch, 20);
    let mut well = waits_for_db_1(3);
    well.pods[1].phase = PodPhase::Ready;
    pass(&mut watch, 25);
    watch.update(told(25, well));
    assert_eq!(yes(&mut watch, 30), []);
}

#[test]
fn only_what_was_named_is_deleted() {
    let mut watch = held_up();
    open(&mut watch, 20);
    let mut two = waits_for_db_1(3);
    break_one(&mut two.pods[0], "1.9.0");
    pass(&mut watch, 25);
    watch.update(told(25, two));
    assert_eq!(watch.deletable_pods(APP).len(), 2);
    assert_eq!(yes(&mut watch, 30), [of_db_1()], "db-0 was not in the question");
}

#[test]
fn what_must_not_be_deleted_is_never_offered() {
    type Change = fn(&mut Rollout);
    let cases: [(&str, Change); 6] = [
        ("nothing holds it up", |rollout| rollout.troubles.clear()),
        ("it is ready", |rollout| rollout.pods[1].phase = PodPhase::Ready),
        ("it starts", |rollout| rollout.pods[1].phase = PodPhase::Starting),
        ("it is of the version gone back to", |rollout| rollout.pods[1].is_new = true),
        ("it is of a third version", |rollout| break_one(&mut rollout.pods[1], "1.7.0")),
        ("the workload was recreated", |rollout| rollout.uid = "uid-2".to_owned()),
    ];
    for (why, change) in cases {
        let mut watch = rolled_back(database());
        let mut rollout = waits_for_db_1(3);
        change(&mut rollout);
        watch.update(told(12, rollout));
        assert_eq!(watch.deletable_pods(APP), [], "{why}");
        open(&mut watch, 20);
        assert_eq!(watch.deletion(), None, "{why}");
    }
}

#[test]
fn without_a_rollback_or_in_read_only_mode_nothing_is_offered() {
    let mut watch = Watch::new(database());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    pass(&mut watch, 11);
    watch.update(told(12, waits_for_db_1(3)));
    assert_eq!(watch.deletable_pods(APP), [], "somebody else's undo is somebody else's");
    let mut watch = Watch::new(Setup { read_only: true, ..database() });
    watch.update(told(1, waits_for_db_1(3)));
    open(&mut watch, 20);
    assert_eq!(watch.deletion(), None);
    assert_eq!(yes(&mut watch, 30), []);
}
