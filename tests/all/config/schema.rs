//! The schema that is in `docs/`, and that it says what the checker says: an editor offers the keys that are taken.

use redflag::config::{self, Config};
use serde_json::Value;
use std::fs;
use std::path::Path;

const SOURCES: &str = r#"
[sources.cluster]
kind = "kubernetes"
[sources.prometheus]
kind = "prometheus"
url = "https://prometheus.example.com"
[sources.grafana]
kind = "grafana"
url = "https://grafana.example.com"
datasource = "prom"
[sources.datadog]
kind = "datadog"
api_key = { env = "A" }
application_key = { env = "B" }
[sources.sentry]
kind = "sentry"
token = { env = "C" }
organization = "example"
[environments.production]
url = "https://www.example.com"
workloads = ["deployment/app"]
"#;

/// Something right for each key that hangs on what a signal is and reads; the unit hangs on the kind.
const READING: [(&str, &str); 16] = [
    ("query", "'q'"),
    ("errors", "'e'"),
    ("requests", "'r'"),
    ("datasource", "'loki'"),
    ("step", "'60s'"),
    ("scrape", "'30s'"),
    ("projects", "['app']"),
    ("release", "'app@$version'"),
    ("filter", "'service=app'"),
    ("want", "'errors'"),
    ("path", "'/healthz'"),
    ("url", "'https://www.example.com/healthz'"),
    ("status", "200"),
    ("interval", "'10s'"),
    ("timeout", "'2s'"),
    ("objective", "99.9"),
];

/// Something right for each table of a rollback.
const TABLES: [(&str, &str); 6] = [
    ("repository", "'~/src/shop'"),
    ("argocd", "{ url = 'https://argocd.example.com', token = { env = 'T' } }"),
    ("helm", "{ timeout = '60s' }"),
    ("git", "{ branch = 'main' }"),
    ("ci", "{ system = 'webhook', url = 'https://ci.example.com/rollback' }"),
    ("command", "{ run = ['./rollback.sh', '$to'] }"),
];

fn schema() -> Value {
    serde_json::from_str(&config::json_schema()).unwrap()
}

/// One form of a table: what its tag says, what it may have and what it must.
struct Form {
    tag: String,
    keys: Vec<String>,
    needs: Vec<String>,
}

impl Form {
    fn all(of: &str, tag: &str) -> Vec<Self> {
        let schema = schema();
        let forms = schema["$defs"][of]["oneOf"].as_array().unwrap();
        let form = |form: &Value| Self {
            tag: form["properties"][tag]["const"].as_str().unwrap_or_default().to_owned(),
            keys: form["properties"].as_object().unwrap().keys().cloned().collect(),
            needs: form["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect(),
        };
        forms.iter().map(form).collect()
    }

    /// The keys it must have, beside its tag.
    fn least<'a>(&'a self, tag: &str) -> Vec<&'a str> {
        self.needs.iter().map(String::as_str).filter(|key| *key != tag).collect()
    }

    /// Whether a table with these keys and its tag is one of it.
    fn takes(&self, keys: &[&str], tag: &str) -> bool {
        keys.iter().all(|key| self.keys.iter().any(|known| known == key))
            && self.least(tag).iter().all(|needed| keys.contains(needed))
    }
}

fn value<'a>(values: &[(&str, &'a str)], key: &str) -> &'a str {
    values.iter().find(|(known, _)| *known == key).unwrap().1
}

/// Whether a signal of this kind with these keys is taken, whatever source it is read from.
fn signal_is_taken(kind: &str, keys: &[&str]) -> bool {
    let lines: Vec<String> = keys.iter().map(|key| format!("{key} = {}", value(&READING, key))).collect();
    let lines = lines.join("\n");
    ["", "source = 'prometheus'", "source = 'grafana'", "source = 'datadog'", "source = 'sentry'"].iter().any(
        |source| {
            let text = format!("{SOURCES}[[environments.production.signals]]\nkind = '{kind}'\n{lines}\n{source}\n");
            Config::parse(&text, "f").is_ok()
        },
    )
}

#[test]
fn the_schema_in_docs_is_the_one_that_the_program_prints() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    let written = fs::read_to_string(file).unwrap().replace("\r\n", "\n");
    assert!(written == config::json_schema(), "it is another: cargo run -- config schema > docs/config.schema.json");
}

#[test]
fn a_signal_is_offered_the_keys_of_its_kind_and_no_others() {
    let (forms, changes): (Vec<Form>, Vec<Form>) =
        Form::all("Signal", "kind").into_iter().partition(|form| !form.tag.is_empty());
    for form in &forms {
        let (kind, least) = (form.tag.as_str(), form.least("kind"));
        assert!(signal_is_taken(kind, &least), "{kind} is not taken with {least:?}");
        for (key, _) in READING.iter().filter(|(key, _)| !least.contains(key)) {
            let keys = [least.as_slice(), &[*key]].concat();
            let offered = forms.iter().any(|form| form.tag == kind && form.takes(&keys, "kind"));
            assert_eq!(offered, signal_is_taken(kind, &keys), "{kind} with {keys:?}");
        }
    }
    let kinds: Vec<&str> = forms.iter().map(|form| form.tag.as_str()).collect();
    let named = schema()["$defs"]["SignalKeys"]["properties"]["kind"]["enum"].clone();
    assert!(named.as_array().unwrap().iter().all(|kind| kinds.contains(&kind.as_str().unwrap())));
    let [change] = changes.as_slice() else { panic!("one form changes a preset's signal") };
    assert_eq!(change.needs, ["name"]);
    assert!(!change.keys.iter().any(|key| key == "kind") && change.keys.iter().any(|key| key == "red_flag"));
}

#[test]
fn a_signal_is_offered_the_units_of_its_kind_and_no_others() {
    let schema = schema();
    let all: Vec<&str> = schema["$defs"]["InputUnit"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["const"].as_str().unwrap())
        .collect();
    assert_eq!(all.len(), 8);
    for form in schema["$defs"]["Signal"]["oneOf"].as_array().unwrap() {
        let Some(offered) = form["properties"]["unit"]["enum"].as_array() else { continue };
        let kind = form["properties"]["kind"]["const"].as_str().unwrap();
        for unit in &all {
            let signal = format!("kind = '{kind}'\nquery = 'q'\nunit = '{unit}'\nsource = 'prometheus'\n");
            let is_taken =
                Config::parse(&format!("{SOURCES}[[environments.production.signals]]\n{signal}"), "f").is_ok();
            assert_eq!(offered.iter().any(|known| known == unit), is_taken, "{kind} in {unit}");
        }
    }
}

#[test]
fn a_rollback_is_offered_the_tables_of_its_strategy_and_no_others() {
    let forms = Form::all("Rollback", "strategy");
    assert_eq!(forms.len(), 9);
    for form in &forms {
        let least = form.least("strategy");
        let is_taken = |keys: &[&str], strategy: &str| {
            let lines: Vec<String> = keys.iter().map(|key| format!("{key} = {}", value(&TABLES, key))).collect();
            let lines = lines.join("\n");
            Config::parse(&format!("{SOURCES}[environments.production.rollback]\n{strategy}{lines}"), "f").is_ok()
        };
        let strategy = format!("strategy = '{}'\n", form.tag);
        for key in TABLES.iter().map(|(key, _)| *key).filter(|key| !least.contains(key)) {
            let keys = [least.as_slice(), &[key]].concat();
            assert_eq!(form.takes(&keys, "strategy"), is_taken(&keys, &strategy), "{} with {keys:?}", form.tag);
        }
        assert!(is_taken(&least, &strategy), "{} is not taken with {least:?}", form.tag);
        for gone in &least {
            let keys: Vec<&str> = least.iter().copied().filter(|key| key != gone).collect();
            assert!(!is_taken(&keys, &strategy), "{} is taken without {gone}", form.tag);
        }
        let is_default = !form.needs.iter().any(|key| key == "strategy");
        assert_eq!(is_default, form.tag == "owner");
    }
}

/// What `.ci/schema.py` holds of a validator holds of the program, too.
#[test]
fn what_an_editor_underlines_the_program_refuses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/config/schema");
    let mut tried = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# refused: "), "{} does not say where it is wrong", path.display());
        assert!(Config::parse(&text, "f").is_err(), "{} is taken", path.display());
        tried += 1;
    }
    assert!(tried >= 10, "{tried} files");
}
