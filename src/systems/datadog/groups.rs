//! A monitor's groups: a monitor `by {service}` alerts as a whole when any service's group does.

use super::Datadog;
use super::monitors::state;
use super::search::Tags;
use crate::deploy::Time;
use crate::poll::{AlertState, Muted, SourceError};
use chrono::DateTime;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A group that is not quiet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// `service:app,host:a`.
    pub(super) name: String,
    pub(super) state: AlertState,
    pub(super) since: Option<Time>,
    pub(super) muted: Option<Muted>,
}

/// The answer of `GET /api/v1/monitor/{id}`, as far as its groups go.
#[derive(Deserialize)]
struct MonitorAnswer {
    #[serde(default)]
    state: States,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
struct States {
    #[serde(default)]
    groups: BTreeMap<String, GroupState>,
}

#[derive(Deserialize)]
struct GroupState {
    #[serde(default)]
    status: String,
    /// Epoch seconds.
    #[serde(default)]
    last_triggered_ts: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Options {
    /// By scope, `*` for all: until when, in epoch seconds; null for ever.
    #[serde(default)]
    silenced: BTreeMap<String, Option<f64>>,
}

/// The answer of `GET /api/v1/monitor/groups/search`.
#[derive(Deserialize)]
struct GroupsAnswer {
    #[serde(default)]
    groups: Vec<FoundGroup>,
}

#[derive(Deserialize)]
struct FoundGroup {
    #[serde(default)]
    group: String,
    #[serde(default)]
    monitor_id: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    last_triggered_ts: Option<f64>,
    #[serde(default)]
    muted_until_ts: Option<f64>,
}

impl Datadog {
    /// The groups of a monitor that are not quiet and may be ours: as the monitor itself tells them, else as the search
    /// of groups does.
    pub(super) async fn groups(&self, id: i64, filter: &str, now: Time) -> Result<Vec<Group>, SourceError> {
        let path = ["api", "v1", "monitor", &id.to_string()];
        let sent = self.http.get(&path).query(&[("group_states", "all"), ("with_downtimes", "true")]);
        let monitor = self.http.ask(sent, now).await.and_then(|answer| answer.json::<MonitorAnswer>());
        let mut groups = match monitor {
            Ok(monitor) if !monitor.state.groups.is_empty() => monitor.not_quiet(),
            // One without groups is not the monitor that the search spoke of, and one that is refused may be searched.
            Ok(_) | Err(_) => self.found_groups(id, filter, now).await?,
        };
        let tags = Tags::of(filter);
        groups.retain(|group| tags.may_be_ours(&group.name));
        Ok(groups)
    }

    async fn found_groups(&self, id: i64, filter: &str, now: Time) -> Result<Vec<Group>, SourceError> {
        let sent = self.http.get(&["api", "v1", "monitor", "groups", "search"]);
        let sent = sent.query(&[("query", filter), ("per_page", "100"), ("sort", "status,asc")]);
        let answer: GroupsAnswer = self.http.ask(sent, now).await?.json()?;
        let of_monitor = answer.groups.into_iter().filter(|group| group.monitor_id == id);
        let group = |found: FoundGroup| {
            Some(Group {
                state: state(&found.status)?,
                since: second(found.last_triggered_ts),
                muted: found.muted_until_ts.map(|until| Muted { until: second(Some(until)) }),
                name: found.group,
            })
        };
        Ok(of_monitor.filter_map(group).collect())
    }
}

impl MonitorAnswer {
    fn not_quiet(&self) -> Vec<Group> {
        let group = |(name, told): (&String, &GroupState)| {
            Some(Group {
                name: name.clone(),
                state: state(&told.status)?,
                since: second(told.last_triggered_ts),
                muted: self.silence(name),
            })
        };
        self.state.groups.iter().filter_map(group).collect()
    }

    /// A silence over a scope covers each group that has all of its tags.
    fn silence(&self, group: &str) -> Option<Muted> {
        let covers = |scope: &str| scope == "*" || scope.split(',').all(|tag| group.split(',').any(|own| own == tag));
        let (_, until) = self.options.silenced.iter().find(|(scope, _)| covers(scope))?;
        Some(Muted { until: second(*until) })
    }
}

/// A moment in epoch seconds.
pub(super) fn second(at: Option<f64>) -> Option<Time> {
    DateTime::from_timestamp(at.filter(|at| at.is_finite() && *at > 0.0)? as i64, 0)
}
