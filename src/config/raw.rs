//! The shape of the file: what may be written where. Its meaning is checked by `sources`, `environments` and
//! `signals`. The JSON schema is made from these types, and their descriptions are what an editor shows.

pub(super) mod flags;
pub(super) mod rollback;

use super::at::{At, Span};
use super::kinds::{InputUnit, SignalKind};
use super::length::Length;
use super::secrets::SecretRef;
use crate::setup::Confirm;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Configuration of redflag.
#[derive(Debug, Default, JsonSchema)]
#[schemars(title = "redflag", deny_unknown_fields)]
pub(super) struct File {
    /// Colours: `dark`, `light`, `colorblind`, `mono`, or a file's name in the configuration folder's `themes`.
    pub(super) theme: Option<At<String>>,
    /// Keys of the screen by action: `rollback = "R"` or `rollback = ["R", "ctrl-r"]`.
    #[schemars(with = "BTreeMap<String, OneOrMany>", default)]
    pub(super) keys: Vec<Named<OneOrMany>>,
    /// The systems that are read, by a name of your own.
    #[schemars(with = "BTreeMap<String, Source>")]
    pub(super) sources: Vec<Named<Source>>,
    /// Where deploys go, by a name of your own.
    #[schemars(with = "BTreeMap<String, Environment>")]
    pub(super) environments: Vec<Named<Environment>>,
}

/// A table's entry with its name, in the file's order.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) name: At<String>,
    pub(super) value: T,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A system that is read.
#[derive(Debug, JsonSchema)]
#[schemars(tag = "kind", rename_all = "snake_case")]
pub(super) enum Source {
    /// A Kubernetes cluster.
    Kubernetes(Kubernetes),
    /// A Grafana, for the queries of its data sources and its alert rules.
    Grafana(Grafana),
    /// A Prometheus, or anything that speaks its API.
    Prometheus(Prometheus),
    /// A Sentry organization.
    Sentry(Sentry),
    /// A Datadog organization.
    Datadog(Datadog),
}

/// A Kubernetes cluster. Without any key: the current context of the usual kubeconfig.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Kubernetes {
    /// The kubeconfig's context; an environment may name another.
    pub(super) context: Option<At<String>>,
    /// A kubeconfig; default: `KUBECONFIG` and the usual places.
    pub(super) kubeconfig: Option<At<PathBuf>>,
    /// The API server's address, instead of a kubeconfig: `http://127.0.0.1:8001` for `kubectl proxy`.
    pub(super) url: Option<At<String>>,
    /// Bearer token, only with `url`.
    pub(super) token: Option<At<SecretRef>>,
    /// How long it may say nothing before it counts as silent; default `15s`.
    pub(super) interval: Option<At<Length>>,
    /// How long a call may take; default `10s`.
    pub(super) timeout: Option<At<Length>>,
}

/// A Grafana.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Grafana {
    /// Its address, with the sub-path where it has one.
    pub(super) url: At<String>,
    /// Service account token.
    pub(super) token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    pub(super) user: Option<At<String>>,
    /// Password of `user`.
    pub(super) password: Option<At<SecretRef>>,
    /// Uid of the data source that its signals ask when they name none.
    pub(super) datasource: Option<At<String>>,
    /// Number of the organization, for users of several.
    pub(super) organization: Option<At<u64>>,
    /// How far apart the samples of its series are; default: learned from the samples.
    pub(super) scrape: Option<At<Length>>,
    /// How often it is asked; default `15s`.
    pub(super) interval: Option<At<Length>>,
    /// How long an answer may take; default `5s`.
    pub(super) timeout: Option<At<Length>>,
}

/// A Prometheus, Mimir, Thanos or VictoriaMetrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Prometheus {
    /// Everything before `/api/v1`; may be Grafana's proxy: `…/api/datasources/proxy/uid/UID`.
    pub(super) url: At<String>,
    /// Bearer token.
    pub(super) token: Option<At<SecretRef>>,
    /// User, with `password`, instead of a token.
    pub(super) user: Option<At<String>>,
    /// Password of `user`.
    pub(super) password: Option<At<SecretRef>>,
    /// `X-Scope-OrgID`.
    pub(super) tenant: Option<At<String>>,
    /// The Alertmanager behind it, everything before `/api/v2`: its silences are heeded by signals of the kind alerts.
    pub(super) alertmanager: Option<At<String>>,
    /// How far apart the samples of its series are; default: learned from the samples.
    pub(super) scrape: Option<At<Length>>,
    /// How often it is asked; default `15s`.
    pub(super) interval: Option<At<Length>>,
    /// How long an answer may take; default `5s`.
    pub(super) timeout: Option<At<Length>>,
}

/// A Sentry organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sentry {
    /// Its address; default `https://sentry.io`, for the EU region `https://de.sentry.io`.
    pub(super) url: Option<At<String>>,
    /// Token with the scopes `org:read` and `event:read`.
    pub(super) token: At<SecretRef>,
    /// Slug or id of the organization.
    pub(super) organization: At<String>,
    /// Sentry's name of the environment; default: the environment's own name.
    pub(super) environment: Option<At<String>>,
    /// How often it is asked; default `60s`.
    pub(super) interval: Option<At<Length>>,
    /// How long an answer may take; default `10s`.
    pub(super) timeout: Option<At<Length>>,
}

/// A Datadog organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Datadog {
    /// Its site; default `datadoghq.com`.
    pub(super) site: Option<At<String>>,
    /// Address of the API, instead of a site.
    pub(super) url: Option<At<String>>,
    /// API key.
    pub(super) api_key: At<SecretRef>,
    /// Application key that may read metrics and monitors.
    pub(super) application_key: At<SecretRef>,
    /// How often it is asked; default `30s`.
    pub(super) interval: Option<At<Length>>,
    /// How long an answer may take; default `10s`.
    pub(super) timeout: Option<At<Length>>,
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
    pub(super) window: Option<At<Length>>,
    /// How much of the time before the deploy is compared with; default `60m`.
    pub(super) baseline: Option<At<Length>>,
    /// How much of the window each required signal must have been known for, in percent; default 90.
    pub(super) coverage: Option<At<u8>>,
    /// How long a rollout, or a rollback, may stand still: then it is warned of, and the window opens. Half as long again
    /// is a red flag.
    pub(super) rollout_deadline: Option<At<Length>>,
    /// What confirms a rollback; default `key`.
    pub(super) confirm: Option<ConfirmWith>,
    /// Refuse every change of the outside; default `false`.
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
    /// What is judged. The rollout of each workload always is.
    pub(super) signals: Option<Vec<Signal>>,
    /// How a deploy is taken back.
    #[serde(default, deserialize_with = "read_apart")]
    pub(super) rollback: Option<rollback::Rollback>,
    /// Feature flags that a person may turn off.
    #[serde(default, deserialize_with = "read_apart")]
    pub(super) flags: Option<Vec<flags::Flags>>,
    /// Where the environment's name stands; not part of the file's shape.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) header: Span,
}

/// What a person must do to confirm a rollback.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConfirmWith {
    /// Nothing.
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
    /// The services that it calls, by their names: a rollback takes it back before them.
    pub(super) depends_on: Option<Vec<At<String>>>,
}

/// One judged series. Texts may hold `$service`, `$environment` and `$namespace`; queries `$version` too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    /// What it measures: brings unit, rule and limits.
    pub(super) kind: At<SignalKind>,
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
    pub(super) step: Option<At<Length>>,
    /// How far apart the samples behind it are; default: the source's.
    pub(super) scrape: Option<At<Length>>,
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
    pub(super) interval: Option<At<Length>>,
    /// How long the probe waits; default `5s`.
    pub(super) timeout: Option<At<Length>>,
    /// Whether the verdict waits for it; default `true`.
    pub(super) required: Option<bool>,
    /// Worse than this is a warning.
    pub(super) warning: Option<At<f64>>,
    /// Worse than this, held, is a red flag.
    pub(super) red_flag: Option<At<f64>>,
    /// More than this many percent over the baseline, held, is a red flag.
    pub(super) increase: Option<At<f64>>,
    /// How many readings in a row must agree.
    pub(super) hold: Option<At<u32>>,
    /// Fewer requests than this are too few to tell.
    pub(super) min_requests: Option<At<u64>>,
    /// Where a person can look at it.
    pub(super) link: Option<At<String>>,
}

/// What a custom signal wants of Sentry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Want {
    /// Error events of the release, a minute.
    Errors,
}

/// For a table that is taken out and read by itself before the one around it: here it only has its name.
fn read_apart<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}
