//! Preparing an undo: everything is read and tried, and nothing is changed.

use crate::rollback::objects::{World, db, document, set, web, without_history};
use crate::rollback::peer::{
    Act, Asked, Peer, cluster, denied, failed_test, forbidden, invalid, not_allowed, recorded,
};
use axum::http::Method;
use redflag::deploy::WorkloadId;
use redflag::rollback::request::{Choice, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Check, CheckOutcome, Readiness, Refusal, Step};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

async fn readiness(peer: &Peer, world: &World) -> Readiness {
    let served_before = Some("69dc9d88f6".to_owned()).filter(|_| world.reference.name == "web");
    let choice = Choice::Usual { served_before };
    prepare(&peer.cluster(), &world.ask(Wanted { choice, ..Wanted::default() })).await
}

async fn ready(peer: &Peer, world: &World) -> Arc<Step> {
    match readiness(peer, world).await {
        Readiness::Ready(undo) => undo,
        other => panic!("{other:?}"),
    }
}

async fn blocked(peer: &Peer, world: &World) -> Refusal {
    match readiness(peer, world).await {
        Readiness::Blocked(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

/// Gives this answer to every dry run, and the usual one to everything else.
async fn trial_gets(status: u16, body: Value) -> Peer {
    Peer::serve(web(), move |asked| if asked.is_dry() { Act::Answer(status, body.clone()) } else { Act::Usual }).await
}

/// Gives this answer to every access review, and the usual one to everything else.
async fn review_gets(status: u16, body: Value) -> Peer {
    let is_review = |asked: &Asked| asked.method == Method::POST;
    Peer::serve(web(), move |asked| if is_review(asked) { Act::Answer(status, body.clone()) } else { Act::Usual }).await
}

fn check<'a>(undo: &'a Step, name: &str) -> &'a Check {
    undo.checks.iter().find(|check| check.name() == name).unwrap()
}

#[tokio::test]
async fn a_prepared_undo_was_tried_and_changed_nothing() {
    let world = web();
    let peer = Peer::usual(world.clone()).await;
    let undo = ready(&peer, &world).await;
    assert_eq!((undo.workload(), undo.place.as_str()), (WorkloadId(3), "prod-eu"));
    assert_eq!((undo.covers[0].from.label(), undo.covers[0].to.label()), ("1.9.0", "1.8.3"));
    assert_eq!(check(&undo, "permission").sentence, "you may patch deployments in production");
    assert_eq!(check(&undo, "dry run").sentence, "server-side dry run passed");
    assert!(undo.checks.iter().all(|check| check.outcome == CheckOutcome::Ok));

    let mut log = peer.log();
    log[..5].sort();
    assert_eq!(
        log,
        [
            "GET /api/v1/namespaces/kube-system",
            "GET /api/v1/namespaces/production/resourcequotas?&limit=500",
            "GET /apis/apps/v1/namespaces/production/deployments/web",
            "GET /apis/autoscaling/v2/namespaces/production/horizontalpodautoscalers?&limit=500",
            "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews?",
            "GET /apis/apps/v1/namespaces/production/replicasets?&labelSelector=app%3Dweb",
            "PATCH /apis/apps/v1/namespaces/production/deployments/web?&dryRun=All&fieldManager=redflag",
        ]
    );
    assert_eq!(peer.image(), "company/app:1.9.0");
    let tried = peer.asked().into_iter().find(Asked::is_dry).unwrap();
    assert_eq!(tried.body, document(&undo), "what is tried is what would be sent");
}

#[tokio::test]
async fn the_version_that_served_before_is_preferred() {
    let world = web()
        .and_revision(3, "ccc", "company/app:1.9.1")
        .with("/spec/template/spec/containers/0/image", json!("company/app:1.9.1"));
    let peer = Peer::usual(world.clone()).await;
    let wanted = Wanted {
        choice: Choice::Hash("69dc9d88f6".to_owned()),
        pace: Some(chrono::TimeDelta::seconds(7)),
        ..Wanted::default()
    };
    let Readiness::Ready(undo) = prepare(&peer.cluster(), &world.ask(wanted)).await else { panic!() };
    assert_eq!(undo.covers[0].to.label(), "1.8.3");
    assert_eq!(undo.expected, chrono::TimeDelta::seconds(21));
}

#[tokio::test]
async fn the_pods_of_a_stateful_set_are_read_only_when_they_are_broken() {
    let peer = Peer::usual(db()).await;
    ready(&peer, &db()).await;
    assert!(!peer.log().iter().any(|line| line.contains("/pods")));

    let broken = db().with("/status/readyReplicas", json!(1));
    let peer = Peer::usual(broken.clone()).await;
    let undo = ready(&peer, &broken).await;
    assert!(peer.log().contains(&"GET /api/v1/namespaces/production/pods?&labelSelector=app%3Ddb".to_owned()));
    assert_eq!(check(&undo, "order").outcome, CheckOutcome::Warning);
}

#[tokio::test]
async fn without_anywhere_to_go_nothing_is_tried() {
    let world = without_history("one");
    let peer = Peer::usual(world.clone()).await;
    assert_eq!(blocked(&peer, &world).await.reason, "no earlier revision in its history");
    assert!(!peer.asked().iter().any(Asked::is_dry));
}

#[tokio::test]
async fn a_missing_permission_names_the_role() {
    let peer = review_gets(201, not_allowed()).await;
    let refused = blocked(&peer, &web()).await;
    assert_eq!(refused.reason, "you may not patch deployments in production: no role allows it");
    assert_eq!(
        refused.way_out,
        "ask for a Role in production with apiGroups [apps], resources [deployments], verbs [patch], \
         or ask somebody who has it"
    );

    // The review allows, and the API server refuses: the dry run is the truth.
    let refused = blocked(&trial_gets(403, forbidden()).await, &web()).await;
    assert!(refused.reason.starts_with("you may not patch deployments in production: "));
}

#[tokio::test]
async fn a_review_that_does_not_know_leaves_it_to_the_trial() {
    let unsure = json!({"status": {"allowed": false, "evaluationError": "webhook authorizer timed out"}});
    for (status, body, why) in [(201, unsure, "webhook authorizer timed out"), (500, json!({"message": "no"}), "no")] {
        let peer = review_gets(status, body).await;
        let undo = ready(&peer, &web()).await;
        let permission = check(&undo, "permission");
        assert_eq!(permission.outcome, CheckOutcome::Warning);
        assert_eq!(permission.sentence, format!("unknown whether you may patch deployments: {why}"));
    }
    let denied = json!({"status": {"allowed": false, "denied": true, "reason": "frozen", "evaluationError": "x"}});
    let refused = blocked(&review_gets(201, denied).await, &web()).await;
    assert_eq!(refused.reason, "you may not patch deployments in production: frozen");
}

#[tokio::test]
async fn a_webhook_that_takes_no_dry_runs_does_not_block() {
    let message = "admission webhook \"audit\" does not support dry run";
    let peer = trial_gets(400, json!({"kind": "Status", "code": 400, "message": message})).await;
    let undo = ready(&peer, &web()).await;
    let dry_run = check(&undo, "dry run");
    assert_eq!(dry_run.outcome, CheckOutcome::Warning);
    assert_eq!(dry_run.sentence, format!("no dry run: {message}"));
}

#[tokio::test]
async fn a_busy_server_does_not_block() {
    let peer = Peer::serve(web(), |asked| if asked.is_dry() { Act::Busy } else { Act::Usual }).await;
    let undo = ready(&peer, &web()).await;
    assert_eq!(check(&undo, "dry run").sentence, "no dry run: the API server is too busy");
}

#[tokio::test]
async fn a_webhook_that_rewrites_the_old_template_is_told() {
    let mut rewritten = web().workload;
    set(&mut rewritten, "/spec/template/spec/injected", json!(true));
    let undo = ready(&trial_gets(200, rewritten).await, &web()).await;
    assert_eq!(check(&undo, "dry run").sentence, "server-side dry run passed, but admission changes the old template");
}

#[tokio::test]
async fn what_the_trial_refuses_is_blocked() {
    let refused = blocked(&trial_gets(422, invalid()).await, &web()).await;
    assert!(refused.reason.starts_with("the API server rejects the old template as invalid: "));
    let frozen = blocked(&trial_gets(422, denied()).await, &web()).await;
    assert!(frozen.reason.starts_with("a cluster policy refuses it: "), "{}", frozen.reason);
    let broken = blocked(&trial_gets(500, json!({"message": "boom"})).await, &web()).await;
    assert_eq!(broken.reason, "server-side dry run failed: the API server returned 500: boom");
    assert!(broken.way_out.contains("kubectl rollout undo"));
}

#[tokio::test]
async fn a_change_in_the_midst_of_it_is_prepared_for_again() {
    fn scale(world: &mut World) {
        if world.workload["spec"]["replicas"] == 3 {
            set(&mut world.workload, "/spec/replicas", json!(5));
            set(&mut world.workload, "/spec/template/metadata/annotations", json!({"restartedAt": "now"}));
            set(&mut world.workload, "/metadata/generation", json!(3));
        }
    }
    let peer = Peer::serve(web(), |asked| if asked.is_dry() { Act::After(scale) } else { Act::Usual }).await;
    assert_eq!(ready(&peer, &web()).await.covers[0].generation, 3);
}

#[tokio::test]
async fn what_never_holds_still_is_blocked() {
    let peer = trial_gets(422, failed_test()).await;
    let restless = blocked(&peer, &web()).await;
    assert_eq!(restless.reason, "deployment/web changes faster than a rollback can be prepared");
    assert_eq!(peer.asked().iter().filter(|asked| asked.is_dry()).count(), 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_blocked_with_the_verb_that_is_missing() {
    let peer = Peer::serve(web(), |_| Act::Answer(403, recorded(403).1)).await;
    let refused = blocked(&peer, &web()).await;
    assert!(refused.reason.starts_with("you may not get deployments in production: "));
    assert!(refused.way_out.contains("resources [deployments], verbs [get]"));

    let history = |asked: &Asked| {
        if asked.target.contains("/replicasets") { Act::Answer(403, recorded(403).1) } else { Act::Usual }
    };
    let refused = blocked(&Peer::serve(web(), history).await, &web()).await;
    assert!(refused.way_out.contains("resources [replicasets], verbs [list]"));

    let peer = Peer::serve(web(), |_| Act::Answer(404, recorded(404).1)).await;
    assert_eq!(blocked(&peer, &web()).await.reason, "no deployment/web in production");
    let peer = Peer::serve(web(), |_| Act::Answer(401, recorded(401).1)).await;
    assert!(blocked(&peer, &web()).await.reason.starts_with("401 Unauthorized"));
    let peer = Peer::serve(web(), |_| Act::Page(503, "<html></html>")).await;
    assert_eq!(
        blocked(&peer, &web()).await.reason,
        "cannot read deployments: the API server returned 503: no reason given"
    );
}

#[tokio::test]
async fn a_cluster_that_is_away_is_said_to_be() {
    let peer = Peer::serve(web(), |_| Act::Hang).await;
    let away = prepare(&peer.impatient_cluster(), &web().ask(Wanted::default())).await;
    let Readiness::Blocked(blocked) = away else { panic!() };
    assert_eq!(blocked.reason, "cannot reach prod-eu: no answer within 50 ms");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cluster = cluster(&address, Duration::from_secs(20));
    let away = prepare(&cluster, &web().ask(Wanted::default())).await;
    let Readiness::Blocked(blocked) = away else { panic!() };
    assert!(blocked.reason.starts_with("cannot reach prod-eu: "), "{}", blocked.reason);
}
