//! Units as Datadog names them.

use crate::poll::doubt::Measure;

/// The unit of a series of Datadog's, by its family and name.
pub(super) fn measure(family: &str, name: &str) -> Option<Measure> {
    Some(match (family, name) {
        ("percentage", "percent") => Measure::Percent,
        ("percentage", "fraction") => Measure::Fraction,
        ("time", "second") => Measure::Seconds,
        ("time", "millisecond") => Measure::Milliseconds,
        ("time", "microsecond") => Measure::Microseconds,
        ("time", "nanosecond") => Measure::Nanoseconds,
        ("bytes", "byte") => Measure::Bytes,
        ("cpu", "core") => Measure::Cores,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_none_of_ours_says_nothing() {
        assert_eq!(measure("time", "nanosecond"), Some(Measure::Nanoseconds));
        assert_eq!(measure("network", "request"), None);
    }
}
