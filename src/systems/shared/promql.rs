//! What the text of a PromQL query says of its own answer: the unit, and whether a value grows with its range.
//!
//! Only what is certain: a query that cannot be read (LogQL, MetricsQL's own words) says nothing.

mod functions;
mod name;
mod quantity;
pub(in crate::systems) mod syntax;

use crate::template::Template;
use chrono::TimeDelta;
use promql_parser::parser::{Expr, MatrixSelector, VectorSelector, parse};
use quantity::{Quantity, quantity};
use std::borrow::Cow;
use std::time::Duration;

pub(in crate::systems) use quantity::UnitHint;

/// What stands for `$__interval` while a query is looked at. Nobody writes such a length.
const INTERVAL: Duration = Duration::from_millis(1_000_003);

/// What stands for `$__rate_interval`.
const RATE_INTERVAL: Duration = Duration::from_millis(4_000_037);

/// A longer query is not looked at.
const LONGEST: usize = 20_000;

/// What is known of a query by its text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems) struct Text {
    /// The unit of what it answers.
    pub(in crate::systems) unit_hint: Option<UnitHint>,
    /// How its value grows with the length that `$__interval` stands for: 1 for an increase, 0 for a rate or a share.
    pub(in crate::systems) growth: i32,
    /// Whether it takes two samples of a counter within `$__interval`.
    pub(in crate::systems) counts_over_interval: bool,
    /// Counters of which it takes two samples within a range, in their order.
    pub(in crate::systems) counters: Vec<Counter>,
}

/// A counter that a query reads over a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems) struct Counter {
    /// Its name: `http_requests_total`.
    pub(in crate::systems) name: String,
    /// With its matchers, as it is asked for.
    pub(in crate::systems) selector: String,
}

/// Looks at a query, whose own variables may still stand in it.
pub(in crate::systems) fn look(query: &str) -> Option<Text> {
    if query.len() > LONGEST {
        return None;
    }
    let expr = parse(&fill_lengths(query)).ok()?;
    let mut counters = Vec::new();
    let mut counts_over_interval = false;
    walk(&expr, &mut |call, range| {
        let Some(name) = range.vs.name.clone().filter(|_| takes_two_samples(call)) else { return };
        counts_over_interval |= range.range == INTERVAL;
        let selector = VectorSelector { offset: None, at: None, ..range.vs.clone() }.to_string();
        let counter = Counter { name, selector };
        if !counters.contains(&counter) {
            counters.push(counter);
        }
    });
    let Quantity { growth, .. } = quantity(&expr);
    Some(Text { unit_hint: quantity(&expr).unit_hint(), growth, counts_over_interval, counters })
}

/// A query with lengths in place of Grafana's variables.
fn fill_lengths(query: &str) -> String {
    let length = |length: Duration| Some(Cow::Owned(format!("{}ms", length.as_millis())));
    let number = |number: u128| Some(Cow::Owned(number.to_string()));
    Template::foreign(query).fill_known(|variable| match variable {
        "__interval" => length(INTERVAL),
        "__rate_interval" => length(RATE_INTERVAL),
        "__range" => Some(Cow::Borrowed("1h")),
        "__interval_ms" => number(INTERVAL.as_millis()),
        "__rate_interval_ms" => number(RATE_INTERVAL.as_millis()),
        "__range_s" => Some(Cow::Borrowed("3600")),
        "__range_ms" => Some(Cow::Borrowed("3600000")),
        _ => None,
    })
}

/// Functions that need two samples in their range, or have no value.
fn takes_two_samples(function: &str) -> bool {
    matches!(function, "increase" | "rate" | "irate" | "delta" | "idelta" | "deriv" | "predict_linear")
}

/// Calls `see` with each function and the range that it is given.
fn walk(expr: &Expr, see: &mut impl FnMut(&str, &MatrixSelector)) {
    match expr {
        Expr::Call(call) => {
            for argument in &call.args.args {
                match argument.as_ref() {
                    Expr::MatrixSelector(range) => see(call.func.name, range),
                    other => walk(other, see),
                }
            }
        }
        Expr::Aggregate(aggregate) => {
            walk(&aggregate.expr, see);
            if let Some(parameter) = &aggregate.param {
                walk(parameter, see);
            }
        }
        Expr::Unary(unary) => walk(&unary.expr, see),
        Expr::Paren(paren) => walk(&paren.expr, see),
        Expr::Subquery(subquery) => walk(&subquery.expr, see),
        Expr::Binary(binary) => {
            walk(&binary.lhs, see);
            walk(&binary.rhs, see);
        }
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => {}
    }
}

/// The ranges of counters that are written out in a query and hold fewer than two scrapes of this length.
pub(in crate::systems) fn too_short(filled: &str, scrape: TimeDelta) -> Option<TimeDelta> {
    let expr = (filled.len() <= LONGEST).then(|| parse(filled).ok()).flatten()?;
    let mut shortest: Option<TimeDelta> = None;
    walk(&expr, &mut |call, range| {
        let length = TimeDelta::from_std(range.range).unwrap_or(TimeDelta::MAX);
        if takes_two_samples(call) && length < scrape * 2 && shortest.is_none_or(|known| length < known) {
            shortest = Some(length);
        }
    });
    shortest
}

#[cfg(test)]
mod tests;
