//! Plain limits, held for some readings: for numbers of a meaning of their own, and crash-free sessions.

use super::span::Recent;
use super::{Evidence, Judgement, Level, Rule};

/// See the module.
pub(super) struct Threshold;

impl Rule for Threshold {
    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let recent = Recent::of(evidence);
        let value = match recent.newest() {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let signal = evidence.signal;
        let lower_is_worse = signal.kind.lower_is_worse();
        let side = if lower_is_worse { "below" } else { "above" };
        let beyond = |limit: f64| move |value: f64| if lower_is_worse { value < limit } else { value > limit };
        let shown = signal.unit.format(value);
        let baseline = evidence.baseline_words();
        for (level, limit) in [(Level::RedFlag, signal.limits.red_flag), (Level::Warning, signal.limits.warning)] {
            if let Some(limit) = limit.filter(|&limit| recent.holds(evidence.before >= level, beyond(limit))) {
                let long = recent.for_how_long(beyond(limit));
                let limit = signal.unit.format(limit);
                return Judgement::new(level, format!("{shown}{baseline}; {side} {limit}{long}"));
            }
        }
        let limit = signal.limits.warning.or(signal.limits.red_flag);
        let limit = limit
            .map_or_else(|| "; no limit is set".to_owned(), |limit| format!("; limit {}", signal.unit.format(limit)));
        Judgement::new(Level::Clear, format!("{shown}{baseline}{limit}"))
    }
}
