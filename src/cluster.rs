//! The one way to a cluster: kubeconfig or address, no default retries, exec plugins off the terminal.
//! Also the one place where `kube`'s errors become ours.

pub mod lease;
pub mod spec;

mod bounded;
mod facts;
mod kubeconfig;
mod reply;

pub(crate) use bounded::TooLarge;
pub use facts::Facts;
pub(crate) use reply::{Lost, Reply};

use crate::net::connection;
use crate::panics;
use crate::poll::SourceError;
use crate::poll::connection::NoConnection;
use crate::text::clean;
use chrono::TimeDelta;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::client::AuthError;
use kube::config::ExecConfig;
use reqwest::header::{HeaderValue, USER_AGENT};
use serde_json::json;
use spec::{ClusterAccess, ClusterSpec};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Signing in may take this long at least: an exec plugin talks to a provider of its own, up to three times.
const SIGN_IN: Duration = Duration::from_secs(30);

/// A connected client and the label by which users know the cluster.
///
/// What it is connected to is pinned in two ways. The kubeconfig is read once: a context that points elsewhere
/// later is not followed, and the TLS client only ever trusts the authority that it was built with. And the
/// cluster's own identity is kept, for an address that leads to another cluster of the same authority, or has
/// no TLS at all: see [`ClusterIdentity`].
#[derive(Clone)]
pub struct Cluster {
    /// The client; cheap to clone.
    pub client: kube::Client,
    /// Context and server: `prod-eu (https://10.0.0.1:6443)`.
    pub label: String,
    /// Each call that is not a watch may take this long.
    pub timeout: Duration,
    /// Its host and port.
    pub server: String,
    /// Which cluster it was when it was first asked; shared by all clones.
    pub identity: ClusterIdentity,
    /// What many ask of it at once; shared by all clones.
    pub facts: Facts,
}

/// The uid of the namespace `kube-system`: made with the cluster and never again, so it tells clusters apart
/// whatever their addresses and contexts are called. Empty until it was read once.
#[derive(Debug, Clone, Default)]
pub struct ClusterIdentity(Arc<OnceLock<String>>);

impl ClusterIdentity {
    /// Keeps the first uid for good, and says whether `uid` is it.
    pub fn holds(&self, uid: &str) -> bool {
        self.0.get_or_init(|| uid.to_owned()) == uid
    }

    /// The uid that is kept; `None` until one was read.
    pub fn uid(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Builds the client. Runs exec plugins, on a thread of their own and never on the terminal.
///
/// Nothing is asked of the API server yet: a cluster that is down is noticed by the first call.
pub async fn connect(spec: &ClusterSpec) -> Result<Cluster, SourceError> {
    let (mut config, context) = match &spec.access {
        ClusterAccess::Direct { url, token } => {
            let url = url.parse().map_err(|error| SourceError::unreachable(format!("cluster address: {error}")))?;
            let mut config = kube::Config::new(url);
            config.auth_info.token = token.as_ref().map(|token| token.expose().to_owned().into());
            (config, None)
        }
        ClusterAccess::Kubeconfig { path, context } => kubeconfig::load(path.clone(), context.clone()).await?,
    };
    // kube would repeat 429, 503 and 504 up to fifteen times, a PATCH included: an outage looked like a hang.
    config.default_retry = false;
    config.connect_timeout = Some(spec.timeout);
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("redflag/", env!("CARGO_PKG_VERSION")))));

    let server = server_of(&config);
    let host = host_of(&config);
    let label = context.map_or_else(|| server.clone(), |context| format!("{context} ({server})"));
    let exec = config.auth_info.exec.clone();
    let client = run_blocking(spec.timeout.max(SIGN_IN), move || {
        // A plugin's token that no header can hold makes a library panic.
        let client = panics::caught(|| bounded::client(config)).ok_or_else(no_header)?;
        client.map_err(|error| sign_in_error(&error, exec.as_ref()))
    })
    .await?;
    Ok(Cluster {
        client,
        label,
        server: host,
        timeout: spec.timeout,
        identity: ClusterIdentity::default(),
        facts: Facts::default(),
    })
}

/// Makes a call that is not a watch: `kube` has no timeout of its own for the answer.
pub async fn call<T>(
    timeout: Duration,
    future: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, SourceError> {
    match tokio::time::timeout(timeout, future).await {
        Ok(answer) => answer.map_err(|error| source_error(&error)),
        Err(_) => Err(timed_out(timeout)),
    }
}

/// What a call that took longer than this is called.
pub(crate) fn timed_out(timeout: Duration) -> SourceError {
    SourceError::Timeout(i64::try_from(timeout.as_secs().max(1)).unwrap_or(i64::MAX))
}

/// An error of `kube` in our words. Its own `Display` prints whole structures and, for exec plugins, their
/// environment: nothing of that is kept.
pub fn source_error(error: &kube::Error) -> SourceError {
    if let Some(too_large) = TooLarge::behind(error) {
        return too_large.source_error();
    }
    match error {
        kube::Error::Api(status) => status_error(status),
        kube::Error::SerdeError(error) => SourceError::BadAnswer(short(&error.to_string())),
        other => match auth_error(other) {
            Some(auth) => SourceError::Unauthorized(plugin_failure(auth, None)),
            None => SourceError::unreachable(NoConnection::new(connection::reason(other))),
        },
    }
}

/// A failure `Status` of the API server in our words.
pub fn status_error(status: &kube::core::Status) -> SourceError {
    let text = if status.message.is_empty() { status.reason.clone() } else { short(&status.message) };
    match status.code {
        401 => SourceError::Unauthorized(text),
        403 if is_anonymous(&status.message) => SourceError::Unauthorized(text),
        403 => SourceError::Forbidden(text),
        404 => SourceError::NotFound(text),
        429 => {
            let seconds = status.details.as_ref().map(|details| details.retry_after_seconds).filter(|s| *s > 0);
            SourceError::RateLimited { retry_after: seconds.map(|s| TimeDelta::seconds(i64::from(s))) }
        }
        400 | 409 | 422 => SourceError::BadQuery(text),
        code => SourceError::Server { status: code, text },
    }
}

/// Whether a refusal is of a request without credentials: most clusters let those in, as nobody, and then forbid
/// them everything.
pub(crate) fn is_anonymous(said: &str) -> bool {
    said.contains("User \"system:anonymous\"")
}

/// What may be asked of the cluster, for an access review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// `list`, `watch`, `patch`, …
    pub verb: &'static str,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resource's plural.
    pub resource: &'static str,
    /// The namespace that it is in.
    pub namespace: &'a str,
    /// Of which object; `None` for all.
    pub name: Option<&'a str>,
}

impl Cluster {
    /// Asks the cluster whether we may do this (a `SelfSubjectAccessReview`). An authorizer without an opinion
    /// means no. Admission (policies, webhooks, quota) is not covered by it.
    pub async fn may(&self, access: Access<'_>) -> Result<bool, SourceError> {
        let kind = GroupVersionKind::gvk("authorization.k8s.io", "v1", "SelfSubjectAccessReview");
        let resource = ApiResource::from_gvk_with_plural(&kind, "selfsubjectaccessreviews");
        let mut attributes = json!({
            "verb": access.verb, "group": access.group, "resource": access.resource, "namespace": access.namespace,
        });
        if let Some(name) = access.name {
            attributes["name"] = json!(name);
        }
        let review = DynamicObject::new("", &resource).data(json!({ "spec": { "resourceAttributes": attributes } }));
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let params = PostParams::default();
        let answer = call(self.timeout, api.create(&params, &review)).await?;
        let status = &answer.data["status"];
        match (status["allowed"].as_bool(), status["evaluationError"].as_str()) {
            (Some(true), _) => Ok(true),
            (_, Some(error)) if !error.is_empty() => {
                Err(SourceError::BadAnswer(format!("the access review failed: {}", short(error))))
            }
            (Some(false), _) => Ok(false),
            (None, _) => Err(SourceError::BadAnswer("access review without an answer".to_owned())),
        }
    }
}

fn no_header() -> SourceError {
    SourceError::Unauthorized("the token contains invalid characters".to_owned())
}

/// Runs blocking work on a thread of its own, with a timeout.
async fn run_blocking<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::time::timeout(timeout, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SourceError::unreachable("signing in to the cluster was interrupted".to_owned())),
        Err(_) => Err(timed_out(timeout)),
    }
}

/// Scheme, host and port: an address may carry a password before the host.
fn server_of(config: &kube::Config) -> String {
    let url = &config.cluster_url;
    let host = url.host().unwrap_or("?");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme_str().unwrap_or("https"))
}

fn host_of(config: &kube::Config) -> String {
    let url = &config.cluster_url;
    let usual = if url.scheme_str() == Some("http") { 80 } else { 443 };
    format!("{}:{}", url.host().unwrap_or("?"), url.port_u16().unwrap_or(usual))
}

fn sign_in_error(error: &kube::Error, exec: Option<&ExecConfig>) -> SourceError {
    match auth_error(error) {
        Some(auth) => SourceError::Unauthorized(plugin_failure(auth, exec)),
        None => source_error(error),
    }
}

/// The failure to sign in that is somewhere behind an error, if there is one.
fn auth_error(error: &kube::Error) -> Option<&AuthError> {
    if let kube::Error::Auth(auth) = error {
        return Some(auth);
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(auth) = error.downcast_ref() {
            return Some(auth);
        }
        cause = error.source();
    }
    None
}

/// What went wrong with signing in, without the plugin's environment and without what it wrote to its output.
/// Its error output is only shown where the environment is known, to be taken out of it.
fn plugin_failure(error: &AuthError, exec: Option<&ExecConfig>) -> String {
    let command = exec.and_then(|exec| exec.command.as_deref()).unwrap_or("the credential plugin");
    match error {
        AuthError::AuthExecStart(error) => {
            let hint = exec.and_then(|exec| exec.install_hint.as_deref()).map(short);
            let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("cannot start {command} ({error}){hint}")
        }
        AuthError::AuthExecRun { out, .. } => {
            let said = exec.map(|exec| last_stderr_line(&out.stderr, exec)).unwrap_or_default();
            format!("{command} failed ({}){said}; sign in again", out.status)
        }
        AuthError::ReadTokenFile(error, path) => format!("token file {}: {error}", path.display()),
        AuthError::ExecPluginFailed => format!("{command} returned no credentials"),
        AuthError::AuthExecParse(_) => format!("{command} returned something other than an ExecCredential"),
        AuthError::InvalidBearerToken(_) => "the token contains invalid characters".to_owned(),
        _ => "cannot use the kubeconfig's credentials".to_owned(),
    }
}

/// The last line of a plugin's error output, its environment's values redacted, however short they are.
fn last_stderr_line(stderr: &[u8], exec: &ExecConfig) -> String {
    let text = String::from_utf8_lossy(stderr);
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else { return String::new() };
    let mut line = line.trim().to_owned();
    for value in exec.env.iter().flatten().filter_map(|variable| variable.get("value")) {
        if !value.is_empty() {
            line = line.replace(value.as_str(), "…");
        }
    }
    format!(": {}", short(&line))
}

/// The innermost cause, with the one around it where that says more: `dns error: no such host`.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut around: Option<String> = None;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        around = Some(std::mem::replace(&mut text, error.to_string()));
        cause = error.source();
    }
    match around {
        Some(around) if !around.contains(&text) => short(&format!("{around}: {text}")),
        _ => short(&text),
    }
}

/// The beginning of a text, on one line.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 300;
    let line = clean(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
