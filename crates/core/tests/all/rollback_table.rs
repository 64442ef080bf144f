//! A table: from every state of a rollback, what `R`, `y`, `U` and a way past the confirmation do; and properties over
//! arbitrary histories: one confirmation is one change, and none follows a pause without fresh knowledge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use proptest::prelude::*;
use redflag_core::deploy::{ServiceId, WorkloadId, WorkloadRef};
use redflag_core::message::{Command, Effect, Message, StreamNews};
use redflag_core::rollback::action::{Action, CiAction, Post};
use redflag_core::rollback::lease::{Holder, Holding};
use redflag_core::rollback::{Answer, Blocked, Check, CheckKind, Goal, Readiness, Rollback, Step};
use redflag_core::rollout::Revision;
use redflag_core::setup::{Service, Setup, Workload};
use redflag_core::watch::Watch;
use std::sync::Arc;

/// Each state that a rollback can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Planned,
    Sent,
    Unknown,
    Running,
    Verified,
    NotTheCause,
    Failed,
}

const ALL: [State; 8] = [
    State::Idle,
    State::Planned,
    State::Sent,
    State::Unknown,
    State::Running,
    State::Verified,
    State::NotTheCause,
    State::Failed,
];

/// Brings a watch into a state; the second in which it is.
fn reach(state: State) -> (Watch, i64) {
    let (mut watch, _) = bad_deploy(setup());
    let name = |watch: &Watch| format!("{:?}", watch.rollback());
    if state == State::Idle {
        return (watch, 200);
    }
    open(&mut watch, Goal::RollBack, 200);
    watch.update(Message::Leased { at: at(200), holding: Holding::Ours });
    if state == State::Planned {
        return (watch, 201);
    }
    assert_eq!(sends(&ask(&mut watch, 201, Command::Confirm { typed: None })), 1);
    let end = match state {
        State::Idle | State::Planned => unreachable!(),
        State::Sent => 201,
        State::Unknown => {
            answer(&mut watch, 202, Answer::Unknown("no answer within 5 s".to_owned()));
            202
        }
        State::Failed => {
            let blocked = Blocked { reason: "no".to_owned(), way_out: "ask".to_owned() };
            answer(&mut watch, 202, Answer::Refused(blocked));
            202
        }
        State::Running => {
            answer(&mut watch, 202, Answer::Accepted);
            202
        }
        State::Verified | State::NotTheCause => {
            answer(&mut watch, 202, Answer::Accepted);
            let mut second = 203;
            while watch.rollback().is_in_progress() {
                assert!(second < 1500, "{}", name(&watch));
                let flags = (state == State::NotTheCause).then_some(60);
                serve(&mut watch, second, flags);
                second += 1;
            }
            second
        }
    };
    (watch, end)
}

/// A second in which the previous version serves; the flags are clear, or red since `bad_since`.
fn serve(watch: &mut Watch, second: i64, bad_since: Option<i64>) {
    watch.update(Message::Tick(at(second)));
    if second % 10 == 0 {
        watch.update(told(second, rolled_out(3, "1.9.0", "1.8.3", 202, Some(210))));
        watch.update(answered(
            SITE,
            second,
            vec![(PROBE, vec![(at(second), redflag_core::signal::Sample::Value(90.0))])],
        ));
        watch.update(grafana(second, bad_since));
    }
}

fn open(watch: &mut Watch, goal: Goal, second: i64) -> Vec<Effect> {
    ask(watch, second, Command::OpenPlan { goal, scope: Vec::new() })
}

fn sends(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Send(_))).count()
}

fn is_open(watch: &Watch) -> bool {
    matches!(watch.rollback(), Rollback::Planned { .. })
}

/// What a strategy computes after the rollback: the newest other version is the one that was rolled back.
fn what_lies_before(watch: &mut Watch, second: i64) {
    let readiness = Readiness::Ready(is_rollback("1.8.3", "1.9.0"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(second), readiness });
}

/// A step that would go on from a rollback that was done already.
fn is_rollback(from: &str, to: &str) -> Arc<Step> {
    let mut step = Step::clone(&undo(from, to));
    step.checks.retain(|check| check.kind != CheckKind::AlreadyRolledBack);
    step.checks.push(Check::typed(CheckKind::AlreadyRolledBack, format!("{to} was rolled back"), "ask who did it"));
    Arc::new(step)
}

#[test]
fn from_every_state_the_keys_go_back_one_deploy_at_most() {
    // state, whether R opens a plan, how many requests y sends without R, whether U opens one.
    let table = [
        (State::Idle, true, 0, false),
        (State::Planned, true, 1, false),
        (State::Sent, false, 0, false),
        (State::Unknown, false, 0, false),
        (State::Running, false, 0, false),
        (State::Verified, false, 0, true),
        (State::NotTheCause, false, 0, true),
        (State::Failed, true, 0, false),
    ];
    assert!(ALL.iter().all(|state| table.iter().any(|row| row.0 == *state)));
    for (state, back, yes, forward) in table {
        let (mut watch, second) = reach(state);
        if matches!(state, State::Verified | State::NotTheCause) {
            what_lies_before(&mut watch, second);
            let readiness = Readiness::Ready(undo("1.8.3", "1.9.0"));
            watch.update(Message::Prepared { workload: APP, goal: Goal::Undo, at: at(second), readiness });
        }
        let mut pressed = watch.clone();
        let effects = ask(&mut pressed, second + 1, Command::Confirm { typed: None });
        assert_eq!(sends(&effects), yes, "y in {state:?}");

        let mut pressed = watch.clone();
        let effects = open(&mut pressed, Goal::RollBack, second + 1);
        assert_eq!(sends(&effects), 0, "R in {state:?} sends nothing by itself");
        assert_eq!(is_open(&pressed), back, "R in {state:?}: {:?}", pressed.rollback());
        if is_open(&pressed) {
            let Rollback::Planned { plan, .. } = pressed.rollback() else { unreachable!() };
            assert_eq!(plan.target(), "1.8.3", "R in {state:?} goes to the version that served before");
        }

        if state != State::Planned {
            let mut pressed = watch.clone();
            open(&mut pressed, Goal::Undo, second + 1);
            assert_eq!(is_open(&pressed), forward, "U in {state:?}: {:?}", pressed.rollback());
        }
    }
}

#[test]
fn after_a_verified_rollback_r_and_y_send_nothing_more() {
    let (mut watch, second) = reach(State::Verified);
    what_lies_before(&mut watch, second);
    open(&mut watch, Goal::RollBack, second + 1);
    assert_eq!(sends(&ask(&mut watch, second + 2, Command::Confirm { typed: None })), 0);
    let typed = Some("production".to_owned());
    assert_eq!(sends(&ask(&mut watch, second + 3, Command::Confirm { typed })), 0);
}

#[test]
fn a_new_watch_over_a_rollback_offers_the_bad_version_only_to_who_types() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(3, "1.9.0", "1.8.3", -100, Some(-30))));
    what_lies_before(&mut watch, 2);
    let plan = watch.plan(Goal::RollBack, &[]);
    assert_eq!(watch.back_already(&plan).unwrap(), ["1.9.0 was rolled back"], "--yes has nothing to do");
    open(&mut watch, Goal::RollBack, 3);
    watch.update(Message::Leased { at: at(3), holding: Holding::Ours });
    assert!(watch.wants_typing());
    assert_eq!(sends(&ask(&mut watch, 5, Command::Confirm { typed: None })), 0);
    let typed = Some("production".to_owned());
    assert_eq!(sends(&ask(&mut watch, 6, Command::Confirm { typed })), 1);
}

#[test]
fn whoever_chose_a_revision_is_not_told_that_there_is_nothing_to_do() {
    let mut told_where = setup();
    told_where.told.rollback_to = Some(1);
    let mut watch = Watch::new(told_where);
    watch.update(told(1, rolled_out(3, "1.9.0", "1.8.3", -100, Some(-30))));
    what_lies_before(&mut watch, 2);
    assert!(watch.back_already(&watch.plan(Goal::RollBack, &[])).is_none());
}

#[test]
fn a_pause_closes_the_plan_and_nothing_is_sent_before_it_was_made_anew() {
    let (mut watch, second) = reach(State::Planned);
    let effects = ask(&mut watch, second + 17, Command::Confirm { typed: None });
    assert_eq!(sends(&effects), 0, "the key was struck for a plan of seventeen seconds ago");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare(_))), "{effects:?}");
    assert!(!is_open(&watch));
    open(&mut watch, Goal::RollBack, second + 18);
    assert!(!is_open(&watch), "it is still being computed");
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    let at_last = second + 19;
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(at_last), readiness });
    open(&mut watch, Goal::RollBack, at_last);
    watch.update(Message::Leased { at: at(at_last), holding: Holding::Ours });
    assert_eq!(sends(&ask(&mut watch, at_last + 1, Command::Confirm { typed: None })), 0, "no source was heard yet");
    for source in [GRAFANA, SITE] {
        watch.update(Message::Tick(at(at_last + 2)));
        watch.update(failed(source, at_last + 2, redflag_core::poll::SourceError::Timeout(5)));
    }
    watch.update(told(at_last + 2, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    assert_eq!(sends(&ask(&mut watch, at_last + 3, Command::Confirm { typed: None })), 1);
}

#[test]
fn a_lost_answer_that_is_not_there_yet_stays_unknown_and_is_told_when_it_comes() {
    let (mut watch, second) = reach(State::Unknown);
    let absent = || {
        let reason = "the rollback of deployment/app did not take effect".to_owned();
        Answer::Refused(Blocked { reason, way_out: "try again".to_owned() })
    };
    answer(&mut watch, second + 1, absent());
    assert!(matches!(watch.rollback(), Rollback::OutcomeUnknown { .. }), "it may still arrive: {:?}", watch.rollback());
    ticks(&mut watch, second + 2..=second + 80);
    answer(&mut watch, second + 81, absent());
    assert!(matches!(watch.rollback(), Rollback::Failed { .. }), "{:?}", watch.rollback());

    // It was in the hands of a slow proxy all the time.
    ticks(&mut watch, second + 82..=second + 89);
    watch.update(told(second + 90, rolled_out(3, "1.9.0", "1.8.3", second + 89, None)));
    assert!(matches!(watch.rollback(), Rollback::Running(_)), "{:?}", watch.rollback());
    assert!(watch.timeline().entries().any(|entry| entry.text == "deployment/app: the rollback took effect after all"));
    let end = second + 91;
    for second in end..=end + 200 {
        serve(&mut watch, second, None);
    }
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}

#[test]
fn flags_that_nobody_can_see_are_not_clear() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    open(&mut watch, Goal::RollBack, 3);
    watch.update(Message::Leased { at: at(3), holding: Holding::Ours });
    assert_eq!(sends(&ask(&mut watch, 4, Command::Confirm { typed: None })), 1);
    answer(&mut watch, 5, Answer::Accepted);
    for second in 6..=500 {
        watch.update(Message::Tick(at(second)));
        if second % 10 == 0 {
            watch.update(told(second, rolled_out(3, "1.9.0", "1.8.3", 5, Some(10))));
            watch.update(failed(GRAFANA, second, redflag_core::poll::SourceError::Timeout(5)));
            watch.update(failed(SITE, second, redflag_core::poll::SourceError::Timeout(5)));
        }
        assert!(!matches!(watch.rollback(), Rollback::Verified { .. }), "at {second}");
    }
    let Rollback::OutcomeUnknown { reason, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert!(reason.starts_with("1.8.3 is live; unknown whether it recovered"), "{reason}");
    assert!(!watch.rollback().is_in_progress(), "the keys work again");
    for second in 501..=600 {
        serve(&mut watch, second, None);
    }
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "seen later, and put right: {:?}", watch.rollback());
}

/// A revision of the app's history.
fn revision(tag: &str, number: i64, created: i64) -> Revision {
    Revision { version: version(tag, number), created: Some(at(created)), cause: None, ready: 0 }
}

#[test]
fn somebody_elses_rollback_is_one_before_the_controller_has_numbered_it_and_after() {
    for (number, numbered) in [(1, false), (3, true)] {
        let (mut watch, _) = bad_deploy(setup());
        let mut back = rolled_out(3, "1.9.0", "1.8.3", 201, None);
        back.deploy.as_mut().unwrap().by = Some("dana".to_owned());
        back.changed_by = Some("kubectl".to_owned());
        back.revisions = vec![revision("1.8.3", number, -9000), revision("1.9.0", 2, -100)];
        back.revisions.sort_by_key(|it| std::cmp::Reverse(it.version.revision));
        assert_eq!(back.rolled_back().map(redflag_core::deploy::Version::label), Some("1.9.0"), "numbered: {numbered}");
        let effects = watch.update(told(201, back.clone()));
        let last = watch.timeline().entries().last().unwrap().text.clone();
        assert_eq!(
            last, "deployment/app: rolled back by kubectl, 1.9.0 → 1.8.3",
            "dana deployed it once, and did not put it back"
        );
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare(_))));
        assert_eq!(watch.workload(APP).readiness, Readiness::Preparing, "what was ready was for another state");

        // Nothing but the number changes, and the plan is recreated anyway.
        let readiness = Readiness::Ready(undo("1.8.3", "1.9.0"));
        watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(202), readiness });
        back.revisions[0].version.revision += 1;
        assert!(watch.update(told(203, back)).iter().any(|effect| matches!(effect, Effect::Prepare(_))));
    }
    let mut usual = rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30));
    usual.revisions = vec![revision("1.9.0", 2, -100), revision("1.8.3", 1, -9000)];
    assert!(usual.rolled_back().is_none());
}

#[test]
fn r_is_for_what_is_red_and_what_calls_it_and_another_key_widens_it() {
    let one = setup();
    let named = |name: &str| WorkloadRef { name: name.to_owned(), ..one.workloads[0].reference.clone() };
    let service = |name: &str, calls: &[u16]| Service {
        name: name.to_owned(),
        depends_on: calls.iter().map(|index| ServiceId(*index)).collect(),
    };
    // The app is red; the shop calls it, and nobody calls the mail or is called by it.
    let mut watch = Watch::new(Setup {
        services: vec![service("app", &[]), service("shop", &[0]), service("mail", &[])],
        workloads: ["app", "shop", "mail"]
            .iter()
            .zip(0..)
            .map(|(name, index)| Workload { reference: named(name), service: ServiceId(index), container: None })
            .collect(),
        ..one.clone()
    });
    let all = [WorkloadId(0), WorkloadId(1), WorkloadId(2)];
    for second in 1..=200 {
        watch.update(Message::Tick(at(second)));
        if second % 10 == 0 {
            for id in all {
                let news = StreamNews::Rollout(id, Box::new(rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
                watch.update(Message::Streamed { source: CLUSTER, at: at(second), news });
            }
            watch.update(grafana(second, Some(60)));
        }
    }
    for id in all {
        let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
        step.subject = watch.setup().workload(id).reference.to_string();
        step.covers[0].workload = id;
        let readiness = Readiness::Ready(Arc::new(step));
        watch.update(Message::Prepared { workload: id, goal: Goal::RollBack, at: at(200), readiness });
    }
    assert_eq!(watch.usual_scope(), [WorkloadId(0), WorkloadId(1)]);
    let scope = watch.usual_scope();
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope });
    let planned = |watch: &Watch| match watch.rollback() {
        Rollback::Planned { plan, opened } => (plan.step_count(), plan.beside, *opened),
        other => panic!("{other:?}"),
    };
    assert_eq!(planned(&watch), (2, 1, at(200)));
    let scope = watch.push();
    let effects = ask(&mut watch, 203, Command::OpenPlan { goal: Goal::RollBack, scope });
    assert_eq!(planned(&watch), (3, 0, at(203)), "the whole push, to be read again");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Lease(_))), "the lease stays as it is");
}

#[test]
fn a_plan_that_nothing_calls_for_says_so() {
    let without_red_flag = |bad_since: Option<i64>, known: bool| {
        let mut watch = Watch::new(setup());
        watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        for second in 2..=400 {
            watch.update(Message::Tick(at(second)));
            if known && second % 10 == 0 {
                watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
                let probe = vec![(PROBE, vec![(at(second), redflag_core::signal::Sample::Value(90.0))])];
                watch.update(answered(SITE, second, probe));
                watch.update(grafana(second, bad_since));
            }
        }
        let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
        watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(400), readiness });
        open(&mut watch, Goal::RollBack, 400);
        let Rollback::Planned { plan, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
        plan.without_red_flag
    };
    assert!(without_red_flag(None, true), "everything is known to be clear");
    assert!(!without_red_flag(Some(60), true), "a flag is red");
    assert!(!without_red_flag(None, false), "and nobody calls healthy what nobody can see");
}

#[test]
fn a_cluster_that_fell_silent_leaves_nothing_ready() {
    let (mut watch, _) = bad_deploy(setup());
    assert!(matches!(watch.workload(APP).readiness, Readiness::Ready(_)));
    let down = redflag_core::message::StreamNews::Down(redflag_core::poll::SourceError::Timeout(5));
    watch.update(Message::Streamed { source: CLUSTER, at: at(201), news: down });
    let effects = ticks(&mut watch, 202..=202);
    assert_eq!(watch.workload(APP).readiness, Readiness::Preparing);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare(_))), "it is asked at once");
}

/// What may happen to a watch.
#[derive(Debug, Clone)]
enum Happens {
    Pass(i64),
    Pause(i64),
    Open,
    Yes,
    Typed,
    Dismiss,
    Forward,
    Prepared,
    Leased(u8),
    Answered(u8),
    Told(bool),
    Polled(bool),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1..4_i64).prop_map(Happens::Pass),
        2 => (15..90_i64).prop_map(Happens::Pause),
        4 => Just(Happens::Open),
        5 => Just(Happens::Yes),
        1 => Just(Happens::Typed),
        1 => Just(Happens::Dismiss),
        1 => Just(Happens::Forward),
        4 => Just(Happens::Prepared),
        4 => (0..4_u8).prop_map(Happens::Leased),
        3 => (0..4_u8).prop_map(Happens::Answered),
        2 => any::<bool>().prop_map(Happens::Told),
        3 => any::<bool>().prop_map(Happens::Polled),
    ]
}

fn blocked() -> Blocked {
    Blocked { reason: "no".to_owned(), way_out: "ask".to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn one_confirmation_is_one_change_and_none_follows_a_pause_without_fresh_knowledge(
        story in proptest::collection::vec(happens(), 1..120),
        is_guarded in any::<bool>(),
    ) {
        let mut watch = Watch::new(Setup { ..setup() });
        let mut planned = Step::clone(&undo("1.9.0", "1.8.3"));
        if !is_guarded {
            planned.action = Action::Ci(CiAction::Post(Post { body: "{}".to_owned(), idempotency_key: "7".to_owned() }));
        }
        let planned = Arc::new(planned);
        let mut second = 1;
        let (mut prepared_since, mut leased_since, mut confirmations, mut changes) = (false, false, 0, 0);
        watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        for event in story {
            let effects = match event {
                Happens::Pass(seconds) => {
                    second += seconds;
                    ticks(&mut watch, second - seconds + 1..=second)
                }
                Happens::Pause(seconds) => {
                    second += seconds;
                    (prepared_since, leased_since) = (false, false);
                    Vec::new()
                }
                Happens::Open => open(&mut watch, Goal::RollBack, second),
                Happens::Forward => open(&mut watch, Goal::Undo, second),
                Happens::Yes => {
                    confirmations += usize::from(is_open(&watch));
                    ask(&mut watch, second, Command::Confirm { typed: None })
                }
                Happens::Typed => {
                    confirmations += usize::from(is_open(&watch));
                    ask(&mut watch, second, Command::Confirm { typed: Some("production".to_owned()) })
                }
                Happens::Dismiss => ask(&mut watch, second, Command::Dismiss),
                Happens::Prepared => {
                    prepared_since = true;
                    let readiness = Readiness::Ready(Arc::clone(&planned));
                    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(second), readiness })
                }
                Happens::Leased(which) => {
                    leased_since = true;
                    let holder = Holder { who: "ana".to_owned(), what: "rollback".to_owned(), since: at(second) };
                    let holding = match which {
                        0 => Holding::Theirs(holder),
                        1 => Holding::Unavailable("403".to_owned()),
                        _ => Holding::Ours,
                    };
                    watch.update(Message::Leased { at: at(second), holding })
                }
                Happens::Answered(which) => {
                    let told = match which {
                        0 => Answer::Accepted,
                        1 => Answer::Unknown("lost".to_owned()),
                        2 => Answer::ChangedUnderUs("somebody was quicker".to_owned()),
                        _ => Answer::Refused(blocked()),
                    };
                    answer(&mut watch, second, told)
                }
                Happens::Told(back) => {
                    let (generation, from, to) = if back { (3, "1.9.0", "1.8.3") } else { (2, "1.8.3", "1.9.0") };
                    watch.update(told(second, rolled_out(generation, from, to, -100, Some(-30))))
                }
                Happens::Polled(well) => {
                    let mut effects = watch.update(grafana(second, (!well).then_some(60)));
                    effects.extend(watch.update(failed(SITE, second, redflag_core::poll::SourceError::Timeout(5))));
                    effects
                }
            };
            let sent = sends(&effects);
            changes += sent;
            prop_assert!(changes <= confirmations, "a change that nobody confirmed, or two for one");
            prop_assert!(sent == 0 || prepared_since, "sent by a plan from before a pause");
            prop_assert!(sent == 0 || is_guarded || leased_since, "sent without asking whether somebody else is at it");
        }
    }
}
