//! A peer on loopback that answers by a script and remembers what it was asked.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::deploy::{ServiceId, Time};
use crate::net::Endpoint;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::{Point, Sample, SignalId};
use crate::systems::questions::{Expr, Meaning, SeriesQuery};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use chrono::{DateTime, TimeDelta};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// 2023-11-14T22:14:00Z: a whole minute.
pub(crate) const BASE: i64 = 1_700_000_040;

/// The token that no error may show.
pub(crate) const TOKEN: &str = "hush-hush-token";

/// `BASE` and so many seconds.
pub(crate) fn at(second: i64) -> Time {
    DateTime::from_timestamp(BASE + second, 0).unwrap()
}

/// One answer, for requests whose path and query, or body, holds `needle`.
pub(crate) struct Reply {
    needle: &'static str,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An answer with a body, `{BASE+15}` in which is the epoch second 15 s after `BASE`.
pub(crate) fn reply(needle: &'static str, status: u16, body: &str) -> Reply {
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, tail)) = rest.split_once("{BASE+") {
        let (offset, after) = tail.split_once('}').unwrap();
        text.push_str(before);
        text.push_str(&(BASE + offset.parse::<i64>().unwrap()).to_string());
        rest = after;
    }
    text.push_str(rest);
    Reply { needle, status, headers: Vec::new(), body: text }
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query, decoded.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The peer; it lives as long as its test's runtime.
pub(crate) struct Peer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Script {
    replies: Vec<Reply>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Peer {
    /// Starts it. The first reply whose needle fits answers; none that fits is a 404.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let asked = Arc::default();
        let script = Arc::new(Script { replies, asked: Arc::clone(&asked) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(script);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    /// Everything it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The targets it was asked for that hold a text.
    pub(crate) fn targets(&self, needle: &str) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).filter(|target| target.contains(needle)).collect()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(&self.url)
    }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint { name: "peer".to_owned(), url: url.to_owned(), timeout: Duration::from_secs(20) }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let target = decoded(&parts.uri.to_string());
    let reply = script.replies.iter().find(|reply| target.contains(reply.needle) || body.contains(reply.needle));
    let mut response = Response::builder().status(reply.map_or(404, |reply| reply.status));
    for (name, value) in reply.iter().flat_map(|reply| &reply.headers) {
        response = response.header(*name, value);
    }
    let text = reply.map_or("", |reply| &reply.body).to_owned();
    script.asked.lock().unwrap().push(Asked { method: parts.method.to_string(), target, headers: parts.headers, body });
    response.body(Body::from(text)).unwrap()
}

/// Undoes form encoding, so that tests can look for the decoded text.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap()
}

/// From `BASE` to one minute and 50 s later; deployed at `BASE`.
pub(crate) fn request() -> PollRequest {
    request_until(110)
}

pub(crate) fn request_until(second: i64) -> PollRequest {
    PollRequest {
        from: at(0),
        since: Vec::new(),
        to: at(second),
        deployed_at: Some(at(0)),
        versions: vec![Some("1.9.0".to_owned()), None],
        older: Vec::new(),
    }
}

pub(crate) fn value(signal: u16, expr: &str) -> SeriesQuery {
    series(signal, Expr::Value(expr.to_owned()), 1.0)
}

pub(crate) fn counts(signal: u16, errors: &str, requests: &str) -> SeriesQuery {
    series(signal, Expr::Counts { errors: errors.to_owned(), requests: requests.to_owned() }, 1.0)
}

pub(crate) fn series(signal: u16, expr: Expr, scale: f64) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(signal),
        service: ServiceId(0),
        expr,
        step: TimeDelta::seconds(15),
        scale,
        meaning: Meaning::default(),
        scrape: None,
    }
}

/// What a poll says of a signal; panics where it says nothing or says that it failed.
pub(crate) fn points(poll: &Poll, signal: u16) -> Vec<Point> {
    let of_signal = poll.points.iter().find(|(id, _)| *id == SignalId(signal));
    of_signal.unwrap_or_else(|| panic!("no points of {signal} in {poll:?}")).1.clone()
}

/// Why a signal failed.
pub(crate) fn failure(poll: &Poll, signal: u16) -> SourceError {
    let of_signal = poll.failed.iter().find(|(id, _)| *id == SignalId(signal));
    of_signal.unwrap_or_else(|| panic!("no failure of {signal} in {poll:?}")).1.clone()
}

pub(crate) fn number(second: i64, value: f64) -> Point {
    (at(second), Sample::Value(value))
}
