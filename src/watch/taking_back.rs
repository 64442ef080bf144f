//! Taking a deploy back: plan, confirmation, requests, and whether it worked.

use super::Watch;
use crate::deploy::{Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::{Answer, Blocked, Plan, Readiness, Rollback, StepState, Undertaking};
use crate::rollout::{PodPhase, Progress, Rollout};
use crate::setup::Confirm;
use crate::signal::SignalId;
use crate::timeline::Mark;
use crate::verdict::Level;
use chrono::TimeDelta;
use std::sync::Arc;

/// Flags that are still red this long after the old version serves say that the deploy was not the cause.
const NOT_THE_CAUSE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Workloads deployed this close to each other are one push.
const ONE_PUSH: TimeDelta = TimeDelta::hours(1);
/// How often a lost answer is looked for.
const READ_BACK_EVERY: TimeDelta = TimeDelta::seconds(5);

impl Watch {
    /// What a rollback of `scope` would do now. An empty scope means every workload of the push that is
    /// watched: those deployed around the time of the newest deploy. A workload that was not touched for a
    /// week is never taken back along with them.
    pub fn plan(&self, scope: &[WorkloadId]) -> Plan {
        let newest = self.workloads.iter().filter_map(|state| Some(state.deploy.as_ref()?.at)).max();
        let mut plan = Plan { steps: Vec::new(), left_out: Vec::new() };
        for (index, state) in self.workloads.iter().enumerate() {
            let id = WorkloadId(index as u16);
            if !scope.is_empty() && !scope.contains(&id) {
                continue;
            }
            let reference = self.setup.workload(id).reference.clone();
            let deployed = state.deploy.as_ref().map(|deploy| deploy.at);
            if let (true, Some(at), Some(newest)) = (scope.is_empty(), deployed, newest)
                && newest - at > ONE_PUSH
            {
                plan.left_out.push((reference, format!("not of this push: deployed {} before it", brief(newest - at))));
                continue;
            }
            match &state.readiness {
                Readiness::Ready(undo) => plan.steps.push(Arc::clone(undo)),
                Readiness::Preparing => plan.left_out.push((reference, "still being worked out".to_owned())),
                Readiness::Blocked(blocked) => plan.left_out.push((reference, blocked.reason.clone())),
            }
        }
        plan
    }

    /// Freezes that plan and shows it, unless there is nothing in it that could be done.
    pub(super) fn open_plan(&mut self, scope: &[WorkloadId], effects: &mut Vec<Effect>) {
        if self.rollback.is_under_way() {
            return;
        }
        if self.setup.read_only {
            self.tell("rollback refused: read-only");
            return;
        }
        let plan = self.plan(scope);
        if plan.steps.is_empty() {
            let why = plan.left_out.first().map_or("nothing to take back", |(_, why)| why.as_str());
            self.tell(format!("rollback blocked: {why}"));
            return;
        }
        self.rollback = Rollback::Planned { plan: Arc::new(plan), opened: self.now };
        if self.setup.confirm == Confirm::None {
            self.start(effects);
        }
    }

    pub(super) fn take_readiness(&mut self, workload: WorkloadId, readiness: Readiness) {
        let state = &mut self.workloads[usize::from(workload.0)];
        let taken_back = self.rollback.undertaking().and_then(|done| {
            let Readiness::Ready(undo) = &readiness else { return None };
            let mut steps = done.plan.steps.iter();
            steps.find(|step| step.workload == workload && step.from.hash == undo.to.hash).map(|step| step.from.label())
        });
        let readiness = match taken_back {
            // History's "previous" is now the version that was just taken back: a second press must not
            // bring it back.
            Some(label) => Readiness::Blocked(Blocked {
                reason: format!("the version before this one is {label}, which was taken back in this watch"),
                way_out: "deploy a fixed version, or choose one with redflag rollback --to REVISION".to_owned(),
            }),
            None => readiness,
        };
        if state.readiness != readiness {
            state.readiness = readiness;
            self.revision += 1;
        }
    }

    /// Does what the open plan says, if the person has had the time to read that it is open.
    pub(super) fn confirm_plan(&mut self, typed: Option<&str>, effects: &mut Vec<Effect>) {
        let Rollback::Planned { opened, .. } = self.rollback else { return };
        let too_soon = self.now - opened < self.setup.confirm_grace;
        let untyped = self.setup.confirm == Confirm::Type && typed.map(str::trim) != Some(&self.setup.environment);
        if !(too_soon || untyped || self.setup.read_only) {
            self.start(effects);
        }
    }

    /// Closes the plan or the report of what ended. What is under way cannot be dismissed.
    pub(super) fn dismiss(&mut self) {
        match self.rollback {
            Rollback::Planned { .. } => self.rollback = Rollback::Idle,
            // What was done stays known (the verdict depends on it); only the view closes its report.
            Rollback::Idle
            | Rollback::Confirmed(_)
            | Rollback::Running(_)
            | Rollback::Verified { .. }
            | Rollback::NotTheCause { .. }
            | Rollback::Failed { .. }
            | Rollback::OutcomeUnknown { .. } => {}
        }
    }

    fn start(&mut self, effects: &mut Vec<Effect>) {
        let Rollback::Planned { plan, .. } = std::mem::take(&mut self.rollback) else { return };
        self.tell(format!("rollback to {} confirmed", plan.target()));
        self.red_at_confirm = (0..self.findings.len())
            .filter(|&index| self.findings[index].level == Level::RedFlag)
            .map(|index| SignalId(index as u16))
            .collect();
        effects.extend(plan.steps.iter().cloned().map(Effect::Send));
        self.rollback = Rollback::Confirmed(Undertaking {
            steps: plan.steps.iter().map(|_| StepState::Sent).collect(),
            plan,
            confirmed: self.now,
            accepted: None,
            ready: None,
        });
    }

    pub(super) fn take_rollback_answer(&mut self, workload: WorkloadId, answer: Answer, effects: &mut Vec<Effect>) {
        let (Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. }) = &mut self.rollback else { return };
        let Some(index) = done.plan.steps.iter().position(|step| step.workload == workload) else { return };
        if !matches!(done.steps[index], StepState::Sent | StepState::Unknown(_)) {
            return;
        }
        let reference = done.plan.steps[index].reference.to_string();
        let (state, text) = match answer {
            Answer::Accepted => (StepState::Accepted { at: self.now }, format!("{reference}: undo accepted")),
            Answer::Unknown(why) => {
                let known = matches!(done.steps[index], StepState::Unknown(_));
                let text = if known { String::new() } else { format!("{reference}: the answer was lost: {why}") };
                (StepState::Unknown(why), text)
            }
            Answer::ChangedUnderUs(what) => {
                let way_out = "read what changed, then open the plan again: it is worked out anew".to_owned();
                (
                    StepState::Failed(Blocked { reason: what.clone(), way_out }),
                    format!("{reference}: not undone: {what}"),
                )
            }
            Answer::Refused(blocked) => {
                let text = format!("{reference}: undo refused: {}", blocked.reason);
                (StepState::Failed(blocked), text)
            }
        };
        done.steps[index] = state;
        if !text.is_empty() {
            self.tell(text);
        }
        self.settle_answers();
        self.follow_rollback(effects);
    }

    /// Moves on once every request has been answered, one way or another.
    fn settle_answers(&mut self) {
        let (Rollback::Confirmed(done) | Rollback::OutcomeUnknown { done, .. }) = &self.rollback else { return };
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
                done.accepted = Some(self.now);
                Rollback::Running(done)
            }
        };
    }

    /// Looks at where a rollback stands now: lost answers, pods, flags.
    pub(super) fn follow_rollback(&mut self, effects: &mut Vec<Effect>) {
        match std::mem::take(&mut self.rollback) {
            Rollback::OutcomeUnknown { done, at, reason } => {
                let due = self.last_read_back.is_none_or(|last| self.now - last >= READ_BACK_EVERY || last > self.now);
                if due {
                    self.last_read_back = Some(self.now);
                    let lost = done.plan.steps.iter().zip(&done.steps);
                    let lost = lost.filter(|(_, state)| matches!(state, StepState::Unknown(_)));
                    effects.extend(lost.map(|(undo, _)| Effect::ReadBack(Arc::clone(undo))));
                }
                self.rollback = Rollback::OutcomeUnknown { done, at, reason };
            }
            Rollback::Running(done) => self.follow_pods(done),
            other => self.rollback = other,
        }
    }

    fn follow_pods(&mut self, mut done: Undertaking) {
        for (undo, state) in done.plan.steps.iter().zip(&mut done.steps) {
            let StepState::Accepted { .. } = state else { continue };
            let Some(rollout) = &self.workloads[usize::from(undo.workload.0)].rollout else { continue };
            if rollout.generation <= undo.generation || rollout.uid != undo.uid {
                continue;
            }
            if let Progress::Failed(why) = &rollout.progress {
                let blocked = Blocked {
                    reason: format!("{}: {} does not come up: {why}", undo.reference, undo.to.label()),
                    way_out: "look at its pods; an older revision may be the better target (rollback --to)".to_owned(),
                };
                *state = StepState::Failed(blocked.clone());
                let text = format!("rollback failed: {}", blocked.reason);
                self.rollback = Rollback::Failed { done, at: self.now, blocked };
                self.revision += 1;
                self.tell(text);
                return;
            }
            if serves(rollout, &undo.to.hash) {
                *state = StepState::Ready { at: self.now };
                self.revision += 1;
            }
        }
        if done.ready.is_none() && done.steps.iter().all(|step| matches!(step, StepState::Ready { .. })) {
            done.ready = Some(self.now);
            let took = brief(self.now - done.confirmed);
            self.tell(format!("{} serves again: all pods ready, {took} after the key", done.plan.target()));
        }
        self.rollback = match done.ready {
            Some(ready) => self.follow_flags(done, ready),
            None => Rollback::Running(done),
        };
    }

    fn follow_flags(&mut self, done: Undertaking, ready: Time) -> Rollback {
        // A flag that went stale is not a flag that cleared.
        let level = |id: &SignalId| self.findings[usize::from(id.0)].level;
        let still =
            self.red_at_confirm.iter().any(|id| matches!(level(id), Level::RedFlag | Level::Stale | Level::NoData));
        let red = self.findings.iter().any(|finding| finding.level == Level::RedFlag);
        if !still && !red {
            let took = brief(self.now - done.confirmed);
            self.tell(format!("rollback verified: flags clear, {took} after the key"));
            return Rollback::Verified { done, at: self.now };
        }
        if red && self.now - ready >= NOT_THE_CAUSE_AFTER {
            self.tell("the flags stay red on the old version: the deploy was not the cause");
            return Rollback::NotTheCause { done, at: self.now };
        }
        Rollback::Running(done)
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.timeline.add(self.now, Mark::Rollback, text);
        self.revision += 1;
    }
}

/// Whether a version is all that serves: rolled out, its pods ready, no other pod left but those going.
fn serves(rollout: &Rollout, hash: &str) -> bool {
    let pods = rollout.pods.iter().filter(|pod| !matches!(pod.phase, PodPhase::Terminating | PodPhase::Finished));
    let mut ready = 0;
    for pod in pods {
        if pod.hash != hash || pod.phase != PodPhase::Ready {
            return false;
        }
        ready += 1;
    }
    rollout.progress == Progress::Complete && ready >= rollout.replicas.desired
}
