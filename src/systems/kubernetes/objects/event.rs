//! Events, with their many ways to say when.

use super::created;
use crate::deploy::Time;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer};

/// An event of the core API (`v1`, not `events.k8s.io`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct Event {
    pub metadata: ObjectMeta,
    pub involved_object: Involved,
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    pub r#type: String,
    pub count: Option<u32>,
    pub series: Option<EventSeries>,
    pub first_timestamp: Option<Time>,
    pub last_timestamp: Option<Time>,
    pub event_time: Option<Time>,
}

/// What an event is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the names are the API's own
pub struct Involved {
    pub kind: String,
    pub name: String,
    pub uid: String,
}

/// How often an event happened, as newer components count.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the names are the API's own
pub struct EventSeries {
    pub count: u32,
    pub last_observed_time: Option<Time>,
}

impl Event {
    /// When it last happened. Any of the stamps may be missing.
    pub fn seen(&self) -> Option<Time> {
        self.last_timestamp
            .or_else(|| self.series.as_ref().and_then(|series| series.last_observed_time))
            .or(self.event_time)
            .or_else(|| created(&self.metadata))
    }

    /// How often it happened.
    pub fn times(&self) -> u32 {
        self.series.as_ref().map(|series| series.count).or(self.count).unwrap_or(1).max(1)
    }
}

/// The API writes `null` where some clients left a text out.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
