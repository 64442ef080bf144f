//! The probe: a failed try is a reading, and its reason is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Probe, ProbeSpec};
use crate::poll::connection::Reason;
use crate::poll::{Poll, SourceError};
use crate::signal::{Sample, SignalId};
use crate::systems::api::Source;
use crate::systems::shared::peer::*;

async fn probed(reply: Reply, wanted: Option<u16>) -> Poll {
    let peer = Peer::start(vec![reply]).await;
    let spec =
        ProbeSpec { endpoint: endpoint(&format!("{}/health?deep=1", peer.url)), signal: SignalId(0), status: wanted };
    let poll = Probe::new(spec).unwrap().poll(&request()).await.unwrap();
    assert_eq!(peer.asked()[0].target, "/health?deep=1");
    assert!(!peer.asked()[0].headers.contains_key("authorization"));
    poll
}

#[tokio::test]
async fn a_good_answer_is_its_milliseconds() {
    let poll = probed(reply("/health", 204, ""), None).await;
    let (stamp, sample) = points(&poll, 0)[0];
    assert_eq!(stamp, at(110));
    assert!(matches!(sample, Sample::Value(milliseconds) if milliseconds > 0.0));
    assert!(poll.failed.is_empty());
}

#[tokio::test]
async fn a_bad_answer_is_an_empty_reading_with_its_reason() {
    let poll = probed(reply("/health", 503, "database is gone"), None).await;
    assert_eq!(points(&poll, 0), [(at(110), Sample::Empty)]);
    assert_eq!(failure(&poll, 0), SourceError::Server { status: 503, text: "database is gone".to_owned() });
}

#[tokio::test]
async fn a_redirect_is_a_failure_unless_it_is_what_was_wanted() {
    let redirect = || reply("/health", 302, "").header("Location", "/login");
    let poll = probed(redirect(), None).await;
    assert_eq!(failure(&poll, 0), SourceError::BadAnswer("status 302, expected 2xx".to_owned()));
    let poll = probed(redirect(), Some(302)).await;
    assert!(poll.failed.is_empty());
    let poll = probed(reply("/health", 200, ""), Some(401)).await;
    assert_eq!(failure(&poll, 0), SourceError::BadAnswer("status 200, expected 401".to_owned()));
}

#[tokio::test]
async fn nobody_there_is_a_failed_try_and_not_a_dead_source() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let spec = ProbeSpec { endpoint: endpoint(&url), signal: SignalId(0), status: None };
    let probe = Probe::new(spec).unwrap();
    let poll = probe.poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 0), [(at(110), Sample::Empty)]);
    assert!(matches!(failure(&poll, 0), SourceError::Unreachable(none) if none.reason == Reason::Refused));
    assert!(probe.check(&request()).await[0].result.is_err());
}
