//! Reads `[environments.NAME.rollback]` and `[[environments.NAME.flags]]`: tables within tables, each by itself.

use super::{Entry, Parser, Tagged};
use crate::config::at::{At, Span};
use crate::config::problem::Problem;
use crate::config::schema::flags::Flags;
use crate::config::schema::rollback::{Ci, Repository, Rollback};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const CI_SYSTEMS: Tagged<Ci> = Tagged {
    key: "system",
    noun: ("CI system", "systems"),
    forms: &[
        ("github", |parser, table, span, header| parser.entries(table, span, header).map(Ci::GitHub)),
        ("gitlab", |parser, table, span, header| parser.entries(table, span, header).map(Ci::GitLab)),
        ("jenkins", |parser, table, span, header| parser.entries(table, span, header).map(Ci::Jenkins)),
        ("webhook", |parser, table, span, header| parser.entries(table, span, header).map(Ci::Webhook)),
    ],
};

const FLAG_PROVIDERS: Tagged<Flags> = Tagged {
    key: "provider",
    noun: ("provider", "providers"),
    forms: &[
        ("unleash", |parser, table, span, header| parser.entries(table, span, header).map(Flags::Unleash)),
        ("launchdarkly", |parser, table, span, header| parser.entries(table, span, header).map(Flags::LaunchDarkly)),
        ("webhook", |parser, table, span, header| parser.entries(table, span, header).map(Flags::Webhook)),
    ],
};

impl Parser {
    pub(super) fn rollback(&mut self, (key, value): Entry<'_>) -> Option<Rollback> {
        if let Some(name) = value.get_ref().as_str() {
            let problem = Problem::new(&value.span(), "expected a table").label("this is a string");
            self.problems.push(problem.way_out(format!("write rollback = {{ strategy = \"{name}\" }}")));
            return None;
        }
        let (mut table, span) = self.table(value)?;
        let repository = self.apart(&mut table, "repository", Self::repository);
        let argocd = self.apart(&mut table, "argocd", Self::whole);
        let helm = self.apart(&mut table, "helm", Self::whole);
        let git = self.apart(&mut table, "git", Self::whole);
        let ci = self.apart(&mut table, "ci", Self::ci);
        let command = self.apart(&mut table, "command", Self::whole);
        let rollback: Rollback = self.entries(table, span, &key.span())?;
        Some(Rollback { repository, argocd, helm, git, ci, command, ..rollback })
    }

    pub(super) fn flags(&mut self, table: DeTable<'_>, span: Span) -> Option<Flags> {
        let header = span.clone();
        self.tagged(table, span, &header, &FLAG_PROVIDERS, "`provider` is missing")
    }

    /// An entry of a table, taken out and read by itself; it stands where its key stands.
    fn apart<T>(
        &mut self,
        table: &mut DeTable<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, Spanned<DeValue<'_>>, &Span) -> Option<T>,
    ) -> Option<At<T>> {
        let (key, value) = table.remove_entry(key)?;
        let header = key.span();
        read(self, value, &header).map(|value| At::new(value, header))
    }

    fn whole<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>, header: &Span) -> Option<T> {
        let (table, span) = self.table(value)?;
        self.entries(table, span, header)
    }

    /// A plain path stands for a table with nothing else in it.
    fn repository(&mut self, value: Spanned<DeValue<'_>>, header: &Span) -> Option<Repository> {
        match value.get_ref() {
            DeValue::String(path) => {
                let path = At::new(PathBuf::from(path.as_ref()), value.span());
                Some(Repository { path, remote: None, tags: None, migrations: None })
            }
            DeValue::Table(_) => self.whole(value, header),
            _ => {
                self.problems.push(Problem::new(&value.span(), "expected a path in quotes, or a table with `path`"));
                None
            }
        }
    }

    fn ci(&mut self, value: Spanned<DeValue<'_>>, header: &Span) -> Option<Ci> {
        let (table, span) = self.table(value)?;
        self.tagged(table, span, header, &CI_SYSTEMS, "`system` is missing")
    }
}
