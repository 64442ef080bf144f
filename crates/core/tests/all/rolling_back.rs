//! Stories of rollbacks told to the pure core: stages, runs, half-done rollbacks, leases, and what is remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::deploy::{ServiceId, WorkloadId};
use redflag_core::message::{Command, Effect, Message, StreamNews};
use redflag_core::poll::SourceError;
use redflag_core::rollback::action::{Abort, Action, CiAction, Post, Revert, Subresource};
use redflag_core::rollback::lease::{Holder, Holding, LeaseCall};
use redflag_core::rollback::request::{Choice, PlanRequest};
use redflag_core::rollback::version_history::{Known, VersionStatus};
use redflag_core::rollback::{
    Answer, Blocked, Check, CheckKind, Covered, Goal, Readiness, Rollback, Run, Step, StepState,
};
use redflag_core::rollout::{PodPhase, Progress, Rollout};
use redflag_core::setup::{RollbackPolicy, Service, Setup, Workload};
use redflag_core::signal::Sample;
use redflag_core::watch::Watch;
use std::sync::Arc;

const WEB: WorkloadId = WorkloadId(0);
const API: WorkloadId = WorkloadId(1);

/// Two services in one push; the web calls the API.
fn web_and_api() -> Setup {
    let one = setup();
    let reference =
        |name: &str| redflag_core::deploy::WorkloadRef { name: name.to_owned(), ..one.workloads[0].reference.clone() };
    Setup {
        services: vec![
            Service { name: "web".to_owned(), depends_on: vec![ServiceId(1)] },
            Service { name: "api".to_owned(), depends_on: Vec::new() },
        ],
        workloads: vec![
            Workload { reference: reference("web"), service: ServiceId(0), container: None },
            Workload { reference: reference("api"), service: ServiceId(1), container: None },
        ],
        ..one
    }
}

fn step_of(setup: &Setup, workload: WorkloadId, goal: Goal) -> Arc<Step> {
    let (from, to) = if goal == Goal::RollBack { ("1.9.0", "1.8.3") } else { ("1.8.3", "1.9.0") };
    let reference = setup.workload(workload).reference.clone();
    let mut step = Step::clone(&undo(from, to));
    let generation = if goal == Goal::RollBack { 2 } else { 3 };
    step.goal = goal;
    step.subject = reference.to_string();
    step.covers = vec![Covered { workload, reference, generation, ..step.covers[0].clone() }];
    Arc::new(step)
}

fn pods(workload: WorkloadId, second: i64, rollout: Rollout) -> Message {
    let news = StreamNews::Rollout(workload, Box::new(rollout));
    Message::Streamed { source: CLUSTER, at: at(second), news }
}

fn answer_of(watch: &mut Watch, workload: WorkloadId, second: i64, answer: Answer) -> Vec<Effect> {
    watch.update(Message::Answered { workload, at: at(second), answer })
}

fn prepared(watch: &mut Watch, workload: WorkloadId, goal: Goal, second: i64, readiness: Readiness) {
    watch.update(Message::Prepared { workload, goal, at: at(second), readiness });
}

fn open(watch: &mut Watch, goal: Goal, second: i64) -> Vec<Effect> {
    ask(watch, second, Command::OpenPlan { goal, scope: Vec::new() })
}

fn yes(watch: &mut Watch, second: i64) -> Vec<Effect> {
    ask(watch, second, Command::Confirm { typed: None })
}

/// Both were deployed, and both could be rolled back.
fn bad_push() -> Watch {
    let setup = web_and_api();
    let mut watch = Watch::new(setup.clone());
    for workload in [WEB, API] {
        watch.update(pods(workload, 1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        prepared(&mut watch, workload, Goal::RollBack, 2, Readiness::Ready(step_of(&setup, workload, Goal::RollBack)));
    }
    watch
}

fn sent(effects: &[Effect]) -> Vec<WorkloadId> {
    let of = |effect: &Effect| match effect {
        Effect::Send(step) => Some(step.workload()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn refused(reason: &str) -> Answer {
    Answer::Refused(Blocked { reason: reason.to_owned(), way_out: "ask".to_owned() })
}

fn last_entry(watch: &Watch) -> String {
    watch.timeline().entries().last().unwrap().text.clone()
}

#[test]
fn who_calls_goes_back_before_who_is_called() {
    let mut watch = bad_push();
    open(&mut watch, Goal::RollBack, 10);
    assert_eq!(sent(&yes(&mut watch, 11)), [WEB], "the API still has the interface that the new web may call");
    assert!(sent(&answer_of(&mut watch, WEB, 12, Answer::Accepted)).is_empty(), "accepted is not done");
    let mut coming = rolled_out(3, "1.9.0", "1.8.3", 12, None);
    coming.pods[0].phase = PodPhase::Starting;
    coming.progress = Progress::Waiting("2 of 3".to_owned());
    assert!(sent(&watch.update(pods(WEB, 20, coming))).is_empty());
    ticks(&mut watch, 21..=29);
    let effects = watch.update(pods(WEB, 30, rolled_out(3, "1.9.0", "1.8.3", 12, Some(30))));
    assert_eq!(sent(&effects), [API], "now it is the API's turn");
    answer_of(&mut watch, API, 31, Answer::Accepted);
    ticks(&mut watch, 32..=59);
    watch.update(pods(API, 60, rolled_out(3, "1.9.0", "1.8.3", 31, Some(60))));
    let done = watch.rollback().execution().unwrap();
    assert_eq!((done.accepted, done.ready), (Some(at(31)), Some(at(60))));
}

#[test]
fn a_rollback_that_failed_half_way_can_be_continued() {
    let mut watch = bad_push();
    open(&mut watch, Goal::RollBack, 10);
    yes(&mut watch, 11);
    answer_of(&mut watch, WEB, 12, Answer::Accepted);
    ticks(&mut watch, 13..=29);
    watch.update(pods(WEB, 30, rolled_out(3, "1.9.0", "1.8.3", 12, Some(30))));
    answer_of(&mut watch, API, 31, refused("the API server is too busy"));
    let Rollback::Failed { done, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert!(
        matches!(done.steps.as_slice(), [StepState::Ready { .. }, StepState::Failed(_)]),
        "what was done stays known"
    );

    // The web is recomputed: before it lies what was just rolled back.
    prepared(&mut watch, WEB, Goal::RollBack, 32, Readiness::Ready(step_of(&web_and_api(), WEB, Goal::Undo)));
    let rest = watch.plan(Goal::RollBack, &[]);
    assert!(rest.steps().map(|step| step.workload()).eq([API]), "only the rest is left to do");
    assert!(!rest.is_partial(), "with the rest the push is rolled back as a whole");
    ticks(&mut watch, 33..=39);
    open(&mut watch, Goal::RollBack, 40);
    assert_eq!(sent(&yes(&mut watch, 41)), [API]);
}

#[test]
fn a_rollback_that_failed_half_way_can_be_rolled_back() {
    let mut watch = bad_push();
    open(&mut watch, Goal::RollBack, 10);
    yes(&mut watch, 11);
    answer_of(&mut watch, WEB, 12, Answer::Accepted);
    ticks(&mut watch, 13..=29);
    watch.update(pods(WEB, 30, rolled_out(3, "1.9.0", "1.8.3", 12, Some(30))));
    answer_of(&mut watch, API, 31, refused("no"));
    assert!(watch.can_go_forward());

    let asked: Vec<PlanRequest> = well(&mut watch, 32..=100)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Prepare(ask) if ask.goal == Goal::Undo => Some(*ask),
            _ => None,
        })
        .collect();
    assert_eq!(asked[0].workload, WEB);
    assert_eq!(asked[0].wanted.choice, Choice::Hash("hash-1.9.0".to_owned()), "to the very version it had");
    assert!(asked.iter().all(|ask| ask.workload == WEB), "the API was never rolled back");

    prepared(&mut watch, WEB, Goal::Undo, 101, Readiness::Ready(step_of(&web_and_api(), WEB, Goal::Undo)));
    open(&mut watch, Goal::Undo, 102);
    assert_eq!(sent(&yes(&mut watch, 103)), [WEB]);
    answer_of(&mut watch, WEB, 104, Answer::Accepted);
    well(&mut watch, 105..=129);
    watch.update(pods(WEB, 130, rolled_out(4, "1.8.3", "1.9.0", 104, Some(130))));
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
    assert!(!watch.can_go_forward(), "nothing is rolled back any more");
}

#[test]
fn half_a_push_takes_the_environments_name() {
    let mut watch = bad_push();
    let blocked = Blocked { reason: "it is paused".to_owned(), way_out: "resume it".to_owned() };
    prepared(&mut watch, API, Goal::RollBack, 3, Readiness::Blocked(blocked.into()));
    open(&mut watch, Goal::RollBack, 10);
    assert!(watch.wants_typing());
    assert!(sent(&yes(&mut watch, 11)).is_empty());
    let typed = Some("production".to_owned());
    assert_eq!(sent(&ask(&mut watch, 12, Command::Confirm { typed })), [WEB]);
}

#[test]
fn what_would_do_harm_takes_the_environments_name_whatever_the_environment_says() {
    let (mut watch, _) = bad_deploy(Setup { confirm: redflag_core::setup::Confirm::None, ..setup() });
    let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
    step.checks = vec![Check::typed(
        CheckKind::Migration,
        "0042 drops orders.legacy_id",
        "write a migration that brings it back",
    )];
    prepared(&mut watch, APP, Goal::RollBack, 200, Readiness::Ready(Arc::new(step)));
    assert!(sent(&open(&mut watch, Goal::RollBack, 201)).is_empty());
    assert!(sent(&yes(&mut watch, 202)).is_empty());
    assert_eq!(sent(&ask(&mut watch, 203, Command::Confirm { typed: Some("production".to_owned()) })), [APP]);
}

/// A bad deploy that a CI job rolls back.
fn by_ci() -> Watch {
    let (mut watch, _) = bad_deploy(setup());
    let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
    "workflow rollback.yml of example/shop".clone_into(&mut step.subject);
    step.action = Action::Ci(CiAction::Post(Post { body: "{}".to_owned(), idempotency_key: "7".to_owned() }));
    prepared(&mut watch, APP, Goal::RollBack, 200, Readiness::Ready(Arc::new(step)));
    watch
}

fn run(state: &str, ended: bool) -> Run {
    Run { id: "7".to_owned(), state: state.to_owned(), link: Some("https://ci/7".to_owned()), ended }
}

fn follows(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Follow(..))).count()
}

#[test]
fn a_run_is_followed_to_its_end_and_the_pods_tell_the_rest() {
    let mut watch = by_ci();
    open(&mut watch, Goal::RollBack, 201);
    watch.update(Message::Leased { at: at(201), holding: Holding::Ours });
    yes(&mut watch, 202);
    assert_eq!(follows(&answer(&mut watch, 203, Answer::Running(run("queued", false)))), 1);
    assert_eq!(follows(&ticks(&mut watch, 204..=213)), 2, "every five seconds");
    answer(&mut watch, 214, Answer::Unknown("GitHub answers 502".to_owned()));
    assert!(matches!(watch.rollback(), Rollback::Running(_)), "a run that cannot be asked for a moment still runs");
    answer(&mut watch, 215, Answer::Running(run("in progress", false)));
    assert_eq!(last_entry(&watch), "workflow rollback.yml of example/shop: in progress (https://ci/7)");
    // The old pods may be there before the job says that it is done; the job has the last word.
    watch.update(told(216, rolled_out(3, "1.9.0", "1.8.3", 214, Some(216))));
    assert_eq!(watch.rollback().execution().unwrap().ready, None);
    answer(&mut watch, 220, Answer::Running(run("succeeded", true)));
    assert_eq!(follows(&ticks(&mut watch, 221..=240)), 0);
    assert_eq!(watch.rollback().execution().unwrap().ready, Some(at(220)));
}

#[test]
fn a_run_that_fails_is_a_rollback_that_failed() {
    let mut watch = by_ci();
    open(&mut watch, Goal::RollBack, 201);
    watch.update(Message::Leased { at: at(201), holding: Holding::Ours });
    yes(&mut watch, 202);
    answer(&mut watch, 203, Answer::Running(run("queued", false)));
    let reason = "the run failed at step deploy".to_owned();
    answer(&mut watch, 204, Answer::Failed(Blocked { reason: reason.clone(), way_out: "read its log".to_owned() }));
    let Rollback::Failed { blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(blocked.reason, reason);
}

#[test]
fn the_same_images_under_a_new_template_are_the_old_version_too() {
    let mut watch = by_ci();
    open(&mut watch, Goal::RollBack, 201);
    watch.update(Message::Leased { at: at(201), holding: Holding::Ours });
    yes(&mut watch, 202);
    answer(&mut watch, 203, Answer::Running(run("succeeded", true)));
    let mut rollout = rolled_out(3, "1.9.0", "1.8.3", 203, Some(220));
    let anew = redflag_core::deploy::Version { hash: "anew".to_owned(), ..version("1.8.3", 3) };
    rollout.pods.iter_mut().for_each(|pod| pod.hash = "anew".to_owned());
    rollout.revisions = vec![redflag_core::rollout::Revision { version: anew, created: None, cause: None, ready: 3 }];
    watch.update(told(221, rollout));
    assert_eq!(watch.rollback().execution().unwrap().ready, Some(at(221)));
}

fn theirs() -> Holding {
    Holding::Theirs(Holder { who: "ana@laptop".to_owned(), what: "rollback to 1.8.3".to_owned(), since: at(190) })
}

#[test]
fn the_loser_is_told_who_is_at_it_and_sends_nothing() {
    let (mut watch, _) = bad_deploy(setup());
    let effects = open(&mut watch, Goal::RollBack, 200);
    assert_eq!(effects, [Effect::Lease(LeaseCall::Take("rollback to 1.8.3".to_owned()))]);
    watch.update(Message::Leased { at: at(201), holding: theirs() });
    assert_eq!(last_entry(&watch), "ana@laptop holds the lease: rollback to 1.8.3");
    ticks(&mut watch, 202..=204);
    assert!(sent(&yes(&mut watch, 205)).is_empty());
    let asked = ticks(&mut watch, 206..=216);
    let again = asked.iter().filter(|effect| matches!(effect, Effect::Lease(LeaseCall::Take(_)))).count();
    assert_eq!(again, 3, "it looks again, for who holds it may have gone");
    watch.update(Message::Leased { at: at(217), holding: Holding::Ours });
    assert_eq!(sent(&yes(&mut watch, 218)), [APP]);
}

#[test]
fn what_cannot_tell_by_itself_that_somebody_was_quicker_waits_for_the_lease() {
    let mut watch = by_ci();
    open(&mut watch, Goal::RollBack, 201);
    assert!(sent(&yes(&mut watch, 202)).is_empty(), "the lease has not answered");
    assert!(sent(&ticks(&mut watch, 203..=208)).is_empty());
    assert!(sent(&yes(&mut watch, 208)).is_empty(), "a lease that is slow is not a lease that nobody has");
    watch.update(Message::Leased { at: at(209), holding: Holding::Unavailable("no answer".to_owned()) });
    assert_eq!(sent(&yes(&mut watch, 210)), [APP], "yet whoever was told that nobody knows decides");
}

#[test]
fn a_lease_that_was_lost_and_given_back_is_taken_again_and_nothing_goes_before() {
    let takes = |effects: &[Effect]| effects.contains(&Effect::Lease(LeaseCall::Take("rollback to 1.8.3".to_owned())));
    let mut watch = by_ci();
    open(&mut watch, Goal::RollBack, 201);
    watch.update(Message::Leased { at: at(201), holding: Holding::Nobody });
    assert!(sent(&yes(&mut watch, 202)).is_empty(), "whoever was quicker may come back");
    assert!(takes(&ticks(&mut watch, 203..=203)), "it does not wait for the next renewal");
    watch.update(Message::Leased { at: at(203), holding: Holding::Ours });
    assert_eq!(sent(&yes(&mut watch, 204)), [APP]);
    // Under way it is the same: somebody took it when it had expired, and is done.
    watch.update(Message::Leased { at: at(208), holding: Holding::Nobody });
    assert!(takes(&ticks(&mut watch, 209..=209)));
}

#[test]
fn between_two_stages_a_lost_lease_holds_up_what_cannot_refuse_by_itself() {
    let setup = web_and_api();
    let mut watch = bad_push();
    let mut step = Step::clone(&step_of(&setup, API, Goal::RollBack));
    step.action = Action::Ci(CiAction::Post(Post { body: "{}".to_owned(), idempotency_key: "7".to_owned() }));
    prepared(&mut watch, API, Goal::RollBack, 3, Readiness::Ready(Arc::new(step)));
    open(&mut watch, Goal::RollBack, 4);
    watch.update(Message::Leased { at: at(4), holding: Holding::Ours });
    assert_eq!(sent(&yes(&mut watch, 5)), [WEB]);
    answer_of(&mut watch, WEB, 6, Answer::Accepted);
    watch.update(Message::Leased { at: at(7), holding: Holding::Nobody });
    let effects = watch.update(pods(WEB, 8, rolled_out(3, "1.9.0", "1.8.3", 6, Some(8))));
    assert!(sent(&effects).is_empty());
    assert!(sent(&ticks(&mut watch, 9..=10)).is_empty());
    watch.update(Message::Leased { at: at(10), holding: Holding::Ours });
    assert_eq!(sent(&ticks(&mut watch, 11..=11)), [API]);
}

#[test]
fn what_a_refused_rollback_wanted_and_somebody_else_did_is_a_deploy_of_its_own() {
    let (mut watch, _) = bad_deploy(setup());
    open(&mut watch, Goal::RollBack, 200);
    yes(&mut watch, 201);
    answer_of(&mut watch, APP, 202, Answer::ChangedUnderUs("somebody else already rolled it back to 1.8.3".to_owned()));
    watch.update(told(203, rolled_out(3, "1.9.0", "1.8.3", 199, None)));
    watch.update(told(210, rolled_out(3, "1.9.0", "1.8.3", 199, Some(209))));
    let deploy = watch.workload(APP).deploy.clone().unwrap();
    assert_eq!((deploy.to.label(), deploy.finished), ("1.8.3", Some(at(209))));
    assert_eq!(watch.window().opened, Some(at(209)), "it is watched for the whole window");
}

#[test]
fn a_version_that_a_refused_rollback_left_there_is_judged_all_the_same() {
    let (mut watch, _) = bad_deploy(setup());
    open(&mut watch, Goal::RollBack, 200);
    yes(&mut watch, 201);
    let refused = Blocked { reason: "you may not patch".to_owned(), way_out: String::new() };
    answer_of(&mut watch, APP, 202, Answer::Refused(refused));
    let mut effects = Vec::new();
    for second in 203..=700 {
        if second % 10 == 0 {
            watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
            watch.update(grafana(second, Some(60)));
        }
        effects.extend(watch.update(Message::Tick(at(second))));
    }
    let bad = |effect: &Effect| matches!(effect, Effect::Remember(APP, Known { standing: VersionStatus::Bad, .. }, _));
    assert_eq!(effects.iter().filter(|effect| bad(effect)).count(), 1);
}

#[test]
fn the_lease_is_kept_while_it_is_needed_and_given_back() {
    let (mut watch, _) = bad_deploy(setup());
    open(&mut watch, Goal::RollBack, 200);
    watch.update(Message::Leased { at: at(200), holding: Holding::Ours });
    let effects = ticks(&mut watch, 201..=215);
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Lease(LeaseCall::Renew)).count(), 3);
    let effects = ask(&mut watch, 216, Command::Dismiss);
    assert_eq!(effects, [Effect::Lease(LeaseCall::Release)]);
    assert!(!ticks(&mut watch, 217..=230).iter().any(|effect| matches!(effect, Effect::Lease(_))));
}

#[test]
fn flags_have_to_be_clear_for_as_long_as_the_environment_asks() {
    let rollback = RollbackPolicy { clear_for: TimeDelta::seconds(60), ..RollbackPolicy::default() };
    let mut watch = Watch::new(Setup { rollback, ..setup() });
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    prepared(&mut watch, APP, Goal::RollBack, 2, Readiness::Ready(undo("1.9.0", "1.8.3")));
    open(&mut watch, Goal::RollBack, 3);
    yes(&mut watch, 4);
    answer(&mut watch, 5, Answer::Accepted);
    well(&mut watch, 6..=29);
    watch.update(told(30, rolled_out(3, "1.9.0", "1.8.3", 5, Some(30))));
    well(&mut watch, 31..=90);
    assert!(matches!(watch.rollback(), Rollback::Running(_)));
    well(&mut watch, 91..=110);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}

fn remembered(effects: &[Effect]) -> Vec<(String, VersionStatus)> {
    let of = |effect: &Effect| match effect {
        Effect::Remember(APP, Known { hash, standing, .. }, _) => Some((hash.clone(), *standing)),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn a_version_that_was_rolled_back_is_remembered_as_bad_once() {
    let (mut watch, _) = bad_deploy(setup());
    open(&mut watch, Goal::RollBack, 200);
    yes(&mut watch, 201);
    answer(&mut watch, 202, Answer::Accepted);
    assert_eq!(remembered(&ticks(&mut watch, 203..=240)), [("hash-1.9.0".to_owned(), VersionStatus::Bad)]);
}

#[test]
fn a_version_that_was_red_for_minutes_is_remembered_as_bad_though_nobody_took_it_back() {
    let (mut watch, mut effects) = bad_deploy(setup());
    for second in 201..=700 {
        effects.extend(watch.update(Message::Tick(at(second))));
        if second % 10 == 0 {
            effects.extend(watch.update(grafana(second, Some(60))));
        }
    }
    assert_eq!(remembered(&effects), [("hash-1.9.0".to_owned(), VersionStatus::Bad)]);
}

#[test]
fn a_version_that_survives_its_watch_is_remembered_as_good() {
    let mut watch = Watch::new(Setup { window: TimeDelta::minutes(8), ..setup() });
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let mut effects = Vec::new();
    for second in 2..=520 {
        effects.extend(watch.update(Message::Tick(at(second))));
        if second % 10 == 0 {
            watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
            watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
            watch.update(grafana(second, None));
        }
    }
    assert_eq!(remembered(&effects), [("hash-1.9.0".to_owned(), VersionStatus::Good)], "{:?}", watch.findings());
    let images = effects.iter().find_map(|effect| match effect {
        Effect::Remember(_, known, _) => Some(known.images.clone()),
        _ => None,
    });
    assert_eq!(images.unwrap(), ["registry.example.com/app:1.9.0@sha256:1.9.0"], "by what it really ran");
}

#[test]
fn what_a_revert_has_built_is_the_version_that_was_gone_back_to_whatever_it_is_called() {
    let setup = setup();
    let mut watch = Watch::new(setup.clone());
    watch.update(pods(WEB, 1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let mut step = Step::clone(&step_of(&setup, WEB, Goal::RollBack));
    step.action = Action::Revert(Revert {
        branch: "main".to_owned(),
        tip: "5d6e7f8".to_owned(),
        commits: vec!["5d6e7f8".to_owned()],
        tree: "0a1b2c3".to_owned(),
        message: "Revert".to_owned(),
        marker: "1".to_owned(),
    });
    prepared(&mut watch, WEB, Goal::RollBack, 2, Readiness::Ready(Arc::new(step)));
    open(&mut watch, Goal::RollBack, 10);
    yes(&mut watch, 11);
    answer_of(&mut watch, WEB, 12, Answer::Accepted);

    ticks(&mut watch, 13..=59);
    watch.update(pods(WEB, 60, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    assert!(watch.rollback().execution().unwrap().ready.is_none(), "the pipeline has only just begun");
    ticks(&mut watch, 61..=399);
    watch.update(pods(WEB, 400, rolled_out(3, "1.9.0", "main-0a1b2c3", 390, Some(400))));
    assert_eq!(watch.rollback().execution().unwrap().ready, Some(at(400)));
    assert_eq!(watch.rolled_back(WEB).unwrap().to.label(), "main-0a1b2c3");
    assert_eq!(
        watch.workload(WEB).deploy.as_ref().unwrap().to.label(),
        "1.9.0",
        "what is watched is what was rolled back"
    );

    all_well(&mut watch, 899);
    watch.update(pods(WEB, 900, rolled_out(3, "1.9.0", "main-0a1b2c3", 390, Some(400))));
    assert_eq!(watch.workload(WEB).deploy.as_ref().unwrap().to.label(), "1.9.0", "also once the rollback has ended");
    watch.update(pods(WEB, 1000, rolled_out(4, "main-0a1b2c3", "1.9.1", 990, Some(1000))));
    assert_eq!(watch.workload(WEB).deploy.as_ref().unwrap().to.label(), "1.9.1", "a fix is a deploy of its own");
}

/// An update of an Argo Rollout that is in flight: an abort goes back to the stable version and leaves the spec alone.
fn abort() -> Arc<Step> {
    let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
    let Action::Patch(patch) = step.action else { panic!() };
    step.action = Action::Abort(Abort { abort: true, patch, subresource: Subresource::Status });
    Arc::new(step)
}

#[test]
fn an_abort_is_verified_by_the_stable_version_and_never_by_the_state_before_it() {
    let mut watch = Watch::new(setup());
    // The update is stuck: what the cluster says of it must not count against the way back.
    let mut stuck = rolled_out(2, "1.8.3", "1.9.0", -100, None);
    stuck.progress = Progress::Failed("ReplicaSet \"app-1\" has timed out progressing.".to_owned());
    watch.update(told(1, stuck.clone()));
    prepared(&mut watch, APP, Goal::RollBack, 2, Readiness::Ready(abort()));
    open(&mut watch, Goal::RollBack, 3);
    watch.update(Message::Leased { at: at(3), holding: Holding::Ours });
    let sent = yes(&mut watch, 4);
    assert!(sent.iter().any(|effect| matches!(effect, Effect::Send(_))));
    answer_of(&mut watch, APP, 5, Answer::Accepted);
    watch.update(told(6, stuck));
    assert!(matches!(watch.rollback(), Rollback::Running(_)), "{:?}", watch.rollback());

    // The same generation, the other version: the pods come back one after the other.
    let mut coming = rolled_out(2, "1.9.0", "1.8.3", 5, None);
    coming.progress = Progress::Waiting("aborted: returning to the stable version, 2 of 3 pods available".to_owned());
    watch.update(told(7, coming));
    assert!(watch.rollback().execution().unwrap().ready.is_none());
    ticks(&mut watch, 8..=19);
    watch.update(told(20, rolled_out(2, "1.9.0", "1.8.3", 5, Some(20))));
    assert_eq!(watch.rollback().execution().unwrap().ready, Some(at(20)));
    let told: Vec<&str> = watch.timeline().entries().map(|entry| entry.text.as_str()).collect();
    assert!(told.contains(&"deployment/app: abort accepted"), "{told:?}");
    assert_eq!(watch.workload(APP).deploy.as_ref().unwrap().to.label(), "1.9.0", "the watched deploy stays");
    well(&mut watch, 21..=400);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}

#[test]
fn flags_of_which_nothing_is_known_are_not_clear() {
    // Every source but the cluster dies before the key is pressed: nothing was red, and nothing is known since.
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    prepared(&mut watch, APP, Goal::RollBack, 2, Readiness::Ready(undo("1.9.0", "1.8.3")));
    well_ticks(&mut watch, 3..=60);
    for second in 61..=199 {
        if second % 10 == 0 {
            watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        }
        watch.update(Message::Tick(at(second)));
    }
    open(&mut watch, Goal::RollBack, 200);
    yes(&mut watch, 201);
    answer(&mut watch, 202, Answer::Accepted);
    for second in 203..1200 {
        if second % 10 == 0 {
            watch.update(told(second, rolled_out(3, "1.9.0", "1.8.3", 205, Some(230))));
            watch.update(failed(GRAFANA, second, SourceError::Timeout(5)));
        }
        watch.update(Message::Tick(at(second)));
        assert!(!matches!(watch.rollback(), Rollback::Verified { .. }), "verified at {second}");
    }
    well_ticks(&mut watch, 1200..=1230);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}
