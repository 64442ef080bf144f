//! Words: what is judged (signal, kind, unit, limits) and what is known of it (reading).

mod objective;
mod possible;

pub use objective::{BurnRate, Objective};
pub use possible::{Impossible, Possible};

use crate::deploy::{ServiceId, Time, WorkloadId};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Index of a signal in [`crate::setup::Setup::signals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SignalId(pub u16);

/// Index of a source in [`crate::setup::Setup::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u16);

/// What a signal measures. The kind brings the unit, the rule and the guide's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Failed share of requests, in percent.
    ErrorRate,
    /// Response time, a high percentile, in milliseconds.
    Latency,
    /// Requests served, per second.
    Traffic,
    /// Responses with status 5xx, per second.
    ServerErrors,
    /// CPU in use, percent of the limit.
    Cpu,
    /// Memory in use, percent of the limit.
    Memory,
    /// Database connections in use, percent of the pool.
    Connections,
    /// The rollout of one workload: progress, crash loops, images, OOM kills. Has no numeric series.
    Rollout,
    /// Issues first seen or regressed in the new version: events of them a minute.
    NewIssues,
    /// Sessions that did not crash, in percent.
    CrashFree,
    /// Alert rules or monitors that fire: their number.
    Alerts,
    /// The environment's own URL: response time in milliseconds, or a failure.
    Probe,
    /// A number of a meaning of its own, judged only by the limits it is given.
    Custom,
}

impl Kind {
    /// Every kind, in the order of the board's columns.
    pub const ALL: [Self; 13] = [
        Self::Rollout,
        Self::ErrorRate,
        Self::Latency,
        Self::ServerErrors,
        Self::Traffic,
        Self::Connections,
        Self::Memory,
        Self::Cpu,
        Self::NewIssues,
        Self::CrashFree,
        Self::Alerts,
        Self::Probe,
        Self::Custom,
    ];

    /// The name in configuration: `error_rate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
            Self::Traffic => "traffic",
            Self::ServerErrors => "server_errors",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Connections => "connections",
            Self::Rollout => "rollout",
            Self::NewIssues => "new_issues",
            Self::CrashFree => "crash_free",
            Self::Alerts => "alerts",
            Self::Probe => "probe",
            Self::Custom => "custom",
        }
    }

    /// The name on screen, also the default name of a signal: `error rate`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ErrorRate => "error rate",
            Self::Latency => "p95",
            Self::Traffic => "requests",
            Self::ServerErrors => "5xx",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Connections => "db pool",
            Self::Rollout => "rollout",
            Self::NewIssues => "new issues",
            Self::CrashFree => "crash-free",
            Self::Alerts => "alerts",
            Self::Probe => "probe",
            Self::Custom => "custom",
        }
    }

    /// The unit its readings are kept and shown in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::ErrorRate | Self::Cpu | Self::Memory | Self::Connections | Self::CrashFree => Unit::Percent,
            Self::Latency | Self::Probe => Unit::Milliseconds,
            Self::Traffic | Self::ServerErrors => Unit::PerSecond,
            Self::NewIssues => Unit::PerMinute,
            Self::Rollout | Self::Alerts | Self::Custom => Unit::Number,
        }
    }

    /// The deployment guide's own limits for this kind.
    pub const fn limits(self) -> Limits {
        const NONE: Limits = Limits { warning: None, red_flag: None, increase: None, hold: 3, min_requests: 100 };
        match self {
            Self::ErrorRate => Limits { warning: Some(0.1), red_flag: Some(1.0), ..NONE },
            Self::Latency => Limits { warning: Some(500.0), increase: Some(50.0), ..NONE },
            Self::Cpu | Self::Memory => Limits { warning: Some(70.0), ..NONE },
            Self::Connections => Limits { warning: Some(80.0), red_flag: Some(98.0), ..NONE },
            Self::ServerErrors => Limits { increase: Some(100.0), ..NONE },
            Self::NewIssues => Limits { warning: Some(0.0), red_flag: Some(1.0), hold: 1, ..NONE },
            Self::CrashFree => Limits { warning: Some(99.5), red_flag: Some(99.0), ..NONE },
            Self::Alerts => Limits { red_flag: Some(0.0), hold: 1, ..NONE },
            Self::Probe => Limits { warning: Some(2000.0), hold: 2, ..NONE },
            Self::Traffic | Self::Rollout | Self::Custom => NONE,
        }
    }

    /// Whether a smaller value is the worse one.
    pub const fn lower_is_worse(self) -> bool {
        matches!(self, Self::CrashFree)
    }

    /// Whether its readings tell which share of what was asked failed, so that it may have an objective.
    pub const fn tells_failures(self) -> bool {
        matches!(self, Self::ErrorRate | Self::CrashFree | Self::Probe)
    }

    /// Whether two versions can be held against each other whatever share of the requests each of them serves.
    pub const fn compares_versions(self) -> bool {
        matches!(self, Self::ErrorRate | Self::Latency)
    }
}

/// The unit readings of a signal are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0 to 100.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Events a second.
    PerSecond,
    /// Events a minute.
    PerMinute,
    /// Bytes.
    Bytes,
    /// A plain number.
    Number,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 6] =
        [Self::Percent, Self::Milliseconds, Self::PerSecond, Self::PerMinute, Self::Bytes, Self::Number];

    /// A value with its unit, short enough for a pane: `2.4 %`, `612 ms`, `41 /s`, `1.2 GiB`.
    pub fn format(self, value: f64) -> String {
        self.format_finer(value, 0)
    }

    /// The same with so many decimals more: what differs from its neighbour should not read like it.
    pub fn format_finer(self, value: f64, more: usize) -> String {
        let digits = |value| digits(value, more);
        match self {
            // Between 99 and 100 the decimals are what matters: 99.5 is a limit, and not 100.
            Self::Percent if value > 99.0 && value < 100.0 => {
                format!("{} %", trimmed(&format!("{value:.*}", 2 + more)))
            }
            Self::Percent => format!("{} %", digits(value)),
            Self::Milliseconds if value.abs() >= 10_000.0 => format!("{} s", digits(value / 1000.0)),
            Self::Milliseconds => format!("{} ms", digits(value)),
            Self::PerSecond => format!("{} /s", digits(value)),
            Self::PerMinute => format!("{} /min", digits(value)),
            Self::Number => digits(value),
            Self::Bytes => {
                const STEPS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
                let mut value = value;
                let mut step = 0;
                while value.abs() >= 1024.0 && step + 1 < STEPS.len() {
                    value /= 1024.0;
                    step += 1;
                }
                format!("{} {}", digits(value), STEPS[step])
            }
        }
    }
}

/// At most three decimals and so many `more`, fewer the larger the number; never scientific notation, never a false
/// zero.
fn digits(value: f64, more: usize) -> String {
    let magnitude = value.abs();
    let decimals = |count: usize| match count + more {
        0 => format!("{value:.0}"),
        count => trimmed(&format!("{value:.count$}")),
    };
    // The bounds are where rounding reaches the next format: 9.97 is "10", not "10.0".
    if value == 0.0 || (magnitude >= 99.5 && (more == 0 || magnitude >= 999.5)) {
        grouped(value)
    } else if magnitude >= 9.95 {
        decimals(0)
    } else if magnitude >= 0.995 {
        decimals(1)
    } else if magnitude >= 0.0995 {
        decimals(2)
    } else if magnitude >= 0.0005 {
        decimals(3)
    } else {
        "<0.001".to_owned()
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An integer with thin groups of three: `4 912`. The guide's tables and the screen both read so.
pub fn grouped(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 1);
    if value <= -0.5 {
        out.push('-');
    }
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && (text.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// What a signal should stay within. Units are the signal's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Above this is a warning.
    pub warning: Option<f64>,
    /// Above this, held, is a red flag.
    pub red_flag: Option<f64>,
    /// More than this many percent over the baseline, held, is a red flag.
    pub increase: Option<f64>,
    /// How many readings in a row must agree before a flag is raised.
    pub hold: u32,
    /// Fewer requests than this in the judged span are too few to tell.
    pub min_requests: u64,
}

/// One judged series: what it is called, what it means, where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Unique within its service; shown on screen.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// The unit its readings are in.
    pub unit: Unit,
    /// The service it speaks of.
    pub service: ServiceId,
    /// For rollout signals, the workload.
    pub workload: Option<WorkloadId>,
    /// The source it is read from.
    pub source: SourceId,
    /// Whether it speaks of the new version alone: it falls silent once that version serves no more.
    pub of_version: bool,
    /// Whether the verdict waits for it.
    pub required: bool,
    /// What it should stay within.
    pub limits: Limits,
    /// What is promised of it over a long time, where something is.
    pub objective: Option<Objective>,
    /// How far apart its readings are true.
    pub step: TimeDelta,
    /// Where a person can look at it.
    pub link: Option<String>,
    /// What its source is asked for, as the configuration has it: a query; for counts, that of the failures and that of all
    /// requests; for alerts and issues, a filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<String>,
}

/// What was true of a signal over one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// A finite number.
    Value(#[serde(with = "crate::record::number")] f64),
    /// Counts behind a rate: never a rate without them when the source has them.
    Counts {
        /// Failed requests in the bin.
        #[serde(with = "crate::record::number")]
        errors: f64,
        /// All requests in the bin.
        #[serde(with = "crate::record::number")]
        requests: f64,
    },
    /// The source has the bin and says there is nothing in it.
    Empty,
    /// The source answered NaN or an infinity: a division by zero traffic, most often.
    NotANumber,
    /// The source answered what cannot be.
    Impossible(Impossible),
}

impl Sample {
    /// From a source's number: anything not finite is [`Sample::NotANumber`], never zero.
    pub fn from_number(value: f64) -> Self {
        if value.is_finite() { Self::Value(value) } else { Self::NotANumber }
    }

    /// Whether it says anything of its bin: a number, or that there was not a single request.
    pub fn tells(self) -> bool {
        self.value().is_some() || matches!(self, Self::Counts { .. })
    }

    /// The number to show and judge; a rate in percent for counts. `None` where nothing is known.
    pub fn value(self) -> Option<f64> {
        let value = match self {
            Self::Value(value) => Some(value),
            // A counter that went backwards tells nothing.
            Self::Counts { errors, requests } if errors >= 0.0 => (requests > 0.0).then(|| 100.0 * errors / requests),
            Self::Counts { .. } | Self::Empty | Self::NotANumber | Self::Impossible(_) => None,
        };
        value.filter(|value| value.is_finite())
    }
}

/// One value of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When it was true (the bin's stamp, as the source gives it).
    pub at: Time,
    /// When it arrived here.
    pub arrived: Time,
    /// What was true.
    pub sample: Sample,
}

/// A sample as a source hands it over, before anyone noted when it arrived.
pub type Point = (Time, Sample);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_a_false_zero() {
        for (value, text) in [
            (0.0, "0"),
            (0.00004, "<0.001"),
            (0.05, "0.05"),
            (0.1234, "0.12"),
            (2.44, "2.4"),
            (9.97, "10"),
            (41.6, "42"),
            (4912.3, "4 912"),
            (-1_234_567.0, "-1 234 567"),
        ] {
            assert_eq!(digits(value, 0), text, "{value}");
        }
    }

    #[test]
    fn units_say_what_a_number_is() {
        assert_eq!(Unit::Percent.format(99.5), "99.5 %");
        assert_eq!(Unit::Percent.format(100.0), "100 %");
        assert_eq!(Unit::Milliseconds.format(612.4), "612 ms");
        assert_eq!(Unit::Milliseconds.format(12_400.0), "12 s");
        assert_eq!(Unit::Bytes.format(1_288_490_189.0), "1.2 GiB");
        assert_eq!(Unit::Percent.format(98.97), "99 %");
        assert_eq!(Unit::Percent.format_finer(98.97, 2), "98.97 %");
        assert_eq!(Unit::Milliseconds.format_finer(500.4, 1), "500.4 ms");
    }

    #[test]
    fn what_is_no_number_never_becomes_one() {
        assert_eq!(Sample::from_number(f64::NAN).value(), None);
        assert_eq!(Sample::from_number(f64::NEG_INFINITY).value(), None);
        assert_eq!(Sample::Counts { errors: 0.0, requests: 0.0 }.value(), None);
        assert_eq!(Sample::Counts { errors: 1.0, requests: 8.0 }.value(), Some(12.5));
    }
}
