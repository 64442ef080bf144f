//! Vocabulary: the conditions of an automatic rollback, and which of them are met.

use crate::deploy::Time;

/// How near the automation is to acting.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arming {
    /// Each condition, always in the same order; empty where the automation is off.
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
    /// The target passed its watch.
    Target,
    /// It was looked for somebody else's rollback, and there is none.
    NobodyElse,
    /// It would be the first of this watch.
    First,
}

impl ConditionKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Red,
        Self::TwoSignals,
        Self::Fresh,
        Self::Sources,
        Self::Checks,
        Self::Migration,
        Self::Target,
        Self::NobodyElse,
        Self::First,
    ];

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
    /// Whether it holds.
    pub met: bool,
    /// What is there, in one sentence.
    pub sentence: String,
}

impl Condition {
    /// A condition of this kind, and what is there.
    pub fn new(kind: ConditionKind, met: bool, sentence: impl Into<String>) -> Self {
        Self { kind, met, sentence: sentence.into() }
    }
}

impl Arming {
    /// Whether every condition is known to hold, and it neither acted nor was stopped. One that nobody looked at does
    /// not hold.
    pub fn is_armed(&self) -> bool {
        self.unmet().next().is_none() && self.acted.is_none() && self.vetoed.is_none()
    }

    /// The kinds that are not known to hold, in their order.
    pub fn unmet(&self) -> impl Iterator<Item = ConditionKind> {
        let met = |kind: &ConditionKind| {
            let mut of_it = self.conditions.iter().filter(|condition| condition.kind == *kind).peekable();
            of_it.peek().is_some() && of_it.all(|condition| condition.met)
        };
        ConditionKind::ALL.into_iter().filter(move |kind| !met(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_nobody_looked_at_does_not_hold() {
        let whole: Vec<Condition> = ConditionKind::ALL.map(|kind| Condition::new(kind, true, "")).into();
        let armed = |conditions: Vec<Condition>| Arming { conditions, ..Arming::default() }.is_armed();
        assert!(armed(whole.clone()));
        assert!(!armed(Vec::new()));
        for place in 0..whole.len() {
            let (mut one_missing, mut one_unmet) = (whole.clone(), whole.clone());
            one_missing.remove(place);
            one_unmet[place].met = false;
            assert!(!armed(one_missing) && !armed(one_unmet), "{:?}", whole[place].kind);
        }
    }
}
