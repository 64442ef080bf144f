//! `presets/NAME.test.toml`: what is scraped, and what its preset has to make of it. Used by the tests that are always
//! run and by those against a real Prometheus, a part of it by each.
#![allow(dead_code, unreachable_pub)]

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, parse};
use redflag::config::presets::{Found, Preset, Series, Whose, recognise};
use redflag::deploy::{WorkloadKind, WorkloadRef};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    pub tests: Vec<Case>,
}

/// One service that is scraped every 15 s. It is the service `app` in the namespace `shop`, a Deployment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The labels that the scrape adds; default: those of one of the service's pods.
    target: Option<BTreeMap<String, String>>,
    /// The version that serves.
    version: Option<String>,
    /// Other presets that these series are of, too.
    #[serde(default)]
    pub also: Vec<String>,
    /// What the first scrape shows. With each further one counters grow by as much, and gauges stay.
    exposition: String,
    /// Native histograms, which have no form in text: they grow like counters.
    #[serde(default)]
    native: Vec<Native>,
    /// Each signal that is found, and the value of it, in its own unit; counts are those of 30 s.
    pub expected: BTreeMap<String, Expected>,
    /// Each that is not, and why.
    #[serde(default)]
    pub left_out: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Native {
    series: String,
    schema: i32,
    /// The index of the first bucket.
    offset: i32,
    buckets: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Expected {
    Counts { errors: f64, requests: f64 },
    Value(f64),
}

/// A series and what a scrape finds of it.
#[derive(Debug, Clone)]
pub struct Scraped {
    pub series: Series,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    /// Stays as it is.
    Gauge(f64),
    /// Grows by so much with each scrape.
    Counter(f64),
    /// Grows by these counts, of buckets from an index on.
    Native { schema: i32, offset: i32, buckets: Vec<u64> },
}

/// The cases of a preset; none where it has no file of them.
pub fn of(preset: &str) -> Vec<Case> {
    let path = folder().join(format!("{preset}.test.toml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    cases.tests
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("presets")
}

impl Case {
    /// What is scraped, with the labels of the scrape. Names in it are of the namespace `shop`; `namespace` takes its place.
    pub fn scraped(&self, namespace: &str) -> Vec<Scraped> {
        let own = |text: &str| text.replace("shop", namespace);
        let target = self.target.clone().unwrap_or_else(|| {
            let pod =
                [("namespace", "shop"), ("pod", "app-7c9d8b5f4d-x2x8k"), ("container", "app"), ("job", "shop/app")];
            pod.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        });
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut scraped = Vec::new();
        let mut add = |text: &str, value: Value| {
            let mut series = series(&own(text));
            for (name, value) in &target {
                let clash = series.labels.insert(name.clone(), own(value));
                assert_eq!(clash, None, "{}: a scrape renames {name}: write exported_{name}", self.name);
            }
            scraped.push(Scraped { series, value });
        };
        for line in self.exposition.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').unwrap_or_else(|| panic!("{line}"));
                kinds.insert(name, kind);
                continue;
            }
            if line.starts_with('#') {
                continue;
            }
            let (text, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{}: {line}", self.name));
            let value: f64 = value.parse().unwrap_or_else(|error| panic!("{}: {line}: {error}", self.name));
            let name = text.split('{').next().unwrap_or_default();
            let of_histogram =
                ["_bucket", "_sum", "_count"].iter().find_map(|part| kinds.get(name.strip_suffix(part)?));
            let value = match kinds.get(name).or(of_histogram) {
                Some(&"gauge") => Value::Gauge(value),
                Some(&("counter" | "histogram")) => Value::Counter(value),
                other => panic!("{}: {line}: {other:?} is no # TYPE that is known here", self.name),
            };
            add(text, value);
        }
        for Native { series, schema, offset, buckets } in self.native.clone() {
            add(&series, Value::Native { schema, offset, buckets });
        }
        scraped
    }

    /// What is made of it by these presets.
    pub fn recognised(&self, presets: &[Preset], namespace: &str) -> Vec<Found> {
        let series: Vec<Series> = self.scraped(namespace).into_iter().map(|scraped| scraped.series).collect();
        let reference =
            WorkloadRef { kind: WorkloadKind::Deployment, namespace: namespace.to_owned(), name: "app".to_owned() };
        let versions: Vec<&str> = self.version.as_deref().into_iter().collect();
        let whose = Whose {
            service: "app",
            environment: "production",
            namespace,
            workloads: &[reference],
            versions: &versions,
        };
        recognise(presets, &series, &whose)
    }

    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

/// `name{label="value"}`.
pub fn series(text: &str) -> Series {
    let Ok(Expr::VectorSelector(selector)) = parse(text) else { panic!("{text} is no series") };
    let labels = selector.matchers.matchers.iter().map(|matcher| {
        assert_eq!(matcher.op, MatchOp::Equal, "{text}");
        (matcher.name.clone(), matcher.value.clone())
    });
    // An empty label is none.
    let labels = labels.filter(|(_, value)| !value.is_empty()).collect();
    Series { name: selector.name.unwrap_or_else(|| panic!("{text} has no name")), labels }
}

/// A configuration with one preset, as it was found.
pub fn configuration(preset: &str, source: &str, namespace: &str) -> String {
    format!(
        "[sources.kubernetes]\nkind = \"kubernetes\"\n[sources.metrics]\n{source}\n[environments.production]\n\
         namespace = \"{namespace}\"\nworkloads = [\"deployment/app\"]\npreset = {preset}\n"
    )
}
