//! Whether values can be meant as they are read: what a configuration states is believed in a watch, and doubted here.

use crate::poll::doubt::Measure;
use crate::signal::Unit;
use crate::systems::questions::{Expr, SeriesQuery};
use crate::systems::shared::promql::UnitHint;
use crate::systems::shared::scrape::Scrapes;
use crate::systems::shared::series::texts;

/// A latency of a minute is one that was in milliseconds before it was multiplied.
const A_MINUTE: f64 = 60_000.0;

/// Why a query is hardly meant so, with the way out.
pub(super) fn doubt(query: &SeriesQuery, scrapes: Option<&Scrapes>, values: &[f64]) -> Option<String> {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let as_it_is = (query.scale - 1.0).abs() < f64::EPSILON;
    let counted = matches!(query.expr, Expr::Counts { .. });
    let text = scrapes.and_then(|scrapes| scrapes.texts(query.signal).first()?.as_ref());
    let sure_of_percent = text.is_some_and(|text| {
        matches!(text.unit_hint, Some(UnitHint::Certain(Measure::Percent) | UnitHint::Likely(Measure::Percent)))
    });
    let says = match query.meaning.unit {
        Unit::Percent if most > 100.0 && counted => {
            "above 100 %: `errors` counts what `requests` does not; give both the same labels"
        }
        Unit::Percent if most > 100.0 && !as_it_is => {
            "above 100 %: it is no fraction; leave `unit` out if it is percent"
        }
        Unit::Percent if most > 100.0 => "above 100 %: it is no percent; say with `unit` what the query answers",
        Unit::Percent if as_it_is && !counted && !sure_of_percent && most > 0.0 && most <= 1.0 => {
            "never above 1 %: if the query answers 0 to 1, set unit = \"fraction\""
        }
        Unit::Milliseconds if as_it_is && most > 0.0 && most < 1.0 => {
            "always below 1 ms: if the query answers in seconds, set unit = \"s\""
        }
        Unit::Milliseconds if !as_it_is && least >= A_MINUTE => {
            "always above a minute: if the query answers in milliseconds, leave `unit` out"
        }
        unit => return by_its_names(query, text.is_some(), unit),
    };
    Some(says.to_owned())
}

/// What the names in a query say against its unit, where its text as a whole says nothing: it is not PromQL.
fn by_its_names(query: &SeriesQuery, is_read: bool, unit: Unit) -> Option<String> {
    if is_read || (query.scale - 1.0).abs() > f64::EPSILON || matches!(query.expr, Expr::Counts { .. }) {
        return None;
    }
    let text = texts(&query.expr).concat();
    let has = |word: &str| text.contains(word) && !text.contains('/');
    match unit {
        Unit::Percent if has("_bytes") => Some("the query reads bytes, not percent: set unit = \"bytes\"".to_owned()),
        Unit::Percent if has("_seconds") => {
            Some("the query reads seconds, not percent: divide by the whole".to_owned())
        }
        Unit::Milliseconds if has("_seconds") && !text.contains("1000") => {
            Some("the query reads seconds: set unit = \"s\"".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::ServiceId;
    use crate::signal::SignalId;
    use crate::systems::questions::Meaning;
    use chrono::TimeDelta;

    fn said(expr: Expr, unit: Unit, scale: f64, values: &[f64]) -> Option<String> {
        let meaning = Meaning { unit, unit_is_stated: true, required: true };
        let query = SeriesQuery {
            signal: SignalId(0),
            service: ServiceId(0),
            expr,
            step: TimeDelta::seconds(30),
            scale,
            meaning,
            scrape: None,
        };
        let scrapes = Scrapes::of(std::slice::from_ref(&query), false);
        doubt(&query, Some(&scrapes), values)
    }

    fn query(text: &str) -> Expr {
        Expr::Value(text.to_owned())
    }

    #[test]
    fn what_cannot_be_meant_is_warned_of() {
        let begins = |said: Option<String>, with: &str| {
            assert!(said.as_ref().is_some_and(|said| said.starts_with(with)), "{said:?}");
        };
        begins(said(query("a"), Unit::Percent, 1.0, &[0.2, 0.9]), "never above 1 %");
        begins(said(query("a"), Unit::Percent, 1.0, &[20.0, 120.0]), "above 100 %: it is no percent");
        begins(said(query("a"), Unit::Percent, 100.0, &[4_500.0]), "above 100 %: it is no fraction");
        let counts = Expr::Counts { errors: "a".to_owned(), requests: "b".to_owned() };
        begins(said(counts.clone(), Unit::Percent, 1.0, &[140.0]), "above 100 %: `errors` counts");
        begins(said(query("a"), Unit::Milliseconds, 1.0, &[0.2, 0.4]), "always below 1 ms");
        begins(said(query("a"), Unit::Milliseconds, 1000.0, &[450_000.0]), "always above a minute");
        begins(said(query("max:system.mem_bytes{*}"), Unit::Percent, 1.0, &[4.0]), "the query reads bytes");
        begins(said(query("avg:request_seconds{*}"), Unit::Milliseconds, 1.0, &[4.0]), "the query reads seconds");
        for fine in [
            said(counts, Unit::Percent, 1.0, &[0.04]),
            said(
                query("100 * sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))"),
                Unit::Percent,
                1.0,
                &[0.04],
            ),
            said(query("a"), Unit::Percent, 1.0, &[0.0, 0.0]),
            said(query("a"), Unit::Percent, 1.0, &[0.4, 40.0]),
            said(query("a"), Unit::Milliseconds, 1000.0, &[450.0]),
            said(query("a"), Unit::Number, 1.0, &[1e9]),
        ] {
            assert_eq!(fine, None);
        }
    }
}
