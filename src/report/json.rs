//! A report for a program.

use super::Report;
use crate::output;
use crate::text::escaped;

/// The report as one JSON object, indented, with its last line break.
pub(super) fn text(report: &Report) -> serde_json::Result<String> {
    // Indented line by line: what is unseen in a text is escaped, the layout stays.
    let text = serde_json::to_string_pretty(report)?;
    Ok(text.lines().map(|line| escaped(line) + "\n").collect())
}

/// The JSON schema of it.
pub(super) fn schema() -> String {
    output::schema::<Report>()
}
