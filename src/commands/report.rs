//! `redflag report`: a record as a page for the postmortem, or as JSON.

use super::replay::kept;
use super::{CommandError, print};
use crate::cli::{ReportArgs, ReportFormat};
use crate::outcome::Outcome;
use crate::output;
use crate::report::{Format, Report};
use crate::text::visible;
use chrono::{Local, Offset};
use std::fs;

pub(super) fn run(args: &ReportArgs) -> Result<Outcome, CommandError> {
    if args.schema {
        return print(&Report::schema());
    }
    let report = Report::of(&kept(args.record.as_deref())?);
    let format = match args.format {
        ReportFormat::Markdown => Format::Markdown,
        ReportFormat::Html => Format::Html,
        ReportFormat::Json => Format::Json,
    };
    let zone = report.began.with_timezone(&Local).offset().fix();
    let text = report.render(format, zone).map_err(std::io::Error::other)?;
    let Some(path) = &args.out else { return print(&text) };
    // A file goes to others: it goes through the scrubber that a terminal's lines go through.
    fs::write(path, visible(&text).as_bytes())
        .map_err(|error| CommandError::Call(format!("--out {}: {error}", path.display())))?;
    output::stderr().line(&format!("redflag: {} written", path.display()));
    Ok(Outcome::Done)
}
