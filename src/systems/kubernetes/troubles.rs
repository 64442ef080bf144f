//! What kubectl does not look at, in one sentence a kind.

use super::objects::{Template, Workload};
use super::pods::PodProblem;
use super::status;
use crate::cluster::short;
use crate::deploy::WorkloadKind;
use crate::rollout::{Pod, Trouble, TroubleKind};

/// A memory kill of a sidecar in more than one pod out of so many is more than a coincidence.
const FEW: usize = 10;

/// What is wrong with one pod of the new version.
pub(super) struct FailingPod<'a> {
    /// Its name.
    pub pod: &'a str,
    /// Worst first.
    pub problems: Vec<PodProblem>,
}

/// Every trouble, worst first. `pods` holds what is wrong with each pod of the new version that is not on its way out.
pub(super) fn troubles(
    kind: WorkloadKind,
    workload: &Workload,
    pods: &[FailingPod<'_>],
    has_finished: bool,
) -> Vec<Trouble> {
    let mut troubles = of_workload(kind, workload, has_finished);
    troubles.extend(of_pods(&workload.spec.template, pods));
    troubles.sort_by_key(|trouble| trouble.kind);
    troubles
}

/// A `StatefulSet` that goes pod by pod does not replace a pod that is not ready, not even by the version that would
/// mend it: after an undo, or a deploy of a fix, it waits until somebody deletes the pod
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback>).
pub(super) fn held_up(kind: WorkloadKind, workload: &Workload, pods: &[Pod]) -> Option<Trouble> {
    let spec = &workload.spec;
    let waits = kind == WorkloadKind::StatefulSet
        && spec.pod_management_policy != "Parallel"
        && status::rolls_by_itself(workload)
        && workload.is_observed();
    let broken = pods.iter().filter(|pod| waits && pod.is_left_broken());
    let broken: Vec<&str> = broken.map(|pod| pod.name.as_str()).collect();
    let (is, it) = if broken.len() == 1 { ("is", "it") } else { ("are", "them") };
    let namespace = workload.metadata.namespace.as_deref().unwrap_or_default();
    (!broken.is_empty()).then(|| Trouble {
        kind: TroubleKind::HeldUp,
        sentence: format!(
            "{} of another version {is} not ready, and OrderedReady waits for {it}: kubectl delete pod {} -n {namespace}",
            broken.join(", "),
            broken.join(" "),
        ),
    })
}

fn of_workload(kind: WorkloadKind, workload: &Workload, has_finished: bool) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if workload.spec.paused {
        let sentence = format!("the {} is paused: it waits until somebody resumes it", kind.as_str());
        troubles.push(Trouble { kind: TroubleKind::Paused, sentence });
    }
    if !workload.is_observed() {
        // The rest of the status speaks of a spec that is no more.
        return troubles;
    }
    let holds = |kind: &str, status: &str| workload.condition(kind).filter(|condition| condition.status == status);
    if status::has_exceeded(workload) {
        let after = workload.spec.progress_deadline_seconds.map(|s| format!(" of {s} s")).unwrap_or_default();
        let counts = status::replicas(kind, workload);
        let sentence = format!(
            "the rollout exceeded its progress deadline{after}: {} of {} pods updated, {} available",
            counts.updated, counts.desired, counts.available
        );
        troubles.push(Trouble { kind: TroubleKind::DeadlineExceeded, sentence });
    }
    if let Some(failure) = holds("ReplicaFailure", "True") {
        let sentence = format!("pods are refused: {}: {}", failure.reason, short(&failure.message));
        troubles.push(Trouble { kind: TroubleKind::ReplicaFailure, sentence });
    }
    let counts = status::replicas(kind, workload);
    let below_minimum = match kind {
        WorkloadKind::Deployment | WorkloadKind::Rollout => holds("Available", "False").is_some(),
        // These have no such condition. None at all, after there were some, is below any minimum.
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => has_finished && counts.available.max(counts.ready) == 0,
    };
    if below_minimum && counts.desired > 0 {
        let are = if counts.available == 1 { "is" } else { "are" };
        let sentence =
            format!("only {} of {} pods {are} available, below the minimum", counts.available, counts.desired);
        troubles.push(Trouble { kind: TroubleKind::Unavailable, sentence });
    }
    troubles
}

fn of_pods(template: &Template, pods: &[FailingPod<'_>]) -> Vec<Trouble> {
    const KINDS: [TroubleKind; 7] = [
        TroubleKind::CrashLoop,
        TroubleKind::Image,
        TroubleKind::OomKilled,
        TroubleKind::SidecarOomKilled,
        TroubleKind::Config,
        TroubleKind::Unschedulable,
        TroubleKind::Restarts,
    ];
    let of_kind = |kind: TroubleKind| {
        let ill: Vec<(&str, &PodProblem)> = pods
            .iter()
            .filter_map(|of| Some((of.pod, of.problems.iter().find(|problem| problem.kind == kind)?)))
            .collect();
        let sentence = sentence(&ill, template, pods.len())?;
        let spreads = ill.len() > 1 && ill.len() * FEW > pods.len();
        let kind = if kind == TroubleKind::SidecarOomKilled && spreads { TroubleKind::OomKilled } else { kind };
        Some(Trouble { kind, sentence })
    };
    KINDS.into_iter().filter_map(of_kind).collect()
}

/// `3 of 4 new pods crash-loop: CrashLoopBackOff, exit 1 (container app; app-7d4f-x2lqz and 2 more)`.
fn sentence(ill: &[(&str, &PodProblem)], template: &Template, all: usize) -> Option<String> {
    let (pod, example) = ill.first()?;
    let one = ill.len() == 1;
    let what = match example.kind {
        TroubleKind::CrashLoop if one => "crash-loops:",
        TroubleKind::CrashLoop => "crash-loop:",
        TroubleKind::Image => "cannot pull",
        TroubleKind::OomKilled | TroubleKind::SidecarOomKilled if one => "was killed for using too much memory:",
        TroubleKind::OomKilled | TroubleKind::SidecarOomKilled => "were killed for using too much memory:",
        TroubleKind::Config => "cannot be created:",
        TroubleKind::Unschedulable if one => "cannot be scheduled:",
        TroubleKind::Unschedulable => "cannot be scheduled:",
        _ => "restarted",
    };
    let (count, detail) = (ill.len(), &example.detail);
    let pods = if all == 1 { "pod" } else { "pods" };
    let container = example.container.as_deref().map(|name| {
        let container = template.containers.iter().find(|container| container.name == name);
        let limit = container.and_then(|container| container.memory_limit.as_deref());
        let is_memory = matches!(example.kind, TroubleKind::OomKilled | TroubleKind::SidecarOomKilled);
        match limit.filter(|_| is_memory) {
            Some(limit) => format!("container {name}, limit {limit}; "),
            None => format!("container {name}; "),
        }
    });
    let container = container.unwrap_or_default();
    let more = if one { String::new() } else { format!(" and {} more", count - 1) };
    Some(format!("{count} of {all} new {pods} {what} {detail} ({container}{pod}{more})"))
}

#[cfg(test)]
mod tests;
