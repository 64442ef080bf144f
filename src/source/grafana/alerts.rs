//! Grafana's alert rules: which of them are ours, and what they do.

use crate::deploy::Time;
use crate::poll::{Alert, AlertState, SourceError};
use crate::signal::SignalId;
use crate::source::http::clean;
use chrono::{DateTime, Datelike};
use serde::Deserialize;
use std::collections::HashMap;

/// Label matchers: all of them must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter(Vec<Matcher>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Matcher {
    label: String,
    value: String,
    equal: bool,
}

impl Filter {
    /// Reads `service=app, env!=staging`; braces and quotes as in `PromQL` are allowed.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let matchers = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
        let matcher = |part: &str| {
            let (label, value) = part.split_once('=')?;
            let (label, equal) = label.strip_suffix('!').map_or((label, true), |label| (label, false));
            let (label, value) = (label.trim(), value.trim());
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let named = !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (named && !value.starts_with('~')).then(|| Matcher {
                label: label.to_owned(),
                value: value.to_owned(),
                equal,
            })
        };
        let parsed = matchers.map(|part| {
            matcher(part).ok_or_else(|| {
                SourceError::BadQuery(format!("alert filter `{part}`: expected label=value or label!=value"))
            })
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    /// As Prometheus has it, a label that is missing is an empty one.
    fn holds(&self, labels: &HashMap<String, String>) -> bool {
        let value = |matcher: &Matcher| labels.get(&matcher.label).map_or("", String::as_str) == matcher.value;
        self.0.iter().all(|matcher| value(matcher) == matcher.equal)
    }
}

/// The answer of `GET /api/prometheus/grafana/api/v1/rules`.
#[derive(Deserialize)]
pub(super) struct RulesAnswer {
    data: Groups,
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    health: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    is_paused: bool,
    #[serde(default)]
    active_at: Option<String>,
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    alerts: Option<Vec<Instance>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    active_at: Option<String>,
}

/// What the rules say of one signal.
pub(super) struct Matched {
    /// Rules that the filter lets through. None: nothing is guarded, or the token may not see the folder;
    /// Grafana does not tell these apart.
    pub(super) rules: usize,
    /// Those that are not quiet.
    pub(super) alerts: Vec<Alert>,
}

impl Matched {
    /// How many rules fire.
    pub(super) fn firing(&self) -> usize {
        self.alerts.iter().filter(|alert| alert.state == AlertState::Firing).count()
    }
}

impl RulesAnswer {
    /// Picks a signal's rules: by the rule's own labels, else by those of its instances, which a query's
    /// grouping adds. `link` makes an address of a rule's uid.
    pub(super) fn matching(&self, signal: SignalId, filter: &Filter, link: impl Fn(&str) -> String) -> Matched {
        let mut matched = Matched { rules: 0, alerts: Vec::new() };
        let rules = self.data.groups.iter().flat_map(|group| &group.rules);
        for rule in rules.filter(|rule| rule.kind != "recording" && !rule.is_paused) {
            let Some((state, since)) = rule.seen_through(filter) else { continue };
            matched.rules += 1;
            let Some(state) = state else { continue };
            matched.alerts.push(Alert {
                signal,
                name: clean(&rule.name),
                state,
                since,
                link: rule.uid.as_deref().map(&link),
            });
        }
        matched
    }
}

impl Rule {
    /// The state of the part of a rule that is ours, and since when; `None` when no part is.
    fn seen_through(&self, filter: &Filter) -> Option<(Option<AlertState>, Option<Time>)> {
        let instances = self.alerts.as_deref().unwrap_or_default();
        if filter.holds(&self.labels) {
            let first = instances.iter().filter_map(|instance| moment(instance.active_at.as_deref())).min();
            return Some((self.state(), moment(self.active_at.as_deref()).or(first)));
        }
        let ours = instances.iter().filter(|instance| filter.holds(&instance.labels));
        let worst = ours.min_by_key(|instance| severity(instance.state()))?;
        Some((worst.state(), moment(worst.active_at.as_deref())))
    }

    /// A rule that cannot be evaluated is `inactive` and says so only in its health.
    fn state(&self) -> Option<AlertState> {
        match (self.state.as_str(), self.health.as_str()) {
            // Recovering keeps firing until `keepFiringFor` is over.
            ("firing" | "alerting" | "recovering", _) => Some(AlertState::Firing),
            (_, "error" | "nodata") => Some(AlertState::Unknown),
            ("pending", _) => Some(AlertState::Pending),
            _ => None,
        }
    }
}

impl Instance {
    /// States carry their reason: `Alerting (Error)`, `Normal (MissingSeries)`.
    fn state(&self) -> Option<AlertState> {
        match self.state.split(" (").next().unwrap_or_default() {
            "Alerting" | "Recovering" => Some(AlertState::Firing),
            "Pending" => Some(AlertState::Pending),
            "NoData" | "Error" => Some(AlertState::Unknown),
            _ => None,
        }
    }
}

fn severity(state: Option<AlertState>) -> u8 {
    match state {
        Some(AlertState::Firing) => 0,
        Some(AlertState::Unknown) => 1,
        Some(AlertState::Pending) => 2,
        None => 3,
    }
}

/// A time, unless it is Go's zero time.
fn moment(text: Option<&str>) -> Option<Time> {
    let time = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    (time.year() > 1).then_some(time)
}
