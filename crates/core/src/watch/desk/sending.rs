//! Sending requests, stage by stage: the next one only while it is known that nobody else is rolling back.

use super::{Around, Desk, Doing};
use crate::deploy::Time;
use crate::message::Effect;
use crate::rollback::lease::Holding;
use crate::rollback::{Blocked, Execution, Rollback, StepState};
use std::sync::Arc;

impl Desk {
    /// Sends the first stage of the plan that is open or counted down to.
    pub(in crate::watch) fn start(&mut self, automatic: bool, around: Around<'_>, doing: &mut Doing<'_>) {
        let plan = match std::mem::take(&mut self.rollback) {
            Rollback::Planned { plan, .. } | Rollback::Countdown { plan, .. } => plan,
            other => {
                self.rollback = other;
                return;
            }
        };
        self.ended = None;
        let by = if automatic { "automatically" } else { "confirmed" };
        doing.journal.tell(around.now, format!("rollback to {} {by}", plan.target()));
        self.red_at_confirm = around.judging.red().collect();
        let done = Execution {
            steps: plan.steps().map(|_| StepState::Waiting).collect(),
            plan,
            confirmed: around.now,
            automatic,
            accepted: None,
            ready: None,
            clear_since: None,
        };
        self.given_up.clear();
        self.rollback = Rollback::Confirmed(self.send_stage(done, around.now, doing.effects));
    }

    /// What becomes of a rollback whose next stage may begin: it is sent, or waits until it is known again that nobody
    /// else is rolling back, or ends.
    pub(super) fn go_on(&mut self, done: Execution, around: Around<'_>, doing: &mut Doing<'_>) -> Rollback {
        let waiting = |done: &Execution| {
            let states = done.plan.steps().zip(&done.steps).filter(|(_, state)| **state == StepState::Waiting);
            states.map(|(step, _)| Arc::clone(step)).collect::<Vec<_>>()
        };
        let is_guarded = waiting(&done).iter().all(|step| step.action.is_guarded());
        let paused = self.sent.is_some_and(|sent| around.attention.paused_since(sent));
        let stop = match around.lease.holding() {
            Holding::Theirs(holder) => Some(format!("{} holds the lease: {}", holder.who, holder.what)),
            // What refuses by itself when anything has changed needs no plan recreated.
            _ if paused && !is_guarded => Some("redflag was suspended halfway".to_owned()),
            Holding::Asking | Holding::Nobody if paused || !is_guarded => return Rollback::Running(done),
            Holding::Ours if !is_guarded && !around.lease.is_ours(around.now) => return Rollback::Running(done),
            Holding::Ours | Holding::Asking | Holding::Nobody | Holding::Unavailable(_) => None,
        };
        if !around.attention.is_awake(around.now) {
            return Rollback::Running(done);
        }
        let Some(reason) = stop else { return Rollback::Confirmed(self.send_stage(done, around.now, doing.effects)) };
        let left: Vec<String> = waiting(&done).iter().map(|step| step.subject.clone()).collect();
        let reason = format!("{reason}; {} not sent", left.join(", "));
        doing.journal.tell(around.now, format!("rollback stopped halfway: {reason}"));
        let way_out = "check what runs now, then reopen the plan".to_owned();
        Rollback::Failed { done, at: around.now, blocked: Blocked { reason, way_out } }
    }

    /// Sends the first stage that waits.
    fn send_stage(&mut self, mut done: Execution, now: Time, effects: &mut Vec<Effect>) -> Execution {
        self.sent = Some(now);
        let mut first = 0;
        for stage in &done.plan.stages {
            let states = &mut done.steps[first..first + stage.len()];
            first += stage.len();
            if states.contains(&StepState::Waiting) {
                for (step, state) in stage.iter().zip(states) {
                    *state = StepState::Sent;
                    effects.push(Effect::Send(Arc::clone(step)));
                }
                break;
            }
        }
        done
    }
}
