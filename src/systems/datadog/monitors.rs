//! Datadog's monitors: what a search finds, page by page until all that are not quiet are found.

use super::Datadog;
use super::groups::{Group, second};
use crate::deploy::Time;
use crate::net::http::short;
use crate::poll::{Alert, AlertState, Muted, Poll, SourceError};
use crate::signal::Sample;
use crate::systems::questions::AlertQuery;
use crate::systems::shared::fail_fast::FailFast;
use serde::Deserialize;

/// Monitors a page.
const PAGE: usize = 100;

/// Pages of one search that are read at most.
const PAGES: usize = 10;

/// Monitors whose groups are asked for at most, in one poll and search.
const GROUPED: usize = 10;

/// The answer of `GET /api/v1/monitor/search`, without the shapes that differ from page to page.
#[derive(Deserialize)]
struct MonitorsAnswer {
    monitors: Vec<Monitor>,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    metadata: Metadata,
}

/// Of all that match, whatever the page.
#[derive(Default, Deserialize)]
struct Counts {
    #[serde(default)]
    status: Vec<StatusCount>,
}

#[derive(Deserialize)]
struct StatusCount {
    #[serde(default)]
    name: serde_json::Value,
    #[serde(default)]
    count: usize,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    total_count: Option<usize>,
}

#[derive(Deserialize)]
struct Monitor {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    query: String,
    /// Epoch seconds.
    #[serde(default)]
    last_triggered_ts: Option<f64>,
    /// Epoch seconds; null where nobody muted it.
    #[serde(default)]
    muted_until_ts: Option<f64>,
}

/// Where people look at Datadog: another host than the API's.
pub(super) struct Site(Option<String>);

impl Site {
    /// Three sites have their pages under `app.`, the others under their own name. An address that is not
    /// Datadog's has none.
    pub(super) fn of(url: &str) -> Self {
        let site = url.strip_prefix("https://api.").map(|site| site.split('/').next().unwrap_or(site));
        Self(site.map(|site| match site {
            "datadoghq.com" | "datadoghq.eu" | "ddog-gov.com" => format!("https://app.{site}"),
            _ => format!("https://{site}"),
        }))
    }

    fn monitor(&self, id: i64) -> Option<String> {
        self.0.as_ref().map(|site| format!("{site}/monitors/{id}"))
    }
}

/// What a search found.
#[derive(Default)]
struct Found {
    /// How many monitors match.
    matched: usize,
    /// Those that are not quiet.
    loud: Vec<Monitor>,
    /// How many that match were not read, and may be anything.
    unread: usize,
}

impl Datadog {
    /// Adds the monitors of every search to a poll.
    pub(super) async fn ask_all_monitors(&self, now: Time, poll: &mut Poll, fail_fast: &FailFast) {
        let mut alerts = Vec::new();
        for query in &self.monitors {
            match fail_fast.ask(self.search(&query.filter, now)).await {
                Ok(found) => {
                    let loud = self.told(query, &found, now, fail_fast).await;
                    let calls = |alert: &&Alert| alert.state == AlertState::Firing && alert.muted.is_none();
                    let point = (now, Sample::Value(loud.iter().filter(calls).count() as f64));
                    // No monitor found guards nothing: that is no data, never zero alerts.
                    poll.points.push((query.signal, if found.matched == 0 { Vec::new() } else { vec![point] }));
                    if found.unread > 0 {
                        poll.unread.push((query.signal, found.unread));
                    }
                    alerts.extend(loud);
                }
                Err(error) => poll.failed.push((query.signal, error)),
            }
        }
        if !self.monitors.is_empty() {
            poll.alerts = Some(alerts);
        }
    }

    /// All that a search finds, until everything that is not quiet is found.
    async fn search(&self, filter: &str, now: Time) -> Result<Found, SourceError> {
        let mut found = Found::default();
        let mut read = 0;
        for page in 0..PAGES {
            let fields = [
                ("query", filter.to_owned()),
                ("page", page.to_string()),
                ("per_page", PAGE.to_string()),
                ("sort", "status,asc".to_owned()),
            ];
            let sent = self.http.get(&["api", "v1", "monitor", "search"]).query(&fields);
            let answer: MonitorsAnswer = self.http.ask(sent, now).await?.json()?;
            let count = answer.monitors.len();
            read += count;
            let expected = answer.not_quiet();
            found.matched = answer.metadata.total_count.unwrap_or(read).max(read);
            found.loud.extend(answer.monitors.into_iter().filter(|monitor| state(&monitor.status).is_some()));
            found.unread = found.matched - read;
            if expected.is_some_and(|expected| found.loud.len() >= expected) {
                found.unread = 0;
            }
            if count == 0 || found.unread == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// The monitors that are not quiet, each as the part of it that is ours.
    async fn told(&self, query: &AlertQuery, found: &Found, now: Time, fail_fast: &FailFast) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let mut grouped = 0;
        for monitor in &found.loud {
            let muted = monitor.muted_until_ts.map(|until| Muted { until: second(Some(until)) });
            let whole = Alert {
                id: monitor.id.to_string(),
                signal: query.signal,
                name: short(&monitor.name),
                state: state(&monitor.status).unwrap_or(AlertState::Unknown),
                since: second(monitor.last_triggered_ts),
                muted,
                link: self.site.monitor(monitor.id),
            };
            if !monitor.has_groups() {
                alerts.push(whole);
                continue;
            }
            grouped += 1;
            let groups = if grouped <= GROUPED {
                fail_fast.ask(self.groups(monitor.id, &query.filter, now)).await
            } else {
                Err(SourceError::Partial(format!("the groups of {GROUPED} monitors were read")))
            };
            match groups {
                Ok(groups) => alerts.extend(groups.iter().map(|group| of_group(&whole, group))),
                // It is not known whose group alerts: it counts neither as ours nor as quiet.
                Err(error) => {
                    let name = format!("{}, whose groups cannot be read: {error}", whole.name);
                    alerts.push(Alert { state: AlertState::Unknown, name, ..whole });
                }
            }
        }
        alerts
    }
}

/// The part of a monitor that one of its groups is.
fn of_group(whole: &Alert, group: &Group) -> Alert {
    Alert {
        id: format!("{}/{}", whole.id, group.name),
        name: format!("{} ({})", whole.name, short(&group.name)),
        state: group.state,
        since: group.since,
        muted: whole.muted.or(group.muted),
        ..whole.clone()
    }
}

impl MonitorsAnswer {
    /// How many of all that match are not quiet, where the answer counts them.
    fn not_quiet(&self) -> Option<usize> {
        let counts = &self.counts.status;
        let loud = counts.iter().filter(|count| count.name.as_str().is_none_or(|name| state(name).is_some()));
        (!counts.is_empty()).then(|| loud.map(|count| count.count).sum())
    }
}

impl Monitor {
    /// Whether it is a multi alert: its query ends in `by {service}`, and so on, before the condition.
    fn has_groups(&self) -> bool {
        let rest = self.query.rsplit_once(" by {").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split('}').next()).is_some_and(|keys| !keys.trim().is_empty() && keys.trim() != "*")
    }
}

/// A status that nobody has heard of guards nothing.
pub(super) fn state(status: &str) -> Option<AlertState> {
    match status {
        "OK" | "Ignored" | "Skipped" => None,
        "Alert" => Some(AlertState::Firing),
        "Warn" => Some(AlertState::Pending),
        _ => Some(AlertState::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_page_and_not_to_the_api() {
        let link = |url| Site::of(url).monitor(7);
        assert_eq!(link("https://api.datadoghq.eu").as_deref(), Some("https://app.datadoghq.eu/monitors/7"));
        assert_eq!(link("https://api.us5.datadoghq.com").as_deref(), Some("https://us5.datadoghq.com/monitors/7"));
        assert_eq!(link("http://127.0.0.1:8126"), None);
    }
}
