//! `strategy = "argocd"`: its table, that table validated, and what the strategy is told.

use super::{ArgoCd, Server};
use crate::net::Endpoint;
use crate::rollback::Blocked;
use crate::secret::Secret;
use crate::settings::address::{self, Tail};
use crate::settings::at::At;
use crate::settings::bounds::{self, TIMEOUTS};
use crate::settings::checked::optional;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::settings::texts;
use crate::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use crate::systems::declaration::strategy::{InCluster, RollbackSettings, RollbackTable, StrategyKind, Written};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Where its API server is.
pub(in crate::systems) static TABLE: RollbackTable =
    RollbackTable::of::<Table>("argocd", "Argo CD's API server, for the strategies `argocd` and `owner`.");

/// The declaration of the strategy for the configuration.
pub(in crate::systems) static STRATEGY: StrategyKind = StrategyKind {
    name: "argocd",
    about: "Argo CD's own rollback.",
    tables: &[&TABLE],
    needs: &["argocd"],
    check: |written, problems| {
        let with = "url = \"https://…\", token = { env = \"NAME\" }";
        Some(Box::new(written.needed::<Table>(&TABLE, with, problems)?.check(problems)?))
    },
};

/// Argo CD's API server.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ArgoCd")]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/api/v1`.
    url: At<String>,
    /// An account's or a project's token.
    token: At<SecretRef>,
    /// The application; default: the one that the workload is marked with. May hold `$service` and `$environment`.
    application: Option<At<String>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
}

impl Table {
    fn check(&self, problems: &mut Problems) -> Option<Settings> {
        let url = address::check(&self.url, Tail::None, problems);
        let timeout = bounds::duration("timeout", self.timeout.as_ref(), TimeDelta::seconds(10), &TIMEOUTS, problems);
        let application =
            optional(self.application.as_ref(), |text| texts::check(text, &["service", "environment"], problems));
        let (token, application) = (self.token.clone(), application);
        Some(Settings { url: url?, timeout: timeout?.to_std().ok()?, token, application: application? })
    }
}

/// The server that a file names, for whoever can use one.
#[expect(clippy::option_option, reason = "the outer one is the check's, the inner one is the file's")]
pub(in crate::systems) fn check(written: &Written<'_>, problems: &mut Problems) -> Option<Option<Settings>> {
    optional(written.table::<Table>(&TABLE), |table| table.check(problems))
}

/// Its table, checked.
#[derive(Debug)]
pub(in crate::systems) struct Settings {
    url: String,
    timeout: Duration,
    token: At<SecretRef>,
    application: Option<String>,
}

impl Settings {
    /// With its secret.
    pub(in crate::systems) fn spec(&self, resolver: &mut Resolver<'_>) -> Option<ArgoCdSpec> {
        Some(ArgoCdSpec {
            endpoint: Endpoint { name: "argocd".to_owned(), url: self.url.clone(), timeout: self.timeout },
            token: resolver.secret(&self.token)?,
            application: self.application.clone(),
        })
    }
}

impl RollbackSettings for Settings {
    fn resolve(&self, _: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>> {
        Some(Arc::new(self.spec(resolver)?))
    }
}

/// Argo CD's API server.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgoCdSpec {
    /// Where: everything before `/api/v1`.
    pub endpoint: Endpoint,
    /// An account's or a project's token.
    pub token: Secret,
    /// The application; default: the one that the workload's tracking mark names. May hold `$service` and
    /// `$environment`.
    pub application: Option<String>,
}

impl StrategySpec for ArgoCdSpec {
    fn connect(&self, to: &Surroundings<'_>) -> Result<Connected, Blocked> {
        let server: Arc<Server> = super::connect(self)?;
        Ok(Connected::by(ArgoCd::new(self, Arc::clone(&server), to.cluster.clone()), server))
    }
}
