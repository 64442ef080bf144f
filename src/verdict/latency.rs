//! Response time: up by more than half over the baseline is a red flag, above the limit a warning.

use super::span::Recent;
use super::{Evidence, Judgement, Level, Rule};

/// A rise smaller than this is no regression whatever its share: 3 ms → 5 ms is +67 %. Milliseconds.
const LEAST_RISE_MS: f64 = 25.0;

/// See the module.
pub(super) struct Latency;

impl Rule for Latency {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let recent = Recent::of(evidence);
        let value = match recent.newest() {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let unit = evidence.signal.unit;
        let limits = evidence.signal.limits;
        let shown = match evidence.series.baseline() {
            Some(baseline) if baseline.median > 0.0 => {
                let change = 100.0 * (value / baseline.median - 1.0);
                format!(
                    "{}, {change:+.0} % against {} before the deploy",
                    unit.format(value),
                    unit.format(baseline.median)
                )
            }
            _ => format!("{}, without a baseline", unit.format(value)),
        };
        if let (Some(baseline), Some(increase)) = (evidence.series.baseline(), limits.increase) {
            let limit = (baseline.median * (1.0 + increase / 100.0)).max(baseline.median + LEAST_RISE_MS);
            // The baseline's own spread has to be left behind, too.
            let limit = limit.max(baseline.high);
            let beyond = |value: f64| value > limit;
            if recent.holds(evidence.before == Level::RedFlag, beyond) {
                let long = recent.for_how_long(beyond);
                return Judgement::new(Level::RedFlag, format!("{shown}; more than +{increase:.0} %{long}"));
            }
        }
        if let Some(limit) =
            limits.red_flag.filter(|&limit| recent.holds(evidence.before == Level::RedFlag, |v| v > limit))
        {
            let long = recent.for_how_long(|value| value > limit);
            return Judgement::new(Level::RedFlag, format!("{shown}; above {}{long}", unit.format(limit)));
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
