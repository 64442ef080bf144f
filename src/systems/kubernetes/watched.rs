//! A watched workload: its fold, what its history and pods are known by, and whether its watch still lives.

use super::fold::Fold;
use super::group::Family;
use crate::deploy::{WorkloadId, WorkloadRef};
use crate::poll::SourceError;
use crate::rollout::Rollout;
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
    /// Whether it was read, or found not to be there, since its watch began.
    pub is_read: bool,
    /// By what its history and pods are known, where it exists.
    pub family: Option<Family>,
    /// What the watch had last said when a reading of the workload said something newer.
    pub behind_at: Option<String>,
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
            is_read: false,
            family: None,
            behind_at: None,
        }
    }

    /// Updates the workload's identity. History and pods of another one are dropped.
    pub(super) fn meet(&mut self) -> Result<(), SourceError> {
        let family = match self.fold.workload().map(Family::of).transpose() {
            Ok(family) => family,
            Err(error) => return Err(SourceError::BadAnswer(format!("selector of {}: {error}", self.reference))),
        };
        if self.family != family {
            if self.family.is_some() {
                self.fold.forget_children();
            }
            self.family = family;
        }
        Ok(())
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

/// A resource version; empty where there is none. Only equality means anything.
pub(super) fn version(metadata: &ObjectMeta) -> &str {
    metadata.resource_version.as_deref().unwrap_or_default()
}
