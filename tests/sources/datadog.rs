//! Datadog: timeseries and monitors.

use super::peer::*;
use chrono::TimeDelta;
use redflag::poll::{AlertState, Poll, SourceError};
use redflag::secret::Secret;
use redflag::signal::{Sample, SignalId};
use redflag::source::Source;
use redflag::source::datadog::Datadog;
use redflag::source::spec::{AlertQuery, DatadogSpec, Expr, SeriesQuery};

const TIMESERIES: &str = include_str!("fixtures/datadog/timeseries.json");
const MONITORS: &str = include_str!("fixtures/datadog/monitors.json");
const EMPTY: &str =
    r#"{"data":{"id":"0","type":"timeseries_response","attributes":{"series":[],"times":[],"values":[]}}}"#;

fn datadog(peer: &Peer, queries: Vec<SeriesQuery>, monitors: &[&str]) -> Datadog {
    let monitor = |(index, filter): (usize, &&str)| AlertQuery {
        signal: SignalId(10 + index as u16),
        filter: (*filter).to_owned(),
    };
    Datadog::new(DatadogSpec {
        endpoint: peer.endpoint(),
        api_key: Secret::new(TOKEN),
        application_key: Secret::new("other-hush"),
        queries,
        monitors: monitors.iter().enumerate().map(monitor).collect(),
    })
    .unwrap()
}

async fn polled(status: u16, body: &str) -> Result<Poll, SourceError> {
    let peer = Peer::start(vec![reply("timeseries", status, body)]).await;
    datadog(&peer, vec![value(0, "q")], &[]).poll(&request()).await
}

#[tokio::test]
async fn all_signals_of_one_step_are_one_request() {
    let peer = Peer::start(vec![reply("timeseries", 200, TIMESERIES)]).await;
    let p95 = series(0, Expr::Value("p95:trace.http.request{version:$version}".to_owned()), 1000.0);
    let poll = datadog(&peer, vec![p95, counts(1, "errs", "hits")], &[]).poll(&request_until(140)).await.unwrap();
    // Seconds become milliseconds; a null stays empty; the bin from 60 s on reaches past 80 s minus nothing.
    assert_eq!(points(&poll, 0), [number(0, 250.0), number(15, 500.0), (at(45), Sample::Empty), number(60, 9000.0)]);
    let count = |second, errors, requests| (at(second), Sample::Counts { errors, requests });
    assert_eq!(
        points(&poll, 1),
        [count(0, 2.0, 100.0), count(15, 0.0, 120.0), (at(45), Sample::Empty), count(60, 9.0, 9.0)]
    );
    let asked = peer.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0].headers["dd-api-key"], &asked[0].headers["dd-application-key"]),
        (&TOKEN.parse().unwrap(), &"other-hush".parse().unwrap())
    );
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    let attributes = &body["data"]["attributes"];
    assert_eq!(attributes["from"], BASE * 1000);
    assert_eq!(attributes["to"], (BASE + 80) * 1000);
    assert_eq!(attributes["interval"], 15_000);
    assert_eq!(attributes["queries"][0]["query"], "p95:trace.http.request{version:1.9.0}");
    assert_eq!(attributes["queries"][2]["name"], attributes["formulas"][2]["formula"]);
}

#[tokio::test]
async fn what_may_still_be_on_its_way_is_left_for_the_next_poll() {
    let peer = Peer::start(vec![reply("timeseries", 200, TIMESERIES)]).await;
    let poll = datadog(&peer, vec![value(0, "q")], &[]).poll(&request_until(110)).await.unwrap();
    // Ingestion lags by a minute: at 110 s only what ended by 50 s is whole.
    assert_eq!(points(&poll, 0), [number(0, 0.25), number(15, 0.5)]);
}

#[tokio::test]
async fn different_steps_are_different_requests() {
    let peer = Peer::start(vec![reply("timeseries", 200, EMPTY)]).await;
    let mut slow = value(1, "b");
    slow.step = TimeDelta::seconds(60);
    let poll = datadog(&peer, vec![value(0, "a"), slow, value(2, "c")], &[]).poll(&request()).await.unwrap();
    assert_eq!(poll.points.len(), 3);
    assert!(poll.points.iter().all(|(_, points)| points.is_empty()));
    assert_eq!(peer.asked().len(), 2);
}

#[tokio::test]
async fn several_groups_for_one_signal_are_too_many() {
    let twice = TIMESERIES.replace("\"query_index\":1", "\"query_index\":0");
    let poll = polled(200, &twice).await.unwrap();
    assert!(matches!(failure(&poll, 0), SourceError::BadQuery(text) if text.contains("2 series")));
}

#[tokio::test]
async fn errors_are_texts_or_objects() {
    assert_eq!(
        polled(403, r#"{"errors":[{"title":"Forbidden"}]}"#).await,
        Err(SourceError::Forbidden("Forbidden".to_owned()))
    );
    assert_eq!(
        polled(401, r#"{"errors":["API key required"]}"#).await,
        Err(SourceError::Unauthorized("API key required".to_owned()))
    );
    let refused =
        polled(400, r#"{"errors":[{"status":"400","title":"Bad Request","detail":"Invalid formula"}]}"#).await;
    assert_eq!(failure(&refused.unwrap(), 0), SourceError::BadQuery("Invalid formula".to_owned()));
}

#[tokio::test]
async fn a_query_that_spoils_the_request_is_found_and_left_out() {
    let replies =
        vec![reply("sum:(((", 400, r#"{"errors":["Error parsing query"]}"#), reply("timeseries", 200, TIMESERIES)];
    let peer = Peer::start(replies).await;
    let datadog = datadog(&peer, vec![value(0, "good"), value(1, "sum:(((")], &[]);
    for requests in [3, 4] {
        let poll = datadog.poll(&request()).await.unwrap();
        assert_eq!(points(&poll, 0).len(), 2);
        assert_eq!(failure(&poll, 1), SourceError::BadQuery("Error parsing query".to_owned()));
        assert_eq!(peer.asked().len(), requests);
    }
}

#[tokio::test]
async fn a_limit_says_how_many_seconds_remain() {
    let limited = reply("timeseries", 429, r#"{"errors":["Too many requests"]}"#).header("X-RateLimit-Reset", "40");
    let peer = Peer::start(vec![limited]).await;
    let error = datadog(&peer, vec![value(0, "q")], &["service:app"]).poll(&request()).await.unwrap_err();
    assert_eq!(error, SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(40)) });
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn monitors_that_alert_warn_or_cannot_tell_are_told() {
    let peer = Peer::start(vec![
        reply("service:app env:prod", 200, MONITORS),
        reply("service:nobody", 200, r#"{"monitors":[]}"#),
    ])
    .await;
    let poll = datadog(&peer, vec![], &["service:app env:prod", "service:nobody"]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 10), [number(110, 1.0)]);
    assert_eq!(points(&poll, 11), []);
    let alerts = poll.alerts.unwrap();
    let told: Vec<_> = alerts.iter().map(|alert| (alert.name.as_str(), alert.state)).collect();
    assert_eq!(
        told,
        [
            ("p95 of app", AlertState::Firing),
            ("disk", AlertState::Pending),
            ("heartbeat", AlertState::Unknown),
            ("from the future", AlertState::Unknown),
        ]
    );
    assert_eq!((alerts[0].since, alerts[1].since), (Some(at(60)), None));
}

#[tokio::test]
async fn half_a_list_of_monitors_is_not_handed_over() {
    let peer = Peer::start(vec![
        reply("service:app", 200, MONITORS),
        reply("bad", 400, r#"{"errors":["Query parsing error: bad"]}"#),
    ])
    .await;
    let poll = datadog(&peer, vec![], &["service:app", "bad"]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 10).len(), 1);
    assert_eq!(failure(&poll, 11), SourceError::BadQuery("Query parsing error: bad".to_owned()));
    assert_eq!(poll.alerts, None);
}

#[tokio::test]
async fn check_tells_the_api_key_from_the_application_key() {
    let peer = Peer::start(vec![
        reply("/api/v1/validate", 200, r#"{"valid":true}"#),
        reply("timeseries", 403, r#"{"errors":[{"title":"Forbidden"}]}"#),
        reply("monitor/search", 200, r#"{"monitors":[]}"#),
    ])
    .await;
    let lines = datadog(&peer, vec![value(0, "q")], &["service:nobody"]).check(&request()).await;
    assert_eq!(lines[0].result, Ok("accepted".to_owned()));
    assert!(lines[1].result.clone().unwrap_err().way_out.contains("timeseries_query"));
    assert_eq!(lines[2].result.clone().unwrap_err().reason, "not found: no monitor matches this search");
    let peer = Peer::start(vec![reply("/api/v1/validate", 403, r#"{"errors":["Forbidden"]}"#)]).await;
    let lines = datadog(&peer, vec![value(0, "q")], &[]).check(&request()).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].result.clone().unwrap_err().way_out.contains("site"));
}
