//! Pods and their containers' states.

use super::{CONTROLLER_REVISION_HASH, Condition, POD_TEMPLATE_HASH, ROLLOUTS_POD_TEMPLATE_HASH, created, label};
use crate::deploy::{Time, WorkloadKind};
use chrono::TimeDelta;
use kube::core::ObjectMeta;
use serde::Deserialize;

/// A pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, uid, owner, labels, creation, deletion.
    pub metadata: ObjectMeta,
    /// Where it runs.
    pub spec: PodSpec,
    /// Its status.
    pub status: PodStatus,
}

/// The part of a pod's spec that is not its template's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// The node that it was given to.
    pub node_name: Option<String>,
}

/// A pod's status.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct PodStatus {
    pub phase: String,
    pub reason: String,
    pub message: String,
    pub conditions: Vec<Condition>,
    pub init_container_statuses: Vec<ContainerStatus>,
    pub container_statuses: Vec<ContainerStatus>,
}

/// A container's status.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct ContainerStatus {
    pub name: String,
    pub image: String,
    #[serde(rename = "imageID")]
    pub image_id: String,
    pub ready: bool,
    pub restart_count: u32,
    pub state: ContainerState,
    pub last_state: ContainerState,
}

/// Exactly one of these in `state`; none or `terminated` in `lastState`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct ContainerState {
    pub waiting: Option<Waiting>,
    pub running: Option<Running>,
    pub terminated: Option<Terminated>,
}

/// A container that runs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Running {}

/// A container that waits, and for what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct Waiting {
    pub reason: String,
    pub message: String,
}

/// A container that ended, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Terminated {
    pub exit_code: i64,
    pub signal: Option<i64>,
    pub reason: String,
    pub message: String,
    pub finished_at: Option<Time>,
}

impl Pod {
    /// Whether it is on its way out: it counts for nothing any more.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Since when it is ready; `None` while it is not.
    pub fn ready_since(&self) -> Option<Time> {
        let ready = self.condition("Ready").filter(|ready| ready.status == "True")?;
        ready.last_transition_time.or_else(|| created(&self.metadata))
    }

    /// Since when it is not ready; `None` while it is, and before the kubelet has looked.
    pub fn unready_since(&self) -> Option<Time> {
        self.condition("Ready").filter(|ready| ready.status != "True")?.last_transition_time
    }

    /// Whether it was ready once: a pod that never was is not ready since its node took it.
    pub fn has_been_ready(&self) -> bool {
        const ACCEPTED_WITHIN: TimeDelta = TimeDelta::minutes(2);
        let taken = self.condition("PodScheduled").and_then(|scheduled| scheduled.last_transition_time);
        let taken = taken.or_else(|| created(&self.metadata));
        let lost = self.unready_since().zip(taken);
        self.ready_since().is_some() || lost.is_some_and(|(lost, taken)| lost - taken > ACCEPTED_WITHIN)
    }

    /// A condition of its status.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.r#type == kind)
    }

    /// Its containers' states, init containers (and with them sidecars) first.
    pub fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().chain(&self.status.container_statuses)
    }

    /// Its containers' images with the digests that the kubelet pulled: `app:1.9.0@sha256:…`.
    ///
    /// `imageID` is `registry/app@sha256:…` with most runtimes, with a scheme in front with some, and something
    /// local without a digest where the image was never pulled.
    pub fn images(&self) -> Vec<String> {
        let digest = |container: &ContainerStatus| {
            let (_, digest) = container.image_id.rsplit_once('@')?;
            let name = container.image.split('@').next().unwrap_or_default();
            (!name.is_empty()).then(|| format!("{name}@{digest}"))
        };
        self.status.container_statuses.iter().filter_map(digest).collect()
    }

    /// Its version's identity.
    pub fn hash(&self, kind: WorkloadKind) -> &str {
        let name = match kind {
            WorkloadKind::Deployment => POD_TEMPLATE_HASH,
            WorkloadKind::Rollout => ROLLOUTS_POD_TEMPLATE_HASH,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => CONTROLLER_REVISION_HASH,
        };
        label(&self.metadata, name).unwrap_or_default()
    }
}
