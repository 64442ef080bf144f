//! Sentences that are believed: what is shown is what is judged, what is told of is known, and what is not known is said.

use super::*;
use redflag_core::signal::Unit;

/// A baseline of these numbers, oldest first.
fn past(mut case: Case, values: &[f64]) -> Case {
    let points: Vec<Point> =
        (1..).zip(values.iter().rev()).map(|(back, it)| (at(-back * STEP), Sample::Value(*it))).collect();
    case.series.insert(&points, at(0));
    case
}

#[test]
fn an_outage_in_the_hour_before_is_not_what_was_usual() {
    let mut case = Case::of(Kind::ErrorRate);
    let bad = |back: i64| (40..44).contains(&back);
    let points: Vec<Point> = (1..=120)
        .map(|back| (at(-back * STEP), if bad(back) { counts(480.0, 1200.0) } else { counts(0.6, 1200.0) }))
        .collect();
    case.series.insert(&points, at(0));
    let case = case.then([counts(60.0, 1200.0); 5]);
    case.says(Level::RedFlag, "5 % (300 of 6 000 requests), was 0.05 % before the deploy; above 1 % for 2 min");
    assert!(case.judge().blames_deploy);
    let mut slow = vec![400.0; 120];
    slow[60..70].fill(3000.0);
    let slower = |bins: usize| past(Case::of(Kind::Latency), &slow).values(vec![640.0; bins]);
    slower(4).says(
        Level::Warning,
        "640 ms, +60 %, was 400 ms before the deploy; more than +50 % for 2 min, \
         not yet significant enough for a red flag",
    );
    // What was as bad for ten bins before may be as bad for ten bins again.
    slower(11).says(Level::RedFlag, "640 ms, +60 %, was 400 ms before the deploy; more than +50 % for 5 min");
}

#[test]
fn errors_above_the_red_limit_are_never_clear_however_it_was_before() {
    // Half an hour of it before the deploy: no outage, and not what the middle bin had either.
    let mut case = Case::of(Kind::ErrorRate);
    let points: Vec<Point> = (1..=120)
        .map(|back| (at(-back * STEP), if back <= 50 { counts(60.0, 1200.0) } else { counts(0.6, 1200.0) }))
        .collect();
    case.series.insert(&points, at(0));
    let judgement = case.then([counts(60.0, 1200.0); 20]).judge();
    assert!(judgement.level >= Level::Warning, "{}", judgement.sentence());
    assert!(!judgement.sentence().contains("already so"), "{}", judgement.sentence());
}

#[test]
fn a_past_that_is_too_short_says_so_and_the_guides_increase_judges_alone() {
    let case = || past(Case::of(Kind::Latency), &[100.0, 101.0, 102.0, 100.0, 101.0, 102.0, 100.0, 101.0, 102.0]);
    case().values([110.0; 4]).says(
        Level::Insufficient,
        "110 ms, +9 %, was 101 ms before the deploy; not enough data: 9 of 10 readings before the deploy",
    );
    let suspect = case().values([400.0; 3]);
    suspect.says(
        Level::Warning,
        "400 ms, +296 %, was 101 ms before the deploy; more than +50 % for 90 s, \
         not yet significant enough for a red flag",
    );
    assert!(!suspect.judge().blames_deploy);
    let red = case().values([400.0; 5]);
    red.says(Level::RedFlag, "400 ms, +296 %, was 101 ms before the deploy; more than +50 % for 2 min");
    assert!(red.judge().blames_deploy);
    for kind in [Kind::Cpu, Kind::Memory, Kind::Connections, Kind::Traffic, Kind::Custom] {
        let judgement = past(Case::of(kind), &[30.0; 9]).values([30.0; 30]).judge();
        assert_eq!(judgement.level, Level::Insufficient, "{kind:?}: {}", judgement.sentence());
    }
}

#[test]
fn what_is_shown_is_what_is_judged_and_what_keeps_it_clear_is_said() {
    let case = || Case::of(Kind::Latency).moved(400.0);
    let spike = case().values([410.0, 410.0, 410.0, 900.0]);
    spike.says(Level::Clear, "410 ms, +1 %, was 405 ms before the deploy; limit 500 ms, beyond it for 1 of 3 readings");
    let two = Case::of(Kind::Cpu).baseline(Sample::Value(68.0)).values([68.0, 71.0, 71.0]);
    two.says(Level::Clear, "71 %, was 68 % before the deploy; limit 70 %, beyond it for 2 of 3 readings");
}

#[test]
fn for_how_long_it_is_more_than_the_limit_is_not_for_how_long_it_is_slower() {
    let case = Case::of(Kind::Latency).baseline(Sample::Value(400.0));
    let climbs = case.values([520.0; 10]).values([700.0; 4]);
    let judgement = climbs.judge();
    assert!(judgement.sentence().contains("more than +50 % for 2 min"), "{}", judgement.sentence());
}

#[test]
fn value_and_limit_never_look_alike() {
    let case = Case::of(Kind::CrashFree).values([98.97; 3]);
    case.says(Level::RedFlag, "98.97 %, without a baseline; below 99 % for 90 s");
}

#[test]
fn no_limit_is_named_that_nobody_set() {
    // Some bins before the deploy had more than the limit.
    let mut case = Case::of(Kind::ErrorRate);
    let points: Vec<Point> = (1..=120)
        .map(|back| (at(-back * STEP), if back % 8 == 0 { counts(5.0, 1200.0) } else { counts(0.0, 1200.0) }))
        .collect();
    case.series.insert(&points, at(0));
    let case = case.then([counts(11.0, 1200.0); 20]);
    let judgement = case.judge();
    assert_eq!(judgement.level, Level::Warning);
    assert!(judgement.sentence().contains("; above 0.1 % for"), "{}", judgement.sentence());
    let unlimited = Case::of(Kind::ErrorRate).limits(|limits| (limits.warning, limits.red_flag) = (None, None));
    let judgement = unlimited.baseline(counts(0.6, 1200.0)).then([counts(60.0, 1200.0); 5]).judge();
    assert!(judgement.sentence().contains("; rising significantly for"), "{}", judgement.sentence());
}

#[test]
fn thin_data_is_never_clear() {
    let mut case = Case::of(Kind::Latency).moved(400.0).values(moving(400.0).take(10));
    let mut requests = Series::default();
    requests.set_deploy(at(0));
    let rates: Vec<Point> = (0..10).map(|bin| (at(bin * STEP), Sample::Value(7.0 / 300.0))).collect();
    requests.insert(&rates, at(300));
    case.requests = Some(requests);
    let judgement = case.judge();
    assert_eq!(judgement.level, Level::Insufficient, "{}", judgement.sentence());
    assert!(
        judgement.sentence().ends_with("; not enough data: 7 of 100 requests since the deploy"),
        "{}",
        judgement.sentence()
    );
    let traffic = Case::of(Kind::Traffic).baseline(Sample::Value(0.02)).values([0.0; 10]).judge();
    assert_eq!(traffic.level, Level::Insufficient, "{}", traffic.sentence());
    assert_eq!(Case::of(Kind::Traffic).baseline(Sample::Value(40.0)).values([41.0; 4]).judge().level, Level::Clear);
}

#[test]
fn memory_that_takes_most_of_what_was_left_blames_the_deploy_at_whatever_pace() {
    for (before, after, blames) in
        [(30.0, 88.0, true), (30.0, 81.0, true), (60.0, 94.0, true), (40.0, 74.0, false), (78.0, 89.0, false)]
    {
        let case = Case::of(Kind::Memory).baseline(Sample::Value(before)).values([after; 3]);
        assert_eq!(case.judge().blames_deploy, blames, "{before} → {after}: {}", case.judge().sentence());
    }
}

#[test]
fn restarts_are_named_where_the_cluster_tells_of_them() {
    let mut case =
        Case::of(Kind::Memory).baseline(Sample::Value(60.0)).values([40.0, 41.0, 41.0, 42.0, 42.0, 12.0, 14.0]);
    case.restarts = Some(true);
    case.says(Level::Warning, "14 %, fallen from 41 % for 60 s: containers restarted");
}

#[test]
fn memory_in_bytes_is_judged_by_its_own_level() {
    let bytes = || {
        let mut case = Case::of(Kind::Memory).limits(|limits| limits.warning = None);
        case.signal.unit = Unit::Bytes;
        case.series = Series::of(&case.signal);
        case.series.set_deploy(at(0));
        case.baseline(Sample::Value(4e8))
    };
    assert_eq!(bytes().values([4.1e8; 6]).judge().level, Level::Clear);
    bytes().values([8e8; 4]).says(Level::Warning, "763 MiB, was 381 MiB before the deploy; significantly up for 2 min");
    let leak = bytes().values((0..20).map(|bin| 4e8 + 6e6 * f64::from(bin))).judge();
    assert!(leak.blames_deploy && leak.sentence().contains("climbs by 11 MiB a minute"), "{}", leak.sentence());
}

#[test]
fn a_flag_that_is_about_to_go_down_says_so() {
    let case = |calm: usize| {
        Case::of(Kind::Latency).baseline(Sample::Value(400.0)).values([900.0; 6]).values(vec![400.0; calm]).judge()
    };
    assert!(!case(0).sentence().ends_with("; recovering"));
    for calm in [2, 3] {
        assert!(
            case(calm).level >= Level::Warning && case(calm).sentence().ends_with("; recovering"),
            "{}",
            case(calm).sentence()
        );
    }
    assert_eq!(case(4).level, Level::Clear);
}

#[test]
fn sessions_that_crash_since_the_deploy_are_its_doing_and_those_that_always_did_are_not() {
    let values = |middle: f64| (0..60).map(move |bin| middle + 0.02 * f64::from(bin * 37 % 5));
    let case = |middle| past(Case::of(Kind::CrashFree), &values(middle).collect::<Vec<_>>());
    let crashes = case(99.8).values([98.0; 6]).judge();
    assert_eq!((crashes.level, crashes.blames_deploy), (Level::RedFlag, true), "{}", crashes.sentence());
    // A tenth of a point above the limit is no warning by itself, however well it was before.
    let fine = case(99.8).values(values(99.6).take(20)).judge();
    assert_eq!((fine.level, fine.blames_deploy), (Level::Clear, false), "{}", fine.sentence());
    let always = case(98.0).values(values(98.0).take(20)).judge();
    assert_eq!((always.level, always.blames_deploy), (Level::Warning, false), "{}", always.sentence());
    assert!(always.sentence().contains("already so before the deploy"), "{}", always.sentence());
}

#[test]
fn what_was_just_beyond_a_limit_does_not_read_like_it() {
    let values: Vec<f64> = (0..60).map(|bin| 98.95 + 0.01 * f64::from(bin * 37 % 5)).collect();
    let case = past(Case::of(Kind::CrashFree), &values).values(values.iter().copied().take(5));
    let end = "was 98.97 % before the deploy; below 99 % for 2 min, already so before the deploy";
    assert!(case.judge().sentence().ends_with(end), "{}", case.judge().sentence());
}
