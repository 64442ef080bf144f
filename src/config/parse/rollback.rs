//! Reads `[environments.NAME.rollback]` and `[[environments.NAME.flags]]`: tables within tables, each by itself.

use super::{Entry, Parser};
use crate::config::at::{At, Span};
use crate::config::problem::Problem;
use crate::config::schema::flags::Flags;
use crate::config::schema::rollback::{Common, Repository, Rollback};
use crate::settings::parser::Tag;
use crate::systems::declaration::strategy::Tables;
use crate::systems::registry::{FLAG_PROVIDERS, rollback_tables};
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Parser {
    pub(super) fn rollback(&mut self, (key, value): Entry<'_>) -> Option<Rollback> {
        if let Some(name) = value.get_ref().as_str() {
            let problem = Problem::new(&value.span(), "expected a table").label("this is a string");
            self.problems.push(problem.way_out(format!("write rollback = {{ strategy = \"{name}\" }}")));
            return None;
        }
        let (mut table, span) = self.table(value)?;
        let repository = table.remove_entry("repository").and_then(|(key, value)| {
            let header = key.span();
            self.repository(value, &header).map(|repository| At::new(repository, header))
        });
        let mut tables = Tables::default();
        for known in rollback_tables() {
            let Some((key, value)) = table.remove_entry(known.key) else { continue };
            let header = key.span();
            if let Some(read) = (known.read)(self, value, &header) {
                tables.add(known.key, read, header);
            }
        }
        self.only_known(&mut table);
        let common: Common = self.entries(table, span, &key.span())?;
        Some(Rollback { common, repository, tables })
    }

    /// Refuses keys that no strategy has, and takes them out.
    fn only_known(&mut self, table: &mut DeTable<'_>) {
        let known = Rollback::keys();
        let foreign: Vec<_> = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).cloned().collect();
        for key in &foreign {
            let name = key.get_ref();
            self.problems.push(Problem::new(&key.span(), format!("unknown key `{name}`")).names(name, &known, "keys"));
            table.remove(name.as_ref());
        }
    }

    pub(super) fn flags(&mut self, mut table: DeTable<'_>, span: Span) -> Option<Flags> {
        const PROVIDER: Tag<'_> =
            Tag { key: "provider", noun: ("provider", "providers"), missing: "`provider` is missing" };
        let header = span.clone();
        let names: Vec<&str> = FLAG_PROVIDERS.iter().map(|provider| provider.name).collect();
        let provider = FLAG_PROVIDERS[self.tag(&mut table, &header, &PROVIDER, &names)?];
        let table = (provider.table.read)(self, table, span, &header)?;
        Some(Flags { provider, table })
    }

    /// A plain path stands for a table with nothing else in it.
    fn repository(&mut self, value: Spanned<DeValue<'_>>, header: &Span) -> Option<Repository> {
        match value.get_ref() {
            DeValue::String(path) => {
                let path = At::new(PathBuf::from(path.as_ref()), value.span());
                Some(Repository { path, remote: None, tags: None, migrations: None })
            }
            DeValue::Table(_) => {
                let (table, span) = self.table(value)?;
                self.entries(table, span, header)
            }
            _ => {
                self.problems.push(Problem::new(&value.span(), "expected a path in quotes, or a table with `path`"));
                None
            }
        }
    }
}
