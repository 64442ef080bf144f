//! What one operation of a migration does, and what that means for the version that is rolled back to.

/// How much an operation hurts the version before it. Ordered, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The previous version is not affected.
    Additive,
    /// It may.
    Unsure,
    /// It does: something that it uses is gone.
    Destructive,
}

/// One operation in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// How much it hurts.
    pub weight: Weight,
    /// What it does, to be read after the file's name: `removes order.legacy_id`.
    pub what: String,
    /// What follows for the previous version, to be read after its name: `reads it`. Empty when nothing follows.
    pub then: &'static str,
    /// The line of its file on which it stands, where that is known.
    pub line: Option<usize>,
}

impl Effect {
    /// The previous version is not affected.
    pub(super) fn additive(what: impl Into<String>) -> Self {
        Self { weight: Weight::Additive, what: what.into(), then: "", line: None }
    }

    /// The previous version may notice.
    pub(super) fn unsure(what: impl Into<String>, then: &'static str) -> Self {
        Self { weight: Weight::Unsure, what: what.into(), then, line: None }
    }

    /// The previous version uses what is gone.
    pub(super) fn destructive(what: impl Into<String>, then: &'static str) -> Self {
        Self { weight: Weight::Destructive, what: what.into(), then, line: None }
    }

    /// The same, on a line of its file.
    pub(super) fn on(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// What goes on behind a line: of a text that is written in another.
    pub(super) fn behind(self, line: usize) -> Self {
        Self { line: Some(line + self.line.unwrap_or(1) - 1), ..self }
    }
}
