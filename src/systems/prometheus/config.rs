//! `kind = "prometheus"`: its table, that table validated, and what the adapter is configured with.

use super::Prometheus;
use crate::net::{Auth, Endpoint};
use crate::poll::SourceError;
use crate::settings::address::{self, Tail};
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::settings::{auth, bounds};
use crate::setup::Delivery;
use crate::systems::api::{Polled, Source, SourceSpec};
use crate::systems::declaration::{self, Place, Shape, System, series_and_alerts};
use crate::systems::questions::{AlertQuery, Question, SeriesQuery};
use crate::systems::shared::promql::syntax;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

/// The declaration of the system for the configuration.
pub(crate) static SYSTEM: System = System {
    name: "prometheus",
    about: "A Prometheus, or anything that speaks its API.",
    delivery: Delivery::Polled,
    interval: TimeDelta::seconds(15),
    timeout: TimeDelta::seconds(5),
    answers: series_and_alerts,
    series_keys: &["scrape"],
    variables: &[
        "__interval",
        "__interval_ms",
        "__rate_interval",
        "__rate_interval_ms",
        "__range",
        "__range_s",
        "__range_ms",
    ],
    macros: false,
    mistake: syntax::of_promql,
    abilities: "a prometheus source answers all but new_issues, crash_free and probe",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

/// A Prometheus, Mimir, Thanos or VictoriaMetrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Everything before `/api/v1`; may be Grafana's proxy: `…/api/datasources/proxy/uid/UID`.
    url: At<String>,
    /// Bearer token.
    token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    user: Option<At<String>>,
    /// Password of `user`.
    password: Option<At<SecretRef>>,
    /// `X-Scope-OrgID`.
    tenant: Option<At<String>>,
    /// The Alertmanager behind it, everything before `/api/v2`: its silences are heeded by signals of the kind alerts.
    alertmanager: Option<At<String>>,
    /// How far apart the samples of its series are; default: learned from the samples.
    scrape: Option<At<HumanDuration>>,
    /// How often it is asked; default `15s`.
    interval: Option<At<HumanDuration>>,
    /// How long an answer may take; default `5s`.
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
        // One that is wrong is reported, and must not be taken for one that was left out.
        let alertmanager = self.alertmanager.as_ref().map(|at| address::check(at, Tail::None, problems));
        let fine = !matches!(alertmanager, Some(None));
        let alertmanager = alertmanager.flatten();
        let scrape = bounds::scrape(self.scrape.as_ref(), problems);
        let (url, auth) = url.zip(auth).filter(|_| fine)?;
        Some(Box::new(Settings { url, auth, tenant, alertmanager, scrape }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    url: String,
    auth: auth::Auth,
    tenant: Option<String>,
    alertmanager: Option<String>,
    scrape: Option<TimeDelta>,
}

impl declaration::Settings for Settings {
    fn scrape(&self) -> Option<TimeDelta> {
        self.scrape
    }

    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        Some(SourceSpec::Polled(Box::new(PrometheusSpec {
            endpoint: place.endpoint(&self.url),
            auth: resolver.auth(&self.auth)?,
            tenant: self.tenant.clone(),
            queries: Vec::new(),
            alerts: Vec::new(),
            alertmanager: self.alertmanager.clone(),
        })))
    }
}

/// Prometheus or anything that speaks its API, directly or through Grafana's data source proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusSpec {
    /// Where: everything before `/api/v1`.
    pub endpoint: Endpoint,
    /// Whatever the proxy in front wants.
    pub auth: Auth,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// What to read.
    pub queries: Vec<SeriesQuery>,
    /// Alert rules that it evaluates.
    pub alerts: Vec<AlertQuery>,
    /// The Alertmanager behind it: everything before `/api/v2`. Its silences are heeded.
    pub alertmanager: Option<String>,
}

impl Polled for PrometheusSpec {
    fn ask(&mut self, question: Question) {
        match question {
            Question::Series { query, .. } => self.queries.push(query),
            Question::Alerts(query) => self.alerts.push(query),
            Question::Release(_) => {}
        }
    }

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Prometheus::new(self.clone())?))
    }
}
