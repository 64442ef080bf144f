//! What fills up: CPU, memory, the connection pool. Above a limit, or on its way to the top.

use super::span::Recent;
use super::stats::theil_sen;
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::brief;
use chrono::TimeDelta;

/// A climb is not judged on less than this much time since the deploy: caches fill and pools open first.
const LEAST_CLIMB: TimeDelta = TimeDelta::minutes(4);
/// A climb slower than this is not told from noise. Points of a percent a minute.
const LEAST_SLOPE: f64 = 0.25;
/// A climb that reaches 100 % within this time is a red flag.
const SOON: TimeDelta = TimeDelta::minutes(30);
/// A climb that reaches 100 % within this time is a warning.
const LATER: TimeDelta = TimeDelta::hours(2);

/// See the module.
pub(super) struct Saturation {
    /// Whether a steady climb means that it will run out (memory, connections), or nothing (CPU).
    pub(super) grows: bool,
}

struct Climb {
    /// Points a minute.
    slope: f64,
    /// Until 100 %.
    left: TimeDelta,
}

impl Rule for Saturation {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let recent = Recent::of(evidence);
        let value = match recent.newest() {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let unit = evidence.signal.unit;
        let limits = evidence.signal.limits;
        let shown = format!("{}{}", unit.format(value), evidence.baseline_words());
        if let Some(limit) =
            limits.red_flag.filter(|&limit| recent.holds(evidence.before == Level::RedFlag, |v| v >= limit))
        {
            let long = recent.for_how_long(|value| value >= limit);
            return Judgement::new(
                Level::RedFlag,
                format!("{shown}; exhausted: at {} or more{long}", unit.format(limit)),
            );
        }
        let climb = if self.grows { climb(evidence, &recent, value) } else { None };
        if let Some(climb) = climb {
            let level = if climb.left <= SOON { Level::RedFlag } else { Level::Warning };
            let sentence =
                format!("{shown}; climbs by {:.1} points a minute, full in about {}", climb.slope, brief(climb.left));
            return Judgement::new(level, sentence);
        }
        if let Some(limit) =
            limits.warning.filter(|&limit| recent.holds(evidence.before >= Level::Warning, |v| v > limit))
        {
            let long = recent.for_how_long(|value| value > limit);
            let as_before = evidence.as_before(limit);
            return Judgement::new(Level::Warning, format!("{shown}; above {}{long}{as_before}", unit.format(limit)));
        }
        let limit = limits.warning.map_or_else(String::new, |limit| format!("; limit {}", unit.format(limit)));
        Judgement::new(Level::Clear, format!("{shown}{limit}"))
    }
}

/// A steady climb since the deploy that has left the baseline behind and does not bend.
fn climb(evidence: &Evidence<'_>, recent: &Recent, value: f64) -> Option<Climb> {
    let values = recent.values();
    let (&(first, _), &(last, _)) = (values.first()?, values.last()?);
    if last - first < LEAST_CLIMB || evidence.series.baseline().is_some_and(|baseline| value <= baseline.max) {
        return None;
    }
    let minutes: Vec<(f64, f64)> =
        values.iter().map(|&(at, value)| ((at - first).num_seconds() as f64 / 60.0, value)).collect();
    let slope = theil_sen(&minutes)?;
    // A warm-up bends, a leak does not: the second half has to climb about as fast as the whole.
    let second_half = theil_sen(&minutes[minutes.len() / 2..])?;
    if slope < LEAST_SLOPE || second_half < 0.6 * slope {
        return None;
    }
    // It has to climb by more than the baseline moves up and down by itself.
    let spread = evidence.series.baseline().map_or(0.0, |baseline| baseline.high - baseline.low);
    let climbed = slope * (last - first).num_seconds() as f64 / 60.0;
    if climbed < spread {
        return None;
    }
    let left = TimeDelta::seconds(((100.0 - value).max(0.0) / slope * 60.0) as i64);
    (left <= LATER).then_some(Climb { slope, left })
}
