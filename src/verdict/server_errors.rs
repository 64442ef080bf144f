//! 5xx responses: they should stay flat; a lasting increase over the baseline is a red flag.

use super::span::Recent;
use super::{Evidence, Judgement, Level, Rule};

/// A rise smaller than this is chance whatever its share. Responses a second.
const LEAST_RISE: f64 = 0.1;

/// See the module.
pub(super) struct ServerErrors;

impl Rule for ServerErrors {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let recent = Recent::of(evidence);
        let value = match recent.newest() {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let unit = evidence.signal.unit;
        let limits = evidence.signal.limits;
        let shown = format!("{}{}", unit.format(value), evidence.baseline_words());
        if let (Some(baseline), Some(increase)) = (evidence.series.baseline(), limits.increase) {
            // Held against the top of what was normal: a rate this small is mostly zeros and ones.
            let limit = (baseline.high * (1.0 + increase / 100.0)).max(baseline.high + LEAST_RISE);
            let beyond = |value: f64| value > limit;
            if recent.holds(evidence.before == Level::RedFlag, beyond) {
                let (limit, long) = (unit.format(limit), recent.for_how_long(beyond));
                return Judgement::new(Level::RedFlag, format!("{shown}; increasing, above {limit}{long}"));
            }
        }
        for (level, limit) in [(Level::RedFlag, limits.red_flag), (Level::Warning, limits.warning)] {
            if let Some(limit) = limit.filter(|&limit| recent.holds(evidence.before >= level, |value| value > limit)) {
                let long = recent.for_how_long(|value| value > limit);
                return Judgement::new(level, format!("{shown}; above {}{long}", unit.format(limit)));
            }
        }
        Judgement::new(Level::Clear, format!("{shown}; flat"))
    }
}
