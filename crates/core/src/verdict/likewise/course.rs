//! How far a series without a deploy moved since the moment of this one: what would have been expected without it.

use crate::deploy::Time;
use crate::signal::{Kind, Reading, Sample, Signal};
use crate::store::Series;
use crate::verdict::detect::shift::LEAST_BASELINE;
use crate::verdict::stats::median;
use chrono::TimeDelta;

/// What comes by itself does not come at the very same second each day, nor everywhere at once: the largest change
/// within so long counts, and within one bin where those are longer.
const SLACK: TimeDelta = TimeDelta::minutes(5);
/// The level at a bin is the middle of it and of so many on each side; of counts, what these hold together.
const BESIDE: usize = 2;

/// Which way a number went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It rose.
    Up,
    /// It fell.
    Down,
}

impl Way {
    fn further(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Up => one.max(other),
            Self::Down => one.min(other),
        }
    }

    /// Whether a number has reached a limit on the way.
    pub(super) fn is_beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Up => value >= limit,
            Self::Down => value <= limit,
        }
    }

    /// The middle one; of two in the middle the one that went less far. More than half went as far.
    pub(super) fn lesser_middle(self, mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        if self == Self::Down {
            values.reverse();
        }
        values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Course {
    kind: Kind,
    way: Way,
    slack: TimeDelta,
    /// What was usual before the moment, and what 95 % of the readings then stayed within.
    usual: f64,
    edge: f64,
    /// The level at each bin since.
    levels: Vec<(Time, f64)>,
}

impl Course {
    /// `None` where too little is known from before the moment.
    pub(super) fn of(signal: &Signal, series: &Series, way: Way) -> Option<Self> {
        let baseline = series.baseline().filter(|baseline| baseline.count >= LEAST_BASELINE)?;
        let usual = level(series.before())?;
        let edge = match way {
            Way::Up => baseline.high,
            Way::Down => baseline.low,
        };
        let bins: Vec<Reading> =
            series.since_deploy().iter().filter(|reading| reading.sample.value().is_some()).copied().collect();
        let levels = (0..bins.len()).filter_map(|place| {
            let around = place.saturating_sub(BESIDE)..(place + BESIDE + 1).min(bins.len());
            Some((bins[place].at, level(&bins[around])?))
        });
        Some(Self { kind: signal.kind, way, slack: SLACK.max(signal.step), usual, edge, levels: levels.collect() })
    }

    /// The level that went furthest around a moment.
    pub(super) fn extreme(&self, at: Time) -> Option<f64> {
        let near = self.levels.iter().filter(|(then, _)| (*then - at).abs() <= self.slack);
        near.map(|(_, level)| *level).reduce(|one, other| self.way.further(one, other))
    }

    /// Whether the level left what was usual around a moment.
    pub(super) fn has_left(&self, at: Time) -> bool {
        self.extreme(at).is_some_and(|extreme| self.is_out(extreme))
    }

    /// Whether it ever did.
    pub(super) fn ever_left(&self) -> bool {
        self.levels.iter().any(|(_, level)| self.is_out(*level))
    }

    fn is_out(&self, level: f64) -> bool {
        match self.way {
            Way::Up => level > self.edge,
            Way::Down => level < self.edge,
        }
    }

    /// By how much it had changed around a moment: points of counted failures, else so many times what was usual. No
    /// change where nothing is known, and none the other way.
    pub(super) fn change(&self, at: Time) -> f64 {
        let none = unchanged(self.kind);
        let Some(extreme) = self.extreme(at) else { return none };
        let change = if adds_up(self.kind) {
            extreme - self.usual
        } else if self.usual > 0.0 && extreme > 0.0 {
            extreme / self.usual
        } else {
            none
        };
        self.way.further(change, none)
    }
}

/// The middle of readings; of counts, what they hold together.
fn level(readings: &[Reading]) -> Option<f64> {
    let counts = readings.iter().filter_map(|reading| match reading.sample {
        Sample::Counts { errors, requests } => Some((errors, requests)),
        _ => None,
    });
    let (errors, requests) = counts.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if requests > 0.0 {
        return Some(100.0 * errors / requests);
    }
    median(readings.iter().filter_map(|reading| reading.sample.value()).collect())
}

/// Failures of another cause come on top of those that there are anyway; everything else grows in proportion.
fn adds_up(kind: Kind) -> bool {
    matches!(kind, Kind::ErrorRate | Kind::ServerErrors)
}

fn unchanged(kind: Kind) -> f64 {
    if adds_up(kind) { 0.0 } else { 1.0 }
}

/// The series, as it would be without this change at each moment.
///
/// Failures are counted, and their noise is that of chance: it is the baseline that gets as many more as are expected since
/// the flag began. All else is brought back to what was usual, as far as the change reaches and no further: it need not
/// come at the very same second.
pub(super) fn without(kind: Kind, series: &Series, since: Option<Time>, change: impl Fn(Time) -> f64) -> Series {
    let Some(first) = series.since_deploy().first().map(|reading| reading.at) else { return series.clone() };
    if adds_up(kind) {
        let run = series.since_deploy().iter().filter(|reading| since.is_none_or(|since| reading.at >= since));
        let changes: Vec<f64> = run.map(|reading| change(reading.at)).filter(|change| change.is_finite()).collect();
        let more = changes.iter().sum::<f64>() / changes.len().max(1) as f64;
        return series
            .with_samples(|reading| if reading.at < first { with(reading.sample, more) } else { reading.sample });
    }
    let usual = series.baseline().map_or(0.0, |baseline| baseline.median);
    series.with_samples(|reading| match reading.sample {
        Sample::Value(value) if reading.at >= first && usual > 0.0 && value > 0.0 => {
            let (change, here) = (change(reading.at), value / usual);
            let explained =
                if change >= 1.0 { here.clamp(1.0, change) } else { here.clamp(change.max(f64::MIN_POSITIVE), 1.0) };
            Sample::Value(value / explained)
        }
        sample => sample,
    })
}

/// A reading with so many more failures: points of requests, or a second.
fn with(sample: Sample, more: f64) -> Sample {
    match sample {
        Sample::Counts { errors, requests } => Sample::Counts { errors: errors + requests * more / 100.0, requests },
        Sample::Value(value) => Sample::Value(value + more),
        Sample::Empty | Sample::NotANumber | Sample::Impossible(_) => sample,
    }
}
