//! From text to [`super::schema`]: TOML, known keys and right types. Everything that is wrong is found in one run: a
//! table that was refused for one entry is parsed again without it.

mod rollback;

use super::at::At;
use super::problem::{Document, Problem};
use super::schema::{Environment, File, OneOrMany, Source};
use super::{ConfigError, redact};
use crate::settings::parser::{Entry, Parser, Tag, in_order};
use crate::systems::registry;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a file; also says how it can be shown later.
pub(super) fn parse(label: &str, text: &str) -> Result<(Document, File), ConfigError> {
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
    let mut parser = Parser::default();
    let file = parser.file(root.into_inner());
    parser.problems.into_result(&document)?;
    Ok((document, file))
}

impl Parser {
    fn file(&mut self, root: DeTable<'_>) -> File {
        const KEYS: [&str; 4] = ["theme", "keys", "sources", "environments"];
        let mut file = File::default();
        for (key, value) in in_order(root) {
            match key.get_ref().as_ref() {
                "theme" => file.theme = self.value(value),
                "keys" => file.keys = self.named(value, |parser, _, value| parser.value::<OneOrMany>(value)),
                "sources" => file.sources = self.named(value, Self::source),
                "environments" => file.environments = self.named(value, Self::environment),
                other => self.problems.push(
                    Problem::new(&key.span(), format!("there is no key `{other}` here")).names(other, &KEYS, "keys"),
                ),
            }
        }
        file
    }

    fn source(&mut self, name: &At<String>, value: Spanned<DeValue<'_>>) -> Option<Source> {
        let (mut table, span) = self.table(value)?;
        let kinds = Tag {
            key: "kind",
            noun: ("kind of source", "kinds"),
            missing: &format!("it is not said what kind of source `{}` is", name.value),
        };
        let names: Vec<&str> = registry::SYSTEMS.iter().map(|system| system.name).collect();
        let system = registry::SYSTEMS[self.tag(&mut table, &name.span, &kinds, &names)?];
        let table = (system.table.read)(self, table, span, &name.span)?;
        Some(Source { system, table })
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
}
