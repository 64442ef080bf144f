//! Pauses in which nobody looked: a lid that was closed, a stopped process, a stolen CPU. The world went on; nothing
//! that was known before is a ground to change anything.

use super::Watch;
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::lease::{Holding, LeaseCall};
use crate::rollback::{Readiness, Rollback};
use crate::setup::Delivery;
use crate::signal::SourceId;
use crate::store::Health;
use chrono::TimeDelta;

/// A pause is one without so many ticks; shorter than that is a busy machine.
const TICKS: i32 = 8;
/// So long after a pause a source that has not answered is not waited for: it may be down for good, and says so.
const WAIT_FOR_SOURCES: TimeDelta = TimeDelta::seconds(20);
/// A stream that was silent for so many of its longest pauses is not known to live.
const SILENT_FOR: i32 = 3;

impl Watch {
    /// How far apart ticks are, as the watch counts time: a second, unless it is played faster than it happens.
    pub fn expect_ticks_every(&mut self, tick: TimeDelta) {
        self.tick = tick;
    }

    /// Takes in that time went on; a long pause makes everything that a change rests on be looked at anew.
    pub(super) fn pass_time(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let (passed, began) = (now - self.now, self.heard_any);
        self.set_time(now);
        self.heard_any = true;
        if began && passed > self.tick * TICKS {
            self.wake_up(passed, effects);
        }
    }

    /// Closes what waits for a key, begins a countdown anew, and asks for the lease and the plans again.
    fn wake_up(&mut self, paused: TimeDelta, effects: &mut Vec<Effect>) {
        self.woke = Some(self.now);
        self.lease_held = None;
        self.deletion = None;
        self.close_question();
        for state in &mut self.workloads {
            (state.readiness, state.forward) = (Readiness::Preparing, Readiness::Preparing);
        }
        let paused = brief(paused);
        match &self.rollback {
            Rollback::Planned { .. } => {
                self.dismiss(effects);
                self.tell(format!("nobody looked for {paused}: the plan was closed, and is worked out anew"));
            }
            Rollback::Countdown { plan, .. } => {
                let text = format!("nobody looked for {paused}: the countdown to {} begins anew", plan.target());
                self.rollback = Rollback::Idle;
                self.release_lease(effects);
                self.tell(text);
            }
            rollback if rollback.is_under_way() => {
                // Whoever took it meanwhile is told by the answer; taking what is still ours changes nothing.
                self.ask_for_lease(LeaseCall::Take(self.leased_for()), effects);
                self.holding = Holding::Asking;
                self.last_asked = None;
            }
            _ => {}
        }
        for index in 0..self.workloads.len() {
            self.prepare_anew(WorkloadId(index as u16), effects);
        }
        self.revision += 1;
    }

    /// Whether everything was looked at again since the last pause: each source has answered a question that was asked
    /// after it, or has had the time to.
    pub fn is_awake(&self) -> bool {
        let Some(woke) = self.woke else { return true };
        self.now - woke >= WAIT_FOR_SOURCES || self.heard.iter().all(|at| at.is_some_and(|at| at >= woke))
    }

    /// Notes that a source answered a question, or told something, that is as of this time.
    pub(super) fn hear(&mut self, source: SourceId, as_of: Time) {
        if let Some(heard) = self.heard.get_mut(usize::from(source.0)) {
            *heard = Some(as_of);
        }
    }

    /// Whether the cluster still tells: where its stream is broken or silent, what was worked out before is not known
    /// to hold.
    pub(super) fn cluster_tells(&self) -> bool {
        let streams = self.setup.sources.iter().zip(0..).filter(|(source, _)| source.delivery == Delivery::Streamed);
        streams.map(|(source, index)| (source, self.store.source(SourceId(index)))).all(|(source, state)| {
            let silent = state.age(self.now).is_some_and(|age| age > source.interval * SILENT_FOR);
            !matches!(state.health, Health::Down(_)) && !silent
        })
    }
}
