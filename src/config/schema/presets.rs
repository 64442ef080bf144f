//! How an environment names its presets: by name, as a table with what is special of them there, or several of either.

use super::At;
use crate::config::presets;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// A preset whose signals are judged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Use {
    /// Its name; `redflag presets` lists them.
    pub(in crate::config) name: At<String>,
    /// The source that its signals are read from; default: the only one that answers PromQL.
    pub(in crate::config) source: Option<At<String>>,
    /// Grafana's data source, by uid; default: the source's.
    pub(in crate::config) datasource: Option<At<String>>,
    /// The service it speaks of; default: its signals are made once for each.
    pub(in crate::config) service: Option<At<String>>,
    /// Label matchers of the service's series: `job="$service"`; default: the preset's first.
    #[serde(rename = "match")]
    pub(in crate::config) matchers: Option<At<String>>,
    /// The label that says the version: error rate and latency are those of the new version alone.
    pub(in crate::config) version_label: Option<At<String>>,
    /// Which of its variants: `["native"]`; default: the usual ones.
    pub(in crate::config) variants: Option<At<Vec<At<String>>>>,
}

impl Use {
    /// By its name alone.
    pub(in crate::config) const fn named(name: At<String>) -> Self {
        Self {
            name,
            source: None,
            datasource: None,
            service: None,
            matchers: None,
            version_label: None,
            variants: None,
        }
    }
}

/// What may stand at `preset`, for editors.
pub(in crate::config) struct Written;

impl JsonSchema for Written {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Presets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Use>();
        // Those of the configuration folder have names of their own.
        let names: Vec<&str> = presets::built_in_names().collect();
        let name = json_schema!({ "type": "string", "examples": names });
        let one = json_schema!({ "anyOf": [name, table] });
        json_schema!({ "anyOf": [name, table, { "type": "array", "items": one }] })
    }
}
