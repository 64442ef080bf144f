//! Whose rollout is in progress or was the last: the watched deploy's, somebody else's, or another rollback.

use super::warning;
use crate::deploy::WorkloadKind;
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::destination::author::{self, Author, by};
use crate::rollback::destination::{Lineage, is_observed, template};
use crate::rollback::request::{Choice, PlanRequest};
use crate::rollback::{Check, CheckKind, Goal};
use serde_json::Value;

const NAME: CheckKind = CheckKind::Rollout;

pub(super) fn check(request: &PlanRequest, workload: &Value, lineage: &Lineage) -> Vec<Check> {
    let running = lineage.running(workload);
    let runs = running.label();
    let author = author::of_spec(workload);
    let by = by(author.as_ref());
    let in_progress = in_progress(request.reference.kind, workload);
    let is_rollback = request.goal == Goal::RollBack && lineage.is_rollback();
    let rollback = if is_rollback {
        let taken = lineage.rolled_back().map_or("?", |entry| entry.version.label());
        another_rollback(request, runs, taken, author.as_ref(), in_progress.is_some())
    } else {
        Check::ok(CheckKind::AlreadyRolledBack, format!("{runs} is not itself a rollback"))
    };
    vec![another_rollout(request, workload, runs, &by, in_progress, is_rollback), rollback]
}

/// A rollback that is in progress is a rollout too, and told as the rollback that it is.
fn another_rollout(
    request: &PlanRequest,
    workload: &Value,
    runs: &str,
    by: &str,
    in_progress: Option<String>,
    is_rollback: bool,
) -> Check {
    let seen = request.wanted.seen.as_ref();
    let uid = workload["metadata"]["uid"].as_str().unwrap_or_default();
    match (seen, in_progress) {
        (Some(seen), _) if seen.uid != uid => warning(
            NAME,
            format!("{} was deleted and recreated{by}; it now runs {runs}", request.reference),
            format!("find out who did that; this watch started on the old one, with {}", seen.running.label()),
        ),
        (Some(seen), _) if !template::runs(&workload["spec"]["template"], &seen.running.images) => warning(
            NAME,
            format!("{runs} replaced {}, which is watched here{by}", seen.running.label()),
            "ask who is deploying: it may be the fix",
        ),
        (None, Some(progress)) if !is_rollback => warning(
            NAME,
            format!("a rollout of {runs} is in progress, {progress}{by}; it is not watched here"),
            "ask who is deploying; a rollback ends their rollout",
        ),
        (_, Some(progress)) => {
            Check::ok(NAME, format!("only this rollout of {runs} is in progress, {progress}; the rollback ends it"))
        }
        (_, None) => Check::ok(NAME, "no other rollout in progress"),
    }
}

/// The running revision is itself a rollback: rolling it back would redeploy what somebody has just rolled back. Only whoever
/// means it goes on; and whoever chose a revision meant it, once that rollback has ended.
fn another_rollback(
    request: &PlanRequest,
    runs: &str,
    taken: &str,
    author: Option<&Author>,
    in_progress: bool,
) -> Check {
    let by = author.map_or_else(String::new, |author| match author.at {
        Some(at) => format!(" by {} at {}", author.manager, at.format("%H:%M UTC on %Y-%m-%d")),
        None => format!(" by {}", author.manager),
    });
    let done = format!("{taken} was rolled back{by}");
    if in_progress {
        let sentence = format!("{done}, and {runs} is being redeployed right now: a second rollback would collide");
        let way_out = "wait until it finishes, or ask who did it first";
        return Check::typed(CheckKind::AlreadyRolledBack, sentence, way_out);
    }
    let sentence = format!("{done}: {runs} is what it was rolled back to");
    let way_out =
        "ask who did it, and why, before you roll it back again; to go further back: redflag rollback --to REVISION";
    match request.wanted.choice {
        Choice::Usual { .. } => Check::typed(CheckKind::AlreadyRolledBack, sentence, way_out),
        Choice::Hash(_) | Choice::Revision(_) => warning(CheckKind::AlreadyRolledBack, sentence, way_out),
    }
}

/// How far a rollout is that has not ended; `None` when all pods are of the newest template.
fn in_progress(kind: WorkloadKind, workload: &Value) -> Option<String> {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let count = |key: &str| status[key].as_i64().unwrap_or(0);
    let (wanted, updated, ended) = match kind {
        WorkloadKind::Deployment => {
            let (wanted, updated) = (spec["replicas"].as_i64().unwrap_or(1), count("updatedReplicas"));
            (
                wanted,
                updated,
                updated >= wanted && count("replicas") <= updated && count("availableReplicas") >= updated,
            )
        }
        WorkloadKind::StatefulSet => {
            let partition = spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
            let wanted = (spec["replicas"].as_i64().unwrap_or(1) - partition).max(0);
            let updated = count("updatedReplicas");
            (wanted, updated, status["currentRevision"] == status["updateRevision"] || updated >= wanted)
        }
        WorkloadKind::Rollout => {
            let (wanted, updated) = (spec["replicas"].as_i64().unwrap_or(1), count("updatedReplicas"));
            (wanted, updated, !UpdateStatus::of(workload).update().is_in_flight())
        }
        WorkloadKind::DaemonSet => {
            let (wanted, updated) = (count("desiredNumberScheduled"), count("updatedNumberScheduled"));
            (wanted, updated, updated >= wanted)
        }
    };
    if !is_observed(workload) {
        return Some("just begun".to_owned());
    }
    (!ended).then(|| format!("{updated} of {wanted} pods"))
}
