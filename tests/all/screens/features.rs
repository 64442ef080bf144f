//! The feature flags as they are seen: listed, asked about, turned off, and when nobody knows.

use super::company::{Health, Scene, after};
use super::{find, snapshot, text};
use chrono::TimeDelta;
use redflag::deploy::ServiceId;
use redflag::feature_flags::{Answer, FeatureFlag, FlagState, FlagStatus, Listing, Rollout};
use redflag::message::Message;
use redflag::rollback::{Blocked, Rollback};
use redflag::setup::{FlagSystem, FlagSystemInfo, Setup};
use redflag::tui::Reaction;
use redflag::tui::glyphs::Glyphs;
use redflag::tui::theme::ColorDepth;

fn flag(key: &str, on: bool, rollout: Option<(f64, bool)>) -> FeatureFlag {
    FeatureFlag {
        key: key.to_owned(),
        state: FlagState::Told(FlagStatus {
            on,
            rollout: rollout.map(|(percent, has_rules)| Rollout { percent, has_rules }),
            ..FlagStatus::default()
        }),
        link: Some(format!("https://unleash.example.com/projects/shop/features/{key}")),
    }
}

fn with_feature_flags(setup: &mut Setup) {
    let system = |system, features: &[&str], service| FlagSystemInfo {
        system,
        environment: "production".to_owned(),
        features: features.iter().map(|&key| key.to_owned()).collect(),
        service,
    };
    setup.feature_flags = vec![
        system(FlagSystem::Unleash, &["checkout-v2", "new-search"], Some(ServiceId(0))),
        system(FlagSystem::LaunchDarkly, &[], None),
        system(FlagSystem::Webhook, &["dark-launch"], None),
    ];
}

/// What the three of them say.
fn told() -> Vec<Result<Listing, String>> {
    let listing = |flags| Ok(Listing { flags, ..Listing::default() });
    let mut recommendations = flag("recommendations", true, Some((12.5, true)));
    if let FlagState::Told(standing) = &mut recommendations.state {
        (standing.changed, standing.changed_by) = (Some(after(-7200)), Some("ben".to_owned()));
    }
    let untold = FeatureFlag {
        key: "dark-launch".to_owned(),
        state: FlagState::Untold("the webhook has no state_url to query".to_owned()),
        link: None,
    };
    vec![
        listing(vec![flag("checkout-v2", true, Some((25.0, false))), flag("new-search", false, Some((100.0, false)))]),
        listing(vec![recommendations]),
        listing(vec![untold]),
    ]
}

/// A faulty deploy in an environment with flags.
fn scene(change: impl FnOnce(&mut Setup)) -> Scene {
    let mut scene = Scene::changed(|setup| {
        with_feature_flags(setup);
        change(setup);
    });
    scene.health = Health::Bad;
    scene.flags = told();
    scene.rolled_out().until(640);
    scene
}

fn wait(scene: &mut Scene, seconds: i64) {
    for _ in 0..seconds {
        scene.now += TimeDelta::seconds(1);
        scene.say(Message::Tick(scene.now));
    }
}

fn both(name: &str, scene: &mut Scene) {
    snapshot(&format!("{name}_80x24"), scene, 80, 24);
    snapshot(&format!("{name}_120x40"), scene, 120, 40);
}

#[test]
fn the_flags_of_a_service_are_listed_with_their_state_and_rollout() {
    let mut scene = scene(|_| {});
    find(&scene.screen(120, 40), "f feature flags");
    scene.press("f down down");
    both("features", &mut scene);
    find(&scene.screen(120, 40), "recommendations: changed 2 h 10 min ago by ben, read 0 s ago");
}

#[test]
fn turning_a_flag_off_asks_and_the_question_takes_another_key_after_a_moment() {
    let mut scene = scene(|_| {});
    scene.press("f enter");
    find(&scene.screen(80, 24), "active in a moment: release all keys");
    scene.press("enter y");
    find(&scene.screen(80, 24), "no rollback: the deploy stays as it is; clients poll Unleash");
    wait(&mut scene, 1);
    both("features_question", &mut scene);
    scene.press("n");
    assert!(!text(&scene.screen(80, 24)).contains("off in production?"), "any other key is the less harmful answer");
    find(&scene.screen(80, 24), "feature flags of app");
}

#[test]
fn a_flag_that_was_read_as_off_is_called_off_in_place() {
    let mut scene = scene(|_| {});
    scene.press("f enter");
    wait(&mut scene, 1);
    scene.press("y");
    wait(&mut scene, 2);
    both("features_off", &mut scene);
    scene.press("enter");
    find(&scene.screen(120, 40), "checkout-v2 is already off");
    scene.press("esc");
    find(&scene.screen(200, 50), "feature flag checkout-v2 turned off by redflag: Unleash says off after 0 s");
    assert_eq!(*scene.watch.rollback(), Rollback::Idle);
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let mut scene = scene(|_| {});
    scene.flag_answer = Answer::Refused(Blocked {
        reason: "Unleash accepts changes to production only as change requests".to_owned(),
        way_out: "create and apply a change request there, or give the token's owner permission to skip them"
            .to_owned(),
    });
    scene.press("f enter");
    wait(&mut scene, 1);
    scene.press("y");
    both("features_refused", &mut scene);
}

#[test]
fn what_nobody_can_read_is_not_shown_as_known() {
    let mut scene = scene(|_| {});
    scene.press("f");
    scene.flags[0] = Err("Unleash does not answer: no answer within 5 s".to_owned());
    scene.flag_answer = Answer::Unknown("Unleash: connection reset by peer".to_owned());
    wait(&mut scene, 20);
    find(&scene.screen(120, 40), "? was on");
    scene.press("enter");
    wait(&mut scene, 1);
    scene.press("y");
    wait(&mut scene, 3);
    both("features_unknown", &mut scene);
}

#[test]
fn a_webhook_that_cannot_be_asked_is_not_believed() {
    let mut scene = scene(|_| {});
    scene.press("f end enter");
    wait(&mut scene, 1);
    scene.press("y");
    wait(&mut scene, 6);
    find(&scene.screen(120, 40), "the request was accepted; unknown whether it is off: the webhook has no state_url");
    scene.press("o");
    find(&scene.screen(120, 40), "no link to this flag");
}

#[test]
fn read_only_mode_shows_flags_and_turns_none_off() {
    let mut scene = scene(|setup| setup.read_only = true);
    scene.press("f enter");
    find(&scene.screen(80, 24), "read-only mode: flags cannot be turned off");
    assert!(!text(&scene.screen(80, 24)).contains("off in production?"));
}

#[test]
fn a_link_to_a_flag_is_shown_and_copied_and_the_flags_stay_open() {
    let mut scene = scene(|_| {});
    let copied = scene.press("f o");
    let link = "https://unleash.example.com/projects/shop/features/checkout-v2";
    assert_eq!(copied, [Reaction::Copy(link.to_owned())]);
    find(&scene.screen(120, 40), link);
    scene.press("esc");
    find(&scene.screen(120, 40), "feature flags of app");
    scene.press("f");
    assert!(!text(&scene.screen(120, 40)).contains("feature flags of app"), "the key that opens it closes it");
}

#[test]
fn the_rollback_s_key_works_over_the_flags() {
    let mut scene = scene(|_| {});
    scene.press("f R");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
    find(&scene.screen(120, 40), "roll back production · app");
}

#[test]
fn where_no_flags_are_configured_the_key_is_not_offered() {
    let mut scene = Scene::new();
    scene.rolled_out().until(300);
    assert!(!text(&scene.screen(200, 50)).contains("feature flags"));
    scene.press("f");
    find(&scene.screen(120, 40), "no feature flags are configured for this environment");
    scene.press("?");
    assert!(!text(&scene.screen(200, 50)).contains("feature flags"));
}

#[test]
fn the_flags_are_legible_without_colours_and_signs_and_on_any_size() {
    let mut scene = scene(|_| {}).on(Glyphs::Ascii, "mono", ColorDepth::None);
    scene.press("f enter");
    wait(&mut scene, 1);
    scene.press("y");
    assert!(text(&scene.screen(80, 24)).is_ascii(), "{}", text(&scene.screen(80, 24)));
    for (width, height) in [(20, 5), (1, 1), (59, 15), (40, 3), (300, 90)] {
        scene.screen(width, height);
    }
}
