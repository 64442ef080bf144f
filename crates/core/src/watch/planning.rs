//! Plans: what a rollback would do now; opened, confirmed or closed.

use super::Watch;
use super::desk::Dismissed;
use crate::deploy::{ServiceId, Time, WorkloadId, brief};
use crate::message::Effect;
use crate::rollback::lease::Holding;
use crate::rollback::{
    Blocked, Check, CheckKind, CheckOutcome, Goal, LeftOut, Plan, Readiness, Refusal, Rollback, Step,
};
use crate::setup::Confirm;
use chrono::TimeDelta;
use std::sync::Arc;

/// Workloads deployed this close to each other are one push.
const ONE_PUSH: TimeDelta = TimeDelta::hours(1);

impl Watch {
    /// What a rollback of `scope` would do now. An empty scope means every workload of the push that is
    /// watched: those deployed around the time of the newest deploy. A workload that was not touched for a
    /// week is never rolled back along with them. Undoing a rollback is only for what was rolled back.
    pub fn plan(&self, goal: Goal, scope: &[WorkloadId]) -> Plan {
        let newest = self.deploys.newest();
        let mut plan = Plan::empty(goal);
        let mut back_already: Vec<(usize, Arc<Step>)> = Vec::new();
        for (index, state) in self.deploys.all().iter().enumerate() {
            let id = WorkloadId(index as u16);
            let is_back = self.rolled_back(id).is_some();
            if (!scope.is_empty() && !scope.contains(&id)) || (goal == Goal::Undo && !is_back) {
                continue;
            }
            let reference = self.setup.workload(id).reference.clone();
            let deployed = state.deploy.as_ref().map(|deploy| deploy.at);
            if let (true, Some(at), Some(newest)) = (scope.is_empty(), deployed, newest)
                && newest - at > ONE_PUSH
            {
                let why = format!("not part of this push: deployed {} earlier", brief(newest - at));
                plan.left_out.push(LeftOut { reference, why, belongs: false });
                continue;
            }
            let readiness = if goal == Goal::RollBack { &state.readiness } else { &state.undo };
            let why = match readiness {
                Readiness::Ready(step) if goal == Goal::RollBack && self.is_put_back(step) => {
                    back_already.push((self.stage(goal, self.setup.workload(id).service), Arc::clone(step)));
                    continue;
                }
                Readiness::Ready(step) => {
                    plan.add(self.stage(goal, self.setup.workload(id).service), step);
                    continue;
                }
                Readiness::Preparing => "still being computed".to_owned(),
                Readiness::Blocked(refusal) => refusal.reason.clone(),
            };
            // What was rolled back already does not make the rest a part.
            plan.left_out.push(LeftOut { reference, why, belongs: goal == Goal::Undo || !is_back });
        }
        let is_only_that = plan.is_empty();
        for (stage, step) in back_already {
            if is_only_that {
                plan.add(stage, &step);
                continue;
            }
            // It is back already, which does not make the rest a part.
            let why = step.checks.iter().find(|check| check.kind == CheckKind::AlreadyRolledBack);
            let why = why.map_or_else(String::new, |check| check.sentence.clone());
            let left = step.covers.iter().map(|it| it.reference.clone());
            plan.left_out.extend(left.map(|reference| LeftOut { reference, why: why.clone(), belongs: false }));
        }
        plan.close();
        plan
    }

    /// Whether a step would go on from a rollback that was done already, though nobody chose where to.
    fn is_put_back(&self, step: &Step) -> bool {
        let tells = |check: &Check| check.kind == CheckKind::AlreadyRolledBack && check.outcome > CheckOutcome::Ok;
        self.setup.told.rollback_to.is_none() && step.checks.iter().any(tells)
    }

    /// What says that there is nothing to roll back: each workload is back already. `None` while anything is to be done,
    /// or somebody chose where to go.
    pub fn back_already(&self, plan: &Plan) -> Option<Vec<String>> {
        let is_back = !plan.is_empty() && plan.steps().all(|step| self.is_put_back(step));
        let told =
            plan.steps().flat_map(|step| &step.checks).filter(|check| check.kind == CheckKind::AlreadyRolledBack);
        is_back.then(|| told.map(|check| check.sentence.clone()).collect())
    }

    /// What the rollback key is for when nobody chose: the services that are red and those that call them, for an
    /// interface may go with the version. Empty, which means the whole push, while nothing is red or all of it is.
    pub fn usual_scope(&self) -> Vec<WorkloadId> {
        let mut wanted: Vec<ServiceId> = self.judging.red().map(|id| self.setup.signal(id).service).collect();
        let mut at = 0;
        while let Some(service) = wanted.get(at).copied() {
            let callers = self.setup.services.iter().zip(0..).filter(|(it, _)| it.depends_on.contains(&service));
            for caller in callers.map(|(_, index)| ServiceId(index)) {
                if !wanted.contains(&caller) {
                    wanted.push(caller);
                }
            }
            at += 1;
        }
        let push = self.push();
        let scope: Vec<WorkloadId> =
            push.iter().copied().filter(|id| wanted.contains(&self.setup.workload(*id).service)).collect();
        // What was rolled back already is not in the way of what is left.
        if scope.len() == push.len() || wanted.is_empty() { Vec::new() } else { scope }
    }

    /// The workloads of the push: those deployed around the time of the newest deploy.
    pub fn push(&self) -> Vec<WorkloadId> {
        let newest = self.deploys.newest();
        let is_of_it = |at: Time| newest.is_some_and(|newest| newest - at <= ONE_PUSH);
        let all = self.deploys.all().iter().zip(0..);
        let of_it = all.filter(|(state, _)| state.deploy.as_ref().is_none_or(|deploy| is_of_it(deploy.at)));
        of_it.map(|(_, index)| WorkloadId(index)).collect()
    }

    /// In which stage a service is rolled back: those that call others before those that are called, so that
    /// nobody calls an interface that is gone. Forward again it is the other way round.
    fn stage(&self, goal: Goal, service: ServiceId) -> usize {
        let services = &self.setup.services;
        let mut stages = vec![0_usize; services.len()];
        // As many rounds as there are services settle every chain; a circle, which the configuration
        // refuses, ends here too.
        for _ in 0..services.len() {
            for (caller, callee) in services.iter().enumerate().flat_map(|(caller, service)| {
                service.depends_on.iter().map(move |callee| (caller, usize::from(callee.0)))
            }) {
                stages[callee] = stages[callee].max(stages[caller] + 1).min(services.len());
            }
        }
        let stage = stages[usize::from(service.0)];
        match goal {
            Goal::RollBack => stage,
            Goal::Undo => stages.iter().max().map_or(0, |last| last - stage),
        }
    }

    /// Freezes that plan and shows it, unless there is nothing in it that could be done.
    pub(super) fn open_plan(&mut self, goal: Goal, scope: &[WorkloadId], effects: &mut Vec<Effect>) {
        let open = match self.desk.rollback() {
            Rollback::Planned { plan, .. } => Some(plan.step_count()),
            Rollback::Countdown { .. } => return,
            _ => None,
        };
        if self.desk.rollback().is_in_progress() || (open.is_some() && scope.is_empty()) {
            return;
        }
        if self.setup.read_only {
            self.tell("rollback refused: read-only");
            return;
        }
        let mut plan = self.plan(goal, scope);
        if goal == Goal::RollBack {
            plan.without_red_flag = self.judging.nothing_is_wrong(&self.setup);
            let covered = |id: &WorkloadId| plan.steps().any(|step| step.covered(*id).is_some());
            let is_back = |id: &WorkloadId| self.rolled_back(*id).is_some();
            let beside = self.push().into_iter().filter(|id| !scope.is_empty() && !scope.contains(id));
            plan.beside = beside.filter(|id| !covered(id) && !is_back(id)).count();
        }
        if let Some(steps) = open {
            // The open plan becomes the wider one, to be read again; the lease stays as it is.
            if plan.step_count() > steps {
                self.desk.widen(plan, self.now);
                self.journal.changed();
            }
            return;
        }
        if plan.is_empty() {
            let why = plan.left_out.first().map_or("nothing to roll back", |left| left.why.as_str());
            self.tell(format!("rollback blocked: {why}"));
            return;
        }
        let what = format!("rollback to {}", plan.target());
        let guarded = plan.steps().all(|step| step.action.is_guarded());
        let at_once = self.setup.confirm == Confirm::None && guarded && !plan.needs_typing() && self.is_awake();
        self.desk.open(plan, self.now);
        self.lease.take(what, self.now, effects);
        if at_once {
            self.start(false, effects);
        }
    }

    pub(super) fn take_readiness(&mut self, workload: WorkloadId, goal: Goal, readiness: Readiness) {
        let label = match (&readiness, goal) {
            (Readiness::Ready(step), Goal::RollBack) => {
                let to = step.covered(workload).map(|covered| &covered.to.hash);
                self.rolled_back(workload).filter(|back| Some(&back.from.hash) == to).map(|back| back.from.label())
            }
            _ => None,
        };
        let readiness = match label {
            // History's "previous" is now the version that was just rolled back: a second press must not
            // bring it back.
            Some(label) => Readiness::Blocked(Refusal::from(Blocked {
                reason: format!("the previous version is {label}, which was rolled back in this watch"),
                way_out: "deploy a fixed version, or choose another with redflag rollback --to REVISION".to_owned(),
            })),
            None => readiness,
        };
        if self.deploys.take_readiness(workload, goal, readiness) {
            self.journal.changed();
        }
    }

    /// Whether the open plan takes the confirming key now: the person has had the time to read that it is
    /// open, no key was struck for a moment, and it is known whether somebody else is rolling back.
    pub fn takes_confirmation(&self) -> bool {
        let Rollback::Planned { opened, plan } = self.desk.rollback() else { return false };
        let settled = match self.lease.holding() {
            // A request that refuses by itself when somebody was quicker need not wait for the answer. Any other
            // waits as long as it takes: the cluster's timeout makes an answer of none.
            Holding::Asking | Holding::Nobody => plan.steps().all(|step| step.action.is_guarded()),
            Holding::Ours => self.lease.is_ours(self.now) || plan.steps().all(|step| step.action.is_guarded()),
            Holding::Theirs(_) => false,
            Holding::Unavailable(_) => true,
        };
        // A name that is typed is no key that is held.
        let read = if self.wants_typing() {
            self.now - *opened >= self.setup.confirm_grace
        } else {
            self.silence.is_over(&self.setup, *opened, self.now)
        };
        read && settled && self.is_awake() && !self.setup.read_only
    }

    /// Whether the confirming key does at once what is being counted down to. One that was struck for something else in the
    /// moment it began is no answer to it.
    pub(super) fn takes_shortcut(&self) -> bool {
        match self.desk.rollback() {
            Rollback::Countdown { began, .. } => self.silence.is_over(&self.setup, *began, self.now),
            _ => false,
        }
    }

    /// Whether the environment's name has to be typed to confirm the open plan.
    pub fn wants_typing(&self) -> bool {
        match self.desk.rollback() {
            Rollback::Planned { plan, .. } => self.setup.confirm == Confirm::Type || plan.needs_typing(),
            _ => false,
        }
    }

    /// Does what the open plan says, or what is being counted down to.
    pub(super) fn confirm_plan(&mut self, typed: Option<&str>, effects: &mut Vec<Effect>) {
        let named = typed.map(str::trim) == Some(&self.setup.environment);
        if self.takes_shortcut() || (self.takes_confirmation() && (named || !self.wants_typing())) {
            self.start(false, effects);
        }
    }

    /// Closes the plan, stops a countdown, or closes the report of what ended. What is in progress cannot be
    /// dismissed.
    pub(super) fn dismiss(&mut self, effects: &mut Vec<Effect>) {
        match self.desk.dismiss() {
            Dismissed::Nothing => {}
            Dismissed::Plan => self.lease.release(effects),
            Dismissed::Countdown(target) => {
                self.automation.veto(self.now);
                self.tell(format!("auto-rollback to {target} cancelled by a person"));
                self.lease.release(effects);
            }
        }
    }
}
