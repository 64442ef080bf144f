//! Rollouts that do not get on: time alone makes them a trouble.

use super::Watch;
use crate::deploy::{Time, WorkloadId};
use crate::rollout::stall::{Limits, left_unready, stall};
use crate::rollout::{Rollout, Trouble, TroubleKind};

impl Watch {
    /// Looks at every rollout that is not through.
    pub(super) fn note_stalls(&mut self) {
        for index in 0..self.workloads.len() {
            self.note_stall(WorkloadId(index as u16));
        }
    }

    /// Notes whether a rollout has stood still for too long, as a trouble beside those that the cluster told.
    pub(super) fn note_stall(&mut self, id: WorkloadId) {
        let begun = self.rollback_begun(id);
        let limits = Limits { deadline: self.setup.rollout_deadline, window: self.setup.window };
        let state = &mut self.workloads[usize::from(id.0)];
        let (Some(rollout), Some(deploy)) = (&state.rollout, &state.deploy) else { return };
        let (trouble, overdue) = if deploy.finished.is_some() && begun.is_none() {
            (left_unready(rollout, self.now), None)
        } else {
            // What the cluster rolls out now may be newer than the deploy that is watched: an undo of it.
            let later = [rollout.deploy.as_ref().map(|deploy| deploy.at), begun];
            let begun = later.into_iter().flatten().fold(deploy.at, Time::max);
            let stall = stall(rollout, begun, limits, self.now);
            let overdue = stall.as_ref().map(|stall| stall.since + limits.deadline);
            (stall.map(|stall| stall.trouble), overdue)
        };
        let Some(rollout) = &mut state.rollout else { return };
        let changed = replace(rollout, trouble);
        if changed || state.overdue != overdue {
            state.overdue = overdue;
            self.revision += 1;
        }
    }

    /// When a rollback of ours began to move this workload.
    fn rollback_begun(&self, id: WorkloadId) -> Option<Time> {
        let done = self.rollback.undertaking()?;
        let step = done.plan.steps().zip(&done.steps).find(|(step, _)| step.covered(id).is_some());
        step.and_then(|(_, state)| state.taken_at())
    }
}

/// Puts the trouble in the place of the one that stood there before; says whether that changed anything.
fn replace(rollout: &mut Rollout, trouble: Option<Trouble>) -> bool {
    let is_ours = |trouble: &Trouble| {
        matches!(trouble.kind, TroubleKind::Stalled | TroubleKind::Stalling | TroubleKind::NotReady)
    };
    if rollout.troubles.iter().find(|trouble| is_ours(trouble)) == trouble.as_ref() {
        return false;
    }
    rollout.troubles.retain(|trouble| !is_ours(trouble));
    rollout.troubles.extend(trouble);
    rollout.troubles.sort_by_key(|trouble| trouble.kind);
    true
}
