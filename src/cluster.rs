//! The one way to a cluster: kubeconfig or address, no default retries, exec plugins off the terminal.
//! Also the one place where `kube`'s errors become ours.

use crate::files;
use crate::panics;
use crate::poll::SourceError;
use crate::secret;
use crate::source::spec::{ClusterAccess, ClusterSpec};
use crate::text::clean;
use chrono::TimeDelta;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::client::AuthError;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use reqwest::header::{HeaderValue, USER_AGENT};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Signing in may take this long at least: an exec plugin talks to a provider of its own, up to three times.
const SIGN_IN: Duration = Duration::from_secs(30);

/// The most of a kubeconfig that is read, in bytes: those of a thousand clusters with their certificates have less.
const KUBECONFIG_LIMIT: usize = 8 << 20;

/// A connected client and what a person calls the cluster.
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
    /// Which cluster it was when it was first asked; shared by all clones.
    pub identity: ClusterIdentity,
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
            let url =
                url.parse().map_err(|error| SourceError::Unreachable(format!("address of the cluster: {error}")))?;
            let mut config = kube::Config::new(url);
            config.auth_info.token = token.as_ref().map(|token| token.expose().to_owned().into());
            (config, None)
        }
        ClusterAccess::Kubeconfig { path, context } => load(path.clone(), context.clone()).await?,
    };
    // kube would repeat 429, 503 and 504 up to fifteen times, a PATCH included: an outage looked like a hang.
    config.default_retry = false;
    config.connect_timeout = Some(spec.timeout);
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("redflag/", env!("CARGO_PKG_VERSION")))));

    let server = server_of(&config);
    let label = context.map_or_else(|| server.clone(), |context| format!("{context} ({server})"));
    let exec = config.auth_info.exec.clone();
    let client = aside(spec.timeout.max(SIGN_IN), move || {
        // A plugin's token that no header can hold makes a library panic.
        let client = panics::caught(|| kube::Client::try_from(config)).ok_or_else(no_header)?;
        client.map_err(|error| sign_in_error(&error, exec.as_ref()))
    })
    .await?;
    Ok(Cluster { client, label, timeout: spec.timeout, identity: ClusterIdentity::default() })
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
    match error {
        kube::Error::Api(status) => status_error(status),
        kube::Error::SerdeError(error) => SourceError::BadAnswer(short(&error.to_string())),
        other => match auth_error(other) {
            Some(auth) => SourceError::Unauthorized(plugin_failure(auth, None)),
            None => SourceError::Unreachable(root_cause(other)),
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
    /// Where.
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
            (None, _) => Err(SourceError::BadAnswer("an access review without an answer".to_owned())),
        }
    }
}

/// Reads the kubeconfig; without one, and when none was asked for, tries the pod's own service account.
async fn load(path: Option<PathBuf>, context: Option<String>) -> Result<(kube::Config, Option<String>), SourceError> {
    let asked_for = path.is_some() || context.is_some();
    let read = aside(SIGN_IN, move || match path {
        Some(path) => read(&path),
        None => read_usual(),
    })
    .await;
    let chosen = match read {
        Ok(kubeconfig) => from_kubeconfig(kubeconfig, context).await,
        Err(error) => Err(error),
    };
    match chosen {
        Err(error) if !asked_for => {
            let config = kube::Config::incluster().map_err(|_| error)?;
            Ok((config, Some("in-cluster".to_owned())))
        }
        chosen => chosen.map(|(config, context)| (config, Some(context))),
    }
}

/// Reads a kubeconfig, unless it is larger than any is: `kube` would read it whole.
fn read(path: &Path) -> Result<Kubeconfig, SourceError> {
    let found = std::fs::metadata(path);
    if found.is_ok_and(|found| !found.is_file() || found.len() > KUBECONFIG_LIMIT as u64) {
        // A pipe can be read only once; nothing in it is relative to where it stands.
        let text = files::read(path, KUBECONFIG_LIMIT);
        let unread = |error| SourceError::Unreachable(format!("kubeconfig: {}: {error}", path.display()));
        return Kubeconfig::from_yaml(&text.map_err(unread)?).map_err(|error| unusable(&error));
    }
    Kubeconfig::read_from(path).map_err(|error| unusable(&error))
}

/// The kubeconfigs that `KUBECONFIG` names, of which the first to say something of a name is heeded; else the one at
/// home.
fn read_usual() -> Result<Kubeconfig, SourceError> {
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut paths: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    if paths.is_empty() {
        let home = std::env::home_dir().ok_or_else(|| unusable(&KubeconfigError::FindPath))?;
        paths.push(home.join(".kube").join("config"));
    }
    paths
        .iter()
        .try_fold(Kubeconfig::default(), |merged, path| merged.merge(read(path)?).map_err(|error| unusable(&error)))
}

async fn from_kubeconfig(
    mut kubeconfig: Kubeconfig,
    context: Option<String>,
) -> Result<(kube::Config, String), SourceError> {
    for user in &mut kubeconfig.auth_infos {
        let Some(info) = user.auth_info.as_mut() else { continue };
        hide_secrets(info);
        if let Some(exec) = info.exec.as_mut() {
            // Otherwise the plugin reads our keys and writes over our screen.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
            // Signing in to the cluster needs no token of anything else.
            exec.drop_env.get_or_insert_default().extend(secret::hidden_variables());
        }
    }
    let name = context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if let Some(wanted) = &context
        && !kubeconfig.contexts.iter().any(|known| known.name == *wanted)
    {
        let known: Vec<&str> = kubeconfig.contexts.iter().map(|known| known.name.as_str()).collect();
        let text = format!("context `{wanted}` is not in the kubeconfig; it has {}", known.join(", "));
        return Err(SourceError::NotFound(text));
    }
    let options = KubeConfigOptions { context, cluster: None, user: None };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Ok((config.map_err(|error| unusable(&error))?, name))
}

/// What a user of a kubeconfig signs in with is a secret, and so is what its plugin's environment calls one.
fn hide_secrets(info: &AuthInfo) {
    if let Ok(written) = serde_json::to_value(info) {
        ["token", "password"].iter().filter_map(|key| written[*key].as_str()).for_each(secret::hide);
    }
    let variables = info.exec.iter().flat_map(|exec| exec.env.iter().flatten());
    for variable in variables.filter(|variable| variable.get("name").is_some_and(|name| secret::names_one(name))) {
        variable.get("value").into_iter().for_each(|value| secret::hide(value));
    }
}

fn no_header() -> SourceError {
    SourceError::Unauthorized("the token has characters that a token cannot have".to_owned())
}

fn unusable(error: &KubeconfigError) -> SourceError {
    let text = match error {
        // The parser's own text quotes the lines around the mistake, and with them tokens and keys.
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("line {}, column {} cannot be read", at.line(), at.column()),
            None => "cannot be read".to_owned(),
        },
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        error => root_cause(error),
    };
    SourceError::Unreachable(format!("kubeconfig: {text}"))
}

/// Does blocking work on a thread of its own, for so long.
async fn aside<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::time::timeout(timeout, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SourceError::Unreachable("signing in to the cluster broke off".to_owned())),
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
            format!("{command} cannot be started ({error}){hint}")
        }
        AuthError::AuthExecRun { out, .. } => {
            let said = exec.map(|exec| last_words(&out.stderr, exec)).unwrap_or_default();
            format!("{command} failed ({}){said}; sign in again", out.status)
        }
        AuthError::ReadTokenFile(error, path) => format!("token file {}: {error}", path.display()),
        AuthError::ExecPluginFailed => format!("{command} answered without credentials"),
        AuthError::AuthExecParse(_) => format!("{command} answered something that is not an ExecCredential"),
        AuthError::InvalidBearerToken(_) => "the token has characters that a token cannot have".to_owned(),
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    }
}

/// The last line of a plugin's error output, its environment's values blotted out, however short they are.
fn last_words(stderr: &[u8], exec: &ExecConfig) -> String {
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
