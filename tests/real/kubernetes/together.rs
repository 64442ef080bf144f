//! Several workloads of one namespace: watched together, by their names alone, and prepared in one round.

use crate::kubernetes::lab::{Lab, spec, tell};
use crate::kubernetes::permissions::{bind, deployer, until_allowed};
use crate::kubernetes::program::Program;
use futures_util::future::join_all;
use redflag::clock::Clock;
use redflag::cluster::spec::ClusterAccess;
use redflag::cluster::{Access, Cluster, Facts};
use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::{Message, StreamNews};
use redflag::rollback::request::{PlanRequest, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Goal, Readiness};
use redflag::rollout::{PodPhase, Progress, Rollout};
use redflag::signal::SourceId;
use redflag::systems::kubernetes::stream;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What does not happen within this time does not happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// Three Deployments of the first version.
async fn three(lab: &Lab) -> Vec<WorkloadRef> {
    let mut all = Vec::new();
    for name in ["api", "web", "worker"] {
        let labels = json!({"app": name});
        let change = json!({"metadata": {"name": name}, "spec": {
            "replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}});
        lab.create(WorkloadKind::Deployment, Program::Good, change).await;
        all.push(lab.named(WorkloadKind::Deployment, name));
    }
    all
}

/// Listens to all of them until each runs the version that is wanted of it.
async fn until_they_run(cluster: &Cluster, all: &[WorkloadRef], versions: &[&str]) -> BTreeMap<usize, Rollout> {
    let access = ClusterAccess::Kubeconfig { path: None, context: None };
    let (out, mut news) = mpsc::channel(64);
    tokio::spawn(stream(SourceId(0), spec(access, all.to_vec()), cluster.clone(), Clock::real(), out));
    let mut told: BTreeMap<usize, Rollout> = BTreeMap::new();
    let runs = |rollout: &Rollout, version: &str| {
        rollout.progress == Progress::Complete
            && rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.label() == version && deploy.finished.is_some())
            && rollout.pods.len() == 2
            && rollout.pods.iter().all(|pod| pod.is_new && pod.phase == PodPhase::Ready)
    };
    let listening = async {
        while !(versions.iter().enumerate()).all(|(at, version)| told.get(&at).is_some_and(|it| runs(it, version))) {
            match news.recv().await {
                Some(Message::Streamed { news: StreamNews::Rollout(WorkloadId(at), rollout), .. }) => {
                    told.insert(usize::from(at), *rollout);
                }
                Some(Message::Streamed { news: StreamNews::Alive | StreamNews::Event { .. }, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(timeout(PATIENCE, listening).await.is_ok(), "waited in vain for {versions:?}; last heard: {told:#?}");
    told
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn workloads_that_share_their_watches_are_told_apart() {
    tell(async |lab| {
        let all = three(lab).await;
        let before = until_they_run(&lab.cluster, &all, &["3.9", "3.9", "3.9"]).await;
        for (at, of) in all.iter().enumerate() {
            let is_own = |pod: &redflag::rollout::Pod| pod.name.starts_with(&format!("{}-", of.name));
            assert!(before[&at].pods.iter().all(is_own), "{:?}", before[&at].pods);
        }
        lab.hands.deploy(&all[1], Program::Better).await;
        let after = until_they_run(&lab.cluster, &all, &["3.9", "3.10", "3.9"]).await;
        assert_eq!(after[&0].uid, before[&0].uid);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn whoever_may_only_read_these_deployments_by_their_names_watches_each_by_itself() {
    tell(async |lab| {
        let all = three(lab).await;
        let deployer = deployer(lab).await;
        let names: Vec<&str> = all.iter().map(|of| of.name.as_str()).collect();
        bind(
            lab,
            &deployer,
            &json!([
                {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": names, "verbs": ["get", "list", "watch"]},
                {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list", "watch"]},
                {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list", "watch"]},
            ]),
        )
        .await;
        let namespace = &lab.hands.namespace;
        let last = Access { verb: "watch", group: "", resource: "events", namespace, name: None };
        until_allowed(&deployer, last).await;
        let wide = Access { verb: "list", group: "apps", resource: "deployments", namespace, name: None };
        assert!(!deployer.may(wide).await.unwrap());
        until_they_run(&deployer, &all, &["3.9", "3.9", "3.9"]).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_round_of_preparations_is_ready_for_each() {
    tell(async |lab| {
        let all = three(lab).await;
        until_they_run(&lab.cluster, &all, &["3.9", "3.9", "3.9"]).await;
        for of in &all {
            lab.hands.deploy(of, Program::Better).await;
        }
        let rollouts = until_they_run(&lab.cluster, &all, &["3.10", "3.10", "3.10"]).await;
        let cluster = Cluster { facts: Facts::of(&Clock::real(), &all), ..lab.cluster.clone() };
        let asks: Vec<PlanRequest> = (0..)
            .zip(&all)
            .map(|(at, of)| PlanRequest {
                goal: Goal::RollBack,
                workload: WorkloadId(at),
                reference: of.clone(),
                service: of.name.clone(),
                environment: "production".to_owned(),
                wanted: Wanted::default(),
            })
            .collect();
        for (at, readiness) in join_all(asks.iter().map(|ask| prepare(&cluster, ask))).await.into_iter().enumerate() {
            let Readiness::Ready(step) = readiness else { panic!("{readiness:?}") };
            let covered = &step.covers[0];
            assert_eq!((covered.from.label(), covered.to.label()), ("3.10", "3.9"));
            assert_eq!(covered.from.hash, rollouts[&at].deploy.as_ref().unwrap().to.hash);
        }
    })
    .await;
}
