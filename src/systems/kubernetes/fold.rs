//! One workload as a fold of what its watches say: objects in, [`Rollout`] out. No IO, no clock.

use super::argo;
use super::collection::Collection;
use super::evictions::Evictions;
use super::history::{History, Outlook};
use super::objects::{self, Entry, Pod, Workload, owner, uid};
use super::pods::{self, Memory, Roles};
use super::status;
use super::troubles::{FailingPod, held_up, troubles};
use crate::cluster::short;
use crate::deploy::{Deploy, Time, WorkloadKind};
use crate::rollout::{Deadline, PodPhase, Progress, Replicas, Rollout};
use kube::runtime::watcher::Event;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is known of one workload.
#[derive(Debug)]
pub struct Fold {
    kind: WorkloadKind,
    /// The container that the configuration calls the main one.
    container: Option<String>,
    workloads: Collection<Workload>,
    entries: Collection<Entry>,
    pods: Collection<Pod>,
    memories: BTreeMap<String, Memory>,
    evictions: Evictions,
    /// The deploy told last, and of which workload: it stays what it is until another template is deployed.
    deploy: Option<(String, Deploy)>,
}

impl Fold {
    /// Nothing is known yet.
    pub fn new(kind: WorkloadKind) -> Self {
        Self {
            kind,
            container: None,
            workloads: Collection::default(),
            entries: Collection::default(),
            pods: Collection::default(),
            memories: BTreeMap::new(),
            evictions: Evictions::default(),
            deploy: None,
        }
    }

    /// The same, for a workload whose main container the configuration names.
    #[must_use]
    pub fn with_container(self, container: Option<String>) -> Self {
        Self { container, ..self }
    }

    /// Takes news of the workload itself.
    pub fn take_workload(&mut self, event: Event<Workload>) {
        self.workloads.take(event);
    }

    /// Takes news of its `ReplicaSet`s or `ControllerRevision`s.
    pub fn take_entry(&mut self, event: Event<Entry>) {
        self.entries.take(event);
    }

    /// Takes news of its pods, heard at `now`.
    pub fn take_pod(&mut self, event: Event<Pod>, now: Time) {
        if let Event::InitApply(pod) | Event::Apply(pod) = &event {
            self.memories.entry(uid(&pod.metadata).to_owned()).or_default().look(pod, now);
            self.evictions.look(pod, self.kind, now);
        }
        let may_have_gone = matches!(event, Event::InitDone | Event::Delete(_));
        self.pods.take(event);
        if may_have_gone {
            self.memories.retain(|uid, _| self.pods.contains(uid));
        }
    }

    /// Forgets history and pods, to be told them again.
    pub fn forget_children(&mut self) {
        self.entries = Collection::default();
        self.pods = Collection::default();
    }

    /// The workload, where it exists.
    pub fn workload(&self) -> Option<&Workload> {
        // A field selector by name matches one at most; two are one that is being replaced.
        self.workloads.iter().max_by_key(|workload| objects::created(&workload.metadata))
    }

    /// Whether every list that a digest needs was read.
    pub fn is_complete(&self) -> bool {
        let children = self.entries.is_complete() && self.pods.is_complete();
        self.workloads.is_complete() && (self.workload().is_none() || children)
    }

    /// Whether an object with this uid is the workload, one of its revisions or one of its pods.
    pub fn owns(&self, object: &str) -> bool {
        let Some(workload) = self.workload() else { return false };
        uid(&workload.metadata) == object
            || self.own_entries(workload).any(|entry| uid(&entry.metadata) == object)
            || self.own_pods(workload).iter().any(|pod| uid(&pod.metadata) == object)
    }

    /// The workload as it is at `now`.
    pub fn digest(&mut self, now: Time) -> Rollout {
        let Some(workload) = self.workload() else { return self.gone() };
        let uid = uid(&workload.metadata).to_owned();
        let progress = status::progress(self.kind, workload);
        let mut replicas = status::replicas(self.kind, workload);
        let history = History {
            kind: self.kind,
            workload,
            entries: self.own_entries(workload).collect(),
            pods: self.own_pods(workload),
            container: self.container.as_deref(),
        };
        let known = self.deploy.as_ref().filter(|(of, _)| *of == uid).map(|(_, deploy)| deploy);
        let current = history.current();
        let main = current.and_then(|current| history.main_container(current));
        let outlook = Outlook { progress: &progress, replicas };
        // Between a new template and its history entry, milliseconds later, the deploy before stands.
        let deploy = match current {
            Some(current) => Some(history.deploy(current, main, known, &outlook, now)),
            None => known.cloned(),
        };
        let hash = current.map(|current| current.hash(self.kind));
        let deployed = deploy.as_ref().map(|deploy| deploy.at);

        let no_memory = Memory::default();
        let roles = Roles::of(current.map(|current| current.template(self.kind)), main);
        let mut rows = Vec::with_capacity(history.pods.len());
        let mut failing = Vec::new();
        for pod in &history.pods {
            let memory = self.memories.get(objects::uid(&pod.metadata)).unwrap_or(&no_memory);
            let (state, problems) = pods::examine(pod, memory, &roles, deployed, now);
            let is_new = hash == Some(pod.hash(self.kind));
            if is_new && !matches!(state.phase, PodPhase::Terminating | PodPhase::Finished) {
                failing.push(FailingPod { pod: pod.metadata.name.as_deref().unwrap_or_default(), problems });
            }
            rows.push(state.into_pod(pod, self.kind, is_new));
        }
        if !workload.is_observed() {
            // The status still counts the version before as the updated one.
            replicas.updated = i64::try_from(failing.len()).unwrap_or(i64::MAX);
        }
        rows.sort_by(|a, b| (!a.is_new, &a.name).cmp(&(!b.is_new, &b.name)));
        failing.sort_by_key(|failing| failing.pod);
        let has_finished = deploy.as_ref().is_some_and(|deploy| deploy.finished.is_some());
        let mut troubles = troubles(self.kind, workload, &failing, has_finished);
        troubles.extend(argo::aborted(workload, deploy.as_ref()));
        troubles.extend(hash.and_then(|_| held_up(self.kind, workload, &rows)));
        troubles.extend(hash.and_then(|hash| self.evictions.trouble(hash, now)));
        troubles.sort_by_key(|trouble| trouble.kind);
        let rollout = Rollout {
            generation: workload.generation(),
            progress,
            replicas,
            pods: rows,
            troubles,
            revisions: history.revisions(main),
            deadline: status::deadline(self.kind, workload),
            changed_by: objects::managers::of_template(&workload.metadata).map(short),
            deploy: deploy.clone(),
            uid: uid.clone(),
        };
        self.deploy = deploy.map(|deploy| (uid, deploy));
        rollout
    }

    fn gone(&self) -> Rollout {
        Rollout {
            uid: self.deploy.as_ref().map(|(uid, _)| uid.clone()).unwrap_or_default(),
            generation: 0,
            progress: Progress::Gone,
            replicas: Replicas::default(),
            pods: Vec::new(),
            troubles: Vec::new(),
            deadline: Deadline::default(),
            changed_by: None,
            deploy: None,
            revisions: Vec::new(),
        }
    }

    fn own_entries<'a>(&'a self, workload: &Workload) -> impl Iterator<Item = &'a Entry> {
        let of = uid(&workload.metadata).to_owned();
        self.entries.iter().filter(move |entry| owner(&entry.metadata) == Some(&of))
    }

    fn own_pods(&self, workload: &Workload) -> Vec<&Pod> {
        let owners: BTreeSet<&str> = match self.kind {
            WorkloadKind::Deployment | WorkloadKind::Rollout => {
                self.own_entries(workload).map(|entry| uid(&entry.metadata)).collect()
            }
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => BTreeSet::from([uid(&workload.metadata)]),
        };
        let update = workload.update();
        let is_own = |pod: &&Pod| {
            owner(&pod.metadata).is_some_and(|owner| owners.contains(owner)) && !update.is_idle(pod.hash(self.kind))
        };
        self.pods.iter().filter(is_own).collect()
    }
}
