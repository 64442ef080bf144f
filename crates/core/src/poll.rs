//! Words: what a source is asked for and what it answers.

pub mod connection;
pub mod doubt;

use crate::deploy::{ServiceId, Time};
use crate::signal::{Point, SignalId};
use chrono::TimeDelta;
use connection::NoConnection;
use doubt::UnitDoubt;
use redflag_text as text;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One question to a source. Everything a source needs to know of the watch is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PollRequest {
    /// From when on readings are wanted, by whichever signal lacks the most.
    pub from: Time,
    /// From when on each signal's own readings are wanted, where that is later: what it was answered before need not
    /// be asked again because another signal's query failed. Sorted by signal; the source's own only. No other signal is
    /// wanted, unless none is listed: then all are.
    pub since: Vec<(SignalId, Time)>,
    /// Now, as the watch sees it.
    pub to: Time,
    /// When the deploy was made: issues first seen after it are its own.
    pub deployed_at: Option<Time>,
    /// The version each service runs (by [`ServiceId`]); what `$version` stands for.
    pub versions: Vec<Option<String>>,
    /// The signals that are also wanted of the previous version, with that version: `$version` stands for it then.
    pub older: Vec<(SignalId, String)>,
}

impl PollRequest {
    /// The version of a service, where it is known yet.
    pub fn version(&self, service: ServiceId) -> Option<&str> {
        self.versions.get(usize::from(service.0))?.as_deref()
    }

    /// Whether a signal's readings are wanted.
    pub fn wants(&self, signal: SignalId) -> bool {
        self.since.is_empty() || self.since.binary_search_by_key(&signal, |(wanted, _)| *wanted).is_ok()
    }

    /// From when on a signal's readings are wanted: never before [`PollRequest::from`].
    pub fn since(&self, signal: SignalId) -> Time {
        let own = self.since.binary_search_by_key(&signal, |(wanted, _)| *wanted);
        own.map_or(self.from, |index| self.since[index].1.max(self.from))
    }

    /// The previous version, where a signal is wanted of it, too.
    pub fn older(&self, signal: SignalId) -> Option<&str> {
        self.older.iter().find(|(wanted, _)| *wanted == signal).map(|(_, version)| version.as_str())
    }
}

/// One answer of a source. Parts that failed do not take the others with them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    /// Readings by signal. A signal that answered with no points at all is listed with none:
    /// the source has no data for it, which is not the same as not having asked.
    pub points: Vec<(SignalId, Vec<Point>)>,
    /// The same of the previous version, for the signals that were wanted of it.
    pub older: Vec<(SignalId, Vec<Point>)>,
    /// Signals whose own query failed while the source as a whole answered.
    pub failed: Vec<(SignalId, SourceError)>,
    /// Issues, where the source knows any. Replaces what it said before.
    pub issues: Option<Vec<Issue>>,
    /// Alerts that are not quiet, of the signals among `points`: replaces what was said of those signals before.
    pub alerts: Option<Vec<Alert>>,
    /// How many alert rules or monitors of a signal exist and were not read; none where all of them were.
    pub unread: Vec<(SignalId, usize)>,
    /// What the source itself warned of: partial data, truncation.
    pub warnings: Vec<String>,
}

/// How long ago: what comes by itself each day, or each week, came then, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ago {
    /// A day.
    Day,
    /// A week.
    Week,
}

impl Ago {
    /// Both, the nearer one first.
    pub const ALL: [Self; 2] = [Self::Day, Self::Week];

    /// The time between.
    pub const fn span(self) -> TimeDelta {
        match self {
            Self::Day => TimeDelta::days(1),
            Self::Week => TimeDelta::days(7),
        }
    }
}

/// An issue of an error tracker, as the errors pane shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// The tracker's own identity of it.
    pub id: String,
    /// The signal whose count it is part of.
    pub signal: SignalId,
    /// `TypeError: cart.total is None`.
    pub title: String,
    /// Where in the code, as the tracker guesses.
    pub culprit: Option<String>,
    /// Whether it was first seen in this version, or came back in it.
    pub novelty: Novelty,
    /// Whether its level is fatal, or it was not handled.
    pub fatal: bool,
    /// How often it was seen in this version's time.
    pub count: u64,
    /// How many people saw it.
    pub users: u64,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// What is new about an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// Never seen before this version.
    New,
    /// Was resolved, and is back.
    Regressed,
}

/// An alert rule or monitor that is not quiet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule's or monitor's own identity, the same after it fell silent and fires again.
    pub id: String,
    /// The signal whose count it is part of.
    pub signal: SignalId,
    /// The rule's or monitor's name.
    pub name: String,
    /// Whether it fires, or is on its way to.
    pub state: AlertState,
    /// Since when.
    pub since: Option<Time>,
    /// Whether somebody has silenced it: it may fire, and calls nobody.
    pub muted: Option<Muted>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// A silence, a downtime: somebody knows, and wants not to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Until when, where that is known.
    pub until: Option<Time>,
}

/// What an alert does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It fires.
    Firing,
    /// Its condition holds, not yet for long enough; a monitor's warning.
    Pending,
    /// It cannot be evaluated: no data or an error. It guards nothing now.
    Unknown,
}

/// What an error of the server's own is called: some tell it in an answer that looks like a success.
fn server_error(status: u16) -> String {
    if status < 400 { "answered with an error".to_owned() } else { format!("server error {status}") }
}

/// Why a source did not answer. Never holds a secret: texts come from bodies and causes, never from
/// headers or addresses with parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceError {
    /// 401, or a redirect to a login page.
    #[error("not signed in: {0}")]
    Unauthorized(String),
    /// 403: signed in, not allowed.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// 404, or a name that the source does not know.
    #[error("not found: {0}")]
    NotFound(String),
    /// 429. `retry_after` is what the vendor's header says.
    #[error("too many requests")]
    RateLimited {
        /// How long the vendor asks us to stay away.
        retry_after: Option<TimeDelta>,
    },
    /// The source refused this very query.
    #[error("query refused: {0}")]
    BadQuery(String),
    /// No answer in time.
    #[error("no answer within {0} s")]
    Timeout(i64),
    /// No connection: name, route, TLS.
    #[error("cannot connect: {0}")]
    Unreachable(Box<NoConnection>),
    /// 5xx.
    #[error("{}: {text}", server_error(*.status))]
    Server {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
    /// It answered, and somebody behind it did not: what came back may be any part of the whole, so that nothing of
    /// it counts as known. Says who is missing, in the source's words.
    #[error("partial answer: {0}")]
    Partial(String),
    /// It answered and had nothing, and nothing shows that it knew what it was asked about: no zero without a proof.
    #[error("{0}")]
    Unproven(String),
    /// It answered numbers, and they are hardly in the unit that they are read in: none of them counts as known.
    #[error("{0}")]
    Unit(UnitDoubt),
    /// It answers more than is read, so that nothing of it is known.
    #[error("the answer has {}, and no more than {} is read", .size.map_or("more".to_owned(), text::size), text::size(*.limit as u64))]
    TooLarge {
        /// How much, in bytes, where it says so.
        size: Option<u64>,
        /// How much is read.
        limit: usize,
    },
    /// An answer that is not what was agreed: HTML for JSON, a missing field.
    #[error("unreadable answer: {0}")]
    BadAnswer(String),
}

impl SourceError {
    /// There is no connection.
    pub fn unreachable(why: impl Into<NoConnection>) -> Self {
        Self::Unreachable(Box::new(why.into()))
    }
}
