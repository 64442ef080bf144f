//! The open plan: what it says, and when its key is taken.

use super::company::{Health, Scene};
use super::{faulty, find, healthy, text};
use chrono::TimeDelta;
use redflag::feature_flags::{FeatureFlag, FlagState, FlagStatus, Listing};
use redflag::message::{Message, StreamNews};
use redflag::rollback::{Check, CheckKind, Rollback, Step};
use redflag::setup::{Confirm, FlagSystem, FlagSystemInfo};
use redflag::signal::SourceId;
use redflag::tui::Reaction;
use redflag::watch::FeaturePanel;

/// Lets so many milliseconds pass.
fn pass(scene: &mut Scene, milliseconds: i64) {
    scene.now += TimeDelta::milliseconds(milliseconds);
    scene.say(Message::Tick(scene.now));
    scene.say(Message::Streamed { source: SourceId(0), at: scene.now, news: StreamNews::Alive });
}

fn is_planned(scene: &Scene) -> bool {
    matches!(scene.watch.rollback(), Rollback::Planned { .. })
}

/// Opened, and long enough ago.
fn opened(mut scene: Scene, width: u16, height: u16) -> Scene {
    scene.screen(width, height);
    scene.press("R");
    pass(&mut scene, 1000);
    scene.screen(width, height);
    scene
}

fn altered(alter: fn(&mut Step)) -> Scene {
    let mut scene = Scene::new();
    scene.health = Health::Bad;
    scene.alter = alter;
    scene.rolled_out().until(640);
    scene
}

/// More that is not ok than a small screen shows at once.
fn with_many_warnings(step: &mut Step) {
    for number in 0..20 {
        let sentence = format!("warning number {number}");
        step.checks.push(Check::warning(CheckKind::Image, sentence, Some("deploy by digest".to_owned())));
    }
}

#[test]
fn the_key_is_dead_until_everything_that_is_not_ok_was_on_the_screen() {
    let mut scene = opened(altered(with_many_warnings), 80, 24);
    find(&scene.screen(80, 24), "lines that are not ok were not on the screen yet: ↓ shows them");
    scene.press("y");
    assert!(is_planned(&scene), "what was not seen is not confirmed");
    for _ in 0..60 {
        scene.press("down");
    }
    pass(&mut scene, 2000);
    assert!(!text(&scene.screen(80, 24)).contains("not on the screen yet"));
    scene.press("y");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn what_was_read_at_one_width_is_read_again_where_it_is_broken_otherwise() {
    let mut scene = opened(altered(with_many_warnings), 120, 60);
    scene.screen(60, 20);
    scene.press("y");
    assert!(is_planned(&scene) || scene.watch.rollback().is_in_progress());
    let mut narrow = opened(altered(with_many_warnings), 60, 20);
    narrow.press("y");
    assert!(is_planned(&narrow), "most of it was never seen");
}

#[test]
fn a_name_that_is_typed_confirms_nothing_unread_either() {
    let mut scene = Scene::changed(|setup| setup.confirm = Confirm::Type);
    scene.health = Health::Bad;
    scene.alter = with_many_warnings;
    scene.rolled_out().until(640);
    let mut scene = opened(scene, 80, 24);
    scene.type_text("production");
    scene.press("enter");
    assert!(is_planned(&scene));
    for _ in 0..60 {
        scene.press("down");
    }
    scene.press("enter");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn a_key_that_is_held_down_never_confirms() {
    // Keyboards begin to repeat after 150 to 750 ms, and then every 20 to 100 ms.
    for first in [150, 250, 500, 660, 750] {
        for every in [20, 33, 100] {
            let mut scene = faulty();
            scene.press("R");
            pass(&mut scene, 100);
            scene.press("y");
            pass(&mut scene, first);
            for _ in 0..50 {
                scene.press("y");
                assert!(is_planned(&scene), "after {first} ms, then every {every}");
                pass(&mut scene, every);
            }
            pass(&mut scene, 1300);
            scene.press("y");
            assert!(scene.watch.rollback().is_in_progress(), "let go and struck again it does");
        }
    }
}

#[test]
fn after_any_other_key_there_is_a_moment_of_silence() {
    for key in ["R", "d", "down", "c"] {
        let mut scene = opened(faulty(), 120, 40);
        scene.press(key);
        find(&scene.screen(120, 40), if key == "c" { " y  roll back" } else { "active in a moment: release all keys" });
        pass(&mut scene, 290);
        assert!(!scene.watch.takes_confirmation(), "{key}");
        pass(&mut scene, 20);
        assert!(scene.watch.takes_confirmation(), "{key}");
        scene.press("y");
        assert!(scene.watch.rollback().is_in_progress(), "{key}");
    }
}

#[test]
fn where_the_plan_does_not_fit_it_says_so_and_is_not_confirmed() {
    for (width, height) in [(30, 24), (80, 7), (20, 5)] {
        let mut scene = opened(faulty(), width, height);
        if width >= 30 {
            find(&scene.screen(width, height), "too small to confirm");
        }
        scene.press("y");
        assert!(is_planned(&scene), "{width}×{height}");
        scene.screen(120, 40);
        pass(&mut scene, 2000);
        scene.press("y");
        assert!(scene.watch.rollback().is_in_progress(), "{width}×{height}");
    }
}

#[test]
fn it_says_why_and_that_nothing_calls_for_it() {
    let mut scene = opened(faulty(), 120, 40);
    let screen = text(&scene.screen(120, 40));
    assert!(screen.contains("why              1.9.0 fails 2.4 % of requests"), "{screen}");
    assert!(screen.contains("✖ error rate 2.4 % (limit 1 %)   ▲ p95"), "{screen}");
    let mut calm = opened(healthy(), 120, 40);
    find(&calm.screen(120, 40), "NO RED FLAG: all 8 signals are ok. You are rolling back a healthy deploy.");
}

#[test]
fn checks_that_came_out_well_are_a_count_until_they_are_asked_for() {
    let mut scene = opened(faulty(), 120, 40);
    find(&scene.screen(120, 40), "2 of 3 passed: permission · dry run");
    assert!(!text(&scene.screen(120, 40)).contains("may patch deployments in production"));
    scene.press("d");
    find(&scene.screen(120, 40), "may patch deployments in production");
    scene.press("d");
    find(&scene.screen(120, 40), "2 of 3 passed");
}

#[test]
fn the_command_that_does_it_by_hand_can_be_copied() {
    let mut scene = opened(faulty(), 120, 40);
    let command = "kubectl --context prod-eu -n production rollout undo deployment/app --to-revision=41";
    assert_eq!(scene.press("c"), [Reaction::Copy(command.to_owned())]);
    assert!(is_planned(&scene));
}

#[test]
fn the_smaller_undo_stands_beside_it() {
    let mut scene = Scene::changed(|setup| {
        setup.feature_flags = vec![FlagSystemInfo {
            system: FlagSystem::Unleash,
            environment: "production".to_owned(),
            features: vec!["new-checkout".to_owned()],
            service: None,
        }];
    });
    let state = FlagState::Told(FlagStatus { on: true, ..FlagStatus::default() });
    let flags = vec![FeatureFlag { key: "new-checkout".to_owned(), state, link: None }];
    scene.flags = vec![Ok(Listing { flags, ..Listing::default() })];
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    let mut scene = opened(scene, 120, 40);
    find(&scene.screen(120, 40), "f flag new-checkout instead");
    scene.press("f");
    assert_eq!(*scene.watch.rollback(), Rollback::Idle, "the plan is closed");
    assert_eq!(*scene.watch.feature_panel(), FeaturePanel::Open);
}

#[test]
fn letters_of_the_plan_are_letters_where_the_name_begins_with_them() {
    let mut scene = Scene::changed(|setup| {
        setup.confirm = Confirm::Type;
        setup.environment = "dev-cluster".to_owned();
    });
    scene.rolled_out().until(300);
    let mut scene = opened(scene, 120, 40);
    assert!(!text(&scene.screen(120, 40)).contains("d details"));
    scene.type_text("dev-cluster");
    scene.press("enter");
    assert!(scene.watch.rollback().is_in_progress());
}
