//! `strategy = "git"`: its table, that table validated, and what the strategy is told.

use super::Reverts;
use crate::rollback::Blocked;
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::{Part, Problem, Problems};
use crate::settings::program::run_time;
use crate::settings::resolve::Resolver;
use crate::settings::texts;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, RollbackTable, StrategyKind, Written};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How long one call of git may take when nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Which branch is deployed.
static TABLE: RollbackTable = RollbackTable::of::<Table>("git", "For the strategy `git`, with `repository`.");

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind = StrategyKind {
    name: "git",
    about: "`git revert` and push.",
    tables: &[&TABLE],
    needs: &["git", "repository"],
    check,
};

/// How a deploy is reverted in Git.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Git")]
#[serde(deny_unknown_fields)]
struct Table {
    /// The branch that is deployed.
    branch: At<String>,
    /// How long one call of git may take; default `60s`.
    timeout: Option<At<HumanDuration>>,
}

fn check(written: &Written<'_>, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
    if !written.has_repository {
        problems.push(
            Problem::new(&written.named, "the strategy git needs a `repository`")
                .way_out("add repository = \"~/src/shop\", a local clone")
                .needs(Part::Table),
        );
    }
    let table: &Table = written.needed(&TABLE, "branch = \"main\"", problems)?;
    let branch = texts::git_name(&table.branch, "a branch", "release/1.9", problems);
    let timeout = run_time(table.timeout.as_ref(), DEFAULT_TIMEOUT, problems);
    let spec = GitSpec { branch: branch?, timeout: timeout? };
    written.has_repository.then(|| -> Box<dyn RollbackSettings> { Box::new(spec) })
}

/// How a deploy is reverted in Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSpec {
    /// The branch that is deployed.
    pub branch: String,
    /// How long one call of git may take.
    pub timeout: Duration,
}

impl RollbackSettings for GitSpec {
    fn resolve(&self, _: &InCluster<'_>, _: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(self.clone()))
    }
}

impl StrategySpec for GitSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let repository = to.repository.cloned().ok_or_else(|| Blocked {
            reason: "strategy git needs a repository".to_owned(),
            way_out: "set a local clone of what is deployed in the configuration".to_owned(),
        })?;
        let reverts = Reverts::new(self, repository);
        let branches = reverts.branches();
        Ok(Connected::by(reverts, branches))
    }
}
