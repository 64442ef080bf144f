//! The company's Argo CD, where the scenario has one: an application for its first service, kept as Git has it.

use super::server::json as answer;
use super::state::{DemoState, User};
use super::world::World;
use crate::deploy::Time;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use axum::routing::{get, post};
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use std::sync::Arc;

/// The annotation by which Argo CD knows its own.
pub(crate) const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// How long a synchronization takes.
const SYNC: TimeDelta = TimeDelta::seconds(4);
/// How soon a change manually is put back.
const HEAL: TimeDelta = TimeDelta::seconds(3);

/// What Argo CD keeps of its one application.
#[derive(Debug)]
pub(crate) struct Application {
    /// Its name; the service's as well.
    pub(crate) name: String,
    /// `spec.syncPolicy.automated`, as it was patched.
    automated: Value,
    /// What Git has.
    in_git: String,
    /// Deployed versions, oldest first, the last one being what it wants to be live.
    history: Vec<Entry>,
    operation: Option<Operation>,
    /// Since when what is live is not what it wants.
    drifted: Option<Time>,
}

#[derive(Debug)]
struct Entry {
    id: i64,
    version: String,
    at: Time,
}

#[derive(Debug)]
struct Operation {
    version: String,
    begun: Time,
    done: bool,
}

impl Application {
    /// An application that has deployed these versions, oldest first, days apart.
    pub(crate) fn new(name: &str, versions: &[String], now: Time) -> Self {
        let ages = (0..).map(|back| TimeDelta::hours(52 + 170 * back));
        let mut history: Vec<Entry> = versions
            .iter()
            .rev()
            .zip(ages)
            .map(|(version, age)| Entry { id: 0, version: version.clone(), at: now - age })
            .collect();
        history.reverse();
        for (entry, id) in history.iter_mut().zip(1..) {
            entry.id = id;
        }
        Self {
            name: name.to_owned(),
            automated: json!({"prune": true, "selfHeal": true}),
            in_git: versions.last().cloned().unwrap_or_default(),
            history,
            operation: None,
            drifted: None,
        }
    }

    /// Somebody merged a new version.
    pub(crate) fn merge(&mut self, version: &str, now: Time) {
        version.clone_into(&mut self.in_git);
        self.note(version, now);
    }

    /// Whether it synchronizes by itself: present without `enabled` it does.
    fn auto_syncs(&self) -> bool {
        self.automated.is_object() && self.automated["enabled"] != false
    }

    fn note(&mut self, version: &str, now: Time) {
        let id = self.history.last().map_or(1, |entry| entry.id + 1);
        self.history.push(Entry { id, version: version.to_owned(), at: now });
    }

    /// What is done now, given the version that is live: the version to deploy, if any.
    pub(crate) fn step(&mut self, live: &str, now: Time) -> Option<String> {
        if let Some(operation) = self.operation.as_mut().filter(|operation| !operation.done) {
            if now - operation.begun < SYNC {
                return None;
            }
            operation.done = true;
            let version = operation.version.clone();
            self.note(&version, now);
            return Some(version);
        }
        if !self.auto_syncs() || live == self.in_git {
            self.drifted = None;
            return None;
        }
        let drifted = *self.drifted.get_or_insert(now);
        (now - drifted >= HEAL).then(|| self.in_git.clone())
    }

    fn render(&self, live: &str) -> Value {
        let stamp = |at: Time| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let history: Vec<Value> = self
            .history
            .iter()
            .map(|entry| {
                json!({"id": entry.id, "revision": revision(&entry.version),
                       "deployStartedAt": stamp(entry.at), "deployedAt": stamp(entry.at),
                       "initiatedBy": {"automated": self.auto_syncs()}})
            })
            .collect();
        let mut sync_policy = json!({});
        if self.automated.is_object() {
            sync_policy["automated"] = self.automated.clone();
        }
        let mut status = json!({
            "sync": {"status": if live == self.in_git { "Synced" } else { "OutOfSync" }, "revision": revision(&self.in_git)},
            "health": {"status": "Healthy"},
            "history": history,
            "summary": {"images": [format!("registry.example.com/{}:{live}", self.name)]},
        });
        if let Some(operation) = &self.operation {
            let (phase, message) = if operation.done {
                ("Succeeded", "successfully synced (all tasks run)")
            } else {
                ("Running", "waiting for completion of hook")
            };
            status["operationState"] = json!({"phase": phase, "message": message, "startedAt": stamp(operation.begun),
                "operation": {"sync": {"revision": revision(&operation.version)}}});
        }
        json!({
            "metadata": {"name": self.name, "namespace": "argocd", "uid": "5b0c6a9e-0000-4000-a000-5e1f00d00001"},
            "spec": {"project": "shop", "source": {"repoURL": "https://git.example.com/shop/deploy.git", "path": "production"},
                     "syncPolicy": sync_policy},
            "status": status,
        })
    }
}

/// A commit for a version: forty hexadecimal digits, the same each time.
fn revision(version: &str) -> String {
    let noise = |salt| super::noise::hash(salt, super::noise::stream(version), 0);
    format!("{:016x}{:016x}{:08x}", noise(1), noise(2), noise(3) as u32)
}

pub(crate) fn router(state: Arc<DemoState>) -> Router {
    Router::new()
        .route("/api/version", get(async || answer(200, &json!({"Version": "v3.3.0+c1d9d2e"}))))
        .route("/api/v1/applications/{name}", get(read).patch(change))
        .route("/api/v1/applications/{name}/rollback", post(roll_back))
        .route("/api/v1/account/can-i/{resource}/{action}/{*subresource}", get(can_i))
        .with_state(state)
}

/// A gRPC error as Argo CD's gateway writes it.
fn refusal(status: u16, code: u8, message: &str) -> Response<Body> {
    answer(status, &json!({"error": message, "code": code, "message": message}))
}

/// The refusal of a caller who is not known, or may not change things where that is wanted.
fn turned_away(state: &DemoState, headers: &HeaderMap, changes: bool) -> Option<Response<Body>> {
    match state.bearer(headers) {
        None => Some(refusal(401, 16, "no session information")),
        Some(User::Viewer) if changes => {
            Some(refusal(403, 7, "permission denied: applications, sync, shop/app, sub: viewer"))
        }
        Some(_) => None,
    }
}

fn with_application(
    state: &DemoState,
    name: &str,
    act: impl FnOnce(&mut World, Time) -> Response<Body>,
) -> Response<Body> {
    state.with(|world, now| {
        if world.argocd.as_ref().is_some_and(|application| application.name == name) {
            act(world, now)
        } else {
            refusal(403, 7, "permission denied")
        }
    })
}

/// The application as it is now.
fn shown(world: &World) -> Response<Body> {
    let rendered = world.argocd.as_ref().map(|application| application.render(&world.live_version(&application.name)));
    answer(200, &rendered.unwrap_or_default())
}

async fn read(State(state): State<Arc<DemoState>>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Some(refused) = turned_away(&state, &headers, false) {
        return refused;
    }
    with_application(&state, &name, |world, _| shown(world))
}

/// Only the synchronization policy can be changed here; everything else of an application is Git's.
async fn change(
    State(state): State<Arc<DemoState>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if let Some(refused) = turned_away(&state, &headers, true) {
        return refused;
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let patch = request["patch"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let automated = patch.as_ref().and_then(|patch| patch.pointer("/spec/syncPolicy/automated")).cloned();
    let Some(automated) = automated.filter(|_| request["patchType"] == "merge") else {
        return refusal(400, 3, "error decoding patch");
    };
    with_application(&state, &name, |world, _| {
        if let Some(application) = &mut world.argocd {
            merge(&mut application.automated, automated);
        }
        shown(world)
    })
}

/// A merge patch (RFC 7386) of one flat object.
fn merge(object: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *object = patch;
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in patch {
        match (object.as_object_mut(), value.is_null()) {
            (Some(fields), true) => drop(fields.remove(&key)),
            (Some(fields), false) => drop(fields.insert(key, value)),
            (None, _) => {}
        }
    }
}

async fn roll_back(
    State(state): State<Arc<DemoState>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if let Some(refused) = turned_away(&state, &headers, true) {
        return refused;
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    with_application(&state, &name, |world, now| {
        let Some(application) = &mut world.argocd else { return refusal(403, 7, "permission denied") };
        if application.auto_syncs() {
            return refusal(400, 9, "rollback cannot be initiated when auto-sync is enabled");
        }
        if application.operation.as_ref().is_some_and(|operation| !operation.done) {
            return refusal(400, 9, "another operation is already in progress");
        }
        // Protobuf's JSON writes 64-bit numbers as texts; both are taken.
        let id = request["id"].as_i64().or_else(|| request["id"].as_str()?.parse().ok());
        let Some(entry) = application.history.iter().find(|entry| Some(entry.id) == id) else {
            return refusal(400, 3, &format!("application {name} does not have deployment with id {}", request["id"]));
        };
        if request["dryRun"] != true {
            let version = entry.version.clone();
            application.operation = Some(Operation { version, begun: now, done: false });
        }
        shown(world)
    })
}

async fn can_i(
    State(state): State<Arc<DemoState>>,
    Path((_, action, _)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    match state.bearer(&headers) {
        None => refusal(401, 16, "no session information"),
        Some(User::Viewer) if action != "get" => answer(200, &json!({"value": "no"})),
        Some(_) => answer(200, &json!({"value": "yes"})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(second: i64) -> Time {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap_or_default()
    }

    #[test]
    fn a_change_by_hand_is_put_back_within_seconds_while_it_synchronizes_by_itself() {
        let mut app = Application::new("app", &["1.8.3".to_owned(), "1.9.0".to_owned()], at(0));
        assert_eq!(app.step("1.9.0", at(1)), None);
        assert_eq!(app.step("1.8.3", at(2)), None);
        assert_eq!(app.step("1.8.3", at(5)).as_deref(), Some("1.9.0"));
        merge(&mut app.automated, json!({"enabled": false}));
        assert_eq!(app.automated, json!({"prune": true, "selfHeal": true, "enabled": false}));
        assert_eq!(app.step("1.8.3", at(60)), None);
    }
}
