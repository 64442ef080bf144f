//! Grafana: many signals of a data source in one `POST /api/ds/query`, and the alert rules' states.

mod config;
pub mod frames;
mod learning;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod queries;
mod rules;
mod units;

pub use config::GrafanaSpec;
pub(crate) use config::SYSTEM;

use crate::deploy::Time;
use crate::net::Endpoint;
use crate::net::http::{AT_ONCE, Http, RetryHint, authorization};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::systems::api::{CheckLine, Early, Source};
use crate::systems::questions::SeriesQuery;
use crate::systems::shared::check::{Background, alert_rules, broken, fine, queries, warnings};
use crate::systems::shared::fail_fast::{FailFast, conclude};
use crate::systems::shared::rules::AlertRules;
use crate::systems::shared::scrape::Scrapes;
use crate::systems::shared::units::Units;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::sync::atomic::AtomicUsize;

/// Reads Grafana.
pub struct Grafana {
    http: Http,
    endpoint: Endpoint,
    datasources: Vec<DataSource>,
    units: Units,
    alerts: AlertRules,
    /// How many queries go into one request: fewer once so many were too many.
    batch: AtomicUsize,
}

/// A data source behind Grafana, and what it is asked.
struct DataSource {
    uid: String,
    queries: Vec<SeriesQuery>,
    scrapes: Scrapes,
}

impl Grafana {
    /// Makes the adapter; connects to nothing. An alert filter that cannot be read is refused here.
    pub fn new(spec: GrafanaSpec) -> Result<Self, SourceError> {
        let mut headers = authorization(&spec.auth)?;
        if let Some(organization) = spec.organization {
            headers.insert("x-grafana-org-id", HeaderValue::from(organization));
        }
        Ok(Self {
            http: Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)?,
            endpoint: spec.endpoint,
            datasources: spec
                .datasources
                .into_iter()
                .map(|(uid, queries)| DataSource { uid, scrapes: Scrapes::of(&queries, true), queries })
                .collect(),
            units: Units::default(),
            alerts: AlertRules::new(spec.alerts)?,
            batch: AtomicUsize::new(queries::BATCH),
        })
    }

    async fn ask_all(&self, request: &PollRequest, early: &Early) -> Poll {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(AT_ONCE);
        self.learn(request, &fail_fast).await;
        self.ask_series(request, early, &fail_fast, &mut poll).await;
        self.ask_alerts(request.to, &fail_fast, &mut poll).await;
        poll
    }

    /// The series alone, of a span that is over. One time-out says that this is too much to ask.
    async fn series_of(&self, request: &PollRequest) -> Result<Poll, SourceError> {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(1);
        self.ask_series(request, &Early::nobody(), &fail_fast, &mut poll).await;
        conclude(poll)
    }

    async fn check_all(&self, request: &PollRequest) -> Vec<CheckLine> {
        let name = &self.endpoint.name;
        let mut lines = Vec::new();
        match self.health(request.to).await {
            Ok(remark) => lines.push(fine(format!("{name}: reachable"), remark)),
            Err(error) => {
                lines.push(broken(format!("{name}: reachable"), &error, None));
                return lines;
            }
        }
        let known = self.list(request.to).await;
        match &known {
            Ok(known) => {
                lines.push(fine(format!("{name}: token"), format!("accepted; sees {} data sources", known.len())));
            }
            // A token for queries alone may not list; whether it may query shows below.
            Err(SourceError::Forbidden(_)) => {
                lines.push(fine(format!("{name}: token"), "accepted; may not list data sources, which is not needed"));
            }
            Err(error) => {
                lines.push(broken(format!("{name}: token"), error, self.way_out(error)));
                return lines;
            }
        }
        for DataSource { uid, .. } in &self.datasources {
            if let Ok(known) = &known
                && !known.iter().any(|source| source.uid == *uid)
            {
                let names: Vec<String> =
                    known.iter().map(|source| format!("{} ({})", source.uid, source.name)).collect();
                let error = SourceError::NotFound(format!("no data source has the uid {uid}"));
                let way_out = format!("use one of these uids: {}", names.join(", "));
                lines.push(broken(format!("{name}: data source {uid}"), &error, Some(way_out)));
            }
        }
        let poll = self.ask_all(request, &Early::nobody()).await;
        for DataSource { queries: asked, scrapes, .. } in &self.datasources {
            let background = Background::of(scrapes, request);
            lines.extend(queries(name, asked, &poll, &background, |error| self.way_out(error)));
        }
        let unseen = "correct the filter, or let the token read the rules' folder (alert.rules:read)";
        lines.extend(alert_rules(name, self.alerts.signals(), &poll, unseen, |error| self.way_out(error)));
        lines.extend(warnings(name, &poll));
        lines
    }

    /// `GET /api/health` needs no credentials; every field of it may be missing.
    async fn health(&self, now: Time) -> Result<String, SourceError> {
        #[derive(Deserialize)]
        struct Health {
            version: Option<String>,
        }
        let answer = self.http.ask(self.http.get(&["api", "health"]), now).await?;
        let health: Health = answer.json()?;
        Ok(health
            .version
            .map_or_else(|| "Grafana".to_owned(), |version| format!("Grafana {}", crate::net::http::clean(&version))))
    }

    async fn list(&self, now: Time) -> Result<Vec<Listed>, SourceError> {
        self.http.ask(self.http.get(&["api", "datasources"]), now).await.map_err(explain)?.json()
    }

    fn way_out(&self, error: &SourceError) -> Option<String> {
        let name = &self.endpoint.name;
        Some(match error {
            SourceError::Unauthorized(_) => format!(
                "make a token for a service account with the role Viewer and give it to `{name}`; a token of \
                 Grafana Cloud's access policies (glc_…) is not one"
            ),
            SourceError::Forbidden(text) if text.starts_with("the data source") => {
                "correct the credentials in the data source's own settings in Grafana".to_owned()
            }
            SourceError::Forbidden(_) => format!(
                "give the service account of `{name}` the role Viewer, or datasources:query and alert.rules:read"
            ),
            _ => return None,
        })
    }
}

/// Grafana says which permission is missing, at the end of a long sentence.
fn explain(error: SourceError) -> SourceError {
    match error {
        SourceError::Forbidden(text) => SourceError::Forbidden(match text.split_once("Permissions needed:") {
            Some((_, needed)) => format!("permission missing: {}", needed.trim()),
            None => text,
        }),
        other => other,
    }
}

/// A data source as Grafana lists it.
#[derive(Deserialize)]
struct Listed {
    uid: String,
    #[serde(default)]
    name: String,
}

impl Source for Grafana {
    fn poll_early<'a>(
        &'a self,
        request: &'a PollRequest,
        early: &'a Early,
    ) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { conclude(self.ask_all(request, early).await) })
    }

    fn past<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(self.series_of(request))
    }

    fn check<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(self.check_all(request))
    }
}

#[cfg(test)]
mod tests;
