//! `redflag check` of a cluster.

use super::server::Server;
use super::streaming::spec;
use super::tape;
use redflag::cluster::spec::{ClusterSpec, MainContainer};
use redflag::deploy::WorkloadId;
use redflag::systems::kubernetes::check;

async fn lines(server: &Server, name: &str) -> Vec<String> {
    lines_of(server, &spec(server, name)).await
}

async fn lines_of(server: &Server, spec: &ClusterSpec) -> Vec<String> {
    let lines = check(spec).await.into_iter();
    let line = |line: redflag::systems::api::CheckLine| match line.result {
        Ok(remark) => format!("{}: {remark}", line.what),
        Err(failure) => format!("{}: {}; {}", line.what, failure.reason, failure.way_out),
    };
    lines.map(line).map(|line| line.replace(&server.url, "http://server")).collect()
}

#[tokio::test]
async fn a_cluster_in_order_is_said_to_be() {
    let server = Server::start().await;
    let tape = tape::open("rollout-good-then-undo.jsonl");
    tape.iter().filter(|line| line.value["list"].is_object()).for_each(|line| server.play(line));
    assert_eq!(
        lines(&server, "web").await,
        [
            "kubernetes: cluster: http://server, Kubernetes 1.36",
            "kubernetes: workload deployment/web in production: 3 of 3 pods ready, company/app:1.8.3",
            "kubernetes: permission to watch deployment/web in production: get, list and watch are allowed",
            "kubernetes: permission to roll back deployment/web in production: patch is allowed",
        ]
    );
}

#[tokio::test]
async fn whatever_is_missing_comes_with_the_way_out() {
    let server = Server::start().await;
    for missing in ["watch pods", "watch events", "patch deployments"] {
        server.disallow(missing);
    }
    assert_eq!(
        lines(&server, "nope").await,
        [
            "kubernetes: cluster: http://server, Kubernetes 1.36",
            "kubernetes: workload deployment/nope in production: not found: deployments.apps \"nope\" not found; \
         correct the name or the namespace: kubectl -n production get deployments",
            "kubernetes: permission to watch deployment/nope in production: not allowed: watch pods, watch events; \
         kubectl -n production create role redflag-watch --verb=watch --resource=pods,events && \
         kubectl -n production create rolebinding redflag-watch --role=redflag-watch --user=<you>",
            "kubernetes: permission to roll back deployment/nope in production: not allowed: patch deployments; \
         R will be blocked; kubectl -n production create role redflag-rollback --verb=patch \
         --resource=deployments.apps --resource-name=nope && kubectl -n production create rolebinding \
         redflag-rollback --role=redflag-rollback --user=<you>",
        ]
    );
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_one_line() {
    let mut server = Server::start().await;
    // Nobody listens on port 1 of loopback.
    server.url = "http://127.0.0.1:1".to_owned();
    let lines = lines(&server, "web").await;
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0],
        "kubernetes: cluster: cannot connect: connection refused by 127.0.0.1:1; correct the port in the url, or start \
         what should listen there"
    );
}

#[tokio::test]
async fn a_container_that_is_not_there_is_told_with_those_that_are() {
    let server = Server::start().await;
    let tape = tape::open("rollout-good-then-undo.jsonl");
    tape.iter().filter(|line| line.value["list"].is_object()).for_each(|line| server.play(line));
    let named = |name: &str| MainContainer { name: name.to_owned(), workloads: vec![WorkloadId(0)] };
    let containers = vec![named("app"), named("web")];
    let lines = lines_of(&server, &ClusterSpec { containers, ..spec(&server, "web") }).await;
    assert_eq!(
        lines[4..],
        [
            "kubernetes: container app: its image is the version of deployment/web",
            "kubernetes: container web: no container has that name: deployment/web has app; \
             set `container` to one of them, or leave it out: then the version is found by what changes",
        ]
    );
}
