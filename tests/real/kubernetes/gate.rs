//! A door between the program and the API server: what goes through is passed on as it is, requests that change a workload
//! are counted, and may be held until the story lets them go. What a proxy, a webhook of admission or a busy server does.
//!
//! The program talks plain HTTP to it on loopback, and it talks to the server as whoever owns the story.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kube::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

/// No request of these stories is larger.
const LARGEST: usize = 1 << 20;
/// What does not arrive within this time does not arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// The door. Whoever has it sees what went through.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    /// Whether requests that change a workload wait here.
    holds: watch::Sender<bool>,
    /// How many of them came, and how many of those the server has answered.
    came: watch::Sender<usize>,
    answered: watch::Sender<usize>,
}

impl Gate {
    /// Opens a door to the server that this client leads to.
    pub(crate) async fn open(client: &Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            client: client.clone(),
            holds: watch::Sender::new(false),
            came: watch::Sender::new(0),
            answered: watch::Sender::new(0),
        });
        let router = Router::new().route("/probe", get(probe)).fallback(pass).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    /// The kubeconfig that leads through the door, with the one context `lab`.
    pub(crate) fn kubeconfig(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "lab", "user": {}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]})
    }

    /// From now on changes of workloads wait.
    pub(crate) fn hold(&self) {
        self.inner.holds.send_replace(true);
    }

    /// What waits goes on to the server, whoever sent it is still there or not.
    pub(crate) fn let_go(&self) {
        self.inner.holds.send_replace(false);
    }

    /// How many changes of workloads were asked for.
    pub(crate) fn changes(&self) -> usize {
        *self.inner.came.borrow()
    }

    /// Waits until so many changes of workloads were asked for.
    pub(crate) async fn until_asked(&self, changes: usize) {
        until(&self.inner.came, changes, "asked for").await;
    }

    /// Waits until the server has answered so many.
    pub(crate) async fn until_answered(&self, changes: usize) {
        until(&self.inner.answered, changes, "answered").await;
    }
}

async fn until(count: &watch::Sender<usize>, wanted: usize, what: &str) {
    let mut seen = count.subscribe();
    let came = timeout(PATIENCE, seen.wait_for(|count| *count >= wanted)).await.is_ok();
    assert!(came, "{wanted} changes were never {what}, only {}", *count.borrow());
}

/// The environment's own address, which its probe asks.
async fn probe() -> StatusCode {
    StatusCode::OK
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    // A request that has arrived goes on, though whoever sent it has hung up.
    let passed = tokio::spawn(async move {
        let changes = changes_a_workload(&request);
        if changes {
            inner.came.send_modify(|count| *count += 1);
            let _ = inner.holds.subscribe().wait_for(|holds| !holds).await;
        }
        let answer = forward(&inner.client, request).await;
        if changes {
            inner.answered.send_modify(|count| *count += 1);
        }
        answer
    });
    passed.await.unwrap()
}

async fn forward(client: &Client, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    for hop in [header::HOST, header::CONNECTION, header::ACCEPT_ENCODING, header::AUTHORIZATION] {
        head.headers.remove(hop);
    }
    let body = to_bytes(body, LARGEST).await.unwrap();
    let request = http::Request::from_parts(head, kube::client::Body::from(body.to_vec()));
    match client.send(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

fn changes_a_workload(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    *request.method() != Method::GET && request.uri().path().starts_with("/apis/apps/v1/") && !query.contains("dryRun")
}
