//! The JSON schema of the file. What an editor offers hangs on what is written already: the keys of a signal on its
//! kind, the tables of a rollback on its strategy, as those of a source do on theirs.

use super::kinds::{InputUnit, SignalKind};
use super::objective;
use super::rollback::default_last;
use super::schema;
use super::signals::keys;
use crate::signal::Kind;
use crate::systems::declaration::strategy::StrategyKind;
use crate::systems::registry;
use schemars::Schema;
use serde_json::{Map, Value, json};

/// The JSON schema of the file, for editors.
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(schema::File);
    without_null(&mut schema);
    let mut schema = schema.to_value();
    split(&mut schema, "Signal", signals);
    split(&mut schema, "Rollback", rollbacks);
    format!("{schema:#}\n")
}

/// What may be left out is left out: TOML has no null.
fn without_null(schema: &mut Schema) {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(either)) = schema.get_mut("anyOf") {
        either.retain(|one| !is_null(one));
        if let [only] = either.as_slice()
            && let Some(reference) = only.get("$ref").cloned()
        {
            schema.remove("anyOf");
            schema.insert("$ref".to_owned(), reference);
        }
    }
    schemars::transform::transform_subschemas(&mut without_null, schema);
}

/// What tells a form from the others.
struct Tag {
    key: &'static str,
    value: &'static str,
    /// Whether the key stands there at all.
    is_there: bool,
}

/// One form of a table that has several, told apart by what stands at one of its keys.
struct Form {
    /// The key, and what stands there; a form without the key has a title alone.
    tag: Tag,
    /// Whether a table without the key has this form, too.
    is_default: bool,
    keys: Vec<String>,
    needs: &'static [&'static str],
    /// Of a key, what may stand there in this form alone.
    narrowed: Option<(&'static str, Value)>,
}

/// Splits a table's definition by its forms. The keys are described once, and each form refers to those it has.
fn split(schema: &mut Value, name: &str, forms: fn(&Map<String, Value>) -> Vec<Form>) {
    let whole = schema["$defs"][name].take();
    let Some(properties) = whole["properties"].as_object() else { return };
    let forms: Vec<Value> = forms(properties).into_iter().map(|form| written(form, name, properties)).collect();
    schema["$defs"][name] = json!({ "description": whole["description"], "oneOf": forms, "type": "object" });
    schema["$defs"][format!("{name}Keys")] = json!({ "properties": properties });
}

fn written(form: Form, name: &str, described: &Map<String, Value>) -> Value {
    let Tag { key: tag, value, is_there } = form.tag;
    let mut properties = Map::new();
    for key in form.keys {
        let reference = json!({ "$ref": format!("#/$defs/{name}Keys/properties/{key}") });
        properties.insert(key, reference);
    }
    if is_there {
        properties.insert(tag.to_owned(), json!({ "const": value, "description": described[tag]["description"] }));
    }
    if let Some((key, mut narrowed)) = form.narrowed {
        narrowed["description"] = described[key]["description"].clone();
        properties.insert(key.to_owned(), narrowed);
    }
    let tag = (is_there && !form.is_default).then_some(tag);
    let required: Vec<&str> = tag.into_iter().chain(form.needs.iter().copied()).collect();
    json!({
        "additionalProperties": false,
        "properties": properties,
        "required": required,
        "title": value,
        "type": "object",
    })
}

/// The forms of a signal: one for each kind, and two where one key excludes another.
fn signals(described: &Map<String, Value>) -> Vec<Form> {
    let read = |kind: Kind, wants: bool| {
        let able = registry::SYSTEMS.iter().filter_map(move |system| Some((system, (system.answers)(kind, wants)?)));
        able.flat_map(move |(system, form)| system.keys(kind, form))
    };
    let all = Kind::ALL.into_iter().flat_map(|kind| read(kind, false).chain(read(kind, true)));
    let all: Vec<&str> = all.chain(keys::OF_A_PROBE).chain(["source"]).collect();
    let form = |kind: Kind, own: Vec<&str>, needs: &'static [&'static str]| {
        let may = |key: &str| kind.tells_failures() || !objective::KEYS.contains(&key);
        let has = |key: &&String| may(key) && (!all.contains(&key.as_str()) || own.contains(&key.as_str()));
        let units = || json!({ "enum": InputUnit::names_for(kind), "type": "string" });
        Form {
            tag: Tag { key: "kind", value: kind.as_str(), is_there: true },
            is_default: false,
            keys: described.keys().filter(has).cloned().collect(),
            needs,
            narrowed: own.contains(&"unit").then(|| ("unit", units())),
        }
    };
    let from_a_source = |kind: Kind, wants: bool, without: &[&str], needs: &'static [&'static str]| {
        let own = read(kind, wants).chain(["source"]).filter(|key| !without.contains(key)).collect();
        form(kind, own, needs)
    };
    let of = |kind: Kind| match kind {
        // Made for each workload, and never written.
        Kind::Rollout => Vec::new(),
        Kind::Probe => vec![form(kind, keys::OF_A_PROBE.to_vec(), &[])],
        Kind::Alerts => vec![from_a_source(kind, false, &[], &["filter"])],
        Kind::NewIssues | Kind::CrashFree => vec![from_a_source(kind, false, &[], &[])],
        Kind::ErrorRate => vec![
            from_a_source(kind, false, &["query", "unit"], &["errors", "requests"]),
            from_a_source(kind, false, &["errors", "requests"], &["query"]),
        ],
        Kind::Custom => vec![
            from_a_source(kind, false, &["errors", "requests"], &["query"]),
            from_a_source(kind, true, &[], &["want"]),
        ],
        Kind::Latency | Kind::ServerErrors | Kind::Traffic | Kind::Connections | Kind::Memory | Kind::Cpu => {
            vec![from_a_source(kind, false, &["errors", "requests"], &["query"])]
        }
    };
    // A preset's signal, changed: all of its keys, and no kind.
    let change = Form {
        tag: Tag { key: "kind", value: "a preset's signal, changed", is_there: false },
        is_default: false,
        keys: described.keys().filter(|key| key.as_str() != "kind").cloned().collect(),
        needs: &["name"],
        narrowed: None,
    };
    SignalKind::written().flat_map(of).chain([change]).collect()
}

/// The forms of a rollback: one for each strategy.
fn rollbacks(described: &Map<String, Value>) -> Vec<Form> {
    let all = registry::rollback_tables();
    let form = |kind: &StrategyKind| {
        let uses = |key: &str| kind.tables.iter().any(|table| table.key == key);
        let has = |key: &&String| all.iter().all(|table| table.key != key.as_str()) || uses(key);
        Form {
            tag: Tag { key: "strategy", value: kind.name, is_there: true },
            is_default: kind.name == registry::DEFAULT_STRATEGY.name,
            keys: described.keys().filter(has).cloned().collect(),
            needs: kind.needs,
            narrowed: None,
        }
    };
    default_last().map(form).collect()
}
