//! The API's objects as far as redflag reads them. What is not named here is dropped on arrival: a pod costs
//! hundreds of bytes, not tens of thousands, and a field that a newer server adds or leaves out breaks nothing.

mod api;
mod entry;
mod event;
pub mod managers;
mod pod;
mod template;
mod workload;

pub use api::{event_resource, history_resource, pod_resource, workload_resource};
pub use entry::{Entry, EntryData, EntrySpec};
pub use event::{Event, EventSeries, Involved};
pub use pod::{ContainerState, ContainerStatus, Pod, PodSpec, PodStatus, Running, Terminated, Waiting};
pub use template::{Container, Template};
pub use workload::{Condition, RollingUpdate, UpdateStrategy, Workload, WorkloadSpec, WorkloadStatus};

use crate::deploy::Time;
use chrono::DateTime;
use kube::core::ObjectMeta;

/// The label that the Deployment controller adds to templates, `ReplicaSet`s and pods: their version's identity.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// The same for the pods of `StatefulSet`s (the `ControllerRevision`'s name) and `DaemonSet`s (only its hash).
pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";
/// The same for the pods of Argo Rollouts.
pub const ROLLOUTS_POD_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";
/// The number of a Deployment's template history.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The number of a Rollout's template history.
pub const ROLLOUT_REVISION: &str = "rollout.argoproj.io/revision";
/// What people write about a revision.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// When an object was made.
pub fn created(metadata: &ObjectMeta) -> Option<Time> {
    let stamp = metadata.creation_timestamp.as_ref()?.0;
    DateTime::from_timestamp(stamp.as_second(), 0)
}

/// The uid, or nothing.
pub fn uid(metadata: &ObjectMeta) -> &str {
    metadata.uid.as_deref().unwrap_or_default()
}

/// A label's value.
pub fn label<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(name).map(String::as_str)
}

/// An annotation's value.
pub fn annotation<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The uid of the one controller that owns an object. Selectors of two workloads can overlap: this cannot.
pub fn owner(metadata: &ObjectMeta) -> Option<&str> {
    let owners = metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str())
}
