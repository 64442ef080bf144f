//! Grafana: one `POST /api/ds/query` a data source and poll with all its signals, and the alert rules' states.

mod alerts;
pub mod frames;

use super::check::{broken, fine, queries};
use super::http::{Answer, Http, RetryHint, authorization};
use super::patience::{Patience, conclude};
use super::series::{Asked, PROMQL_SETTLES, aligned, askable, duration, points};
use super::spec::{Endpoint, GrafanaSpec, SeriesQuery};
use super::{CheckLine, Source};
use crate::deploy::Time;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::{Sample, SignalId};
use alerts::{Filter, Matched, RulesAnswer};
use frames::QueryAnswer;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

/// Prometheus gives no more points than this; with so many asked for, Grafana leaves the step alone.
const MOST_POINTS: i32 = 11_000;

/// Instances of a rule that are looked at, the loudest first: enough to find ours among other services'.
const INSTANCES: &str = "100";

/// Reads Grafana.
pub struct Grafana {
    http: Http,
    endpoint: Endpoint,
    datasources: Vec<(String, Vec<SeriesQuery>)>,
    alerts: Vec<(SignalId, Filter)>,
}

impl Grafana {
    /// Makes the adapter; connects to nothing. An alert filter that cannot be read is refused here.
    pub fn new(spec: GrafanaSpec) -> Result<Self, SourceError> {
        let mut headers = authorization(&spec.auth)?;
        if let Some(organization) = spec.organization {
            headers.insert("x-grafana-org-id", HeaderValue::from(organization));
        }
        let filter = |query: super::spec::AlertQuery| Ok((query.signal, Filter::parse(&query.filter)?));
        Ok(Self {
            http: Http::new(&spec.endpoint, headers, RetryHint::RetryAfter)?,
            endpoint: spec.endpoint,
            datasources: spec.datasources,
            alerts: spec.alerts.into_iter().map(filter).collect::<Result<_, _>>()?,
        })
    }

    /// One after the other: never two requests in flight.
    async fn ask_all(&self, request: &PollRequest) -> Poll {
        let mut poll = Poll::default();
        let mut patience = Patience::usual();
        for (uid, queries) in &self.datasources {
            let asked = askable(queries, request);
            if asked.is_empty() {
                continue;
            }
            if let Err(error) = patience.ask(self.ask_datasource(uid, &asked, request, &mut poll)).await {
                for asked in asked {
                    asked.answered(Err(error.clone()), &mut poll);
                }
            }
        }
        if !self.alerts.is_empty() {
            match patience.ask(self.ask_rules(request.to)).await {
                Ok(matched) => self.add_alerts(&mut poll, matched, request.to),
                Err(error) => {
                    poll.failed.extend(self.alerts.iter().map(|(signal, _)| (*signal, error.clone())));
                }
            }
        }
        poll
    }

    /// Asks all signals of one data source at once. Fails only when the answer as a whole is of no use.
    async fn ask_datasource(
        &self,
        uid: &str,
        asked: &[Asked<'_>],
        request: &PollRequest,
        poll: &mut Poll,
    ) -> Result<(), SourceError> {
        let body = query_body(uid, asked, request);
        // Grafana Cloud may answer from a cache; what it said a minute ago is of no use here.
        let sent = self.http.post(&["api", "ds", "query"]).header("x-cache-skip", "true").json(&body);
        let answer = self.http.send(sent).await?;
        let answer = self.partial(&answer, request.to)?;
        for (index, asked) in asked.iter().enumerate() {
            let parts = (0..asked.parts.len()).map(|part| answer.bins(&ref_id(index, part))).collect();
            asked.answered(points(asked.query, parts, request.to - PROMQL_SETTLES), poll);
        }
        for warning in answer.warnings() {
            if !poll.warnings.contains(&warning) {
                poll.warnings.push(warning);
            }
        }
        Ok(())
    }

    /// One bad query makes the whole answer 400 (207, 500 in other versions), and the good ones are still in it.
    fn partial<'a>(&self, answer: &'a Answer, now: Time) -> Result<QueryAnswer<'a>, SourceError> {
        let of_use = |parsed: &QueryAnswer<'_>| !parsed.is_empty();
        match answer.status.as_u16() {
            200 | 207 => {
                let parsed = QueryAnswer::decode(&answer.body)?;
                if of_use(&parsed) {
                    Ok(parsed)
                } else {
                    Err(SourceError::BadAnswer("an answer without results".to_owned()))
                }
            }
            400 | 500.. => QueryAnswer::decode(&answer.body)
                .ok()
                .filter(of_use)
                .ok_or_else(|| explain(self.http.refusal(answer, now))),
            _ => Err(explain(self.http.refusal(answer, now))),
        }
    }

    async fn ask_rules(&self, now: Time) -> Result<Vec<Matched>, SourceError> {
        let path = ["api", "prometheus", "grafana", "api", "v1", "rules"];
        let sent = self.http.get(&path).query(&[("limit_alerts", INSTANCES)]);
        let answer = self.http.ask(sent, now).await.map_err(explain)?;
        let answer: RulesAnswer = answer.json()?;
        let link = |uid: &str| self.http.link(&["alerting", "grafana", uid, "view"]);
        Ok(self.alerts.iter().map(|(signal, filter)| answer.matching(*signal, filter, link)).collect())
    }

    /// A signal whose filter lets no rule through has no data: nothing guards it, so nothing can be clear.
    fn add_alerts(&self, poll: &mut Poll, matched: Vec<Matched>, now: Time) {
        let mut firing = Vec::new();
        for ((signal, _), matched) in self.alerts.iter().zip(matched) {
            let point = (now, Sample::Value(matched.firing() as f64));
            poll.points.push((*signal, if matched.rules == 0 { Vec::new() } else { vec![point] }));
            firing.extend(matched.alerts);
        }
        poll.alerts = Some(firing);
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
                lines.push(fine(format!("{name}: token"), "accepted; may not list data sources, which is no harm"));
            }
            Err(error) => {
                lines.push(broken(format!("{name}: token"), error, self.way_out(error)));
                return lines;
            }
        }
        for (uid, _) in &self.datasources {
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
        let poll = self.ask_all(request).await;
        for (_, of_source) in &self.datasources {
            lines.extend(queries(name, of_source, &poll, |error| self.way_out(error)));
        }
        lines.extend(self.check_alerts(&poll));
        lines.extend(poll.warnings.iter().map(|warning| fine(format!("{name}: warning"), warning.as_str())));
        lines
    }

    fn check_alerts(&self, poll: &Poll) -> Vec<CheckLine> {
        let what = format!("{}: alert rules", self.endpoint.name);
        let line = |(signal, _): &(SignalId, Filter)| {
            let failed = poll.failed.iter().find(|(failed, _)| failed == signal);
            if let Some((_, error)) = failed {
                return broken(what.as_str(), error, self.way_out(error));
            }
            if poll.points.iter().any(|(id, points)| id == signal && points.is_empty()) {
                let error = SourceError::NotFound("no alert rule carries these labels".to_owned());
                let way_out = "correct the filter, or let the token read the rules' folder (alert.rules:read)";
                return broken(what.as_str(), &error, Some(way_out.to_owned()));
            }
            fine(what.as_str(), "found")
        };
        self.alerts.iter().map(line).collect()
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
            .map_or_else(|| "Grafana".to_owned(), |version| format!("Grafana {}", super::http::clean(&version))))
    }

    async fn list(&self, now: Time) -> Result<Vec<Datasource>, SourceError> {
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

#[derive(Deserialize)]
struct Datasource {
    uid: String,
    #[serde(default)]
    name: String,
}

/// One refId for each part of each query, each with its own step. Times are epoch milliseconds as strings.
fn query_body(uid: &str, asked: &[Asked<'_>], request: &PollRequest) -> Value {
    let mut from = request.to;
    let mut queries = Vec::new();
    for (index, asked) in asked.iter().enumerate() {
        let step = asked.query.step;
        from = from.min(aligned(request.from, request.to - PROMQL_SETTLES, step, MOST_POINTS).0);
        for (part, expr) in asked.parts.iter().enumerate() {
            queries.push(json!({
                "refId": ref_id(index, part),
                "datasource": { "uid": uid },
                "expr": expr,
                "range": true,
                "instant": false,
                "format": "time_series",
                "interval": duration(step),
                "intervalMs": step.num_milliseconds(),
                "maxDataPoints": MOST_POINTS,
            }));
        }
    }
    json!({
        "from": from.timestamp_millis().to_string(),
        "to": request.to.timestamp_millis().to_string(),
        "queries": queries,
    })
}

/// `A0` for a value or a count of errors, `B0` for requests; the number is the query's.
fn ref_id(query: usize, part: usize) -> String {
    format!("{}{query}", if part == 0 { 'A' } else { 'B' })
}

impl Source for Grafana {
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { conclude(self.ask_all(request).await) })
    }

    fn check<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(self.check_all(request))
    }
}
