//! Taking a deploy back once it is confirmed: requests, stage by stage, their answers, and the runs that carry them out.

mod answers;
mod following;
mod sending;

use super::attention::Attention;
use super::deploys::Deploys;
use super::journal::Journal;
use super::judging::Judging;
use super::lease::Lease;
use crate::deploy::{Time, Version, WorkloadId};
use crate::message::Effect;
use crate::rollback::{Blocked, Covered, Execution, Plan, Rollback, Run, Step, StepState};
use crate::setup::Setup;
use crate::signal::{Signal, SignalId};
use chrono::TimeDelta;
use following::note_ready;
use std::sync::Arc;

/// How often a lost answer is looked for, and a run is asked how it goes on.
const ASK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// The rollback of this watch, and what came of those before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Desk {
    rollback: Rollback,
    /// Signals that were red when the rollback was confirmed: they have to be known to be clear again.
    red_at_confirm: Vec<SignalId>,
    /// What ended before the plan that is open now.
    ended: Option<Box<Rollback>>,
    /// What was rolled back in this watch, and that was not undone.
    rolled_back: Vec<Covered>,
    /// When lost answers and runs were last asked for.
    last_asked: Option<Time>,
    /// When the newest stage was sent.
    sent: Option<Time>,
    /// Steps whose lost answer was looked for in vain: should they take effect anyway, that is told.
    given_up: Vec<WorkloadId>,
}

/// What a rollback goes by, and does not own.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) setup: &'a Setup,
    pub(super) now: Time,
    pub(super) deploys: &'a Deploys,
    pub(super) judging: &'a Judging,
    pub(super) lease: &'a Lease,
    pub(super) attention: &'a Attention,
}

/// What a rollback does: it is written down, and asked for.
pub(super) struct Doing<'a> {
    pub(super) journal: &'a mut Journal,
    pub(super) effects: &'a mut Vec<Effect>,
    /// The workloads that are moved by it: what was computed for them is for a state that is gone.
    pub(super) moved: Vec<WorkloadId>,
}

/// What was closed that waited for a person.
pub(super) enum Dismissed {
    /// Nothing: what is in progress, or has ended, stays.
    Nothing,
    /// A plan.
    Plan,
    /// A countdown to these versions.
    Countdown(String),
}

/// The version that a signal speaks of, once it was rolled back and the old one serves again.
pub(super) fn gone<'a>(setup: &Setup, done: &'a Execution, signal: &Signal) -> Option<&'a str> {
    if !signal.of_version || done.ready.is_none() {
        return None;
    }
    let mut covered = done.plan.steps().flat_map(|step| &step.covers);
    let covered = covered.find(|covered| setup.workload(covered.workload).service == signal.service)?;
    Some(covered.from.label())
}

impl Desk {
    pub(super) fn rollback(&self) -> &Rollback {
        &self.rollback
    }

    /// The rollback; under a plan that is open, the one that ended before it.
    pub(super) fn last_executed(&self) -> &Rollback {
        match (&self.rollback, &self.ended) {
            (Rollback::Planned { .. }, Some(ended)) => ended,
            (rollback, _) => rollback,
        }
    }

    /// Whether anything was rolled back in this watch, or is about to be.
    pub(super) fn has_acted(&self) -> bool {
        self.rollback.execution().is_some() || !self.rolled_back.is_empty()
    }

    /// Whether anything was rolled back and that was not undone.
    pub(super) fn has_rolled_back(&self) -> bool {
        !self.rolled_back.is_empty()
    }

    /// Whether a flag was red when the last rollback was confirmed.
    pub(super) fn was_red(&self) -> bool {
        !self.red_at_confirm.is_empty()
    }

    /// Shows this plan, in the place of what ended before it.
    pub(super) fn open(&mut self, plan: Plan, now: Time) {
        let ended = std::mem::take(&mut self.rollback);
        self.ended = ended.execution().is_some().then(|| Box::new(ended));
        self.rollback = Rollback::Planned { plan: Arc::new(plan), opened: now };
    }

    /// Shows this plan in the place of the open one, to be read again.
    pub(super) fn widen(&mut self, plan: Plan, now: Time) {
        self.rollback = Rollback::Planned { plan: Arc::new(plan), opened: now };
    }

    /// Begins to count down to this plan.
    pub(super) fn count_down(&mut self, plan: Plan, now: Time, fires: Time) {
        self.rollback = Rollback::Countdown { plan: Arc::new(plan), began: now, fires };
    }

    /// Ends a countdown: nothing happens.
    pub(super) fn call_off(&mut self) {
        self.rollback = Rollback::Idle;
    }

    /// Closes what waits for a person. What was done stays known (the verdict depends on it); only the view closes its
    /// report.
    pub(super) fn dismiss(&mut self) -> Dismissed {
        match &self.rollback {
            Rollback::Planned { .. } => {
                self.rollback = self.ended.take().map_or(Rollback::Idle, |ended| *ended);
                Dismissed::Plan
            }
            Rollback::Countdown { plan, .. } => {
                let target = plan.target();
                self.rollback = Rollback::Idle;
                Dismissed::Countdown(target)
            }
            Rollback::Idle
            | Rollback::Confirmed(_)
            | Rollback::Running(_)
            | Rollback::Verified { .. }
            | Rollback::NotTheCause { .. }
            | Rollback::Failed { .. }
            | Rollback::OutcomeUnknown { .. } => Dismissed::Nothing,
        }
    }

    /// Lost answers and runs are asked for as soon as there is time.
    pub(super) fn ask_at_once(&mut self) {
        self.last_asked = None;
    }

    /// When a rollback began to move this workload.
    pub(super) fn begun(&self, id: WorkloadId) -> Option<Time> {
        let done = self.rollback.execution()?;
        let step = done.plan.steps().zip(&done.steps).find(|(step, _)| step.covered(id).is_some());
        step.and_then(|(_, state)| state.taken_at())
    }

    /// Whether a deploy of this version that appears is the undo that was asked for, and not somebody's new version.
    pub(super) fn is_our_undo(&self, id: WorkloadId, version: &Version) -> bool {
        let asked_for = self.may_be_done().filter_map(|step| step.covered(id));
        asked_for.chain(self.rolled_back(id)).any(|covered| covered.to.hash == version.hash)
    }

    /// Whether a version that appears is the one that a revert of ours, still in progress, has had built.
    pub(super) fn is_our_build(&self, id: WorkloadId, version: &Version) -> bool {
        let done = self.rollback.execution().filter(|_| self.rollback.is_in_progress());
        let built = done.into_iter().flat_map(|done| done.plan.steps()).filter(|step| step.action.rebuilds());
        built.filter_map(|step| step.covered(id)).any(|covered| covered.from.hash != version.hash)
    }

    /// What was built has no name before it is there; from now on it is what was gone back to.
    pub(super) fn note_what_came_back(&mut self, id: WorkloadId, version: Version) {
        if let Some(covered) = self.rolled_back.iter_mut().find(|covered| covered.workload == id) {
            covered.to = version;
        }
    }

    /// What was rolled back of a workload in this watch and still is.
    pub(super) fn rolled_back(&self, workload: WorkloadId) -> Option<&Covered> {
        self.rolled_back.iter().find(|covered| covered.workload == workload)
    }

    /// The steps of the last rollback that were sent, and not refused for certain: what was refused is nobody's doing here.
    pub(super) fn may_be_done(&self) -> impl Iterator<Item = &Step> {
        let all = self.rollback.execution().into_iter().flat_map(|done| done.plan.steps().zip(&done.steps));
        let sent = all.filter(|(step, state)| match state {
            StepState::Waiting => false,
            StepState::Failed(_) => self.given_up.contains(&step.workload()),
            StepState::Sent | StepState::Unknown(_) | StepState::Accepted { .. } | StepState::Ready { .. } => true,
        });
        sent.map(|(step, _)| &**step)
    }

    /// Whether the last rollback left something that can be undone.
    pub(super) fn can_go_forward(&self) -> bool {
        !self.rolled_back.is_empty() && !self.rollback.is_in_progress()
    }

    /// Looks at where a rollback stands now: lost answers, runs, pods, flags.
    pub(super) fn follow(&mut self, around: Around<'_>, doing: &mut Doing<'_>) {
        let is_lost = |state: &StepState| matches!(state, StepState::Unknown(_));
        match std::mem::take(&mut self.rollback) {
            // Everything was answered, and only the flags cannot be seen: they may be again.
            Rollback::OutcomeUnknown { done, .. } if !done.steps.iter().any(is_lost) => {
                self.follow_pods(done, around, doing);
            }
            Rollback::OutcomeUnknown { done, at, reason } => {
                if self.is_time_to_ask(around.now) {
                    let lost = done.plan.steps().zip(&done.steps);
                    let lost = lost.filter(|(_, state)| matches!(state, StepState::Unknown(_)));
                    doing.effects.extend(lost.map(|(step, _)| Effect::ReadBack(Arc::clone(step))));
                }
                self.rollback = Rollback::OutcomeUnknown { done, at, reason };
            }
            Rollback::Running(done) => {
                if done.plan.steps().zip(&done.steps).any(|(_, state)| open_run(state).is_some())
                    && self.is_time_to_ask(around.now)
                {
                    let runs = done.plan.steps().zip(&done.steps);
                    let runs = runs.filter_map(|(step, state)| Some((Arc::clone(step), open_run(state)?.clone())));
                    doing.effects.extend(runs.map(|(step, run)| Effect::Follow(step, run)));
                }
                self.follow_pods(done, around, doing);
            }
            Rollback::Failed { mut done, at, blocked } => {
                note_ready(&mut done, around, doing.journal);
                self.rollback = self.correct(done, at, blocked, around, doing);
            }
            other => self.rollback = other,
        }
    }

    /// What was given up as not done may be done after all: the cluster tells, and the report is put right.
    fn correct(
        &mut self,
        mut done: Execution,
        at: Time,
        blocked: Blocked,
        around: Around<'_>,
        doing: &mut Doing<'_>,
    ) -> Rollback {
        let plan = Arc::clone(&done.plan);
        let mut corrected = false;
        for (step, state) in plan.steps().zip(&mut done.steps) {
            let was_given_up = self.given_up.contains(&step.workload()) && matches!(state, StepState::Failed(_));
            if was_given_up && around.is_on_its_way(step) {
                self.given_up.retain(|workload| *workload != step.workload());
                *state = StepState::Accepted { at: around.now, run: None };
                corrected = true;
                self.note_rolled_back(step, doing);
                let text = format!("{}: the {} took effect after all", step.subject, step.action.name(plan.goal));
                doing.journal.tell(around.now, text);
            }
        }
        let came_late = done.steps.iter().all(|state| matches!(state, StepState::Ready { .. }));
        if came_late || (corrected && done.steps.iter().all(|state| state.taken_at().is_some())) {
            done.accepted = done.accepted.or(Some(around.now));
            return Rollback::Running(done);
        }
        Rollback::Failed { done, at, blocked }
    }

    fn is_time_to_ask(&mut self, now: Time) -> bool {
        let due = self.last_asked.is_none_or(|last| now - last >= ASK_EVERY || last > now);
        if due {
            self.last_asked = Some(now);
        }
        due
    }
}

/// The run that a step waits for.
fn open_run(state: &StepState) -> Option<&Run> {
    match state {
        StepState::Accepted { run: Some(run), .. } if !run.ended => Some(run),
        _ => None,
    }
}
