//! What speaks against calling a signal clear although its rule does: its newest reading cannot be, it repeats itself,
//! or too little of the window is known. A flag stands whatever the doubt.

use super::coverage::{self, Coverage, Wanted};
use super::{Evidence, Judgement, Level, freshness, stuck};
use crate::deploy::{Time, brief};
use crate::signal::{Impossible, Sample, Unit};

/// What is known of a signal's readings as such, whatever they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// What it was worked out of; the same again gives the same.
    key: Key,
    /// Since when it repeats itself.
    stuck: Option<Time>,
    /// For how long of the window so far it was known; `None` while there is no window.
    pub(super) coverage: Option<Coverage>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    history: u64,
    newest: Option<Time>,
    /// What is wanted, and until when it could be known by now.
    wanted: Option<(Wanted, Time)>,
}

impl Known {
    fn key(evidence: &Evidence<'_>) -> Key {
        let newest = evidence.series.last().map(|reading| reading.at);
        let until = |wanted: Wanted| match newest {
            _ if evidence.now >= wanted.window.to => wanted.window.to,
            // What has not come in yet is no hole.
            Some(newest) => newest.min(evidence.now),
            None => wanted.window.from,
        };
        let wanted = evidence.window.map(|wanted| (wanted, until(wanted)));
        Key { history: evidence.series.history(), newest, wanted }
    }

    /// What is known now; what was known before is kept while nothing changed.
    pub(super) fn of(evidence: &Evidence<'_>, before: Option<Self>) -> Self {
        let key = Self::key(evidence);
        if let Some(before) = before.filter(|before| before.key == key) {
            return before;
        }
        let (signal, series) = (evidence.signal, evidence.series);
        let told = coverage::told(series, signal.kind);
        let runs = stuck::runs(&told, signal.kind);
        let of_window = |(wanted, until): (Wanted, Time)| coverage::of(signal, series, &told, &runs, &wanted, until);
        Self { key, stuck: stuck::since(&told, &runs), coverage: key.wanted.map(of_window) }
    }

    /// The judgement, or what speaks against it.
    pub(super) fn weigh(&self, evidence: &Evidence<'_>, judgement: Judgement) -> Judgement {
        if judgement.level >= Level::Warning {
            return judgement;
        }
        if let Some(why) = impossible(evidence).or_else(|| self.repeats(evidence)) {
            let last = freshness::last_known(evidence);
            return Judgement::new(Level::NoData, format!("{why}{last}"));
        }
        match (evidence.window, &self.coverage) {
            (Some(wanted), Some(coverage)) if judgement.level == Level::Clear && !coverage.is_enough() => {
                too_little(evidence, &wanted, coverage, judgement)
            }
            _ => judgement,
        }
    }

    fn repeats(&self, evidence: &Evidence<'_>) -> Option<String> {
        let since = self.stuck?;
        let long = brief(evidence.now - since);
        Some(format!("{} repeats the very same number for {long}, and it moved before: stuck", evidence.source.name))
    }
}

/// Once the window is over and whatever is late has come, a signal that was known for too little of it is not known to
/// be fine. Until then it is said.
fn too_little(evidence: &Evidence<'_>, wanted: &Wanted, coverage: &Coverage, judgement: Judgement) -> Judgement {
    let sentence = judgement.sentence;
    let hole = if coverage.hole > coverage.longest {
        format!(", not for {} on end", brief(coverage.hole))
    } else {
        String::new()
    };
    let over = wanted.window.to;
    if evidence.now >= over && evidence.now - over >= freshness::allowed_lag(evidence) {
        return Judgement::new(Level::Insufficient, format!("{coverage}{hole}; now {sentence}"));
    }
    Judgement { sentence: format!("{sentence}; {coverage}{hole}"), ..judgement }
}

/// What cannot be of the newest reading.
pub(super) fn impossible(evidence: &Evidence<'_>) -> Option<String> {
    let Sample::Impossible(why) = evidence.series.last()?.sample else { return None };
    let (name, unit) = (&evidence.source.name, evidence.signal.unit);
    Some(match why {
        Impossible::TooSmall(value) => format!("{name} says {}, which cannot be: it is below zero", shown(value, unit)),
        Impossible::TooLarge(value, most) => {
            format!("{name} says {}, which cannot be: it is above {}", shown(value, unit), shown(most, unit))
        }
        Impossible::MoreFailed { errors, requests } => {
            let (errors, requests) = (shown(errors, Unit::Number), shown(requests, Unit::Number));
            format!("{name} says that {errors} of {requests} requests failed, which cannot be")
        }
    })
}

/// A number with three hundred digits is nothing to read.
fn shown(value: f64, unit: Unit) -> String {
    if value.abs() >= 1e15 { format!("{value:.0e}") } else { unit.format(value) }
}
