//! The one sentence in each situation: what is wrong and where it comes from, who is hit, what speaks against the deploy.

use super::company::{self, Health, Scene};
use super::{faulty, find, healthy, text};
use redflag::deploy::ServiceId;
use redflag::deploy::WorkloadId;
use redflag::headline::{Cause, CauseKind, Elsewhere, Headline, Sureness, Trouble};
use redflag::poll::SourceError;
use redflag::rollout::{Progress, Trouble as PodTrouble, TroubleKind};
use redflag::signal::Kind;
use redflag::verdict::Level;

fn said(scene: &Scene) -> Headline {
    Headline::of(&scene.watch, None)
}

fn trouble(scene: &Scene) -> Trouble {
    match said(scene) {
        Headline::Trouble(trouble) => *trouble,
        Headline::Quiet(quiet) => panic!("{quiet}"),
    }
}

#[test]
fn in_peace_it_counts_what_is_ok_and_names_what_is_nearest_to_its_limit() {
    let scene = healthy();
    let headline = said(&scene);
    assert_eq!(headline.level(), Level::Clear);
    let sentence = headline.to_string();
    assert!(sentence.starts_with("No red flags.  8 of 8 signals ok for "), "{sentence}");
    assert!(sentence.contains(" requests on 1.9.0"), "{sentence}");
    assert!(headline.facts().iter().any(|fact| fact.starts_with("closest to a limit: p95 ")), "{:?}", headline.facts());
}

#[test]
fn what_is_not_known_is_never_ok() {
    let first = said(&Scene::new());
    assert!(first.level().is_unknown(), "{first}");
    let mut scene = healthy();
    scene.down = vec![("datadog", SourceError::Timeout(5))];
    scene.until(900);
    let headline = said(&scene);
    assert!(headline.level().is_unknown());
    assert_eq!(headline.to_string(), "No red flag seen: 1 of 8 signals is unknown");
    assert!(headline.facts().contains(&"unknown: db pool".to_owned()), "{:?}", headline.facts());
}

#[test]
fn errors_with_a_new_issue_are_told_with_its_name() {
    let scene = faulty();
    let trouble = trouble(&scene);
    assert_eq!(trouble.cause.kind(), CauseKind::Issue);
    assert_eq!(trouble.worst.kind, Kind::ErrorRate);
    assert_eq!(trouble.level, Level::RedFlag);
    assert!(trouble.sureness > Sureness::LimitOnly, "{:?}", trouble.sureness);
    assert!(trouble.after_deploy.is_some_and(|after| after.num_minutes() < 5), "{:?}", trouble.after_deploy);
    assert_eq!(trouble.elsewhere, []);
    let sentence = said(&scene).to_string();
    assert!(sentence.starts_with("1.9.0 fails 2.4 % of requests: "), "{sentence}");
    let mut scene = faulty();
    let screen = scene.screen(120, 40);
    find(&screen, &format!("✖ {}", "1.9.0 fails 2.4 % of requests: "));
    assert!(text(&screen).contains(" requests, was 0.081 % · "), "{}", text(&screen));
}

#[test]
fn pods_that_crash_come_before_whatever_follows_from_them() {
    let mut scene = faulty();
    let mut rollout = company::rollout(company::pods(2, 3, 8), Progress::Waiting("5 of 12".to_owned()), None);
    let sentence = "3 of 3 new pods in CrashLoopBackOff (exit code 1)".to_owned();
    rollout.troubles = vec![PodTrouble { kind: TroubleKind::CrashLoop, sentence: sentence.clone() }];
    scene.tell(WorkloadId(0), rollout).until(660);
    let trouble = trouble(&scene);
    assert_eq!(trouble.cause, Cause::Pods { kind: TroubleKind::CrashLoop, sentence: sentence.clone() });
    assert_eq!(trouble.worst.kind, Kind::ErrorRate, "it tells how bad it is");
    assert_eq!(trouble.sureness, Sureness::Certain);
    assert_eq!(said(&scene).to_string(), format!("1.9.0 does not come up: {sentence}"));
}

#[test]
fn what_began_long_after_the_rollout_says_so_before_anybody_rolls_back() {
    let mut scene = Scene::new();
    scene.rolled_out().until(900);
    scene.health = Health::Broken;
    scene.until(1300);
    let trouble = trouble(&scene);
    let late = trouble.elsewhere.iter().any(|elsewhere| matches!(elsewhere, Elsewhere::BeganLate(_)));
    assert!(late, "{:?} {:?}", trouble.since, trouble.elsewhere);
    assert!(said(&scene).facts().iter().any(|fact| fact.contains("after the rollout")), "{:?}", said(&scene).facts());
}

#[test]
fn each_bad_service_of_a_board_has_its_own() {
    let mut scene = Scene::board();
    scene.health = Health::Bad;
    scene.rolled_out().until(640);
    let of = |service| Headline::of(&scene.watch, Some(ServiceId(service)));
    assert_eq!(of(4).level(), Level::RedFlag, "{}", of(4));
    assert_eq!(of(1).level(), Level::Clear, "{}", of(1));
    let screen = text(&scene.screen(120, 40));
    assert!(screen.contains("✖ checkout 1.9.0 fails "), "{screen}");
}
