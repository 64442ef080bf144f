//! Units that fit, and units that do not.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::deploy::ServiceId;
use crate::systems::questions::Meaning;
use crate::systems::shared::promql::look;
use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

const SHARE: &str = "sum(rate(e_total[5m])) / sum(rate(r_total[5m]))";
const PERCENT: &str = "100 * sum(rate(e_total[5m])) / sum(rate(r_total[5m]))";
const QUANTILE: &str = "histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))";
const OPAQUE: &str = "shop:whatever";

fn bins(values: &[f64]) -> Bins {
    let at = |place: usize| DateTime::from_timestamp(1_700_000_000 + i64::try_from(place).unwrap(), 0).unwrap();
    values.iter().enumerate().map(|(place, value)| (at(place), Some(*value))).collect()
}

fn query(text: &str, unit: Unit, scale: f64, unit_is_stated: bool) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(0),
        service: ServiceId(0),
        expr: Expr::Value(text.to_owned()),
        step: TimeDelta::seconds(15),
        scale,
        meaning: Meaning { unit, unit_is_stated, required: true },
        scrape: None,
    }
}

fn told(query: &SeriesQuery, carried: Option<Measure>, values: &[f64]) -> Result<f64, UnitDoubt> {
    let Expr::Value(text) = &query.expr else { unreachable!("these are values") };
    match Units::default().scale(query, &[look(text)], carried, &bins(values)) {
        Ok(scale) => Ok(scale),
        Err(SourceError::Unit(doubt)) => Err(doubt),
        Err(other) => unreachable!("{other}"),
    }
}

fn doubt(read_as: Measure, seems: Measure, evidence: Evidence) -> Result<f64, UnitDoubt> {
    Err(UnitDoubt { read_as, seems, evidence })
}

#[test]
fn a_share_that_is_read_as_percent_is_not_known_and_percent_below_one_is() {
    use Measure::{Fraction, Percent};
    let values = [0.0002, 0.05];
    for stated in [false, true] {
        let share = query(SHARE, Unit::Percent, 1.0, stated);
        assert_eq!(told(&share, None, &values), doubt(Percent, Fraction, Evidence::Query));
        assert_eq!(told(&query(PERCENT, Unit::Percent, 1.0, stated), None, &values), Ok(1.0));
        let twice = query(PERCENT, Unit::Percent, 100.0, stated);
        assert_eq!(told(&twice, None, &values), doubt(Fraction, Percent, Evidence::Query));
        assert_eq!(told(&query(SHARE, Unit::Percent, 100.0, stated), None, &values), Ok(100.0));
    }
}

#[test]
fn where_the_text_says_nothing_small_values_ask_for_a_word() {
    use Measure::{Fraction, Milliseconds, Percent, Seconds};
    let error_rate = |stated| query(OPAQUE, Unit::Percent, 1.0, stated);
    assert_eq!(told(&error_rate(false), None, &[0.0002, 0.05]), doubt(Percent, Fraction, Evidence::Small));
    assert_eq!(told(&error_rate(true), None, &[0.0002, 0.05]), Ok(1.0), "somebody said so");
    assert_eq!(told(&error_rate(false), None, &[0.0, 0.0]), Ok(1.0), "zero is zero in every unit");
    assert_eq!(told(&error_rate(false), None, &[0.2, 3.0]), Ok(1.0), "no fraction is above 1");
    let latency = |stated| query(OPAQUE, Unit::Milliseconds, 1.0, stated);
    assert_eq!(told(&latency(false), None, &[0.18, 0.2, 4.2]), doubt(Milliseconds, Seconds, Evidence::Small));
    assert_eq!(told(&latency(true), None, &[0.18, 0.2, 4.2]), Ok(1.0));
    assert_eq!(told(&latency(false), None, &[180.0, 0.9]), Ok(1.0));
}

#[test]
fn seconds_and_bytes_are_known_by_their_names() {
    use Measure::{Bytes, Milliseconds, Percent, Seconds};
    let latency = query(QUANTILE, Unit::Milliseconds, 1.0, true);
    assert_eq!(told(&latency, None, &[0.18]), doubt(Milliseconds, Seconds, Evidence::Query));
    assert_eq!(told(&query(QUANTILE, Unit::Milliseconds, 1000.0, true), None, &[0.18]), Ok(1000.0));
    let memory = query("max(container_memory_working_set_bytes)", Unit::Percent, 1.0, true);
    assert_eq!(told(&memory, None, &[4.2e8]), doubt(Percent, Bytes, Evidence::Query));
    let opaque = query(OPAQUE, Unit::Percent, 1.0, true);
    assert_eq!(told(&opaque, None, &[4.2e8]), doubt(Percent, Bytes, Evidence::Huge));
}

#[test]
fn of_two_series_nobody_knows_the_values_decide() {
    let pool = query("max(in_use / most)", Unit::Percent, 1.0, true);
    assert_eq!(told(&pool, None, &[0.4]), doubt(Measure::Percent, Measure::Fraction, Evidence::Query));
    assert_eq!(told(&pool, None, &[40.0, 0.5]), Ok(1.0));
}

#[test]
fn a_unit_that_the_answer_carries_is_used_or_contradicted() {
    use Measure::{Bytes, Milliseconds, Nanoseconds, Seconds};
    let silent = query(OPAQUE, Unit::Milliseconds, 1.0, false);
    assert_eq!(told(&silent, Some(Seconds), &[0.18]), Ok(1000.0));
    assert_eq!(told(&silent, Some(Nanoseconds), &[1.8e8]), Ok(1e-6));
    assert_eq!(told(&silent, Some(Milliseconds), &[0.18]), Ok(1.0), "the answer says so");
    let stated = query(OPAQUE, Unit::Milliseconds, 1.0, true);
    assert_eq!(told(&stated, Some(Seconds), &[0.18]), doubt(Milliseconds, Seconds, Evidence::Answer));
    assert_eq!(told(&silent, Some(Bytes), &[1.0]), doubt(Milliseconds, Bytes, Evidence::Answer));
}

#[test]
fn the_doubt_does_not_end_with_the_first_answer() {
    let units = Units::default();
    let query = query(OPAQUE, Unit::Percent, 1.0, false);
    let scale = |values: &[f64]| units.scale(&query, &[None], None, &bins(values));
    assert!(scale(&[0.02, 0.03]).is_err());
    assert!(scale(&[]).is_err(), "an empty answer proves nothing");
    assert!(scale(&[0.0]).is_err());
    assert!(scale(&[2.0]).is_ok(), "above 1: no fraction");
    assert!(scale(&[0.02]).is_ok(), "and it stays none");
}

proptest! {
    /// Whatever the values: a query that says what it answers is never read as something else.
    #[test]
    fn values_never_overrule_what_the_text_says(values in prop::collection::vec(-1e9_f64..1e9, 0..20), stated: bool) {
        prop_assert!(told(&query(SHARE, Unit::Percent, 1.0, stated), None, &values).is_err());
        prop_assert_eq!(told(&query(SHARE, Unit::Percent, 100.0, stated), None, &values), Ok(100.0));
        prop_assert!(told(&query(QUANTILE, Unit::Milliseconds, 1.0, stated), None, &values).is_err());
    }
}
