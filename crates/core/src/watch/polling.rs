//! Who is asked when, and for which span: cadence with jitter, back-off, backfill, one question at a time.

use super::deploys::Deploys;
use super::moments::Moments;
use crate::deploy::Time;
use crate::message::{Effect, StreamNews};
use crate::poll::{Ago, Alert, Issue, Poll, PollRequest, SourceError};
use crate::setup::{Delivery, Setup};
use crate::signal::{Kind, Point, Signal, SignalId, SourceId};
use crate::store::{Asked, Health, Store};
use crate::verdict::BASELINE_BINS;
use chrono::TimeDelta;
use redflag_text::bounded;

/// The first questions wait this long for the cluster to tell which deploy they are about: with it one
/// backfill is enough, without it they are asked anyway.
const WAIT_FOR_DEPLOY: TimeDelta = TimeDelta::seconds(5);
/// Vendors take in late what happened early; so far back each question overlaps the one before.
const OVERLAP: TimeDelta = TimeDelta::minutes(3);
/// A failing source is asked at least this often: whoever is on call waits for it.
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::minutes(2);
/// A stream that was silent for so many of its longest pauses is not known to live.
const SILENT_FOR: i32 = 3;

/// The sources: their readings and their health.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polling {
    store: Store,
    /// Whether the cluster told when that was last looked at.
    cluster_told: bool,
}

impl Polling {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { store: Store::new(setup), cluster_told: true }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The clock was set back, and takes every age with it.
    pub(super) fn set_back(&mut self, by: TimeDelta, now: Time) {
        self.store.set_back(by, now);
    }

    /// As of when the answer is that a source gives now: when it was asked.
    pub(super) fn asked_at(&self, source: SourceId, at: Time) -> Time {
        self.store.source(source).asked_at.unwrap_or(at)
    }

    /// Takes in that a stream told something; says whether its health turned.
    pub(super) fn streamed(&mut self, source: SourceId, at: Time, news: &StreamNews) -> bool {
        let state = self.store.source_mut(source);
        let was = std::mem::discriminant(&state.health);
        match news {
            StreamNews::Down(error) => state.fail(at, error.clone()),
            StreamNews::Rollout(..) | StreamNews::Event { .. } | StreamNews::Alive => state.succeed(at, Health::Up),
        }
        was != std::mem::discriminant(&state.health)
    }

    /// Whether the cluster still tells: where its stream is broken or silent, what was computed before is not known
    /// to hold.
    pub(super) fn cluster_tells(&self, setup: &Setup, now: Time) -> bool {
        let streams = setup.sources.iter().zip(0..).filter(|(source, _)| source.delivery == Delivery::Streamed);
        streams.map(|(source, index)| (source, self.store.source(SourceId(index)))).all(|(source, state)| {
            let silent = state.age(now).is_some_and(|age| age > source.interval * SILENT_FOR);
            !matches!(state.health, Health::Down(_)) && !silent
        })
    }

    /// Notes whether the cluster tells; says whether that turned.
    pub(super) fn note_cluster(&mut self, tells: bool) -> bool {
        std::mem::replace(&mut self.cluster_told, tells) != tells
    }

    /// Notes why the past was not told.
    pub(super) fn note_past(&mut self, source: SourceId, trouble: Option<(Ago, SourceError)>) {
        let state = self.store.source_mut(source);
        state.past = trouble.or_else(|| state.past.take());
    }

    /// Asks whoever's turn has come, one question at a time each.
    pub(super) fn ask_who_is_due(&mut self, setup: &Setup, deploys: &Deploys, now: Time, effects: &mut Vec<Effect>) {
        let is_known = setup.told.deployed_at.is_some() || deploys.are_known();
        if !is_known && now < setup.started + WAIT_FOR_DEPLOY {
            return;
        }
        for index in 0..setup.sources.len() {
            let id = SourceId(index as u16);
            let state = self.store.source(id);
            let polled = setup.source(id).delivery == Delivery::Polled;
            if !polled || state.asking || state.next_poll > now {
                continue;
            }
            let request = self.request(id, setup, deploys, now);
            let state = self.store.source_mut(id);
            state.asking = true;
            state.asked_at = Some(request.to);
            state.asked = Some(Asked { since: request.since.clone(), to: request.to });
            effects.push(Effect::Poll { source: id, request });
        }
    }

    /// For each signal everything since its own last answer, or since the baseline's beginning where that is missing:
    /// one query that fails, or an answer that stops halfway, leaves no hole in what comes after.
    fn request(&self, id: SourceId, setup: &Setup, deploys: &Deploys, now: Time) -> PollRequest {
        let begin = baseline_begin(setup, deploys);
        let own = setup.signals.iter().enumerate().filter(|(_, signal)| signal.source == id);
        let since = own.map(|(index, signal)| {
            let wanted = begin - short_of_bins(signal, setup.baseline);
            let signal = SignalId(index as u16);
            let since = match self.store.series(signal).covered() {
                Some((from, to)) if from <= wanted => (to - OVERLAP).max(wanted),
                _ => wanted,
            };
            (signal, since)
        });
        let since: Vec<(SignalId, Time)> = since.collect();
        let from = since.iter().map(|(_, since)| *since).min().unwrap_or(begin);
        PollRequest {
            from,
            to: now,
            deployed_at: deploys.earliest(),
            versions: versions(setup, deploys),
            older: older(setup, deploys, &since),
            since,
        }
    }

    /// Makes every polled source ask again for the whole span: the deploy, and so the baseline, has changed.
    pub(super) fn backfill_again(&mut self, setup: &Setup, now: Time) {
        self.store.forget_coverage();
        for index in 0..setup.sources.len() {
            self.store.source_mut(SourceId(index as u16)).next_poll = now;
        }
    }

    /// Whoever was asked is asked again, unless it wants to be left alone for a while: the answer would come to a process
    /// that is gone. What was missed is in the span that is asked for then.
    pub(super) fn forget_questions(&mut self, setup: &Setup, now: Time) {
        for index in 0..setup.sources.len() {
            let state = self.store.source_mut(SourceId(index as u16));
            (state.asking, state.asked, state.asked_at) = (false, None, None);
            if !matches!(state.health, Health::Down(SourceError::RateLimited { .. })) {
                state.next_poll = now;
            }
        }
    }

    /// A part of an answer whose rest is still on its way: its signals are known from now on.
    pub(super) fn take_part(&mut self, setup: &Setup, id: SourceId, at: Time, part: Poll) {
        let state = self.store.source_mut(id);
        let health = match &state.health {
            // Which signals fail is only known at the end.
            Health::Partial(failed, error) => Health::Partial(*failed, error.clone()),
            Health::Waiting | Health::Up | Health::Down(_) => Health::Up,
        };
        state.succeed(at, health);
        self.take_points(setup, id, at, part.points, Vec::new());
        self.take_older(setup, id, at, part.older);
    }

    /// Takes in an answer: readings, health, and when it is asked next. What is not its own it gives back.
    pub(super) fn take_answer(
        &mut self,
        setup: &Setup,
        id: SourceId,
        at: Time,
        result: Result<Poll, SourceError>,
    ) -> Option<Beside> {
        let interval = setup.source(id).interval;
        let jitter = jitter(id, at);
        let state = self.store.source_mut(id);
        state.asking = false;
        let asked_at = state.asked_at.take();
        match result {
            Ok(poll) => {
                let health = match poll.failed.first() {
                    // A probe's failure is its news; the source itself answers.
                    Some((signal, error)) if setup.signal(*signal).kind != Kind::Probe => {
                        Health::Partial(poll.failed.len(), error.clone())
                    }
                    _ => Health::Up,
                };
                state.succeed(at, health);
                state.took = asked_at.map_or(TimeDelta::zero(), |asked| (at - asked).max(TimeDelta::zero()));
                state.warnings = bounded(poll.warnings);
                state.next_poll = at + scaled(interval.max(longest_wait(&poll.failed)), jitter);
                let told: Vec<SignalId> = poll.points.iter().map(|(signal, _)| *signal).collect();
                self.take_points(setup, id, at, poll.points, poll.failed);
                self.take_older(setup, id, at, poll.older);
                Some(Beside { told, issues: poll.issues, alerts: poll.alerts, unread: poll.unread })
            }
            Err(error) => {
                let doubled = interval * (1 << state.failures.min(3));
                let pause = match &error {
                    SourceError::RateLimited { retry_after: Some(wait) } => interval.max(*wait),
                    _ => doubled.min(LONGEST_BACK_OFF).max(interval),
                };
                state.fail(at, error);
                state.next_poll = at + scaled(pause, 1.0 + (jitter - 1.0).abs());
                None
            }
        }
    }

    /// Takes in readings of its own signals.
    fn take_points(
        &mut self,
        setup: &Setup,
        source: SourceId,
        at: Time,
        points: Vec<(SignalId, Vec<Point>)>,
        failed: Vec<(SignalId, SourceError)>,
    ) {
        // An adapter may only speak of its own signals; anything else would be another source's word.
        let own = |setup: &Setup, id: SignalId| {
            setup.signals.get(usize::from(id.0)).is_some_and(|signal| signal.source == source)
        };
        for (id, points) in points {
            if own(setup, id) {
                let asked = self.store.source(source).asked.as_ref().and_then(|asked| asked.span(id));
                self.store.insert(id, &points, at);
                if let Some(span) = asked {
                    self.store.cover(id, span);
                }
            }
        }
        for (id, error) in failed {
            if own(setup, id) {
                self.store.set_trouble(id, error);
            }
        }
    }

    /// What the previous version told: the past of a signal of the new one, and what happens beside it.
    fn take_older(&mut self, setup: &Setup, source: SourceId, at: Time, points: Vec<(SignalId, Vec<Point>)>) {
        for (id, points) in points {
            let signal = setup.signals.get(usize::from(id.0));
            if signal.is_some_and(|signal| signal.source == source && signal.of_version) {
                self.store.insert_older(id, &points, at);
            }
        }
    }

    /// Tells the store when each signal's deploy was made.
    pub(super) fn split_baselines(&mut self, setup: &Setup, deploys: &Deploys) {
        let moments = Moments::of_services(setup, deploys.all());
        for (index, signal) in setup.signals.iter().enumerate() {
            let at = moments.of(signal).map(|deploy| deploy.at).or(setup.told.deployed_at);
            if let Some(at) = at.filter(|_| signal.kind != Kind::Rollout) {
                self.store.set_deploy(SignalId(index as u16), at);
            }
        }
    }
}

/// What an answer tells beside readings.
pub(super) struct Beside {
    /// The signals that it told of.
    pub(super) told: Vec<SignalId>,
    pub(super) issues: Option<Vec<Issue>>,
    pub(super) alerts: Option<Vec<Alert>>,
    /// How many rules of a signal were not read.
    pub(super) unread: Vec<(SignalId, usize)>,
}

/// When the baseline begins: `setup.baseline` before the earliest deploy, or before the earliest moment
/// at which a deploy could have been whose window is still open.
fn baseline_begin(setup: &Setup, deploys: &Deploys) -> Time {
    deploys.earliest().unwrap_or(setup.started - setup.window) - setup.baseline
}

/// Bins so long that there are too few of them in the baseline to judge by have a longer one: by so much.
pub(super) fn short_of_bins(signal: &Signal, baseline: TimeDelta) -> TimeDelta {
    (signal.step * BASELINE_BINS - baseline).max(TimeDelta::zero())
}

/// The version of each service, where it is known.
fn versions(setup: &Setup, deploys: &Deploys) -> Vec<Option<String>> {
    deploys.of_services(setup).into_iter().map(|deploy| Some(deploy?.to.label().to_owned())).collect()
}

/// The signals of the new version that can be held against the previous version, with that version, where pods of it
/// may have served since then: before the deploy, and beside the new ones until the rollout's end.
fn older(setup: &Setup, deploys: &Deploys, since: &[(SignalId, Time)]) -> Vec<(SignalId, String)> {
    let deploys = deploys.of_services(setup);
    let older = |(id, from): &(SignalId, Time)| {
        let signal = setup.signal(*id);
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
