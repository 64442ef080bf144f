//! Rollbacks as they are seen: before anybody asks, in the plan, counted down, in progress, and afterwards.

use super::company::{self, Health, Scene, undone};
use super::{faulty, find, snapshot, snapshots, text};
use chrono::TimeDelta;
use redflag::deploy::{WorkloadId, WorkloadKind};
use redflag::message::{Message, StreamNews};
use redflag::rollback::deletion::Deleted;
use redflag::rollback::lease::{Holder, Holding};
use redflag::rollback::{Answer, Blocked, Goal, Rollback, Run};
use redflag::rollout::{PodPhase, Trouble, TroubleKind};
use redflag::setup::Automatic;
use redflag::signal::SourceId;
use redflag::tui::Reaction;
use redflag::tui::glyphs::Glyphs;
use redflag::tui::theme::ColorDepth;

/// Presses the rollback key, and lets the moment pass in which keys are not taken.
fn open_plan(scene: &mut Scene) {
    scene.press("R");
    wait(scene);
}

fn wait(scene: &mut Scene) {
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    scene.say(Message::Streamed { source: SourceId(0), at: scene.now, news: StreamNews::Alive });
}

/// A faulty deploy whose steps are altered.
fn altered(alter: fn(&mut redflag::rollback::Step)) -> Scene {
    let mut scene = Scene::new();
    scene.health = Health::Bad;
    scene.alter = alter;
    scene.rolled_out().until(640);
    scene
}

/// An environment that goes so far by itself, with a version before that passed its watch.
fn automatic(mode: Automatic) -> Scene {
    let mut scene = Scene::changed(|setup| {
        setup.rollback.automatic = mode;
        setup.rollback.known = company::known_good();
    });
    scene.alter = company::looked;
    scene.rolled_out();
    scene
}

/// The automation counts down, some seconds in.
fn counting_down() -> Scene {
    let mut scene = automatic(Automatic::Countdown);
    scene.health = Health::Broken;
    while !matches!(scene.watch.rollback(), Rollback::Countdown { .. }) {
        assert!(scene.now < company::after(900), "it never counts down: {:?}", scene.watch.arming());
        wait(&mut scene);
    }
    for _ in 0..13 {
        wait(&mut scene);
    }
    scene
}

/// Two of three workloads go back, one is refused.
fn half_way() -> Scene {
    half_way_with("admission webhook policy.example.com denied the request", "ask the platform team, then continue")
}

/// The same, refused in these words.
fn half_way_with(reason: &str, way_out: &str) -> Scene {
    let mut scene = Scene::shop();
    scene.health = Health::Bad;
    let refused = Blocked { reason: reason.to_owned(), way_out: way_out.to_owned() };
    scene.answers = vec![(WorkloadId(2), Answer::Refused(refused))];
    scene.rolled_out().until(640);
    open_plan(&mut scene);
    scene.press("y");
    scene.tell(WorkloadId(0), undone(12, 0, 0));
    scene.until(660);
    assert!(matches!(scene.watch.rollback(), Rollback::Failed { .. }), "{:?}", scene.watch.rollback());
    scene
}

#[test]
fn what_a_rollback_would_do_is_there_before_anybody_asks() {
    let mut scene = altered(company::with_migration);
    scene.press("7 enter");
    snapshots("readiness", &mut scene);
}

#[test]
fn a_narrow_screen_shows_the_rollback_only_while_it_has_the_keys() {
    let mut scene = faulty();
    assert!(!text(&scene.screen(80, 24)).contains("[7] rollback"));
    scene.press("7");
    find(&scene.screen(80, 24), "[7] rollback");
    scene.press("1");
    assert!(!text(&scene.screen(80, 24)).contains("[7] rollback"));
    find(&scene.screen(200, 50), "[7] rollback");
}

#[test]
fn the_footer_tells_the_harm_and_what_it_takes() {
    let mut scene = altered(company::with_migration);
    let told = "R roll back to 1.8.3   UNSAFE: a migration drops orders.legacy_id";
    find(&scene.screen(200, 50), told);
    let screen = scene.screen(120, 40);
    let (x, y) = find(&screen, told);
    let warning = scene.screen(120, 40)[find(&screen, "▲ warning")].fg;
    assert_eq!(screen[(x + 2, y)].fg, warning);
}

#[test]
fn a_rollback_that_takes_too_long_says_so() {
    let mut scene = altered(company::slow);
    find(&scene.screen(120, 40), "R roll back to 1.8.3   ready · ~4 min 20 s · longer than 2 min · 1 warning");
    scene.press("7 enter");
    let screen = scene.screen(120, 40);
    let (x, y) = find(&screen, "~4 min 20 s (all pods ready), over the 2 min target");
    let red = scene.screen(120, 40)[find(&screen, "✖ FAULTY")].bg;
    assert_ne!(screen[(x, y)].fg, red, "the alarm's ground is no ink");
    open_plan(&mut scene);
    find(&scene.screen(120, 40), "over the 2 min target");
}

#[test]
fn a_target_that_survived_its_watch_is_called_that() {
    let mut scene = Scene::changed(|setup| setup.rollback.known = company::known_good());
    scene.rolled_out().until(300);
    find(&scene.screen(80, 24), "R roll back to 1.8.3   ready · ~70 s · last known good · 1 warning");
    scene.press("7 enter");
    find(&scene.screen(120, 40), "the previous version, last known good");
}

#[test]
fn what_blocks_a_rollback_is_told_with_every_check() {
    let mut scene = Scene::new();
    scene.readiness = Some(company::owned());
    scene.rolled_out().until(300);
    scene.press("7 enter");
    snapshots("readiness_blocked", &mut scene);
}

#[test]
fn of_many_workloads_the_one_under_the_cursor_is_told_whole() {
    let mut scene = Scene::board();
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    scene.press("7 enter j j");
    snapshots("readiness_of_twenty", &mut scene);
    for _ in 0..30 {
        scene.press("j");
        find(&scene.screen(80, 24), "▸");
    }
}

#[test]
fn each_condition_of_the_automation_is_on_the_screen() {
    let mut scene = automatic(Automatic::Shadow);
    scene.health = Health::Bad;
    scene.until(400);
    scene.press("7 enter end");
    snapshots("conditions", &mut scene);
    find(&scene.screen(120, 40), "auto: shadow");
}

#[test]
fn harm_takes_the_typed_name_even_where_a_key_would_do() {
    let mut scene = altered(company::with_migration);
    open_plan(&mut scene);
    snapshots("plan_harm", &mut scene);
    scene.press("y");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }), "y is a letter here");
    scene.press("backspace");
    scene.type_text("production");
    scene.press("enter");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn a_part_of_a_push_takes_the_typed_name_and_says_what_stays() {
    let mut scene = Scene::shop();
    scene.health = Health::Bad;
    scene.rolled_out();
    let readiness = company::blocked();
    scene.until(600);
    scene.say(Message::Prepared { workload: WorkloadId(1), goal: Goal::RollBack, at: scene.now, readiness });
    open_plan(&mut scene);
    snapshot("plan_part_120x40", &mut scene, 120, 40);
    find(&scene.screen(120, 40), "only part of the push");
}

#[test]
fn somebody_else_is_at_it_and_there_is_no_key_for_it() {
    let mut scene = faulty();
    let ana = Holder { who: "ana@laptop".to_owned(), what: "rollback to 1.8.3".to_owned(), since: company::after(600) };
    scene.holding = Some(Holding::Theirs(ana));
    open_plan(&mut scene);
    snapshots("plan_theirs", &mut scene);
    find(&scene.screen(120, 40), "ana@laptop holds the lock since 15:11: rollback to 1.8.3");
    assert!(!text(&scene.screen(120, 40)).contains(" y  roll back"));
    scene.press("y");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
}

#[test]
fn a_step_that_cannot_refuse_by_itself_waits_until_it_is_known_who_is_at_it() {
    let mut scene = altered(company::by_a_workflow);
    scene.holding = None;
    open_plan(&mut scene);
    find(&scene.screen(120, 40), "checking the lock: is anybody else rolling back?");
    scene.press("y");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
    let holding = Holding::Unavailable("leases are forbidden".to_owned());
    scene.say(Message::Leased { at: scene.now, holding });
    find(&scene.screen(120, 40), "no lock: leases are forbidden");
    scene.press("y");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn a_countdown_cannot_be_missed_and_hides_no_flag() {
    let mut scene = counting_down();
    snapshots("countdown", &mut scene);
    for (width, height) in [(80, 24), (59, 15), (30, 8)] {
        let screen = text(&scene.screen(width, height));
        assert!(screen.contains("AUTO-ROLLBACK"), "{screen}");
    }
    scene.press("?");
    find(&scene.screen(80, 24), "AUTO-ROLLBACK IN");
    find(&scene.screen(120, 40), "auto: countdown armed");
}

#[test]
fn a_countdown_counts_by_the_second() {
    let mut scene = counting_down();
    find(&scene.screen(80, 24), "AUTO-ROLLBACK IN 47 s");
    wait(&mut scene);
    find(&scene.screen(80, 24), "AUTO-ROLLBACK IN 46 s");
}

#[test]
fn two_keys_stop_a_countdown() {
    for key in ["esc", "v"] {
        let mut scene = counting_down();
        scene.screen(120, 40);
        scene.press(key);
        assert_eq!(*scene.watch.rollback(), Rollback::Idle, "{key}");
        find(&scene.screen(120, 40), "cancelled by a person");
        find(&scene.screen(120, 40), "auto: countdown stopped");
    }
}

#[test]
fn one_key_does_not_wait_for_the_countdown() {
    let mut scene = counting_down();
    scene.press("y");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn every_other_key_works_while_it_is_counted_down() {
    let mut scene = counting_down();
    scene.press("5 enter");
    find(&scene.screen(120, 40), "[5] timeline");
    scene.press("enter 1 ? x n");
    scene.type_text("vy, but why");
    find(&scene.screen(120, 40), "vy, but why");
    find(&scene.screen(120, 40), "Esc closes what is open, then Esc stops this");
    scene.press("enter R");
    find(&scene.screen(120, 40), "a countdown to a rollback is running: confirm or cancel it first");
    assert_eq!(scene.press("q"), [], "nobody walks away from it unasked");
    scene.press("n");
    assert!(matches!(scene.watch.rollback(), Rollback::Countdown { .. }));
    find(&scene.screen(200, 50), "✎ vy, but why");
}

#[test]
fn what_the_automation_did_is_called_that() {
    let mut scene = counting_down();
    for _ in 0..60 {
        wait(&mut scene);
    }
    assert!(scene.watch.rollback().is_in_progress());
    find(&scene.screen(120, 40), "automatically");
    find(&scene.screen(120, 40), "auto: countdown done");
}

#[test]
fn stages_wait_for_one_another() {
    let mut scene = Scene::shop();
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    open_plan(&mut scene);
    snapshot("plan_stages_120x40", &mut scene, 120, 40);
    scene.press("y");
    scene.tell(WorkloadId(0), undone(6, 3, 3));
    scene.until(660);
    snapshots("stages", &mut scene);
}

#[test]
fn a_run_is_followed_with_its_link() {
    let mut scene = altered(company::by_a_workflow);
    let link = "https://github.com/example/shop/actions/runs/4711";
    scene.answer = Some(Answer::Running(Run {
        id: "4711".to_owned(),
        state: "in progress".to_owned(),
        link: Some(link.to_owned()),
        ended: false,
    }));
    open_plan(&mut scene);
    scene.press("y");
    scene.until(660);
    snapshots("run", &mut scene);
    assert_eq!(scene.press("o"), [Reaction::Copy(link.to_owned())]);
    find(&scene.screen(120, 40), link);
}

#[test]
fn a_rollback_that_failed_half_way_can_be_continued_or_rolled_back() {
    let mut scene = half_way();
    snapshots("half_way", &mut scene);
    scene.press("U");
    wait(&mut scene);
    let Rollback::Planned { plan, .. } = scene.watch.rollback() else {
        panic!("no plan: {:?}", scene.watch.rollback())
    };
    assert_eq!(plan.goal, Goal::Undo);
    snapshots("plan_forward", &mut scene);
    scene.press("esc");
    find(&scene.screen(120, 40), "FAILED");
    open_plan(&mut scene);
    let Rollback::Planned { plan, .. } = scene.watch.rollback() else { panic!("no plan") };
    assert_eq!(plan.goal, Goal::RollBack);
}

#[test]
fn the_way_out_is_never_cut_however_long_the_reason_is() {
    let way_out = "roll back only the pods: kubectl rollout undo deployment/mail -n production --to-revision=1; what \
                   it did is in helm history shop -n production, and here it ENDS";
    let mut scene = half_way_with(&"a reason that goes on and on, ".repeat(30), way_out);
    for (columns, rows) in [(80, 24), (120, 40)] {
        let screen = scene.screen(columns, rows);
        find(&screen, "FAILED: a reason that goes on");
        find(&screen, "→ roll back only the pods");
        find(&screen, "ENDS");
    }
}

#[test]
fn where_the_deploy_was_not_the_cause_the_way_forward_is_offered() {
    let mut scene = faulty();
    open_plan(&mut scene);
    scene.press("y");
    scene.until(660).tell(WorkloadId(0), undone(12, 0, 0)).until(1100);
    assert!(matches!(scene.watch.rollback(), Rollback::NotTheCause { .. }), "{:?}", scene.watch.rollback());
    snapshots("not_the_cause", &mut scene);
    scene.press("7 enter");
    find(&scene.screen(120, 40), "rolled back: 1.9.0 → 1.8.3");
}

#[test]
fn without_a_rollback_there_is_nothing_to_take_forward_or_to_stop() {
    let mut scene = faulty();
    assert_eq!(scene.press("U"), []);
    find(&scene.screen(120, 40), "there is no rollback to undo");
    assert_eq!(scene.press("v"), []);
    find(&scene.screen(120, 40), "there is no countdown to cancel");
    assert_eq!(*scene.watch.rollback(), Rollback::Idle);
}

#[test]
fn every_state_is_ascii_where_it_must_be_and_weighs_without_colour() {
    for make in [counting_down, half_way] {
        let mut scene = make().on(Glyphs::Ascii, "dark", ColorDepth::Ansi16);
        scene.press("7");
        for (width, height) in super::SIZES {
            let screen = text(&scene.screen(width, height));
            assert!(screen.is_ascii(), "{screen}");
        }
    }
    let mut scene = counting_down().on(Glyphs::Unicode, "mono", ColorDepth::None);
    let screen = scene.screen(120, 40);
    let (x, y) = find(&screen, "AUTO-ROLLBACK");
    assert!(screen[(x, y)].modifier.contains(ratatui::style::Modifier::REVERSED));
}

#[test]
fn no_size_harms_any_state_of_a_rollback() {
    let plan = || {
        let mut scene = altered(company::with_migration);
        open_plan(&mut scene);
        scene
    };
    let twenty = || {
        let mut scene = Scene::board();
        scene.rolled_out().until(300);
        scene.press("7");
        scene
    };
    for mut scene in [counting_down(), half_way(), plan(), twenty()] {
        for width in (1..=200).step_by(7) {
            for height in [1, 2, 3, 5, 9, 15, 16, 17, 24, 32, 40, 60] {
                scene.screen(width, height);
            }
        }
    }
}

/// A StatefulSet was rolled back, and its last pod is broken on the version that went: all others wait for it.
fn held_up() -> Scene {
    let mut scene = Scene::changed(|setup| setup.workloads[0].reference.kind = WorkloadKind::StatefulSet);
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    open_plan(&mut scene);
    scene.press("y");
    let mut rollout = undone(11, 0, 1);
    let pod = rollout.pods.iter_mut().find(|pod| !pod.is_new).unwrap();
    (pod.name, pod.phase, pod.restarts) = ("app-11".to_owned(), PodPhase::Failing, 4);
    pod.reason = Some("CrashLoopBackOff".to_owned());
    let sentence = "app-11 of another version is not ready, and OrderedReady waits for it: \
                    kubectl delete pod app-11 -n production";
    rollout.troubles = vec![Trouble { kind: TroubleKind::HeldUp, sentence: sentence.to_owned() }];
    scene.tell(WorkloadId(0), rollout).until(660);
    scene
}

#[test]
fn the_pod_that_holds_a_rollback_up_is_named_with_the_key_that_deletes_it() {
    let mut scene = held_up();
    snapshots("held_up", &mut scene);
    find(&scene.screen(120, 40), "D deletes app-11, which OrderedReady waits for");
    scene.press("D");
    find(&scene.screen(120, 40), "active in a moment: release all keys");
    wait(&mut scene);
    snapshots("held_up_question", &mut scene);
}

#[test]
fn only_the_confirming_key_deletes_it() {
    for key in ["esc", "n", "R", "enter"] {
        let mut scene = held_up();
        scene.press("D");
        wait(&mut scene);
        scene.press(key);
        assert_eq!(scene.watch.deletion(), None, "{key}");
        assert!(text(&scene.screen(120, 40)).contains("D deletes app-11"), "{key}: it can be asked again");
    }
    let mut scene = held_up();
    scene.press("D");
    scene.press("y");
    assert!(scene.watch.deletion().is_some(), "too early: nobody reads that fast");
    wait(&mut scene);
    scene.press("D");
    assert!(scene.watch.deletion().is_some(), "a key that is held down does not close what it opened");
    scene.press("y");
    assert!(scene.watch.deletion().is_some(), "nor is one struck right after it an answer");
    wait(&mut scene);
    wait(&mut scene);
    scene.press("y");
    assert_eq!(scene.watch.deletion(), None);
    assert!(!text(&scene.screen(120, 40)).contains("D deletes"), "its deletion is on its way");
}

#[test]
fn a_deletion_that_was_refused_says_why_beside_its_key() {
    let mut scene = held_up();
    let reason = "you may not delete pods in production".to_owned();
    scene.deleted = Some(Deleted::Refused(Blocked { reason, way_out: "ask for a Role".to_owned() }));
    scene.press("D");
    wait(&mut scene);
    scene.press("y");
    let told = "D deletes app-11, which OrderedReady waits for (not deleted: you may not delete pods in production; ask \
                for a Role)";
    find(&scene.screen(160, 40), told);
    find(&scene.screen(160, 40), "pod app-11: not deleted: you may not delete pods in production");
}

#[test]
fn where_no_pod_is_in_the_way_the_key_says_so() {
    let mut scene = faulty();
    assert_eq!(scene.press("D"), []);
    find(&scene.screen(120, 40), "no broken pod blocks a rollback");
}
