//! What is certainly wrong with a query, and where: told while the configuration is read, before anybody asks a server.
//!
//! Only what every server refuses that may be behind the source: Prometheus of any version, and `VictoriaMetrics`, whose
//! language has more. All else is the server's to refuse, and `redflag check` asks it.

use super::functions::{AGGREGATIONS, FUNCTIONS, KEYWORDS, METRICSQL};
use super::{LONGEST, fill_lengths};
use crate::settings::problem::nearest;
use crate::systems::declaration::Mistake;
use promql_parser::parser::parse;
use std::ops::Range;

/// How much is known of the language of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    /// PromQL, or what `VictoriaMetrics` makes of it.
    PromQl,
    /// LogQL: its selectors and ranges are those of PromQL, its pipes are not.
    LogQl,
}

/// What is wrong with a query in PromQL.
pub(in crate::systems) fn of_promql(query: &str) -> Option<Mistake> {
    mistake(query, Language::PromQl)
}

/// What is wrong with a query in LogQL.
pub(in crate::systems) fn of_logql(query: &str) -> Option<Mistake> {
    mistake(query, Language::LogQl)
}

/// What is wrong with a query that Grafana hands on to any data source: looked at where it can only be PromQL or LogQL.
pub(in crate::systems) fn of_grafana(query: &str) -> Option<Mistake> {
    let lower = query.to_ascii_lowercase();
    let is_other = ["select ", "|>", " to ", "from("].iter().any(|word| lower.contains(word));
    let has_range = query
        .match_indices('[')
        .any(|(at, _)| query[at + 1..].starts_with(|first: char| first == '$' || first.is_ascii_digit()));
    if is_other || !has_range || !query.contains('(') {
        return None;
    }
    mistake(query, Language::LogQl)
}

/// Words that `VictoriaMetrics` has beyond PromQL, and those of Prometheus that are newer than the parser may be.
const BEYOND: [&str; 9] =
    ["with", "default", "if", "ifnot", "keep_metric_names", "limit", "anchored", "smoothed", "union"];

fn mistake(query: &str, language: Language) -> Option<Mistake> {
    if query.len() > LONGEST {
        return None;
    }
    let tokens = match tokens(query) {
        Ok(tokens) => tokens,
        Err(mistake) => return Some(mistake),
    };
    let beyond = tokens.iter().any(|token| {
        token.kind == Kind::Word && BEYOND.contains(&query[token.at.clone()].to_ascii_lowercase().as_str())
    });
    let found = brackets(query, &tokens).or_else(|| ranges(query, &tokens));
    if found.is_some() || beyond {
        return found;
    }
    let found = matchers(query, &tokens).or_else(|| operators(query, &tokens));
    if found.is_some() || language == Language::LogQl {
        return found;
    }
    functions(query, &tokens).or_else(|| refused(query, &tokens))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, a keyword, a number, a duration, a variable.
    Word,
    Text,
    /// One of `()[]{}`.
    Bracket,
    /// An operator or a comma, of one or two characters.
    Sign,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    at: Range<usize>,
}

/// The tokens of a query, without spaces and comments.
fn tokens(query: &str) -> Result<Vec<Token>, Mistake> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(c) = query[rest..].chars().next() {
        let start = rest;
        rest += c.len_utf8();
        match c {
            c if c.is_ascii_whitespace() => {}
            '#' => rest = query[start..].find('\n').map_or(query.len(), |end| start + end),
            '"' | '\'' | '`' => {
                let Some(end) = end_of_text(query, start, c) else {
                    let what = format!("this {c} has no second one");
                    return Err(Mistake { at: start..rest, what, way_out: None });
                };
                rest = end;
                found.push(Token { kind: Kind::Text, at: start..end });
            }
            '(' | ')' | '[' | ']' | '{' | '}' => found.push(Token { kind: Kind::Bracket, at: start..rest }),
            c if is_word(c) => {
                rest = end_of_word(query, start);
                found.push(Token { kind: Kind::Word, at: start..rest });
            }
            c if c.is_ascii() => {
                let two = query.get(start..start + 2).unwrap_or_default();
                if ["==", "!=", "=~", "!~", ">=", "<=", "|=", "|~", "|>"].contains(&two) {
                    rest = start + 2;
                }
                found.push(Token { kind: Kind::Sign, at: start..rest });
            }
            c => return Err(foreign(start..rest, c)),
        }
    }
    Ok(found)
}

/// Where the text that begins with this quote ends.
fn end_of_text(query: &str, start: usize, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in query[start + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(start + 1 + at + 1),
            _ => {}
        }
    }
    None
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '$')
}

/// Where a word ends; `${name}` is a part of one.
fn end_of_word(query: &str, start: usize) -> usize {
    let mut end = start;
    while let Some(c) = query[end..].chars().next() {
        let braced = query[end..].starts_with("${").then(|| query[end..].find('}')).flatten();
        match braced {
            Some(length) => end += length + 1,
            None if is_word(c) => end += 1,
            None => break,
        }
    }
    end
}

/// A character that no query has outside of its texts.
fn foreign(at: Range<usize>, c: char) -> Mistake {
    let (what, way_out) = match c {
        '“' | '”' | '„' | '‟' | '″' | '‘' | '’' | '‚' | '′' | '«' | '»' => {
            (format!("{c} is a typographic quote"), "write \" or '")
        }
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{200b}' | '\u{feff}' => {
            (format!("there is an invisible character, U+{:04X}", u32::from(c)), "write an ordinary space, or none")
        }
        '–' | '—' | '−' => (format!("{c} is a dash"), "write -"),
        '×' => (format!("{c} is no operator"), "write *"),
        '÷' => (format!("{c} is no operator"), "write /"),
        '≥' => (format!("{c} is no operator"), "write >="),
        '≤' => (format!("{c} is no operator"), "write <="),
        '≠' => (format!("{c} is no operator"), "write !="),
        _ => (format!("`{c}` means nothing here"), "put it in quotes"),
    };
    Mistake { at, what, way_out: Some(way_out.to_owned()) }
}

/// A bracket without its other half.
fn brackets(query: &str, tokens: &[Token]) -> Option<Mistake> {
    let mut open: Vec<&Token> = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Bracket) {
        let bracket = &query[token.at.clone()];
        let opener = match bracket {
            ")" => "(",
            "]" => "[",
            "}" => "{",
            _ => {
                open.push(token);
                continue;
            }
        };
        match open.pop() {
            Some(last) if &query[last.at.clone()] == opener => {}
            Some(last) => {
                let last_bracket = &query[last.at.clone()];
                let what = format!("this {bracket} closes no {opener}: the last open bracket is {last_bracket}");
                return Some(Mistake { at: token.at.clone(), what, way_out: None });
            }
            None => {
                let what = format!("this {bracket} closes nothing");
                return Some(Mistake { at: token.at.clone(), what, way_out: None });
            }
        }
    }
    let last = open.first()?;
    let what = format!("this {} is never closed", &query[last.at.clone()]);
    Some(Mistake { at: last.at.clone(), what, way_out: None })
}

/// A range that is empty or in an unknown unit.
fn ranges(query: &str, tokens: &[Token]) -> Option<Mistake> {
    const UNITS: [&str; 8] = ["ms", "s", "m", "h", "d", "w", "y", "i"];
    let mut inside = false;
    let mut before: Option<&Token> = None;
    for token in tokens {
        let text = &query[token.at.clone()];
        match (token.kind, text) {
            (Kind::Bracket, "[") => inside = true,
            (Kind::Bracket, "]") => {
                if let Some(opener) = before.filter(|before| &query[before.at.clone()] == "[") {
                    let way_out = Some("write how far it goes back: [5m]".to_owned());
                    let what = "this range is empty".to_owned();
                    return Some(Mistake { at: opener.at.start..token.at.end, what, way_out });
                }
                inside = false;
            }
            (Kind::Word, word) if inside && word.starts_with(|first: char| first.is_ascii_digit()) => {
                let units = word
                    .split(|c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '_'))
                    .filter(|unit| !unit.is_empty());
                // A number may be written as 0x1F or 1e3, and a variable may stand behind it.
                let plain = !word.contains('$') && !word.starts_with("0x") && word.parse::<f64>().is_err();
                if let Some(unit) = units.filter(|_| plain).find(|unit| !UNITS.contains(unit)) {
                    let near =
                        nearest(unit, &UNITS).or_else(|| UNITS.into_iter().find(|known| unit.starts_with(known)));
                    let way_out = near.map_or_else(
                        || format!("units: {}", UNITS[..7].join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let what = format!("unknown unit `{unit}`");
                    return Some(Mistake { at: token.at.clone(), what, way_out: Some(way_out) });
                }
            }
            _ => {}
        }
        before = Some(token);
    }
    None
}

/// A label without an operator, or without a value in quotes.
fn matchers(query: &str, tokens: &[Token]) -> Option<Mistake> {
    let mut inside = false;
    for (index, token) in tokens.iter().enumerate() {
        let text = &query[token.at.clone()];
        match (token.kind, text) {
            (Kind::Bracket, "{") => inside = true,
            (Kind::Bracket, "}") => inside = false,
            (Kind::Sign, "=" | "!=" | "=~" | "!~") if inside => match tokens.get(index + 1) {
                Some(value) if value.kind == Kind::Text => {}
                Some(value) if value.kind == Kind::Word => {
                    let written = &query[value.at.clone()];
                    let what = "label values need quotes".to_owned();
                    return Some(Mistake { at: value.at.clone(), what, way_out: Some(format!("write \"{written}\"")) });
                }
                other => {
                    let at = other.map_or(token.at.clone(), |other| other.at.clone());
                    let what = format!("a value in quotes is expected after {text}");
                    return Some(Mistake { at, what, way_out: None });
                }
            },
            (Kind::Sign, "==") if inside => {
                let way_out = Some("write = for a label".to_owned());
                return Some(Mistake { at: token.at.clone(), what: "labels have no ==".to_owned(), way_out });
            }
            _ => {}
        }
    }
    None
}

/// An operator with nothing behind it.
fn operators(query: &str, tokens: &[Token]) -> Option<Mistake> {
    let is_operator = |token: &Token| {
        let text = &query[token.at.clone()];
        let by_name = matches!(text.to_ascii_lowercase().as_str(), "and" | "or" | "unless");
        match token.kind {
            Kind::Sign => matches!(text, "+" | "-" | "*" | "/" | "%" | "^" | "==" | "!=" | ">" | "<" | ">=" | "<="),
            Kind::Word => by_name,
            Kind::Text | Kind::Bracket => false,
        }
    };
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| is_operator(token)) {
        let ends = match tokens.get(index + 1) {
            None => true,
            Some(next) => query[next.at.clone()] == *")",
        };
        // A label may be called `and`, and a metric: where no operand stands before it, it is one.
        let is_name = token.kind == Kind::Word
            && tokens[..index]
                .last()
                .is_none_or(|before| is_operator(before) || matches!(&query[before.at.clone()], "(" | "," | "bool"));
        if ends && !is_name {
            let what = format!("nothing follows `{}`", &query[token.at.clone()]);
            return Some(Mistake { at: token.at.clone(), what, way_out: None });
        }
    }
    None
}

/// A function that nobody knows, and that is spelt nearly like one of PromQL.
fn functions(query: &str, tokens: &[Token]) -> Option<Mistake> {
    for pair in tokens.windows(2) {
        let [name, opener] = pair else { continue };
        if name.kind != Kind::Word || &query[opener.at.clone()] != "(" {
            continue;
        }
        let written = &query[name.at.clone()];
        let lower = written.to_ascii_lowercase();
        let known = |names: &[&str]| names.contains(&lower.as_str());
        if known(&FUNCTIONS) || known(&AGGREGATIONS) || known(&KEYWORDS) || known(&METRICSQL) {
            continue;
        }
        let all: Vec<&str> = FUNCTIONS.iter().chain(&AGGREGATIONS).copied().collect();
        let near = nearest(&lower, &all).filter(|near| strsim::damerau_levenshtein(near, &lower) <= 2);
        if let Some(near) = near {
            let what = format!("there is no function `{written}`");
            return Some(Mistake { at: name.at.clone(), what, way_out: Some(format!("did you mean `{near}`?")) });
        }
    }
    None
}

/// The parser's words for what its grammar has no rule for; those for wrong types are others.
const NOT_IN_THE_GRAMMAR: &str = "invalid promql query";

/// What the grammar itself refuses. A query with variables that only the server's side knows is not looked at, nor is what
/// newer servers take.
fn refused(query: &str, tokens: &[Token]) -> Option<Mistake> {
    let newer = tokens.windows(2).any(|pair| {
        // Lengths that are computed, and filters joined by `or`.
        let [one, other] = pair else { return false };
        let (one, other) = (&query[one.at.clone()], &query[other.at.clone()]);
        other == "or" && query.contains('{') || one == "[" && other == "(" || other.ends_with('i')
    });
    let computed = query
        .match_indices('[')
        .any(|(at, _)| query[at..].split(']').next().is_some_and(|inner| inner.contains(['+', '-', '*', '/', '('])));
    let filled = fill_lengths(query).replace("$version", "1").replace("${version}", "1");
    if newer || computed || filled.contains('$') {
        return None;
    }
    match parse(&filled) {
        Err(error) if error == NOT_IN_THE_GRAMMAR => {
            Some(Mistake { at: 0..query.len(), what: "this is not PromQL".to_owned(), way_out: None })
        }
        // The reasons for everything else are those of Prometheus alone.
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
#[path = "syntax_tests.rs"]
mod tests;
