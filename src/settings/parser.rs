//! Parses tables of a file: known keys and right types. Everything that is wrong is found in one run: a
//! table that was refused for one entry is read again without it.

use super::at::{At, Span};
use super::problem::{Problem, Problems, list, nearest};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

/// An entry that says which of several forms a table has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'a> {
    /// Its key.
    pub(crate) key: &'a str,
    /// What it names, and what several of them are called.
    pub(crate) noun: (&'a str, &'a str),
    /// What is said where it is missing.
    pub(crate) missing: &'a str,
}

/// A table's entry with its name, in the file's order.
#[derive(Debug)]
pub(crate) struct Named<T> {
    /// Its name.
    pub(crate) name: At<String>,
    /// What stands there.
    pub(crate) value: T,
}

/// A table as far as it could be read.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    /// What could be read of it.
    pub(crate) value: T,
    /// Whether that is all: nothing was refused.
    pub(crate) whole: bool,
}

/// A table's entry as TOML has it.
pub(crate) type Entry<'i> = (Spanned<DeString<'i>>, Spanned<DeValue<'i>>);

/// Parses tables and collects their problems.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// What was reported so far.
    pub(crate) problems: Problems,
}

impl Parser {
    /// The entries of a table of tables, each read by `read`.
    pub(crate) fn named<T>(
        &mut self,
        value: Spanned<DeValue<'_>>,
        mut read: impl FnMut(&mut Self, &At<String>, Spanned<DeValue<'_>>) -> Option<T>,
    ) -> Vec<Named<T>> {
        let Some((table, _)) = self.table(value) else { return Vec::new() };
        in_order(table)
            .into_iter()
            .filter_map(|(key, value)| {
                let name = At::new(key.get_ref().to_string(), key.span());
                let value = read(self, &name, value)?;
                Some(Named { name, value })
            })
            .collect()
    }

    /// The place of the form that a table has, among `names`; the entry that says so is taken out.
    pub(crate) fn tag(
        &mut self,
        table: &mut DeTable<'_>,
        header: &Span,
        tag: &Tag<'_>,
        names: &[&str],
    ) -> Option<usize> {
        let Tag { key, noun: (one, several), missing } = *tag;
        let Some((place, written)) = table.remove_entry(key) else {
            let way_out = format!("add {key} = \"…\", one of {}", list(names));
            self.problems.push(Problem::new(header, missing).way_out(way_out));
            return None;
        };
        let Some(name) = written.get_ref().as_str() else {
            let problem = Problem::new(&place.span(), format!("`{key}` is a string in quotes"));
            self.problems.push(problem.way_out(format!("one of {}", list(names))));
            return None;
        };
        let found = names.iter().position(|known| *known == name);
        if found.is_none() {
            let problem = Problem::new(&written.span(), format!("unknown {one} `{name}`"));
            self.problems.push(problem.names(name, names, several));
        }
        found
    }

    /// What `read` reads, and whether it was read whole.
    pub(crate) fn parsed<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Parsed<T>> {
        let before = self.problems.count();
        let value = read(self)?;
        Some(Parsed { value, whole: self.problems.count() == before })
    }

    /// The tables of `[[…]]`.
    pub(crate) fn list<T: DeserializeOwned>(&mut self, entry: Entry<'_>) -> Vec<Parsed<T>> {
        self.list_with(entry, |parser, table, span| parser.entries(table, span.clone(), &span))
    }

    /// The tables of `[[…]]`, each read by `read`.
    pub(crate) fn list_with<T>(
        &mut self,
        (key, value): Entry<'_>,
        mut read: impl FnMut(&mut Self, DeTable<'_>, Span) -> Option<T>,
    ) -> Vec<Parsed<T>> {
        let DeValue::Array(values) = value.into_inner() else {
            let problem = Problem::new(&key.span(), format!("`{}` is a list of tables", key.get_ref()));
            self.problems.push(problem.way_out(format!("write each as [[environments.NAME.{}]]", key.get_ref())));
            return Vec::new();
        };
        values
            .into_iter()
            .filter_map(|value| {
                let (table, span) = self.table(value)?;
                self.parsed(|parser| read(parser, table, span))
            })
            .collect()
    }

    pub(crate) fn table<'i>(&mut self, value: Spanned<DeValue<'i>>) -> Option<(DeTable<'i>, Span)> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some((table, span)),
            other => {
                let found = kind_of(other.type_str());
                self.problems.push(Problem::new(&span, "expected a table").label(format!("this is {found}")));
                None
            }
        }
    }

    pub(crate) fn value<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(translate(&error, &span));
                None
            }
        }
    }

    /// A table of known entries. What is refused is taken out and the rest read again, until nothing new is found: what
    /// comes back may lack it, and is `None` where the table is nothing without it.
    pub(crate) fn entries<T: DeserializeOwned>(
        &mut self,
        mut table: DeTable<'_>,
        span: Span,
        header: &Span,
    ) -> Option<T> {
        let mut refused: Vec<String> = Vec::new();
        loop {
            let whole = Spanned::new(span.clone(), DeValue::Table(table.clone()));
            let error = match T::deserialize(ValueDeserializer::from(whole)) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let culprit = error.span().and_then(|at| {
                let holds = |span: Span| span.start <= at.start && at.end <= span.end;
                table.iter().find(|(key, value)| holds(key.span()) || holds(value.span())).map(|(key, _)| key.clone())
            });
            // An entry that is missing because it was refused or misspelt has been reported already.
            let known = missing(error.message())
                .is_some_and(|name| refused.iter().any(|gone| nearest(gone, &[name]).is_some()));
            if !known {
                self.problems.push(translate(&error, header));
            }
            let culprit = culprit?;
            table.remove(culprit.get_ref().as_ref());
            refused.push(culprit.into_inner().into_owned());
        }
    }
}

/// A table's entries as they stand in the file.
pub(crate) fn in_order(table: DeTable<'_>) -> Vec<Entry<'_>> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// serde's error in our words. A second line of it is the way out.
fn translate(error: &toml::de::Error, header: &Span) -> Problem {
    let message = error.message().trim_end();
    if let Some(name) = missing(message) {
        return Problem::new(header, format!("`{name}` is missing")).way_out(format!("add {name} = {}", example(name)));
    }
    let span = error.span().unwrap_or_else(|| header.clone());
    // serde quotes names in backticks: first what was written, then what could have been.
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field `") {
        let (written, right) = (quoted.next().unwrap_or_default(), quoted.collect::<Vec<_>>());
        return Problem::new(&span, format!("unknown key `{written}`")).names(written, &right, "keys");
    }
    if message.starts_with("unknown variant `") {
        let (written, right) = (quoted.next().unwrap_or_default(), quoted.collect::<Vec<_>>());
        return Problem::new(&span, format!("unknown value `{written}`")).names(written, &right, "values");
    }
    if message.starts_with("invalid value: integer") {
        return Problem::new(&span, "this number is out of range").label("expected a whole number, not negative");
    }
    let wrong = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "));
    if let Some((found, expected)) = wrong {
        return Problem::new(&span, format!("expected {}", kind_of(expected)))
            .label(format!("this is {}", kind_of(found)));
    }
    match message.split_once('\n') {
        Some((message, way_out)) => Problem::new(&span, message).way_out(way_out),
        None => Problem::new(&span, message),
    }
}

/// serde's names of types in plain words, without the value.
pub(crate) fn kind_of(type_name: &str) -> &str {
    match type_name.split([' ', '`']).next().unwrap_or_default() {
        "string" => "a string",
        "integer" | "u16" | "u32" | "u64" => "a whole number",
        "floating" | "float" | "f64" => "a number",
        "boolean" => "true or false",
        "sequence" | "array" => "a list",
        "map" | "table" => "a table",
        _ => match type_name {
            "a string" | "path string" => "a string in quotes",
            "a boolean" => "true or false",
            "a sequence" => "a list",
            other => other,
        },
    }
}

/// What a missing entry could look like.
fn example(name: &str) -> &'static str {
    match name {
        "url" | "off_url" => "\"https://…\"",
        "token" | "api_key" | "application_key" | "password" => "{ env = \"NAME\" }",
        "path" => "\"~/src/shop\"",
        "branch" => "\"main\"",
        "repository" => "\"example/shop\"",
        "workflow" => "\"rollback.yml\"",
        "run" => "[\"./rollback.sh\", \"$service\", \"$to\"]",
        "features" => "[\"…\"]",
        "kind" => "\"error_rate\", or another kind",
        _ => "\"…\"",
    }
}
