//! Sources, checked: where each is, how it knows us, what it can answer.

use super::address::{self, Tail};
use super::at::At;
use super::length::{Length, format_length};
use super::problem::{Problem, Problems};
use super::raw;
use super::secrets::SecretRef;
use crate::signal::Kind;
use chrono::TimeDelta;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// How often a source may be asked.
pub(super) const INTERVALS: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::minutes(15);
/// How far apart a series' samples may be.
pub(super) const SCRAPES: RangeInclusive<TimeDelta> = TimeDelta::seconds(1)..=TimeDelta::minutes(15);
/// How long an answer may take.
pub(super) const TIMEOUTS: RangeInclusive<TimeDelta> = TimeDelta::milliseconds(100)..=TimeDelta::minutes(2);

/// A source without its secrets.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) interval: TimeDelta,
    pub(super) timeout: Duration,
    pub(super) system: System,
}

/// What is behind a source.
#[derive(Debug)]
pub(super) enum System {
    Kubernetes(Access),
    Grafana {
        url: String,
        auth: Auth,
        organization: Option<u64>,
        datasource: Option<String>,
        scrape: Option<TimeDelta>,
    },
    Prometheus {
        url: String,
        auth: Auth,
        tenant: Option<String>,
        alertmanager: Option<String>,
        scrape: Option<TimeDelta>,
    },
    Sentry {
        url: String,
        token: At<SecretRef>,
        organization: String,
        environment: Option<String>,
    },
    Datadog {
        url: String,
        api_key: At<SecretRef>,
        application_key: At<SecretRef>,
    },
}

/// How to get to a cluster.
#[derive(Debug)]
pub(super) enum Access {
    Kubeconfig { path: Option<PathBuf>, context: Option<String> },
    Direct { url: String, token: Option<At<SecretRef>> },
}

/// How a source knows us.
#[derive(Debug)]
pub(super) enum Auth {
    None,
    Bearer(At<SecretRef>),
    Basic { user: String, password: At<SecretRef> },
}

/// The kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SystemKind {
    Kubernetes,
    Grafana,
    Prometheus,
    Sentry,
    Datadog,
}

impl SystemKind {
    /// Every kind.
    pub(super) const ALL: [Self; 5] = [Self::Kubernetes, Self::Grafana, Self::Prometheus, Self::Sentry, Self::Datadog];

    /// Its name in the file.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Grafana => "grafana",
            Self::Prometheus => "prometheus",
            Self::Sentry => "sentry",
            Self::Datadog => "datadog",
        }
    }

    /// Whether it can answer a signal of this kind. `wants` tells custom signals of Sentry from those with a query.
    pub(super) fn answers(self, kind: Kind, wants: bool) -> bool {
        match self {
            Self::Kubernetes => false,
            Self::Sentry => matches!(kind, Kind::NewIssues | Kind::CrashFree) || (kind == Kind::Custom && wants),
            Self::Grafana | Self::Prometheus | Self::Datadog => match kind {
                Kind::Rollout | Kind::Probe | Kind::NewIssues | Kind::CrashFree => false,
                Kind::Custom => !wants,
                _ => true,
            },
        }
    }
}

impl System {
    /// Of which kind it is.
    pub(super) const fn kind(&self) -> SystemKind {
        match self {
            Self::Kubernetes(_) => SystemKind::Kubernetes,
            Self::Grafana { .. } => SystemKind::Grafana,
            Self::Prometheus { .. } => SystemKind::Prometheus,
            Self::Sentry { .. } => SystemKind::Sentry,
            Self::Datadog { .. } => SystemKind::Datadog,
        }
    }

    /// What it can answer, for people.
    pub(super) fn abilities(&self) -> &'static str {
        match self {
            Self::Kubernetes(_) => "a kubernetes source answers rollouts alone, which are always watched",
            Self::Sentry { .. } => {
                "a sentry source answers new_issues, crash_free and, with want = \"errors\", custom signals"
            }
            Self::Prometheus { .. } => "a prometheus source answers all but new_issues, crash_free and probe",
            Self::Grafana { .. } => "a grafana source answers all but new_issues, crash_free and probe",
            Self::Datadog { .. } => "a datadog source answers all but new_issues, crash_free and probe",
        }
    }
}

/// Checks every source; those that are wrong are left out and complained of.
pub(super) fn check(raw: Vec<raw::Named<raw::Source>>, problems: &mut Problems) -> Vec<Source> {
    raw.into_iter().filter_map(|raw::Named { name, value }| source(name, value, problems)).collect()
}

fn source(name: At<String>, raw: raw::Source, problems: &mut Problems) -> Option<Source> {
    let (system, pace) = match raw {
        raw::Source::Kubernetes(raw) => {
            (kubernetes(&raw, problems), pace(raw.interval.as_ref(), raw.timeout.as_ref(), 15, 10, problems))
        }
        raw::Source::Grafana(raw) => {
            let pace = pace(raw.interval.as_ref(), raw.timeout.as_ref(), 15, 5, problems);
            let auth = auth(&name, raw.token, raw.user, raw.password, problems);
            let url = address::check(&raw.url, Tail::None, problems);
            let datasource = raw.datasource.map(|at| at.value);
            let organization = raw.organization.map(|at| at.value);
            let scrape = scrape(raw.scrape.as_ref(), problems);
            (url.zip(auth).map(|(url, auth)| System::Grafana { url, auth, organization, datasource, scrape }), pace)
        }
        raw::Source::Prometheus(raw) => {
            let pace = pace(raw.interval.as_ref(), raw.timeout.as_ref(), 15, 5, problems);
            let auth = auth(&name, raw.token, raw.user, raw.password, problems);
            let url = address::check(&raw.url, Tail::None, problems);
            let tenant = raw.tenant.map(|at| at.value);
            // One that is wrong is complained of, and must not be taken for one that was left out.
            let alertmanager = raw.alertmanager.as_ref().map(|at| address::check(at, Tail::None, problems));
            let fine = !matches!(alertmanager, Some(None));
            let alertmanager = alertmanager.flatten();
            let scrape = scrape(raw.scrape.as_ref(), problems);
            let system = url.zip(auth).filter(|_| fine);
            (system.map(|(url, auth)| System::Prometheus { url, auth, tenant, alertmanager, scrape }), pace)
        }
        raw::Source::Sentry(raw) => {
            let pace = pace(raw.interval.as_ref(), raw.timeout.as_ref(), 60, 10, problems);
            let url = address::or_usual(raw.url.as_ref(), "https://sentry.io", problems);
            let (token, organization) = (raw.token, raw.organization.value);
            let environment = raw.environment.map(|at| at.value);
            (url.map(|url| System::Sentry { url, token, organization, environment }), pace)
        }
        raw::Source::Datadog(raw) => {
            let pace = pace(raw.interval.as_ref(), raw.timeout.as_ref(), 30, 10, problems);
            let url = datadog_url(raw.site.as_ref(), raw.url.as_ref(), problems);
            let (api_key, application_key) = (raw.api_key, raw.application_key);
            (url.map(|url| System::Datadog { url, api_key, application_key }), pace)
        }
    };
    let (interval, timeout) = pace?;
    Some(Source { name: name.value, interval, timeout, system: system? })
}

/// Interval and timeout, with the defaults (in seconds) of their kind.
fn pace(
    interval: Option<&At<Length>>,
    timeout: Option<&At<Length>>,
    default_interval: i64,
    default_timeout: i64,
    problems: &mut Problems,
) -> Option<(TimeDelta, Duration)> {
    let interval = length("interval", interval, TimeDelta::seconds(default_interval), &INTERVALS, problems);
    let timeout = length("timeout", timeout, TimeDelta::seconds(default_timeout), &TIMEOUTS, problems);
    Some((interval?, timeout?.to_std().ok()?))
}

/// How far apart samples are, where it is said. What is out of range is complained of.
pub(super) fn scrape(written: Option<&At<Length>>, problems: &mut Problems) -> Option<TimeDelta> {
    let written = written?;
    if SCRAPES.contains(&written.0) {
        return Some(written.0);
    }
    let (shortest, longest) = (format_length(*SCRAPES.start()), format_length(*SCRAPES.end()));
    problems.push(
        Problem::new(&written.span, "this `scrape` is out of range")
            .label(format!("expected {shortest} to {longest}"))
            .way_out("leave it out: it is learned from the samples"),
    );
    None
}

/// A length of time within its bounds.
pub(super) fn length(
    name: &str,
    written: Option<&At<Length>>,
    default: TimeDelta,
    bounds: &RangeInclusive<TimeDelta>,
    problems: &mut Problems,
) -> Option<TimeDelta> {
    let Some(written) = written else { return Some(default) };
    if bounds.contains(&written.0) {
        return Some(written.0);
    }
    let (shortest, longest) = (format_length(*bounds.start()), format_length(*bounds.end()));
    problems.push(
        Problem::new(&written.span, format!("this `{name}` is out of range"))
            .label(format!("expected {shortest} to {longest}"))
            .way_out(format!("leave it out for the default, {}", format_length(default))),
    );
    None
}

fn kubernetes(raw: &raw::Kubernetes, problems: &mut Problems) -> Option<System> {
    let Some(url) = &raw.url else {
        if let Some(token) = &raw.token {
            problems.push(
                Problem::new(&token.span, "a kubeconfig brings its own credentials")
                    .way_out("leave `token` out, or give the API server's `url`"),
            );
            return None;
        }
        return Some(System::Kubernetes(Access::Kubeconfig {
            path: raw.kubeconfig.as_ref().map(|at| at.value.clone()),
            context: raw.context.as_ref().map(|at| at.value.clone()),
        }));
    };
    let second = raw.context.as_ref().map(|at| &at.span).or(raw.kubeconfig.as_ref().map(|at| &at.span));
    if let Some(second) = second {
        problems.push(
            Problem::new(second, "a cluster is found by its `url` or in a kubeconfig, not by both")
                .way_out("leave out `url`, or `context` and `kubeconfig`"),
        );
        return None;
    }
    let url = address::check(url, Tail::None, problems)?;
    Some(System::Kubernetes(Access::Direct { url, token: raw.token.clone() }))
}

/// Token, user and password, of which a system takes one or two; `name` is what complaints call it.
pub(super) fn auth(
    name: &At<String>,
    token: Option<At<SecretRef>>,
    user: Option<At<String>>,
    password: Option<At<SecretRef>>,
    problems: &mut Problems,
) -> Option<Auth> {
    let problem = match (token, user, password) {
        (None, None, None) => return Some(Auth::None),
        (Some(token), None, None) => return Some(Auth::Bearer(token)),
        (None, Some(user), Some(password)) => return Some(Auth::Basic { user: user.value, password }),
        (None, Some(user), None) => Problem::new(&user.span, format!("`{}` has a user without a password", name.value))
            .way_out("add password = { env = \"NAME\" }"),
        (None, None, Some(password)) => {
            Problem::new(&password.span, format!("`{}` has a password without a user", name.value))
                .way_out("add user = \"…\"")
        }
        (Some(_), user, password) => {
            let second = user.map(|at| at.span).or(password.map(|at| at.span)).unwrap_or_default();
            Problem::new(&second, format!("`{}` has a token and a user", name.value)).way_out("leave one of them out")
        }
    };
    problems.push(problem);
    None
}

fn datadog_url(site: Option<&At<String>>, url: Option<&At<String>>, problems: &mut Problems) -> Option<String> {
    /// Datadog's sites, from its documentation; they know nothing of each other.
    const SITES: [&str; 9] = [
        "datadoghq.com",
        "us3.datadoghq.com",
        "us5.datadoghq.com",
        "datadoghq.eu",
        "ap1.datadoghq.com",
        "ap2.datadoghq.com",
        "uk1.datadoghq.com",
        "ddog-gov.com",
        "us2.ddog-gov.com",
    ];
    match (site, url) {
        (None, None) => Some(format!("https://api.{}", SITES[0])),
        (None, Some(url)) => address::check(url, Tail::None, problems),
        (Some(_), Some(url)) => {
            problems.push(
                Problem::new(&url.span, "Datadog is found by its `site` or its `url`, not by both")
                    .way_out("leave one of them out"),
            );
            None
        }
        (Some(site), None) if SITES.contains(&site.as_str()) => Some(format!("https://api.{}", site.value)),
        (Some(site), None) => {
            let problem = Problem::new(&site.span, format!("Datadog has no site `{}`", site.value));
            problems.push(problem.names(site, &SITES, "sites (for anything else give its `url`)"));
            None
        }
    }
}
