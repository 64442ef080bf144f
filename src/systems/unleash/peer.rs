//! The company's Unleash: one flag, which guards what is wrong with the bad release. Programs hear of its turning off
//! a few seconds later, as SDKs do.

use crate::deploy::Time;
use crate::simulated::history::{History, iso, seconds};
use crate::simulated::names::{FEATURE, PROJECT};
use crate::simulated::server::{Manners, Served, json as answer, retry_after};
use crate::simulated::state::{Simulation, User};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::{get, post};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::sync::Arc;

/// Its one environment.
const ENVIRONMENT: &str = "production";
/// How long programs take to hear of a change: the usual interval of an SDK.
const HEARD_AFTER: TimeDelta = TimeDelta::seconds(15);

const MANNERS: Manners = Manners { unauthorized, rate_limited: retry_after };

fn unauthorized() -> Value {
    json!({"id": "", "name": "AuthenticationRequired", "message": "You must log in to use Unleash."})
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    const FEATURES: &str = "/api/admin/projects/{project}/features";
    let router = Router::new()
        .route("/api/admin/user", get(me))
        .route("/api/admin/projects", get(projects))
        .route(FEATURES, get(list))
        .route(&format!("{FEATURES}/{{feature}}"), get(read))
        .route(&format!("{FEATURES}/{{feature}}/environments/{{environment}}/{{state}}"), post(turn))
        .with_state(state);
    Served { router, manners: MANNERS }
}

/// An error as Unleash writes it.
fn refusal(status: u16, name: &str, message: &str) -> Response<Body> {
    let id = "3f2b8a53-0000-4000-a000-5e1f00d00002";
    answer(status, &json!({"id": id, "name": name, "message": message, "details": [{"message": message}]}))
}

/// What is wrong with a token or a name, if anything.
fn refused(
    state: &Simulation,
    headers: &HeaderMap,
    project: &str,
    feature: &str,
    changes: bool,
) -> Option<Response<Body>> {
    // Unleash takes tokens as they are, without `Bearer`.
    let token = headers.get(header::AUTHORIZATION).and_then(|token| token.to_str().ok()).unwrap_or_default();
    match state.user(token) {
        None => Some(refusal(401, "AuthenticationRequired", "You must log in to use Unleash.")),
        Some(User::Viewer) if changes => Some(refusal(
            403,
            "PermissionError",
            "You don't have the required permissions to perform this operation. To perform this action, you need the \
             \"UPDATE_FEATURE_ENVIRONMENT\" permission in the \"production\" environment.",
        )),
        Some(_) if project != PROJECT => Some(refusal(404, "NotFoundError", "Could not find project")),
        Some(_) if feature != FEATURE => {
            Some(refusal(404, "NotFoundError", &format!("Could not find feature flag with name {feature}")))
        }
        Some(_) => None,
    }
}

fn render(history: &History, now: Time, with_strategies: bool) -> Value {
    let mut environment = json!({
        "name": ENVIRONMENT, "type": "production", "sortOrder": 1, "lastSeenAt": iso(seconds(now)),
        "enabled": history.feature_is_on(),
    });
    if with_strategies {
        environment["strategies"] = json!([{
            "id": "1", "name": "flexibleRollout", "disabled": false, "constraints": [], "segments": [],
            "parameters": {"groupId": FEATURE, "rollout": "100", "stickiness": "default"},
        }]);
    }
    json!({"name": FEATURE, "type": "release", "project": PROJECT, "stale": false, "environments": [environment]})
}

async fn list(State(state): State<Arc<Simulation>>, Path(project): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Some(refused) = refused(&state, &headers, PROJECT, FEATURE, false) {
        return refused;
    }
    // As Unleash 7 answers: a project that is not there has no flags.
    let feature = (project == PROJECT).then(|| state.with(|world, now| render(&world.history, now, false)));
    answer(200, &json!({"version": 2, "features": Vec::from_iter(feature)}))
}

async fn projects(State(state): State<Arc<Simulation>>, headers: HeaderMap) -> Response<Body> {
    refused(&state, &headers, PROJECT, FEATURE, false)
        .unwrap_or_else(|| answer(200, &json!({"version": 1, "projects": [{"id": PROJECT, "name": "Shop"}]})))
}

/// Who asks, and what they may do.
async fn me(State(state): State<Arc<Simulation>>, headers: HeaderMap) -> Response<Body> {
    if let Some(refused) = refused(&state, &headers, PROJECT, FEATURE, false) {
        return refused;
    }
    let changes = refused(&state, &headers, PROJECT, FEATURE, true).is_none();
    let permissions = if changes {
        json!([{"permission": "UPDATE_FEATURE_ENVIRONMENT", "project": PROJECT, "environment": ENVIRONMENT}])
    } else {
        json!([])
    };
    answer(200, &json!({"user": {"id": 1}, "permissions": permissions, "feedback": [], "splash": {}}))
}

async fn read(
    State(state): State<Arc<Simulation>>,
    Path((project, feature)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Some(refused) = refused(&state, &headers, &project, &feature, false) {
        return refused;
    }
    answer(200, &state.with(|world, now| render(&world.history, now, true)))
}

async fn turn(
    State(state): State<Arc<Simulation>>,
    Path((project, feature, environment, turn)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Some(refused) = refused(&state, &headers, &project, &feature, true) {
        return refused;
    }
    if environment != ENVIRONMENT || !matches!(turn.as_str(), "on" | "off") {
        return refusal(404, "NotFoundError", &format!("Could not find environment {environment}"));
    }
    state.with(|world, now| world.history.note_feature(seconds(now + HEARD_AFTER), turn == "on"));
    // As Unleash answers it: empty.
    Response::new(Body::empty())
}
