//! What earlier watches found about versions, and what this one has recorded for later ones.

use crate::deploy::{Version, WorkloadId};
use crate::rollback::version_history::{Recalled, VersionStatus};

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Recollection {
    /// What earlier watches found, for each workload.
    recalled: Vec<Vec<Recalled>>,
    /// What was remembered of a version in this watch, so that it is written once.
    remembered: Vec<(WorkloadId, String, VersionStatus)>,
}

impl Recollection {
    /// Takes in what earlier watches found.
    pub(super) fn recall(&mut self, recalled: Vec<Vec<Recalled>>) {
        self.recalled = recalled;
    }

    /// What earlier watches found of workloads of this name; `None` before that was read.
    pub(super) fn recalled(&self, id: WorkloadId) -> Option<&[Recalled]> {
        self.recalled.get(usize::from(id.0)).map(Vec::as_slice)
    }

    /// Whether that is the last thing that was written down of the version, or it has no identity to write down.
    pub(super) fn is_remembered(&self, id: WorkloadId, version: &Version, standing: VersionStatus) -> bool {
        let of_it = |(known, hash, _): &&(WorkloadId, String, VersionStatus)| *known == id && *hash == version.hash;
        let last = self.remembered.iter().rev().find(of_it);
        version.hash.is_empty() || last.is_some_and(|(.., known)| *known == standing)
    }

    /// It is not known whether what was to be written down was: it is written once more.
    pub(super) fn forget_remembered(&mut self) {
        self.remembered.clear();
    }

    /// Notes that this is written down.
    pub(super) fn remember(&mut self, id: WorkloadId, version: &Version, standing: VersionStatus) {
        self.remembered.push((id, version.hash.clone(), standing));
    }
}
