//! The durations of sources, within their bounds.

use super::at::At;
use super::duration::{HumanDuration, format_duration};
use super::problem::{Problem, Problems};
use chrono::TimeDelta;
use std::ops::RangeInclusive;

/// How often a source may be asked.
pub(crate) const INTERVALS: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::minutes(15);
/// How far apart a series' samples may be.
pub(crate) const SCRAPES: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::minutes(15);
/// How long an answer may take.
pub(crate) const TIMEOUTS: RangeInclusive<TimeDelta> = TimeDelta::milliseconds(100)..=TimeDelta::minutes(2);

/// How far apart samples are, where it is said. What is out of range is reported.
pub(crate) fn scrape(written: Option<&At<HumanDuration>>, problems: &mut Problems) -> Option<TimeDelta> {
    let written = written?;
    if SCRAPES.contains(&written.0) {
        return Some(written.0);
    }
    let (shortest, longest) = (format_duration(*SCRAPES.start()), format_duration(*SCRAPES.end()));
    problems.push(
        Problem::new(&written.span, "this `scrape` is out of range")
            .label(format!("expected {shortest} to {longest}"))
            .way_out("leave it out: it is learned from the samples"),
    );
    None
}

/// A duration within its bounds.
pub(crate) fn duration(
    name: &str,
    written: Option<&At<HumanDuration>>,
    default: TimeDelta,
    bounds: &RangeInclusive<TimeDelta>,
    problems: &mut Problems,
) -> Option<TimeDelta> {
    let Some(written) = written else { return Some(default) };
    if bounds.contains(&written.0) {
        return Some(written.0);
    }
    let (shortest, longest) = (format_duration(*bounds.start()), format_duration(*bounds.end()));
    problems.push(
        Problem::new(&written.span, format!("this `{name}` is out of range"))
            .label(format!("expected {shortest} to {longest}"))
            .way_out(format!("leave it out for the default, {}", format_duration(default))),
    );
    None
}
