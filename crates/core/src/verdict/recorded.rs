//! A recorded deploy, played to the rules bin by bin as a watch would have seen it.

use super::says::{Unknown, Why};
use super::{Evidence, Judgement, Level, Requests, Track, judge};
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
    }
}

/// Judges the bins from after a deploy one after the other, in the signal's unit; nothing later is known yet.
pub fn play(signal: &Signal, baseline: &[Sample], after: &[Sample]) -> Outcome {
    let possible = Possible::of(signal.kind, signal.unit);
    Record { signal, possible, baseline, after, beside: &[], requests: &[] }.play()
}

impl Record<'_> {
    /// Judges its bins one after the other; nothing later is known yet.
    pub fn play(&self) -> Outcome {
        let (signal, step) = (self.signal, self.signal.step);
        // Any moment will do, with room for the longest record on both sides.
        let deployed = DateTime::UNIX_EPOCH + TimeDelta::days(365 * 50);
        let mut series = self.series(deployed);
        let mut requests = Series::within(Possible::default(), step);
        requests.set_deploy(deployed);

        let source = SourceInfo { name: "the record".to_owned(), delivery: Delivery::Polled, interval: step };
        let mut health = SourceState::new(deployed);
        let mut track = Track::default();
        let judgement = Judgement::new(Level::NoData, Unknown { why: Why::NothingRecorded, last: None });
        let mut outcome = Outcome { blamed_at: None, red_at: None, warned_at: None, judgement };
        let (mut before, mut now) = (Level::NoData, deployed);
        for (bin, &sample) in self.after.iter().enumerate() {
            if let Some(&beside) = self.beside.get(bin) {
                series.insert_older(&[(now, beside)], now + step);
            }
            if let Some(&Some(all)) = self.requests.get(bin) {
                requests.insert(&[(now, Sample::Counts { errors: 0.0, requests: all })], now + step);
            }
            series.insert(&[(now, sample)], now + step);
            now += step;
            health.succeed(now, Health::Up);
            let evidence = Evidence {
                signal_id: SignalId(0),
                signal,
                series: &series,
                source: &source,
                health: &health,
                rollout: None,
                deployed_at: Some(deployed),
                settled: None,
                issues: &[],
                alerts: &[],
                unread: 0,
                rolled_back: None,
                served: TimeDelta::zero(),
                requests: (!self.requests.is_empty()).then_some(Requests { series: &requests, rate_over: None }),
                restarts: false,
                window: None,
                before,
                now,
            };
            let judgement = judge(&evidence, &mut track);
            before = judgement.level;
            outcome.take(bin, judgement);
        }
        outcome
    }

    /// What lies before the deploy.
    fn series(&self, deployed: Time) -> Series {
        let mut series = Series::within(self.possible, self.signal.step);
        series.set_deploy(deployed);
        let back = (1_i32..).zip(self.baseline.iter().rev());
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
        if self.blamed_at.is_none() {
            if judgement.blames_deploy && judgement.level >= Level::Warning {
                self.blamed_at = Some(bin);
            }
            self.judgement = judgement;
        }
    }
}
