//! Taking a deploy back once it is confirmed: requests, stage by stage, their runs, pods, and whether it worked.

use super::Watch;
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::lease::{Holding, LeaseCall};
use crate::rollback::{Answer, Blocked, Covered, Goal, Rollback, Run, Step, StepState, Undertaking};
use crate::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use crate::signal::SignalId;
use crate::timeline::Mark;
use crate::verdict::Level;
use chrono::TimeDelta;
use std::sync::Arc;

/// Flags that are still red this long after the old version serves say that the deploy was not the cause.
const NOT_THE_CAUSE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// How often a lost answer is looked for, and a run is asked how it goes on.
const ASK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often the lease is renewed: three times in its life.
const RENEW_EVERY: TimeDelta = TimeDelta::seconds(5);

impl Watch {
    /// What was taken back of a workload in this watch and still is.
    pub fn taken_back(&self, workload: WorkloadId) -> Option<&Covered> {
        self.taken_back.iter().find(|covered| covered.workload == workload)
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
        self.rollback = Rollback::Confirmed(Self::send_stage(done, effects));
    }

    /// Sends the first stage that waits.
    fn send_stage(mut done: Undertaking, effects: &mut Vec<Effect>) -> Undertaking {
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
        let Some((next, text)) = moved_on(&step, state, answer, self.now) else { return };
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
        match std::mem::take(&mut self.rollback) {
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
                self.rollback = Rollback::Failed { done, at, blocked };
            }
            other => self.rollback = other,
        }
        self.keep_lease(effects);
    }

    fn is_time_to_ask(&mut self) -> bool {
        let due = self.last_asked.is_none_or(|last| self.now - last >= ASK_EVERY || last > self.now);
        if due {
            self.last_asked = Some(self.now);
        }
        due
    }

    fn keep_lease(&mut self, effects: &mut Vec<Effect>) {
        let wanted = match &self.rollback {
            Rollback::Planned { .. } | Rollback::Countdown { .. } => true,
            rollback => rollback.is_under_way(),
        };
        if !wanted {
            if self.holding != Holding::Nobody {
                self.release_lease(effects);
            }
            return;
        }
        let due = self.lease_asked.is_none_or(|last| self.now - last >= RENEW_EVERY || last > self.now);
        let call = match &self.rollback {
            _ if !due => return,
            _ if self.holding == Holding::Ours => LeaseCall::Renew,
            // Whoever holds it may be done or gone by now.
            Rollback::Planned { plan, .. } if matches!(self.holding, Holding::Theirs(_)) => {
                LeaseCall::Take(format!("rollback to {}", plan.target()))
            }
            _ => return,
        };
        self.lease_asked = Some(self.now);
        effects.push(Effect::Lease(call));
    }

    /// Whose the lease is, as the cluster answered. While requests of ours are out it is only noted: what
    /// was sent cannot be called back.
    pub(super) fn take_holding(&mut self, holding: Holding) {
        let wanted = matches!(self.rollback, Rollback::Planned { .. } | Rollback::Countdown { .. })
            || self.rollback.is_under_way();
        if !wanted {
            return;
        }
        match &holding {
            Holding::Theirs(holder) if self.holding != holding => {
                let text = format!("{} is at it already: {}", holder.who, holder.what);
                if let Rollback::Countdown { .. } = self.rollback {
                    self.rollback = Rollback::Idle;
                }
                self.tell(text);
            }
            _ => {}
        }
        self.holding = holding;
    }

    fn follow_pods(&mut self, mut done: Undertaking, effects: &mut Vec<Effect>) {
        let plan = Arc::clone(&done.plan);
        for (step, state) in plan.steps().zip(&mut done.steps) {
            let StepState::Accepted { run, .. } = state else { continue };
            if run.as_ref().is_some_and(|run| !run.ended) {
                continue;
            }
            match self.pods_of(step) {
                Pods::Coming => {}
                Pods::Serve => {
                    *state = StepState::Ready { at: self.now };
                    self.revision += 1;
                }
                Pods::Fail(reason) => {
                    let way_out =
                        "look at its pods; an older revision may be the better target (rollback --to)".to_owned();
                    let blocked = Blocked { reason, way_out };
                    *state = StepState::Failed(blocked.clone());
                    let text = format!("rollback failed: {}", blocked.reason);
                    self.rollback = Rollback::Failed { done, at: self.now, blocked };
                    self.tell(text);
                    return;
                }
            }
        }
        let is_ready = |state: &StepState| matches!(state, StepState::Ready { .. });
        if done.steps.contains(&StepState::Waiting) {
            let sent = done.steps.iter().filter(|state| **state != StepState::Waiting);
            self.rollback = if sent.clone().count() > 0 && sent.clone().all(is_ready) {
                Rollback::Confirmed(Self::send_stage(done, effects))
            } else {
                Rollback::Running(done)
            };
            return;
        }
        if done.ready.is_none() && done.steps.iter().all(is_ready) {
            done.ready = Some(self.now);
            let took = brief(self.now - done.confirmed);
            self.tell(format!("{} again: all pods ready, {took} after {}", done.plan.serves(), done.beginning()));
        }
        self.rollback = match done.ready {
            // Whoever goes forward again knows that the flags may come with it.
            Some(at) if done.plan.goal == Goal::Forward => Rollback::Verified { done, at },
            Some(ready) => self.follow_flags(done, ready),
            None => Rollback::Running(done),
        };
    }

    /// What was accepted before another step failed goes on by itself, and what is done should be known.
    fn note_ready(&mut self, done: &mut Undertaking) {
        let plan = Arc::clone(&done.plan);
        for (step, state) in plan.steps().zip(&mut done.steps) {
            if matches!(state, StepState::Accepted { .. }) && matches!(self.pods_of(step), Pods::Serve) {
                *state = StepState::Ready { at: self.now };
                self.revision += 1;
            }
        }
    }

    /// Where the pods of all workloads of a step are.
    fn pods_of(&self, step: &Step) -> Pods {
        let mut all = Pods::Serve;
        for covered in &step.covers {
            let Some(rollout) = &self.workloads[usize::from(covered.workload.0)].rollout else { return Pods::Coming };
            if rollout.uid != covered.uid || !has_begun(rollout, covered, step) {
                return Pods::Coming;
            }
            if let Progress::Failed(why) = &rollout.progress {
                // “Exceeded its deadline” says that it does not come up; the pods say why.
                let cause = rollout.troubles.first().filter(|trouble| trouble.kind < TroubleKind::DeadlineExceeded);
                let why = cause.map_or(why, |trouble| &trouble.sentence);
                let label = covered.to.label();
                return Pods::Fail(format!("{}: {label} does not come up: {why}", covered.reference));
            }
            if !serves(rollout, covered, step.action.builds_anew()) {
                all = Pods::Coming;
            }
        }
        all
    }

    fn follow_flags(&mut self, mut done: Undertaking, ready: Time) -> Rollback {
        // A flag that went stale is not a flag that cleared.
        let level = |id: &SignalId| self.findings[usize::from(id.0)].level;
        let still =
            self.red_at_confirm.iter().any(|id| matches!(level(id), Level::RedFlag | Level::Stale | Level::NoData));
        let red = self.findings.iter().any(|finding| finding.level == Level::RedFlag);
        if still || red {
            done.clear_since = None;
        } else if self.now - *done.clear_since.get_or_insert(self.now) >= self.setup.rollback.clear_for {
            let took = brief(self.now - done.confirmed);
            self.tell(format!("rollback verified: flags clear, {took} after {}", done.beginning()));
            return Rollback::Verified { done, at: self.now };
        }
        if red && self.now - ready >= NOT_THE_CAUSE_AFTER {
            self.tell("the flags stay red on the old version: the deploy was not the cause");
            return Rollback::NotTheCause { done, at: self.now };
        }
        Rollback::Running(done)
    }

    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.timeline.add(self.now, Mark::Rollback, text);
        self.revision += 1;
    }
}

/// Where the pods of a step are.
enum Pods {
    /// On their way.
    Coming,
    /// All of the old version, ready.
    Serve,
    /// They will not come by themselves.
    Fail(String),
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

/// Whether what the cluster tells is from after the request: until then it speaks of the state that is taken back. What
/// leaves the spec alone shows by the version that is on its way.
fn has_begun(rollout: &Rollout, covered: &Covered, step: &Step) -> bool {
    if step.action.changes_spec(&covered.reference) {
        return rollout.generation > covered.generation;
    }
    rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.hash == covered.to.hash)
}

/// Whether a version is all that serves: rolled out, its pods ready, no other pod left but those going. A
/// deploy of the old images under a new template is that version too: not every strategy brings the very
/// same template back. What is built `anew` is known only by not being the version that was taken back.
fn serves(rollout: &Rollout, covered: &Covered, anew: bool) -> bool {
    let (from, to) = (&covered.from, &covered.to);
    let is_back = |hash: &str| {
        let images = || rollout.revisions.iter().find(|revision| revision.version.hash == hash);
        let same = |images: &[String]| images == to.images && images != from.images;
        hash == to.hash
            || (anew && hash != from.hash)
            || images().is_some_and(|revision| same(&revision.version.images))
    };
    let pods = rollout.pods.iter().filter(|pod| !matches!(pod.phase, PodPhase::Terminating | PodPhase::Finished));
    let mut ready = 0;
    for pod in pods {
        if !is_back(&pod.hash) || pod.phase != PodPhase::Ready {
            return false;
        }
        ready += 1;
    }
    rollout.progress == Progress::Complete && ready >= rollout.replicas.desired
}
