//! A small API server on loopback: it reads, lists, reviews access and applies JSON patches with their
//! tests, unless a test tells it to answer otherwise. It keeps a record of what it was asked.

use crate::rollback::objects::{World, tape};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use redflag::cluster::{Cluster, ClusterIdentity, Facts};
use redflag::rollback::{Answer, Step};
use redflag::systems::registry::perform::Performer;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// Long enough never to end a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the peer does with a request.
pub(crate) enum Act {
    /// What an API server does.
    Usual,
    /// This answer instead.
    Answer(u16, Value),
    /// An answer that is not JSON, as of a proxy in front.
    Page(u16, &'static str),
    /// What an API server does, and then this answer instead of its own.
    DoneBut(u16, Value),
    /// That it is too busy, as an API server says it: not as a `Status`, and for how long in a header.
    Busy,
    /// Nothing, for ever.
    Hang,
    /// Somebody else changes the world at this moment, then the usual.
    After(fn(&mut World)),
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and parameters.
    pub(crate) target: String,
    pub(crate) accept: String,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_dry(&self) -> bool {
        self.target.contains("dryRun=All")
    }
}

type Script = Box<dyn Fn(&Asked) -> Act + Send + Sync>;

pub(crate) struct Peer {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    asked: Mutex<Vec<Asked>>,
    script: Script,
}

impl Peer {
    /// Serves `world`; `script` is asked before each answer.
    pub(crate) async fn serve(world: World, script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { world: Mutex::new(world), asked: Mutex::default(), script: Box::new(script) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// Serves `world` as an API server does.
    pub(crate) async fn usual(world: World) -> Self {
        Self::serve(world, |_| Act::Usual).await
    }

    pub(crate) fn cluster(&self) -> Cluster {
        cluster(&self.address, PATIENCE)
    }

    /// The same, for somebody who does not wait.
    pub(crate) fn impatient_cluster(&self) -> Cluster {
        cluster(&self.address, Duration::from_millis(50))
    }

    /// Everything it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The same as words: `GET /apis/…`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.asked().iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }

    /// Changes the world behind everybody's back.
    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.shared.world.lock().unwrap());
    }

    /// The image that the workload's template names.
    pub(crate) fn image(&self) -> String {
        let world = self.shared.world.lock().unwrap();
        world.workload["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }
}

/// A cluster at this address, as redflag connects to one: nothing is ever tried twice by itself.
pub(crate) fn cluster(address: &str, timeout: Duration) -> Cluster {
    // The first test to get here wins; the others find it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = kube::Config::new(address.parse().unwrap());
    config.default_retry = false;
    let client = kube::Client::try_from(config).unwrap();
    Cluster {
        client,
        label: "prod-eu".to_owned(),
        timeout,
        identity: ClusterIdentity::default(),
        server: "127.0.0.1:443".to_owned(),
        facts: Facts::default(),
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let accept = headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let asked = Asked { method, target: uri.to_string(), accept, body };
    shared.asked.lock().unwrap().push(asked.clone());
    match (shared.script)(&asked) {
        Act::Usual => {}
        Act::After(change) => change(&mut shared.world.lock().unwrap()),
        Act::Answer(status, body) => return answer(status, body),
        Act::Page(status, text) => return (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Act::DoneBut(status, body) => {
            usual(&mut shared.world.lock().unwrap(), &asked);
            return answer(status, body);
        }
        Act::Busy => return busy(),
        Act::Hang => std::future::pending().await,
    }
    let (status, body) = usual(&mut shared.world.lock().unwrap(), &asked);
    answer(status, body)
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn busy() -> Response {
    let lines = tape("errors");
    let line = lines.iter().find(|line| line["response"]["status"] == 429).unwrap();
    let text = line["response"]["body"].as_str().unwrap().to_owned();
    let stay_away = line["response"]["headers"]["retry-after"].as_str().unwrap().to_owned();
    (StatusCode::TOO_MANY_REQUESTS, [("retry-after", stay_away)], text).into_response()
}

fn usual(world: &mut World, asked: &Asked) -> (u16, Value) {
    let apps = "/apis/apps/v1/namespaces/production";
    let own = format!("{apps}/{}/{}", world.reference.kind.plural(), world.reference.name);
    let path = asked.target.split('?').next().unwrap();
    let other = world.neighbours.iter_mut().find(|it| path.ends_with(&format!("/{}", it.reference.name)));
    if let Some(other) = other {
        return usual(other, asked);
    }
    let list = |items: &[Value]| (200, json!({"kind": "List", "items": items}));
    let everybody = || std::iter::once(&*world).chain(&world.neighbours);
    let all_of_a_kind = format!("{apps}/{}", world.reference.kind.plural());
    match (&asked.method, path) {
        (&Method::GET, path) if path == own => (200, world.workload.clone()),
        (&Method::PATCH, path) if path == own => patch(world, asked),
        (&Method::GET, path) if path == all_of_a_kind => {
            list(&everybody().map(|it| it.workload.clone()).collect::<Vec<_>>())
        }
        (&Method::GET, path) if path == format!("{apps}/replicasets") => {
            list(&everybody().flat_map(|it| it.history.clone()).collect::<Vec<_>>())
        }
        (&Method::GET, path) if path == format!("{apps}/controllerrevisions") => list(&world.history),
        (&Method::GET, "/api/v1/namespaces/production/pods") => list(&world.pods),
        (&Method::DELETE, path) if path.starts_with("/api/v1/namespaces/production/pods/") => delete_pod(world, asked),
        (&Method::GET, "/api/v1/namespaces/production/configmaps") => list(&world.config_maps),
        (&Method::GET, "/api/v1/namespaces/production/secrets") => list(&world.secrets),
        (&Method::GET, "/api/v1/namespaces/production/resourcequotas") => list(&world.quotas),
        (&Method::GET, "/apis/autoscaling/v2/namespaces/production/horizontalpodautoscalers") => {
            list(&world.autoscalers)
        }
        (&Method::GET, "/api/v1/namespaces/kube-system") => {
            (200, json!({"metadata": {"name": "kube-system", "uid": world.cluster}}))
        }
        (&Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => recorded(201),
        (&Method::GET, path) if path.starts_with("/api/v1/namespaces/production/configmaps/") => {
            one(&world.config_maps, path)
        }
        (&Method::GET, path) if path.starts_with("/api/v1/namespaces/production/secrets/") => one(&world.secrets, path),
        _ => recorded(404),
    }
}

/// The one that the path names.
fn one(items: &[Value], path: &str) -> (u16, Value) {
    let name = path.rsplit('/').next().unwrap();
    let found = items.iter().find(|item| item["metadata"]["name"] == name);
    found.map_or_else(|| recorded(404), |item| (200, item.clone()))
}

/// A pod that has this name and, where the request names one, this uid.
fn delete_pod(world: &mut World, asked: &Asked) -> (u16, Value) {
    let name = asked.target.split('?').next().unwrap().rsplit('/').next().unwrap();
    let Some(index) = world.pods.iter().position(|pod| pod["metadata"]["name"] == name) else { return recorded(404) };
    let (wanted, found) = (&asked.body["preconditions"]["uid"], &world.pods[index]["metadata"]["uid"]);
    if !wanted.is_null() && wanted != found {
        return (409, precondition_failed(name));
    }
    (200, world.pods.remove(index))
}

/// As `rest.BeforeDelete` of `k8s.io/apiserver` says it.
pub(crate) fn precondition_failed(name: &str) -> Value {
    let message = format!(
        "Operation cannot be fulfilled on Pod \"{name}\": the UID in the precondition (a) does not match the UID in record \
         (b). The object might have been deleted and then recreated"
    );
    json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": message})
}

fn patch(world: &mut World, asked: &Asked) -> (u16, Value) {
    let mut changed = world.workload.clone();
    let patch: json_patch::Patch = serde_json::from_value(asked.body.clone()).unwrap();
    if json_patch::patch(&mut changed, &patch).is_err() {
        return (422, failed_test());
    }
    if changed["spec"] != world.workload["spec"] {
        changed["metadata"]["generation"] = json!(changed["metadata"]["generation"].as_i64().unwrap() + 1);
    }
    if !asked.is_dry() {
        world.workload = changed.clone();
    }
    (200, changed)
}

/// The first recorded answer with this status.
pub(crate) fn recorded(status: u16) -> (u16, Value) {
    let lines = tape("errors");
    let line = lines.iter().find(|line| line["response"]["status"] == status).unwrap();
    (status, line["response"]["body"].clone())
}

/// A 422 without causes, as recorded.
pub(crate) fn failed_test() -> Value {
    of_tape(|body| body["code"] == 422 && body["details"]["causes"].is_null())
}

/// A 422 with causes, as recorded.
pub(crate) fn invalid() -> Value {
    of_tape(|body| body["code"] == 422 && body["details"]["causes"].is_array())
}

/// A 403 for a patch, as recorded.
pub(crate) fn forbidden() -> Value {
    of_tape(|body| body["code"] == 403 && body["message"].as_str().unwrap().contains("cannot patch"))
}

/// A 403 for a request without credentials, as recorded.
pub(crate) fn anonymous() -> Value {
    of_tape(|body| body["code"] == 403 && body["message"].as_str().unwrap().contains("system:anonymous"))
}

/// A 422 of a policy that says no, as recorded.
pub(crate) fn denied() -> Value {
    of_tape(|body| body["code"] == 422 && body["message"].as_str().unwrap().contains("denied request"))
}

/// An access review that is refused, as recorded.
pub(crate) fn not_allowed() -> Value {
    of_tape(|body| body["status"]["allowed"] == false)
}

fn of_tape(wanted: impl Fn(&Value) -> bool) -> Value {
    tape("errors").into_iter().map(|line| line["response"]["body"].clone()).find(wanted).unwrap()
}

/// Sends a step to this cluster.
pub(crate) async fn send(cluster: &Cluster, step: &Step) -> Answer {
    Performer::of_cluster(cluster.clone()).perform(step).await
}

/// Reads back whether a step took effect in this cluster.
pub(crate) async fn read_back(cluster: &Cluster, step: &Step) -> Answer {
    Performer::of_cluster(cluster.clone()).read_back(step).await
}
