//! Datadog: timeseries and monitors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Datadog, DatadogSpec};
use crate::poll::{AlertState, Muted, Poll, PollRequest, SourceError};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId};
use crate::systems::api::Source;
use crate::systems::questions::{AlertQuery, Expr, SeriesQuery};
use crate::systems::shared::peer::*;
use chrono::TimeDelta;

const TIMESERIES: &str = include_str!("recorded/timeseries.json");
const MONITORS: &str = include_str!("recorded/monitors.json");
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
async fn a_search_that_is_refused_takes_nothing_from_the_others() {
    let peer = Peer::start(vec![
        reply("service:app", 200, MONITORS),
        reply("bad", 400, r#"{"errors":["Query parsing error: bad"]}"#),
    ])
    .await;
    let poll = datadog(&peer, vec![], &["service:app", "bad"]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 10).len(), 1);
    assert_eq!(failure(&poll, 11), SourceError::BadQuery("Query parsing error: bad".to_owned()));
    assert!(poll.alerts.unwrap().iter().all(|alert| alert.signal == SignalId(10)));
}

/// A page of monitors from one number to another, of which those listed are not quiet.
fn page(numbers: std::ops::Range<usize>, loud: &[(usize, &str)], rest: &str) -> String {
    let monitor = |id: usize| {
        let status = loud.iter().find(|(loud, _)| *loud == id).map_or("OK", |(_, status)| status);
        format!(r#"{{"id":{id},"name":"monitor {id}","status":"{status}","query":"avg(last_5m):x > 1"}}"#)
    };
    format!(r#"{{"monitors":[{}]{rest}}}"#, numbers.map(monitor).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn the_last_of_six_hundred_and_twenty_monitors_is_found() {
    let total = r#","metadata":{"total_count":620}"#;
    let needles = ["page=0&", "page=1&", "page=2&", "page=3&", "page=4&", "page=5&", "page=6&"];
    let pages = |rest: &str| -> Vec<Reply> {
        let pages = (0..7).zip(needles);
        pages
            .map(|(index, needle)| {
                reply(needle, 200, &page(index * 100..(index * 100 + 100).min(620), &[(619, "Warn")], rest))
            })
            .collect()
    };
    let peer = Peer::start(pages(total)).await;
    let poll = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap();
    assert_eq!(poll.alerts.unwrap()[0].name, "monitor 619");
    assert!(poll.unread.is_empty());

    // Counts say that there is nothing more to find: one page is enough.
    let counted = r#","metadata":{"total_count":620},"counts":{"status":[{"name":"OK","count":620}]}"#;
    let peer = Peer::start(pages(counted)).await;
    let poll = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap();
    assert_eq!((peer.asked().len(), poll.unread.len(), poll.alerts), (1, 0, Some(vec![])));
}

#[tokio::test]
async fn what_was_not_read_of_too_many_monitors_is_counted() {
    let endless = page(0..100, &[], r#","metadata":{"total_count":2500}"#);
    let peer = Peer::start(vec![reply("monitor/search", 200, &endless)]).await;
    let poll = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap();
    assert_eq!(poll.unread, [(SignalId(10), 1500)]);
}

const BY_SERVICE: &str = r#"{"monitors":[{"id":1,"name":"Error rate by service","status":"Alert","last_triggered_ts":{BASE+60},
    "query":"avg(last_5m):sum:trace.http.request.errors{env:production} by {service} > 5"}],"metadata":{"total_count":1}}"#;

#[tokio::test]
async fn another_services_group_of_the_same_monitor_is_not_ours() {
    let groups = |ours: &str| {
        format!(
            r#"{{"id":1,"state":{{"groups":{{
                "service:billing":{{"status":"Alert","last_triggered_ts":{{BASE+60}}}},
                "service:app":{{"status":"{ours}","last_triggered_ts":{{BASE+30}}}}}}}},"options":{{"silenced":{{}}}}}}"#
        )
    };
    let told = async |groups: &str| {
        let peer = Peer::start(vec![reply("monitor/search", 200, BY_SERVICE), reply("/monitor/1", 200, groups)]).await;
        let poll = datadog(&peer, vec![], &["service:app env:production"]).poll(&request()).await.unwrap();
        (points(&poll, 10), poll.alerts.unwrap())
    };
    assert_eq!(told(&groups("OK")).await, (vec![number(110, 0.0)], vec![]));
    let (firing, alerts) = told(&groups("Alert")).await;
    assert_eq!(firing, [number(110, 1.0)]);
    assert_eq!((alerts[0].name.as_str(), alerts[0].since), ("Error rate by service (service:app)", Some(at(30))));
    // A silence over our group alone.
    let silenced = groups("Alert").replace(r#""silenced":{}"#, r#""silenced":{"service:app":null}"#);
    let (firing, alerts) = told(&silenced).await;
    assert_eq!((firing, alerts[0].muted), (vec![number(110, 0.0)], Some(Muted { until: None })));
}

#[tokio::test]
async fn groups_that_only_the_search_tells_count_and_those_that_nobody_tells_are_unknown() {
    let found = r#"{"groups":[{"monitor_id":1,"group":"service:app","status":"Alert"},
        {"monitor_id":1,"group":"service:billing","status":"Alert"},{"monitor_id":2,"group":"service:app","status":"Warn"}]}"#;
    let peer = Peer::start(vec![reply("groups/search", 200, found), reply("monitor/search", 200, BY_SERVICE)]).await;
    let poll = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap();
    let alerts = poll.alerts.unwrap();
    assert_eq!((alerts.len(), alerts[0].state), (1, AlertState::Firing));

    let peer = Peer::start(vec![reply("monitor/search", 200, BY_SERVICE)]).await;
    let alerts = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap().alerts.unwrap();
    assert_eq!((alerts.len(), alerts[0].state), (1, AlertState::Unknown));
    assert!(alerts[0].name.contains("groups cannot be read"), "{}", alerts[0].name);
}

#[tokio::test]
async fn a_muted_monitor_says_until_when() {
    let muted = r#"{"monitors":[{"id":2,"name":"p95","status":"Alert","query":"q","muted_until_ts":{BASE+7200}}]}"#;
    let peer = Peer::start(vec![reply("monitor/search", 200, muted)]).await;
    let poll = datadog(&peer, vec![], &["service:app"]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 10), [number(110, 0.0)], "it calls nobody");
    assert_eq!(poll.alerts.unwrap()[0].muted, Some(Muted { until: Some(at(7200)) }));
}

#[tokio::test]
async fn errors_beside_a_200_are_the_signals_failure() {
    let times = "[{BASE+0}000,{BASE+15}000]";
    let hits_alone = format!(
        r#"{{"data":{{"type":"timeseries_response","attributes":{{"series":[{{"group_tags":[],"query_index":1}}],"times":{times},"values":[[500,500]]}}}},"errors":"q0: query timed out"}}"#
    );
    let peer = Peer::start(vec![reply("timeseries", 200, &hits_alone)]).await;
    let poll = datadog(&peer, vec![counts(0, "errs", "hits")], &[]).poll(&request_until(110)).await.unwrap();
    assert_eq!(failure(&poll, 0), SourceError::Partial("q0: query timed out".to_owned()));
    assert!(poll.points.is_empty(), "no errors beside errors are not none");
    // The same without errors: the query for errors was answered, and there was nothing.
    let whole = hits_alone.replace(r#","errors":"q0: query timed out""#, "");
    let peer = Peer::start(vec![reply("timeseries", 200, &whole)]).await;
    let poll = datadog(&peer, vec![counts(0, "errs", "hits")], &[]).poll(&request_until(110)).await.unwrap();
    assert_eq!(points(&poll, 0)[0].1, Sample::Counts { errors: 0.0, requests: 500.0 });

    let error = polled(200, r#"{"errors":"Rate limit of requests reached"}"#).await.unwrap_err();
    assert!(error.to_string().ends_with("Rate limit of requests reached"), "{error}");
    let error = polled(200, r#"{"errors":["one","two"]}"#).await.unwrap_err();
    assert!(error.to_string().ends_with("one; two"), "{error}");
}

#[tokio::test]
async fn one_slow_query_does_not_make_the_others_unknown() {
    let whole = r#"{"data":{"attributes":{"series":[{"query_index":0}],"times":[{BASE+0}000],"values":[[7]]}}}"#;
    let part = r#"{"data":{"attributes":{"series":[],"times":[],"values":[]}},"errors":"q1: query timed out"}"#;
    let peer = Peer::start(vec![reply(r#""query":"slow""#, 200, part), reply("timeseries", 200, whole)]).await;
    let poll = datadog(&peer, vec![value(0, "quick"), value(1, "slow")], &[]).poll(&request_until(110)).await.unwrap();
    assert_eq!(points(&poll, 0), [number(0, 7.0)]);
    assert!(matches!(failure(&poll, 1), SourceError::Partial(_)));
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

#[tokio::test]
async fn of_an_earlier_day_the_wanted_series_alone_are_asked_for_and_no_monitors() {
    let peer = Peer::start(vec![reply("timeseries", 200, EMPTY), reply("monitor", 200, MONITORS)]).await;
    let week = TimeDelta::days(7);
    let since = vec![(SignalId(1), at(0) - week)];
    let then = PollRequest { from: at(0) - week, to: at(140) - week, since, ..request() };
    let datadog = datadog(&peer, vec![value(0, "not wanted"), value(1, "wanted")], &["service:app"]);
    let poll = datadog.past(&then).await.unwrap();
    let asked = peer.asked();
    assert_eq!((asked.len(), points(&poll, 1)), (1, vec![]), "it keeps nothing of then: {asked:?}");
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    let attributes = &body["data"]["attributes"];
    assert_eq!(attributes["queries"].as_array().unwrap().len(), 1);
    assert_eq!(attributes["from"], (BASE - 7 * 86_400) * 1000);
}
