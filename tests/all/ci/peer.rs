//! A peer on loopback that answers by a script and remembers what it was asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use futures_util::stream;
use redflag::net::Endpoint;
use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// One answer, for requests that begin with `needle`: `POST /repos/`; a `$` at its end stands for the request's.
pub(crate) struct Reply {
    needle: String,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    left: usize,
    breaks: bool,
}

/// This answer, as often as it is asked for.
#[allow(clippy::needless_pass_by_value, reason = "bodies are made where they are given")]
pub(crate) fn reply(needle: &str, status: u16, body: impl ToString) -> Reply {
    let (needle, body) = (needle.to_owned(), body.to_string());
    Reply { needle, status, headers: Vec::new(), body, left: usize::MAX, breaks: false }
}

/// The connection breaks off instead of an answer.
pub(crate) fn breaks(needle: &str) -> Reply {
    Reply { breaks: true, ..reply(needle, 200, "") }
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
    /// `GET /path?query`, as it was on the wire.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// The peer; it lives as long as its test's runtime.
pub(crate) struct Peer {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<Vec<Reply>>,
    asked: Mutex<Vec<Asked>>,
}

impl Peer {
    /// Starts it. The first reply that fits answers; none that fits is a 404 without a word.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        // The first test to get here wins; the others find it done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shared = Arc::new(Shared { replies: Mutex::new(replies), asked: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Answers otherwise from now on.
    pub(crate) fn now(&self, replies: Vec<Reply>) {
        *self.shared.replies.lock().unwrap() = replies;
    }

    /// Everything it was asked so far that begins so.
    pub(crate) fn asked(&self, needle: &str) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.line.starts_with(needle)).cloned().collect()
    }

    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn endpoint(&self, path: &str) -> Endpoint {
        endpoint(&self.url(path))
    }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint { name: "ci".to_owned(), url: url.to_owned(), timeout: Duration::from_secs(20) }
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> Endpoint {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    endpoint(&url)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    shared.asked.lock().unwrap().push(Asked { line: line.clone(), headers: parts.headers, body });
    let mut replies = shared.replies.lock().unwrap();
    let fits = |needle: &str| needle.strip_suffix('$').map_or_else(|| line.starts_with(needle), |whole| line == whole);
    let found = replies.iter_mut().find(|reply| reply.left > 0 && fits(&reply.needle));
    let Some(reply) = found else { return Response::builder().status(404).body(Body::empty()).unwrap() };
    reply.left -= 1;
    if reply.breaks {
        let broken = stream::iter([Err::<Vec<u8>, _>(io::Error::other("gone"))]);
        return Response::new(Body::from_stream(broken));
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body.clone())).unwrap()
}
