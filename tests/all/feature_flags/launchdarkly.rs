//! LaunchDarkly.

use crate::ci::peer::{Peer, reply};
use crate::feature_flags::stage::{TOKEN, now, on, order, refused, spec, told, trouble};
use redflag::feature_flags::spec::FeatureFlagsSpec;
use redflag::feature_flags::{Answer, Permission, Rollout};
use redflag::net::Endpoint;
use redflag::secret::Secret;
use redflag::systems::launchdarkly::LaunchDarklySpec;
use serde_json::{Value, json};

fn launchdarkly(endpoint: Endpoint, features: &[&str]) -> FeatureFlagsSpec {
    spec(endpoint, LaunchDarklySpec { token: Secret::new(TOKEN), project: "shop".to_owned() }, features)
}

/// A flag as version 20240415 of the API tells it, of one environment.
fn flag(key: &str, on: bool) -> Value {
    json!({
        "name": key, "kind": "boolean", "key": key, "_version": 4, "creationDate": 1_600_000_000_000_i64,
        "variations": [{"_id": "a", "value": true}, {"_id": "b", "value": false}], "temporary": true, "archived": false,
        "environments": {"live": {
            "on": on, "archived": false, "salt": "x", "sel": "y", "lastModified": 1_789_992_800_000_i64, "version": 12,
            "targets": [], "contextTargets": [], "rules": [{"clauses": [], "variation": 0}], "prerequisites": [],
            "fallthrough": {"rollout": {"variations": [
                {"variation": 0, "weight": 25_000}, {"variation": 1, "weight": 75_000},
            ], "bucketBy": "key"}},
            "offVariation": 1, "trackEvents": false, "_environmentName": "Live",
        }},
    })
}

#[tokio::test]
async fn a_flag_is_read_in_its_environment_with_the_share_that_gets_it() {
    let peer =
        Peer::start(vec![reply("GET /api/v2/flags/shop/checkout-v2?env=live", 200, flag("checkout-v2", true))]).await;
    let standing = told(on(&launchdarkly(peer.endpoint(""), &["checkout-v2"])).read_one("checkout-v2").await);
    assert!(standing.on);
    assert_eq!(standing.rollout, Some(Rollout { percent: 25.0, has_rules: true }));
    assert_eq!((now() - standing.changed.unwrap()).num_seconds(), 7200, "milliseconds, not seconds");
    let asked = &peer.asked("GET ")[0];
    assert_eq!(asked.header("authorization"), TOKEN, "LaunchDarkly knows no Bearer");
    assert_eq!(asked.header("ld-api-version"), "20240415");
}

/// A page of a project's flags, of which those that are divisible by 60 are on.
fn page(numbers: std::ops::Range<usize>, total: usize) -> Value {
    let items: Vec<Value> = numbers
        .filter(|number| *number < total)
        .map(|number| flag(&format!("flag-{number:04}"), number % 60 == 0))
        .collect();
    json!({ "items": items, "totalCount": total })
}

#[tokio::test]
async fn every_page_of_a_project_is_read_and_what_is_on_comes_first() {
    let at = |offset: usize| format!("GET /api/v2/flags/shop?env=live&summary=0&limit=100&offset={offset}&sort=key");
    let peer = Peer::start(vec![
        reply(&at(0), 200, page(0..100, 236)),
        reply(&at(100), 200, page(100..200, 236)),
        reply(&at(200), 200, page(200..300, 236)),
        reply("PATCH /api/v2/flags/shop/flag-0000?dryRun=true", 200, "{}"),
    ])
    .await;
    let listing = on(&launchdarkly(peer.endpoint(""), &[])).read().await.unwrap();
    let first: Vec<&str> = listing.flags.iter().take(5).map(|flag| flag.key.as_str()).collect();
    assert_eq!(first, ["flag-0000", "flag-0060", "flag-0120", "flag-0180", "flag-0001"]);
    assert_eq!((listing.flags.len(), listing.unlisted), (200, 36), "what is not listed is counted");
    assert_eq!(listing.flags[4].link, Some(peer.url("/projects/shop/flags/flag-0001")));
}

#[tokio::test]
async fn what_is_beyond_the_last_page_that_is_read_is_counted() {
    let peer = Peer::start(vec![reply("GET ", 200, page(0..100, 5000))]).await;
    let listing = on(&launchdarkly(peer.endpoint(""), &[])).read().await.unwrap();
    assert_eq!(listing.unlisted + listing.flags.len(), 5000);
    assert_eq!(peer.asked("GET /api/v2/flags/shop?env=live").len(), 11, "ten pages, and one flag to try with");
}

#[tokio::test]
async fn whether_it_could_be_turned_off_is_tried_without_doing_it() {
    for (status, body, wanted) in [
        (200, flag("a", false), None),
        (
            405,
            json!({"message": "Approval is required"}),
            Some("LaunchDarkly requires approval for changes to this flag: Approval is required"),
        ),
        (403, json!({"message": "Access to the requested resource was denied"}), Some("LaunchDarkly answered 403: ")),
        (401, json!({"message": "Invalid access token"}), Some("LaunchDarkly rejected the token: ")),
    ] {
        let peer = Peer::start(vec![reply("PATCH /api/v2/flags/shop/a?dryRun=true", status, body)]).await;
        let permission = on(&launchdarkly(peer.endpoint(""), &["a"])).permission().await;
        match wanted {
            None => assert_eq!(permission, Permission::Given),
            Some(wanted) => assert!(permission.clone().denied().unwrap().reason.starts_with(wanted), "{permission:?}"),
        }
        let asked = peer.asked("");
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].json()["instructions"], json!([{"kind": "turnFlagOff"}]), "the very change");
    }
    // Trouble on the way, and limits, say nothing of rights.
    for status in [404, 429, 500] {
        let peer = Peer::start(vec![reply("PATCH ", status, "{}")]).await;
        let permission = on(&launchdarkly(peer.endpoint(""), &["a"])).permission().await;
        assert!(matches!(permission, Permission::Untold(_)), "{status}: {permission:?}");
    }
}

#[tokio::test]
async fn a_flag_is_on_for_no_more_than_its_prerequisites_let_in() {
    let mut child = flag("child", true);
    child["environments"]["live"]["rules"] = json!([]);
    child["environments"]["live"]["prerequisites"] = json!([{"key": "parent", "variation": 0}]);
    let mut parent = flag("parent", true);
    parent["environments"]["live"]["rules"] = json!([]);
    parent["environments"]["live"]["fallthrough"]["rollout"]["variations"] =
        json!([{"variation": 0, "weight": 5_000}, {"variation": 1, "weight": 95_000}]);
    let standing = async |parent: Value| {
        let peer = Peer::start(vec![
            reply("GET /api/v2/flags/shop/child", 200, child.clone()),
            reply("GET /api/v2/flags/shop/parent", 200, parent),
        ])
        .await;
        told(on(&launchdarkly(peer.endpoint(""), &["child"])).read_one("child").await).rollout
    };
    assert_eq!(standing(parent.clone()).await, Some(Rollout { percent: 5.0, has_rules: false }));
    parent["environments"]["live"]["on"] = json!(false);
    assert_eq!(
        standing(parent).await,
        Some(Rollout { percent: 0.0, has_rules: false }),
        "it serves what it has while off"
    );
    assert_eq!(
        standing(json!([])).await,
        Some(Rollout { percent: 25.0, has_rules: true }),
        "what is not known is said"
    );
}

#[tokio::test]
async fn turning_off_is_one_semantic_patch_with_who_and_why() {
    let peer = Peer::start(vec![reply("PATCH /api/v2/flags/shop/checkout-v2", 200, flag("checkout-v2", false))]).await;
    let system = on(&launchdarkly(peer.endpoint(""), &["checkout-v2"]));
    assert_eq!(system.turn_off(&order("checkout-v2")).await, Answer::Accepted);
    let asked = peer.asked("");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("content-type"), "application/json; domain-model=launchdarkly.semanticpatch");
    assert_eq!(
        asked[0].json(),
        json!({
            "environmentKey": "live",
            "comment": "turned off by ana@laptop with redflag: error rate 2.4 %, \"bad\"",
            "instructions": [{"kind": "turnFlagOff"}],
        })
    );
}

#[tokio::test]
async fn what_only_launchdarkly_refuses_has_its_own_way_out() {
    for (status, body, reason) in [
        (
            405,
            json!({"code": "method_not_allowed", "message": "Approval is required"}),
            "LaunchDarkly requires approval for changes to this flag: Approval is required",
        ),
        (409, json!({}), "somebody else is changing this flag in LaunchDarkly"),
        (
            401,
            json!({"code": "unauthorized", "message": "Invalid access token"}),
            "LaunchDarkly rejected the token: Invalid access token",
        ),
    ] {
        let peer = Peer::start(vec![reply("PATCH ", status, body)]).await;
        let blocked = refused(on(&launchdarkly(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
        assert_eq!(blocked.reason, reason);
        assert!(!blocked.way_out.is_empty());
    }
}

#[tokio::test]
async fn its_limit_is_told_in_milliseconds() {
    let reset = now().timestamp_millis() + 7_500;
    let limited = reply("PATCH ", 429, json!({"code": "rate_limited"})).header("x-ratelimit-reset", &reset.to_string());
    let peer = Peer::start(vec![limited]).await;
    let blocked = refused(on(&launchdarkly(peer.endpoint(""), &["a"])).turn_off(&order("a")).await);
    assert_eq!(blocked.reason, "LaunchDarkly takes no more requests for 8 s");
    assert!(blocked.way_out.starts_with("wait 8 s and retry"), "{}", blocked.way_out);
}

#[tokio::test]
async fn trouble_is_told_and_nothing_is_sent_twice() {
    trouble("PATCH ", |endpoint| launchdarkly(endpoint, &["checkout-v2"])).await;
}
