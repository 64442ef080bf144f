//! Deleting the pods that block a rollback: one request each, for this very pod, and the right word for each answer.

use crate::rollback::objects::{World, db, reference};
use crate::rollback::peer::{Act, Peer, anonymous, cluster, denied, precondition_failed, recorded};
use axum::http::Method;
use redflag::cluster::Cluster;
use redflag::deploy::WorkloadKind;
use redflag::rollback::Readiness;
use redflag::rollback::deletion::{Deleted, PodId};
use redflag::rollback::request::Wanted;
use redflag::rollback::workload::{delete_pods, prepare};
use serde_json::{Value, json};
use std::time::Duration;

const DB_1: &str = "/api/v1/namespaces/production/pods/db-1?";

fn id(name: &str, uid: &str) -> PodId {
    PodId { name: name.to_owned(), uid: uid.to_owned() }
}

fn db_1() -> PodId {
    id("db-1", "uid-of-db-1")
}

/// `db` with two pods that are not ready.
fn broken() -> World {
    let owner = db().workload["metadata"]["uid"].clone();
    let pod = |name: &str| {
        let metadata = json!({
            "name": name, "uid": format!("uid-of-{name}"), "ownerReferences": [{"uid": owner, "controller": true}],
        });
        json!({"metadata": metadata, "status": {"conditions": []}})
    };
    World { pods: vec![pod("db-0"), pod("db-1")], ..db().with("/status/readyReplicas", json!(0)) }
}

/// Answers a deletion so, and everything else as usual.
async fn deletion_gets(act: impl Fn() -> Act + Send + Sync + 'static) -> Peer {
    Peer::serve(broken(), move |asked| if asked.method == Method::DELETE { act() } else { Act::Usual }).await
}

async fn delete(cluster: &Cluster, pods: Vec<PodId>) -> Vec<Deleted> {
    let answers = delete_pods(cluster, &reference(WorkloadKind::StatefulSet, "db"), pods).await;
    answers.into_iter().map(|(_, deleted)| deleted).collect()
}

async fn answered(status: u16, body: Value) -> Deleted {
    let peer = deletion_gets(move || Act::Answer(status, body.clone())).await;
    let deleted = delete(&peer.cluster(), vec![db_1()]).await;
    assert_eq!(peer.log(), [format!("DELETE {DB_1}")], "one request, whatever the answer");
    deleted.into_iter().next().unwrap()
}

async fn refused(status: u16, body: Value) -> (String, String) {
    match answered(status, body).await {
        Deleted::Refused(blocked) => (blocked.reason, blocked.way_out),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_pod_is_one_request_that_names_its_uid_and_nothing_else() {
    let peer = Peer::usual(broken()).await;
    let both = vec![id("db-0", "uid-of-db-0"), db_1()];
    assert_eq!(delete(&peer.cluster(), both).await, [Deleted::Taken, Deleted::Taken]);
    let mut log = peer.log();
    log.sort();
    assert_eq!(log, [format!("DELETE {}", DB_1.replace("db-1", "db-0")), format!("DELETE {DB_1}")]);
    for asked in peer.asked() {
        let name = asked.target.rsplit('/').next().unwrap().trim_end_matches('?').to_owned();
        assert_eq!(asked.body, json!({"preconditions": {"uid": format!("uid-of-{name}")}}));
    }
}

#[tokio::test]
async fn a_namesake_recreated_is_left_alone() {
    let peer = Peer::usual(broken()).await;
    assert_eq!(delete(&peer.cluster(), vec![id("db-1", "uid-of-one-before")]).await, [Deleted::Replaced]);
    assert_eq!(delete(&peer.cluster(), vec![db_1()]).await, [Deleted::Taken], "it is still there");
    assert_eq!(delete(&peer.cluster(), vec![db_1()]).await, [Deleted::GoneAlready]);
    assert_eq!(answered(409, precondition_failed("db-1")).await, Deleted::Replaced);
}

#[tokio::test]
async fn a_missing_permission_names_the_verb_and_the_role() {
    let message = "pods \"db-1\" is forbidden: User \"ada\" cannot delete resource \"pods\" in API group \"\" in the \
                   namespace \"production\"";
    let forbidden = json!({"kind": "Status", "reason": "Forbidden", "code": 403, "message": message});
    let (reason, way_out) = refused(403, forbidden).await;
    assert_eq!(reason, format!("you may not delete pods in production: {message}"));
    assert_eq!(
        way_out,
        "ask for a Role in production with apiGroups [\"\"], resources [pods], verbs [delete], or ask somebody who \
         has it"
    );
    let (reason, _) = refused(403, anonymous()).await;
    assert_eq!(reason, "not signed in: no credentials reached the cluster (system:anonymous)");
}

#[tokio::test]
async fn other_refusals_say_what_they_are() {
    let (reason, _) = refused(422, denied()).await;
    assert!(reason.starts_with("a cluster policy refuses it: "), "{reason}");
    let (_, way_out) = refused(405, recorded(404).1).await;
    assert_eq!(way_out, "try it manually: kubectl delete pod db-1 -n production");
    let peer = deletion_gets(|| Act::Busy).await;
    let [Deleted::Refused(busy)] = &delete(&peer.cluster(), vec![db_1()]).await[..] else { panic!() };
    assert_eq!(busy.reason, "the API server is too busy");
    assert_eq!(peer.log().len(), 1);
}

#[tokio::test]
async fn a_page_of_a_proxy_that_knows_no_such_path_does_not_say_that_the_pod_is_gone() {
    let peer = deletion_gets(|| Act::Page(404, "<h1>no such page</h1>")).await;
    let [Deleted::Refused(blocked)] = &delete(&peer.cluster(), vec![db_1()]).await[..] else { panic!() };
    assert_eq!(blocked.reason, "the API server refused it, status 404: no reason given");
}

#[tokio::test]
async fn a_lost_answer_is_not_known_and_a_cluster_that_was_not_reached_has_done_nothing() {
    assert!(matches!(answered(500, json!({"message": "etcd timed out"})).await, Deleted::Unknown(_)));
    let peer = deletion_gets(|| Act::Hang).await;
    let impatient = delete(&peer.impatient_cluster(), vec![db_1()]).await;
    assert_eq!(impatient, [Deleted::Unknown("no answer within 50 ms".to_owned())]);
    assert_eq!(peer.log().len(), 1, "it is not asked a second time");

    // Nothing listens at a port that was just given back.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = cluster(&format!("http://{free}"), Duration::from_secs(20));
    assert!(matches!(&delete(&nowhere, vec![db_1()]).await[..], [Deleted::Refused(_)]));
}

/// What the check of the order says to do, where the review of the right to delete pods gets this answer.
async fn way_out(review: Value) -> String {
    let peer = Peer::serve(broken(), move |asked| {
        let deletes = asked.body["spec"]["resourceAttributes"]["verb"] == "delete";
        if deletes { Act::Answer(201, review.clone()) } else { Act::Usual }
    })
    .await;
    let Readiness::Ready(step) = prepare(&peer.cluster(), &broken().ask(Wanted::default())).await else { panic!() };
    let reviews = peer.asked().into_iter().filter(|asked| asked.body["spec"]["resourceAttributes"]["verb"] == "delete");
    let attributes: Vec<Value> = reviews.map(|asked| asked.body["spec"]["resourceAttributes"].clone()).collect();
    assert_eq!(
        attributes,
        [json!({"group": "", "resource": "pods", "subresource": "", "verb": "delete", "namespace": "production"})]
    );
    step.checks.iter().find(|check| check.name() == "order").unwrap().way_out.clone().unwrap()
}

#[tokio::test]
async fn whether_they_may_be_deleted_is_known_before_it_is_needed() {
    let manual_command = "kubectl delete pod db-0 db-1 -n production";
    assert_eq!(
        way_out(json!({"status": {"allowed": true}})).await,
        format!(
            "if they are still there after the rollback is sent, redflag offers to delete them (you may), or \
                 run: {manual_command}"
        )
    );
    assert_eq!(
        way_out(json!({"status": {"allowed": false}})).await,
        format!(
            "if they are still there after the rollback is sent: {manual_command}; but you may not delete pods in \
             production: no role allows it: \
             ask for a Role in production with apiGroups [\"\"], resources [pods], verbs [delete], or ask somebody who has it"
        )
    );
    assert_eq!(
        way_out(json!({"status": {"allowed": false, "evaluationError": "webhook authorizer timed out"}})).await,
        format!("if they are still there after the rollback is sent: {manual_command}")
    );
}
