//! Words: the conditions under which a rollback goes without a person, and which of them hold.

use crate::deploy::Time;

/// How near the automatism is to acting.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arming {
    /// Each condition, always in the same order; empty where the automatism is off.
    pub conditions: Vec<Condition>,
    /// When it acted (or would have, in shadow mode) in this watch: at most once.
    pub acted: Option<Time>,
    /// When a person stopped its countdown: it does not begin another.
    pub vetoed: Option<Time>,
}

/// What a condition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionKind {
    /// A red flag has been there for a minute, or is certain.
    Red,
    /// Two independent signals, or one that leaves no doubt.
    TwoSignals,
    /// The data of what is red is young.
    Fresh,
    /// More than one source answers.
    Sources,
    /// Nothing is blocked, left out, or wants to be typed.
    Checks,
    /// It was looked for migrations, and there is none.
    Migration,
    /// The target survived its watch.
    Target,
    /// It was looked for somebody else's rollback, and there is none.
    NobodyElse,
    /// It would be the first of this watch.
    First,
}

impl ConditionKind {
    /// Its name on the screen: a word or two.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::TwoSignals => "two signals",
            Self::Fresh => "fresh",
            Self::Sources => "sources",
            Self::Checks => "checks",
            Self::Migration => "migration",
            Self::Target => "target",
            Self::NobodyElse => "nobody else",
            Self::First => "first",
        }
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it asks for.
    pub kind: ConditionKind,
    /// The kind's name, for people.
    pub name: &'static str,
    /// Whether it holds.
    pub met: bool,
    /// What is there, in one sentence.
    pub sentence: String,
}

impl Condition {
    /// A condition of this kind, and what is there.
    pub fn new(kind: ConditionKind, met: bool, sentence: impl Into<String>) -> Self {
        Self { kind, name: kind.name(), met, sentence: sentence.into() }
    }
}

impl Arming {
    /// Whether every condition holds, and it neither acted nor was stopped.
    pub fn is_armed(&self) -> bool {
        let all = !self.conditions.is_empty() && self.conditions.iter().all(|condition| condition.met);
        all && self.acted.is_none() && self.vetoed.is_none()
    }
}
