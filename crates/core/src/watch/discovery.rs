//! Which deploy is watched: detected from the cluster, pinned, and followed until its rollout ends.

use super::Watch;
use crate::deploy::change::beside_the_name;
use crate::deploy::{Deploy, Time, Version, WorkloadId, brief};
use crate::message::Effect;
use crate::rollout::Rollout;
use crate::rollout::stall::Limits;
use crate::timeline::Mark;

impl Watch {
    pub(super) fn follow_rollout(&mut self, id: WorkloadId, rollout: Rollout, effects: &mut Vec<Effect>) {
        let mut told = rollout.deploy.clone().map(|deploy| self.as_told(deploy));
        if rollout.rolled_back().is_some() {
            // Whoever is named there deployed the previous version once, and did not put it back. The cluster knows only what
            // program did.
            told = told.map(|deploy| Deploy { by: rollout.changed_by.clone(), ..deploy });
        }
        let known = self.deploys.of(id).deploy.clone();
        if self.deploys.see(id, rollout) {
            self.adopt_recalled(id);
        }
        match (known, told) {
            (None, Some(deploy)) => {
                self.tell_deploy(id, &deploy);
                if let Some(finished) = deploy.finished {
                    self.tell_rolled_out(id, &deploy, finished);
                }
                self.pin(id, deploy);
            }
            // Our own undo is on its way or through: the deploy that is watched stays the one rolled back.
            (Some(_), Some(deploy)) if self.desk.is_our_undo(id, &deploy.to) => {}
            (Some(_), Some(deploy)) if self.desk.is_our_build(id, &deploy.to) => {
                self.desk.note_what_came_back(id, deploy.to);
            }
            (Some(known), Some(deploy)) if !is_restart(&known, &deploy) && differs(&known, &deploy) => {
                if known.to.hash != deploy.to.hash {
                    self.tell_deploy(id, &deploy);
                }
                self.pin(id, deploy);
            }
            (Some(known), Some(deploy)) => {
                if let (None, Some(finished)) = (known.finished, deploy.finished) {
                    self.tell_rolled_out(id, &deploy, finished);
                }
                // A rollout that has ended stays ended: a pod that dies later does not reopen the window.
                let finished = known.finished.or(deploy.finished);
                self.deploys.watch(id, Deploy { finished, ..deploy });
            }
            (_, None) => {}
        }
        self.note_stall(id);
        self.prepare_if_changed(id, effects);
    }

    /// Over what was found goes what the command line says.
    fn as_told(&self, mut deploy: Deploy) -> Deploy {
        let told = &self.setup.told;
        deploy.at = told.deployed_at.unwrap_or(deploy.at);
        deploy.finished = deploy.finished.map(|finished| finished.max(deploy.at));
        if let Some(label) = &told.to {
            deploy.to = named(Some(&deploy.to), label);
        }
        if let Some(label) = &told.from {
            deploy.from = Some(named(deploy.from.as_ref().or(Some(&deploy.to)), label));
        }
        deploy
    }

    fn pin(&mut self, id: WorkloadId, deploy: Deploy) {
        self.deploys.watch(id, deploy);
        self.polling.split_baselines(&self.setup, &self.deploys);
        self.polling.backfill_again(&self.setup, self.now);
        self.rhythm.forget(&self.setup, self.now);
    }

    fn tell_deploy(&mut self, id: WorkloadId, deploy: &Deploy) {
        let reference = &self.setup.workload(id).reference;
        let from = deploy.from.as_ref().map_or("?", Version::label);
        let by = deploy.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let to = deploy.to.label();
        let back = self.workload(id).rollout.as_ref().and_then(Rollout::rolled_back);
        let text = if let Some(back) = back {
            format!("{reference}: rolled back{by}, {} → {to}", back.label())
        } else {
            let beside = deploy.from.as_ref().and_then(|from| beside_the_name(from, &deploy.to));
            let beside = beside.map(|beside| format!(", {beside}")).unwrap_or_default();
            format!("{reference}: {from} → {to}{beside}{by}")
        };
        self.journal.add_about(self.setup.workload(id).service, deploy.at, Mark::Deploy, text);
    }

    fn tell_rolled_out(&mut self, id: WorkloadId, deploy: &Deploy, finished: Time) {
        let reference = &self.setup.workload(id).reference;
        let pods = self.workload(id).rollout.as_ref().map_or(0, |rollout| rollout.replicas.desired);
        let took = brief(finished - deploy.at);
        let text = format!("{reference}: rolled out, {pods} pods of {} in {took}", deploy.to.label());
        self.journal.add_about(self.setup.workload(id).service, finished, Mark::Deploy, text);
    }

    /// Looks at every rollout that is not through.
    pub(super) fn note_stalls(&mut self) {
        for index in 0..self.deploys.all().len() {
            self.note_stall(WorkloadId(index as u16));
        }
    }

    fn note_stall(&mut self, id: WorkloadId) {
        let limits = Limits { deadline: self.setup.rollout_deadline, window: self.setup.window };
        if self.deploys.note_stall(id, self.desk.begun(id), limits, self.now) {
            self.journal.changed();
        }
    }
}

/// Whether it is another deploy than the one that is known.
fn differs(known: &Deploy, deploy: &Deploy) -> bool {
    known.to.hash != deploy.to.hash || known.at != deploy.at
}

/// Whether another version was deployed than the one that is known.
pub(super) fn is_another(known: &Deploy, told: &Deploy) -> bool {
    known.to.hash != told.to.hash && !is_restart(known, told)
}

/// Whether only the pods of the known deploy were restarted: they have another hash, and it is the same deploy.
fn is_restart(known: &Deploy, deploy: &Deploy) -> bool {
    known.at == deploy.at && known.to.images == deploy.to.images && known.from == deploy.from
}

/// A version under the name a person gave it; its identity stays what the cluster says.
fn named(version: Option<&Version>, label: &str) -> Version {
    let found = version.cloned().unwrap_or_default();
    let image = found.images.first().map_or("", String::as_str);
    let name = image.strip_suffix(&format!(":{}", found.label())).unwrap_or(image);
    let mut images = found.images.clone();
    images.splice(..images.len().min(1), [format!("{name}:{label}")]);
    Version { images, ..found }
}
