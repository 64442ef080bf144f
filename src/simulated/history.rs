//! The recorded past of the simulation: who served how much, and which pods lived when. Bounded.

use crate::deploy::Time;
use chrono::{DateTime, SecondsFormat};
use std::collections::VecDeque;

/// Seconds since the Unix epoch: the model's own measure of time.
pub(crate) type Seconds = f64;

/// A time as the model counts it.
pub(crate) fn seconds(at: Time) -> Seconds {
    at.timestamp_micros() as f64 / 1e6
}

/// A moment as APIs write it: RFC 3339, whole seconds, UTC.
pub(crate) fn iso(at: Seconds) -> String {
    DateTime::from_timestamp(at.floor() as i64, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// More changes than a watch can bring about; older ones are forgotten.
const CHANGES: usize = 512;
/// Pods that ended this long ago are of no interest to any query: a week before the longest baseline.
const REMEMBERED: Seconds = 8.0 * 86_400.0;
/// A container that restarts for ever is remembered by its last starts.
const STARTS: usize = 32;

/// The past of every service and pod.
#[derive(Debug, Default)]
pub(crate) struct History {
    services: Vec<VecDeque<Serving>>,
    pods: Vec<PodTrace>,
    /// Since when the feature that the new version brings is on or off for its programs, oldest first.
    feature: Vec<(Seconds, bool)>,
}

/// Who served a service's requests, from a moment on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Serving {
    pub(crate) from: Seconds,
    /// Share of the ready pods that run the faulty version, 0 to 1.
    pub(crate) faulty: f64,
    /// Ready pods over wanted pods.
    pub(crate) capacity: f64,
    /// Since when the faulty version has served without a break.
    pub(crate) exposed_since: Option<Seconds>,
}

impl Serving {
    /// How long the faulty version has served at `at`, in seconds.
    pub(crate) fn exposure(&self, at: Seconds) -> Seconds {
        self.exposed_since.map_or(0.0, |since| (at - since).max(0.0))
    }
}

/// One pod's life, as far as metrics show it.
#[derive(Debug, Clone)]
pub(crate) struct PodTrace {
    pub(crate) service: usize,
    pub(crate) name: String,
    /// Whether it runs the faulty version.
    pub(crate) faulty: bool,
    pub(crate) until: Option<Seconds>,
    /// When its container started, oldest first. The first one is the pod's first sign of life.
    pub(crate) starts: VecDeque<Seconds>,
}

impl PodTrace {
    /// When the container that ran at `at` was started; `None` when none ran.
    pub(crate) fn started(&self, at: Seconds) -> Option<Seconds> {
        if self.until.is_some_and(|until| at >= until) {
            return None;
        }
        self.starts.iter().rev().find(|start| **start <= at).copied()
    }
}

impl History {
    pub(crate) fn new(services: usize) -> Self {
        Self { services: vec![VecDeque::new(); services], pods: Vec::new(), feature: Vec::new() }
    }

    /// Who served at `at`. Before the first record everything was as it then was, without the faulty version.
    pub(crate) fn serving(&self, service: usize, at: Seconds) -> Serving {
        let changes = &self.services[service];
        let after = changes.partition_point(|change| change.from <= at);
        match after.checked_sub(1).and_then(|index| changes.get(index)) {
            Some(serving) => *serving,
            None => Serving { from: at, faulty: 0.0, capacity: 1.0, exposed_since: None },
        }
    }

    /// Notes who serves from now on.
    pub(crate) fn note_serving(&mut self, service: usize, at: Seconds, faulty: f64, capacity: f64) {
        let before = self.serving(service, at);
        if (before.faulty - faulty).abs() < 1e-9 && (before.capacity - capacity).abs() < 1e-9 {
            return;
        }
        let exposed_since = if faulty > 0.0 { before.exposed_since.or(Some(at)) } else { None };
        let changes = &mut self.services[service];
        changes.push_back(Serving { from: at, faulty, capacity, exposed_since });
        if changes.len() > CHANGES {
            changes.pop_front();
        }
    }

    /// Whether programs serve the new version's feature at `at`. It is on until somebody turns it off.
    pub(crate) fn serves_feature(&self, at: Seconds) -> bool {
        self.feature.iter().rev().find(|(since, _)| *since <= at).is_none_or(|(_, on)| *on)
    }

    /// Whether the feature's flag is on, whatever programs have heard of it.
    pub(crate) fn feature_is_on(&self) -> bool {
        self.feature.last().is_none_or(|(_, on)| *on)
    }

    /// Notes that programs will serve the feature, or not, from `at` on.
    pub(crate) fn note_feature(&mut self, at: Seconds, on: bool) {
        if self.feature_is_on() != on && self.feature.len() < CHANGES {
            self.feature.push((at, on));
        }
    }

    /// The pods of a service, dead ones included.
    pub(crate) fn pods(&self, service: usize) -> impl Iterator<Item = &PodTrace> {
        self.pods.iter().filter(move |pod| pod.service == service)
    }

    /// Notes that a pod's container started.
    pub(crate) fn note_start(&mut self, service: usize, name: &str, faulty: bool, at: Seconds) {
        if let Some(pod) = self.pods.iter_mut().find(|pod| pod.name == name) {
            pod.starts.push_back(at);
            if pod.starts.len() > STARTS {
                pod.starts.pop_front();
            }
        } else {
            self.pods.push(PodTrace {
                service,
                name: name.to_owned(),
                faulty,
                until: None,
                starts: VecDeque::from([at]),
            });
        }
    }

    /// Notes that a pod ended, and forgets those that ended long ago.
    pub(crate) fn note_end(&mut self, name: &str, at: Seconds) {
        if let Some(pod) = self.pods.iter_mut().find(|pod| pod.name == name) {
            pod.until = Some(at);
        }
        self.pods.retain(|pod| pod.until.is_none_or(|until| at - until < REMEMBERED));
    }
}
