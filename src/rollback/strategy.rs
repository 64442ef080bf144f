//! The ways to take a deploy back: [`Strategy`], one file each.

mod aim;
pub mod argo_rollouts;
pub mod argocd;
pub mod ci;
pub mod command;
pub mod flux;
pub mod git;
pub mod helm;
pub mod kubernetes;
pub mod lease;
pub mod owner;
pub(crate) mod program;
mod records;
pub(crate) mod variables;
pub mod with_migrations;

use super::ask::Ask;
use super::spec::{RollbackSpec, StrategySpec};
use super::{Answer, Blocked, Readiness, Run, Step};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::repository::Repository;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use with_migrations::WithMigrations;

/// How long one call of git may take that only looks for commits and migrations.
const GIT_TIMEOUT: Duration = Duration::from_secs(30);

/// One way to take a deploy back. The caller owns the life of a rollback; a strategy only knows its system.
pub trait Strategy: Send + Sync {
    /// Works out whether it would succeed now, down to the last byte of the request. Changes nothing: permissions
    /// are asked for, and the request is tried where the system can try without doing.
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness>;

    /// Does it: once, with nothing looked up before it, and never a second try.
    ///
    /// [`Answer::Refused`] is only for what certainly changed nothing; in doubt it is [`Answer::Unknown`].
    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer>;

    /// How a run goes on that [`Strategy::send`] has started. Only asked of strategies that answer with one.
    fn follow<'a>(&'a self, step: &'a Step, run: &'a Run) -> BoxFuture<'a, Answer>;

    /// Whether a step took effect whose answer was lost. Changes nothing.
    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer>;
}

/// Makes the strategy of an environment whose workloads are in this cluster.
///
/// # Errors
/// When it cannot work as it is told to, whatever the workload: the reason and the way out.
pub fn build(spec: &RollbackSpec, cluster: &Cluster, clock: &Clock) -> Result<Arc<dyn Strategy>, Blocked> {
    let repository = spec.repository.clone().map(|told| Arc::new(Repository::new(told, GIT_TIMEOUT)));
    let commits = commits_of(repository.clone());
    let strategy: Arc<dyn Strategy> = match &spec.strategy {
        StrategySpec::Owner(told) => Arc::new(owner::ByOwner::new(told, cluster.clone(), clock)?),
        StrategySpec::Kubernetes => Arc::new(kubernetes::Undo::new(cluster.clone())),
        StrategySpec::ArgoRollouts => Arc::new(argo_rollouts::ArgoRollouts::new(cluster.clone())),
        StrategySpec::ArgoCd(told) => Arc::new(argocd::ArgoCd::new(told, cluster.clone())?),
        StrategySpec::Helm(told) => Arc::new(helm::Helm::new(told.clone(), cluster.clone(), clock.clone())),
        StrategySpec::Flux => Arc::new(flux::Flux::new(cluster.clone())),
        StrategySpec::Git(told) => {
            let repository = spec.repository.clone().ok_or_else(|| Blocked {
                reason: "the strategy git needs to know the repository".to_owned(),
                way_out: "name a local clone of what is deployed in the configuration".to_owned(),
            })?;
            Arc::new(git::Revert::new(told, repository))
        }
        StrategySpec::Ci(spec) => Arc::new(ci::Ci::new(spec, clock.clone())?.with_commits(commits)),
        StrategySpec::Command(spec) => {
            Arc::new(command::Command::new(spec.clone(), clock.clone()).with_commits(commits))
        }
    };
    let strategy = WithMigrations::new(strategy, cluster.clone(), repository);
    Ok(match &spec.strategy {
        StrategySpec::Ci(_) | StrategySpec::Command(_) => Arc::new(strategy.with_repository_first()),
        _ => Arc::new(strategy),
    })
}

/// Who knows the commits of versions: the repository, which was read before, or else the version itself.
fn commits_of(repository: Option<Arc<Repository>>) -> ci::CommitOf {
    Arc::new(move |version| {
        let read = repository.as_ref().and_then(|repository| repository.known_commit(version));
        read.or_else(|| variables::commit_in(version))
    })
}

/// A step that another strategy made: it is not sent. Only a mistake of ours can bring it here.
pub(crate) fn not_mine(step: &Step) -> Answer {
    Answer::Refused(Blocked {
        reason: format!("the step for {} was made by another strategy", step.subject),
        way_out: "close the plan and open it again".to_owned(),
    })
}
