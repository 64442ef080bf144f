//! `kind = "grafana"`: its table, that table validated, and what the adapter is configured with.

use super::Grafana;
use crate::net::{Auth, Endpoint};
use crate::poll::SourceError;
use crate::settings::address::{self, Tail};
use crate::settings::at::{At, Span};
use crate::settings::duration::HumanDuration;
use crate::settings::problem::{Problem, Problems};
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
    name: "grafana",
    about: "A Grafana, for the queries of its data sources and its alert rules.",
    delivery: Delivery::Polled,
    interval: TimeDelta::seconds(15),
    timeout: TimeDelta::seconds(5),
    answers: series_and_alerts,
    series_keys: &["datasource", "scrape"],
    variables: &[
        "__interval",
        "__interval_ms",
        "__interval_s",
        "__rate_interval",
        "__rate_interval_ms",
        "__range",
        "__range_s",
        "__range_ms",
        "__from",
        "__to",
    ],
    macros: true,
    mistake: syntax::of_grafana,
    abilities: "a grafana source answers all but new_issues, crash_free and probe",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

/// A Grafana.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its address, with the sub-path where it has one.
    url: At<String>,
    /// Service account token.
    token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    user: Option<At<String>>,
    /// Password of `user`.
    password: Option<At<SecretRef>>,
    /// Uid of the data source that its signals ask when they name none.
    datasource: Option<At<String>>,
    /// Number of the organization, for users of several.
    organization: Option<At<u64>>,
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
        let datasource = self.datasource.map(|at| at.value);
        let organization = self.organization.map(|at| at.value);
        let scrape = bounds::scrape(self.scrape.as_ref(), problems);
        let (url, auth) = url.zip(auth)?;
        Some(Box::new(Settings { url, auth, organization, datasource, scrape }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    url: String,
    auth: auth::Auth,
    organization: Option<u64>,
    datasource: Option<String>,
    scrape: Option<TimeDelta>,
}

impl declaration::Settings for Settings {
    fn scrape(&self) -> Option<TimeDelta> {
        self.scrape
    }

    fn datasource(&self, written: Option<&str>, at: &Span) -> Result<String, Problem> {
        written.or(self.datasource.as_deref()).map(ToOwned::to_owned).ok_or_else(|| {
            Problem::new(at, "`datasource` is missing")
                .way_out("add datasource = \"UID\" here, or to the source for all its signals")
        })
    }

    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        Some(SourceSpec::Polled(Box::new(GrafanaSpec {
            endpoint: place.endpoint(&self.url),
            auth: resolver.auth(&self.auth)?,
            organization: self.organization,
            datasources: Vec::new(),
            alerts: Vec::new(),
        })))
    }
}

/// Grafana: several signals in one `/api/ds/query`, and the states of its alert rules.
#[derive(Debug, Clone, PartialEq)]
pub struct GrafanaSpec {
    /// The base URL.
    pub endpoint: Endpoint,
    /// Service account token, or user and password.
    pub auth: Auth,
    /// `X-Grafana-Org-Id`.
    pub organization: Option<u64>,
    /// By data source: uid and its queries. One request each.
    pub datasources: Vec<(String, Vec<SeriesQuery>)>,
    /// Alert rules.
    pub alerts: Vec<AlertQuery>,
}

impl Polled for GrafanaSpec {
    fn ask(&mut self, question: Question) {
        match question {
            Question::Series { datasource, query } => {
                match self.datasources.iter_mut().find(|(uid, _)| *uid == datasource) {
                    Some((_, queries)) => queries.push(query),
                    None => self.datasources.push((datasource, vec![query])),
                }
            }
            Question::Alerts(query) => self.alerts.push(query),
            Question::Release(_) => {}
        }
    }

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Grafana::new(self.clone())?))
    }
}
