//! The effect of a rollback: pods become ready, signals recover, and what follows from either.

use super::{Around, Desk, Doing};
use crate::deploy::{Time, Version, WorkloadKind, brief};
use crate::rollback::{Blocked, Covered, Execution, Goal, Rollback, Run, Step, StepState};
use crate::rollout::stall::{lack, progressed_at};
use crate::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use crate::watch::journal::Journal;
use chrono::TimeDelta;
use std::sync::Arc;

/// Flags that are still red this long after the previous version serves say that the deploy was not the cause.
const NOT_THE_CAUSE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// So many signals that nobody can see are named.
const NAMED: usize = 3;
/// A run of another system is waited for so many times longer than pods are: it builds, queues and waits for approvals.
const RUN_PATIENCE: i32 = 3;

impl Desk {
    /// Looks whether the pods of each step that was taken are there, and what follows from it.
    pub(super) fn follow_pods(&mut self, mut done: Execution, around: Around<'_>, doing: &mut Doing<'_>) {
        let now = around.now;
        let plan = Arc::clone(&done.plan);
        for (step, state) in plan.steps().zip(&mut done.steps) {
            let StepState::Accepted { at, run } = state else { continue };
            if let Some(run) = run.as_ref().filter(|run| !run.ended) {
                if now - *at < around.setup.rollout_deadline * RUN_PATIENCE {
                    continue;
                }
                let blocked = overdue_run(step, run, now - *at);
                self.rollback = stalled(done, blocked, now, doing.journal);
                return;
            }
            match around.pods_of(step) {
                Pods::Coming => {
                    if let Some(blocked) = around.is_stalled(step, *at) {
                        self.rollback = stalled(done, blocked, now, doing.journal);
                        return;
                    }
                }
                Pods::Nothing(blocked) => {
                    self.rollback = stalled(done, blocked, now, doing.journal);
                    return;
                }
                Pods::Serve => {
                    *state = StepState::Ready { at: now };
                    doing.journal.changed();
                }
                Pods::Fail(reason) => {
                    let way_out = "check its pods; an older revision may be a better target (rollback --to)".to_owned();
                    let blocked = Blocked { reason, way_out };
                    *state = StepState::Failed(blocked.clone());
                    let text = format!("rollback failed: {}", blocked.reason);
                    self.rollback = Rollback::Failed { done, at: now, blocked };
                    doing.journal.tell(now, text);
                    return;
                }
            }
        }
        let is_ready = |state: &StepState| matches!(state, StepState::Ready { .. });
        if done.steps.contains(&StepState::Waiting) {
            let sent = done.steps.iter().filter(|state| **state != StepState::Waiting);
            let may_go_on = sent.clone().count() > 0 && sent.clone().all(is_ready);
            self.rollback = if may_go_on { self.go_on(done, around, doing) } else { Rollback::Running(done) };
            return;
        }
        if done.ready.is_none() && done.steps.iter().all(is_ready) {
            done.ready = Some(now);
            let took = brief(now - done.confirmed);
            let text = format!("{} again: all pods ready, {took} after {}", done.plan.serves(), done.beginning());
            doing.journal.tell(now, text);
        }
        self.rollback = match done.ready {
            // Whoever undoes a rollback knows that the flags may come with it.
            Some(at) if done.plan.goal == Goal::Undo => Rollback::Verified { done, at },
            Some(ready) => self.follow_flags(done, ready, around, doing.journal),
            None => Rollback::Running(done),
        };
    }

    fn follow_flags(&self, mut done: Execution, ready: Time, around: Around<'_>, journal: &mut Journal) -> Rollback {
        let Around { setup, now, judging, attention, .. } = around;
        // A flag that went stale is not a flag that cleared, and neither are those of sources that are all silent.
        let red = judging.red().next().is_some();
        let is_clear = judging.flags_are_known_to_be_clear(setup, &done, &self.red_at_confirm);
        if red || !is_clear || !attention.is_awake(now) {
            done.clear_since = None;
            if !red && now - ready >= NOT_THE_CAUSE_AFTER {
                return never_seen_clear(done, ready + NOT_THE_CAUSE_AFTER, around, journal);
            }
        } else if now - *done.clear_since.get_or_insert(now) >= setup.rollback.clear_for {
            let took = brief(now - done.confirmed);
            journal.tell(now, format!("rollback verified: recovered {took} after {}", done.beginning()));
            return Rollback::Verified { done, at: now };
        }
        if red && now - ready >= NOT_THE_CAUSE_AFTER {
            journal.tell(now, "still red on the previous version: the deploy was not the cause");
            return Rollback::NotTheCause { done, at: now };
        }
        Rollback::Running(done)
    }
}

impl Around<'_> {
    /// Why a step whose request was taken is not waited for any longer, if it is not.
    fn is_stalled(&self, step: &Step, accepted: Time) -> Option<Blocked> {
        let rollouts = step.covers.iter().map(|covered| {
            let rollout = self.deploys.of(covered.workload).rollout.as_ref();
            (covered, rollout.filter(|rollout| rollout.uid == covered.uid))
        });
        let got_on = |rollout: Option<&Rollout>| rollout.map_or(accepted, |rollout| progressed_at(rollout, accepted));
        let last = rollouts.clone().map(|(_, rollout)| got_on(rollout)).max().unwrap_or(accepted);
        let still = self.now - last;
        if still < self.setup.rollout_deadline {
            return None;
        }
        let missing = rollouts.filter_map(|(covered, rollout)| match rollout {
            Some(rollout) if serves(rollout, covered, step.action.rebuilds()) => None,
            Some(rollout) => Some((covered, lack(rollout).to_string())),
            None => Some((covered, "not reported by the cluster".to_owned())),
        });
        let (covered, first) = missing.clone().next()?;
        let more = match missing.count() {
            0 | 1 => String::new(),
            all => format!("; {} more of its workloads are not ready either", all - 1),
        };
        let (reference, label) = (&covered.reference, covered.to.label());
        let reason = format!("{reference}: {label} has made no progress for {}: {first}{more}", brief(still));
        let selector = format!("kubectl describe {reference} -n {}", reference.namespace);
        let way_out =
            format!("{selector} and its pods say why; an older revision may be a better target (rollback --to)");
        Some(Blocked { reason, way_out })
    }

    /// Whether the cluster tells that each workload of a step has the version that it brings.
    pub(super) fn is_on_its_way(&self, step: &Step) -> bool {
        step.covers.iter().all(|covered| {
            let rollout = self.deploys.of(covered.workload).rollout.as_ref();
            let is_back = |rollout: &Rollout| rollout.deploy.as_ref().is_some_and(|it| it.to.hash == covered.to.hash);
            rollout.is_some_and(|rollout| rollout.uid == covered.uid && is_back(rollout))
        })
    }

    /// Where the pods of all workloads of a step are.
    fn pods_of(&self, step: &Step) -> Pods {
        let mut all = Pods::Serve;
        for covered in &step.covers {
            let Some(rollout) = &self.deploys.of(covered.workload).rollout else { return Pods::Coming };
            if rollout.uid != covered.uid || !has_begun(rollout, covered, step) {
                return Pods::Coming;
            }
            if let Progress::Failed(why) = &rollout.progress {
                // “Exceeded its deadline” says that it does not come up; the pods say why.
                let cause = rollout.troubles.first().filter(|trouble| trouble.kind < TroubleKind::DeadlineExceeded);
                let why = cause.map_or(why, |trouble| &trouble.sentence);
                let label = covered.to.label();
                return Pods::Fail(format!("{}: {label} failed to start: {why}", covered.reference));
            }
            if rollout.progress == Progress::Complete && rollout.replicas.desired == 0 {
                return Pods::Nothing(nothing_runs(covered));
            }
            if !serves(rollout, covered, step.action.rebuilds()) {
                all = Pods::Coming;
            }
        }
        all
    }
}

/// A rollback that was accepted and does not get to its end: what is there stays known, and is looked at further.
fn stalled(done: Execution, blocked: Blocked, now: Time, journal: &mut Journal) -> Rollback {
    journal.tell(now, format!("rollback stalled: {}", blocked.reason));
    Rollback::Failed { done, at: now, blocked }
}

/// A run of another system that does not end.
fn overdue_run(step: &Step, run: &Run, waited: TimeDelta) -> Blocked {
    let reason = format!("{}: “{}” for {}", step.subject, run.state, brief(waited));
    let there = run.link.as_ref().map_or_else(String::new, |link| format!(" ({link})"));
    Blocked { reason, way_out: format!("check the run{there}; redflag does not stop it") }
}

/// What was accepted before another step failed goes on by itself, and what is done should be known.
pub(super) fn note_ready(done: &mut Execution, around: Around<'_>, journal: &mut Journal) {
    let plan = Arc::clone(&done.plan);
    for (step, state) in plan.steps().zip(&mut done.steps) {
        if matches!(state, StepState::Accepted { .. }) && matches!(around.pods_of(step), Pods::Serve) {
            *state = StepState::Ready { at: around.now };
            journal.changed();
        }
    }
}

/// The previous version serves, and nobody can see whether that helped: neither verified nor failed.
fn never_seen_clear(done: Execution, at: Time, around: Around<'_>, journal: &mut Journal) -> Rollback {
    let unseen = around.judging.unseen(around.setup).map(|signal| signal.name.as_str());
    let unseen: Vec<&str> = unseen.take(NAMED).collect();
    let what = if unseen.is_empty() { "a flag".to_owned() } else { unseen.join(", ") };
    let reason = format!("{}; unknown whether it recovered: {what}", done.plan.serves());
    if around.now - at < TimeDelta::seconds(1) {
        journal.tell(around.now, reason.clone());
    }
    Rollback::OutcomeUnknown { done, at, reason }
}

/// Where the pods of a step are.
enum Pods {
    /// On their way.
    Coming,
    /// All of the previous version, ready.
    Serve,
    /// None is asked for: nothing can serve.
    Nothing(Blocked),
    /// They will not come by themselves.
    Fail(String),
}

fn nothing_runs(covered: &Covered) -> Blocked {
    let (reference, namespace) = (&covered.reference, &covered.reference.namespace);
    let reason = format!("{reference}: {} is back, but 0 pods run: nothing serves", covered.to.label());
    let way_out = match reference.kind {
        WorkloadKind::DaemonSet => "no node matches it: kubectl get nodes --show-labels".to_owned(),
        _ => format!("kubectl scale {reference} -n {namespace} --replicas=N"),
    };
    Blocked { reason, way_out }
}

/// Whether what the cluster tells is from after the request: until then it speaks of the state that is rolled back. What
/// leaves the spec alone shows by the version that is on its way.
fn has_begun(rollout: &Rollout, covered: &Covered, step: &Step) -> bool {
    let is_of = |version: &Version| rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.hash == version.hash);
    if step.action.changes_spec(&covered.reference) {
        // A scaling moves the generation too: as long as what is rolled back is what rolls out, nothing has begun.
        let still_there = !covered.from.hash.is_empty() && covered.from.hash != covered.to.hash && is_of(&covered.from);
        return rollout.generation > covered.generation && !still_there;
    }
    rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.hash == covered.to.hash)
}

/// Whether a version is all that serves: rolled out, its pods ready, no other pod left but those going. A
/// deploy of the old images under a new template is that version too: not every strategy brings the very
/// same template back. What is `rebuilt` is known only by not being the version that was rolled back.
fn serves(rollout: &Rollout, covered: &Covered, rebuilt: bool) -> bool {
    let (from, to) = (&covered.from, &covered.to);
    let is_back = |hash: &str| {
        let images = || rollout.revisions.iter().find(|revision| revision.version.hash == hash);
        let same = |images: &[String]| images == to.images && images != from.images;
        hash == to.hash
            || (rebuilt && hash != from.hash)
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
    // Where nothing is asked for nothing serves.
    rollout.progress == Progress::Complete && ready >= rollout.replicas.desired.max(1)
}
