//! What an undo is drafted from, as it was read: the workload, its history, and what is around it.

use super::api::{self, Call};
use super::{answer, around, permission, pods, selector};
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::destination::text::items;
use crate::rollback::preflight::{self, Objects, Permission, Surroundings};
use crate::rollback::{Blocked, Check, CheckKind, CheckOutcome};
use serde_json::{Value, json};
use std::sync::Arc;

/// The objects of one workload.
pub(crate) struct Snapshot {
    pub(crate) workload: Value,
    /// The list of its history, and more that its selector finds.
    history: Value,
    /// The list of its pods, where they matter.
    pods: Value,
    /// What is around it, but for ConfigMaps and Secrets: which of them matter depends on the target.
    pub(super) around: Surroundings,
    /// Whether the cluster is the one that the watch began with.
    pub(crate) identity: Check,
}

impl Snapshot {
    pub(crate) fn objects(&self) -> Objects<'_> {
        let (history, pods) = (items(&self.history["items"]), items(&self.pods["items"]));
        Objects { workload: &self.workload, history, pods, around: &self.around }
    }
}

/// Reads all that a step is drafted from: seven requests at most, in two rounds.
pub(crate) async fn look_at(cluster: &Cluster, reference: &WorkloadRef) -> Result<Snapshot, Blocked> {
    let blocked = |check: Check| Blocked { reason: check.sentence, way_out: check.way_out.unwrap_or_default() };
    read(cluster, reference).await.map_err(blocked)
}

/// The same; what stands in its way is a check that is blocked.
pub(crate) async fn read(cluster: &Cluster, reference: &WorkloadRef) -> Result<Snapshot, Check> {
    let unread = |blocked: Blocked| Check::blocked(CheckKind::Reading, blocked);
    let (identity, workload, autoscalers, quotas) = tokio::join!(
        around::identity_together(cluster),
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
    let (history, (pods, delete_pods)) = tokio::join!(
        read_history(cluster, reference, &workload, &selector),
        broken_pods(cluster, reference, &workload, &selector),
    );
    let around = Surroundings { autoscalers, quotas, delete_pods, ..Surroundings::default() };
    Ok(Snapshot { history: history.map_err(unread)?, workload, pods, around, identity })
}

/// Reads the workload itself; where the watch has many of its kind there, all of them at once.
pub(crate) async fn read_workload(cluster: &Cluster, reference: &WorkloadRef) -> Result<Value, Blocked> {
    if cluster.facts.has_siblings(reference) {
        let all = api::list_together(cluster, Call::Workloads(reference)).await;
        let all = all.as_ref().map(|reply| items(&reply.body["items"])).unwrap_or_default();
        if let Some(workload) = all.iter().find(|it| it["metadata"]["name"] == reference.name.as_str()) {
            return Ok(workload.clone());
        }
        // One that is not among them is asked for by its name: the API server says best what there is of it.
    }
    read_one(cluster, Call::Workload(reference), reference, reference.kind.plural(), "get").await
}

/// Reads the workload and its history, and nothing else.
pub(super) async fn read_revisions(cluster: &Cluster, reference: &WorkloadRef) -> Result<(Value, Value), Blocked> {
    let workload = read_workload(cluster, reference).await?;
    let selector = selector::of(&workload);
    let history = read_history(cluster, reference, &workload, &selector).await?;
    Ok((workload, history))
}

/// Reads its history: the list of it, and perhaps of others that its selector finds.
async fn read_history(cluster: &Cluster, of: &WorkloadRef, workload: &Value, selector: &str) -> Result<Value, Blocked> {
    if cluster.facts.has_siblings(of)
        && let Some(all) = api::list_together(cluster, Call::Histories(of)).await
    {
        let uid = &workload["metadata"]["uid"];
        let is_own = |it: &&Value| items(&it["metadata"]["ownerReferences"]).iter().any(|owner| owner["uid"] == *uid);
        let own: Vec<&Value> = items(&all.body["items"]).iter().filter(is_own).collect();
        return Ok(json!({ "items": own }));
    }
    read_one(cluster, Call::History(of, selector), of, of.kind.history(), "list").await
}

/// Only their names are wanted, and whether they may be deleted, for a warning that stands without either.
async fn broken_pods(
    cluster: &Cluster,
    of: &WorkloadRef,
    workload: &Value,
    selector: &str,
) -> (Value, Option<Permission>) {
    if !preflight::waits_for_broken_pods(of.kind, workload) {
        return (Value::Null, None);
    }
    let (found, permission) = tokio::join!(
        read_one(cluster, Call::Pods(of, selector), of, "pods", "list"),
        permission::ask(cluster, pods::right(&of.namespace)),
    );
    (found.unwrap_or_default(), Some(permission))
}

async fn read_one(
    cluster: &Cluster,
    call: Call<'_>,
    of: &WorkloadRef,
    plural: &str,
    verb: &str,
) -> Result<Value, Blocked> {
    let reply =
        api::ask_together(cluster, call).await.map_err(|lost| answer::unreachable(&cluster.label, &lost.reason()))?;
    if reply.is_success() && reply.body.is_object() {
        Ok(Arc::unwrap_or_clone(reply).body)
    } else {
        Err(answer::unread(of, plural, verb, &reply))
    }
}
