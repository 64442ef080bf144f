//! How long whoever has no screen follows a rollback, and what it has come to by then.

use crate::deploy::Time;
use crate::outcome::Outcome;
use crate::rollback::Rollback;
use chrono::TimeDelta;

/// How long a lost answer is looked for before it is left to the user.
const LOST_FOR: TimeDelta = TimeDelta::minutes(2);
/// So long after the previous version serves again whoever waits is told that nothing is known of the flags.
const FLAGS_UNKNOWN_FOR: TimeDelta = TimeDelta::minutes(6);

/// What a rollback that was sent has come to; `None` while it is followed, or where none was.
pub(super) fn outcome(rollback: &Rollback, now: Time) -> Option<Outcome> {
    let is_over = match rollback {
        Rollback::Verified { .. } | Rollback::NotTheCause { .. } | Rollback::Failed { .. } => true,
        Rollback::OutcomeUnknown { at, done, .. } => done.ready.is_some() || now - *at > LOST_FOR,
        Rollback::Running(done) => {
            done.clear_since.is_none() && done.ready.is_some_and(|ready| now - ready > FLAGS_UNKNOWN_FOR)
        }
        Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } | Rollback::Confirmed(_) => false,
    };
    Outcome::of_rollback(rollback).filter(|_| is_over)
}
