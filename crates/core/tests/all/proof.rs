//! What `HEALTHY` rests on: stories of half hours that were known in part, told to the pure core.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::*;
use chrono::TimeDelta;
use redflag_core::deploy::WorkloadId;
use redflag_core::message::{Effect, Message, StreamNews};
use redflag_core::poll::SourceError;
use redflag_core::rollback::version_history::{Known, VersionStatus};
use redflag_core::setup::Setup;
use redflag_core::signal::{Kind, Point, Sample, Signal, SignalId};
use redflag_core::verdict::says::Why;
use redflag_core::verdict::{Level, Verdict};
use redflag_core::watch::Watch;

/// The window is open from here, for half an hour.
const OPENED: i64 = -30;
const OVER: i64 = OPENED + 1800;

/// A half hour in which the cluster, the site and Grafana tell what is asked for, every so often.
struct HalfHour {
    watch: Watch,
    effects: Vec<Effect>,
}

impl HalfHour {
    fn begin(setup: Setup) -> Self {
        let mut watch = Watch::new(setup);
        watch.update(told(0, rolled_out(2, "1.8.3", "1.9.0", -100, Some(OPENED))));
        Self { watch, effects: Vec::new() }
    }

    /// Time goes on second by second; `grafana` says what a bin of a signal tells, or that it tells nothing.
    fn lives(&mut self, seconds: std::ops::RangeInclusive<i64>, grafana: impl Fn(SignalId, i64) -> Option<Sample>) {
        for second in seconds {
            if second % 10 == 0 {
                self.watch.update(Message::Streamed { source: CLUSTER, at: at(second), news: StreamNews::Alive });
                self.watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
                self.watch.update(self.told_by_grafana(second, 10, &grafana));
            }
            self.effects.extend(self.watch.update(Message::Tick(at(second))));
        }
    }

    /// The newest bins of each of Grafana's signals, as they are told at `now`.
    fn told_by_grafana(&self, now: i64, bins: i64, grafana: &impl Fn(SignalId, i64) -> Option<Sample>) -> Message {
        let setup = self.watch.setup();
        let own = (0..setup.signals.len() as u16).map(SignalId).filter(|id| setup.signal(*id).source == GRAFANA);
        let points = own.map(|id| {
            let bins = (0..bins).map(|back| now / 30 * 30 - back * 30);
            let points: Vec<Point> = bins.filter_map(|second| Some((at(second), grafana(id, second)?))).collect();
            (id, points)
        });
        answered(GRAFANA, now, points.collect())
    }

    /// Grafana tells of the hour before the watch began.
    fn backfilled(mut self) -> Self {
        let all = self.told_by_grafana(0, 150, &|id, second| Some(self.well(id, second)));
        self.watch.update(all);
        self
    }

    fn well(&self, id: SignalId, second: i64) -> Sample {
        well_sample(self.watch.setup().signal(id).kind, second)
    }

    fn is_remembered_as_good(&self) -> bool {
        let good =
            |effect: &Effect| matches!(effect, Effect::Remember(_, Known { standing: VersionStatus::Good, .. }, _));
        self.effects.iter().any(good)
    }

    #[track_caller]
    fn never_healthy(&self) {
        assert_eq!(self.watch.verdict(), Verdict::Inconclusive, "{:#?}", self.watch.findings());
        assert!(!self.is_remembered_as_good());
    }
}

fn kind_of(id: SignalId) -> Kind {
    setup().signal(id).kind
}

#[allow(clippy::unnecessary_wraps, reason = "what tells a bin may also tell nothing")]
fn well_told(id: SignalId, second: i64) -> Option<Sample> {
    Some(well_sample(kind_of(id), second))
}

#[test]
fn a_half_hour_that_is_known_whole_is_healthy_and_says_what_it_rests_on() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=OVER + 1, well_told);
    assert_eq!(story.watch.verdict(), Verdict::Healthy, "{:#?}", story.watch.findings());
    assert_eq!(story.watch.basis().to_string(), "5 of 5 required signals known for 30 of 30 min");
    assert_eq!(story.watch.basis().brief(), "5/5 known 30/30 min");
    assert!(story.is_remembered_as_good());
}

#[test]
fn a_hole_in_the_window_is_no_health_however_well_it_ends() {
    for (from, to) in [(0, 1710), (60, 1500), (300, 700)] {
        let mut story = HalfHour::begin(setup()).backfilled();
        story.lives(0..=OVER + 600, |id, second| well_told(id, second).filter(|_| !(from..to).contains(&second)));
        story.never_healthy();
        let basis = story.watch.basis();
        assert_eq!((basis.known, basis.required), (2, 5), "the probe and the rollout were known: {basis}");
        let finding = story.watch.finding(LATENCY);
        assert_eq!(finding.level, Level::Insufficient, "{}", finding.sentence());
    }
}

#[test]
fn a_hole_of_a_minute_is_none() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=OVER + 300, |id, second| well_told(id, second).filter(|_| !(600..660).contains(&second)));
    assert_eq!(story.watch.verdict(), Verdict::Healthy, "{:#?}", story.watch.findings());
}

#[test]
fn a_hole_that_is_filled_later_is_none() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=1500, |id, second| well_told(id, second).filter(|_| second < 60));
    let all = story.told_by_grafana(1501, 60, &well_told);
    story.watch.update(all);
    story.lives(1502..=OVER + 1, well_told);
    assert_eq!(story.watch.verdict(), Verdict::Healthy, "{:#?}", story.watch.findings());
}

#[test]
fn an_exporter_that_repeats_itself_for_an_hour_says_nothing() {
    let mut story = HalfHour::begin(setup());
    let stuck = |id: SignalId, second: i64| well_told(id, second.min(-1800));
    let all = story.told_by_grafana(0, 150, &stuck);
    story.watch.update(all);
    story.lives(0..=OVER + 300, stuck);
    story.never_healthy();
    let says = &story.watch.finding(LATENCY).says;
    assert!(matches!(says.why_unknown(), Some(Why::Stuck { .. })), "{says}");
}

#[test]
fn what_cannot_be_is_no_health() {
    for odd in [-1000.0, 1e308] {
        let mut story = HalfHour::begin(setup()).backfilled();
        let tells =
            |id: SignalId, second: i64| if id == LATENCY { Some(Sample::Value(odd)) } else { well_told(id, second) };
        story.lives(0..=OVER + 300, tells);
        story.never_healthy();
        let finding = story.watch.finding(LATENCY);
        let says = &finding.says;
        assert!(matches!(says.why_unknown(), Some(Why::Impossible { .. })), "{:?}: {says}", finding.level);
    }
}

#[test]
fn empty_bins_after_full_ones_are_not_clear() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=900, well_told);
    assert_eq!(story.watch.finding(LATENCY).level, Level::Clear);
    story.lives(901..=1100, |id, second| if second > 900 { Some(Sample::Empty) } else { well_told(id, second) });
    for id in [ERROR_RATE, LATENCY, MEMORY] {
        assert_eq!(story.watch.finding(id).level, Level::NoData, "{}", story.watch.finding(id).sentence());
    }
}

#[test]
fn a_watch_that_begins_after_the_window_is_healthy_only_by_what_was_recorded() {
    let late = OVER + 1200;
    let begin = || {
        let mut watch = Watch::new(Setup { started: at(late), ..setup() });
        watch.update(told(late, rolled_out(2, "1.8.3", "1.9.0", -100, Some(OPENED))));
        HalfHour { watch, effects: Vec::new() }
    };
    // The newest bins alone say nothing of the window.
    let mut story = begin();
    story.lives(late..=late + 60, well_told);
    story.never_healthy();
    // Nor do probes of now.
    let mut story = begin();
    story.lives(late..=late + 60, |_, _| None);
    story.never_healthy();
    // All of it does.
    let mut story = begin();
    let all = story.told_by_grafana(late, 240, &well_told);
    story.watch.update(all);
    story.lives(late..=late + 20, well_told);
    assert_eq!(story.watch.verdict(), Verdict::Healthy, "{:#?}", story.watch.findings());
}

#[test]
fn ten_errors_a_second_are_a_red_flag_where_there_never_was_one() {
    let signal = |kind: Kind| Signal {
        name: kind.label().to_owned(),
        kind,
        unit: kind.unit(),
        limits: kind.limits(),
        objective: None,
        ..setup().signals[1].clone()
    };
    for with_traffic in [true, false] {
        let mut setup = setup();
        setup.signals[1] = signal(Kind::ServerErrors);
        setup.signals[0] = signal(if with_traffic { Kind::Traffic } else { Kind::Cpu });
        let kinds: Vec<Kind> = setup.signals.iter().map(|signal| signal.kind).collect();
        let mut story = HalfHour::begin(setup);
        // No counter of failed requests exists before the first of them.
        let tells = |id: SignalId, second: i64| match kinds[usize::from(id.0)] {
            Kind::ServerErrors => (second >= 60).then_some(Sample::Value(10.0)),
            kind => Some(well_sample(kind, second)),
        };
        let all = story.told_by_grafana(0, 150, &tells);
        story.watch.update(all);
        story.lives(0..=240, tells);
        let finding = story.watch.finding(SignalId(1));
        let level = if with_traffic { Level::RedFlag } else { Level::Warning };
        assert_eq!(finding.level, level, "{}", finding.sentence());
    }
}

#[test]
fn a_clock_that_is_set_back_again_and_again_keeps_nobody_fresh() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=OVER + 1, well_told);
    assert_eq!(story.watch.verdict(), Verdict::Healthy);
    // Every source is dead; the clock goes on for twenty seconds and is set back by as much.
    for round in 0..3 {
        for second in 0..20 {
            story.watch.update(Message::Tick(at(OVER + 1 + second)));
        }
        assert!(round == 0 || story.watch.verdict() == Verdict::Inconclusive, "round {round}");
    }
    for id in (0..5).map(SignalId) {
        assert!(story.watch.finding(id).level.is_unknown(), "{}", story.watch.finding(id).sentence());
    }
}

#[test]
fn what_is_not_required_is_not_waited_for() {
    let mut setup = setup();
    setup.signals[2].required = false;
    let mut story = HalfHour::begin(setup).backfilled();
    story.lives(0..=OVER + 60, |id, second| well_told(id, second).filter(|_| id != MEMORY || second < 0));
    assert_eq!(story.watch.verdict(), Verdict::Healthy, "{:#?}", story.watch.findings());
    assert_eq!(story.watch.basis().to_string(), "4 of 4 required signals known for 30 of 30 min");
}

#[test]
fn a_window_longer_than_what_is_kept_is_known_whole_all_the_same() {
    // Twelve hours at a minute are more bins than a series holds.
    let mut setup = setup();
    setup.window = TimeDelta::hours(12);
    setup.sources.iter_mut().for_each(|source| source.interval = TimeDelta::minutes(2));
    setup.signals.iter_mut().for_each(|signal| signal.step = TimeDelta::seconds(60));
    let over = OPENED + 12 * 3600;
    for gap in [None, Some(3600..3600 * 4)] {
        let mut watch = Watch::new(setup.clone());
        watch.update(told(0, rolled_out(2, "1.8.3", "1.9.0", -100, Some(OPENED))));
        for minute in 0..=over / 60 + 20 {
            let now = minute * 60;
            watch.update(Message::Streamed { source: CLUSTER, at: at(now), news: StreamNews::Alive });
            watch.update(answered(SITE, now, vec![(PROBE, vec![(at(now), Sample::Value(90.0))])]));
            let back = if minute == 0 { 90 } else { 4 };
            let bins = |id: SignalId| {
                let bins = (0..back).map(|back| now - back * 60);
                let bins = bins.filter(|second| !gap.as_ref().is_some_and(|gap| gap.contains(second)));
                (id, bins.map(|second| (at(second), well_sample(kind_of(id), second))).collect::<Vec<Point>>())
            };
            watch.update(answered(GRAFANA, now, [ERROR_RATE, LATENCY, MEMORY].map(bins).to_vec()));
            watch.update(Message::Tick(at(now)));
        }
        let verdict = if gap.is_none() { Verdict::Healthy } else { Verdict::Inconclusive };
        assert_eq!(watch.verdict(), verdict, "{:#?}", watch.findings());
    }
}

#[test]
fn a_source_that_fails_for_the_last_minutes_leaves_its_window_unproven() {
    let mut story = HalfHour::begin(setup()).backfilled();
    story.lives(0..=OVER - 400, well_told);
    for second in OVER - 399..=OVER + 900 {
        if second % 10 == 0 {
            story.watch.update(Message::Streamed { source: CLUSTER, at: at(second), news: StreamNews::Alive });
            story.watch.update(answered(SITE, second, vec![(PROBE, vec![(at(second), Sample::Value(90.0))])]));
            story.watch.update(failed(GRAFANA, second, SourceError::Timeout(5)));
        }
        story.effects.extend(story.watch.update(Message::Tick(at(second))));
        assert_ne!(story.watch.verdict(), Verdict::Healthy, "at {second}");
    }
    assert_eq!(story.watch.workload(WorkloadId(0)).deploy.as_ref().unwrap().to.label(), "1.9.0");
}
