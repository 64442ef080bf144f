//! `[environments.NAME.rollback]`, checked: the strategy has the tables it needs and no others.

mod ci;
mod command;
mod git;

pub(super) use ci::{Ci, CiSystem};

use super::address::{self, Tail};
use super::at::{At, Span};
use super::checked::optional;
use super::duration::HumanDuration;
use super::problem::{Part, Problem, Problems, list};
use super::schema::rollback::{self as schema, Auto, StrategyName};
use super::secrets::SecretRef;
use super::sources::{self, TIMEOUTS};
use super::texts;
use crate::rollback::spec::{CommandSpec, GitSpec, HelmSpec, RepositorySpec};
use crate::setup::Automatic;
use chrono::TimeDelta;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// How long a countdown may run: time enough to reach for a key, and not so long that nobody waits for it.
const COUNTDOWNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(5)..=TimeDelta::minutes(10);
/// How long flags may have to be clear.
const CLEAR: RangeInclusive<TimeDelta> = TimeDelta::zero()..=TimeDelta::minutes(10);
/// How long one run of a program may take.
const RUNS: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::hours(1);
/// The longest actor's name, in characters.
const ACTOR: usize = 100;

/// How an environment is rolled back, without secrets; paths as they are written.
#[derive(Debug)]
pub(super) struct Rollback {
    pub(super) automatic: Automatic,
    pub(super) countdown: TimeDelta,
    pub(super) clear_for: TimeDelta,
    pub(super) actor: Option<String>,
    pub(super) repository: Option<RepositorySpec>,
    pub(super) strategy: Strategy,
}

/// One strategy and what it is told.
#[derive(Debug)]
pub(super) enum Strategy {
    Owner { argocd: Option<ArgoCd>, helm: HelmSpec },
    Kubernetes,
    ArgoRollouts,
    ArgoCd(ArgoCd),
    Helm(HelmSpec),
    Flux,
    Ci(Ci),
    Git(GitSpec),
    Command(CommandSpec),
}

/// Argo CD's API server.
#[derive(Debug)]
pub(super) struct ArgoCd {
    pub(super) url: String,
    pub(super) timeout: Duration,
    pub(super) token: At<SecretRef>,
    pub(super) application: Option<String>,
}

/// What a rollback is checked against.
pub(super) struct Place<'a> {
    pub(super) environment: &'a str,
    pub(super) read_only: bool,
    /// The cluster's name, where it is found by its address.
    pub(super) by_address: Option<&'a str>,
}

/// Checks how an environment is rolled back; nothing where something is wrong.
pub(super) fn check(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) -> Option<Rollback> {
    let automatic = automatic(raw.auto.as_ref(), place, problems);
    let minute = TimeDelta::seconds(60);
    let countdown = sources::duration("countdown", raw.countdown.as_ref(), minute, &COUNTDOWNS, problems);
    let clear_for = sources::duration("clear_for", raw.clear_for.as_ref(), TimeDelta::seconds(30), &CLEAR, problems);
    let actor = optional(raw.actor.as_ref(), |name| actor(name, problems));
    let repository = optional(raw.repository.as_ref(), |table| git::repository(table, problems));
    let all_used = only_used(raw, problems);
    let strategy = strategy(raw, place, problems);
    unused(raw, place, problems);
    all_used.then_some(())?;
    Some(Rollback {
        automatic: automatic?,
        countdown: countdown?,
        clear_for: clear_for?,
        actor: actor?,
        repository: repository?,
        strategy: strategy?,
    })
}

fn automatic(written: Option<&At<Auto>>, place: &Place<'_>, problems: &mut Problems) -> Option<Automatic> {
    let Some(written) = written else { return Some(Automatic::Off) };
    if place.read_only && matches!(written.value, Auto::Countdown | Auto::On) {
        problems.push(
            Problem::new(
                &written.span,
                format!("`{}` is read-only: nothing there is rolled back by itself", place.environment),
            )
            .way_out("auto = \"shadow\" says what would have been done; or leave `read_only` out"),
        );
        return None;
    }
    Some(written.value.into())
}

/// Others read this name in the cluster, in chats and in logs.
fn actor(written: &At<String>, problems: &mut Problems) -> Option<String> {
    let fine = !written.trim().is_empty() && written.chars().count() <= ACTOR && !written.contains(char::is_control);
    if !fine {
        problems.push(
            Problem::new(&written.span, "this cannot be the name of whoever is at the keys")
                .label(format!("expected one line of at most {ACTOR} characters"))
                .way_out("leave it out for the user at this machine"),
        );
    }
    fine.then(|| written.trim().to_owned())
}

/// Refuses tables that the strategy would never look at: whoever wrote one expects it to matter.
fn only_used(raw: &schema::Rollback, problems: &mut Problems) -> bool {
    let chosen = raw.strategy.as_ref().map(|at| at.value).unwrap_or_default();
    let tables = [
        ("argocd", span(raw.argocd.as_ref())),
        ("helm", span(raw.helm.as_ref())),
        ("git", span(raw.git.as_ref())),
        ("ci", span(raw.ci.as_ref())),
        ("command", span(raw.command.as_ref())),
    ];
    let mut fine = true;
    for (table, place) in tables {
        let Some(place) = place.filter(|_| !chosen.tables().contains(&table)) else { continue };
        fine = false;
        let default = if raw.strategy.is_none() { ", the default," } else { "" };
        let users = StrategyName::ALL.into_iter().filter(|strategy| strategy.tables().contains(&table));
        let users: Vec<&str> = users.map(StrategyName::as_str).collect();
        let problem = Problem::new(place, format!("the strategy {}{default} does not use `{table}`", chosen.as_str()))
            .way_out(format!("choose a strategy that does ({}), or leave the table out", list(&users)));
        // A strategy that was refused is not the default.
        problems.push(if raw.strategy.is_none() { problem.needs(Part::Table) } else { problem });
    }
    fine
}

/// Checks the tables that the strategy does not look at, too: it may be the strategy that is wrong.
fn unused(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) {
    let used = raw.strategy.as_ref().map(|at| at.value).unwrap_or_default().tables();
    let is_unused = |table: &str| !used.contains(&table);
    if let Some(table) = raw.argocd.as_ref().filter(|_| is_unused("argocd")) {
        argocd(table, problems);
    }
    if let Some(table) = raw.helm.as_ref().filter(|_| is_unused("helm")) {
        helm(Some(table), problems);
    }
    if let Some(table) = raw.git.as_ref().filter(|_| is_unused("git")) {
        git::check(table, problems);
    }
    if let Some(table) = raw.ci.as_ref().filter(|_| is_unused("ci")) {
        ci::check(table, place.environment, problems);
    }
    if let Some(table) = raw.command.as_ref().filter(|_| is_unused("command")) {
        command::check(table, problems);
    }
}

fn span<T>(table: Option<&At<T>>) -> Option<&Span> {
    table.map(|at| &at.span)
}

fn strategy(raw: &schema::Rollback, place: &Place<'_>, problems: &mut Problems) -> Option<Strategy> {
    let Some(chosen) = &raw.strategy else { return owner(raw, problems) };
    match chosen.value {
        StrategyName::Owner => owner(raw, problems),
        StrategyName::Kubernetes => Some(Strategy::Kubernetes),
        StrategyName::ArgoRollouts => Some(Strategy::ArgoRollouts),
        StrategyName::Flux => Some(Strategy::Flux),
        StrategyName::ArgoCd => {
            let with = "url = \"https://…\", token = { env = \"NAME\" }";
            argocd(needed(raw.argocd.as_ref(), chosen, with, problems)?, problems).map(Strategy::ArgoCd)
        }
        StrategyName::Helm => {
            if let Some(cluster) = place.by_address {
                let message = format!("helm goes by kubeconfigs, and `{cluster}` is found by its url");
                problems.push(
                    Problem::new(&chosen.span, message)
                        .way_out("give that source `context` or `kubeconfig` in place of `url`"),
                );
                return None;
            }
            helm(raw.helm.as_ref(), problems).map(Strategy::Helm)
        }
        StrategyName::Ci => {
            let table = needed(raw.ci.as_ref(), chosen, "system = \"github\", …", problems)?;
            ci::check(table, place.environment, problems).map(Strategy::Ci)
        }
        StrategyName::Git => {
            if raw.repository.is_none() {
                problems.push(
                    Problem::new(&chosen.span, "the strategy git needs a `repository`")
                        .way_out("add repository = \"~/src/shop\", a local clone")
                        .needs(Part::Table),
                );
            }
            let table = needed(raw.git.as_ref(), chosen, "branch = \"main\"", problems)?;
            git::check(table, problems).map(Strategy::Git).filter(|_| raw.repository.is_some())
        }
        StrategyName::Command => {
            let with = "run = [\"./rollback.sh\", \"$service\", \"$to\"]";
            command::check(needed(raw.command.as_ref(), chosen, with, problems)?, problems).map(Strategy::Command)
        }
    }
}

/// The table without which a strategy cannot work; it is called like the strategy.
fn needed<'a, T>(
    table: Option<&'a At<T>>,
    chosen: &At<StrategyName>,
    with: &str,
    problems: &mut Problems,
) -> Option<&'a At<T>> {
    if table.is_none() {
        let name = chosen.as_str();
        problems.push(
            Problem::new(&chosen.span, format!("the strategy {name} needs a table `{name}`"))
                .way_out(format!("add {name} = {{ {with} }} beside it"))
                .needs(Part::Table),
        );
    }
    table
}

fn owner(raw: &schema::Rollback, problems: &mut Problems) -> Option<Strategy> {
    let argocd = optional(raw.argocd.as_ref(), |table| argocd(table, problems));
    let helm = helm(raw.helm.as_ref(), problems);
    Some(Strategy::Owner { argocd: argocd?, helm: helm? })
}

fn argocd(table: &schema::ArgoCd, problems: &mut Problems) -> Option<ArgoCd> {
    let url = address::check(&table.url, Tail::None, problems);
    let timeout = sources::duration("timeout", table.timeout.as_ref(), TimeDelta::seconds(10), &TIMEOUTS, problems);
    let application =
        optional(table.application.as_ref(), |text| texts::check(text, &["service", "environment"], problems));
    Some(ArgoCd { url: url?, timeout: timeout?.to_std().ok()?, token: table.token.clone(), application: application? })
}

/// Kubeconfig and context are the cluster's, and come with it.
fn helm(table: Option<&At<schema::Helm>>, problems: &mut Problems) -> Option<HelmSpec> {
    let usual = HelmSpec::default();
    let Some(table) = table else { return Some(usual) };
    let timeout = run_time(table.timeout.as_ref(), usual.timeout, problems);
    let release = optional(table.release.as_ref(), |text| texts::check(text, &["service"], problems));
    let program = optional(table.program.as_ref(), |program| path(program, problems));
    Some(HelmSpec {
        program: program?.unwrap_or(usual.program),
        release: release?,
        timeout: timeout?,
        kubeconfig: None,
        context: None,
    })
}

/// How long a program may run.
fn run_time(written: Option<&At<HumanDuration>>, default: Duration, problems: &mut Problems) -> Option<Duration> {
    let default = TimeDelta::from_std(default).ok()?;
    sources::duration("timeout", written, default, &RUNS, problems)?.to_std().ok()
}

fn path(written: &At<PathBuf>, problems: &mut Problems) -> Option<PathBuf> {
    if written.as_os_str().is_empty() {
        problems.push(Problem::new(&written.span, "this path is empty"));
        return None;
    }
    Some(written.value.clone())
}
