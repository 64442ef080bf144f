//! Stalled rollouts: they become a problem by time alone.

use super::Deploys;
use crate::deploy::{Time, WorkloadId};
use crate::rollout::stall::{Limits, left_unready, stall};
use crate::rollout::{Rollout, Trouble, TroubleKind};

impl Deploys {
    /// Notes whether a rollout has stood still for too long, as a trouble beside those that the cluster told. `begun` is
    /// when a rollback of ours began to move it. Says whether that changed anything.
    pub(in crate::watch) fn note_stall(
        &mut self,
        id: WorkloadId,
        begun: Option<Time>,
        limits: Limits,
        now: Time,
    ) -> bool {
        let state = self.of_mut(id);
        let (Some(rollout), Some(deploy)) = (&state.rollout, &state.deploy) else { return false };
        let (trouble, overdue) = if deploy.finished.is_some() && begun.is_none() {
            (left_unready(rollout, now), None)
        } else {
            // What the cluster rolls out now may be newer than the deploy that is watched: an undo of it.
            let later = [rollout.deploy.as_ref().map(|deploy| deploy.at), begun];
            let begun = later.into_iter().flatten().fold(deploy.at, Time::max);
            let stall = stall(rollout, begun, limits, now);
            let overdue = stall.as_ref().map(|stall| stall.since + limits.deadline);
            (stall.map(|stall| stall.trouble), overdue)
        };
        let Some(rollout) = &mut state.rollout else { return false };
        let changed = replace(rollout, trouble) || state.overdue != overdue;
        state.overdue = overdue;
        changed
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
