//! What came of each rollback, and how long each part of it took.

use crate::deploy::Time;
use crate::headline::Headline;
use crate::rollback::{Execution, Goal, Rollback};
use crate::verdict::Verdict;
use crate::watch::Watch;
use schemars::JsonSchema;
use serde::Serialize;

/// A rollback that was confirmed: from the key to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Undertaking {
    /// Which way.
    pub goal: Goal,
    /// The version it went to; of several, how many.
    pub target: String,
    /// The workloads, as `deployment/app`.
    pub workloads: Vec<String>,
    /// Whether the automation did it.
    pub automatic: bool,
    /// Who was at the keys, or whose automation it was.
    pub by: String,
    /// When the key was struck, or the automation acted.
    pub confirmed: Time,
    /// When the last request was accepted.
    pub accepted: Option<Time>,
    /// When all pods of the previous version were ready.
    pub ready: Option<Time>,
    /// Since when all flags have been clear.
    pub clear: Option<Time>,
    /// What was said of the deploy as it was confirmed.
    pub because: Said,
    /// What came of it.
    pub ending: Ending,
    /// Why it failed, or why nobody knows.
    pub why: Option<String>,
}

/// What the whole said at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The moment, by the clock of whoever watched.
    pub at: Time,
    /// The verdict.
    pub verdict: Verdict,
    /// The same in one sentence, with its facts.
    pub headline: Headline,
}

impl Said {
    /// What a watch says now.
    pub fn of(watch: &Watch) -> Self {
        Self { at: watch.now(), verdict: watch.verdict(), headline: Headline::of(watch, None) }
    }
}

/// What came of a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The record ended before it did, or a response was lost.
    Unknown,
    /// The previous version is live and has recovered.
    Verified,
    /// The previous version is live and still red: the deploy was not the cause.
    NoHelp,
    /// It was refused, or ended halfway.
    Failed,
}

impl Ending {
    /// What has come of a rollback so far; `None` where none was confirmed.
    pub const fn of(rollback: &Rollback) -> Option<Self> {
        match rollback {
            Rollback::Idle | Rollback::Planned { .. } | Rollback::Countdown { .. } => None,
            Rollback::Confirmed(_) | Rollback::Running(_) | Rollback::OutcomeUnknown { .. } => Some(Self::Unknown),
            Rollback::Verified { .. } => Some(Self::Verified),
            Rollback::NotTheCause { .. } => Some(Self::NoHelp),
            Rollback::Failed { .. } => Some(Self::Failed),
        }
    }

    /// What is said beside a verdict of what was done with this goal and ended so: `rolled back`.
    pub const fn label(self, goal: Goal) -> &'static str {
        match (goal, self) {
            (Goal::RollBack, Self::Verified) => "rolled back",
            (Goal::RollBack, Self::NoHelp) => "rolled back without help",
            (Goal::RollBack, Self::Failed) => "rollback failed",
            (Goal::RollBack, Self::Unknown) => "rollback outcome unknown",
            (Goal::Undo, Self::Verified | Self::NoHelp) => "rollback undone",
            (Goal::Undo, Self::Failed) => "undo of the rollback failed",
            (Goal::Undo, Self::Unknown) => "outcome of the undo unknown",
        }
    }
}

/// The rollbacks so far: each as it was when it was last seen, and what was said as it was confirmed.
#[derive(Debug, Default)]
pub(super) struct Undertakings(Vec<(Rollback, Said)>);

impl Undertakings {
    pub(super) fn look(&mut self, watch: &Watch) {
        let seen = watch.last_executed();
        let Some(confirmed) = seen.execution().map(|done| done.confirmed) else { return };
        let same = |known: &Rollback| known.execution().is_some_and(|done| done.confirmed == confirmed);
        match self.0.last_mut().filter(|(last, _)| same(last)) {
            Some((last, _)) => last.clone_from(seen),
            None => self.0.push((seen.clone(), Said::of(watch))),
        }
    }

    pub(super) fn closed(self, watch: &Watch) -> Vec<Undertaking> {
        self.0.into_iter().filter_map(|(rollback, said)| undertaking(&rollback, said, watch)).collect()
    }
}

fn undertaking(rollback: &Rollback, because: Said, watch: &Watch) -> Option<Undertaking> {
    let done: &Execution = rollback.execution()?;
    let why = match rollback {
        Rollback::Failed { blocked, .. } => Some(blocked.reason.clone()),
        Rollback::OutcomeUnknown { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    let covered = done.plan.steps().flat_map(|step| &step.covers);
    Some(Undertaking {
        goal: done.plan.goal,
        target: done.plan.target(),
        workloads: covered.map(|covered| covered.reference.to_string()).collect(),
        automatic: done.automatic,
        by: watch.setup().rollback.actor.clone(),
        confirmed: done.confirmed,
        accepted: done.accepted,
        ready: done.ready,
        clear: match rollback {
            Rollback::Verified { at, .. } => done.clear_since.or(Some(*at)),
            _ => None,
        },
        because,
        ending: Ending::of(rollback)?,
        why,
    })
}
