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

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// A word or two: `two signals`.
    pub name: &'static str,
    /// Whether it holds.
    pub met: bool,
    /// What is there, in one sentence.
    pub sentence: String,
}

impl Arming {
    /// Whether every condition holds, and it neither acted nor was stopped.
    pub fn is_armed(&self) -> bool {
        let all = !self.conditions.is_empty() && self.conditions.iter().all(|condition| condition.met);
        all && self.acted.is_none() && self.vetoed.is_none()
    }
}
