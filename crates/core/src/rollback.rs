//! The life of a rollback: `idle → planned → confirmed → running → verified | failed | …`.
//! Each state carries exactly its data. Pure: what is sent, and when, is decided in [`crate::watch`].

pub mod action;
pub mod automatic;
mod check_kind;
pub mod deletion;
pub mod describe;
pub mod destination;
pub mod lease;
pub mod migrations;
pub mod owner;
pub mod plan;
pub mod preflight;
pub mod request;
pub mod step;
pub mod version_history;

pub use check_kind::CheckKind;
pub use plan::{LeftOut, Plan};
pub use step::{Check, CheckOutcome, Covered, Step};

use crate::deploy::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which way a rollback goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Roll back the deploy.
    #[default]
    RollBack,
    /// Undo a rollback that failed halfway or did not help: the deploy's version again.
    Undo,
}

/// Whether a rollback of one workload would work if it were asked for now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Being computed.
    #[default]
    Preparing,
    /// It would; this is what would be sent.
    Ready(Arc<Step>),
    /// It would not.
    Blocked(Refusal),
}

impl From<Result<Step, Refusal>> for Readiness {
    fn from(worked_out: Result<Step, Refusal>) -> Self {
        worked_out.map_or_else(Self::Blocked, |step| Self::Ready(Arc::new(step)))
    }
}

/// Why a rollback would fail or do harm, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// One sentence.
    pub reason: String,
    /// One sentence.
    pub way_out: String,
}

/// A rollback that would not work, with everything that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why not: the first of the blocked checks.
    pub reason: String,
    /// What to do instead.
    pub way_out: String,
    /// All that was checked, the blocked ones among them; empty when it did not come to checking.
    pub checks: Vec<Check>,
}

impl From<Blocked> for Refusal {
    fn from(blocked: Blocked) -> Self {
        Self { reason: blocked.reason, way_out: blocked.way_out, checks: Vec::new() }
    }
}

/// Where a rollback stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Rollback {
    /// None was asked for.
    #[default]
    Idle,
    /// On the screen, waiting for a person's answer.
    Planned {
        /// The plan, as it was when it was opened.
        plan: Arc<Plan>,
        /// When it was opened; keys in its first moments are ignored.
        opened: Time,
    },
    /// The automation is about to do it; a person can stop it, or say yes at once.
    Countdown {
        /// The plan, as it was when it was opened.
        plan: Arc<Plan>,
        /// When it began.
        began: Time,
        /// When it acts.
        fires: Time,
    },
    /// It was confirmed; requests are on their way.
    Confirmed(Execution),
    /// Every request was accepted; pods are changing.
    Running(Execution),
    /// The previous version serves, its pods are ready, the flags are clear.
    Verified {
        /// What was done.
        done: Execution,
        /// When the last flag cleared.
        at: Time,
    },
    /// The previous version serves, and the flags are still red: the deploy was not the cause.
    NotTheCause {
        /// What was done.
        done: Execution,
        /// When that was decided.
        at: Time,
    },
    /// It did not happen, or not wholly.
    Failed {
        /// What was done.
        done: Execution,
        /// When it ended.
        at: Time,
        /// Why, and the next best step.
        blocked: Blocked,
    },
    /// A request was sent and its answer lost: nobody knows yet whether it took effect.
    OutcomeUnknown {
        /// What was done.
        done: Execution,
        /// Since when.
        at: Time,
        /// What was heard last.
        reason: String,
    },
}

impl Rollback {
    /// What was undertaken, once somebody confirmed.
    pub fn execution(&self) -> Option<&Execution> {
        match self {
            Self::Idle | Self::Planned { .. } | Self::Countdown { .. } => None,
            Self::Confirmed(done)
            | Self::Running(done)
            | Self::Verified { done, .. }
            | Self::NotTheCause { done, .. }
            | Self::Failed { done, .. }
            | Self::OutcomeUnknown { done, .. } => Some(done),
        }
    }

    /// Whether something is in progress that a person should not walk away from.
    pub fn is_in_progress(&self) -> bool {
        match self {
            Self::Confirmed(_) | Self::Running(_) => true,
            // Where only the flags cannot be seen, nothing is on its way any more.
            Self::OutcomeUnknown { done, .. } => done.ready.is_none(),
            Self::Idle
            | Self::Planned { .. }
            | Self::Countdown { .. }
            | Self::Verified { .. }
            | Self::NotTheCause { .. }
            | Self::Failed { .. } => false,
        }
    }
}

/// A confirmed plan and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// What was confirmed.
    pub plan: Arc<Plan>,
    /// When the key was struck, or the automation acted.
    pub confirmed: Time,
    /// Whether the automation did it.
    pub automatic: bool,
    /// When the last request was accepted.
    pub accepted: Option<Time>,
    /// When the previous version's pods were all ready.
    pub ready: Option<Time>,
    /// Since when all flags have been clear.
    pub clear_since: Option<Time>,
    /// Each step's state, in the plan's order.
    pub steps: Vec<StepState>,
}

impl Execution {
    /// What all of its times count from.
    pub const fn beginning(&self) -> &'static str {
        if self.automatic { "it started" } else { "the key" }
    }
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Its turn has not come: an earlier stage is not ready yet.
    Waiting,
    /// The request is on its way.
    Sent,
    /// It was taken, and pods change.
    Accepted {
        /// When its request was taken.
        at: Time,
        /// The run that does it, where the system that was asked has runs.
        run: Option<Run>,
    },
    /// All pods of the previous version are ready and the others are gone.
    Ready {
        /// When the last of them was.
        at: Time,
    },
    /// The answer was lost.
    Unknown(String),
    /// It was refused, or ended badly.
    Failed(Blocked),
}

impl StepState {
    /// When its request was taken; `None` while it was not.
    pub const fn taken_at(&self) -> Option<Time> {
        match self {
            Self::Accepted { at, .. } | Self::Ready { at } => Some(*at),
            Self::Waiting | Self::Sent | Self::Unknown(_) | Self::Failed(_) => None,
        }
    }
}

/// A run of another system that carries a step out: a CI job, an Argo CD operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// How it is found again there.
    pub id: String,
    /// Where it stands, in a few words: `queued`, `in progress`, `waiting for approval`.
    pub state: String,
    /// Where a person can look at it.
    pub link: Option<String>,
    /// Whether it succeeded; what is left is for the pods to show.
    pub ended: bool,
}

/// What came of sending one step, of following its run, or of reading back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was taken; pods tell the rest.
    Accepted,
    /// It was taken, and this run carries it out: followed until it has ended.
    Running(Run),
    /// It changed nothing: another person or deploy was quicker. The text says what is there now.
    ChangedUnderUs(String),
    /// It was refused and changed nothing.
    Refused(Blocked),
    /// It was taken, and ended badly: it may have done a part.
    Failed(Blocked),
    /// Sent, and no answer: it may or may not have happened.
    Unknown(String),
}
