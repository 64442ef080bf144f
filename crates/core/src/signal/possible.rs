//! What a number of a signal can be at all. What cannot be is no reading, whoever says it.

use super::{Kind, Sample, Unit};
use serde::{Deserialize, Serialize};

/// No number of any signal is larger than this; counts are exact up to nine times as many.
const MOST: f64 = 1e15;
/// A week in milliseconds: nobody has waited so long for an answer.
const LONGEST: f64 = 7.0 * 24.0 * 3600.0 * 1000.0;
/// What rounding may add to a share of a whole. Points.
const ROUNDING: f64 = 0.01;
/// What is in use and what there is are not read in the same instant. Percent of a limit that cannot be passed.
const FULL_MEMORY: f64 = 105.0;
/// The same of a pool, which some drivers let overflow for a moment.
const FULL_POOL: f64 = 110.0;
/// Two counts are not read in the same instant either: so much more may have failed than there was, as a share.
const LATE_COUNT: f64 = 0.01;

/// Why a sample cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impossible {
    /// Below the least that there can be: a negative rate, latency or count.
    TooSmall(#[serde(with = "crate::record::number")] f64),
    /// Above the most that there can be: the value, and the most.
    TooLarge(#[serde(with = "crate::record::number")] f64, #[serde(with = "crate::record::number")] f64),
    /// More requests failed than there were.
    MoreFailed {
        /// Failed requests, as told.
        #[serde(with = "crate::record::number")]
        errors: f64,
        /// All requests, as told.
        #[serde(with = "crate::record::number")]
        requests: f64,
    },
}

/// The least and the most that a signal's numbers can be, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Possible {
    least: f64,
    most: f64,
}

impl Default for Possible {
    /// Of a number that nothing is known of.
    fn default() -> Self {
        Self { least: -MOST, most: MOST }
    }
}

impl Possible {
    /// What a signal of this kind, kept in this unit, can be.
    pub const fn of(kind: Kind, unit: Unit) -> Self {
        let least = if matches!(kind, Kind::Custom) { -MOST } else { 0.0 };
        let most = match (kind, unit) {
            (Kind::ErrorRate | Kind::CrashFree, Unit::Percent) => 100.0 + ROUNDING,
            (Kind::Memory, Unit::Percent) => FULL_MEMORY,
            (Kind::Connections, Unit::Percent) => FULL_POOL,
            (Kind::Latency | Kind::Probe, Unit::Milliseconds) => LONGEST,
            // CPU is often told against what was asked for, and that may be passed.
            _ => MOST,
        };
        Self { least, most }
    }

    /// The sample, or that it cannot be.
    pub fn check(self, sample: Sample) -> Sample {
        match sample {
            Sample::Value(value) if !value.is_finite() => Sample::NotANumber,
            Sample::Value(value) if value < self.least => Sample::Impossible(Impossible::TooSmall(value)),
            Sample::Value(value) if value > self.most => Sample::Impossible(Impossible::TooLarge(value, self.most)),
            Sample::Counts { errors, requests } => counts(errors, requests),
            Sample::Value(_) | Sample::Empty | Sample::NotANumber | Sample::Impossible(_) => sample,
        }
    }
}

fn counts(errors: f64, requests: f64) -> Sample {
    let fewest = errors.min(requests);
    if !(errors.is_finite() && requests.is_finite()) {
        Sample::NotANumber
    } else if fewest < 0.0 {
        Sample::Impossible(Impossible::TooSmall(fewest))
    } else if requests > MOST {
        Sample::Impossible(Impossible::TooLarge(requests, MOST))
    } else if errors > requests * (1.0 + LATE_COUNT) {
        Sample::Impossible(Impossible::MoreFailed { errors, requests })
    } else {
        Sample::Counts { errors: errors.min(requests), requests }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impossible(kind: Kind, sample: Sample) -> bool {
        matches!(Possible::of(kind, kind.unit()).check(sample), Sample::Impossible(_))
    }

    #[test]
    fn what_cannot_be_is_no_reading() {
        for kind in Kind::ALL {
            assert_eq!(impossible(kind, Sample::Value(-1000.0)), kind != Kind::Custom, "{kind:?}");
            assert!(impossible(kind, Sample::Value(1e308)), "{kind:?}");
            assert!(!impossible(kind, Sample::Value(0.0)) && !impossible(kind, Sample::Value(99.9)), "{kind:?}");
        }
        for kind in [Kind::ErrorRate, Kind::CrashFree, Kind::Memory, Kind::Connections] {
            assert!(impossible(kind, Sample::Value(250.0)) && !impossible(kind, Sample::Value(100.0)), "{kind:?}");
        }
        assert!(!impossible(Kind::Cpu, Sample::Value(250.0)), "of what was asked for, not of a limit");
    }

    #[test]
    fn no_more_requests_fail_than_there_are() {
        let check = |errors, requests| Possible::default().check(Sample::Counts { errors, requests });
        assert_eq!(check(120.0, 100.0), Sample::Impossible(Impossible::MoreFailed { errors: 120.0, requests: 100.0 }));
        assert_eq!(check(1.0, 0.0), Sample::Impossible(Impossible::MoreFailed { errors: 1.0, requests: 0.0 }));
        assert_eq!(check(-3.0, 100.0), Sample::Impossible(Impossible::TooSmall(-3.0)));
        assert_eq!(check(0.0, 1e308), Sample::Impossible(Impossible::TooLarge(1e308, MOST)));
        assert_eq!(check(f64::NAN, 100.0), Sample::NotANumber);
        // Two sums of floating-point numbers: the same but for their last digits.
        assert_eq!(check(100.000_000_1, 100.0), Sample::Counts { errors: 100.0, requests: 100.0 });
    }

    #[test]
    fn a_signal_of_its_own_unit_has_its_own_bounds() {
        assert_eq!(Possible::of(Kind::Memory, Unit::Bytes).check(Sample::Value(4e9)), Sample::Value(4e9));
    }
}
