//! The ETA, held against the target of two minutes.

use super::pace::Pace;
use super::warning;
use crate::deploy::brief;
use crate::rollback::{Check, CheckKind};
use chrono::TimeDelta;

/// The previous version is restored within two minutes: what the deployment guide promises.
const PROMISED: TimeDelta = TimeDelta::minutes(2);

/// `seen` is how long this workload's pods took recently to become ready.
pub(super) fn check(pace: Pace, seen: Option<TimeDelta>) -> Check {
    let name = CheckKind::Time;
    let expected = pace.expected(seen);
    let batch = brief(pace.batch(seen));
    let batches = match pace.batches() {
        0 => return Check::ok(name, "immediate: no pod has to start"),
        1 => format!("1 batch, {batch}"),
        batches => format!("{batches} batches × {batch}"),
    };
    let batches = match pace.pauses() {
        none if none.is_zero() => batches,
        pauses => format!("{batches}, and {} of pauses", brief(pauses)),
    };
    let basis = match seen {
        Some(_) => format!("{batches}, from recent start-up times"),
        None => format!("{batches}, a guess: no recent pod start to go by"),
    };
    if expected <= PROMISED {
        return Check::ok(name, format!("~{} ({basis})", exact(expected)));
    }
    warning(
        name,
        format!("~{}, over the 2 min target ({basis})", exact(expected)),
        "tell whoever is waiting; a feature flag may be quicker. Larger batches (maxSurge, maxUnavailable) help next \
         time",
    )
}

/// A span that is held against two minutes must not be rounded to them.
fn exact(span: TimeDelta) -> String {
    match (span.num_minutes(), span.num_seconds() % 60) {
        (minutes, 0) if minutes >= 2 => brief(span),
        (minutes @ 2..60, seconds) => format!("{minutes} min {seconds} s"),
        _ => brief(span),
    }
}
