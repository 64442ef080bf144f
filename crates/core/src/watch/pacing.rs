//! Who is asked when, and for which span: cadence with jitter, back-off, backfill, one question at a time.

use super::Watch;
use crate::deploy::{Deploy, Time, WorkloadKind};
use crate::message::Effect;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::setup::Delivery;
use crate::signal::{SignalId, SourceId};
use crate::store::{Asked, Health};
use chrono::TimeDelta;
use redflag_text::bounded;

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
            state.asked_at = Some(request.to);
            state.asked = Some(Asked { since: request.since.clone(), to: request.to });
            effects.push(Effect::Poll { source: id, request });
        }
    }

    fn deploy_is_known(&self) -> bool {
        self.setup.told.deployed_at.is_some() || self.workloads.iter().all(|state| state.deploy.is_some())
    }

    /// For each signal everything since its own last answer, or since the baseline's beginning where that is missing:
    /// one query that fails, or an answer that stops half way, leaves no hole in what comes after.
    fn request(&self, id: SourceId) -> PollRequest {
        let wanted = self.baseline_begin();
        let own = self.setup.signals.iter().enumerate().filter(|(_, signal)| signal.source == id);
        let since = own.map(|(index, _)| {
            let signal = SignalId(index as u16);
            let since = match self.store.series(signal).covered() {
                Some((from, to)) if from <= wanted => (to - OVERLAP).max(wanted),
                _ => wanted,
            };
            (signal, since)
        });
        let since: Vec<(SignalId, Time)> = since.collect();
        let from = since.iter().map(|(_, since)| *since).min().unwrap_or(wanted);
        PollRequest {
            from,
            to: self.now,
            deployed_at: self.workloads.iter().filter_map(|state| Some(state.deploy.as_ref()?.at)).min(),
            versions: self.versions(),
            older: self.older(&since),
            since,
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

    /// The signals of the new version that can be held against the version before, with that version, where pods of it
    /// may have served since then: before the deploy, and beside the new ones until the rollout's end.
    fn older(&self, since: &[(SignalId, Time)]) -> Vec<(SignalId, String)> {
        let deploys = self.deploys();
        let older = |(id, from): &(SignalId, Time)| {
            let signal = self.setup.signal(*id);
            if !signal.of_version || !signal.kind.compares_versions() {
                return None;
            }
            let deploy = deploys[usize::from(signal.service.0)]?;
            let (version, newer) = (deploy.from.as_ref()?.label(), deploy.to.label());
            let served = deploy.finished.is_none_or(|finished| *from <= finished);
            (served && version != newer).then(|| (*id, version.to_owned()))
        };
        since.iter().filter_map(older).collect()
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
        self.store.forget_coverage();
        for index in 0..self.setup.sources.len() {
            self.store.source_mut(SourceId(index as u16)).next_poll = self.now;
        }
    }

    /// A part of an answer whose rest is still on its way: its signals are known from now on.
    pub(super) fn take_part(&mut self, id: SourceId, at: Time, part: Poll) {
        let state = self.store.source_mut(id);
        let health = match &state.health {
            // Which signals fail is only known at the end.
            Health::Partial(failed, error) => Health::Partial(*failed, error.clone()),
            Health::Waiting | Health::Up | Health::Down(_) => Health::Up,
        };
        state.succeed(at, health);
        self.take_poll(id, at, part.points, Vec::new());
        self.take_older(id, at, part.older);
    }

    pub(super) fn take_answer(&mut self, id: SourceId, at: Time, result: Result<Poll, SourceError>) {
        let interval = self.setup.source(id).interval;
        let jitter = jitter(id, at);
        let state = self.store.source_mut(id);
        state.asking = false;
        let asked_at = state.asked_at.take();
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
                state.took = asked_at.map_or(TimeDelta::zero(), |asked| (at - asked).max(TimeDelta::zero()));
                state.warnings = bounded(poll.warnings);
                state.next_poll = at + scaled(interval.max(longest_wait(&poll.failed)), jitter);
                let told: Vec<SignalId> = poll.points.iter().map(|(signal, _)| *signal).collect();
                self.take_poll(id, at, poll.points, poll.failed);
                self.take_older(id, at, poll.older);
                if let Some(issues) = poll.issues {
                    self.take_issues(id, issues);
                }
                if let Some(alerts) = poll.alerts {
                    self.take_alerts(id, &told, alerts, poll.unread);
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

/// How long the vendor asks us to stay away, where some of the queries were too many.
fn longest_wait(failed: &[(SignalId, SourceError)]) -> TimeDelta {
    let waits = failed.iter().filter_map(|(_, error)| match error {
        SourceError::RateLimited { retry_after } => *retry_after,
        _ => None,
    });
    waits.max().unwrap_or(TimeDelta::zero())
}

/// From 0.95 to 1.05, the same for the same source and time: replaying a watch gives the same watch.
fn jitter(id: SourceId, at: Time) -> f64 {
    let mixed = (at.timestamp_millis() as u64 ^ u64::from(id.0) << 48).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    0.95 + 0.1 * ((mixed >> 40) as f64 / (1_u64 << 24) as f64)
}

fn scaled(span: TimeDelta, factor: f64) -> TimeDelta {
    TimeDelta::milliseconds((span.num_milliseconds() as f64 * factor) as i64)
}
