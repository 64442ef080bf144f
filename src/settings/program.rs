//! Programs that redflag runs, as the file states them.

use super::at::At;
use super::bounds;
use super::duration::HumanDuration;
use super::problem::{Problem, Problems};
use chrono::TimeDelta;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// How long one run of a program may take.
const RUNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::hours(1);

/// How long a program may run.
pub(crate) fn run_time(
    written: Option<&At<HumanDuration>>,
    default: Duration,
    problems: &mut Problems,
) -> Option<Duration> {
    let default = TimeDelta::from_std(default).ok()?;
    bounds::duration("timeout", written, default, &RUNS, problems)?.to_std().ok()
}

/// Where a program or a folder is.
pub(crate) fn path(written: &At<PathBuf>, problems: &mut Problems) -> Option<PathBuf> {
    if written.as_os_str().is_empty() {
        problems.push(Problem::new(&written.span, "this path is empty"));
        return None;
    }
    Some(written.value.clone())
}
