//! What a rollback would do now: its steps, in stages, and what it skips.

use super::Goal;
use super::step::Step;
use crate::deploy::WorkloadRef;
use chrono::TimeDelta;
use std::sync::Arc;

/// What one rollback would do, frozen when it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Whether it takes the deploy back, or takes that back.
    pub goal: Goal,
    /// The steps, in the order in which they are sent: those of a stage in parallel, the next stage when
    /// all pods of the one before are ready.
    pub stages: Vec<Vec<Arc<Step>>>,
    /// Workloads in its scope that it leaves alone, and why.
    pub left_out: Vec<LeftOut>,
    /// Workloads of the same push that are not in its scope, because nothing speaks against them.
    pub beside: usize,
    /// Whether it is known that nothing calls for it: no flag is red, and every signal is known to be clear.
    pub without_red_flag: bool,
}

/// A workload that a plan leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The workload.
    pub reference: WorkloadRef,
    /// Why it is left alone, in one sentence.
    pub why: String,
    /// Whether it belongs to the push, so that without it the push is only half rolled back.
    pub belongs: bool,
}

impl Plan {
    /// A plan that does nothing yet.
    pub fn empty(goal: Goal) -> Self {
        Self { goal, stages: Vec::new(), left_out: Vec::new(), beside: 0, without_red_flag: false }
    }

    /// Its steps, in the order in which they are sent.
    pub fn steps(&self) -> impl Iterator<Item = &Arc<Step>> {
        self.stages.iter().flatten()
    }

    /// How many steps it has.
    pub fn step_count(&self) -> usize {
        self.stages.iter().map(Vec::len).sum()
    }

    /// Whether it would do nothing.
    pub fn is_empty(&self) -> bool {
        self.step_count() == 0
    }

    /// The longest step of each stage, one stage after the other.
    pub fn expected(&self) -> TimeDelta {
        let longest = |stage: &Vec<Arc<Step>>| stage.iter().map(|step| step.expected).max().unwrap_or_default();
        self.stages.iter().map(longest).sum()
    }

    /// The version it goes back to, where all steps agree; else how many versions.
    pub fn target(&self) -> String {
        match self.labels().as_slice() {
            [one] => (*one).to_owned(),
            many => format!("{} versions", many.len()),
        }
    }

    /// The version it goes back to, where all steps agree.
    pub fn only_target(&self) -> Option<String> {
        match self.labels().as_slice() {
            [one] => Some((*one).to_owned()),
            _ => None,
        }
    }

    /// That the versions it goes to serve: `1.8.3 serves`, `2 versions serve`.
    pub fn serves(&self) -> String {
        match self.labels().as_slice() {
            [one] => format!("{one} is live"),
            many => format!("{} versions are live", many.len()),
        }
    }

    /// The versions that it goes to, each once.
    fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> =
            self.steps().flat_map(|step| &step.covers).map(|covered| covered.to.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Whether it would roll back only a part of what it is for. One that does nothing is no part.
    pub fn is_partial(&self) -> bool {
        !self.is_empty() && self.left_out.iter().any(|left| left.belongs)
    }

    /// Whether the environment's name has to be typed: for harm that a check names, and for half a push.
    pub fn needs_typing(&self) -> bool {
        self.is_partial() || self.steps().any(|step| step.needs_typing())
    }

    /// Adds a step to a stage. One that acts on what another step of the plan acts on already is the same
    /// request, and only covers more workloads.
    pub fn add(&mut self, stage: usize, step: &Arc<Step>) {
        let same = self.stages.iter_mut().flatten().find(|known| known.subject == step.subject);
        if let Some(known) = same {
            let known = Arc::make_mut(known);
            known.covers.extend(step.covers.iter().cloned());
            known.expected = known.expected.max(step.expected);
            for check in &step.checks {
                if !known.checks.contains(check) {
                    known.checks.push(check.clone());
                }
            }
            for thing in &step.not_reverted {
                if !known.not_reverted.contains(thing) {
                    known.not_reverted.push(thing.clone());
                }
            }
            return;
        }
        if self.stages.len() <= stage {
            self.stages.resize_with(stage + 1, Vec::new);
        }
        self.stages[stage].push(Arc::clone(step));
    }

    /// Drops stages without a step.
    pub fn close(&mut self) {
        self.stages.retain(|stage| !stage.is_empty());
    }
}
