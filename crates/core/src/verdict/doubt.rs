//! What speaks against calling a signal clear although its rule does: its newest reading cannot be, it repeats itself,
//! or too little of the window is known. A flag stands whatever the doubt.

use super::coverage::{self, Coverage, Wanted};
use super::says::{Says, Why, told};
use super::{Evidence, Judgement, Level, freshness, stuck};
use crate::deploy::Time;
use crate::signal::{Kind, Sample};
use crate::store::Series;

/// What is known of a signal's readings as such, whatever they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// What it was computed of; the same again gives the same.
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
        if key.wanted.is_none() && moves(series, signal.kind) {
            return Self { key, stuck: None, coverage: None };
        }
        let readings = coverage::told(series, signal.kind);
        let runs = stuck::runs(&readings, signal.kind);
        let of_window =
            |(wanted, until): (Wanted, Time)| coverage::of(signal, series, &readings, &runs, &wanted, until);
        Self { key, stuck: stuck::since(&readings, &runs), coverage: key.wanted.map(of_window) }
    }

    /// The judgement, or what speaks against it.
    pub(super) fn weigh(&self, evidence: &Evidence<'_>, judgement: Judgement) -> Judgement {
        if judgement.level >= Level::Warning {
            return judgement;
        }
        if let Some(why) = impossible(evidence).or_else(|| self.repeats(evidence)) {
            return Judgement::new(Level::NoData, freshness::last_known(evidence, why));
        }
        match (evidence.window, &self.coverage) {
            (Some(wanted), Some(coverage)) if judgement.level == Level::Clear && !coverage.is_enough() => {
                too_little(evidence, &wanted, coverage, judgement)
            }
            _ => judgement,
        }
    }

    fn repeats(&self, evidence: &Evidence<'_>) -> Option<Why> {
        let long = told(evidence.now - self.stuck?);
        Some(Why::Stuck { source: evidence.source.name.clone(), long })
    }
}

/// Whether the two newest readings that tell anything differ: then it is not stuck, whatever was before.
fn moves(series: &Series, kind: Kind) -> bool {
    let mut newest = series.readings().iter().rev().filter(|reading| coverage::tells(reading, kind));
    matches!((newest.next(), newest.next()), (Some(last), Some(before)) if last.sample != before.sample)
}

/// Once the window is over and whatever is late has come, a signal that was known for too little of it is not known to
/// be fine. Until then it is said.
fn too_little(evidence: &Evidence<'_>, wanted: &Wanted, coverage: &Coverage, judgement: Judgement) -> Judgement {
    let hole = Some(coverage.hole).filter(|hole| *hole > coverage.longest);
    let end = wanted.window.to;
    let over = evidence.now >= end && evidence.now - end >= freshness::allowed_lag(evidence);
    let says = Says::Patchy { coverage: *coverage, hole, over, now: Box::new(judgement.says) };
    if over { Judgement::new(Level::Insufficient, says) } else { Judgement { says, ..judgement } }
}

/// What cannot be of the newest reading.
pub(super) fn impossible(evidence: &Evidence<'_>) -> Option<Why> {
    let Sample::Impossible(what) = evidence.series.last()?.sample else { return None };
    Some(Why::Impossible { source: evidence.source.name.clone(), what, unit: evidence.signal.unit })
}
