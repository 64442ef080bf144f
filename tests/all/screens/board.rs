//! The board of many services: what the rollback key is for, which services are shown, and each by itself.

use super::company::{Health, Scene, blocked};
use super::{board, find, snapshot, snapshots, text};
use chrono::TimeDelta;
use redflag::deploy::{ServiceId, WorkloadId};
use redflag::message::Message;
use redflag::rollback::{Plan, Rollback};

fn plan(scene: &Scene) -> &Plan {
    let Rollback::Planned { plan, .. } = scene.watch.rollback() else { panic!("{:?}", scene.watch.rollback()) };
    plan
}

/// The names of what a plan rolls back.
fn planned(scene: &Scene) -> Vec<String> {
    plan(scene).steps().flat_map(|step| &step.covers).map(|covered| covered.reference.name.clone()).collect()
}

/// Two of twenty are red, and one calls one of them.
fn two_red() -> Scene {
    let mut scene = Scene::board_of(|setup| setup.services[18].depends_on = vec![ServiceId(4)]);
    scene.health = Health::Bad;
    scene.faulty = vec![ServiceId(4), ServiceId(17)];
    scene.rolled_out().until(640);
    scene
}

#[test]
fn what_is_red_and_what_calls_it_is_rolled_back_and_never_all_of_them() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("R");
    let mut names = planned(&scene);
    names.sort();
    assert_eq!(names, ["checkout", "search", "stock"]);
    find(&scene.screen(120, 40), "3 of 20 workloads of the push; the others stay as they are");
    snapshot("board_plan_120x40", &mut scene, 120, 40);
    scene.press("A");
    assert_eq!(plan(&scene).step_count(), 20, "all of them are asked for");
}

#[test]
fn each_bad_service_has_its_headline_and_the_header_counts_them() {
    let mut scene = two_red();
    snapshots("board_two_red", &mut scene);
    let screen = scene.screen(120, 40);
    find(&screen, "✖ checkout 1.9.0 fails");
    find(&screen, "✖ search 1.9.0 fails");
    find(&screen, "✖ 2 of 20 FAULTY");
    find(&screen, "calls checkout");
    find(&screen, "roll back 3 workloads to 1.8.3");
    let (_, stock) = find(&screen, "stock ");
    let (_, rule) = find(&screen, "── 16 ok");
    assert!(stock < rule, "what calls one that is red is not among those that nobody need look at");
}

#[test]
fn marks_are_what_the_rollback_key_is_for() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("2 home space");
    scene.press("R");
    assert_eq!(planned(&scene), ["checkout"]);
    scene.now += TimeDelta::seconds(2);
    scene.say(Message::Tick(scene.now));
    scene.press("esc");
    scene.press("end space R");
    assert_eq!(planned(&scene).len(), 2, "marks are kept, and a healthy one can be marked");
    scene.press("esc home space end space R");
    assert_eq!(planned(&scene).len(), 3, "without a mark it is what it was");
}

#[test]
fn escape_takes_the_marks_and_the_filter_back() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("2 home space / c h e c k enter");
    find(&scene.screen(120, 40), "1 of 20 with /check");
    find(&scene.screen(120, 40), "■ ✖ checkout");
    assert!(!text(&scene.screen(120, 40)).contains("✖ search    "));
    scene.press("esc");
    find(&scene.screen(120, 40), "[2] services ━");
    scene.press("esc R");
    assert_eq!(planned(&scene).len(), 3);
}

#[test]
fn letters_of_a_filter_are_no_commands() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("/ R y a");
    assert_eq!(*scene.watch.rollback(), Rollback::Idle);
    find(&scene.screen(120, 40), "0 of 20 with /Rya▏");
    scene.press("esc");
    find(&scene.screen(120, 40), "basket");
}

#[test]
fn it_can_be_sorted() {
    let mut scene = two_red();
    let places = |scene: &mut Scene| {
        let screen = scene.screen(120, 60);
        (find(&screen, "▲ accounts   ").1, find(&screen, "✖ checkout   ").1)
    };
    let (accounts, checkout) = places(&mut scene);
    assert!(checkout < accounts, "the worst first");
    scene.press("2 s");
    let (accounts, checkout) = places(&mut scene);
    assert!(accounts < checkout, "by name");
    find(&scene.screen(120, 60), "services, by name");
    scene.press("s");
    let (accounts, checkout) = places(&mut scene);
    assert!(checkout < accounts, "most errors first");
}

#[test]
fn one_key_goes_from_one_that_is_red_to_the_next() {
    let mut scene = two_red();
    scene.screen(120, 40);
    let row = |scene: &mut Scene| {
        let screen = scene.screen(120, 40);
        let (_, y) = find(&screen, "▸");
        (0..120).map(|x| screen[(x, y)].symbol()).collect::<String>()
    };
    scene.press("5 ]");
    assert!(row(&mut scene).contains("checkout"), "{}", row(&mut scene));
    scene.press("]");
    assert!(row(&mut scene).contains("search"));
    scene.press("]");
    assert!(row(&mut scene).contains("checkout"), "round and round");
}

#[test]
fn a_healthy_service_of_a_faulty_push_is_not_faulty_and_its_timeline_is_its_own() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("2 end enter");
    let screen = scene.screen(120, 40);
    find(&screen, "production · taxes");
    find(&screen, "✔ OK");
    let screen = text(&screen);
    assert!(!screen.contains("FAULTY"), "{screen}");
    assert!(!screen.contains("checkout"), "what is told is its own: {screen}");
    assert!(screen.contains("deployment/taxes: rolled out"), "{screen}");
    snapshot("board_healthy_service_120x40", &mut scene, 120, 40);
    scene.press("esc");
    find(&scene.screen(120, 40), "✖ 2 of 20 FAULTY");
}

#[test]
fn space_pauses_where_there_is_nothing_to_mark() {
    let mut scene = two_red();
    scene.screen(120, 40);
    scene.press("5 space");
    find(&scene.screen(120, 40), "FROZEN");
    scene.press("p");
    assert!(!text(&scene.screen(120, 40)).contains("FROZEN"));
}

#[test]
fn rows_never_touch_even_where_all_of_them_are_beyond_their_limits() {
    let mut scene = two_red();
    let screen = scene.screen(200, 50);
    for y in 1..50 {
        for x in 0..200 {
            let full = |y: u16| screen[(x, y)].symbol() == "█";
            assert!(!(full(y) && full(y - 1)), "column {x}, row {y}:\n{}", text(&screen));
        }
    }
    let mut one = super::faulty();
    one.health = Health::Broken;
    one.until(1000);
    let screen = one.screen(200, 50);
    for y in 1..30 {
        assert!((0..120).all(|x| screen[(x, y)].symbol() != "█" || screen[(x, y - 1)].symbol() != "█"), "row {y}");
    }
}

#[test]
fn a_part_that_is_blocked_is_said_in_plain_words() {
    let mut scene = board();
    let blocked = blocked();
    scene.say(Message::Prepared {
        workload: WorkloadId(4),
        goal: redflag::rollback::Goal::RollBack,
        at: scene.now,
        readiness: blocked,
    });
    find(&scene.screen(120, 40), "rollback blocked: ");
}
