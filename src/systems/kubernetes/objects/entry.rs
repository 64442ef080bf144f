//! One entry of a workload's template history.

use super::{
    CONTROLLER_REVISION_HASH, POD_TEMPLATE_HASH, REVISION, ROLLOUT_REVISION, ROLLOUTS_POD_TEMPLATE_HASH, Template,
    annotation, label,
};
use crate::deploy::WorkloadKind;
use kube::core::ObjectMeta;
use serde::Deserialize;

/// An entry of the template history: a `ReplicaSet` or a `ControllerRevision`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Name, uid, owner, labels, annotations, creation.
    pub metadata: ObjectMeta,
    /// `ReplicaSet`s only.
    pub spec: EntrySpec,
    /// `ControllerRevision`s only: the number of the history.
    pub revision: i64,
    /// `ControllerRevision`s only: a patch of the workload that holds the template.
    pub data: EntryData,
}

/// Where an entry keeps its template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EntrySpec {
    /// What a pod of this version looks like.
    pub template: Template,
}

/// The patch in a `ControllerRevision`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EntryData {
    /// Where the template is.
    pub spec: EntrySpec,
}

impl Entry {
    /// Its template.
    pub fn template(&self, kind: WorkloadKind) -> &Template {
        match kind {
            WorkloadKind::Deployment | WorkloadKind::Rollout => &self.spec.template,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => &self.data.spec.template,
        }
    }

    /// Its number in the history; zero while the controller has not written it yet.
    pub fn number(&self, kind: WorkloadKind) -> i64 {
        let noted = |name| annotation(&self.metadata, name).and_then(|number| number.parse().ok()).unwrap_or(0);
        match kind {
            WorkloadKind::Deployment => noted(REVISION),
            WorkloadKind::Rollout => noted(ROLLOUT_REVISION),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => self.revision,
        }
    }

    /// What the pods of this version carry as their identity label.
    pub fn hash(&self, kind: WorkloadKind) -> &str {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        match kind {
            WorkloadKind::Deployment => label(&self.metadata, POD_TEMPLATE_HASH).unwrap_or(name),
            WorkloadKind::Rollout => label(&self.metadata, ROLLOUTS_POD_TEMPLATE_HASH).unwrap_or(name),
            WorkloadKind::StatefulSet => name,
            WorkloadKind::DaemonSet => label(&self.metadata, CONTROLLER_REVISION_HASH)
                .or_else(|| label(&self.metadata, "controller.kubernetes.io/hash"))
                .or_else(|| name.rsplit_once('-').map(|(_, hash)| hash))
                .unwrap_or(name),
        }
    }
}
