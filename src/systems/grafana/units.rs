//! Units as Grafana names them.

use crate::poll::doubt::Measure;

/// The unit of a field of Grafana's (`config.unit`), by the ids of its value formats.
pub(super) fn measure(unit: &str) -> Option<Measure> {
    Some(match unit {
        "percent" => Measure::Percent,
        "percentunit" => Measure::Fraction,
        "s" => Measure::Seconds,
        "ms" => Measure::Milliseconds,
        "µs" => Measure::Microseconds,
        "ns" => Measure::Nanoseconds,
        "bytes" | "decbytes" => Measure::Bytes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_none_of_ours_says_nothing() {
        assert_eq!(measure("percentunit"), Some(Measure::Fraction));
        assert_eq!(measure("short"), None);
    }
}
