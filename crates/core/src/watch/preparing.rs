//! Computing what a rollback would do before anybody asks: after each change, and at intervals.

use super::Watch;
use super::deploys::{PlanKey, pace};
use crate::deploy::WorkloadId;
use crate::message::Effect;
use crate::rollback::request::{Choice, PlanRequest, Seen, Wanted};
use crate::rollback::{Goal, Rollback};
use chrono::TimeDelta;

/// A rollback that would work is made sure of at least this often: permissions and policies change too.
const RECHECK: TimeDelta = TimeDelta::seconds(60);
/// The same while the cluster does not tell by itself what changes.
const RECHECK_BLIND: TimeDelta = TimeDelta::seconds(10);

impl Watch {
    /// Computes what a rollback of this workload would do, unless that was asked for this very state of it.
    pub(super) fn prepare_if_changed(&mut self, id: WorkloadId, effects: &mut Vec<Effect>) {
        let Some(key) = self.deploys.plan_key(id) else { return };
        if !self.deploys.is_asked_for(id, &key) {
            self.prepare(id, key, effects);
        }
    }

    /// On each tick: whoever's plan is old is made sure of again. What was ready before the cluster fell silent is not
    /// known to be ready any more, until it was asked again.
    pub(super) fn refresh_readiness(&mut self, effects: &mut Vec<Effect>) {
        let tells = self.polling.cluster_tells(&self.setup, self.now);
        let turned = self.polling.note_cluster(tells);
        let recheck = if tells { RECHECK } else { RECHECK_BLIND };
        for index in 0..self.deploys.all().len() {
            let id = WorkloadId(index as u16);
            let Some(asked) = self.deploys.asked_at(id) else { continue };
            if turned && !tells {
                self.deploys.forget_readiness_of(id);
                self.journal.changed();
            }
            if turned || self.now - asked >= recheck || asked > self.now {
                self.prepare_again(id, effects);
            }
        }
    }

    /// Computes again what a rollback of this workload would do, whatever is known of it.
    pub(super) fn prepare_again(&mut self, id: WorkloadId, effects: &mut Vec<Effect>) {
        if let Some(key) = self.deploys.plan_key(id) {
            self.prepare(id, key, effects);
        }
    }

    fn prepare(&mut self, id: WorkloadId, key: PlanKey, effects: &mut Vec<Effect>) {
        if matches!(self.desk.rollback(), Rollback::Confirmed(_) | Rollback::Running(_)) {
            return;
        }
        let choice = match self.setup.told.rollback_to {
            Some(revision) => Choice::Revision(revision),
            None => Choice::Usual { served_before: key.served_before().cloned() },
        };
        effects.push(self.ask(id, Goal::RollBack, choice));
        // What was rolled back can be brought back as well, should it turn out not to have been the cause.
        if let Some(covered) = self.rolled_back(id) {
            effects.push(self.ask(id, Goal::Undo, Choice::Hash(covered.from.hash.clone())));
        }
        self.deploys.ask(id, key, self.now);
    }

    fn ask(&self, workload: WorkloadId, goal: Goal, choice: Choice) -> Effect {
        let told = self.setup.workload(workload);
        let rollout = self.workload(workload).rollout.as_ref();
        let seen = rollout.and_then(|rollout| {
            let deploy = rollout.deploy.as_ref()?;
            Some(Seen {
                uid: rollout.uid.clone(),
                generation: rollout.generation,
                replicas: rollout.replicas.desired,
                running: deploy.to.clone(),
                deployed: deploy.at,
                revisions: rollout.revisions.iter().map(|revision| revision.version.clone()).collect(),
                served_before: deploy.from.as_ref().map(|from| from.hash.clone()),
                rolled_back: rollout.rolled_back().cloned(),
            })
        });
        let known = self.setup.rollback.known.get(usize::from(workload.0));
        Effect::Prepare(Box::new(PlanRequest {
            goal,
            workload,
            reference: told.reference.clone(),
            service: self.setup.service(told.service).name.clone(),
            environment: self.setup.environment.clone(),
            wanted: Wanted {
                choice,
                container: told.container.clone(),
                pace: rollout.and_then(pace),
                known: known.cloned().unwrap_or_default(),
                actor: self.setup.rollback.actor.clone(),
                reason: self.judging.red_sentences(),
                seen,
            },
        }))
    }
}
