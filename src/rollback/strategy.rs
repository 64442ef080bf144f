//! The ways to take a deploy back: [`Strategy`], one file each.

mod aim;
pub mod ci;
pub mod command;
pub mod git;
pub mod kubernetes;
pub mod lease;
pub(crate) mod program;
pub(crate) mod variables;
pub mod with_migrations;

use super::ask::Ask;
use super::spec::{RollbackSpec, StrategySpec};
use super::{Answer, Blocked, Readiness, Run, Step};
use crate::clock::Clock;
use crate::cluster::Cluster;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use with_migrations::WithMigrations;

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
    let kubernetes = || kubernetes::Undo::new(cluster.clone());
    let strategy: Arc<dyn Strategy> = match &spec.strategy {
        StrategySpec::Owner(_) | StrategySpec::Kubernetes => Arc::new(kubernetes()),
        StrategySpec::Git(told) => {
            let repository = spec.repository.clone().ok_or_else(|| Blocked {
                reason: "the strategy git needs to know the repository".to_owned(),
                way_out: "name a local clone of what is deployed in the configuration".to_owned(),
            })?;
            Arc::new(git::Revert::new(told, repository))
        }
        StrategySpec::Ci(spec) => Arc::new(ci::Ci::new(spec, clock.clone())?),
        StrategySpec::Command(spec) => Arc::new(command::Command::new(spec.clone(), clock.clone())),
        other => {
            return Err(Blocked {
                reason: format!("the strategy {} is not built yet", other.name()),
                way_out: "choose strategy = \"kubernetes\"".to_owned(),
            });
        }
    };
    Ok(Arc::new(WithMigrations::new(strategy, cluster.clone(), spec.repository.clone())))
}

/// A step that another strategy made: it is not sent. Only a mistake of ours can bring it here.
pub(crate) fn not_mine(step: &Step) -> Answer {
    Answer::Refused(Blocked {
        reason: format!("the step for {} was made by another strategy", step.subject),
        way_out: "close the plan and open it again".to_owned(),
    })
}
