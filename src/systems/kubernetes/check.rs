//! `redflag check` of a cluster: each thing that a watch or a rollback needs is tried once, with the way out.

mod containers;

use super::objects::{self, Workload};
use super::status;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::{self, Access, Cluster};
use crate::deploy::WorkloadRef;
use crate::poll::SourceError;
use crate::poll::connection::Reason;
use crate::systems::api::{CheckFailure, CheckLine};
use kube::api::Api;

/// Tries the cluster, each workload and each permission once, for `redflag check`.
pub async fn check(spec: &ClusterSpec) -> Vec<CheckLine> {
    let what = format!("{}: cluster", spec.name);
    let cluster = match cluster::connect(spec).await {
        Ok(cluster) => cluster,
        Err(error) => return vec![CheckLine::new(what, Err(failure(&error)))],
    };
    let version = cluster::call(cluster.timeout, cluster.client.apiserver_version()).await;
    let mut lines = vec![CheckLine::new(
        what,
        match version {
            Ok(version) => Ok(format!("{}, Kubernetes {}.{}", cluster.label, version.major, version.minor)),
            Err(SourceError::Unreachable(none)) => {
                Err(failure(&SourceError::Unreachable(Box::new(none.to(&cluster.server)))))
            }
            Err(error) => Err(failure(&error)),
        },
    )];
    if lines.iter().any(|line| line.result.is_err()) {
        // Every further line would give the same reason.
        return lines;
    }
    for (_, workload) in &spec.workloads {
        let of = |thing: &str| format!("{}: {thing} {workload} in {}", spec.name, workload.namespace);
        lines.push(CheckLine::new(of("workload"), find(&cluster, workload).await));
        lines.push(CheckLine::new(of("permission to watch"), may_watch(&cluster, workload).await));
        lines.push(CheckLine::new(of("permission to roll back"), may_patch(&cluster, workload).await));
    }
    lines.extend(containers::check(&cluster, spec).await);
    lines
}

async fn find(cluster: &Cluster, reference: &WorkloadRef) -> Result<String, CheckFailure> {
    let resource = objects::workload_resource(reference.kind);
    let api = Api::<Workload>::namespaced_with(cluster.client.clone(), &reference.namespace, &resource);
    match cluster::call(cluster.timeout, api.get(&reference.name)).await {
        Ok(workload) => {
            let images: Vec<&str> = workload.spec.template.containers.iter().map(|c| c.image.as_str()).collect();
            let counts = status::replicas(reference.kind, &workload);
            Ok(format!("{} of {} pods ready, {}", counts.ready, counts.desired, images.join(", ")))
        }
        Err(error @ SourceError::NotFound(_)) => Err(CheckFailure {
            reason: error.to_string(),
            way_out: format!(
                "correct the name or the namespace: kubectl -n {} get {}",
                reference.namespace,
                reference.kind.plural()
            ),
        }),
        Err(error) => Err(failure(&error)),
    }
}

/// Everything that the watches need, asked one by one: the answer names exactly what is missing.
async fn may_watch(cluster: &Cluster, reference: &WorkloadRef) -> Result<String, CheckFailure> {
    let own = (reference.kind.group(), reference.kind.plural());
    let needed = [own, ("apps", reference.kind.history()), ("", "pods"), ("", "events")];
    let mut missing: Vec<(&str, &str, &str)> = Vec::new();
    for (group, resource) in needed {
        for verb in ["get", "list", "watch"] {
            // Only the workload itself is ever read by name.
            if verb == "get" && resource != reference.kind.plural() {
                continue;
            }
            let access = Access { verb, group, resource, namespace: &reference.namespace, name: None };
            match cluster.may(access).await {
                Ok(true) => {}
                Ok(false) => missing.push((verb, resource, group)),
                Err(error) => return Err(failure(&error)),
            }
        }
    }
    if missing.is_empty() {
        return Ok("get, list and watch are allowed".to_owned());
    }
    let named: Vec<String> = missing.iter().map(|(verb, resource, _)| format!("{verb} {resource}")).collect();
    Err(CheckFailure {
        reason: format!("not allowed: {}", named.join(", ")),
        way_out: grant(reference, "redflag-watch", &missing, None),
    })
}

async fn may_patch(cluster: &Cluster, reference: &WorkloadRef) -> Result<String, CheckFailure> {
    let (group, resource) = (reference.kind.group(), reference.kind.plural());
    let name = reference.name.as_str();
    let access = Access { verb: "patch", group, resource, namespace: &reference.namespace, name: Some(name) };
    match cluster.may(access).await {
        Ok(true) => Ok("patch is allowed".to_owned()),
        Ok(false) => Err(CheckFailure {
            reason: format!("not allowed: patch {resource}; R will be blocked"),
            way_out: grant(reference, "redflag-rollback", &[("patch", resource, group)], Some(name)),
        }),
        Err(error) => Err(failure(&error)),
    }
}

/// The command that makes the missing role; the subject of its binding is up to the cluster's owner.
fn grant(reference: &WorkloadRef, role: &str, missing: &[(&str, &str, &str)], name: Option<&str>) -> String {
    let mut verbs: Vec<&str> = missing.iter().map(|(verb, ..)| *verb).collect();
    verbs.sort_unstable();
    verbs.dedup();
    let resource = |(_, resource, group): &(&str, &str, &str)| match *group {
        "" => (*resource).to_owned(),
        group => format!("{resource}.{group}"),
    };
    let mut resources: Vec<String> = missing.iter().map(resource).collect();
    resources.dedup();
    let name = name.map(|name| format!(" --resource-name={name}")).unwrap_or_default();
    let namespace = &reference.namespace;
    format!(
        "kubectl -n {namespace} create role {role} --verb={} --resource={}{name} && \
         kubectl -n {namespace} create rolebinding {role} --role={role} --user=<you>",
        verbs.join(","),
        resources.join(",")
    )
}

fn failure(error: &SourceError) -> CheckFailure {
    let way_out = match error {
        SourceError::Unreachable(none) => match &none.reason {
            Reason::Other(_) => "correct the kubeconfig or the context; `kubectl get --raw /version` must answer",
            _ => &none.way_out(),
        },
        SourceError::Unauthorized(_) => "sign in to the cluster again; `kubectl get --raw /version` must work",
        SourceError::Forbidden(_) => "have the cluster's owner grant it, or use another context",
        SourceError::NotFound(_) => "`kubectl config get-contexts` lists what there is",
        SourceError::RateLimited { .. } | SourceError::Server { .. } => "the API server is in trouble: try again",
        SourceError::Timeout(_) => "is a VPN or a proxy missing? `kubectl get --raw /version` must answer",
        SourceError::BadQuery(_)
        | SourceError::BadAnswer(_)
        | SourceError::TooLarge { .. }
        | SourceError::Partial(_)
        | SourceError::Unproven(_)
        | SourceError::Unit(_) => "is this address really a Kubernetes API server?",
    };
    CheckFailure { reason: error.to_string(), way_out: way_out.to_owned() }
}
