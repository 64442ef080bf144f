//! A series as Prometheus, and whatever took its API for a model, writes it: epoch seconds, and numbers in quotes.

use super::series::Bins;
use chrono::DateTime;
use serde::Deserialize;
use serde::de::{Deserializer, Unexpected, Visitor};
use std::fmt;

/// One point: epoch seconds, and a number.
pub(in crate::systems) type Pair = (f64, Number);

/// A number in quotes: `"1e+06"`, `"NaN"`, `"+Inf"`.
pub(in crate::systems) struct Number(f64);

/// The points as bins; points with an invalid timestamp are left out.
pub(in crate::systems) fn bins(points: Vec<Pair>) -> Bins {
    let bin = |(at, value): Pair| Some((DateTime::from_timestamp_millis((at * 1000.0).round() as i64)?, Some(value.0)));
    points.into_iter().filter_map(bin).collect()
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Quoted;
        impl Visitor<'_> for Quoted {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Quoted)
    }
}
