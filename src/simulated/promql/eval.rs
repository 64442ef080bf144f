//! Trees in, series out: every node over the whole grid at once.

use super::parse::{Aggregation, Node, Operator, OverTime};
use super::series::{Labels, Source, find};
use crate::simulated::history::Seconds;
use crate::simulated::metrics::Metrics;
use std::collections::BTreeMap;

/// How far apart samples are, and how long after full quarters of a minute they are taken.
const SCRAPE: Seconds = 15.0;
const OFFSET: Seconds = 4.0;

/// No sample is older than this.
const KEPT: Seconds = 86_400.0;

/// The moments that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid(pub(crate) Vec<Seconds>);

impl Grid {
    /// From a moment to another, both included.
    pub(crate) fn range(from: Seconds, to: Seconds, step: Seconds) -> Self {
        let count = ((to - from) / step + 1e-9).floor();
        Self((0..=count.max(0.0) as i64).map(|place| from + place as f64 * step).collect())
    }
}

/// A series over a grid. `None` where it has no sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<Option<f64>>,
}

/// What a query evaluates to.
pub(crate) fn evaluate(node: &Node, metrics: &Metrics<'_>, grid: &Grid) -> Vec<Series> {
    match value(node, metrics, grid) {
        Value::Number(number) => vec![Series { labels: Labels::new(), values: vec![Some(number); grid.0.len()] }],
        Value::Vector(mut series) => {
            series.retain(|series| series.values.iter().any(Option::is_some));
            series
        }
    }
}

enum Value {
    Number(f64),
    Vector(Vec<Series>),
}

impl Value {
    fn into_vector(self, grid: &Grid) -> Vec<Series> {
        match self {
            Self::Number(number) => vec![Series { labels: Labels::new(), values: vec![Some(number); grid.0.len()] }],
            Self::Vector(series) => series,
        }
    }
}

fn value(node: &Node, metrics: &Metrics<'_>, grid: &Grid) -> Value {
    match node {
        Node::Number(number) => Value::Number(*number),
        Node::Vector(inner) => Value::Vector(value(inner, metrics, grid).into_vector(grid)),
        Node::Selector { metric, matchers, .. } => Value::Vector(
            find(metrics, metric, matchers)
                .into_iter()
                .map(|source| {
                    let values = grid.0.iter().map(|at| source.at(metrics, *at)).collect();
                    Series { labels: source.labels, values }
                })
                .collect(),
        ),
        Node::OverTime { function, inner } => Value::Vector(over_time(*function, inner, metrics, grid)),
        Node::Quantile { quantile, buckets } => {
            let Value::Number(quantile) = value(quantile, metrics, grid) else { return Value::Vector(Vec::new()) };
            Value::Vector(quantiles(quantile, &value(buckets, metrics, grid).into_vector(grid), grid))
        }
        Node::Aggregate { by, keep, without, inner } => {
            let series = value(inner, metrics, grid).into_vector(grid);
            Value::Vector(aggregate(*by, keep, *without, series, grid))
        }
        Node::Binary { operator, left, right } => {
            binary(*operator, value(left, metrics, grid), value(right, metrics, grid), grid)
        }
    }
}

fn over_time(function: OverTime, inner: &Node, metrics: &Metrics<'_>, grid: &Grid) -> Vec<Series> {
    let Node::Selector { metric, matchers, range: Some(range) } = inner else { return Vec::new() };
    find(metrics, metric, matchers)
        .into_iter()
        .map(|source| {
            let one = |at: &Seconds| match function {
                OverTime::Increase => increase(&source, metrics, *range, *at),
                OverTime::Rate => increase(&source, metrics, *range, *at).map(|increase| increase / range),
                OverTime::Count => {
                    let count = scrapes(*range, *at).filter(|scrape| source.is_scraped(metrics, *scrape)).count();
                    (count > 0).then_some(count as f64)
                }
                OverTime::Average | OverTime::Maximum | OverTime::Minimum => {
                    let taken = scrapes(*range, *at).filter(|scrape| source.is_scraped(metrics, *scrape));
                    let samples: Vec<f64> = taken.filter_map(|scrape| source.at(metrics, scrape)).collect();
                    match function {
                        OverTime::Maximum => samples.into_iter().reduce(f64::max),
                        OverTime::Minimum => samples.into_iter().reduce(f64::min),
                        _ => (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64),
                    }
                }
            };
            let values = grid.0.iter().map(one).collect();
            let mut labels = source.labels;
            labels.remove("__name__");
            Series { labels, values }
        })
        .collect()
}

/// When samples were taken in a range: after its beginning, as Prometheus 3 has it, and up to its end.
fn scrapes(range: Seconds, at: Seconds) -> impl DoubleEndedIterator<Item = Seconds> {
    let place = |moment: Seconds| ((moment - OFFSET) / SCRAPE).floor() as i64;
    (place(at - range.min(KEPT)) + 1..=place(at)).map(|place| place as f64 * SCRAPE + OFFSET)
}

/// As Prometheus: between the first and the last sample in the range, stretched to its ends where they are no further
/// than a scrape away. Of fewer than two samples there is none.
fn increase(source: &Source<'_>, metrics: &Metrics<'_>, range: Seconds, at: Seconds) -> Option<f64> {
    let taken = || scrapes(range, at).filter(|scrape| source.is_scraped(metrics, *scrape));
    let (first, last) = (taken().next()?, taken().next_back()?);
    let sampled = last - first;
    if sampled <= 0.0 {
        return None;
    }
    let stretch = |gap: Seconds| if gap < 1.1 * SCRAPE { gap } else { SCRAPE / 2.0 };
    let whole = stretch(first - (at - range)) + sampled + stretch(at - last);
    Some(source.increase(metrics, first, last)? * whole / sampled)
}

fn grouped(series: Vec<Series>, key: impl Fn(&Labels) -> Labels) -> BTreeMap<Labels, Vec<Series>> {
    let mut groups: BTreeMap<Labels, Vec<Series>> = BTreeMap::new();
    for one in series {
        groups.entry(key(&one.labels)).or_default().push(one);
    }
    groups
}

fn aggregate(by: Aggregation, keep: &[String], without: bool, series: Vec<Series>, grid: &Grid) -> Vec<Series> {
    let key = |labels: &Labels| {
        let kept = |name: &String| keep.contains(name) != without && name != "__name__";
        labels.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let combine = |members: &[Series], place: usize| {
        let values: Vec<f64> = members.iter().filter_map(|member| member.values[place]).collect();
        if values.is_empty() {
            return None;
        }
        let sum: f64 = values.iter().sum();
        Some(match by {
            Aggregation::Sum => sum,
            Aggregation::Average => sum / values.len() as f64,
            Aggregation::Count => values.len() as f64,
            Aggregation::Maximum => values.into_iter().fold(f64::NAN, f64::max),
            Aggregation::Minimum => values.into_iter().fold(f64::NAN, f64::min),
        })
    };
    grouped(series, key)
        .into_iter()
        .map(|(labels, members)| {
            let values = (0..grid.0.len()).map(|place| combine(&members, place)).collect();
            Series { labels, values }
        })
        .collect()
}

/// As Prometheus: linear within the bucket, not a number without observations.
fn quantiles(quantile: f64, series: &[Series], grid: &Grid) -> Vec<Series> {
    let bound = |series: &Series| match series.labels.get("le").map(String::as_str) {
        Some("+Inf") => Some(f64::INFINITY),
        Some(text) => text.parse().ok(),
        None => None,
    };
    let without_le = |labels: &Labels| {
        let mut labels = labels.clone();
        labels.remove("le");
        labels.remove("__name__");
        labels
    };
    grouped(series.to_vec(), without_le)
        .into_iter()
        .map(|(labels, members)| {
            let mut buckets: Vec<(f64, &Series)> =
                members.iter().filter_map(|member| Some((bound(member)?, member))).collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let one = |place: usize| {
                let counts: Vec<(f64, f64)> =
                    buckets.iter().filter_map(|(bound, member)| Some((*bound, member.values[place]?))).collect();
                let (_, total) = counts.last().filter(|(bound, _)| bound.is_infinite())?;
                if *total <= 0.0 {
                    return Some(f64::NAN);
                }
                let rank = quantile * total;
                let place = counts.iter().position(|(_, count)| *count >= rank)?;
                let (start, below) = if place == 0 { (0.0, 0.0) } else { counts[place - 1] };
                let (end, count) = counts[place];
                if end.is_infinite() {
                    return Some(start);
                }
                Some(start + (end - start) * (rank - below) / (count - below))
            };
            Series { labels, values: (0..grid.0.len()).map(one).collect() }
        })
        .collect()
}

fn binary(operator: Operator, left: Value, right: Value, grid: &Grid) -> Value {
    let calculate = |a: f64, b: f64| match operator {
        Operator::Plus => a + b,
        Operator::Minus => a - b,
        Operator::Times => a * b,
        Operator::Over => a / b,
        Operator::Or => a,
    };
    let nameless = |mut series: Series| {
        series.labels.remove("__name__");
        series
    };
    let each = |series: Vec<Series>, with: &dyn Fn(f64) -> f64| {
        let change = |mut series: Series| {
            series.values.iter_mut().for_each(|value| *value = value.map(with));
            nameless(series)
        };
        Value::Vector(series.into_iter().map(change).collect())
    };
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Value::Number(calculate(a, b)),
        (left, right) if operator == Operator::Or => {
            let mut all = left.into_vector(grid);
            let key = |series: &Series| nameless(series.clone()).labels;
            let extra: Vec<Series> = right
                .into_vector(grid)
                .into_iter()
                .filter(|series| all.iter().all(|known| key(known) != key(series)))
                .collect();
            all.extend(extra);
            Value::Vector(all)
        }
        (Value::Vector(series), Value::Number(number)) => each(series, &|value| calculate(value, number)),
        (Value::Number(number), Value::Vector(series)) => each(series, &|value| calculate(number, value)),
        (Value::Vector(left), Value::Vector(right)) => {
            let right: BTreeMap<Labels, Series> =
                right.into_iter().map(nameless).map(|series| (series.labels.clone(), series)).collect();
            let joined = left.into_iter().map(nameless).filter_map(|mut series| {
                let other = right.get(&series.labels)?;
                for (value, other) in series.values.iter_mut().zip(&other.values) {
                    *value = value.zip(*other).map(|(a, b)| calculate(a, b));
                }
                Some(series)
            });
            Value::Vector(joined.collect())
        }
    }
}
