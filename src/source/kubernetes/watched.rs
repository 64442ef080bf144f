//! A watched workload: its fold, its watches, and whether they still live.

use super::fold::Fold;
use crate::deploy::{WorkloadId, WorkloadRef};
use crate::rollout::Rollout;
use futures_util::stream::AbortHandle;
use kube::core::ObjectMeta;

/// A watched workload.
pub(super) struct Watched {
    /// As the watch knows it.
    pub id: WorkloadId,
    /// As the cluster knows it.
    pub reference: WorkloadRef,
    /// What its watches said.
    pub fold: Fold,
    /// What was told last.
    pub told: Option<Rollout>,
    /// Whether anything was heard since.
    pub has_news: bool,
    /// Watches of an older life are deaf.
    pub life: u32,
    /// The watch of the workload itself.
    pub own: Option<AbortHandle>,
    /// The watches of its history and pods.
    pub children: Option<Children>,
    /// What the watch had last said when a reading of the workload said something newer.
    behind_at: Option<String>,
}

/// Running watches of a workload's history and pods.
pub(super) struct Children {
    /// The workload's uid and selector when they were begun.
    pub of: (String, String),
    /// To end them.
    pub handles: [AbortHandle; 2],
}

impl Watched {
    /// Nothing is known yet and no watch runs. `container` is the main one where the configuration names it.
    pub(super) fn new(id: WorkloadId, reference: WorkloadRef, container: Option<&str>) -> Self {
        Self {
            id,
            fold: Fold::new(reference.kind).with_container(container.map(str::to_owned)),
            reference,
            told: None,
            has_news: false,
            life: 0,
            own: None,
            children: None,
            behind_at: None,
        }
    }

    /// Ends the watches of history and pods, and forgets what they said: they were another workload's.
    pub(super) fn end_children(&mut self) {
        if let Some(children) = self.children.take() {
            children.end();
            self.fold.forget_children();
        }
    }

    /// Ends every watch. What they said stays until their successors have read whole lists.
    pub(super) fn end(&mut self) {
        if let Some(own) = self.own.take() {
            own.abort();
        }
        if let Some(children) = self.children.take() {
            children.end();
        }
        self.life += 1;
        self.behind_at = None;
    }

    /// Whether the watch stood still while the workload, at the resource version `read`, went on. Once is a
    /// matter of milliseconds; the same twice running is a watch that hangs.
    pub(super) fn has_missed(&mut self, read: &str) -> bool {
        let heard = self.fold.workload().map(|workload| version(&workload.metadata)).unwrap_or_default();
        if read == heard || !self.fold.is_complete() {
            self.behind_at = None;
            return false;
        }
        let before = self.behind_at.replace(heard.to_owned());
        before.is_some() && before == self.behind_at
    }
}

impl Children {
    fn end(&self) {
        self.handles.iter().for_each(AbortHandle::abort);
    }
}

/// A resource version; empty where there is none. Only equality means anything.
pub(super) fn version(metadata: &ObjectMeta) -> &str {
    metadata.resource_version.as_deref().unwrap_or_default()
}
