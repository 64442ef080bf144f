//! Resuming: whenever a watch was killed, it goes on with all that it knew, does nothing twice, and acts on no key of before.

use crate::promises::{World, any_happening};
use crate::support::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use redflag_core::deploy::Version;
use redflag_core::feature_flags::{self, Call, FeatureFlag, FlagId, FlagState, FlagStatus, Listing, News};
use redflag_core::message::{Command, Effect, Message};
use redflag_core::record::difference;
use redflag_core::rollback::lease::{Holding, LeaseCall};
use redflag_core::rollback::{Answer, Blocked, Goal, Readiness, Rollback, StepState};
use redflag_core::session::{Afresh, Leaving, Seat, Zone};
use redflag_core::setup::{Automatic, FlagSystem, FlagSystemId, FlagSystemInfo, RollbackPolicy, Setup, Told};
use redflag_core::timeline::Mark;
use redflag_core::watch::{TurnOffState, Watch};

fn resumed(second: i64) -> Message {
    let seat = Seat { who: "ben@desk".to_owned(), process: 7, attended: true };
    Message::Resumed { at: at(second), seat, zone: Zone(3600) }
}

fn is_change(effect: &Effect) -> bool {
    effect.changes_the_outside()
}

fn read_back(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::ReadBack(_))).count()
}

fn entries(watch: &Watch, mark: Mark) -> Vec<String> {
    watch.timeline().entries().filter(|entry| entry.mark == mark).map(|entry| entry.text.clone()).collect()
}

/// A bad deploy, rolled back at `at(211)`, whose request is on its way.
fn rolling_back() -> Watch {
    let (mut watch, _) = bad_deploy(setup());
    ticks(&mut watch, 201..=210);
    ask(&mut watch, 210, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    watch.update(Message::Leased { at: at(210), holding: Holding::Ours });
    let effects = ask(&mut watch, 211, Command::Confirm { typed: None });
    assert_eq!(effects.iter().filter(|effect| is_change(effect)).count(), 1);
    watch
}

#[test]
fn a_request_in_flight_is_unknown_until_it_was_read_back_and_is_never_sent_again() {
    let mut watch = rolling_back();
    let effects = watch.update(resumed(240));
    assert!(matches!(watch.rollback(), Rollback::OutcomeUnknown { .. }), "{:?}", watch.rollback());
    assert_eq!(read_back(&effects), 1);
    let takes = |effect: &&Effect| matches!(effect, Effect::Lease(LeaseCall::Take(_)));
    assert_eq!(effects.iter().filter(takes).count(), 1, "its lease is taken again, once");
    assert!(!effects.iter().any(is_change));

    // Read back, and not there: the request of the process that was killed may still be on its way.
    let not_there = || Answer::Refused(Blocked { reason: "1.9.0 runs".to_owned(), way_out: String::new() });
    answer(&mut watch, 241, not_there());
    assert!(matches!(watch.rollback(), Rollback::OutcomeUnknown { .. }));
    let effects = ticks(&mut watch, 242..=300);
    assert!(read_back(&effects) > 5 && !effects.iter().any(is_change));
    // By now it cannot be any more.
    answer(&mut watch, 301, not_there());
    assert!(matches!(watch.rollback(), Rollback::Failed { .. }), "{:?}", watch.rollback());
}

#[test]
fn what_was_taken_while_nobody_looked_is_followed_to_its_end() {
    let mut watch = rolling_back();
    watch.update(resumed(240));
    answer(&mut watch, 241, Answer::Accepted);
    let Rollback::Running(done) = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(done.confirmed, at(211), "the key was struck then");
    ticks(&mut watch, 242..=249);
    watch.update(told(250, rolled_out(3, "1.9.0", "1.8.3", 212, Some(250))));
    well_ticks(&mut watch, 251..=300);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
}

#[test]
fn the_gap_is_told_by_the_persons_clock_with_how_it_was_left() {
    let gap = |leave: Option<Leaving>, until: i64| {
        let mut watch = Watch::new(setup());
        ticks(&mut watch, 1..=10);
        if let Some(how) = leave {
            watch.update(Message::Left { at: at(10), how });
        }
        watch.update(resumed(until));
        assert!(watch.left().is_none());
        entries(&watch, Mark::Unknown).pop().unwrap()
    };
    // at(0) is 14:13:20 UTC, an hour later there.
    assert_eq!(gap(None, 310), "not watched from 15:13 to 15:18 (killed); read back");
    assert_eq!(gap(Some(Leaving::HungUp), 310), "not watched from 15:13 to 15:18 (terminal closed); read back");
    assert_eq!(gap(Some(Leaving::Quit), 14), "not watched from 15:13:30 to 15:13:34 (quit); read back");
}

#[test]
fn notes_acknowledgements_and_flags_are_kept() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 201, Command::Note("rang Dana".to_owned()));
    ask(&mut watch, 202, Command::Acknowledge(ERROR_RATE));
    let findings: Vec<_> = watch.findings().to_vec();
    watch.update(resumed(220));
    assert_eq!(watch.findings(), findings);
    assert!(watch.finding(ERROR_RATE).acknowledged);
    assert!(entries(&watch, Mark::Note).contains(&"rang Dana".to_owned()));
    assert_eq!(watch.setup().rollback.actor, "ben@desk", "whoever is at the keys now acts from now on");
}

#[test]
fn everybody_is_asked_again_from_before_the_gap() {
    let (mut watch, _) = bad_deploy(setup());
    let asked = ticks(&mut watch, 201..=230);
    assert!(asked.iter().any(|effect| matches!(effect, Effect::Poll { source: GRAFANA, .. })), "under way");
    watch.update(resumed(500));
    assert!(!watch.is_awake(), "what was known before is no ground to act on");
    let polls: Vec<_> = ticks(&mut watch, 501..=501)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Poll { source, request } => Some((source, request)),
            _ => None,
        })
        .collect();
    assert_eq!(polls.iter().map(|(source, _)| *source).collect::<Vec<_>>(), [GRAFANA, SITE]);
    assert!(polls.iter().all(|(_, request)| request.from <= at(200) && request.to == at(501)));
}

#[test]
fn what_waits_for_a_key_waits_no_more() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 205, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    assert!(matches!(watch.rollback(), Rollback::Planned { .. }));
    watch.update(resumed(206));
    assert_eq!(*watch.rollback(), Rollback::Idle);
    assert!(!ask(&mut watch, 208, Command::Confirm { typed: None }).iter().any(is_change));
}

#[test]
fn a_countdown_does_not_go_on_where_nobody_could_stop_it() {
    let policy = RollbackPolicy { automatic: Automatic::Countdown, ..RollbackPolicy::default() };
    let known = redflag_core::rollback::version_history::Known {
        hash: "hash-1.8.3".to_owned(),
        images: version("1.8.3", 1).images,
        standing: redflag_core::rollback::version_history::VersionStatus::Good,
        at: at(-5000),
        by: None,
    };
    let policy = RollbackPolicy { known: vec![vec![known]], ..policy };
    let (mut watch, _) = bad_deploy(Setup { rollback: policy, ..setup() });
    assert!(matches!(watch.rollback(), Rollback::Countdown { .. }), "{:?}", watch.arming());
    let effects = watch.update(resumed(400));
    assert_eq!(*watch.rollback(), Rollback::Idle);
    assert!(!effects.iter().any(is_change));
    assert!(entries(&watch, Mark::Rollback).iter().any(|text| text.contains("cancelled: redflag was not running")));
}

#[test]
fn a_feature_flag_that_was_being_turned_off_is_read_and_not_turned_off_again() {
    let system = FlagSystemInfo {
        system: FlagSystem::Unleash,
        environment: "production".to_owned(),
        features: Vec::new(),
        service: None,
    };
    let mut watch = Watch::new(Setup { feature_flags: vec![system], ..setup() });
    let system = FlagSystemId(0);
    ask(&mut watch, 1, Command::ShowFeatures);
    let state = FlagState::Told(FlagStatus { on: true, ..FlagStatus::default() });
    let flag = FeatureFlag { key: "new-checkout".to_owned(), state, link: None };
    let listing = Listing { flags: vec![flag], ..Listing::default() };
    watch.update(Message::FeatureFlags { system, at: at(2), news: News::Read(Ok(listing)) });
    ask(&mut watch, 3, Command::AskToTurnOff(FlagId { system, key: "new-checkout".to_owned() }));
    assert!(ask(&mut watch, 4, Command::TurnOff).iter().any(is_change));

    assert!(!watch.update(resumed(30)).iter().any(is_change));
    let turn = watch.flags(None)[0].turn.unwrap().state.clone();
    assert_eq!(turn, TurnOffState::Lost("redflag was not running".to_owned()));
    let effects = ticks(&mut watch, 31..=60);
    let reads = |effect: &Effect| matches!(effect, Effect::FeatureFlags(_, Call::ReadBack(_)));
    assert!(effects.iter().any(reads) && !effects.iter().any(is_change));
    let late = News::Answered("new-checkout".to_owned(), feature_flags::Answer::Accepted);
    watch.update(Message::FeatureFlags { system, at: at(61), news: late });
    assert!(matches!(watch.flags(None)[0].turn.unwrap().state, TurnOffState::Lost(_)), "nobody's answer");
}

#[test]
fn a_watch_has_ended_with_its_window_unless_a_rollback_is_in_progress() {
    let (watch, _) = bad_deploy(setup());
    assert!(!watch.has_ended(at(-30 + 1799)));
    assert!(watch.has_ended(at(-30 + 1800)));
    let watch = rolling_back();
    assert!(!watch.has_ended(at(7200)));
    assert!(watch.has_ended(at(2 * 86_400)), "by then nobody waits for it");
    let unknown = Watch::new(setup());
    assert!(!unknown.has_ended(at(600)) && unknown.has_ended(at(2401)));
}

#[test]
fn another_deploy_is_told_from_what_was_watched_and_from_what_we_brought_back() {
    let mut watch = rolling_back();
    let is_other = |watch: &Watch, tag: &str| watch.is_of_another_deploy(APP, &rolled_out(4, "1.9.0", tag, 300, None));
    assert!(!is_other(&watch, "1.8.3"), "that is the rollback");
    assert!(!is_other(&watch, "1.9.0"));
    assert!(is_other(&watch, "1.9.1"));
    let mut restarted = rolled_out(4, "1.8.3", "1.9.0", -100, Some(-30));
    restarted.deploy.as_mut().unwrap().to = Version { hash: "restarted".to_owned(), ..version("1.9.0", 2) };
    watch.update(resumed(300));
    assert!(!watch.is_of_another_deploy(APP, &restarted));
}

#[test]
fn why_a_watch_begins_afresh_is_told() {
    let says = |why: Afresh| {
        let mut watch = Watch::new(setup());
        watch.update(Message::BegunAfresh { at: at(0), before: at(-600), why, zone: Zone(0) });
        entries(&watch, Mark::Unknown).pop().unwrap()
    };
    let seat = Seat { who: "ci".to_owned(), process: 9, attended: false };
    for (why, text) in [
        (Afresh::Wanted, "begun afresh (--new), beside the watch of 14:03"),
        (Afresh::OtherSetup("the signals".to_owned()), "begun afresh: the signals changed since the watch of 14:03"),
        (Afresh::OtherDeploy, "begun afresh: the watch of 14:03 was of another deploy"),
        (
            Afresh::Over(Some(Leaving::HungUp)),
            "begun afresh: the watch of 14:03 was left before its end (terminal closed), and its window is over",
        ),
        (Afresh::InUse(seat), "begun afresh: the watch of 14:03 goes on in another process, ci (pid 9)"),
    ] {
        assert_eq!(says(why), text);
    }
}

#[test]
fn a_changed_setup_is_told_by_its_part() {
    let now = Setup { started: at(500), ..setup() };
    assert_eq!(difference(&setup(), &now), None);
    let somebody = RollbackPolicy { actor: "ben".to_owned(), known: vec![Vec::new()], ..RollbackPolicy::default() };
    assert_eq!(difference(&setup(), &Setup { rollback: somebody, ..now.clone() }), None);
    let told = Told { to: Some("1.9.0".to_owned()), ..Told::default() };
    assert_eq!(difference(&Setup { told: told.clone(), ..setup() }, &now), None, "it need not be said twice");
    let part = |now: Setup| difference(&setup(), &now).unwrap();
    assert_eq!(part(Setup { read_only: true, ..now.clone() }), "read-only");
    assert_eq!(part(Setup { window: TimeDelta::minutes(5), ..now.clone() }), "the window");
    assert_eq!(part(Setup { told, ..now.clone() }), "what the command line says of the deploy");
    let mut limits = now;
    limits.signals[0].limits.red_flag = Some(5.0);
    assert_eq!(part(limits), "the signals");
}

/// The bad deploy's whole life, message by message: red, planned, confirmed, answered, ready.
fn life() -> Vec<Message> {
    let deploy = || rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30));
    let mut life = vec![told(1, deploy())];
    let asked = |second, command| Message::Asked { at: at(second), command };
    for second in 3..=300 {
        life.push(Message::Tick(at(second)));
        match second {
            150 => life.push(asked(second, Command::Note("rang Dana".to_owned()))),
            151 => life.push(asked(second, Command::Acknowledge(ERROR_RATE))),
            210 => {
                let scope = Vec::new();
                life.push(asked(second, Command::OpenPlan { goal: Goal::RollBack, scope }));
                life.push(Message::Leased { at: at(second), holding: Holding::Ours });
            }
            211 => life.push(asked(second, Command::Confirm { typed: None })),
            213 => life.push(Message::Answered { workload: APP, at: at(second), answer: Answer::Accepted }),
            _ => {}
        }
        if second % 10 == 0 {
            let probe = vec![(PROBE, vec![(at(second), redflag_core::signal::Sample::Value(90.0))])];
            life.push(answered(SITE, second, probe));
            life.push(grafana(second, (second < 250).then_some(60)));
            life.push(told(
                second,
                if second < 240 { deploy() } else { rolled_out(3, "1.9.0", "1.8.3", 213, Some(240)) },
            ));
        }
    }
    life
}

/// A rollback of what was deployed would work whenever that is asked.
fn works_out(watch: &mut Watch, now: redflag_core::deploy::Time, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Prepare(request) = effect
            && request.goal == Goal::RollBack
            && watch.rollback().execution().is_none()
        {
            let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
            watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: now, readiness });
        }
    }
}

/// Killed after each of its messages in turn, four hundred of them, and resumed while the rest happens.
#[test]
fn killed_after_any_message_nothing_is_sent_twice_and_nothing_is_forgotten() {
    let life = life();
    let opened = life.iter().position(|it| matches!(it, Message::Asked { command: Command::OpenPlan { .. }, .. }));
    let confirm = life.iter().position(|it| matches!(it, Message::Asked { command: Command::Confirm { .. }, .. }));
    let open = opened.unwrap()..confirm.unwrap();
    for killed in 0..life.len() {
        let mut watch = Watch::new(setup());
        let mut sent = 0;
        for (place, message) in life.iter().enumerate() {
            let effects = watch.update(message.clone());
            sent += effects.iter().filter(|effect| is_change(effect)).count();
            works_out(&mut watch, message.at(), &effects);
            if place == killed {
                let effects =
                    watch.update(Message::Resumed { at: message.at(), seat: Seat::default(), zone: Zone::default() });
                assert!(!effects.iter().any(is_change), "killed after {killed}");
                works_out(&mut watch, message.at(), &effects);
                if watch.rollback().execution().is_some_and(|done| done.accepted.is_none()) {
                    assert_eq!(read_back(&effects), 1, "killed after {killed}");
                }
            }
        }
        let notes = entries(&watch, Mark::Note);
        assert_eq!(notes, ["rang Dana", "acknowledged: error rate"], "killed after {killed}");
        // A plan that was open when it was killed is closed, and the key after that confirms nothing.
        let was_open = open.contains(&killed);
        assert_eq!(sent, usize::from(!was_open), "killed after {killed}");
        let done = watch.rollback().execution();
        assert_eq!(done.map(|done| done.confirmed), (!was_open).then(|| at(211)), "killed after {killed}");
        if let Some(done) = done {
            assert!(matches!(done.steps.as_slice(), [StepState::Ready { .. }]), "killed after {killed}");
        }
    }
}

proptest! {
    /// Whatever happened before, whoever resumes changes nothing by that, and what follows is folded the same again.
    #[test]
    fn resuming_changes_nothing_outside_and_is_a_message_like_any_other(
        before in prop::collection::vec(any_happening(), 1..40),
        after in prop::collection::vec(any_happening(), 1..40),
        gap in 0_i64..3000,
    ) {
        let mut world = World::new(setup());
        let mut messages = Vec::new();
        for happening in before {
            messages.push(world.message(happening));
            world.watch.update(messages.last().unwrap().clone());
        }
        let now = (world.watch.now() - at(0)).num_seconds();
        messages.push(resumed(now + gap));
        let effects = world.watch.update(messages.last().unwrap().clone());
        prop_assert!(!effects.iter().any(is_change));
        for happening in after {
            messages.push(world.message(happening));
            world.watch.update(messages.last().unwrap().clone());
        }
        let line = |message: &Message| redflag_core::record::message_line(message).unwrap() + "\n";
        let (again, _) = redflag_core::record::follow(&messages.iter().map(line).collect::<String>()).unwrap();
        let mut watch = Watch::new(setup());
        for message in again {
            watch.update(message);
        }
        prop_assert!(watch == world.watch);
    }
}
