//! Whether anything is known at all. Comes before every rule: a promise, not a preference.

use super::says::{Quantity, Unknown, Why, told};
use super::{Evidence, Judgement, Level, doubt};
use crate::setup::Delivery;
use crate::signal::{Kind, Reading};
use crate::store::Health;
use chrono::TimeDelta;

/// A source that has not answered for this many of its intervals is silent, and its signals stale.
const SILENT_AFTER: i32 = 2;

/// A signal that has come regularly may miss so many bins beyond its usual wait.
const MISSED: i32 = 2;

/// Why nothing can be said of a signal, or `None` when its evidence is fresh.
pub(super) fn unknown(evidence: &Evidence<'_>) -> Option<Judgement> {
    if let Some(version) = evidence.rolled_back {
        let why = Why::RolledBack { version: version.to_owned() };
        return Some(Judgement::new(Level::Insufficient, last_known(evidence, why)));
    }
    let error = || match &evidence.health.health {
        Health::Down(error) => Some(error.clone()),
        Health::Waiting | Health::Up | Health::Partial(..) => None,
    };
    let Some(age) = evidence.health.age(evidence.now) else {
        let why = Why::NeverAnswered { source: source(evidence), error: error() };
        return Some(Judgement::new(Level::NoData, Unknown { why, last: None }));
    };
    if age >= evidence.source.interval * SILENT_AFTER {
        let why = Why::Silent { source: source(evidence), long: told(age), error: error() };
        return Some(Judgement::new(Level::Stale, last_known(evidence, why)));
    }
    match evidence.signal.kind {
        // Told as a whole by the stream; it has no series that could fall behind.
        Kind::Rollout => None,
        // A probe that fails is news, not the lack of it.
        Kind::Probe => old_readings(evidence),
        _ => refused(evidence).or_else(|| unanswered(evidence)).or_else(|| old_readings(evidence)),
    }
}

/// The signal's own query, where its source answers others: it may be the one that never has its turn.
fn unanswered(evidence: &Evidence<'_>) -> Option<Judgement> {
    let Some(answered) = evidence.series.answered() else {
        let why = Why::NotAnswered { source: source(evidence) };
        return Some(Judgement::new(Level::NoData, Unknown { why, last: None }));
    };
    let age = evidence.now - answered;
    // Its turn may come at the beginning of one answer and at the end of the next.
    let interval = evidence.source.interval;
    let allowed = interval * SILENT_AFTER + evidence.health.took.min(interval);
    (age >= allowed).then(|| {
        let why = Why::Unanswered { source: source(evidence), long: told(age) };
        Judgement::new(Level::Stale, last_known(evidence, why))
    })
}

fn refused(evidence: &Evidence<'_>) -> Option<Judgement> {
    let error = evidence.series.trouble()?.clone();
    let why = Why::Refused { source: source(evidence), error };
    Some(Judgement::new(Level::NoData, last_known(evidence, why)))
}

fn old_readings(evidence: &Evidence<'_>) -> Option<Judgement> {
    let Some(last) = evidence.series.last() else {
        let why = Why::Nothing { source: source(evidence) };
        return Some(Judgement::new(Level::NoData, Unknown { why, last: None }));
    };
    let step = evidence.signal.step;
    let ahead = last.at - evidence.now;
    if ahead > step * 2 {
        return Some(Judgement::new(Level::NoData, Unknown { why: Why::Ahead { by: told(ahead) }, last: None }));
    }
    // Gaps, NaN and what cannot be are answers, and no news: what counts is the last thing that was told.
    let newest = evidence.series.readings().iter().rev().find(|reading| tells(reading, evidence.signal.kind));
    let age = evidence.now - newest.unwrap_or(last).at;
    if age > allowed_lag(evidence) {
        // An answer that cannot be is no silence.
        let nothing_newer = || Why::NothingNewer { source: source(evidence), long: told(age) };
        let why = doubt::impossible(evidence).unwrap_or_else(nothing_newer);
        return Some(Judgement::new(Level::NoData, last_known(evidence, why)));
    }
    None
}

/// Whether a reading says anything. No requests are a fact; a probe that fails is one, too.
fn tells(reading: &Reading, kind: Kind) -> bool {
    kind == Kind::Probe || reading.sample.tells()
}

/// How far the newest reading may lie behind: some bins more than it usually does where that is known, and never more
/// than the time between two answers, a few bins that are not complete yet, and the minutes that vendors take to ingest.
pub(super) fn allowed_lag(evidence: &Evidence<'_>) -> TimeDelta {
    let between = match evidence.source.delivery {
        Delivery::Polled => evidence.source.interval * SILENT_AFTER,
        Delivery::Streamed => TimeDelta::zero(),
    };
    let most = between + evidence.signal.step * 3 + TimeDelta::seconds(60);
    evidence.series.usual_wait().map_or(most, |usual| most.min(usual + evidence.signal.step * MISSED))
}

/// Why nothing is known, and what was known last.
pub(super) fn last_known(evidence: &Evidence<'_>, why: Why) -> Unknown {
    let unit = evidence.signal.unit;
    Unknown { why, last: evidence.series.last_value().map(|(_, value)| Quantity { value, unit }) }
}

fn source(evidence: &Evidence<'_>) -> String {
    evidence.source.name.clone()
}
