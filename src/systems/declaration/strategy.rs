//! What the configuration knows of a way to roll back: one [`StrategyKind`] is declared in the folder of each system that has one,
//! and named once, in the registry.

use super::Shape;
use crate::settings::access::Access;
use crate::settings::at::{At, Span};
use crate::settings::parser::Parser;
use crate::settings::problem::{Part, Problem, Problems};
use crate::settings::resolve::Resolver;
use crate::systems::api::strategy::StrategySpec;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

/// A way to roll back.
#[derive(Debug)]
pub(crate) struct StrategyKind {
    /// What `strategy` says.
    pub(crate) name: &'static str,
    /// What it is, as editors show it.
    pub(crate) about: &'static str,
    /// The tables that it looks at, beside what every strategy has.
    pub(crate) tables: &'static [&'static RollbackTable],
    /// The keys without which it cannot work.
    pub(crate) needs: &'static [&'static str],
    /// What the file means. `None` where something is wrong: all of that is reported at once.
    pub(crate) check: fn(&Written<'_>, &mut Problems) -> Option<Box<dyn RollbackSettings>>,
}

/// Reads a table; the last is the place of its key. `None` where it was reported.
pub(crate) type ReadTable = fn(&mut Parser, Spanned<DeValue<'_>>, &Span) -> Option<Box<dyn Any>>;

/// A table of `[environments.NAME.rollback]`.
#[derive(Debug)]
pub(crate) struct RollbackTable {
    /// Its key.
    pub(crate) key: &'static str,
    /// What it is, as editors show it.
    pub(crate) about: &'static str,
    /// Reads it.
    pub(crate) read: ReadTable,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl RollbackTable {
    /// One that a type describes.
    pub(crate) const fn of<T: DeserializeOwned + JsonSchema + 'static>(key: &'static str, about: &'static str) -> Self {
        Self { key, about, read: read::<T>, schema: SchemaGenerator::subschema_for::<T> }
    }

    /// One that is described by a type and read in a way of its own.
    pub(crate) const fn read_by<T: JsonSchema>(key: &'static str, about: &'static str, read: ReadTable) -> Self {
        Self { key, about, read, schema: SchemaGenerator::subschema_for::<T> }
    }

    /// Its schema, by reference.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = (self.schema)(generator);
        schema.insert("description".to_owned(), json!(self.about));
        schema
    }
}

fn read<T: DeserializeOwned + 'static>(
    parser: &mut Parser,
    value: Spanned<DeValue<'_>>,
    header: &Span,
) -> Option<Box<dyn Any>> {
    let (table, span) = parser.table(value)?;
    Some(Box::new(parser.entries::<T>(table, span, header)?))
}

/// The tables that a file has of a rollback, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Tables(Vec<(&'static str, At<Box<dyn Any>>)>);

impl Tables {
    /// One more, which stands where its key stands.
    pub(crate) fn add(&mut self, key: &'static str, table: Box<dyn Any>, span: Span) {
        self.0.push((key, At::new(table, span)));
    }

    /// Their keys, and where these stand.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&'static str, &Span)> {
        self.0.iter().map(|(key, table)| (*key, &table.span))
    }
}

/// What a file says of a rollback, for the strategy that it names.
pub(crate) struct Written<'a> {
    /// Its tables.
    pub(crate) tables: &'a Tables,
    /// Where the strategy is named. Empty for the default, which needs nothing.
    pub(crate) named: Span,
    /// Whether it names a repository.
    pub(crate) has_repository: bool,
    /// The environment's name.
    pub(crate) environment: &'a str,
    /// The cluster's name, where it is found by its address.
    pub(crate) by_address: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// A table, if it is there.
    pub(crate) fn table<T: Any>(&self, table: &RollbackTable) -> Option<&'a T> {
        self.tables.0.iter().find(|(key, _)| *key == table.key)?.1.value.downcast_ref()
    }

    /// A table without which a strategy cannot work; it is called like the strategy. `with` is what could stand in it.
    pub(crate) fn needed<T: Any>(&self, table: &RollbackTable, with: &str, problems: &mut Problems) -> Option<&'a T> {
        let found = self.table(table);
        if found.is_none() {
            let name = table.key;
            problems.push(
                Problem::new(&self.named, format!("the strategy {name} needs a table `{name}`"))
                    .way_out(format!("add {name} = {{ {with} }} beside it"))
                    .needs(Part::Table),
            );
        }
        found
    }
}

/// A way to roll back, checked, without its secrets; paths as they are written.
pub(crate) trait RollbackSettings: Debug + Send + Sync {
    /// What the strategy is told. `None` where a secret cannot be had: that is reported.
    fn resolve(&self, place: &InCluster<'_>, resolver: &mut Resolver<'_>) -> Option<Arc<dyn StrategySpec>>;
}

/// Where a rollback acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InCluster<'a> {
    /// The environment's own context of a kubeconfig.
    pub(crate) context: Option<&'a String>,
    /// How the cluster is reached.
    pub(crate) access: &'a Access,
}

/// A CI system that can roll a deploy back.
#[derive(Debug)]
pub(crate) struct CiSystem {
    /// What its table says at `system`.
    pub(crate) name: &'static str,
    /// What it is, as editors show it.
    pub(crate) about: &'static str,
    /// What its table may hold.
    pub(crate) table: Shape<dyn CiTable>,
}

/// A CI system's table as it is written: known keys and right types.
pub(crate) trait CiTable: Debug {
    /// What it means. `None` where something is wrong with it: all of that is reported at once.
    fn check(&self, environment: &str, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>>;
}
