//! Which deploy is watched: found in what the cluster tells, pinned, and followed to its rollout's end.

use super::Watch;
use crate::deploy::change::beside_the_name;
use crate::deploy::{Deploy, Time, Version, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::ask::{Ask, Choice, Seen, Wanted};
use crate::rollback::{Goal, Readiness, Rollback};
use crate::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use crate::timeline::Mark;
use crate::verdict::{Finding, Level};
use chrono::TimeDelta;

/// A rollback that would work is made sure of at least this often: permissions and policies change too.
const RECHECK: TimeDelta = TimeDelta::seconds(60);
/// The same while the cluster does not tell by itself what changes.
const RECHECK_BLIND: TimeDelta = TimeDelta::seconds(10);

/// What a plan depends on: when it changes, the plan is worked out anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlanKey {
    uid: String,
    generation: i64,
    running: Option<String>,
    served_before: Option<String>,
    /// The history by hash and number: an old revision that is put back only gets another number.
    revisions: Vec<(String, i64)>,
    /// Whether a broken pod holds the others up: an undo alone would not help then.
    held_up: bool,
}

impl Watch {
    pub(super) fn follow_rollout(&mut self, id: WorkloadId, rollout: Rollout, effects: &mut Vec<Effect>) {
        let mut told = rollout.deploy.clone().map(|deploy| self.as_told(deploy));
        if rollout.taken_back().is_some() {
            // Whoever is named there deployed the old version once, and did not put it back. The cluster knows only what
            // program did.
            told = told.map(|deploy| Deploy { by: rollout.changed_by.clone(), ..deploy });
        }
        let index = usize::from(id.0);
        let known = self.workloads[index].deploy.clone();
        let is_another = self.workloads[index].rollout.as_ref().is_none_or(|known| known.uid != rollout.uid);
        self.workloads[index].rollout = Some(rollout);
        if is_another {
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
            // Our own undo is on its way or through: the deploy that is watched stays the one taken back.
            (Some(_), Some(deploy)) if self.is_our_undo(id, &deploy) => {}
            (Some(_), Some(deploy)) if self.is_our_build(id, &deploy) => self.note_what_came_back(id, deploy.to),
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
                self.workloads[index].deploy = Some(Deploy { finished: known.finished.or(deploy.finished), ..deploy });
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
        self.workloads[usize::from(id.0)].deploy = Some(deploy);
        self.split_baselines();
        self.backfill_anew();
    }

    /// Whether a deploy that appears is the undo we asked for, and not somebody's new version.
    fn is_our_undo(&self, id: WorkloadId, deploy: &Deploy) -> bool {
        let asked_for = self.may_be_done().filter_map(|step| step.covered(id));
        asked_for.chain(self.taken_back(id)).any(|covered| covered.to.hash == deploy.to.hash)
    }

    /// Whether a version that appears is the one that a revert of ours, still under way, has had built.
    fn is_our_build(&self, id: WorkloadId, deploy: &Deploy) -> bool {
        let done = self.rollback.undertaking().filter(|_| self.rollback.is_under_way());
        let built = done.into_iter().flat_map(|done| done.plan.steps()).filter(|step| step.action.builds_anew());
        built.filter_map(|step| step.covered(id)).any(|covered| covered.from.hash != deploy.to.hash)
    }

    /// What was built has no name before it is there; from now on it is what was gone back to.
    fn note_what_came_back(&mut self, id: WorkloadId, version: Version) {
        if let Some(covered) = self.taken_back.iter_mut().find(|covered| covered.workload == id) {
            covered.to = version;
        }
    }

    fn tell_deploy(&mut self, id: WorkloadId, deploy: &Deploy) {
        let reference = &self.setup.workload(id).reference;
        let from = deploy.from.as_ref().map_or("?", Version::label);
        let by = deploy.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let to = deploy.to.label();
        let back = self.workload(id).rollout.as_ref().and_then(Rollout::taken_back);
        let text = if let Some(back) = back {
            format!("{reference}: rolled back{by}, {} → {to}", back.label())
        } else {
            let beside = deploy.from.as_ref().and_then(|from| beside_the_name(from, &deploy.to));
            let beside = beside.map(|beside| format!(", {beside}")).unwrap_or_default();
            format!("{reference}: {from} → {to}{beside}{by}")
        };
        self.timeline.add(deploy.at, Mark::Deploy, text);
    }

    fn tell_rolled_out(&mut self, id: WorkloadId, deploy: &Deploy, finished: Time) {
        let reference = &self.setup.workload(id).reference;
        let pods = self.workload(id).rollout.as_ref().map_or(0, |rollout| rollout.replicas.desired);
        let took = brief(finished - deploy.at);
        let text = format!("{reference}: rolled out, {pods} pods of {} in {took}", deploy.to.label());
        self.timeline.add(finished, Mark::Deploy, text);
    }

    fn prepare_if_changed(&mut self, id: WorkloadId, effects: &mut Vec<Effect>) {
        let state = &self.workloads[usize::from(id.0)];
        let Some(key) = state.plan_key() else { return };
        if state.prepared.as_ref().is_none_or(|(_, known)| *known != key) {
            self.prepare(id, key, effects);
        }
    }

    /// On each tick: whoever's plan is old is made sure of again. What was ready before the cluster fell silent is not
    /// known to be ready any more, until it was asked again.
    pub(super) fn refresh_readiness(&mut self, effects: &mut Vec<Effect>) {
        let tells = self.cluster_tells();
        let turned = std::mem::replace(&mut self.cluster_told, tells) != tells;
        let recheck = if tells { RECHECK } else { RECHECK_BLIND };
        for index in 0..self.workloads.len() {
            let state = &mut self.workloads[index];
            if turned && !tells && state.prepared.is_some() {
                (state.readiness, state.forward) = (Readiness::Preparing, Readiness::Preparing);
                self.revision += 1;
            }
            let old = state.prepared.as_ref().is_some_and(|(at, _)| self.now - *at >= recheck || *at > self.now);
            if old || (turned && state.prepared.is_some()) {
                self.prepare_anew(WorkloadId(index as u16), effects);
            }
        }
    }

    /// Works out again what a rollback of this workload would do, whatever is known of it.
    pub(super) fn prepare_anew(&mut self, id: WorkloadId, effects: &mut Vec<Effect>) {
        if let Some(key) = self.workloads[usize::from(id.0)].plan_key() {
            self.prepare(id, key, effects);
        }
    }

    fn prepare(&mut self, id: WorkloadId, key: PlanKey, effects: &mut Vec<Effect>) {
        if matches!(self.rollback, Rollback::Confirmed(_) | Rollback::Running(_)) {
            return;
        }
        let state = &mut self.workloads[usize::from(id.0)];
        if state.prepared.as_ref().is_some_and(|(_, known)| *known != key) {
            // What was worked out is for a state that is gone. A refresh of the same state keeps it.
            state.readiness = Readiness::Preparing;
            state.forward = Readiness::Preparing;
        }
        let choice = match self.setup.told.rollback_to {
            Some(revision) => Choice::Revision(revision),
            None => Choice::Usual { served_before: key.served_before.clone() },
        };
        effects.push(self.ask(id, Goal::Back, choice));
        // What was taken back can be brought back as well, should it turn out not to have been the cause.
        if let Some(covered) = self.taken_back(id) {
            effects.push(self.ask(id, Goal::Forward, Choice::Hash(covered.from.hash.clone())));
        }
        let state = &mut self.workloads[usize::from(id.0)];
        state.prepared = Some((self.now, key));
    }

    /// What the red flags say, for whoever reads later why something was taken back.
    pub(super) fn red_sentences(&self) -> String {
        let red = self.findings.iter().filter(|finding| finding.level == Level::RedFlag);
        red.map(Finding::sentence).collect::<Vec<_>>().join("; ")
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
                taken_back: rollout.taken_back().cloned(),
            })
        });
        let known = self.setup.rollback.known.get(usize::from(workload.0));
        Effect::Prepare(Box::new(Ask {
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
                reason: self.red_sentences(),
                seen,
            },
        }))
    }
}

impl super::WorkloadState {
    fn plan_key(&self) -> Option<PlanKey> {
        let rollout = self.rollout.as_ref()?;
        if rollout.progress == Progress::Gone {
            return None;
        }
        let deploy = rollout.deploy.as_ref();
        Some(PlanKey {
            uid: rollout.uid.clone(),
            generation: rollout.generation,
            running: deploy.map(|deploy| deploy.to.hash.clone()),
            served_before: deploy.and_then(|deploy| Some(deploy.from.as_ref()?.hash.clone())),
            revisions: rollout.revisions.iter().map(|it| (it.version.hash.clone(), it.version.revision)).collect(),
            held_up: rollout.troubles.iter().any(|trouble| trouble.kind == TroubleKind::HeldUp),
        })
    }
}

/// How long this workload's pods take from creation to readiness: the middle of those that are ready.
fn pace(rollout: &Rollout) -> Option<TimeDelta> {
    let ready = rollout.pods.iter().filter(|pod| pod.phase == PodPhase::Ready);
    let mut spans: Vec<TimeDelta> = ready.filter_map(|pod| Some(pod.ready_since? - pod.created?)).collect();
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied().filter(|span| *span > TimeDelta::zero())
}

/// Whether it is another deploy than the one that is known.
fn differs(known: &Deploy, deploy: &Deploy) -> bool {
    known.to.hash != deploy.to.hash || known.at != deploy.at
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
