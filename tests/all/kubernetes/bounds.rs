//! Answers without an end, and more objects than anybody can watch: each is an error with its size, and the rest goes on.

use super::server::{Flood, Server};
use super::sharing::{Crowd, pod_of, put};
use redflag::cluster;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::StreamNews;
use redflag::rollback::request::{PlanRequest, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Goal, Readiness};
use std::time::Duration;

/// What sockets may hold of a flood that nobody reads any more.
const IN_SOCKETS: u64 = 16 << 20;

/// Hears until something is told that is no digest; then it is why the cluster counts as down.
async fn down(crowd: &mut Crowd) -> String {
    loop {
        match crowd.next().await {
            StreamNews::Down(error) => return error.to_string(),
            StreamNews::Rollout(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_line_of_a_watch_without_an_end_is_an_error_with_its_size() {
    let server = Server::start().await;
    put(&server, 0);
    server.flood("pods", Flood::Line);
    let mut crowd = Crowd::watch(server, 1).await;
    assert_eq!(
        down(&mut crowd).await,
        "unreadable answer: a watch line is longer than 4 MiB: is this address an API server, or something in front \
         of it?"
    );
    assert_eq!(crowd.rollouts[&0].pods.len(), 2, "what was listed before is known");
    assert!(crowd.server.flooded() < IN_SOCKETS, "{} bytes were read", crowd.server.flooded());
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error_with_its_size() {
    let server = Server::start().await;
    put(&server, 0);
    server.flood("pods", Flood::Body);
    let mut crowd = Crowd::watch(server, 1).await;
    let said = down(&mut crowd).await;
    assert!(said.starts_with("unreadable answer: the response is larger than 8 MiB: "), "{said}");
    // Once as a page, and twice as a smaller one.
    assert!(crowd.server.flooded() < 3 * IN_SOCKETS, "{} bytes were read", crowd.server.flooded());

    // What is sane again is heard again.
    crowd.server.relent();
    while !crowd.rollouts.contains_key(&0) {
        crowd.clock.set(crowd.clock.now() + chrono::TimeDelta::seconds(1));
        tokio::task::yield_now().await;
        if let Ok(news) = tokio::time::timeout(Duration::from_millis(1), crowd.next()).await {
            assert!(matches!(news, StreamNews::Rollout(..) | StreamNews::Alive), "{news:?}");
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_pods_in_one_answer_are_an_error_with_its_size() {
    let server = Server::start().await;
    put(&server, 0);
    server.flood("pods", Flood::Items);
    let mut crowd = Crowd::watch(server, 1).await;
    let said = down(&mut crowd).await;
    assert!(said.starts_with("unreadable answer: the response has 12.6 MiB, the limit is 8 MiB: "), "{said}");
}

#[tokio::test]
async fn thousands_of_pods_of_one_workload_are_an_error_with_their_number() {
    let server = Server::start().await;
    put(&server, 0);
    (2..4000).for_each(|number| server.put("pods", pod_of("svc00", number)));
    let mut crowd = Crowd::watch(server, 1).await;
    assert_eq!(
        down(&mut crowd).await,
        "unreadable answer: more than 2000 pods of deployment/svc00 in production: too many to watch"
    );
    let pages = crowd.server.asked().iter().filter(|(plural, ..)| plural == "pods").count();
    assert_eq!(pages, 21, "and no page is read after the one that was too much");
}

#[tokio::test]
async fn a_flood_for_one_workload_does_not_keep_the_others_from_being_known() {
    let server = Server::start().await;
    (0..3).for_each(|index| put(&server, index));
    (2..4000).for_each(|number| server.put("pods", pod_of("svc01", number)));
    let mut crowd = Crowd::watch(server, 3).await;
    let said = down(&mut crowd).await;
    assert_eq!(said, "unreadable answer: more than 2000 pods of deployment/svc01 in production: too many to watch");
    while crowd.rollouts.len() < 2 {
        crowd.next().await;
    }
    assert_eq!(crowd.rollouts.keys().copied().collect::<Vec<_>>(), [0, 2]);
}

#[tokio::test]
async fn a_plan_is_blocked_by_a_history_without_an_end_and_says_why() {
    let server = Server::start().await;
    put(&server, 0);
    server.flood("replicasets", Flood::Body);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reference =
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: "svc00".to_owned() };
    let spec = ClusterSpec {
        name: "kubernetes".to_owned(),
        access: ClusterAccess::Direct { url: server.url.clone(), token: None },
        timeout: Duration::from_secs(20),
        workloads: vec![(WorkloadId(0), reference.clone())],
        containers: Vec::new(),
    };
    let cluster = cluster::connect(&spec).await.unwrap();
    let ask = PlanRequest {
        goal: Goal::RollBack,
        workload: WorkloadId(0),
        reference,
        service: "svc00".to_owned(),
        environment: "production".to_owned(),
        wanted: Wanted::default(),
    };
    let Readiness::Blocked(refusal) = prepare(&cluster, &ask).await else { panic!() };
    assert_eq!(
        refusal.reason,
        "cannot read replicasets: the API server returned 200: the response is larger than 8 \
                                MiB"
    );
    assert!(server.flooded() < IN_SOCKETS, "{} bytes were read", server.flooded());
}
