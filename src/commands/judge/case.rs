//! A case as it is written, and the verdict on it.

use super::units::{CaseKind, Measure};
use crate::signal::{Kind, Sample, Signal};
use crate::text;
use crate::verdict::Level;
use crate::verdict::recorded::{self, Other, Record};
use crate::verdict::says::{Claim, Says};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A recorded deploy: what a number was before it, and after.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    #[serde(rename = "case_id")]
    name: String,
    kind: CaseKind,
    #[serde(default)]
    unit: Option<String>,
    step_s: f64,
    baseline: Vec<Option<f64>>,
    window: Vec<Option<f64>>,
    /// What the previous version did in the same bins as the window.
    #[serde(default)]
    beside: Option<Vec<Option<f64>>>,
    #[serde(default)]
    baseline_n: Option<Vec<Option<f64>>>,
    #[serde(default)]
    window_n: Option<Vec<Option<f64>>>,
    #[serde(default)]
    beside_n: Option<Vec<Option<f64>>>,
    /// The same numbers at the same time of the day before.
    #[serde(default)]
    yesterday: Option<Numbers>,
    /// The same of the week before.
    #[serde(default)]
    week_ago: Option<Numbers>,
    /// The same of services that were not deployed.
    #[serde(default)]
    neighbours: Option<Vec<Named>>,
}

/// The case's numbers where there was no such deploy, in the same unit and steps.
#[derive(Debug, Deserialize)]
struct Numbers {
    baseline: Vec<Option<f64>>,
    window: Vec<Option<f64>>,
    #[serde(default)]
    baseline_n: Option<Vec<Option<f64>>>,
    #[serde(default)]
    window_n: Option<Vec<Option<f64>>>,
}

/// Those of a service.
#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    numbers: Numbers,
}

/// More neighbours than this are a mistake.
const MOST_NEIGHBOURS: usize = 1000;

impl Numbers {
    fn check(&self, of: &str) -> Result<(), String> {
        for (name, values, counts) in
            [("baseline", &self.baseline, &self.baseline_n), ("window", &self.window, &self.window_n)]
        {
            if counts.as_ref().is_some_and(|counts| counts.len() != values.len()) {
                return Err(format!("{of}.{name}_n: expected as many numbers as in {of}.{name}"));
            }
        }
        Ok(())
    }

    fn samples(&self, measure: &Measure) -> (Vec<Sample>, Vec<Sample>) {
        let before = samples(measure, &self.baseline, self.baseline_n.as_deref());
        (before, samples(measure, &self.window, self.window_n.as_deref()))
    }
}

/// Samples as a record has them.
fn other((baseline, after): &(Vec<Sample>, Vec<Sample>)) -> Other<'_> {
    Other { baseline, after }
}

/// A level as the lines of `redflag judge` have always called it: programs read them.
const fn word(level: Level) -> &'static str {
    match level {
        Level::Clear => "clear",
        Level::Insufficient => "insufficient",
        Level::NoData | Level::Stale | Level::Warning | Level::RedFlag => level.label(),
    }
}

/// What is said of it.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    case_id: &'a str,
    flagged: bool,
    at_step: Option<usize>,
    red_at_step: Option<usize>,
    level: &'static str,
    blames_deploy: bool,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Case {
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        // Some writers have NaN for a gap, which is not JSON.
        let text = String::from_utf8_lossy(line);
        let read = serde_json::from_str(&text).or_else(|error| {
            let has_gaps = ["NaN", "Infinity"].into_iter().any(|word| text.contains(word));
            if has_gaps { serde_json::from_str(&nan_to_null(&text)) } else { Err(error) }
        });
        let case: Self = read.map_err(|error| told(&error))?;
        if !(case.step_s.is_finite() && (0.001..=86_400.0).contains(&case.step_s)) {
            return Err("step_s: expected seconds, from a thousandth to a day".to_owned());
        }
        let nothing = Vec::new();
        let beside = case.beside.as_ref().unwrap_or(&nothing);
        for (name, values, counts) in [
            ("baseline", &case.baseline, &case.baseline_n),
            ("window", &case.window, &case.window_n),
            ("beside", beside, &case.beside_n),
        ] {
            if counts.as_ref().is_some_and(|counts| counts.len() != values.len()) {
                return Err(format!("{name}_n: expected as many numbers as in {name}"));
            }
        }
        if beside.len() > case.window.len() {
            return Err("beside: expected no more numbers than in window, in the same bins".to_owned());
        }
        for (of, numbers) in [("yesterday", &case.yesterday), ("week_ago", &case.week_ago)] {
            numbers.as_ref().map_or(Ok(()), |numbers| numbers.check(of))?;
        }
        let neighbours = case.neighbours.as_deref().unwrap_or_default();
        if neighbours.len() > MOST_NEIGHBOURS {
            return Err(format!("neighbours: expected no more than {MOST_NEIGHBOURS} services"));
        }
        neighbours.iter().try_for_each(|neighbour| neighbour.numbers.check("neighbours"))?;
        Ok(case)
    }

    fn measure(&self) -> Measure {
        let counted = self.window_n.is_some();
        Measure::of(self.kind, self.unit.as_deref().unwrap_or_default(), self.step_s, counted)
    }

    /// Its verdict as one line of JSON. Signs that would be cleaned away from a line are escaped: whoever reads it
    /// looks for the very name that the case had.
    pub(super) fn told(&self) -> Result<String, String> {
        let json = serde_json::to_string(&self.verdict()).map_err(|error| error.to_string())?;
        Ok(text::escaped(&json))
    }

    fn verdict(&self) -> Verdict<'_> {
        let step = TimeDelta::milliseconds((self.step_s * 1000.0).round().max(1.0) as i64);
        let measure = self.measure();
        let signal = Signal {
            unit: measure.unit,
            limits: measure.limits(),
            of_version: self.beside.is_some(),
            ..recorded::signal(measure.kind, step)
        };
        let samples =
            |values: &[Option<f64>], counts: &Option<Vec<Option<f64>>>| samples(&measure, values, counts.as_deref());
        let told = |numbers: &Option<Numbers>| numbers.as_ref().map(|numbers| numbers.samples(&measure));
        let (yesterday, last_week) = (told(&self.yesterday), told(&self.week_ago));
        let neighbours = self.neighbours.as_deref().unwrap_or_default();
        let names: Vec<String> = neighbours.iter().map(|neighbour| text::clean(&neighbour.name)).collect();
        let neighbours: Vec<_> = neighbours.iter().map(|neighbour| neighbour.numbers.samples(&measure)).collect();
        let neighbours: Vec<(&str, Other<'_>)> =
            names.iter().map(String::as_str).zip(neighbours.iter().map(other)).collect();
        let record = Record {
            signal: &signal,
            possible: measure.possible(),
            baseline: &samples(&self.baseline, &self.baseline_n),
            after: &samples(&self.window, &self.window_n),
            beside: &self.beside.as_ref().map_or_else(Vec::new, |beside| samples(beside, &self.beside_n)),
            requests: if measure.kind == Kind::Latency { self.window_n.as_deref().unwrap_or_default() } else { &[] },
            yesterday: yesterday.as_ref().map(other),
            last_week: last_week.as_ref().map(other),
            neighbours: &neighbours,
        };
        let outcome = record.play();
        let judgement = outcome.judgement;
        // Whether a number of unknown meaning changed is all that a record of one can be asked. Nobody is blamed for it.
        let changed_at = outcome.warned_at.filter(|_| measure.kind == Kind::Custom && is_changed(&judgement.says));
        let at_step = outcome.blamed_at.or(changed_at);
        Verdict {
            case_id: &self.name,
            flagged: at_step.is_some(),
            at_step,
            red_at_step: outcome.red_at,
            level: word(judgement.level),
            blames_deploy: judgement.blames_deploy,
            sentence: judgement.sentence(),
            note: self.note(&record),
        }
    }

    /// What cannot be is passed over, and that is said.
    fn note(&self, record: &Record<'_>) -> Option<String> {
        let cannot_be = |samples: &[Sample]| {
            let checked =
                samples.iter().filter(|sample| matches!(record.possible.check(**sample), Sample::Impossible(_)));
            checked.count()
        };
        let (count, all) =
            (cannot_be(record.baseline) + cannot_be(record.after), self.baseline.len() + self.window.len());
        let unit = self.unit.as_deref().unwrap_or_default();
        (count > 0).then(|| format!("{count} of {all} numbers are impossible in `{unit}`: they count as gaps"))
    }
}

fn is_changed(says: &Says) -> bool {
    says.measured().is_some_and(|measured| matches!(measured.claim, Claim::Changed { .. }))
}

fn samples(measure: &Measure, values: &[Option<f64>], counts: Option<&[Option<f64>]>) -> Vec<Sample> {
    let sample = |index: usize, value: Option<f64>| {
        let count = counts.and_then(|counts| counts.get(index).copied().flatten());
        value.map_or(Sample::Empty, |value| measure.sample(value, count))
    };
    values.iter().enumerate().map(|(index, &value)| sample(index, value)).collect()
}

/// An error of the reader's without its line, which is always the first of one: the line of the input is told.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("column {}: {what}", error.column()),
        None => text,
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
