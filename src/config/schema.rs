//! The shape of the file: what may be written where. Its meaning is checked by `sources`, `environments` and
//! `signals`. The JSON schema is made from these types, and their descriptions are what an editor shows.

pub(super) mod flags;
pub(super) mod presets;
pub(super) mod rollback;

use super::at::{At, Span};
use super::duration::HumanDuration;
use super::kinds::{InputUnit, Limit, SignalKind};
use super::record::Record;
pub(super) use crate::settings::parser::{Named, Parsed};
use crate::setup::Confirm;
use crate::systems::declaration::{System, Table};
use crate::systems::registry;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Configuration of redflag.
#[derive(Debug, Default, JsonSchema)]
#[schemars(title = "redflag", deny_unknown_fields)]
pub(super) struct File {
    /// Colours: `auto` (dark or light, as the terminal's background is), `dark`, `light`, `colorblind`, `mono`, or a file's name in the configuration folder's `themes`.
    pub(super) theme: Option<At<String>>,
    /// Keys of the screen by action: `rollback = "R"` or `rollback = ["R", "ctrl-r"]`.
    #[schemars(with = "BTreeMap<String, OneOrMany>", default)]
    pub(super) keys: Vec<Named<OneOrMany>>,
    /// Records of watches.
    pub(super) record: Option<Record>,
    /// The systems that are read, by a name of your own.
    #[schemars(with = "BTreeMap<String, Source>")]
    pub(super) sources: Vec<Named<Option<Parsed<Source>>>>,
    /// Where deploys go, by a name of your own.
    #[schemars(with = "BTreeMap<String, Environment>")]
    pub(super) environments: Vec<Named<Option<Parsed<Environment>>>>,
    /// Whether each of its keys is known; not part of the file's shape.
    #[schemars(skip)]
    pub(super) whole: bool,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub(super) enum OneOrMany {
    /// A single text.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}

/// A system that is read, as its own table has it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) system: &'static System,
    /// `None` where it is nothing without an entry that was refused.
    pub(super) table: Option<Box<dyn Table>>,
}

impl JsonSchema for Source {
    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms: Vec<Schema> = registry::SYSTEMS.iter().map(|system| system.schema(generator)).collect();
        json_schema!({ "description": "A system that is read.", "oneOf": forms })
    }
}

/// Where a deploy goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// Meant when no environment is named; at most one.
    pub(super) default: Option<At<bool>>,
    /// Its public address: what probes ask.
    pub(super) url: Option<At<String>>,
    /// How long a deploy is watched after its rollout; default `30m`.
    pub(super) window: Option<At<HumanDuration>>,
    /// How much of the time before the deploy is compared with; default `60m`.
    pub(super) baseline: Option<At<HumanDuration>>,
    /// How much of the window each required signal must have been known for, in percent; default 90.
    pub(super) coverage: Option<At<u8>>,
    /// How long a rollout, or a rollback, may stand still: then it is warned of, and the window opens. Half as long again
    /// is a red flag.
    pub(super) rollout_deadline: Option<At<HumanDuration>>,
    /// What confirms a rollback; default `key`.
    pub(super) confirm: Option<ConfirmWith>,
    /// Read-only: never change anything; default `false`.
    pub(super) read_only: Option<bool>,
    /// Name of a kubernetes source; default: the only one.
    pub(super) cluster: Option<At<String>>,
    /// The kubeconfig's context, over the source's.
    pub(super) context: Option<At<String>>,
    /// The namespace of its workloads; default `default`.
    pub(super) namespace: Option<At<String>>,
    /// Its workloads when it has a single service, named after the first: `["deployment/app"]`.
    pub(super) workloads: Option<At<Vec<At<String>>>>,
    /// With `workloads`: the container whose image is the version; default: see the one of a service.
    pub(super) container: Option<At<String>>,
    /// Its services.
    pub(super) services: Option<Vec<Service>>,
    /// Presets, whose signals are judged as if they were written here; `redflag presets` lists them. A signal without
    /// `kind` changes theirs of its name, and one with a `kind` takes its place.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<presets::Written>")]
    pub(super) preset: Option<Vec<Parsed<presets::Use>>>,
    /// What is judged. The rollout of each workload always is.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<Vec<Signal>>")]
    pub(super) signals: Option<Vec<Parsed<Signal>>>,
    /// How a deploy is rolled back.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<rollback::Rollback>")]
    pub(super) rollback: Option<Parsed<rollback::Rollback>>,
    /// Feature flags that a person may turn off.
    #[serde(default, deserialize_with = "parsed_separately")]
    #[schemars(with = "Option<Vec<flags::Flags>>")]
    pub(super) flags: Option<Vec<Parsed<flags::Flags>>>,
    /// Where the environment's name stands; not part of the file's shape.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) header: Span,
}

/// What confirms a rollback.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConfirmWith {
    /// Nothing: the rollback key alone starts it.
    None,
    /// A second key.
    Key,
    /// The environment's name, typed.
    Type,
}

impl From<ConfirmWith> for Confirm {
    fn from(written: ConfirmWith) -> Self {
        match written {
            ConfirmWith::None => Self::None,
            ConfirmWith::Key => Self::Key,
            ConfirmWith::Type => Self::Type,
        }
    }
}

/// A part of the company with workloads and signals of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// What `$service` stands for.
    pub(super) name: At<String>,
    /// Its workloads; default `["deployment/NAME"]`.
    pub(super) workloads: Option<At<Vec<At<String>>>>,
    /// The container whose image is the version; default: the one in `kubectl.kubernetes.io/default-container`, else
    /// the one whose image changed, else the one named like the workload. Workloads without it go by the default.
    pub(super) container: Option<At<String>>,
    /// The services that it calls, by their names: a rollback rolls it back before them.
    pub(super) depends_on: Option<Vec<At<String>>>,
}

/// One judged series. Texts may hold `$service`, `$environment` and `$namespace`; queries `$version`, `$pods` and
/// `$workloads` too.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    /// What it measures: brings unit, rule and limits. Left out to change a preset's signal, which `name` says.
    pub(super) kind: Option<At<SignalKind>>,
    /// What it is called on screen; default by its kind.
    pub(super) name: Option<At<String>>,
    /// The source it is read from; default: the only one that can answer this kind.
    pub(super) source: Option<At<String>>,
    /// The service it speaks of; default: made once for each.
    pub(super) service: Option<At<String>>,
    /// The value itself.
    pub(super) query: Option<At<String>>,
    /// Failed requests in each bin, for error rates; with `requests`.
    pub(super) errors: Option<At<String>>,
    /// All requests in each bin, for error rates; with `errors`.
    pub(super) requests: Option<At<String>>,
    /// Grafana's data source, by uid; default: the source's.
    pub(super) datasource: Option<At<String>>,
    /// The unit in which the query answers; default: the kind's own.
    pub(super) unit: Option<At<InputUnit>>,
    /// Distance of the readings; default `30s` and no less than `scrape`, for Sentry `60s`.
    pub(super) step: Option<At<HumanDuration>>,
    /// How far apart the samples behind it are; default: the source's.
    pub(super) scrape: Option<At<HumanDuration>>,
    /// Sentry's projects, by slug or id; default: all that the token sees.
    pub(super) projects: Option<At<Vec<String>>>,
    /// The release as Sentry knows it; default `$service@$version`.
    pub(super) release: Option<At<String>>,
    /// Label matchers of alert rules, a monitor search, or further search terms for Sentry.
    pub(super) filter: Option<At<String>>,
    /// What a custom signal wants of Sentry.
    pub(super) want: Option<At<Want>>,
    /// The probe's path on the environment's address.
    pub(super) path: Option<At<String>>,
    /// The probe's address, instead of the environment's.
    pub(super) url: Option<At<String>>,
    /// The status that the probe expects; default: any 2xx.
    pub(super) status: Option<At<u16>>,
    /// How often the probe asks; default `10s`.
    pub(super) interval: Option<At<HumanDuration>>,
    /// How long the probe waits; default `5s`.
    pub(super) timeout: Option<At<HumanDuration>>,
    /// Whether the verdict waits for it; default `true`.
    pub(super) required: Option<bool>,
    /// Worse than this is a warning. With an objective also a burn rate of its error budget: `"burn 1"`.
    pub(super) warning: Option<At<Limit>>,
    /// Worse than this, held, is a red flag. With an objective also a burn rate of its error budget: `"burn 14.4"`.
    pub(super) red_flag: Option<At<Limit>>,
    /// More than this many percent over the baseline, held, is a red flag.
    pub(super) increase: Option<At<f64>>,
    /// How many readings in a row must agree.
    pub(super) hold: Option<At<u32>>,
    /// Fewer requests than this are too few to tell.
    pub(super) min_requests: Option<At<u64>>,
    /// The service level objective: so many percent of requests, sessions or tries are good.
    pub(super) objective: Option<At<f64>>,
    /// Over which time the objective is; default `30d`.
    pub(super) period: Option<At<HumanDuration>>,
    /// Where a person can look at it.
    pub(super) link: Option<At<String>>,
    /// The preset that it is of; not part of the file's shape.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) preset: Option<String>,
    /// Whether it is a preset's as it is, and stands nowhere in the file.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) is_brought: bool,
}

impl Signal {
    /// Whether it stands in the file itself, be it as a change of a preset's.
    pub(super) const fn is_written(&self) -> bool {
        !self.is_brought
    }
}

/// What a custom signal wants of Sentry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Want {
    /// Error events of the release, a minute.
    Errors,
}

/// For a table that is taken out and read by itself before the one around it: here it only has its name.
fn parsed_separately<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}
