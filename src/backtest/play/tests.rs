//! Deploys that were never made, played: what is not known is never called well, and nothing is seen before its time.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::backtest::case::TakenBack;
use crate::backtest::case::tests::{at, deployed};
use crate::backtest::case::{Case, Origin};
use crate::backtest::figures::Came;
use crate::config::{AssembleOptions, Config, SystemSecrets};
use crate::signal::Sample;
use proptest::prelude::*;

const CONFIG: &str = r#"
[sources.cluster]
kind = "kubernetes"
url = "http://127.0.0.1:9"

[sources.prometheus]
kind = "prometheus"
url = "http://127.0.0.1:9"

[environments.production]
workloads = ["deployment/app"]

[[environments.production.signals]]
kind = "error_rate"
source = "prometheus"
errors = "e"
requests = "r"

[[environments.production.signals]]
kind = "memory"
source = "prometheus"
query = "m"
required = true

[[environments.production.signals]]
kind = "cpu"
source = "prometheus"
query = "c"
required = true
"#;

/// What a source has kept of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kept {
    Whole,
    /// It was asked, and has nothing.
    Nothing,
    Failed,
    /// It keeps no past of it.
    Never,
}

fn setup() -> Setup {
    let config = Config::parse(CONFIG, "test").unwrap();
    let assembly = config.assemble(None, &AssembleOptions::beginning(at(0)), &SystemSecrets::default()).unwrap();
    let mut setup = assembly.setup;
    // Its namespace is that of the cases.
    for workload in &mut setup.workloads {
        workload.reference = deployed("app", 0, None).workload;
    }
    setup
}

fn case(taken_back: Option<i64>) -> Case {
    let taken_back = taken_back.map(|minutes| TakenBack { at: Some(at(minutes)), automatic: false });
    Case { origin: Origin::Cluster, deploys: vec![deployed("app", 0, Some("1.9.0"))], taken_back }
}

fn measured(setup: &Setup) -> Vec<SignalId> {
    let signals = setup.signals.iter().zip((0..).map(SignalId));
    signals.filter(|(signal, _)| signal.kind != Kind::Rollout).map(|(_, id)| id).collect()
}

/// Bins of two hours before and one after, bad from then on.
fn points(signal: &crate::signal::Signal, bad: Option<Time>) -> Vec<Point> {
    let step = signal.step.num_seconds().max(1);
    let bins = -7200 / step..3600 / step;
    bins.map(|bin| {
        let stamp = at(0) + TimeDelta::seconds(bin * step);
        let moves = (bin * 37).rem_euclid(11) as f64;
        let is_bad = bad.is_some_and(|bad| stamp >= bad);
        let sample = match signal.kind {
            Kind::ErrorRate => Sample::Counts { errors: if is_bad { 90.0 } else { 0.0 }, requests: 1200.0 + moves },
            _ => Sample::Value(40.0 + moves / 10.0),
        };
        (stamp, sample)
    })
    .collect()
}

fn played(kept: &[Kept], bad: Option<Time>, case: &Case) -> Played {
    let setup = setup();
    let questions = questions(&setup, case, at(24 * 60)).unwrap();
    let answers = questions.into_iter().map(|(source, _)| {
        let mut poll = Poll::default();
        for (id, kept) in measured(&setup).into_iter().zip(kept) {
            match kept {
                Kept::Whole => poll.points.push((id, points(setup.signal(id), bad))),
                Kept::Nothing => poll.points.push((id, Vec::new())),
                Kept::Failed => poll.failed.push((id, SourceError::Timeout(5))),
                Kept::Never => {}
            }
        }
        (source, Ok(poll))
    });
    let mut play = Play::new(&setup, case, answers.collect()).unwrap();
    while let Some(asked) = play.next_question() {
        play.answer(asked, Ok(Poll::default()));
    }
    play.played()
}

#[test]
fn what_is_whole_and_well_is_not_flagged_and_what_is_bad_is_found_after_it_began() {
    let well = played(&[Kept::Whole; 3], None, &case(None));
    assert_eq!(Came::of(&well), Came::NotFlagged, "{well:?}");
    let bad = played(&[Kept::Whole; 3], Some(at(4)), &case(None));
    assert_eq!(Came::of(&bad), Came::RedFlag, "{bad:?}");
    let red = bad.red.unwrap();
    assert!(red.at > at(4) && red.at < at(12), "{red:?}");
    assert_eq!((red.service.as_str(), red.signal.as_str()), ("app", "error rate"));
}

#[test]
fn what_was_rolled_back_is_judged_up_to_then_and_no_further() {
    let before = played(&[Kept::Whole; 3], Some(at(15)), &case(Some(10)));
    assert_eq!(Came::of(&before), Came::NotFlagged, "it went bad only later: {before:?}");
    let after = played(&[Kept::Whole; 3], Some(at(2)), &case(Some(20)));
    assert_eq!(Came::of(&after), Came::RedFlag, "{after:?}");
}

#[test]
fn a_deploy_of_another_environment_or_of_a_moment_ago_is_not_played() {
    let elsewhere = Case { deploys: vec![deployed("other", 0, None)], ..case(None) };
    assert!(questions(&setup(), &elsewhere, at(24 * 60)).is_none());
    assert!(questions(&setup(), &case(None), at(10)).is_none());
    assert!(!is_over(&setup(), &case(None), at(10)) && is_over(&setup(), &case(None), at(60)));
}

fn any_kept() -> impl Strategy<Value = Kept> {
    prop_oneof![3 => Just(Kept::Whole), 1 => Just(Kept::Nothing), 1 => Just(Kept::Failed), 1 => Just(Kept::Never)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_known_is_never_well(kept in prop::collection::vec(any_kept(), 3)) {
        let played = played(&kept, None, &case(None));
        let has = |what| kept.contains(&what);
        let is_known = has(Kept::Whole) && !has(Kept::Nothing) && !has(Kept::Failed);
        let expected = if is_known { Came::NotFlagged } else { Came::NotKnown };
        prop_assert_eq!(Came::of(&played), expected, "{:?}: {:?}", kept, played);
        prop_assert_eq!(played.missing.is_empty(), is_known);
        prop_assert_eq!(played.untold.len(), kept.iter().filter(|one| **one == Kept::Never).count());
    }
}
