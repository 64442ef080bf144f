//! One of the company's servers: a port, its faults, and connections that can be cut. What it answers, and in which words
//! it refuses, is its system's: `systems/NAME/peer`.

use super::faults::{Fault, Peer};
use super::state::Simulation;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::serve::{IncomingStream, Listener};
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Opens a port (any free one when none is given) and answers on it until the shutdown.
pub(crate) async fn open(state: &Arc<Simulation>, peer: Peer, port: Option<u16>, served: Served) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
    let port = listener.local_addr()?.port();
    let entry = (state.clone(), peer, served.manners);
    let service = served
        .router
        .layer(middleware::from_fn_with_state(entry, receive))
        .into_make_service_with_connect_info::<ConnectionBreaker>();
    let closed = {
        let state = state.clone();
        async move { state.closed().await }
    };
    tokio::spawn(async move { axum::serve(Line(listener), service).with_graceful_shutdown(closed).await });
    Ok(port)
}

/// Every request comes through here: it is noted, and meets the active fault.
async fn receive(
    State((state, peer, manners)): State<(Arc<Simulation>, Peer, Manners)>,
    ConnectInfo(breaker): ConnectInfo<ConnectionBreaker>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    state.board.note(peer, &method, &path);
    let fault = match state.fault(peer, &method, &path) {
        Some(Fault::Hang) => {
            wait_for_healing(&state, peer, &method, &path).await;
            state.fault(peer, &method, &path)
        }
        fault => fault,
    };
    match fault {
        None => next.run(request).await,
        Some(Fault::Hang | Fault::DropBefore) => breaker.cut(),
        Some(Fault::DropAfter) => {
            drop(next.run(request).await);
            breaker.cut()
        }
        Some(fault) => refusal(manners, fault, state.clock.now().timestamp()),
    }
}

/// Until the fault is cleared, by the test that set it or by its schedule, or the company closes.
async fn wait_for_healing(state: &Simulation, peer: Peer, method: &str, path: &str) {
    let mut changes = state.board.changes();
    while state.fault(peer, method, path) == Some(Fault::Hang) {
        tokio::select! {
            _ = changes.changed() => {}
            () = state.clock.sleep(chrono::TimeDelta::seconds(5)) => {}
            () = state.closed() => return,
        }
    }
}

/// A system that answers on a port: what it knows, and its own words for what any request may meet.
pub(crate) struct Served {
    /// Its routes.
    pub(crate) router: Router,
    pub(crate) manners: Manners,
}

/// What a vendor says to any request that it does not look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// The body of its 401.
    pub(crate) unauthorized: fn() -> Value,
    /// Its 429.
    pub(crate) rate_limited: fn(RateLimit) -> Response<Body>,
}

/// What somebody who asked too often is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimit {
    /// How long to wait.
    pub(crate) seconds: u32,
    /// When that is over, in epoch seconds.
    pub(crate) until: i64,
}

/// A 429 with the header that says when to come back.
pub(crate) fn too_many(header: &str, value: i64, content_type: &str, body: &Value) -> Response<Body> {
    let headers = [(header::CONTENT_TYPE.as_str(), content_type.to_owned()), (header, value.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, headers, body.to_string()).into_response()
}

/// The 429 of a system that says `Retry-After` in seconds, and a message in JSON.
pub(crate) fn retry_after(limit: RateLimit) -> Response<Body> {
    let body = json!({"message": "Too many requests"});
    too_many("Retry-After", i64::from(limit.seconds), HTML, &body)
}

/// A refusal in the words, headers and formats of the vendor. `now` is in epoch seconds.
fn refusal(manners: Manners, fault: Fault, now: i64) -> Response<Body> {
    match fault {
        Fault::Unauthorized => json(401, &(manners.unauthorized)()),
        Fault::RateLimited { seconds } => {
            (manners.rate_limited)(RateLimit { seconds, until: now + i64::from(seconds) })
        }
        Fault::Html => (StatusCode::OK, [(header::CONTENT_TYPE, HTML)], LOGIN_PAGE).into_response(),
        Fault::ServerError | Fault::Hang | Fault::DropBefore | Fault::DropAfter => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, HTML)], ERROR_PAGE).into_response()
        }
    }
}

/// What a proxy calls its pages, and some vendors their refusals in JSON.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
const LOGIN_PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";
const ERROR_PAGE: &str = "<html>\n<head><title>500 Internal Server Error</title></head>\n<body>\n<center><h1>500 Internal Server Error</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>\n";

/// A JSON answer.
pub(crate) fn json(status: u16, body: &Value) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Cuts a connection, so that whoever is at its other end never gets an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionBreaker(Arc<AtomicBool>);

impl ConnectionBreaker {
    /// The answer that will not be sent: writing it fails, which makes the server close the connection.
    fn cut(&self) -> Response<Body> {
        self.0.store(true, Ordering::Release);
        Response::new(Body::empty())
    }
}

/// Accepts connections and makes each of them breakable.
struct Line(TcpListener);

impl Listener for Line {
    type Io = BreakableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BreakableStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    return (BreakableStream { stream, breaker: ConnectionBreaker::default() }, address);
                }
                // Most often out of file descriptors: others must close some first.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Line>> for ConnectionBreaker {
    fn connect_info(stream: IncomingStream<'_, Line>) -> Self {
        stream.io().breaker.clone()
    }
}

/// A connection that can be cut.
struct BreakableStream {
    stream: TcpStream,
    breaker: ConnectionBreaker,
}

impl AsyncRead for BreakableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.breaker.0.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
