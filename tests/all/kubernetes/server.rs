//! An API server on loopback that says what a tape says, and breaks off, forgets and refuses when it is told to.

use super::tape::Line;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

type Chunk = Result<Bytes, io::Error>;

/// The server; cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    /// Where it listens: `http://127.0.0.1:…`.
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    requests: watch::Sender<u64>,
    /// Bytes of floods that somebody took.
    flooded: Arc<AtomicU64>,
}

#[derive(Default)]
struct World {
    /// By plural, then by name.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    /// What happened, with its resource version.
    log: Vec<(String, i64, Value)>,
    version: i64,
    /// Watches from before this version are too old.
    forgotten: i64,
    watches: Vec<Watch>,
    /// By plural: what every request for it is answered with.
    refusals: BTreeMap<String, (u16, Value)>,
    /// Whether access reviews are granted, by `verb resource`; all others are.
    not_allowed: Vec<String>,
    /// By plural: what floods whoever asks for it.
    floods: BTreeMap<String, Flood>,
    /// Plurals that may only be listed by a selector, as roles for single names have it.
    only_selected: Vec<String>,
    /// Every request for a collection: its plural, `list` or `watch`, and its selector.
    asked: Vec<(String, &'static str, String)>,
}

/// An answer that is larger than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    /// A list of a hundred thousand pods in one page, whatever limit was asked for.
    Items,
    /// A list without an end.
    Body,
    /// The list is as ever, and the watch one line without an end.
    Line,
}

struct Watch {
    plural: String,
    query: HashMap<String, String>,
    out: mpsc::UnboundedSender<Chunk>,
}

impl Server {
    /// Begins to listen, with an empty world.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, world: Arc::default(), requests: watch::Sender::new(0), flooded: Arc::default() };
        let router = Router::new()
            .route("/version", any(version))
            .route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", any(review))
            .route("/apis/apps/v1/namespaces/{namespace}/{plural}", any(collection))
            .route("/api/v1/namespaces/{namespace}/{plural}", any(collection))
            .route("/apis/apps/v1/namespaces/{namespace}/{plural}/{name}", any(object))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Lets a line of a tape happen; watches hear it.
    pub(crate) fn play(&self, line: &Line) {
        self.happen(line, true);
    }

    /// Lets a line of a tape happen while every watch hangs.
    pub(crate) fn play_unheard(&self, line: &Line) {
        self.happen(line, false);
    }

    fn happen(&self, line: &Line, is_heard: bool) {
        let mut world = self.world.lock().unwrap();
        if let Some(items) = line.value["list"]["items"].as_array() {
            for item in items {
                world.keep(&line.stream, item);
            }
            let version = version_of(&line.value["list"]);
            world.version = world.version.max(version);
        }
        let event = &line.value["event"];
        if event.is_object() {
            world.keep(&line.stream, &event["object"]);
            if event["type"] == "DELETED" {
                let name = event["object"]["metadata"]["name"].as_str().unwrap();
                world.objects.get_mut(&line.stream).unwrap().remove(name);
            }
            let version = version_of(&event["object"]);
            world.version = world.version.max(version);
            world.log.push((line.stream.clone(), version, event.clone()));
            if is_heard {
                world.watches.retain(|watch| {
                    let is_meant = watch.plural == line.stream && matches(&watch.query, &event["object"]);
                    !is_meant || watch.out.send(Ok(json_line(event))).is_ok()
                });
            }
        }
    }

    /// Breaks every running watch in the middle of its answer.
    pub(crate) fn break_off(&self) {
        for watch in self.world.lock().unwrap().watches.drain(..) {
            let _ = watch.out.send(Err(io::Error::other("cut")));
        }
    }

    /// Makes every resource version before now too old to be watched from.
    pub(crate) fn forget_the_past(&self) {
        let mut world = self.world.lock().unwrap();
        world.forgotten = world.version;
        world.log.clear();
    }

    /// Answers every request for this plural so, and ends its watches.
    pub(crate) fn refuse(&self, plural: &str, status: u16, body: Value) {
        let mut world = self.world.lock().unwrap();
        world.refusals.insert(plural.to_owned(), (status, body));
        world.watches.retain(|watch| watch.plural != plural);
    }

    /// Answers again.
    pub(crate) fn relent(&self) {
        let mut world = self.world.lock().unwrap();
        world.refusals.clear();
        world.floods.clear();
    }

    /// Says no to this access review from now on: `patch deployments`.
    pub(crate) fn disallow(&self, what: &str) {
        self.world.lock().unwrap().not_allowed.push(what.to_owned());
    }

    /// Floods whoever asks for this plural from now on; its watches end.
    pub(crate) fn flood(&self, plural: &str, flood: Flood) {
        let mut world = self.world.lock().unwrap();
        world.floods.insert(plural.to_owned(), flood);
        world.watches.retain(|watch| watch.plural != plural);
    }

    /// Bytes of floods that somebody took so far.
    pub(crate) fn flooded(&self) -> u64 {
        self.flooded.load(Ordering::Relaxed)
    }

    /// Lets this plural be listed by a selector only.
    pub(crate) fn only_by_selector(&self, plural: &str) {
        self.world.lock().unwrap().only_selected.push(plural.to_owned());
    }

    /// Keeps an object; watches are told of it.
    pub(crate) fn put(&self, plural: &str, mut object: Value) {
        let mut world = self.world.lock().unwrap();
        world.version += 1;
        object["metadata"]["resourceVersion"] = json!(world.version.to_string());
        world.keep(plural, &object);
        let event = json!({ "type": "ADDED", "object": object });
        let version = world.version;
        world.log.push((plural.to_owned(), version, event.clone()));
        world.watches.retain(|watch| {
            let is_meant = watch.plural == plural && matches(&watch.query, &object);
            !is_meant || watch.out.send(Ok(json_line(&event))).is_ok()
        });
    }

    /// Every request for a collection so far: its plural, `list` or `watch`, and its selector.
    pub(crate) fn asked(&self) -> Vec<(String, &'static str, String)> {
        self.world.lock().unwrap().asked.clone()
    }

    /// How many requests came so far.
    pub(crate) fn requests(&self) -> u64 {
        *self.requests.borrow()
    }
}

impl World {
    fn keep(&mut self, plural: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.objects.entry(plural.to_owned()).or_default().insert(name, object.clone());
    }
}

async fn version() -> Json<Value> {
    Json(super::tape::answer("errors.jsonl", 200, "/version"))
}

async fn review(State(server): State<Server>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let asked = &body["spec"]["resourceAttributes"];
    let what = format!("{} {}", asked["verb"].as_str().unwrap(), asked["resource"].as_str().unwrap());
    let is_allowed = !server.world.lock().unwrap().not_allowed.contains(&what);
    let recorded = super::tape::open("errors.jsonl").into_iter().map(|line| line.value["response"]["body"].clone());
    let mut recorded = recorded.filter(|answer| answer["status"]["allowed"] == is_allowed);
    (StatusCode::CREATED, Json(recorded.next().unwrap()))
}

async fn object(
    State(server): State<Server>,
    Path((_, plural, name)): Path<(String, String, String)>,
    method: Method,
) -> Response {
    assert_eq!(method, Method::GET);
    server.requests.send_modify(|count| *count += 1);
    let world = server.world.lock().unwrap();
    if let Some(refusal) = world.refusals.get(&plural) {
        return refuse(refusal);
    }
    if let Some(object) = world.objects.get(&plural).and_then(|objects| objects.get(&name)) {
        return Json(object).into_response();
    }
    let message = format!("{plural}.apps \"{name}\" not found");
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "NotFound", "code": 404 });
    (StatusCode::NOT_FOUND, Json(status)).into_response()
}

async fn collection(
    State(server): State<Server>,
    Path((_, plural)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    server.requests.send_modify(|count| *count += 1);
    let mut world = server.world.lock().unwrap();
    if let Some(refusal) = world.refusals.get(&plural) {
        return refuse(refusal);
    }
    let selector = query.get("labelSelector").or(query.get("fieldSelector")).cloned().unwrap_or_default();
    let verb = if query.contains_key("watch") { "watch" } else { "list" };
    world.asked.push((plural.clone(), verb, selector.clone()));
    if selector.is_empty() && world.only_selected.contains(&plural) {
        let message = format!("{plural} is forbidden: User \"me\" cannot list resource \"{plural}\"");
        let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": "Forbidden", "code": 403 });
        return refuse(&(403, body));
    }
    match (world.floods.get(&plural), verb) {
        (Some(Flood::Items), "list") => return Body::from(a_hundred_thousand()).into_response(),
        (Some(Flood::Body), "list") => return flood(&server, "{\"kind\":\"List\",\"items\":["),
        (Some(Flood::Line), "watch") => {
            return flood(&server, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"");
        }
        _ => {}
    }
    if verb == "watch" {
        return begin_watch(&mut world, plural, query);
    }
    let all = world.objects.get(&plural).into_iter().flat_map(BTreeMap::values);
    let mut items: Vec<&Value> = all.filter(|object| matches(&query, object)).collect();
    // As the API server pages: from where the token says, and the token of the rest where there is one.
    let number = |name: &str| query.get(name).and_then(|number| number.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0).min(items.len());
    items.drain(..from);
    let mut metadata = json!({ "resourceVersion": world.version.to_string() });
    if let Some(limit) = number("limit").filter(|limit| *limit > 0 && *limit < items.len()) {
        items.truncate(limit);
        metadata["continue"] = json!((from + limit).to_string());
    }
    Json(json!({ "kind": "List", "apiVersion": "v1", "items": items, "metadata": metadata })).into_response()
}

fn a_hundred_thousand() -> Vec<u8> {
    let pod = r#"{"metadata":{"name":"web-5d9-abcde","namespace":"production","uid":"0a6b5c4d","labels":{"app":"web"}},"status":{"phase":"Running"}}"#;
    let mut list = br#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":["#.to_vec();
    list.extend(vec![pod; 100_000].join(",").into_bytes());
    list.extend(b"]}");
    list
}

/// An answer that begins so, and never ends.
fn flood(server: &Server, beginning: &'static str) -> Response {
    let flooded = server.flooded.clone();
    let pieces = futures_util::stream::repeat(Bytes::from(vec![b' '; 1 << 16])).map(move |piece| {
        flooded.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Chunk::Ok(piece)
    });
    let beginning = futures_util::stream::once(std::future::ready(Chunk::Ok(Bytes::from_static(beginning.as_bytes()))));
    Body::from_stream(beginning.chain(pieces)).into_response()
}

fn begin_watch(world: &mut World, plural: String, query: HashMap<String, String>) -> Response {
    let from: i64 = query["resourceVersion"].parse().unwrap();
    if from < world.forgotten {
        // Status 200, and the refusal inside: as recorded.
        let recorded = super::tape::open("watch-too-old.jsonl");
        return Body::from(json_line(&recorded[0].value["response"]["lines"][0])).into_response();
    }
    let (out, mut chunks) = mpsc::unbounded_channel::<Chunk>();
    for (of, version, event) in &world.log {
        if *of == plural && *version > from && matches(&query, &event["object"]) {
            out.send(Ok(json_line(event))).unwrap();
        }
    }
    world.watches.push(Watch { plural, query, out });
    let chunks = futures_util::stream::poll_fn(move |context| chunks.poll_recv(context));
    Body::from_stream(chunks).into_response()
}

fn refuse((status, body): &(u16, Value)) -> Response {
    let status = StatusCode::from_u16(*status).unwrap();
    match body.as_str() {
        Some(text) => (status, text.to_owned()).into_response(),
        None => (status, Json(body)).into_response(),
    }
}

/// The few selectors that the tapes need.
fn matches(query: &HashMap<String, String>, object: &Value) -> bool {
    let fields = query.get("fieldSelector").is_none_or(|selector| match selector.split_once('=').unwrap() {
        ("metadata.name", name) => object["metadata"]["name"] == name,
        ("type", kind) => object["type"] == kind,
        (other, _) => panic!("no field selector {other}"),
    });
    let labels = query.get("labelSelector").is_none_or(|selector| {
        let (name, value) = selector.split_once('=').unwrap();
        object["metadata"]["labels"][name] == value
    });
    fields && labels
}

fn version_of(object: &Value) -> i64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

fn json_line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}
