//! `redflag check`: every source, credential and permission tried, one line each.

use super::{CommandError, block_on, load, print};
use crate::cli::{CheckArgs, Global};
use crate::clock::Clock;
use crate::cluster;
use crate::config::{AssembleOptions, Assembly, SystemSecrets};
use crate::deploy::Time;
use crate::message::{Message, StreamNews};
use crate::poll::PollRequest;
use crate::runtime::QUEUE;
use crate::setup::{Setup, Told};
use crate::signal::SourceId;
use crate::source::spec::{ClusterSpec, SourceSpec};
use crate::source::{self, CheckFailure, CheckLine};
use chrono::{TimeDelta, Utc};
use futures_util::future::{join_all, select};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How far back the queries are tried: far enough for a service that is asked once a minute.
const SPAN: TimeDelta = TimeDelta::minutes(30);

/// How long the cluster may take to tell which versions run.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<u8, CommandError> {
    let config = load(global)?;
    let now = Utc::now();
    let options = AssembleOptions { told: Told::default(), read_only: true, started: now, clock_speed: 1.0 };
    let Assembly { setup, sources, .. } =
        config.assemble(args.environment.as_deref(), &options, &SystemSecrets::default())?;
    let lines = block_on(async {
        let (versions, deployed_at) = deployed(&setup, &sources).await;
        let request = PollRequest { from: now - SPAN, to: now, deployed_at, versions, older: Vec::new() };
        Ok(join_all(sources.iter().map(|spec| check(spec, &request))).await)
    })?;
    let lines: Vec<CheckLine> = lines.into_iter().flatten().collect();
    let mut text = format!("environment {}\n", setup.environment);
    for line in &lines {
        text += &shown(line);
    }
    let failed = lines.iter().filter(|line| line.result.is_err()).count();
    text += &match failed {
        0 => format!("all {} checks passed\n", lines.len()),
        failed => format!("{failed} of {} checks failed\n", lines.len()),
    };
    print(text.as_bytes())?;
    Ok(u8::from(failed > 0))
}

/// The version that each service runs, and since when: what `$version` stands for in the queries that are tried.
/// What the cluster does not tell in time stays unknown, and the lines say so.
async fn deployed(setup: &Setup, sources: &[SourceSpec]) -> (Vec<Option<String>>, Option<Time>) {
    let mut versions = vec![None; setup.services.len()];
    let mut deployed_at = None;
    let mut seen = vec![false; setup.workloads.len()];
    let (out, mut news) = mpsc::channel(QUEUE);
    let streams = sources.iter().enumerate().filter_map(|(index, spec)| match spec {
        SourceSpec::Kubernetes(spec) => Some(told(SourceId(index as u16), spec.clone(), out.clone())),
        _ => None,
    });
    let listen = async {
        while seen.contains(&false)
            && let Some(message) = news.recv().await
        {
            let Message::Streamed { news: StreamNews::Rollout(id, rollout), .. } = message else { continue };
            seen[usize::from(id.0)] = true;
            if let Some(deploy) = rollout.deploy {
                versions[usize::from(setup.workload(id).service.0)] = Some(deploy.to.label().to_owned());
                deployed_at = deployed_at.max(Some(deploy.at));
            }
        }
    };
    // Whichever ends first: all have told, no cluster can be reached, or the time is up.
    let _ = timeout(PATIENCE, select(pin!(listen), pin!(join_all(streams)))).await;
    (versions, deployed_at)
}

/// Lets a cluster tell of its workloads. One that cannot be reached tells nothing; its own lines say why.
async fn told(id: SourceId, spec: ClusterSpec, out: mpsc::Sender<Message>) {
    if let Ok(cluster) = cluster::connect(&spec).await {
        source::kubernetes::stream(id, spec, cluster, Clock::real(), out).await;
    }
}

async fn check(spec: &SourceSpec, request: &PollRequest) -> Vec<CheckLine> {
    if let SourceSpec::Kubernetes(spec) = spec {
        return source::kubernetes::check(spec).await;
    }
    match source::build(spec) {
        Ok(Some(source)) => source.check(request).await,
        Ok(None) => Vec::new(),
        Err(error) => vec![CheckLine {
            what: "client".to_owned(),
            result: Err(CheckFailure {
                reason: error.to_string(),
                way_out: "mend the source's settings in the configuration".to_owned(),
            }),
        }],
    }
}

fn shown(line: &CheckLine) -> String {
    match &line.result {
        Ok(remark) => format!("ok    {}: {remark}\n", line.what),
        Err(failure) => format!("FAIL  {}: {}; {}\n", line.what, failure.reason, failure.way_out),
    }
}
