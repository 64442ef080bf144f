//! What a watch finds of the versions it saw, for later watches: which survived, and which did not.

use super::Watch;
use crate::deploy::{Version, WorkloadId};
use crate::message::Effect;
use crate::rollback::known::{Known, Standing};
use crate::rollback::{Goal, Rollback};
use crate::verdict::{Level, Verdict};
use chrono::TimeDelta;

/// A version under a red flag for this long is not one to go back to, whatever becomes of it.
const RED_FOR: TimeDelta = TimeDelta::minutes(5);

impl Watch {
    /// Writes down what has become certain, each thing once.
    pub(super) fn remember(&mut self, effects: &mut Vec<Effect>) {
        for index in 0..self.workloads.len() {
            let id = WorkloadId(index as u16);
            if let Some((version, standing)) = self.standing_of(id) {
                self.note(id, &version, standing, effects);
            }
        }
    }

    /// What can be said now of the version that a workload was watched with.
    fn standing_of(&self, id: WorkloadId) -> Option<(Version, Standing)> {
        if let Some(covered) = self.taken_back(id) {
            let innocent = matches!(self.rollback, Rollback::NotTheCause { .. });
            return Some((covered.from.clone(), if innocent { Standing::Unproven } else { Standing::Bad }));
        }
        let is_back = |done: &crate::rollback::Undertaking| done.plan.goal == Goal::Back;
        if self.rollback.undertaking().is_some_and(is_back) {
            // What serves now is no longer the version that is watched.
            return None;
        }
        let version = self.workload(id).deploy.as_ref()?.to.clone();
        if self.verdict == Verdict::Healthy {
            return Some((version, Standing::Good));
        }
        let service = self.setup.workload(id).service;
        let red = self.findings.iter().zip(&self.setup.signals).any(|(finding, signal)| {
            signal.service == service && finding.level == Level::RedFlag && self.now - finding.since >= RED_FOR
        });
        red.then_some((version, Standing::Bad))
    }

    /// An image of a version, with its digest where a pod that runs it tells it: a tag alone may be moved.
    fn with_digest(&self, id: WorkloadId, version: &Version, image: &str) -> String {
        let pods = self.workload(id).rollout.iter().flat_map(|rollout| &rollout.pods);
        let mut running = pods.filter(|pod| pod.hash == version.hash).flat_map(|pod| &pod.images);
        let is_it = |known: &&String| known.split_once('@').is_some_and(|(name, _)| name == image);
        running.find(is_it).map_or_else(|| image.to_owned(), Clone::clone)
    }

    fn note(&mut self, id: WorkloadId, version: &Version, standing: Standing, effects: &mut Vec<Effect>) {
        let last = self.remembered.iter().rev().find(|(known, hash, _)| *known == id && *hash == version.hash);
        if last.is_some_and(|(.., known)| *known == standing) || version.hash.is_empty() {
            return;
        }
        self.remembered.push((id, version.hash.clone(), standing));
        let images = version.images.iter().map(|image| self.with_digest(id, version, image)).collect();
        let known = Known { hash: version.hash.clone(), images, standing, at: self.now };
        effects.push(Effect::Remember(id, known));
    }
}
