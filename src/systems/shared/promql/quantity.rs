//! Dimensions of a query: what is divided by what, what a constant multiplies, what grows with a range.

use super::INTERVAL;
use super::name::of_name;
use crate::poll::doubt::Measure;
use promql_parser::label::MatchOp;
use promql_parser::parser::{BinaryExpr, Call, Expr, VectorSelector, token};

/// The exponents of seconds, bytes and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimensions {
    seconds: i32,
    bytes: i32,
    events: i32,
}

impl Dimensions {
    pub(super) const NONE: Self = Self { seconds: 0, bytes: 0, events: 0 };
    pub(super) const SECONDS: Self = Self { seconds: 1, ..Self::NONE };
    pub(super) const BYTES: Self = Self { bytes: 1, ..Self::NONE };
    pub(super) const EVENTS: Self = Self { events: 1, ..Self::NONE };

    /// The product with another one, or the quotient with `times` of −1.
    fn with(self, other: Self, times: i32) -> Self {
        Self {
            seconds: self.seconds + times * other.seconds,
            bytes: self.bytes + times * other.bytes,
            events: self.events + times * other.events,
        }
    }
}

/// Whether something is a part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Share {
    /// Nothing says so.
    #[default]
    No,
    /// One series is divided by another, and of one of them the unit is not known.
    Likely,
    /// Both have the same unit; or the name says so.
    Certain,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Quantity {
    /// `None`: not known.
    pub(super) dimensions: Option<Dimensions>,
    /// The number that stands for one base unit: 1000 for milliseconds, 100 for percent. `None`: not known.
    pub(super) per_unit: Option<f64>,
    /// Whether it is a part of a whole.
    pub(super) share: Share,
    /// What the bounds of a histogram are measured in.
    pub(super) of_bounds: Option<Measured>,
    /// See [`super::Text::growth`].
    pub(super) growth: i32,
}

/// Dimensions, and the number that stands for one base unit.
type Measured = (Option<Dimensions>, Option<f64>);

/// The unit that a query's text suggests for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems) enum UnitHint {
    /// The text leaves no other reading.
    Certain(Measure),
    /// Likely, unless the values contradict it.
    Likely(Measure),
}

impl Quantity {
    pub(super) fn plain(dimensions: Dimensions, per_unit: f64) -> Self {
        Self { dimensions: Some(dimensions), per_unit: Some(per_unit), ..Self::default() }
    }

    /// Nothing is known but its growth.
    fn unknown(growth: i32) -> Self {
        Self { growth, ..Self::default() }
    }

    pub(super) fn measured(self) -> Measured {
        (self.dimensions, self.per_unit)
    }

    /// The unit, where it is one that values are read in.
    pub(super) fn unit_hint(self) -> Option<UnitHint> {
        let is = |number: f64| self.per_unit.is_some_and(|own| (own / number - 1.0).abs() < 1e-9);
        let share = || match () {
            () if is(1.0) => Some(Measure::Fraction),
            () if is(100.0) => Some(Measure::Percent),
            () => None,
        };
        match (self.share, self.dimensions) {
            (Share::Certain, _) => share().map(UnitHint::Certain),
            (Share::Likely, _) => share().map(UnitHint::Likely),
            (Share::No, Some(Dimensions::NONE)) if is(1.0) => Some(UnitHint::Certain(Measure::Cores)),
            // Of one event, too: a histogram's sum over its count.
            (Share::No, Some(Dimensions { seconds: 1, bytes: 0, events: 0 | -1 })) => match () {
                () if is(1.0) => Some(UnitHint::Certain(Measure::Seconds)),
                () if is(1e3) => Some(UnitHint::Certain(Measure::Milliseconds)),
                () if is(1e6) => Some(UnitHint::Certain(Measure::Microseconds)),
                () if is(1e9) => Some(UnitHint::Certain(Measure::Nanoseconds)),
                () => None,
            },
            (Share::No, Some(Dimensions::BYTES)) => Some(UnitHint::Certain(Measure::Bytes)),
            (Share::No, _) => None,
        }
    }
}

/// What a query answers. A bare number is `None` of everything, see [`number`].
pub(super) fn quantity(expr: &Expr) -> Quantity {
    match expr {
        Expr::Paren(paren) => quantity(&paren.expr),
        Expr::Unary(unary) => quantity(&unary.expr),
        Expr::Subquery(subquery) => quantity(&subquery.expr),
        Expr::VectorSelector(selector) => of_selector(selector),
        Expr::MatrixSelector(range) => of_selector(&range.vs),
        Expr::Binary(binary) => of_binary(binary),
        Expr::Call(call) => of_call(call),
        Expr::Aggregate(aggregate) => {
            let inner = quantity(&aggregate.expr);
            match aggregate.op.id() {
                token::T_SUM
                | token::T_AVG
                | token::T_MIN
                | token::T_MAX
                | token::T_TOPK
                | token::T_BOTTOMK
                | token::T_QUANTILE
                | token::T_STDDEV => inner,
                token::T_COUNT => Quantity::plain(Dimensions::EVENTS, 1.0),
                _ => Quantity::unknown(inner.growth),
            }
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Quantity::default(),
    }
}

fn of_selector(selector: &VectorSelector) -> Quantity {
    let exactly = |label: &str| {
        let mut matchers = selector.matchers.matchers.iter();
        matchers.find(|matcher| matcher.name == label && matcher.op == MatchOp::Equal)
    };
    let name = selector.name.as_deref().or_else(|| exactly("__name__").map(|matcher| matcher.value.as_str()));
    let Some(name) = name else { return Quantity::default() };
    of_name(name, exactly("resource").map(|matcher| matcher.value.as_str()))
}

/// The value of a constant: a number, or arithmetic of numbers.
fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(literal) => Some(literal.val),
        Expr::Paren(paren) => number(&paren.expr),
        Expr::Unary(unary) => number(&unary.expr).map(|value| -value),
        Expr::Call(call) if call.func.name == "vector" || call.func.name == "scalar" => number(call.args.args.first()?),
        Expr::Binary(binary) => {
            let (left, right) = (number(&binary.lhs)?, number(&binary.rhs)?);
            match binary.op.id() {
                token::T_ADD => Some(left + right),
                token::T_SUB => Some(left - right),
                token::T_MUL => Some(left * right),
                token::T_DIV => Some(left / right),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_binary(binary: &BinaryExpr) -> Quantity {
    let (left, right) = (quantity(&binary.lhs), quantity(&binary.rhs));
    let numbers = (number(&binary.lhs), number(&binary.rhs));
    match (binary.op.id(), numbers) {
        (token::T_MUL, (Some(factor), None)) => times(right, factor),
        (token::T_MUL, (None, Some(factor))) => times(left, factor),
        (token::T_DIV, (None, Some(divisor))) => times(left, 1.0 / divisor),
        (token::T_MUL, (None, None)) => product(left, right),
        (token::T_DIV, (None, None)) => quotient(left, right),
        // 1 - a / b, and what an `or vector(0)` fills up.
        (token::T_ADD | token::T_SUB | token::T_LOR, (Some(_), None)) => right,
        (token::T_ADD | token::T_SUB | token::T_LOR, (None, Some(_))) | (token::T_LAND | token::T_LUNLESS, _) => left,
        (token::T_ADD | token::T_SUB | token::T_LOR, (None, None)) => same(left, right),
        (operator, _) if is_comparison(operator) && !binary.return_bool() => {
            if numbers.0.is_some() {
                right
            } else {
                left
            }
        }
        _ => Quantity::unknown(0),
    }
}

const fn is_comparison(operator: token::TokenId) -> bool {
    matches!(operator, token::T_EQLC | token::T_NEQ | token::T_GTR | token::T_LSS | token::T_GTE | token::T_LTE)
}

fn times(quantity: Quantity, factor: f64) -> Quantity {
    // The length of an interval as a number makes a rate of a count, or the other way round: nothing is known then.
    let millis = INTERVAL.as_millis() as f64;
    if [millis, 1.0 / millis, millis / 1000.0, 1000.0 / millis].iter().any(|of| (factor / of - 1.0).abs() < 1e-9) {
        return Quantity::default();
    }
    Quantity { per_unit: quantity.per_unit.map(|own| own * factor), ..quantity }
}

fn product(left: Quantity, right: Quantity) -> Quantity {
    Quantity {
        dimensions: left.dimensions.zip(right.dimensions).map(|(left, right)| left.with(right, 1)),
        per_unit: left.per_unit.zip(right.per_unit).map(|(left, right)| left * right),
        growth: left.growth + right.growth,
        ..Quantity::default()
    }
}

fn quotient(left: Quantity, right: Quantity) -> Quantity {
    let share = match (left.dimensions, right.dimensions) {
        (Some(left), Some(right)) if left == right => Share::Certain,
        (Some(_), Some(_)) => Share::No,
        _ => Share::Likely,
    };
    // Of an unknown pair the constants alone are known: 100 * a / b is percent whatever a and b are.
    let constant = |quantity: Quantity| match quantity.dimensions {
        Some(_) => quantity.per_unit,
        None => quantity.per_unit.or(Some(1.0)),
    };
    Quantity {
        dimensions: left.dimensions.zip(right.dimensions).map(|(left, right)| left.with(right, -1)),
        per_unit: constant(left).zip(constant(right)).map(|(left, right)| left / right),
        share,
        growth: left.growth - right.growth,
        ..Quantity::default()
    }
}

/// What is known of both of two that are added, or of which either may come.
fn same(left: Quantity, right: Quantity) -> Quantity {
    let growth = left.growth.max(right.growth);
    if left.measured() == right.measured() && left.share == right.share {
        Quantity { growth, ..left }
    } else {
        Quantity::unknown(growth)
    }
}

fn of_call(call: &Call) -> Quantity {
    let arguments = &call.args.args;
    let at = |place: usize| arguments.get(place).map(|argument| quantity(argument)).unwrap_or_default();
    let over_interval = |place: usize| {
        let is_interval = match arguments.get(place).map(AsRef::as_ref) {
            Some(Expr::MatrixSelector(range)) => range.range == INTERVAL,
            Some(Expr::Subquery(subquery)) => subquery.range == INTERVAL,
            _ => false,
        };
        i32::from(is_interval)
    };
    match call.func.name {
        "rate" | "irate" | "deriv" => {
            let inner = at(0);
            let dimensions = inner.dimensions.map(|own| own.with(Dimensions::SECONDS, -1));
            Quantity { dimensions, share: Share::No, ..inner }
        }
        "increase" | "delta" => Quantity { growth: at(0).growth + over_interval(0), ..at(0) },
        "sum_over_time" => Quantity::unknown(at(0).growth + over_interval(0)),
        "count_over_time" => Quantity { growth: over_interval(0), ..Quantity::plain(Dimensions::EVENTS, 1.0) },
        // Of a native histogram: what an increase of it counts, and sums up.
        "histogram_count" | "histogram_sum" => Quantity::unknown(at(0).growth),
        "changes" | "resets" => Quantity::plain(Dimensions::EVENTS, 1.0),
        "histogram_quantile" => {
            let (dimensions, per_unit) = at(1).of_bounds.unwrap_or_default();
            Quantity { dimensions, per_unit, ..Quantity::default() }
        }
        "quantile_over_time" => at(1),
        "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" | "idelta" | "abs" | "ceil"
        | "floor" | "round" | "clamp" | "clamp_min" | "clamp_max" | "sort" | "sort_desc" | "label_replace"
        | "label_join" | "scalar" | "vector" | "predict_linear" => at(0),
        "time" | "timestamp" => Quantity::plain(Dimensions::SECONDS, 1.0),
        _ => Quantity::unknown(0),
    }
}
