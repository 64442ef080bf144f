//! `redflag backtest`: earlier deploys, played to the judge of a watch: would it have found what people found, and how much
//! sooner?

mod progress;
#[cfg(all(test, feature = "demo"))]
mod tests;
mod told;

use super::{CommandError, assemble_options, assembled, block_on, output, unless_stopped};
use crate::backtest::case::{self, Case};
use crate::backtest::figures::{Figures, Newest};
use crate::backtest::kept::Kept;
use crate::backtest::play::{self, Play, Played};
use crate::backtest::reading::Reader;
use crate::backtest::{cluster, listed, recorded, tags};
use crate::cli::{At, BacktestArgs, Global, Output};
use crate::clock::Clock;
use crate::config::{self, Assembly, Draft, SystemSecrets};
use crate::deploy::{Time, WorkloadRef};
use crate::outcome::Outcome;
use crate::records::Records;
use crate::repository::{Repository, RepositorySpec};
use crate::setup::Told;
use crate::systems::api::SourceSpec;
use chrono::Local;
use progress::Progress;
use std::path::{Path, PathBuf};
use std::time::Duration;
use told::Side;

/// How long git may take to list tags.
const GIT: Duration = Duration::from_secs(20);

pub(super) fn run(global: &Global, args: &BacktestArgs) -> Result<Outcome, CommandError> {
    if args.schema {
        return super::print(&told::schema());
    }
    // Read before anything is connected to: whoever pipes it in waits.
    let wanted = Wanted::of(args)?;
    block_on(unless_stopped(async {
        let clock = Clock::real();
        let (used, usual) = configurations_of(global)?;
        let used = Configuration::load(global, args, &used).await?;
        let usual = match usual {
            Some(path) => Configuration::load(global, args, &path)
                .await
                // It may be of another company altogether.
                .inspect_err(|error| output::stderr().line(&format!("redflag: compared with nothing: {error}")))
                .ok(),
            None => None,
        };
        let cases = find(usual.as_ref().unwrap_or(&used), args, &wanted, &clock).await?;
        let mut told = Vec::new();
        for configuration in usual.into_iter().chain([used]) {
            told.push(configuration.play(&cases, &clock, Progress::stderr()).await);
        }
        keep(&told, args, &clock);
        tell(args, &told)
    }))
}

/// Prints it, and says whether anything is known.
fn tell(args: &BacktestArgs, told: &[Side]) -> Result<Outcome, CommandError> {
    let mut out = output::stdout();
    match args.output {
        Output::Text => told::text(told).lines().for_each(|line| out.line(line)),
        Output::Json => {
            for line in told::lines(told) {
                out.line(&serde_json::to_string(&line).map_err(std::io::Error::other)?);
            }
        }
    }
    out.end()?;
    let all_unknown = told.iter().all(|side| side.figures().not_known == side.figures().deploys);
    Ok(if all_unknown { Outcome::Inconclusive } else { Outcome::Done })
}

/// Keeps the figures for whoever decides how far a rollback may go by itself: those of the configuration that is used.
fn keep(told: &[Side], args: &BacktestArgs, clock: &Clock) {
    let Some((kept, side)) = Kept::usual().zip(told.first()) else { return };
    // A list of deploys is a choice, and no back-test of the environment.
    if !args.at.is_empty() {
        return;
    }
    let newest = Newest { at: clock.now(), days: args.last.num_days(), figures: side.figures() };
    if let Err(error) = kept.keep(&side.environment, newest) {
        output::stderr().line(&format!("redflag: the figures could not be kept: {error}"));
    }
}

/// The configuration that is used, and the usual one where another is named.
fn configurations_of(global: &Global) -> Result<(PathBuf, Option<PathBuf>), CommandError> {
    let used = config::locate(global.config.as_deref())?;
    let usual = global.config.is_some().then(|| config::locate(None).ok()).flatten();
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let other = usual.filter(|usual| canonical(usual) != canonical(&used));
    Ok((used, other))
}

/// What is asked for beside the configuration.
struct Wanted {
    /// What standard input lists, as it was written.
    list: Option<String>,
    times: Vec<Time>,
}

impl Wanted {
    fn of(args: &BacktestArgs) -> Result<Self, CommandError> {
        let mut wanted = Self { list: None, times: Vec::new() };
        for at in &args.at {
            match at {
                At::Input => {
                    let text = std::io::read_to_string(std::io::Read::take(std::io::stdin().lock(), MOST_INPUT))?;
                    wanted.list = Some(text);
                }
                At::Moment(moment) => {
                    let at = moment.resolve(Local::now()).map_err(|why| CommandError::Call(format!("--at: {why}")))?;
                    wanted.times.push(at);
                }
            }
        }
        Ok(wanted)
    }

    fn cases(&self, workloads: &[WorkloadRef]) -> Result<Vec<Case>, CommandError> {
        let listed = self.list.as_deref().unwrap_or_default();
        let read = listed::read(listed.as_bytes(), workloads);
        let mut cases = read.map_err(|why| CommandError::Call(format!("--at -: {why}")))?;
        cases.extend(self.times.iter().map(|at| listed::at(*at, workloads)));
        Ok(cases)
    }
}

/// A list of deploys is shorter than this, in bytes.
const MOST_INPUT: u64 = 1 << 20;

/// A configuration of the environment, ready to be asked.
struct Configuration {
    name: String,
    assembly: Assembly,
}

impl Configuration {
    async fn load(global: &Global, args: &BacktestArgs, path: &Path) -> Result<Self, CommandError> {
        let environment = args.environment.as_deref();
        let config = Draft::load(path)?.finish_for(environment, &SystemSecrets::default())?;
        let options = assemble_options(Told::default(), global.read_only);
        let assembly = assembled(&config, environment, &options).await?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Self { name, assembly })
    }

    fn workloads(&self) -> Vec<WorkloadRef> {
        self.assembly.setup.workloads.iter().map(|workload| workload.reference.clone()).collect()
    }

    /// Plays every deploy, one after the other.
    async fn play(self, cases: &[Case], clock: &Clock, mut progress: Option<Progress>) -> Side {
        let Self { name, assembly: Assembly { setup, sources, .. } } = self;
        let mut reader = Reader::new(&sources);
        let now = clock.now();
        let questions: Vec<_> = cases.iter().map(|case| (case, play::questions(&setup, case, now))).collect();
        let is_over = |case: &Case| play::is_over(&setup, case, now);
        let too_young = cases.iter().filter(|case| !is_over(case)).count();
        if let Some(newest) = questions.iter().rev().find_map(|(_, asked)| asked.as_ref()) {
            reader.learn(newest, now).await;
        }
        let mut played: Vec<(Case, Played)> = Vec::new();
        let all = questions.iter().filter(|(_, asked)| asked.is_some()).count();
        for (case, asked) in questions {
            let Some(asked) = asked else { continue };
            if let Some(progress) = &mut progress {
                progress.show(&name, played.len(), all);
            }
            let mut answers = Vec::with_capacity(asked.len());
            for (source, request) in asked {
                answers.push((source, reader.past(source, &request).await));
            }
            let Some(mut play) = Play::new(&setup, case, answers) else { continue };
            while let Some(asked) = play.next_question() {
                let result = reader.past(asked.source, &asked.request).await;
                play.answer(asked, result);
            }
            played.push((case.clone(), play.played()));
        }
        Side { configuration: name, environment: setup.environment.clone(), played, too_young }
    }
}

/// The deploys, by everybody who knows of any.
async fn find(
    first: &Configuration,
    args: &BacktestArgs,
    wanted: &Wanted,
    clock: &Clock,
) -> Result<Vec<Case>, CommandError> {
    let workloads = first.workloads();
    let (setup, now) = (&first.assembly.setup, clock.now());
    let since = now - args.last;
    let listed = wanted.cases(&workloads)?;
    let mut found = listed.clone();
    if let Some(records) = Records::usual() {
        let (cases, unread) = recorded::find(&records, &setup.environment, since)?;
        found.extend(cases);
        if unread > 0 {
            output::stderr().line(&format!("redflag: {unread} records could not be read: redflag records says why"));
        }
    }
    match in_cluster(&first.assembly, &workloads, since, clock).await {
        Ok(cases) => found.extend(cases),
        Err(error) => output::stderr().line(&format!("redflag: the cluster's history is not known: {error}")),
    }
    if let Some(pattern) = &args.git_tags {
        let repository = repository(first.assembly.rollback.repository.as_ref());
        let tagged = tags::find(&repository, pattern, since, &workloads).await;
        found.extend(tagged.map_err(|error| CommandError::Call(format!("--git-tags: {}", error.reason())))?);
    }
    let mut cases = case::merged(found);
    if !listed.is_empty() {
        cases.retain(|case| listed.iter().any(|listed| listed.is(case)));
    }
    if cases.is_empty() {
        let days = args.last.num_days();
        return Err(CommandError::Call(format!(
            "no deploy of {} was found in the last {days} d; --last 90d looks further back, --git-tags 'v*' takes the \
             times of tags, and --at - those of a list",
            setup.environment
        )));
    }
    Ok(cases)
}

/// The clone that the configuration names, else the one that this is called in.
fn repository(spec: Option<&RepositorySpec>) -> Repository {
    let here = || RepositorySpec {
        path: PathBuf::from("."),
        remote: "origin".to_owned(),
        tags: Vec::new(),
        migrations: Vec::new(),
    };
    Repository::new(spec.cloned().unwrap_or_else(here), GIT)
}

async fn in_cluster(
    assembly: &Assembly,
    workloads: &[WorkloadRef],
    since: Time,
    clock: &Clock,
) -> Result<Vec<Case>, crate::poll::SourceError> {
    let spec = assembly.sources.iter().find_map(|spec| match spec {
        SourceSpec::Streamed(spec) => Some(spec),
        SourceSpec::Polled(_) => None,
    });
    let Some(spec) = spec else { return Ok(Vec::new()) };
    let told = cluster::rollouts(spec.as_ref(), workloads.len(), clock).await?;
    let told = told.iter().filter_map(|(id, rollout)| Some((workloads.get(usize::from(id.0))?, rollout)));
    Ok(cluster::cases(told, since))
}

impl Side {
    /// Its figures.
    fn figures(&self) -> Figures {
        Figures::of(self.played.iter().map(|(case, played)| (case, played)))
    }
}
