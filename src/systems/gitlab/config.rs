//! `system = "gitlab"` of the strategy `ci`: its table, that table validated, and what the strategy is told.

use super::GitLab;
use crate::net::Endpoint;
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::at::At;
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::Shape;
use crate::systems::declaration::strategy::{CiSystem, CiTable, InCluster, RollbackSettings};
use crate::systems::shared::ci::{self, config::Where};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// The declaration of the system for the configuration.
pub(in crate::systems) static CI: CiSystem =
    CiSystem { name: "gitlab", about: "A job of GitLab.", table: Shape::<dyn CiTable>::of::<Table>() };

/// The job of an earlier deployment of GitLab, run again; or a manual job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/api/v4`; default `https://gitlab.com`.
    url: Option<At<String>>,
    /// Token with the scope `api`.
    token: At<SecretRef>,
    /// Id or path of the project.
    project: At<String>,
    /// GitLab's name of the environment; default: the environment's own.
    environment: Option<At<String>>,
    /// A manual job to start, instead of running the earlier deployment's job again.
    job: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
    /// How long the job may take; default `15m`.
    run_timeout: Option<At<HumanDuration>>,
}

impl CiTable for Table {
    fn check(&self, environment: &str, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
        let url = address::or_usual(self.url.as_ref(), "https://gitlab.com", problems);
        let project = ci::config::text(&self.project, problems);
        let named = optional(self.environment.as_ref(), |text| ci::config::text(text, problems));
        let job = optional(self.job.as_ref(), |text| ci::config::text(text, problems));
        let place = Where::check(url, self.timeout.as_ref(), self.run_timeout.as_ref(), problems);
        Some(Box::new(Settings {
            place: place?,
            token: self.token.clone(),
            project: project?,
            environment: named?.unwrap_or_else(|| environment.to_owned()),
            job: job?,
        }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    place: Where,
    token: At<SecretRef>,
    project: String,
    environment: String,
    job: Option<String>,
}

impl RollbackSettings for Settings {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(GitLabSpec {
            endpoint: self.place.endpoint("gitlab"),
            run_timeout: self.place.run_timeout,
            token: resolver.secret(&self.token)?,
            project: self.project.clone(),
            environment: self.environment.clone(),
            job: self.job.clone(),
        }))
    }
}

/// GitLab. Texts may hold the variables of a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct GitLabSpec {
    /// Everything before `/api/v4`.
    pub endpoint: Endpoint,
    /// How long a job may take before it counts as failed to answer.
    pub run_timeout: Duration,
    /// Token with the scope `api`.
    pub token: Secret,
    /// Id or path of the project.
    pub project: String,
    /// GitLab's own name of the environment.
    pub environment: String,
    /// Name of a manual job to start, instead of running the earlier deployment's job again. It is looked
    /// for in the pipeline of the deployment that is gone back to.
    pub job: Option<String>,
}

impl StrategySpec for GitLabSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let system = Arc::new(GitLab::new(self, to.clock.clone())?);
        Ok(ci::connected(system, self.run_timeout, to))
    }
}
