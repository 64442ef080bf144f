//! The few requests an undo is made of.

use super::answer::Right;
use crate::cluster::Cluster;
pub(crate) use crate::cluster::{Lost, Reply};
use crate::deploy::WorkloadRef;
use crate::rollback::destination::patch;
use kube::core::Request;
use kube::core::params::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use std::sync::Arc;

/// Who the API server's audit log and `managedFields` say it was.
pub(super) const FIELD_MANAGER: &str = "redflag";

/// A longer list is not read to its end: it is only looked at for warnings.
const ENOUGH: u32 = 500;

/// One request.
#[derive(Clone, Copy)]
pub(crate) enum Call<'a> {
    /// The namespace whose uid is the cluster's identity.
    KubeSystem,
    /// The workload itself.
    Workload(&'a WorkloadRef),
    /// All of its kind in its namespace, if they are a few.
    Workloads(&'a WorkloadRef),
    /// Its `ReplicaSets` or `ControllerRevisions`, by its selector.
    History(&'a WorkloadRef, &'a str),
    /// Those of all in its namespace, if they are a few.
    Histories(&'a WorkloadRef),
    /// The jobs of a namespace.
    Jobs(&'a str),
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
    Patch { of: &'a WorkloadRef, subresource: &'static str, patch: &'a json_patch::Patch, dry: bool },
    /// An object of another kind, by the path of its collection.
    Object { collection: &'a str, name: &'a str },
    /// Merge this into it (RFC 7386), or only try.
    Merge { collection: &'a str, name: &'a str, patch: &'a Value, dry: bool },
}

/// Makes one request, once, within the cluster's time.
pub(crate) async fn ask(cluster: &Cluster, call: Call<'_>) -> Result<Reply, Lost> {
    let changes =
        matches!(call, Call::Patch { dry: false, .. } | Call::Merge { dry: false, .. } | Call::DeletePod { .. });
    let reply = cluster.ask(request(call)?).await;
    if changes {
        // Whatever was asked before is out of date, whether the answer came or not.
        cluster.facts.forget();
    }
    reply
}

/// The same for a question that others may have just asked: their answer serves as well. Never for what is sent, nor for
/// what is read back of it.
pub(crate) async fn ask_together(cluster: &Cluster, call: Call<'_>) -> Result<Arc<Reply>, Lost> {
    cluster.ask_together(request(call)?).await
}

/// A list that serves many workloads at once; `None` where it cannot be had whole, and each is read by itself.
pub(super) async fn list_together(cluster: &Cluster, call: Call<'_>) -> Option<Arc<Reply>> {
    cluster.list_together(request(call).ok()?).await
}

fn request(call: Call<'_>) -> Result<http::Request<Vec<u8>>, Lost> {
    let core = |namespace: &str, plural: &str| Request::new(format!("/api/v1/namespaces/{namespace}/{plural}"));
    let request = match call {
        Call::KubeSystem => Request::new("/api/v1/namespaces").get_metadata("kube-system", &GetParams::default()),
        Call::Workload(of) => own(of).get(&of.name, &GetParams::default()),
        Call::Workloads(of) => own(of).list(&ListParams::default().limit(ENOUGH)),
        Call::History(of, selector) => {
            Request::new(format!("/apis/apps/v1/namespaces/{}/{}", of.namespace, of.kind.history()))
                .list(&labelled(selector))
        }
        Call::Histories(of) => Request::new(format!("/apis/apps/v1/namespaces/{}/{}", of.namespace, of.kind.history()))
            .list(&ListParams::default().limit(ENOUGH)),
        Call::Jobs(namespace) => Request::new(format!("/apis/batch/v1/namespaces/{namespace}/jobs"))
            .list(&ListParams::default().limit(ENOUGH)),
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
            let (request, patch) = (own(of), Patch::<()>::Json(patch.clone()));
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
    request.map_err(|error| Lost::NotSent(format!("cannot build the request: {error}")))
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
