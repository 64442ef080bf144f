//! `strategy = "ci"`: a job of one of the CI systems, told apart by `system` in its table.

use super::CI_SYSTEMS;
use crate::settings::at::Span;
use crate::settings::parser::{Parser, Tag};
use crate::settings::problem::Problems;
use crate::systems::declaration::strategy::{
    CiSystem, CiTable, RollbackSettings, RollbackTable, StrategyKind, Written,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::any::Any;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::DeValue;

/// Which system, and what is asked of it.
static TABLE: RollbackTable = RollbackTable::read_by::<Table>("ci", "For the strategy `ci`.", read);

/// The declaration of the strategy for the configuration.
pub(super) static STRATEGY: StrategyKind =
    StrategyKind { name: "ci", about: "A job of a CI system.", tables: &[&TABLE], needs: &["ci"], check };

/// A CI system, as its own table has it.
struct Table(Box<dyn CiTable>);

impl JsonSchema for Table {
    fn schema_name() -> Cow<'static, str> {
        "Ci".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        const ABOUT: &str = "A CI system and the job there that rolls a deploy back. Texts may hold `$service`, \
                             `$environment`, `$namespace`,\n`$workload`, `$from`, `$to`, `$from_commit`, `$to_commit`, \
                             `$actor`, `$reason` and `$id`; `$$` is a dollar.";
        let form = |system: &&CiSystem| system.table.tagged("system", system.name, system.about, generator);
        let forms: Vec<Schema> = CI_SYSTEMS.iter().map(form).collect();
        json_schema!({ "description": ABOUT, "oneOf": forms })
    }
}

fn read(parser: &mut Parser, value: Spanned<DeValue<'_>>, header: &Span) -> Option<Box<dyn Any>> {
    const SYSTEM: Tag<'_> = Tag { key: "system", noun: ("CI system", "systems"), missing: "`system` is missing" };
    let (mut table, span) = parser.table(value)?;
    let names: Vec<&str> = CI_SYSTEMS.iter().map(|system| system.name).collect();
    let system = CI_SYSTEMS[parser.tag(&mut table, header, &SYSTEM, &names)?];
    Some(Box::new(Table((system.table.read)(parser, table, span, header)?)))
}

fn check(written: &Written<'_>, problems: &mut Problems) -> Option<Box<dyn RollbackSettings>> {
    let table: &Table = written.needed(&TABLE, "system = \"github\", …", problems)?;
    table.0.check(written.environment, problems)
}
