//! Vocabulary: Kubernetes' progress with one workload, digested from the API server's responses.

pub mod argo;
pub mod stall;

use crate::deploy::{Deploy, Time, Version};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Everything redflag keeps of one workload. A new one replaces the old at each change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Pinned identity: a workload recreated has another.
    pub uid: String,
    /// `metadata.generation`, bumped by each change of the spec.
    pub generation: i64,
    /// What `kubectl rollout status` would say.
    pub progress: Progress,
    /// Pod counts from the workload's status.
    pub replicas: Replicas,
    /// Its pods, new version first, then by name. Terminating pods are included and say so; those that Argo
    /// Rollouts keeps without traffic, for a quick way back, are not.
    pub pods: Vec<Pod>,
    /// What kubectl does not look at, worst first.
    pub troubles: Vec<Trouble>,
    /// Who would notice that it does not get on.
    pub deadline: Deadline,
    /// The program that changed its template last, where the cluster tells: `kubectl`, `argocd-controller`.
    pub changed_by: Option<String>,
    /// The deploy it is in the middle of, or the last one it finished.
    pub deploy: Option<Deploy>,
    /// The template history, newest first.
    pub revisions: Vec<Revision>,
}

/// The answer of `kubectl rollout status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Not there yet; the text says what is awaited.
    Waiting(String),
    /// Rolled out.
    Complete,
    /// It will not get there by itself.
    Failed(String),
    /// Deleted, or never found.
    Gone,
}

/// Who notices that a rollout does not get on, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// Nobody: `StatefulSet`s and `DaemonSet`s have no deadline, and a Deployment's may be the largest number there is,
    /// which means none.
    #[default]
    Nobody,
    /// Its controller, after so long without progress (`progressDeadlineSeconds`).
    Controller(TimeDelta),
    /// It is held on purpose, paused or updated manually: it gets on when a person lets it.
    Person,
    /// It goes by steps whose pauses are wanted: only new pods that do not get ready hold it up.
    Steps,
}

/// Pod counts. Missing integers in Kubernetes mean zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// Asked for.
    pub desired: i64,
    /// Of the new version.
    pub updated: i64,
    /// Ready, of any version.
    pub ready: i64,
    /// Ready for at least `minReadySeconds`.
    pub available: i64,
    /// All that exist, old ones included.
    pub total: i64,
}

impl Replicas {
    /// Pods of older versions that still exist.
    pub fn old(&self) -> i64 {
        (self.total - self.updated).max(0)
    }
}

impl Rollout {
    /// What an old revision was put back over: the newest of the others, where what runs now is such a revision. It is,
    /// while another one has a higher number, and once it has the highest though another one was made later.
    pub fn rolled_back(&self) -> Option<&Version> {
        let running = &self.deploy.as_ref()?.to;
        let current = self.revisions.iter().find(|revision| revision.version.hash == running.hash)?;
        let mut others = self.revisions.iter().filter(|revision| revision.version.hash != running.hash);
        let is_over = |other: &&Revision| {
            other.version.revision > current.version.revision
                || (current.created.is_some() && other.created > current.created)
        };
        others.clone().any(|other| is_over(&other)).then(|| others.next().map(|other| &other.version))?
    }

    /// The broken pods of another version that block it ([`TroubleKind::HeldUp`]); none while nothing does.
    pub fn in_the_way(&self) -> impl Iterator<Item = &Pod> {
        let is_held_up = self.troubles.iter().any(|trouble| trouble.kind == TroubleKind::HeldUp);
        self.pods.iter().filter(move |pod| is_held_up && pod.is_left_broken())
    }
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its identity: a pod of a `StatefulSet` that is recreated has the same name and another uid.
    pub uid: String,
    /// Whether it runs the version being rolled out.
    pub is_new: bool,
    /// The version's identity label on it.
    pub hash: String,
    /// What it is doing.
    pub phase: PodPhase,
    /// Why it is not ready, in Kubernetes' words: `CrashLoopBackOff`, `ImagePullBackOff`, …
    pub reason: Option<String>,
    /// Restarts of all its containers since redflag first saw it, or since the deploy for new pods.
    pub restarts: u32,
    /// Whether a container was killed for using too much memory since then.
    pub oom_killed: bool,
    /// When it was created.
    pub created: Option<Time>,
    /// When it became ready.
    pub ready_since: Option<Time>,
    /// Since when it is not ready, where the kubelet told.
    pub unready_since: Option<Time>,
    /// The node that runs it, once it has one.
    pub node: Option<String>,
    /// The zone of that node, where the pod carries it (`topology.kubernetes.io/zone`): Kubernetes copies it there from 1.35
    /// on. Of an older cluster only its nodes tell, which a role of its own has to allow; they are not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How a container of it last ended, and its last words: `exit 1: “KeyError: 'DB_URL'”`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<String>,
    /// What its containers really run, where the kubelet told: `registry/app:1.9.0@sha256:…`, the name as in the
    /// template. A tag may since have been moved.
    pub images: Vec<String>,
}

impl Pod {
    /// Whether it is of another version than the one being rolled out, and not ready.
    pub const fn is_left_broken(&self) -> bool {
        !self.is_new && matches!(self.phase, PodPhase::Failing | PodPhase::Unready)
    }
}

/// What a pod is doing, as far as people care. Ordered worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodPhase {
    /// It cannot work: crash loop, no image, bad configuration.
    Failing,
    /// Running, its readiness probe does not pass.
    Unready,
    /// Waiting for a node, an image or its containers.
    Starting,
    /// Serving.
    Ready,
    /// On its way out.
    Terminating,
    /// Ran to its end (evicted or completed).
    Finished,
}

impl PodPhase {
    /// Every phase, worst first.
    pub const ALL: [Self; 6] =
        [Self::Failing, Self::Unready, Self::Starting, Self::Ready, Self::Terminating, Self::Finished];

    /// The word on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Unready => "unready",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Terminating => "terminating",
            Self::Finished => "finished",
        }
    }
}

/// A condition of the rollout that kubectl's status does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What kind it is.
    pub kind: TroubleKind,
    /// One sentence: how many pods, the reason, the message.
    pub sentence: String,
}

/// The kinds of trouble, worst first: a cause before what it leads to, for people act on the first they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// A container starts and dies over and over.
    CrashLoop,
    /// The image cannot be pulled or is not valid.
    Image,
    /// A container was killed for using too much memory.
    OomKilled,
    /// A missing ConfigMap or Secret, or a container that cannot be created.
    Config,
    /// Pods are evicted again and again for using more than their own limits allow.
    OverLimit,
    /// `ProgressDeadlineExceeded`.
    DeadlineExceeded,
    /// No progress for half as long again as a rollout may stand still, and no controller that says so.
    Stalled,
    /// `ReplicaFailure`: quota, admission or policy refuse the pods.
    ReplicaFailure,
    /// A broken pod of another version blocks it, and nobody but a person removes it.
    HeldUp,
    /// The workload is below its minimum: people notice now.
    Unavailable,
    /// No node takes the pods.
    Unschedulable,
    /// A sidecar was killed once for using too much memory, in a pod that serves.
    SidecarOomKilled,
    /// A pod was evicted: once for its own limits, or because its node ran low.
    Evicted,
    /// No progress for as long as a rollout may stand still.
    Stalling,
    /// The rollout has ended, and a pod of the new version has not been ready for long.
    NotReady,
    /// Argo Rollouts called the update off: the stable version serves, the template still names the new one.
    Aborted,
    /// Containers restarted, without a loop so far.
    Restarts,
    /// Paused: it waits for ever.
    Paused,
}

impl TroubleKind {
    /// Whether the deploy should be rolled back for it, without any grace.
    pub const fn is_red_flag(self) -> bool {
        matches!(
            self,
            Self::CrashLoop
                | Self::Image
                | Self::OomKilled
                | Self::Config
                | Self::OverLimit
                | Self::DeadlineExceeded
                | Self::Stalled
        )
    }
}

/// One entry of the template history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its images, number and hash.
    pub version: Version,
    /// When it was made.
    pub created: Option<Time>,
    /// `kubernetes.io/change-cause`, where set.
    pub cause: Option<String>,
    /// Ready pods that run it now.
    pub ready: i64,
}
