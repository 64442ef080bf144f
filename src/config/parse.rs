//! From text to [`super::schema`]: TOML, known keys and right types. Everything that is wrong is found in one run: a
//! table that was refused for one entry is parsed again without it.

mod rollback;
mod secrets;
mod syntax;

pub(super) use secrets::{Kept, Owner};

use super::at::At;
use super::problem::{Document, Problem, Problems};
use super::schema::{Environment, File, OneOrMany, Parsed, Source};
use super::{ConfigError, redact};
use crate::settings::parser::{Entry, Parser, Tag, in_order};
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
        let signals = table.remove_entry("signals").map(|entry| self.list(entry));
        let flags = table.remove_entry("flags").map(|entry| self.list_with(entry, Self::flags));
        let rollback = table.remove_entry("rollback").and_then(|entry| self.parsed(|parser| parser.rollback(entry)));
        let services = table.remove_entry("services");
        self.parsed(|parser| {
            let services = services.map(|entry| parser.list(entry).into_iter().map(|parsed| parsed.value).collect());
            let environment: Environment = parser.entries(table, span, &name.span)?;
            Some(Environment { services, signals, flags, rollback, header: name.span.clone(), ..environment })
        })
    }
}
