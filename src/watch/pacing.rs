//! Who is asked when, and for which span: cadence with jitter, back-off, backfill, one question at a time.

use super::Watch;
use crate::deploy::{Deploy, Time, WorkloadKind};
use crate::message::Effect;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::setup::Delivery;
use crate::signal::{Signal, SignalId, SourceId};
use crate::store::Health;
use chrono::TimeDelta;

/// The first questions wait this long for the cluster to tell which deploy they are about: with it one
/// backfill is enough, without it they are asked all the same.
const WAIT_FOR_DEPLOY: TimeDelta = TimeDelta::seconds(5);
/// Vendors take in late what happened early; so far back each question overlaps the one before.
const OVERLAP: TimeDelta = TimeDelta::minutes(3);
/// A failing source is asked at least this often: whoever is on call waits for it.
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::minutes(2);

impl Watch {
    pub(super) fn ask_who_is_due(&mut self, effects: &mut Vec<Effect>) {
        if !self.deploy_is_known() && self.now < self.setup.started + WAIT_FOR_DEPLOY {
            return;
        }
        for index in 0..self.setup.sources.len() {
            let id = SourceId(index as u16);
            let state = self.store.source(id);
            let polled = self.setup.source(id).delivery == Delivery::Polled;
            if !polled || state.asking || state.next_poll > self.now {
                continue;
            }
            let request = self.request(id);
            let state = self.store.source_mut(id);
            state.asking = true;
            state.asked_from = Some(request.from);
            effects.push(Effect::Poll { source: id, request });
        }
    }

    fn deploy_is_known(&self) -> bool {
        self.setup.told.deployed_at.is_some() || self.workloads.iter().all(|state| state.deploy.is_some())
    }

    /// Everything since the last good answer, or since the baseline's beginning where that is missing.
    fn request(&self, id: SourceId) -> PollRequest {
        let wanted = self.baseline_begin();
        let state = self.store.source(id);
        let from = match (state.covered_from, state.answered) {
            (Some(covered), Some(answered)) if covered <= wanted => (answered - OVERLAP).max(wanted),
            _ => wanted,
        };
        PollRequest {
            from,
            to: self.now,
            deployed_at: self.workloads.iter().filter_map(|state| Some(state.deploy.as_ref()?.at)).min(),
            versions: self.versions(),
            older: self.older(id, from),
        }
    }

    /// When the baseline begins: `setup.baseline` before the earliest deploy, or before the earliest moment
    /// at which a deploy could have been whose window is still open.
    fn baseline_begin(&self) -> Time {
        let known = self.workloads.iter().filter_map(|state| Some(state.deploy.as_ref()?.at)).min();
        known.unwrap_or(self.setup.started - self.setup.window) - self.setup.baseline
    }

    fn versions(&self) -> Vec<Option<String>> {
        self.deploys().into_iter().map(|deploy| Some(deploy?.to.label().to_owned())).collect()
    }

    /// The source's signals of the new version that can be held against the version before, with that version, where
    /// pods of it may have served since `from`: before the deploy, and beside the new ones until the rollout's end.
    fn older(&self, source: SourceId, from: Time) -> Vec<(SignalId, String)> {
        let deploys = self.deploys();
        let older = |(index, signal): (usize, &Signal)| {
            if signal.source != source || !signal.of_version || !signal.kind.compares_versions() {
                return None;
            }
            let deploy = deploys[usize::from(signal.service.0)]?;
            let (version, newer) = (deploy.from.as_ref()?.label(), deploy.to.label());
            let served = deploy.finished.is_none_or(|finished| from <= finished);
            (served && version != newer).then(|| (SignalId(index as u16), version.to_owned()))
        };
        self.setup.signals.iter().enumerate().filter_map(older).collect()
    }

    /// The deploy that speaks for each service.
    fn deploys(&self) -> Vec<Option<&Deploy>> {
        let mut deploys = vec![None; self.setup.services.len()];
        for (workload, state) in self.setup.workloads.iter().zip(&self.workloads) {
            let slot = &mut deploys[usize::from(workload.service.0)];
            // A Deployment's or Rollout's speaks for a service that also has, say, a cache in a StatefulSet.
            let speaks = matches!(workload.reference.kind, WorkloadKind::Deployment | WorkloadKind::Rollout);
            if slot.is_none() || speaks {
                *slot = state.deploy.as_ref().or(slot.take());
            }
        }
        deploys
    }

    /// Makes every polled source ask again for the whole span: the deploy, and so the baseline, has changed.
    pub(super) fn backfill_anew(&mut self) {
        for index in 0..self.setup.sources.len() {
            let state = self.store.source_mut(SourceId(index as u16));
            state.covered_from = None;
            state.asked_from = None;
            state.next_poll = self.now;
        }
    }

    pub(super) fn take_answer(&mut self, id: SourceId, at: Time, result: Result<Poll, SourceError>) {
        let interval = self.setup.source(id).interval;
        let jitter = jitter(id, at);
        let state = self.store.source_mut(id);
        state.asking = false;
        match result {
            Ok(poll) => {
                let health = match poll.failed.first() {
                    // A probe's failure is its news; the source itself answers.
                    Some((signal, error)) if self.setup.signal(*signal).kind != crate::signal::Kind::Probe => {
                        Health::Partial(poll.failed.len(), error.clone())
                    }
                    _ => Health::Up,
                };
                state.succeed(at, health);
                if let Some(asked) = state.asked_from.take() {
                    state.covered_from = Some(state.covered_from.map_or(asked, |covered| covered.min(asked)));
                }
                state.warnings = poll.warnings;
                state.next_poll = at + scaled(interval, jitter);
                self.take_poll(id, at, poll.points, poll.failed);
                self.take_older(id, at, poll.older);
                if let Some(issues) = poll.issues {
                    self.take_issues(id, issues);
                }
                if let Some(alerts) = poll.alerts {
                    self.alerts.retain(|alert| self.setup.signal(alert.signal).source != id);
                    self.alerts.extend(alerts);
                }
            }
            Err(error) => {
                let doubled = interval * (1 << state.failures.min(3));
                let pause = match &error {
                    SourceError::RateLimited { retry_after: Some(wait) } => interval.max(*wait),
                    _ => doubled.min(LONGEST_BACK_OFF).max(interval),
                };
                state.fail(at, error);
                state.next_poll = at + scaled(pause, 1.0 + (jitter - 1.0).abs());
            }
        }
    }
}

/// From 0.95 to 1.05, the same for the same source and time: replaying a watch gives the same watch.
fn jitter(id: SourceId, at: Time) -> f64 {
    let mixed = (at.timestamp_millis() as u64 ^ u64::from(id.0) << 48).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    0.95 + 0.1 * ((mixed >> 40) as f64 / (1_u64 << 24) as f64)
}

fn scaled(span: TimeDelta, factor: f64) -> TimeDelta {
    TimeDelta::milliseconds((span.num_milliseconds() as f64 * factor) as i64)
}
