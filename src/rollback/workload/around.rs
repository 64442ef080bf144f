//! Reads what is around a workload: nothing of it is needed to undo, so nothing of it can block it.

use super::answer;
use super::api::{self, Call, Lost, Reply};
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::destination::text::one_line;
use crate::rollback::preflight::Looked;
use crate::rollback::{Blocked, Check, CheckKind};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of a kind, so many objects are read one by one.
const ONE_BY_ONE: usize = 2;

/// Whether this still is the cluster that the watch began with.
///
/// A cluster whose identity cannot be read is warned of and not refused: the workload's uid, which the patch
/// tests, differs from cluster to cluster too.
pub(super) async fn identity(cluster: &Cluster) -> Check {
    identified(cluster, api::ask(cluster, Call::KubeSystem).await.map(Arc::new))
}

/// The same, for a plan: others may have just asked.
pub(super) async fn identity_together(cluster: &Cluster) -> Check {
    identified(cluster, api::ask_together(cluster, Call::KubeSystem).await)
}

fn identified(cluster: &Cluster, reply: Result<Arc<Reply>, Lost>) -> Check {
    let name = CheckKind::Cluster;
    let label = &cluster.label;
    let unknown = |why: String, way_out: &str| {
        let sentence = format!("cluster identity unknown: {why}; the workload's uid is checked anyway");
        Check::warning(name, sentence, Some(way_out.to_owned()))
    };
    let check_yourself = "check the context yourself: kubectl config current-context";
    let reply = match reply {
        Ok(reply) => reply,
        Err(lost) => return unknown(lost.reason(), check_yourself),
    };
    if reply.status == 403 {
        let way_out = "ask for a ClusterRole with resources [namespaces], resourceNames [kube-system], verbs [get]";
        return unknown("you may not get the namespace kube-system".to_owned(), way_out);
    }
    let Some(uid) = reply.body["metadata"]["uid"].as_str().filter(|_| reply.is_success()).map(one_line) else {
        return unknown(format!("the API server returned {}: {}", reply.status, reply.said()), check_yourself);
    };
    let is_first = cluster.identity.uid().is_none();
    if !cluster.identity.holds(&uid) {
        let began = cluster.identity.uid().unwrap_or("?");
        return Check::blocked(
            name,
            Blocked {
                reason: format!(
                    "{label} is not the cluster this watch started with (kube-system uid is {uid}, was {began})"
                ),
                way_out: "find out where its address points now (VPN, proxy, port-forward), then start a new watch"
                    .to_owned(),
            },
        );
    }
    let sentence = if is_first {
        format!("{label}: identity recorded, another cluster at its address would be noticed")
    } else {
        format!("{label} is the same cluster as at the start")
    };
    Check::ok(name, sentence)
}

/// The autoscalers of a namespace; whoever may not read them is not told of them.
pub(super) async fn autoscalers(cluster: &Cluster, namespace: &str) -> Looked {
    look(cluster, Call::Autoscalers(namespace), namespace, "horizontalpodautoscalers").await
}

/// The quotas of a namespace.
pub(super) async fn quotas(cluster: &Cluster, namespace: &str) -> Looked {
    look(cluster, Call::Quotas(namespace), namespace, "resourcequotas").await
}

/// The jobs of a namespace, as their list; the error says why it cannot be had.
pub(crate) async fn jobs(cluster: &Cluster, namespace: &str) -> Result<Arc<Reply>, String> {
    let reply = api::ask_together(cluster, Call::Jobs(namespace)).await.map_err(Lost::reason)?;
    if reply.is_success() && reply.body["items"].is_array() {
        return Ok(reply);
    }
    Err(answer::not_looked_at("list", namespace, "jobs", &reply).reason)
}

/// The metadata of the ConfigMaps or Secrets of these names. A few are read one by one, which is the least that
/// one can be allowed; more than that are looked for in the list, so that it stays a few requests.
///
/// Where many workloads are prepared at once, one list of the namespace's ConfigMaps serves all of them. Secrets are not
/// listed for that: whoever audits a cluster asks why.
pub(super) async fn metadata(
    cluster: &Cluster,
    of: &WorkloadRef,
    plural: &'static str,
    names: &BTreeMap<String, bool>,
) -> Looked {
    let namespace = of.namespace.as_str();
    if !names.is_empty() && plural == "configmaps" && cluster.facts.has_siblings(of) {
        let all = api::list_together(cluster, Call::AllMetadata { namespace, plural }).await;
        if let Some(items) = all.as_ref().and_then(|reply| reply.body["items"].as_array()) {
            let is_wanted = |item: &&Value| item["metadata"]["name"].as_str().is_some_and(|it| names.contains_key(it));
            return Looked::Found { items: items.iter().filter(is_wanted).map(metadata_of).collect(), all: true };
        }
    }
    match names.len() {
        0 => Looked::NotAsked,
        1..=ONE_BY_ONE => one_by_one(cluster, namespace, plural, names.keys()).await,
        _ => match look(cluster, Call::AllMetadata { namespace, plural }, namespace, plural).await {
            Looked::Found { items, all } => Looked::Found { items: items.iter().map(metadata_of).collect(), all },
            other => other,
        },
    }
}

async fn one_by_one(
    cluster: &Cluster,
    namespace: &str,
    plural: &'static str,
    names: impl Iterator<Item = &String>,
) -> Looked {
    let calls = names.map(|name| api::ask_together(cluster, Call::Metadata { namespace, plural, name }));
    let mut items = Vec::new();
    for reply in join_all(calls).await {
        match reply {
            Ok(reply) if reply.is_success() && reply.body.is_object() => items.push(metadata_of(&reply.body)),
            // Only an API server's own word says that there is none: a path may be unknown to what answers.
            Ok(reply) if reply.status == 404 && reply.body["reason"] == "NotFound" => {}
            Ok(reply) => return Looked::Unknown(answer::not_looked_at("get", namespace, plural, &reply)),
            Err(lost) => return Looked::Unknown(answer::unreachable(&cluster.label, &lost.reason())),
        }
    }
    Looked::Found { items, all: true }
}

/// Whatever a server should send anyway, nothing but the metadata is kept.
fn metadata_of(object: &Value) -> Value {
    json!({"metadata": object["metadata"]})
}

async fn look(cluster: &Cluster, call: Call<'_>, namespace: &str, plural: &str) -> Looked {
    let reply = match api::ask_together(cluster, call).await {
        Ok(reply) => reply,
        Err(lost) => return Looked::Unknown(answer::unreachable(&cluster.label, &lost.reason())),
    };
    match reply.body["items"].as_array() {
        Some(items) if reply.is_success() => {
            let rest = reply.body["metadata"]["continue"].as_str().unwrap_or_default();
            Looked::Found { items: items.clone(), all: rest.is_empty() }
        }
        _ => Looked::Unknown(answer::not_looked_at("list", namespace, plural, &reply)),
    }
}
