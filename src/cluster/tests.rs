//! Errors in our words, kubeconfigs of every kind, and no secret in any of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use crate::poll::connection::Reason;
use serde_json::Value;

fn spec(access: ClusterAccess) -> ClusterSpec {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reference =
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: "app".to_owned() };
    ClusterSpec {
        name: "kubernetes".to_owned(),
        access,
        timeout: Duration::from_secs(5),
        workloads: vec![(WorkloadId(0), reference)],
        containers: Vec::new(),
    }
}

/// A kubeconfig whose user is this.
async fn with_user(user: &Value, context: Option<&str>) -> Result<Cluster, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "prod-eu",
        "clusters": [{ "name": "eu", "cluster": { "server": "http://10.0.0.1:6443/base" } }],
        "users": [{ "name": "me", "user": user }],
        "contexts": [{ "name": "prod-eu", "context": { "cluster": "eu", "user": "me" } }],
    });
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let access = ClusterAccess::Kubeconfig { path: Some(path), context: context.map(str::to_owned) };
    connect(&spec(access)).await
}

fn told(result: Result<Cluster, SourceError>) -> String {
    result.err().unwrap().to_string()
}

#[tokio::test]
async fn a_cluster_is_named_by_context_and_server() {
    let cluster = with_user(&json!({ "token": "s3cret" }), None).await.unwrap();
    assert_eq!(cluster.label, "prod-eu (http://10.0.0.1:6443)");
    let url = "http://ada:s3cret@127.0.0.1:8001".to_owned();
    let direct = connect(&spec(ClusterAccess::Direct { url, token: None })).await.unwrap();
    assert_eq!(direct.label, "http://127.0.0.1:8001");
}

#[tokio::test]
async fn a_context_that_is_not_there_is_answered_with_those_that_are() {
    let error = told(with_user(&json!({}), Some("prod-us")).await);
    assert_eq!(error, "not found: no context `prod-us` in the kubeconfig; it has prod-eu");
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_read_says_where_and_quotes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "apiVersion: v1\nusers:\n- name: me\n  user: {token: s3cret, exec: [}\n").unwrap();
    let access = ClusterAccess::Kubeconfig { path: Some(path), context: None };
    let error = told(connect(&spec(access)).await);
    assert!(error.starts_with("cannot connect: kubeconfig: cannot parse line "), "{error}");
    assert!(!error.contains("s3cret"), "{error}");

    let access = ClusterAccess::Kubeconfig { path: Some(folder.path().join("nothing")), context: None };
    let error = told(connect(&spec(access)).await);
    assert!(error.contains("nothing: "), "{error}");
}

#[tokio::test]
async fn a_kubeconfig_that_is_too_large_is_not_read_and_neither_is_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(12 << 20).unwrap();
    let access = ClusterAccess::Kubeconfig { path: Some(large.clone()), context: None };
    let error = told(connect(&spec(access)).await);
    let has = format!("{}: 12 MiB is over the limit of 4 MiB: is it the right file?", large.display());
    assert_eq!(error, format!("cannot connect: kubeconfig: {has}"));
    for setting in ["client-certificate", "client-key", "tokenFile"] {
        let error = told(with_user(&json!({ setting: large }), None).await);
        assert_eq!(error, format!("cannot connect: kubeconfig: {has}"), "{setting}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_kubeconfig_without_an_end_is_read_for_as_long_as_any_other() {
    let access = ClusterAccess::Kubeconfig { path: Some("/dev/zero".into()), context: None };
    let error = told(connect(&spec(access)).await);
    assert_eq!(error, "cannot connect: kubeconfig: /dev/zero: over the limit of 4 MiB: is it the right file?");
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_that_fails_says_why_and_keeps_its_environment() {
    let exec = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "IfAvailable",
        "args": ["-c", "echo out-s3cret; echo \"session of $TOKEN expired\" >&2; exit 3"],
        "env": [{ "name": "TOKEN", "value": "s3cret" }],
    } });
    let error = told(with_user(&exec, None).await);
    assert_eq!(error, "not signed in: sh failed (exit status: 3): session of … expired; sign in again");
}

#[tokio::test]
async fn a_plugin_that_is_missing_comes_with_its_hint() {
    let exec = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin-anywhere",
        "installHint": "install it with brew install plugin",
    } });
    let error = told(with_user(&exec, None).await);
    assert!(error.starts_with("not signed in: cannot start no-such-plugin-anywhere ("), "{error}");
    assert!(error.ends_with("; install it with brew install plugin"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_in_a_few_words() {
    let access = ClusterAccess::Direct { url: "http://127.0.0.1:1".to_owned(), token: None };
    let cluster = connect(&spec(access)).await.unwrap();
    let error = call(cluster.timeout, cluster.client.apiserver_version()).await.unwrap_err();
    let SourceError::Unreachable(none) = error else { panic!("{error}") };
    assert_eq!(none.reason, Reason::Refused);
}

#[tokio::test]
async fn a_call_without_an_answer_ends() {
    let never = std::future::pending::<Result<(), kube::Error>>();
    assert_eq!(call(Duration::ZERO, never).await, Err(SourceError::Timeout(1)));
}

#[test]
fn every_status_has_its_error() {
    let status = |code: u16, message: &str| {
        let status = json!({ "status": "Failure", "code": code, "message": message, "reason": "Because" });
        status_error(&serde_json::from_value(status).unwrap())
    };
    let text = || "no".to_owned();
    assert_eq!(status(401, "no"), SourceError::Unauthorized(text()));
    assert_eq!(status(403, "no"), SourceError::Forbidden(text()));
    let nobody = "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\"";
    assert_eq!(status(403, nobody), SourceError::Unauthorized(nobody.to_owned()));
    assert_eq!(status(404, "no"), SourceError::NotFound(text()));
    assert_eq!(status(422, "no"), SourceError::BadQuery(text()));
    assert_eq!(status(429, "no"), SourceError::RateLimited { retry_after: None });
    assert_eq!(status(503, "no"), SourceError::Server { status: 503, text: text() });
    assert_eq!(status(500, ""), SourceError::Server { status: 500, text: "Because".to_owned() });
    // A proxy in front may answer with a whole page.
    let page = status(502, &format!("<html>\n{}", "x".repeat(5000)));
    assert!(page.to_string().len() < 400, "{page}");
}

#[test]
fn the_first_identity_is_kept_by_all_clones() {
    let identity = ClusterIdentity::default();
    let clone = identity.clone();
    assert_eq!(identity.uid(), None);
    assert!(identity.holds("a"));
    assert!(clone.holds("a"));
    assert!(!clone.holds("b"));
    assert_eq!(clone.uid(), Some("a"));
}
