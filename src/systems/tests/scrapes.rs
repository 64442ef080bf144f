//! What is learned of the scrapes behind a source, and what becomes of the queries then; units that answers carry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::net::Auth;
use crate::poll::SourceError;
use crate::poll::doubt::{Evidence, Measure, UnitDoubt};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId, Unit};
use crate::systems::api::{CheckLine, Seen, Source};
use crate::systems::datadog::Datadog;
use crate::systems::datadog::DatadogSpec;
use crate::systems::grafana::Grafana;
use crate::systems::grafana::GrafanaSpec;
use crate::systems::prometheus::Prometheus;
use crate::systems::prometheus::PrometheusSpec;
use crate::systems::questions::{Expr, Meaning, SeriesQuery};
use crate::systems::shared::peer::*;
use chrono::TimeDelta;

const COUNT: &str = "sum(increase(x_total[$__interval]))";
const RATE: &str = "sum(rate(x_total[$__rate_interval]))";
const NAN: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[{"values":[[{BASE+0},"NaN"]]}]}}"#;
const EMPTY: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
const HUNDRED: &str =
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"values":[[{BASE+0},"90"],[{BASE+15},"90"]]}]}}"#;

/// What `count_over_time` tells over an hour of a counter that is scraped 5 times in 299 s.
fn five_of_each() -> String {
    let values: Vec<String> = (0..97).map(|place| format!(r#"[{{BASE+{}}},"5"]"#, place * 37)).collect();
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"values":[{}]}}]}}}}"#, values.join(","))
}

fn prometheus(peer: &Peer, queries: Vec<SeriesQuery>) -> Prometheus {
    let (endpoint, alerts) = (peer.endpoint(), Vec::new());
    let spec = PrometheusSpec { endpoint, auth: Auth::None, tenant: None, queries, alerts, alertmanager: None };
    Prometheus::new(spec).unwrap()
}

fn grafana(peer: &Peer, queries: Vec<SeriesQuery>) -> Grafana {
    Grafana::new(GrafanaSpec {
        endpoint: peer.endpoint(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        organization: None,
        datasources: vec![("prom-1".to_owned(), queries)],
        alerts: Vec::new(),
    })
    .unwrap()
}

fn required(query: SeriesQuery, unit: Unit) -> SeriesQuery {
    SeriesQuery { meaning: Meaning { unit, unit_is_stated: false, required: true }, ..query }
}

#[tokio::test]
async fn the_samples_tell_how_long_a_range_must_be_and_are_asked_once() {
    let peer = Peer::start(vec![
        reply("vector(NaN)", 200, NAN),
        reply("count_over_time", 200, &five_of_each()),
        reply("query_range", 200, HUNDRED),
    ])
    .await;
    let source = prometheus(&peer, vec![counts(0, COUNT, COUNT), value(1, RATE)]);
    let poll = source.poll(&request()).await.unwrap();
    // 120 s of a counter are eight steps of 15 s: an eighth of what was counted belongs to each.
    let count = Sample::Counts { errors: 11.25, requests: 11.25 };
    assert_eq!(points(&poll, 0), [(at(0), count), (at(15), count)]);
    assert_eq!(points(&poll, 1), [number(0, 90.0), number(15, 90.0)], "a rate is one");
    assert_eq!(peer.targets("query=sum(increase(x_total[120s]))&").len(), 2);
    assert_eq!(peer.targets("query=sum(rate(x_total[240s]))&").len(), 1);
    source.poll(&request()).await.unwrap();
    assert_eq!((peer.targets("vector(NaN)").len(), peer.targets("count_over_time").len()), (1, 1));
}

#[tokio::test]
async fn victoria_metrics_which_knows_no_nan_takes_the_sample_before_the_range() {
    let peer = Peer::start(vec![
        reply("vector(NaN)", 200, EMPTY),
        reply("count_over_time", 200, EMPTY),
        reply("query_range", 200, HUNDRED),
    ])
    .await;
    prometheus(&peer, vec![value(0, COUNT)]).poll(&request()).await.unwrap();
    let asked = peer.targets("query=sum(increase(x_total[15s]))&");
    // And repeats the last value for half a minute: nothing younger is asked for.
    assert!(asked[0].contains(&format!("end={}.000", BASE + 75)), "{asked:?}");
}

#[tokio::test]
async fn what_the_configuration_says_is_not_asked_for() {
    let peer = Peer::start(vec![reply("vector(NaN)", 200, NAN), reply("query_range", 200, HUNDRED)]).await;
    let query = SeriesQuery { scrape: Some(TimeDelta::seconds(30)), ..value(0, COUNT) };
    prometheus(&peer, vec![query]).poll(&request()).await.unwrap();
    assert_eq!(peer.targets("query=sum(increase(x_total[60s]))&").len(), 1);
    assert_eq!(peer.targets("count_over_time").len(), 0);
}

#[tokio::test]
async fn grafana_s_settings_tell_where_the_samples_do_not_and_its_rates_stay_its_own() {
    let peer = Peer::start(vec![
        reply(r#""refId":"L0""#, 200, r#"{"results":{"L0":{"frames":[]},"L1":{"frames":[]}}}"#),
        reply("/api/datasources/uid/prom-1", 200, r#"{"uid":"prom-1","jsonData":{"timeInterval":"1m"}}"#),
        reply("/api/ds/query", 200, r#"{"results":{"A0":{"frames":[]}}}"#),
    ])
    .await;
    let query = value(0, &format!("{COUNT} > 0 and {RATE}"));
    grafana(&peer, vec![query]).poll(&request()).await.unwrap();
    let asked = peer.asked();
    let last: serde_json::Value = serde_json::from_str(&asked.last().unwrap().body).unwrap();
    let query = &last["queries"][0];
    // VictoriaMetrics, for which NaN is no value: a minute's scrapes and no more.
    assert_eq!(query["expr"], "sum(increase(x_total[60s])) > 0 and sum(rate(x_total[$__rate_interval]))");
    assert_eq!((&query["intervalMs"], query.get("interval")), (&15_000.into(), None), "a minimum would be its scrapes");
}

#[tokio::test]
async fn an_answer_that_carries_its_unit_is_believed_or_contradicted() {
    let body = r#"{"results":{"A0":{"frames":[{"schema":{"fields":[{"type":"time"},{"type":"number","config":{"unit":"s"}}]},"data":{"values":[[{BASE+15}000],[0.25]]}}]}}}"#;
    let peer = Peer::start(vec![reply("/api/ds/query", 200, body)]).await;
    let silent = required(value(0, "p95"), Unit::Milliseconds);
    let poll = grafana(&peer, vec![silent.clone()]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 0), [number(15, 250.0)]);
    let stated = SeriesQuery { meaning: Meaning { unit_is_stated: true, ..silent.meaning }, ..silent };
    let poll = grafana(&peer, vec![stated]).poll(&request()).await.unwrap();
    let (read_as, seems, evidence) = (Measure::Milliseconds, Measure::Seconds, Evidence::Answer);
    assert_eq!(failure(&poll, 0), SourceError::Unit(UnitDoubt { read_as, seems, evidence }));

    let body = r#"{"data":{"attributes":{"series":[{"query_index":0,"unit":[{"family":"time","name":"nanosecond"},null]}],"times":[{BASE+0}000],"values":[[2.5e8]]}}}"#;
    let peer = Peer::start(vec![reply("timeseries", 200, body)]).await;
    let datadog = Datadog::new(DatadogSpec {
        endpoint: peer.endpoint(),
        api_key: Secret::new(TOKEN),
        application_key: Secret::new(TOKEN),
        queries: vec![required(value(0, "p95:trace"), Unit::Milliseconds)],
        monitors: Vec::new(),
    })
    .unwrap();
    assert_eq!(points(&datadog.poll(&request()).await.unwrap(), 0), [number(0, 250.0)]);
}

#[tokio::test]
async fn check_fails_a_required_signal_without_data_or_in_a_wrong_unit() {
    let share = "sum(rate(e_total[5m])) / sum(rate(r_total[5m]))";
    let peer = Peer::start(vec![
        reply("vector(NaN)", 200, NAN),
        reply("count_over_time", 200, &five_of_each()),
        reply("nothing", 200, EMPTY),
        reply("[1m]", 200, EMPTY),
        reply("query_range", 200, HUNDRED),
        reply("/api/v1/query", 200, r#"{"status":"success","data":{}}"#),
    ])
    .await;
    let optional = value(1, "nothing");
    let queries = vec![
        required(value(0, "nothing"), Unit::Number),
        optional,
        required(value(2, "sum(rate(x_total[1m]))"), Unit::PerSecond),
        required(value(3, share), Unit::Percent),
        required(value(4, RATE), Unit::PerSecond),
        required(series(5, Expr::Value("a".to_owned()), 1.0), Unit::Percent),
    ];
    let lines = prometheus(&peer, queries).check(&request()).await;
    let told = |place: usize| match &lines[place + 1] {
        CheckLine { result: Ok(remark), warning: None, .. } => format!("ok: {remark}"),
        CheckLine { result: Ok(remark), warning: Some(warning), .. } => format!("warn: {remark}; {warning}"),
        CheckLine { result: Err(failure), .. } => format!("FAIL: {}; {}", failure.reason, failure.way_out),
    };
    assert!(told(0).starts_with("FAIL: no data in the last 95 s; correct the query"), "{}", told(0));
    assert!(told(1).starts_with("warn: no data"), "{}", told(1));
    assert!(told(2).contains("[60s] holds fewer than two scrapes of 60s"), "{}", told(2));
    assert!(told(3).starts_with("FAIL: wrong unit") && told(3).contains("unit = \"fraction\""), "{}", told(3));
    assert_eq!(told(4), "warn: 2 of 7 points; more than half is missing: is the service up all the time, and scraped?");
    assert!(told(5).contains("2 of 7 points"), "{}", told(5));
    let (signal, seen) = (lines[6].signal, lines[6].seen);
    assert_eq!((signal, seen), (Some(SignalId(5)), Seen::Values { now: 90.0, least: 90.0, most: 90.0 }));
    assert_eq!(lines.len(), 7);
}
