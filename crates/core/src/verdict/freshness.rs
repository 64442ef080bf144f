//! Whether anything is known at all. Comes before every rule: a promise, not a preference.

use super::{Evidence, Judgement, Level, doubt};
use crate::deploy::brief;
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
    if let Some(version) = evidence.taken_back {
        let sentence = format!("{version} was taken back and serves no more{}", last_known(evidence));
        return Some(Judgement::new(Level::Insufficient, sentence));
    }
    let name = &evidence.source.name;
    let Some(age) = evidence.health.age(evidence.now) else {
        let sentence = match &evidence.health.health {
            Health::Down(error) => format!("{name} has never answered: {error}"),
            _ => format!("waiting for the first answer of {name}"),
        };
        return Some(Judgement::new(Level::NoData, sentence));
    };
    if age >= evidence.source.interval * SILENT_AFTER {
        let why = match &evidence.health.health {
            Health::Down(error) => format!(": {error}"),
            _ => String::new(),
        };
        let sentence = format!("{name} has not answered for {}{why}{}", brief(age), last_known(evidence));
        return Some(Judgement::new(Level::Stale, sentence));
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
    let name = &evidence.source.name;
    let Some(answered) = evidence.series.answered() else {
        return Some(Judgement::new(Level::NoData, format!("waiting for {name}'s first answer to its query")));
    };
    let age = evidence.now - answered;
    // Its turn may come at the beginning of one answer and at the end of the next.
    let interval = evidence.source.interval;
    let allowed = interval * SILENT_AFTER + evidence.health.took.min(interval);
    (age >= allowed).then(|| {
        let sentence = format!("{name} has not answered its query for {}{}", brief(age), last_known(evidence));
        Judgement::new(Level::Stale, sentence)
    })
}

fn refused(evidence: &Evidence<'_>) -> Option<Judgement> {
    let error = evidence.series.trouble()?;
    let sentence = format!("{}: {error}{}", evidence.source.name, last_known(evidence));
    Some(Judgement::new(Level::NoData, sentence))
}

fn old_readings(evidence: &Evidence<'_>) -> Option<Judgement> {
    let name = &evidence.source.name;
    let Some(last) = evidence.series.last() else {
        let sentence = format!("{name} answers and has nothing for it; is the query right?");
        return Some(Judgement::new(Level::NoData, sentence));
    };
    let step = evidence.signal.step;
    let ahead = last.at - evidence.now;
    if ahead > step * 2 {
        let sentence = format!("its newest reading is stamped {} in the future: the clocks differ", brief(ahead));
        return Some(Judgement::new(Level::NoData, sentence));
    }
    // Gaps, NaN and what cannot be are answers, and no news: what counts is the last thing that was told.
    let told = evidence.series.readings().iter().rev().find(|reading| tells(reading, evidence.signal.kind));
    let age = evidence.now - told.unwrap_or(last).at;
    if age > allowed_lag(evidence) {
        // An answer that cannot be is no silence.
        let nothing_newer = || format!("{name} answers, without anything newer than {}", brief(age));
        let why = doubt::impossible(evidence).unwrap_or_else(nothing_newer);
        let sentence = format!("{why}{}", last_known(evidence));
        return Some(Judgement::new(Level::NoData, sentence));
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

pub(super) fn last_known(evidence: &Evidence<'_>) -> String {
    match evidence.series.last_value() {
        Some((_, value)) => format!("; last known {}", evidence.signal.unit.format(value)),
        None => String::new(),
    }
}
