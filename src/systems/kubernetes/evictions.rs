//! Pods that their kubelet evicted: for what they used themselves, or because their node ran low.
//!
//! An evicted pod stays behind as `Failed`, but those of `StatefulSet`s and `DaemonSet`s are cleared away by their
//! controllers: whatever was seen is remembered.

use super::objects::{self, Pod};
use crate::cluster::short;
use crate::deploy::{Time, WorkloadKind};
use crate::rollout::{Trouble, TroubleKind};
use chrono::TimeDelta;

/// Evictions longer ago than this are history.
const REMEMBERED: TimeDelta = TimeDelta::minutes(30);
/// So many evictions for a pod's own limits are not a coincidence.
const REPEATED_EVICTIONS: usize = 2;
/// So many are kept, the newest.
const MOST: usize = 256;

/// The evictions of one workload's pods.
#[derive(Debug, Clone, Default)]
pub(super) struct Evictions {
    seen: Vec<Eviction>,
}

#[derive(Debug, Clone)]
struct Eviction {
    uid: String,
    pod: String,
    /// Of which version it was.
    hash: String,
    at: Time,
    cause: Cause,
    /// The kubelet's own words.
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It used more than its own limits allow.
    OwnLimit,
    /// Its node ran low on something.
    Node,
}

impl Evictions {
    /// Looks at a pod, heard at `now`.
    pub(super) fn look(&mut self, pod: &Pod, kind: WorkloadKind, now: Time) {
        let uid = objects::uid(&pod.metadata);
        if pod.status.reason != "Evicted" || self.seen.iter().any(|eviction| eviction.uid == uid) {
            return;
        }
        let changes = pod.status.conditions.iter().filter_map(|condition| condition.last_transition_time);
        self.seen.push(Eviction {
            uid: uid.to_owned(),
            pod: pod.metadata.name.clone().unwrap_or_default(),
            hash: pod.hash(kind).to_owned(),
            at: changes.max().unwrap_or(now),
            cause: cause(&pod.status.message),
            message: short(&pod.status.message),
        });
        if self.seen.len() > MOST {
            self.seen.remove(0);
        }
    }

    /// What the evictions of a version's pods of late amount to.
    pub(super) fn trouble(&self, hash: &str, now: Time) -> Option<Trouble> {
        let recent = || self.seen.iter().filter(|eviction| eviction.hash == hash && now - eviction.at < REMEMBERED);
        let own = || recent().filter(|eviction| eviction.cause == Cause::OwnLimit);
        let last = own().max_by_key(|eviction| eviction.at).or_else(|| recent().max_by_key(|eviction| eviction.at))?;
        let (count, kind) = match own().count() {
            0 => (recent().count(), TroubleKind::Evicted),
            count if count < REPEATED_EVICTIONS => (count, TroubleKind::Evicted),
            count => (count, TroubleKind::OverLimit),
        };
        let (pods, were) = if count == 1 { ("pod", "was") } else { ("pods", "were") };
        let why = match last.cause {
            Cause::OwnLimit => "for exceeding their own limits",
            Cause::Node => "because the node ran low",
        };
        let sentence = format!("{count} new {pods} {were} evicted {why}: {} ({})", last.message, last.pod);
        Some(Trouble { kind, sentence })
    }
}

/// The kubelet tells the two apart by its sentences alone (`pkg/kubelet/eviction/helpers.go`): what exceeds a limit of
/// the pod, a container or a volume is the pod's; `The node was low on resource` and `The node had condition` are the
/// node's, and so is whatever is not known.
fn cause(message: &str) -> Cause {
    let is_own =
        ["exceeded its local ephemeral storage limit", "exceeds the total limit of containers", "exceeds the limit"]
            .iter()
            .any(|words| message.contains(words));
    if is_own { Cause::OwnLimit } else { Cause::Node }
}

#[cfg(test)]
mod tests;
