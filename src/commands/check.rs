//! `redflag check`: every source, signal, credential, permission, rollback and feature flag tried, one line each.

mod event;
mod feature_flags;
mod readiness;
mod report;
mod signals;
mod unread;

use report::{CheckStatus, Line, Report};
use signals::Names;

use super::watch::ScreenOptions;
use super::{CommandError, assemble_options, block_on, draft, fetch, print, unless_stopped};
use crate::backtest::kept::Kept;
use crate::cli::{CheckArgs, Global, Output};
use crate::clock::Clock;
use crate::cluster::{self, Cluster};
use crate::config::{Assembly, Config, SystemSecrets};
use crate::deploy::{Time, WorkloadRef};
use crate::memory::{self, Memory};
use crate::message::{Effect, Message};
use crate::outcome::Outcome;
use crate::output;
use crate::poll::PollRequest;
use crate::rollback::Goal;
use crate::rollback::request::PlanRequest;
use crate::runtime::{QUEUE, recalled};
use crate::setup::Told;
use crate::signal::SourceId;
use crate::systems::api::SourceSpec;
use crate::systems::api::{CheckFailure, CheckLine};
use crate::watch::Watch;
use chrono::{Local, TimeDelta};
use futures_util::future::{join_all, join4, select};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How far back the queries are tried: what the range of a signal is told of.
const SPAN: TimeDelta = TimeDelta::hours(1);

/// A release that was deployed so shortly ago has not been counted by everybody yet.
const YOUNG: TimeDelta = TimeDelta::minutes(10);

/// How long the cluster may take to tell which versions run.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn run(global: &Global, args: &CheckArgs) -> Result<Outcome, CommandError> {
    if args.schema {
        return print(&event::schema());
    }
    let mut draft = draft(global)?;
    // The screen is not shown, and what is wrong with its theme and keys is told with the rest.
    ScreenOptions::of(global, &mut draft);
    let config = draft.finish_for(args.environment.as_deref(), &SystemSecrets::default())?;
    block_on(unless_stopped(run_checks(&config, args)))
}

/// Runs every check and prints the results.
async fn run_checks(config: &Config, args: &CheckArgs) -> Result<Outcome, CommandError> {
    let options = assemble_options(Told::default(), true);
    let (environment, now) = (args.environment.as_deref(), options.started);
    let secrets = SystemSecrets::default();
    // Twice: programs that print a secret are run in between, all of them once.
    config.assemble(environment, &options, &secrets)?;
    config.unread(environment, &secrets)?;
    fetch(&secrets).await;
    let Assembly { setup, written, sources, rollback, feature_flags } =
        config.assemble(environment, &options, &secrets)?;
    let unread = config.unread(environment, &secrets)?;
    let mut names = Names::of(&setup, written);
    let Found { versions, deployed_at, cluster, asks } = deployed(Watch::new(setup), &sources).await;
    names.young = deployed_at.is_some_and(|at| now - at < YOUNG);
    let request =
        PollRequest { from: now - SPAN, since: Vec::new(), to: now, deployed_at, versions, older: Vec::new() };
    let sources = join_all(sources.iter().map(|spec| check(spec, &request)));
    let others = join_all(unread.iter().map(|source| unread::check(source, &request)));
    let rollbacks = readiness::check(&rollback, cluster.as_ref(), &asks);
    let flags = feature_flags::check(&feature_flags);
    let (sources, others, rollbacks, flags) = join4(sources, others, rollbacks, flags).await;
    let sources: Vec<CheckLine> = sources.into_iter().flatten().collect();
    let mut report = Report::default();
    names.untried(&sources).for_each(|untried| report.untried(untried));
    sources.into_iter().filter_map(|line| names.line(line)).for_each(|line| report.line(line));
    for other in others {
        report.extend(other);
    }
    if cluster.is_none() {
        for (workload, _) in &asks {
            report.untried(format!("rollback of {workload} (no cluster)"));
        }
    }
    rollbacks.into_iter().chain(flags).for_each(|line| report.line(line));
    if let Some(newest) = Kept::usual().and_then(|kept| kept.of(names.environment())) {
        let of = newest.at.with_timezone(&Local).format("%Y-%m-%d");
        let told = format!("{} ({of}, over {} d)", newest.figures, newest.days);
        report.line(Line::new(CheckStatus::Ok, "back-test", &[&told]));
    }
    let outcome = if report.failed() > 0 { Outcome::Faulty } else { Outcome::Done };
    match args.output {
        Output::Text => print(&format!("environment {}\n{report}", names.environment()))?,
        Output::Json => {
            let mut out = output::stdout();
            for line in event::lines(names.environment(), &report, outcome) {
                out.line(&serde_json::to_string(&line).map_err(std::io::Error::other)?);
            }
            out.end()?;
            outcome
        }
    };
    Ok(outcome)
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
    let at = watch.now();
    let memory::Told { known, doubts } = recalled(Memory::usual(), watch.shared_setup(), &cluster, at).await;
    watch.update(Message::Recalled { at, known, doubts });
    let (out, mut news) = mpsc::channel(QUEUE);
    let stream = spec.stream(SourceId(index as u16), cluster.clone(), Clock::real(), out);
    let listen = async {
        while watch.workloads().iter().any(|state| state.rollout.is_none())
            && let Some(message) = news.recv().await
        {
            for effect in watch.update(message) {
                if let Effect::Prepare(ask) = effect
                    && ask.goal == Goal::RollBack
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
        Err(error) => {
            let way_out = "fix the source's settings in the configuration".to_owned();
            vec![CheckLine::new("client", Err(CheckFailure { reason: error.to_string(), way_out }))]
        }
    }
}
