//! What the probe asks: the company's own address, which is well as long as pods serve and reach the database.

use crate::simulated::history::seconds;
use crate::simulated::server::{Manners, Served, json as answer, retry_after};
use crate::simulated::state::Simulation;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};
use std::sync::Arc;

const MANNERS: Manners = Manners { unauthorized, rate_limited: retry_after };

fn unauthorized() -> Value {
    json!({"error": "unauthorized"})
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    let router = Router::new().fallback(health).with_state(state);
    Served { router, manners: MANNERS }
}

async fn health(State(state): State<Arc<Simulation>>) -> Response<Body> {
    let (capacity, pool) =
        state.with(|world, now| (world.history.serving(0, seconds(now)).capacity, world.pool(0, now)));
    if capacity <= 0.0 {
        answer(503, &json!({"status": "unavailable", "reason": "no pod is ready"}))
    } else if pool >= 1.0 {
        answer(503, &json!({"status": "unavailable", "reason": "database: no connection within 2 s"}))
    } else {
        answer(200, &json!({"status": "ok"}))
    }
}
