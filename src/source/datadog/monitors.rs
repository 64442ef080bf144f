//! Datadog's monitors: what a search finds.

use crate::poll::{Alert, AlertState};
use crate::signal::SignalId;
use crate::source::http::clean;
use chrono::DateTime;
use serde::Deserialize;

/// The answer of `GET /api/v1/monitor/search`, without the shapes that differ from page to page.
#[derive(Deserialize)]
pub(super) struct MonitorsAnswer {
    monitors: Vec<Monitor>,
}

#[derive(Deserialize)]
struct Monitor {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    /// Epoch seconds.
    last_triggered_ts: Option<f64>,
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

impl MonitorsAnswer {
    /// How many monitors are on this page.
    pub(super) fn len(&self) -> usize {
        self.monitors.len()
    }

    /// Those that alert, warn, or cannot tell.
    pub(super) fn not_quiet(self, signal: SignalId, site: &Site) -> Vec<Alert> {
        let alert = |monitor: Monitor| {
            Some(Alert {
                signal,
                state: state(&monitor.status)?,
                since: monitor.last_triggered_ts.and_then(|second| DateTime::from_timestamp(second as i64, 0)),
                link: site.monitor(monitor.id),
                name: clean(&monitor.name),
            })
        };
        self.monitors.into_iter().filter_map(alert).collect()
    }
}

/// A status that nobody has heard of guards nothing.
fn state(status: &str) -> Option<AlertState> {
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
