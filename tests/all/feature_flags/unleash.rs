//! Unleash.

use crate::ci::peer::{Peer, reply};
use crate::feature_flags::stage::{TOKEN, on, order, refused, spec, told, trouble, unread};
use redflag::feature_flags::spec::FeatureFlagsSpec;
use redflag::feature_flags::{Answer, Permission, Rollout};
use redflag::net::Endpoint;
use redflag::secret::Secret;
use redflag::systems::unleash::UnleashSpec;
use serde_json::{Value, json};

fn unleash(endpoint: Endpoint, features: &[&str]) -> FeatureFlagsSpec {
    spec(endpoint, UnleashSpec { token: Secret::new(TOKEN), project: "shop".to_owned() }, features)
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
    let system = on(&unleash(peer.endpoint("/flags"), &["new-search", "gone", "checkout-v2"]));
    let listing = system.read().await.unwrap();
    let keys: Vec<&str> = listing.flags.iter().map(|flag| flag.key.as_str()).collect();
    assert_eq!(keys, ["new-search", "gone", "checkout-v2"], "in the configuration's order");
    let [search, gone, checkout] = <[_; 3]>::try_from(listing.flags).unwrap();
    assert!(!told(search.state).on);
    assert_eq!(unread(gone.state), "Unleash answered 404: Could not find feature flag gone");
    assert_eq!(checkout.link, Some(peer.url("/flags/projects/shop/features/checkout-v2")));
    let standing = told(checkout.state);
    assert!(standing.on);
    assert_eq!(standing.rollout, Some(Rollout { percent: 25.0, has_rules: false }));
    assert_eq!(peer.asked("GET /flags/api/admin/projects").len(), 3);
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
    let wanted = [("a-on", true, Some(5.0)), ("c-on", true, None), ("b-off", false, None)];
    assert_eq!(told, wanted.map(|(key, on, percent)| (key.to_owned(), on, percent)), "those first that are on");
    assert_eq!(peer.asked("GET /api/admin/projects").len(), 3);
    assert_eq!(peer.asked("GET /api/admin/user").len(), 1);
}

#[tokio::test]
async fn a_project_that_is_not_there_is_not_one_without_flags() {
    let projects =
        json!({"version": 1, "projects": [{"id": "default", "name": "Default"}, {"id": "web", "name": "W"}]});
    // Unleash 7.5.1 lists no flags of a project that it has never heard of, with a 200.
    let empty = || reply("GET /api/admin/projects/shop/features", 200, json!({"version": 2, "features": []}));
    let peer = Peer::start(vec![empty(), reply("GET /api/admin/projects", 200, projects)]).await;
    let why = on(&unleash(peer.endpoint(""), &[])).read().await.unwrap_err();
    assert_eq!(why, "Unleash has no project shop, or the token cannot see it; it sees default, web");

    let there = json!({"version": 1, "projects": [{"id": "shop", "name": "Shop"}]});
    let peer = Peer::start(vec![empty(), reply("GET /api/admin/projects", 200, there)]).await;
    assert!(on(&unleash(peer.endpoint(""), &[])).read().await.unwrap().flags.is_empty());

    let peer = Peer::start(vec![empty(), reply("GET /api/admin/projects", 403, json!({"message": "no"}))]).await;
    let why = on(&unleash(peer.endpoint(""), &[])).read().await.unwrap_err();
    assert_eq!(
        why,
        "Unleash lists no flags of shop, and does not say whether that project exists: Unleash answered 403: no"
    );
}

#[tokio::test]
async fn what_the_token_may_is_asked_before_anybody_turns_a_flag_off() {
    let asked = async |permissions: Value| {
        let me =
            json!({"user": {"id": 3, "username": "vic"}, "permissions": permissions, "feedback": [], "splash": {}});
        let peer =
            Peer::start(vec![reply("GET /api/admin/user", 200, me), reply("GET ", 200, feature("a", true, "25"))])
                .await;
        let system = on(&unleash(peer.endpoint(""), &["a"]));
        let listing = system.read().await.unwrap();
        let permission = system.permission().await;
        assert_eq!(listing.denied, permission.clone().denied());
        assert_eq!(peer.asked("GET /api/admin/user").len(), 1, "asked a moment ago");
        assert!(peer.asked("POST ").is_empty());
        permission
    };
    let right = |project: &str, environment: &str| json!([{"permission": "UPDATE_FEATURE_ENVIRONMENT", "project": project, "environment": environment}]);
    for given in [right("shop", "live"), right("*", "*"), json!([{"permission": "ADMIN"}])] {
        assert_eq!(asked(given.clone()).await, Permission::Given, "{given}");
    }
    let viewer = json!([{"permission": "READ_ROLE"}, {"permission": "UPDATE_FEATURE_STRATEGY", "project": "shop"}]);
    for denied in [json!([]), viewer, right("shop", "development"), right("web", "live")] {
        let Permission::Denied(blocked) = asked(denied.clone()).await else { panic!("{denied}") };
        assert_eq!(blocked.reason, "the token can read flags of shop in Unleash, but not turn them off in live");
        assert!(blocked.way_out.starts_with("give its owner UPDATE_FEATURE_ENVIRONMENT in project shop"));
    }
    let peer = Peer::start(vec![]).await;
    let permission = on(&unleash(peer.endpoint(""), &["a"])).permission().await;
    assert!(matches!(permission, Permission::Untold(_)), "an older Unleash does not tell: {permission:?}");
}

#[tokio::test]
async fn a_flag_is_on_for_no_more_than_its_parent_is() {
    let with_parent = |dependency: Value| {
        let mut child = feature("child", true, "50");
        child["dependencies"] = json!([dependency]);
        child
    };
    for (dependency, parent, percent, has_rules) in [
        (json!({"feature": "parent"}), feature("parent", true, "10"), 10.0, false),
        (json!({"feature": "parent", "enabled": true}), feature("parent", false, "100"), 0.0, false),
        (json!({"feature": "parent", "enabled": false}), feature("parent", true, "90"), 10.0, false),
        (json!({"feature": "parent", "variants": ["red"]}), feature("parent", true, "100"), 50.0, true),
    ] {
        let peer = Peer::start(vec![
            reply("GET /api/admin/projects/shop/features/child", 200, with_parent(dependency.clone())),
            reply("GET /api/admin/projects/shop/features/parent", 200, parent),
        ])
        .await;
        let standing = told(on(&unleash(peer.endpoint(""), &["child"])).read_one("child").await);
        assert_eq!(standing.rollout, Some(Rollout { percent, has_rules }), "{dependency}");
    }
    let peer = Peer::start(vec![reply(
        "GET /api/admin/projects/shop/features/child",
        200,
        with_parent(json!({"feature": "gone"})),
    )])
    .await;
    let standing = told(on(&unleash(peer.endpoint(""), &["child"])).read_one("child").await);
    assert_eq!(standing.rollout, Some(Rollout { percent: 50.0, has_rules: true }), "what is not known is said");
}

#[tokio::test]
async fn turning_off_is_one_request_and_its_taking_is_not_believed() {
    let peer = Peer::start(vec![reply("POST ", 200, ""), reply("GET ", 200, feature("checkout-v2", true, "25"))]).await;
    let system = on(&unleash(peer.endpoint(""), &["checkout-v2"]));
    assert_eq!(system.turn_off(&order("checkout-v2")).await, Answer::Accepted);
    let asked = peer.asked("");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "POST /api/admin/projects/shop/features/checkout-v2/environments/live/off");
    assert!(told(system.read_one("checkout-v2").await).on, "what was taken is read, not assumed");
    peer.now(vec![reply("GET ", 200, feature("checkout-v2", false, "25"))]);
    assert!(!told(system.read_one("checkout-v2").await).on);
}

#[tokio::test]
async fn an_environment_with_change_requests_says_so() {
    let message = "You don't have the required permissions to perform this operation. To perform this action, you need \
                   the \"SKIP_CHANGE_REQUEST\" permission in the \"live\" environment.";
    let error = json!({"id": "x", "name": "PermissionError", "message": message, "details": [{"message": message}],
                       "permissions": ["SKIP_CHANGE_REQUEST"]});
    let peer = Peer::start(vec![reply("POST ", 403, error)]).await;
    let blocked = refused(on(&unleash(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
    assert_eq!(blocked.reason, "Unleash accepts changes to live only as change requests");

    let error = json!({"name": "PermissionError", "message": "you need the \"UPDATE_FEATURE_ENVIRONMENT\" permission",
                       "permissions": ["UPDATE_FEATURE_ENVIRONMENT"]});
    let peer = Peer::start(vec![reply("POST ", 403, error)]).await;
    let blocked = refused(on(&unleash(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
    assert_eq!(blocked.reason, "Unleash answered 403: you need the \"UPDATE_FEATURE_ENVIRONMENT\" permission");
    assert_eq!(blocked.way_out, "give the token the right to change flags, or turn it off in Unleash manually");
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
    assert_eq!(why, "cannot parse the response of Unleash: invalid type: string \"…\", expected a sequence");
    let peer = Peer::start(vec![reply("GET ", 200, "<html>sign in</html>")]).await;
    let why = unread(on(&unleash(peer.endpoint(""), &["a"])).read_one("a").await);
    assert_eq!(why, "Unleash returned something other than JSON: check its url");
}

#[tokio::test]
async fn trouble_is_told_and_nothing_is_sent_twice() {
    trouble("POST ", |endpoint| unleash(endpoint, &["checkout-v2"])).await;
}
