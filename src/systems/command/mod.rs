//! A program of the team's own takes the deploy back: an argument list, never a shell, with the plan in its
//! environment. It is run once for each service and version.

mod config;

pub use config::CommandSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::clock::Clock;
use crate::net::fresh_id;
use crate::program::{Failure, Inherits, Output, Program};
use crate::rollback::action::{self, Action};
use crate::rollback::choose_version::{self, Chosen};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::pace;
use crate::rollback::request::PlanRequest;
use crate::rollback::variables::{self, CommitOf, Values, quoted};
use crate::rollback::{Answer, Blocked, Check, CheckKind, Covered, Goal, Readiness, Refusal, Step};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Assumed of a program when nobody has seen it run.
const GUESS: TimeDelta = TimeDelta::seconds(30);

/// Plans the run of a program.
///
/// It finds in its environment `REDFLAG_ENVIRONMENT`, `REDFLAG_SERVICE`, `REDFLAG_NAMESPACE`, `REDFLAG_GOAL`
/// (`back`, or `forward` when a rollback is undone), `REDFLAG_FROM`, `REDFLAG_TO`, `REDFLAG_FROM_COMMIT` and
/// `REDFLAG_TO_COMMIT` where known, `REDFLAG_ACTOR`, `REDFLAG_REASON`, `REDFLAG_ID`, and `REDFLAG_WORKLOADS`: all
/// workloads that it rolls back, `shop/deployment/app shop/deployment/worker`. Its dry run finds
/// `REDFLAG_DRY_RUN=1` beside them.
pub struct Command {
    spec: CommandSpec,
    programs: Arc<Programs>,
    clock: Clock,
    commit_of: CommitOf,
}

/// What programs are run with.
pub struct Programs {
    /// The variables of our own environment that they inherit.
    inherit: Vec<String>,
    /// How long one may run.
    timeout: Duration,
}

impl Command {
    /// The planner; runs nothing yet.
    pub fn new(spec: CommandSpec, programs: Arc<Programs>, clock: Clock) -> Self {
        Self { spec, programs, clock, commit_of: Arc::new(variables::commit_in) }
    }

    /// The same, with somebody who knows the commits of versions; without, a version tells its own.
    #[must_use]
    pub fn with_commits(self, commit_of: CommitOf) -> Self {
        Self { commit_of, ..self }
    }

    async fn try_prepare(&self, request: &PlanRequest) -> Result<Step, Refusal> {
        let Chosen { covered, mut checks } = choose_version::choose_version(request)?;
        let values = Values::new(request, &covered, fresh_id(self.clock.now()), |version| (self.commit_of)(version))?;
        let fill = |argv: &[String]| argv.iter().map(|word| values.fill(word)).collect::<Result<Vec<_>, _>>();
        let argv = fill(&self.spec.argv)?;
        let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
            return Err(Refusal::from(Blocked {
                reason: "no rollback command is set".to_owned(),
                way_out: "set run in this environment's rollback.command".to_owned(),
            }));
        };
        let environment = environment(request, &values);
        let dry_run = match &self.spec.dry_run {
            Some(dry_run) => self.try_out(&fill(dry_run)?, &environment, &covered).await,
            None => find(program).map(|()| untried(program)),
        };
        match dry_run {
            Ok(dry_run) => checks.push(dry_run),
            Err(blocked) => {
                let (reason, way_out) = (blocked.reason.clone(), blocked.way_out.clone());
                checks.push(Check::blocked(CheckKind::DryRun, blocked));
                return Err(Refusal { reason, way_out, checks });
            }
        }
        let line = argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        Ok(Step {
            goal: request.goal,
            subject: format!("command {program} ({}, to {})", values.service, values.to),
            place: "this machine".to_owned(),
            does: vec![format!("run {line}")],
            manual_command: line,
            covers: vec![covered],
            action: Action::Command(action::Command { argv, environment }),
            checks,
            not_reverted: vec!["whatever the program itself does not revert, such as settings and data".to_owned()],
            expected: GUESS + request.wanted.pace.unwrap_or(pace::GUESS),
        })
    }

    /// Lets the program's own dry run say whether it would work.
    async fn try_out(
        &self,
        argv: &[String],
        environment: &[(String, String)],
        covered: &Covered,
    ) -> Result<Check, Blocked> {
        let mut environment = environment.to_vec();
        environment.push(("REDFLAG_DRY_RUN".to_owned(), "1".to_owned()));
        environment.push(workloads(std::slice::from_ref(covered)));
        let line = argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let manual_command = format!("run it manually: {line}");
        match self.programs.output(argv, &environment).await {
            Ok(output) if output.status.success() => {
                Ok(Check::ok(CheckKind::DryRun, format!("its dry run passed: {}", output.said())))
            }
            Ok(output) => {
                Err(Blocked { reason: format!("its dry run exited with {}", ending(&output)), way_out: manual_command })
            }
            Err(failure) => Err(Blocked { reason: format!("its dry run: {failure}"), way_out: manual_command }),
        }
    }
}

impl Planner for Command {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.try_prepare(request).map(Readiness::from).boxed()
    }
}

impl Programs {
    /// What these programs are run with. Runs nothing yet.
    pub fn new(spec: &CommandSpec) -> Self {
        Self { inherit: spec.inherit.clone(), timeout: spec.timeout }
    }

    /// Runs it to its end, once.
    pub(crate) async fn run(&self, step: &Step, action: &action::Command) -> Answer {
        let action::Command { argv, environment } = action;
        let mut environment = environment.clone();
        environment.push(workloads(&step.covers));
        let program = argv.first().map_or("?", String::as_str);
        let look = format!("check what it did before running it again: {}", step.manual_command);
        match self.output(argv, &environment).await {
            Ok(output) if output.status.success() => Answer::Accepted,
            Ok(output) => Answer::Failed(Blocked {
                reason: format!("{program} exited with {}", ending(&output)),
                way_out: format!("it may have partly run; {look}"),
            }),
            Err(failure) if failure.did_nothing() => Answer::Refused(Blocked {
                reason: failure.to_string(),
                way_out: "fix run in this environment's rollback.command: nothing was done".to_owned(),
            }),
            // It does not run any more, so nothing is left to wait for.
            Err(failure) => Answer::Failed(Blocked {
                reason: failure.to_string(),
                way_out: format!("it may have partly run; {look}"),
            }),
        }
    }

    async fn output(&self, argv: &[String], environment: &[(String, String)]) -> Result<Output, Failure> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let inherits = Inherits::Only(&self.inherit);
        Program { argv: &argv, inherits, environment, folder: None, timeout: self.timeout }.run().await
    }
}

fn environment(request: &PlanRequest, values: &Values) -> Vec<(String, String)> {
    let goal = if request.goal == Goal::RollBack { "back" } else { "forward" };
    let known = [
        ("REDFLAG_ENVIRONMENT", Some(values.environment.as_str())),
        ("REDFLAG_SERVICE", Some(&values.service)),
        ("REDFLAG_NAMESPACE", Some(&values.namespace)),
        ("REDFLAG_GOAL", Some(goal)),
        ("REDFLAG_FROM", Some(&values.from)),
        ("REDFLAG_TO", Some(&values.to)),
        ("REDFLAG_FROM_COMMIT", values.from_commit.as_deref()),
        ("REDFLAG_TO_COMMIT", values.to_commit.as_deref()),
        ("REDFLAG_ACTOR", Some(&values.actor)),
        ("REDFLAG_REASON", Some(&values.reason)),
        ("REDFLAG_ID", Some(&values.id)),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// How it ended and its last line, where it said anything.
fn ending(output: &Output) -> String {
    let (status, said) = (output.status.to_string(), output.said());
    if said == status { status } else { format!("{status}: {said}") }
}

fn workloads(covers: &[Covered]) -> (String, String) {
    let all: Vec<String> =
        covers.iter().map(|covered| format!("{}/{}", covered.reference.namespace, covered.reference)).collect();
    ("REDFLAG_WORKLOADS".to_owned(), all.join(" "))
}

/// Whether the program is there. That it may be run is only known when it is.
fn find(program: &str) -> Result<(), Blocked> {
    let is_there = if program.contains('/') {
        Path::new(program).is_file()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    if is_there {
        return Ok(());
    }
    Err(Blocked {
        reason: format!("program {program} not found"),
        way_out: "fix run in this environment's rollback.command, or add the program to PATH".to_owned(),
    })
}

fn untried(program: &str) -> Check {
    let way_out = "set dry_run in this environment's rollback.command to a command that only tests it".to_owned();
    Check::warning(CheckKind::DryRun, format!("{program} exists, not tried"), Some(way_out))
}
