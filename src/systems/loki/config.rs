//! `kind = "loki"`: its table, that table validated, and what the adapter is configured with.

use super::Loki;
use crate::net::{Auth, Endpoint};
use crate::poll::SourceError;
use crate::settings::address::{self, Tail};
use crate::settings::at::At;
use crate::settings::auth;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::setup::Delivery;
use crate::systems::api::{Polled, Source, SourceSpec};
use crate::systems::declaration::{self, Place, Shape, System, series};
use crate::systems::questions::{Question, SeriesQuery};
use crate::systems::shared::promql::syntax;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

/// The declaration of the system for the configuration.
pub(crate) static SYSTEM: System = System {
    name: "loki",
    about: "A Loki, for numbers made of log lines.",
    delivery: Delivery::Polled,
    interval: TimeDelta::seconds(15),
    timeout: TimeDelta::seconds(10),
    answers: series,
    series_keys: &[],
    variables: &["__interval", "__interval_ms", "__auto", "__range", "__range_s", "__range_ms"],
    macros: false,
    mistake: syntax::of_logql,
    abilities: "a loki source answers all but alerts, new_issues, crash_free and probe",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

/// A Loki, or anything that speaks its API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/loki/api/v1`.
    url: At<String>,
    /// Bearer token.
    token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    user: Option<At<String>>,
    /// Password of `user`.
    password: Option<At<SecretRef>>,
    /// `X-Scope-OrgID`; several tenants as `a|b`.
    tenant: Option<At<String>>,
    /// How often it is asked; default `15s`.
    interval: Option<At<HumanDuration>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
}

impl declaration::Table for Table {
    fn timing(&self) -> (Option<&At<HumanDuration>>, Option<&At<HumanDuration>>) {
        (self.interval.as_ref(), self.timeout.as_ref())
    }

    fn check(self: Box<Self>, name: &At<String>, problems: &mut Problems) -> Option<Box<dyn declaration::Settings>> {
        let auth = auth::check(name, self.token, self.user, self.password, problems);
        let url = address::check(&self.url, Tail::None, problems);
        let tenant = self.tenant.map(|at| at.value);
        let (url, auth) = url.zip(auth)?;
        Some(Box::new(Settings { url, auth, tenant }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    url: String,
    auth: auth::Auth,
    tenant: Option<String>,
}

impl declaration::Settings for Settings {
    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        Some(SourceSpec::Polled(Box::new(LokiSpec {
            endpoint: place.endpoint(&self.url),
            auth: resolver.auth(&self.auth)?,
            tenant: self.tenant.clone(),
            queries: Vec::new(),
        })))
    }
}

/// Loki: metric queries.
#[derive(Debug, Clone, PartialEq)]
pub struct LokiSpec {
    /// Where: everything before `/loki/api/v1`.
    pub endpoint: Endpoint,
    /// Whatever the proxy in front wants.
    pub auth: Auth,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// What to read.
    pub queries: Vec<SeriesQuery>,
}

impl Polled for LokiSpec {
    fn ask(&mut self, question: Question) {
        match question {
            Question::Series { query, .. } => self.queries.push(query),
            Question::Alerts(_) | Question::Release(_) => {}
        }
    }

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Loki::new(self.clone())?))
    }
}
