//! What failures cost of an objective's error budget.

use crate::signal::BurnRate;
use chrono::TimeDelta;

/// What failures cost of an objective's error budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    /// How many times as fast as its period allows the budget goes now: hours of it an hour.
    pub burn: f64,
    /// The share of the period's budget that is gone since the deploy, 1 for all of it; `None` where that is not known.
    pub spent: Option<f64>,
    /// The objective's period.
    pub period: TimeDelta,
    /// What a limit of the burn rate says, where it is passed or not known.
    pub limit: Option<Burning>,
}

/// What a limit of the burn rate says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Burning {
    /// It is passed in both of its spans.
    Above {
        /// Which.
        rate: BurnRate,
        /// The burn rate over its long span; at least, where not all of that is known.
        long: f64,
        /// The burn rate over its short span.
        short: f64,
        /// Whether it was so before the deploy.
        as_before: bool,
    },
    /// Its long span reaches further back than is known.
    Unknown {
        /// Which.
        rate: BurnRate,
        /// How much of that span is known.
        known: TimeDelta,
    },
}
