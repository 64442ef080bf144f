//! The workload itself.

use super::Template;
use crate::deploy::Time;
use crate::rollout::argo;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::ObjectMeta;
use serde::Deserialize;

/// A Deployment, `StatefulSet`, `DaemonSet` or Rollout. Missing integers in its status mean zero.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// Name, uid, generation, annotations.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: WorkloadSpec,
    /// What there is. Stale while `generation > observedGeneration`.
    pub status: WorkloadStatus,
}

/// What is asked for of a workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Pods wanted; the API server fills in 1. `DaemonSet`s have none.
    pub replicas: Option<i64>,
    /// Which pods and revisions are its own (with their owner's uid).
    pub selector: LabelSelector,
    /// What a pod looks like.
    pub template: Template,
    /// Deployments and Rollouts only: nothing is rolled out until it is resumed.
    pub paused: bool,
    /// `StatefulSet`s and `DaemonSet`s only.
    pub update_strategy: UpdateStrategy,
    /// `StatefulSet`s only: `OrderedReady`, which the API server fills in, or `Parallel`.
    pub pod_management_policy: String,
    /// Deployments and Rollouts only, seconds.
    pub progress_deadline_seconds: Option<i64>,
    /// Rollouts only.
    #[serde(flatten)]
    pub argo: Box<argo::Spec>,
}

/// How a `StatefulSet` or `DaemonSet` is rolled out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// `RollingUpdate` or `OnDelete`.
    pub r#type: String,
    /// The API server always fills it in for `RollingUpdate`.
    pub rolling_update: Option<RollingUpdate>,
}

/// The part of a rolling update that decides which pods move.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RollingUpdate {
    /// `StatefulSet`s only: pods below this ordinal stay as they are.
    pub partition: Option<i64>,
}

/// The counts of a workload. `DaemonSet`s fill in the second half of them, all others the first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct WorkloadStatus {
    #[serde(deserialize_with = "argo::observed_generation")]
    pub observed_generation: i64,
    pub replicas: i64,
    pub updated_replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
    pub current_revision: String,
    pub update_revision: String,
    pub desired_number_scheduled: i64,
    pub current_number_scheduled: i64,
    pub updated_number_scheduled: i64,
    pub number_ready: i64,
    pub number_available: i64,
    pub conditions: Vec<Condition>,
    #[serde(flatten)]
    pub argo: Box<argo::Status>,
}

/// A condition of a workload or a pod. Pods have no `lastUpdateTime`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub last_update_time: Option<Time>,
    pub last_transition_time: Option<Time>,
}

impl Workload {
    /// Whether the controller has seen the newest spec; until then every other status field is stale.
    pub fn is_observed(&self) -> bool {
        let has_seen_workload = argo::has_seen_workload(self.metadata.annotations.as_ref(), &self.status.argo);
        self.generation() <= self.status.observed_generation && has_seen_workload
    }

    /// How many pods are wanted: the API server fills in one, and whoever stands in front of it may not. `DaemonSet`s
    /// want as many as there are nodes for them, which their status says.
    pub fn wanted_replicas(&self) -> i64 {
        self.spec.replicas.unwrap_or(1)
    }

    /// Where an update of a Rollout stands.
    pub fn update(&self) -> argo::Update<'_> {
        argo::Update { is_observed: self.is_observed(), spec: &self.spec.argo, status: &self.status.argo }
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or(0)
    }

    /// A condition of its status.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.r#type == kind)
    }
}
