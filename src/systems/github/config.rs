//! `system = "github"` of the strategy `ci`: its table, that table validated, and what the strategy is told.

use super::GitHub;
use crate::net::Endpoint;
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::at::At;
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problem;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::Shape;
use crate::systems::declaration::strategy::{CiSystem, CiTable, InCluster, RollbackSettings};
use crate::systems::shared::ci::{self, config::Where};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// GitHub's most inputs of a workflow that is started by hand.
const MOST_INPUTS: usize = 25;

/// The declaration of the system for the configuration.
pub(in crate::systems) static CI: CiSystem =
    CiSystem { name: "github", about: "A workflow of GitHub Actions.", table: Shape::<dyn CiTable>::of::<Table>() };

/// A workflow of GitHub Actions, with `on: workflow_dispatch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its API; default `https://api.github.com`, for an Enterprise server `https://HOST/api/v3`.
    url: Option<At<String>>,
    /// Token that may write actions.
    token: At<SecretRef>,
    /// `example/shop`.
    repository: At<String>,
    /// File or id of the workflow.
    workflow: At<String>,
    /// Branch or tag it runs on; default `main`.
    #[serde(rename = "ref")]
    git_ref: Option<At<String>>,
    /// Its inputs, 25 at most; one with `$id` lets its run be found again.
    inputs: Option<At<BTreeMap<String, At<String>>>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
    /// How long the run may take; default `15m`.
    run_timeout: Option<At<HumanDuration>>,
}

impl CiTable for Table {
    fn check(&self, _: &str, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
        let url = address::or_usual(self.url.as_ref(), "https://api.github.com", problems);
        let repository = self.repository(problems);
        let workflow = ci::config::text(&self.workflow, problems);
        let git_ref = optional(self.git_ref.as_ref(), |text| ci::config::text(text, problems));
        let (inputs, are_few) = (ci::config::pairs(self.inputs.as_ref(), problems), self.are_few(problems));
        let place = Where::check(url, self.timeout.as_ref(), self.run_timeout.as_ref(), problems);
        Some(Box::new(Settings {
            place: place?,
            token: self.token.clone(),
            repository: repository?,
            workflow: workflow?,
            git_ref: git_ref?.unwrap_or_else(|| "main".to_owned()),
            inputs: inputs.filter(|_| are_few)?,
        }))
    }
}

impl Table {
    fn repository(&self, problems: &mut Problems) -> Option<String> {
        let text = ci::config::text(&self.repository, problems)?;
        let parts: Vec<&str> = text.split('/').collect();
        if matches!(parts.as_slice(), [owner, name] if !owner.is_empty() && !name.is_empty()) {
            return Some(text);
        }
        problems.push(
            Problem::new(&self.repository.span, format!("`{text}` is not a repository of GitHub"))
                .label("expected owner and name, such as \"example/shop\""),
        );
        None
    }

    /// Whether its inputs are no more than GitHub takes.
    fn are_few(&self, problems: &mut Problems) -> bool {
        let Some(written) = self.inputs.as_ref().filter(|written| written.len() > MOST_INPUTS) else { return true };
        problems.push(
            Problem::new(
                &written.span,
                format!("GitHub takes {MOST_INPUTS} inputs at most, and these are {}", written.len()),
            )
            .way_out("leave some out, or put several into one as JSON"),
        );
        false
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    place: Where,
    token: At<SecretRef>,
    repository: String,
    workflow: String,
    git_ref: String,
    inputs: Vec<(String, String)>,
}

impl RollbackSettings for Settings {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(GitHubSpec {
            endpoint: self.place.endpoint("github"),
            run_timeout: self.place.run_timeout,
            token: resolver.secret(&self.token)?,
            repository: self.repository.clone(),
            workflow: self.workflow.clone(),
            git_ref: self.git_ref.clone(),
            inputs: self.inputs.clone(),
        }))
    }
}

/// GitHub Actions. Texts may hold the variables of a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct GitHubSpec {
    /// `https://api.github.com`, or `https://HOST/api/v3`.
    pub endpoint: Endpoint,
    /// How long a run may take before it counts as failed to answer.
    pub run_timeout: Duration,
    /// Token that may write actions.
    pub token: Secret,
    /// `example/shop`.
    pub repository: String,
    /// File or id of the workflow.
    pub workflow: String,
    /// Branch or tag it runs on.
    pub git_ref: String,
    /// Its inputs, 25 at most. One of them should hold `$id`, and the workflow's `run-name` show it: that
    /// is how a run is found whose number was not answered.
    pub inputs: Vec<(String, String)>,
}

impl StrategySpec for GitHubSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let system = Arc::new(GitHub::new(self, to.clock.clone())?);
        Ok(ci::connected(system, self.run_timeout, to))
    }
}
