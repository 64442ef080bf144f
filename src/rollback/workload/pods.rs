//! Deleting pods that block a rollback: one request a pod, for this very pod and no namesake.

use super::answer::{self, Meaning, Right};
use super::api::{self, Call, Lost, Reply};
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::deletion::{Deleted, PodId};
use futures_util::future::join_all;

/// What it takes to delete pods of a namespace.
pub(super) const fn right(namespace: &str) -> Right<'_> {
    Right { verb: "delete", group: "", plural: "pods", subresource: "", namespace, name: None }
}

/// Deletes these pods of a workload, in parallel: one request each, nothing before it and no second try. The uid
/// goes with the request (`preconditions` of `DeleteOptions`), so that a pod recreated meanwhile is left alone. They get
/// the time to end that their template gives them.
pub async fn delete(cluster: &Cluster, of: &WorkloadRef, pods: Vec<PodId>) -> Vec<(PodId, Deleted)> {
    let deletions = pods.into_iter().map(|pod| async move {
        let deleted = delete_one(cluster, &of.namespace, &pod).await;
        (pod, deleted)
    });
    join_all(deletions).await
}

async fn delete_one(cluster: &Cluster, namespace: &str, pod: &PodId) -> Deleted {
    let call = Call::DeletePod { namespace, name: &pod.name, uid: &pod.uid };
    match api::ask(cluster, call).await {
        Ok(reply) => deleted(namespace, pod, &reply),
        Err(Lost::NotSent(reason)) => Deleted::Refused(answer::unreachable(&cluster.label, &reason)),
        Err(Lost::Unknown(reason)) => Deleted::Unknown(reason),
    }
}

fn deleted(namespace: &str, pod: &PodId, reply: &Reply) -> Deleted {
    // Only an API server's own word says that there is none: a path may be unknown to what answers.
    if reply.status == 404 && reply.body["reason"] == "NotFound" {
        return Deleted::GoneAlready;
    }
    let manual_command = format!("kubectl delete pod {} -n {namespace}", pod.name);
    match answer::meaning_of(&right(namespace), reply, &manual_command) {
        Meaning::Taken => Deleted::Taken,
        // The one thing that a deletion can conflict with is its precondition.
        Meaning::Overtaken => Deleted::Replaced,
        Meaning::Refused(blocked) => Deleted::Refused(blocked),
        Meaning::Unclear(reason) => Deleted::Unknown(reason),
    }
}
