//! Datadog: metrics by `POST /api/v2/query/timeseries`, monitors by their search.

mod config;
mod groups;
mod monitors;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod search;
mod timeseries;
mod units;

pub use config::DatadogSpec;
pub(crate) use config::SYSTEM;

use crate::deploy::Time;
use crate::net::http::{Http, RetryHint, insert_secret};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::systems::api::{CheckLine, Early, Seen, Source};
use crate::systems::questions::{AlertQuery, SeriesQuery};
use crate::systems::shared::check::{Background, broken, fine, of_rules, queries};
use crate::systems::shared::fail_fast::{FailFast, conclude};
use crate::systems::shared::series::{Asked, askable, floor};
use crate::systems::shared::units::Units;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use monitors::Site;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use timeseries::TimeseriesAnswer;

/// Traces arrive one to two minutes late: what is newer would be read as a drop.
const INGESTION: TimeDelta = TimeDelta::seconds(60);

/// Beyond this many bins Datadog widens them by itself, and says so nowhere.
const MOST_BINS: i64 = 1_000;

/// Reads Datadog.
pub struct Datadog {
    http: Http,
    name: String,
    site: Site,
    queries: Vec<SeriesQuery>,
    monitors: Vec<AlertQuery>,
    /// Queries that were refused when they were asked alone, by their texts: they would spoil every request.
    refused: Mutex<HashMap<Vec<String>, SourceError>>,
    units: Units,
}

impl Datadog {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: DatadogSpec) -> Result<Self, SourceError> {
        let mut headers = HeaderMap::new();
        insert_secret(&mut headers, "dd-api-key", &spec.api_key, "API key")?;
        insert_secret(&mut headers, "dd-application-key", &spec.application_key, "application key")?;
        Ok(Self {
            http: Http::new(&spec.endpoint, headers, RetryHint::DatadogReset)?,
            site: Site::of(&spec.endpoint.url),
            name: spec.endpoint.name,
            queries: spec.queries,
            monitors: spec.monitors,
            refused: Mutex::default(),
            units: Units::default(),
        })
    }

    async fn ask_all(&self, request: &PollRequest) -> Poll {
        let mut poll = Poll::default();
        let fail_fast = FailFast::new();
        self.ask_all_series(request, &mut poll, &fail_fast).await;
        self.ask_all_monitors(request.to, &mut poll, &fail_fast).await;
        poll
    }

    /// The series alone, of a span that is over. One time-out says that this is too much to ask.
    async fn series_of(&self, request: &PollRequest) -> Result<Poll, SourceError> {
        let mut poll = Poll::default();
        self.ask_all_series(request, &mut poll, &FailFast::with_timeouts(1)).await;
        conclude(poll)
    }

    async fn ask_all_series(&self, request: &PollRequest, poll: &mut Poll, fail_fast: &FailFast) {
        for asked in by_step(self.not_refused(request, poll)) {
            match fail_fast.ask(self.ask_series(&asked, request, poll)).await {
                Ok(()) => {}
                // One bad query makes the whole request refused, and one slow one makes the answer a part; which one it
                // was is not said.
                Err(SourceError::BadQuery(_) | SourceError::Partial(_)) if asked.len() > 1 => {
                    self.ask_apart(&asked, request, poll, fail_fast).await;
                }
                Err(error) => asked.iter().for_each(|asked| asked.answered(Err(error.clone()), poll)),
            }
        }
    }

    /// Asks each query alone, and remembers those that are refused while others are not.
    async fn ask_apart(&self, asked: &[Asked<'_>], request: &PollRequest, poll: &mut Poll, fail_fast: &FailFast) {
        let mut refused = Vec::new();
        for one in asked {
            let alone = std::slice::from_ref(one);
            if let Err(error) = fail_fast.ask(self.ask_series(alone, request, poll)).await {
                if matches!(error, SourceError::BadQuery(_)) {
                    refused.push((one.parts.clone(), error.clone()));
                }
                one.answered(Err(error), poll);
            }
        }
        // When all are refused it is hardly the queries, and may pass.
        if refused.len() < asked.len() {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).extend(refused);
        }
    }

    /// The queries that can be asked, without those that are known to be refused.
    fn not_refused(&self, request: &PollRequest, poll: &mut Poll) -> Vec<Asked<'_>> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = askable(&self.queries, request);
        asked.retain(|asked| match refused.get(&asked.parts) {
            Some(error) => {
                asked.answered(Err(error.clone()), poll);
                false
            }
            None => true,
        });
        asked
    }

    /// Asks all queries of one step at once: each part of each is a query with a formula that names it.
    async fn ask_series(&self, asked: &[Asked<'_>], request: &PollRequest, poll: &mut Poll) -> Result<(), SourceError> {
        let Some(step) = asked.first().map(|asked| asked.query.step) else { return Ok(()) };
        let to = request.to - INGESTION;
        let width = width(step, to - request.from);
        let from = floor(request.from.min(to - width), width);
        let sent = self.http.post(&["api", "v2", "query", "timeseries"]).json(&body(asked, from, to, width));
        let answer = self.http.ask(sent, request.to).await?;
        let answer: TimeseriesAnswer = answer.json()?;
        let answer = answer.whole()?;
        let mut formula = 0;
        for asked in asked {
            let parts = (formula..formula + asked.parts.len()).map(|index| answer.bins(index)).collect();
            let carried = answer.measure(formula);
            formula += asked.parts.len();
            asked.answered(self.units.points(asked.query, &[], carried, parts, to - width), poll);
        }
        Ok(())
    }

    async fn check_all(&self, request: &PollRequest) -> Vec<CheckLine> {
        let name = &self.name;
        let what = format!("{name}: API key");
        if let Err(error) = self.http.ask(self.http.get(&["api", "v1", "validate"]), request.to).await {
            return vec![broken(what, &error, self.way_out(&error, "API key"))];
        }
        let mut lines = vec![fine(what, "accepted")];
        let poll = self.ask_all(request).await;
        lines.extend(queries(name, &self.queries, &poll, &Background::plain(request, INGESTION), |error| {
            self.way_out(error, "application key's scope timeseries_query")
        }));
        for query in &self.monitors {
            let what = format!("{name}: monitors {}", query.filter);
            let failed = poll.failed.iter().find(|(signal, _)| *signal == query.signal);
            let empty = poll.points.iter().any(|(signal, points)| *signal == query.signal && points.is_empty());
            let points = poll.points.iter().find(|(signal, _)| *signal == query.signal);
            let seen = points.map_or(Seen::Untried, |(_, points)| Seen::of(points));
            let line = match failed {
                Some((_, error)) => broken(what, error, self.way_out(error, "application key's scope monitors_read")),
                None if empty => {
                    let error = SourceError::NotFound("no monitor matches this search".to_owned());
                    broken(what, &error, Some("correct the search; try it on Datadog's page of monitors".to_owned()))
                }
                None => CheckLine { warning: of_rules(&poll, query.signal), ..fine(what, "found") },
            };
            lines.push(line.about(query.signal, seen));
        }
        lines
    }

    fn way_out(&self, error: &SourceError, concerned: &str) -> Option<String> {
        matches!(error, SourceError::Unauthorized(_) | SourceError::Forbidden(_)).then(|| {
            format!("check the {concerned} of `{}`, and that its site is the one the keys were made on", self.name)
        })
    }
}

/// One request has one interval: queries of different steps need one each.
fn by_step(asked: Vec<Asked<'_>>) -> Vec<Vec<Asked<'_>>> {
    let mut groups: Vec<Vec<Asked<'_>>> = Vec::new();
    for asked in asked {
        match groups.iter_mut().find(|group| group[0].query.step == asked.query.step) {
            Some(group) => group.push(asked),
            None => groups.push(vec![asked]),
        }
    }
    groups
}

/// The step, or as many of them as keep the bins below what Datadog gives.
fn width(step: TimeDelta, span: TimeDelta) -> TimeDelta {
    let bins = span.num_milliseconds() / step.num_milliseconds().max(1);
    let steps = bins / MOST_BINS + 1;
    step * i32::try_from(steps).unwrap_or(i32::MAX)
}

/// Times in milliseconds; `to` is exclusive. Series of the answer point at formulas by their place.
fn body(asked: &[Asked<'_>], from: Time, to: Time, width: TimeDelta) -> Value {
    let texts = asked.iter().flat_map(|asked| &asked.parts);
    let (queries, formulas): (Vec<Value>, Vec<Value>) = texts
        .enumerate()
        .map(|(index, text)| {
            let name = format!("q{index}");
            (json!({ "data_source": "metrics", "name": name, "query": text }), json!({ "formula": name }))
        })
        .unzip();
    json!({ "data": { "type": "timeseries_request", "attributes": {
        "from": from.timestamp_millis(),
        "to": to.timestamp_millis(),
        "interval": width.num_milliseconds(),
        "queries": queries,
        "formulas": formulas,
    } } })
}

impl Source for Datadog {
    fn poll_early<'a>(
        &'a self,
        request: &'a PollRequest,
        _early: &'a Early,
    ) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { conclude(self.ask_all(request).await) })
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
