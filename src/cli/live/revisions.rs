//! The revisions that a workload could go back to, asked of its cluster: the one completion that needs the network.

use super::{Words, candidate};
use crate::cluster;
use crate::config::{self, Draft, SystemSecrets};
use crate::deploy::brief;
use crate::rollback::workload;
use crate::systems::api::SourceSpec;
use chrono::Utc;
use clap_complete::CompletionCandidate;
use std::time::Duration;

/// Whoever presses the tab key waits no longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many workloads are asked, all at once; a number means something else in each.
const MOST_WORKLOADS: usize = 8;

/// The earlier revisions of the environment on the line, the newest first, each with its workload, version and age. Nothing
/// where the cluster cannot be asked at once, without running a program for a secret.
pub(in crate::cli) fn revisions() -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask()).await });
    // A credential plugin may hang on its thread.
    runtime.shutdown_background();
    asked.ok().flatten().unwrap_or_default()
}

async fn ask() -> Option<Vec<CompletionCandidate>> {
    let words = Words::here();
    let path = config::locate(words.config().as_deref()).ok()?;
    let environment = config::outline(&path).into_iter().find(|one| words.has(&one.name))?.name;
    let secrets = SystemSecrets::default();
    let config = Draft::load(&path).ok()?.finish_for(Some(&environment), &secrets).ok()?;
    let Some(SourceSpec::Streamed(source)) = config.cluster(&environment, &secrets).ok()? else { return None };
    if !secrets.missing().is_empty() {
        return None;
    }
    let spec = source.cluster();
    let cluster = cluster::connect(spec).await.ok()?;
    let asked = spec.workloads.iter().take(MOST_WORKLOADS).map(|(id, reference)| {
        let (cluster, container) = (&cluster, spec.container(*id));
        async move { (reference, workload::earlier(cluster, reference, container).await.unwrap_or_default()) }
    });
    let now = Utc::now();
    let mut offered = Vec::new();
    for (reference, earlier) in futures_util::future::join_all(asked).await {
        for entry in earlier {
            let age = entry.created.map_or_else(String::new, |created| format!(", {} old", brief(now - created)));
            let help = format!("{reference} {}{age}", entry.version.label());
            let place = offered.len();
            offered.extend(
                candidate(&entry.version.revision.to_string(), &help).map(|one| one.display_order(Some(place))),
            );
        }
    }
    Some(offered)
}
