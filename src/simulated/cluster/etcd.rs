//! What the API server keeps: every object as it was last written, and a bounded history for watches.

use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The history keeps at most this many bytes of objects; a watch from before it gets 410.
const HISTORY_BYTES: usize = 3 << 20;

/// The resources that the company's cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    Deployments,
    ReplicaSets,
    StatefulSets,
    DaemonSets,
    ControllerRevisions,
    Pods,
    Events,
    ConfigMaps,
    Secrets,
    Namespaces,
    Quotas,
    HorizontalPodAutoscalers,
    Jobs,
    Leases,
}

impl Resource {
    pub(crate) const ALL: [Self; 14] = [
        Self::Deployments,
        Self::ReplicaSets,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::ControllerRevisions,
        Self::Pods,
        Self::Events,
        Self::ConfigMaps,
        Self::Secrets,
        Self::Namespaces,
        Self::Quotas,
        Self::HorizontalPodAutoscalers,
        Self::Jobs,
        Self::Leases,
    ];

    /// As in paths: `deployments`.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Deployments => "deployments",
            Self::ReplicaSets => "replicasets",
            Self::StatefulSets => "statefulsets",
            Self::DaemonSets => "daemonsets",
            Self::ControllerRevisions => "controllerrevisions",
            Self::Pods => "pods",
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::Secrets => "secrets",
            Self::Namespaces => "namespaces",
            Self::Quotas => "resourcequotas",
            Self::HorizontalPodAutoscalers => "horizontalpodautoscalers",
            Self::Jobs => "jobs",
            Self::Leases => "leases",
        }
    }

    /// As in objects: `Deployment`.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Deployments => "Deployment",
            Self::ReplicaSets => "ReplicaSet",
            Self::StatefulSets => "StatefulSet",
            Self::DaemonSets => "DaemonSet",
            Self::ControllerRevisions => "ControllerRevision",
            Self::Pods => "Pod",
            Self::Events => "Event",
            Self::ConfigMaps => "ConfigMap",
            Self::Secrets => "Secret",
            Self::Namespaces => "Namespace",
            Self::Quotas => "ResourceQuota",
            Self::HorizontalPodAutoscalers => "HorizontalPodAutoscaler",
            Self::Jobs => "Job",
            Self::Leases => "Lease",
        }
    }

    /// `apps`, or nothing for the core group.
    pub(crate) fn group(self) -> &'static str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// `apps/v1` or `v1`.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::Deployments
            | Self::ReplicaSets
            | Self::StatefulSets
            | Self::DaemonSets
            | Self::ControllerRevisions => "apps/v1",
            Self::Pods | Self::Events | Self::ConfigMaps | Self::Secrets | Self::Namespaces | Self::Quotas => "v1",
            Self::HorizontalPodAutoscalers => "autoscaling/v2",
            Self::Jobs => "batch/v1",
            Self::Leases => "coordination.k8s.io/v1",
        }
    }

    /// Whether the simulation moves it. The others are kept as they were written.
    pub(crate) const fn is_simulated(self) -> bool {
        matches!(
            self,
            Self::Deployments
                | Self::ReplicaSets
                | Self::StatefulSets
                | Self::DaemonSets
                | Self::ControllerRevisions
                | Self::Pods
                | Self::Events
        )
    }

    /// As in error messages: `deployments.apps`.
    pub(crate) fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }
}

/// What a watch tells of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Added,
    Modified,
    Deleted,
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) resource: Resource,
    pub(crate) verb: Verb,
    pub(crate) json: Arc<str>,
}

#[derive(Debug)]
struct Stored {
    /// Hash of the object without its resource version: writing the same again is no change.
    digest: u64,
    json: Arc<str>,
}

/// Objects and their history.
#[derive(Debug)]
pub(crate) struct Etcd {
    version: u64,
    objects: BTreeMap<(Resource, String), Stored>,
    history: VecDeque<Change>,
    bytes: usize,
    /// The newest version that the history has forgotten.
    forgotten: u64,
}

impl Etcd {
    /// An empty store. A cluster that has lived for a while does not begin at version 1.
    pub(crate) fn new(version: u64) -> Self {
        Self { version, objects: BTreeMap::new(), history: VecDeque::new(), bytes: 0, forgotten: version }
    }

    /// The newest resource version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The objects of a resource, by name.
    pub(crate) fn list(&self, resource: Resource) -> impl Iterator<Item = &Arc<str>> {
        self.objects.iter().filter(move |((of, _), _)| *of == resource).map(|(_, stored)| &stored.json)
    }

    /// One object.
    pub(crate) fn get(&self, resource: Resource, name: &str) -> Option<&Arc<str>> {
        self.objects.get(&(resource, name.to_owned())).map(|stored| &stored.json)
    }

    /// Writes an object that has no resource version yet. The same object again changes nothing.
    pub(crate) fn put(&mut self, resource: Resource, name: &str, object: Value) {
        let key = (resource, name.to_owned());
        let digest = digest(&object);
        let verb = match self.objects.get(&key) {
            Some(stored) if stored.digest == digest => return,
            Some(_) => Verb::Modified,
            None => Verb::Added,
        };
        let json = self.stamp(object);
        self.objects.insert(key, Stored { digest, json: json.clone() });
        self.note(resource, verb, json);
    }

    /// Removes an object. Its last state, with a version of its own, is what watches are told.
    pub(crate) fn delete(&mut self, resource: Resource, name: &str) {
        let Some(stored) = self.objects.remove(&(resource, name.to_owned())) else { return };
        if let Ok(object) = serde_json::from_str(&stored.json) {
            let json = self.stamp(object);
            self.note(resource, Verb::Deleted, json);
        }
    }

    /// The changes after a version; `None` when the history does not reach back that far.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let first = self.history.partition_point(|change| change.version <= version);
        (version >= self.forgotten).then(|| self.history.iter().skip(first))
    }

    fn stamp(&mut self, mut object: Value) -> Arc<str> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = Value::String(self.version.to_string());
        Arc::from(object.to_string())
    }

    fn note(&mut self, resource: Resource, verb: Verb, json: Arc<str>) {
        self.bytes += json.len();
        self.history.push_back(Change { version: self.version, resource, verb, json });
        while self.bytes > HISTORY_BYTES
            && let Some(oldest) = self.history.pop_front()
        {
            self.bytes -= oldest.json.len();
            self.forgotten = oldest.version;
        }
    }
}

fn digest(object: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    object.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn writing_the_same_again_changes_nothing() {
        let mut etcd = Etcd::new(100);
        etcd.put(Resource::Pods, "a", json!({"metadata": {"name": "a"}}));
        etcd.put(Resource::Pods, "a", json!({"metadata": {"name": "a"}}));
        assert_eq!(etcd.version(), 101);
        etcd.put(Resource::Pods, "a", json!({"metadata": {"name": "a"}, "status": 1}));
        etcd.delete(Resource::Pods, "a");
        let verbs: Vec<Verb> = etcd.since(100).unwrap().map(|change| change.verb).collect();
        assert_eq!(verbs, [Verb::Added, Verb::Modified, Verb::Deleted]);
    }

    #[test]
    fn a_history_that_is_too_long_forgets_its_beginning_and_says_so() {
        let mut etcd = Etcd::new(0);
        for n in 0..5000 {
            etcd.put(Resource::Pods, "a", json!({"metadata": {"name": "a"}, "n": n, "text": "x".repeat(1000)}));
        }
        assert!(etcd.since(1).is_none());
        assert_eq!(etcd.since(4999).unwrap().count(), 1);
        assert!(etcd.bytes <= HISTORY_BYTES);
    }
}
