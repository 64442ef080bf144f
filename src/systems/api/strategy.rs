//! What a way to roll back is to everybody else: it is connected, and then it has somebody who plans and the clients that
//! its actions are performed with. No system is named here.

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::repository::RepositorySpec;
use crate::rollback::Blocked;
use crate::rollback::client::Clients;
use crate::rollback::planner::Planner;
use crate::rollback::variables::CommitOf;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// How an environment is rolled back.
#[derive(Debug, Clone)]
pub struct RollbackSpec {
    /// What `strategy` says in the configuration.
    pub name: &'static str,
    /// What that strategy is told.
    pub strategy: Arc<dyn StrategySpec>,
    /// A local clone of what is deployed: for the `git` strategy, and to find the migrations that shipped.
    pub repository: Option<RepositorySpec>,
}

impl RollbackSpec {
    /// What a strategy of a known kind is told, for whoever looks at it.
    pub fn told<T: Any>(&self) -> Option<&T> {
        let told: &dyn Any = self.strategy.as_ref();
        told.downcast_ref()
    }
}

/// What a strategy is told, with its secrets.
///
/// # What a strategy promises
///
/// **Planning changes nothing.** See [`Planner`]: it is asked again and again, for several workloads at a time.
///
/// **Performing is one request, never a second.** What is sent stands in the step's
/// [`Action`](crate::rollback::action::Action), down to its last byte; `registry::perform` sends it by the client that is
/// given here. An answer is [`Refused`](crate::rollback::Answer::Refused) only where certainly nothing was changed, and in
/// doubt [`Unknown`](crate::rollback::Answer::Unknown).
///
/// **Time, bounds, secrets** are those of a [`Source`](super::Source): each exchange ends by itself, what comes from
/// outside has an end and is cleaned, and no text holds a secret.
pub trait StrategySpec: Any + Debug + Send + Sync {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When it cannot work as it is told to, whatever the workload: the reason and the way out.
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked>;
}

/// What a strategy finds around it, whichever it is.
pub struct Surroundings<'a> {
    /// The cluster of the environment's workloads.
    pub cluster: &'a Cluster,
    /// The time.
    pub clock: &'a Clock,
    /// The local clone, where one is named.
    pub repository: Option<&'a RepositorySpec>,
    /// Who knows the commits of versions.
    pub commits: CommitOf,
}

/// A strategy that is ready to be asked.
pub struct Connected {
    /// Who computes what would be done.
    pub planner: Arc<dyn Planner>,
    /// What it is done with.
    pub clients: Clients,
    /// Whether its plans name the commits of versions: the repository is read before it is asked.
    pub names_commits: bool,
}

impl Connected {
    /// One whose actions need the cluster alone.
    pub fn by_the_cluster(planner: impl Planner + 'static) -> Self {
        Self { planner: Arc::new(planner), clients: Clients::default(), names_commits: false }
    }

    /// One whose actions this client performs.
    pub fn by<T: Any + Send + Sync>(planner: impl Planner + 'static, client: Arc<T>) -> Self {
        Self { clients: Clients::default().with(client), ..Self::by_the_cluster(planner) }
    }
}
