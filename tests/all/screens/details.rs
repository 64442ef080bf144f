//! What is under the cursor, told whole.

use super::company::Scene;
use super::{board, faulty, find, snapshot, text};
use redflag::tui::Reaction;

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
    for wanted in
        ["RED FLAG: 2.4 % (623 of 25 884 requests)", "the median before the deploy", "red flag at 1 %", "grafana"]
    {
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
