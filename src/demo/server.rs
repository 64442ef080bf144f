//! One of the company's servers: a port, its faults, and connections that can be cut.

use super::faults::{Fault, Peer};
use super::state::DemoState;
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
pub(crate) async fn open(state: &Arc<DemoState>, peer: Peer, port: Option<u16>, router: Router) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
    let port = listener.local_addr()?.port();
    let entry = (state.clone(), peer);
    let service = router
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
    State((state, peer)): State<(Arc<DemoState>, Peer)>,
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
        Some(fault) => refusal(peer, fault, state.clock.now().timestamp()),
    }
}

/// Until the fault is cleared, by the test that set it or by its schedule, or the company closes.
async fn wait_for_healing(state: &DemoState, peer: Peer, method: &str, path: &str) {
    let mut changes = state.board.changes();
    while state.fault(peer, method, path) == Some(Fault::Hang) {
        tokio::select! {
            _ = changes.changed() => {}
            () = state.clock.sleep(chrono::TimeDelta::seconds(5)) => {}
            () = state.closed() => return,
        }
    }
}

/// A refusal in the words, headers and formats of the vendor. `now` is in epoch seconds.
fn refusal(peer: Peer, fault: Fault, now: i64) -> Response<Body> {
    let json =
        |status: StatusCode, body: Value| (status, [(header::CONTENT_TYPE, "application/json")], body.to_string());
    match fault {
        Fault::Unauthorized => json(StatusCode::UNAUTHORIZED, unauthorized(peer)).into_response(),
        Fault::RateLimited { seconds } => {
            let (name, value) = match peer {
                Peer::Sentry => ("X-Sentry-Rate-Limit-Reset", (now + i64::from(seconds)).to_string()),
                Peer::Datadog => ("X-RateLimit-Reset", seconds.to_string()),
                _ => ("Retry-After", seconds.to_string()),
            };
            let body = match peer {
                Peer::Sentry => {
                    json!({"detail": "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 seconds"})
                }
                Peer::Datadog => json!({"errors": ["Too many requests"]}),
                Peer::Kubernetes => json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "too many requests, please try again later", "reason": "TooManyRequests",
                    "details": {"retryAfterSeconds": seconds}, "code": 429}),
                _ => json!({"message": "Too many requests"}),
            };
            // Sentry and Datadog do not call it JSON, though it is.
            let kind = if peer == Peer::Kubernetes { "application/json" } else { "text/html; charset=utf-8" };
            let headers = [(header::CONTENT_TYPE.as_str(), kind.to_owned()), (name, value)];
            (StatusCode::TOO_MANY_REQUESTS, headers, body.to_string()).into_response()
        }
        Fault::Html => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], LOGIN_PAGE).into_response()
        }
        _ => {
            let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (StatusCode::INTERNAL_SERVER_ERROR, headers, ERROR_PAGE).into_response()
        }
    }
}

const LOGIN_PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";
const ERROR_PAGE: &str = "<html>\n<head><title>500 Internal Server Error</title></head>\n<body>\n<center><h1>500 Internal Server Error</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>\n";

/// What each vendor says to a wrong token.
pub(crate) fn unauthorized(peer: Peer) -> Value {
    match peer {
        Peer::Grafana => json!({"extra": null, "message": "Invalid API key", "messageId": "api-key.invalid",
                                "statusCode": 401, "traceID": ""}),
        Peer::Sentry => json!({"detail": "Invalid token"}),
        Peer::Datadog => json!({"errors": ["Unauthorized"]}),
        Peer::Website => json!({"error": "unauthorized"}),
        Peer::Unleash => {
            json!({"id": "", "name": "AuthenticationRequired", "message": "You must log in to use Unleash."})
        }
        Peer::ArgoCd => json!({"error": "no session information", "code": 16, "message": "no session information"}),
        Peer::Kubernetes => json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                   "message": "Unauthorized", "reason": "Unauthorized", "code": 401}),
    }
}

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
