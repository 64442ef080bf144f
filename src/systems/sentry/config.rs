//! `kind = "sentry"`: its table, that table validated, and what the adapter is configured with.

use super::Sentry;
use crate::net::Endpoint;
use crate::poll::SourceError;
use crate::secret::Secret;
use crate::settings::address;
use crate::settings::at::At;
use crate::settings::duration::HumanDuration;
use crate::settings::problem::Problems;
use crate::settings::resolve::Resolver;
use crate::settings::secrets::SecretRef;
use crate::setup::Delivery;
use crate::signal::Kind;
use crate::systems::api::{Polled, Source, SourceSpec};
use crate::systems::declaration::{self, Form, Place, Shape, System};
use crate::systems::questions::{Question, ReleaseQuery};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

/// The declaration of the system for the configuration.
pub(crate) static SYSTEM: System = System {
    name: "sentry",
    about: "A Sentry organization.",
    delivery: Delivery::Polled,
    interval: TimeDelta::seconds(60),
    timeout: TimeDelta::seconds(10),
    answers,
    series_keys: &[],
    variables: &[],
    macros: false,
    mistake: |_| None,
    abilities: "a sentry source answers new_issues, crash_free and, with want = \"errors\", custom signals",
    example: include_str!("example.toml"),
    table: Shape::<dyn declaration::Table>::of::<Table>(),
};

fn answers(kind: Kind, wants: bool) -> Option<Form> {
    let does = matches!(kind, Kind::NewIssues | Kind::CrashFree) || (kind == Kind::Custom && wants);
    does.then_some(Form::Release)
}

/// A Sentry organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its address; default `https://sentry.io`, for the EU region `https://de.sentry.io`.
    url: Option<At<String>>,
    /// Token with the scopes `org:read` and `event:read`.
    token: At<SecretRef>,
    /// Slug or id of the organization.
    organization: At<String>,
    /// Sentry's name of the environment; default: the environment's own name.
    environment: Option<At<String>>,
    /// How often it is asked; default `60s`.
    interval: Option<At<HumanDuration>>,
    /// How long an answer may take; default `10s`.
    timeout: Option<At<HumanDuration>>,
}

impl declaration::Table for Table {
    fn timing(&self) -> (Option<&At<HumanDuration>>, Option<&At<HumanDuration>>) {
        (self.interval.as_ref(), self.timeout.as_ref())
    }

    fn check(self: Box<Self>, _: &At<String>, problems: &mut Problems) -> Option<Box<dyn declaration::Settings>> {
        let url = address::or_usual(self.url.as_ref(), "https://sentry.io", problems)?;
        let (token, organization) = (self.token, self.organization.value);
        let environment = self.environment.map(|at| at.value);
        Some(Box::new(Settings { url, token, organization, environment }))
    }
}

/// Its table, checked.
#[derive(Debug)]
struct Settings {
    url: String,
    token: At<SecretRef>,
    organization: String,
    environment: Option<String>,
}

impl declaration::Settings for Settings {
    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec> {
        Some(SourceSpec::Polled(Box::new(SentrySpec {
            endpoint: place.endpoint(&self.url),
            token: resolver.secret(&self.token)?,
            organization: self.organization.clone(),
            environment: Some(self.environment.as_deref().unwrap_or(place.environment).to_owned()),
            queries: Vec::new(),
        })))
    }
}

/// Sentry: the issues, errors and sessions of releases.
#[derive(Debug, Clone, PartialEq)]
pub struct SentrySpec {
    /// Where: everything before `/api/0`.
    pub endpoint: Endpoint,
    /// Token with `org:read` and `event:read`.
    pub token: Secret,
    /// Slug or id.
    pub organization: String,
    /// Sentry's own name of the environment, where it is not ours.
    pub environment: Option<String>,
    /// What to read.
    pub queries: Vec<ReleaseQuery>,
}

impl Polled for SentrySpec {
    fn ask(&mut self, question: Question) {
        match question {
            Question::Release(query) => self.queries.push(query),
            Question::Series { .. } | Question::Alerts(_) => {}
        }
    }

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Sentry::new(self.clone())?))
    }
}
