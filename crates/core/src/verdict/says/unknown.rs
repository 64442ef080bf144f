//! Why nothing is known, or too little.

use super::{Counted, Quantity};
use crate::poll::SourceError;
use crate::signal::{Impossible, Unit};
use chrono::TimeDelta;

/// Why nothing is known of a signal, and what was known last.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Why.
    pub why: Why,
    /// What was known last; `None` where nothing ever was or where it says nothing.
    pub last: Option<Quantity>,
}

/// Why nothing is known of a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The record ends with the deploy.
    NothingRecorded,
    /// The version that it speaks of serves no more.
    RolledBack {
        /// The version.
        version: String,
    },
    /// Its source never answered anything.
    NeverAnswered {
        /// The source.
        source: String,
        /// What went wrong, where something did.
        error: Option<SourceError>,
    },
    /// Its source answers no more.
    Silent {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
        /// What goes wrong, where something does.
        error: Option<SourceError>,
    },
    /// Its own query was never answered.
    NotAnswered {
        /// The source.
        source: String,
    },
    /// Its own query is answered no more.
    Unanswered {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
    /// Its own query is refused.
    Refused {
        /// The source.
        source: String,
        /// What it says.
        error: SourceError,
    },
    /// Its query is answered with nothing.
    Nothing {
        /// The source.
        source: String,
    },
    /// Its query is answered with nothing new.
    NothingNewer {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
    /// Its newest reading is stamped in the future.
    Ahead {
        /// By how much.
        by: TimeDelta,
    },
    /// Its newest reading cannot be.
    Impossible {
        /// The source.
        source: String,
        /// What it says.
        what: Impossible,
        /// What its readings are in.
        unit: Unit,
    },
    /// It repeats the very same number, and moved before.
    Stuck {
        /// The source.
        source: String,
        /// For how long.
        long: TimeDelta,
    },
}

/// Too little to judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TooFew {
    /// Readings since the deploy.
    Readings {
        /// How many there are.
        have: u32,
        /// How many it takes.
        want: u32,
    },
    /// Requests since the deploy, or since a flag went down.
    Requests {
        /// How many failed of how many.
        counted: Counted,
        /// Whether they are counted since it calmed down, not since the deploy.
        calmed: bool,
        /// How many more it takes.
        more: f64,
        /// How long that takes at this pace; `None` where there is none.
        eta: Option<TimeDelta>,
    },
    /// No requests at all, for so long.
    Idle {
        /// For how long.
        long: TimeDelta,
    },
}
