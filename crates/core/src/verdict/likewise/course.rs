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
/// Of so many of the newest readings most have left the range that was usual.
const NEWEST: usize = 3;

/// Which way a number went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verdict) enum Way {
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
    /// What was usual before the moment.
    usual: f64,
    /// The level at each bin since.
    levels: Vec<(Time, f64)>,
}

impl Course {
    /// `None` where too little is known from before the moment.
    pub(super) fn of(signal: &Signal, series: &Series, way: Way) -> Option<Self> {
        let told = series.before().iter().filter(|reading| reading.sample.value().is_some()).count();
        let usual = level(series.before())?;
        if told < LEAST_BASELINE {
            return None;
        }
        let bins: Vec<Reading> =
            series.since_deploy().iter().filter(|reading| reading.sample.value().is_some()).copied().collect();
        let levels = (0..bins.len()).filter_map(|place| {
            let around = place.saturating_sub(BESIDE)..(place + BESIDE + 1).min(bins.len());
            Some((bins[place].at, level(&bins[around])?))
        });
        Some(Self { kind: signal.kind, way, slack: SLACK.max(signal.step), usual, levels: levels.collect() })
    }

    /// The level that went furthest around a moment.
    pub(super) fn extreme(&self, at: Time) -> Option<f64> {
        let near = self.levels.iter().filter(|(then, _)| (*then - at).abs() <= self.slack);
        near.map(|(_, level)| *level).reduce(|one, other| self.way.further(one, other))
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

/// A reading without this change in it.
pub(super) fn without(kind: Kind, sample: Sample, change: f64) -> Sample {
    match sample {
        _ if !change.is_finite() => sample,
        Sample::Counts { errors, requests } => {
            Sample::Counts { errors: (errors - requests * change / 100.0).max(0.0), requests }
        }
        Sample::Value(value) if adds_up(kind) => Sample::Value((value - change).max(0.0)),
        Sample::Value(value) => Sample::Value(value / change),
        Sample::Empty | Sample::NotANumber | Sample::Impossible(_) => sample,
    }
}

/// Whether most of the newest readings lie beyond 95 % of those from before.
pub(super) fn has_left(series: &Series, way: Way) -> bool {
    let Some(baseline) = series.baseline().filter(|baseline| baseline.count >= LEAST_BASELINE) else { return false };
    let newest = series.since_deploy().iter().rev().filter_map(|reading| reading.sample.value()).take(NEWEST);
    let beyond = newest.filter(|&value| match way {
        Way::Up => value > baseline.high,
        Way::Down => value < baseline.low,
    });
    2 * beyond.count() > NEWEST
}
