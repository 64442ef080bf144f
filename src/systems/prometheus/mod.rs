//! Prometheus and what speaks its API (Mimir, Thanos, `VictoriaMetrics`), direct or through Grafana's proxy.

mod answer;
mod config;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod rules;

pub use config::PrometheusSpec;
pub(crate) use config::SYSTEM;

use crate::deploy::Time;
use crate::net::http::{AT_ONCE, Answer, Http, RetryHint, authorization, short};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::systems::api::{CheckLine, Early, Source};
use crate::systems::questions::SeriesQuery;
use crate::systems::shared::check::{Background, alert_rules, broken, fine, queries, warnings};
use crate::systems::shared::fail_fast::{FailFast, conclude};
use crate::systems::shared::rules::AlertRules;
use crate::systems::shared::scrape::{Question, Scrapes};
use crate::systems::shared::series::{Answered, Asked, Bins, aligned, ask_each, multiplied, only_series, remark};
use crate::systems::shared::tenant::{self, NO_TENANT};
use crate::systems::shared::units::Units;
use answer::{Envelope, Failure, Matrix};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use reqwest::Url;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A range query with more points is refused: "exceeded maximum resolution of 11,000 points".
const MOST_POINTS: i32 = 11_000;

/// Reads Prometheus.
pub struct Prometheus {
    http: Http,
    name: String,
    queries: Vec<SeriesQuery>,
    scrapes: Scrapes,
    units: Units,
    alerts: AlertRules,
    /// Where an Alertmanager tells whom it holds back.
    alertmanager: Option<Url>,
}

impl Prometheus {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: PrometheusSpec) -> Result<Self, SourceError> {
        let mut headers = authorization(&spec.auth)?;
        tenant::insert(&mut headers, spec.tenant.as_deref())?;
        let http = Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)?;
        let alerts = AlertRules::new(spec.alerts)?;
        let alertmanager = spec.alertmanager.as_deref().map(suppressed_at).transpose()?;
        let (name, queries) = (spec.endpoint.name, spec.queries);
        let scrapes = Scrapes::of(&queries, false);
        Ok(Self { http, name, queries, scrapes, units: Units::default(), alerts, alertmanager })
    }

    /// A few queries at a time, each handed over as it comes. A server that keeps no time limit, its own or ours, for
    /// so many of them is not asked on in this poll.
    async fn ask_all(&self, request: &PollRequest, early: &Early) -> Poll {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(AT_ONCE);
        self.learn(request, &fail_fast).await;
        let ask = |asked| self.ask_one(asked, request, &fail_fast);
        ask_each(&self.queries, request, early, &mut poll, ask).await;
        self.ask_alerts(request.to, &fail_fast, &mut poll).await;
        poll
    }

    /// The series alone, of a span that is over. One time-out says that this is too much to ask.
    async fn series_of(&self, request: &PollRequest) -> Result<Poll, SourceError> {
        let mut poll = Poll::default();
        let fail_fast = FailFast::with_timeouts(1);
        let ask = |asked| self.ask_one(asked, request, &fail_fast);
        ask_each(&self.queries, request, &Early::nobody(), &mut poll, ask).await;
        conclude(poll)
    }

    async fn ask_one<'a>(&self, asked: Asked<'a>, request: &PollRequest, fail_fast: &FailFast) -> Answered<'a> {
        let step = asked.query.step;
        let (start, end) = aligned(asked.since, request.to - self.scrapes.engine().settles(), step, MOST_POINTS);
        let mut remarks = Vec::new();
        let mut parts = Vec::with_capacity(asked.parts.len());
        for part in 0..asked.parts.len() {
            let filled = self.scrapes.fill_all(&asked, part, end - start);
            let question = self.range(&filled.text, (start, end, step), request.to, &mut remarks);
            parts.push(fail_fast.ask(question).await.map(|bins| multiplied(bins, filled.share)));
        }
        let texts = self.scrapes.texts(asked.query.signal);
        let points = self.units.points(asked.query, texts, None, parts, end);
        (asked, points, remarks)
    }

    /// Asks what the queries have to be filled in with, where that is not known yet. What fails is not known, and the
    /// queries themselves tell why.
    async fn learn(&self, request: &PollRequest, fail_fast: &FailFast) {
        let ask = |question: Question| async move {
            let (from, step) = question.span(request.to);
            let (start, end) = aligned(from, request.to, step, MOST_POINTS);
            let text = question.text();
            let mut remarks = Vec::new();
            let answer = self.range(&text, (start, end, step), request.to, &mut remarks);
            (question, fail_fast.ask(answer).await)
        };
        let questions = self.scrapes.questions(&self.queries, request);
        let mut answers = stream::iter(questions.into_iter().map(ask)).buffer_unordered(AT_ONCE);
        while let Some((question, answer)) = answers.next().await {
            self.scrapes.learn(question, &answer);
        }
    }

    async fn range(
        &self,
        expr: &str,
        (start, end, step): (Time, Time, TimeDelta),
        now: Time,
        remarks: &mut Vec<String>,
    ) -> Result<Bins, SourceError> {
        // A second less than our own timeout: then the answer says that it was this query that was too slow.
        let timeout_seconds = self.http.timeout().as_secs().saturating_sub(1).max(1);
        let fields = [
            ("query", expr),
            ("start", &seconds(start.timestamp_millis())),
            ("end", &seconds(end.timestamp_millis())),
            ("step", &seconds(step.num_milliseconds())),
            ("timeout", &format!("{timeout_seconds}s")),
        ];
        let answer = self.http.send(self.http.question(&["api", "v1", "query_range"], &fields)).await?;
        let matrix: Envelope<Matrix> = self.open(&answer, now)?;
        matrix.infos().for_each(|info| remark(remarks, info));
        // What is not the whole is not known: a sum over half of the stores looks like half of the errors.
        if let Some(missing) = matrix.missing() {
            return Err(SourceError::Partial(missing));
        }
        let matrix = matrix.data.ok_or_else(|| SourceError::BadAnswer("a success without data".to_owned()))?;
        only_series(matrix.series()?)
    }

    /// Opens the envelope. Errors come in it with a status of their own, or from a proxy without it.
    fn open<'a, T: Deserialize<'a>>(&self, answer: &'a Answer, now: Time) -> Result<Envelope<T>, SourceError> {
        if answer.status.is_success() {
            let envelope: Envelope<T> = answer.json()?;
            return match envelope.error {
                Some(error) if envelope.status == "error" => Err(refused(answer.status.as_u16(), None, &error)),
                _ => Ok(envelope),
            };
        }
        let status = answer.status.as_u16();
        if let (400 | 404 | 422 | 499.., Ok(failure)) = (status, answer.json::<Failure>()) {
            return Err(refused(status, Some(&failure.error_type), &failure.error));
        }
        Err(match self.http.refusal(answer, now) {
            // Grafana's proxy says 400 in plain text when the data source behind it says 401.
            SourceError::BadQuery(text) if text.contains("Authentication to data source failed") => {
                SourceError::Forbidden(
                    "the data source refuses Grafana's own credentials; ours are not in question".to_owned(),
                )
            }
            other => other,
        })
    }

    async fn check_all(&self, request: &PollRequest) -> Vec<CheckLine> {
        let name = &self.name;
        let probe = self.http.get(&["api", "v1", "query"]).query(&[("query", "1")]);
        let answer = self.http.send(probe).await;
        let answer = answer.and_then(|answer| self.open::<IgnoredAny>(&answer, request.to).map(|_| ()));
        if let Err(error) = answer {
            return vec![broken(format!("{name}: reachable"), &error, self.way_out(&error))];
        }
        let mut lines = vec![fine(format!("{name}: reachable"), "answers queries")];
        let poll = self.ask_all(request, &Early::nobody()).await;
        lines.extend(queries(name, &self.queries, &poll, &Background::of(&self.scrapes, request), |error| {
            self.way_out(error)
        }));
        let way_out = |error: &SourceError| self.way_out(error);
        lines.extend(alert_rules(
            name,
            self.alerts.signals(),
            &poll,
            "correct the filter: the labels of a rule, or of its alerts",
            way_out,
        ));
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
            SourceError::Forbidden(text) if text.starts_with("the data source") => {
                "correct the credentials in the data source's own settings in Grafana".to_owned()
            }
            SourceError::Forbidden(_) => format!("let the credentials of `{name}` query, and check its tenant"),
            SourceError::NotFound(_) => format!("set the url of `{name}` to everything before /api/v1"),
            _ => return None,
        })
    }
}

/// Where an Alertmanager tells of its alerts.
fn suppressed_at(url: &str) -> Result<Url, SourceError> {
    let wrong = || SourceError::unreachable("the alertmanager is not an http or https address".to_owned());
    let mut url = Url::parse(url).map_err(|_| wrong())?;
    url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(["api", "v2", "alerts"]);
    Ok(url)
}

/// What an error in the envelope means. Prometheus names its kind; VictoriaMetrics repeats the status there; and the
/// status may be a proxy's.
fn refused(status: u16, kind: Option<&str>, error: &str) -> SourceError {
    let text = short(error);
    match (kind, status) {
        (None | Some("bad_data" | "execution" | "400" | "422"), _) => SourceError::BadQuery(text),
        (Some("not_found" | "404"), _) => SourceError::NotFound(text),
        // timeout, canceled, internal, unavailable, and what others invent
        (Some(_), _) => SourceError::Server { status, text },
    }
}

/// Milliseconds as the API's float seconds, without the error of a division.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

impl Source for Prometheus {
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
