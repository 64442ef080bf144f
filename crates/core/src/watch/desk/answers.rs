//! Responses to what was sent, followed or read back, and a step's state after them.

use super::{Desk, Doing};
use crate::deploy::{Time, WorkloadId, brief};
use crate::rollback::{Answer, Blocked, Goal, Rollback, Step, StepState};
use chrono::TimeDelta;

/// So long after a request was sent it may still take effect though its answer was lost: an API server gives one up after
/// a minute (`--request-timeout`), as proxies do, and there is some way to go before and after.
const MAY_ARRIVE: TimeDelta = TimeDelta::seconds(75);

impl Desk {
    /// Takes in what came of sending, following or reading back the step that this workload names; says whether that moved
    /// anything on.
    pub(in crate::watch) fn take_answer(
        &mut self,
        workload: WorkloadId,
        answer: Answer,
        now: Time,
        doing: &mut Doing<'_>,
    ) -> bool {
        let (Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. } | Rollback::Running(done)) =
            &mut self.rollback
        else {
            return false;
        };
        let found = done.plan.steps().zip(&done.steps).position(|(step, _)| step.workload() == workload);
        let Some(index) = found else { return false };
        let Some(step) = done.plan.steps().nth(index).cloned() else { return false };
        let goal = done.plan.goal;
        let state = &mut done.steps[index];
        let is_followed = matches!(state, StepState::Accepted { run: Some(run), .. } if !run.ended);
        if !is_followed && !matches!(state, StepState::Sent | StepState::Unknown(_)) {
            return false;
        }
        let was_lost = matches!(state, StepState::Unknown(_));
        let may_arrive = was_lost && self.sent.is_some_and(|sent| now - sent < MAY_ARRIVE && sent <= now);
        let answer = match answer {
            // Read back, and not there yet: that is no proof while the request may still be on its way.
            Answer::Refused(_) if may_arrive => {
                let left = brief(MAY_ARRIVE - (now - self.sent.unwrap_or(now)));
                Answer::Unknown(format!("it has not taken effect yet, and still may for {left}"))
            }
            answer => answer,
        };
        let Some((next, text)) = moved_on(&step, goal, state, answer, now) else { return false };
        if was_lost && matches!(next, StepState::Failed(_)) {
            self.given_up.push(workload);
        }
        let accepted = matches!(next, StepState::Accepted { .. }) && !is_followed;
        *state = next;
        if accepted {
            self.note_rolled_back(&step, doing);
        }
        if let Some(text) = text {
            doing.journal.tell(now, text);
        }
        self.settle_answers(now);
        true
    }

    /// The steps whose request was sent and not answered yet, by the workload that names each.
    pub(in crate::watch) fn unanswered(&self) -> Vec<WorkloadId> {
        let done = self.rollback.execution();
        let steps = done.into_iter().flat_map(|done| done.plan.steps().zip(&done.steps));
        steps.filter(|(_, state)| **state == StepState::Sent).map(|(step, _)| step.workload()).collect()
    }

    /// Notes that a step was taken: what it covers is rolled back, or is not any more.
    pub(super) fn note_rolled_back(&mut self, step: &Step, doing: &mut Doing<'_>) {
        for covered in &step.covers {
            self.rolled_back.retain(|known| known.workload != covered.workload);
            if step.goal == Goal::RollBack {
                self.rolled_back.push(covered.clone());
            }
            doing.moved.push(covered.workload);
        }
    }

    /// Moves on once every request that was sent has been answered, one way or another.
    fn settle_answers(&mut self, now: Time) {
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
                    _ => now,
                };
                Rollback::OutcomeUnknown { done, at: since, reason }
            }
            (None, Some(blocked)) => Rollback::Failed { done, at: now, blocked },
            (None, None) => {
                if !done.steps.contains(&StepState::Waiting) {
                    done.accepted = done.accepted.or(Some(now));
                }
                Rollback::Running(done)
            }
        };
    }
}

/// The next state of a step and what the timeline says of it; `None` where nothing moved.
fn moved_on(
    step: &Step,
    goal: Goal,
    state: &StepState,
    answer: Answer,
    now: Time,
) -> Option<(StepState, Option<String>)> {
    let (subject, name) = (&step.subject, step.action.name(goal));
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
            let text = (!known).then(|| format!("{subject}: the response was lost: {why}"));
            (StepState::Unknown(why), text)
        }
        (Answer::ChangedUnderUs(what), _) => {
            let way_out = "check what changed, then reopen the plan".to_owned();
            let text = format!("{subject}: not sent: {what}");
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
