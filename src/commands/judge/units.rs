//! The units of a case's numbers.

use crate::signal::{Kind, Limits, Possible, Sample, Unit};
use serde::Deserialize;

/// The kinds that a case may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CaseKind {
    Latency,
    ErrorRate,
    Memory,
    Cpu,
    Connections,
    #[serde(alias = "traffic")]
    Requests,
    #[serde(rename = "5xx", alias = "server_errors")]
    ServerErrors,
    CrashFree,
    #[serde(alias = "custom")]
    Kpi,
}

/// How a value is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Taken {
    /// It is a number, multiplied by this.
    Times(f64),
    /// It is a share of requests, multiplied by this to be in percent; with their number it is a count.
    Share(f64),
    /// It is the number of requests that failed.
    Failed,
}

/// What a case's numbers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measure {
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    taken: Taken,
    /// Whether they are shares of what was seen, not of a limit.
    scaled: bool,
}

impl Measure {
    /// Numbers of a kind in a unit as it is written. Those in no unit that is known here are judged by their own level.
    /// `counted` says whether the requests behind them are known.
    pub(super) fn of(kind: CaseKind, unit: &str, step_s: f64, counted: bool) -> Self {
        let unit = unit.trim().to_ascii_lowercase();
        let is = |kind, unit, taken| Self { kind, unit, taken, scaled: false };
        let times = |kind, unit, by| is(kind, unit, Taken::Times(by));
        match kind {
            CaseKind::Latency => match time(&unit) {
                Some(by) => times(Kind::Latency, Unit::Milliseconds, by),
                None => times(Kind::Latency, Unit::Number, 1.0),
            },
            CaseKind::ErrorRate => match (share(&unit), a_second(&unit, step_s)) {
                (Some(by), _) => is(Kind::ErrorRate, Unit::Percent, Taken::Share(by)),
                (None, Some(_)) if counted && is_count(&unit) => is(Kind::ErrorRate, Unit::Percent, Taken::Failed),
                (None, Some(by)) => times(Kind::ServerErrors, Unit::PerSecond, by),
                (None, None) => times(Kind::ErrorRate, Unit::Number, 1.0),
            },
            CaseKind::Memory => match bytes(&unit) {
                Some(by) => times(Kind::Memory, Unit::Bytes, by),
                None => Self::gauge(Kind::Memory, &unit),
            },
            CaseKind::Cpu => Self::gauge(Kind::Cpu, &unit),
            CaseKind::Connections => Self::gauge(Kind::Connections, &unit),
            CaseKind::Requests => match a_second(&unit, step_s) {
                Some(by) => times(Kind::Traffic, Unit::PerSecond, by),
                None => times(Kind::Traffic, Unit::Number, 1.0),
            },
            CaseKind::ServerErrors => {
                times(Kind::ServerErrors, Unit::PerSecond, a_second(&unit, step_s).unwrap_or(1.0))
            }
            CaseKind::CrashFree => times(Kind::CrashFree, Unit::Percent, share(&unit).unwrap_or(1.0)),
            CaseKind::Kpi => times(Kind::Custom, Unit::Number, 1.0),
        }
    }

    /// What is in use: of a limit, of the most that was seen, or as it is.
    fn gauge(kind: Kind, unit: &str) -> Self {
        let scaled = unit == "norm";
        match share(unit).or(scaled.then_some(100.0)) {
            Some(by) => Self { kind, unit: Unit::Percent, taken: Taken::Times(by), scaled },
            None => Self { kind, unit: Unit::Number, taken: Taken::Times(1.0), scaled },
        }
    }

    /// The guide's limits, where the numbers are in the unit that those are in.
    pub(super) fn limits(&self) -> Limits {
        let guide = self.kind.limits();
        if self.unit == self.kind.unit() && !self.scaled {
            return guide;
        }
        Limits { warning: None, red_flag: None, ..guide }
    }

    pub(super) fn possible(&self) -> Possible {
        // Nobody knows where the limit of what is scaled is.
        if self.scaled { Possible::default() } else { Possible::of(self.kind, self.unit) }
    }

    pub(super) fn sample(&self, value: f64, requests: Option<f64>) -> Sample {
        match (self.taken, requests) {
            (Taken::Times(by), _) | (Taken::Share(by), None) => Sample::from_number(value * by),
            (Taken::Share(by), Some(requests)) => Sample::Counts { errors: value * by / 100.0 * requests, requests },
            (Taken::Failed, Some(requests)) => Sample::Counts { errors: value, requests },
            (Taken::Failed, None) => Sample::Empty,
        }
    }
}

/// To milliseconds.
fn time(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "us" | "µs" | "μs" | "micros" | "microsecond" | "microseconds" => 1e-3,
        "ns" | "nanos" | "nanosecond" | "nanoseconds" => 1e-6,
        "min" | "minute" | "minutes" => 6e4,
        _ => return None,
    })
}

/// To percent.
fn share(unit: &str) -> Option<f64> {
    match unit {
        "percent" | "%" => Some(1.0),
        "ratio" | "fraction" | "share" => Some(100.0),
        _ => None,
    }
}

fn is_count(unit: &str) -> bool {
    matches!(unit, "count" | "counts" | "errors" | "requests" | "events")
}

/// To a rate a second, of bins of so many seconds.
fn a_second(unit: &str, step_s: f64) -> Option<f64> {
    match unit {
        "per_second" | "/s" | "rps" | "req/s" | "qps" | "hz" => Some(1.0),
        "per_minute" | "/min" | "rpm" | "req/min" => Some(1.0 / 60.0),
        unit if is_count(unit) => Some(1.0 / step_s),
        _ => None,
    }
}

/// To bytes.
fn bytes(unit: &str) -> Option<f64> {
    Some(match unit {
        "bytes" | "byte" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_taken_for_what_it_is_and_an_unknown_one_for_a_number() {
        let of = |kind, unit, counted| Measure::of(kind, unit, 60.0, counted);
        assert_eq!(of(CaseKind::Latency, "s", false).sample(0.3, None), Sample::Value(300.0));
        assert_eq!(of(CaseKind::Latency, "parsecs", false).unit, Unit::Number);
        assert_eq!(of(CaseKind::Memory, "MiB", false).sample(2.0, None), Sample::Value(2_097_152.0));
        assert_eq!(of(CaseKind::Cpu, "cores", false).limits().warning, None);
        assert_eq!(of(CaseKind::Cpu, "percent", false).limits().warning, Some(70.0));
        assert_eq!(of(CaseKind::Memory, "norm", false).limits().warning, None);
        assert_eq!(of(CaseKind::Requests, "count", false).sample(120.0, None), Sample::Value(2.0));
        let counted = of(CaseKind::ErrorRate, "count", true);
        assert_eq!(counted.sample(3.0, Some(100.0)), Sample::Counts { errors: 3.0, requests: 100.0 });
        assert_eq!(of(CaseKind::ErrorRate, "count", false).kind, Kind::ServerErrors);
    }
}
