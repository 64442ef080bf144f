//! How long it takes, held against what people are promised.

use super::pace::Pace;
use super::warning;
use crate::deploy::brief;
use crate::rollback::{Check, CheckKind};
use chrono::TimeDelta;

/// The previous version is restored within two minutes: what the deployment guide promises.
const PROMISED: TimeDelta = TimeDelta::minutes(2);

/// `seen` is how long this workload's pods took of late to become ready.
pub(super) fn check(pace: Pace, seen: Option<TimeDelta>) -> Check {
    let name = CheckKind::Time;
    let expected = pace.expected(seen);
    let wave = brief(pace.wave(seen));
    let waves = match pace.waves() {
        0 => return Check::ok(name, "at once: no pod has to start"),
        1 => format!("all pods at once, {wave}"),
        waves => format!("{waves} waves of {wave}"),
    };
    let waves = match pace.pauses() {
        none if none.is_zero() => waves,
        pauses => format!("{waves}, and {} of pauses", brief(pauses)),
    };
    let basis = match seen {
        Some(_) => format!("{waves}, as its pods started of late"),
        None => format!("{waves}, a guess: none of its pods was seen to start"),
    };
    if expected <= PROMISED {
        return Check::ok(name, format!("about {} ({basis})", exact(expected)));
    }
    warning(
        name,
        format!("about {}, above the two minutes of the guide ({basis})", exact(expected)),
        "say so to whoever waits; a feature flag may be quicker. More pods at once (maxSurge, maxUnavailable) \
         help the next time",
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
