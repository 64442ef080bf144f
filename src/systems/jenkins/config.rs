//! `system = "jenkins"` of the strategy `ci`: its table, that table validated, and what the strategy is told.

use super::Jenkins;
use crate::net::Auth;
use crate::net::Endpoint;
use crate::rollback::Blocked;
use crate::settings::address;
use crate::settings::address::Tail;
use crate::settings::at::At;
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
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The declaration of the system for the configuration.
pub(in crate::systems) static CI: CiSystem =
    CiSystem { name: "jenkins", about: "A build of Jenkins.", table: Shape::<dyn CiTable>::of::<Table>() };

/// A parametrised build of Jenkins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/job/`.
    url: At<String>,
    /// The user whose token it is.
    user: At<String>,
    /// API token of the user.
    token: At<SecretRef>,
    /// `shop/rollback`, its folders with slashes.
    job: At<String>,
    /// Its parameters.
    parameters: Option<At<BTreeMap<String, At<String>>>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
    /// How long the build may take; default `15m`.
    run_timeout: Option<At<HumanDuration>>,
}

impl CiTable for Table {
    fn check(&self, _: &str, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
        let url = address::check(&self.url, Tail::None, problems);
        let job = ci::config::text(&self.job, problems);
        let parameters = ci::config::pairs(self.parameters.as_ref(), problems);
        let place = Where::check(url, self.timeout.as_ref(), self.run_timeout.as_ref(), problems);
        Some(Box::new(Settings {
            place: place?,
            user: self.user.value.clone(),
            token: self.token.clone(),
            job: job?,
            parameters: parameters?,
        }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    place: Where,
    user: String,
    token: At<SecretRef>,
    job: String,
    parameters: Vec<(String, String)>,
}

impl RollbackSettings for Settings {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(JenkinsSpec {
            endpoint: self.place.endpoint("jenkins"),
            run_timeout: self.place.run_timeout,
            auth: Auth::Basic { user: self.user.clone(), password: resolver.secret(&self.token)? },
            job: self.job.clone(),
            parameters: self.parameters.clone(),
        }))
    }
}

/// Jenkins. Texts may hold the variables of a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct JenkinsSpec {
    /// Everything before `/job/`.
    pub endpoint: Endpoint,
    /// How long a build may take before it counts as failed to answer.
    pub run_timeout: Duration,
    /// User and API token.
    pub auth: Auth,
    /// `shop/rollback`, its folders with slashes.
    pub job: String,
    /// Its parameters. One of them should hold `$id`: that is how a build is found whose answer was lost.
    pub parameters: Vec<(String, String)>,
}

impl StrategySpec for JenkinsSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let system = Arc::new(Jenkins::new(self, to.clock.clone())?);
        Ok(ci::connected(system, self.run_timeout, to))
    }
}
