//! What a check tells a program: an object for each of its lines, and one that counts them.

use super::report::{CheckStatus, Line, Report};
use crate::outcome::Outcome;
use crate::output;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the lines. It grows when a field changes its meaning or goes; a new one may come at any time.
const VERSION: u8 = 1;

/// One line of `--output json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "A line of `redflag check --output json`")]
pub(super) struct Told {
    /// The version of these lines: 1.
    version: u8,
    #[serde(flatten)]
    event: Event,
}

/// What it tells.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    /// Something was tried.
    Check {
        /// What.
        what: String,
        /// How it came out.
        result: CheckStatus,
        /// What there is to say of it: what was found, why not, and the way out.
        says: Vec<String>,
    },
    /// Something was not tried.
    Untried {
        /// What, and why.
        what: String,
    },
    /// The last line.
    End {
        /// The exit status.
        status: u8,
        /// The environment.
        environment: String,
        /// How many checks there were.
        checks: usize,
        /// How many of them failed.
        failed: usize,
        /// How many of them warn.
        warnings: usize,
    },
}

/// The lines of a report.
pub(super) fn lines(environment: &str, report: &Report, outcome: Outcome) -> Vec<Told> {
    let check = |line: &Line| Event::Check { what: line.what.clone(), result: line.outcome, says: line.says.clone() };
    let untried = |what: &String| Event::Untried { what: what.clone() };
    let end = Event::End {
        status: outcome.status(),
        environment: environment.to_owned(),
        checks: report.lines().len(),
        failed: report.count(CheckStatus::Failed),
        warnings: report.count(CheckStatus::Warning),
    };
    let events = report.lines().iter().map(check).chain(report.all_untried().iter().map(untried)).chain([end]);
    events.map(|event| Told { version: VERSION, event }).collect()
}

/// The JSON schema of the lines.
pub(super) fn schema() -> String {
    output::schema::<Told>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_told_with_its_parts_and_the_last_counts_them() {
        let mut report = Report::default();
        report.line(Line::new(CheckStatus::Ok, "a", &["fine", ""]));
        report.line(Line::new(CheckStatus::Failed, "b", &["no token", "make one"]));
        report.untried("c (why)".to_owned());
        let lines = lines("production", &report, Outcome::Faulty);
        let told: Vec<String> = lines.iter().filter_map(|line| serde_json::to_string(line).ok()).collect();
        assert_eq!(
            told,
            [
                r#"{"version":1,"kind":"check","what":"a","result":"ok","says":["fine"]}"#,
                r#"{"version":1,"kind":"check","what":"b","result":"failed","says":["no token","make one"]}"#,
                r#"{"version":1,"kind":"untried","what":"c (why)"}"#,
                r#"{"version":1,"kind":"end","status":1,"environment":"production","checks":2,"failed":1,"warnings":0}"#,
            ]
        );
        assert!(schema().contains("\"const\": \"untried\""));
    }
}
