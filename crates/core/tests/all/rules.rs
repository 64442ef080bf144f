//! What each rule says, and in which words: a history of readings in, a level and its sentence out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod believed;
mod objectives;

use crate::support::{APP, at, rolled_out};
use chrono::TimeDelta;
use redflag_core::poll::{Alert, AlertState, Issue, Muted, Novelty, SourceError};
use redflag_core::rollout::{Rollout, Trouble, TroubleKind};
use redflag_core::setup::{Delivery, SourceInfo};
use redflag_core::signal::{Kind, Limits, Point, Sample, Signal, SignalId, SourceId};
use redflag_core::store::{Health, Series, SourceState};
use redflag_core::verdict::{Evidence, Judgement, Level, Requests, Stretch, Track, Wanted, judge};

/// A signal of a kind with an hour of baseline behind it and a deploy at `at(0)`.
struct Case {
    signal: Signal,
    series: Series,
    source: SourceInfo,
    health: SourceState,
    rollout: Option<Rollout>,
    issues: Vec<Issue>,
    alerts: Vec<Alert>,
    unread: usize,
    served: TimeDelta,
    /// Requests a second to the same service.
    requests: Option<Series>,
    restarts: Option<bool>,
    window: Option<Wanted>,
    before: Level,
    now: i64,
}

const STEP: i64 = 30;

impl Case {
    fn of(kind: Kind) -> Self {
        let signal = Signal {
            name: kind.label().to_owned(),
            kind,
            unit: kind.unit(),
            service: redflag_core::deploy::ServiceId(0),
            workload: (kind == Kind::Rollout).then_some(APP),
            source: SourceId(0),
            of_version: false,
            required: true,
            limits: kind.limits(),
            objective: None,
            step: TimeDelta::seconds(STEP),
            link: None,
            queries: Vec::new(),
        };
        let mut series = Series::of(&signal);
        series.set_deploy(at(0));
        let mut health = SourceState::new(at(0));
        health.succeed(at(0), Health::Up);
        Self {
            signal,
            series,
            source: SourceInfo {
                name: "grafana".to_owned(),
                delivery: Delivery::Polled,
                interval: TimeDelta::seconds(15),
            },
            health,
            rollout: None,
            issues: Vec::new(),
            alerts: Vec::new(),
            unread: 0,
            served: TimeDelta::zero(),
            requests: None,
            restarts: None,
            window: None,
            before: Level::Clear,
            now: 0,
        }
    }

    /// An hour of the same reading before the deploy.
    fn baseline(mut self, sample: Sample) -> Self {
        let points: Vec<Point> = (1..=120).map(|back| (at(-back * STEP), sample)).collect();
        self.series.insert(&points, at(0));
        self
    }

    /// Readings after the deploy, one bin each.
    fn then(mut self, samples: impl IntoIterator<Item = Sample>) -> Self {
        for sample in samples {
            let bin = at(self.now);
            self.now += STEP;
            self.series.insert(&[(bin, sample)], at(self.now));
            self.health.succeed(at(self.now), Health::Up);
        }
        self
    }

    fn values(self, values: impl IntoIterator<Item = f64>) -> Self {
        self.then(values.into_iter().map(Sample::Value))
    }

    /// What the previous version told of its past hour and of the bins beside the new one's so far.
    fn older(mut self, past: Sample, beside: impl IntoIterator<Item = Sample>) -> Self {
        let past = (1..=120).map(|back| (at(-back * STEP), past));
        let points: Vec<Point> = past.chain((0..).map(|bin| at(bin * STEP)).zip(beside)).collect();
        self.series.insert_older(&points, at(self.now));
        self
    }

    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.signal.limits);
        self
    }

    fn before(mut self, level: Level) -> Self {
        self.before = level;
        self
    }

    fn judge(&self) -> Judgement {
        let evidence = Evidence {
            signal_id: SignalId(0),
            signal: &self.signal,
            series: &self.series,
            source: &self.source,
            health: &self.health,
            rollout: self.rollout.as_ref(),
            deployed_at: Some(at(0)),
            settled: None,
            issues: &self.issues,
            alerts: &self.alerts,
            unread: self.unread,
            rolled_back: None,
            served: self.served,
            requests: self.requests.as_ref().map(|series| Requests { series, rate_over: Some(self.signal.step) }),
            restarts: self.restarts,
            window: self.window,
            before: self.before,
            now: at(self.now),
        };
        judge(&evidence, &mut Track::default())
    }

    #[track_caller]
    fn says(&self, level: Level, sentence: &str) {
        let judgement = self.judge();
        assert_eq!((judgement.level, judgement.sentence().as_str()), (level, sentence));
    }
}

fn counts(errors: f64, requests: f64) -> Sample {
    Sample::Counts { errors, requests }
}

#[test]
fn an_error_rate_is_judged_on_its_counts() {
    let case = || Case::of(Kind::ErrorRate).baseline(counts(0.6, 1200.0));
    case()
        .then([counts(1.0, 1200.0); 5])
        .says(Level::Clear, "0.083 % (5 of 6 000 requests), was 0.05 % before the deploy; limit 0.1 %");
    case()
        .then([counts(6.0, 1200.0); 5])
        .says(Level::Warning, "0.5 % (30 of 6 000 requests), was 0.05 % before the deploy; above 0.1 % for 2 min");
    case()
        .then([counts(30.0, 1200.0); 5])
        .says(Level::RedFlag, "2.5 % (150 of 6 000 requests), was 0.05 % before the deploy; above 1 % for 2 min");
}

#[test]
fn what_the_version_before_fails_at_the_same_time_is_not_this_deploys_doing() {
    let new = || Case::of(Kind::ErrorRate).then([counts(12.0, 400.0); 5]);
    // Its past is what the new one is held against.
    let red = "3 % (60 of 2 000 requests), was 0.05 % before the deploy; above 1 % for 2 min";
    new().older(counts(0.6, 1200.0), []).says(Level::RedFlag, red);
    new().older(counts(0.6, 1200.0), [counts(0.0, 800.0); 5]).says(Level::RedFlag, red);
    let both = new().older(counts(0.6, 1200.0), [counts(20.0, 800.0); 5]);
    both.says(
        Level::Warning,
        &format!("{red}; so is the previous version at the same time: 2.5 % (100 of 4 000 requests)"),
    );
    assert!(!both.judge().blames_deploy);
    // Bad there, yet far worse here.
    let worse = Case::of(Kind::ErrorRate).then([counts(80.0, 400.0); 5]);
    let worse = worse.older(counts(0.6, 1200.0), [counts(20.0, 800.0); 5]).judge();
    assert!(worse.level == Level::RedFlag && worse.blames_deploy, "{}", worse.sentence());
}

#[test]
fn a_latency_is_held_against_the_version_before_while_both_serve() {
    let new = || Case::of(Kind::Latency).values([640.0; 12]);
    let older = |value| new().older(Sample::Value(400.0), [Sample::Value(value); 12]);
    older(400.0).says(
        Level::RedFlag,
        "640 ms, +60 %, the previous version has 400 ms at the same time; more than +50 % for 6 min",
    );
    older(500.0).says(
        Level::Warning,
        "640 ms, +28 %, the previous version has 500 ms at the same time; significantly slower for 6 min, limit +50 %",
    );
    let both = older(620.0);
    both.says(Level::Warning, "640 ms, +60 %, was 400 ms before the deploy; above 500 ms for 6 min");
    assert!(!both.judge().blames_deploy);
}

#[test]
fn a_lead_is_not_forgotten_when_the_version_before_is_gone() {
    let case = |alone: usize, value: f64| {
        let new = Case::of(Kind::Latency).values([640.0; 12]).values(vec![value; alone]);
        new.older(Sample::Value(400.0), [Sample::Value(400.0); 12]).judge()
    };
    for alone in 1..9 {
        assert_eq!(case(alone, 640.0).level, Level::RedFlag, "{alone}: {}", case(alone, 640.0).sentence());
    }
    assert_eq!(case(4, 400.0).level, Level::Clear);
}

#[test]
fn few_requests_beside_many_vary_far_more_and_are_not_slower_for_it() {
    let swings = || (0..40).map(|bin| [300.0, 560.0, 410.0, 250.0, 520.0][bin % 5]);
    let case = Case::of(Kind::Latency).values(swings()).limits(|limits| limits.warning = None);
    assert_eq!(case.older(Sample::Value(400.0), [Sample::Value(400.0); 40]).judge().level, Level::Clear);
}

#[test]
fn a_signal_of_the_new_version_has_the_old_ones_past() {
    Case::of(Kind::Latency)
        .values([640.0; 4])
        .older(Sample::Value(400.0), [])
        .says(Level::RedFlag, "640 ms, +60 %, was 400 ms before the deploy; more than +50 % for 2 min");
}

#[test]
fn what_begins_when_the_version_before_is_gone_is_this_deploys_again() {
    let rates = |values: &[f64]| values.iter().map(|&errors| counts(errors, 400.0)).collect::<Vec<_>>();
    let (bad, calm) = ([12.0; 5], [0.0; 6]);
    let case = Case::of(Kind::ErrorRate).then(rates(&[&bad[..], &calm, &bad].concat()));
    let judgement = case.older(counts(0.6, 1200.0), rates(&bad)).judge();
    assert!(judgement.level == Level::RedFlag && judgement.blames_deploy, "{}", judgement.sentence());
}

#[test]
fn thin_traffic_is_not_enough_data_and_says_how_many_more_it_takes() {
    Case::of(Kind::ErrorRate).baseline(counts(0.0, 1.0)).then([counts(0.0, 1.0); 10]).says(
        Level::Insufficient,
        "0 of 10 requests failed since the deploy: not enough data; 290 more needed, about 2 h 25 min at this pace",
    );
    Case::of(Kind::ErrorRate)
        .then([counts(0.0, 0.0); 4])
        .says(Level::Insufficient, "0 of 0 requests failed since the deploy: not enough data; 300 more needed");
}

#[test]
fn a_few_errors_among_few_requests_are_not_certain_enough_for_a_flag() {
    let judgement = Case::of(Kind::ErrorRate).then([0.0, 1.0, 0.0].map(|errors| counts(errors, 20.0))).judge();
    assert_eq!(judgement.level, Level::Insufficient, "{}", judgement.sentence());
    // But a third of sixty requests failing is beyond any doubt.
    let judgement = Case::of(Kind::ErrorRate).then([counts(7.0, 20.0); 3]).judge();
    assert_eq!(judgement.level, Level::RedFlag, "{}", judgement.sentence());
}

#[test]
fn an_error_rate_that_was_so_before_is_not_this_deploys_fault() {
    Case::of(Kind::ErrorRate).baseline(counts(30.0, 1200.0)).then([counts(30.0, 1200.0); 5]).says(
        Level::Warning,
        "2.5 % (150 of 6 000 requests), was 2.5 % before the deploy; above 1 %, already so before the deploy",
    );
}

#[test]
fn a_latency_up_by_half_is_red_and_one_above_the_limit_a_warning() {
    let case = || Case::of(Kind::Latency).baseline(Sample::Value(400.0));
    case().values([410.0; 4]).says(Level::Clear, "410 ms, +2 %, was 400 ms before the deploy; limit 500 ms");
    case().values([560.0; 4]).says(
        Level::Warning,
        "560 ms, +40 %, was 400 ms before the deploy; significantly slower for 2 min, limit +50 %",
    );
    case()
        .values([640.0; 4])
        .says(Level::RedFlag, "640 ms, +60 %, was 400 ms before the deploy; more than +50 % for 2 min");
}

#[test]
fn from_three_milliseconds_to_five_is_no_regression_and_to_eight_nothing_to_go_back_for() {
    let case = || Case::of(Kind::Latency).baseline(Sample::Value(3.0));
    case()
        .values([5.0; 9])
        .says(Level::Clear, "5 ms, +67 %, was 3 ms before the deploy; limit 500 ms, up by less than 2.5 ms");
    case().values([8.0; 4]).says(
        Level::Warning,
        "8 ms, +167 %, was 3 ms before the deploy; more than +50 % for 2 min, yet by less than 10 ms",
    );
}

#[test]
fn answers_in_no_time_are_no_good_sign_and_an_improvement_is_no_bad_one() {
    let case = || Case::of(Kind::Latency).baseline(Sample::Value(400.0));
    case().values([280.0; 9]).says(Level::Clear, "280 ms, -30 %, was 400 ms before the deploy; limit 500 ms");
    case().values([100.0; 4]).says(
        Level::Warning,
        "100 ms, -75 %, was 400 ms before the deploy; significantly faster for 2 min: answers that fail or find nothing are fast",
    );
}

#[test]
fn one_bad_reading_raises_nothing_and_one_good_one_clears_nothing() {
    let case = || Case::of(Kind::Latency).baseline(Sample::Value(400.0));
    assert_eq!(case().values([410.0, 410.0, 410.0, 900.0]).judge().level, Level::Clear);
    let suspect = case().values([900.0; 3]).judge();
    assert_eq!(suspect.level, Level::Warning, "three bins are not enough to go back for: {}", suspect.sentence());
    let shaken = || case().values([900.0; 4]).values([410.0]);
    assert_eq!(shaken().before(Level::RedFlag).judge().level, Level::RedFlag);
    assert_eq!(shaken().values([410.0; 3]).before(Level::RedFlag).judge().level, Level::Clear);
}

#[test]
fn memory_above_its_limit_warns_and_says_so_when_it_was_so_before() {
    let case = Case::of(Kind::Memory).baseline(Sample::Value(40.0)).values([74.0; 3]);
    case.says(Level::Warning, "74 %, was 40 % before the deploy; above 70 % for 90 s");
    Case::of(Kind::Cpu)
        .baseline(Sample::Value(75.0))
        .values([76.0; 4])
        .says(Level::Warning, "76 %, was 75 % before the deploy; above 70 % for 2 min, already so before the deploy");
}

#[test]
fn a_leak_warns_early_and_is_red_when_the_limit_is_near_and_a_warm_up_is_neither() {
    let climb = |slope: f64, bins: u32| (0..bins).map(move |bin| 42.0 + slope * f64::from(bin) / 2.0);
    let case = || Case::of(Kind::Memory).baseline(Sample::Value(40.0));
    case().values(climb(1.0, 12)).says(
        Level::Warning,
        "48 %, was 40 % before the deploy; climbs by 1.0 points a minute for 6 min, full in about 52 min",
    );
    assert_eq!(case().values(climb(2.5, 12)).judge().level, Level::RedFlag);
    let warm_up = (0..24).map(|bin| 42.0 + 10.0 * (1.0 - (-f64::from(bin) / 4.0).exp()));
    assert_eq!(case().values(warm_up).judge().level, Level::Clear);
}

#[test]
fn an_exhausted_pool_is_red() {
    Case::of(Kind::Connections)
        .baseline(Sample::Value(50.0))
        .values([99.0; 3])
        .says(Level::RedFlag, "99 %, was 50 % before the deploy; exhausted: at 98 % or more for 90 s");
}

#[test]
fn server_errors_should_stay_flat() {
    let case = || Case::of(Kind::ServerErrors).baseline(Sample::Value(0.05));
    case().values([0.06; 3]).says(Level::Clear, "0.06 /s, was 0.05 /s before the deploy; flat");
    let increasing = "0.9 /s, was 0.05 /s before the deploy; rising significantly for";
    case()
        .values([0.9; 3])
        .says(Level::Warning, &format!("{increasing} 90 s, limit +100 %, not yet significant enough for a red flag"));
    case().values([0.9; 4]).says(Level::RedFlag, &format!("{increasing} 2 min, limit +100 %"));
}

#[test]
fn a_drop_in_requests_is_a_flag_of_its_own() {
    Case::of(Kind::Traffic)
        .baseline(Sample::Value(40.0))
        .values([10.0; 3])
        .says(Level::Warning, "10 /s, -75 %, was 40 /s before the deploy; significantly fewer for 90 s");
}

#[test]
fn sessions_and_custom_numbers_have_plain_limits() {
    Case::of(Kind::CrashFree).values([98.0; 3]).says(Level::RedFlag, "98 %, without a baseline; below 99 % for 90 s");
    Case::of(Kind::Custom)
        .values([7.0; 3])
        .says(Level::Insufficient, "7, without a baseline and without a limit: nothing to hold it against");
    Case::of(Kind::Custom)
        .baseline(Sample::Value(7.0))
        .values([7.0; 3])
        .says(Level::Clear, "7, was 7 before the deploy; no limit is set");
    let limited = Case::of(Kind::Custom).limits(|limits| limits.red_flag = Some(5.0));
    limited.values([7.0; 3]).says(Level::RedFlag, "7, without a baseline; above 5 for 90 s");
}

#[test]
fn what_has_left_its_old_place_says_from_where_and_for_how_long() {
    Case::of(Kind::Cpu)
        .baseline(Sample::Value(40.0))
        .values([62.0; 4])
        .says(Level::Warning, "62 %, was 40 % before the deploy; significantly up for 2 min");
    Case::of(Kind::Connections)
        .baseline(Sample::Value(50.0))
        .values([5.0; 4])
        .says(Level::Warning, "5 %, was 50 % before the deploy; significantly down for 2 min");
    Case::of(Kind::Custom)
        .baseline(Sample::Value(-7.0))
        .values([-9.0; 4])
        .says(Level::Warning, "-9, was -7 before the deploy; significantly down for 2 min");
    Case::of(Kind::Memory)
        .baseline(Sample::Value(60.0))
        .values([40.0, 41.0, 41.0, 42.0, 42.0, 12.0, 14.0])
        .says(Level::Warning, "14 %, fallen from 41 % for 60 s");
}

#[test]
fn a_baseline_makes_the_difference_between_blame_and_a_broken_limit() {
    let blames = |case: Case| case.judge().blames_deploy;
    assert!(blames(Case::of(Kind::Latency).baseline(Sample::Value(400.0)).values([640.0; 4])));
    assert!(!blames(Case::of(Kind::Latency).values([640.0; 4])));
    assert!(!blames(Case::of(Kind::Cpu).baseline(Sample::Value(75.0)).values([76.0; 4])));
}

#[test]
fn without_requests_nothing_is_known_however_well_it_went_before() {
    Case::of(Kind::ErrorRate)
        .baseline(counts(0.0, 1200.0))
        .then([counts(0.0, 1200.0); 4])
        .then([counts(0.0, 0.0); 8])
        .says(Level::Insufficient, "no requests for 4 min: nothing to judge");
}

#[test]
fn what_calmed_down_is_judged_by_what_came_since() {
    let mut case = Case::of(Kind::ErrorRate).baseline(counts(0.6, 1200.0)).then([counts(60.0, 1200.0); 5]);
    assert_eq!(case.judge().level, Level::RedFlag);
    case = case.then([counts(0.0, 1200.0); 3]);
    assert_eq!(case.judge().level, Level::RedFlag);
    case = case.then([counts(0.0, 1200.0)]);
    case.says(Level::Clear, "0 % (0 of 4 800 requests), was 0.05 % before the deploy; limit 0.1 %");
}

fn issue(title: &str, fatal: bool, novelty: Novelty, count: u64) -> Issue {
    Issue {
        id: title.to_owned(),
        signal: SignalId(0),
        title: title.to_owned(),
        culprit: None,
        novelty,
        fatal,
        count,
        users: 1,
        first_seen: None,
        last_seen: None,
        link: None,
    }
}

#[test]
fn a_new_issue_warns_and_a_grave_one_above_the_rate_is_red() {
    let mut case = Case::of(Kind::NewIssues).values([0.0]);
    case.says(Level::Clear, "none in this version");
    case.issues = vec![issue("ValueError: bad colour", false, Novelty::New, 3)];
    case.says(Level::Warning, "1 new issue, 0 /min; 3× “ValueError: bad colour”");
    case = case.values([14.0]);
    case.issues.push(issue("TypeError: cart.total is None", true, Novelty::New, 204));
    case.says(Level::RedFlag, "2 new issues, 14 /min; 204× “TypeError: cart.total is None”; above 1 /min");
}

#[test]
fn an_issue_that_comes_every_few_minutes_does_not_flicker() {
    let mut case = Case::of(Kind::NewIssues).values([9.0, 0.0, 0.0]);
    case.issues = vec![issue("KeyError: 'PAYMENT_URL'", true, Novelty::New, 24)];
    case.before = Level::RedFlag;
    assert_eq!(case.judge().level, Level::RedFlag);
    case = case.values([0.0; 4]);
    case.before = Level::RedFlag;
    assert_eq!(case.judge().level, Level::Warning);
}

#[test]
fn an_alert_that_fired_before_the_deploy_only_warns() {
    let alert = |state, since: i64| Alert {
        id: "rule".to_owned(),
        muted: None,
        signal: SignalId(0),
        name: "High 5xx".to_owned(),
        state,
        since: Some(at(since)),
        link: None,
    };
    let mut case = Case::of(Kind::Alerts).values([0.0]);
    case.says(Level::Clear, "none fires");
    case.alerts = vec![alert(AlertState::Firing, -600)];
    case.says(Level::Warning, "firing since before the deploy: High 5xx");
    case.alerts = vec![alert(AlertState::Firing, 60)];
    case.says(Level::RedFlag, "firing since the deploy: High 5xx");
    case.alerts = vec![alert(AlertState::Unknown, 60)];
    case.says(Level::NoData, "cannot be evaluated, so guards nothing: High 5xx");
    let muted = Some(Muted { until: Some(at(7200)) });
    case.alerts = vec![Alert { muted, ..alert(AlertState::Firing, 60) }];
    case.says(Level::Warning, &format!("firing, and muted: High 5xx until {} UTC", at(7200).format("%H:%M")));
    case.alerts = vec![Alert { muted, ..alert(AlertState::Firing, 60) }, alert(AlertState::Firing, 60)];
    case.says(Level::RedFlag, "firing since the deploy: High 5xx");
    case.alerts.clear();
    case.unread = 120;
    case.says(Level::NoData, "120 rules that match were not read");
}

#[test]
fn alerts_that_cannot_be_read_are_not_quiet_ones() {
    let mut case = Case::of(Kind::Alerts);
    case.says(Level::NoData, "waiting for grafana's first answer to its query");
    case.series.insert(&[], at(case.now));
    case.says(Level::NoData, "grafana returned no data; check the query");
    case = case.values([0.0]);
    case.series.set_trouble(SourceError::Forbidden("alert.rules:read".to_owned()));
    case.says(Level::NoData, "grafana: not allowed: alert.rules:read; last known 0");
}

#[test]
fn a_probe_that_fails_twice_is_red_and_has_to_answer_twice_to_be_clear() {
    let mut case = Case::of(Kind::Probe).values([90.0, 95.0]);
    case.says(Level::Clear, "answers in 95 ms");
    case = case.then([Sample::Empty]);
    case.series.set_trouble(SourceError::Server { status: 502, text: "Bad Gateway".to_owned() });
    case.says(Level::Warning, "1 check failed for 30 s: server error 502: Bad Gateway");
    case = case.then([Sample::Empty]);
    assert_eq!(case.judge().level, Level::RedFlag);
    case = case.values([90.0]);
    case.before = Level::RedFlag;
    assert_eq!(case.judge().level, Level::RedFlag);
    case = case.values([90.0]);
    case.says(Level::Clear, "answers in 90 ms");
}

#[test]
fn a_rollout_speaks_kubernetes_own_words() {
    let mut case = Case::of(Kind::Rollout);
    case.says(Level::NoData, "not reported by grafana yet");
    case.rollout = Some(rolled_out(2, "1.8.3", "1.9.0", -60, Some(0)));
    case.says(Level::Clear, "3 of 3 pods ready");
    let sentence = "2 of 3 new pods crash-loop".to_owned();
    case.rollout.as_mut().unwrap().troubles =
        vec![Trouble { kind: TroubleKind::CrashLoop, sentence: sentence.clone() }];
    case.says(Level::RedFlag, &sentence);
}

#[test]
fn what_is_not_known_is_said_before_any_rule() {
    let mut case = Case::of(Kind::Latency).values([400.0; 4]);
    case.now += 30;
    case.says(Level::Stale, "grafana has not answered for 30 s; last known 400 ms");
    case.health.fail(at(case.now), SourceError::RateLimited { retry_after: None });
    case.says(Level::Stale, "grafana has not answered for 30 s: too many requests; last known 400 ms");

    let mut case = Case::of(Kind::Latency).values([400.0; 4]);
    case.now += 300;
    case.health.succeed(at(case.now), Health::Up);
    case.says(Level::Stale, "grafana has not answered its query for 5 min; last known 400 ms");
    case.series.insert(&[], at(case.now));
    case.says(Level::NoData, "grafana returned nothing newer than 5 min; last known 400 ms");
    case.series.set_trouble(SourceError::BadQuery("parse error".to_owned()));
    case.says(Level::NoData, "grafana: query refused: parse error; last known 400 ms");

    let mut case = Case::of(Kind::Latency);
    case.series.insert(&[], at(case.now));
    case.says(Level::NoData, "grafana returned no data; check the query");
    let case = Case::of(Kind::Latency).values([400.0, 400.0]);
    case.says(Level::Insufficient, "waiting for data: 2 of 3 readings since the deploy");
}

/// Numbers that move from bin to bin, around `usual`.
fn moving(usual: f64) -> impl Iterator<Item = f64> {
    (0..).map(move |bin| usual + f64::from(bin * 37 % 101) / 10.0)
}

impl Case {
    /// An hour of moving numbers before the deploy.
    fn moved(mut self, usual: f64) -> Self {
        let points: Vec<Point> =
            (1..=120).zip(moving(usual)).map(|(back, it)| (at(-back * STEP), Sample::Value(it))).collect();
        self.series.insert(&points, at(0));
        self
    }

    /// Nothing is told for so many bins, though the source answers.
    fn silent(mut self, bins: i64) -> Self {
        self.now += bins * STEP;
        self.series.insert(&[], at(self.now));
        self.health.succeed(at(self.now), Health::Up);
        self
    }

    /// The window of half an hour begins with the deploy.
    fn windowed(mut self) -> Self {
        let window = Stretch { from: at(0), to: at(1800) };
        self.window = Some(Wanted { window, started: at(0), share: 90 });
        self
    }
}

#[test]
fn errors_where_there_never_was_one_are_held_against_none() {
    let served = |mut case: Case| {
        case.served = TimeDelta::minutes(60);
        case
    };
    served(Case::of(Kind::ServerErrors))
        .values([10.0; 5])
        .says(Level::RedFlag, "10 /s, was 0 /s before the deploy; rising significantly for 2 min, limit +100 %");
    served(Case::of(Kind::ServerErrors)).values([0.0; 3]).says(Level::Clear, "0 /s, was 0 /s before the deploy; flat");
    assert!(served(Case::of(Kind::ServerErrors)).values([10.0; 3]).judge().blames_deploy);
    // Whether there were requests is not known either: then it is nobody's fault, and no less a warning.
    let unknown = || Case::of(Kind::ServerErrors);
    unknown()
        .values([10.0; 3])
        .says(Level::Warning, "10 /s, without a baseline; significantly more than none for 90 s");
    unknown().values([0.0; 3]).says(Level::Clear, "0 /s, without a baseline; almost none");
    unknown()
        .values([0.05; 3])
        .says(Level::Insufficient, "0.05 /s, without a baseline; not enough data to tell whether that is usual");
}

#[test]
fn what_cannot_be_is_said_and_is_not_known() {
    let says = |kind: Kind, sample: Sample, sentence: &str| {
        let case = Case::of(kind).moved(10.0).values(moving(10.0).take(10)).then([sample]);
        case.says(Level::NoData, sentence);
    };
    says(
        Kind::Latency,
        Sample::Value(-1000.0),
        "grafana says -1 000 ms, which cannot be: it is below zero; last known 13 ms",
    );
    says(Kind::Traffic, Sample::Value(-5.0), "grafana says -5 /s, which cannot be: it is below zero; last known 13 /s");
    says(Kind::Memory, Sample::Value(412.0), "grafana says 412 %, which cannot be: it is above 105 %; last known 13 %");
    says(Kind::Cpu, Sample::Value(1e308), "grafana says 1e308, which cannot be: it is above 1e15; last known 13 %");
    let errors = Case::of(Kind::ErrorRate).baseline(counts(0.0, 1200.0)).then([counts(0.0, 1200.0); 5]);
    errors
        .then([counts(120.0, 100.0)])
        .says(Level::NoData, "grafana says that 120 of 100 requests failed, which cannot be; last known 0 %");
    // A flag stands whatever comes after it.
    let red = Case::of(Kind::Latency).moved(400.0).values([900.0; 5]).then([Sample::Value(-1.0)]).judge();
    assert_eq!(red.level, Level::RedFlag, "{}", red.sentence());
}

#[test]
fn a_number_that_repeats_itself_where_it_moved_before_is_not_known() {
    let stands = |bins: usize| Case::of(Kind::Latency).moved(400.0).values(vec![404.2; bins]);
    assert_eq!(stands(10).judge().level, Level::Clear);
    stands(30).says(
        Level::NoData,
        "stuck: grafana has repeated one value for 15 min, and it moved before; last known 404 ms",
    );
    let never_moved = Case::of(Kind::Latency).baseline(Sample::Value(404.2)).values([404.2; 60]);
    assert_eq!(never_moved.judge().level, Level::Clear);
}

#[test]
fn a_signal_that_was_not_known_for_enough_of_the_window_is_not_clear_after_it() {
    let case = |known: usize, hole: i64, again: usize| {
        let numbers = moving(400.0).take(known + again).collect::<Vec<_>>();
        let case = Case::of(Kind::Latency).moved(400.0).windowed().values(numbers[..known].to_vec());
        case.silent(hole).values(numbers[known..].to_vec())
    };
    let whole = case(70, 0, 0).judge();
    assert_eq!(whole.level, Level::Clear, "{}", whole.sentence());
    assert!(!whole.sentence().contains("known for"), "{}", whole.sentence());
    let short = case(20, 3, 47).judge();
    assert_eq!(short.level, Level::Clear, "a bin or two that are missing are not much: {}", short.sentence());
    for (known, hole, again, begins) in [
        (2, 48, 20, "known for 6 of 30 min, with a gap of 24 min; now "),
        (1, 57, 12, "known for 2 of 30 min, with a gap of 28 min; now "),
        (30, 7, 33, "known for 27 of 30 min, with a gap of 3 min; now "),
    ] {
        let judgement = case(known, hole, again).judge();
        assert_eq!(judgement.level, Level::Insufficient, "{}", judgement.sentence());
        assert!(judgement.sentence().starts_with(begins), "{}", judgement.sentence());
    }
    // While the window is not over it is said, and what is fine now is.
    let meanwhile = case(2, 30, 10).judge();
    assert_eq!(meanwhile.level, Level::Clear);
    assert!(
        meanwhile.sentence().ends_with("; known for 6 of 21 min, with a gap of 15 min"),
        "{}",
        meanwhile.sentence()
    );
}

#[test]
fn bins_of_what_cannot_be_and_of_what_repeats_itself_are_holes() {
    let numbers: Vec<f64> = moving(400.0).take(35).collect();
    let case = || Case::of(Kind::Latency).moved(400.0).windowed().values(numbers[..10].to_vec());
    for odd in [vec![Sample::Value(-1.0); 25], vec![Sample::Value(403.3); 25], vec![Sample::NotANumber; 25]] {
        let judgement = case().then(odd).values(numbers[..35].to_vec()).judge();
        assert_eq!(judgement.level, Level::Insufficient, "{}", judgement.sentence());
    }
}

#[test]
fn a_signal_that_came_regularly_is_missed_after_a_few_bins() {
    let regular = || Case::of(Kind::Latency).moved(400.0).values(moving(400.0).take(20));
    let mut vanished = regular();
    let mut missed = None;
    for second in 0..300 {
        vanished.now = 20 * STEP + second;
        vanished.health.succeed(at(vanished.now), Health::Up);
        if second % 15 == 0 {
            vanished.series.insert(&[], at(vanished.now));
        }
        if missed.is_none() && vanished.judge().level == Level::NoData {
            missed = Some(second + STEP);
        }
    }
    assert!(missed.is_some_and(|after| after <= 4 * STEP + 1), "{missed:?} seconds after its last bin");
}

#[test]
fn a_stamp_far_ahead_says_that_the_clocks_differ() {
    let mut case = Case::of(Kind::Latency).moved(400.0).values(moving(400.0).take(10));
    let ahead: Vec<Point> = (0..3).map(|bin| (at(case.now + 3600 + bin * STEP), Sample::Value(400.0))).collect();
    case.series.insert(&ahead, at(case.now));
    let judgement = case.judge();
    assert_eq!(judgement.level, Level::NoData);
    assert!(judgement.sentence().contains("the clocks differ"), "{}", judgement.sentence());
}

#[test]
fn no_new_issue_is_known_by_a_list_and_a_count_that_agree() {
    Case::of(Kind::NewIssues).values([0.0; 3]).says(Level::Clear, "none in this version");
    Case::of(Kind::NewIssues).values([0.0, 3.0]).says(Level::Insufficient, "3 /min, of issues that are not listed");
}
