//! What an undo is drafted from, as it was read: the workload, its history, and what is around it.

use super::api::{self, Call};
use super::{answer, around, selector};
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::preflight::{self, Objects, Surroundings};
use crate::rollback::target::text::items;
use crate::rollback::{Blocked, Check, CheckOutcome};
use serde_json::Value;

/// The objects of one workload.
pub(in crate::rollback::strategy) struct Sight {
    pub(in crate::rollback::strategy) workload: Value,
    /// The list of its history, and more that its selector finds.
    history: Value,
    /// The list of its pods, where they matter.
    pods: Value,
    /// What is around it, but for ConfigMaps and Secrets: which of them matter depends on the target.
    pub(super) around: Surroundings,
    /// Whether the cluster is the one that the watch began with.
    pub(in crate::rollback::strategy) identity: Check,
}

impl Sight {
    pub(in crate::rollback::strategy) fn objects(&self) -> Objects<'_> {
        let (history, pods) = (items(&self.history["items"]), items(&self.pods["items"]));
        Objects { workload: &self.workload, history, pods, around: &self.around }
    }
}

/// Reads all that a step is drafted from: six requests at most, in two rounds.
pub(in crate::rollback::strategy) async fn look_at(
    cluster: &Cluster,
    reference: &WorkloadRef,
) -> Result<Sight, Blocked> {
    let blocked = |check: Check| Blocked { reason: check.sentence, way_out: check.way_out.unwrap_or_default() };
    read(cluster, reference).await.map_err(blocked)
}

/// The same; what stands in its way is a check that is blocked.
pub(in crate::rollback::strategy) async fn read(cluster: &Cluster, reference: &WorkloadRef) -> Result<Sight, Check> {
    let unread = |blocked: Blocked| Check::blocked("reading", blocked);
    let (identity, workload, autoscalers, quotas) = tokio::join!(
        around::identity(cluster),
        read_workload(cluster, reference),
        around::autoscalers(cluster, &reference.namespace),
        around::quotas(cluster, &reference.namespace),
    );
    if identity.outcome == CheckOutcome::Blocked {
        // Whatever was read there is of another cluster.
        return Err(identity);
    }
    let workload = workload.map_err(unread)?;
    let selector = selector::of(&workload);
    let history = Call::History(reference, &selector);
    let (history, pods) = tokio::join!(
        read_one(cluster, history, reference, reference.kind.history(), "list"),
        pods(cluster, reference, &workload, &selector),
    );
    let around = Surroundings { autoscalers, quotas, ..Surroundings::default() };
    Ok(Sight { history: history.map_err(unread)?, workload, pods, around, identity })
}

/// Reads the workload itself.
pub(in crate::rollback::strategy) async fn read_workload(
    cluster: &Cluster,
    reference: &WorkloadRef,
) -> Result<Value, Blocked> {
    read_one(cluster, Call::Workload(reference), reference, reference.kind.plural(), "get").await
}

/// Only their names are wanted, for a warning that stands without them.
async fn pods(cluster: &Cluster, of: &WorkloadRef, workload: &Value, selector: &str) -> Value {
    if preflight::waits_for_broken_pods(of.kind, workload) {
        read_one(cluster, Call::Pods(of, selector), of, "pods", "list").await.unwrap_or_default()
    } else {
        Value::Null
    }
}

async fn read_one(
    cluster: &Cluster,
    call: Call<'_>,
    of: &WorkloadRef,
    plural: &str,
    verb: &str,
) -> Result<Value, Blocked> {
    let reply = api::ask(cluster, call).await.map_err(|lost| answer::unreachable(&cluster.label, &lost.reason()))?;
    if reply.is_success() && reply.body.is_object() {
        Ok(reply.body)
    } else {
        Err(answer::unread(of, plural, verb, &reply))
    }
}
