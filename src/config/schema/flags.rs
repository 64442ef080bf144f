//! The shape of `[[environments.NAME.flags]]`: feature flags that a person may turn off.

use crate::systems::declaration::flags::{FlagProviderKind, FlagTable};
use crate::systems::registry::FLAG_PROVIDERS;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Feature flags of one system, as its own table has it.
#[derive(Debug)]
pub(in crate::config) struct Flags {
    pub(in crate::config) provider: &'static FlagProviderKind,
    pub(in crate::config) table: Box<dyn FlagTable>,
}

impl JsonSchema for Flags {
    fn schema_name() -> Cow<'static, str> {
        "Flags".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let providers = FLAG_PROVIDERS.iter();
        let form =
            |provider: &&FlagProviderKind| provider.table.tagged("provider", provider.name, provider.about, generator);
        let forms: Vec<Schema> = providers.map(form).collect();
        json_schema!({ "description": "Feature flags of one system that a person may turn off.", "oneOf": forms })
    }
}
