//! Suppressed alerts: those that an Alertmanager, Grafana's own or another, holds back for a silence, an inhibition or
//! a time interval.

use crate::poll::Muted;
use serde::Deserialize;
use std::collections::HashMap;

/// What of an Alertmanager's alerts is asked for: those that are suppressed.
pub(in crate::systems) const SUPPRESSED: [(&str, &str); 4] =
    [("active", "false"), ("silenced", "true"), ("inhibited", "true"), ("unprocessed", "false")];

/// The alerts that are held back; the answer of `GET …/api/v2/alerts`.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(in crate::systems) struct Silences(Vec<Suppressed>);

#[derive(Deserialize)]
struct Suppressed {
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    state: String,
}

impl Silences {
    /// Whether the alert with these labels is held back. The Alertmanager may know it by more labels than the rule:
    /// external ones, the folder.
    pub(in crate::systems) fn of(&self, labels: &HashMap<String, String>) -> Option<Muted> {
        // An instance without labels would match every alert; nothing is known of it.
        let named = !labels.is_empty();
        let same = |one: &&Suppressed| {
            named
                && one.status.state == "suppressed"
                && labels.iter().all(|(name, value)| one.labels.get(name) == Some(value))
        };
        self.0.iter().find(same).map(|_| Muted { until: None })
    }
}
