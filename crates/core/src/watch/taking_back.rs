//! Taking a deploy back once it is confirmed: requests, stage by stage, their answers, and the runs that carry them out.

use super::Watch;
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::lease::Holding;
use crate::rollback::{Answer, Blocked, Covered, Goal, Rollback, Run, Step, StepState, Undertaking};
use crate::signal::SignalId;
use crate::timeline::Mark;
use crate::verdict::Level;
use chrono::TimeDelta;
use std::sync::Arc;

/// How often a lost answer is looked for, and a run is asked how it goes on.
const ASK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// So long after a request was sent it may still take effect though its answer was lost: an API server gives one up after
/// a minute (`--request-timeout`), as proxies do, and there is some way to go before and after.
const MAY_ARRIVE: TimeDelta = TimeDelta::seconds(75);

impl Watch {
    /// What was taken back of a workload in this watch and still is.
    pub fn taken_back(&self, workload: WorkloadId) -> Option<&Covered> {
        self.taken_back.iter().find(|covered| covered.workload == workload)
    }

    /// The steps of the last rollback that were sent, and not refused for certain: what was refused is nobody's doing here.
    pub(super) fn may_be_done(&self) -> impl Iterator<Item = &Step> {
        let all = self.rollback.undertaking().into_iter().flat_map(|done| done.plan.steps().zip(&done.steps));
        let sent = all.filter(|(step, state)| match state {
            StepState::Waiting => false,
            StepState::Failed(_) => self.given_up.contains(&step.workload()),
            StepState::Sent | StepState::Unknown(_) | StepState::Accepted { .. } | StepState::Ready { .. } => true,
        });
        sent.map(|(step, _)| &**step)
    }

    /// Whether the last rollback left something that can be taken forward again.
    pub fn can_go_forward(&self) -> bool {
        !self.taken_back.is_empty() && !self.rollback.is_under_way()
    }

    /// Sends the first stage of the plan that is open or counted down to.
    pub(super) fn start(&mut self, automatic: bool, effects: &mut Vec<Effect>) {
        let plan = match std::mem::take(&mut self.rollback) {
            Rollback::Planned { plan, .. } | Rollback::Countdown { plan, .. } => plan,
            other => {
                self.rollback = other;
                return;
            }
        };
        self.ended = None;
        let by = if automatic { "by the automatism" } else { "confirmed" };
        self.tell(format!("rollback to {} {by}", plan.target()));
        self.red_at_confirm = (0..self.findings.len())
            .filter(|&index| self.findings[index].level == Level::RedFlag)
            .map(|index| SignalId(index as u16))
            .collect();
        let done = Undertaking {
            steps: plan.steps().map(|_| StepState::Waiting).collect(),
            plan,
            confirmed: self.now,
            automatic,
            accepted: None,
            ready: None,
            clear_since: None,
        };
        self.given_up.clear();
        self.rollback = Rollback::Confirmed(self.send_stage(done, effects));
    }

    /// What becomes of a rollback whose next stage may begin: it is sent, or waits until it is known again that nobody
    /// else is at it, or ends.
    pub(super) fn go_on(&mut self, done: Undertaking, effects: &mut Vec<Effect>) -> Rollback {
        let waiting = |done: &Undertaking| {
            let states = done.plan.steps().zip(&done.steps).filter(|(_, state)| **state == StepState::Waiting);
            states.map(|(step, _)| Arc::clone(step)).collect::<Vec<_>>()
        };
        let is_guarded = waiting(&done).iter().all(|step| step.action.is_guarded());
        let paused = self.woke.is_some_and(|woke| self.sent.is_some_and(|sent| woke > sent));
        let stop = match &self.holding {
            Holding::Theirs(holder) => Some(format!("{} is at it: {}", holder.who, holder.what)),
            // What refuses by itself when anything has changed needs no plan made anew.
            _ if paused && !is_guarded => Some("nobody looked for a while in the midst of it".to_owned()),
            Holding::Asking | Holding::Nobody if paused || !is_guarded => return Rollback::Running(done),
            Holding::Ours if !is_guarded && !self.holds_lease() => return Rollback::Running(done),
            Holding::Ours | Holding::Asking | Holding::Nobody | Holding::Unavailable(_) => None,
        };
        if !self.is_awake() {
            return Rollback::Running(done);
        }
        let Some(reason) = stop else { return Rollback::Confirmed(self.send_stage(done, effects)) };
        let left: Vec<String> = waiting(&done).iter().map(|step| step.subject.clone()).collect();
        let reason = format!("{reason}; {} not sent", left.join(", "));
        self.tell(format!("rollback stopped half way: {reason}"));
        let way_out = "look at what runs now, then open the plan again: it is worked out anew".to_owned();
        Rollback::Failed { done, at: self.now, blocked: Blocked { reason, way_out } }
    }

    /// Sends the first stage that waits.
    fn send_stage(&mut self, mut done: Undertaking, effects: &mut Vec<Effect>) -> Undertaking {
        self.sent = Some(self.now);
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

    pub(super) fn take_rollback_answer(&mut self, workload: WorkloadId, answer: Answer, effects: &mut Vec<Effect>) {
        let (Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. } | Rollback::Running(done)) =
            &mut self.rollback
        else {
            return;
        };
        let found = done.plan.steps().zip(&done.steps).position(|(step, _)| step.workload() == workload);
        let Some(index) = found else { return };
        let Some(step) = done.plan.steps().nth(index).cloned() else { return };
        let state = &mut done.steps[index];
        let is_followed = matches!(state, StepState::Accepted { run: Some(run), .. } if !run.ended);
        if !is_followed && !matches!(state, StepState::Sent | StepState::Unknown(_)) {
            return;
        }
        let was_lost = matches!(state, StepState::Unknown(_));
        let may_arrive = was_lost && self.sent.is_some_and(|sent| self.now - sent < MAY_ARRIVE && sent <= self.now);
        let answer = match answer {
            // Read back, and not there yet: that is no proof while the request may still be on its way.
            Answer::Refused(_) if may_arrive => {
                let left = brief(MAY_ARRIVE - (self.now - self.sent.unwrap_or(self.now)));
                Answer::Unknown(format!("it has not taken effect, and may still for {left}"))
            }
            answer => answer,
        };
        let Some((next, text)) = moved_on(&step, state, answer, self.now) else { return };
        if was_lost && matches!(next, StepState::Failed(_)) {
            self.given_up.push(workload);
        }
        let accepted = matches!(next, StepState::Accepted { .. }) && !is_followed;
        *state = next;
        if accepted {
            self.note_taken_back(&step);
        }
        if let Some(text) = text {
            self.tell(text);
        }
        self.settle_answers();
        self.follow_rollback(effects);
    }

    fn note_taken_back(&mut self, step: &Step) {
        for covered in &step.covers {
            self.taken_back.retain(|known| known.workload != covered.workload);
            if step.goal == Goal::Back {
                self.taken_back.push(covered.clone());
            }
            // What was worked out before is for a state that is gone.
            self.workloads[usize::from(covered.workload.0)].forward = crate::rollback::Readiness::Preparing;
        }
    }

    /// Moves on once every request that was sent has been answered, one way or another.
    fn settle_answers(&mut self) {
        let (Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. } | Rollback::Running(done)) =
            &self.rollback
        else {
            return;
        };
        if done.steps.contains(&StepState::Sent) {
            return;
        }
        let mut done = done.clone();
        let lost = done.steps.iter().find_map(|step| match step {
            StepState::Unknown(why) => Some(why.clone()),
            _ => None,
        });
        let refused = done.steps.iter().find_map(|step| match step {
            StepState::Failed(blocked) => Some(blocked.clone()),
            _ => None,
        });
        self.rollback = match (lost, refused) {
            (Some(reason), _) => {
                let since = match &self.rollback {
                    Rollback::OutcomeUnknown { at, .. } => *at,
                    _ => self.now,
                };
                Rollback::OutcomeUnknown { done, at: since, reason }
            }
            (None, Some(blocked)) => Rollback::Failed { done, at: self.now, blocked },
            (None, None) => {
                if !done.steps.contains(&StepState::Waiting) {
                    done.accepted = done.accepted.or(Some(self.now));
                }
                Rollback::Running(done)
            }
        };
    }

    /// Looks at where a rollback stands now: lost answers, runs, pods, flags; keeps the lease while it does.
    pub(super) fn follow_rollback(&mut self, effects: &mut Vec<Effect>) {
        let is_lost = |state: &StepState| matches!(state, StepState::Unknown(_));
        match std::mem::take(&mut self.rollback) {
            // Everything was answered, and only the flags cannot be seen: they may be again.
            Rollback::OutcomeUnknown { done, .. } if !done.steps.iter().any(is_lost) => self.follow_pods(done, effects),
            Rollback::OutcomeUnknown { done, at, reason } => {
                if self.is_time_to_ask() {
                    let lost = done.plan.steps().zip(&done.steps);
                    let lost = lost.filter(|(_, state)| matches!(state, StepState::Unknown(_)));
                    effects.extend(lost.map(|(step, _)| Effect::ReadBack(Arc::clone(step))));
                }
                self.rollback = Rollback::OutcomeUnknown { done, at, reason };
            }
            Rollback::Running(done) => {
                if done.plan.steps().zip(&done.steps).any(|(_, state)| open_run(state).is_some())
                    && self.is_time_to_ask()
                {
                    let runs = done.plan.steps().zip(&done.steps);
                    let runs = runs.filter_map(|(step, state)| Some((Arc::clone(step), open_run(state)?.clone())));
                    effects.extend(runs.map(|(step, run)| Effect::Follow(step, run)));
                }
                self.follow_pods(done, effects);
            }
            Rollback::Failed { mut done, at, blocked } => {
                self.note_ready(&mut done);
                self.rollback = self.correct(done, at, blocked);
            }
            other => self.rollback = other,
        }
        self.keep_lease(effects);
    }

    /// What was given up as not done may be done after all: the cluster tells, and the report is put right.
    fn correct(&mut self, mut done: Undertaking, at: Time, blocked: Blocked) -> Rollback {
        let plan = Arc::clone(&done.plan);
        let mut corrected = false;
        for (step, state) in plan.steps().zip(&mut done.steps) {
            let was_given_up = self.given_up.contains(&step.workload()) && matches!(state, StepState::Failed(_));
            if was_given_up && self.is_on_its_way(step) {
                self.given_up.retain(|workload| *workload != step.workload());
                *state = StepState::Accepted { at: self.now, run: None };
                corrected = true;
                self.note_taken_back(step);
                self.tell(format!("{}: the {} took effect after all", step.subject, step.action.name()));
            }
        }
        let came_late = done.steps.iter().all(|state| matches!(state, StepState::Ready { .. }));
        if came_late || (corrected && done.steps.iter().all(|state| state.taken_at().is_some())) {
            done.accepted = done.accepted.or(Some(self.now));
            return Rollback::Running(done);
        }
        Rollback::Failed { done, at, blocked }
    }

    fn is_time_to_ask(&mut self) -> bool {
        let due = self.last_asked.is_none_or(|last| self.now - last >= ASK_EVERY || last > self.now);
        if due {
            self.last_asked = Some(self.now);
        }
        due
    }

    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.timeline.add(self.now, Mark::Rollback, text);
        self.revision += 1;
    }
}

/// The run that a step waits for.
fn open_run(state: &StepState) -> Option<&Run> {
    match state {
        StepState::Accepted { run: Some(run), .. } if !run.ended => Some(run),
        _ => None,
    }
}

/// The next state of a step and what the timeline says of it; `None` where nothing moved.
fn moved_on(step: &Step, state: &StepState, answer: Answer, now: Time) -> Option<(StepState, Option<String>)> {
    let (subject, name) = (&step.subject, step.action.name());
    let since = match state {
        StepState::Accepted { at, .. } => *at,
        _ => now,
    };
    Some(match (answer, state) {
        (Answer::Accepted, _) => {
            (StepState::Accepted { at: now, run: None }, Some(format!("{subject}: {name} accepted")))
        }
        (Answer::Running(run), StepState::Accepted { run: Some(known), .. }) if *known == run => return None,
        (Answer::Running(run), _) => {
            let link = run.link.as_ref().map_or_else(String::new, |link| format!(" ({link})"));
            let text = format!("{subject}: {}{link}", run.state);
            (StepState::Accepted { at: since, run: Some(run) }, Some(text))
        }
        // A run that cannot be asked for a moment still runs.
        (Answer::Unknown(_), StepState::Accepted { .. }) => return None,
        (Answer::Unknown(why), _) => {
            let known = matches!(state, StepState::Unknown(_));
            let text = (!known).then(|| format!("{subject}: the answer was lost: {why}"));
            (StepState::Unknown(why), text)
        }
        (Answer::ChangedUnderUs(what), _) => {
            let way_out = "read what changed, then open the plan again: it is worked out anew".to_owned();
            let text = format!("{subject}: not undone: {what}");
            (StepState::Failed(Blocked { reason: what, way_out }), Some(text))
        }
        (Answer::Refused(blocked), _) => {
            let text = format!("{subject}: {name} refused: {}", blocked.reason);
            (StepState::Failed(blocked), Some(text))
        }
        (Answer::Failed(blocked), _) => {
            let text = format!("{subject}: {}", blocked.reason);
            (StepState::Failed(blocked), Some(text))
        }
    })
}
