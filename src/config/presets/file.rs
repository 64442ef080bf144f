//! A preset's file: its shape, and what must hold of it.

use super::selectors::{Selector, matchers, of_query};
use crate::config::ConfigError;
use crate::config::kinds::{InputUnit, Limit, SignalKind};
use crate::config::problem::{Document, Problem, Problems, list};
use crate::settings::at::At;
use crate::settings::parser::{Parsed, Parser};
use crate::signal::Kind;
use crate::systems::declaration::{Form, series};
use crate::template::Template;
use serde::Deserialize;
use std::fmt;
use toml::de::DeTable;

/// The label matchers of a service's own pods, by whatever names a scrape gives to namespace and pod: those of
/// Prometheus' usual configurations and of its operator, of `OpenTelemetry`'s resource attributes, and the job alone.
const OF_PODS: [&str; 4] = [
    "namespace=\"$namespace\",pod=~\"$pods\"",
    "kubernetes_namespace=\"$namespace\",kubernetes_pod_name=~\"$pods\"",
    "k8s_namespace_name=\"$namespace\",k8s_pod_name=~\"$pods\"",
    "job=~\"(.+/)?$service\"",
];

/// The labels of a service's own series that say which version they are of.
const OF_VERSIONS: [&str; 3] = ["service_version", "app_kubernetes_io_version", "version"];

/// The variables that a preset's query may hold.
const VARIABLES: [&str; 9] =
    ["match", "service", "environment", "namespace", "pods", "workloads", "__interval", "__rate_interval", "__range"];

/// Who measures. Where several tell the same, one of them is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A proxy beside each pod.
    Mesh,
    /// The service itself.
    Service,
    /// A proxy at the edge of the cluster.
    Ingress,
    /// A system that the service uses, of what the service does with it.
    Dependency,
    /// The node, of each container.
    Node,
    /// The service's own process, of itself.
    Process,
}

impl Layer {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Service => "service",
            Self::Ingress => "ingress",
            Self::Dependency => "dependency",
            Self::Node => "node",
            Self::Process => "process",
        }
    }
}

/// A family of metrics.
#[derive(Debug, Clone)]
pub struct Preset {
    /// The name of its file.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Where its names come from: projects and versions.
    pub origin: Vec<String>,
    /// Who measures.
    pub layer: Layer,
    /// What its requests, errors and latencies are of: `http`, `rpc`. Of what two have in common, one is taken.
    pub covers: Vec<String>,
    /// It is there where there is any of these series.
    pub recognised: Vec<Sign>,
    /// Label matchers of a service's series, the likeliest first. Never empty.
    pub matchers: Vec<String>,
    /// Labels that may say the version.
    pub version_labels: Vec<String>,
    /// Its signals. Those of one name are variants of one another, the usual one first.
    pub signals: Vec<PresetSignal>,
}

/// Series by which a preset is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Their name.
    pub name: String,
    /// Labels that they all have.
    pub labels: Vec<String>,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.labels.is_empty() { Ok(()) } else { write!(f, "{{{}}}", self.labels.join(",")) }
    }
}

/// A signal of a preset.
#[derive(Debug, Clone)]
pub struct PresetSignal {
    /// What it is called on screen.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// Which variant of it, where there are several.
    pub variant: Option<String>,
    /// Series and labels that are not there before the first event.
    pub late: Vec<String>,
    /// What it asks.
    pub(super) asks: Asks,
    /// Its other keys.
    pub(super) table: SignalTable,
}

/// What a signal asks.
#[derive(Debug, Clone)]
pub(super) enum Asks {
    /// Its value.
    Value(Question),
    /// What failed, and everything.
    Counts(Question, Question),
}

/// A query, and what it reads.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) selectors: Vec<Selector>,
}

impl PresetSignal {
    /// The queries as they are written, `$match` in them.
    pub fn queries(&self) -> Vec<&str> {
        match &self.asks {
            Asks::Value(query) => vec![&query.text],
            Asks::Counts(errors, requests) => vec![&errors.text, &requests.text],
        }
    }

    /// The unit that it answers in, as it is written; `None` for counts, and where it is the kind's own.
    pub fn unit(&self) -> Option<&'static str> {
        self.table.unit.as_ref().map(|unit| unit.as_str())
    }

    /// Its selectors, and whether what each of them selects may be missing while nothing fails.
    pub(super) fn selectors(&self) -> impl Iterator<Item = (&Selector, bool)> {
        let (failures, all) = match &self.asks {
            Asks::Value(query) => (query, None),
            Asks::Counts(errors, requests) => (errors, Some(requests)),
        };
        let of_failures = all.is_some() || self.kind == Kind::ServerErrors;
        let rest = all.into_iter().flat_map(|all| all.selectors.iter().map(|selector| (selector, false)));
        failures.selectors.iter().map(move |selector| (selector, of_failures)).chain(rest)
    }
}

/// A signal as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalTable {
    pub(super) name: At<String>,
    pub(super) kind: At<SignalKind>,
    variant: Option<At<String>>,
    late: Option<Vec<String>>,
    query: Option<At<String>>,
    errors: Option<At<String>>,
    requests: Option<At<String>>,
    pub(super) unit: Option<At<InputUnit>>,
    pub(super) required: Option<bool>,
    pub(super) warning: Option<At<Limit>>,
    pub(super) red_flag: Option<At<Limit>>,
    pub(super) increase: Option<At<f64>>,
    pub(super) hold: Option<At<u32>>,
    pub(super) min_requests: Option<At<u64>>,
}

/// A file without its signals.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    about: String,
    origin: Vec<String>,
    layer: Layer,
    #[serde(default)]
    covers: Vec<String>,
    recognised: At<Vec<At<String>>>,
    #[serde(rename = "match", default)]
    matchers: Vec<At<String>>,
    version_labels: Option<Vec<String>>,
}

/// Reads a preset's file; `label` is its name in what is reported.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn read(name: &str, label: &str, text: &str) -> Result<Preset, ConfigError> {
    let document = Document::new(label, text, Vec::new());
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let problem = Problem::new(&span, format!("this is not TOML: {}", error.message().trim()));
        ConfigError::Invalid(vec![document.diagnose(problem)])
    })?;
    let mut parser = Parser::default();
    let span = root.span();
    let mut root = root.into_inner();
    let signals = root.remove_entry("signals").map(|entry| parser.list::<SignalTable>(entry)).unwrap_or_default();
    let head: Option<Head> = parser.entries(root, span, &(0..0));
    let mut problems = parser.problems;
    let preset = head.map(|head| preset(name, head, signals, &mut problems));
    problems.into_result(&document)?;
    preset.ok_or_else(|| ConfigError::Invalid(Vec::new()))
}

fn preset(name: &str, head: Head, signals: Vec<Parsed<SignalTable>>, problems: &mut Problems) -> Preset {
    let recognised: Vec<Sign> = head.recognised.iter().filter_map(|written| sign(written, problems)).collect();
    if head.recognised.is_empty() {
        problems.push(Problem::new(&head.recognised.span, "a preset is recognised by at least one name of a series"));
    }
    for written in &head.matchers {
        if let Err(why) = matchers(written) {
            problems.push(
                Problem::new(&written.span, format!("these are no label matchers: {}", first_line(&why)))
                    .way_out("write them as between { and }: namespace=\"$namespace\",pod=~\"$pods\""),
            );
        }
    }
    let own: Vec<String> = head.matchers.into_iter().map(|written| written.value).collect();
    let matchers = if own.is_empty() { OF_PODS.map(str::to_owned).to_vec() } else { own };
    if signals.is_empty() {
        problems.push(Problem::new(&(0..0), "a preset has at least one of [[signals]]"));
    }
    let signals: Vec<PresetSignal> =
        signals.into_iter().filter_map(|Parsed { value, .. }| signal(value, problems)).collect();
    for (place, twin) in signals.iter().enumerate() {
        let is_twin = |other: &PresetSignal| other.name == twin.name && other.variant == twin.variant;
        if signals[..place].iter().any(is_twin) {
            let message = format!("there is a signal `{}` already", twin.name);
            problems.push(
                Problem::new(&twin.table.name.span, message).way_out("give one of them a variant = \"…\" of its own"),
            );
        }
    }
    let version_labels = head.version_labels.unwrap_or_else(|| OF_VERSIONS.map(str::to_owned).to_vec());
    Preset {
        name: name.to_owned(),
        about: head.about,
        origin: head.origin,
        layer: head.layer,
        covers: head.covers,
        recognised,
        matchers,
        version_labels,
        signals,
    }
}

/// `name`, or `name{label,label}`.
fn sign(written: &At<String>, problems: &mut Problems) -> Option<Sign> {
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'))
    };
    let (name, labels) = match written.split_once('{') {
        None => (written.as_str(), Vec::new()),
        Some((name, rest)) => {
            let labels = rest.strip_suffix('}').unwrap_or("?").split(',').map(|label| label.trim().to_owned());
            (name, labels.collect())
        }
    };
    if !is_name(name) || !labels.iter().all(|label| is_name(label)) {
        problems.push(
            Problem::new(&written.span, "this is no name of a series").label("expected name, or name{label,label}"),
        );
        return None;
    }
    Some(Sign { name: name.to_owned(), labels })
}

fn signal(table: SignalTable, problems: &mut Problems) -> Option<PresetSignal> {
    let kind = table.kind.value.0;
    if series(kind, false) != Some(Form::Series) {
        problems.push(Problem::new(&table.kind.span, format!("{} has no query", kind.as_str())));
        return None;
    }
    if let Some(unit) = table.unit.as_ref().filter(|unit| unit.for_kind(kind).is_none()) {
        problems.push(
            Problem::new(&unit.span, format!("{} cannot be in {}", kind.as_str(), unit.as_str()))
                .label(format!("expected one of: {}", list(&InputUnit::names_for(kind)))),
        );
    }
    let mut asked = |query: &At<String>| question(query, problems);
    let asks = match (&table.query, &table.errors, &table.requests) {
        (Some(query), None, None) => Some(Asks::Value(asked(query)?)),
        (None, Some(errors), Some(requests)) if kind == Kind::ErrorRate => {
            let (errors, requests) = (asked(errors), asked(requests));
            Some(Asks::Counts(errors?, requests?))
        }
        _ => None,
    };
    let Some(asks) = asks else {
        problems.push(
            Problem::new(&table.name.span, "this signal does not say what it asks")
                .way_out("add query = '…', or errors = '…' and requests = '…' for an error_rate"),
        );
        return None;
    };
    Some(PresetSignal {
        name: table.name.value.clone(),
        kind,
        variant: table.variant.as_ref().map(|variant| variant.value.clone()),
        late: table.late.clone().unwrap_or_default(),
        asks,
        table,
    })
}

fn question(query: &At<String>, problems: &mut Problems) -> Option<Question> {
    for reference in Template::foreign(query).references() {
        if !VARIABLES.contains(&reference.name) {
            let known: Vec<String> = VARIABLES.iter().map(|name| format!("${name}")).collect();
            problems.push(
                Problem::new(&query.part(&reference.at), format!("unknown variable `${}`", reference.name))
                    .way_out(format!("known here: {}", list(&known))),
            );
            return None;
        }
    }
    match of_query(query) {
        Ok(selectors) => Some(Question { text: query.value.clone(), selectors }),
        Err(why) => {
            problems.push(Problem::new(&query.span, format!("this query cannot be read: {}", first_line(&why))));
            None
        }
    }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RIGHT: &str = include_str!("../../../presets/istio.toml");

    proptest! {
        #[test]
        fn any_text_is_a_preset_or_refused_with_a_place(text in ".{0,200}") {
            if let Err(error) = read("x", "x.toml", &text) {
                prop_assert!(error.to_string().starts_with("x.toml:"), "{}", error);
            }
        }

        #[test]
        fn a_line_that_is_lost_or_said_twice_is_taken_or_refused_with_a_place(
            at in 0..RIGHT.lines().count(),
            twice in any::<bool>(),
        ) {
            let mut lines: Vec<&str> = RIGHT.lines().collect();
            let line = lines.remove(at);
            if twice {
                lines.insert(at, line);
                lines.insert(at, line);
            }
            if let Err(error) = read("x", "x.toml", &lines.join("\n")) {
                prop_assert!(error.to_string().starts_with("x.toml:"), "{}", error);
            }
        }
    }
}
