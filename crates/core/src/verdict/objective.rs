//! What a signal costs of its objective's error budget, and whether that goes faster than it may. It comes after the
//! signal's own rule: a cost is told beside whatever that says, and a limit of it can only make it worse.

use super::says::{Burning, Says, Spending, told};
use super::stats::poisson_tail;
use super::{Evidence, Judgement, Level, coverage};
use crate::deploy::Time;
use crate::signal::{BurnRate, Kind, Objective, Reading, Sample};
use crate::store::Series;
use chrono::TimeDelta;

/// How likely chance alone may bring so many failures at exactly the limit, for the limit to count as passed.
const CHANCE: f64 = 0.1;

/// Failures among what was asked, over some bins.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    failed: f64,
    /// Requests, tries, or bins where only a share is told.
    asked: f64,
    /// The requests that the version before had in the same bins.
    beside: f64,
    /// Whether they are counted, so that chance can be told from more.
    counted: bool,
    /// How long the bins last that tell.
    known: TimeDelta,
}

/// One limit's two spans.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spans {
    rate: BurnRate,
    long: Tally,
    short: Tally,
}

/// What was added up of a signal's readings; the same readings give the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    /// What it was added up of.
    key: (u64, Option<Time>),
    since_deploy: Tally,
    /// The newest minutes: the short span of the fastest rate.
    recent: Tally,
    red_flag: Option<Spans>,
    warning: Option<Spans>,
}

impl Budget {
    /// What the readings add up to; `None` for a signal without an objective. What was added up before is kept while
    /// nothing changed.
    pub(super) fn of(evidence: &Evidence<'_>, before: Option<Box<Self>>) -> Option<Box<Self>> {
        let objective = evidence.signal.objective?;
        let series = evidence.series;
        let key = (series.history(), series.last().map(|reading| reading.at));
        if let Some(before) = before.filter(|before| before.key == key) {
            return Some(before);
        }
        let kind = evidence.signal.kind;
        let step = coverage::spacing(&coverage::told(series, kind), evidence.signal.step);
        let add_up = |readings: &[Reading]| Tally::of(readings, series, kind, step);
        let newest = series.last().map(|reading| reading.at);
        let of_last = |span: TimeDelta| {
            let readings = series.readings();
            let from = newest.map_or(0, |newest| readings.partition_point(|reading| reading.at <= newest - span));
            add_up(&readings[from..])
        };
        let spans = |rate: BurnRate| Spans { rate, long: of_last(rate.long()), short: of_last(rate.short()) };
        Some(Box::new(Self {
            key,
            since_deploy: add_up(series.since_deploy()),
            recent: of_last(BurnRate::Fast.short()),
            red_flag: objective.red_flag.map(spans),
            warning: objective.warning.map(spans),
        }))
    }

    /// The judgement with what it costs: worse where the budget goes too fast, and not known to be fine where that is not
    /// known.
    pub(super) fn weigh(&self, evidence: &Evidence<'_>, judgement: Judgement) -> Judgement {
        let Some(objective) = evidence.signal.objective else { return judgement };
        let limit = self.broken(evidence, &objective).or_else(|| self.unknown(judgement.level));
        let failed = match &judgement.says {
            Says::Measured(measured) => share_failed(evidence.signal.kind, measured.value) * self.since_deploy.part(),
            Says::Probe(_) => self.recent.share(),
            // Nothing is told that could have a price.
            _ if limit.is_none() => return judgement,
            _ => self.recent.share() * self.recent.part(),
        };
        if limit.is_none() && failed <= 0.0 && self.since_deploy.failed <= 0.0 {
            return judgement;
        }
        let level = limit.map_or(judgement.level, |(level, _)| level.max(judgement.level));
        let spending = Spending {
            burn: objective.burn(failed),
            spent: self.spent(evidence, &objective),
            period: objective.period,
            limit: limit.map(|(_, burning)| burning),
        };
        Judgement { level, says: Says::Costs { spending, now: Box::new(judgement.says) }, ..judgement }
    }

    /// The worse limit that is passed in both of its spans. One that the bin in the middle passed before the deploy already
    /// is no red flag.
    fn broken(&self, evidence: &Evidence<'_>, objective: &Objective) -> Option<(Level, Burning)> {
        let usual = evidence.series.baseline().filter(|_| evidence.signal.kind != Kind::Probe);
        let usual = usual.map(|baseline| objective.burn(share_failed(evidence.signal.kind, baseline.median)));
        let above = |spans: &Spans, level| {
            let rate = spans.rate;
            let (long, short) =
                (spans.long.above(objective, rate, rate.long())?, spans.short.above(objective, rate, rate.short())?);
            let as_before = usual.is_some_and(|usual| usual > rate.factor());
            let level = if as_before { Level::Warning } else { level };
            Some((level, Burning::Above { rate, long, short, as_before }))
        };
        let red = self.red_flag.as_ref().and_then(|spans| above(spans, Level::RedFlag));
        red.or_else(|| self.warning.as_ref().and_then(|spans| above(spans, Level::Warning)))
    }

    /// What keeps a signal from being clear whose limits look further back than is known.
    fn unknown(&self, level: Level) -> Option<(Level, Burning)> {
        let limits = [&self.red_flag, &self.warning].into_iter().flatten();
        let unknown = limits.filter(|_| level == Level::Clear).find(|spans| !spans.rate.is_known_by(spans.long.known));
        unknown.map(|spans| (Level::Insufficient, Burning::Unknown { rate: spans.rate, known: told(spans.long.known) }))
    }

    /// The share of the period's budget that is gone since the deploy: each bin weighs as many requests as it had. `None`
    /// where that is not known, or not all of it any more.
    fn spent(&self, evidence: &Evidence<'_>, objective: &Objective) -> Option<f64> {
        evidence.deployed_at.filter(|_| evidence.series.forgotten().is_empty())?;
        let burn = objective.burn(self.since_deploy.share() * self.since_deploy.part());
        Some(objective.spent(burn, self.since_deploy.known))
    }
}

impl Tally {
    fn of(readings: &[Reading], series: &Series, kind: Kind, step: TimeDelta) -> Self {
        let mut tally = Self::default();
        for reading in readings {
            let Some((failed, asked)) = counts(kind, reading.sample) else { continue };
            tally.failed += failed;
            tally.asked += asked;
            // What the version before answered meanwhile was asked of the same service.
            tally.beside +=
                series.beside(reading.at).and_then(|sample| counts(kind, sample)).map_or(0.0, |(_, all)| all);
            tally.counted |= kind == Kind::Probe || matches!(reading.sample, Sample::Counts { .. });
            tally.known += step;
        }
        tally
    }

    /// The share that failed, from 0 to 1.
    fn share(&self) -> f64 {
        if self.asked > 0.0 { self.failed / self.asked } else { 0.0 }
    }

    /// The share of the service's requests that the signal speaks of: less than all beside the version before.
    fn part(&self) -> f64 {
        if self.counted && self.asked > 0.0 { self.asked / (self.asked + self.beside) } else { 1.0 }
    }

    /// The burn rate over a span, where it is above the limit and chance is a poor explanation for that. What is not
    /// known of the span counts as asked as often and free of failures: it is this much at least.
    fn above(&self, objective: &Objective, rate: BurnRate, span: TimeDelta) -> Option<f64> {
        let known = self.known.num_milliseconds() as f64;
        if known <= 0.0 {
            return None;
        }
        let asked = (self.asked + self.beside) * (span.num_milliseconds() as f64 / known).max(1.0);
        let burn = objective.burn(if asked > 0.0 { self.failed / asked } else { 0.0 });
        let is_chance = || self.counted && poisson_tail(self.failed, asked * objective.failing(rate)) >= CHANCE;
        (burn > rate.factor() && !is_chance()).then_some(burn)
    }
}

/// The failed ones of a bin and all that were asked: counts, tries of a probe, or one bin where only a share is told.
fn counts(kind: Kind, sample: Sample) -> Option<(f64, f64)> {
    match (kind, sample) {
        (Kind::Probe, Sample::Empty) => Some((1.0, 1.0)),
        (Kind::Probe, Sample::Value(_)) => Some((0.0, 1.0)),
        (_, Sample::Counts { errors, requests }) => {
            let is_count = |count: f64| count.is_finite() && count >= 0.0;
            (is_count(errors) && is_count(requests)).then_some((errors, requests))
        }
        (_, Sample::Value(value)) => Some((share_failed(kind, value), 1.0)),
        (_, Sample::Empty | Sample::NotANumber | Sample::Impossible(_)) => None,
    }
}

/// The share that failed, from 0 to 1, of a value in percent.
fn share_failed(kind: Kind, percent: f64) -> f64 {
    let failed = if kind.lower_is_worse() { 100.0 - percent } else { percent };
    (failed / 100.0).clamp(0.0, 1.0)
}
