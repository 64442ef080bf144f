//! Webhooks.

use crate::ci::peer::{Peer, reply};
use crate::feature_flags::stage::{TOKEN, on, order, refused, spec, told, trouble};
use redflag::feature_flags::spec::FeatureFlagsSpec;
use redflag::feature_flags::{Answer, FlagState};
use redflag::net::{Auth, Endpoint};
use redflag::secret::Secret;
use redflag::systems::webhook::flags::WebhookSpec;
use serde_json::json;

const SIGNING: &str = "hush-signing";

fn webhook(endpoint: Endpoint, state_url: Option<String>) -> FeatureFlagsSpec {
    let provider =
        WebhookSpec { auth: Auth::Bearer(Secret::new(TOKEN)), signing_key: Some(Secret::new(SIGNING)), state_url };
    spec(endpoint, provider, &["checkout-v2"])
}

#[tokio::test]
async fn the_address_is_told_which_flag_signed_and_once() {
    let peer = Peer::start(vec![reply("POST ", 202, "accepted")]).await;
    let system = on(&webhook(peer.endpoint("/$environment/${feature}/off/?by=redflag"), None));
    assert_eq!(system.turn_off(&order("checkout-v2")).await, Answer::Accepted);
    let asked = peer.asked("");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "POST /live/checkout-v2/off/?by=redflag");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {TOKEN}"));
    let id = asked[0].header("idempotency-key");
    assert!(id.starts_with("redflag-"), "{id}");
    assert_eq!(
        asked[0].json(),
        json!({
            "event": "feature_off", "feature": "checkout-v2", "environment": "live", "actor": "ana@laptop",
            "reason": "error rate 2.4 %, \"bad\"", "idempotency_key": id, "requested_at": "2026-09-21T14:13:21Z",
        })
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SIGNING.as_bytes());
    let digits = asked[0].header("x-signature-256").strip_prefix("sha256=").unwrap();
    let tag: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    ring::hmac::verify(&key, asked[0].body.as_bytes(), &tag).unwrap();
}

#[tokio::test]
async fn where_it_cannot_be_asked_the_state_is_not_told() {
    let peer = Peer::start(vec![]).await;
    let listing = on(&webhook(peer.endpoint("/$feature"), None)).read().await.unwrap();
    assert!(matches!(listing.flags[0].state, FlagState::Untold(_)), "{:?}", listing.flags);
    assert!(peer.asked("").is_empty());
}

#[tokio::test]
async fn the_state_is_asked_at_its_own_address() {
    let peer =
        Peer::start(vec![reply("GET /state/live/checkout-v2", 200, json!({"enabled": true, "rollout": 30}))]).await;
    let system = on(&webhook(peer.endpoint("/off/$feature"), Some(peer.url("/state/$environment/$feature"))));
    let standing = told(system.read_one("checkout-v2").await);
    assert_eq!((standing.on, standing.rollout.unwrap().percent), (true, 30.0));
    assert_eq!(peer.asked("GET ")[0].header("authorization"), format!("Bearer {TOKEN}"), "the same host");

    let other = Peer::start(vec![reply("GET ", 200, json!({"state": "off"}))]).await;
    let system = on(&webhook(peer.endpoint("/off/$feature"), Some(other.url("/$feature"))));
    assert!(!told(system.read_one("checkout-v2").await).on);
    assert!(!other.asked("GET ")[0].headers.contains_key("authorization"), "a stranger is not told the token");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_correct() {
    let peer = Peer::start(vec![reply("POST ", 403, format!("bad token {TOKEN} or signature {SIGNING}"))]).await;
    let blocked = refused(on(&webhook(peer.endpoint("/off/$feature"), None)).turn_off(&order("checkout-v2")).await);
    assert_eq!(blocked.reason, "the webhook rejected the request: bad token … or signature …");
    assert_eq!(blocked.way_out, "fix the token or signing_key in this environment's flags");
}

#[tokio::test]
async fn trouble_is_told_and_nothing_is_sent_twice() {
    trouble("POST ", |endpoint| {
        let state_url = format!("{}/$feature", endpoint.url);
        webhook(endpoint, Some(state_url))
    })
    .await;
}
