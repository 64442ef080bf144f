//! Sources, checked: which system each is, and how often it is asked.

use super::at::At;
use super::problem::Problems;
use super::schema;
use crate::systems::declaration::{Settings, System};
use chrono::TimeDelta;
use std::time::Duration;

pub(super) use crate::settings::bounds::{INTERVALS, TIMEOUTS, duration, scrape};

/// A source without its secrets.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) interval: TimeDelta,
    pub(super) timeout: Duration,
    pub(super) system: &'static System,
    pub(super) settings: Box<dyn Settings>,
}

/// Checks every source; those that are wrong are left out and reported.
pub(super) fn check(raw: Vec<schema::Named<schema::Source>>, problems: &mut Problems) -> Vec<Source> {
    raw.into_iter().filter_map(|schema::Named { name, value }| source(name, value, problems)).collect()
}

fn source(name: At<String>, raw: schema::Source, problems: &mut Problems) -> Option<Source> {
    let schema::Source { system, table } = raw;
    let (interval, timeout) = table.timing();
    let interval = duration("interval", interval, system.interval, &INTERVALS, problems);
    let timeout = duration("timeout", timeout, system.timeout, &TIMEOUTS, problems);
    let settings = table.check(&name, problems);
    let (interval, timeout) = (interval?, timeout?.to_std().ok()?);
    Some(Source { name: name.value, interval, timeout, system, settings: settings? })
}
