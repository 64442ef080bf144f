//! The API server's refusals: `Status` bodies word for word as a real one writes them.

use super::etcd::Resource;
use crate::simulated::names::NAMESPACE;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

/// One field that is not valid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &str, message: &str, details: Option<Value>) -> Self {
        let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                              "message": message, "reason": reason, "code": code});
        if let Some(details) = details {
            body["details"] = details;
        }
        Self { code, body }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized", None)
    }

    pub(crate) fn forbidden(user: &str, verb: &str, resource: Resource, name: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" in the \
             namespace \"{NAMESPACE}\"",
            resource.qualified(),
            resource.plural(),
            resource.group(),
        );
        Self::new(403, "Forbidden", &message, Some(details(resource, resource.plural(), name)))
    }

    pub(crate) fn not_found(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", &message, Some(details(resource, resource.plural(), name)))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            Some(json!({})),
        )
    }

    pub(crate) fn conflict(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to \
             the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", &message, Some(details(resource, resource.plural(), name)))
    }

    /// The uid that `DeleteOptions` asked for is another one's (`k8s.io/apiserver`, `rest.BeforeDelete`).
    pub(crate) fn precondition(resource: Resource, name: &str, wanted: &str, found: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the UID in the precondition ({wanted}) does not match the \
             UID in record ({found}). The object might have been deleted and then recreated",
            resource.kind()
        );
        Self::new(409, "Conflict", &message, Some(details(resource, resource.kind(), name)))
    }

    pub(crate) fn already_exists(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", &message, Some(details(resource, resource.plural(), name)))
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json-patch+json, application/merge-patch+json, \
                       application/strategic-merge-patch+json";
        Self::new(415, "UnsupportedMediaType", message, Some(json!({})))
    }

    /// The anonymous refusal of a JSON patch that does not apply: what failed is not told.
    pub(crate) fn patch_failed() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message, Some(json!({})))
    }

    pub(crate) fn invalid(resource: Resource, name: &str, causes: &[Cause]) -> Self {
        let told: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let told = if let [one] = told.as_slice() { one.clone() } else { format!("[{}]", told.join(", ")) };
        let group = if resource.group().is_empty() { String::new() } else { format!(".{}", resource.group()) };
        let message = format!("{}{group} \"{name}\" is invalid: {told}", resource.kind());
        let mut details = details(resource, resource.kind(), name);
        details["causes"] = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        Self::new(422, "Invalid", &message, Some(details))
    }

    /// What a watch from a forgotten version is told.
    pub(crate) fn expired(version: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", &format!("too old resource version: {version} ({oldest})"), None)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, [(header::CONTENT_TYPE, "application/json")], Body::from(self.body.to_string())).into_response()
    }
}

fn details(resource: Resource, kind: &str, name: &str) -> Value {
    let mut out = json!({"name": name, "kind": kind});
    if !resource.group().is_empty() {
        out["group"] = json!(resource.group());
    }
    out
}
