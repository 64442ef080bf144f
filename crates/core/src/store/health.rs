//! What is known of a source: whether it answers, how old its last answer is, when it is asked next.

use crate::deploy::Time;
use crate::poll::{Ago, SourceError};
use crate::signal::SignalId;
use chrono::TimeDelta;

/// The state of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState {
    /// Whether it answers.
    pub health: Health,
    /// When it last answered in full or in part.
    pub answered: Option<Time>,
    /// Since when its health is what it is.
    pub since: Time,
    /// When it is asked next; meaningless for streams.
    pub next_poll: Time,
    /// Whether a question is in progress: there is never more than one.
    pub asking: bool,
    /// What the question in progress asks for; `None` when the deploy has changed since, so that its answer will not
    /// be the whole.
    pub asked: Option<Asked>,
    /// When the question in progress was asked.
    pub asked_at: Option<Time>,
    /// How long its last whole answer took.
    pub took: TimeDelta,
    /// Failures in a row.
    pub failures: u32,
    /// What it warned of with its last answer.
    pub warnings: Vec<String>,
    /// Why it did not tell of an earlier day. No trouble of its own: it tells what is now.
    pub past: Option<(Ago, SourceError)>,
}

/// The span that each signal of a source is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// From when on, sorted by signal.
    pub since: Vec<(SignalId, Time)>,
    /// Until when.
    pub to: Time,
}

impl Asked {
    /// The span that a signal was asked for.
    pub fn span(&self, signal: SignalId) -> Option<(Time, Time)> {
        let index = self.since.binary_search_by_key(&signal, |(asked, _)| *asked).ok()?;
        Some((self.since[index].1, self.to))
    }
}

/// Whether a source answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Health {
    /// Never heard of yet.
    Waiting,
    /// It answers.
    Up,
    /// Some of its signals' queries fail: how many, and the first reason.
    Partial(usize, SourceError),
    /// It does not.
    Down(SourceError),
}

impl SourceState {
    /// A source nobody has asked yet, due at once.
    pub fn new(now: Time) -> Self {
        Self {
            health: Health::Waiting,
            answered: None,
            since: now,
            next_poll: now,
            asking: false,
            asked: None,
            asked_at: None,
            took: TimeDelta::zero(),
            failures: 0,
            warnings: Vec::new(),
            past: None,
        }
    }

    /// How old its last answer is at `now`.
    pub fn age(&self, now: Time) -> Option<TimeDelta> {
        self.answered.map(|at| (now - at).max(TimeDelta::zero()))
    }
}

impl SourceState {
    /// It answered, wholly ([`Health::Up`]) or in part.
    pub fn succeed(&mut self, at: Time, health: Health) {
        if std::mem::discriminant(&health) != std::mem::discriminant(&self.health) {
            self.since = at;
        }
        self.health = health;
        self.answered = Some(at);
        self.failures = 0;
    }

    /// It did not answer.
    pub fn fail(&mut self, at: Time, error: SourceError) {
        if !matches!(self.health, Health::Down(_)) {
            self.since = at;
        }
        self.health = Health::Down(error);
        self.failures += 1;
    }

    /// The clock was set back by `step` to `now`: its last answer is as old as it was, so that a clock that is set
    /// back again and again cannot keep a silent source looking fresh. No stamp lies in the future.
    pub fn set_back(&mut self, step: TimeDelta, now: Time) {
        let shifted = |at: Time| (at - step).min(now);
        self.answered = self.answered.map(shifted);
        self.asked_at = self.asked_at.map(shifted);
        self.since = shifted(self.since);
        self.next_poll = self.next_poll.min(now);
    }
}
