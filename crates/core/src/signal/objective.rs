//! An objective (SLO): how much of what is asked over a long time may fail, and how fast that may be used up.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// What is promised of a signal over a long time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// So many percent of all requests, sessions or tries are good; above 0 and below 100.
    pub good: f64,
    /// Over which time.
    pub period: TimeDelta,
    /// The budget going faster than this is a warning.
    pub warning: Option<BurnRate>,
    /// The budget going faster than this is a red flag.
    pub red_flag: Option<BurnRate>,
}

impl Objective {
    /// The share that may fail: where so much does all the time, the budget is used up when the period ends.
    pub fn budget(&self) -> f64 {
        1.0 - self.good / 100.0
    }

    /// How many times as fast as that the budget goes while this share fails: hours of budget an hour.
    pub fn burn(&self, failed: f64) -> f64 {
        failed / self.budget()
    }

    /// The share of a period's budget that is gone after so long at this burn rate.
    pub fn spent(&self, burn: f64, long: TimeDelta) -> f64 {
        burn * long.num_milliseconds() as f64 / self.period.num_milliseconds().max(1) as f64
    }

    /// The share of failures at which the budget goes as fast as this.
    pub fn failing(&self, rate: BurnRate) -> f64 {
        rate.factor() * self.budget()
    }
}

/// How fast a budget may go, and the two spans in which it must go faster for that to count: the long one shows that it
/// matters, the short one that it still does. Google's *Site Reliability Workbook*, chapter 5, table 5-8, for a period of
/// 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnRate {
    /// 14.4 over 1 h and over 5 min: 2 % of the budget in that hour.
    Fast,
    /// 6 over 6 h and over 30 min: 5 % of the budget in those hours.
    Medium,
    /// 1 over 3 d and over 6 h: 10 % of the budget in those days.
    Slow,
}

impl BurnRate {
    /// Every one, the fastest first.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Medium, Self::Slow];

    /// How many times as fast as the period would allow.
    pub const fn factor(self) -> f64 {
        match self {
            Self::Fast => 14.4,
            Self::Medium => 6.0,
            Self::Slow => 1.0,
        }
    }

    /// The span that shows that it matters.
    pub const fn long(self) -> TimeDelta {
        match self {
            Self::Fast => TimeDelta::hours(1),
            Self::Medium => TimeDelta::hours(6),
            Self::Slow => TimeDelta::days(3),
        }
    }

    /// The span that shows that it is not over: a twelfth of the long one.
    pub const fn short(self) -> TimeDelta {
        match self {
            Self::Fast => TimeDelta::minutes(5),
            Self::Medium => TimeDelta::minutes(30),
            Self::Slow => TimeDelta::hours(6),
        }
    }

    /// Whether readings that tell of so long are enough for its long span: nine tenths of it.
    pub fn is_known_by(self, known: TimeDelta) -> bool {
        known * 10 >= self.long() * 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn objective(good: f64, days: i64) -> Objective {
        Objective { good, period: TimeDelta::days(days), warning: None, red_flag: None }
    }

    #[test]
    fn the_workbooks_table_is_its_own_arithmetic() {
        // Table 5-8: the share of a month's budget that is gone when the long span is over.
        let month = objective(99.9, 30);
        for (rate, gone) in [(BurnRate::Fast, 0.02), (BurnRate::Medium, 0.05), (BurnRate::Slow, 0.1)] {
            let spent = month.spent(rate.factor(), rate.long());
            assert!((spent - gone).abs() < 1e-9, "{rate:?}: {spent}");
            assert_eq!(rate.short() * 12, rate.long(), "{rate:?}");
        }
    }

    proptest! {
        /// Burning at a rate for the period divided by that rate uses up the budget, whatever both are.
        #[test]
        fn burn_times_time_is_budget(good in 50.0..99.9999_f64, days in 1_i64..=30, failed in 0.0001..1.0_f64) {
            let objective = objective(good, days);
            let burn = objective.burn(failed);
            let period = objective.period.num_milliseconds() as f64;
            prop_assume!(period / burn >= 1000.0);
            let spent = objective.spent(burn, TimeDelta::milliseconds((period / burn) as i64));
            prop_assert!((spent - 1.0).abs() < 1e-3, "{spent}");
        }

        /// What is spent in two spans one after the other is what is spent in both together, by the requests of each.
        #[test]
        fn what_is_spent_adds_up(good in 50.0..99.99_f64, one in 0.0..500.0_f64, other in 0.0..500.0_f64, minutes in 1_i64..600) {
            let objective = objective(good, 30);
            let half = TimeDelta::minutes(minutes);
            let apart = objective.spent(objective.burn(one / 1000.0), half) + objective.spent(objective.burn(other / 1000.0), half);
            let together = objective.spent(objective.burn((one + other) / 2000.0), half * 2);
            prop_assert!((apart - together).abs() <= 1e-9 * together.max(1.0), "{apart} {together}");
        }

        /// The share that a limit stands for is the one that burns at its rate.
        #[test]
        fn a_limit_is_the_share_that_burns_so_fast(good in 50.0..99.9999_f64) {
            for rate in BurnRate::ALL {
                let objective = objective(good, 30);
                prop_assert!((objective.burn(objective.failing(rate)) - rate.factor()).abs() < 1e-6);
            }
        }
    }
}
