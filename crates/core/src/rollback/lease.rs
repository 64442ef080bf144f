//! Vocabulary: who holds the lease of a rollback, so that two people, or a person and the automation, never act
//! twice.

use crate::deploy::Time;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Whose the rollback of this environment is at the moment: a `Lease` in its namespace says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Nobody's, as far as was asked.
    #[default]
    Nobody,
    /// It is being asked for.
    Asking,
    /// Ours, until we release it or stop renewing it.
    Ours,
    /// Somebody else's: nothing is sent.
    Theirs(Holder),
    /// It could not be asked for, and why: nobody else is kept out by it.
    Unavailable(String),
}

/// How long it stays ours without being renewed: three renewals. Whoever dies in the middle holds nobody up for longer.
pub const LASTS: TimeDelta = TimeDelta::seconds(15);

/// Somebody who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `ana@laptop`.
    pub who: String,
    /// What they do, in their redflag's words: `rollback to 1.8.3`.
    pub what: String,
    /// Since when.
    pub since: Time,
}

/// What is asked of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseCall {
    /// Take it, or see who has it; with what it is taken for.
    Take(String),
    /// Keep it.
    Renew,
    /// Give it back.
    Release,
}
