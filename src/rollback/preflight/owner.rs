//! Who else writes to a workload, and would put the bad version back after an undo.

use super::warning;
use crate::deploy::WorkloadRef;
use crate::rollback::keeper::{self, Application, Keeper};
use crate::rollback::{Blocked, Check};
use serde_json::Value;

const NAME: &str = "owner";

/// Looks for an owner by its marks. One that reverts by itself blocks, with its own way back as the way
/// out; one that does so only at its next run warns. `by_hand` is the undo for after the owner was stopped.
pub(super) fn check(reference: &WorkloadRef, workload: &Value, by_hand: &str) -> Vec<Check> {
    if let Some(blocked) = puts_back(reference, &keeper::of(workload), by_hand) {
        return vec![Check::blocked(NAME, blocked)];
    }
    let warnings: Vec<Check> = [helm(workload, reference), manager(workload)].into_iter().flatten().collect();
    if warnings.is_empty() {
        return vec![Check::ok(
            NAME,
            "it has no mark of Argo CD, Flux, Helm or an operator that would put the new version back",
        )];
    }
    warnings
}

/// Why an undo would not last.
fn puts_back(reference: &WorkloadRef, keeper: &Keeper, by_hand: &str) -> Option<Blocked> {
    match keeper {
        Keeper::Controller { kind, name } => Some(Blocked {
            reason: format!("{reference} is made by {kind}/{name}, whose controller would put the new version back"),
            way_out: format!("take the version back there: kubectl edit {kind} {name} -n {}", reference.namespace),
        }),
        Keeper::ArgoCd(application) => Some(argo_cd(application)),
        Keeper::Flux(owner) => {
            let (kind, name, namespace) = (owner.kind.as_str(), &owner.name, &owner.namespace);
            Some(Blocked {
                reason: format!("Flux keeps it as {owner} says, and would put the new version back"),
                way_out: format!("revert the commit, or: flux suspend {kind} {name} -n {namespace} && {by_hand}"),
            })
        }
        Keeper::Helm { .. } | Keeper::Nobody => None,
    }
}

fn argo_cd(application: &Application) -> Blocked {
    Blocked {
        reason: format!("Argo CD keeps it as its application {application} says, and would put the new version back"),
        way_out: format!(
            "revert the commit, or switch auto-sync off and: \
             argocd app history {application}; argocd app rollback {application} ID"
        ),
    }
}

fn helm(workload: &Value, reference: &WorkloadRef) -> Option<Check> {
    let Some(Keeper::Helm { release, namespace }) = keeper::helm(workload) else { return None };
    let namespace = namespace.as_deref().unwrap_or(&reference.namespace);
    Some(warning(
        NAME,
        format!("Helm does not hear of an undo: the next upgrade of release {release} starts from the new version"),
        format!("helm rollback {release} REVISION -n {namespace}, instead of the undo or right after it"),
    ))
}

fn manager(workload: &Value) -> Option<Check> {
    let owner = keeper::manager(workload)?;
    Some(warning(
        NAME,
        format!("{owner} has written this workload; if it still keeps it, it will put the new version back"),
        format!("ask who runs {owner} here; if it does, take the version back there"),
    ))
}
