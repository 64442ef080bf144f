//! Requests: a drop is a flag of its own, for a broken client or route raises no error anywhere else.

use super::span::Recent;
use super::{Evidence, Judgement, Level, Rule};

/// Fewer than this share of the usual requests is a drop.
const DROP: f64 = 0.5;

/// See the module.
pub(super) struct Traffic;

impl Rule for Traffic {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let recent = Recent::of(evidence);
        let value = match recent.newest() {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let unit = evidence.signal.unit;
        let shown = format!("{}{}", unit.format(value), evidence.baseline_words());
        if let Some(baseline) = evidence.series.baseline() {
            let limit = (baseline.median * DROP).min(baseline.low * 0.8);
            let beyond = |value: f64| value < limit;
            if recent.holds(evidence.before >= Level::Warning, beyond) {
                let (limit, long) = (unit.format(limit), recent.for_how_long(beyond));
                return Judgement::new(Level::Warning, format!("{shown}; below {limit}{long}"));
            }
        }
        Judgement::new(Level::Clear, shown)
    }
}
