//! What the probe asks: the company's own address, which is well as long as pods serve and reach the database.

use super::history::seconds;
use super::server::json as answer;
use super::state::DemoState;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::json;
use std::sync::Arc;

pub(crate) fn router(state: Arc<DemoState>) -> Router {
    Router::new().fallback(health).with_state(state)
}

async fn health(State(state): State<Arc<DemoState>>) -> Response<Body> {
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
