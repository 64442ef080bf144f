//! A small API server on loopback that knows Rollouts: it reads, lists, reviews access, and applies JSON patches with
//! their tests, of the whole object or of its status alone. It keeps a record of what it was asked.

use super::objects::World;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use redflag::cluster::{Cluster, ClusterIdentity, Facts};
use redflag::rollback::planner::Planner;
use redflag::rollback::request::PlanRequest;
use redflag::rollback::{Readiness, Refusal, Step};
use redflag::systems::argo_rollouts::ArgoRollouts;
use redflag::systems::registry::perform::Performer;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

/// What the peer does with a request that changes something.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// What an API server does.
    Usual,
    /// What an API server does, and then this status instead of its own answer.
    DoneBut(u16),
    /// This status, and nothing is done.
    Answer(u16),
    /// Somebody else changes the world at this moment, then the usual.
    After(fn(&mut World)),
}

struct Shared {
    world: Mutex<World>,
    log: Mutex<Vec<(String, Value)>>,
    act: Act,
    allowed: bool,
}

pub(crate) struct Peer {
    address: String,
    shared: Arc<Shared>,
}

impl Peer {
    pub(crate) async fn usual(world: World) -> Self {
        Self::serve(world, Act::Usual, true).await
    }

    /// Who asks may not patch.
    pub(crate) async fn forbidding(world: World) -> Self {
        Self::serve(world, Act::Usual, false).await
    }

    pub(crate) async fn acting(world: World, act: Act) -> Self {
        Self::serve(world, act, true).await
    }

    async fn serve(world: World, act: Act, allowed: bool) -> Self {
        let shared = Arc::new(Shared { world: Mutex::new(world), log: Mutex::default(), act, allowed });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) fn planner(&self) -> ArgoRollouts {
        ArgoRollouts::new(self.cluster())
    }

    pub(crate) fn performer(&self) -> Performer {
        Performer::of_cluster(self.cluster())
    }

    /// A cluster as redflag connects to one: nothing is ever tried twice by itself.
    pub(crate) fn cluster(&self) -> Cluster {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = kube::Config::new(self.address.parse().unwrap());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        let (identity, facts) = (ClusterIdentity::default(), Facts::default());
        Cluster {
            client,
            label: "prod-eu".to_owned(),
            server: "127.0.0.1:443".to_owned(),
            timeout: PATIENCE,
            identity,
            facts,
        }
    }

    pub(crate) async fn ready(&self, ask: &PlanRequest) -> Arc<Step> {
        match self.planner().prepare(ask).await {
            Readiness::Ready(step) => step,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn blocked(&self, ask: &PlanRequest) -> Refusal {
        match self.planner().prepare(ask).await {
            Readiness::Blocked(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn world(&self) -> World {
        self.shared.world.lock().unwrap().clone()
    }

    /// The requests that changed something, or tried to, with their bodies; dry runs are not among them.
    pub(crate) fn writes(&self) -> Vec<(String, Value)> {
        let log = self.shared.log.lock().unwrap();
        log.iter().filter(|(line, _)| line.starts_with("PATCH") && !line.contains("dryRun")).cloned().collect()
    }

    /// Everything it was asked, in short: method and path.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_dry = uri.query().is_some_and(|query| query.contains("dryRun=All"));
    let dry = if is_dry { " dryRun" } else { "" };
    shared.log.lock().unwrap().push((format!("{method} {}{dry}", uri.path()), body.clone()));
    if uri.query().is_some_and(|query| query.contains("watch=true")) {
        // Nothing more will happen.
        std::future::pending::<()>().await;
    }
    let mut world = shared.world.lock().unwrap();
    let is_write = method == Method::PATCH && !is_dry;
    let (status, answer) = match shared.act {
        Act::Answer(status) if is_write => (status, told(status)),
        Act::DoneBut(status) if is_write => {
            usual(&mut world, &method, uri.path(), &body, is_dry, shared.allowed);
            (status, told(status))
        }
        act => {
            if let (Act::After(change), true) = (act, is_write) {
                change(&mut world);
            }
            usual(&mut world, &method, uri.path(), &body, is_dry, shared.allowed)
        }
    };
    (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response()
}

fn told(code: u16) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "message": "told so by the test"})
}

fn not_found() -> (u16, Value) {
    let message = "the server could not find the requested resource";
    (404, json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": message}))
}

fn usual(world: &mut World, method: &Method, path: &str, body: &Value, dry: bool, allowed: bool) -> (u16, Value) {
    let apps = "/apis/apps/v1/namespaces/production";
    let own = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/web";
    let template = format!("{apps}/deployments/web-template");
    match (method, path) {
        (&Method::GET, "/api/v1/namespaces/kube-system") => (200, json!({"metadata": {"uid": "uid-cluster"}})),
        (&Method::GET, path) if path == own => (200, world.rollout.clone()),
        (&Method::GET, path) if path == template => world.deployment.clone().map_or_else(not_found, |it| (200, it)),
        (&Method::GET, "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts") => {
            list(std::slice::from_ref(&world.rollout))
        }
        (&Method::GET, "/api/v1/namespaces/production/pods") => list(&world.pods),
        (&Method::GET, path) if path == format!("{apps}/replicasets") => list(&world.replica_sets),
        (&Method::GET, path) if path.starts_with("/api/v1/") || path.starts_with("/apis/autoscaling/") => list(&[]),
        (&Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
            (201, json!({"status": {"allowed": allowed}}))
        }
        (&Method::PATCH, path) if path == own => {
            let (has_status, status) = (world.has_status, world.rollout["status"].clone());
            patch(&mut world.rollout, body, dry, |before, after| {
                // With the subresource its status is nobody's to write here; without it a status counts like a spec.
                if has_status {
                    after["status"] = status;
                }
                after["spec"] != before["spec"] || (!has_status && after["status"] != before["status"])
            })
        }
        (&Method::PATCH, path) if path == format!("{own}/status") && world.has_status => {
            patch(&mut world.rollout, body, dry, |before, after| {
                *after = json!({"status": after["status"], "spec": before["spec"], "metadata": before["metadata"]});
                false
            })
        }
        (&Method::PATCH, path) if path == template => {
            let deployment = world.deployment.as_mut().unwrap();
            patch(deployment, body, dry, |before, after| after["spec"] != before["spec"])
        }
        _ => not_found(),
    }
}

fn list(items: &[Value]) -> (u16, Value) {
    (200, json!({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items}))
}

/// Applies a JSON patch; `keep` mends what may not be changed, and says whether the generation grows.
fn patch(object: &mut Value, body: &Value, dry: bool, keep: impl FnOnce(&Value, &mut Value) -> bool) -> (u16, Value) {
    let mut after = object.clone();
    let operations: json_patch::Patch = serde_json::from_value(body.clone()).unwrap();
    if json_patch::patch(&mut after, &operations).is_err() {
        let message = "the server rejected our request due to an error in our request";
        return (422, json!({"kind": "Status", "reason": "Invalid", "code": 422, "message": message, "details": {}}));
    }
    if keep(object, &mut after) {
        after["metadata"]["generation"] = json!(after["metadata"]["generation"].as_i64().unwrap() + 1);
    }
    if !dry {
        *object = after.clone();
    }
    (200, after)
}
