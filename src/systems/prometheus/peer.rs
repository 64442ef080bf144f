//! The company's Prometheus: its HTTP API, which Grafana's data source proxy hands on.

use crate::simulated::history::{Seconds, seconds};
use crate::simulated::promql::{Grid, Series, duration, run};
use crate::simulated::server::json as answer;
use crate::simulated::state::Simulation;
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `query` and `query_range`.
pub(crate) fn api(state: &Simulation, path: &str, parameters: &BTreeMap<String, String>) -> Response<Body> {
    let now = seconds(state.clock.now());
    let result = match path {
        "query" => instant(state, parameters, now),
        "query_range" => range(state, parameters, now),
        _ => return answer(404, &json!({"status": "error", "errorType": "not_found", "error": "not found"})),
    };
    match result {
        Ok(data) => answer(200, &json!({"status": "success", "data": data})),
        Err(text) => answer(400, &json!({"status": "error", "errorType": "bad_data", "error": text})),
    }
}

fn instant(state: &Simulation, parameters: &BTreeMap<String, String>, now: Seconds) -> Result<Value, String> {
    let at = parameters.get("time").map_or(Ok(now), |text| time("time", text))?;
    let series = query(state, parameters, &Grid(vec![at]))?;
    let result: Vec<Value> = series
        .iter()
        .filter_map(|one| Some(json!({"metric": one.labels, "value": [at, number((*one.values.first()?)?)]})))
        .collect();
    Ok(json!({"resultType": "vector", "result": result}))
}

fn range(state: &Simulation, parameters: &BTreeMap<String, String>, now: Seconds) -> Result<Value, String> {
    let (start, end) = (moment(parameters, "start", now)?, moment(parameters, "end", now)?);
    let step = parameters.get("step").and_then(|text| duration(text));
    let step = step.ok_or("invalid parameter \"step\": cannot parse \"\" to a valid duration")?;
    if end < start {
        return Err("invalid parameter \"end\": end timestamp must not be before start time".to_owned());
    }
    if step <= 0.0 {
        return Err("invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer".to_owned());
    }
    if (end - start) / step > 11_000.0 {
        return Err("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned());
    }
    let grid = Grid::range(start, end, step);
    let result: Vec<Value> = query(state, parameters, &grid)?
        .iter()
        .map(|one| {
            let present = grid.0.iter().zip(&one.values).filter_map(|(at, value)| Some(json!([at, number((*value)?)])));
            json!({"metric": one.labels, "values": present.collect::<Vec<_>>()})
        })
        .collect();
    Ok(json!({"resultType": "matrix", "result": result}))
}

fn query(state: &Simulation, parameters: &BTreeMap<String, String>, grid: &Grid) -> Result<Vec<Series>, String> {
    let query = parameters.get("query").map_or("", String::as_str);
    run(state, query, grid).map_err(|error| format!("invalid parameter \"query\": {error}"))
}

fn moment(parameters: &BTreeMap<String, String>, name: &str, now: Seconds) -> Result<Seconds, String> {
    parameters.get(name).map_or(Ok(now), |text| time(name, text))
}

/// RFC 3339 or seconds.
fn time(name: &str, text: &str) -> Result<Seconds, String> {
    let stamp = chrono::DateTime::parse_from_rfc3339(text).map(|at| seconds(at.to_utc()));
    stamp
        .or_else(|_| text.parse())
        .map_err(|_| format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp"))
}

/// Values are texts, also those that are no numbers.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}
