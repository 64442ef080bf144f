//! A rollout that does not get on: since when, and which pods it lacks. Kubernetes has no deadline for `StatefulSet`s and
//! `DaemonSet`s, and none for a Deployment whose own is longer than anybody watches.

use super::{Deadline, PodPhase, Progress, Rollout, Trouble, TroubleKind};
use crate::deploy::{Time, brief};
use chrono::TimeDelta;
use std::fmt;

/// After a rollout has ended, a pod of it that is not ready for this long is told.
const LEFT_UNREADY: TimeDelta = TimeDelta::minutes(5);
/// So many pods are named; the rest are counted.
const NAMED: usize = 3;

/// How long a rollout may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After so long without progress it is warned of and the window opens; half as long again is a red flag.
    pub deadline: TimeDelta,
    /// A controller's own deadline counts up to this; nobody who watches for this long hears of a longer one.
    pub window: TimeDelta,
}

/// What a rollout lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Pods of the new version that are ready.
    pub ready: usize,
    /// Pods that are asked for.
    pub desired: i64,
    /// The new pods that are not ready, by name.
    pub unready: Vec<Unready>,
    /// Pods of another version that are still there, by name.
    pub left: Vec<String>,
}

/// A pod that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// Its name.
    pub name: String,
    /// Why not, in Kubernetes' words.
    pub reason: Option<String>,
    /// The node that runs it.
    pub node: Option<String>,
    /// Since when it is not ready: it was never, where it is as old as the pod.
    pub since: Option<Time>,
}

/// How long a rollout has stood still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// When it last got on.
    pub since: Time,
    /// How bad that is, in a sentence.
    pub trouble: Trouble,
}

/// When a rollout last got on: a new pod was made or became ready, else when it was begun.
pub fn progressed_at(rollout: &Rollout, begun: Time) -> Time {
    let new = rollout.pods.iter().filter(|pod| pod.is_new);
    new.flat_map(|pod| [pod.created, pod.ready_since]).flatten().fold(begun, Time::max)
}

/// What a rollout lacks now.
pub fn lack(rollout: &Rollout) -> Lack {
    let alive = || rollout.pods.iter().filter(|pod| !matches!(pod.phase, PodPhase::Terminating | PodPhase::Finished));
    let new = || alive().filter(|pod| pod.is_new);
    let unready = new().filter(|pod| pod.phase != PodPhase::Ready).map(|pod| Unready {
        name: pod.name.clone(),
        reason: pod.reason.clone(),
        node: pod.node.clone(),
        since: pod.unready_since.or(pod.created),
    });
    Lack {
        ready: new().filter(|pod| pod.phase == PodPhase::Ready).count(),
        desired: rollout.replicas.desired,
        unready: unready.collect(),
        left: alive().filter(|pod| !pod.is_new).map(|pod| pod.name.clone()).collect(),
    }
}

/// Whether a rollout that is in progress has stood still for too long at `now`; it was begun at `begun`.
pub fn stall(rollout: &Rollout, begun: Time, limits: Limits, now: Time) -> Option<Stall> {
    let Progress::Waiting(awaited) = &rollout.progress else { return None };
    let since = progressed_at(rollout, begun);
    let still = now - since;
    if still < limits.deadline {
        return None;
    }
    let lack = lack(rollout);
    if rollout.deadline == Deadline::Steps && lack.unready.is_empty() {
        return None;
    }
    let red_after = match rollout.deadline {
        Deadline::Nobody | Deadline::Steps => Some(limits.deadline),
        Deadline::Controller(own) if own > limits.window => Some(limits.deadline),
        Deadline::Controller(own) => Some(own.max(limits.deadline)),
        Deadline::Person => None,
    };
    let is_red = red_after.is_some_and(|after| still >= after * 3 / 2);
    let kind = if is_red { TroubleKind::Stalled } else { TroubleKind::Stalling };
    let what = if lack.unready.is_empty() && lack.left.is_empty() { awaited.clone() } else { lack.to_string() };
    Some(Stall { since, trouble: Trouble { kind, sentence: format!("no progress for {}: {what}", brief(still)) } })
}

/// Pods of a rollout that has ended which have not been ready for long: it may be their node, and it may be them.
pub fn left_unready(rollout: &Rollout, now: Time) -> Option<Trouble> {
    if !matches!(rollout.progress, Progress::Waiting(_)) {
        return None;
    }
    let mut lack = lack(rollout);
    lack.unready.retain(|pod| pod.since.is_some_and(|since| now - since >= LEFT_UNREADY));
    let longest = lack.unready.iter().filter_map(|pod| pod.since).min()?;
    let (count, names) = (lack.unready.len(), named(&lack.unready));
    let have = if count == 1 { "pod has" } else { "pods have" };
    let sentence = format!("{count} new {have} not been ready for {}: {names}", brief(now - longest));
    Some(Trouble { kind: TroubleKind::NotReady, sentence })
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.reason, &self.node) {
            (Some(reason), Some(node)) => write!(f, " ({reason}, node {node})"),
            (Some(reason), None) => write!(f, " ({reason})"),
            (None, Some(node)) => write!(f, " (node {node})"),
            (None, None) => Ok(()),
        }
    }
}

/// `2 of 3 new pods ready; not ready: db-2 (ContainersNotReady, node worker-3)`.
impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} new pods ready", self.ready, self.desired)?;
        if !self.unready.is_empty() {
            write!(f, "; not ready: {}", named(&self.unready))?;
        }
        if self.unready.is_empty() && !self.left.is_empty() {
            write!(f, "; still on the previous version: {}", named(&self.left))?;
        }
        Ok(())
    }
}

fn named<T: fmt::Display>(all: &[T]) -> String {
    let first: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let first = first.join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
