//! The company's Grafana: queries, alert rules, data sources and their proxy, annotations.

mod alerts;

use crate::simulated::history::{Seconds, seconds};
use crate::simulated::names::DATA_SOURCE;
use crate::simulated::promql::{Grid, ParseError, Series, duration, run};
use crate::simulated::server::{Manners, Served, json as answer, retry_after};
use crate::simulated::state::{Simulation, User};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often its Prometheus scrapes.
const SCRAPE: Seconds = 15.0;

const MANNERS: Manners = Manners { unauthorized, rate_limited: retry_after };

fn unauthorized() -> Value {
    json!({"extra": null, "message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401, "traceID": ""})
}

/// The API of what is behind a data source, by the end of its path and the parameters.
pub(crate) type Api = fn(&Simulation, &str, &BTreeMap<String, String>) -> Response<Body>;

/// The one data source, which the proxy hands requests on to.
#[derive(Clone, Copy)]
struct DataSource(Api);

/// Grafana, with a Prometheus behind it.
pub(crate) fn served(state: Arc<Simulation>, prometheus: Api) -> Served {
    let router = Router::new()
        .route(
            "/api/health",
            get(async || answer(200, &json!({"commit": "demo", "database": "ok", "version": "13.0.0"}))),
        )
        .route("/api/ds/query", post(ds_query))
        .route("/api/datasources", get(data_sources))
        .route("/api/datasources/uid/{uid}", get(data_source))
        .route("/api/datasources/uid/{uid}/health", get(data_source_health))
        .route("/api/datasources/proxy/uid/{uid}/{*path}", any(proxy))
        .route("/api/prometheus/grafana/api/v1/rules", get(rules))
        .route("/api/alertmanager/grafana/api/v2/alerts", get(alertmanager))
        .route("/api/annotations", post(annotate))
        .fallback(async || answer(404, &json!({"message": "Not found"})))
        .layer(Extension(DataSource(prometheus)))
        .with_state(state);
    Served { router, manners: MANNERS }
}

fn enter(state: &Simulation, headers: &HeaderMap) -> Result<User, Box<Response<Body>>> {
    state.bearer(headers).ok_or_else(|| Box::new(answer(401, &unauthorized())))
}

fn not_found() -> Response<Body> {
    answer(404, &json!({"message": "Data source not found"}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    from: String,
    to: String,
    queries: Vec<AskedQuery>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedQuery {
    #[serde(default = "first_ref")]
    ref_id: String,
    datasource: Option<AskedSource>,
    #[serde(default)]
    expr: String,
    #[serde(default)]
    range: bool,
    #[serde(default)]
    instant: bool,
    #[serde(default)]
    interval: String,
    #[serde(default)]
    interval_ms: f64,
    #[serde(default = "usual_points")]
    max_data_points: f64,
}

#[derive(Debug, Deserialize)]
struct AskedSource {
    uid: String,
}

fn first_ref() -> String {
    "A".to_owned()
}

const fn usual_points() -> f64 {
    100.0
}

async fn ds_query(State(state): State<Arc<Simulation>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    if let Err(refusal) = enter(&state, &headers) {
        return *refusal;
    }
    let now = seconds(state.clock.now());
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        return answer(400, &json!({"message": "bad request data"}));
    };
    let (Some(from), Some(to)) = (moment(&asked.from, now), moment(&asked.to, now)) else {
        return answer(400, &json!({"message": "invalid time range"}));
    };
    if asked.queries.is_empty() {
        return answer(400, &json!({"message": "no queries found"}));
    }
    let known = |query: &AskedQuery| query.datasource.as_ref().is_some_and(|source| source.uid == DATA_SOURCE);
    if !asked.queries.iter().all(known) {
        return not_found();
    }
    let mut results = Map::new();
    let mut failed = false;
    for query in &asked.queries {
        let step = step(query, from, to);
        let result = match frames(&state, query, from, to, step) {
            Ok(frames) => json!({"status": 200, "frames": frames}),
            Err(error) => {
                failed = true;
                let error = format!("bad_data: invalid parameter \"query\": {error}");
                json!({"error": error, "errorSource": "downstream", "status": 400})
            }
        };
        results.insert(query.ref_id.clone(), result);
    }
    // One query that fails makes the whole answer a 400, with the others' data in it.
    answer(if failed { 400 } else { 200 }, &json!({"results": results}))
}

/// Epoch milliseconds as text, or `now` and `now-30m`.
fn moment(text: &str, now: Seconds) -> Option<Seconds> {
    match text.strip_prefix("now") {
        Some("") => Some(now),
        Some(rest) => Some(now - duration(rest.strip_prefix('-')?)?),
        None => text.parse::<f64>().ok().map(|milliseconds| milliseconds / 1000.0),
    }
}

/// The distance of the points: never finer than asked for or scraped, nor more than the points allowed.
fn step(query: &AskedQuery, from: Seconds, to: Seconds) -> Seconds {
    let least = duration(&query.interval)
        .or((query.interval_ms > 0.0).then_some(query.interval_ms / 1000.0))
        .unwrap_or(SCRAPE)
        .max(SCRAPE);
    let calculated = (to - from) / query.max_data_points.max(1.0);
    let round =
        [15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0];
    let rounded = round.into_iter().find(|nice| *nice >= calculated).unwrap_or(86_400.0);
    if calculated <= least { least } else { rounded.max((to - from) / 11_000.0) }
}

fn frames(
    state: &Simulation,
    query: &AskedQuery,
    from: Seconds,
    to: Seconds,
    step: Seconds,
) -> Result<Vec<Value>, ParseError> {
    // The minimum step counts as the scrape interval where it is given.
    let scrape = duration(&query.interval).unwrap_or(SCRAPE);
    let expr = interpolate(&query.expr, step, scrape, to - from);
    let mut out = Vec::new();
    // Range when neither is asked for; both when both are.
    if query.range || !query.instant {
        // Both ends are floored to the step: the first point may precede `from`.
        let grid = Grid::range((from / step).floor() * step, (to / step).floor() * step, step);
        let series = run(state, &expr, &grid)?;
        out.extend(series.iter().map(|series| frame(query, &expr, series, &grid, step, "matrix")));
    }
    if query.instant {
        let grid = Grid(vec![to]);
        let series = run(state, &expr, &grid)?;
        out.extend(series.iter().map(|series| frame(query, &expr, series, &grid, step, "vector")));
    }
    Ok(out)
}

/// Grafana's own variables. Dashboards' variables are not the API's business.
fn interpolate(expr: &str, step: Seconds, scrape: Seconds, range: Seconds) -> String {
    let rate = (step + scrape).max(4.0 * scrape);
    let variables = [
        ("rate_interval_ms", format!("{}", rate * 1000.0)),
        ("rate_interval", format!("{rate}s")),
        ("interval_ms", format!("{}", step * 1000.0)),
        ("interval", format!("{step}s")),
        ("range_ms", format!("{}", range * 1000.0)),
        ("range_s", format!("{range}")),
        ("range", format!("{range}s")),
    ];
    variables.into_iter().fold(expr.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{__{name}}}"), &value).replace(&format!("$__{name}"), &value)
    })
}

/// One series as a frame: columns, gaps left out, what is no number listed beside the values.
fn frame(query: &AskedQuery, expr: &str, series: &Series, grid: &Grid, step: Seconds, result: &str) -> Value {
    let present: Vec<(Seconds, f64)> =
        grid.0.iter().zip(&series.values).filter_map(|(at, value)| Some((*at, (*value)?))).collect();
    let times: Vec<i64> = present.iter().map(|(at, _)| (at * 1000.0) as i64).collect();
    let values: Vec<Value> = present.iter().map(|(_, value)| json!(value.is_finite().then_some(*value))).collect();
    let places = |wanted: fn(f64) -> bool| -> Vec<usize> {
        present.iter().enumerate().filter(|(_, (_, value))| wanted(*value)).map(|(place, _)| place).collect()
    };
    let mut strange = Map::new();
    for (name, places) in [
        ("NaN", places(f64::is_nan)),
        ("Inf", places(|value| value == f64::INFINITY)),
        ("NegInf", places(|value| value == f64::NEG_INFINITY)),
    ] {
        if !places.is_empty() {
            strange.insert(name.to_owned(), json!(places));
        }
    }
    let mut data = json!({"values": [times, values]});
    if !strange.is_empty() {
        data["entities"] = json!([null, strange]);
    }
    let mut labels = series.labels.clone();
    let name = labels.remove("__name__").unwrap_or_else(|| "Value".to_owned());
    json!({"schema": {"refId": query.ref_id,
        "meta": {"type": "timeseries-multi", "typeVersion": [0, 1], "custom": {"resultType": result},
                 "executedQueryString": format!("Expr: {expr}\nStep: {step}s")},
        "fields": [
            {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, "config": {"interval": (step * 1000.0) as i64}},
            {"name": name, "type": "number", "typeInfo": {"frame": "float64"}, "labels": labels, "config": {}}]},
        "data": data})
}

fn described() -> Value {
    json!({"id": 1, "uid": DATA_SOURCE, "orgId": 1, "name": "Prometheus", "type": "prometheus", "typeName": "Prometheus",
           "typeLogoUrl": "public/app/plugins/datasource/prometheus/img/prometheus_logo.svg", "access": "proxy",
           "url": "http://prometheus:9090", "user": "", "database": "", "basicAuth": false, "isDefault": true,
           "jsonData": {"httpMethod": "POST", "timeInterval": "15s"}, "readOnly": false})
}

async fn data_sources(State(state): State<Arc<Simulation>>, headers: HeaderMap) -> Response<Body> {
    enter(&state, &headers).map_or_else(|refusal| *refusal, |_| answer(200, &json!([described()])))
}

async fn data_source(
    State(state): State<Arc<Simulation>>,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Response<Body> {
    match enter(&state, &headers) {
        Err(refusal) => *refusal,
        Ok(_) if uid == DATA_SOURCE => answer(200, &described()),
        Ok(_) => not_found(),
    }
}

async fn data_source_health(
    State(state): State<Arc<Simulation>>,
    headers: HeaderMap,
    Path(uid): Path<String>,
) -> Response<Body> {
    match enter(&state, &headers) {
        Err(refusal) => *refusal,
        Ok(_) if uid == DATA_SOURCE => {
            answer(200, &json!({"status": "OK", "message": "Successfully queried the Prometheus API."}))
        }
        Ok(_) => not_found(),
    }
}

async fn proxy(
    Extension(DataSource(prometheus)): Extension<DataSource>,
    State(state): State<Arc<Simulation>>,
    method: Method,
    headers: HeaderMap,
    Path((uid, path)): Path<(String, String)>,
    Query(mut parameters): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response<Body> {
    if let Err(refusal) = enter(&state, &headers) {
        return *refusal;
    }
    if uid != DATA_SOURCE {
        return not_found();
    }
    let Some(path) = path.strip_prefix("api/v1/") else {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    };
    match method {
        Method::GET => {}
        Method::POST if matches!(path, "query" | "query_range") => {
            parameters.extend(form(&body));
        }
        _ => {
            return answer(
                403,
                &json!({"message": "non allow-listed POSTs not allowed on proxied Prometheus datasource"}),
            );
        }
    }
    prometheus(&state, path, &parameters)
}

/// A form's fields.
fn form(body: &Bytes) -> BTreeMap<String, String> {
    let uri = format!("/?{}", String::from_utf8_lossy(body));
    let uri: Option<axum::http::Uri> = uri.parse().ok();
    uri.and_then(|uri| Query::try_from_uri(&uri).ok()).map(|Query(fields)| fields).unwrap_or_default()
}

async fn rules(
    State(state): State<Arc<Simulation>>,
    headers: HeaderMap,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response<Body> {
    if let Err(refusal) = enter(&state, &headers) {
        return *refusal;
    }
    let states: Vec<&str> =
        parameters.iter().filter(|(name, _)| name == "state").map(|(_, state)| state.as_str()).collect();
    answer(200, &state.with(|world, now| alerts::rules(world, now, &states)))
}

/// Nobody at the company silences anything: of the alerts that are held back there are none.
async fn alertmanager(
    State(state): State<Arc<Simulation>>,
    headers: HeaderMap,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response<Body> {
    if let Err(refusal) = enter(&state, &headers) {
        return *refusal;
    }
    let active = !parameters.iter().any(|(name, value)| name == "active" && value == "false");
    let told = state.with(|world, now| if active { alerts::firing(world, now) } else { Vec::new() });
    answer(200, &json!(told))
}

#[derive(Debug, Deserialize)]
struct Annotation {
    #[serde(default)]
    text: String,
}

async fn annotate(State(state): State<Arc<Simulation>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    match enter(&state, &headers) {
        Err(refusal) => *refusal,
        Ok(User::Viewer) => answer(
            403,
            &json!({"accessErrorId": "ACE0000000000", "title": "Access denied",
            "message": "You'll need additional permissions to perform this action. Permissions needed: annotations:create"}),
        ),
        Ok(User::Operator) => match serde_json::from_slice::<Annotation>(&body) {
            Ok(annotation) if !annotation.text.is_empty() => {
                answer(200, &json!({"message": "Annotation added", "id": state.clock.now().timestamp()}))
            }
            _ => {
                answer(400, &json!({"message": "Failed to save annotation", "error": "text field should not be empty"}))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_that_grafana_would_take() {
        let query = |interval: &str, interval_ms: f64, max_data_points: f64| AskedQuery {
            ref_id: first_ref(),
            datasource: None,
            expr: String::new(),
            range: true,
            instant: false,
            interval: interval.to_owned(),
            interval_ms,
            max_data_points,
        };
        let hour = |query: AskedQuery| step(&query, 0.0, 3600.0) as i64;
        assert_eq!(hour(query("30s", 1000.0, 600.0)), 30);
        assert_eq!(hour(query("", 30_000.0, 600.0)), 30);
        assert_eq!(hour(query("", 1000.0, 600.0)), 15, "never finer than the scrape interval");
        assert_eq!(hour(query("", 0.0, 100.0)), 60);
    }

    #[test]
    fn grafanas_own_variables_are_filled_in_and_others_are_not() {
        assert_eq!(
            interpolate("x[$__rate_interval] $service ${__interval}", 30.0, 15.0, 3600.0),
            "x[60s] $service 30s"
        );
        assert_eq!(interpolate("x[$__rate_interval]", 30.0, 30.0, 3600.0), "x[120s]", "a minimum is a scrape interval");
    }
}
