//! Unleash.

use crate::peer::{Peer, reply};
use crate::stage::{TOKEN, on, order, refused, spec, told, trouble, unread};
use redflag::kill_switch::spec::{SwitchProvider, SwitchSpec};
use redflag::kill_switch::{Answer, Rollout};
use redflag::secret::Secret;
use redflag::source::spec::Endpoint;
use serde_json::{Value, json};

fn unleash(endpoint: Endpoint, features: &[&str]) -> SwitchSpec {
    spec(endpoint, SwitchProvider::Unleash { token: Secret::new(TOKEN), project: "shop".to_owned() }, features)
}

/// `GET …/features/{name}` as Unleash 7 answers it.
fn feature(name: &str, enabled: bool, rollout: &str) -> Value {
    json!({
        "name": name, "type": "release", "project": "shop", "stale": false, "impressionData": false,
        "createdAt": "2026-10-01T09:00:00.000Z", "archived": false, "lastSeenAt": "2026-11-20T14:00:00.000Z",
        "dependencies": [], "children": [],
        "environments": [
            {"name": "development", "type": "development", "enabled": true, "sortOrder": 1, "strategies": []},
            {"name": "live", "type": "production", "enabled": enabled, "sortOrder": 2, "strategies": [
                {"id": "1", "name": "flexibleRollout", "title": null, "disabled": false, "sortOrder": 0,
                 "parameters": {"groupId": name, "rollout": rollout, "stickiness": "default"},
                 "constraints": [], "segments": [], "variants": []},
            ]},
        ],
    })
}

#[tokio::test]
async fn named_flags_are_read_one_by_one_with_their_rollout() {
    let peer = Peer::start(vec![
        reply("GET /flags/api/admin/projects/shop/features/checkout-v2", 200, feature("checkout-v2", true, "25")),
        reply("GET /flags/api/admin/projects/shop/features/new-search", 200, feature("new-search", false, "100")),
        reply("GET ", 404, json!({"name": "NotFoundError", "message": "Could not find feature flag gone"})),
    ])
    .await;
    let switch = on(&unleash(peer.endpoint("/flags"), &["new-search", "gone", "checkout-v2"]));
    let listing = switch.read().await.unwrap();
    let keys: Vec<&str> = listing.flags.iter().map(|flag| flag.key.as_str()).collect();
    assert_eq!(keys, ["new-search", "gone", "checkout-v2"], "in the configuration's order");
    let [search, gone, checkout] = <[_; 3]>::try_from(listing.flags).unwrap();
    assert!(!told(search.state).on);
    assert_eq!(unread(gone.state), "Unleash answered 404: Could not find feature flag gone");
    assert_eq!(checkout.link, Some(peer.url("/flags/projects/shop/features/checkout-v2")));
    let standing = told(checkout.state);
    assert!(standing.on);
    assert_eq!(standing.rollout, Some(Rollout { percent: 25.0, has_rules: false }));
    assert_eq!(peer.asked("").len(), 3);
    assert_eq!(peer.asked("GET ")[0].header("authorization"), TOKEN, "Unleash knows no Bearer");
}

#[tokio::test]
async fn a_whole_project_is_one_question_and_one_more_for_each_flag_that_is_on() {
    let listed = |name: &str, enabled: bool| {
        json!({"name": name, "environments": [
            {"name": "live", "enabled": enabled, "type": "production", "sortOrder": 1, "variantCount": 0,
             "lastSeenAt": null, "hasStrategies": true, "hasEnabledStrategies": true},
        ]})
    };
    let features = [listed("b-off", false), listed("c-on", true), listed("a-on", true)];
    let peer = Peer::start(vec![
        reply("GET /api/admin/projects/shop/features/a-on", 200, feature("a-on", true, "5")),
        reply("GET /api/admin/projects/shop/features/c-on", 500, "busy"),
        reply("GET /api/admin/projects/shop/features", 200, json!({"version": 2, "features": features})),
    ])
    .await;
    let listing = on(&unleash(peer.endpoint(""), &[])).read().await.unwrap();
    let told: Vec<(String, bool, Option<f64>)> = listing
        .flags
        .into_iter()
        .map(|flag| {
            let standing = told(flag.state);
            (flag.key, standing.on, standing.rollout.map(|rollout| rollout.percent))
        })
        .collect();
    let wanted = [("a-on", true, Some(5.0)), ("b-off", false, None), ("c-on", true, None)];
    assert_eq!(told, wanted.map(|(key, on, percent)| (key.to_owned(), on, percent)));
    assert_eq!(peer.asked("").len(), 3);
}

#[tokio::test]
async fn turning_off_is_one_request_and_its_taking_is_not_believed() {
    let peer = Peer::start(vec![reply("POST ", 200, ""), reply("GET ", 200, feature("checkout-v2", true, "25"))]).await;
    let switch = on(&unleash(peer.endpoint(""), &["checkout-v2"]));
    assert_eq!(switch.turn_off(&order("checkout-v2")).await, Answer::Accepted);
    let asked = peer.asked("");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "POST /api/admin/projects/shop/features/checkout-v2/environments/live/off");
    assert!(told(switch.read_one("checkout-v2").await).on, "what was taken is read, not assumed");
    peer.now(vec![reply("GET ", 200, feature("checkout-v2", false, "25"))]);
    assert!(!told(switch.read_one("checkout-v2").await).on);
}

#[tokio::test]
async fn an_environment_with_change_requests_says_so() {
    let message = "You don't have the required permissions to perform this operation. To perform this action, you need \
                   the \"SKIP_CHANGE_REQUEST\" permission in the \"live\" environment.";
    let error = json!({"id": "x", "name": "PermissionError", "message": message, "details": [{"message": message}],
                       "permissions": ["SKIP_CHANGE_REQUEST"]});
    let peer = Peer::start(vec![reply("POST ", 403, error)]).await;
    let blocked = refused(on(&unleash(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
    assert_eq!(blocked.reason, "Unleash takes changes of live only as change requests");

    let error = json!({"name": "PermissionError", "message": "you need the \"UPDATE_FEATURE_ENVIRONMENT\" permission",
                       "permissions": ["UPDATE_FEATURE_ENVIRONMENT"]});
    let peer = Peer::start(vec![reply("POST ", 403, error)]).await;
    let blocked = refused(on(&unleash(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
    assert_eq!(blocked.reason, "Unleash answered 403: you need the \"UPDATE_FEATURE_ENVIRONMENT\" permission");
    assert_eq!(blocked.way_out, "give the token the right to change flags, or turn it off in Unleash by hand");
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_not_off() {
    let mut other = feature("a", true, "25");
    other["environments"][1]["name"] = "production".into();
    let peer = Peer::start(vec![reply("GET ", 200, other)]).await;
    let why = unread(on(&unleash(peer.endpoint(""), &["a"])).read_one("a").await);
    assert_eq!(why, "Unleash has no environment live for it");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_not_off_and_keeps_the_secret() {
    let peer = Peer::start(vec![reply("GET ", 200, json!({"name": "a", "environments": TOKEN}))]).await;
    let why = unread(on(&unleash(peer.endpoint(""), &["a"])).read_one("a").await);
    assert_eq!(why, "Unleash's answer cannot be read: invalid type: string \"…\", expected a sequence");
    let peer = Peer::start(vec![reply("GET ", 200, "<html>sign in</html>")]).await;
    let why = unread(on(&unleash(peer.endpoint(""), &["a"])).read_one("a").await);
    assert_eq!(why, "Unleash answers with something else than JSON: is its url right?");
}

#[tokio::test]
async fn trouble_is_told_and_nothing_is_sent_twice() {
    trouble("POST ", |endpoint| unleash(endpoint, &["checkout-v2"])).await;
}
