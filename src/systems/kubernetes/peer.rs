//! The company's Kubernetes API server, over a cluster that is simulated down to its controllers
//! (`simulated::cluster`).

mod selector;
mod watch;

use crate::simulated::cluster::etcd::Resource;
use crate::simulated::cluster::patch::{self, Form};
use crate::simulated::cluster::status::Refusal;
use crate::simulated::names::NAMESPACE;
use crate::simulated::server::{Manners, RateLimit, Served, json as json_answer, too_many};
use crate::simulated::state::{Simulation, User};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use selector::Selector;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The API server.
const MANNERS: Manners = Manners { unauthorized: || Refusal::unauthorized().body, rate_limited };

fn rate_limited(limit: RateLimit) -> Response<Body> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too many requests, please try again later", "reason": "TooManyRequests",
        "details": {"retryAfterSeconds": limit.seconds}, "code": 429});
    too_many("Retry-After", i64::from(limit.seconds), "application/json", &body)
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    let router = Router::new().fallback(answer).with_state(state);
    Served { router, manners: MANNERS }
}

/// What a path names.
#[derive(Debug, PartialEq)]
struct Target {
    resource: Resource,
    /// Whether the namespace is the company's, or all were asked for.
    is_ours: bool,
    name: Option<String>,
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (api_version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, plural, name) = match rest {
            ["namespaces", name] => (None, "namespaces", Some((*name).to_owned())),
            ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
            ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some((*name).to_owned())),
            [plural] => (None, *plural, None),
            _ => return None,
        };
        let resource =
            Resource::ALL.into_iter().find(|one| one.api_version() == api_version && one.plural() == plural)?;
        Some(Self { resource, is_ours: namespace.is_none_or(|namespace| namespace == NAMESPACE), name })
    }
}

async fn answer(
    State(state): State<Arc<Simulation>>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    match uri.path() {
        // Open to everybody, as by the usual role of the unauthenticated.
        "/version" => return json_answer(200, &version()),
        "/readyz" | "/livez" | "/healthz" => return "ok".into_response(),
        _ => {}
    }
    let Some(user) = state.bearer(&headers) else { return Refusal::unauthorized().into_response() };
    if uri.path() == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
        return if method == Method::POST {
            review(user, &body)
        } else {
            Refusal::method_not_allowed().into_response()
        };
    }
    let Some(target) = Target::parse(uri.path()) else {
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "404 page not found\n")
            .into_response();
    };
    let result = match (method, &target.name) {
        (Method::GET, None) => list_or_watch(&state, &target, &query, &headers),
        (Method::GET, Some(name)) => read(&state, &target, name, &headers),
        (Method::POST, None) if is_written(target.resource) => create(&state, user, &target, &body),
        (Method::PATCH, Some(name)) => change(&state, user, &target, name, &query, &headers, &body),
        (Method::DELETE, Some(name)) if target.resource == Resource::Pods => delete(&state, user, &target, name, &body),
        _ => Err(Refusal::method_not_allowed()),
    };
    result.unwrap_or_else(IntoResponse::into_response)
}

fn list_or_watch(
    state: &Arc<Simulation>,
    target: &Target,
    query: &BTreeMap<String, String>,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let selector =
        Selector::parse(text("labelSelector"), text("fieldSelector")).map_err(|error| Refusal::bad_request(&error))?;
    if matches!(text("watch"), "true" | "1") {
        return watch::open(state, target.resource, target.is_ours.then_some(selector), query);
    }
    // `limit` and `continue` are accepted and never needed: no list of the company is longer than a page.
    let (version, items) = state.with(|world, _| {
        let etcd = &world.cluster.etcd;
        let wanted = etcd.list(target.resource).filter(|json| target.is_ours && selector.matches(json));
        (etcd.version(), wanted.cloned().collect::<Vec<_>>())
    });
    let items = items.iter().filter_map(|json| serde_json::from_str(json).ok());
    let (kind, api_version, items): (_, _, Vec<Value>) = if wants_metadata(headers) {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1", items.map(|object| metadata_of(&object)).collect())
    } else {
        // A list's items do not carry their kind, the list does.
        let (kind, api_version) = (format!("{}List", target.resource.kind()), target.resource.api_version());
        (kind, api_version, items.map(without_kind).collect())
    };
    let list = json!({"kind": kind, "apiVersion": api_version,
                      "metadata": {"resourceVersion": version.to_string()}, "items": items});
    Ok(json_answer(200, &list))
}

/// Whether only the metadata of objects is asked for, without what is in them.
fn wants_metadata(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("as=PartialObjectMetadata")
}

fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn without_kind(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

fn read(state: &Simulation, target: &Target, name: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let found = state.with(|world, _| world.cluster.etcd.get(target.resource, name).cloned());
    let json = found.filter(|_| target.is_ours).ok_or_else(|| Refusal::not_found(target.resource, name))?;
    if wants_metadata(headers) {
        return Ok(json_answer(200, &metadata_of(&serde_json::from_str(&json).unwrap_or_default())));
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}

fn change(
    state: &Simulation,
    user: User,
    target: &Target,
    name: &str,
    query: &BTreeMap<String, String>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    if user != User::Operator {
        return Err(Refusal::forbidden(user.name(), "patch", target.resource, name));
    }
    let workload = matches!(target.resource, Resource::Deployments | Resource::StatefulSets | Resource::DaemonSets);
    if !workload && !is_written(target.resource) {
        return Err(Refusal::method_not_allowed());
    }
    if !target.is_ours {
        return Err(Refusal::not_found(target.resource, name));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = Form::of(content_type).ok_or_else(Refusal::unsupported_media_type)?;
    let patch: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(&format!("error decoding patch: invalid character: {error}")))?;
    if form == Form::Json && !patch::tests_as_go_writes(body, &patch) {
        return Err(Refusal::patch_failed());
    }
    let dry_run = match query.get("dryRun").map(String::as_str) {
        None => false,
        Some("All") => true,
        Some(other) => {
            return Err(Refusal::bad_request(&format!("Invalid value: \"{other}\": supported values: \"All\"")));
        }
    };
    let object = state.with(|world, _| {
        if target.resource.is_simulated() {
            world.cluster.patch(target.resource, name, form, &patch, dry_run)
        } else {
            world.cluster.patch_kept(target.resource, name, form, &patch)
        }
    })?;
    Ok(json_answer(200, &object))
}

/// Which of the objects that nothing moves may be made and changed here.
const fn is_written(resource: Resource) -> bool {
    matches!(resource, Resource::Leases | Resource::ConfigMaps)
}

fn create(state: &Simulation, user: User, target: &Target, body: &Bytes) -> Result<Response<Body>, Refusal> {
    if user != User::Operator {
        return Err(Refusal::forbidden(user.name(), "create", target.resource, ""));
    }
    let object = serde_json::from_slice(body).map_err(|error| Refusal::bad_request(&error.to_string()))?;
    let created = state.with(|world, _| world.cluster.create_kept(target.resource, object))?;
    Ok(json_answer(201, &created))
}

fn delete(
    state: &Simulation,
    user: User,
    target: &Target,
    name: &str,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    if user != User::Operator {
        return Err(Refusal::forbidden(user.name(), "delete", target.resource, name));
    }
    let not_found = || Refusal::not_found(target.resource, name);
    if !target.is_ours {
        return Err(not_found());
    }
    let options: Value = serde_json::from_slice(body).unwrap_or_default();
    let wanted = options["preconditions"]["uid"].as_str();
    let json = state.with(|world, _| {
        let uid = world.cluster.uid_of_pod(name).ok_or_else(not_found)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != uid) {
            return Err(Refusal::precondition(target.resource, name, wanted, uid));
        }
        world.cluster.delete_pod(name).ok_or_else(not_found)?;
        world.cluster.flush();
        world.cluster.etcd.get(Resource::Pods, name).cloned().ok_or_else(not_found)
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}

/// `SelfSubjectAccessReview`: the viewer may read, the operator everything.
fn review(user: User, body: &Bytes) -> Response<Body> {
    let Ok(mut review) = serde_json::from_slice::<Value>(body) else {
        return Refusal::bad_request("the object provided is unrecognized").into_response();
    };
    let verb = review.pointer("/spec/resourceAttributes/verb").and_then(Value::as_str).unwrap_or_default();
    let allowed = user == User::Operator || matches!(verb, "get" | "list" | "watch");
    review["kind"] = json!("SelfSubjectAccessReview");
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["metadata"] = json!({});
    review["status"] = json!({"allowed": allowed});
    json_answer(201, &review)
}

fn version() -> Value {
    json!({"major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
           "minCompatibilityMinor": "35", "gitVersion": "v1.36.0", "gitCommit": "0000000000000000000000000000000000000000",
           "gitTreeState": "clean", "buildDate": "2026-04-22T10:00:00Z", "goVersion": "go1.27.3", "compiler": "gc",
           "platform": "linux/amd64"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources_of_the_right_group_only() {
        let target = |path| Target::parse(path).map(|target| (target.resource, target.is_ours, target.name));
        assert_eq!(
            target("/apis/apps/v1/namespaces/production/deployments/app"),
            Some((Resource::Deployments, true, Some("app".to_owned())))
        );
        assert_eq!(target("/api/v1/namespaces/nope/pods"), Some((Resource::Pods, false, None)));
        assert_eq!(target("/api/v1/pods"), Some((Resource::Pods, true, None)));
        assert_eq!(target("/apis/apps/v1/namespaces/production/pods"), None);
        assert_eq!(target("/apis/metrics.k8s.io/v1beta1/namespaces/production/pods"), None);
    }
}
