//! Prometheus, direct and through proxies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Prometheus, PrometheusSpec};
use crate::net::{Auth, Endpoint};
use crate::poll::{AlertState, Poll, PollRequest, SourceError};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId};
use crate::systems::api::{Early, Source};
use crate::systems::questions::{AlertQuery, SeriesQuery};
use crate::systems::shared::peer::*;

const MATRIX: &str = include_str!("recorded/matrix.json");
const SEVERAL: &str = include_str!("recorded/several.json");
const HISTOGRAM: &str = include_str!("recorded/histogram.json");
const EMPTY: &str = include_str!("recorded/empty.json");
const PARSE_ERROR: &str = include_str!("recorded/parse_error.json");
const SLOW: &str = include_str!("recorded/slow.json");

fn prometheus(peer: &Peer, queries: Vec<SeriesQuery>) -> Prometheus {
    let auth = Auth::Basic { user: "me".to_owned(), password: Secret::new(TOKEN) };
    let spec = PrometheusSpec {
        endpoint: peer.endpoint(),
        auth,
        tenant: Some("shop".to_owned()),
        queries,
        alerts: Vec::new(),
        alertmanager: None,
    };
    Prometheus::new(spec).unwrap()
}

async fn polled(status: u16, body: &str) -> Result<Poll, SourceError> {
    let peer = Peer::start(vec![reply("query_range", status, body)]).await;
    prometheus(&peer, vec![value(0, "up")]).poll(&request()).await
}

#[tokio::test]
async fn a_range_is_aligned_and_ends_where_nothing_changes_any_more() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    prometheus(&peer, vec![value(0, "up")]).poll(&request()).await.unwrap();
    let asked = peer.asked();
    assert_eq!(
        asked[0].target,
        format!("/api/v1/query_range?query=up&start={BASE}.000&end={}.000&step=15.000&timeout=19s", BASE + 90)
    );
    assert_eq!(asked[0].headers["x-scope-orgid"], "shop");
    assert!(asked[0].headers["authorization"].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn the_version_before_is_asked_for_where_it_is_wanted_and_kept_apart() {
    let peer =
        Peer::start(vec![reply("1.9.0", 200, EMPTY), reply("1.8.3", 200, MATRIX), reply("up", 200, EMPTY)]).await;
    let request = PollRequest { older: vec![(SignalId(0), "1.8.3".to_owned())], ..request() };
    let queries = vec![value(0, r#"p95{v="$version"}"#), value(1, "up")];
    let poll = prometheus(&peer, queries).poll(&request).await.unwrap();
    assert_eq!(peer.asked().len(), 3, "what is not wanted of it is asked once");
    assert_eq!((points(&poll, 0), points(&poll, 1)), (vec![], vec![]));
    assert_eq!(poll.older.len(), 1);
    assert_eq!((poll.older[0].0, poll.older[0].1[0]), (SignalId(0), number(0, 0.5)));

    let peer = Peer::start(vec![reply("1.9.0", 200, MATRIX), reply("1.8.3", 200, SEVERAL)]).await;
    let poll = prometheus(&peer, vec![value(0, r#"p95{v="$version"}"#)]).poll(&request).await.unwrap();
    assert!(poll.failed.is_empty() && poll.older.is_empty(), "what is only compared with takes nothing with it");
    let told = |warning: &String| warning.contains("of the version before nothing is known");
    assert!(poll.warnings.iter().any(told), "{:?}", poll.warnings);
}

#[tokio::test]
async fn gaps_stay_gaps_and_nan_is_no_number() {
    let poll = polled(200, MATRIX).await.unwrap();
    assert_eq!(
        points(&poll, 0),
        [number(0, 0.5), (at(15), Sample::NotANumber), (at(45), Sample::NotANumber), number(60, 1e6)]
    );
    assert_eq!(poll.warnings, ["PromQL info: metric might not be a counter"], "a hint takes nothing away");
}

#[tokio::test]
async fn a_part_of_an_answer_is_no_answer_and_says_who_is_missing() {
    let data = r#""data":{"resultType":"matrix","result":[{"metric":{},"values":[[{BASE+0},"0.5"]]}]}"#;
    for (more, missing) in [
        (
            r#""warnings":["remote read: one of 2 stores did not answer"]"#,
            "remote read: one of 2 stores did not answer",
        ),
        // Thanos, with a store that is down.
        (
            r#""warnings":["No StoreAPIs matched for this query","receive series from Addr: 10.1.0.7:10901: rpc error"]"#,
            "No StoreAPIs matched for this query; 1 more warning",
        ),
        // VictoriaMetrics' cluster, with a storage node that is down.
        (r#""isPartial":true"#, "a storage node is missing (isPartial)"),
    ] {
        let poll = polled(200, &format!(r#"{{"status":"success",{more},{data}}}"#)).await.unwrap();
        assert_eq!(failure(&poll, 0), SourceError::Partial(missing.to_owned()));
        assert!(poll.points.is_empty(), "nothing of it is known");
    }
    let whole = format!(r#"{{"status":"success","isPartial":false,"warnings":null,"infos":[],{data}}}"#);
    assert_eq!(points(&polled(200, &whole).await.unwrap(), 0), [number(0, 0.5)]);
}

#[tokio::test]
async fn a_part_of_a_rate_takes_the_whole_rate_with_it() {
    let part = r#"{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[]}}"#;
    let peer = Peer::start(vec![reply("query=errors", 200, part), reply("query=requests", 200, MATRIX)]).await;
    let poll = prometheus(&peer, vec![counts(0, "errors", "requests")]).poll(&request()).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::Partial(_)), "no errors in half of the stores are not none");
}

#[tokio::test]
async fn answers_count_as_they_come_and_the_whole_repeats_them() {
    let peer = Peer::start(vec![reply("query=slow", 503, SLOW), reply("query_range", 200, MATRIX)]).await;
    let queries = (0..20).map(|signal| value(signal, if signal == 3 { "slow" } else { "up" })).collect();
    let (early, mut told) = Early::channel();
    let whole = prometheus(&peer, queries).poll_early(&request(), &early).await.unwrap();
    drop(early);
    let mut parts = Vec::new();
    while let Some(part) = told.recv().await {
        assert_eq!((part.points.len(), part.failed.len()), (1, 0), "a part is one query's readings");
        parts.extend(part.points);
    }
    assert_eq!(parts, whole.points);
    assert_eq!((parts.len(), whole.failed.len()), (19, 1));
}

#[tokio::test]
async fn each_query_is_asked_from_its_own_last_answer_on_and_the_oldest_first() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let since = vec![(SignalId(0), at(75)), (SignalId(1), at(60)), (SignalId(2), at(0))];
    let request = PollRequest { since, ..request() };
    prometheus(&peer, vec![value(0, "new"), value(1, "older"), value(2, "never")]).poll(&request).await.unwrap();
    let starts: Vec<String> = ["never", "older", "new"]
        .map(|query| peer.targets(&format!("query={query}&")).concat())
        .iter()
        .map(|target| target.split("start=").nth(1).unwrap().split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(starts, [BASE, BASE + 60, BASE + 75].map(|second| second.to_string()));
}

#[tokio::test]
async fn what_a_quota_left_out_is_first_the_next_time() {
    let limited = r#"{"status":"error","errorType":"too_many_requests","error":"quota"}"#;
    let peer = Peer::start(vec![reply("query=b", 429, limited), reply("query_range", 200, EMPTY)]).await;
    let queries = || [vec![value(0, "b")], (1..60).map(|signal| value(signal, "a")).collect()].concat();
    let poll = prometheus(&peer, queries()).poll(&request()).await.unwrap();
    assert!(poll.points.len() < 12, "nobody is asked on against a quota: {} were", poll.points.len());
    let is_answered = |signal: SignalId| poll.points.iter().any(|(answered, _)| *answered == signal);
    let answered =
        (0..60).map(SignalId).map(|signal| (signal, if is_answered(signal) { at(90) } else { at(0) })).collect();
    let open = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let request = PollRequest { since: answered, ..request() };
    let (early, mut told) = Early::channel();
    prometheus(&open, queries()).poll_early(&request, &early).await.unwrap();
    let first = told.recv().await.unwrap().points[0].0;
    assert!(!poll.points.iter().any(|(signal, _)| *signal == first), "{first:?} was answered a moment ago");
}

#[tokio::test]
async fn alert_rules_are_read_and_their_silences_heeded() {
    // Real answers of Prometheus 2.42: instances only while they are not quiet, and states in small letters.
    let rules = r#"{"status":"success","data":{"groups":[{"name":"shop","file":"rules.yml","interval":15,"lastEvaluation":"2023-11-14T22:15:40Z","rules":[
        {"state":"firing","name":"HighErrorRate","query":"q","duration":30,"labels":{"severity":"page"},"annotations":{},"health":"ok","evaluationTime":0.0003,"lastEvaluation":"2023-11-14T22:15:40Z","type":"alerting",
         "alerts":[{"labels":{"alertname":"HighErrorRate","service":"app","severity":"page"},"annotations":{},"state":"firing","activeAt":"2023-11-14T22:14:30Z","value":"2e-02"},
                   {"labels":{"alertname":"HighErrorRate","service":"cart","severity":"page"},"annotations":{},"state":"pending","activeAt":"2023-11-14T22:14:30Z","value":"2e-02"}]},
        {"state":"inactive","name":"New","labels":{"service":"app"},"alerts":[],"health":"unknown","lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}]}]}}"#;
    let silenced = r#"[{"labels":{"alertname":"HighErrorRate","service":"app","severity":"page","cluster":"eu"},"status":{"state":"suppressed"}}]"#;
    let told = async |suppressed: Option<&str>| {
        let suppressed = suppressed.map(|body| reply("/am/api/v2/alerts", 200, body));
        let peer = Peer::start(suppressed.into_iter().chain([reply("/api/v1/rules", 200, rules)]).collect()).await;
        let alert = |signal, filter: &str| AlertQuery { signal: SignalId(signal), filter: filter.to_owned() };
        let spec = PrometheusSpec {
            endpoint: peer.endpoint(),
            auth: Auth::None,
            tenant: None,
            queries: vec![],
            alerts: vec![alert(0, "service=app"), alert(1, "service=cart"), alert(2, "service=nobody")],
            alertmanager: Some(format!("{}/am", peer.url)),
        };
        Prometheus::new(spec).unwrap().poll(&request()).await.unwrap()
    };
    let poll = told(None).await;
    assert_eq!(
        (points(&poll, 0), points(&poll, 1), points(&poll, 2)),
        (vec![number(110, 1.0)], vec![number(110, 0.0)], vec![])
    );
    let alerts: Vec<_> = poll
        .alerts
        .iter()
        .flatten()
        .map(|alert| (alert.signal.0, alert.name.as_str(), alert.state, alert.since))
        .collect();
    assert_eq!(
        alerts,
        [
            (0, "HighErrorRate", AlertState::Firing, Some(at(30))),
            (0, "New", AlertState::Unknown, None),
            (1, "HighErrorRate", AlertState::Pending, Some(at(30))),
        ]
    );
    assert!(poll.warnings[0].starts_with("silences cannot be read"), "{:?}", poll.warnings);
    let poll = told(Some(silenced)).await;
    assert_eq!(points(&poll, 0), [number(110, 0.0)]);
    assert!(poll.alerts.unwrap()[0].muted.is_some());
}

#[tokio::test]
async fn victoria_metrics_names_its_errors_by_their_status() {
    // The real server's answer, version 1.79.5.
    let refused = r#"{"status":"error","errorType":"422","error":"error when executing query=\"sum(rate(x{a=\\\"b\\\",,c=\\\"d\\\"}[60s]))\" for (time=1785502800000, step=15000): cannot execute query: labelFilterExpr: unexpected token \",\"; want \"ident\", and so on and on: the server repeats the query"}"#;
    let poll = polled(422, refused).await.unwrap();
    let SourceError::BadQuery(text) = failure(&poll, 0) else { panic!("{poll:?}") };
    assert!(text.starts_with("error when executing") && text.ends_with('…') && text.len() < 210, "{text}");
    let busy = r#"{"status":"error","errorType":"503","error":"cannot handle more than 16 concurrent requests"}"#;
    assert!(matches!(polled(503, busy).await, Err(SourceError::Server { status: 503, .. })));
}

#[tokio::test]
async fn whoever_names_no_tenant_is_told_to_name_one() {
    let peer = Peer::start(vec![reply("/api/v1/query", 401, "no org id")]).await;
    let lines = prometheus(&peer, vec![value(0, "up")]).check(&request()).await;
    assert_eq!(lines[0].result.clone().unwrap_err().way_out, "set the tenant of `peer`");
}

#[tokio::test]
async fn no_series_is_no_data_and_no_error() {
    assert_eq!(points(&polled(200, EMPTY).await.unwrap(), 0), []);
}

#[tokio::test]
async fn what_cannot_be_one_number_is_refused_with_the_reason() {
    let poll = polled(200, SEVERAL).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::BadQuery(text) if text.contains("3 series")));
    let poll = polled(200, HISTOGRAM).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::BadQuery(text) if text.contains("histogram_quantile")));
    let poll = polled(400, PARSE_ERROR).await.unwrap();
    assert_eq!(
        failure(&poll, 0).to_string(),
        "query refused: invalid parameter \"query\": 1:5: parse error: unexpected identifier"
    );
}

#[tokio::test]
async fn an_error_that_comes_with_status_200_is_an_error() {
    assert!(matches!(failure(&polled(200, PARSE_ERROR).await.unwrap(), 0), SourceError::BadQuery(_)));
}

#[tokio::test]
async fn one_slow_query_does_not_stop_the_others() {
    let peer = Peer::start(vec![reply("query=slow", 503, SLOW), reply("query=up", 200, MATRIX)]).await;
    let poll = prometheus(&peer, vec![value(0, "slow"), value(1, "up")]).poll(&request()).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::Server { status: 503, text } if text.contains("timed out")));
    assert_eq!(points(&poll, 1).len(), 4);
}

#[tokio::test]
async fn a_server_that_keeps_no_time_is_not_asked_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = Endpoint { timeout: std::time::Duration::from_millis(50), ..endpoint(&url) };
    let queries = (0..200).map(|signal| value(signal, "up")).collect();
    let spec =
        PrometheusSpec { endpoint, auth: Auth::None, tenant: None, queries, alerts: Vec::new(), alertmanager: None };
    let begun = std::time::Instant::now();
    assert_eq!(Prometheus::new(spec).unwrap().poll(&request()).await, Err(SourceError::Timeout(1)));
    // Two hundred times 50 ms would be ten seconds.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn a_gateway_s_own_refusals_are_told_from_a_bad_query() {
    let limited = r#"{"status":"error","errorType":"too_many_requests","error":"the request has been rejected"}"#;
    assert_eq!(polled(429, limited).await, Err(SourceError::RateLimited { retry_after: None }));
    let nobody = r#"{"status":"error","errorType":"no_auth","error":"no org id"}"#;
    assert_eq!(polled(401, nobody).await, Err(SourceError::Unauthorized("no org id".to_owned())));
    let poll = polled(422, r#"{"status":"error","errorType":"execution","error":"too many samples"}"#).await.unwrap();
    assert_eq!(failure(&poll, 0), SourceError::BadQuery("too many samples".to_owned()));
}

#[tokio::test]
async fn grafana_s_proxy_hides_a_401_behind_plain_text() {
    let error = polled(400, "Authentication to data source failed").await.unwrap_err();
    assert!(matches!(error, SourceError::Forbidden(text) if text.contains("Grafana's own credentials")));
    let error = polled(502, "Bad Gateway").await.unwrap_err();
    assert_eq!(error, SourceError::Server { status: 502, text: "Bad Gateway".to_owned() });
}

#[tokio::test]
async fn grafana_s_variables_are_filled_in_by_us() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let expr = "rate(a[$__rate_interval])/${__interval_ms}+b[$__interval]+c[$__range]+$__range_s";
    prometheus(&peer, vec![value(0, expr)]).poll(&request()).await.unwrap();
    assert!(peer.asked()[0].target.contains("query=rate(a[60s])/15000+b[15s]+c[90s]+90&"), "{:?}", peer.asked());
}

#[tokio::test]
async fn a_long_query_goes_into_the_body() {
    let peer = Peer::start(vec![reply("query_range", 200, MATRIX)]).await;
    let long = format!("up{{pod=~\"{}\"}}", "x|".repeat(1500));
    let poll = prometheus(&peer, vec![value(0, &long)]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 0).len(), 4);
    let asked = peer.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("POST", "/api/v1/query_range"));
    assert_eq!(asked[0].headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn a_range_of_years_stays_below_eleven_thousand_points() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let mut request = request();
    request.from = at(-100_000_000);
    prometheus(&peer, vec![value(0, "up")]).poll(&request).await.unwrap();
    assert!(peer.asked()[0].target.contains(&format!("start={}.000", BASE + 90 - 10_999 * 15)));
}

#[tokio::test]
async fn check_tries_the_api_and_each_query() {
    let peer = Peer::start(vec![
        reply("query_range", 200, MATRIX),
        reply("/api/v1/query", 200, r#"{"status":"success","data":{}}"#),
    ])
    .await;
    let lines = prometheus(&peer, vec![value(0, "up")]).check(&request()).await;
    assert!(lines.iter().all(|line| line.result.is_ok()), "{lines:?}");
    assert_eq!(lines[1].result, Ok("2 of 7 points".to_owned()));
    let wrong = Peer::start(vec![]).await;
    let lines = prometheus(&wrong, vec![value(0, "up")]).check(&request()).await;
    assert_eq!(lines[0].result.clone().unwrap_err().way_out, "set the url of `peer` to everything before /api/v1");
}

#[tokio::test]
async fn a_flood_of_alerts_is_counted_whole_and_the_latest_are_named() {
    let rule = |index: i64| {
        let since = chrono::DateTime::from_timestamp(1_700_000_000 + index, 0).unwrap().to_rfc3339();
        format!(
            r#"{{"state":"firing","name":"rule {index}","health":"ok","type":"alerting","labels":{{}},
                "alerts":[{{"labels":{{}},"state":"firing","activeAt":"{since}"}}]}}"#
        )
    };
    let rules: Vec<String> = (0..5000).map(rule).collect();
    let body = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","interval":30,"rules":[{}]}}]}}}}"#,
        rules.join(",")
    );
    let peer = Peer::start(vec![reply("/api/v1/rules", 200, &body)]).await;
    let spec = PrometheusSpec {
        endpoint: peer.endpoint(),
        auth: Auth::None,
        tenant: None,
        queries: vec![],
        alerts: vec![AlertQuery { signal: SignalId(0), filter: String::new() }],
        alertmanager: None,
    };
    let poll = Prometheus::new(spec).unwrap().poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 0)[0].1, Sample::Value(5000.0));
    let alerts = poll.alerts.unwrap();
    assert_eq!((alerts.len(), alerts[0].name.as_str(), alerts[199].name.as_str()), (200, "rule 4999", "rule 4800"));
    assert_eq!(poll.unread, [(SignalId(0), 4800)]);
}

#[tokio::test]
async fn check_says_that_the_clocks_differ_and_which_rules_guard_nothing() {
    let ahead =
        r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[{BASE+3600},"1"]]}]}}"#;
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let rules = r#"{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":30,"rules":[
        {"state":"brand_new","name":"High error rate","health":"ok","type":"alerting","labels":{},"alerts":[]}]}]}}"#;
    let peer = Peer::start(vec![
        reply("query_range", 200, ahead),
        reply("/api/v1/query", 200, scalar),
        reply("/api/v1/rules", 200, rules),
    ])
    .await;
    let spec = PrometheusSpec {
        endpoint: peer.endpoint(),
        auth: Auth::None,
        tenant: None,
        queries: vec![value(0, "up")],
        alerts: vec![AlertQuery { signal: SignalId(1), filter: String::new() }],
        alertmanager: None,
    };
    let lines = Prometheus::new(spec).unwrap().check(&request()).await;
    let told: Vec<String> = lines.iter().map(|line| format!("{:?} {:?}", line.result, line.warning)).collect();
    assert!(told.iter().any(|line| line.contains("in the future: the clocks differ")), "{told:?}");
    assert!(
        told.iter().any(|line| line.contains("cannot be evaluated, so guards nothing: High error rate")),
        "{told:?}"
    );
}

#[tokio::test]
async fn of_an_earlier_day_the_wanted_series_alone_are_asked_for_by_the_same_query_over_the_span_of_then() {
    let peer = Peer::start(vec![reply("query_range", 200, MATRIX), reply("rules", 500, "")]).await;
    let queries = vec![value(0, r#"p95{v="$version"}"#), value(1, "up"), value(2, "not wanted")];
    let spec = PrometheusSpec {
        endpoint: peer.endpoint(),
        auth: Auth::None,
        tenant: None,
        queries,
        alerts: vec![AlertQuery { signal: SignalId(3), filter: "service=app".to_owned() }],
        alertmanager: None,
    };
    let day = chrono::TimeDelta::days(1);
    let since = vec![(SignalId(0), at(0) - day), (SignalId(1), at(0) - day)];
    let versions = vec![Some("1.8.3".to_owned()), None];
    let then = PollRequest { from: at(0) - day, to: at(110) - day, since, versions, ..request() };
    let poll = Prometheus::new(spec).unwrap().past(&then).await.unwrap();
    let asked: Vec<String> = peer.asked().into_iter().map(|asked| asked.target).collect();
    let span = format!("&start={}.000&end={}.000&", BASE - 86_400, BASE + 90 - 86_400);
    assert!(asked.len() == 2 && asked.iter().all(|target| target.contains(&span)), "{asked:?}");
    assert!(asked.iter().any(|target| target.contains("1.8.3")), "what served then: {asked:?}");
    assert_eq!((poll.points.len(), poll.alerts, poll.failed.len()), (2, None, 0));
}

#[tokio::test]
async fn a_past_that_cannot_be_told_says_why() {
    let error = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
    let peer = Peer::start(vec![reply("query_range", 503, error)]).await;
    let queries = (0..3).map(|signal| value(signal, "up")).collect();
    let told = prometheus(&peer, queries).past(&request()).await;
    assert!(matches!(told, Err(SourceError::Server { status: 503, .. })), "{told:?}");
}
