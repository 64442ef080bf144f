//! `kind = "datadog"`: its table, that table validated, and what the adapter is configured with.

use super::Datadog;
use crate::net::Endpoint;
use crate::poll::SourceError;
use crate::secret::Secret;
use crate::settings::address::{self, Tail};
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::{Problem, Problems};
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::setup::Delivery;
use crate::systems::api::{Polled, Source, SourceSpec};
use crate::systems::declaration::{self, Place, Shape, System, series_and_alerts};
use crate::systems::questions::{AlertQuery, Question, SeriesQuery};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

/// The declaration of the system for the configuration.
pub(crate) static SYSTEM: System = System {
    name: "datadog",
    about: "A Datadog organization.",
    delivery: Delivery::Polled,
    interval: TimeDelta::seconds(30),
    timeout: TimeDelta::seconds(10),
    answers: series_and_alerts,
    series_keys: &[],
    variables: &[],
    macros: false,
    mistake: |_| None,
    abilities: "a datadog source answers all but new_issues, crash_free and probe",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

/// A Datadog organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its site; default `datadoghq.com`.
    site: Option<At<String>>,
    /// Address of the API, instead of a site.
    url: Option<At<String>>,
    /// API key.
    api_key: At<SecretRef>,
    /// Application key that may read metrics and monitors.
    application_key: At<SecretRef>,
    /// How often it is asked; default `30s`.
    interval: Option<At<HumanDuration>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
}

impl declaration::Table for Table {
    fn timing(&self) -> (Option<&At<HumanDuration>>, Option<&At<HumanDuration>>) {
        (self.interval.as_ref(), self.timeout.as_ref())
    }

    fn check(self: Box<Self>, _: &At<String>, problems: &mut Problems) -> Option<Box<dyn declaration::Settings>> {
        let url = address_of(self.site.as_ref(), self.url.as_ref(), problems)?;
        Some(Box::new(Settings { url, api_key: self.api_key, application_key: self.application_key }))
    }
}

fn address_of(site: Option<&At<String>>, url: Option<&At<String>>, problems: &mut Problems) -> Option<String> {
    /// Datadog's sites, from its documentation; they know nothing of each other.
    const SITES: [&str; 9] = [
        "datadoghq.com",
        "us3.datadoghq.com",
        "us5.datadoghq.com",
        "datadoghq.eu",
        "ap1.datadoghq.com",
        "ap2.datadoghq.com",
        "uk1.datadoghq.com",
        "ddog-gov.com",
        "us2.ddog-gov.com",
    ];
    match (site, url) {
        (None, None) => Some(format!("https://api.{}", SITES[0])),
        (None, Some(url)) => address::check(url, Tail::None, problems),
        (Some(_), Some(url)) => {
            problems.push(
                Problem::new(&url.span, "Datadog is found by its `site` or its `url`, not by both")
                    .way_out("leave one of them out"),
            );
            None
        }
        (Some(site), None) if SITES.contains(&site.as_str()) => Some(format!("https://api.{}", site.value)),
        (Some(site), None) => {
            let problem = Problem::new(&site.span, format!("Datadog has no site `{}`", site.value));
            problems.push(problem.names(site, &SITES, "sites (for anything else give its `url`)"));
            None
        }
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    url: String,
    api_key: At<SecretRef>,
    application_key: At<SecretRef>,
}

impl declaration::Settings for Settings {
    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        // Both are tried, so that both can be reported.
        let (api_key, application_key) = (resolver.secret(&self.api_key), resolver.secret(&self.application_key));
        Some(SourceSpec::Polled(Box::new(DatadogSpec {
            endpoint: place.endpoint(&self.url),
            api_key: api_key?,
            application_key: application_key?,
            queries: Vec::new(),
            monitors: Vec::new(),
        })))
    }
}

/// Datadog: metric queries, and searches of monitors.
#[derive(Debug, Clone, PartialEq)]
pub struct DatadogSpec {
    /// Where: `https://api.` and the site.
    pub endpoint: Endpoint,
    /// `DD-API-KEY`.
    pub api_key: Secret,
    /// `DD-APPLICATION-KEY`.
    pub application_key: Secret,
    /// Metric queries (or formulas over one), asked in one request.
    pub queries: Vec<SeriesQuery>,
    /// Monitor searches.
    pub monitors: Vec<AlertQuery>,
}

impl Polled for DatadogSpec {
    fn ask(&mut self, question: Question) {
        match question {
            Question::Series { query, .. } => self.queries.push(query),
            Question::Alerts(query) => self.monitors.push(query),
            Question::Release(_) => {}
        }
    }

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Datadog::new(self.clone())?))
    }
}
