//! A small Argo CD on loopback: one application, with the rules of the real server (`server/application` of
//! argo-cd 3): auto-sync refuses rollbacks, one operation at a time, one answer for forbidden and not found. A patch is
//! read into the server's own type: a release before 3.1 forgets `automated.enabled`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use redflag::net::Endpoint;
use redflag::secret::Secret;
use redflag::systems::argocd::ArgoCdSpec;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "argocd-token-of-ana";

/// What the server does with a request.
pub(crate) enum Act {
    /// What Argo CD does.
    Usual,
    /// This answer instead.
    Answer(u16, Value),
    /// A page of something in front.
    Page(u16, &'static str),
    /// What Argo CD does, and the answer is lost.
    Lost,
    /// Nothing is done, and no answer comes.
    Hang,
}

type Script = Box<dyn Fn(&str) -> Act + Send + Sync>;

pub(crate) struct ArgoCdServer {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    application: Mutex<Value>,
    asked: Mutex<Vec<(String, Value)>>,
    script: Script,
    version: &'static str,
}

/// `shop` in project `retail`: entry 4 brought 1.8.3, entry 5 brought 1.9.0. Auto-sync is on, with self-healing.
pub(crate) fn application() -> Value {
    let entry = |id: i64, revision: &str, began: &str, ended: &str, image: &str| {
        json!({
            "id": id, "revision": revision, "deployStartedAt": began, "deployedAt": ended,
            "initiatedBy": {"username": "ana"},
            "source": {"repoURL": "https://git.example/shop", "path": "deploy", "kustomize": {"images": [image]}},
        })
    };
    json!({
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "retail",
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "syncOptions": ["ServerSideApply=true"]},
        },
        "status": {
            "sync": {"status": "Synced"},
            "history": [
                entry(3, &"c".repeat(40), "2026-11-20T10:00:00Z", "2026-11-20T10:00:05Z", "company/app:1.8.2"),
                entry(4, &"b".repeat(40), "2026-11-23T01:00:00Z", "2026-11-23T01:00:08Z", "company/app:1.8.3"),
                entry(5, &"a".repeat(40), "2026-11-23T02:09:30Z", "2026-11-23T02:09:38Z", "company/app:1.9.0"),
            ],
            "operationState": {
                "phase": "Succeeded", "startedAt": "2026-11-23T02:09:30Z", "finishedAt": "2026-11-23T02:09:38Z",
                "operation": {"sync": {"revision": "a".repeat(40)}, "initiatedBy": {"automated": true}},
            },
        },
    })
}

impl ArgoCdServer {
    /// Serves this application; `script` is asked before each answer, with `METHOD path`.
    pub(crate) async fn serve(application: Value, script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self::release("v3.3.0+c1d9d2e", application, script).await
    }

    /// A release that does not know `automated.enabled`.
    pub(crate) async fn older(application: Value) -> Self {
        Self::release("v2.14.11+27d1e64", application, |_| Act::Usual).await
    }

    async fn release(
        version: &'static str,
        application: Value,
        script: impl Fn(&str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let (application, asked) = (Mutex::new(application), Mutex::default());
        let shared = Arc::new(Shared { application, asked, script: Box::new(script), version });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) async fn usual(application: Value) -> Self {
        Self::serve(application, |_| Act::Usual).await
    }

    /// What redflag is told of it.
    pub(crate) fn spec(&self, timeout: Duration) -> ArgoCdSpec {
        ArgoCdSpec {
            endpoint: Endpoint { name: "argocd".to_owned(), url: self.address.clone(), timeout },
            token: Secret::new(TOKEN),
            application: None,
        }
    }

    pub(crate) fn strategy(&self) -> ArgoCdSpec {
        self.spec(Duration::from_secs(20))
    }

    /// The same, for somebody who does not wait.
    pub(crate) fn impatient(&self) -> ArgoCdSpec {
        self.spec(Duration::from_millis(100))
    }

    /// What it was asked, as `METHOD path`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect()
    }

    /// Those of them that change something, with their bodies.
    pub(crate) fn writes(&self) -> Vec<(String, Value)> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| !asked.starts_with("GET ")).cloned().collect()
    }

    pub(crate) fn forget(&self) {
        self.shared.asked.lock().unwrap().clear();
    }

    /// The application as it is.
    pub(crate) fn application(&self) -> Value {
        self.shared.application.lock().unwrap().clone()
    }

    /// Changes the application behind everybody's back.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.shared.application.lock().unwrap());
    }

    /// The controller takes the operation that is asked for.
    pub(crate) fn controller_begins(&self) {
        self.change(|application| {
            let operation = application.as_object_mut().unwrap().remove("operation").unwrap();
            application["status"]["operationState"] =
                json!({"phase": "Running", "startedAt": "2026-11-23T02:20:00Z", "operation": operation});
        });
    }

    /// The operation ends.
    pub(crate) fn controller_ends(&self, phase: &str, message: &str) {
        self.change(|application| {
            let state = &mut application["status"]["operationState"];
            state["phase"] = json!(phase);
            state["message"] = json!(message);
            let revision = state["operation"]["sync"]["revision"].clone();
            if phase == "Succeeded" {
                let history = application["status"]["history"].as_array_mut().unwrap();
                let id = history.last().unwrap()["id"].as_i64().unwrap() + 1;
                history.push(json!({"id": id, "revision": revision, "deployedAt": "2026-11-23T02:20:09Z"}));
            }
        });
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let asked = format!("{method} {uri}");
    shared.asked.lock().unwrap().push((asked.clone(), body.clone()));
    let act = (shared.script)(&asked);
    let is_signed_in = headers.get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    match act {
        Act::Answer(status, body) => answer(status, body),
        Act::Page(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Act::Hang => std::future::pending().await,
        Act::Usual | Act::Lost => {
            let (status, body) = if uri.path() == "/api/version" {
                // Asked without a token, too.
                (200, json!({"Version": shared.version}))
            } else if is_signed_in {
                usual(&mut shared.application.lock().unwrap(), shared.version, &method, uri.path(), &body)
            } else {
                error(401, 16, "no session information")
            };
            if matches!(act, Act::Lost) {
                std::future::pending::<()>().await;
            }
            answer(status, body)
        }
    }
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// An error as Argo CD writes it; the code is gRPC's.
pub(crate) fn error(status: u16, code: i64, message: &str) -> (u16, Value) {
    (status, json!({"error": message, "code": code, "message": message, "details": []}))
}

fn usual(application: &mut Value, version: &str, method: &Method, path: &str, body: &Value) -> (u16, Value) {
    let path = path.strip_prefix("/api/v1/").unwrap();
    if path.starts_with("account/can-i/applications/") {
        return (200, json!({"value": "yes"}));
    }
    let own = format!("applications/{}", application["metadata"]["name"].as_str().unwrap());
    if !path.starts_with(&own) {
        return error(403, 7, "permission denied");
    }
    let automated = &application["spec"]["syncPolicy"]["automated"];
    let auto_sync = automated.is_object() && automated["enabled"] != false;
    match (method, &path[own.len()..]) {
        (&Method::GET, "") => (200, application.clone()),
        (&Method::PATCH, "") => {
            assert_eq!(body["patchType"], "merge");
            // The patch is a text that holds JSON.
            let change: Value = serde_json::from_str(body["patch"].as_str().unwrap()).unwrap();
            json_patch::merge(application, &change);
            if let (true, Some(automated)) = (
                version.starts_with("v2."),
                application.pointer_mut("/spec/syncPolicy/automated").and_then(Value::as_object_mut),
            ) {
                automated.remove("enabled");
            }
            (200, application.clone())
        }
        (&Method::POST, "/rollback") => {
            let entries = application["status"]["history"].as_array().unwrap();
            let entry = entries.iter().find(|entry| entry["id"] == body["id"]).cloned();
            match entry {
                _ if auto_sync => error(400, 9, "rollback cannot be initiated when auto-sync is enabled"),
                None => error(400, 3, "application shop does not have deployment with id 99"),
                Some(_) if application["operation"].is_object() => {
                    error(400, 9, "another operation is already in progress")
                }
                Some(entry) => {
                    application["operation"] = json!({
                        "sync": {"revision": entry["revision"], "dryRun": body["dryRun"], "prune": body["prune"]},
                        "initiatedBy": {"username": "ana"},
                    });
                    application["status"]["operationState"] = Value::Null;
                    (200, application.clone())
                }
            }
        }
        _ => error(404, 5, "not found"),
    }
}
