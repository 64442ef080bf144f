//! What is told of a rollback before anybody asks for one: each workload's target and checks, and how near the
//! automation is. The content of the rollback pane, for its cursor and for its drawing.

use super::rows::{self, Row};
use super::ui::Board;
use crate::deploy::{ServiceId, WorkloadId, brief};
use crate::rollback::describe::{self, Line, Sign, Weight};
use crate::rollback::lease::Holding;
use crate::rollback::{Check, CheckOutcome, Covered, Execution, Goal, Plan, Readiness, Refusal, Step, StepState};
use crate::setup::Automatic;
use crate::watch::Watch;
use std::rc::Rc;

/// What a rollback of a scope would do now, and where each of its workloads stands.
#[derive(Debug)]
pub(super) struct Standings<'a> {
    watch: &'a Watch,
    service: Option<ServiceId>,
    /// What the rollback key would open.
    pub(super) plan: Rc<Plan>,
}

/// What the rollback key would open.
pub(super) fn plan(watch: &Watch, service: Option<ServiceId>, board: &Board) -> Plan {
    watch.plan(Goal::RollBack, &rows::scope(watch, service, board))
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Of what is well, only that it is.
    Glance,
    /// Everything.
    Whole,
}

/// Where one workload stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing<'a> {
    /// There is no deploy that could be rolled back.
    NoDeploy,
    /// It is being computed.
    Preparing,
    /// It would work.
    Ready(&'a Step, &'a Covered),
    /// It would not.
    Blocked(&'a Refusal),
    /// It is being rolled back, or the rollback is being undone.
    UnderWay(&'a Covered),
    /// It was rolled back; and whether that could be undone.
    RolledBack(&'a Covered, &'a Readiness),
}

impl<'a> Standings<'a> {
    /// Those of a service, or of the whole push.
    pub(super) fn of(watch: &'a Watch, service: Option<ServiceId>, board: &Board) -> Self {
        Self::with(watch, service, Rc::new(plan(watch, service, board)))
    }

    /// The same, of a plan that is computed already.
    pub(super) fn with(watch: &'a Watch, service: Option<ServiceId>, plan: Rc<Plan>) -> Self {
        Self { watch, service, plan }
    }

    /// The only workload of the scope; `None` where there are several.
    pub(super) fn only(&self) -> Option<WorkloadId> {
        let mut all = rows::workloads(self.watch, self.service);
        all.next().filter(|_| all.next().is_none())
    }

    /// The workloads, what needs to be read first on top.
    pub(super) fn sorted(&self) -> Vec<WorkloadId> {
        let mut ids: Vec<WorkloadId> = rows::workloads(self.watch, self.service).collect();
        ids.sort_by_key(|id| match self.standing(*id) {
            _ if self.not_of_this_push(*id).is_some() => 5,
            Standing::Blocked(_) => 0,
            Standing::Ready(step, _) if worst(step) > CheckOutcome::Ok => 1,
            Standing::UnderWay(_) => 2,
            Standing::Ready(..) | Standing::Preparing => 3,
            Standing::RolledBack(..) | Standing::NoDeploy => 4,
        });
        ids
    }

    /// What the cursor of the pane moves over: lines where there is one workload, else workloads.
    pub(super) fn rows(&self) -> Vec<Row> {
        match self.only() {
            Some(id) => (0..self.all(id, Extent::Whole).len()).map(Row::Line).collect(),
            None => self.sorted().into_iter().map(Row::Workload).collect(),
        }
    }

    /// Where a workload stands.
    pub(super) fn standing(&self, id: WorkloadId) -> Standing<'a> {
        let state = self.watch.workload(id);
        let rollback = self.watch.rollback();
        if let Some(done) = rollback.execution().filter(|_| rollback.is_in_progress())
            && let Some(covered) = on_its_way(done, id)
        {
            return Standing::UnderWay(covered);
        }
        let ready = match &state.readiness {
            Readiness::Ready(step) => step.covered(id).map(|covered| (step, covered)),
            Readiness::Preparing | Readiness::Blocked(_) => None,
        };
        // Another deploy after a rollback can be rolled back again.
        let taken = self.watch.rolled_back(id);
        match (taken.filter(|back| ready.is_none_or(|(_, covered)| covered.from.hash == back.from.hash)), ready) {
            (Some(back), _) => Standing::RolledBack(back, &state.undo),
            (None, Some((step, covered))) => Standing::Ready(step, covered),
            (None, None) if state.deploy.is_none() => Standing::NoDeploy,
            (None, None) => match &state.readiness {
                Readiness::Blocked(refusal) => Standing::Blocked(refusal),
                Readiness::Preparing | Readiness::Ready(_) => Standing::Preparing,
            },
        }
    }

    /// Why a rollback of the whole push would not touch a workload that was deployed long before it.
    fn not_of_this_push(&self, id: WorkloadId) -> Option<&str> {
        let reference = &self.watch.setup().workload(id).reference;
        let left = self.plan.left_out.iter().find(|left| left.reference == *reference && !left.belongs)?;
        self.watch.rolled_back(id).is_none().then_some(left.why.as_str())
    }

    /// A workload in one line: its sign, where it would go, and the worst thing to know.
    pub(super) fn brief(&self, id: WorkloadId) -> (Option<Sign>, String) {
        let check = |outcome| Some(Sign::Check(outcome));
        if let Some(why) = self.not_of_this_push(id) {
            return (None, why.to_owned());
        }
        match self.standing(id) {
            Standing::NoDeploy => (None, "no deploy found yet".to_owned()),
            Standing::Preparing => (Some(Sign::Awaited), "being computed".to_owned()),
            Standing::UnderWay(covered) => (Some(Sign::Awaited), format!("in progress: {}", versions(covered))),
            Standing::RolledBack(covered, _) => {
                (check(CheckOutcome::Ok), format!("rolled back: {}", versions(covered)))
            }
            Standing::Blocked(refusal) => (check(CheckOutcome::Blocked), format!("blocked: {}", refusal.reason)),
            Standing::Ready(step, covered) => {
                let outcome = worst(step);
                let worst = step.checks.iter().find(|check| check.outcome == outcome && outcome > CheckOutcome::Ok);
                let remark = worst.map_or_else(String::new, |check| format!("   {}: {}", check.name(), check.sentence));
                (check(outcome), format!("{}   about {}{remark}", versions(covered), describe::span(step.expected)))
            }
        }
    }

    /// What there is to say of a workload beside [`Self::brief`]: what to know before a key is struck, and the rest.
    pub(super) fn detail(&self, id: WorkloadId, extent: Extent) -> (Vec<Line>, Vec<Line>) {
        match self.standing(id) {
            Standing::Ready(step, covered) => self.ready(id, step, covered, extent),
            Standing::Blocked(refusal) => (describe::refusal(refusal), Vec::new()),
            Standing::RolledBack(_, forward) => (vec![way_forward(forward)], Vec::new()),
            Standing::NoDeploy | Standing::Preparing | Standing::UnderWay(_) => (Vec::new(), Vec::new()),
        }
    }

    fn ready(&self, id: WorkloadId, step: &Step, covered: &Covered, extent: Extent) -> (Vec<Line>, Vec<Line>) {
        let deploy = self.watch.workload(id).deploy.as_ref();
        let mut first = vec![describe::eta(step.expected)];
        first.push(Line::new(Weight::Plain, "target", describe::why(self.watch.setup(), covered, deploy)));
        first.extend(describe::checks(&step.checks, |outcome| outcome > CheckOutcome::Ok));
        let mut rest: Vec<Line> = describe::does(step).collect();
        rest.extend(describe::not_reverted(step));
        match extent {
            Extent::Whole => {
                rest.extend(describe::checks(&step.checks, |outcome| outcome == CheckOutcome::Ok));
                rest.push(describe::manual_command(step));
            }
            Extent::Glance => rest.extend(passed(step)),
        }
        if describe::place(&self.plan).is_none() {
            rest.push(Line::new(Weight::Plain, "asked of", step.place.clone()));
        }
        (first, rest)
    }

    /// What may be in the way of all of them: who is at it, and whether anything may be done from here at all.
    pub(super) fn obstacles(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.watch.setup().read_only {
            lines.push(Line::new(Weight::Warning, "read-only", "nothing can be rolled back from here"));
        }
        match self.watch.holding() {
            Holding::Theirs(holder) => {
                let since = brief(self.watch.now() - holder.since);
                let text = format!("{} has held the lock for {since}: {}", holder.who, holder.what);
                lines.push(Line::new(Weight::Warning, "somebody else", text));
            }
            Holding::Unavailable(why) => {
                let text = format!("no lock, so cannot be kept out: {why}");
                lines.push(Line::new(Weight::Warning, "somebody else", text));
            }
            Holding::Nobody | Holding::Asking | Holding::Ours => {}
        }
        lines
    }

    /// By which strategy, and of several workloads in which order.
    pub(super) fn strategy(&self) -> Line {
        let name = &self.watch.setup().rollback.strategy;
        let strategy = describe::place(&self.plan).map_or(name.clone(), |place| format!("{name} at {place}"));
        let text = match (self.plan.step_count(), self.plan.stages.len()) {
            (0 | 1, _) => strategy,
            (steps, stages) => {
                let order = if stages > 1 { format!(" in {stages} stages") } else { " in parallel".to_owned() };
                format!("{strategy}, {steps} requests{order}, about {}", describe::span(self.plan.expected()))
            }
        };
        Line::new(Weight::Plain, "strategy", text)
    }

    /// The automation in one line: how far it may go, and how near it is.
    pub(super) fn automation(&self) -> Line {
        let policy = &self.watch.setup().rollback;
        let arming = self.watch.arming();
        let mode = match policy.automatic {
            Automatic::Off => return Line::new(Weight::Quiet, "automatic", "off: only a person rolls back"),
            Automatic::Shadow => "shadow, only says what it would do".to_owned(),
            Automatic::Countdown => format!("countdown of {}", describe::span(policy.countdown)),
            Automatic::On => "on, acts at once".to_owned(),
        };
        let ago = |at| brief(self.watch.now() - at);
        let met = arming.conditions.iter().filter(|condition| condition.met).count();
        let state = match (arming.vetoed, arming.acted, policy.automatic) {
            (Some(at), ..) => format!("cancelled by a person {} ago, not again in this watch", ago(at)),
            (None, Some(at), Automatic::Shadow) => format!("would have acted {} ago", ago(at)),
            (None, Some(at), _) => format!("acted {} ago, not again in this watch", ago(at)),
            (None, None, _) if arming.is_armed() => "armed, all conditions met".to_owned(),
            (None, None, _) => format!("not armed, {met} of {} conditions met", arming.conditions.len()),
        };
        Line::new(Weight::Plain, "automatic", format!("{mode}: {state}"))
    }

    /// Each condition of the automation; at a glance those that do not hold.
    pub(super) fn conditions(&self, extent: Extent) -> Vec<Line> {
        let conditions = self.watch.arming().conditions.iter();
        conditions
            .filter(|condition| extent == Extent::Whole || !condition.met)
            .map(|condition| {
                let sign = if condition.met { Sign::Check(CheckOutcome::Ok) } else { Sign::Awaited };
                Line::signed(sign, condition.kind.name(), condition.sentence.clone())
            })
            .collect()
    }

    /// All that is told of the only workload, the most important first.
    pub(super) fn all(&self, id: WorkloadId, extent: Extent) -> Vec<Line> {
        let (sign, text) = self.brief(id);
        let reference = self.watch.setup().workload(id).reference.to_string();
        // Its own lines follow: here only what they do not say.
        let text = match self.standing(id) {
            Standing::Ready(_, covered) => versions(covered),
            Standing::Blocked(_) => "rollback blocked".to_owned(),
            _ => text,
        };
        let mut lines = vec![Line { sign, ..Line::new(Weight::Heading, "", format!("{reference}   {text}")) }];
        let (first, rest) = self.detail(id, extent);
        lines.extend(self.obstacles());
        lines.extend(first);
        let is_on = self.watch.setup().rollback.automatic != Automatic::Off;
        let automation = self.automation();
        if is_on {
            lines.push(automation.clone());
        }
        lines.extend(rest);
        lines.push(self.strategy());
        if !is_on {
            lines.push(automation);
        }
        lines.extend(self.conditions(extent));
        lines
    }

    /// What stands above several workloads.
    pub(super) fn above(&self) -> Vec<Line> {
        let mut lines = self.obstacles();
        lines.extend([self.strategy(), self.automation()]);
        lines
    }
}

/// The names of the checks that are well, in one line; none where none is.
fn passed(step: &Step) -> Option<Line> {
    let names = step.checks.iter().filter(|check| check.outcome == CheckOutcome::Ok).map(Check::name);
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| Line::signed(Sign::Check(CheckOutcome::Ok), "ok", names.join(" · ")))
}

/// What is being done about a workload whose pods are not ready yet.
fn on_its_way(done: &Execution, id: WorkloadId) -> Option<&Covered> {
    let mut steps = done.plan.steps().zip(&done.steps);
    steps.find_map(|(step, state)| step.covered(id).filter(|_| !matches!(state, StepState::Ready { .. })))
}

fn versions(covered: &Covered) -> String {
    format!("{} → {}", covered.from.label(), covered.to.label())
}

fn worst(step: &Step) -> CheckOutcome {
    step.checks.iter().map(|check| check.outcome).max().unwrap_or(CheckOutcome::Ok)
}

fn way_forward(forward: &Readiness) -> Line {
    let text = match forward {
        Readiness::Ready(step) => {
            format!("ready → {}, about {}", step.target(), describe::span(step.expected))
        }
        Readiness::Preparing => "being computed".to_owned(),
        Readiness::Blocked(refusal) => format!("blocked: {}; {}", refusal.reason, refusal.way_out),
    };
    Line::new(Weight::Plain, "undo", text)
}
