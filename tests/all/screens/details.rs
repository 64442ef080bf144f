//! What is under the cursor, told whole.

use super::company::{Scene, pods, rollout};
use super::{board, faulty, find, snapshot, text};
use ratatui::buffer::Buffer;
use redflag::deploy::WorkloadId;
use redflag::rollout::{Pod, PodPhase, Progress};
use redflag::tui::Reaction;
use redflag::tui::hyperlink::Hyperlinks;
use redflag::tui::theme::Ground;

/// The pane of a number has the keys, and what is under its cursor is shown.
fn shown(scene: &mut Scene, keys: &str) -> String {
    scene.screen(120, 40);
    scene.press(keys);
    text(&scene.screen(120, 40))
}

#[test]
fn a_signal_is_told_with_what_it_is_judged_by() {
    let mut scene = faulty();
    let screen = shown(&mut scene, "1 g i");
    for wanted in [
        "RED FLAG: 2.4 % (623 of 25 884 requests)",
        "the median before the deploy",
        "red flag at 1 %",
        "grafana",
        "errors           sum(increase(http_requests_total{status=~\"5..\"}[$__interval]))",
        "requests         sum(increase(http_requests_total[$__interval]))",
    ] {
        assert!(screen.contains(wanted), "{wanted}: {screen}");
    }
    snapshot("details_signal_120x40", &mut scene, 120, 40);
    let link = "https://grafana.example.com/d/app?viewPanel=2";
    assert_eq!(scene.press("o"), [Reaction::Copy(link.to_owned())]);
}

#[test]
fn pods_are_told_by_their_nodes_and_issues_with_when_they_were_seen() {
    let mut scene = faulty();
    let pods = shown(&mut scene, "3 i");
    assert!(pods.contains("no node") && pods.contains("app-11   1.9.0, ready"), "{pods}");
    scene.press("esc");
    let issue = shown(&mut scene, "4 i");
    for wanted in ["TypeError: cart.total is None", "shop.cart.views in total", "first seen", "1204 times by 311 users"]
    {
        assert!(issue.contains(wanted), "{wanted}: {issue}");
    }
}

#[test]
fn pods_are_told_by_zone_and_node_with_the_last_words_of_what_ended_in_them() {
    let mut scene = faulty();
    let mut all = pods(11, 0, 0);
    for (pod, zone) in all.iter_mut().zip(["eu-1a", "eu-1b"].into_iter().cycle()) {
        (pod.node, pod.zone) = (Some("worker-3".to_owned()), Some(zone.to_owned()));
    }
    all.push(Pod {
        name: "app-5f6d-x2lqz".to_owned(),
        phase: PodPhase::Failing,
        reason: Some("CrashLoopBackOff".to_owned()),
        last_words: Some("exit 1: “KeyError: 'DB_URL'”".to_owned()),
        ..all[1].clone()
    });
    scene.tell(WorkloadId(0), rollout(all, Progress::Complete, None));
    let told = shown(&mut scene, "3 i");
    let place = |wanted: &str| told.find(wanted).unwrap_or_else(|| panic!("{wanted}: {told}"));
    assert!(place("zone eu-1a, worker-3") < place("zone eu-1b, worker-3"), "{told}");
    assert!(
        place("app-5f6d-x2lqz   1.9.0, CrashLoopBackOff") < place("app-1   1.9.0, ready"),
        "the worst first: {told}"
    );
    assert!(place("last ended with exit 1: “KeyError: 'DB_URL'”") < place("app-1   1.9.0, ready"), "{told}");
}

#[test]
fn what_the_key_opens_is_a_link_where_the_terminal_knows_them_and_no_column_moves() {
    let mut plain = faulty();
    let mut linked = faulty();
    linked.look.hyperlinks = Hyperlinks::WhenAnswered;
    let has_links = |buffer: &Buffer| buffer.content().iter().any(|cell| cell.symbol().contains('\x1b'));
    assert!(!has_links(&linked.screen(120, 40)), "it has not answered yet");
    linked.answer_ground(Ground::Dark);
    for (keys, link) in [
        ("1 g", "https://grafana.example.com/d/app?viewPanel=2"),
        ("2 g", "https://grafana.example.com/d/app?viewPanel=2"),
        ("4 g", "https://sentry.example.com/issues/1"),
        ("4 g i", "https://sentry.example.com/issues/1"),
        ("esc 4 g o", "https://sentry.example.com/issues/1"),
    ] {
        plain.press(keys);
        linked.press(keys);
        let (with, without) = (linked.screen(120, 40), plain.screen(120, 40));
        assert!(!has_links(&without));
        let open = format!("\x1b]8;;{link}\x1b\\");
        assert!(with.content().iter().any(|cell| cell.symbol().starts_with(&open)), "{keys}");
        for (with, without) in with.content().iter().zip(without.content()) {
            assert_eq!((unlinked(with.symbol()), with.style()), (without.symbol(), without.style()), "{keys}");
        }
    }
}

/// What is seen of a cell.
fn unlinked(symbol: &str) -> &str {
    let linked = symbol.strip_prefix("\x1b]8;;").and_then(|rest| rest.split_once("\x1b\\"));
    linked.and_then(|(_, rest)| rest.strip_suffix("\x1b]8;;\x1b\\")).unwrap_or(symbol)
}

#[test]
fn a_source_is_told_with_its_last_error_and_latency() {
    let mut scene = faulty();
    scene.down = vec![("datadog", redflag::poll::SourceError::Timeout(5))];
    scene.until(700);
    let source = shown(&mut scene, "6 g i");
    for wanted in ["datadog", "in a row", "latency", "signals"] {
        assert!(source.contains(wanted), "{wanted}: {source}");
    }
}

#[test]
fn a_service_is_told_with_its_pods_and_any_key_closes() {
    let mut scene = board();
    let service = shown(&mut scene, "2 home i");
    assert!(service.contains("deployment/checkout"), "{service}");
    scene.press("x");
    assert!(!text(&scene.screen(120, 40)).contains("any key closes"));
}

#[test]
fn every_row_of_every_pane_can_be_told_at_every_size() {
    let mut scene = faulty();
    for pane in ["1", "2", "3", "4", "5", "6", "7"] {
        for _ in 0..12 {
            scene.press(&format!("{pane} j i"));
            for (width, height) in [(120, 40), (60, 16), (20, 5), (1, 1)] {
                scene.screen(width, height);
            }
            scene.press("esc");
        }
    }
    find(&scene.screen(120, 40), "FAULTY");
}
