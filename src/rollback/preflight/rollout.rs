//! Whose rollout is under way or was the last: the watched deploy's, somebody else's, or another rollback.

use super::warning;
use crate::deploy::{WorkloadKind, version_label};
use crate::rollback::ask::{Ask, Choice};
use crate::rollback::target::argo::Standing;
use crate::rollback::target::author::{self, by};
use crate::rollback::target::{Lineage, is_observed, template};
use crate::rollback::{Blocked, Check, Goal};
use serde_json::Value;

const NAME: &str = "rollout";

pub(super) fn check(ask: &Ask, workload: &Value, lineage: &Lineage) -> Vec<Check> {
    let images = template::images(&workload["spec"]["template"]);
    let runs = images.first().map_or("?", |image| version_label(image));
    let by = by(author::of_spec(workload).as_ref());
    let under_way = under_way(ask.reference.kind, workload);
    let mut checks = Vec::new();
    if ask.goal == Goal::Back && lineage.was_put_back() {
        checks.push(another_rollback(ask, runs, &by, under_way.is_some()));
    }
    let seen = ask.wanted.seen.as_ref();
    if let Some(seen) = seen.filter(|seen| seen.uid != workload["metadata"]["uid"].as_str().unwrap_or_default()) {
        let sentence = format!("{} was deleted and made anew{by}; it now runs {runs}", ask.reference);
        let way_out = format!("find out who did that; this watch began with {} of the old one", seen.running.label());
        checks.push(warning(NAME, sentence, way_out));
    } else if let Some(seen) = seen.filter(|seen| seen.running.images != images) {
        let sentence = format!("{runs} was deployed over {}, which is watched here{by}", seen.running.label());
        checks.push(warning(NAME, sentence, "ask who deploys: it may be the fix"));
    } else if let (Some(progress), None) = (&under_way, seen)
        && checks.is_empty()
    {
        let sentence = format!("a rollout of {runs} is under way, {progress}{by}; nobody watches it here");
        checks.push(warning(NAME, sentence, "ask who deploys; an undo ends their rollout"));
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            NAME,
            match under_way {
                Some(progress) => {
                    format!("only the watched rollout of {runs} is under way, {progress}; an undo ends it")
                }
                None => "no other rollout is under way".to_owned(),
            },
        ));
    }
    checks
}

/// A revision that was put back runs: taking it back would bring back what somebody has just taken away.
fn another_rollback(ask: &Ask, runs: &str, by: &str, under_way: bool) -> Check {
    if under_way && matches!(ask.wanted.choice, Choice::Usual { .. }) {
        return Check::blocked(
            NAME,
            Blocked {
                reason: format!("somebody else is putting {runs} back at this moment{by}"),
                way_out: "wait until their rollback has ended; to go elsewhere all the same: \
                          redflag rollback --to REVISION"
                    .to_owned(),
            },
        );
    }
    let sentence = format!("{runs} is itself an old revision that was put back{by}: a rollback has been done already");
    warning(NAME, sentence, "ask who did it, and why, before you take it back again")
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
            (wanted, updated, !Standing::of(workload).update().is_in_flight())
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
