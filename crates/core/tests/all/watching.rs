//! Stories told to the pure core, message by message: who is asked when, what is said, what is sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::message::{Command, Effect, Message, StreamNews};
use redflag_core::poll::{Alert, AlertState, Poll, PollRequest, SourceError};
use redflag_core::rollback::lease::LeaseCall;
use redflag_core::rollback::{Answer, Blocked, Goal, Readiness, Rollback};
use redflag_core::rollout::{PodPhase, Progress};
use redflag_core::setup::{Confirm, Setup, Told};
use redflag_core::signal::{Kind, Sample, SourceId};
use redflag_core::timeline::Mark;
use redflag_core::verdict::{Level, Verdict};
use redflag_core::watch::Watch;

fn polls(effects: &[Effect], wanted: SourceId) -> Vec<PollRequest> {
    let of = |effect: &Effect| match effect {
        Effect::Poll { source, request } if *source == wanted => Some(request.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn the_first_question_waits_for_the_deploy_and_asks_for_its_whole_baseline() {
    let mut watch = Watch::new(setup());
    assert!(polls(&ticks(&mut watch, 0..=4), GRAFANA).is_empty(), "it does not know which deploy yet");
    watch.update(told(4, rolled_out(2, "1.8.3", "1.9.0", -600, Some(-500))));
    let asked = polls(&ticks(&mut watch, 5..=8), GRAFANA);
    assert_eq!(asked.len(), 1, "one question at a time, however long its answer takes");
    assert_eq!(asked[0].from, at(-600 - 3600));
    assert_eq!(asked[0].deployed_at, Some(at(-600)));
    assert_eq!(asked[0].versions, [Some("1.9.0".to_owned())]);
}

#[test]
fn without_a_cluster_the_sources_are_asked_all_the_same() {
    let mut watch = Watch::new(setup());
    let asked = polls(&ticks(&mut watch, 0..=5), GRAFANA);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].from, at(-30 * 60 - 60 * 60), "far enough back for a deploy whose window is still open");
}

#[test]
fn after_an_answer_only_the_newest_span_is_asked_for_and_a_new_deploy_asks_for_all_again() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -600, Some(-500))));
    ticks(&mut watch, 2..=3);
    watch.update(grafana(4, None));
    let asked = polls(&ticks(&mut watch, 5..=25), GRAFANA);
    assert_eq!(
        (asked.len(), asked[0].from),
        (1, at(2 - 180)),
        "what came in after the question was asked may be missing in its answer"
    );
    watch.update(grafana(25, None));
    watch.update(told(26, rolled_out(3, "1.9.0", "1.9.1", 20, None)));
    let asked = polls(&ticks(&mut watch, 27..=27), GRAFANA);
    assert_eq!(asked[0].from, at(20 - 3600));
    assert_eq!(asked[0].versions, [Some("1.9.1".to_owned())]);
}

#[test]
fn a_signal_of_the_new_version_is_asked_of_the_old_one_too_while_that_may_have_served() {
    let mut setup = setup();
    setup.signals.iter_mut().take(3).for_each(|signal| signal.of_version = true);
    let mut watch = Watch::new(setup);
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let asked = polls(&ticks(&mut watch, 2..=4), GRAFANA);
    // Memory is another matter: pods of another age.
    assert_eq!(asked[0].older, [(ERROR_RATE, "1.8.3".to_owned()), (LATENCY, "1.8.3".to_owned())]);

    let bins = |span: std::ops::Range<i64>, sample: Sample| span.map(|bin| (at(30 * bin), sample)).collect::<Vec<_>>();
    let points = vec![(LATENCY, bins(-3..1, Sample::Value(800.0)))];
    let older = vec![(LATENCY, bins(-120..0, Sample::Value(400.0)))];
    let result = Ok(Poll { points, older, ..Poll::default() });
    watch.update(Message::Polled { source: GRAFANA, at: at(5), result });
    let past = watch.store().series(LATENCY).baseline().map(|baseline| baseline.median);
    assert_eq!(past, Some(400.0), "its past is the old version's");
    assert_eq!(watch.store().series(LATENCY).beside(at(-30)), Some(Sample::Value(400.0)));
    assert_eq!(watch.store().series(LATENCY).last_value(), Some((at(0), 800.0)));

    for second in [60, 160, 200] {
        ticks(&mut watch, second - 20..=second - 1);
        let all = [ERROR_RATE, LATENCY, MEMORY].map(|signal| (signal, Vec::new()));
        watch.update(answered(GRAFANA, second, all.to_vec()));
    }
    let asked = polls(&ticks(&mut watch, 200..=230), GRAFANA);
    assert!(asked[0].from > at(-30) && asked[0].older.is_empty(), "nobody can tell of it any more");
}

#[test]
fn a_source_that_fails_is_asked_less_often_and_the_vendors_own_word_counts() {
    let mut watch = Watch::new(setup());
    watch.update(told(0, rolled_out(2, "1.8.3", "1.9.0", -600, Some(-500))));
    let mut gaps = Vec::new();
    let mut last = None;
    for second in 1..400 {
        if !polls(&watch.update(Message::Tick(at(second))), GRAFANA).is_empty() {
            gaps.extend(last.map(|last: i64| second - last));
            last = Some(second);
            watch.update(failed(GRAFANA, second, SourceError::Timeout(5)));
        }
    }
    assert!(gaps.windows(2).all(|pair| pair[1] + 4 >= pair[0]), "never sooner than before: {gaps:?}");
    assert!((15..=17).contains(&gaps[0]) && gaps.iter().all(|gap| *gap <= 127), "{gaps:?}");

    let limited = SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(300)) };
    watch.update(failed(GRAFANA, 400, limited));
    assert!(polls(&ticks(&mut watch, 401..=699), GRAFANA).is_empty());
    assert_eq!(polls(&ticks(&mut watch, 700..=720), GRAFANA).len(), 1);
}

#[test]
fn a_source_that_falls_silent_makes_its_signals_stale_and_touches_no_other() {
    let (mut watch, _) = bad_deploy(setup());
    for second in 201..=230 {
        watch.update(Message::Tick(at(second)));
        if second % 5 == 0 {
            watch.update(grafana(second, None));
        }
    }
    assert_eq!(watch.finding(PROBE).level, Level::Stale);
    assert_eq!(watch.finding(PROBE).sentence(), "site has not answered for 30 s; last known 90 ms");
    assert!(!watch.finding(MEMORY).level.is_unknown());
}

#[test]
fn a_bad_deploy_raises_a_flag_that_explains_itself_and_rings_once() {
    let (watch, effects) = bad_deploy(setup());
    assert_eq!(watch.verdict(), Verdict::Faulty);
    assert_eq!(
        watch.finding(ERROR_RATE).sentence(),
        "2.5 % (150 of 6 000 requests), was 0 % before the deploy; above 1 % for 2 min"
    );
    assert_eq!(
        watch.finding(LATENCY).sentence(),
        "800 ms, +70 %, was 470 ms before the deploy; more than +50 % for 2 min"
    );
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Bell).count(), 1);
    let flags = watch.timeline().entries().filter(|entry| entry.mark == Mark::RedFlag).count();
    assert_eq!(flags, 2, "error rate and p95, each once");
}

#[test]
fn the_plan_is_frozen_confirmed_sent_once_and_verified_when_pods_and_flags_say_so() {
    let (mut watch, _) = bad_deploy(setup());
    let opened = ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    assert!(matches!(opened.as_slice(), [Effect::Lease(LeaseCall::Take(_))]), "opening sends nothing: {opened:?}");
    let confirm = || Command::Confirm { typed: None };
    assert!(ask(&mut watch, 200, confirm()).is_empty(), "a key struck at once is not an answer");
    assert!(matches!(watch.rollback(), Rollback::Planned { .. }));

    let sent = ask(&mut watch, 201, confirm());
    assert!(matches!(sent.as_slice(), [Effect::Send(step)] if step.target() == "1.8.3"));
    assert!(ask(&mut watch, 202, confirm()).is_empty(), "a second press sends nothing");
    answer(&mut watch, 202, Answer::Accepted);
    assert!(matches!(watch.rollback(), Rollback::Running(_)));

    // Old pods come back one by one; the watched deploy stays the one that was rolled back.
    let mut rollout = rolled_out(3, "1.9.0", "1.8.3", -9000, None);
    rollout.pods[2].phase = PodPhase::Starting;
    rollout.progress = Progress::Waiting("2 of 3 updated replicas are available".to_owned());
    watch.update(told(210, rollout));
    assert!(matches!(watch.rollback(), Rollback::Running(done) if done.ready.is_none()));
    assert_eq!(watch.workload(APP).deploy.as_ref().unwrap().to.label(), "1.9.0");
    watch.update(told(225, rolled_out(3, "1.9.0", "1.8.3", -9000, Some(225))));
    assert!(matches!(watch.rollback(), Rollback::Running(done) if done.ready == Some(at(225))), "flags are still red");

    for second in 226..=420 {
        watch.update(Message::Tick(at(second)));
        if second % 10 == 0 {
            watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
            watch.update(told(second, rolled_out(3, "1.9.0", "1.8.3", -9000, Some(225))));
            let Message::Polled { result: Ok(mut poll), .. } = grafana(second, Some(60)) else { unreachable!() };
            for (id, points) in &mut poll.points {
                let good = |id| match id {
                    ERROR_RATE => Sample::Counts { errors: 0.0, requests: 1200.0 },
                    _ => Sample::Value(40.0),
                };
                points.iter_mut().filter(|point| point.0 > at(230)).for_each(|point| point.1 = good(*id));
            }
            watch.update(Message::Polled { source: GRAFANA, at: at(second), result: Ok(poll) });
        }
    }
    let Rollback::Verified { done, at: verified } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert!(*verified > at(225) && *verified < at(400));
    assert_eq!(done.confirmed, at(201));
    assert_ne!(watch.verdict(), Verdict::Healthy, "what is well now is the old version");
}

#[test]
fn what_was_rolled_back_is_not_offered_as_a_target() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 201, Command::Confirm { typed: None });
    answer(&mut watch, 202, Answer::Accepted);
    let readiness = Readiness::Ready(undo("1.8.3", "1.9.0"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(203), readiness });
    let Readiness::Blocked(blocked) = &watch.workload(APP).readiness else { panic!("offered") };
    assert_eq!(blocked.reason, "the previous version is 1.9.0, which was rolled back in this watch");
}

#[test]
fn a_lost_answer_is_unknown_until_it_is_read_back_and_is_never_sent_again() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 201, Command::Confirm { typed: None });
    ticks(&mut watch, 202..=210);
    let effects = answer(&mut watch, 211, Answer::Unknown("no answer within 10 s".to_owned()));
    assert!(matches!(effects.as_slice(), [Effect::ReadBack(_)]));
    assert!(matches!(watch.rollback(), Rollback::OutcomeUnknown { .. }));
    answer(&mut watch, 212, Answer::Unknown("still no connection".to_owned()));
    let effects = ticks(&mut watch, 213..=222);
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::ReadBack(_))).count(), 2, "every five seconds");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send(_))));
    answer(&mut watch, 223, Answer::Accepted);
    assert!(matches!(watch.rollback(), Rollback::Running(_)));
}

#[test]
fn somebody_was_quicker_and_the_loser_is_told() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 201, Command::Confirm { typed: None });
    answer(&mut watch, 202, Answer::ChangedUnderUs("somebody already took it back to 1.8.3".to_owned()));
    let Rollback::Failed { blocked, .. } = watch.rollback() else { panic!("{:?}", watch.rollback()) };
    assert_eq!(blocked.reason, "somebody already took it back to 1.8.3");
}

#[test]
fn flags_that_stay_red_on_the_old_version_say_that_the_deploy_was_not_the_cause() {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    ask(&mut watch, 201, Command::Confirm { typed: None });
    answer(&mut watch, 202, Answer::Accepted);
    for second in (210..=540).step_by(10) {
        watch.update(told(second, rolled_out(3, "1.9.0", "1.8.3", -9000, Some(210))));
        watch.update(grafana(second, Some(60)));
        watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
        watch.update(Message::Tick(at(second)));
    }
    assert!(matches!(watch.rollback(), Rollback::NotTheCause { .. }), "{:?}", watch.rollback());
}

#[test]
fn read_only_opens_nothing_and_says_why() {
    let (mut watch, _) = bad_deploy(Setup { read_only: true, ..setup() });
    assert!(ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() }).is_empty());
    assert_eq!(*watch.rollback(), Rollback::Idle);
    assert_eq!(watch.timeline().entries().last().unwrap().text, "rollback refused: read-only");
}

#[test]
fn a_blocked_rollback_opens_nothing_and_says_why() {
    let (mut watch, _) = bad_deploy(setup());
    let blocked =
        Blocked { reason: "deployment/app is paused".to_owned(), way_out: "kubectl rollout resume".to_owned() };
    watch.update(Message::Prepared {
        workload: APP,
        goal: Goal::RollBack,
        at: at(200),
        readiness: Readiness::Blocked(blocked.into()),
    });
    assert!(ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() }).is_empty());
    assert_eq!(*watch.rollback(), Rollback::Idle);
    assert_eq!(watch.timeline().entries().last().unwrap().text, "rollback blocked: deployment/app is paused");
}

#[test]
fn each_environment_sets_what_a_confirmation_is() {
    let (mut watch, _) = bad_deploy(Setup { confirm: Confirm::Type, ..setup() });
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    for wrong in [None, Some("prod".to_owned())] {
        assert!(ask(&mut watch, 202, Command::Confirm { typed: wrong }).is_empty());
    }
    assert_eq!(ask(&mut watch, 203, Command::Confirm { typed: Some("production".to_owned()) }).len(), 1);

    let (mut watch, _) = bad_deploy(Setup { confirm: Confirm::None, ..setup() });
    let sent = ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    assert!(matches!(sent.as_slice(), [Effect::Lease(_), Effect::Send(_)]), "the rollback key does it: {sent:?}");
}

#[test]
fn the_command_line_goes_over_what_was_found() {
    let told_by_hand = Told {
        deployed_at: Some(at(-400)),
        from: Some("1.8.0".to_owned()),
        to: Some("1.9.0-rc1".to_owned()),
        ..Told::default()
    };
    let mut watch = Watch::new(Setup { told: told_by_hand, ..setup() });
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let deploy = watch.workload(APP).deploy.as_ref().unwrap();
    assert_eq!((deploy.at, deploy.from.as_ref().unwrap().label(), deploy.to.label()), (at(-400), "1.8.0", "1.9.0-rc1"));
    assert_eq!(deploy.to.hash, "hash-1.9.0", "its identity stays what the cluster says");
}

#[test]
fn the_window_runs_from_the_end_of_the_rollout_and_a_dying_pod_does_not_reopen_it() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -10, None)));
    assert_eq!(watch.window().left(at(5)), TimeDelta::minutes(30));
    watch.update(told(60, rolled_out(2, "1.8.3", "1.9.0", -10, Some(60))));
    let mut shaken = rolled_out(2, "1.8.3", "1.9.0", -10, None);
    shaken.progress = Progress::Waiting("2 of 3 updated replicas are available".to_owned());
    watch.update(told(600, shaken));
    assert_eq!(watch.window().left(at(660)), TimeDelta::minutes(20));
}

#[test]
fn who_takes_back_and_why_goes_along_with_the_question() {
    let mut setup = setup();
    setup.rollback.actor = "ana@laptop".to_owned();
    let (_, effects) = bad_deploy(setup);
    let asked = effects.iter().rev().find_map(|effect| match effect {
        Effect::Prepare(ask) => Some(&ask.wanted),
        _ => None,
    });
    let wanted = asked.expect("a plan is made sure of every minute");
    assert_eq!(wanted.actor, "ana@laptop");
    assert!(wanted.reason.contains("before the deploy"), "{}", wanted.reason);
}

#[test]
fn an_alert_from_before_the_deploy_is_no_newer_for_a_restart_of_grafana() {
    let mut setup = setup();
    setup.signals[usize::from(MEMORY.0)].kind = Kind::Alerts;
    let mut watch = Watch::new(setup);
    watch.update(told(0, rolled_out(2, "1.8.3", "1.9.0", -600, Some(-500))));
    let mut tell = |second: i64, firing: &[(&str, i64)]| {
        let alert = |(id, since): &(&str, i64)| Alert {
            id: (*id).to_owned(),
            signal: MEMORY,
            name: (*id).to_owned(),
            state: AlertState::Firing,
            since: Some(at(*since)),
            muted: None,
            link: None,
        };
        let points = vec![(MEMORY, vec![(at(second), Sample::Value(firing.len() as f64))])];
        let poll = Poll { points, alerts: Some(firing.iter().map(alert).collect()), ..Poll::default() };
        watch.update(Message::Polled { source: GRAFANA, at: at(second), result: Ok(poll) });
        watch.finding(MEMORY).level
    };
    assert_eq!(tell(10, &[("disk", -3 * 86_400)]), Level::Warning);
    assert_eq!(tell(20, &[]), Level::Clear);
    assert_eq!(tell(30, &[("disk", 28)]), Level::Warning, "as before the deploy");
    assert_eq!(tell(40, &[("disk", 28), ("errors", 35)]), Level::RedFlag, "this one is new");
    assert_eq!(tell(50, &[("disk", 28)]), Level::Warning);
    assert_eq!(tell(60, &[("errors", 55)]), Level::RedFlag, "what began after the deploy may begin again");
}

#[test]
fn what_a_source_remarks_is_bounded_whichever_source_it_is() {
    let mut watch = Watch::new(setup());
    let warnings = (0..60_000).map(|number| format!("notice {number} \u{1b}[2J{}", "x".repeat(number % 3000)));
    let poll = Poll { warnings: warnings.collect(), ..Poll::default() };
    watch.update(Message::Polled { source: GRAFANA, at: at(1), result: Ok(poll) });
    let kept = &watch.store().source(GRAFANA).warnings;
    assert_eq!((kept.len(), kept[20].as_str()), (21, "and 59980 more"));
    assert!(kept.iter().all(|warning| warning.len() <= redflag_text::LONGEST && !warning.contains('\u{1b}')));
}

#[test]
fn a_flood_of_events_leaves_the_deploy_and_the_notes_in_the_timeline() {
    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -600, Some(-500))));
    watch.update(Message::Asked { at: at(2), command: Command::Note("paged ben".to_owned()) });
    for second in 3..20_000 {
        let text = format!("pod {second} Unhealthy");
        let news = StreamNews::Event { workload: APP, seen: at(second), text };
        watch.update(Message::Streamed { source: CLUSTER, at: at(second), news });
    }
    let kept = |mark: Mark| watch.timeline().entries().filter(|entry| entry.mark == mark).count();
    assert_eq!((kept(Mark::Deploy), kept(Mark::Note), kept(Mark::Event)), (2, 1, Mark::Event.room()));
}
