//! Deleting the pods that block a rollback: which ones, only when a person confirms, and each pod once.

use super::Watch;
use crate::deploy::WorkloadId;
use crate::message::Effect;
use crate::rollback::Rollback;
use crate::rollback::deletion::{Deleted, PodId, Question};

impl Watch {
    /// The pods that keep a version from coming back to all pods of a workload, and that only a person's hand removes:
    /// broken ones of the version that was rolled back. Never one that is ready, never one of another version, never
    /// one whose deletion is on its way or was taken; none in read-only mode.
    pub fn deletable_pods(&self, workload: WorkloadId) -> Vec<PodId> {
        match (&self.workload(workload).rollout, self.rolled_back(workload)) {
            (Some(rollout), Some(covered)) if !self.setup.read_only => self.deletion.deletable(rollout, covered),
            _ => Vec::new(),
        }
    }

    /// The question that is open, if any.
    pub fn deletion(&self) -> Option<&Question> {
        self.deletion.question()
    }

    /// Whether a yes to it is taken now: the person has had the time to read it.
    pub fn takes_deletion(&self) -> bool {
        self.deletion.takes_yes(&self.setup, &self.silence, self.now)
    }

    /// What came of the deletion of a pod, where one was tried.
    pub fn deleted(&self, pod: &PodId) -> Option<&Deleted> {
        self.deletion.deleted(pod)
    }

    pub(super) fn ask_to_delete_pods(&mut self, scope: &[WorkloadId]) {
        // One question at a time.
        if matches!(self.desk.rollback(), Rollback::Planned { .. } | Rollback::Countdown { .. }) {
            return;
        }
        let all = (0..self.deploys.all().len()).map(|index| WorkloadId(index as u16));
        let asked = all.filter(|id| scope.is_empty() || scope.contains(id));
        let pods: Vec<_> = asked.map(|id| (id, self.deletable_pods(id))).filter(|(_, pods)| !pods.is_empty()).collect();
        self.deletion.ask(pods, self.now);
    }

    /// Deletes the pods that are asked about, but for those that got well, or went, since.
    pub(super) fn delete_pods(&mut self, effects: &mut Vec<Effect>) {
        if !self.takes_deletion() {
            return;
        }
        for (workload, mut pods) in self.deletion.answer() {
            let still = self.deletable_pods(workload);
            pods.retain(|pod| still.contains(pod));
            if pods.is_empty() {
                continue;
            }
            let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
            let (actor, of) = (&self.setup.rollback.actor, &self.setup.workload(workload).reference);
            let text = format!("{actor} deletes {} of {of}, which blocks the rollback", names.join(", "));
            self.deletion.sent(&pods);
            self.tell(text);
            effects.push(Effect::DeletePods { workload, pods });
        }
    }

    pub(super) fn take_deleted(&mut self, answers: Vec<(PodId, Deleted)>) {
        for (pod, deleted) in answers {
            self.tell(format!("pod {}: {}", pod.name, deleted.told()));
            self.deletion.answered(pod, deleted);
        }
    }
}
