//! Whose rollout is under way or was the last: the watched deploy's, somebody else's, or another rollback.

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
    let under_way = under_way(request.reference.kind, workload);
    let put_back = request.goal == Goal::Back && lineage.was_put_back();
    let rollback = if put_back {
        let taken = lineage.rolled_back().map_or("?", |entry| entry.version.label());
        another_rollback(request, runs, taken, author.as_ref(), under_way.is_some())
    } else {
        Check::ok(CheckKind::PutBack, format!("{runs} is not an old revision that somebody put back"))
    };
    vec![another_rollout(request, workload, runs, &by, under_way, put_back), rollback]
}

/// A rollback that is under way is a rollout too, and told as the rollback that it is.
fn another_rollout(
    request: &PlanRequest,
    workload: &Value,
    runs: &str,
    by: &str,
    under_way: Option<String>,
    put_back: bool,
) -> Check {
    let seen = request.wanted.seen.as_ref();
    let uid = workload["metadata"]["uid"].as_str().unwrap_or_default();
    match (seen, under_way) {
        (Some(seen), _) if seen.uid != uid => warning(
            NAME,
            format!("{} was deleted and made anew{by}; it now runs {runs}", request.reference),
            format!("find out who did that; this watch began with {} of the old one", seen.running.label()),
        ),
        (Some(seen), _) if !template::runs(&workload["spec"]["template"], &seen.running.images) => warning(
            NAME,
            format!("{runs} was deployed over {}, which is watched here{by}", seen.running.label()),
            "ask who deploys: it may be the fix",
        ),
        (None, Some(progress)) if !put_back => warning(
            NAME,
            format!("a rollout of {runs} is under way, {progress}{by}; nobody watches it here"),
            "ask who deploys; an undo ends their rollout",
        ),
        (_, Some(progress)) => {
            Check::ok(NAME, format!("only this rollout of {runs} is under way, {progress}; an undo ends it"))
        }
        (_, None) => Check::ok(NAME, "no other rollout is under way"),
    }
}

/// A revision that was put back runs: taking it back would bring back what somebody has just taken away. Only whoever
/// means it goes on; and whoever chose a revision meant it, once that rollback has ended.
fn another_rollback(request: &PlanRequest, runs: &str, taken: &str, author: Option<&Author>, under_way: bool) -> Check {
    let by = author.map_or_else(String::new, |author| match author.at {
        Some(at) => format!(" by {} at {}", author.manager, at.format("%H:%M UTC on %Y-%m-%d")),
        None => format!(" by {}", author.manager),
    });
    let done = format!("{taken} was rolled back{by}");
    if under_way {
        let sentence = format!("{done}, and {runs} is being put back at this moment: another undo would cross that");
        let way_out = "wait until it has ended, or ask who did it, before you go on";
        return Check::typed(CheckKind::PutBack, sentence, way_out);
    }
    let sentence = format!("{done}: {runs} is what it was rolled back to");
    let way_out =
        "ask who did it, and why, before you roll it back again; further back goes redflag rollback --to REVISION";
    match request.wanted.choice {
        Choice::Usual { .. } => Check::typed(CheckKind::PutBack, sentence, way_out),
        Choice::Hash(_) | Choice::Revision(_) => warning(CheckKind::PutBack, sentence, way_out),
    }
}

/// How far a rollout is that has not ended; `None` when all pods are of the newest template.
fn under_way(kind: WorkloadKind, workload: &Value) -> Option<String> {
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
