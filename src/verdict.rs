//! What a rule says of a signal now ([`Finding`]), and what the whole watch says ([`Verdict`]).

use crate::deploy::Time;

/// How bad, or how unknown, a signal is. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Within its limits, on enough evidence.
    Clear,
    /// Too little evidence to tell.
    Insufficient,
    /// The source answers and has nothing for it.
    NoData,
    /// The last thing known is too old.
    Stale,
    /// Beyond what it should stay within; not yet a reason to go back.
    Warning,
    /// Calls for a rollback.
    RedFlag,
}

impl Level {
    /// Every level, best first.
    pub const ALL: [Self; 6] =
        [Self::Clear, Self::Insufficient, Self::NoData, Self::Stale, Self::Warning, Self::RedFlag];

    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Insufficient => "insufficient",
            Self::NoData => "no data",
            Self::Stale => "stale",
            Self::Warning => "warning",
            Self::RedFlag => "RED FLAG",
        }
    }

    /// Whether it is one of the kinds of not knowing.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Insufficient | Self::NoData | Self::Stale)
    }
}

/// What a rule says of a signal now.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad, or how unknown.
    pub level: Level,
    /// The value, the evidence, the limit and for how long. Never empty.
    pub sentence: String,
    /// Since when the level is what it is.
    pub since: Time,
    /// Whether a person has seen it.
    pub acknowledged: bool,
}

/// What the whole watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is wrong so far, and the window is not over or not everything is known yet.
    Watching,
    /// The whole window passed, everything required is known and clear.
    Healthy,
    /// At least one warning.
    Degraded,
    /// At least one red flag.
    Faulty,
    /// The window is over and something required is unknown.
    Inconclusive,
}

impl Verdict {
    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Watching => "WATCHING",
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Faulty => "FAULTY",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}
