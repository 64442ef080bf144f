//! What an environment's configuration makes of the ways to roll back: somebody who plans, and somebody who performs.

use super::DEFAULT_STRATEGY;
use super::owner::OwnerSpec;
use super::perform::Performer;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::repository::Repository;
use crate::rollback::Blocked;
use crate::rollback::planner::Planner;
use crate::rollback::variables::{self, CommitOf};
use crate::rollback::with_migrations::WithMigrations;
use crate::systems::api::strategy::{Connected, RollbackSpec, Surroundings};
use std::sync::Arc;
use std::time::Duration;

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

/// What is meant where nothing is said: whoever owns a workload, as far as the cluster alone is enough.
impl Default for RollbackSpec {
    fn default() -> Self {
        Self { name: DEFAULT_STRATEGY.name, strategy: Arc::new(OwnerSpec::default()), repository: None }
    }
}

/// Makes the strategy of an environment whose workloads are in this cluster. Connects to nothing.
///
/// # Errors
/// When it cannot work as it is told to, whatever the workload: the reason and the way out.
pub fn build(spec: &RollbackSpec, cluster: &Cluster, clock: &Clock) -> Result<Strategy, Blocked> {
    let repository = spec.repository.clone().map(|told| Arc::new(Repository::new(told, GIT_TIMEOUT)));
    let commits = commits_of(repository.clone());
    let to = Surroundings { cluster, clock, repository: spec.repository.as_ref(), commits };
    let Connected { planner, clients, names_commits } = spec.strategy.connect(&to)?;
    let planner = WithMigrations::new(planner, cluster.clone(), repository);
    // What names the commits of the versions wants the repository to be read before.
    let planner = if names_commits { planner.with_repository_first() } else { planner };
    Ok(Strategy { planner: Arc::new(planner), performer: Performer { cluster: Some(cluster.clone()), clients } })
}

/// Who knows the commits of versions: the repository, which was read before, or else the version itself.
fn commits_of(repository: Option<Arc<Repository>>) -> CommitOf {
    Arc::new(move |version| {
        let read = repository.as_ref().and_then(|repository| repository.known_commit(version));
        read.or_else(|| variables::commit_in(version))
    })
}
