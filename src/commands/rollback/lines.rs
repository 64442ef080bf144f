//! A face without a screen: the plan, a question, and a line for each thing that happens to the rollback.

use crate::deploy::{WorkloadId, brief};
use crate::message::Command;
use crate::rollback::{Covered, Goal, Plan, Readiness, Rollback, Undertaking};
use crate::rollout::PodPhase;
use crate::runtime::{Face, Wish};
use crate::setup::{Confirm, Delivery};
use crate::signal::SourceId;
use crate::store::Health;
use crate::timeline::Mark;
use crate::watch::Watch;
use chrono::{Local, TimeDelta};
use std::io::{self, Write};

/// The old version serves and the flags are clear; or the plan was shown.
const DONE: u8 = 0;
/// It was not done, or not wholly.
const FAILED: u8 = 1;
/// Done, and the flags stay red: the deploy was not the cause.
const NOT_THE_CAUSE: u8 = 3;
/// Nobody knows whether it was done.
const UNKNOWN: u8 = 4;

/// How long a cluster that does not answer is waited for.
const PATIENCE: TimeDelta = TimeDelta::seconds(15);
/// How long a lost answer is looked for before a person has to.
const LOST_FOR: TimeDelta = TimeDelta::minutes(2);

/// What is to be done with the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Print it.
    DryRun,
    /// Print it, ask, do it.
    Ask,
    /// Print it, do it.
    Yes,
}

/// See the module.
pub(super) struct Lines<W> {
    mode: Mode,
    out: W,
    opened: bool,
    asked: bool,
    told: usize,
    progress: String,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(mode: Mode, out: W) -> Self {
        Self { mode, out, opened: false, asked: false, told: 0, progress: String::new() }
    }

    /// Waits until it is known for each workload whether it could be taken back; then shows the plan.
    fn before(&mut self, watch: &Watch) -> io::Result<Vec<Wish>> {
        if watch.workloads().iter().any(|state| state.readiness == Readiness::Preparing) {
            return self.wait_for_cluster(watch);
        }
        let plan = watch.plan(Goal::Back, &[]);
        write!(self.out, "{}", plan_text(watch, &plan))?;
        if plan.is_empty() {
            writeln!(self.out, "{}", ways_out(watch))?;
            return Ok(vec![Wish::Leave(FAILED)]);
        }
        if self.mode == Mode::DryRun {
            writeln!(self.out, "dry run: nothing was changed")?;
            return Ok(vec![Wish::Leave(DONE)]);
        }
        self.opened = true;
        let scope = plan.steps().flat_map(|step| &step.covers).map(|covered| covered.workload).collect();
        Ok(vec![Wish::Ask(Command::OpenPlan { goal: Goal::Back, scope })])
    }

    fn wait_for_cluster(&mut self, watch: &Watch) -> io::Result<Vec<Wish>> {
        let setup = watch.setup();
        let clusters = (0..setup.sources.len() as u16).map(SourceId);
        let down = clusters.filter(|id| setup.source(*id).delivery == Delivery::Streamed).find_map(|id| {
            match &watch.store().source(id).health {
                Health::Down(error) => Some(format!("{}: {error}", setup.source(id).name)),
                _ => None,
            }
        });
        if watch.now() - setup.started < PATIENCE {
            return Ok(Vec::new());
        }
        let why = down.unwrap_or_else(|| "the cluster has not told of its workloads".to_owned());
        writeln!(self.out, "no plan: {why}\nredflag check says what is in the way")?;
        Ok(vec![Wish::Leave(FAILED)])
    }

    fn confirm(&mut self, watch: &Watch) -> io::Result<Vec<Wish>> {
        let typed = Some(watch.setup().environment.clone());
        if self.mode == Mode::Yes {
            return Ok(vec![Wish::Ask(Command::Confirm { typed })]);
        }
        match watch.setup().confirm {
            Confirm::Type => write!(self.out, "type {} to do it: ", watch.setup().environment)?,
            Confirm::Key | Confirm::None => write!(self.out, "do it? [y/N] ")?,
        }
        self.out.flush()?;
        Ok(Vec::new())
    }

    /// New timeline entries of the rollback, and where the pods are.
    fn tell(&mut self, watch: &Watch) -> io::Result<()> {
        let entries: Vec<_> = watch.timeline().entries().filter(|entry| entry.mark == Mark::Rollback).collect();
        for entry in entries.iter().skip(self.told) {
            writeln!(self.out, "{}  {}", entry.at.with_timezone(&Local).format("%H:%M:%S"), entry.text)?;
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

impl<W: Write> Face for Lines<W> {
    type Input = String;

    fn take(&mut self, line: String, watch: &Watch) -> Vec<Wish> {
        if !matches!(watch.rollback(), Rollback::Planned { .. }) {
            return Vec::new();
        }
        let line = line.trim();
        let yes = match watch.setup().confirm {
            Confirm::Type => line == watch.setup().environment,
            Confirm::Key | Confirm::None => matches!(line, "y" | "Y" | "yes"),
        };
        if yes {
            vec![Wish::Ask(Command::Confirm { typed: Some(line.to_owned()) })]
        } else {
            // Nothing was asked for, so nothing is done: the less harmful answer wins.
            let _ = writeln!(self.out, "not done: nothing was changed");
            vec![Wish::Ask(Command::Dismiss), Wish::Leave(FAILED)]
        }
    }

    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Wish>> {
        self.tell(watch)?;
        let leave = |status| Ok(vec![Wish::Leave(status)]);
        match watch.rollback() {
            Rollback::Idle if self.opened => leave(FAILED),
            Rollback::Idle => self.before(watch),
            // The question is put once; from then on an answer is awaited.
            Rollback::Planned { .. } if !std::mem::replace(&mut self.asked, true) => self.confirm(watch),
            Rollback::Verified { .. } => leave(DONE),
            Rollback::NotTheCause { .. } => leave(NOT_THE_CAUSE),
            Rollback::Failed { blocked, .. } => {
                writeln!(self.out, "failed: {}\n{}", blocked.reason, blocked.way_out)?;
                leave(FAILED)
            }
            Rollback::OutcomeUnknown { at, reason, done } if watch.now() - *at > LOST_FOR => {
                writeln!(self.out, "unknown whether it took effect: {reason}\nlook yourself:")?;
                for covered in done.plan.steps().flat_map(|step| &step.covers) {
                    let reference = &covered.reference;
                    writeln!(self.out, "  kubectl rollout status {reference} -n {}", reference.namespace)?;
                }
                leave(UNKNOWN)
            }
            Rollback::Planned { .. }
            | Rollback::Countdown { .. }
            | Rollback::Confirmed(_)
            | Rollback::Running(_)
            | Rollback::OutcomeUnknown { .. } => Ok(Vec::new()),
        }
    }

    fn ring(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn copy(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The plan as on the screen: what would be done, what was checked, what it does not bring back.
fn plan_text(watch: &Watch, plan: &Plan) -> String {
    let mut text = format!("rollback of {}\n", watch.setup().environment);
    for step in plan.steps() {
        let image = |version: &crate::deploy::Version| version.images.join(", ");
        for Covered { reference, from, to, .. } in &step.covers {
            text += &format!("\n{reference} in namespace {}, {}\n", reference.namespace, step.place);
            text += &format!("  from  revision {}  {}\n", from.revision, image(from));
            text += &format!("  to    revision {}  {}\n", to.revision, image(to));
        }
        for thing in &step.does {
            text += &format!("  does  {thing}\n");
        }
        text += &format!("  takes about {}\n", brief(step.expected));
        for check in &step.checks {
            text += &format!("  {:<7}  {}: {}\n", check.outcome.label(), check.name, check.sentence);
            if let Some(way_out) = &check.way_out {
                text += &format!("           {way_out}\n");
            }
        }
        for left in &step.not_restored {
            text += &format!("  does not bring back  {left}\n");
        }
        text += &format!("  by hand: {}\n", step.by_hand);
    }
    for left in &plan.left_out {
        text += &format!("\n{} is left alone: {}\n", left.reference, left.why);
    }
    text + "\n"
}

fn ways_out(watch: &Watch) -> String {
    let blocked = watch.workloads().iter().filter_map(|state| match &state.readiness {
        Readiness::Blocked(blocked) => Some(blocked.way_out.clone()),
        Readiness::Preparing | Readiness::Ready(_) => None,
    });
    let mut ways: Vec<String> = blocked.collect();
    ways.dedup();
    format!("nothing can be taken back\n{}", ways.join("\n"))
}

fn pods_text(watch: &Watch, done: &Undertaking) -> String {
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
