//! One step of a plan: what it does, to which workloads, its checks, and what it does not revert.

use super::action::Action;
use super::check_kind::CheckKind;
use super::{Blocked, Goal};
use crate::deploy::{Version, WorkloadId, WorkloadRef};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// One request to one system, computed to the last byte, and the workloads that it rolls back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where it goes.
    pub goal: Goal,
    /// What is acted on, one of its kind in a plan: `deployment/app`, `release shop`, `workflow rollback.yml`.
    /// Workloads whose steps name the same subject are rolled back by the same request.
    pub subject: String,
    /// The system that is asked, as the person knows it: `prod-eu (https://10.0.0.1:6443)`.
    pub place: String,
    /// The workloads that it rolls back; at least one. The first one names the step in messages.
    pub covers: Vec<Covered>,
    /// What is sent.
    pub action: Action,
    /// What it does, thing by thing and in order, each in one line.
    pub does: Vec<String>,
    /// What was checked, and how it came out. None of them is blocked.
    pub checks: Vec<Check>,
    /// What going back does not bring back.
    pub not_reverted: Vec<String>,
    /// How long it should take until all pods of the previous version are ready.
    pub expected: TimeDelta,
    /// The nearest thing to it on a command line, for people without redflag.
    pub manual_command: String,
}

/// One workload that a step rolls back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// Which workload of the watch.
    pub workload: WorkloadId,
    /// Its kind, namespace and name.
    pub reference: WorkloadRef,
    /// The workload's identity when the plan was made: one recreated has another.
    pub uid: String,
    /// Its `metadata.generation` when the plan was made.
    pub generation: i64,
    /// What runs now.
    pub from: Version,
    /// What would run.
    pub to: Version,
}

impl Step {
    /// The workload that names the step in messages: no other step of a plan covers it.
    pub fn workload(&self) -> WorkloadId {
        self.covers.first().map_or(WorkloadId(u16::MAX), |covered| covered.workload)
    }

    /// What it rolls back of this workload.
    pub fn covered(&self, workload: WorkloadId) -> Option<&Covered> {
        self.covers.iter().find(|covered| covered.workload == workload)
    }

    /// The version that it goes back to, as people call it.
    pub fn target(&self) -> &str {
        self.covers.first().map_or("?", |covered| covered.to.label())
    }

    /// Whether it needs the environment's name typed, whatever the environment asks for otherwise.
    pub fn needs_typing(&self) -> bool {
        self.checks.iter().any(|check| check.outcome == CheckOutcome::Typed)
    }
}

/// One preflight check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What it is about. Whatever depends on a check finds it by this.
    pub kind: CheckKind,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// One sentence.
    pub sentence: String,
    /// What to do about it, where it is not ok: one sentence.
    pub way_out: Option<String>,
}

/// How a check came out. Ordered, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// Nothing in the way.
    Ok,
    /// It can go on; the person should know.
    Warning,
    /// It would do harm that a person may still want: it goes on once the environment's name was typed.
    Typed,
    /// It cannot go on.
    Blocked,
}

impl CheckOutcome {
    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Typed => "typed",
            Self::Blocked => "blocked",
        }
    }
}

impl Check {
    /// Its name on the screen. Only for people: a name may change.
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Nothing in the way.
    pub fn ok(kind: CheckKind, sentence: impl Into<String>) -> Self {
        Self { kind, outcome: CheckOutcome::Ok, sentence: sentence.into(), way_out: None }
    }

    /// It can go on; the person should know, and may do something about it.
    pub fn warning(kind: CheckKind, sentence: impl Into<String>, way_out: Option<String>) -> Self {
        Self { kind, outcome: CheckOutcome::Warning, sentence: sentence.into(), way_out }
    }

    /// It would do harm: goes on only when typed.
    pub fn typed(kind: CheckKind, sentence: impl Into<String>, way_out: impl Into<String>) -> Self {
        let (sentence, way_out) = (sentence.into(), Some(way_out.into()));
        Self { kind, outcome: CheckOutcome::Typed, sentence, way_out }
    }

    /// It cannot go on.
    pub fn blocked(kind: CheckKind, blocked: Blocked) -> Self {
        let Blocked { reason, way_out } = blocked;
        Self { kind, outcome: CheckOutcome::Blocked, sentence: reason, way_out: Some(way_out) }
    }
}
