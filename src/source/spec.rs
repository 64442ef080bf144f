//! Words: what each source is told. Configuration writes them, adapters read them.

use crate::deploy::{ServiceId, WorkloadId, WorkloadRef};
use crate::secret::Secret;
use crate::signal::{SignalId, Unit};
use chrono::TimeDelta;
use std::path::PathBuf;
use std::time::Duration;

/// One source, whole.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceSpec {
    /// See [`GrafanaSpec`].
    Grafana(GrafanaSpec),
    /// See [`PrometheusSpec`].
    Prometheus(PrometheusSpec),
    /// See [`SentrySpec`].
    Sentry(SentrySpec),
    /// See [`DatadogSpec`].
    Datadog(DatadogSpec),
    /// See [`ProbeSpec`].
    Probe(ProbeSpec),
    /// See [`ClusterSpec`].
    Kubernetes(ClusterSpec),
}

/// Where a source is and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The source's name in the configuration, for errors.
    pub name: String,
    /// Base address, without a trailing slash; may contain a path.
    pub url: String,
    /// The whole of one exchange may take this long.
    pub timeout: Duration,
}

/// How a source knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    None,
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// A series to read. In `expr`, all variables but `$version` and the source's own are already filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesQuery {
    /// Whose readings these are.
    pub signal: SignalId,
    /// Whose `$version` is meant.
    pub service: ServiceId,
    /// The query.
    pub expr: Expr,
    /// The distance of the bins.
    pub step: TimeDelta,
    /// Multiplied into each value: 100 for a fraction that is shown in percent.
    pub scale: f64,
    /// What the readings mean.
    pub meaning: Meaning,
    /// How far apart the series' own samples are, where the configuration says so.
    pub scrape: Option<TimeDelta>,
}

/// What the readings of a query mean to whoever judges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The unit they are kept in.
    pub unit: Unit,
    /// Whether the configuration names the unit of the answers; else it is the kind's own.
    pub unit_is_stated: bool,
    /// Whether the verdict waits for them.
    pub required: bool,
}

impl Default for Meaning {
    /// A plain number that nobody waits for.
    fn default() -> Self {
        Self { unit: Unit::Number, unit_is_stated: false, required: false }
    }
}

/// One query, or the two behind a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// The value itself.
    Value(String),
    /// Counts in each bin; joined by their stamps.
    Counts {
        /// Failed requests.
        errors: String,
        /// All requests.
        requests: String,
    },
}

/// Alert rules or monitors to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuery {
    /// Whose count they are.
    pub signal: SignalId,
    /// Which: label matchers for Grafana and Prometheus (`service=app, env=production`), a monitor search for Datadog.
    pub filter: String,
}

/// Grafana: several signals in one `/api/ds/query`, and the states of its alert rules.
#[derive(Debug, Clone, PartialEq)]
pub struct GrafanaSpec {
    /// Where.
    pub endpoint: Endpoint,
    /// Service account token, or user and password.
    pub auth: Auth,
    /// `X-Grafana-Org-Id`.
    pub organization: Option<u64>,
    /// By data source: uid and its queries. One request each.
    pub datasources: Vec<(String, Vec<SeriesQuery>)>,
    /// Alert rules.
    pub alerts: Vec<AlertQuery>,
}

/// Prometheus or anything that speaks its API, directly or through Grafana's data source proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusSpec {
    /// Where: everything before `/api/v1`.
    pub endpoint: Endpoint,
    /// Whatever the proxy in front wants.
    pub auth: Auth,
    /// `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// What to read.
    pub queries: Vec<SeriesQuery>,
    /// Alert rules that it evaluates.
    pub alerts: Vec<AlertQuery>,
    /// The Alertmanager behind it: everything before `/api/v2`. Its silences are heeded.
    pub alertmanager: Option<String>,
}

/// Sentry.
#[derive(Debug, Clone, PartialEq)]
pub struct SentrySpec {
    /// Where: everything before `/api/0`.
    pub endpoint: Endpoint,
    /// Token with `org:read` and `event:read`.
    pub token: Secret,
    /// Slug or id.
    pub organization: String,
    /// Sentry's own name of the environment, where it is not ours.
    pub environment: Option<String>,
    /// What to read.
    pub queries: Vec<SentryQuery>,
}

/// What to read from Sentry for one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct SentryQuery {
    /// Whose readings these are.
    pub signal: SignalId,
    /// Whose `$version` is meant.
    pub service: ServiceId,
    /// Project slugs or ids; none means all that the token sees.
    pub projects: Vec<String>,
    /// The release's name, with `$version` in it: `app@$version`.
    pub release: String,
    /// What is wanted.
    pub want: SentryWant,
    /// Further search terms.
    pub filter: Option<String>,
    /// The distance of the bins.
    pub step: TimeDelta,
}

/// What Sentry can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentryWant {
    /// Issues first seen or regressed in the release; readings: their events a minute.
    NewIssues,
    /// Error events of any issue in the release, a minute.
    ErrorCount,
    /// Crash-free sessions, percent.
    CrashFree,
}

/// Datadog.
#[derive(Debug, Clone, PartialEq)]
pub struct DatadogSpec {
    /// Where: `https://api.` and the site.
    pub endpoint: Endpoint,
    /// `DD-API-KEY`.
    pub api_key: Secret,
    /// `DD-APPLICATION-KEY`.
    pub application_key: Secret,
    /// Metric queries (or formulas over one), asked in one request.
    pub queries: Vec<SeriesQuery>,
    /// Monitor searches.
    pub monitors: Vec<AlertQuery>,
}

/// One address that must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSpec {
    /// Where; asked with GET, without credentials. The timeout counts as a failure.
    pub endpoint: Endpoint,
    /// The signal it feeds: milliseconds, or [`crate::signal::Sample::Empty`] for a failed try.
    pub signal: SignalId,
    /// The status that is expected; `None` means any 2xx.
    pub status: Option<u16>,
}

/// A cluster and the workloads to watch there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The source's name in the configuration, for errors.
    pub name: String,
    /// How to get there.
    pub access: ClusterAccess,
    /// Each call that is not a watch may take this long.
    pub timeout: Duration,
    /// What to watch.
    pub workloads: Vec<(WorkloadId, WorkloadRef)>,
    /// The main containers that the configuration names, one for each service that has the setting.
    pub containers: Vec<MainContainer>,
}

impl ClusterSpec {
    /// The main container of a workload, where the configuration names it.
    pub fn container(&self, id: WorkloadId) -> Option<&str> {
        let of = self.containers.iter().find(|container| container.workloads.contains(&id));
        of.map(|container| container.name.as_str())
    }
}

/// The setting `container` of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainContainer {
    /// The container's name.
    pub name: String,
    /// The workloads of the service, of which at least one must have it.
    pub workloads: Vec<WorkloadId>,
}

/// How to get to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterAccess {
    /// A kubeconfig (`KUBECONFIG` and the usual places when no path is given), else in-cluster.
    Kubeconfig {
        /// The file.
        path: Option<PathBuf>,
        /// The context; the current one when not given.
        context: Option<String>,
    },
    /// An address (`kubectl proxy`, the demo).
    Direct {
        /// The API server.
        url: String,
        /// Bearer token.
        token: Option<Secret>,
    },
}
