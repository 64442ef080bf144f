//! What a finding says, as data: the number that was judged, what it was held against, what is claimed of it and since
//! when; or why nothing is known. [`Says`] made into a string is the sentence, made last and read by people only.

mod likewise;
mod measured;
mod reported;
mod spending;
mod unknown;
mod words;

pub use likewise::Likewise;
pub use measured::{Against, Change, Claim, Kept, Measured, Side, Usual, Yet};
pub use reported::{AlertsSay, Calling, IssuesSay, ProbeSays, RolloutSays};
pub use spending::{Burning, Spending};
pub use unknown::{TooFew, Unknown, Why};

use super::Coverage;
use crate::deploy::Time;
use crate::signal::Unit;
use chrono::TimeDelta;

/// What is said of a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// Nobody was asked yet.
    NotAsked,
    /// Nothing is known of it now.
    Unknown(Unknown),
    /// Something is known, and too little to judge.
    TooFew(TooFew),
    /// A number, what it is held against and what that makes of it.
    Measured(Measured),
    /// Other people's alert rules.
    Alerts(AlertsSay),
    /// The issues of the new version.
    Issues(IssuesSay),
    /// The environment's own URL.
    Probe(ProbeSays),
    /// The rollout of a workload.
    Rollout(RolloutSays),
    /// What is said, and what it costs of the objective's error budget.
    Costs {
        /// What it costs.
        spending: Spending,
        /// What is said.
        now: Box<Self>,
    },
    /// What is said, and where the same happened without this deploy.
    Likewise {
        /// What is said now.
        now: Box<Self>,
        /// Where the same happened.
        likewise: Likewise,
    },
    /// What is said, of too little of the window.
    Patchy {
        /// For how much of the window it was known.
        coverage: Coverage,
        /// The longest time on end for which it was not, where that is too long.
        hole: Option<TimeDelta>,
        /// Whether the window is over, so that nothing more can come.
        over: bool,
        /// What is said now.
        now: Box<Self>,
    },
}

impl Says {
    /// Why nothing is known, whatever was known last: the same for all that share the reason.
    pub fn why_unknown(&self) -> Option<&Why> {
        match self {
            Self::Unknown(unknown) => Some(&unknown.why),
            _ => None,
        }
    }

    /// The number that was judged, where it was one.
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::Patchy { now, .. } | Self::Costs { now, .. } | Self::Likewise { now, .. } => now.measured(),
            _ => None,
        }
    }

    /// What it costs of its objective's error budget, where it has one.
    pub fn spending(&self) -> Option<&Spending> {
        match self {
            Self::Costs { spending, .. } => Some(spending),
            Self::Patchy { now, .. } | Self::Likewise { now, .. } => now.spending(),
            _ => None,
        }
    }

    /// Where the same happened without this deploy, where it did.
    pub fn likewise(&self) -> Option<&Likewise> {
        match self {
            Self::Likewise { likewise, .. } => Some(likewise),
            Self::Patchy { now, .. } | Self::Costs { now, .. } => now.likewise(),
            _ => None,
        }
    }
}

impl From<Unknown> for Says {
    fn from(says: Unknown) -> Self {
        Self::Unknown(says)
    }
}

impl From<TooFew> for Says {
    fn from(says: TooFew) -> Self {
        Self::TooFew(says)
    }
}

impl From<Measured> for Says {
    fn from(says: Measured) -> Self {
        Self::Measured(says)
    }
}

impl From<AlertsSay> for Says {
    fn from(says: AlertsSay) -> Self {
        Self::Alerts(says)
    }
}

impl From<IssuesSay> for Says {
    fn from(says: IssuesSay) -> Self {
        Self::Issues(says)
    }
}

impl From<ProbeSays> for Says {
    fn from(says: ProbeSays) -> Self {
        Self::Probe(says)
    }
}

impl From<RolloutSays> for Says {
    fn from(says: RolloutSays) -> Self {
        Self::Rollout(says)
    }
}

/// A number in a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// What it is in.
    pub unit: Unit,
}

/// Since when something is so, and for how long by now: as exactly as it is told, so that what reads the same is the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// The first bin of it.
    pub since: Time,
    /// Until now.
    pub long: TimeDelta,
}

impl Lasting {
    /// From then until now.
    pub(super) fn new(since: Time, now: Time) -> Self {
        Self { since, long: told(now - since) }
    }
}

/// A span as exactly as it is told: to the second below two minutes, to the minute beyond.
pub(super) fn told(span: TimeDelta) -> TimeDelta {
    let seconds = span.num_seconds().max(0);
    TimeDelta::seconds(if seconds < 120 { seconds } else { seconds / 60 * 60 })
}

/// Events among what they happened among: failed requests among all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted {
    /// How many.
    pub events: f64,
    /// Among how many.
    pub all: f64,
}
