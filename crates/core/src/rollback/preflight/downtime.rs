//! How many pods serve while the old ones come back.

use super::pace::{self, Pace};
use super::warning;
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

const NAME: CheckKind = CheckKind::Downtime;

pub(super) fn check(reference: &WorkloadRef, workload: &Value, pace: Pace) -> Check {
    let kind = reference.kind;
    let namespace = &reference.namespace;
    if pace.pods == 0 {
        let way_out = match kind {
            WorkloadKind::DaemonSet => "no node takes it: look at its nodeSelector and the nodes' taints".to_owned(),
            _ => format!("scale it if it should serve: kubectl scale {reference} -n {namespace} --replicas=N"),
        };
        return warning(NAME, "it has no pods to change: nothing will serve after the undo either", way_out);
    }
    if kind == WorkloadKind::Deployment && pace::is_recreated(workload) {
        return warning(
            NAME,
            "strategy Recreate: all pods end before the first old one starts",
            "say so to whoever is affected, or turn the traffic away first",
        );
    }
    if pace.unavailable >= pace.pods {
        let sentence = match pace.pods {
            1 => "its only pod is replaced in place: nothing serves meanwhile".to_owned(),
            pods => format!("maxUnavailable allows all {pods} pods to be down at once"),
        };
        let way_out = match (kind, pace.pods) {
            (WorkloadKind::Deployment, _) => "say so to whoever is affected; maxSurge 1 and maxUnavailable 0 avoid it",
            (_, 1) => "say so to whoever is affected",
            _ => "say so to whoever is affected; a lower maxUnavailable avoids it",
        };
        return warning(NAME, sentence, way_out);
    }
    let pods = pace.pods;
    Check::ok(NAME, format!("at least {} of {pods} pods stay up", pods - pace.unavailable))
}
