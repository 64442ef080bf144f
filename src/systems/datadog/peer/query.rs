//! Datadog's metric queries and the arithmetic around them.

use crate::simulated::history::Seconds;
use crate::simulated::metrics::{Metrics, POOL_SIZE};
use std::collections::BTreeMap;

/// A formula or query, ready to be evaluated.
#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Metric(Metric),
    DefaultZero(Box<Expression>),
    Binary(char, Box<Expression>, Box<Expression>),
}

/// `avg:db.pool.utilization{service:app,env:production}.as_count()`.
#[derive(Debug, PartialEq)]
pub(super) struct Metric {
    aggregation: String,
    name: String,
    tags: Vec<String>,
    as_rate: bool,
}

impl Expression {
    /// The value of the bin from `from` to `to`. `None` where nothing is known.
    pub(super) fn value(&self, metrics: &Metrics<'_>, from: Seconds, to: Seconds) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Metric(metric) => metric.value(metrics, from, to),
            Self::DefaultZero(inner) => Some(inner.value(metrics, from, to).unwrap_or(0.0)),
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.value(metrics, from, to)?, right.value(metrics, from, to)?);
                Some(match operator {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                })
            }
        }
    }
}

impl Metric {
    fn value(&self, metrics: &Metrics<'_>, from: Seconds, to: Seconds) -> Option<f64> {
        let tag = |key: &str| self.tags.iter().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'));
        if tag("env").is_some_and(|env| env != "production") {
            return None;
        }
        let services = metrics.services.iter().enumerate();
        let services: Vec<usize> = services
            .filter(|(_, service)| tag("service").is_none_or(|name| name == service.name))
            .map(|(index, _)| index)
            .collect();
        let middle = f64::midpoint(from, to).min(metrics.now);
        let values: Vec<f64> = services
            .into_iter()
            .filter_map(|service| match self.name.as_str() {
                "trace.http.request.hits" => Some(metrics.requests(service, from, to).all),
                // The metric has no point where there was no error.
                "trace.http.request.errors" => {
                    Some(metrics.requests(service, from, to).failed).filter(|count| *count > 0.0)
                }
                "trace.http.request" => {
                    (metrics.requests(service, from, to).all > 0.0).then(|| metrics.latency(service, middle) / 1000.0)
                }
                "db.pool.utilization" => Some(100.0 * metrics.pool(service, middle)),
                "db.pool.in_use" => Some((metrics.pool(service, middle) * POOL_SIZE).round()),
                "db.pool.size" => Some(POOL_SIZE),
                _ => None,
            })
            .collect();
        if values.is_empty() {
            return None;
        }
        let sum: f64 = values.iter().sum();
        let value = match self.aggregation.as_str() {
            "sum" => sum,
            "min" => values.into_iter().fold(f64::NAN, f64::min),
            "max" | "p50" | "p75" | "p90" | "p95" | "p99" => values.into_iter().fold(f64::NAN, f64::max),
            _ => sum / values.len() as f64,
        };
        Some(if self.as_rate { value / (to - from) } else { value })
    }
}

/// Parses a formula, in which names stand for queries, or a query. The error is for people.
pub(super) fn parse(text: &str, names: &BTreeMap<String, String>) -> Result<Expression, String> {
    let mut parser = Parser { text, at: 0, names };
    let expression = parser.sum()?;
    if parser.rest().trim().is_empty() { Ok(expression) } else { Err(parser.error()) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    names: &'a BTreeMap<String, String>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self) -> String {
        format!(
            "Error parsing query: unable to parse {}: Rule 'scope_expr' didn't match at '{}'",
            self.text,
            self.rest()
        )
    }

    fn take(&mut self, wanted: &[char]) -> Option<char> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let letter = self.rest().chars().next().filter(|letter| wanted.contains(letter))?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.atom()?;
        while let Some(operator) = self.take(&['*', '/']) {
            left = Expression::Binary(operator, Box::new(left), Box::new(self.atom()?));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<Expression, String> {
        if self.take(&['(']).is_some() {
            let inner = self.sum()?;
            return self.take(&[')']).map(|_| inner).ok_or_else(|| self.error());
        }
        let length = self.rest().find(|letter: char| !(letter.is_ascii_alphanumeric() || "._:".contains(letter)));
        let word = &self.rest()[..length.unwrap_or(self.rest().len())];
        if word.is_empty() {
            return Err(self.error());
        }
        self.at += word.len();
        if let Ok(number) = word.parse() {
            return Ok(Expression::Number(number));
        }
        if word == "default_zero" && self.take(&['(']).is_some() {
            let inner = self.sum()?;
            self.take(&[')']).ok_or_else(|| self.error())?;
            return Ok(Expression::DefaultZero(Box::new(inner)));
        }
        if let Some(query) = self.names.get(word) {
            // Names stand in formulas only, never in queries.
            return parse(query, &BTreeMap::new());
        }
        let (aggregation, name) = word.split_once(':').ok_or_else(|| self.error())?;
        let mut tags = Vec::new();
        if self.rest().starts_with('{') {
            let end = self.rest().find('}').ok_or_else(|| self.error())?;
            let within = &self.rest()[1..end];
            tags = within
                .split(',')
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty() && tag != "*")
                .collect();
            self.at += end + 1;
        }
        let mut as_rate = false;
        for (suffix, rate) in [(".as_count()", false), (".as_rate()", true)] {
            if self.rest().starts_with(suffix) {
                self.at += suffix.len();
                as_rate = rate;
            }
        }
        Ok(Expression::Metric(Metric { aggregation: aggregation.to_owned(), name: name.to_owned(), tags, as_rate }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn formulas_join_queries_by_name() {
        let names: BTreeMap<String, String> = [
            ("errs".to_owned(), "sum:trace.http.request.errors{service:app}.as_count()".to_owned()),
            ("hits".to_owned(), "sum:trace.http.request.hits{service:app}.as_count()".to_owned()),
        ]
        .into();
        let expression = parse("default_zero(errs) / hits * 100", &names).unwrap();
        assert!(matches!(expression, Expression::Binary('*', _, _)));
        assert!(parse("nope / hits", &names).unwrap_err().contains("didn't match"));
        assert!(parse("avg:db.pool.utilization{service:app", &names).is_err());
    }
}
