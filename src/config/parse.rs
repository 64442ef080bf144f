//! From text to [`super::schema`]: TOML, known keys and right types. Everything that is wrong is found in one run: a
//! table that was refused for one entry is parsed again without it.

mod rollback;
mod secrets;
mod syntax;

pub(super) use secrets::{Kept, Owner};

use super::at::At;
use super::problem::{Document, Problem, Problems, nearest};
use super::schema::presets::Use;
use super::schema::{Environment, File, OneOrMany, Parsed, Signal, Source};
use super::{ConfigError, redact};
use crate::settings::parser::{Entry, Parser, Tag, in_order, kind_of};
use crate::systems::registry;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file as far as it could be read.
pub(super) struct Reading {
    /// How it can be shown later.
    pub(super) document: Document,
    pub(super) file: File,
    /// What is wrong so far.
    pub(super) problems: Problems,
    /// Every place of a secret in it, however much is wrong around it.
    pub(super) secrets: Vec<Kept>,
}

/// Reads a file as far as it can be read. What is not TOML cannot be read at all.
pub(super) fn parse(label: &str, text: &str) -> Result<Reading, ConfigError> {
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let document = Document::new(label, text, redact::suspects(text));
            let span = error.span().unwrap_or(0..0);
            let problem = syntax::problem(text, &span, error.message());
            return Err(ConfigError::Invalid(vec![document.diagnose(problem)]));
        }
    };
    let document = Document::new(label, text, redact::secrets(root.get_ref()));
    let secrets = secrets::kept(root.get_ref());
    let mut parser = Parser::default();
    let file = parser.file(root.into_inner());
    Ok(Reading { document, file, problems: parser.problems, secrets })
}

impl Parser {
    fn file(&mut self, root: DeTable<'_>) -> File {
        const KEYS: [&str; 5] = ["theme", "keys", "record", "sources", "environments"];
        let mut file = File { whole: true, ..File::default() };
        for (key, value) in in_order(root) {
            match key.get_ref().as_ref() {
                "theme" => file.theme = self.value(value),
                "keys" => file.keys = self.named(value, |parser, _, value| parser.value::<OneOrMany>(value)),
                "record" => {
                    let header = key.span();
                    let table = self.table(value);
                    file.record = table.and_then(|(table, span)| self.entries(table, span, &header));
                }
                "sources" => file.sources = self.named(value, |parser, name, value| Some(parser.source(name, value))),
                "environments" => {
                    file.environments = self.named(value, |parser, name, value| Some(parser.environment(name, value)));
                }
                other => {
                    let problem = Problem::new(&key.span(), format!("unknown key `{other}`"));
                    self.problems.push(problem.names(other, &KEYS, "keys"));
                    file.whole = false;
                }
            }
        }
        file
    }

    /// A source; `None` where it is not known which system it is.
    fn source(&mut self, name: &At<String>, value: Spanned<DeValue<'_>>) -> Option<Parsed<Source>> {
        let (mut table, span) = self.table(value)?;
        let kinds = Tag {
            key: "kind",
            noun: ("kind of source", "kinds"),
            missing: &format!("`kind` of source `{}` is missing", name.value),
        };
        let names: Vec<&str> = registry::SYSTEMS.iter().map(|system| system.name).collect();
        let system = registry::SYSTEMS[self.tag(&mut table, &name.span, &kinds, &names)?];
        self.parsed(|parser| {
            let table = (system.table.read)(parser, table, span, &name.span);
            Some(Source { system, table })
        })
    }

    /// An environment. It is whole where its own entries and its services are; signals, flags and the rollback are read
    /// each by itself, so that one bad signal does not hide the next.
    fn environment(&mut self, name: &At<String>, value: Spanned<DeValue<'_>>) -> Option<Parsed<Environment>> {
        let (mut table, span) = self.table(value)?;
        let preset = table.remove_entry("preset").map(|entry| self.presets(entry));
        let has_preset = preset.is_some();
        let signals = table.remove_entry("signals").map(|entry| self.signals(entry, has_preset));
        let flags = table.remove_entry("flags").map(|entry| self.list_with(entry, Self::flags));
        let rollback = table.remove_entry("rollback").and_then(|entry| self.parsed(|parser| parser.rollback(entry)));
        let services = table.remove_entry("services");
        self.parsed(|parser| {
            let services = services.map(|entry| parser.list(entry).into_iter().map(|parsed| parsed.value).collect());
            let environment: Environment = parser.entries(table, span, &name.span)?;
            Some(Environment { services, preset, signals, flags, rollback, header: name.span.clone(), ..environment })
        })
    }

    /// The presets of an environment: a name, a table, or a list of either.
    fn presets(&mut self, (_, value): Entry<'_>) -> Vec<Parsed<Use>> {
        let span = value.span();
        let values = match value.into_inner() {
            DeValue::Array(values) => values.into_iter().collect(),
            one => vec![Spanned::new(span, one)],
        };
        let one = |value: Spanned<DeValue<'_>>| {
            let span = value.span();
            self.parsed(|parser| match value.into_inner() {
                DeValue::String(name) => Some(Use::named(At::new(name.into_owned(), span))),
                DeValue::Table(table) => parser.entries(table, span.clone(), &span),
                other => {
                    let problem = Problem::new(&span, "a preset is named by a text in quotes");
                    let way_out = "redflag presets lists them; preset = \"otel-http\", or a list of several";
                    parser
                        .problems
                        .push(problem.label(format!("this is {}", kind_of(other.type_str()))).way_out(way_out));
                    None
                }
            })
        };
        values.into_iter().filter_map(one).collect()
    }

    /// The signals of an environment. Where it has presets, one without a kind changes a signal of theirs.
    fn signals(&mut self, entry: Entry<'_>, has_preset: bool) -> Vec<Parsed<Signal>> {
        self.list_with(entry, |parser, table, span| {
            // One that was refused or misspelt is reported as such.
            let told = table.keys().any(|key| nearest(key.get_ref(), &["kind"]).is_some());
            let signal: Signal = parser.entries(table, span.clone(), &span)?;
            let is_change = has_preset && signal.name.is_some();
            if signal.kind.is_none() && !is_change {
                if !told {
                    let problem = Problem::new(&span, "`kind` is missing");
                    parser.problems.push(problem.way_out("add kind = \"error_rate\", or another kind"));
                }
                return None;
            }
            Some(signal)
        })
    }
}
