//! The company's Argo CD, where the scenario has one: an application for its first service, kept as Git has it.

use crate::deploy::Time;
use crate::simulated::application::{Application, Operation};
use crate::simulated::noise;
use crate::simulated::server::{Manners, Served, json as answer, retry_after};
use crate::simulated::state::{Simulation, User};
use crate::simulated::world::World;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use axum::routing::{get, post};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use std::sync::Arc;

/// The application as it is told, given the version that is live.
fn render(application: &Application, live: &str) -> Value {
    let stamp = |at: Time| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let history: Vec<Value> = application
        .history
        .iter()
        .map(|entry| {
            json!({"id": entry.id, "revision": revision(&entry.version),
                   "deployStartedAt": stamp(entry.at), "deployedAt": stamp(entry.at),
                   "initiatedBy": {"automated": application.auto_syncs()}})
        })
        .collect();
    let mut sync_policy = json!({});
    if application.automated.is_object() {
        sync_policy["automated"] = application.automated.clone();
    }
    let mut status = json!({
        "sync": {"status": if live == application.in_git { "Synced" } else { "OutOfSync" }, "revision": revision(&application.in_git)},
        "health": {"status": "Healthy"},
        "history": history,
        "summary": {"images": [format!("registry.example.com/{}:{live}", application.name)]},
    });
    if let Some(operation) = &application.operation {
        let (phase, message) = if operation.done {
            ("Succeeded", "successfully synced (all tasks run)")
        } else {
            ("Running", "waiting for completion of hook")
        };
        status["operationState"] = json!({"phase": phase, "message": message, "startedAt": stamp(operation.begun),
            "operation": {"sync": {"revision": revision(&operation.version)}}});
    }
    json!({
        "metadata": {"name": application.name, "namespace": "argocd", "uid": "5b0c6a9e-0000-4000-a000-5e1f00d00001"},
        "spec": {"project": "shop", "source": {"repoURL": "https://git.example.com/shop/deploy.git", "path": "production"},
                 "syncPolicy": sync_policy},
        "status": status,
    })
}

/// A commit for a version: forty hexadecimal digits, the same each time.
fn revision(version: &str) -> String {
    let noise = |salt| noise::hash(salt, noise::stream(version), 0);
    format!("{:016x}{:016x}{:08x}", noise(1), noise(2), noise(3) as u32)
}

const MANNERS: Manners = Manners { unauthorized, rate_limited: retry_after };

fn unauthorized() -> Value {
    json!({"error": "no session information", "code": 16, "message": "no session information"})
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    let router = Router::new()
        .route("/api/version", get(async || answer(200, &json!({"Version": "v3.3.0+c1d9d2e"}))))
        .route("/api/v1/applications/{name}", get(read).patch(change))
        .route("/api/v1/applications/{name}/rollback", post(roll_back))
        .route("/api/v1/account/can-i/{resource}/{action}/{*subresource}", get(can_i))
        .with_state(state);
    Served { router, manners: MANNERS }
}

/// A gRPC error as Argo CD's gateway writes it.
fn refusal(status: u16, code: u8, message: &str) -> Response<Body> {
    answer(status, &json!({"error": message, "code": code, "message": message}))
}

/// The refusal of a caller who is not known, or may not change things where that is wanted.
fn turned_away(state: &Simulation, headers: &HeaderMap, changes: bool) -> Option<Response<Body>> {
    match state.bearer(headers) {
        None => Some(refusal(401, 16, "no session information")),
        Some(User::Viewer) if changes => {
            Some(refusal(403, 7, "permission denied: applications, sync, shop/app, sub: viewer"))
        }
        Some(_) => None,
    }
}

fn with_application(
    state: &Simulation,
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
    let rendered = world.argocd.as_ref().map(|application| render(application, &world.live_version(&application.name)));
    answer(200, &rendered.unwrap_or_default())
}

async fn read(State(state): State<Arc<Simulation>>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Some(refused) = turned_away(&state, &headers, false) {
        return refused;
    }
    with_application(&state, &name, |world, _| shown(world))
}

/// Only the synchronization policy can be changed here; everything else of an application is Git's.
async fn change(
    State(state): State<Arc<Simulation>>,
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
            json_patch::merge(&mut application.automated, &automated);
        }
        shown(world)
    })
}

async fn roll_back(
    State(state): State<Arc<Simulation>>,
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
    State(state): State<Arc<Simulation>>,
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

    #[test]
    fn a_patch_of_the_synchronization_policy_leaves_what_it_does_not_name() {
        let mut automated = json!({"prune": true, "selfHeal": true});
        json_patch::merge(&mut automated, &json!({"enabled": false}));
        assert_eq!(automated, json!({"prune": true, "selfHeal": true, "enabled": false}));
        json_patch::merge(&mut automated, &json!({"prune": null}));
        assert_eq!(automated, json!({"selfHeal": true, "enabled": false}));
        json_patch::merge(&mut automated, &Value::Null);
        assert_eq!(automated, Value::Null);
    }
}
