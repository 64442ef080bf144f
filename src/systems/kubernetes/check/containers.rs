//! Whether the container that the configuration calls the main one exists.

use super::failure;
use crate::cluster::spec::{ClusterSpec, MainContainer};
use crate::cluster::{self, Cluster};
use crate::deploy::WorkloadRef;
use crate::poll::SourceError;
use crate::systems::api::{CheckFailure, CheckLine};
use crate::systems::kubernetes::objects::{self, Workload};
use crate::text::{clean, shorten};
use kube::api::Api;

/// The longest list of containers that is told, in bytes.
const LONGEST: usize = 300;

/// A line for each main container that is named: which workload has it, or which containers there are.
pub(super) async fn check(cluster: &Cluster, spec: &ClusterSpec) -> Vec<CheckLine> {
    let mut lines = Vec::with_capacity(spec.containers.len());
    for container in &spec.containers {
        let of = spec.workloads.iter().filter(|(id, _)| container.workloads.contains(id)).map(|(_, of)| of);
        let what = format!("{}: container {}", spec.name, container.name);
        lines.push(CheckLine::new(what, find(cluster, container, of).await));
    }
    lines
}

async fn find<'a>(
    cluster: &Cluster,
    wanted: &MainContainer,
    workloads: impl Iterator<Item = &'a WorkloadRef>,
) -> Result<String, CheckFailure> {
    let mut there = Vec::new();
    for reference in workloads {
        let names = match names(cluster, reference).await {
            Ok(names) => names,
            // Its own line says that it is missing.
            Err(SourceError::NotFound(_)) => continue,
            Err(error) => return Err(failure(&error)),
        };
        if names.contains(&wanted.name) {
            return Ok(format!("its image is the version of {reference}"));
        }
        there.push(format!("{reference} has {}", names.join(", ")));
    }
    if there.is_empty() {
        return Ok("not looked for: its workload is not there".to_owned());
    }
    Err(CheckFailure {
        reason: format!("no container has that name: {}", shorten(&clean(&there.join("; ")), LONGEST)),
        way_out: "set `container` to one of them, or leave it out: then the version is found by what changes"
            .to_owned(),
    })
}

async fn names(cluster: &Cluster, reference: &WorkloadRef) -> Result<Vec<String>, SourceError> {
    let resource = objects::workload_resource(reference.kind);
    let api = Api::<Workload>::namespaced_with(cluster.client.clone(), &reference.namespace, &resource);
    let workload = cluster::call(cluster.timeout, api.get(&reference.name)).await?;
    Ok(workload.spec.template.containers.into_iter().map(|container| container.name).collect())
}
