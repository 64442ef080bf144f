//! Loki: numbers made of log lines, by metric queries (`/loki/api/v1/query_range`). Lines themselves are never read.

mod answer;
mod config;

pub use config::LokiSpec;
pub(crate) use config::SYSTEM;

use crate::deploy::Time;
use crate::net::http::{AT_ONCE, Answer, Http, RetryHint, authorization};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::systems::api::{CheckLine, Early, Source};
use crate::systems::questions::SeriesQuery;
use crate::systems::shared::check::{Background, broken, fine, queries, warnings};
use crate::systems::shared::fail_fast::{FailFast, conclude};
use crate::systems::shared::series::{Answered, Asked, Bins, aligned, ask_each, duration, only_series};
use crate::systems::shared::tenant::{self, NO_TENANT};
use crate::systems::shared::units::Units;
use crate::template::Template;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use std::borrow::Cow;

/// Lines arrive this late: agents send them in batches of a second or so, and try again after a failure.
const INGESTION: TimeDelta = TimeDelta::seconds(10);

/// A range query with more points is refused: "exceeded maximum resolution of 11,000 points per timeseries".
const MOST_POINTS: i32 = 11_000;

/// What there is to know of a query that has no value for much of the time.
const GAPS: &str = "a step without a line has no value: write `errors` and `requests`, or add `or vector(0)`; or correct \
                    the query: no stream has these labels";

/// Reads Loki.
pub struct Loki {
    http: Http,
    name: String,
    queries: Vec<SeriesQuery>,
    units: Units,
}

impl Loki {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: LokiSpec) -> Result<Self, SourceError> {
        let mut headers = authorization(&spec.auth)?;
        tenant::insert(&mut headers, spec.tenant.as_deref())?;
        let http = Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)?;
        Ok(Self { http, name: spec.endpoint.name, queries: spec.queries, units: Units::default() })
    }

    /// A few queries at a time, each handed over as it comes.
    async fn ask_all(&self, request: &PollRequest, early: &Early) -> Poll {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(AT_ONCE);
        let ask = |asked| self.ask_one(asked, request, &fail_fast);
        ask_each(&self.queries, request, early, &mut poll, ask).await;
        poll
    }

    /// The same of a span that is over. One time-out says that this is too much to ask.
    async fn series_of(&self, request: &PollRequest) -> Result<Poll, SourceError> {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(1);
        let ask = |asked| self.ask_one(asked, request, &fail_fast);
        ask_each(&self.queries, request, &Early::nobody(), &mut poll, ask).await;
        conclude(poll)
    }

    async fn ask_one<'a>(&self, asked: Asked<'a>, request: &PollRequest, fail_fast: &FailFast) -> Answered<'a> {
        let step = asked.query.step;
        let (start, end) = aligned(asked.since, request.to - INGESTION, step, MOST_POINTS);
        let mut remarks = Vec::new();
        let mut parts = Vec::with_capacity(asked.parts.len());
        for text in &asked.parts {
            let text = filled(text, step, end - start);
            parts.push(fail_fast.ask(self.range(&text, (start, end, step), request.to, &mut remarks)).await);
        }
        let points = self.units.points(asked.query, &[], None, parts, end);
        (asked, points, remarks)
    }

    async fn range(
        &self,
        query: &str,
        (start, end, step): (Time, Time, TimeDelta),
        now: Time,
        remarks: &mut Vec<String>,
    ) -> Result<Bins, SourceError> {
        let fields =
            [("query", query), ("start", &nanoseconds(start)), ("end", &nanoseconds(end)), ("step", &duration(step))];
        let sent = self.http.question(&["loki", "api", "v1", "query_range"], &fields);
        let answer = self.accepted(self.http.send(sent).await?, now)?;
        let (series, said) = answer::series(&answer)?;
        remarks.extend(said);
        only_series(series)
    }

    /// Refuses every status but 2xx. Reasons come in plain text, that of a missing tenant with 401 or 400.
    fn accepted(&self, answer: Answer, now: Time) -> Result<Answer, SourceError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(match self.http.refusal(&answer, now) {
            SourceError::BadQuery(text) if text == NO_TENANT => SourceError::Unauthorized(text),
            other => other,
        })
    }

    async fn check_all(&self, request: &PollRequest) -> Vec<CheckLine> {
        let name = &self.name;
        let span = [("start", nanoseconds(request.from)), ("end", nanoseconds(request.to))];
        let labels = self.http.get(&["loki", "api", "v1", "labels"]).query(&span);
        let answer = self.http.send(labels).await.and_then(|answer| self.accepted(answer, request.to));
        if let Err(error) = answer {
            return vec![broken(format!("{name}: reachable"), &error, self.way_out(&error))];
        }
        let mut lines = vec![fine(format!("{name}: reachable"), "answers queries")];
        let poll = self.ask_all(request, &Early::nobody()).await;
        let background = Background::of_events(request, INGESTION, GAPS);
        lines.extend(queries(name, &self.queries, &poll, &background, |error| self.way_out(error)));
        lines.extend(warnings(name, &poll));
        lines
    }

    fn way_out(&self, error: &SourceError) -> Option<String> {
        let name = &self.name;
        Some(match error {
            SourceError::Unauthorized(text) if text == NO_TENANT => format!("set the tenant of `{name}`"),
            SourceError::Unauthorized(_) => {
                format!("give `{name}` the token, or the user and password, that the proxy wants")
            }
            SourceError::Forbidden(_) => format!("let the credentials of `{name}` read logs, and check its tenant"),
            SourceError::NotFound(_) => format!("set the url of `{name}` to everything before /loki/api/v1"),
            SourceError::Partial(_) => "aggregate the query to fewer series, with sum for instance".to_owned(),
            _ => return None,
        })
    }
}

/// Epoch nanoseconds: a whole number of more than ten digits is taken for them (`pkg/loghttp/params.go`).
fn nanoseconds(at: Time) -> String {
    format!("{}000000", at.timestamp_millis())
}

/// Fills in what Loki itself does not know: the variables by which Grafana asks it.
fn filled(query: &str, step: TimeDelta, range: TimeDelta) -> String {
    // A range of nothing is refused.
    let range = range.max(step);
    let millis = |span: TimeDelta| Some(Cow::Owned(span.num_milliseconds().to_string()));
    Template::foreign(query).fill_known(|name| match name {
        "__interval" | "__auto" => Some(Cow::Owned(duration(step))),
        "__interval_ms" => millis(step),
        "__range" => Some(Cow::Owned(duration(range))),
        "__range_ms" => millis(range),
        "__range_s" => Some(Cow::Owned(range.num_seconds().to_string())),
        _ => None,
    })
}

impl Source for Loki {
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
