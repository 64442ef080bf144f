//! How a watch is left: its record is ended or can be gone on with, and its keys may go to somebody else.

use super::{Frontend, Runtime};
use crate::deploy::{Time, brief};
use crate::message::Message;
use crate::outcome::Outcome;
use crate::records::{Asker, askers};
use crate::rollback::Rollback;
use crate::session::{Leaving, Seat};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt, future, stream};
use std::io;

/// So long whoever has the keys has them after somebody asked.
const YIELDS_AFTER: TimeDelta = TimeDelta::seconds(10);

/// Who asks for the keys, each time that it changes.
pub(super) type Askers = stream::BoxStream<'static, Option<Seat>>;

/// Who asks there; nobody where nobody can.
pub(super) fn heard(asker: Option<Asker>) -> Askers {
    match asker {
        Some(asker) => askers(asker).chain(stream::pending()).boxed(),
        None => stream::pending().boxed(),
    }
}

/// What has to end before the keys go to anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// A rollback is in progress.
    RolledBack,
    /// A countdown runs, and somebody has to be able to stop it.
    CountedDown,
    /// A feature flag is being turned off.
    TurnedOff,
}

/// Somebody who asks for the keys.
pub(super) struct Asked {
    by: Seat,
    at: Time,
}

impl Asked {
    pub(super) fn new(by: Seat, at: Time) -> Self {
        Self { by, at }
    }

    /// How long the keys are kept still, or until what has ended.
    fn left(&self, watch: &Watch, now: Time) -> Result<TimeDelta, Until> {
        if watch.rollback().is_in_progress() {
            return Err(Until::RolledBack);
        }
        if matches!(watch.rollback(), Rollback::Countdown { .. }) {
            return Err(Until::CountedDown);
        }
        if watch.flags(None).iter().any(|row| row.turn.is_some_and(|turn| turn.state.is_in_progress())) {
            return Err(Until::TurnedOff);
        }
        Ok((self.at + YIELDS_AFTER - now).max(TimeDelta::zero()))
    }

    fn told(&self, watch: &Watch, now: Time) -> String {
        let when = match self.left(watch, now) {
            Ok(left) => format!("in {}, or now if you quit", brief(left)),
            Err(Until::RolledBack) => "once the rollback has ended".to_owned(),
            Err(Until::CountedDown) => "once the countdown has ended".to_owned(),
            Err(Until::TurnedOff) => "once the feature flag is off".to_owned(),
        };
        format!("{} asks for the keys: handed over {when}", self.by)
    }
}

impl<F: Frontend, S: Stream<Item = F::Input> + Unpin> Runtime<F, S> {
    /// Takes in that somebody asks for the keys, or does not any more.
    pub(super) fn take_asked(&mut self, by: Option<Seat>) {
        self.asked = by.map(|by| Asked::new(by, self.clock.now()));
        let text = self.asked.as_ref().map_or_else(
            || "nobody asks for the keys any more".to_owned(),
            |asked| asked.told(&self.watch, self.clock.now()),
        );
        self.frontend.notice(&text);
    }

    /// Says how long the keys are kept; hands them over when the time has come.
    pub(super) fn follow_asked(&mut self) -> Option<Outcome> {
        let asked = self.asked.as_ref()?;
        let now = self.clock.now();
        self.frontend.notice(&asked.told(&self.watch, now));
        let is_time = asked.left(&self.watch, now) == Ok(TimeDelta::zero());
        is_time.then(|| Outcome::of(&self.watch))
    }

    /// Writes down how it was left. What has ended is compressed; the rest is left to be gone on with.
    pub(super) fn end_record(&mut self, left: &io::Result<Outcome>) {
        let how = match (left, self.asked.take()) {
            (Ok(outcome), asked) => leaving(*outcome, asked),
            (Err(_), _) => Leaving::Failed,
        };
        let is_done = how == Leaving::Quit && self.frontend.knows_its_end();
        let now = self.clock.now();
        let message = Message::Left { at: now, how };
        self.recorder.append(&message);
        self.watch.update(message);
        let recorder = std::mem::take(&mut self.recorder);
        let is_over = self.watch.has_ended(now) || (is_done && !self.watch.rollback().is_in_progress());
        if let Err(error) = if is_over { recorder.close() } else { recorder.leave() } {
            // What was written stays, and can be read.
            tracing::warn!(%error, "the record could not be closed");
        }
    }
}

fn leaving(outcome: Outcome, asked: Option<Asked>) -> Leaving {
    match outcome {
        Outcome::Interrupted => Leaving::Interrupted,
        Outcome::Terminated => Leaving::Terminated,
        Outcome::HungUp => Leaving::HungUp,
        Outcome::Quit | Outcome::Aborted => Leaving::Aborted,
        Outcome::Done
        | Outcome::Healthy
        | Outcome::Faulty
        | Outcome::Misused
        | Outcome::Inconclusive
        | Outcome::LeftEarly
        | Outcome::Degraded
        | Outcome::RolledBack
        | Outcome::RollbackFailed
        | Outcome::RollbackUnknown => asked.map_or(Leaving::Quit, |asked| Leaving::HandedOver(asked.by)),
    }
}

/// Whether somebody asks, as long as the loop waits for anything else.
pub(super) async fn next(askers: &mut Askers) -> Option<Seat> {
    match askers.next().await {
        Some(asked) => asked,
        None => future::pending().await,
    }
}
