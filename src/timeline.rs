//! Everything that happened in a watch, with times, oldest first and bounded.

use crate::deploy::Time;
use std::collections::VecDeque;

/// The most entries kept; the oldest go first. Half an hour of a bad deploy stays well below.
pub const CAPACITY: usize = 500;

/// What happened, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    entries: VecDeque<Entry>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was true, which may be before it was known here.
    pub at: Time,
    /// What kind of thing: the view's glyph and colour.
    pub mark: Mark,
    /// One line.
    pub text: String,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The deploy and its rollout.
    Deploy,
    /// A red flag went up.
    RedFlag,
    /// A warning.
    Warning,
    /// A flag or warning cleared.
    Clear,
    /// Something became unknown: a source fell silent, too little data.
    Unknown,
    /// A rollback and its steps.
    Rollback,
    /// Something the cluster said.
    Event,
    /// A person's note.
    Note,
}

impl Timeline {
    /// Adds an entry at its time: late news of earlier things goes where it belongs.
    pub fn add(&mut self, at: Time, mark: Mark, text: impl Into<String>) {
        let entry = Entry { at, mark, text: text.into() };
        let index = self.entries.partition_point(|other| other.at <= at);
        self.entries.insert(index, entry);
        if self.entries.len() > CAPACITY {
            self.entries.pop_front();
        }
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }
}
