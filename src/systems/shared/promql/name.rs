//! What a metric's name says of its unit. Prometheus' own conventions: a base unit at the end, `_total` for counters,
//! `_bucket`, `_sum` and `_count` for histograms; recording rules as `level:metric:operations`.

use super::quantity::{Dimensions, Quantity, Share};

/// What one series of this name is. `resource` is the value of the label of that name, with which kube-state-metrics
/// says what it speaks of.
pub(super) fn of_name(name: &str, resource: Option<&str>) -> Quantity {
    let words: Vec<&str> = name.split([':', '_']).filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| matches!(*word, "ratio")) {
        return Quantity { share: Share::Certain, ..Quantity::plain(Dimensions::NONE, 1.0) };
    }
    if words.iter().any(|word| matches!(*word, "percent" | "percentage" | "pct")) {
        return Quantity { share: Share::Certain, ..Quantity::plain(Dimensions::NONE, 100.0) };
    }
    match name.rsplit_once(':') {
        Some((before, operations)) => recorded(before, operations),
        None => measured(&words, resource),
    }
}

/// A recorded series keeps the unit of what it was made of where its operations say so: quantiles and averages.
fn recorded(before: &str, operations: &str) -> Quantity {
    let keeps = operations.split('_').any(|word| {
        let percentile = word.strip_prefix('p').is_some_and(|rest| !rest.is_empty() && rest.parse::<f64>().is_ok());
        percentile || matches!(word, "quantile" | "avg" | "mean" | "median" | "max" | "min")
    });
    let words: Vec<&str> = before.split([':', '_']).collect();
    if keeps { unit(&words).unwrap_or_default() } else { Quantity::default() }
}

fn measured(words: &[&str], resource: Option<&str>) -> Quantity {
    let count = Quantity::plain(Dimensions::EVENTS, 1.0);
    match words {
        [rest @ .., "bucket"] => Quantity { of_bounds: unit(rest).map(Quantity::measured), ..count },
        [_, .., "count"] => count,
        [_, .., "info"] => Quantity::plain(Dimensions::NONE, 1.0),
        [rest @ .., "total"] => unit(rest).unwrap_or(count),
        [rest @ .., "sum"] => unit(rest).unwrap_or_default(),
        ["kube", "pod", "container", "resource", ..] => match resource {
            Some("cpu") => Quantity::plain(Dimensions::NONE, 1.0),
            Some("memory") => Quantity::plain(Dimensions::BYTES, 1.0),
            _ => Quantity::default(),
        },
        _ => {
            let own = unit(words).unwrap_or_default();
            // A native histogram has the name of its classic one, without `_bucket`.
            Quantity { of_bounds: own.dimensions.map(|_| own.measured()), ..own }
        }
    }
}

/// The unit at the end of a name.
fn unit(words: &[&str]) -> Option<Quantity> {
    Some(match *words.last()? {
        "seconds" => Quantity::plain(Dimensions::SECONDS, 1.0),
        "milliseconds" | "millis" | "ms" | "msec" => Quantity::plain(Dimensions::SECONDS, 1e3),
        "microseconds" | "micros" | "us" | "usec" => Quantity::plain(Dimensions::SECONDS, 1e6),
        "nanoseconds" | "nanos" | "ns" | "nsec" => Quantity::plain(Dimensions::SECONDS, 1e9),
        "bytes" => Quantity::plain(Dimensions::BYTES, 1.0),
        "cores" => Quantity::plain(Dimensions::NONE, 1.0),
        _ => return None,
    })
}
