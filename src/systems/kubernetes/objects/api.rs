//! Where each object is in the API, and what `kube` must know of it to list and watch it.

use super::{Entry, Event, Pod, Workload};
use crate::deploy::WorkloadKind;
use kube::core::{ApiResource, DynamicResourceScope, GroupVersionKind, ObjectMeta};
use std::borrow::Cow;

/// The API resource of a kind of workload.
pub fn workload_resource(kind: WorkloadKind) -> ApiResource {
    resource(kind.group(), kind.version(), kind.kind(), kind.plural())
}

/// The API resource of a kind of workload's template history.
pub fn history_resource(kind: WorkloadKind) -> ApiResource {
    match kind {
        WorkloadKind::Deployment | WorkloadKind::Rollout => resource("apps", "v1", "ReplicaSet", "replicasets"),
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            resource("apps", "v1", "ControllerRevision", "controllerrevisions")
        }
    }
}

/// The API resource of pods.
pub fn pod_resource() -> ApiResource {
    resource("", "v1", "Pod", "pods")
}

/// The API resource of events.
pub fn event_resource() -> ApiResource {
    resource("", "v1", "Event", "events")
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

macro_rules! api_objects {
    ($($object:ty),*) => {$(
        impl kube::Resource for $object {
            type DynamicType = ApiResource;
            type Scope = DynamicResourceScope;
            fn kind(resource: &ApiResource) -> Cow<'_, str> {
                resource.kind.as_str().into()
            }
            fn group(resource: &ApiResource) -> Cow<'_, str> {
                resource.group.as_str().into()
            }
            fn version(resource: &ApiResource) -> Cow<'_, str> {
                resource.version.as_str().into()
            }
            fn plural(resource: &ApiResource) -> Cow<'_, str> {
                resource.plural.as_str().into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    )*};
}

api_objects!(Workload, Entry, Pod, Event);
