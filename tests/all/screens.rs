//! What is seen, at each size and in each situation: snapshots of the screen, and the styles that carry meaning.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod board;
mod company;
mod contrast;
mod details;
mod features;
mod headline;
mod monkey;
mod plan;
mod rollback;

use chrono::TimeDelta;
use company::{Health, Scene, after, blocked, deployed_at, pods, rollout, undone};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use redflag::deploy::{Outline, ServiceId, Version, WorkloadId};
use redflag::message::Message;
use redflag::poll::{Alert, AlertState, Poll, SourceError};
use redflag::rollback::{Answer, Rollback};
use redflag::rollout::{Pod, PodPhase, Progress, Revision, Trouble, TroubleKind};
use redflag::setup::Confirm;
use redflag::signal::{SignalId, SourceId};
use redflag::tui::Reaction;
use redflag::tui::glyphs::Glyphs;
use redflag::tui::theme::ColorDepth;
use redflag::verdict::Verdict;

const SIZES: [(u16, u16); 3] = [(200, 50), (120, 40), (80, 24)];

/// The text of a screen, line by line.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        let mut line = String::new();
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Where a text stands on the screen.
fn find(buffer: &Buffer, wanted: &str) -> (u16, u16) {
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let line: String = (x..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            if line.starts_with(wanted) {
                return (x, y);
            }
        }
    }
    panic!("{wanted:?} is not on the screen:\n{}", text(buffer));
}

/// Snapshots of a scene at each size.
fn snapshots(name: &str, scene: &mut Scene) {
    for (width, height) in SIZES {
        snapshot(&format!("{name}_{width}x{height}"), scene, width, height);
    }
}

fn snapshot(name: &str, scene: &mut Scene, width: u16, height: u16) {
    let screen = text(&scene.screen(width, height));
    insta::with_settings!({ snapshot_path => "screens/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name.to_owned(), screen);
    });
}

fn healthy() -> Scene {
    let mut scene = Scene::new();
    scene.rolled_out().until(700);
    scene
}

fn faulty() -> Scene {
    let mut scene = Scene::new();
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    assert_eq!(scene.watch.verdict(), Verdict::Faulty);
    scene
}

/// The plan is confirmed, half of the pods are back.
fn running() -> Scene {
    let mut scene = faulty();
    scene.press("R");
    scene.now += TimeDelta::seconds(2);
    scene.say(Message::Tick(scene.now));
    scene.press("y");
    scene.mended = Some(scene.now);
    scene.until(660).tell(WorkloadId(0), undone(6, 3, 3)).until(674);
    scene
}

#[test]
fn the_first_frame_says_what_is_waited_for() {
    snapshots("starting", &mut Scene::new());
}

#[test]
fn a_rollout_in_progress_shows_its_pods() {
    let mut scene = Scene::new();
    scene.rolling_out().until(100);
    snapshots("rolling_out", &mut scene);
}

#[test]
fn a_rollout_that_stands_still_is_red_and_names_the_pods_it_waits_for() {
    let mut scene = Scene::new();
    let mut stuck = pods(10, 0, 0);
    stuck.extend(["app-5f6d-x2lqz", "app-5f6d-9k4tw"].map(|name| Pod {
        name: name.to_owned(),
        phase: PodPhase::Unready,
        reason: Some("ContainersNotReady".to_owned()),
        node: Some("worker-3".to_owned()),
        ..stuck[0].clone()
    }));
    let waiting = Progress::Waiting("10 of 12 updated replicas are available".to_owned());
    scene.tell(WorkloadId(0), rollout(stuck, waiting, None)).until(16 * 60);
    assert_eq!(scene.watch.verdict(), Verdict::Faulty);
    snapshots("stands_still", &mut scene);
}

#[test]
fn an_old_version_that_somebody_put_back_is_no_deploy_of_theirs() {
    let mut scene = healthy();
    let mut back = undone(12, 0, 0);
    back.changed_by = Some("kubectl".to_owned());
    back.deploy.as_mut().unwrap().at = scene.now;
    let revision = |version: &Version, number, made| Revision {
        version: Version { revision: number, ..version.clone() },
        created: Some(made),
        cause: None,
        ready: 0,
    };
    let deploy = back.deploy.as_ref().unwrap();
    let before = deploy.from.as_ref().unwrap();
    back.revisions = vec![revision(&deploy.to, 43, after(-9000)), revision(before, 42, after(0))];
    scene.tell(WorkloadId(0), back).until(760);
    let screen = text(&scene.screen(200, 50));
    assert!(screen.contains("1.9.0 → 1.8.3   rolling back since 15:12 by kubectl"), "{screen}");
}

#[test]
fn what_changed_under_a_version_that_kept_its_name_is_on_the_screen() {
    let template = |proxy: &str, level: &str| {
        let env = serde_json::json!([{"name": "LOG_LEVEL", "value": level}]);
        let app = serde_json::json!({"name": "app", "image": "registry.example.com/shop/app:1.9.0", "env": env});
        let proxy = serde_json::json!({"name": "proxy", "image": proxy});
        Outline::of(&serde_json::json!({"spec": {"containers": [proxy, app]}}))
    };
    let mut scene = Scene::new();
    let mut rollout = rollout(pods(12, 0, 0), Progress::Complete, Some(deployed_at() + TimeDelta::seconds(70)));
    let deploy = rollout.deploy.as_mut().unwrap();
    deploy.to.outline = template("envoy:2.2", "debug");
    let before = Version { revision: 41, hash: "before".to_owned(), ..deploy.to.clone() };
    deploy.from = Some(Version { outline: template("envoy:2.1", "hush"), ..before });
    scene.tell(WorkloadId(0), rollout).until(100);
    let told = |screen: &Buffer, y: u16| text(screen).lines().nth(usize::from(y)).unwrap().to_owned();
    let wide = scene.screen(200, 50);
    assert!(
        told(&wide, 0).contains("1.9.0 → 1.9.0, sidecar proxy 2.1 → 2.2, env LOG_LEVEL changed"),
        "{}",
        text(&wide)
    );
    assert!(!text(&wide).contains("hush"), "no value is shown");
    let narrow = scene.screen(120, 40);
    assert!(told(&narrow, 0).contains("1.9.0 → 1.9.0"), "{}", text(&narrow));
    let (_, y) = find(&narrow, "deployment/app: 1.9.0 → 1.9.0, sidecar proxy");
    assert!(y > 0, "the whole of it stands in the timeline");
}

#[test]
fn a_healthy_deploy_is_calm() {
    let mut scene = healthy();
    snapshots("healthy", &mut scene);
    let screen = scene.screen(120, 40);
    let (x, y) = find(&screen, "WATCHING");
    assert_eq!(screen[(x, y)].bg, Color::Reset);
}

#[test]
fn a_whole_window_without_a_flag_is_healthy() {
    let mut scene = Scene::new();
    scene.rolled_out().until(70 + 1800 + 10);
    assert_eq!(scene.watch.verdict(), Verdict::Healthy);
    let screen = scene.screen(120, 40);
    let (x, y) = find(&screen, "✔ HEALTHY");
    assert_eq!(screen[(x, y)].fg, Color::Rgb(0x7f, 0xc9, 0x7f));
    snapshot("window_over_120x40", &mut scene, 120, 40);
}

#[test]
fn a_red_flag_changes_the_whole_screen() {
    let mut scene = faulty();
    snapshots("red_flag", &mut scene);
    let screen = scene.screen(120, 40);
    let alarm = Color::Rgb(0xb3, 0x26, 0x1e);
    assert!((0..120).all(|x| screen[(x, 0)].bg == alarm), "the header is red over its whole width");
    let red = Color::Rgb(0xff, 0x6e, 0x67);
    for title in ["[2] signals", "[3] rollout", "[5] timeline"] {
        let (x, y) = find(&screen, title);
        assert_ne!(screen[(x - 2, y)].fg, red, "{title}: a rule is no flag");
    }
    for wanted in ["✖ RED FLAG", "1.9.0 fails 2.4 % of requests"] {
        let (x, y) = find(&screen, wanted);
        assert_eq!(screen[(x, y)].fg, red, "{wanted}");
    }
}

#[test]
fn an_acknowledged_flag_stays_and_is_called_seen() {
    let mut scene = faulty();
    scene.press("1");
    for _ in 0..4 {
        scene.press("g a");
    }
    let screen = scene.screen(120, 40);
    find(&screen, "(seen) ");
    find(&screen, "✖ FAULTY");
}

#[test]
fn a_source_that_died_is_told_from_health() {
    let mut scene = healthy();
    scene.down = vec![
        ("datadog", SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(120)) }),
        ("sentry", SourceError::Timeout(5)),
    ];
    scene.until(900);
    snapshots("stale", &mut scene);
}

#[test]
fn the_plan_says_everything_before_anything_is_done() {
    let mut scene = faulty();
    scene.screen(120, 40);
    scene.press("R");
    let early = scene.screen(120, 40);
    find(&early, "active in a moment: release all keys");
    scene.press("y");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }), "the first moments take no key");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    snapshots("plan", &mut scene);
}

#[test]
fn any_other_key_closes_the_plan_and_nothing_happens() {
    for key in ["esc", "n", "q", "space", "enter"] {
        let mut scene = faulty();
        scene.press("R");
        scene.now += TimeDelta::seconds(1);
        scene.say(Message::Tick(scene.now));
        assert_eq!(scene.press(key), []);
        assert_eq!(*scene.watch.rollback(), Rollback::Idle, "{key}");
    }
}

#[test]
fn a_key_held_down_does_not_close_what_it_opened() {
    let mut scene = faulty();
    scene.press("R R R");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
}

#[test]
fn where_the_name_must_be_typed_y_is_a_letter() {
    let mut scene = Scene::changed(|setup| setup.confirm = Confirm::Type);
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    scene.press("R");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    scene.type_text("producti");
    snapshot("plan_typed_120x40", &mut scene, 120, 40);
    scene.press("enter");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
    scene.type_text("on");
    scene.press("enter");
    assert!(scene.watch.rollback().is_in_progress());
}

#[test]
fn a_running_rollback_is_followed_pod_by_pod() {
    let mut scene = running();
    snapshots("rollback_running", &mut scene);
    find(&scene.screen(120, 40), "↺ ROLLING BACK ");
}

#[test]
fn quitting_asks_while_a_rollback_runs() {
    let mut scene = running();
    assert_eq!(scene.press("q"), []);
    snapshot("quit_120x40", &mut scene, 120, 40);
    assert_eq!(scene.press("n"), []);
    assert_eq!(scene.press("q y"), [Reaction::Quit]);
    assert_eq!(scene.press("ctrl-c ctrl-c"), [Reaction::Interrupt]);
    assert_eq!(healthy().press("q"), [Reaction::Quit]);
}

#[test]
fn a_verified_rollback_tells_how_long_it_took() {
    let mut scene = running();
    scene.until(700).tell(WorkloadId(0), undone(12, 0, 0)).until(1100);
    assert!(matches!(scene.watch.rollback(), Rollback::Verified { .. }), "{:?}", scene.watch.rollback());
    snapshots("verified", &mut scene);
    find(&scene.screen(120, 40), "✔ ROLLED BACK in ");
    scene.press("esc");
    assert!(!text(&scene.screen(120, 40)).contains("VERIFIED"), "Esc closes the report");
    // The deploy is no longer judged: the window's end says nothing any more.
    scene.until(70 + 1800 + 60);
    let screen = text(&scene.screen(120, 40));
    assert!(screen.contains("✔ ROLLED BACK in ") && !screen.contains("INCONCLUSIVE"), "{screen}");
}

#[test]
fn a_lost_answer_is_called_unknown() {
    let mut scene = faulty();
    scene.answer = Some(Answer::Unknown("connection reset by peer".to_owned()));
    scene.press("R");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    scene.press("y");
    scene.until(650);
    snapshot("outcome_unknown_120x40", &mut scene, 120, 40);
}

#[test]
fn somebody_was_quicker_and_the_person_is_told() {
    let mut scene = faulty();
    scene.answer = Some(Answer::ChangedUnderUs("generation 8, image 1.9.1".to_owned()));
    scene.press("R");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    scene.press("y");
    snapshot("rollback_failed_120x40", &mut scene, 120, 40);
}

#[test]
fn a_blocked_rollback_says_why_and_the_way_out() {
    let mut scene = Scene::new();
    scene.readiness = Some(blocked());
    scene.rolled_out().until(300);
    snapshots("blocked", &mut scene);
}

#[test]
fn read_only_mode_says_so() {
    let mut scene = Scene::changed(|setup| setup.read_only = true);
    scene.rolled_out().until(300);
    find(&scene.screen(80, 24), "rollback off: read-only mode");
    assert_eq!(scene.press("R"), []);
    find(&scene.screen(80, 24), "read-only mode: nothing can be rolled back from here");
}

fn board() -> Scene {
    let mut scene = Scene::board();
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    scene
}

#[test]
fn twenty_services_are_a_board_with_the_worst_on_top() {
    let mut scene = board();
    snapshots("board", &mut scene);
    let screen = scene.screen(200, 50);
    let (_, checkout) = find(&screen, "✖ checkout");
    let (_, basket) = find(&screen, "✔ basket");
    assert!(checkout < basket);
}

#[test]
fn enter_goes_into_the_service_and_escape_out_again() {
    let mut scene = board();
    scene.press("2 enter");
    snapshot("service_120x40", &mut scene, 120, 40);
    find(&scene.screen(120, 40), "production · checkout");
    scene.press("R");
    let Rollback::Planned { plan, .. } = scene.watch.rollback() else { panic!("no plan") };
    assert_eq!(plan.step_count(), 1, "inside a service the plan is for that service alone");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    scene.press("esc esc");
    find(&scene.screen(120, 40), "production · 20 services");
    assert_eq!(scene.watch.setup().signals[8 * 4].service, ServiceId(4));
}

#[test]
fn the_plan_for_twenty_services_can_be_scrolled() {
    let mut scene = board();
    scene.press("R");
    scene.now += TimeDelta::seconds(1);
    scene.say(Message::Tick(scene.now));
    snapshot("plan_for_twenty_120x40", &mut scene, 120, 40);
    scene.press("page-down");
    assert!(matches!(scene.watch.rollback(), Rollback::Planned { .. }));
}

#[test]
fn the_help_is_made_of_the_keymap() {
    let mut scene = healthy();
    scene.press("?");
    snapshots("help", &mut scene);
}

#[test]
fn a_frozen_view_stands_still_and_says_so() {
    let mut scene = healthy();
    scene.screen(120, 40);
    scene.press("space");
    scene.health = Health::Bad;
    scene.until(1000);
    let screen = scene.screen(120, 40);
    find(&screen, "FROZEN 5 min");
    find(&screen, "✖ FAULTY");
    assert!(!text(&screen).contains("RED FLAG"), "what is shown is what was");
    snapshot("frozen_120x40", &mut scene, 120, 40);
    scene.press("space");
    find(&scene.screen(120, 40), "RED FLAG");
}

#[test]
fn the_signals_pane_alone_has_a_large_chart() {
    let mut scene = faulty();
    scene.press("2 enter");
    snapshots("chart", &mut scene);
}

#[test]
fn a_gap_in_the_readings_is_a_gap_in_the_chart() {
    let mut scene = healthy();
    scene.down = vec![("grafana", SourceError::Timeout(5))];
    scene.until(900);
    scene.press("2");
    snapshot("gap_120x40", &mut scene, 120, 40);
}

#[test]
fn a_link_is_shown_and_handed_to_the_clipboard() {
    let mut scene = faulty();
    scene.press("1 g");
    let link = "https://grafana.example.com/d/app?viewPanel=2";
    assert_eq!(scene.press("o"), [Reaction::Copy(link.to_owned())]);
    find(&scene.screen(120, 40), link);
    scene.press("esc 6");
    assert_eq!(scene.press("o"), []);
    find(&scene.screen(120, 40), "no link under the cursor");
}

#[test]
fn a_note_goes_into_the_timeline() {
    let mut scene = healthy();
    scene.press("n");
    scene.type_text("Restarted the cache, R");
    find(&scene.screen(120, 40), "Restarted the cache, R");
    scene.press("enter");
    find(&scene.screen(120, 40), "✎ Restarted the cache, R");
}

#[test]
fn no_escape_sequence_from_a_source_reaches_the_screen() {
    let mut scene = faulty();
    let screen = scene.screen(200, 50);
    find(&screen, "IntegrityError: orders_fk [2J");
    assert!(!text(&screen).contains('\u{1b}'));
}

#[test]
fn a_terminal_that_is_too_small_still_tells_the_worst() {
    let mut scene = faulty();
    snapshot("too_small_59x15", &mut scene, 59, 15);
    snapshot("too_small_20x5", &mut scene, 20, 5);
}

#[test]
fn without_utf_8_everything_is_ascii() {
    let mut scene = faulty().on(Glyphs::Ascii, "dark", ColorDepth::Ansi16);
    for (width, height) in SIZES {
        let screen = text(&scene.screen(width, height));
        assert!(screen.is_ascii(), "{screen}");
    }
    snapshot("ascii_120x40", &mut scene, 120, 40);
    scene.press("2 enter");
    snapshot("ascii_chart_120x40", &mut scene, 120, 40);
}

#[test]
fn without_colour_weight_and_reversal_tell() {
    for theme in ["mono", "dark"] {
        let mut scene = faulty().on(Glyphs::Unicode, theme, ColorDepth::None);
        let screen = scene.screen(120, 40);
        assert!(screen.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{theme}");
        assert!(screen[(0, 0)].modifier.contains(Modifier::REVERSED), "{theme}: the alarm is reversed");
        let (x, y) = find(&screen, "✖ RED FLAG");
        assert!(screen[(x, y)].modifier.contains(Modifier::BOLD), "{theme}");
    }
}

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut scene = healthy();
    let before = scene.screen(120, 40);
    scene.say(Message::Tick(scene.now + TimeDelta::milliseconds(200)));
    assert_eq!(scene.screen(120, 40), before);
    scene.until(701);
    assert_ne!(scene.screen(120, 40), before, "the clock moved");
}

/// What a change of the screen costs on the wire.
fn bytes(before: &Buffer, after: &Buffer) -> usize {
    let mut wire = Vec::new();
    CrosstermBackend::new(&mut wire).draw(before.diff(after).into_iter()).unwrap();
    // The marks of synchronized output around each frame.
    wire.len() + 16
}

#[test]
fn a_calm_minute_costs_few_bytes() {
    let mut scene = healthy();
    let mut sent = 0;
    for second in 701..=760 {
        let before = scene.screen(200, 50);
        sent += bytes(&before, &scene.until(second).screen(200, 50));
    }
    assert!(sent / 60 <= 250, "{} bytes a second", sent / 60);
}

#[test]
fn no_size_does_any_harm() {
    let mut scenes = [Scene::new(), faulty(), running(), board()];
    scenes[3].press("R");
    for scene in &mut scenes {
        for (width, height) in (1..=300).step_by(23).zip((1..=100).rev().step_by(7)).chain([(1, 1), (1, 100), (300, 1)])
        {
            for _ in 0..2 {
                scene.screen(width, height);
            }
        }
    }
    let mut scene = faulty();
    for width in 1..100 {
        scene.screen(width, 24);
        scene.screen(80, width.min(60));
    }
    for keys in ["?", "n", "o", "2 enter", "5 enter", "R"] {
        let mut scene = faulty();
        for (width, height) in [(1, 1), (2, 2), (7, 3), (60, 16), (61, 17), (40, 8)] {
            scene.screen(width, height);
            scene.press(keys);
            scene.screen(width, height);
            scene.press("esc");
        }
    }
}

#[test]
fn a_crash_loop_is_named_with_its_pods_and_reasons() {
    let mut scene = Scene::new();
    let mut pods = company::pods(2, 3, 8);
    for pod in pods.iter_mut().filter(|pod| pod.phase == PodPhase::Starting) {
        pod.phase = PodPhase::Failing;
        pod.reason = Some("CrashLoopBackOff".to_owned());
        pod.restarts = 4;
    }
    let waiting = Progress::Waiting("5 out of 12 new replicas have been updated".to_owned());
    let mut rollout = company::rollout(pods, waiting, None);
    rollout.troubles = vec![Trouble {
        kind: TroubleKind::CrashLoop,
        sentence: "3 pods crash over and over: exit code 1, last restart 20 s ago".to_owned(),
    }];
    scene.tell(WorkloadId(0), rollout).until(200);
    snapshots("crash_loop", &mut scene);
}

#[test]
fn alerts_stand_beside_the_issues() {
    let mut scene = faulty();
    let alert = |name: &str, state, since| Alert {
        id: "rule".to_owned(),
        muted: None,
        signal: SignalId(1),
        name: name.to_owned(),
        state,
        since,
        link: Some("https://grafana.example.com/alerting/1".to_owned()),
    };
    let alerts = vec![
        alert("Checkout is slow", AlertState::Firing, Some(company::after(400))),
        alert("Disk", AlertState::Unknown, None),
    ];
    let result = Ok(Poll { points: vec![(SignalId(1), Vec::new())], alerts: Some(alerts), ..Poll::default() });
    scene.say(Message::Polled { source: SourceId(1), at: scene.now, result });
    let screen = scene.screen(120, 40);
    find(&screen, "ALERT      Checkout is slow");
    find(&screen, "since 15:07");
    find(&screen, "no data    Disk");
    scene.press("4 end k");
    assert_eq!(scene.press("o"), [Reaction::Copy("https://grafana.example.com/alerting/1".to_owned())]);
}

#[test]
fn the_cursor_stays_with_its_row_when_rows_change_places() {
    let mut scene = Scene::new();
    scene.rolled_out();
    scene.down = vec![("datadog", SourceError::Timeout(5))];
    scene.until(300);
    scene.press("1 j");
    let row = |scene: &mut Scene| {
        let screen = scene.screen(120, 40);
        let (_, y) = find(&screen, "▸");
        (0..120).map(|x| screen[(x, y)].symbol()).collect::<String>()
    };
    let before = row(&mut scene);
    assert!(before.contains("db pool"), "{before}");
    scene.health = Health::Bad;
    scene.until(640);
    let after = row(&mut scene);
    assert!(after.contains("db pool"), "worse rows came above it: {after}");
}

#[test]
fn only_a_press_is_a_key_and_a_pasted_text_is_none() {
    let mut scene = faulty();
    let release = KeyEvent::new_with_kind(KeyCode::Char('R'), KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(scene.event(&Event::Key(release)), []);
    assert_eq!(scene.event(&Event::Paste("Ry".to_owned())), []);
    assert_eq!(*scene.watch.rollback(), Rollback::Idle);
}
