//! What is watched together: the objects of a kind in a namespace, by one list and one watch for all workloads there.
//!
//! Where a role only allows single names, or a namespace holds much more than what is watched, each workload has a
//! watch of its own instead: by its name, its history and pods by its selector. A union of selectors
//! (`app in (a,b,…)`) would be a third way, for workloads that all select by one key; it would save requests only where
//! thousands of other objects are, and what is not wanted is dropped as it arrives.

use super::feed::selected;
use super::objects::{self, Workload};
use super::watched::Watched;
use crate::cluster::spec::ClusterSpec;
use crate::deploy::WorkloadKind;
use futures_util::stream::AbortHandle;
use kube::core::{ObjectMeta, ParseExpressionError, Selector};
use kube::runtime::watcher;
use std::collections::{BTreeMap, BTreeSet};

/// So many objects of a namespace are read to find those of the watch among them, and so many more for each workload.
/// More are left to the server to select from.
const MOST_OF_A_NAMESPACE: usize = 2000;
const MORE_FOR_EACH: usize = 20;
/// So many objects of one workload are watched. A Deployment of five hundred pods is a large one.
const MOST_OF_A_WORKLOAD: usize = 2000;

/// The objects of a kind, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// The workloads of one kind.
    Workloads(WorkloadKind),
    /// What the workloads of this kind have as their history; kinds that share theirs are one here.
    History(WorkloadKind),
    /// The pods of any workload.
    Pods,
}

/// Objects that are watched together, and for whom.
pub(super) struct Group {
    /// Which objects.
    pub what: What,
    /// The namespace that they are in.
    pub namespace: String,
    /// For whom, by place among the watched; empty when others have taken over.
    pub members: Vec<usize>,
    /// The generation of its watch: events of an older generation are out of date.
    pub life: u32,
    /// To end the watch.
    pub feed: Option<AbortHandle>,
    /// Whose history and pods the running watch covers, by member.
    pub families: Vec<Option<Family>>,
}

/// What identifies a workload's history and pods: its identity and its selector.
#[derive(Debug, Clone)]
pub(super) struct Family {
    uid: String,
    labels: String,
    selector: Selector,
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        (&self.uid, &self.labels) == (&other.uid, &other.labels)
    }
}

impl Family {
    /// That of a workload; the error when its selector is none.
    pub(super) fn of(workload: &Workload) -> Result<Self, ParseExpressionError> {
        let selector = Selector::try_from(workload.spec.selector.clone())?;
        Ok(Self { uid: objects::uid(&workload.metadata).to_owned(), labels: selector.to_string(), selector })
    }

    /// Whether objects with these labels may be its own; the owner's uid decides.
    pub(super) fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        use kube::core::SelectorExt;
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.selector.matches(labels.unwrap_or(&NONE))
    }
}

impl Group {
    /// What has to be watched for these workloads: as few groups as there are kinds and namespaces. Those of workloads
    /// come first.
    pub(super) fn all(spec: &ClusterSpec) -> Vec<Self> {
        let mut wanted: BTreeMap<(What, &str), Vec<usize>> = BTreeMap::new();
        for (index, (_, of)) in spec.workloads.iter().enumerate() {
            for what in [What::Workloads(of.kind), What::history(of.kind), What::Pods] {
                wanted.entry((what, &of.namespace)).or_default().push(index);
            }
        }
        wanted.into_iter().map(|((what, namespace), members)| Self::new(what, namespace, members)).collect()
    }

    fn new(what: What, namespace: &str, members: Vec<usize>) -> Self {
        Self { what, namespace: namespace.to_owned(), members, life: 0, feed: None, families: Vec::new() }
    }

    /// Whether it is for several workloads.
    pub(super) fn is_wide(&self) -> bool {
        self.members.len() > 1
    }

    /// Whether it is about history or pods, which are only known by their workload.
    pub(super) fn is_of_children(&self) -> bool {
        !matches!(self.what, What::Workloads(_))
    }

    /// Ends the watch. What it said stays.
    pub(super) fn end(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.abort();
        }
        self.life += 1;
        self.families = Vec::new();
    }

    /// Gives each member a group of its own, and has none itself any more.
    pub(super) fn split(&mut self) -> Vec<Self> {
        self.end();
        let members = std::mem::take(&mut self.members);
        members.into_iter().map(|member| Self::new(self.what, &self.namespace, vec![member])).collect()
    }

    /// Which of the objects are asked for.
    pub(super) fn selection(&self, watched: &[Watched]) -> watcher::Config {
        match (self.members.as_slice(), self.what) {
            ([only], What::Workloads(_)) => {
                selected(None, Some(format!("metadata.name={}", watched[*only].reference.name)))
            }
            ([only], What::History(_) | What::Pods) => {
                let labels = watched[*only].family.as_ref().map(|family| family.labels.clone());
                selected(labels.filter(|labels| !labels.is_empty()), None)
            }
            _ => selected(None, None),
        }
    }

    /// In words, and how many of them are read at most.
    pub(super) fn extent(&self, watched: &[Watched]) -> (String, usize) {
        let plural = match self.what {
            What::Workloads(kind) => kind.plural(),
            What::History(kind) => kind.history(),
            What::Pods => "pods",
        };
        match self.members.as_slice() {
            [only] => {
                let of = &watched[*only].reference;
                (format!("{plural} of {of} in {}", self.namespace), MOST_OF_A_WORKLOAD)
            }
            members => {
                let most = MOST_OF_A_NAMESPACE + MORE_FOR_EACH * members.len();
                (format!("{plural} in {}", self.namespace), most)
            }
        }
    }

    /// Which of the objects that it hears of any member wants. Of a watch for one workload it is all that it says: the
    /// server has selected.
    pub(super) fn wanted(&self, watched: &[Watched]) -> Box<dyn Fn(&ObjectMeta) -> bool + Send> {
        if !self.is_wide() {
            return Box::new(|_| true);
        }
        let members = self.members.iter().map(|member| &watched[*member]);
        if self.is_of_children() {
            let families: Vec<Family> = members.filter_map(|it| it.family.clone()).collect();
            return Box::new(move |object| families.iter().any(|family| family.matches(object.labels.as_ref())));
        }
        let names: BTreeSet<String> = members.map(|it| it.reference.name.clone()).collect();
        Box::new(move |object| object.name.as_ref().is_some_and(|name| names.contains(name)))
    }

    /// Whether an object may be this member's own.
    pub(super) fn is_of(&self, member: &Watched, object: &ObjectMeta) -> bool {
        match self.what {
            _ if !self.is_wide() => true,
            What::Workloads(_) => object.name.as_ref() == Some(&member.reference.name),
            What::History(_) | What::Pods => {
                member.family.as_ref().is_some_and(|family| family.matches(object.labels.as_ref()))
            }
        }
    }
}

impl What {
    fn history(kind: WorkloadKind) -> Self {
        Self::History(match kind {
            WorkloadKind::Deployment | WorkloadKind::Rollout => WorkloadKind::Deployment,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => WorkloadKind::StatefulSet,
        })
    }
}
