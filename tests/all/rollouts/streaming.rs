//! The source over HTTP: a Rollout is listed and watched where its own API group has it.

use super::objects::{paused, reference};
use super::peer::Peer;
use redflag::clock::Clock;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::deploy::WorkloadId;
use redflag::message::{Message, StreamNews};
use redflag::rollout::Progress;
use redflag::signal::SourceId;
use redflag::systems::kubernetes::stream;
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_rollout_is_listed_and_watched_with_its_replica_sets_and_pods() {
    let peer = Peer::usual(paused()).await;
    let cluster = peer.cluster();
    let spec = ClusterSpec {
        name: "kubernetes".to_owned(),
        access: ClusterAccess::Kubeconfig { path: None, context: None },
        timeout: Duration::from_secs(20),
        workloads: vec![(WorkloadId(0), reference())],
        containers: Vec::new(),
    };
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-23T01:45:00Z").unwrap().to_utc();
    let (out, mut news) = mpsc::channel(64);
    tokio::spawn(stream(SourceId(0), spec, cluster, Clock::manual(now), out));
    let Some(Message::Streamed { news: StreamNews::Rollout(WorkloadId(0), rollout), .. }) = news.recv().await else {
        panic!()
    };
    assert_eq!(rollout.progress, Progress::Waiting("waits at step 2 of 5: paused until promoted manually".to_owned()));
    assert_eq!((rollout.pods.len(), rollout.revisions.len()), (5, 3));
    let log = peer.log();
    assert!(log.contains(&"GET /apis/argoproj.io/v1alpha1/namespaces/production/rollouts".to_owned()), "{log:?}");
    assert!(log.contains(&"GET /apis/apps/v1/namespaces/production/replicasets".to_owned()), "{log:?}");
}
