//! The ways to roll back a deploy, one file each, and what an environment's configuration makes of them: the only place
//! that knows them all.

pub mod argo_rollouts;
pub mod argocd;
mod choose_version;
pub mod ci;
pub mod command;
mod external_history;
pub mod flux;
pub mod git;
pub mod helm;
pub mod kubernetes;
pub mod lease;
pub mod owner;
pub(crate) mod program;
pub(crate) mod variables;
pub mod with_migrations;

use super::Blocked;
use super::perform::Performer;
use super::planner::Planner;
use super::spec::{RollbackSpec, StrategySpec};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::repository::Repository;
use std::sync::Arc;
use std::time::Duration;
use variables::CommitOf;
use with_migrations::WithMigrations;

/// How long one call of git may take that only looks for commits and migrations.
const GIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How an environment is rolled back.
#[derive(Clone)]
pub struct Strategy {
    /// Who computes what would be done.
    pub planner: Arc<dyn Planner>,
    /// Who does it.
    pub performer: Performer,
}

/// Makes the strategy of an environment whose workloads are in this cluster. Connects to nothing.
///
/// # Errors
/// When it cannot work as it is told to, whatever the workload: the reason and the way out.
pub fn build(spec: &RollbackSpec, cluster: &Cluster, clock: &Clock) -> Result<Strategy, Blocked> {
    let repository = spec.repository.clone().map(|told| Arc::new(Repository::new(told, GIT_TIMEOUT)));
    let commits = commits_of(repository.clone());
    let mut performer = Performer::of_cluster(cluster.clone());
    let planner: Arc<dyn Planner> = match &spec.strategy {
        StrategySpec::Owner(told) => {
            performer.argocd = told.argocd.as_ref().map(argocd::connect).transpose()?;
            performer.helm = told.helm.clone().map(|told| Arc::new(helm::Releases::new(told)));
            let argocd = told.argocd.as_ref().zip(performer.argocd.clone());
            let argocd = argocd.map(|(told, server)| argocd::ArgoCd::new(told, server, cluster.clone()));
            let helm = performer.helm.clone();
            let helm = helm.map(|releases| helm::Helm::new(releases, cluster.clone(), clock.clone()));
            Arc::new(owner::ByOwner::new(cluster.clone(), argocd, helm))
        }
        StrategySpec::Kubernetes => Arc::new(kubernetes::Undo::new(cluster.clone())),
        StrategySpec::ArgoRollouts => Arc::new(argo_rollouts::ArgoRollouts::new(cluster.clone())),
        StrategySpec::ArgoCd(told) => {
            let server = argocd::connect(told)?;
            performer.argocd = Some(Arc::clone(&server));
            Arc::new(argocd::ArgoCd::new(told, server, cluster.clone()))
        }
        StrategySpec::Helm(told) => {
            let releases = Arc::new(helm::Releases::new(told.clone()));
            performer.helm = Some(Arc::clone(&releases));
            Arc::new(helm::Helm::new(releases, cluster.clone(), clock.clone()))
        }
        StrategySpec::Flux => Arc::new(flux::Flux::new(cluster.clone())),
        StrategySpec::Git(told) => {
            let repository = spec.repository.clone().ok_or_else(|| Blocked {
                reason: "strategy git needs a repository".to_owned(),
                way_out: "set a local clone of what is deployed in the configuration".to_owned(),
            })?;
            let revert = git::Reverts::new(told, repository);
            performer.git = Some(revert.branches());
            Arc::new(revert)
        }
        StrategySpec::Ci(told) => {
            let (ci, runs) = ci::connect(told, clock)?;
            performer.ci = Some(Arc::new(runs));
            Arc::new(ci.with_commits(commits))
        }
        StrategySpec::Command(told) => {
            let programs = Arc::new(command::Programs::new(told));
            performer.programs = Some(Arc::clone(&programs));
            Arc::new(command::Command::new(told.clone(), programs, clock.clone()).with_commits(commits))
        }
    };
    let planner = WithMigrations::new(planner, cluster.clone(), repository);
    let planner = match &spec.strategy {
        // They name the commits of the versions, which the repository is read for.
        StrategySpec::Ci(_) | StrategySpec::Command(_) => planner.with_repository_first(),
        StrategySpec::Owner(_)
        | StrategySpec::Kubernetes
        | StrategySpec::ArgoRollouts
        | StrategySpec::ArgoCd(_)
        | StrategySpec::Helm(_)
        | StrategySpec::Flux
        | StrategySpec::Git(_) => planner,
    };
    Ok(Strategy { planner: Arc::new(planner), performer })
}

/// Who knows the commits of versions: the repository, which was read before, or else the version itself.
fn commits_of(repository: Option<Arc<Repository>>) -> CommitOf {
    Arc::new(move |version| {
        let read = repository.as_ref().and_then(|repository| repository.known_commit(version));
        read.or_else(|| variables::commit_in(version))
    })
}
