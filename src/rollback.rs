//! The life of a rollback: `idle → planned → confirmed → running → verified | failed | …`.
//! Each state carries exactly its data. Pure: what is sent, and when, is decided in [`crate::watch`].

pub mod kubernetes;
pub mod preflight;
pub mod target;

use crate::deploy::{Time, Version, WorkloadId, WorkloadRef};
use chrono::TimeDelta;
use serde_json::Value;
use std::sync::Arc;

/// Whether a rollback of one workload would work if it were asked for now.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Readiness {
    /// Being worked out.
    #[default]
    Preparing,
    /// It would; this is what would be sent.
    Ready(Arc<Undo>),
    /// It would not.
    Blocked(Blocked),
}

/// Why a rollback would fail or do harm, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// One sentence.
    pub reason: String,
    /// One sentence.
    pub way_out: String,
}

/// One workload's undo, worked out to the last byte of its request.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// Which workload of the watch.
    pub workload: WorkloadId,
    /// Its kind, namespace and name.
    pub reference: WorkloadRef,
    /// The cluster as the person knows it: context and server.
    pub cluster: String,
    /// Pinned: the patch tests it.
    pub uid: String,
    /// Pinned: the patch tests it.
    pub generation: i64,
    /// What runs now.
    pub from: Version,
    /// What would run.
    pub to: Version,
    /// The JSON Patch (RFC 6902): its `test` operations first, then the template.
    pub patch: Value,
    /// What was checked, and how it came out. None of them is blocked.
    pub checks: Vec<Check>,
    /// What going back does not bring back.
    pub not_restored: Vec<String>,
    /// How long it should take until all pods of the old version are ready.
    pub expected: TimeDelta,
    /// The nearest thing to it on a command line, for people without redflag.
    pub by_hand: String,
}

/// One preflight check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A word or two: `permission`.
    pub name: &'static str,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// One sentence.
    pub sentence: String,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckOutcome {
    /// Nothing in the way.
    Ok,
    /// It can go on; the person should know.
    Warning,
}

/// What one rollback would do, frozen when it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The undo of each workload, in the order in which they are sent.
    pub steps: Vec<Arc<Undo>>,
    /// Workloads in its scope that it leaves alone, and why.
    pub left_out: Vec<(WorkloadRef, String)>,
}

impl Plan {
    /// The longest of the steps: they run side by side.
    pub fn expected(&self) -> TimeDelta {
        self.steps.iter().map(|step| step.expected).max().unwrap_or_default()
    }

    /// The version it goes back to, where all steps agree; else how many versions.
    pub fn target(&self) -> String {
        let mut labels: Vec<&str> = self.steps.iter().map(|step| step.to.label()).collect();
        labels.dedup();
        match labels.as_slice() {
            [one] => (*one).to_owned(),
            many => format!("{} versions", many.len()),
        }
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
        /// Frozen.
        plan: Arc<Plan>,
        /// When it was opened; keys in its first moments are ignored.
        opened: Time,
    },
    /// A person said yes; requests are on their way.
    Confirmed(Undertaking),
    /// Every request was accepted; pods are changing.
    Running(Undertaking),
    /// The old version serves, its pods are ready, the flags are clear.
    Verified {
        /// What was done.
        done: Undertaking,
        /// When the last flag cleared.
        at: Time,
    },
    /// The old version serves, and the flags are still red: the deploy was not the cause.
    NotTheCause {
        /// What was done.
        done: Undertaking,
        /// When that was decided.
        at: Time,
    },
    /// It did not happen, or not wholly.
    Failed {
        /// What was done.
        done: Undertaking,
        /// When.
        at: Time,
        /// Why, and the next best step.
        blocked: Blocked,
    },
    /// A request was sent and its answer lost: nobody knows yet whether it took effect.
    OutcomeUnknown {
        /// What was done.
        done: Undertaking,
        /// Since when.
        at: Time,
        /// What was heard last.
        reason: String,
    },
}

impl Rollback {
    /// What was undertaken, once somebody confirmed.
    pub fn undertaking(&self) -> Option<&Undertaking> {
        match self {
            Self::Idle | Self::Planned { .. } => None,
            Self::Confirmed(done)
            | Self::Running(done)
            | Self::Verified { done, .. }
            | Self::NotTheCause { done, .. }
            | Self::Failed { done, .. }
            | Self::OutcomeUnknown { done, .. } => Some(done),
        }
    }

    /// Whether something is under way that a person should not walk away from.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Confirmed(_) | Self::Running(_) | Self::OutcomeUnknown { .. })
    }
}

/// A confirmed plan and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Undertaking {
    /// What was confirmed.
    pub plan: Arc<Plan>,
    /// When the key was struck.
    pub confirmed: Time,
    /// When the last request was accepted.
    pub accepted: Option<Time>,
    /// When the old version's pods were all ready.
    pub ready: Option<Time>,
    /// Each step's state, in the plan's order.
    pub steps: Vec<StepState>,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// The request is on its way.
    Sent,
    /// The API server took it.
    Accepted {
        /// When.
        at: Time,
    },
    /// All pods of the old version are ready and the others are gone.
    Ready {
        /// When.
        at: Time,
    },
    /// The answer was lost.
    Unknown(String),
    /// It was refused.
    Failed(Blocked),
}

/// What came of sending one undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The API server took it.
    Accepted,
    /// It changed nothing: another person or deploy was quicker. The text says what is there now.
    ChangedUnderUs(String),
    /// It was refused and changed nothing.
    Refused(Blocked),
    /// Sent, and no answer: it may or may not have happened.
    Unknown(String),
}
