//! Pauses in which nobody looked: a lid that was closed, a stopped process, a stolen CPU. The world went on; nothing
//! that was known before is a ground to change anything.

use super::Watch;
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::Rollback;
use crate::rollback::lease::LeaseCall;
use chrono::TimeDelta;

impl Watch {
    /// How far apart ticks are, as the watch counts time: a second, unless it is played faster than it happens.
    pub fn expect_ticks_every(&mut self, tick: TimeDelta) {
        self.attention.expect_ticks_every(tick);
    }

    /// Takes in that time went on; a long pause makes everything that a change rests on be looked at again.
    pub(super) fn pass_time(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let passed = now - self.now;
        self.set_time(now);
        if self.attention.was_a_pause(passed) {
            self.wake_up(passed, effects);
        }
    }

    /// Closes what waits for a key, begins a countdown again, and asks for the lease and the plans again.
    fn wake_up(&mut self, paused: TimeDelta, effects: &mut Vec<Effect>) {
        self.attention.wake(self.now);
        self.lease.doubt();
        self.deletion.dismiss();
        self.feature_flags.close_question();
        self.deploys.forget_readiness();
        let paused = brief(paused);
        match self.desk.rollback() {
            Rollback::Planned { .. } => {
                self.dismiss(effects);
                self.tell(format!("suspended for {paused}: the plan was closed and will be recomputed"));
            }
            Rollback::Countdown { plan, .. } => {
                let text = format!("suspended for {paused}: the countdown to {} restarts", plan.target());
                self.desk.call_off();
                self.lease.release(effects);
                self.tell(text);
            }
            rollback if rollback.is_in_progress() => {
                // Whoever took it meanwhile is told by the answer; taking what is still ours changes nothing.
                self.lease.retake(LeaseCall::Take(super::lease::taken_for(rollback)), self.now, effects);
                self.desk.ask_at_once();
            }
            _ => {}
        }
        for index in 0..self.deploys.all().len() {
            self.prepare_again(WorkloadId(index as u16), effects);
        }
        self.journal.changed();
    }

    /// Whether everything was looked at again since the last pause: each source has answered a question that was asked
    /// after it, or has had the time to.
    pub fn is_awake(&self) -> bool {
        self.attention.is_awake(self.now)
    }
}
