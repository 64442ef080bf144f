//! A release's history, as `helm history -o json` writes it (helm 3 and 4).

use crate::deploy::Time;
use crate::net::http::clean;
use crate::rollback::external_history::Record;
use chrono::{DateTime, TimeDelta};
use serde::Deserialize;

/// One revision of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// Its number.
    pub(super) number: i64,
    /// When helm began with it, by the clock of whoever ran helm.
    pub(super) updated: Option<Time>,
    /// What became of it.
    pub(super) status: Status,
    /// The same in helm's own word.
    pub(super) status_name: String,
    /// Name and version of the chart: `shop-1.8.3`.
    pub(super) chart: String,
    /// The version of the application, where the chart tells.
    pub(super) app_version: String,
    /// What helm says of it: `Upgrade complete`, `Rollback to 3`.
    pub(super) description: String,
    /// Since helm 4: the revision that it went back to.
    pub(super) back_to: Option<i64>,
}

/// What became of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It is the one that is deployed.
    Deployed,
    /// It was, until another replaced it.
    Superseded,
    /// It was not wholly.
    Failed,
    /// Somebody is rolling back, or died over it.
    Pending,
    /// The release was uninstalled.
    Gone,
    /// Helm does not know either, or uses a word that we do not know.
    Unknown,
}

#[derive(Deserialize)]
struct Raw {
    revision: i64,
    #[serde(default)]
    updated: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    chart: String,
    #[serde(default)]
    app_version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    rollback_revision: Option<i64>,
}

/// The newest revision before the last that was deployed whole: what helm can go back to if the last one died.
pub(super) fn last_good(revisions: &[Revision]) -> Option<&Revision> {
    let (_, earlier) = revisions.split_last()?;
    earlier.iter().rev().find(|revision| matches!(revision.status, Status::Deployed | Status::Superseded))
}

/// Reads the history, oldest first.
pub(super) fn read(json: &str) -> Result<Vec<Revision>, String> {
    let raw: Vec<Raw> =
        serde_json::from_str(json).map_err(|error| format!("helm's output is not a history: {error}"))?;
    let mut revisions: Vec<Revision> = raw.into_iter().map(Revision::from).collect();
    revisions.sort_by_key(|revision| revision.number);
    Ok(revisions)
}

impl From<Raw> for Revision {
    fn from(raw: Raw) -> Self {
        let updated = raw.updated.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Self {
            number: raw.revision,
            updated: updated.map(|time| time.to_utc()),
            status: match raw.status.as_str() {
                "deployed" => Status::Deployed,
                "superseded" => Status::Superseded,
                "failed" => Status::Failed,
                "uninstalled" | "uninstalling" => Status::Gone,
                pending if pending.starts_with("pending") => Status::Pending,
                _ => Status::Unknown,
            },
            status_name: clean(&raw.status),
            chart: clean(&raw.chart),
            app_version: clean(&raw.app_version),
            description: clean(&raw.description),
            back_to: raw.rollback_revision,
        }
    }
}

impl Revision {
    /// Whether it is a rollback that helm began, whatever became of it: helm writes `Rollback to 3`, and over it
    /// `Rollback "shop" failed: …`.
    pub(super) fn is_rollback(&self) -> bool {
        self.back_to.is_some() || self.description.starts_with("Rollback ")
    }

    /// How old it is.
    pub(super) fn age(&self, now: Time) -> Option<TimeDelta> {
        self.updated.map(|at| now - at)
    }

    /// As a record of the history; `None` without a time.
    pub(super) fn record(&self) -> Option<Record> {
        let is_good = matches!(self.status, Status::Deployed | Status::Superseded);
        Some(Record { number: self.number, began: self.updated?, is_good })
    }

    /// Whether it says itself that it is this version: by the chart's word for the application's version, or by
    /// the chart's own.
    pub(super) fn names(&self, version: &str) -> bool {
        let plain = |text: &str| text.trim_start_matches('v').to_owned();
        let version = plain(version);
        plain(&self.app_version) == version || self.chart.ends_with(&format!("-{version}"))
    }

    /// Whether it is a rollback to that revision.
    pub(super) fn is_rollback_to(&self, revision: i64) -> bool {
        self.back_to == Some(revision) || self.description == format!("Rollback to {revision}")
    }

    /// `shop-1.8.3, app 1.8.3, deployed 2026-11-23 02:09 UTC`.
    pub(super) fn describe(&self) -> String {
        let app = if self.app_version.is_empty() { String::new() } else { format!(", app {}", self.app_version) };
        let at = self.updated.map(|at| format!(", deployed {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
        format!("{}{app}{at}", self.chart)
    }

    /// ` since 2026-11-23 02:09 UTC`, or nothing.
    pub(super) fn since(&self) -> String {
        self.updated.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default()
    }
}
