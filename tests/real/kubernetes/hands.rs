//! What people, pipelines and nodes do to a cluster in these stories, as raw JSON.

use crate::kubernetes::program::Program;
use kube::Client;
use kube::core::Request;
use kube::core::params::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use redflag::deploy::{WorkloadKind, WorkloadRef};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::interval;

/// Who the cluster says has deployed.
const PIPELINE: &str = "pipeline";

/// The tag of a workload's image: what its template says it runs.
pub(crate) fn image(workload: &Value) -> &str {
    let image = workload["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
    image.rsplit_once(':').unwrap().1
}

/// Somebody who may do everything in a namespace.
#[derive(Clone)]
pub(crate) struct Hands {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Hands {
    /// Puts an object there; gives what the API server made of it.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Value {
        let params = PostParams { field_manager: Some(PIPELINE.to_owned()), ..PostParams::default() };
        let request = Request::new(path).create(&params, object.to_string().into_bytes());
        self.client.request(request.unwrap()).await.unwrap_or_else(|error| panic!("create in {path}: {error}"))
    }

    /// Puts an object there that is written in YAML.
    pub(crate) async fn create_yaml(&self, path: &str, object: &str) {
        let request = Request::new(path).create(&PostParams::default(), object.as_bytes().to_vec());
        let mut request = request.unwrap();
        request.headers_mut().insert("content-type", "application/yaml".parse().unwrap());
        self.client.request::<Value>(request).await.unwrap_or_else(|error| panic!("create in {path}: {error}"));
    }

    /// The path of a kind of object in the namespace: `/apis/apps/v1` and `deployments`.
    pub(crate) fn path(&self, group: &str, plural: &str) -> String {
        format!("{group}/namespaces/{}/{plural}", self.namespace)
    }

    fn workloads(&self, kind: WorkloadKind) -> String {
        self.path("/apis/apps/v1", kind.plural())
    }

    /// The workload as it is.
    pub(crate) async fn read(&self, of: &WorkloadRef) -> Value {
        let request = Request::new(self.workloads(of.kind)).get(&of.name, &GetParams::default());
        self.client.request(request.unwrap()).await.unwrap()
    }

    /// Changes a workload by a merge patch.
    pub(crate) async fn change(&self, of: &WorkloadRef, change: &Value) -> Value {
        let params = PatchParams { field_manager: Some(PIPELINE.to_owned()), ..PatchParams::default() };
        let request = Request::new(self.workloads(of.kind)).patch(&of.name, &params, &Patch::Merge(change));
        self.client.request(request.unwrap()).await.unwrap_or_else(|error| panic!("change {of}: {error}"))
    }

    /// Deploys another program.
    pub(crate) async fn deploy(&self, of: &WorkloadRef, program: Program) {
        self.change(of, &json!({"spec": {"template": {"spec": {"containers": [program.container()]}}}})).await;
    }

    /// Tries a change that is none, and does not care for the answer.
    pub(crate) async fn knock(&self, of: &WorkloadRef) {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let request = Request::new(self.workloads(of.kind)).patch(&of.name, &params, &Patch::Merge(json!({})));
        let _ = self.client.request::<Value>(request.unwrap()).await;
    }

    /// Changes how many pods there should be.
    pub(crate) async fn scale(&self, of: &WorkloadRef, replicas: i64) {
        self.change(of, &json!({"spec": {"replicas": replicas}})).await;
    }

    /// Changes how many pods there should be the way an autoscaler does: through the subresource.
    pub(crate) async fn autoscale(&self, of: &WorkloadRef, replicas: i64) {
        let change = json!({"spec": {"replicas": replicas}});
        let params = PatchParams { field_manager: Some("autoscaler".to_owned()), ..PatchParams::default() };
        let request = Request::new(self.workloads(of.kind));
        let request = request.patch_subresource("scale", &of.name, &params, &Patch::Merge(&change));
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    /// Deletes a workload and leaves its pods to the garbage collector.
    pub(crate) async fn delete(&self, of: &WorkloadRef) {
        let request = Request::new(self.workloads(of.kind)).delete(&of.name, &DeleteParams::background());
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    /// Deletes a pod by name, as `kubectl delete pod` does.
    pub(crate) async fn delete_pod(&self, name: &str) {
        let request = Request::new(self.path("/api/v1", "pods")).delete(name, &DeleteParams::default());
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    /// From now on the namespace takes only pods that want next to nothing, which none of these stories' do.
    pub(crate) async fn admit_restricted_pods_only(&self) {
        let change = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let namespaces = Request::new("/api/v1/namespaces");
        let request = namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(&change));
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    /// Waits until the lease of the environment is somebody's.
    pub(crate) async fn until_leased(&self, to: &str) {
        let path = self.path("/apis/coordination.k8s.io/v1", "leases");
        let mut often = interval(Duration::from_millis(200));
        let is_theirs = |lease: &Value| {
            lease["spec"]["holderIdentity"].as_str().is_some_and(|holder| holder.starts_with(&format!("{to}#")))
        };
        while !self.list(&path).await.iter().any(is_theirs) {
            often.tick().await;
        }
    }

    /// The objects of a list.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let request = Request::new(path).list(&ListParams::default()).unwrap();
        let list: Value = self.client.request(request).await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    // What a node does. The pod may be gone by the time it is done, and then there is nothing left to do.

    pub(crate) async fn clear_taints(&self, node: &str) {
        let change = json!({"spec": {"taints": null}});
        let request = Request::new("/api/v1/nodes").patch(node, &PatchParams::default(), &Patch::Merge(&change));
        self.client.request::<Value>(request.unwrap()).await.unwrap();
    }

    pub(crate) async fn bind(&self, pod: &str, node: &str) {
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
        let request = Request::new(self.path("/api/v1", "pods")).create_subresource(
            "binding",
            pod,
            &PostParams::default(),
            binding.to_string().into_bytes(),
        );
        let _ = self.client.request::<Value>(request.unwrap()).await;
    }

    pub(crate) async fn set_pod_status(&self, pod: &Value, status: Value) {
        // The uid keeps the status off a pod that was recreated under the same name.
        let change = json!({"metadata": {"uid": pod["metadata"]["uid"]}, "status": status});
        let name = pod["metadata"]["name"].as_str().unwrap();
        let request = Request::new(self.path("/api/v1", "pods")).patch_subresource(
            "status",
            name,
            &PatchParams::default(),
            &Patch::Merge(&change),
        );
        let _ = self.client.request::<Value>(request.unwrap()).await;
    }

    pub(crate) async fn remove_pod(&self, pod: &Value) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(kube::core::params::Preconditions {
                uid: pod["metadata"]["uid"].as_str().map(str::to_owned),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let request = Request::new(self.path("/api/v1", "pods")).delete(name, &params);
        let _ = self.client.request::<Value>(request.unwrap()).await;
    }

    /// A warning event about a pod, as its node would send.
    pub(crate) async fn warn(&self, pod: &Value, reason: &str, message: &str) {
        let stamp = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "story-"},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": self.namespace,
                "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
            "type": "Warning", "reason": reason, "message": message, "count": 1,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "source": {"component": "kubelet"}});
        let path = self.path("/api/v1", "events");
        let request = Request::new(path).create(&PostParams::default(), event.to_string().into_bytes());
        let _ = self.client.request::<Value>(request.unwrap()).await;
    }
}
