//! The lines of a check, and what is said of them in the end.

use crate::systems::api::CheckLine;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Of what was not tried, so many are named.
const NAMED: usize = 6;

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckStatus {
    /// All is well.
    Ok,
    /// It works, and there is something to know.
    Warning,
    /// It does not work.
    Failed,
}

/// One check and its result.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) outcome: CheckStatus,
    pub(super) what: String,
    /// The result, part by part: a remark, or the reason and the way out.
    pub(super) says: Vec<String>,
}

impl Line {
    /// Empty parts are left out.
    pub(super) fn new(outcome: CheckStatus, what: &str, parts: &[&str]) -> Self {
        let says = parts.iter().filter(|part| !part.is_empty()).map(|part| (*part).to_owned()).collect();
        Self { outcome, what: what.to_owned(), says }
    }
}

impl From<CheckLine> for Line {
    fn from(CheckLine { what, result, warning, .. }: CheckLine) -> Self {
        match (result, warning) {
            (Ok(remark), None) => Self::new(CheckStatus::Ok, &what, &[&remark]),
            (Ok(remark), Some(warning)) => Self::new(CheckStatus::Warning, &what, &[&remark, &warning]),
            (Err(failure), _) => Self::new(CheckStatus::Failed, &what, &[&failure.reason, &failure.way_out]),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            CheckStatus::Ok => "ok  ",
            CheckStatus::Warning => "WARN",
            CheckStatus::Failed => "FAIL",
        };
        write!(f, "{word}  {}: {}", self.what, self.says.join("; "))
    }
}

/// Everything that was checked.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<Line>,
    untried: Vec<String>,
}

impl Report {
    /// One more line.
    pub(super) fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Something that was not tried, and why.
    pub(super) fn untried(&mut self, what: String) {
        self.untried.push(what);
    }

    /// What another one says.
    pub(super) fn extend(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.untried.extend(other.untried);
    }

    /// How many checks failed.
    pub(super) fn failed(&self) -> usize {
        self.count(CheckStatus::Failed)
    }

    /// All of them.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What was not tried.
    pub(super) fn all_untried(&self) -> &[String] {
        &self.untried
    }

    pub(super) fn count(&self, outcome: CheckStatus) -> usize {
        self.lines.iter().filter(|line| line.outcome == outcome).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        match self.failed() {
            0 => write!(f, "all {} checks passed", self.lines.len())?,
            failed => write!(f, "{failed} of {} checks failed", self.lines.len())?,
        }
        match self.count(CheckStatus::Warning) {
            0 => {}
            1 => f.write_str(", 1 with a warning")?,
            warnings => write!(f, ", {warnings} with a warning")?,
        }
        if !self.untried.is_empty() {
            let named = &self.untried[..self.untried.len().min(NAMED)];
            write!(f, ", {} not tried: {}", self.untried.len(), named.join(", "))?;
            if let Some(more) = self.untried.len().checked_sub(NAMED).filter(|more| *more > 0) {
                write!(f, " and {more} more")?;
            }
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_what_failed_what_warns_and_what_was_not_tried() {
        let mut report = Report::default();
        report.line(Line::new(CheckStatus::Ok, "a", &["fine", ""]));
        assert_eq!(report.to_string(), "ok    a: fine\nall 1 checks passed\n");
        report.line(Line::new(CheckStatus::Warning, "b", &["fine", "but"]));
        for place in 0..8 {
            report.untried(format!("s{place} (why)"));
        }
        assert!(report.to_string().ends_with(
            "WARN  b: fine; but\nall 2 checks passed, 1 with a warning, 8 not tried: s0 (why), s1 (why), s2 (why), \
             s3 (why), s4 (why), s5 (why) and 2 more\n"
        ));
        report.line(Line::new(CheckStatus::Failed, "c", &["no", "do it"]));
        assert!(report.to_string().contains("FAIL  c: no; do it\n1 of 3 checks failed, 1 with a warning, 8 not tried"));
    }
}
