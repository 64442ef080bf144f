//! `redflag check`: every source, credential, permission, rollback and feature flag tried, one line each.

mod feature_flags;
mod readiness;

use super::watch::ScreenOptions;
use super::{CommandError, assemble_options, assembled, block_on, draft, print, unless_stopped};
use crate::cli::{CheckArgs, Global};
use crate::clock::Clock;
use crate::cluster::{self, Cluster};
use crate::config::{Assembly, Config, SystemSecrets};
use crate::deploy::{Time, WorkloadRef};
use crate::memory::Memory;
use crate::message::{Effect, Message};
use crate::outcome::Outcome;
use crate::poll::PollRequest;
use crate::rollback::Goal;
use crate::rollback::request::PlanRequest;
use crate::runtime::{QUEUE, recalled};
use crate::setup::Told;
use crate::signal::SourceId;
use crate::systems::api::SourceSpec;
use crate::systems::api::{CheckFailure, CheckLine};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::future::{join_all, join3, select};
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How far back the queries are tried: far enough for a service that is asked once a minute.
const SPAN: TimeDelta = TimeDelta::minutes(30);

/// How long the cluster may take to tell which versions run.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<Outcome, CommandError> {
    let mut draft = draft(global)?;
    // The screen is not shown, and what is wrong with its theme and keys is told with the rest.
    ScreenOptions::of(global, &mut draft);
    let config = draft.finish_for(args.environment.as_deref(), &SystemSecrets::default())?;
    block_on(unless_stopped(run_checks(&config, args)))
}

/// Runs every check and prints the results.
async fn run_checks(config: &Config, args: &CheckArgs) -> Result<Outcome, CommandError> {
    let options = assemble_options(Told::default(), true);
    let now = options.started;
    let assembly = assembled(config, args.environment.as_deref(), &options).await?;
    let Assembly { setup, sources, rollback, feature_flags } = assembly;
    let mut text = format!("environment {}\n", setup.environment);
    let Found { versions, deployed_at, cluster, asks } = deployed(Watch::new(setup), &sources).await;
    let request =
        PollRequest { from: now - SPAN, since: Vec::new(), to: now, deployed_at, versions, older: Vec::new() };
    let sources = join_all(sources.iter().map(|spec| check(spec, &request)));
    let rollbacks = readiness::check(&rollback, cluster.as_ref(), &asks);
    let (sources, rollbacks, flags) = join3(sources, rollbacks, feature_flags::check(&feature_flags)).await;
    let sources = sources.into_iter().flatten().map(Line::from);
    let lines: Vec<Line> = sources.chain(rollbacks).chain(flags).collect();
    for line in &lines {
        text += &format!("{line}\n");
    }
    let of = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    let (failed, warnings) = (of(CheckStatus::Failed), of(CheckStatus::Warning));
    text += &match failed {
        0 => format!("all {} checks passed", lines.len()),
        failed => format!("{failed} of {} checks failed", lines.len()),
    };
    text += &match warnings {
        0 => "\n".to_owned(),
        1 => ", 1 with a warning\n".to_owned(),
        warnings => format!(", {warnings} with a warning\n"),
    };
    print(&text)?;
    Ok(if failed > 0 { Outcome::Faulty } else { Outcome::Done })
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckStatus {
    Ok,
    /// It works, and there is something to know.
    Warning,
    Failed,
}

/// One check and its result.
struct Line {
    outcome: CheckStatus,
    what: String,
    /// The result: remark, or reason and way out.
    result: String,
}

impl Line {
    /// Empty parts are left out.
    fn new(outcome: CheckStatus, what: &str, parts: &[&str]) -> Self {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        Self { outcome, what: what.to_owned(), result: parts.join("; ") }
    }
}

impl From<CheckLine> for Line {
    fn from(CheckLine { what, result, warning }: CheckLine) -> Self {
        match (result, warning) {
            (Ok(remark), None) => Self::new(CheckStatus::Ok, &what, &[&remark]),
            (Ok(remark), Some(warning)) => Self::new(CheckStatus::Warning, &what, &[&remark, &warning]),
            (Err(failure), _) => Self::new(CheckStatus::Failed, &what, &[&failure.reason, &failure.way_out]),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            CheckStatus::Ok => "ok  ",
            CheckStatus::Warning => "warn",
            CheckStatus::Failed => "FAIL",
        };
        write!(f, "{word}  {}: {}", self.what, self.result)
    }
}

/// What the cluster tells of an environment's workloads.
struct Found {
    /// The version that each service runs: what `$version` stands for in the queries that are tried.
    versions: Vec<Option<String>>,
    /// When the newest of them was deployed.
    deployed_at: Option<Time>,
    /// The connection, where there is one.
    cluster: Option<Cluster>,
    /// What a watch would ask the strategy of each workload; nothing where the cluster did not tell of it.
    asks: Vec<(WorkloadRef, Option<PlanRequest>)>,
}

/// Lets the cluster tell of its workloads. What it does not tell in time stays unknown, and the lines say so.
async fn deployed(mut watch: Watch, sources: &[SourceSpec]) -> Found {
    let setup = watch.shared_setup();
    let mut asks: Vec<(WorkloadRef, Option<PlanRequest>)> =
        setup.workloads.iter().map(|workload| (workload.reference.clone(), None)).collect();
    let cluster = connect(&mut watch, sources, &mut asks).await;
    let mut versions = vec![None; setup.services.len()];
    let mut deployed_at = None;
    for (workload, state) in setup.workloads.iter().zip(watch.workloads()) {
        let Some(deploy) = &state.deploy else { continue };
        versions[usize::from(workload.service.0)] = Some(deploy.to.label().to_owned());
        deployed_at = deployed_at.max(Some(deploy.at));
    }
    Found { versions, deployed_at, cluster, asks }
}

/// Feeds a watch with what the cluster tells until it knows every workload; gives the connection.
async fn connect(
    watch: &mut Watch,
    sources: &[SourceSpec],
    asks: &mut [(WorkloadRef, Option<PlanRequest>)],
) -> Option<Cluster> {
    let (index, spec) = sources.iter().enumerate().find_map(|(index, spec)| match spec {
        SourceSpec::Streamed(spec) => Some((index, spec)),
        SourceSpec::Polled(_) => None,
    })?;
    // A cluster that cannot be reached tells nothing; its own lines say why.
    let cluster = cluster::connect(spec.cluster()).await.ok()?;
    // Where a rollback goes depends on what earlier watches found.
    if let Some(memory) = Memory::usual() {
        let known = recalled(memory, watch.shared_setup(), &cluster).await;
        let at = watch.now();
        watch.update(Message::Recalled { at, known });
    }
    let (out, mut news) = mpsc::channel(QUEUE);
    let stream = spec.stream(SourceId(index as u16), cluster.clone(), Clock::real(), out);
    let listen = async {
        while watch.workloads().iter().any(|state| state.rollout.is_none())
            && let Some(message) = news.recv().await
        {
            for effect in watch.update(message) {
                if let Effect::Prepare(ask) = effect
                    && ask.goal == Goal::Back
                {
                    let place = usize::from(ask.workload.0);
                    asks[place].1 = Some(*ask);
                }
            }
        }
    };
    // Whichever ends first: all have told, the stream has ended, or the time is up.
    let _ = timeout(CLUSTER_TIMEOUT, select(pin!(listen), pin!(stream))).await;
    Some(cluster)
}

async fn check(spec: &SourceSpec, request: &PollRequest) -> Vec<CheckLine> {
    let spec = match spec {
        SourceSpec::Streamed(spec) => return spec.check().await,
        SourceSpec::Polled(spec) => spec,
    };
    match spec.build() {
        Ok(source) => source.check(request).await,
        Err(error) => vec![CheckLine {
            what: "client".to_owned(),
            result: Err(CheckFailure {
                reason: error.to_string(),
                way_out: "mend the source's settings in the configuration".to_owned(),
            }),
            warning: None,
        }],
    }
}
