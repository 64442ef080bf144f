//! The company's Datadog: metric queries with formulas, monitors, key validation.

mod query;

use crate::simulated::alerts::{Condition, State as AlertState};
use crate::simulated::history::{Seconds, seconds};
use crate::simulated::server::{HTML, Manners, RateLimit, Served, json as answer, too_many};
use crate::simulated::state::Simulation;
use crate::simulated::world::World;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Response};
use axum::middleware::{self, Next};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points of the last moments have not arrived yet.
const INGESTION: Seconds = 20.0;
/// More points than this make the server choose a longer interval.
const MOST_POINTS: Seconds = 1500.0;

const MANNERS: Manners = Manners { unauthorized, rate_limited };

fn unauthorized() -> Value {
    json!({"errors": ["Unauthorized"]})
}

/// Datadog does not call it JSON, though it is, and says in how many seconds the limit is reset.
fn rate_limited(limit: RateLimit) -> Response<Body> {
    too_many("X-RateLimit-Reset", i64::from(limit.seconds), HTML, &json!({"errors": ["Too many requests"]}))
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    let router = Router::new()
        .route("/api/v1/validate", get(async || answer(200, &json!({"valid": true}))))
        .route("/api/v2/validate_keys", get(async || answer(200, &json!({"status": "ok"}))))
        .route("/api/v2/query/timeseries", post(timeseries))
        .route("/api/v1/query", get(query_v1))
        .route("/api/v1/monitor/search", get(monitors))
        .fallback(async || answer(404, &json!({"errors": ["Not found"]})))
        .layer(middleware::from_fn_with_state(state.clone(), enter))
        .with_state(state);
    Served { router, manners: MANNERS }
}

/// Both keys are needed to read; validation looks at the first alone.
async fn enter(State(state): State<Arc<Simulation>>, request: Request, next: Next) -> Response<Body> {
    let knows = |headers: &HeaderMap, name: &str| {
        let key = headers.get(name).and_then(|value| value.to_str().ok())?;
        Some(state.user(key).is_some())
    };
    let headers = request.headers();
    let application =
        if request.uri().path() == "/api/v1/validate" { Some(true) } else { knows(headers, "DD-APPLICATION-KEY") };
    let v2 = request.uri().path().starts_with("/api/v2");
    match (knows(headers, "DD-API-KEY"), application) {
        (Some(true), Some(true)) => next.run(request).await,
        (None, _) => answer(401, &unauthorized()),
        _ if v2 => answer(403, &json!({"errors": [{"status": "403", "title": "Forbidden"}]})),
        _ => answer(403, &json!({"errors": ["Forbidden"]})),
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    data: AskedData,
}

#[derive(Debug, Deserialize)]
struct AskedData {
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    from: f64,
    to: f64,
    interval: Option<f64>,
    queries: Vec<AskedQuery>,
    #[serde(default)]
    formulas: Vec<AskedFormula>,
}

#[derive(Debug, Deserialize)]
struct AskedQuery {
    name: Option<String>,
    query: String,
}

#[derive(Debug, Deserialize)]
struct AskedFormula {
    formula: String,
}

fn refused(title: &str, detail: &str) -> Response<Body> {
    answer(400, &json!({"errors": [{"status": "400", "title": title, "detail": detail}]}))
}

async fn timeseries(State(state): State<Arc<Simulation>>, body: Bytes) -> Response<Body> {
    let asked = match serde_json::from_slice::<Asked>(&body) {
        Ok(asked) => asked.data.attributes,
        Err(error) => return refused("Bad Request", &format!("invalid request: {error}")),
    };
    let (from, to) = (asked.from / 1000.0, asked.to / 1000.0);
    let step = interval(asked.interval.map(|interval| interval / 1000.0), from, to);
    let names: BTreeMap<String, String> =
        asked.queries.iter().filter_map(|query| Some((query.name.clone()?, query.query.clone()))).collect();
    let texts: Vec<&String> = if asked.formulas.is_empty() {
        asked.queries.iter().map(|query| &query.query).collect()
    } else {
        asked.formulas.iter().map(|formula| &formula.formula).collect()
    };
    let mut lines = Vec::new();
    for text in texts {
        match query::parse(text, &names) {
            Ok(expression) => lines.push(line(&state, &expression, (from, to), step)),
            Err(error) => return refused("Bad Request", &error),
        }
    }
    // Only moments at which anything is known; where a line knows nothing there, null.
    let mut times: Vec<i64> = lines.iter().flatten().map(|(at, _)| *at).collect();
    times.sort_unstable();
    times.dedup();
    let mut series = Vec::new();
    let mut values = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let line: BTreeMap<i64, f64> = line.iter().copied().collect();
        series.push(json!({"group_tags": [], "query_index": index, "unit": null}));
        values.push(times.iter().map(|at| json!(line.get(at))).collect::<Vec<Value>>());
    }
    answer(
        200,
        &json!({"data": {"id": "0", "type": "timeseries_response",
                                 "attributes": {"series": series, "times": times, "values": values}}}),
    )
}

/// What was asked for, or more when that would be too many points; whole tens of seconds.
fn interval(asked: Option<Seconds>, from: Seconds, to: Seconds) -> Seconds {
    const TEN: Seconds = 10.0;
    let least = (to - from) / MOST_POINTS;
    (asked.unwrap_or(20.0).max(least).max(TEN) / TEN).ceil() * TEN
}

/// The points of an expression: epoch milliseconds and values. `to` is not included.
fn line(
    state: &Simulation,
    expression: &query::Expression,
    (from, to): (Seconds, Seconds),
    step: Seconds,
) -> Vec<(i64, f64)> {
    state.with(|world, now| {
        let metrics = world.metrics(now);
        let end = to.min(metrics.now - INGESTION);
        let first = (from / step).ceil();
        let bins = ((end / step).ceil() - first).max(0.0) as i64;
        (0..bins)
            .map(|bin| (first + bin as f64) * step)
            .filter_map(|at| {
                let value = expression.value(&metrics, at, at + step)?;
                value.is_finite().then_some(((at * 1000.0) as i64, value))
            })
            .collect()
    })
}

async fn query_v1(
    State(state): State<Arc<Simulation>>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response<Body> {
    let number = |name: &str| parameters.get(name).and_then(|text| text.parse::<f64>().ok());
    let (Some(from), Some(to), Some(text)) = (number("from"), number("to"), parameters.get("query")) else {
        return answer(400, &json!({"errors": ["Missing required arguments: from, to, query"]}));
    };
    let base = json!({"res_type": "time_series", "resp_version": 1, "query": text, "from_date": (from * 1000.0) as i64,
                      "to_date": (to * 1000.0) as i64, "group_by": [], "message": ""});
    let mut body = base;
    match query::parse(text, &BTreeMap::new()) {
        // Refusals of queries are answered with 200.
        Err(error) => {
            body["status"] = json!("error");
            body["error"] = json!(error);
            body["series"] = json!([]);
        }
        Ok(expression) => {
            let step = interval(None, from, to);
            let points = line(&state, &expression, (from, to), step);
            body["status"] = json!("ok");
            body["series"] = if points.is_empty() {
                json!([])
            } else {
                json!([{"metric": text, "display_name": text, "expression": text, "scope": "*", "tag_set": [], "aggr": null,
                        "interval": step as i64, "length": points.len(), "start": points.first().map(|point| point.0),
                        "end": points.last().map(|point| point.0), "query_index": 0, "unit": null, "pointlist": points}])
            };
        }
    }
    answer(200, &body)
}

async fn monitors(
    State(state): State<Arc<Simulation>>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response<Body> {
    let search = parameters.get("query").map_or("", String::as_str);
    let (found, counts) = state.with(|world, now| find_monitors(world, seconds(now), search));
    let per_page = parameters.get("per_page").and_then(|text| text.parse().ok()).unwrap_or(30_usize);
    let page = parameters.get("page").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    let total = found.len();
    let shown: Vec<Value> = found.into_iter().skip(page.saturating_mul(per_page)).take(per_page).collect();
    let counts: Vec<Value> = counts.iter().map(|(name, count)| json!({"name": name, "count": count})).collect();
    answer(
        200,
        &json!({"counts": {"status": counts, "muted": [], "tag": [], "type": []},
        "metadata": {"page": page, "page_count": total.div_ceil(per_page.max(1)), "per_page": per_page, "total_count": total},
        "monitors": shown}),
    )
}

fn find_monitors(world: &World, now: Seconds, search: &str) -> (Vec<Value>, BTreeMap<&'static str, usize>) {
    let metrics = world.metrics_at(now);
    let (mut found, mut counts) = (Vec::new(), BTreeMap::new());
    for (index, service) in world.services.iter().enumerate() {
        for (place, condition) in (1..).zip(Condition::ALL) {
            let (status, since) = match condition.state(&metrics, index) {
                AlertState::Inactive => ("OK", None),
                AlertState::Pending { since } => ("Warn", Some(since)),
                AlertState::Firing { since } => ("Alert", Some(since)),
            };
            let tags = [format!("service:{}", service.name), "env:production".to_owned()];
            let wanted = search.split_whitespace().all(|token| {
                let token = token.strip_prefix("tag:").unwrap_or(token).replace('"', "");
                match token.split_once(':') {
                    Some(("status", wanted)) => wanted.eq_ignore_ascii_case(status),
                    Some(("env", wanted)) => wanted == "production",
                    Some(_) => tags.contains(&token),
                    None => condition.name().to_lowercase().contains(&token.to_lowercase()),
                }
            });
            if wanted {
                *counts.entry(status).or_insert(0) += 1;
                found.push(json!({"id": 1000 * (index + 1) + place, "name": format!("{} of {}", condition.name(), service.name),
                    "status": status, "type": "query alert", "classification": "metric", "query": "", "scopes": [],
                    "tags": tags, "last_triggered_ts": since.map(|at| at as i64), "overall_state_modified": since.map(|at| at as i64),
                    "muted_until_ts": null, "notifications": [], "priority": null, "creator": {"name": "dana"}}));
            }
        }
    }
    (found, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_when_there_would_be_too_many_points() {
        assert_eq!(interval(Some(30.0), 0.0, 3600.0) as i64, 30);
        assert_eq!(interval(Some(30.0), 0.0, 86_400.0) as i64, 60);
    }
}
