//! The automation, told to the pure core: each condition that keeps it from acting, and each degree of acting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::message::{Command, Effect, Message};
use redflag_core::poll::SourceError;
use redflag_core::rollback::lease::{Holder, Holding, LeaseCall};
use redflag_core::rollback::version_history::{Known, VersionStatus};
use redflag_core::rollback::{Answer, Check, CheckKind, Goal, Readiness, Rollback, Step};
use redflag_core::rollout::Progress;
use redflag_core::setup::{Automatic, RollbackPolicy, Setup};
use redflag_core::signal::Sample;
use redflag_core::verdict::Verdict;
use redflag_core::watch::Watch;
use std::sync::Arc;

/// A setup in which the previous version is known to be good.
fn automatic(automatic: Automatic) -> Setup {
    let good = Known {
        hash: "hash-1.8.3".to_owned(),
        images: Vec::new(),
        standing: VersionStatus::Good,
        at: at(-90_000),
        by: None,
    };
    let rollback = RollbackPolicy {
        automatic,
        countdown: TimeDelta::seconds(20),
        known: vec![vec![good]],
        ..RollbackPolicy::default()
    };
    Setup { rollback, ..setup() }
}

/// Goes on as [`bad_deploy`] left it, second by second, and lets `change` say what is different.
fn go_on(watch: &mut Watch, seconds: std::ops::RangeInclusive<i64>, grafana_answers: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    for second in seconds {
        effects.extend(watch.update(Message::Tick(at(second))));
        if second % 10 == 0 {
            let probe = vec![(PROBE, vec![(at(second), Sample::Value(90.0))])];
            effects.extend(watch.update(answered(SITE, second, probe)));
            effects.extend(watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30)))));
            let news = if grafana_answers {
                grafana(second, Some(60))
            } else {
                failed(GRAFANA, second, SourceError::Timeout(5))
            };
            effects.extend(watch.update(news));
        }
    }
    effects
}

/// The same, with a lease that is there to be had.
fn go_on_with_a_lease(watch: &mut Watch, seconds: std::ops::RangeInclusive<i64>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for second in seconds {
        let done = go_on(watch, second..=second, true);
        let is_asked = |effect: &Effect| matches!(effect, Effect::Lease(LeaseCall::Take(_) | LeaseCall::Renew));
        if done.iter().any(is_asked) {
            effects.extend(watch.update(Message::Leased { at: at(second), holding: Holding::Ours }));
        }
        effects.extend(done);
    }
    effects
}

/// Goes on until a countdown begins; gives the second in which it did, and what was asked for then.
fn until_it_counts_down(watch: &mut Watch) -> (i64, Vec<Effect>) {
    for second in 3..400 {
        let effects = go_on(watch, second..=second, true);
        if matches!(watch.rollback(), Rollback::Countdown { .. }) {
            return (second, effects);
        }
    }
    panic!("it never armed: {:?}", unmet(watch));
}

fn unmet(watch: &Watch) -> Vec<String> {
    let unmet = watch.arming().conditions.iter().filter(|condition| !condition.met);
    unmet.map(|condition| format!("{}: {}", condition.kind.name(), condition.sentence)).collect()
}

fn sends(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Send(_))).count()
}

fn ready_with(watch: &mut Watch, second: i64, check: Check) {
    let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
    step.checks.retain(|known| known.kind != check.kind);
    step.checks.push(check);
    let readiness = Readiness::Ready(Arc::new(step));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(second), readiness });
}

/// A deploy that is ready to be rolled back; it goes bad at second 60.
fn deployed(setup: Setup) -> Watch {
    let mut watch = Watch::new(setup);
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    watch
}

/// Until the flags have been red for a minute.
fn red_for_a_minute(setup: Setup) -> Watch {
    let mut watch = deployed(setup);
    go_on(&mut watch, 3..=300, true);
    watch
}

#[test]
fn off_is_off() {
    let watch = red_for_a_minute(automatic(Automatic::Off));
    assert!(watch.arming().conditions.is_empty());
    assert_eq!(*watch.rollback(), Rollback::Idle);
}

#[test]
fn in_the_shadow_it_says_what_it_would_have_done_and_does_nothing() {
    let mut watch = deployed(automatic(Automatic::Shadow));
    let effects = go_on(&mut watch, 3..=400, true);
    assert_eq!(sends(&effects), 0);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Lease(_))));
    let said: Vec<&str> =
        watch.timeline().entries().map(|entry| entry.text.as_str()).filter(|text| text.starts_with("shadow")).collect();
    assert_eq!(said, ["shadow: would roll back to 1.8.3 now, because of error rate, p95"]);
}

#[test]
fn a_countdown_rings_can_be_stopped_and_does_not_begin_again() {
    let mut watch = deployed(automatic(Automatic::Countdown));
    let (second, effects) = until_it_counts_down(&mut watch);
    assert!(effects.contains(&Effect::Bell));
    assert!(effects.contains(&Effect::Lease(LeaseCall::Take("auto-rollback to 1.8.3".to_owned()))));
    let Rollback::Countdown { fires, .. } = watch.rollback() else { unreachable!() };
    assert_eq!(*fires, at(second + 20));
    ask(&mut watch, second + 5, Command::Dismiss);
    assert_eq!(*watch.rollback(), Rollback::Idle);
    let effects = go_on(&mut watch, second + 6..=second + 120, true);
    assert_eq!(sends(&effects), 0);
    assert_eq!(*watch.rollback(), Rollback::Idle);
    assert!(unmet(&watch)[0].starts_with("first: cancelled by a person"), "{:?}", unmet(&watch));
}

#[test]
fn a_countdown_that_nobody_stops_acts_once_and_a_person_may_say_yes_before() {
    let mut watch = deployed(automatic(Automatic::Countdown));
    let effects = go_on_with_a_lease(&mut watch, 3..=400);
    assert_eq!(sends(&effects), 1);
    let done = watch.rollback().execution().unwrap();
    assert!(done.automatic);

    let mut watch = deployed(automatic(Automatic::Countdown));
    let (second, _) = until_it_counts_down(&mut watch);
    assert_eq!(sends(&ask(&mut watch, second + 1, Command::Confirm { typed: None })), 1);
    assert!(!watch.rollback().execution().unwrap().automatic, "a person did it");
}

#[test]
fn a_countdown_is_called_off_when_a_condition_no_longer_holds() {
    let mut watch = deployed(automatic(Automatic::Countdown));
    let (second, _) = until_it_counts_down(&mut watch);
    ready_with(&mut watch, second + 1, Check::warning(CheckKind::Migration, "0042 may drop a column", None));
    let effects = go_on(&mut watch, second + 2..=second + 60, true);
    assert_eq!(sends(&effects), 0);
    let off = "auto-rollback to 1.8.3 cancelled: 0042 may drop a column";
    assert!(watch.timeline().entries().any(|entry| entry.text == off));
}

#[test]
fn on_acts_as_soon_as_the_lease_is_ours_and_at_most_once() {
    let mut watch = deployed(automatic(Automatic::On));
    let (second, _) = until_it_counts_down(&mut watch);
    assert_eq!(sends(&ticks(&mut watch, second + 1..=second + 2)), 0, "the lease has not answered");
    let second = second + 2;
    watch.update(Message::Leased { at: at(second), holding: Holding::Ours });
    assert_eq!(sends(&go_on(&mut watch, second + 1..=second + 1, true)), 1);
    answer(&mut watch, second + 2, Answer::Accepted);
    assert_eq!(sends(&go_on(&mut watch, second + 3..=second + 700, true)), 0);
}

#[test]
fn somebody_else_at_it_keeps_it_from_acting() {
    let mut watch = deployed(automatic(Automatic::On));
    let (second, _) = until_it_counts_down(&mut watch);
    let holder = Holder { who: "ana@laptop".to_owned(), what: "rollback to 1.8.3".to_owned(), since: at(second) };
    watch.update(Message::Leased { at: at(second), holding: Holding::Theirs(holder) });
    assert_eq!(*watch.rollback(), Rollback::Idle);
    let effects = go_on(&mut watch, second + 1..=second + 600, true);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send(_) | Effect::Lease(LeaseCall::Take(_)))));
    let told = watch.timeline().entries().filter(|entry| entry.text.contains("holds the lease")).count();
    assert_eq!(told, 1, "and it does not begin again every second");
    assert!(unmet(&watch)[0].starts_with("nobody else: ana@laptop held the lease"), "{:?}", unmet(&watch));
}

#[test]
fn a_failing_rollout_needs_no_minute_and_no_second_signal() {
    let mut watch = Watch::new(automatic(Automatic::Shadow));
    let mut rollout = rolled_out(2, "1.8.3", "1.9.0", -100, None);
    rollout.progress = Progress::Failed("deployment exceeded its progress deadline".to_owned());
    watch.update(told(1, rollout.clone()));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    watch.update(answered(SITE, 3, vec![(PROBE, vec![(at(3), Sample::Value(90.0))])]));
    watch.update(told(4, rollout));
    ticks(&mut watch, 5..=6);
    assert!(watch.arming().acted.is_some(), "{:?}", unmet(&watch));
}

#[test]
fn each_condition_that_does_not_hold_is_named() {
    let only = |watch: &Watch| {
        assert!(watch.arming().acted.is_none());
        let unmet = unmet(watch);
        assert_eq!(unmet.len(), 1, "{unmet:?}");
        unmet[0].clone()
    };

    let mut unknown = automatic(Automatic::Shadow);
    unknown.rollback.known = Vec::new();
    assert_eq!(only(&red_for_a_minute(unknown)), "target: 1.8.3 has not passed a watch yet");

    let mut watch = deployed(automatic(Automatic::Shadow));
    ready_with(&mut watch, 3, Check::warning(CheckKind::Migration, "not known whether a migration shipped", None));
    go_on(&mut watch, 4..=300, true);
    assert_eq!(only(&watch), "migration: not known whether a migration shipped");

    let mut watch = deployed(automatic(Automatic::Shadow));
    ready_with(&mut watch, 3, Check::warning(CheckKind::AlreadyRolledBack, "ana took it back 12 min ago", None));
    go_on(&mut watch, 4..=300, true);
    assert_eq!(only(&watch), "nobody else: ana took it back 12 min ago");

    let read_only = Setup { read_only: true, ..automatic(Automatic::Shadow) };
    assert_eq!(only(&red_for_a_minute(read_only)), "first: read-only mode");
}

#[test]
fn a_dead_monitoring_system_rolls_nothing_back() {
    let mut watch = deployed(automatic(Automatic::Shadow));
    let mut second = 3;
    while watch.verdict() != Verdict::Faulty {
        go_on(&mut watch, second..=second, true);
        second += 1;
        assert!(second < 400, "nothing went red");
    }
    // Its source falls silent before the minute is over.
    go_on(&mut watch, second..=second + 400, false);
    assert!(watch.arming().acted.is_none(), "{:?}", watch.timeline().entries().last());
}

#[test]
fn one_red_signal_is_not_enough_unless_its_evidence_is_overwhelming() {
    let errors_only = |share: f64| {
        let mut watch = Watch::new(automatic(Automatic::Shadow));
        watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
        watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
        for second in 3..=400 {
            watch.update(Message::Tick(at(second)));
            if second % 10 == 0 {
                let Message::Polled { result: Ok(mut poll), .. } = grafana(second, None) else { unreachable!() };
                let errors = &mut poll.points.iter_mut().find(|(id, _)| *id == ERROR_RATE).unwrap().1;
                errors.iter_mut().filter(|point| point.0 >= at(60)).for_each(|point| {
                    point.1 = Sample::Counts { errors: 1200.0 * share, requests: 1200.0 };
                });
                watch.update(Message::Polled { source: GRAFANA, at: at(second), result: Ok(poll) });
                watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
                watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
            }
        }
        watch
    };
    let some = errors_only(0.025);
    let missing = "two signals: 1 signal is red; a second, independent one is needed";
    assert_eq!(unmet(&some), [missing]);
    assert!(errors_only(0.3).arming().acted.is_some());
}

#[test]
fn a_migration_that_nobody_looked_for_or_understood_keeps_it_from_acting() {
    let unsure = Check::warning(CheckKind::Migration, "0042_x.sql has DO", Some("look at it".to_owned()));
    let fine = Check::ok(CheckKind::Migration, "0041_x.sql adds t.a");
    for (checks, said) in [
        (vec![], "migrations of deployment/app were not checked"),
        // A check of another kind is not a look at migrations.
        (vec![Check::ok(CheckKind::Permission, "you may")], "migrations of deployment/app were not checked"),
        (vec![unsure.clone()], "0042_x.sql has DO"),
        (vec![fine, unsure], "0042_x.sql has DO"),
    ] {
        let mut watch = deployed(automatic(Automatic::On));
        let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
        step.checks = checks;
        step.checks.push(Check::ok(CheckKind::AlreadyRolledBack, "nobody has put it back"));
        let readiness = Readiness::Ready(Arc::new(step));
        watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(3), readiness });
        let effects = go_on(&mut watch, 4..=300, true);
        assert_eq!((sends(&effects), unmet(&watch)), (0, vec![format!("migration: {said}")]));
    }
}
