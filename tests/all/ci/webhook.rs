//! Webhooks.

use crate::ci::peer::{Peer, breaks, reply};
use crate::ci::stage::{
    RUN_TIMEOUT, Stage, TOKEN, action, ask, ask_of, check, doubts, failed, refused, running, stage, unknown,
};
use redflag::deploy::Outline;
use redflag::net::Auth;
use redflag::rollback::action::{CiAction, Post};
use redflag::rollback::{Answer, Readiness};
use redflag::secret::Secret;
use redflag::systems::webhook::job::WebhookSpec;
use serde_json::json;

fn on(peer: &Peer, body: Option<&str>, status_url: Option<String>) -> Stage {
    stage(&WebhookSpec {
        endpoint: peer.endpoint("/hooks/hush-hush?key=hush"),
        run_timeout: RUN_TIMEOUT,
        auth: Auth::Bearer(Secret::new(TOKEN)),
        signing_key: Some(Secret::new("hush-signing")),
        body: body.map(str::to_owned),
        status_url,
    })
}

#[tokio::test]
async fn a_webhook_is_sent_the_plan_signed_and_once() {
    let peer = Peer::start(vec![reply("POST /hooks/", 202, "accepted")]).await;
    let stage = on(&peer, None, None);
    let step = stage.step().await;
    assert_eq!(step.place, peer.url(""));
    assert!(step.subject.ends_with(" (cart, in shop, deployment/app, from 1.9.0, to 1.8.3)"), "{}", step.subject);
    assert_eq!(doubts(&step), ["progress", "time"], "{:?}", step.checks);

    assert_eq!(stage.send(&step).await, Answer::Accepted);
    let asked = peer.asked("POST /hooks/hush-hush?key=hush");
    assert_eq!(peer.asked("").len(), 1);
    let CiAction::Post(Post { body, idempotency_key }) = action(&step) else { panic!() };
    assert_eq!(asked[0].header("idempotency-key"), idempotency_key);
    assert_eq!(asked[0].header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(asked[0].header("content-type"), "application/json");
    assert_eq!(asked[0].body, *body);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"hush-signing");
    let digits = asked[0].header("x-signature-256").strip_prefix("sha256=").unwrap();
    let tag: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, body.as_bytes(), &tag).unwrap();
    assert_eq!(
        asked[0].json(),
        json!({
            "event": "rollback", "service": "cart", "environment": "production", "namespace": "shop",
            "workload": "deployment/app", "from": "1.9.0", "to": "1.8.3", "reason": "error rate 2.4 %, \"bad\"",
            "actor": "ana@laptop", "idempotency_key": idempotency_key,
        })
    );
}

#[tokio::test]
async fn how_it_goes_on_is_asked_at_the_status_url() {
    let peer = Peer::start(vec![reply("POST /hooks/", 201, json!({"id": 12, "url": "https://ci.example/12"}))]).await;
    let stage = on(&peer, Some(r#"{"v": "$to"}"#), Some(peer.url("/runs/$run?key=${id}")));
    let step = stage.step().await;
    assert!(step.subject.ends_with(" (to 1.8.3)"), "{}", step.subject);
    let run = running(stage.send(&step).await);
    assert_eq!((run.id.as_str(), run.link.as_deref()), ("12@1700000000", Some("https://ci.example/12")));
    for (word, state, ended) in
        [("queued", "queued", false), ("waiting", "waiting for approval", false), ("SUCCESS", "succeeded", true)]
    {
        peer.now(vec![reply("GET /runs/12?key=redflag-", 200, json!({"state": word}))]);
        let now = running(stage.follow(&step, &run).await);
        assert_eq!((now.state.as_str(), now.ended), (state, ended));
    }
    assert_eq!(peer.asked("GET /runs/12")[0].header("authorization"), format!("Bearer {TOKEN}"), "the same host");
    peer.now(vec![reply(
        "GET ",
        200,
        json!({"status": "failed", "message": "no such version", "html_url": "https://ci.example/12"}),
    )]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert_eq!(blocked.reason, "the run failed: no such version");
    assert!(blocked.way_out.ends_with("https://ci.example/12"), "{}", blocked.way_out);
}

#[tokio::test]
async fn another_host_is_asked_without_what_identifies_us() {
    let peer = Peer::start(vec![reply("POST /hooks/", 202, json!({"id": 12}))]).await;
    let other = Peer::start(vec![reply("GET /", 200, json!({"status": "running"}))]).await;
    let stage = on(&peer, None, Some(other.url("/$id")));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    assert_eq!(running(stage.follow(&step, &run).await).state, "in progress");
    assert!(!other.asked("GET /redflag-")[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn an_answer_that_names_no_run_leaves_it_to_the_pods() {
    let peer = Peer::start(vec![reply("POST /hooks/", 204, "")]).await;
    let stage = on(&peer, None, Some(peer.url("/runs/$run")));
    assert_eq!(stage.send(&*stage.step().await).await, Answer::Accepted);
}

#[tokio::test]
async fn a_body_or_an_address_that_is_wrong_blocks_before_it_is_needed() {
    let peer = Peer::start(vec![]).await;
    let blocked = on(&peer, Some("{\"to\": $to}"), None).refusal().await;
    assert!(blocked.reason.starts_with("the webhook's body is not JSON once filled in"), "{}", blocked.reason);
    let blocked = on(&peer, None, Some("https://ci.example/$who".to_owned())).refusal().await;
    assert_eq!(blocked.reason, "$who is not a variable in the status url");
    assert!(peer.asked("").is_empty());
}

#[tokio::test]
async fn what_a_webhook_refuses_changed_nothing() {
    for (status, reason) in [
        (401, "the webhook rejected the request: no"),
        (404, "no webhook at this address"),
        (422, "the webhook rejected the body: no"),
        (409, "the webhook answered 409: no"),
        (
            307,
            "the webhook answered 307: it redirects: a sign-in page stands in front, or the url is not the final one",
        ),
    ] {
        let peer = Peer::start(vec![reply("POST /hooks/", status, json!({"message": "no"}))]).await;
        let stage = on(&peer, None, None);
        assert_eq!(refused(stage.send(&*stage.step().await).await).reason, reason);
        assert_eq!(peer.asked("").len(), 1);
    }
    let limited = reply("POST /hooks/", 429, "").header("retry-after", "40");
    let peer = Peer::start(vec![limited]).await;
    let stage = on(&peer, None, None);
    let blocked = refused(stage.send(&*stage.step().await).await);
    assert_eq!(blocked.reason, "the webhook takes no more requests for 40 s");
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_where_that_can_be_done() {
    let peer = Peer::start(vec![breaks("POST /hooks/")]).await;
    let stage = on(&peer, None, Some(peer.url("/by-key/$id")));
    let step = stage.step().await;
    unknown(stage.send(&step).await);
    let reason = unknown(stage.read_back(&step).await);
    assert!(reason.ends_with("it may still arrive"), "{reason}");
    peer.now(vec![reply("GET /by-key/redflag-", 200, json!({"status": "running"}))]);
    assert_eq!(running(stage.read_back(&step).await).state, "in progress");
    peer.now(vec![]);
    stage.later(60);
    refused(stage.read_back(&step).await);
    assert_eq!(peer.asked("POST ").len(), 1);
}

#[tokio::test]
async fn where_it_cannot_be_asked_it_stays_unknown_and_says_where_to_look() {
    let peer = Peer::start(vec![reply("POST /hooks/", 503, "busy")]).await;
    let stage = on(&peer, None, None);
    let step = stage.step().await;
    assert_eq!(unknown(stage.send(&step).await), "the webhook answered 503: busy");
    stage.later(600);
    let reason = unknown(stage.read_back(&step).await);
    assert!(reason.starts_with(&format!("cannot ask {} whether redflag-", peer.url(""))), "{reason}");
    assert!(reason.ends_with("arrived: check there, and the pods"), "{reason}");
    assert_eq!(peer.asked("").len(), 1);
}

#[tokio::test]
async fn each_service_is_told_by_itself() {
    let peer = Peer::start(vec![]).await;
    let stage = on(&peer, None, None);
    let (cart, mail) = (stage.step().await, stage.step_for(&ask_of("mail", "mail")).await);
    assert_ne!(cart.subject, mail.subject);
    assert_eq!(check(&cart, "target").sentence, "1.8.3 was live before the deploy, never watched to the end");
}

#[tokio::test]
async fn a_target_of_the_name_that_runs_blocks_and_says_what_tells_them_apart() {
    let peer = Peer::start(vec![reply("POST /hooks/", 202, "accepted")]).await;
    let template = |level: &str| {
        let env = json!([{"name": "LOG_LEVEL", "value": level}]);
        Outline::of(&json!({"spec": {"containers": [{"name": "app", "image": "shop/app:1.9.0", "env": env}]}}))
    };
    let mut ask = ask();
    let seen = ask.wanted.seen.as_mut().unwrap();
    seen.running.outline = template("debug");
    seen.revisions[1].images = seen.running.images.clone();
    seen.revisions[1].outline = template("info");
    let Readiness::Blocked(refusal) = on(&peer, Some(r#"{"v": "$to"}"#), None).ci.planner.prepare(&ask).await else {
        panic!()
    };
    assert_eq!(
        refusal.reason,
        "$from and $to are both 1.9.0: it would deploy what is already running (same image, env LOG_LEVEL changed)"
    );
    assert!(refusal.way_out.contains("kubectl rollout undo deployment/app -n shop --to-revision=8"), "{refusal:?}");
    assert!(peer.asked("").is_empty());
}
