//! `redflag judge`: recorded deploys as JSON lines in, verdicts out, through the very rules that a watch uses.

use super::CommandError;
use crate::lines::{BoundedLines, Line};
use crate::outcome::Outcome;
use crate::signal::{Kind, Possible, Sample};
use crate::verdict::recorded;
use crate::{output, text};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// A case longer than this, in bytes, is none: half an hour in steps of a second takes a hundredth of it.
const LONGEST_LINE: usize = 16 << 20;

/// A recorded deploy: what a number was before it, and after.
#[derive(Debug, Deserialize)]
struct Case {
    #[serde(rename = "case_id")]
    name: String,
    kind: CaseKind,
    unit: String,
    step_s: f64,
    baseline: Vec<Option<f64>>,
    window: Vec<Option<f64>>,
    #[serde(default)]
    baseline_n: Option<Vec<Option<f64>>>,
    #[serde(default)]
    window_n: Option<Vec<Option<f64>>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseKind {
    Latency,
    ErrorRate,
    Memory,
    Cpu,
    Connections,
    Kpi,
}

/// What is said of it.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    case_id: &'a str,
    flagged: bool,
    at_step: Option<usize>,
    red_at_step: Option<usize>,
    sentence: String,
}

/// Judges every line of standard input. Where any of them could not be read, the input was wrong.
pub(super) fn run() -> Result<Outcome, CommandError> {
    let mut out = output::stdout();
    let mut outcome = Outcome::Done;
    for (number, line) in (1_u64..).zip(BoundedLines::new(io::stdin().lock(), LONGEST_LINE)) {
        let verdict = match line? {
            Line::Whole(line) if line.trim_ascii().is_empty() => continue,
            Line::Whole(line) => Case::read(&line).and_then(|case| case.told()),
            Line::TooLong => Err(format!("longer than {} MiB", LONGEST_LINE >> 20)),
        };
        match verdict {
            Ok(verdict) => writeln!(out, "{verdict}")?,
            Err(error) => {
                output::stderr().line(&format!("redflag: line {number}: {error}"));
                outcome = Outcome::Misused;
            }
        }
        // Nobody reads on (`| head`): what was asked for is done.
        if out.is_lost() {
            break;
        }
    }
    out.end()?;
    Ok(outcome)
}

impl Case {
    fn read(line: &[u8]) -> Result<Self, String> {
        // Some writers have NaN for a gap, which is not JSON.
        let text = String::from_utf8_lossy(line);
        let read = serde_json::from_str(&text).or_else(|error| {
            let gaps = nan_to_null(&text);
            if gaps == text { Err(error) } else { serde_json::from_str(&gaps) }
        });
        let case: Self = read.map_err(|error| error.to_string())?;
        if !(case.step_s.is_finite() && (0.001..=86_400.0).contains(&case.step_s)) {
            return Err("step_s: expected seconds, from a thousandth to a day".to_owned());
        }
        case.scale()?;
        for (name, values, counts) in
            [("baseline", &case.baseline, &case.baseline_n), ("window", &case.window, &case.window_n)]
        {
            if counts.as_ref().is_some_and(|counts| counts.len() != values.len()) {
                return Err(format!("{name}_n: expected as many numbers as in {name}"));
            }
        }
        Ok(case)
    }

    fn kind(&self) -> Kind {
        match self.kind {
            CaseKind::Latency => Kind::Latency,
            CaseKind::ErrorRate => Kind::ErrorRate,
            CaseKind::Memory => Kind::Memory,
            CaseKind::Cpu => Kind::Cpu,
            CaseKind::Connections => Kind::Connections,
            CaseKind::Kpi => Kind::Custom,
        }
    }

    /// What a value is multiplied by to be in the kind's own unit.
    fn scale(&self) -> Result<f64, String> {
        match (self.kind, self.unit.as_str()) {
            (CaseKind::Kpi, _) | (CaseKind::Latency, "ms") => Ok(1.0),
            (CaseKind::Latency, "s") => Ok(1000.0),
            (CaseKind::Latency, "us" | "µs") => Ok(0.001),
            (CaseKind::Latency, unit) => Err(format!("unit: a latency in `{unit}`; expected s, ms or us")),
            (_, "percent" | "%") => Ok(1.0),
            (_, "ratio" | "norm") => Ok(100.0),
            (_, unit) => Err(format!("unit: `{unit}`; expected percent, ratio or norm")),
        }
    }

    fn samples(&self, values: &[Option<f64>], counts: Option<&Vec<Option<f64>>>) -> Vec<Sample> {
        let scale = self.scale().unwrap_or(1.0);
        let sample = |index: usize, value: Option<f64>| {
            let value = value.map(|value| value * scale);
            match (value, counts.and_then(|counts| counts[index])) {
                (Some(percent), Some(requests)) if matches!(self.kind, CaseKind::ErrorRate) => {
                    Sample::Counts { errors: percent / 100.0 * requests, requests }
                }
                (Some(value), _) => Sample::from_number(value),
                (None, _) => Sample::Empty,
            }
        };
        values.iter().enumerate().map(|(index, &value)| sample(index, value)).collect()
    }

    /// Its verdict as one line of JSON. Signs that would be cleaned away from a line are escaped: whoever reads it
    /// looks for the very name that the case had.
    fn told(&self) -> Result<String, String> {
        let json = serde_json::to_string(&self.verdict()).map_err(|error| error.to_string())?;
        Ok(text::escaped(&json))
    }

    fn verdict(&self) -> Verdict<'_> {
        let step = TimeDelta::milliseconds((self.step_s * 1000.0).round().max(1.0) as i64);
        let signal = recorded::signal(self.kind(), step);
        let before = self.samples(&self.baseline, self.baseline_n.as_ref());
        let after = self.samples(&self.window, self.window_n.as_ref());
        let possible = match self.unit.as_str() {
            // Scaled to what was seen of it: nobody knows where its limit is.
            "norm" => Possible::default(),
            _ => Possible::of(signal.kind, signal.unit),
        };
        let recorded::Outcome { blamed_at, red_at, judgement } =
            recorded::play_within(&signal, possible, &before, &after);
        Verdict {
            case_id: &self.name,
            flagged: blamed_at.is_some(),
            at_step: blamed_at,
            red_at_step: red_at,
            sentence: judgement.sentence(),
        }
    }
}

/// Replaces the words NaN and Infinity outside of strings.
fn nan_to_null(text: &str) -> String {
    let parts: Vec<String> = text
        .split('"')
        .enumerate()
        .map(|(index, part)| {
            if index % 2 == 1 {
                return part.to_owned();
            }
            part.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null")
        })
        .collect();
    parts.join("\"")
}
