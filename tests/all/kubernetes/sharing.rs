//! Many workloads of one namespace: one list and one watch of each kind, and what happens where that cannot be.

use super::server::Server;
use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::cluster;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::{Message, StreamNews};
use redflag::rollout::{Progress, Rollout};
use redflag::signal::SourceId;
use redflag::systems::kubernetes::stream;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

const MANY: u16 = 20;

/// A namespace of twenty Deployments, and the source that watches them.
pub(crate) struct Crowd {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    news: mpsc::Receiver<Message>,
    /// The last digest of each.
    pub(crate) rollouts: BTreeMap<u16, Rollout>,
}

impl Crowd {
    pub(crate) async fn watch(server: Server, size: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let workloads = (0..size).map(|index| (WorkloadId(index), reference(index))).collect();
        let access = ClusterAccess::Direct { url: server.url.clone(), token: None };
        let spec = ClusterSpec {
            name: "kubernetes".to_owned(),
            access,
            timeout: Duration::from_secs(20),
            workloads,
            containers: Vec::new(),
        };
        let cluster = cluster::connect(&spec).await.unwrap();
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let (out, news) = mpsc::channel(64);
        tokio::spawn(stream(SourceId(7), spec, cluster, clock.clone(), out));
        Self { server, clock, news, rollouts: BTreeMap::new() }
    }

    /// What is told next, digests noted.
    pub(crate) async fn next(&mut self) -> StreamNews {
        let Some(Message::Streamed { news, .. }) = self.news.recv().await else { panic!() };
        if let StreamNews::Rollout(WorkloadId(index), rollout) = &news {
            self.rollouts.insert(*index, (**rollout).clone());
        }
        news
    }

    /// Hears digests, and nothing else, until all of them are so.
    async fn until(&mut self, is_so: impl Fn(&BTreeMap<u16, Rollout>) -> bool) {
        while !is_so(&self.rollouts) {
            let news = self.next().await;
            assert!(matches!(news, StreamNews::Rollout(..)), "{news:?}");
        }
    }

    /// How often each collection was listed and watched.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (plural, verb, _) in self.server.asked() {
            *counts.entry(format!("{verb} {plural}")).or_default() += 1;
        }
        counts
    }
}

fn reference(index: u16) -> WorkloadRef {
    let (kind, namespace) = (WorkloadKind::Deployment, "production".to_owned());
    WorkloadRef { kind, namespace, name: format!("svc{index:02}") }
}

/// A Deployment that is rolled out, with its ReplicaSet and two pods.
pub(crate) fn put(server: &Server, index: u16) {
    let name = format!("svc{index:02}");
    let template =
        json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1.9.0"}]}});
    server.put("replicasets", json!({
        "metadata": {"name": format!("{name}-aaa"), "namespace": "production", "uid": format!("rs-{name}"),
            "creationTimestamp": "2026-09-21T14:00:00Z", "labels": {"app": name, "pod-template-hash": "aaa"},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"kind": "Deployment", "name": name, "uid": format!("uid-{name}"), "controller": true}]},
        "spec": {"template": template},
    }));
    for pod in 0..2 {
        server.put("pods", pod_of(&name, pod));
    }
    server.put(
        "deployments",
        json!({
            "metadata": {"name": name, "namespace": "production", "uid": format!("uid-{name}"), "generation": 1,
                "creationTimestamp": "2026-09-21T14:00:00Z", "annotations": {"deployment.kubernetes.io/revision": "1"}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
            "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
                "availableReplicas": 2},
        }),
    );
}

/// A ready pod of this app.
pub(crate) fn pod_of(app: &str, number: usize) -> Value {
    json!({
        "metadata": {"name": format!("{app}-aaa-{number}"), "namespace": "production", "uid": format!("pod-{app}-{number}"),
            "creationTimestamp": "2026-09-21T14:00:00Z", "labels": {"app": app, "pod-template-hash": "aaa"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "x", "uid": format!("rs-{app}"), "controller": true}]},
        "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-09-21T14:00:30Z"}]},
    })
}

async fn crowd() -> Server {
    let server = Server::start().await;
    (0..MANY).for_each(|index| put(&server, index));
    server
}

fn all_are_there(rollouts: &BTreeMap<u16, Rollout>) -> bool {
    let is_there = |rollout: &Rollout| rollout.progress == Progress::Complete && rollout.pods.len() == 2;
    rollouts.len() == usize::from(MANY) && rollouts.values().all(is_there)
}

fn counts(told: &[(&str, usize)]) -> BTreeMap<String, usize> {
    told.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
}

#[tokio::test]
async fn twenty_workloads_cost_one_list_and_one_watch_of_each_kind() {
    let mut crowd = Crowd::watch(crowd().await, MANY).await;
    crowd.until(all_are_there).await;
    for (index, rollout) in &crowd.rollouts {
        assert_eq!(rollout.uid, format!("uid-svc{index:02}"));
        assert!(rollout.pods.iter().all(|pod| pod.name.starts_with(&format!("svc{index:02}-"))), "{:?}", rollout.pods);
    }
    // Their watches begin when their lists have been told.
    crowd.clock.set(crowd.clock.now() + TimeDelta::seconds(11));
    assert_eq!(crowd.next().await, StreamNews::Alive);
    assert_eq!(
        crowd.counts(),
        counts(&[
            ("list deployments", 1),
            ("list events", 1),
            ("list pods", 1),
            ("list replicasets", 1),
            ("watch deployments", 1),
            ("watch events", 1),
            ("watch pods", 1),
            ("watch replicasets", 1),
        ])
    );
    assert!(crowd.server.asked().iter().all(|(plural, _, selector)| plural == "events" || selector.is_empty()));

    // Each hears of its own pods, and of nobody else's.
    crowd.server.put("pods", pod_of("svc07", 2));
    crowd.server.put("pods", pod_of("stranger", 2));
    crowd.until(|rollouts| rollouts[&7].pods.len() == 3).await;
    assert!(crowd.rollouts.iter().all(|(index, rollout)| *index == 7 || rollout.pods.len() == 2));

    // One that somebody takes out of a service by another label is its pod no more.
    let mut quarantined = pod_of("svc07", 2);
    quarantined["metadata"]["labels"]["app"] = json!("quarantine");
    crowd.server.put("pods", quarantined);
    crowd.until(|rollouts| rollouts[&7].pods.len() == 2).await;
}

#[tokio::test]
async fn a_workload_that_appears_later_gets_its_pods() {
    let server = Server::start().await;
    (0..MANY - 1).for_each(|index| put(&server, index));
    let mut crowd = Crowd::watch(server, MANY).await;
    crowd.until(|rollouts| rollouts.len() == usize::from(MANY)).await;
    assert_eq!(crowd.rollouts[&(MANY - 1)].progress, Progress::Gone);
    put(&crowd.server, MANY - 1);
    crowd.until(all_are_there).await;
    assert_eq!(crowd.counts()["list pods"], 2, "read again once, for all");
}

#[tokio::test]
async fn where_only_names_and_selectors_are_allowed_each_has_its_own() {
    let server = crowd().await;
    for plural in ["deployments", "replicasets", "pods"] {
        server.only_by_selector(plural);
    }
    let mut crowd = Crowd::watch(server, MANY).await;
    crowd.until(all_are_there).await;
    let asked = crowd.server.asked();
    for plural in ["deployments", "replicasets", "pods"] {
        let lists = asked.iter().filter(|(of, verb, _)| of == plural && *verb == "list");
        let selectors: Vec<&str> = lists.map(|(.., selector)| selector.as_str()).collect();
        assert_eq!(selectors.iter().filter(|selector| selector.is_empty()).count(), 1, "{plural}: {selectors:?}");
        assert_eq!(selectors.len(), 1 + usize::from(MANY), "{plural}: {selectors:?}");
    }
}

#[tokio::test]
async fn a_namespace_with_thousands_of_other_pods_leaves_it_to_the_server_to_select() {
    let server = crowd().await;
    (0..3000).for_each(|number| server.put("pods", pod_of("stranger", number)));
    let mut crowd = Crowd::watch(server, MANY).await;
    crowd.until(all_are_there).await;
    let asked = crowd.server.asked();
    let lists = |plural: &str| asked.iter().filter(|(of, verb, _)| of == plural && *verb == "list").count();
    // Of all, 2400 in 24 pages and the one that was too much; then one a workload.
    assert_eq!((lists("pods"), lists("replicasets"), lists("deployments")), (25 + usize::from(MANY), 1, 1));
}
