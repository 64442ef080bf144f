//! A recorded deploy, played to the rules bin by bin as a watch would have seen it.

use super::says::{Unknown, Why};
use super::{Earlier, Elsewhere, Evidence, Judgement, Level, Neighbour, Requests, Track, judge_beside};
use crate::deploy::{ServiceId, Time};
use crate::setup::{Delivery, SourceInfo};
use crate::signal::{Kind, Possible, Sample, Signal, SignalId, SourceId};
use crate::store::{Health, Series, SourceState};
use chrono::{DateTime, TimeDelta};

/// A recorded deploy, in the signal's unit.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// What was recorded.
    pub signal: &'a Signal,
    /// What its numbers can be: a record may be scaled to what was seen, not to a limit.
    pub possible: Possible,
    /// The bins from before the deploy.
    pub baseline: &'a [Sample],
    /// The bins from after it. They are those after the change: nothing warms up any more.
    pub after: &'a [Sample],
    /// What the version before did in the bins after the deploy, for as many as it served in.
    pub beside: &'a [Sample],
    /// The requests behind the bins after the deploy, where they are known and no part of the samples.
    pub requests: &'a [Option<f64>],
    /// The same bins of the day before, where they are known.
    pub yesterday: Option<Other<'a>>,
    /// The same bins of the week before.
    pub last_week: Option<Other<'a>>,
    /// The same bins of services that were not deployed, by their names.
    pub neighbours: &'a [(&'a str, Other<'a>)],
}

/// What was recorded of the same signal where there was no such deploy.
#[derive(Debug, Clone, Copy)]
pub struct Other<'a> {
    /// The bins from before the moment of the deploy.
    pub baseline: &'a [Sample],
    /// The bins from after it.
    pub after: &'a [Sample],
}

/// How a recorded deploy was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The first bin at which a warning or a red flag blamed the deploy.
    pub blamed_at: Option<usize>,
    /// The first bin with a red flag, whoever it blames.
    pub red_at: Option<usize>,
    /// The first bin at which anything was a warning or worse, whoever it blames.
    pub warned_at: Option<usize>,
    /// What was said when the deploy was first blamed, or at the end.
    pub judgement: Judgement,
    /// What was said at the end.
    pub last: Judgement,
}

/// A signal of a kind with everything as it is by default, its readings `step` apart.
pub fn signal(kind: Kind, step: TimeDelta) -> Signal {
    Signal {
        name: kind.label().to_owned(),
        kind,
        unit: kind.unit(),
        service: ServiceId(0),
        workload: None,
        source: SourceId(0),
        of_version: false,
        required: true,
        limits: kind.limits(),
        objective: None,
        step,
        link: None,
        queries: Vec::new(),
    }
}

/// Judges the bins from after a deploy one after the other, in the signal's unit; nothing later is known yet.
pub fn play(signal: &Signal, baseline: &[Sample], after: &[Sample]) -> Outcome {
    Record::of(signal, baseline, after).play()
}

impl<'a> Record<'a> {
    /// A signal's bins before and after a deploy, in its unit, and nothing beside them.
    pub fn of(signal: &'a Signal, baseline: &'a [Sample], after: &'a [Sample]) -> Self {
        let possible = Possible::of(signal.kind, signal.unit);
        Self {
            signal,
            possible,
            baseline,
            after,
            beside: &[],
            requests: &[],
            yesterday: None,
            last_week: None,
            neighbours: &[],
        }
    }
}

impl Record<'_> {
    /// Judges its bins one after the other; nothing later is known yet.
    pub fn play(&self) -> Outcome {
        let (signal, step) = (self.signal, self.signal.step);
        // Any moment will do, with room for the longest record on both sides.
        let deployed = DateTime::UNIX_EPOCH + TimeDelta::days(365 * 50);
        let mut series = self.series(self.baseline, deployed);
        let mut requests = Series::within(Possible::default(), step);
        requests.set_deploy(deployed);

        let source = SourceInfo { name: "the record".to_owned(), delivery: Delivery::Polled, interval: step };
        let mut health = SourceState::new(deployed);
        let mut track = Track::default();
        let judgement = Judgement::new(Level::NoData, Unknown { why: Why::NothingRecorded, last: None });
        let last = judgement.clone();
        let mut outcome = Outcome { blamed_at: None, red_at: None, warned_at: None, judgement, last };
        let earlier = |other: Option<Other<'_>>| self.earlier(other?, deployed);
        let (yesterday, last_week) = (earlier(self.yesterday), earlier(self.last_week));
        let mut neighbours: Vec<Series> =
            self.neighbours.iter().map(|(_, other)| self.series(other.baseline, deployed)).collect();
        let (mut before, mut now) = (Level::NoData, deployed);
        for (bin, &sample) in self.after.iter().enumerate() {
            if let Some(&beside) = self.beside.get(bin) {
                series.insert_older(&[(now, beside)], now + step);
            }
            if let Some(&Some(all)) = self.requests.get(bin) {
                requests.insert(&[(now, Sample::Counts { errors: 0.0, requests: all })], now + step);
            }
            series.insert(&[(now, sample)], now + step);
            for ((_, other), series) in self.neighbours.iter().zip(&mut neighbours) {
                let sample = other.after.get(bin).copied();
                series.insert(&sample.map_or_else(Vec::new, |sample| vec![(now, sample)]), now + step);
            }
            now += step;
            health.succeed(now, Health::Up);
            let evidence = Evidence {
                deployed_at: Some(deployed),
                requests: (!self.requests.is_empty()).then_some(Requests { series: &requests, rate_over: None }),
                before,
                ..Evidence::of((SignalId(0), signal), &series, (&source, &health), now)
            };
            let named = self.neighbours.iter().zip(&neighbours);
            let elsewhere = || Elsewhere {
                yesterday: yesterday.as_ref(),
                last_week: last_week.as_ref(),
                neighbours: named.map(|((name, _), series)| Neighbour { name, series }).collect(),
            };
            let judgement = judge_beside(&evidence, elsewhere, &mut track);
            before = judgement.level;
            outcome.take(bin, judgement);
        }
        outcome
    }

    /// An earlier day, as if its bins were today's.
    fn earlier(&self, other: Other<'_>, deployed: Time) -> Option<Earlier> {
        let mut series = self.series(other.baseline, deployed);
        let stamps = (0_i32..).map(|bin| deployed + self.signal.step * bin);
        let points: Vec<_> = stamps.zip(other.after.iter().copied()).collect();
        series.insert(&points, deployed);
        Earlier::of(self.signal, series)
    }

    /// What lies before the deploy.
    fn series(&self, baseline: &[Sample], deployed: Time) -> Series {
        let mut series = Series::within(self.possible, self.signal.step);
        series.set_deploy(deployed);
        let back = (1_i32..).zip(baseline.iter().rev());
        let points: Vec<_> = back.map(|(back, &sample)| (deployed - self.signal.step * back, sample)).collect();
        series.insert(&points, deployed);
        series
    }
}

impl Outcome {
    fn take(&mut self, bin: usize, judgement: Judgement) {
        if judgement.level == Level::RedFlag {
            self.red_at = self.red_at.or(Some(bin));
        }
        if judgement.level >= Level::Warning {
            self.warned_at = self.warned_at.or(Some(bin));
        }
        self.last = judgement.clone();
        if self.blamed_at.is_none() {
            if judgement.blames_deploy && judgement.level >= Level::Warning {
                self.blamed_at = Some(bin);
            }
            self.judgement = judgement;
        }
    }
}
