//! `PromQL` in, tree out.

use crate::simulated::history::Seconds;
use thiserror::Error;

/// Why a query is no query, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("1:{place}: parse error: {text}")]
pub(crate) struct ParseError {
    place: usize,
    text: String,
}

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Selector {
        metric: String,
        matchers: Vec<Matcher>,
        range: Option<Seconds>,
    },
    /// A function of a range of each series.
    OverTime {
        function: OverTime,
        inner: Box<Node>,
    },
    Quantile {
        quantile: Box<Node>,
        buckets: Box<Node>,
    },
    /// A number as a series without labels.
    Vector(Box<Node>),
    Aggregate {
        by: Aggregation,
        keep: Vec<String>,
        without: bool,
        inner: Box<Node>,
    },
    Binary {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
}

/// Functions of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverTime {
    Rate,
    Increase,
    Average,
    Maximum,
    Minimum,
    Count,
}

/// How series become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Average,
    Maximum,
    Minimum,
    Count,
}

/// Between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Or,
}

/// A condition on a label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) is_pattern: bool,
    pub(crate) negated: bool,
}

/// Parses a query.
pub(crate) fn parse(query: &str) -> Result<Node, ParseError> {
    let mut parser = Parser { text: query.as_bytes(), at: 0 };
    let node = parser.either()?;
    parser.blank();
    if let Some(letter) = parser.peek() {
        return Err(parser.error(format!("unexpected character: '{}'", char::from(letter))));
    }
    Ok(node)
}

/// A Prometheus duration (`1m30s`, `500ms`) or plain seconds.
pub(crate) fn duration(text: &str) -> Option<Seconds> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = match rest {
            unit if unit.starts_with("ms") => (0.001, 2),
            unit if unit.starts_with('s') => (1.0, 1),
            unit if unit.starts_with('m') => (60.0, 1),
            unit if unit.starts_with('h') => (3600.0, 1),
            unit if unit.starts_with('d') => (86_400.0, 1),
            unit if unit.starts_with('w') => (604_800.0, 1),
            _ => return None,
        };
        total += number * unit;
        rest = &rest[length..];
    }
    (!text.is_empty()).then_some(total)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn error(&self, text: impl Into<String>) -> ParseError {
        ParseError { place: self.at + 1, text: text.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|letter| letter.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, letter: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(letter);
        self.at += usize::from(found);
        found
    }

    fn close(&mut self) -> Result<(), ParseError> {
        if self.take(b')') { Ok(()) } else { Err(self.error("unclosed left parenthesis")) }
    }

    fn word(&mut self) -> String {
        self.blank();
        let from = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b':')) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[from..self.at]).into_owned()
    }

    fn either(&mut self) -> Result<Node, ParseError> {
        let mut left = self.sum()?;
        loop {
            let before = self.at;
            if self.word() != "or" {
                self.at = before;
                return Ok(left);
            }
            left = binary(Operator::Or, left, self.sum()?);
        }
    }

    fn sum(&mut self) -> Result<Node, ParseError> {
        let mut left = self.product()?;
        loop {
            let operator = if self.take(b'+') {
                Operator::Plus
            } else if self.take(b'-') {
                Operator::Minus
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Node, ParseError> {
        let mut left = self.atom()?;
        loop {
            let operator = if self.take(b'*') {
                Operator::Times
            } else if self.take(b'/') {
                Operator::Over
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.atom()?);
        }
    }

    fn atom(&mut self) -> Result<Node, ParseError> {
        self.blank();
        match self.peek() {
            None => Err(self.error("unexpected end of input")),
            Some(b'(') => {
                self.at += 1;
                let inner = self.either()?;
                self.close()?;
                Ok(inner)
            }
            Some(b'-') => {
                self.at += 1;
                Ok(binary(Operator::Times, Node::Number(-1.0), self.atom()?))
            }
            Some(letter) if letter.is_ascii_digit() || letter == b'.' => self.number(),
            Some(letter) if letter.is_ascii_alphabetic() || matches!(letter, b'_' | b':' | b'{') => self.named(),
            Some(letter) => Err(self.error(format!("unexpected character: '{}'", char::from(letter)))),
        }
    }

    fn number(&mut self) -> Result<Node, ParseError> {
        let from = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == b'.') {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        text.parse().map(Node::Number).map_err(|_| {
            self.at = from;
            self.error(format!("bad number or duration syntax: \"{text}\""))
        })
    }

    fn named(&mut self) -> Result<Node, ParseError> {
        let from = self.at;
        let name = self.word();
        if let Some(by) = aggregation(&name) {
            return self.aggregate(by);
        }
        if !self.take(b'(') {
            return if name.eq_ignore_ascii_case("nan") { Ok(Node::Number(f64::NAN)) } else { self.selector(name) };
        }
        let function = match name.as_str() {
            "rate" => OverTime::Rate,
            "increase" => OverTime::Increase,
            "avg_over_time" => OverTime::Average,
            "max_over_time" => OverTime::Maximum,
            "min_over_time" => OverTime::Minimum,
            "count_over_time" => OverTime::Count,
            "histogram_quantile" => {
                let quantile = Box::new(self.either()?);
                if !self.take(b',') {
                    return Err(self.error("expected 2 argument(s) in call to \"histogram_quantile\", got 1"));
                }
                let buckets = Box::new(self.either()?);
                self.close()?;
                return Ok(Node::Quantile { quantile, buckets });
            }
            "vector" => {
                let inner = Box::new(self.either()?);
                self.close()?;
                return Ok(Node::Vector(inner));
            }
            _ => {
                self.at = from;
                return Err(self.error(format!("unknown function with name \"{name}\"")));
            }
        };
        let inner = self.either()?;
        self.close()?;
        if !matches!(inner, Node::Selector { range: Some(_), .. }) {
            self.at = from;
            let got = format!("expected type range vector in call to function \"{name}\", got instant vector");
            return Err(self.error(got));
        }
        Ok(Node::OverTime { function, inner: Box::new(inner) })
    }

    fn aggregate(&mut self, by: Aggregation) -> Result<Node, ParseError> {
        let mut grouping = self.grouping()?;
        if !self.take(b'(') {
            return Err(self.error("unexpected end of aggregation, expected \"(\""));
        }
        let inner = Box::new(self.either()?);
        self.close()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (without, keep) = grouping.unwrap_or_default();
        Ok(Node::Aggregate { by, keep, without, inner })
    }

    /// `by (a, b)` or `without (a, b)`.
    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, ParseError> {
        let before = self.at;
        let word = self.word();
        if !matches!(word.as_str(), "by" | "without") {
            self.at = before;
            return Ok(None);
        }
        if !self.take(b'(') {
            return Err(self.error("unexpected character in grouping opts, expected \"(\""));
        }
        let mut labels = Vec::new();
        while !self.take(b')') {
            let label = self.word();
            if label.is_empty() {
                return Err(self.error("unexpected character in grouping opts, expected label"));
            }
            labels.push(label);
            self.take(b',');
        }
        Ok(Some((word == "without", labels)))
    }

    fn selector(&mut self, metric: String) -> Result<Node, ParseError> {
        let mut matchers = Vec::new();
        if self.take(b'{') {
            while !self.take(b'}') {
                matchers.push(self.matcher()?);
                self.take(b',');
            }
        }
        let mut range = None;
        if self.take(b'[') {
            let from = self.at;
            while self.peek().is_some_and(|letter| letter != b']') {
                self.at += 1;
            }
            let text = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
            range = Some(duration(text.trim()).filter(|seconds| *seconds > 0.0).ok_or_else(|| {
                self.at = from;
                self.error(format!("bad number or duration syntax: \"{text}\""))
            })?);
            if !self.take(b']') {
                return Err(self.error("unexpected end of input, expected \"]\""));
            }
        }
        Ok(Node::Selector { metric, matchers, range })
    }

    fn matcher(&mut self) -> Result<Matcher, ParseError> {
        let label = self.word();
        if label.is_empty() {
            return Err(self.error("unexpected character inside braces"));
        }
        self.blank();
        let (negated, is_pattern) = match (self.peek(), self.text.get(self.at + 1)) {
            (Some(b'='), Some(b'~')) => (false, true),
            (Some(b'!'), Some(b'~')) => (true, true),
            (Some(b'!'), Some(b'=')) => (true, false),
            (Some(b'='), _) => (false, false),
            _ => return Err(self.error("unexpected character in label matching, expected label matching operator")),
        };
        self.at += if negated || is_pattern { 2 } else { 1 };
        self.blank();
        let quote = self.peek().filter(|letter| matches!(letter, b'"' | b'\''));
        let Some(quote) = quote else {
            let letter = self.peek().map_or("end of input".to_owned(), |letter| format!("'{}'", char::from(letter)));
            return Err(self.error(format!("unexpected character in label matching: {letter}, expected string")));
        };
        self.at += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error("unterminated quoted string")),
                Some(letter) if letter == quote => break,
                Some(b'\\') if self.text.get(self.at + 1).is_some() => {
                    value.push(self.text[self.at + 1]);
                    self.at += 2;
                }
                Some(letter) => {
                    value.push(letter);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(Matcher { label, value: String::from_utf8_lossy(&value).into_owned(), is_pattern, negated })
    }
}

fn binary(operator: Operator, left: Node, right: Node) -> Node {
    Node::Binary { operator, left: Box::new(left), right: Box::new(right) }
}

fn aggregation(name: &str) -> Option<Aggregation> {
    Some(match name {
        "sum" => Aggregation::Sum,
        "avg" => Aggregation::Average,
        "max" => Aggregation::Maximum,
        "min" => Aggregation::Minimum,
        "count" => Aggregation::Count,
        _ => return None,
    })
}
