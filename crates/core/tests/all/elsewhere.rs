//! What comes by itself every day, and what hits services that were not deployed: stories told to the pure core.

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::deploy::{ServiceId, WorkloadId, WorkloadKind, WorkloadRef};
use redflag_core::headline::Headline;
use redflag_core::message::{Effect, Message, StreamNews};
use redflag_core::poll::{Ago, Poll, PollRequest, SourceError};
use redflag_core::setup::{Service, Setup, Workload};
use redflag_core::signal::{Kind, Point, Sample, Signal, SignalId, SourceId};
use redflag_core::store::Health;
use redflag_core::verdict::{Level, Verdict};
use redflag_core::watch::Watch;

/// A question for an earlier day.
#[derive(Debug, Clone)]
struct Past {
    source: SourceId,
    ago: Ago,
    request: PollRequest,
}

fn pasts(effects: &[Effect]) -> Vec<Past> {
    let of = |effect: &Effect| match effect {
        Effect::AskPast { source, ago, request } => Some(Past { source: *source, ago: *ago, request: request.clone() }),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// A small saw-tooth: numbers move, as those of services do.
fn moving(second: i64) -> f64 {
    1.0 + 0.004 * (second / 30 * 37).rem_euclid(11) as f64
}

/// The p95 of a service, an hour before `at(0)` and up to `until`: so many times as slow from the deploy on.
fn slow(until: i64, times: f64) -> Vec<Point> {
    let bins = (-120..until.div_euclid(30)).map(|bin| 30 * bin);
    bins.map(|second| (at(second), Sample::Value(400.0 * moving(second) * if second < 0 { 1.0 } else { times })))
        .collect()
}

/// Errors of 1 200 requests a bin, in percent, from the deploy on.
fn failing(until: i64, percent: f64) -> Vec<Point> {
    let bins = (-120..until.div_euclid(30)).map(|bin| 30 * bin);
    let errors = |second: i64| if second < 0 { 0.6 } else { 12.0 * percent };
    bins.map(|second| (at(second), Sample::Counts { errors: errors(second), requests: 1200.0 })).collect()
}

fn earlier(points: &[Point], ago: Ago) -> Vec<Point> {
    points.iter().map(|(at, sample)| (*at - ago.span(), *sample)).collect()
}

/// A watch of a deploy at `at(0)` that had no warm-up to speak of.
fn watch() -> Watch {
    let mut watch = Watch::new(Setup { started: at(0), ..setup() });
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", 0, Some(1))));
    watch
}

/// Time goes on; each ten seconds Grafana says this of a signal. Gives the questions for earlier days, each with when it
/// was asked, and has each of them answered by `past`.
fn story(
    watch: &mut Watch,
    seconds: std::ops::RangeInclusive<i64>,
    now: impl Fn(i64) -> Vec<(SignalId, Vec<Point>)>,
    past: impl Fn(&Past) -> Result<Poll, SourceError>,
) -> Vec<(i64, Past)> {
    let mut asked = Vec::new();
    for second in seconds {
        let effects = watch.update(Message::Tick(at(second)));
        let polled = effects.iter().any(|effect| matches!(effect, Effect::Poll { source: GRAFANA, .. }));
        for question in pasts(&effects) {
            let Past { source, ago, request } = question.clone();
            let message =
                Message::PastTold { source, at: at(second), ago, from: request.from, result: past(&question) };
            watch.update(message);
            asked.push((second, question));
        }
        if polled {
            watch.update(answered(GRAFANA, second, now(second)));
        }
        if second % 10 == 0 {
            let news = StreamNews::Alive;
            watch.update(Message::Streamed { source: CLUSTER, at: at(second), news });
        }
    }
    asked
}

#[allow(clippy::unnecessary_wraps)] // a source answers so
fn nothing_kept(_: &Past) -> Result<Poll, SourceError> {
    Ok(Poll::default())
}

/// What Grafana tells of one day alone.
fn only(ago: Ago, id: SignalId, points: Vec<Point>) -> impl Fn(&Past) -> Result<Poll, SourceError> {
    move |past| {
        let points = if past.ago == ago { vec![(id, earlier(&points, ago))] } else { vec![(id, Vec::new())] };
        Ok(Poll { points, ..Poll::default() })
    }
}

#[test]
fn what_was_slow_yesterday_at_this_time_blames_nobody() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    story(&mut watch, 2..=600, today, only(Ago::Day, LATENCY, slow(1800, 1.7)));
    let finding = watch.finding(LATENCY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false), "{}", finding.sentence());
    assert!(finding.sentence().ends_with("; as yesterday at this time"), "{}", finding.sentence());
    assert_eq!(watch.verdict(), Verdict::Degraded, "it is slow all the same");
    let Headline::Trouble(trouble) = Headline::of(&watch, None) else { panic!("it is slow") };
    let facts = Headline::Trouble(trouble).facts();
    assert!(facts.iter().any(|fact| fact == "as yesterday at this time"), "{facts:?}");
}

#[test]
fn so_it_is_a_week_ago() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    story(&mut watch, 2..=600, today, only(Ago::Week, LATENCY, slow(1800, 1.75)));
    let finding = watch.finding(LATENCY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false));
    assert!(finding.sentence().ends_with("; as a week ago at this time"), "{}", finding.sentence());
}

#[test]
fn half_as_much_yesterday_explains_nothing() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    story(&mut watch, 2..=600, today, only(Ago::Day, LATENCY, slow(1800, 1.4)));
    let finding = watch.finding(LATENCY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::RedFlag, true), "{}", finding.sentence());
}

#[test]
fn what_was_over_yesterday_by_now_explains_nothing_either() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    let mut yesterday = slow(1800, 1.8);
    // It took five minutes.
    for (stamp, sample) in yesterday.iter_mut().filter(|(stamp, _)| *stamp >= at(300)) {
        *sample = Sample::Value(400.0 * moving((*stamp - at(0)).num_seconds()));
    }
    story(&mut watch, 2..=420, today, only(Ago::Day, LATENCY, yesterday.clone()));
    assert!(!watch.finding(LATENCY).blames_deploy, "it may take a few minutes longer");
    story(&mut watch, 421..=1200, today, only(Ago::Day, LATENCY, yesterday));
    assert!(watch.finding(LATENCY).blames_deploy, "{}", watch.finding(LATENCY).sentence());
}

#[test]
fn a_red_limit_stays_red_where_yesterday_stayed_below_it_and_blames_nobody() {
    let judged = |today: f64, yesterday: f64| {
        let mut watch = watch();
        let now = |second| vec![(ERROR_RATE, failing(second, today))];
        story(&mut watch, 2..=600, now, only(Ago::Day, ERROR_RATE, failing(1800, yesterday)));
        let finding = watch.finding(ERROR_RATE);
        (finding.level, finding.blames_deploy, finding.sentence().ends_with("as yesterday at this time"))
    };
    assert_eq!(judged(5.0, 4.5), (Level::Warning, false, true), "broken, and not by this deploy");
    assert_eq!(judged(1.2, 0.9), (Level::RedFlag, false, true), "beyond a limit that nobody passed yesterday");
    assert_eq!(judged(5.0, 1.5), (Level::RedFlag, true, false), "far more than yesterday");
}

#[test]
fn earlier_days_are_asked_for_once_after_what_is_now_and_never_beside_it() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.0)), (ERROR_RATE, failing(second, 0.05))];
    let mut first_told = None;
    for second in 2..=10 {
        let effects = watch.update(Message::Tick(at(second)));
        assert!(pasts(&effects).is_empty(), "nothing is known of today yet");
        if effects.iter().any(|effect| matches!(effect, Effect::Poll { source: GRAFANA, .. })) {
            watch.update(answered(GRAFANA, second, today(second)));
            first_told = first_told.or(Some(second));
        }
    }
    assert_eq!(first_told, Some(2), "no later than without earlier days");
    assert_ne!(watch.finding(LATENCY).level, Level::NoData);
    let asked = story(&mut watch, 11..=1800, today, nothing_kept);
    let what: Vec<(SourceId, Ago)> = asked.iter().map(|(_, past)| (past.source, past.ago)).collect();
    // Memory was never told of, the probe has no past, and the cluster is not asked.
    assert_eq!(what, [(GRAFANA, Ago::Day), (GRAFANA, Ago::Week)]);
    assert!(asked[1].0 - asked[0].0 >= 15, "one interval apart: {} and {}", asked[0].0, asked[1].0);
    for (_, Past { ago, request, .. }) in asked {
        let signals: Vec<SignalId> = request.since.iter().map(|(id, _)| *id).collect();
        assert_eq!(signals, [ERROR_RATE, LATENCY]);
        assert_eq!(request.from, at(-3600) - ago.span(), "the same hour before");
        assert_eq!(request.to, at(600 + 1800) - ago.span(), "as far as the window can reach");
        assert_eq!(request.versions, [Some("1.8.3".to_owned())], "what served then, as far as anybody knows");
    }
}

#[test]
fn a_source_that_fails_at_it_is_in_no_trouble_and_is_left_alone() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8)), (ERROR_RATE, failing(second, 0.05))];
    let asked = story(&mut watch, 2..=900, today, |_| Err(SourceError::BadQuery("too far back".to_owned())));
    assert_eq!(asked.len(), 2, "twice is enough");
    let state = watch.store().source(GRAFANA);
    assert_eq!(state.health, Health::Up);
    assert_eq!(state.past, Some((Ago::Week, SourceError::BadQuery("too far back".to_owned()))), "said once");
    assert!(watch.finding(LATENCY).blames_deploy, "and it is judged as ever");
    let limited = |_: &Past| Err(SourceError::RateLimited { retry_after: None });
    assert_eq!(story(&mut self::watch(), 2..=900, today, limited).len(), 1);
}

#[test]
fn what_keeps_an_hour_changes_nothing() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    story(&mut watch, 2..=600, today, nothing_kept);
    assert_eq!((watch.finding(LATENCY).level, watch.finding(LATENCY).blames_deploy), (Level::RedFlag, true));
    assert_eq!(watch.store().source(GRAFANA).past, None);
}

#[test]
fn an_answer_to_the_question_of_another_deploy_is_nobodys() {
    let mut watch = watch();
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    let mut asked = None;
    for second in 2..=60 {
        let effects = watch.update(Message::Tick(at(second)));
        if effects.iter().any(|effect| matches!(effect, Effect::Poll { source: GRAFANA, .. })) {
            watch.update(answered(GRAFANA, second, today(second)));
        }
        asked = asked.or(pasts(&effects).pop());
    }
    let asked = asked.unwrap();
    watch.update(told(61, rolled_out(3, "1.9.0", "1.9.1", 50, Some(55))));
    let result = only(Ago::Day, LATENCY, slow(1800, 1.8))(&asked);
    watch.update(Message::PastTold { source: GRAFANA, at: at(62), ago: asked.ago, from: asked.request.from, result });
    let again = story(&mut watch, 63..=120, today, nothing_kept);
    assert_eq!(again[0].1.ago, Ago::Day, "it is asked for anew");
    assert_eq!(again[0].1.request.from, at(50 - 3600) - Ago::Day.span());
}

/// Services with a p95 and an error rate each. The first is deployed at `at(0)`, the others were three days ago.
fn shop(calls: &[(usize, u16)]) -> Watch {
    let one = setup();
    let names = ["app", "cart", "search", "orders"];
    let mut services: Vec<Service> =
        names.iter().map(|name| Service { name: (*name).to_owned(), depends_on: Vec::new() }).collect();
    for (caller, called) in calls {
        services[*caller].depends_on.push(ServiceId(*called));
    }
    let workload = |(place, name): (usize, &&str)| Workload {
        reference: WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "production".to_owned(),
            name: (*name).to_owned(),
        },
        service: ServiceId(place as u16),
        container: None,
    };
    let p95 = |service: u16| Signal { service: ServiceId(service), ..one.signals[usize::from(LATENCY.0)].clone() };
    let setup = Setup {
        services,
        workloads: names.iter().enumerate().map(workload).collect(),
        signals: (0..4).map(p95).collect(),
        ..one
    };
    let mut watch = Watch::new(setup);
    for place in 0..4 {
        let deployed = if place == 0 { 0 } else { -3 * 86_400 };
        let mut rollout = rolled_out(2, "1.8.3", "1.9.0", deployed, Some(deployed + 1));
        rollout.uid = format!("uid-{place}");
        let news = StreamNews::Rollout(WorkloadId(place), Box::new(rollout));
        watch.update(Message::Streamed { source: CLUSTER, at: at(1), news });
    }
    watch
}

fn all(second: i64, times: [f64; 4]) -> Vec<(SignalId, Vec<Point>)> {
    (0..).map(SignalId).zip(times).map(|(id, times)| (id, slow(second, times))).collect()
}

const APP_P95: SignalId = SignalId(0);

#[test]
fn what_hits_services_that_were_not_deployed_is_not_this_deploy() {
    let mut watch = shop(&[]);
    story(&mut watch, 2..=600, |second| all(second, [1.8, 1.7, 1.75, 1.9]), nothing_kept);
    for id in (0..4).map(SignalId) {
        let finding = watch.finding(id);
        assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false), "{}", finding.sentence());
    }
    let sentence = watch.finding(APP_P95).sentence();
    assert!(sentence.ends_with("; cart, search and orders, which were not deployed, rise as well"), "{sentence}");
    assert_eq!(watch.verdict(), Verdict::Degraded);
    let facts = Headline::of(&watch, Some(ServiceId(0))).facts();
    assert!(facts.iter().any(|fact| fact.contains("cart and search and orders, not deployed, as well")), "{facts:?}");
}

#[test]
fn one_neighbour_of_three_or_a_smaller_rise_is_no_common_cause() {
    for times in [[1.8, 1.8, 1.0, 1.0], [1.8, 1.3, 1.3, 1.3]] {
        let mut watch = shop(&[]);
        story(&mut watch, 2..=600, |second| all(second, times), nothing_kept);
        let finding = watch.finding(APP_P95);
        assert_eq!((finding.level, finding.blames_deploy), (Level::RedFlag, true), "{times:?}: {}", finding.sentence());
    }
}

#[test]
fn whoever_calls_it_or_is_called_by_it_tells_nothing() {
    // Search calls cart, and cart the app; the app calls orders: all of them may be slow because of it.
    let mut watch = shop(&[(2, 1), (1, 0), (0, 3)]);
    story(&mut watch, 2..=600, |second| all(second, [1.8; 4]), nothing_kept);
    assert!(watch.finding(APP_P95).blames_deploy, "{}", watch.finding(APP_P95).sentence());
}

#[test]
fn services_of_another_push_are_held_against_the_hour_before_this_one() {
    let mut watch = shop(&[]);
    let effects = ticks(&mut watch, 2..=2);
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Poll { source: GRAFANA, request } => Some(request.from),
        _ => None,
    });
    assert_eq!(asked, Some(at(-3600)), "nobody is asked for three days");
    assert_eq!(watch.deployed_services(), [true, false, false, false]);
    watch.update(answered(GRAFANA, 3, all(3, [1.0; 4])));
    let before = watch.store().series(SignalId(1)).before().len();
    assert_eq!(before, 120);
}

#[test]
fn a_signal_of_a_meaning_of_its_own_blames_nobody_and_says_where_else_it_is_so() {
    let mut setup = setup();
    setup.signals[usize::from(LATENCY.0)].kind = Kind::Custom;
    setup.signals[usize::from(LATENCY.0)].limits = Kind::Custom.limits();
    let mut watch = Watch::new(setup);
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", 0, Some(1))));
    let today = |second| vec![(LATENCY, slow(second, 1.8))];
    story(&mut watch, 2..=600, today, only(Ago::Day, LATENCY, slow(1800, 1.75)));
    let finding = watch.finding(LATENCY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false));
    assert!(finding.sentence().ends_with("; as yesterday at this time"), "{}", finding.sentence());
    let mut alone = Watch::new(watch.setup().clone());
    alone.update(told(1, rolled_out(2, "1.8.3", "1.9.0", 0, Some(1))));
    story(&mut alone, 2..=600, today, nothing_kept);
    let finding = alone.finding(LATENCY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false), "without limits nobody is blamed");
}

#[test]
fn memory_that_falls_without_a_restart_was_given_back() {
    let mut watch = watch();
    let fallen = |second: i64| {
        let bins = (-120..second.div_euclid(30)).map(|bin| 30 * bin);
        let level = |second: i64| if second < 240 { 60.0 } else { 30.0 };
        bins.map(|second| (at(second), Sample::Value(level(second) * moving(second)))).collect()
    };
    story(&mut watch, 2..=420, |second| vec![(MEMORY, fallen(second))], nothing_kept);
    let finding = watch.finding(MEMORY);
    assert_eq!((finding.level, finding.blames_deploy), (Level::Warning, false), "{}", finding.sentence());
    assert!(finding.sentence().contains("no container restarted"), "{}", finding.sentence());
    let mut restarted = rolled_out(2, "1.8.3", "1.9.0", 0, Some(1));
    restarted.pods[0].restarts = 1;
    watch.update(told(421, restarted));
    story(&mut watch, 422..=450, |second| vec![(MEMORY, fallen(second))], nothing_kept);
    let finding = watch.finding(MEMORY);
    assert!(finding.blames_deploy && finding.sentence().contains(": containers restarted"), "{}", finding.sentence());
}

#[test]
fn many_signals_are_asked_about_a_few_at_a_time_and_the_flagged_ones_first() {
    let mut setup = setup();
    let one = setup.signals[usize::from(LATENCY.0)].clone();
    setup.signals = (0..60).map(|place| Signal { name: format!("p95 {place}"), ..one.clone() }).collect();
    setup.started = at(300);
    let mut watch = Watch::new(setup);
    watch.update(told(301, rolled_out(2, "1.8.3", "1.9.0", 0, Some(1))));
    let flagged = SignalId(57);
    let today = |second| {
        let times = |id| if id == flagged { 1.8 } else { 1.0 };
        (0..60).map(SignalId).map(|id| (id, slow(second, times(id)))).collect()
    };
    let asked = story(&mut watch, 302..=900, today, nothing_kept);
    let signals = |past: &Past| past.request.since.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert_eq!(signals(&asked[0].1), [flagged]);
    assert_eq!((signals(&asked[1].1), asked[1].1.ago), (vec![flagged], Ago::Week));
    assert_eq!(asked.len(), 2 + 2 * 3, "59 others, 24 at a time, for each of two days");
    assert!(asked.iter().all(|(_, past)| past.request.since.len() <= 24));
    let gaps: Vec<i64> = asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(gaps.iter().all(|gap| TimeDelta::seconds(*gap) >= TimeDelta::seconds(15)), "{gaps:?}");
}
