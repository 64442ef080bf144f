//! Objectives: what failures cost of an error budget, and burn rates as limits.

use super::*;
use proptest::prelude::*;
use redflag_core::signal::{BurnRate, Objective};
use redflag_core::verdict::says::Burning;

/// 99.9 % of a month, and no limit of it.
const MONTH: Objective = Objective { good: 99.9, period: TimeDelta::days(30), warning: None, red_flag: None };

fn promised(mut case: Case, objective: Objective) -> Case {
    // As the configuration has it: a burn rate stands in the place of the plain limit.
    if objective.red_flag.is_some() {
        case.signal.limits.red_flag = None;
    }
    if objective.warning.is_some() {
        case.signal.limits.warning = None;
    }
    case.signal.objective = Some(objective);
    case
}

fn errors(objective: Objective) -> Case {
    promised(Case::of(Kind::ErrorRate).baseline(counts(0.6, 1200.0)), objective)
}

/// What a limit of the burn rate says.
fn burning(judgement: &Judgement) -> Option<Burning> {
    judgement.says.spending().and_then(|spending| spending.limit)
}

#[test]
fn an_objective_says_what_the_deploy_costs_of_the_error_budget() {
    let red = errors(MONTH).then([counts(30.0, 1200.0); 12]);
    red.says(
        Level::RedFlag,
        "2.5 % (360 of 14 400 requests), was 0.05 % before the deploy; above 1 % for 6 min; \
         25 h of error budget an hour, 0.35 % of the 30 d budget since the deploy",
    );
    assert!(red.judge().blames_deploy);
    let week = Objective { good: 99.0, period: TimeDelta::days(7), ..MONTH };
    errors(week).then([counts(30.0, 1200.0); 12]).says(
        Level::RedFlag,
        "2.5 % (360 of 14 400 requests), was 0.05 % before the deploy; above 1 % for 6 min; \
         2.5 h of error budget an hour, 0.15 % of the 7 d budget since the deploy",
    );
    // What is fine costs, too; what did not fail costs nothing.
    errors(MONTH).then([counts(1.0, 1200.0); 12]).says(
        Level::Clear,
        "0.083 % (12 of 14 400 requests), was 0.05 % before the deploy; limit 0.1 %; \
         0.83 h of error budget an hour, 0.012 % of the 30 d budget since the deploy",
    );
    errors(MONTH)
        .then([counts(0.0, 1200.0); 12])
        .says(Level::Clear, "0 % (0 of 14 400 requests), was 0.05 % before the deploy; limit 0.1 %");
}

#[test]
fn what_is_spent_weighs_each_bin_by_its_requests() {
    // Half of the requests of a quiet minute are few of all.
    let mut samples = vec![counts(0.0, 1200.0); 18];
    samples.extend([counts(60.0, 120.0); 2]);
    let judgement = errors(MONTH).then(samples).judge();
    let spent = judgement.says.spending().unwrap().spent.unwrap();
    let share = 120.0 / (18.0 * 1200.0 + 240.0);
    let ten_minutes = 10.0 / (30.0 * 24.0 * 60.0);
    assert!((spent - share / 0.001 * ten_minutes).abs() < 1e-9, "{spent}");
}

#[test]
fn a_canary_costs_by_its_share_of_the_requests() {
    let new = Case::of(Kind::ErrorRate).then([counts(12.0, 400.0); 6]);
    let judgement = promised(new.older(counts(0.6, 1200.0), [counts(0.0, 1200.0); 6]), MONTH).judge();
    // 3 % of a quarter of the requests.
    assert!((judgement.says.spending().unwrap().burn - 7.5).abs() < 1e-9, "{}", judgement.sentence());
}

#[test]
fn a_burn_rate_is_a_limit_in_both_of_its_spans() {
    let fast = Objective { red_flag: Some(BurnRate::Fast), ..MONTH };
    // 1.44 % of an hour's requests: 60 % for two minutes, or 3 % for half an hour.
    let red = errors(fast).then([counts(720.0, 1200.0); 4]);
    red.says(
        Level::RedFlag,
        "60 % (2 880 of 4 800 requests), was 0.05 % before the deploy; above 0.1 % for 2 min; \
         600 h of error budget an hour, 2.8 % of the 30 d budget since the deploy; \
         burn rate 20 over 1 h and 240 over 5 min, limit 14.4",
    );
    assert!(red.judge().blames_deploy);
    let slow = |bins: usize| errors(fast).then(vec![counts(36.0, 1200.0); bins]).judge();
    assert_eq!(slow(40).level, Level::Warning, "{}", slow(40).sentence());
    assert_eq!(slow(60).level, Level::RedFlag, "{}", slow(60).sentence());
    // Over is over, however much it was.
    let calm = errors(fast).then([counts(720.0, 1200.0); 4]).then([counts(0.0, 1200.0); 12]).judge();
    assert!(calm.level < Level::RedFlag && burning(&calm).is_none(), "{}", calm.sentence());
    // One error of few requests is chance.
    let thin = errors(fast).then([counts(0.0, 3.0); 10]).then([counts(1.0, 3.0)]).judge();
    assert!(thin.level < Level::Warning, "{}", thin.sentence());
}

#[test]
fn a_burn_rate_that_was_so_before_is_no_red_flag() {
    let fast = Objective { red_flag: Some(BurnRate::Fast), ..MONTH };
    let case = promised(Case::of(Kind::ErrorRate).baseline(counts(24.0, 1200.0)), fast);
    let judgement = case.then([counts(24.0, 1200.0); 20]).judge();
    assert_eq!(judgement.level, Level::Warning, "{}", judgement.sentence());
    let end = "burn rate 20 over 1 h and 20 over 5 min, limit 14.4, already so before the deploy";
    assert!(judgement.sentence().ends_with(end), "{}", judgement.sentence());
    assert!(!judgement.blames_deploy);
}

#[test]
fn a_limit_that_looks_further_back_than_is_known_is_never_ok() {
    for (rate, of) in [(BurnRate::Medium, "6"), (BurnRate::Slow, "1")] {
        for objective in [Objective { warning: Some(rate), ..MONTH }, Objective { red_flag: Some(rate), ..MONTH }] {
            let judgement = errors(objective).then([counts(0.0, 1200.0); 60]).judge();
            assert_eq!(judgement.level, Level::Insufficient, "{}", judgement.sentence());
            let says = format!("burn rate {of}: not enough data, 1 h 30 min of ");
            assert!(judgement.sentence().contains(&says), "{}", judgement.sentence());
        }
    }
    // The hour before the deploy and what came since are the whole hour of the fast one.
    let fast = Objective { red_flag: Some(BurnRate::Fast), ..MONTH };
    assert_eq!(errors(fast).then([counts(0.0, 1200.0); 5]).judge().level, Level::Clear);
}

#[test]
fn what_is_too_much_for_six_hours_whatever_the_rest_was_is_told_at_once() {
    let medium = Objective { red_flag: Some(BurnRate::Medium), ..MONTH };
    // 20 % for twelve minutes are 0.67 % of six hours, if nothing else of them failed.
    let judgement = errors(medium).then([counts(240.0, 1200.0); 24]).judge();
    assert_eq!(judgement.level, Level::RedFlag, "{}", judgement.sentence());
    let Some(Burning::Above { long, .. }) = burning(&judgement) else { panic!("{}", judgement.sentence()) };
    assert!((6.0..7.0).contains(&long), "{long}");
}

#[test]
fn sessions_and_tries_have_a_budget_as_requests_do() {
    let crashing = promised(Case::of(Kind::CrashFree).baseline(Sample::Value(99.9)), Objective { good: 99.5, ..MONTH });
    crashing.values([98.0; 6]).says(
        Level::RedFlag,
        "98 %, was 99.9 % before the deploy; below 99 % for 3 min; \
         4 h of error budget an hour, 0.028 % of the 30 d budget since the deploy",
    );
    let mut probe = promised(Case::of(Kind::Probe).values([90.0; 7]), MONTH);
    probe = probe.then([Sample::Empty; 3]);
    probe.says(
        Level::RedFlag,
        "3 checks in a row failed for 90 s; 300 h of error budget an hour, 3.5 % of the 30 d budget since the deploy",
    );
    promised(Case::of(Kind::Probe).values([90.0; 7]), MONTH).says(Level::Clear, "answers in 90 ms");
}

#[test]
fn what_is_not_known_costs_nothing_and_stays_unknown() {
    let mut case = errors(MONTH).then([counts(30.0, 1200.0); 5]);
    case.now += 3600;
    let judgement = case.judge();
    assert!(judgement.level.is_unknown(), "{}", judgement.sentence());
    assert!(judgement.says.spending().is_none(), "{}", judgement.sentence());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever failed: a limit whose span is not known is passed or not known, never ok; and a cost is what failed.
    #[test]
    fn no_burn_limit_is_ok_that_is_not_known(
        before in prop::collection::vec((0_u32..40, 1_u32..2000), 0..150),
        after in prop::collection::vec((0_u32..40, 1_u32..2000), 1..80),
        rate in prop::sample::select(BurnRate::ALL.to_vec()),
    ) {
        let sample = |(errors, requests): &(u32, u32)| counts(f64::from(*errors.min(requests)), f64::from(*requests));
        let mut case = promised(Case::of(Kind::ErrorRate), Objective { red_flag: Some(rate), ..MONTH });
        let past: Vec<Point> = (1..).zip(&before).map(|(back, bin)| (at(-back * STEP), sample(bin))).collect();
        case.series.insert(&past, at(0));
        let case = case.then(after.iter().map(sample));
        let known = TimeDelta::seconds(STEP) * i32::try_from(before.len() + after.len()).unwrap();
        let judgement = case.judge();
        if !rate.is_known_by(known) {
            prop_assert!(judgement.level != Level::Clear, "{}", judgement.sentence());
        }
        if let Some(spending) = judgement.says.spending() {
            let (failed, asked) = after.iter().fold((0.0, 0.0), |(failed, asked), bin| match sample(bin) {
                Sample::Counts { errors, requests } => (failed + errors, asked + requests),
                _ => (failed, asked),
            });
            let long = STEP as f64 * after.len() as f64 / (30.0 * 86_400.0);
            let spent = failed / asked / 0.001 * long;
            prop_assert!((spending.spent.unwrap() - spent).abs() < 1e-9 * spent.max(1.0), "{:?} {spent}", spending.spent);
        }
    }
}
