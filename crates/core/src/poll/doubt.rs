//! Words: why a reading's unit is not believed.

use crate::signal::Unit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a number that somebody answers may be measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// 0 to 100.
    Percent,
    /// 0 to 1.
    Fraction,
    /// CPU cores in use.
    Cores,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
}

impl Measure {
    /// What a value is multiplied by to be in a signal's unit; `None` where there is no way from one to the other.
    pub fn scale(self, unit: Unit) -> Option<f64> {
        match (self, unit) {
            (Self::Percent, Unit::Percent) | (Self::Milliseconds, Unit::Milliseconds) | (Self::Bytes, Unit::Bytes) => {
                Some(1.0)
            }
            (Self::Fraction, Unit::Percent) => Some(100.0),
            (Self::Seconds, Unit::Milliseconds) => Some(1000.0),
            (Self::Microseconds, Unit::Milliseconds) => Some(1e-3),
            (Self::Nanoseconds, Unit::Milliseconds) => Some(1e-6),
            _ => None,
        }
    }

    /// What a query answers in that is multiplied by `scale` to be in `unit`; `None` where that says nothing.
    pub fn read_as(unit: Unit, scale: f64) -> Option<Self> {
        let all = [Self::Percent, Self::Fraction, Self::Seconds, Self::Milliseconds, Self::Bytes];
        // Scales are written constants, not results of arithmetic.
        all.into_iter().find(|measure| measure.scale(unit).is_some_and(|own| own.to_bits() == scale.to_bits()))
    }

    /// The word for it in the configuration's `unit`, where there is one.
    pub const fn setting(self) -> Option<&'static str> {
        match self {
            Self::Percent => Some("percent"),
            Self::Fraction => Some("fraction"),
            Self::Seconds => Some("s"),
            Self::Milliseconds => Some("ms"),
            Self::Bytes => Some("bytes"),
            Self::Cores | Self::Microseconds | Self::Nanoseconds => None,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Percent => "percent",
            Self::Fraction => "a fraction, 0 to 1",
            Self::Cores => "CPU cores",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
            Self::Bytes => "bytes",
        })
    }
}

/// What tells that a unit is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The query's own text: a division that nothing multiplies by 100, a name with `_seconds`.
    Query,
    /// The answer carries its unit.
    Answer,
    /// Nobody said the unit, and the values lie below 1.
    Small,
    /// The values are larger than any share of a whole in percent.
    Huge,
}

/// Readings that are perhaps a hundred or a thousand times too small or too large. They are not shown as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitDoubt {
    /// What the values are read as.
    pub read_as: Measure,
    /// What they seem to be.
    pub seems: Measure,
    /// What tells.
    pub evidence: Evidence,
}

impl UnitDoubt {
    /// What to do about it, one sentence.
    pub fn way_out(&self) -> String {
        match (self.evidence, self.seems.setting(), self.seems, self.read_as) {
            (Evidence::Small, Some(seems), _, read_as) => {
                let usual = read_as.setting().unwrap_or_default();
                format!("set unit = \"{seems}\"; or unit = \"{usual}\" if that is what it answers")
            }
            (_, _, Measure::Bytes, Measure::Percent | Measure::Fraction) => {
                "divide by the limit, and set unit = \"fraction\"".to_owned()
            }
            (_, _, Measure::Cores, _) => "divide by the limit in cores, and set unit = \"fraction\"".to_owned(),
            (_, _, Measure::Microseconds, _) => "divide by 1000 in the query, and set unit = \"ms\"".to_owned(),
            (_, _, Measure::Nanoseconds, _) => "divide by 1e6 in the query, and set unit = \"ms\"".to_owned(),
            (_, Some(seems), ..) => format!("set unit = \"{seems}\""),
            (_, None, ..) => "correct the query".to_owned(),
        }
    }
}

impl fmt::Display for UnitDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read_as, seems, evidence } = self;
        match evidence {
            Evidence::Query => write!(f, "wrong unit: the query answers {seems}, and is read as {read_as}")?,
            Evidence::Answer => write!(f, "wrong unit: the source says {seems}, and it is read as {read_as}")?,
            Evidence::Small => write!(f, "unit unclear: the values lie below 1, and are read as {read_as}")?,
            Evidence::Huge => write!(f, "wrong unit: the values lie above 10 000, and are read as {read_as}")?,
        }
        write!(f, "; {}", self.way_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_from_its_scale_and_leads_back_to_it() {
        for measure in [Measure::Percent, Measure::Fraction, Measure::Seconds, Measure::Milliseconds, Measure::Bytes] {
            let units = [Unit::Percent, Unit::Milliseconds, Unit::Bytes];
            let found = units.into_iter().filter_map(|unit| Measure::read_as(unit, measure.scale(unit)?));
            assert_eq!(found.collect::<Vec<_>>(), [measure]);
        }
        assert_eq!(Measure::read_as(Unit::PerSecond, 1.0), None);
        assert_eq!(Measure::Bytes.scale(Unit::Percent), None);
    }

    #[test]
    fn each_doubt_names_the_setting() {
        let doubt = |read_as, seems, evidence| UnitDoubt { read_as, seems, evidence }.to_string();
        assert_eq!(
            doubt(Measure::Percent, Measure::Fraction, Evidence::Query),
            "wrong unit: the query answers a fraction, 0 to 1, and is read as percent; set unit = \"fraction\""
        );
        assert_eq!(
            doubt(Measure::Milliseconds, Measure::Seconds, Evidence::Small),
            "unit unclear: the values lie below 1, and are read as milliseconds; \
             set unit = \"s\"; or unit = \"ms\" if that is what it answers"
        );
        assert!(doubt(Measure::Percent, Measure::Bytes, Evidence::Query).contains("divide by the limit"));
    }
}
