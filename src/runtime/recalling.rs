//! What earlier watches found of the workloads' versions: read once it is known which cluster this is, for two clusters
//! may have environments and workloads of the same names.

use crate::cluster::Cluster;
use crate::memory::Memory;
use crate::rollback::version_history::Recalled;
use crate::rollback::workload;
use crate::setup::Setup;
use std::sync::Arc;

/// Reads it, on a thread of its own: a disk may be slow. One request, which tells which cluster this is.
///
/// A file that cannot be read is no reason not to watch: then nothing is known, and the screen says so of the target.
pub(crate) async fn recalled(memory: Memory, setup: Arc<Setup>, cluster: &Cluster) -> Vec<Vec<Recalled>> {
    let cluster = workload::identify(cluster).await;
    let read = move || {
        let workloads = setup.workloads.iter().map(|workload| &workload.reference);
        memory.recall(&setup.environment, &cluster, workloads).unwrap_or_else(|error| {
            tracing::warn!(path = %memory.path().display(), %error, "earlier watches could not be read");
            Vec::new()
        })
    };
    // A panic there is the task's own and ends the program as every other does.
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Vec::new(),
    })
}
