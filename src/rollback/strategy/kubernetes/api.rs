//! The few requests an undo is made of, and what can come back: an answer, or none, and then whether the
//! request may have got there.

use super::answer::Right;
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::target::patch;
use crate::rollback::target::text::one_line;
use kube::core::Request;
use kube::core::params::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use std::error::Error as StdError;
use tokio::time::{Instant, timeout_at};

/// Who the API server's audit log and `managedFields` say it was.
pub(super) const FIELD_MANAGER: &str = "redflag";

/// A longer list is not read to its end: it is only looked at for warnings.
const ENOUGH: u32 = 500;

/// One request.
#[derive(Clone, Copy)]
pub(in crate::rollback::strategy) enum Call<'a> {
    /// The namespace whose uid is the cluster's identity.
    KubeSystem,
    /// The workload itself.
    Workload(&'a WorkloadRef),
    /// Its `ReplicaSets` or `ControllerRevisions`, by its selector.
    History(&'a WorkloadRef, &'a str),
    /// Its pods, by its selector.
    Pods(&'a WorkloadRef, &'a str),
    /// The HorizontalPodAutoscalers of a namespace.
    Autoscalers(&'a str),
    /// The ResourceQuotas of a namespace.
    Quotas(&'a str),
    /// The metadata of one of a namespace's `configmaps` or `secrets`: the API server itself leaves its
    /// contents out.
    Metadata { namespace: &'a str, plural: &'static str, name: &'a str },
    /// The metadata of all of them.
    AllMetadata { namespace: &'a str, plural: &'static str },
    /// May we?
    AccessReview(Right<'a>),
    /// Delete this pod, and no other one that has its name.
    DeletePod { namespace: &'a str, name: &'a str, uid: &'a str },
    /// Patch it or its subresource, or only try (`dryRun=All`): all of admission runs, nothing is stored.
    Patch { of: &'a WorkloadRef, subresource: &'static str, patch: &'a Value, dry: bool },
    /// An object of another kind, by the path of its collection.
    Object { collection: &'a str, name: &'a str },
    /// Merge this into it (RFC 7386), or only try.
    Merge { collection: &'a str, name: &'a str, patch: &'a Value, dry: bool },
}

/// What the API server, or a proxy in front of it, said.
#[derive(Debug)]
pub(in crate::rollback::strategy) struct Reply {
    /// The HTTP status.
    pub(in crate::rollback::strategy) status: u16,
    /// The JSON body; `Null` for any other, or when it broke off.
    pub(in crate::rollback::strategy) body: Value,
    /// Seconds that the server asks us to stay away.
    pub(super) retry_after: Option<u64>,
}

impl Reply {
    /// Whether it was done.
    pub(in crate::rollback::strategy) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The server's own sentence, fit for one line of a screen. A page of a proxy in front is not repeated.
    pub(in crate::rollback::strategy) fn said(&self) -> String {
        self.message().map_or_else(|| "no reason given".to_owned(), one_line)
    }

    /// The message of a `Status`; `None` when something else than an API server answered.
    pub(super) fn message(&self) -> Option<&str> {
        self.body["message"].as_str().filter(|message| !message.is_empty())
    }
}

/// Why there is no answer. Texts come from causes, never from headers or addresses.
#[derive(Debug)]
pub(in crate::rollback::strategy) enum Lost {
    /// The request never left: it cannot have done anything.
    NotSent(String),
    /// It may have arrived.
    Unknown(String),
}

impl Lost {
    pub(in crate::rollback::strategy) fn reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Unknown(reason) => reason,
        }
    }
}

/// Makes one request, once, within the cluster's time.
///
/// An answer counts as soon as its status has arrived: a success whose body then breaks off is a success.
pub(in crate::rollback::strategy) async fn ask(cluster: &Cluster, call: Call<'_>) -> Result<Reply, Lost> {
    let core = |namespace: &str, plural: &str| Request::new(format!("/api/v1/namespaces/{namespace}/{plural}"));
    let request = match call {
        Call::KubeSystem => Request::new("/api/v1/namespaces").get_metadata("kube-system", &GetParams::default()),
        Call::Workload(of) => own(of).get(&of.name, &GetParams::default()),
        Call::History(of, selector) => {
            Request::new(format!("/apis/apps/v1/namespaces/{}/{}", of.namespace, of.kind.history()))
                .list(&labelled(selector))
        }
        Call::Pods(of, selector) => core(&of.namespace, "pods").list(&labelled(selector)),
        Call::Autoscalers(namespace) => {
            Request::new(format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"))
                .list(&ListParams::default().limit(ENOUGH))
        }
        Call::Quotas(namespace) => core(namespace, "resourcequotas").list(&ListParams::default().limit(ENOUGH)),
        Call::Metadata { namespace, plural, name } => core(namespace, plural).get_metadata(name, &GetParams::default()),
        Call::AllMetadata { namespace, plural } => {
            core(namespace, plural).list_metadata(&ListParams::default().limit(ENOUGH))
        }
        Call::DeletePod { namespace, name, uid } => {
            let only_this = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
            let params = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
            core(namespace, "pods").delete(name, &params)
        }
        Call::AccessReview(right) => Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .create(&PostParams::default(), access_review(&right).to_string().into_bytes()),
        Call::Patch { of, subresource, patch, dry } => {
            let patch = serde_json::from_value(patch.clone()).map_err(|error| Lost::NotSent(error.to_string()))?;
            let (request, patch) = (own(of), Patch::<()>::Json(patch));
            let request = match subresource {
                "" => request.patch(&of.name, &patch_params(dry), &patch),
                _ => request.patch_subresource(subresource, &of.name, &patch_params(dry), &patch),
            };
            request.map(|request| request.map(as_go_writes))
        }
        Call::Object { collection, name } => Request::new(collection).get(name, &GetParams::default()),
        Call::Merge { collection, name, patch, dry } => {
            Request::new(collection).patch(name, &patch_params(dry), &Patch::Merge(patch))
        }
    };
    let request = request.map_err(|error| Lost::NotSent(format!("the request cannot be built: {error}")))?;

    let deadline = Instant::now() + cluster.timeout;
    let response = match timeout_at(deadline, cluster.client.send(request.map(Into::into))).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(lost(&error)),
        Err(_) => return Err(Lost::Unknown(format!("no answer within {}", seconds(cluster.timeout)))),
    };
    let status = response.status().as_u16();
    let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = match timeout_at(deadline, response.into_body().collect_bytes()).await {
        Ok(Ok(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Ok(Err(_)) | Err(_) => Value::Null,
    };
    let retry_after = header.or_else(|| body["details"]["retryAfterSeconds"].as_u64());
    Ok(Reply { status, body, retry_after })
}

/// The tests of a patch hold only where it is written as the API server writes.
fn as_go_writes(body: Vec<u8>) -> Vec<u8> {
    String::from_utf8(body)
        .map_or_else(std::string::FromUtf8Error::into_bytes, |text| patch::written(&text).into_bytes())
}

fn patch_params(dry: bool) -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), dry_run: dry, ..PatchParams::default() }
}

/// The collection that it is in.
fn own(of: &WorkloadRef) -> Request {
    let kind = of.kind;
    let (group, version, plural) = (kind.group(), kind.version(), kind.plural());
    Request::new(format!("/apis/{group}/{version}/namespaces/{}/{plural}", of.namespace))
}

fn labelled(selector: &str) -> ListParams {
    ListParams::default().labels(selector)
}

fn access_review(right: &Right<'_>) -> Value {
    let mut review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "group": right.group, "resource": right.plural, "subresource": right.subresource, "verb": right.verb,
            "namespace": right.namespace,
        }},
    });
    if let Some(name) = right.name {
        review["spec"]["resourceAttributes"]["name"] = json!(name);
    }
    review
}

/// Tells a request that never left from one that may have arrived; in doubt it may have.
fn lost(error: &kube::Error) -> Lost {
    match error {
        // The text of a failed login may hold the plugin's environment: it is not repeated.
        kube::Error::Auth(_) => Lost::NotSent("the credentials for the cluster could not be renewed".to_owned()),
        kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => {
            Lost::NotSent("the request cannot be built".to_owned())
        }
        kube::Error::Service(error) => {
            let reason = innermost(error.as_ref());
            if is_connect(error.as_ref()) { Lost::NotSent(reason) } else { Lost::Unknown(reason) }
        }
        kube::Error::HyperError(error) => Lost::Unknown(innermost(error)),
        _ => Lost::Unknown("the answer broke off".to_owned()),
    }
}

/// Whether the connection itself failed. The HTTP client's own error type says so only in its text; should
/// that ever change, the outcome counts as unknown and is read back, which is slower and still true.
fn is_connect(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string() == "client error (Connect)")
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn seconds(span: std::time::Duration) -> String {
    if span.as_secs() == 0 { format!("{} ms", span.as_millis()) } else { format!("{} s", span.as_secs()) }
}
