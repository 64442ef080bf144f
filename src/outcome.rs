//! What a command came to, and the exit status that says so: the one place that knows the numbers.

use crate::rollback::Rollback;
use crate::verdict::Verdict;
use crate::watch::Watch;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The command did what it is for: nothing failed, the plan was shown, or there was nothing to do.
    Done,
    /// The whole window passed and everything required is clear.
    Healthy,
    /// A red flag is up, also after a rollback that did not help; or something that `check` tried failed.
    Faulty,
    /// The command is used wrongly, its configuration or its input is wrong, or it could not begin.
    Misused,
    /// The window is over, and something required is not known.
    Inconclusive,
    /// It was left before there was a verdict, or before anything was done.
    LeftEarly,
    /// A warning is up.
    Degraded,
    /// Rolled back: the previous version serves and the flags are clear.
    RolledBack,
    /// No rollback: it is blocked, was refused, or ended badly.
    RollbackFailed,
    /// A rollback was sent, and nobody knows yet what came of it.
    RollbackUnknown,
    /// Ctrl-C, or SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
    /// SIGHUP, or reading it failed: the terminal went away.
    HungUp,
    /// Ended by SIGQUIT.
    Quit,
    /// Ended by SIGABRT.
    Aborted,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Done,
        Self::Healthy,
        Self::Faulty,
        Self::Misused,
        Self::Inconclusive,
        Self::LeftEarly,
        Self::Degraded,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::RollbackUnknown,
        Self::Interrupted,
        Self::Terminated,
        Self::HungUp,
        Self::Quit,
        Self::Aborted,
    ];

    /// What the help says of the numbers.
    pub const HELP: &str = "\
Exit status:
  0    healthy, or done
  1    faulty: a red flag is up, or a check failed
  2    usage, configuration or input error
  3    inconclusive, or left early
  4    degraded: a warning is up
  5    rolled back and verified
  6    rollback failed, or its outcome is unknown
  130  interrupted (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP, 131 by SIGQUIT, 134 by SIGABRT";

    /// The exit status.
    pub const fn status(self) -> u8 {
        match self {
            Self::Done | Self::Healthy => 0,
            Self::Faulty => 1,
            Self::Misused => 2,
            Self::Inconclusive | Self::LeftEarly => 3,
            Self::Degraded => 4,
            Self::RolledBack => 5,
            Self::RollbackFailed | Self::RollbackUnknown => 6,
            // As shells give them: 128 and the signal's number.
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
            Self::Quit => 131,
            Self::Aborted => 134,
        }
    }

    /// What leaving a watch now means: a rollback that was sent says more than the verdict.
    pub fn of(watch: &Watch) -> Self {
        Self::of_rollback(watch.last_executed()).unwrap_or_else(|| Self::of_verdict(watch.verdict()))
    }

    /// What a rollback has come to; `None` while nothing was sent.
    pub const fn of_rollback(rollback: &Rollback) -> Option<Self> {
        match rollback {
            Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => None,
            Rollback::Verified { .. } => Some(Self::RolledBack),
            Rollback::NotTheCause { .. } => Some(Self::Faulty),
            Rollback::Failed { .. } => Some(Self::RollbackFailed),
            // It goes on without us, and nobody watches it.
            Rollback::Confirmed(_) | Rollback::Running(_) | Rollback::OutcomeUnknown { .. } => {
                Some(Self::RollbackUnknown)
            }
        }
    }

    /// What a verdict means when a watch ends with it.
    pub const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Watching => Self::LeftEarly,
            Verdict::Healthy => Self::Healthy,
            Verdict::Degraded => Self::Degraded,
            Verdict::Faulty => Self::Faulty,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::Time;
    use crate::rollback::{Blocked, Execution, Goal, Plan};
    use std::sync::Arc;

    #[test]
    fn every_state_of_a_rollback_and_every_verdict_has_its_status() {
        let at = Time::UNIX_EPOCH;
        let plan = || Arc::new(Plan::empty(Goal::RollBack));
        let done = || Execution {
            plan: plan(),
            confirmed: at,
            automatic: false,
            accepted: None,
            ready: None,
            clear_since: None,
            steps: Vec::new(),
        };
        let blocked = Blocked { reason: String::new(), way_out: String::new() };
        for (rollback, status) in [
            (Rollback::Idle, None),
            (Rollback::Planned { plan: plan(), opened: at }, None),
            (Rollback::Countdown { plan: plan(), began: at, fires: at }, None),
            (Rollback::Confirmed(done()), Some(6)),
            (Rollback::Running(done()), Some(6)),
            (Rollback::OutcomeUnknown { done: done(), at, reason: String::new() }, Some(6)),
            (Rollback::Failed { done: done(), at, blocked }, Some(6)),
            (Rollback::NotTheCause { done: done(), at }, Some(1)),
            (Rollback::Verified { done: done(), at }, Some(5)),
        ] {
            assert_eq!(Outcome::of_rollback(&rollback).map(Outcome::status), status, "{rollback:?}");
        }
        for (verdict, status) in [
            (Verdict::Healthy, 0),
            (Verdict::Faulty, 1),
            (Verdict::Watching, 3),
            (Verdict::Inconclusive, 3),
            (Verdict::Degraded, 4),
        ] {
            assert_eq!(Outcome::of_verdict(verdict).status(), status, "{verdict:?}");
        }
    }

    #[test]
    fn the_help_names_every_status() {
        for outcome in Outcome::ALL {
            let status = outcome.status().to_string();
            let words = Outcome::HELP.split(|sign: char| !sign.is_ascii_digit());
            assert!(words.into_iter().any(|word| word == status), "{outcome:?}");
        }
    }
}
