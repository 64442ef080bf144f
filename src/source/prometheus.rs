//! Prometheus and what speaks its API (Mimir, Thanos, `VictoriaMetrics`), direct or through Grafana's proxy.

use super::check::{broken, fine, queries};
use super::http::{Answer, Http, RetryHint, authorization, clean};
use super::patience::{Patience, conclude};
use super::series::{Bins, PROMQL_SETTLES, aligned, askable, duration, only_series, points};
use super::spec::{PrometheusSpec, SeriesQuery};
use super::variables::fill;
use super::{CheckLine, Source};
use crate::deploy::Time;
use crate::poll::{Poll, PollRequest, SourceError};
use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A range query with more points is refused: "exceeded maximum resolution of 11,000 points".
const MOST_POINTS: i32 = 11_000;

/// What Grafana assumes of a data source that does not say, for `$__rate_interval`.
const SCRAPE: TimeDelta = TimeDelta::seconds(15);

/// A longer query goes into the body: addresses have limits in proxies. Shorter ones use GET, which
/// read-only proxies let through.
const LONGEST_ADDRESS: usize = 2_000;

/// Reads Prometheus.
pub struct Prometheus {
    http: Http,
    name: String,
    queries: Vec<SeriesQuery>,
}

impl Prometheus {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: PrometheusSpec) -> Result<Self, SourceError> {
        let mut headers = authorization(&spec.auth)?;
        if let Some(tenant) = &spec.tenant {
            let tenant = HeaderValue::from_str(tenant).map_err(|_| {
                SourceError::BadQuery("the tenant holds a character that no header may hold".to_owned())
            })?;
            headers.insert("x-scope-orgid", tenant);
        }
        let http = Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)?;
        Ok(Self { http, name: spec.endpoint.name, queries: spec.queries })
    }

    /// Query after query. A server that does not even keep its own time limit is not asked on in this poll.
    async fn ask_all(&self, request: &PollRequest) -> Poll {
        let mut poll = Poll::default();
        let mut patience = Patience::short();
        for asked in askable(&self.queries, request) {
            let mut parts = Vec::with_capacity(asked.parts.len());
            for text in &asked.parts {
                let question = self.range(text, asked.query.step, request, &mut poll.warnings);
                parts.push(patience.ask(question).await);
            }
            asked.answered(points(asked.query, parts, request.to - PROMQL_SETTLES), &mut poll);
        }
        poll
    }

    async fn range(
        &self,
        expr: &str,
        step: TimeDelta,
        request: &PollRequest,
        warnings: &mut Vec<String>,
    ) -> Result<Bins, SourceError> {
        let (start, end) = aligned(request.from, request.to - PROMQL_SETTLES, step, MOST_POINTS);
        let expr = interpolate(expr, step, end - start);
        // A second less than our own patience: then the answer says that it was this query that was too slow.
        let patience = self.http.timeout().as_secs().saturating_sub(1).max(1);
        let fields = [
            ("query", expr.as_str()),
            ("start", &seconds(start.timestamp_millis())),
            ("end", &seconds(end.timestamp_millis())),
            ("step", &seconds(step.num_milliseconds())),
            ("timeout", &format!("{patience}s")),
        ];
        let path = ["api", "v1", "query_range"];
        let sent = if expr.len() > LONGEST_ADDRESS {
            self.http.post(&path).form(&fields)
        } else {
            self.http.get(&path).query(&fields)
        };
        let answer = self.http.send(sent).await?;
        let matrix: Envelope<Matrix> = self.open(&answer, request.to)?;
        for warning in matrix.warnings.iter().flatten().map(|warning| clean(warning)) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let matrix = matrix.data.ok_or_else(|| SourceError::BadAnswer("a success without data".to_owned()))?;
        if matrix.result_type != "matrix" {
            return Err(SourceError::BadAnswer(format!("a {} instead of a matrix", clean(&matrix.result_type))));
        }
        only_series(matrix.result.into_iter().map(Series::bins).collect::<Result<_, _>>()?)
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
        let poll = self.ask_all(request).await;
        lines.extend(queries(name, &self.queries, &poll, |error| self.way_out(error)));
        lines.extend(poll.warnings.iter().map(|warning| fine(format!("{name}: warning"), warning.as_str())));
        lines
    }

    fn way_out(&self, error: &SourceError) -> Option<String> {
        let name = &self.name;
        Some(match error {
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

/// What an error in the envelope means, by its type: the status may be a proxy's.
fn refused(status: u16, kind: Option<&str>, error: &str) -> SourceError {
    let text = clean(error);
    match kind {
        None | Some("bad_data" | "execution") => SourceError::BadQuery(text),
        Some("not_found") => SourceError::NotFound(text),
        // timeout, canceled, internal, unavailable, and what others invent
        Some(_) => SourceError::Server { status, text },
    }
}

/// Grafana's own variables, which Prometheus itself does not know.
fn interpolate(expr: &str, step: TimeDelta, range: TimeDelta) -> String {
    let rate = (step + SCRAPE).max(SCRAPE * 4);
    let duration = |span: TimeDelta| Some(Cow::Owned(duration(span)));
    let millis = |span: TimeDelta| Some(Cow::Owned(span.num_milliseconds().to_string()));
    fill(expr, |name| match name {
        "__interval" => duration(step),
        "__interval_ms" => millis(step),
        "__range" => duration(range),
        "__range_ms" => millis(range),
        "__range_s" => Some(Cow::Owned(range.num_seconds().to_string())),
        "__rate_interval" => duration(rate),
        "__rate_interval_ms" => millis(rate),
        _ => None,
    })
}

/// Milliseconds as the API's float seconds, without the error of a division.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// What every answer is wrapped in. `warnings` mean that the data is valid and may be partial.
#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    status: String,
    data: Option<T>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_type: String,
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Matrix {
    #[serde(default)]
    result_type: String,
    result: Vec<Series>,
}

/// `values`, `histograms`, or both.
#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    values: Vec<(f64, Number)>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

/// A number in quotes: `"1e+06"`, `"NaN"`, `"+Inf"`.
struct Number(f64);

impl Series {
    fn bins(self) -> Result<Bins, SourceError> {
        if self.values.is_empty() && self.histograms.is_some() {
            let hint =
                "the query gives native histograms: take a number from them, with histogram_quantile for instance";
            return Err(SourceError::BadQuery(hint.to_owned()));
        }
        let bin = |(at, value): (f64, Number)| {
            Some((DateTime::from_timestamp_millis((at * 1000.0).round() as i64)?, Some(value.0)))
        };
        Ok(self.values.into_iter().filter_map(bin).collect())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Quoted;
        impl Visitor<'_> for Quoted {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Quoted)
    }
}

impl Source for Prometheus {
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { conclude(self.ask_all(request).await) })
    }

    fn check<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(self.check_all(request))
    }
}
