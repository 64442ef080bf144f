//! Questions: what a signal asks of a source. The configuration writes them, adapters read them.

use crate::deploy::ServiceId;
use crate::signal::{SignalId, Unit};
use chrono::TimeDelta;

/// What one signal asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Numbers over time.
    Series {
        /// The uid of the data source, for systems that have several behind them; empty for all others.
        datasource: String,
        /// What is read there.
        query: SeriesQuery,
    },
    /// States of alert rules or monitors.
    Alerts(AlertQuery),
    /// Errors and sessions of a release.
    Release(ReleaseQuery),
}

/// A series to read. In `expr`, all variables but `$version` and the source's own are already filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesQuery {
    /// Whose readings these are.
    pub signal: SignalId,
    /// Whose `$version` is meant.
    pub service: ServiceId,
    /// The query.
    pub expr: Expr,
    /// The distance of the bins.
    pub step: TimeDelta,
    /// Multiplied into each value: 100 for a fraction that is shown in percent.
    pub scale: f64,
    /// What the readings mean.
    pub meaning: Meaning,
    /// How far apart the series' own samples are, where the configuration says so.
    pub scrape: Option<TimeDelta>,
}

/// What the readings of a query mean to whoever judges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The unit they are kept in.
    pub unit: Unit,
    /// Whether the configuration names the unit of the answers; else it is the kind's own.
    pub unit_is_stated: bool,
    /// Whether the verdict waits for them.
    pub required: bool,
}

impl Default for Meaning {
    /// A plain number that nobody waits for.
    fn default() -> Self {
        Self { unit: Unit::Number, unit_is_stated: false, required: false }
    }
}

/// One query, or the two behind a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// The value itself.
    Value(String),
    /// Counts in each bin; joined by their stamps.
    Counts {
        /// Failed requests.
        errors: String,
        /// All requests.
        requests: String,
    },
}

/// Alert rules or monitors to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// Whose count they are.
    pub signal: SignalId,
    /// Which, in the system's own words: label matchers (`service=app, env=production`), or a search.
    pub filter: String,
}

/// What to read of a release for one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseQuery {
    /// Whose readings these are.
    pub signal: SignalId,
    /// Whose `$version` is meant.
    pub service: ServiceId,
    /// Project slugs or ids; none means all that the token sees.
    pub projects: Vec<String>,
    /// The release's name, with `$version` in it: `app@$version`.
    pub release: String,
    /// What is wanted.
    pub want: ReleaseWant,
    /// Further search terms.
    pub filter: Option<String>,
    /// The distance of the bins.
    pub step: TimeDelta,
}

/// What a system that keeps errors by release can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseWant {
    /// Issues first seen or regressed in the release; readings: their events a minute.
    NewIssues,
    /// Error events of any issue in the release, a minute.
    ErrorCount,
    /// Crash-free sessions, percent.
    CrashFree,
}
