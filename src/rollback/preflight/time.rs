//! How long it takes, held against what people are promised.

use super::pace::{GUESS, Pace};
use super::warning;
use crate::deploy::brief;
use crate::rollback::Check;
use chrono::TimeDelta;

/// The previous version is restored within two minutes: what the deployment guide promises.
const PROMISED: TimeDelta = TimeDelta::minutes(2);

/// `seen` is how long this workload's pods took of late to become ready.
pub(super) fn check(pace: Pace, seen: Option<TimeDelta>) -> Check {
    let name = "time";
    let expected = pace.expected(seen);
    let basis = match (seen, pace.waves()) {
        (Some(seen), 1) => format!("its pods took {} to start", brief(seen)),
        (Some(seen), waves) => format!("{waves} waves of pods, each took {} to start", brief(seen)),
        (None, 1) => format!("if a pod takes {} to start: none was seen", brief(GUESS)),
        (None, waves) => format!("{waves} waves of pods, if each takes {} to start: none was seen", brief(GUESS)),
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
