//! What no sequence of readings can make the judge do.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use redflag_core::deploy::Time;
use redflag_core::setup::{Delivery, SourceInfo};
use redflag_core::signal::{Kind, Point, Sample, SignalId};
use redflag_core::store::{Health, Series, SourceState};
use redflag_core::verdict::recorded::{Other, Record};
use redflag_core::verdict::{Evidence, Judgement, Level, Track, judge, recorded};

const KINDS: [Kind; 9] = [
    Kind::ErrorRate,
    Kind::Latency,
    Kind::ServerErrors,
    Kind::Traffic,
    Kind::Cpu,
    Kind::Memory,
    Kind::Connections,
    Kind::CrashFree,
    Kind::Custom,
];

fn at(bin: i64) -> Time {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_790_000_000 + 30 * bin)
}

fn judge_at(kind: Kind, series: &Series, now: i64, track: &mut Track) -> Judgement {
    let signal = recorded::signal(kind, TimeDelta::seconds(30));
    let interval = TimeDelta::seconds(30);
    let source = SourceInfo { name: "grafana".to_owned(), delivery: Delivery::Polled, interval };
    let mut health = SourceState::new(at(now));
    health.succeed(at(now), Health::Up);
    let evidence = Evidence {
        deployed_at: Some(at(0)),
        settled: Some(at(2)),
        before: Level::Clear,
        ..Evidence::of((SignalId(0), &signal), series, (&source, &health), at(now))
    };
    judge(&evidence, track)
}

/// What a source says when it has nothing to say: gaps, and numbers that are none.
fn nothing() -> impl Strategy<Value = Sample> {
    prop_oneof![
        Just(Sample::Empty),
        Just(Sample::NotANumber),
        Just(Sample::Value(f64::NAN)),
        Just(Sample::Value(f64::INFINITY)),
        Just(Sample::Counts { errors: f64::NAN, requests: 10.0 }),
        Just(Sample::Counts { errors: 0.0, requests: 0.0 }),
        // Counters that went backwards.
        Just(Sample::Counts { errors: -4.0, requests: 100.0 }),
        Just(Sample::Counts { errors: 0.0, requests: -100.0 }),
    ]
}

fn anything() -> impl Strategy<Value = Sample> {
    prop_oneof![
        6 => (0.0..120.0).prop_map(Sample::Value),
        1 => prop_oneof![Just(-3.0), Just(1e300), Just(-1e300), Just(1e-300)].prop_map(Sample::Value),
        6 => (0.0..9.0_f64, 0.0..2000.0).prop_map(|(errors, requests)| Sample::Counts { errors: errors.floor(), requests }),
        2 => nothing(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Late, doubled, corrected and disordered readings: where a track stands is where the same bins in order
    /// would have brought it. Nothing panics on the way.
    #[test]
    fn a_verdict_is_the_fold_of_its_bins_whatever_the_order_they_came_in(
        kind in prop::sample::select(&KINDS[..]),
        polls in prop::collection::vec((-40_i64..60, prop::collection::vec(anything(), 1..6)), 1..40),
        steps in prop::collection::vec(-3_i64..5, 40),
        older in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut series = Series::default();
        series.set_deploy(at(0));
        let mut track = Track::default();
        let mut now = 0;
        for (((first, samples), step), older) in polls.into_iter().zip(steps).zip(older) {
            let points: Vec<Point> = (first..).zip(samples).map(|(bin, sample)| (at(bin), sample)).collect();
            if older {
                series.insert_older(&points, at(now));
            } else {
                series.insert(&points, at(now));
            }
            now += step;
            let judgement = judge_at(kind, &series, now, &mut track);
            prop_assert!(!judgement.sentence().is_empty());
            prop_assert_eq!(judgement, judge_at(kind, &series, now, &mut Track::default()));
        }
    }

    #[test]
    fn nothing_never_makes_clear_and_never_raises_a_flag(
        kind in prop::sample::select(&KINDS[..]),
        before in prop::collection::vec(anything(), 0..80),
        after in prop::collection::vec(nothing(), 0..60),
    ) {
        let mut series = Series::default();
        series.set_deploy(at(0));
        let points: Vec<Point> = (1..).zip(before).map(|(back, sample)| (at(-back), sample)).collect();
        series.insert(&points, at(0));
        let mut track = Track::default();
        for (bin, sample) in (0..).zip(after) {
            series.insert(&[(at(bin), sample)], at(bin));
            let judgement = judge_at(kind, &series, bin + 1, &mut track);
            prop_assert!(judgement.level.is_unknown(), "{:?}: {}", judgement.level, judgement.sentence());
        }
    }

    /// Whatever happened elsewhere: it takes blame away, and may make a red flag a warning. It never makes anything clear,
    /// raises nothing and blames nobody.
    #[test]
    fn what_happened_elsewhere_never_makes_anything_fine_or_worse(
        kind in prop::sample::select(&KINDS[..]),
        own in (prop::collection::vec(anything(), 0..40), prop::collection::vec(anything(), 1..30)),
        others in prop::collection::vec((prop::collection::vec(anything(), 0..40), prop::collection::vec(anything(), 0..30)), 5),
    ) {
        let signal = recorded::signal(kind, TimeDelta::seconds(30));
        let others: Vec<Other<'_>> = others.iter().map(|(baseline, after)| Other { baseline, after }).collect();
        for bins in 1..=own.1.len() {
            let alone = Record::of(&signal, &own.0, &own.1[..bins]);
            let named = [("a", others[2]), ("b", others[3]), ("c", others[4])];
            let beside =
                Record { yesterday: Some(others[0]), last_week: Some(others[1]), neighbours: &named, ..alone };
            let (alone, beside) = (alone.play().last, beside.play().last);
            prop_assert!(beside.level <= alone.level && (!beside.blames_deploy || alone.blames_deploy));
            if alone.level >= Level::Warning {
                prop_assert!(beside.level >= Level::Warning, "{}", beside.sentence());
            } else {
                prop_assert_eq!(alone, beside);
            }
        }
    }

    /// No number stops the judge: what it does hangs on how many bins there are. A loop that ran to the value of a
    /// number would not end within any test's patience.
    #[test]
    fn any_numbers_are_judged_in_the_time_that_their_bins_take(
        kind in prop::sample::select(&Kind::ALL[..]),
        before in prop::collection::vec(any_number(), 0..80),
        after in prop::collection::vec(any_number(), 1..80),
        gated in any::<bool>(),
    ) {
        let signal = recorded::signal(kind, TimeDelta::seconds(30));
        let outcome = recorded::play(&signal, &before, &after);
        prop_assert!(!outcome.judgement.sentence().is_empty());
        prop_assert!(outcome.judgement.sentence().len() < 1000, "{}", outcome.judgement.sentence());
        // The rules stand it as well without the gate before them.
        let mut series = if gated { Series::of(&signal) } else { Series::default() };
        series.set_deploy(at(0));
        let points: Vec<Point> = (1..).zip(before).map(|(back, sample)| (at(-back), sample)).collect();
        series.insert(&points, at(0));
        let mut track = Track::default();
        for (bin, sample) in (0..).zip(after) {
            series.insert(&[(at(bin), sample)], at(bin));
            prop_assert!(!judge_at(kind, &series, bin + 1, &mut track).sentence().is_empty());
        }
    }
}

/// Every number that there is, the largest and the strangest of them often.
fn any_number() -> impl Strategy<Value = Sample> {
    const ODD: [f64; 12] =
        [0.0, -0.0, 1e9, 1e14, 1e15, 1e17, 1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY];
    let number = || prop_oneof![2 => any::<f64>(), 3 => prop::sample::select(&ODD[..]), 3 => 0.0..1e15];
    prop_oneof![
        5 => number().prop_map(Sample::Value),
        5 => (number(), number()).prop_map(|(errors, requests)| Sample::Counts { errors, requests }),
        // As many failures as there can be.
        2 => (0.0..1e15).prop_map(|count| Sample::Counts { errors: count, requests: count }),
        1 => Just(Sample::Empty),
    ]
}
