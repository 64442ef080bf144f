//! A number that was judged: what it was held against, and what is claimed of it.

use super::{Counted, Lasting};
use crate::signal::Unit;
use chrono::TimeDelta;

/// A number that was judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The unit of all values here.
    pub unit: Unit,
    /// The number.
    pub value: f64,
    /// The events behind it, where it is a rate of them.
    pub counted: Option<Counted>,
    /// What it is held against.
    pub against: Against,
    /// Whether the change is told in percent, too.
    pub in_percent: bool,
    /// What is claimed of it.
    pub claim: Claim,
    /// Since when that is so; `None` where it was never otherwise, or is not known.
    pub lasting: Option<Lasting>,
    /// Whether the newest readings speak of its end: some more of them, and it is over.
    pub recovering: bool,
}

impl Measured {
    /// The same with another claim.
    pub(in crate::verdict) fn claims(self, claim: Claim) -> Self {
        Self { claim, ..self }
    }

    /// The same, about to be over or not.
    pub(in crate::verdict) fn recovers(self, recovering: bool) -> Self {
        Self { recovering, ..self }
    }

    /// The same, since then.
    pub(in crate::verdict) fn lasts(self, lasting: Lasting) -> Self {
        Self { lasting: Some(lasting), ..self }
    }

    /// By how many percent it changed; `None` where nothing is known to hold it against.
    pub fn change(&self) -> Option<f64> {
        let before = self.against.middle().filter(|before| *before > 0.0)?;
        Some(100.0 * (self.value / before - 1.0))
    }
}

/// What a number is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// Nothing is known from before.
    Nothing,
    /// What was usual before the deploy.
    Before(Usual),
    /// The version before, at the same time.
    VersionBefore(f64),
}

impl Against {
    /// The one number of it.
    pub fn middle(self) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::Before(usual) => Some(usual.middle),
            Self::VersionBefore(value) => Some(value),
        }
    }
}

/// What was usual before the deploy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The middle value, or the rate of all.
    pub middle: f64,
    /// From where to where nine of ten values lay, where that is known.
    pub range: Option<(f64, f64)>,
}

/// What is claimed of a number, by the rule that found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// Nothing speaks against it.
    Within {
        /// Its limit, where it has one.
        limit: Option<f64>,
        /// What keeps it clear, where the number alone would not.
        kept: Option<Kept>,
    },
    /// It has no limit, and stays where it was.
    NoLimit,
    /// It should stay flat, and does.
    Flat,
    /// There is neither a limit nor anything from before.
    NothingToHoldAgainst,
    /// There is too little from before the deploy to judge it by.
    ShortPast {
        /// So many readings from before there are.
        have: usize,
        /// So many it takes.
        want: usize,
    },
    /// There are too few requests behind it.
    Thin {
        /// So many there were since the deploy, or are expected in that time.
        requests: f64,
        /// So many it takes.
        want: f64,
    },
    /// It is bad, and the new pods are still warming up.
    WarmingUp,
    /// Nothing is known from before. Next to none are fine; more are neither fine nor too many.
    WithoutPast {
        /// Whether there are next to none.
        next_to_none: bool,
    },
    /// Nothing is known from before, and there are more than next to none beyond chance.
    MoreThanNone,
    /// It is beyond a limit.
    Beyond {
        /// The limit.
        limit: f64,
        /// On which side of it the bad values lie.
        side: Side,
        /// Whether it was so before the deploy.
        as_before: bool,
        /// What the version before fails at in the same bins, where that is as bad.
        so_is_version_before: Option<(f64, Counted)>,
    },
    /// A pool is used up.
    Exhausted {
        /// From here on it counts as that.
        limit: f64,
    },
    /// It is nearly full, and had room before.
    Filled {
        /// From here on it counts as that.
        limit: f64,
    },
    /// It only grows.
    Climbs {
        /// By so much a minute.
        pace: f64,
        /// When it is full at this pace, where that is in sight.
        full_in: Option<TimeDelta>,
    },
    /// It fell away in the middle of the window.
    Fell {
        /// From there.
        from: f64,
        /// Whether the cluster tells of containers that restarted, where it tells anything of them.
        restarts: Option<bool>,
    },
    /// It changed beyond chance.
    Changed {
        /// How.
        how: Change,
        /// The red limit of it, in percent, where there is one that says something of it.
        limit: Option<f64>,
        /// Whether that limit is passed.
        passed: bool,
        /// What keeps it from being red, where it is passed.
        yet: Option<Yet>,
    },
}

impl Claim {
    /// The limit that the number is told beside.
    pub(super) fn limit(&self) -> Option<f64> {
        match *self {
            Self::Within { limit, .. } => limit,
            Self::Beyond { limit, .. } | Self::Exhausted { limit } | Self::Filled { limit } => Some(limit),
            _ => None,
        }
    }
}

/// What keeps a number clear that is beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kept {
    /// So few readings in a row are, of those that it takes.
    Readings {
        /// So many are.
        have: u32,
        /// So many it takes.
        want: u32,
    },
    /// It rose by less than this.
    ByLessThan(f64),
    /// Chance brings as much.
    Chance,
}

/// On which side of a limit the bad values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// More is worse.
    Above,
    /// Less is worse.
    Below,
}

/// How a number changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A latency rose.
    Slower,
    /// A latency fell far.
    Faster,
    /// It rose.
    Up,
    /// It fell.
    Down,
    /// Fewer requests.
    Fewer,
    /// More failures.
    Increasing,
}

/// Why a limit that is passed is no red flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Yet {
    /// There is not enough evidence to go back for.
    NotSure,
    /// The rise is smaller than this.
    ByLessThan(f64),
}
