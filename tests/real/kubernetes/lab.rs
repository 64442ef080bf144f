//! The cluster of the stories, and a namespace for each of them that is gone afterwards.

use crate::kubernetes::hands::Hands;
use crate::kubernetes::kubelet;
use crate::kubernetes::listener::Listener;
use crate::kubernetes::program::Program;
use futures_util::FutureExt;
use kube::core::Request;
use kube::core::params::DeleteParams;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::cluster::{self, Cluster};
use redflag::deploy::{WorkloadKind, WorkloadRef};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{interval, timeout};

/// What every cluster has without anything installed into it.
pub(crate) const BUILT_IN: [WorkloadKind; 3] =
    [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::DaemonSet];

/// A story that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(240);

/// Nodes that a story adds to a control plane without any carry this label, with the namespace as its value.
const OURS: &str = "redflag.test/story";

/// The cluster and the story's place in it.
pub(crate) struct Lab {
    /// As somebody who may do everything.
    pub(crate) cluster: Cluster,
    pub(crate) hands: Hands,
    /// The nodes that the story made; none where the cluster has its own.
    nodes: Vec<String>,
    /// Path and name of what the story made outside its namespace.
    elsewhere: RefCell<Vec<(String, String)>>,
}

/// Tells a story in a namespace of its own and cleans up, however it ends.
pub(crate) async fn tell(story: impl AsyncFnOnce(&Lab)) {
    let cluster = connect(kubeconfig(), None).await;
    tell_in(Lab::open(cluster, &json!({"generateName": "redflag-story-"})).await, story).await;
}

/// Tells a part of a story in another cluster, in the namespace of the same name.
pub(crate) async fn tell_elsewhere(lab: &Lab, story: impl AsyncFnOnce(&Lab)) {
    let cluster = connect(other_kubeconfig(), None).await;
    tell_in(Lab::open(cluster, &json!({"name": lab.hands.namespace})).await, story).await;
}

async fn tell_in(lab: Lab, story: impl AsyncFnOnce(&Lab)) {
    let kubelet = lab.nodes.first().map(|node| tokio::spawn(kubelet::run(lab.hands.clone(), node.clone())));
    let end = AssertUnwindSafe(timeout(PATIENCE, story(&lab))).catch_unwind().await;
    lab.close().await;
    if let Some(kubelet) = kubelet {
        kubelet.abort();
    }
    match end {
        Ok(Ok(())) => {}
        Ok(Err(_)) => panic!("the story is not over after {PATIENCE:?}"),
        Err(panic) => resume_unwind(panic),
    }
}

/// The file that leads to the cluster.
pub(crate) fn kubeconfig() -> PathBuf {
    std::env::var_os("REDFLAG_TEST_KUBECONFIG")
        .expect("REDFLAG_TEST_KUBECONFIG is the path of a kubeconfig for a throw-away cluster")
        .into()
}

/// The file that leads to a second cluster.
fn other_kubeconfig() -> PathBuf {
    std::env::var_os("REDFLAG_TEST_OTHER_KUBECONFIG")
        .expect("REDFLAG_TEST_OTHER_KUBECONFIG is the path of a kubeconfig for a second throw-away cluster")
        .into()
}

/// The cluster by a context of a kubeconfig; by its current one when none is named.
async fn connect(kubeconfig: PathBuf, context: Option<String>) -> Cluster {
    // As the program does when it starts: the API server speaks TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let access = ClusterAccess::Kubeconfig { path: Some(kubeconfig), context };
    cluster::connect(&spec(access, Vec::new())).await.unwrap()
}

pub(crate) fn spec(access: ClusterAccess, workloads: Vec<WorkloadRef>) -> ClusterSpec {
    let workloads = (0..).map(redflag::deploy::WorkloadId).zip(workloads).collect();
    ClusterSpec {
        name: "kubernetes".to_owned(),
        access,
        timeout: Duration::from_secs(20),
        workloads,
        containers: Vec::new(),
    }
}

/// Whether somebody reports for a node: nobody does for those that a story made.
fn has_kubelet(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

impl Lab {
    async fn open(cluster: Cluster, metadata: &Value) -> Self {
        let hands = Hands { client: cluster.client.clone(), namespace: String::new() };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        let namespace = hands.create("/api/v1/namespaces", &namespace).await;
        let namespace = namespace["metadata"]["name"].as_str().unwrap().to_owned();
        let mut lab =
            Self { cluster, hands: Hands { namespace, ..hands }, nodes: Vec::new(), elsewhere: RefCell::default() };
        let nodes = lab.hands.list("/api/v1/nodes").await;
        if !nodes.iter().any(has_kubelet) {
            lab.add_nodes().await;
        }
        lab
    }

    async fn add_nodes(&mut self) {
        for number in 1..=2 {
            let name = format!("{}-{number}", self.hands.namespace);
            let node = json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": {OURS: self.hands.namespace}}});
            self.create_everywhere("/api/v1/nodes", &node).await;
            // A new node is marked as not ready, and no node lifecycle controller has to be there to clear it.
            self.hands.clear_taints(&name).await;
            self.nodes.push(name);
        }
    }

    async fn close(&self) {
        let client = &self.cluster.client;
        let name = &self.hands.namespace;
        let delete = Request::new("/api/v1/namespaces").delete(name, &DeleteParams::background());
        client.request::<Value>(delete.unwrap()).await.unwrap();
        // Without a kubelet somebody must stay until the pods have gone; the cluster can do the rest alone.
        let pods = self.hands.path("/api/v1", "pods");
        let mut often = interval(Duration::from_millis(200));
        while !self.nodes.is_empty() && !self.hands.list(&pods).await.is_empty() {
            often.tick().await;
        }
        for (path, name) in self.elsewhere.take() {
            let delete = Request::new(path).delete(&name, &DeleteParams::background());
            client.request::<Value>(delete.unwrap()).await.unwrap();
        }
    }

    /// Makes an object that is in no namespace, and is deleted with the story's own.
    pub(crate) async fn create_everywhere(&self, path: &str, object: &Value) {
        self.hands.create(path, object).await;
        self.delete_with_the_story(path, object["metadata"]["name"].as_str().unwrap());
    }

    /// Has an object that is in no namespace deleted when the story ends.
    pub(crate) fn delete_with_the_story(&self, path: &str, name: &str) {
        self.elsewhere.borrow_mut().push((path.to_owned(), name.to_owned()));
    }

    /// The same cluster for the user of another context, which a variable of the environment may rename.
    pub(crate) async fn seen_by(&self, variable: &str, usual_context: &str) -> Cluster {
        let context = std::env::var(variable).unwrap_or_else(|_| usual_context.to_owned());
        connect(kubeconfig(), Some(context)).await
    }

    /// The name of a workload in the namespace.
    pub(crate) fn named(&self, kind: WorkloadKind, name: &str) -> WorkloadRef {
        WorkloadRef { kind, namespace: self.hands.namespace.clone(), name: name.to_owned() }
    }

    /// A workload that runs this program, with a change of its manifest. It is made, not yet rolled out.
    pub(crate) async fn create(&self, kind: WorkloadKind, program: Program, change: Value) -> WorkloadRef {
        let of = self.named(kind, "app");
        self.make(&of, program, &change).await;
        of
    }

    /// A workload beside another.
    pub(crate) async fn make(&self, of: &WorkloadRef, program: Program, change: &Value) {
        let mut manifest = self.manifest(of, program);
        json_patch::merge(&mut manifest, change);
        self.hands.create(&self.hands.path("/apis/apps/v1", of.kind.plural()), &manifest).await;
    }

    fn manifest(&self, of: &WorkloadRef, program: Program) -> Value {
        let labels = json!({"app": of.name});
        let mut spec = json!({
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "containers": [program.container()],
                "terminationGracePeriodSeconds": 1,
            }},
        });
        match of.kind {
            WorkloadKind::Deployment => spec["replicas"] = json!(3),
            WorkloadKind::StatefulSet => {
                spec["replicas"] = json!(2);
                spec["serviceName"] = json!(of.name);
            }
            WorkloadKind::DaemonSet if self.nodes.is_empty() => {}
            WorkloadKind::Rollout => panic!("a plain cluster has no Rollouts"),
            WorkloadKind::DaemonSet => spec["template"]["spec"]["nodeSelector"] = json!({OURS: of.namespace}),
        }
        json!({"apiVersion": "apps/v1", "kind": of.kind.kind(), "metadata": {"name": of.name}, "spec": spec})
    }

    /// A workload that runs this program on all its pods, and the source that listens to it.
    pub(crate) async fn settled(&self, kind: WorkloadKind, program: Program) -> (WorkloadRef, Listener) {
        let of = self.create(kind, program, json!({})).await;
        let mut listener = Listener::of(&self.cluster, &of);
        listener.settled(program).await;
        (of, listener)
    }

    /// The same after a second program has rolled out.
    pub(crate) async fn deployed(&self, kind: WorkloadKind, first: Program, then: Program) -> (WorkloadRef, Listener) {
        let (of, mut listener) = self.settled(kind, first).await;
        self.hands.deploy(&of, then).await;
        listener.settled(then).await;
        (of, listener)
    }
}
