//! The specification of a cluster: how it is reached, and what to watch there.

use crate::deploy::{WorkloadId, WorkloadRef};
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// A cluster and the workloads to watch there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The source's name in the configuration, for errors.
    pub name: String,
    /// How it is reached.
    pub access: ClusterAccess,
    /// Each call that is not a watch may take this long.
    pub timeout: Duration,
    /// What to watch.
    pub workloads: Vec<(WorkloadId, WorkloadRef)>,
    /// The main containers that the configuration names, one for each service that has the setting.
    pub containers: Vec<MainContainer>,
}

impl ClusterSpec {
    /// The main container of a workload, where the configuration names it.
    pub fn container(&self, id: WorkloadId) -> Option<&str> {
        let of = self.containers.iter().find(|container| container.workloads.contains(&id));
        of.map(|container| container.name.as_str())
    }
}

/// The setting `container` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainContainer {
    /// The container's name.
    pub name: String,
    /// The workloads of the service, of which at least one must have it.
    pub workloads: Vec<WorkloadId>,
}

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterAccess {
    /// A kubeconfig (`KUBECONFIG` and the usual places when no path is given), else in-cluster.
    Kubeconfig {
        /// The file.
        path: Option<PathBuf>,
        /// The context; the current one when not given.
        context: Option<String>,
    },
    /// An address (`kubectl proxy`, the demo).
    Direct {
        /// The API server.
        url: String,
        /// Bearer token.
        token: Option<Secret>,
    },
}
