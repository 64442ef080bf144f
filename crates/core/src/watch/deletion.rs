//! The open question of a pod deletion, and its results: each pod once.

use super::silence::Silence;
use crate::deploy::{Time, WorkloadId};
use crate::rollback::Covered;
use crate::rollback::deletion::{Attempt, Deleted, PodId, Question};
use crate::rollout::Rollout;
use crate::setup::Setup;
use std::collections::BTreeMap;

/// What is asked about deleting pods, and what came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Deletion {
    /// The open question whether to delete pods that hold up what was rolled back.
    question: Option<Question>,
    /// The pods whose deletion was asked of the cluster, by uid.
    attempts: BTreeMap<String, Attempt>,
}

impl Deletion {
    pub(super) fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }

    /// Closes the question; says whether one was open.
    pub(super) fn dismiss(&mut self) -> bool {
        self.question.take().is_some()
    }

    /// The pods of this rollout that may be deleted, where that was rolled back of its workload.
    pub(super) fn deletable(&self, rollout: &Rollout, covered: &Covered) -> Vec<PodId> {
        if rollout.uid != covered.uid {
            return Vec::new();
        }
        let may_ask = |uid: &str| self.attempts.get(uid).is_none_or(Attempt::may_be_repeated);
        let broken = rollout.in_the_way().filter(|pod| pod.hash == covered.from.hash && may_ask(&pod.uid));
        broken.map(|pod| PodId { name: pod.name.clone(), uid: pod.uid.clone() }).collect()
    }

    /// Asks about these pods; about none where there is none.
    pub(super) fn ask(&mut self, pods: Vec<(WorkloadId, Vec<PodId>)>, now: Time) {
        self.question = (!pods.is_empty()).then_some(Question { opened: now, pods });
    }

    /// Whether a yes is taken now: the person has had the time to read the question, and struck no key for a moment.
    pub(super) fn takes_yes(&self, setup: &Setup, silence: &Silence, now: Time) -> bool {
        let is_read = |question: &Question| silence.is_over(setup, question.opened, now);
        self.question.as_ref().is_some_and(is_read) && !setup.read_only
    }

    /// Closes the question; the pods that it was about.
    pub(super) fn answer(&mut self) -> Vec<(WorkloadId, Vec<PodId>)> {
        self.question.take().map(|question| question.pods).unwrap_or_default()
    }

    /// Notes that their deletion is on its way.
    pub(super) fn sent(&mut self, pods: &[PodId]) {
        self.attempts.extend(pods.iter().map(|pod| (pod.uid.clone(), Attempt::Sent)));
    }

    /// Takes in what came of it.
    pub(super) fn answered(&mut self, pod: PodId, deleted: Deleted) {
        self.attempts.insert(pod.uid, Attempt::Answered(deleted));
    }

    /// Nobody hears any more what comes of the requests that are on their way, and nothing waits for a yes.
    pub(super) fn lose_answers(&mut self, why: &str) {
        self.question = None;
        for attempt in self.attempts.values_mut().filter(|attempt| **attempt == Attempt::Sent) {
            *attempt = Attempt::Answered(Deleted::Unknown(why.to_owned()));
        }
    }

    /// What came of the deletion of a pod, where one was tried.
    pub(super) fn deleted(&self, pod: &PodId) -> Option<&Deleted> {
        match self.attempts.get(&pod.uid)? {
            Attempt::Answered(deleted) => Some(deleted),
            Attempt::Sent => None,
        }
    }
}
