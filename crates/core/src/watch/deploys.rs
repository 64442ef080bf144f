//! The state of each workload: its rollout, the watched deploy, and whether it could be rolled back.

mod stalling;

use crate::deploy::{Deploy, Time, Window, WorkloadId, WorkloadKind};
use crate::rollback::{Goal, Readiness};
use crate::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use crate::setup::Setup;
use chrono::TimeDelta;

/// What is known of one workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkloadState {
    /// As the cluster last told; `None` before it did.
    pub rollout: Option<Rollout>,
    /// The deploy that is watched.
    pub deploy: Option<Deploy>,
    /// When its rollout had stood still for so long that it is not waited for; `None` while it gets on, and once it ended.
    pub overdue: Option<Time>,
    /// Whether it could be rolled back now.
    pub readiness: Readiness,
    /// Whether the rollback could be undone; only asked for after one.
    pub undo: Readiness,
    /// When that was last asked for, and of which state.
    prepared: Option<(Time, PlanKey)>,
}

/// What a plan depends on: when it changes, the plan is recomputed.
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

impl PlanKey {
    /// What served before the deploy, by its hash.
    pub(super) fn served_before(&self) -> Option<&String> {
        self.served_before.as_ref()
    }
}

/// A deploy made so long before the newest one is of another push: what runs there was not deployed now.
pub const PUSH: TimeDelta = TimeDelta::hours(2);

/// The deploys of this push, each with the place of its workload.
pub(super) fn of_push(workloads: &[WorkloadState]) -> impl Iterator<Item = (usize, &Deploy)> {
    let deploys = || workloads.iter().enumerate().filter_map(|(place, state)| Some((place, state.deploy.as_ref()?)));
    let newest = deploys().map(|(_, deploy)| deploy.at).max();
    deploys().filter(move |(_, deploy)| newest.is_some_and(|newest| newest - deploy.at < PUSH))
}

/// All workloads, in the setup's order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Deploys {
    workloads: Vec<WorkloadState>,
}

impl Deploys {
    /// Nothing is known of this many workloads.
    pub(super) fn new(count: usize) -> Self {
        Self { workloads: vec![WorkloadState::default(); count] }
    }

    pub(super) fn all(&self) -> &[WorkloadState] {
        &self.workloads
    }

    pub(super) fn of(&self, id: WorkloadId) -> &WorkloadState {
        &self.workloads[usize::from(id.0)]
    }

    fn of_mut(&mut self, id: WorkloadId) -> &mut WorkloadState {
        &mut self.workloads[usize::from(id.0)]
    }

    /// When the first deploy of this push was made.
    pub(super) fn earliest(&self) -> Option<Time> {
        self.times().min()
    }

    /// When the last of the watched deploys was made.
    pub(super) fn newest(&self) -> Option<Time> {
        self.times().max()
    }

    fn times(&self) -> impl Iterator<Item = Time> {
        of_push(&self.workloads).map(|(_, deploy)| deploy.at)
    }

    /// By service, whether any of its workloads was deployed in this push.
    pub(super) fn are_deployed(setup: &Setup, workloads: &[WorkloadState]) -> Vec<bool> {
        let mut deployed = vec![false; setup.services.len()];
        for (place, _) in of_push(workloads) {
            deployed[usize::from(setup.workloads[place].service.0)] = true;
        }
        deployed
    }

    /// Whether the deploy of every workload is known.
    pub(super) fn are_known(&self) -> bool {
        self.workloads.iter().all(|state| state.deploy.is_some())
    }

    /// The window's clock: it opens when the last workload's rollout has ended, or has stood still for too long.
    pub(super) fn window(&self, length: TimeDelta) -> Window {
        let finished = self.workloads.iter().map(|state| state.deploy.as_ref()?.finished.or(state.overdue));
        // `None` anywhere means that the window is not open yet.
        let opened = finished.collect::<Option<Vec<Time>>>().and_then(|times| times.into_iter().max());
        Window { opened, length }
    }

    /// The deploy that speaks for each service.
    pub(super) fn of_services(&self, setup: &Setup) -> Vec<Option<&Deploy>> {
        let mut deploys = vec![None; setup.services.len()];
        for (workload, state) in setup.workloads.iter().zip(&self.workloads) {
            let slot = &mut deploys[usize::from(workload.service.0)];
            // A Deployment's or Rollout's speaks for a service that also has, say, a cache in a StatefulSet.
            let speaks = matches!(workload.reference.kind, WorkloadKind::Deployment | WorkloadKind::Rollout);
            if slot.is_none() || speaks {
                *slot = state.deploy.as_ref().or(slot.take());
            }
        }
        deploys
    }

    /// Takes in a rollout as the cluster tells it; says whether it is of another workload than the one that was known.
    pub(super) fn see(&mut self, id: WorkloadId, rollout: Rollout) -> bool {
        let state = self.of_mut(id);
        let is_another = state.rollout.as_ref().is_none_or(|known| known.uid != rollout.uid);
        state.rollout = Some(rollout);
        is_another
    }

    /// From now on this is the deploy that is watched.
    pub(super) fn watch(&mut self, id: WorkloadId, deploy: Deploy) {
        self.of_mut(id).deploy = Some(deploy);
    }

    /// What a plan of this workload depends on now; `None` while nothing is known of it, or once it is gone.
    pub(super) fn plan_key(&self, id: WorkloadId) -> Option<PlanKey> {
        let rollout = self.of(id).rollout.as_ref()?;
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

    /// Whether the newest plan was asked for this very state.
    pub(super) fn is_asked_for(&self, id: WorkloadId, key: &PlanKey) -> bool {
        self.of(id).prepared.as_ref().is_some_and(|(_, known)| known == key)
    }

    /// Whether a plan was asked for, and when.
    pub(super) fn asked_at(&self, id: WorkloadId) -> Option<Time> {
        self.of(id).prepared.as_ref().map(|(at, _)| *at)
    }

    /// Notes that a plan is asked for. What was computed for a state that is gone is forgotten; a refresh of the same
    /// state keeps it.
    pub(super) fn ask(&mut self, id: WorkloadId, key: PlanKey, now: Time) {
        let state = self.of_mut(id);
        if state.prepared.as_ref().is_some_and(|(_, known)| *known != key) {
            state.readiness = Readiness::Preparing;
            state.undo = Readiness::Preparing;
        }
        state.prepared = Some((now, key));
    }

    /// Takes in whether it could be rolled back; says whether that is news.
    pub(super) fn take_readiness(&mut self, id: WorkloadId, goal: Goal, readiness: Readiness) -> bool {
        let state = self.of_mut(id);
        let known = match goal {
            Goal::RollBack => &mut state.readiness,
            Goal::Undo => &mut state.undo,
        };
        let is_news = *known != readiness;
        *known = readiness;
        is_news
    }

    /// What was computed for this workload is not known to hold any more.
    pub(super) fn forget_readiness_of(&mut self, id: WorkloadId) {
        let state = self.of_mut(id);
        (state.readiness, state.undo) = (Readiness::Preparing, Readiness::Preparing);
    }

    /// The same of all of them.
    pub(super) fn forget_readiness(&mut self) {
        for index in 0..self.workloads.len() {
            self.forget_readiness_of(WorkloadId(index as u16));
        }
    }

    /// Whether its rollback could be undone has to be recomputed.
    pub(super) fn forget_way_forward(&mut self, id: WorkloadId) {
        self.of_mut(id).undo = Readiness::Preparing;
    }
}

/// How long a workload's pods take from creation to readiness: the middle of those that are ready.
pub(super) fn pace(rollout: &Rollout) -> Option<TimeDelta> {
    let ready = rollout.pods.iter().filter(|pod| pod.phase == PodPhase::Ready);
    let mut spans: Vec<TimeDelta> = ready.filter_map(|pod| Some(pod.ready_since? - pod.created?)).collect();
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied().filter(|span| *span > TimeDelta::zero())
}
