//! Which revision an undo goes to, and the request that goes there.

use chrono::TimeDelta;

/// What the watch knows that an undo should heed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where to go.
    pub choice: Choice,
    /// How long this workload's pods took from creation to readiness of late, where that was seen.
    pub pace: Option<TimeDelta>,
}

/// Where an undo should go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    /// The newest revision other than the current one: all that can be said without having watched.
    #[default]
    Previous,
    /// The version that served before the deploy, by its pods' `pod-template-hash` or
    /// `controller-revision-hash`. Numbers move when a revision is undone to; this does not.
    Hash(String),
    /// The revision with this number, as a person typed it.
    Revision(i64),
}
