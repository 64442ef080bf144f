//! The template history of a workload: its `ReplicaSets` or `ControllerRevisions`, newest first.

use super::text::{moment, time};
use super::{argo, template};
use crate::deploy::{Outline, Time, Version, WorkloadKind, version_label};
use serde_json::{Map, Value};

/// Where a Deployment's controller keeps the number of a `ReplicaSet`.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The same of a Rollout's controller.
const ROLLOUT_REVISION: &str = "rollout.argoproj.io/revision";

/// The numbers that a `ReplicaSet` had before, comma separated; set when it was undone to.
const FORMER: [&str; 2] = ["deployment.kubernetes.io/revision-history", "rollout.argoproj.io/revision-history"];

/// One entry of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its images, number and hash.
    pub version: Version,
    /// When it was made.
    pub created: Option<Time>,
    /// Its template, as the workload carried it.
    pub template: Value,
    /// A `ReplicaSet`'s annotations: an undo brings them back too.
    pub annotations: Map<String, Value>,
    names: Vec<String>,
}

impl Entry {
    /// Whether pods or people know it by this hash.
    pub fn is_known_as(&self, hash: &str) -> bool {
        self.names.iter().any(|name| name == hash)
    }

    /// The number that it had before it was last undone to; `None` when it never was.
    pub fn former_revision(&self) -> Option<i64> {
        let numbers = FORMER.iter().find_map(|key| self.annotations.get(*key))?.as_str()?;
        numbers.rsplit(',').next()?.trim().parse().ok()
    }

    /// `2 (1.8.3, created 2026-11-23 02:09 UTC)`.
    pub fn describe(&self) -> String {
        let images: Vec<&str> = self.version.images.iter().map(|image| version_label(image)).collect();
        let images = images.join(" + ");
        let revision = self.version.revision;
        match self.created {
            Some(created) => format!("{revision} ({images}, created {})", moment(created)),
            None => format!("{revision} ({images})"),
        }
    }
}

/// Reads the history of `workload` out of whatever its label selector found: selectors overlap, so only
/// what the workload itself controls counts. Entries with an unreadable number are left out, one without
/// any is revision 0, as with kubectl. Which of several containers is the main one is for [`super::Lineage`] to say.
pub fn read(kind: WorkloadKind, workload: &Value, items: &[Value]) -> Vec<Entry> {
    let uid = workload["metadata"]["uid"].as_str().unwrap_or_default();
    let mut entries: Vec<Entry> =
        items.iter().filter(|item| is_controlled_by(item, uid)).filter_map(|item| entry(kind, item)).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.version.revision, entry.created)));
    entries
}

/// Whether the object's controller is the one with this uid.
pub fn is_controlled_by(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
    owners.iter().any(|owner| owner["controller"] == true && owner["uid"] == uid)
}

fn entry(kind: WorkloadKind, item: &Value) -> Option<Entry> {
    let metadata = &item["metadata"];
    let label = |key: &str| metadata["labels"][key].as_str().map(str::to_owned);
    let name = metadata["name"].as_str().map(str::to_owned);
    let noted = |key: &str| match metadata["annotations"][key].as_str() {
        Some(number) => number.parse().ok(),
        None => Some(0),
    };
    let (template, revision, hash) = match kind {
        WorkloadKind::Deployment => (&item["spec"]["template"], noted(REVISION)?, label(template::HASH_LABEL)),
        WorkloadKind::Rollout => {
            (&item["spec"]["template"], noted(ROLLOUT_REVISION)?, label(template::ROLLOUT_HASH_LABEL))
        }
        // A StatefulSet's pods carry the name of their revision, a DaemonSet's the hash alone.
        WorkloadKind::StatefulSet => (&item["data"]["spec"]["template"], item["revision"].as_i64()?, name.clone()),
        WorkloadKind::DaemonSet => {
            (&item["data"]["spec"]["template"], item["revision"].as_i64()?, label("controller-revision-hash"))
        }
    };
    let restored = || match kind {
        WorkloadKind::Rollout => argo::restored(item),
        _ => template::restored(template),
    };
    let template = template.is_object().then(restored)?;
    let hash = hash.or_else(|| name.clone())?;
    let also = [name, label("controller-revision-hash"), label("controller.kubernetes.io/hash")];
    let names = also.into_iter().flatten().chain([hash.clone()]).collect();
    Some(Entry {
        version: Version { images: template::images(&template, None), revision, hash, outline: Outline::of(&template) },
        created: time(&metadata["creationTimestamp"]),
        annotations: metadata["annotations"].as_object().cloned().unwrap_or_default(),
        template,
        names,
    })
}
