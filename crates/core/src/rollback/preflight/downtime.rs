//! How many pods stay available during a rollback.

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
            WorkloadKind::DaemonSet => "no node matches: check its nodeSelector and the nodes' taints".to_owned(),
            _ => format!("scale it up if it should serve: kubectl scale {reference} -n {namespace} --replicas=N"),
        };
        return warning(NAME, "0 pods: nothing will serve after the rollback either", way_out);
    }
    if kind == WorkloadKind::Deployment && pace::is_recreated(workload) {
        return warning(
            NAME,
            "strategy Recreate: all pods stop before the first old one starts",
            "warn whoever is affected, or drain the traffic first",
        );
    }
    if pace.unavailable >= pace.pods {
        let sentence = match pace.pods {
            1 => "its only pod is replaced in place: down until the new one is ready".to_owned(),
            pods => format!("maxUnavailable allows all {pods} pods to be down at once"),
        };
        let way_out = match (kind, pace.pods) {
            (WorkloadKind::Deployment, _) => "warn whoever is affected; maxSurge 1 and maxUnavailable 0 avoid it",
            (_, 1) => "warn whoever is affected",
            _ => "warn whoever is affected; a lower maxUnavailable avoids it",
        };
        return warning(NAME, sentence, way_out);
    }
    let pods = pace.pods;
    Check::ok(NAME, format!("no downtime ({} of {pods} pods stay available)", pods - pace.unavailable))
}
