//! Sources, checked: which system each is, and how often it is asked.

use super::at::{At, Span};
use super::problem::{Problem, Problems, Whole};
use super::resolve::Resolver;
use super::schema;
use crate::settings::access::Access;
use crate::systems::api::SourceSpec;
use crate::systems::declaration::{Place, Settings, System};
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

/// The sources of a file.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Those whose system is known, in the file's order. Where something of one is wrong it is here all the same, so that
    /// whatever names it can be checked; the file as a whole is refused.
    pub(super) all: Vec<Source>,
    /// Those of which not even the system is known.
    pub(super) unknown: Vec<String>,
}

/// Stands for settings that were refused: what depends on them is not refused a second time.
#[derive(Debug)]
struct Refused;

impl Settings for Refused {
    fn access(&self) -> Option<&Access> {
        None
    }

    fn datasource(&self, written: Option<&str>, _: &Span) -> Result<String, Problem> {
        Ok(written.unwrap_or_default().to_owned())
    }

    fn resolve(&self, _: &Place<'_>, _: &mut Resolver<'_>) -> Option<SourceSpec> {
        None
    }
}

/// Checks every source, and reports what is wrong with them.
pub(super) fn check(
    raw: Vec<schema::Named<Option<schema::Parsed<schema::Source>>>>,
    problems: &mut Problems,
) -> Sources {
    let mut sources = Sources::default();
    for schema::Named { name, value } in raw {
        match value {
            Some(parsed) => sources.all.push(source(&name, parsed, problems)),
            None => sources.unknown.push(name.value),
        }
    }
    sources
}

fn source(name: &At<String>, parsed: schema::Parsed<schema::Source>, problems: &mut Problems) -> Source {
    let schema::Parsed { value: schema::Source { system, table }, whole } = parsed;
    let mut found = Source {
        name: name.value.clone(),
        interval: system.interval,
        timeout: system.timeout.to_std().unwrap_or_default(),
        system,
        settings: Box::new(Refused),
    };
    let Some(table) = table else { return found };
    problems.of_table(Whole { table: whole, environment: true }, |problems| {
        let (interval, timeout) = table.timing();
        let interval = duration("interval", interval, system.interval, &INTERVALS, problems);
        let timeout = duration("timeout", timeout, system.timeout, &TIMEOUTS, problems);
        found.interval = interval.unwrap_or(found.interval);
        found.timeout = timeout.and_then(|timeout| timeout.to_std().ok()).unwrap_or(found.timeout);
        // Of a table that is not whole nothing is relied on.
        if let Some(settings) = table.check(name, problems).filter(|_| whole) {
            found.settings = settings;
        }
    });
    found
}
