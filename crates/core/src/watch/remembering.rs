//! What a watch records about the versions it saw: which passed, and which did not.

use super::Watch;
use crate::deploy::{Version, WorkloadId};
use crate::message::Effect;
use crate::rollback::version_history::{Known, Recalled, VersionStatus};
use crate::rollback::{Goal, Rollback};
use crate::timeline::Mark;
use crate::verdict::Verdict;
use chrono::TimeDelta;
use std::sync::Arc;

/// A version under a red flag for this long is not one to go back to, whatever becomes of it.
const RED_FOR: TimeDelta = TimeDelta::minutes(5);

impl Watch {
    /// Writes down what has become certain, each thing once. On most ticks of most watches that is nothing, and
    /// is found out by one look at the findings.
    pub(super) fn remember(&mut self, effects: &mut Vec<Effect>) {
        let red = self.judging.red_services(&self.setup, RED_FOR, self.now);
        if self.judging.verdict() != Verdict::Healthy && red.is_empty() && !self.desk.has_rolled_back() {
            return;
        }
        for index in 0..self.deploys.all().len() {
            let id = WorkloadId(index as u16);
            let is_red = red.contains(&self.setup.workload(id).service);
            if let Some((version, standing)) = self.standing_of(id, is_red)
                && !self.recollection.is_remembered(id, version, standing)
            {
                let version = version.clone();
                self.note(id, &version, standing, effects);
            }
        }
    }

    /// What can be said now of the version that a workload was watched with.
    fn standing_of(&self, id: WorkloadId, is_red: bool) -> Option<(&Version, VersionStatus)> {
        if let Some(covered) = self.rolled_back(id) {
            let standing = match self.desk.rollback() {
                Rollback::NotTheCause { .. } => VersionStatus::Unproven,
                // A person may have any reason; only a red flag judges.
                _ if !self.desk.was_red() => VersionStatus::RolledBack,
                _ => VersionStatus::Bad,
            };
            return Some((&covered.from, standing));
        }
        if self.desk.may_be_done().any(|step| step.goal == Goal::RollBack) {
            // What serves now is no longer the version that is watched.
            return None;
        }
        let version = &self.workload(id).deploy.as_ref()?.to;
        if self.judging.verdict() == Verdict::Healthy {
            return Some((version, VersionStatus::Good));
        }
        is_red.then_some((version, VersionStatus::Bad))
    }

    /// An image of a version, with its digest where a pod that runs it tells it: a tag alone may be moved.
    fn with_digest(&self, id: WorkloadId, version: &Version, image: &str) -> String {
        let pods = self.workload(id).rollout.iter().flat_map(|rollout| &rollout.pods);
        let mut running = pods.filter(|pod| pod.hash == version.hash).flat_map(|pod| &pod.images);
        let is_it = |known: &&String| known.split_once('@').is_some_and(|(name, _)| name == image);
        running.find(is_it).map_or_else(|| image.to_owned(), Clone::clone)
    }

    fn note(&mut self, id: WorkloadId, version: &Version, standing: VersionStatus, effects: &mut Vec<Effect>) {
        self.recollection.remember(id, version, standing);
        let images = version.images.iter().map(|image| self.with_digest(id, version, image)).collect();
        let known = Known { hash: version.hash.clone(), images, standing, at: self.now, by: None };
        let uid = self.workload(id).rollout.as_ref().map(|rollout| rollout.uid.clone());
        effects.push(Effect::Remember(id, known, uid.unwrap_or_default()));
    }

    /// Takes in what earlier watches found, and tells what of it could not be read.
    pub(super) fn take_recalled(&mut self, known: Vec<Vec<Recalled>>, doubts: Vec<String>, effects: &mut Vec<Effect>) {
        for doubt in doubts {
            self.journal.add(self.now, Mark::Unknown, doubt);
            self.journal.changed();
        }
        self.recollection.recall(known);
        for index in 0..self.deploys.all().len() {
            let id = WorkloadId(index as u16);
            if self.adopt_recalled(id) {
                self.prepare_again(id, effects);
            }
        }
    }

    /// Keeps of what was recalled what speaks of the very workload that is there; says whether anything does.
    pub(super) fn adopt_recalled(&mut self, id: WorkloadId) -> bool {
        let index = usize::from(id.0);
        let Some(uid) = self.workload(id).rollout.as_ref().map(|rollout| rollout.uid.as_str()) else { return false };
        let Some(recalled) = self.recollection.recalled(id) else { return false };
        let known: Vec<Known> = recalled.iter().filter_map(|found| found.of(uid)).collect();
        if known.is_empty() && self.setup.rollback.known.get(index).is_none_or(Vec::is_empty) {
            return false;
        }
        let all = &mut Arc::make_mut(&mut self.setup).rollback.known;
        if all.len() <= index {
            all.resize_with(index + 1, Vec::new);
        }
        all[index] = known;
        self.journal.changed();
        true
    }
}
