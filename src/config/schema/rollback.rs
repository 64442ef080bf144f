//! The shape of `[environments.NAME.rollback]`. Its tables are those of the strategies, and are read one by one, so that
//! each tells all that is wrong with it; see `parse::rollback`.

use super::parsed_separately;
use crate::config::at::At;
use crate::config::duration::HumanDuration;
use crate::setup::Automatic;
use crate::systems::declaration::strategy::{StrategyKind, Tables};
use crate::systems::registry::{DEFAULT_STRATEGY, STRATEGIES, rollback_tables};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::PathBuf;

/// How an environment is rolled back.
#[derive(Debug, Default)]
pub(in crate::config) struct Rollback {
    pub(in crate::config) common: Common,
    /// A local clone of what is deployed: its path, or a table with more.
    pub(in crate::config) repository: Option<At<Repository>>,
    /// The tables of the strategies.
    pub(in crate::config) tables: Tables,
}

/// What a rollback has whatever its strategy is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Common {
    /// By which way; default `owner`.
    pub(in crate::config) strategy: Option<At<StrategyName>>,
    /// How far it may go automatically; default `off`.
    pub(in crate::config) auto: Option<At<Auto>>,
    /// How long a countdown runs before it acts; default `60s`.
    pub(in crate::config) countdown: Option<At<HumanDuration>>,
    /// How long the flags must have been clear before a rollback counts as verified; default `30s`.
    pub(in crate::config) clear_for: Option<At<HumanDuration>>,
    /// The actor, as others see it; default: the user at this machine. `REDFLAG_ACTOR` wins over it.
    pub(in crate::config) actor: Option<At<String>>,
    /// Whether what a watch finds of versions is shared with other machines, in the ConfigMap `redflag-versions` of the
    /// namespace; default `false`.
    pub(in crate::config) shared: Option<bool>,
    /// A local clone of what is deployed: its path, or a table with more.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<PathOrRepository>")]
    #[expect(dead_code, reason = "only the schema is made of it: it is read in parse::rollback")]
    repository: Option<Apart>,
}

/// What is read by itself, elsewhere.
#[derive(Debug)]
struct Apart;

impl Rollback {
    /// Its keys, in the order in which people are told of them.
    pub(in crate::config) fn keys() -> Vec<&'static str> {
        const COMMON: [&str; 7] = ["strategy", "auto", "countdown", "clear_for", "actor", "shared", "repository"];
        COMMON.into_iter().chain(rollback_tables().into_iter().map(|table| table.key)).collect()
    }
}

impl JsonSchema for Rollback {
    fn schema_name() -> Cow<'static, str> {
        "Rollback".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Common::json_schema(generator);
        schema.insert("description".to_owned(), json!("How an environment is rolled back."));
        let tables = rollback_tables().into_iter().map(|table| (table.key, table.schema(generator)));
        let tables: Vec<_> = tables.collect();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(tables.into_iter().map(|(key, schema)| (key.to_owned(), schema.to_value())));
        }
        schema
    }
}

/// A way to roll back, by its name.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct StrategyName(pub(in crate::config) &'static StrategyKind);

impl Default for StrategyName {
    fn default() -> Self {
        Self(DEFAULT_STRATEGY)
    }
}

impl<'de> Deserialize<'de> for StrategyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        STRATEGIES.iter().find(|kind| kind.name == written).map(|kind| Self(kind)).ok_or_else(|| {
            let names: Vec<String> = STRATEGIES.iter().map(|kind| format!("`{}`", kind.name)).collect();
            // As serde itself says it of an enum.
            D::Error::custom(format!("unknown variant `{written}`, expected one of {}", names.join(", ")))
        })
    }
}

impl JsonSchema for StrategyName {
    fn schema_name() -> Cow<'static, str> {
        "StrategyName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let form = |kind: &&StrategyKind| json!({ "const": kind.name, "description": kind.about, "type": "string" });
        let forms: Vec<Value> = STRATEGIES.iter().map(form).collect();
        json_schema!({ "description": "The ways to roll a deploy back.", "oneOf": forms })
    }
}

/// How far a rollback may go automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Auto {
    /// Not at all.
    Off,
    /// It says what it would have done, and when.
    Shadow,
    /// It counts down, with a key to stop it.
    Countdown,
    /// It acts at once.
    On,
}

impl From<Auto> for Automatic {
    fn from(written: Auto) -> Self {
        match written {
            Auto::Off => Self::Off,
            Auto::Shadow => Self::Shadow,
            Auto::Countdown => Self::Countdown,
            Auto::On => Self::On,
        }
    }
}

/// A path, or a table with more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only the schema is made of it: the file's form is told apart in parse::rollback")]
enum PathOrRepository {
    /// Where it is.
    Path(PathBuf),
    /// Where it is, and how it is used.
    Repository(Repository),
}

/// A local clone. Nothing in its checkout is ever changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Repository {
    /// Where it is.
    pub(in crate::config) path: At<PathBuf>,
    /// The remote that is fetched from and pushed to; default `origin`.
    pub(in crate::config) remote: Option<At<String>>,
    /// How a version names its commit, tried in order; default `["$version", "v$version"]`.
    pub(in crate::config) tags: Option<Vec<At<String>>>,
    /// Where migrations are, beside the known places: paths with `*` and `**`.
    pub(in crate::config) migrations: Option<Vec<At<String>>>,
}
