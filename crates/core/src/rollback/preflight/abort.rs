//! Aborting an update of Argo Rollouts, or retrying it: which of them applies, and the step.

use super::pace::Pace;
use super::{Objects, history, left_behind, rollout, settled, state, time};
use crate::rollback::action::{Abort, Action, PinnedPatch, Subresource};
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::destination::history::Entry;
use crate::rollback::destination::patch::{self, Pinned};
use crate::rollback::destination::{Lineage, Target};
use crate::rollback::request::{Choice, PlanRequest};
use crate::rollback::version_history::{self, VersionStatus};
use crate::rollback::{Blocked, Check, CheckKind, Covered, Refusal, Step};
use chrono::TimeDelta;
use serde_json::Value;

/// What the controller and the router take at least, when no pod has to start.
const REACTION: TimeDelta = TimeDelta::seconds(5);

/// How a Rollout is rolled back now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// An update is in flight: it is called off.
    Abort,
    /// An update was called off, and is tried once more.
    Retry,
    /// Its template gets an earlier version again.
    Undo,
    /// There is nothing to do.
    Blocked(Blocked),
}

/// Which way it is. An abort goes to the stable version and nowhere else, and on a promoted Rollout it means nothing:
/// the controller takes it away again without a word.
pub fn way(request: &PlanRequest, objects: Objects<'_>) -> Way {
    let (reference, workload) = (&request.reference, objects.workload);
    let standing = UpdateStatus::of(workload);
    let update = standing.update();
    if !update.is_in_flight() {
        return Way::Undo;
    }
    let container = request.wanted.container.as_deref();
    let lineage = Lineage::of(reference.kind, workload, objects.history, container);
    let of_hash = |hash: &str| lineage.entries.iter().find(|entry| entry.version.hash == hash);
    let chosen = match &request.wanted.choice {
        Choice::Usual { .. } => None,
        Choice::Hash(hash) => lineage.entries.iter().find(|entry| entry.is_known_as(hash)),
        Choice::Revision(number) => lineage.entries.iter().find(|entry| entry.version.revision == *number),
    };
    let is_usual = matches!(request.wanted.choice, Choice::Usual { .. });
    let names = |hash: &str| chosen.is_some_and(|entry| entry.version.hash == hash);
    let stable = of_hash(&update.status.stable_rs);
    if update.is_aborted() && names(&update.status.current_pod_hash) {
        return Way::Retry;
    }
    let is_bad = |entry: &Entry| {
        version_history::newest(&request.wanted.known, &entry.version)
            .is_some_and(|known| known.standing == VersionStatus::Bad)
    };
    // Two bad deploys in a row: past the first of them it is an undo.
    if !(is_usual || names(&update.status.stable_rs)) || (is_usual && stable.is_some_and(is_bad)) {
        return Way::Undo;
    }
    match (update.is_aborted(), is_usual) {
        (false, _) => Way::Abort,
        (true, false) => Way::Undo,
        (true, true) => {
            let label = stable.map_or("the stable version", |entry| entry.version.label());
            let (name, namespace) = (&reference.name, &reference.namespace);
            let to = stable.map(|entry| format!(" --to-revision={}", entry.version.revision)).unwrap_or_default();
            Way::Blocked(Blocked {
                reason: format!("{reference} is already aborted: it is back on {label}"),
                way_out: format!(
                    "deploy a fixed version; to revert its template too: \
                     kubectl argo rollouts undo {name} -n {namespace}{to}"
                ),
            })
        }
    }
}

/// Computes the abort, or the retry, and checks what can be checked without asking again. `subresource` is where the
/// status is written.
pub fn draft_abort(
    cluster: &str,
    request: &PlanRequest,
    objects: Objects<'_>,
    abort: bool,
    subresource: Subresource,
) -> Result<Step, Refusal> {
    let (reference, workload) = (&request.reference, objects.workload);
    let standing = UpdateStatus::of(workload);
    let update = standing.update();
    let container = request.wanted.container.as_deref();
    let lineage = Lineage::of(reference.kind, workload, objects.history, container);
    let entry = |hash: &str, what: &str| {
        let found = lineage.entries.iter().find(|entry| entry.version.hash == hash).cloned();
        found.ok_or_else(|| {
            Refusal::from(Blocked {
                reason: format!("the ReplicaSet of {what} does not exist"),
                way_out: "redeploy the earlier version".to_owned(),
            })
        })
    };
    let new = entry(&update.status.current_pod_hash, "the version in its template")?;
    let stable = entry(&update.status.stable_rs, "the stable version")?;
    let (from, to) = if abort { (&new, &stable) } else { (&stable, &new) };
    let target = Target {
        from: from.version.clone(),
        entry: to.clone(),
        was_rolled_back: false,
        served_before: abort,
        others: String::new(),
    };
    let pinned = Pinned::of(workload).map_err(Refusal::from)?;
    let document = document(&pinned, &new, &stable, abort, subresource);

    let mut checks = vec![state::check(reference, workload)];
    checks.extend(rollout::check(request, workload, &lineage));
    checks.extend(history::check(request, workload, &lineage, &target));
    let missing = missing(workload, objects.history, &to.version.hash);
    let pace = Pace::of(reference.kind, workload).only(missing);
    if abort {
        checks.push(pods(workload, missing, stable.version.label()));
    }
    checks.push(time::check(pace, request.wanted.pace));

    let (new_label, stable_label) = (new.version.label(), stable.version.label());
    let (does, verb) = if abort {
        (format!("abort {reference}: traffic and pods return to {stable_label}, the stable version"), "abort")
    } else {
        (format!("retry {new_label} on {reference} from the first step"), "retry rollout")
    };
    let mut not_reverted = left_behind::list(reference.kind, &target.from, &to.template);
    if abort {
        let template = format!("the template: it still has {new_label}, and the next change to it starts an update");
        not_reverted.insert(0, template);
    }
    settled(Step {
        goal: request.goal,
        subject: reference.to_string(),
        place: cluster.to_owned(),
        covers: vec![Covered {
            workload: request.workload,
            reference: reference.clone(),
            uid: pinned.uid.clone(),
            generation: pinned.generation,
            from: from.version.clone(),
            to: to.version.clone(),
        }],
        action: Action::Abort(Abort {
            abort,
            subresource,
            patch: PinnedPatch {
                reference: reference.clone(),
                uid: pinned.uid,
                generation: pinned.generation,
                document,
            },
        }),
        does: vec![does],
        checks,
        not_reverted,
        expected: pace.expected(request.wanted.pace).max(REACTION),
        manual_command: format!("kubectl argo rollouts {verb} {} -n {}", reference.name, reference.namespace),
    })
}

/// A JSON Patch of the status whose tests hold only while this very update is in flight. What the command line sends
/// has no such test: on a Rollout that was promoted in the meantime it is taken, and does nothing.
///
/// Without the subresource each change of the status is one of the generation too, so that is not tested then.
fn document(pinned: &Pinned, new: &Entry, stable: &Entry, abort: bool, subresource: Subresource) -> json_patch::Patch {
    let mut operations = vec![patch::test(["metadata", "uid"], pinned.uid.as_str())];
    if subresource == Subresource::Status {
        operations.push(patch::test(["metadata", "generation"], pinned.generation));
    }
    operations.extend([
        patch::test(["status", "currentPodHash"], new.version.hash.as_str()),
        patch::test(["status", "stableRS"], stable.version.hash.as_str()),
        patch::add(["status", "abort"], abort),
    ]);
    json_patch::Patch(operations)
}

/// How many pods of a version are wanted and not there.
fn missing(workload: &Value, history: &[Value], hash: &str) -> i64 {
    let wanted = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    let label = |item: &&Value| item["metadata"]["labels"]["rollouts-pod-template-hash"] == hash;
    let there = history.iter().find(label).and_then(|item| item["status"]["availableReplicas"].as_i64());
    (wanted - there.unwrap_or(0)).max(0)
}

fn pods(workload: &Value, missing: i64, stable: &str) -> Check {
    let wanted = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    Check::ok(
        CheckKind::Pods,
        match missing {
            0 => format!("all {wanted} pods of {stable} are still running"),
            _ => format!("{} of {wanted} pods of {stable} are still running, the rest start fresh", wanted - missing),
        },
    )
}

/// Whether the answer to such a patch, or to a reading, shows that the abort is as it was asked for.
pub fn is_as_asked(workload: &Value, abort: bool) -> bool {
    (workload["status"]["abort"] == true) == abort
}
