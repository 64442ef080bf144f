//! What `kubectl rollout status` says of a workload, in its words (kubectl `polymorphichelpers/rollout_status.go`).

use super::argo;
use super::objects::Workload;
use crate::deploy::WorkloadKind;
use crate::rollout::{Deadline, Progress, Replicas};
use chrono::TimeDelta;

/// The reason of the Progressing condition once a rollout has taken too long.
const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";
/// The reason of the Progressing condition once a rollout has ended well. The controller leaves it so from then
/// on, whatever becomes of the pods.
pub(super) const ROLLED_OUT: &str = "NewReplicaSetAvailable";

/// How far the rollout is. Two answers differ from kubectl's on purpose, both to the careful side: a
/// `StatefulSet` is complete only when all its pods run the new revision, and a workload with the strategy
/// `OnDelete`, of which kubectl says nothing at all, waits until somebody deletes the pods.
pub(super) fn progress(kind: WorkloadKind, workload: &Workload) -> Progress {
    match kind {
        WorkloadKind::Deployment => deployment(workload),
        WorkloadKind::StatefulSet => stateful_set(workload),
        WorkloadKind::DaemonSet => daemon_set(workload),
        WorkloadKind::Rollout => argo::progress(workload),
    }
}

fn deployment(workload: &Workload) -> Progress {
    let name = name(workload);
    let status = &workload.status;
    let updated = status.updated_replicas;
    if !workload.is_observed() {
        return waiting("Waiting for deployment spec update to be observed...");
    }
    if has_exceeded(workload) {
        return Progress::Failed(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = workload.wanted_replicas();
    if updated < wanted {
        return Progress::Waiting(format!(
            "Waiting for deployment {name:?} rollout to finish: {updated} out of {wanted} new replicas have been updated..."
        ));
    }
    if status.replicas > updated {
        let old = status.replicas.saturating_sub(updated);
        return Progress::Waiting(format!(
            "Waiting for deployment {name:?} rollout to finish: {old} old replicas are pending termination..."
        ));
    }
    if status.available_replicas < updated {
        let available = status.available_replicas;
        return Progress::Waiting(format!(
            "Waiting for deployment {name:?} rollout to finish: {available} of {updated} updated replicas are available..."
        ));
    }
    Progress::Complete
}

/// Whether its controller gave the rollout up. One whose pods came after all, and whose condition was not renewed, is not
/// given up: everything is of the new version and available.
pub(super) fn has_exceeded(workload: &Workload) -> bool {
    let status = &workload.status;
    let wanted = workload.wanted_replicas();
    let all_there = status.updated_replicas >= wanted
        && status.replicas <= status.updated_replicas
        && status.available_replicas >= status.updated_replicas;
    let condition = workload.condition("Progressing");
    condition.is_some_and(|progressing| progressing.reason == DEADLINE_EXCEEDED) && !all_there
}

fn stateful_set(workload: &Workload) -> Progress {
    let status = &workload.status;
    let wanted = workload.wanted_replicas();
    let (ready, updated) = (status.ready_replicas, status.updated_replicas);
    if status.observed_generation == 0 || !workload.is_observed() {
        return waiting("Waiting for statefulset spec update to be observed...");
    }
    if !rolls_by_itself(workload) {
        return by_hand(updated, wanted, ready);
    }
    if ready < wanted {
        return Progress::Waiting(format!("Waiting for {} pods to be ready...", wanted.saturating_sub(ready)));
    }
    let rolling = workload.spec.update_strategy.rolling_update.as_ref();
    let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or(0);
    let due = wanted.saturating_sub(partition);
    if rolling.is_some() && updated < due {
        return Progress::Waiting(format!(
            "Waiting for partitioned roll out to finish: {updated} out of {due} new pods have been updated..."
        ));
    }
    // kubectl stops above when there is a partition, zero included, and can call a rollout done too early.
    if partition == 0 && status.update_revision != status.current_revision {
        let revision = &status.update_revision;
        return Progress::Waiting(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {revision}..."
        ));
    }
    Progress::Complete
}

fn daemon_set(workload: &Workload) -> Progress {
    let name = name(workload);
    let status = &workload.status;
    let (updated, wanted) = (status.updated_number_scheduled, status.desired_number_scheduled);
    if !workload.is_observed() {
        return waiting("Waiting for daemon set spec update to be observed...");
    }
    if !rolls_by_itself(workload) {
        return by_hand(updated, wanted, status.number_available);
    }
    if updated < wanted {
        return Progress::Waiting(format!(
            "Waiting for daemon set {name:?} rollout to finish: {updated} out of {wanted} new pods have been updated..."
        ));
    }
    if status.number_available < wanted {
        let available = status.number_available;
        return Progress::Waiting(format!(
            "Waiting for daemon set {name:?} rollout to finish: {available} of {wanted} updated pods are available..."
        ));
    }
    Progress::Complete
}

/// The counts of a workload's status, as they stand: see [`Workload::is_observed`].
pub(super) fn replicas(kind: WorkloadKind, workload: &Workload) -> Replicas {
    let status = &workload.status;
    match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet => Replicas {
            desired: workload.wanted_replicas(),
            updated: status.updated_replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
            total: status.replicas,
        },
        WorkloadKind::DaemonSet => Replicas {
            desired: status.desired_number_scheduled,
            updated: status.updated_number_scheduled,
            ready: status.number_ready,
            available: status.number_available,
            total: status.current_number_scheduled,
        },
        WorkloadKind::Rollout => argo::replicas(workload),
    }
}

/// Who would notice that a rollout does not get on. `apps/v1beta1` and the documentation call the largest 32-bit number
/// “no deadline”; the API server fills in 600 s for Deployments, and Argo Rollouts takes the same for its own.
pub(super) fn deadline(kind: WorkloadKind, workload: &Workload) -> Deadline {
    let spec = &workload.spec;
    if spec.paused || !rolls_by_itself(workload) {
        return Deadline::Person;
    }
    match kind {
        WorkloadKind::Rollout => Deadline::Steps,
        WorkloadKind::Deployment => {
            let seconds = spec.progress_deadline_seconds.filter(|seconds| *seconds < i64::from(i32::MAX));
            seconds.and_then(TimeDelta::try_seconds).map_or(Deadline::Nobody, Deadline::Controller)
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => Deadline::Nobody,
    }
}

/// Whether the controller replaces pods of the version before.
pub(super) fn rolls_by_itself(workload: &Workload) -> bool {
    workload.spec.update_strategy.r#type != "OnDelete"
}

fn by_hand(updated: i64, wanted: i64, ready: i64) -> Progress {
    if updated >= wanted && ready >= wanted {
        return Progress::Complete;
    }
    Progress::Waiting(format!(
        "Waiting for its pods to be deleted manually (strategy OnDelete): {updated} out of {wanted} are new, {ready} ready..."
    ))
}

fn name(workload: &Workload) -> &str {
    workload.metadata.name.as_deref().unwrap_or_default()
}

fn waiting(text: &str) -> Progress {
    Progress::Waiting(text.to_owned())
}

#[cfg(test)]
mod tests;
