//! A frontend without a screen: the plan, a prompt, and one line per event of the rollback.

use super::event::Event;
use crate::commands::following;
use crate::deploy::{Time, WorkloadId};
use crate::message::Command;
use crate::outcome::Outcome;
use crate::output::Cleaned;
use crate::rollback::describe::{self, Line, Sign};
use crate::rollback::lease::Holding;
use crate::rollback::{Covered, Execution, Goal, Plan, Readiness, Rollback, StepState};
use crate::rollout::PodPhase;
use crate::runtime::{Frontend, Intent};
use crate::setup::Delivery;
use crate::signal::SourceId;
use crate::store::Health;
use crate::timeline::Mark;
use crate::watch::Watch;
use chrono::{Local, TimeDelta};
use std::io::{self, Write};

/// How long a cluster that does not answer is waited for.
const CLUSTER_TIMEOUT: TimeDelta = TimeDelta::seconds(15);

/// What is to be done with the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Print it.
    DryRun,
    /// Print it, ask, do it.
    PlanRequest,
    /// Print it, do it. What would do harm only where the environment's name was typed with it.
    Yes {
        /// What was typed.
        named: Option<String>,
    },
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A line was typed.
    Typed(String),
    /// The system asks us to stop.
    Stop(Outcome),
}

/// See the module. Nobody may read what it says (`| head`): the rollback is followed anyway.
pub(super) struct Lines<W: Write> {
    mode: Mode,
    out: Cleaned<W>,
    /// Where a program reads, if one does.
    programs: Option<Cleaned<Box<dyn Write>>>,
    opened: bool,
    asked: bool,
    told: usize,
    progress: String,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(mode: Mode, out: Cleaned<W>) -> Self {
        Self { mode, out, programs: None, opened: false, asked: false, told: 0, progress: String::new() }
    }

    /// Tells a program too, where one reads.
    pub(super) fn told_to(self, programs: Option<Cleaned<Box<dyn Write>>>) -> Self {
        Self { programs, ..self }
    }

    fn tell_programs(&mut self, at: Time, event: impl FnOnce() -> Event) -> io::Result<()> {
        let Some(programs) = &mut self.programs else { return Ok(()) };
        programs.line(&event().line(at).map_err(io::Error::other)?);
        Ok(())
    }

    /// Tells a program how it ended: the last line.
    pub(super) fn end(&mut self, watch: &Watch, outcome: Outcome) -> io::Result<()> {
        self.tell_programs(watch.now(), || Event::end(watch, outcome))
    }

    /// Waits until it is known for each workload whether it could be rolled back; then shows the plan.
    fn before(&mut self, watch: &Watch) -> io::Result<Vec<Intent>> {
        if watch.workloads().iter().any(|state| state.readiness == Readiness::Preparing) {
            return self.wait_for_cluster(watch);
        }
        let plan = watch.plan(Goal::RollBack, &[]);
        if let Some(told) = watch.back_already(&plan) {
            for sentence in &told {
                writeln!(self.out, "nothing to do: {sentence}")?;
            }
            self.tell_programs(watch.now(), || Event::Nothing { why: told })?;
            writeln!(self.out, "to go further back: redflag rollback {} --to REVISION", watch.setup().environment)?;
            return Ok(vec![Intent::Leave(Outcome::Done)]);
        }
        write!(self.out, "{}", plan_text(watch, &plan))?;
        self.tell_programs(watch.now(), || Event::plan(watch, &plan))?;
        if plan.is_empty() {
            write!(self.out, "{}", ways_out(watch))?;
            return Ok(vec![Intent::Leave(Outcome::RollbackFailed)]);
        }
        if self.mode == Mode::DryRun {
            let environment = &watch.setup().environment;
            if plan.needs_typing() {
                writeln!(self.out, "type the environment's name to confirm; with --yes: --confirm {environment}")?;
            }
            writeln!(self.out, "dry run: nothing was changed")?;
            return Ok(vec![Intent::Leave(Outcome::Done)]);
        }
        self.opened = true;
        let scope = plan.steps().flat_map(|step| &step.covers).map(|covered| covered.workload).collect();
        Ok(vec![Intent::Ask(Command::OpenPlan { goal: Goal::RollBack, scope })])
    }

    fn wait_for_cluster(&mut self, watch: &Watch) -> io::Result<Vec<Intent>> {
        let setup = watch.setup();
        let clusters = (0..setup.sources.len() as u16).map(SourceId);
        let down = clusters.filter(|id| setup.source(*id).delivery == Delivery::Streamed).find_map(|id| {
            match &watch.store().source(id).health {
                Health::Down(error) => Some(format!("{}: {error}", setup.source(id).name)),
                _ => None,
            }
        });
        if watch.now() - setup.started < CLUSTER_TIMEOUT {
            return Ok(Vec::new());
        }
        let why = down.unwrap_or_else(|| "the cluster has not reported its workloads".to_owned());
        writeln!(self.out, "no plan: {why}\nredflag check shows why")?;
        // A dry run asks whether it would work: that is not known.
        let outcome = if self.mode == Mode::DryRun { Outcome::Inconclusive } else { Outcome::RollbackFailed };
        Ok(vec![Intent::Leave(outcome)])
    }

    /// The plan is open: asks for the answer, or gives the one that came with the command.
    fn confirm(&mut self, watch: &Watch, plan: &Plan) -> io::Result<Vec<Intent>> {
        if let Holding::Theirs(holder) = watch.holding() {
            let since = holder.since.with_timezone(&Local).format("%H:%M");
            writeln!(self.out, "not done: {} has held the lease since {since}: {}", holder.who, holder.what)?;
            return Ok(vec![Intent::Ask(Command::Dismiss), Intent::Leave(Outcome::RollbackFailed)]);
        }
        // The question is put once, and not before it is known whether somebody else is rolling back.
        if self.asked || !watch.takes_confirmation() {
            return Ok(Vec::new());
        }
        self.asked = true;
        if let Holding::Unavailable(why) = watch.holding() {
            writeln!(self.out, "unknown whether somebody else is rolling back: {why}")?;
        }
        let environment = &watch.setup().environment;
        if let Mode::Yes { named } = &self.mode {
            if plan.needs_typing() && named.as_ref() != Some(environment) {
                for harm in describe::harm(plan) {
                    writeln!(self.out, "not done: {harm}")?;
                }
                writeln!(self.out, "to do it anyway, name the environment: --yes --confirm {environment}")?;
                return Ok(vec![Intent::Ask(Command::Dismiss), Intent::Leave(Outcome::Misused)]);
            }
            // Whoever wrote --yes behind the environment's name has typed it.
            return Ok(vec![Intent::Ask(Command::Confirm { typed: Some(environment.clone()) })]);
        }
        if watch.wants_typing() {
            write!(self.out, "type {environment} to confirm: ")?;
        } else {
            write!(self.out, "proceed? [y/N] ")?;
        }
        self.out.flush()?;
        Ok(Vec::new())
    }

    /// What came of each step, where not all of them came through.
    fn tell_steps(&mut self, done: &Execution) -> io::Result<()> {
        for (step, state) in done.plan.steps().zip(&done.steps) {
            let told = match state {
                StepState::Waiting | StepState::Sent => "not done".to_owned(),
                StepState::Accepted { run: Some(run), .. } => format!("accepted, run {}: {}", run.id, run.state),
                StepState::Accepted { run: None, .. } => "accepted, not ready yet".to_owned(),
                StepState::Ready { .. } => "done, all pods ready".to_owned(),
                StepState::Unknown(why) => format!("unknown: {why}"),
                StepState::Failed(blocked) => format!("failed: {}", blocked.reason),
            };
            writeln!(self.out, "  {}: {told}", step.subject)?;
        }
        Ok(())
    }

    fn tell_where_to_look(&mut self, done: &Execution) -> io::Result<()> {
        for covered in done.plan.steps().flat_map(|step| &step.covers) {
            let reference = &covered.reference;
            writeln!(self.out, "  kubectl rollout status {reference} -n {}", reference.namespace)?;
        }
        Ok(())
    }

    /// What a rollback has come to, beside what its timeline says.
    fn tell_end(&mut self, watch: &Watch) -> io::Result<()> {
        match watch.rollback() {
            Rollback::Failed { blocked, done, .. } => {
                writeln!(self.out, "failed: {}\n{}", blocked.reason, blocked.way_out)?;
                if done.steps.len() > 1 {
                    self.tell_steps(done)?;
                }
                Ok(())
            }
            Rollback::OutcomeUnknown { reason, done, .. } if done.ready.is_some() => {
                writeln!(self.out, "not verified: {reason}")
            }
            Rollback::OutcomeUnknown { reason, done, .. } => {
                writeln!(self.out, "unknown whether it took effect: {reason}\ncheck it yourself:")?;
                self.tell_where_to_look(done)
            }
            Rollback::Running(done) => {
                writeln!(self.out, "{}; unknown whether it recovered", done.plan.serves())?;
                for unknown in watch.unknown_flags() {
                    writeln!(self.out, "  {unknown}")?;
                }
                Ok(())
            }
            Rollback::Idle
            | Rollback::Planned { .. }
            | Rollback::Countdown { .. }
            | Rollback::Confirmed(_)
            | Rollback::Verified { .. }
            | Rollback::NotTheCause { .. } => Ok(()),
        }
    }

    /// Leaves because the system asks for it; says what goes on without us.
    fn stop(&mut self, outcome: Outcome, watch: &Watch) -> Vec<Intent> {
        // Writing cannot fail: see `Cleaned`.
        let _ = match watch.rollback().execution().filter(|_| watch.rollback().is_in_progress()) {
            Some(done) => writeln!(self.out, "\nstopped: the rollback continues without redflag\ncheck it yourself:")
                .and_then(|()| self.tell_where_to_look(done)),
            None => writeln!(self.out, "\nstopped: nothing was changed"),
        };
        let _ = self.out.flush();
        vec![Intent::Leave(outcome)]
    }

    /// New timeline entries of the rollback, and where the pods are.
    fn tell(&mut self, watch: &Watch) -> io::Result<()> {
        let entries: Vec<_> = watch.timeline().entries().filter(|entry| entry.mark == Mark::Rollback).collect();
        for entry in entries.iter().skip(self.told) {
            writeln!(self.out, "{}  {}", entry.at.with_timezone(&Local).format("%H:%M:%S"), entry.text)?;
            self.tell_programs(entry.at, || Event::Progress { text: entry.text.clone() })?;
        }
        self.told = entries.len();
        if let Rollback::Running(done) = watch.rollback() {
            let progress = pods_text(watch, done);
            if progress != self.progress {
                writeln!(self.out, "{}  {progress}", watch.now().with_timezone(&Local).format("%H:%M:%S"))?;
                self.progress = progress;
            }
        }
        self.out.flush()
    }
}

impl<W: Write> Frontend for Lines<W> {
    type Input = Input;

    fn take(&mut self, input: Input, watch: &Watch) -> Vec<Intent> {
        let line = match input {
            Input::Typed(line) => line,
            Input::Stop(outcome) => return self.stop(outcome, watch),
        };
        // What was typed before the question was put answers nothing.
        if !matches!(watch.rollback(), Rollback::Planned { .. }) || !self.asked {
            return Vec::new();
        }
        let line = line.trim();
        let yes =
            if watch.wants_typing() { line == watch.setup().environment } else { matches!(line, "y" | "Y" | "yes") };
        if yes {
            vec![Intent::Ask(Command::Confirm { typed: Some(line.to_owned()) })]
        } else {
            // Nothing was asked for, so nothing is done: the less harmful answer wins.
            let _ = writeln!(self.out, "not done: nothing was changed");
            vec![Intent::Ask(Command::Dismiss), Intent::Leave(Outcome::LeftEarly)]
        }
    }

    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Intent>> {
        self.tell(watch)?;
        let leave = |outcome| Ok(vec![Intent::Leave(outcome)]);
        match watch.rollback() {
            Rollback::Idle if self.opened => leave(Outcome::RollbackFailed),
            Rollback::Idle => self.before(watch),
            Rollback::Planned { plan, .. } => self.confirm(watch, plan),
            rollback => match following::outcome(rollback, watch.now()) {
                Some(outcome) => {
                    self.tell_end(watch)?;
                    leave(outcome)
                }
                None => Ok(Vec::new()),
            },
        }
    }
}

/// The plan as on the screen: what would be done, what was checked, what it does not bring back.
fn plan_text(watch: &Watch, plan: &Plan) -> String {
    let setup = watch.setup();
    let why = |covered: &Covered| describe::why(setup, covered, watch.workload(covered.workload).deploy.as_ref());
    let mut text = format!("rollback of {}\n\n", setup.environment);
    for line in describe::plan(setup, plan, why) {
        text += &line_text(&line);
    }
    text + "\n"
}

/// A line of a plan: a word for its sign, its label, its text.
fn line_text(line: &Line) -> String {
    let Line { sign, label, text, .. } = line;
    match sign {
        Some(Sign::Check(outcome)) => format!("  {:<8}  {label}: {text}\n", outcome.label()),
        Some(Sign::Awaited) => format!("  {:<8}  {label}: {text}\n", ""),
        None if label.is_empty() && text.is_empty() => "\n".to_owned(),
        None => format!("{label:<15} {text}").trim_end().to_owned() + "\n",
    }
}

/// Why nothing can be rolled back, with every check that is not well.
fn ways_out(watch: &Watch) -> String {
    let mut text = "nothing can be rolled back\n".to_owned();
    for (state, workload) in watch.workloads().iter().zip(&watch.setup().workloads) {
        if let Readiness::Blocked(refusal) = &state.readiness {
            text += &format!("\n{}\n", workload.reference);
            let lines = describe::refusal(refusal);
            text.extend(lines.iter().map(line_text));
        }
    }
    text
}

fn pods_text(watch: &Watch, done: &Execution) -> String {
    let of = |id: WorkloadId, hash: &str| {
        let rollout = watch.workload(id).rollout.as_ref();
        let pods = rollout.map_or(&[][..], |rollout| &rollout.pods);
        let ready = pods.iter().filter(|pod| pod.hash == hash && pod.phase == PodPhase::Ready).count();
        let desired = rollout.map_or(0, |rollout| rollout.replicas.desired);
        format!("{ready} of {desired} pods")
    };
    let covered = done.plan.steps().flat_map(|step| &step.covers);
    let parts: Vec<String> = covered
        .map(|Covered { workload, reference, to, .. }| {
            format!("{reference}: {} of {} ready", of(*workload, &to.hash), to.label())
        })
        .collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests;
