//! From text to [`super::raw`]: TOML, known keys and right types. Everything that is wrong is found in one run: a table
//! that was refused for one entry is read again without it.

mod rollback;

use super::at::{At, Span};
use super::problem::{Document, Problem, Problems, list, nearest};
use super::raw::{Environment, File, Named, OneOrMany, Source};
use super::{ConfigError, redact};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

/// A table that has one of several forms, and the entry that says which.
struct Tagged<T: 'static> {
    key: &'static str,
    /// What the entry names, and what several of them are called.
    noun: (&'static str, &'static str),
    forms: &'static [Form<T>],
}

/// A form's name, and how a table of it is read: with its place and that of its header.
type Form<T> = (&'static str, fn(&mut Reader, DeTable<'_>, Span, &Span) -> Option<T>);

const SOURCES: Tagged<Source> = Tagged {
    key: "kind",
    noun: ("kind of source", "kinds"),
    forms: &[
        ("kubernetes", |reader, table, span, header| reader.entries(table, span, header).map(Source::Kubernetes)),
        ("grafana", |reader, table, span, header| reader.entries(table, span, header).map(Source::Grafana)),
        ("prometheus", |reader, table, span, header| reader.entries(table, span, header).map(Source::Prometheus)),
        ("sentry", |reader, table, span, header| reader.entries(table, span, header).map(Source::Sentry)),
        ("datadog", |reader, table, span, header| reader.entries(table, span, header).map(Source::Datadog)),
    ],
};

type Entry<'i> = (Spanned<DeString<'i>>, Spanned<DeValue<'i>>);

/// Reads a file; also says how it can be shown later.
pub(super) fn read(label: &str, text: &str) -> Result<(Document, File), ConfigError> {
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let document = Document::new(label, text, redact::suspects(text));
            let span = error.span().unwrap_or(0..0);
            let problem = Problem::new(&span, format!("this is not TOML: {}", error.message().trim()));
            return Err(ConfigError::Invalid(vec![document.diagnose(problem)]));
        }
    };
    let document = Document::new(label, text, redact::secrets(root.get_ref()));
    let mut reader = Reader::default();
    let file = reader.file(root.into_inner());
    reader.problems.into_result(&document)?;
    Ok((document, file))
}

#[derive(Default)]
struct Reader {
    problems: Problems,
}

impl Reader {
    fn file(&mut self, root: DeTable<'_>) -> File {
        const KEYS: [&str; 4] = ["theme", "keys", "sources", "environments"];
        let mut file = File::default();
        for (key, value) in in_order(root) {
            match key.get_ref().as_ref() {
                "theme" => file.theme = self.value(value),
                "keys" => file.keys = self.named(value, |reader, _, value| reader.value::<OneOrMany>(value)),
                "sources" => file.sources = self.named(value, Self::source),
                "environments" => file.environments = self.named(value, Self::environment),
                other => self.problems.push(
                    Problem::new(&key.span(), format!("there is no key `{other}` here")).names(other, &KEYS, "keys"),
                ),
            }
        }
        file
    }

    /// The entries of a table of tables, each read by `read`.
    fn named<T>(
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

    fn source(&mut self, name: &At<String>, value: Spanned<DeValue<'_>>) -> Option<Source> {
        let (table, span) = self.table(value)?;
        let missing = format!("it is not said what kind of source `{}` is", name.value);
        self.tagged(table, span, &name.span, &SOURCES, missing)
    }

    /// A table with an entry that says which form it has; `missing` is said where there is no such entry.
    fn tagged<T>(
        &mut self,
        mut table: DeTable<'_>,
        span: Span,
        header: &Span,
        Tagged { key, noun: (one, several), forms }: &Tagged<T>,
        missing: impl Into<String>,
    ) -> Option<T> {
        let right: Vec<&str> = forms.iter().map(|(name, _)| *name).collect();
        let Some((place, written)) = table.remove_entry(*key) else {
            let way_out = format!("add {key} = \"…\", one of {}", list(&right));
            self.problems.push(Problem::new(header, missing).way_out(way_out));
            return None;
        };
        let Some(name) = written.get_ref().as_str() else {
            let problem = Problem::new(&place.span(), format!("`{key}` is a text in quotes"));
            self.problems.push(problem.way_out(format!("one of {}", list(&right))));
            return None;
        };
        let Some((_, read)) = forms.iter().find(|(known, _)| *known == name) else {
            let problem = Problem::new(&written.span(), format!("there is no {one} `{name}`"));
            self.problems.push(problem.names(name, &right, several));
            return None;
        };
        read(self, table, span, header)
    }

    fn environment(&mut self, name: &At<String>, value: Spanned<DeValue<'_>>) -> Option<Environment> {
        let (mut table, span) = self.table(value)?;
        // Each by itself, so that one bad signal does not hide the next.
        let services = table.remove_entry("services").map(|entry| self.list(entry));
        let signals = table.remove_entry("signals").map(|entry| self.list(entry));
        let flags = table.remove_entry("flags").map(|entry| self.list_with(entry, Self::flags));
        let rollback = table.remove_entry("rollback").and_then(|entry| self.rollback(entry));
        let environment: Environment = self.entries(table, span, &name.span)?;
        Some(Environment { services, signals, flags, rollback, header: name.span.clone(), ..environment })
    }

    /// The tables of `[[…]]`.
    fn list<T: DeserializeOwned>(&mut self, entry: Entry<'_>) -> Vec<T> {
        self.list_with(entry, |reader, table, span| reader.entries(table, span.clone(), &span))
    }

    /// The tables of `[[…]]`, each read by `read`.
    fn list_with<T>(
        &mut self,
        (key, value): Entry<'_>,
        mut read: impl FnMut(&mut Self, DeTable<'_>, Span) -> Option<T>,
    ) -> Vec<T> {
        let DeValue::Array(values) = value.into_inner() else {
            let problem = Problem::new(&key.span(), format!("`{}` is a list of tables", key.get_ref()));
            self.problems.push(problem.way_out(format!("write each as [[environments.NAME.{}]]", key.get_ref())));
            return Vec::new();
        };
        values
            .into_iter()
            .filter_map(|value| {
                let (table, span) = self.table(value)?;
                read(self, table, span)
            })
            .collect()
    }

    fn table<'i>(&mut self, value: Spanned<DeValue<'i>>) -> Option<(DeTable<'i>, Span)> {
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

    fn value<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(translate(&error, &span));
                None
            }
        }
    }

    /// A table of known entries. What is refused is taken out and the rest read again, until nothing new is found.
    fn entries<T: DeserializeOwned>(&mut self, mut table: DeTable<'_>, span: Span, header: &Span) -> Option<T> {
        let mut refused: Vec<String> = Vec::new();
        loop {
            let whole = Spanned::new(span.clone(), DeValue::Table(table.clone()));
            let error = match T::deserialize(ValueDeserializer::from(whole)) {
                Ok(value) => return refused.is_empty().then_some(value),
                Err(error) => error,
            };
            let culprit = error.span().and_then(|at| {
                let holds = |span: Span| span.start <= at.start && at.end <= span.end;
                table.iter().find(|(key, value)| holds(key.span()) || holds(value.span())).map(|(key, _)| key.clone())
            });
            // An entry that is missing because it was refused or misspelt has been complained of already.
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
fn in_order(table: DeTable<'_>) -> Vec<Entry<'_>> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// serde's complaint in our words. A second line of it is the way out.
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
        return Problem::new(&span, format!("there is no key `{written}` here")).names(written, &right, "keys");
    }
    if message.starts_with("unknown variant `") {
        let (written, right) = (quoted.next().unwrap_or_default(), quoted.collect::<Vec<_>>());
        return Problem::new(&span, format!("`{written}` is not known here")).names(written, &right, "known");
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

/// serde's names of types as a person would say them, without the value.
fn kind_of(type_name: &str) -> &str {
    match type_name.split([' ', '`']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" | "u16" | "u32" | "u64" => "a whole number",
        "floating" | "float" | "f64" => "a number",
        "boolean" => "true or false",
        "sequence" | "array" => "a list",
        "map" | "table" => "a table",
        _ => match type_name {
            "a string" | "path string" => "a text in quotes",
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
