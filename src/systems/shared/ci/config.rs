//! What the tables of all CI systems have in common.

use crate::net::Endpoint;
use crate::rollback::variables::VARIABLES;
use crate::settings::at::At;
use crate::settings::bounds::{self, TIMEOUTS};
use crate::settings::checked::each;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::texts;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a run may take.
const RUNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(10)..=TimeDelta::hours(2);

/// Where a CI system is, and how long it may take.
#[derive(Debug, Clone)]
pub(in crate::systems) struct Where {
    /// Its address.
    pub(in crate::systems) url: String,
    /// How long an answer may take.
    pub(in crate::systems) timeout: Duration,
    /// How long a run may take.
    pub(in crate::systems) run_timeout: Duration,
}

impl Where {
    /// Of an address that was checked, and both times as they are written.
    pub(in crate::systems) fn check(
        url: Option<String>,
        timeout: Option<&At<HumanDuration>>,
        run_timeout: Option<&At<HumanDuration>>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let timeout = bounds::duration("timeout", timeout, TimeDelta::seconds(10), &TIMEOUTS, problems);
        let run = bounds::duration("run_timeout", run_timeout, TimeDelta::minutes(15), &RUNS, problems);
        Some(Self { url: url?, timeout: timeout?.to_std().ok()?, run_timeout: run?.to_std().ok()? })
    }

    /// The same as an endpoint of a system.
    pub(in crate::systems) fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint { name: name.to_owned(), url: self.url.clone(), timeout: self.timeout }
    }
}

/// A text with the variables of a rollback.
pub(in crate::systems) fn text(written: &At<String>, problems: &mut Problems) -> Option<String> {
    texts::check(written, &VARIABLES, problems)
}

/// Names and texts with the variables of a rollback.
pub(in crate::systems) fn pairs(
    written: Option<&At<BTreeMap<String, At<String>>>>,
    problems: &mut Problems,
) -> Option<Vec<(String, String)>> {
    let Some(written) = written else { return Some(Vec::new()) };
    each(written.iter(), |(name, text)| {
        // An empty input is an input all the same.
        let text = if text.is_empty() { String::new() } else { self::text(text, problems)? };
        Some((name.clone(), text))
    })
}
