//! What earlier watches found of the workloads' versions: read once it is known which cluster this is, for two clusters
//! may have environments and workloads of the same names.

use crate::cluster::Cluster;
use crate::deploy::{Time, WorkloadRef};
use crate::memory::{Memory, Shared, Told};
use crate::rollback::version_history::{Known, Recalled};
use crate::rollback::workload;
use crate::setup::Setup;
use std::sync::Arc;

/// Reads it, on a thread of its own: a disk may be slow. One request, which tells which cluster this is.
///
/// A file that cannot be read is no reason not to watch: then nothing is known, and the screen says so of the target.
pub(crate) async fn recalled(memory: Option<Memory>, setup: Arc<Setup>, cluster: &Cluster, now: Time) -> Told {
    let mut told = theirs(&setup, cluster, now).await;
    let Some(memory) = memory else { return told };
    for (known, own) in told.known.iter_mut().zip(ours(memory, setup, cluster).await) {
        // What this machine shared comes back with its own name on it.
        known.retain(|theirs| !own.iter().any(|own| is_the_same(&own.known, &theirs.known)));
        known.splice(..0, own);
    }
    told
}

/// What watches on other machines found, where that is shared.
async fn theirs(setup: &Setup, cluster: &Cluster, now: Time) -> Told {
    let workloads: Vec<&WorkloadRef> = setup.workloads.iter().map(|workload| &workload.reference).collect();
    if !setup.rollback.shared {
        return Told { known: vec![Vec::new(); workloads.len()], doubts: Vec::new() };
    }
    Shared::new(cluster.clone(), &setup.rollback.actor).recall(&setup.environment, &workloads, now).await
}

fn is_the_same(one: &Known, other: &Known) -> bool {
    (&one.hash, one.standing, one.at) == (&other.hash, other.standing, other.at)
}

async fn ours(memory: Memory, setup: Arc<Setup>, cluster: &Cluster) -> Vec<Vec<Recalled>> {
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
