//! What goes wrong on the way, the same for every vendor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::net::{Auth, Endpoint};
use crate::poll::{Poll, SourceError};
use crate::secret::Secret;
use crate::systems::api::Source;
use crate::systems::grafana::Grafana;
use crate::systems::grafana::GrafanaSpec;
use crate::systems::shared::peer::*;
use std::time::Duration;
use tokio::net::TcpListener;

fn grafana(endpoint: Endpoint) -> Grafana {
    Grafana::new(GrafanaSpec {
        endpoint,
        auth: Auth::Bearer(Secret::new(TOKEN)),
        organization: None,
        datasources: vec![("prom-1".to_owned(), vec![value(0, "up")])],
        alerts: vec![],
    })
    .unwrap()
}

async fn polled(reply: Reply) -> Result<Poll, SourceError> {
    let peer = Peer::start(vec![reply]).await;
    grafana(peer.endpoint()).poll(&request()).await
}

#[tokio::test]
async fn credentials_never_follow_a_redirect() {
    let elsewhere = Peer::start(vec![]).await;
    let to = format!("{}/login?ticket=hush", elsewhere.url);
    let error = polled(reply("/api", 302, "").header("Location", &to)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not signed in: redirected to http://127.0.0.1: a sign-in page stands in front, or the url is not the final one"
    );
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_page_instead_of_json_is_shown_by_its_title() {
    let page = format!("<!DOCTYPE html>\n<title>Sign in\u{1b}[2J</title>{}", "x".repeat(5000));
    let error = polled(reply("/api", 200, &page).header("Content-Type", "application/json")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("unreadable answer: HTML where JSON was expected"), "{text}");
    assert!(text.contains("the page “Sign in [2J”") && text.len() < 330, "{text}");
}

#[tokio::test]
async fn json_is_read_whatever_its_content_type_says() {
    let body = include_str!("../grafana/recorded/partial.json")
        .replace("\"A0\":{\"error\"", "\"X\":{\"error\"")
        .replace("\"A1\"", "\"A0\"");
    let poll = polled(reply("/api", 200, &body).header("Content-Type", "text/plain")).await.unwrap();
    assert_eq!(points(&poll, 0).len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off() {
    let error = polled(reply("/api", 200, &" ".repeat((8 << 20) + 1))).await.unwrap_err();
    assert_eq!(error, SourceError::TooLarge { size: Some((8 << 20) + 1), limit: 8 << 20 });
    assert_eq!(error.to_string(), "the answer has 8.0 MiB, and no more than 8 MiB is read");
}

#[tokio::test]
async fn broken_and_empty_bodies_are_unreadable() {
    let text = |error: Result<Poll, SourceError>| error.unwrap_err().to_string();
    assert_eq!(text(polled(reply("/api", 200, "")).await), "unreadable answer: empty where JSON was expected");
    assert!(text(polled(reply("/api", 200, "{\"results\":{")).await).starts_with("unreadable answer: broken JSON"));
    assert_eq!(
        text(polled(reply("/api", 418, "short and stout")).await),
        "unreadable answer: status 418: short and stout"
    );
}

#[tokio::test]
async fn a_proxy_s_own_limit_is_obeyed_too() {
    let error = polled(reply("/api", 429, "slow down").header("Retry-After", "90")).await.unwrap_err();
    assert_eq!(error, SourceError::RateLimited { retry_after: Some(chrono::TimeDelta::seconds(90)) });
}

#[tokio::test]
async fn a_peer_that_takes_the_call_and_says_nothing_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = Endpoint { timeout: Duration::from_millis(50), ..endpoint(&url) };
    assert_eq!(grafana(endpoint).poll(&request()).await, Err(SourceError::Timeout(1)));
}

#[tokio::test]
async fn nobody_there_is_told_without_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:{TOKEN}@{}/sub?key={TOKEN}", listener.local_addr().unwrap());
    drop(listener);
    let error = grafana(endpoint(&url)).poll(&request()).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(matches!(error, SourceError::Unreachable(_)), "{text}");
    assert!(text.contains("refused") && !text.contains(TOKEN) && !text.contains("/sub"), "{text}");
}

#[tokio::test]
async fn stamps_from_beyond_all_calendars_harm_nobody() {
    let frame = |stamps: &str| {
        format!(
            r#"{{"results":{{"A0":{{"frames":[{{"schema":{{"fields":[{{"type":"time"}},{{"type":"number"}}]}},
            "data":{{"values":[[{stamps}],[1,1,1,1,1]],"entities":[null,{{"NaN":[99]}}]}}}}]}}}}}}"#
        )
    };
    let stamps = "8210266876799999,-8334601228800000,1e300,-1e300,{BASE+0}000";
    let poll = polled(reply("/api", 200, &frame(stamps))).await.unwrap();
    let stamped: Vec<_> = points(&poll, 0).into_iter().map(|(stamp, _)| stamp).collect();
    assert_eq!(stamped.last(), Some(&at(0)));
    assert_eq!(stamped.len(), 2);
}
