//! What a check says of each signal: its name and unit, its value now and its range.

use super::report::{CheckStatus, Line};
use crate::setup::Setup;
use crate::signal::{Kind, SignalId, Unit};
use crate::systems::api::{CheckLine, Seen};

/// What the lines of signals are called.
pub(super) struct Names {
    environment: String,
    signals: Vec<Named>,
    /// Whether the deploy is too young for its release to have been counted.
    pub(super) young: bool,
}

/// One signal.
struct Named {
    /// With its service, where there are several.
    name: String,
    unit: Unit,
    kind: Kind,
    source: String,
    required: bool,
    /// Where it is written: `redflag.toml:12`.
    written: Option<String>,
}

impl Names {
    /// Those of an environment.
    pub(super) fn of(setup: &Setup, written: Vec<Option<String>>) -> Self {
        let several = setup.services.len() > 1;
        let signals = setup.signals.iter().zip(written).map(|(signal, written)| {
            let service = &setup.services[usize::from(signal.service.0)].name;
            Named {
                name: if several { format!("{service}: {}", signal.name) } else { signal.name.clone() },
                unit: signal.unit,
                kind: signal.kind,
                source: setup.source(signal.source).name.clone(),
                required: signal.required,
                written,
            }
        });
        Self { environment: setup.environment.clone(), signals: signals.collect(), young: false }
    }

    /// The environment's own.
    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    fn signal(&self, id: SignalId) -> Option<&Named> {
        self.signals.get(usize::from(id.0))
    }

    /// The signals that no line speaks of, or that could not be asked; rollouts are told by the cluster's lines.
    pub(super) fn untried(&self, lines: &[CheckLine]) -> impl Iterator<Item = String> {
        let told = |id: SignalId| lines.iter().find(|line| line.signal == Some(id));
        let untried = |(place, signal): (usize, &Named)| {
            let id = SignalId(u16::try_from(place).ok()?);
            if signal.kind == Kind::Rollout {
                return None;
            }
            match told(id) {
                None => Some(format!("{} ({} failed)", signal.name, signal.source)),
                Some(CheckLine { result: Ok(why), seen: Seen::Untried, .. }) => {
                    Some(format!("{} ({why})", signal.name))
                }
                Some(_) => None,
            }
        };
        self.signals.iter().enumerate().filter_map(untried).collect::<Vec<_>>().into_iter()
    }

    /// A line, in which a signal is called by its name; none for a signal that was not tried.
    pub(super) fn line(&self, line: CheckLine) -> Option<Line> {
        let Some(signal) = line.signal.and_then(|id| self.signal(id)) else { return Some(Line::from(line)) };
        let what = format!("{} [{}]", signal.name, word(signal.unit));
        let remark = |remark: &str| match line.seen {
            Seen::Values { now, least, most } => format!("{remark}, {}", values(signal.unit, now, least, most)),
            Seen::Nothing | Seen::Untried => remark.to_owned(),
        };
        // What was asked is of use where something is wrong with it.
        let asked = match &signal.written {
            Some(written) => format!("{written}, {}", line.what),
            None => line.what.clone(),
        };
        Some(match (&line.result, &line.warning) {
            (Ok(_), _) if line.seen == Seen::Untried => return None,
            (Ok(said), None) if line.seen == Seen::Nothing && self.young && of_release(signal.kind) => {
                Line::new(CheckStatus::Warning, &what, &[said, "the deploy is minutes old: try again later", &asked])
            }
            (Ok(said), None) if signal.required && line.seen == Seen::Nothing => {
                let why = "the verdict waits for it: correct what it asks, or set required = false";
                Line::new(CheckStatus::Failed, &what, &[said, why, &asked])
            }
            (Ok(said), None) => Line::new(CheckStatus::Ok, &what, &[&remark(said), &signal.source]),
            (Ok(said), Some(warning)) => Line::new(CheckStatus::Warning, &what, &[&remark(said), warning, &asked]),
            (Err(failure), _) => Line::new(CheckStatus::Failed, &what, &[&failure.reason, &failure.way_out, &asked]),
        })
    }
}

/// Whether a kind speaks of a release, which nothing is counted of before it was used for a while.
const fn of_release(kind: Kind) -> bool {
    matches!(kind, Kind::NewIssues | Kind::CrashFree)
}

/// A unit as the configuration writes it.
const fn word(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "percent",
        Unit::Milliseconds => "ms",
        Unit::PerSecond => "per_second",
        Unit::PerMinute => "per_minute",
        Unit::Bytes => "bytes",
        Unit::Number => "number",
    }
}

/// The value now, and the range where there is one.
fn values(unit: Unit, now: f64, least: f64, most: f64) -> String {
    let now = unit.format(now);
    let (least, most) = (unit.format(least), unit.format(most));
    if least == most { format!("now {now}") } else { format!("now {now}, {least} to {most} in the last hour") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::systems::api::CheckFailure;

    fn named(required: bool) -> Names {
        let signal = Named {
            name: "p95".to_owned(),
            unit: Unit::Milliseconds,
            kind: Kind::Latency,
            source: "grafana".to_owned(),
            required,
            written: Some("redflag.toml:12".to_owned()),
        };
        Names { environment: "production".to_owned(), signals: vec![signal], young: false }
    }

    fn line(result: Result<&str, &str>, warning: Option<&str>, seen: Seen) -> CheckLine {
        let failure = |reason: &str| CheckFailure { reason: reason.to_owned(), way_out: "do it".to_owned() };
        let line = CheckLine::new("grafana: x", result.map(ToOwned::to_owned).map_err(failure));
        CheckLine { warning: warning.map(ToOwned::to_owned), ..line.about(SignalId(0), seen) }
    }

    #[test]
    fn a_signal_is_told_by_name_with_its_unit_its_value_and_its_range() {
        let seen = Seen::Values { now: 457.0, least: 300.0, most: 812.0 };
        let told = |required, line| named(required).line(line).unwrap().to_string();
        assert_eq!(
            told(true, line(Ok("121 of 121 points"), None, seen)),
            "ok    p95 [ms]: 121 of 121 points, now 457 ms, 300 ms to 812 ms in the last hour; grafana"
        );
        assert_eq!(
            told(
                true,
                line(Ok("1 of 121 points"), Some("half is missing"), Seen::Values { now: 1.0, least: 1.0, most: 1.0 })
            ),
            "WARN  p95 [ms]: 1 of 121 points, now 1 ms; half is missing; redflag.toml:12, grafana: x"
        );
        assert_eq!(
            told(true, line(Err("query refused: 1:5: parse error"), None, Seen::Untried)),
            "FAIL  p95 [ms]: query refused: 1:5: parse error; do it; redflag.toml:12, grafana: x"
        );
        assert!(
            told(true, line(Ok("no data in this time"), None, Seen::Nothing)).starts_with("FAIL  p95 [ms]: no data")
        );
        assert!(
            told(false, line(Ok("no data in this time"), None, Seen::Nothing)).starts_with("ok    p95 [ms]: no data")
        );
    }

    #[test]
    fn what_was_not_asked_is_told_with_the_reason() {
        let untried = |lines: &[CheckLine]| named(true).untried(lines).collect::<Vec<_>>();
        assert_eq!(untried(&[]), ["p95 (grafana failed)"]);
        assert_eq!(
            untried(&[line(Ok("the version is not known yet"), None, Seen::Untried)]),
            ["p95 (the version is not known yet)"]
        );
        assert!(named(true).line(line(Ok("the version is not known yet"), None, Seen::Untried)).is_none());
        assert_eq!(untried(&[line(Err("no"), None, Seen::Untried)]), [""; 0]);
    }
}
