//! Who else writes to a workload, and would redeploy the bad version after a rollback.

use super::warning;
use crate::deploy::WorkloadRef;
use crate::rollback::owner::{self, Application, Habit, Other, Owner};
use crate::rollback::{Blocked, Check, CheckKind};
use serde_json::Value;

const NAME: CheckKind = CheckKind::Owner;

/// Looks for an owner by its marks. One that reverts by itself blocks, with its own way back as the way
/// out; one that does so only at its next run warns. `manual_command` is the undo for after the owner was stopped.
pub(super) fn check(reference: &WorkloadRef, workload: &Value, manual_command: &str) -> Vec<Check> {
    if let Some(blocked) = managed(reference, &owner::of(workload), manual_command) {
        return vec![Check::blocked(NAME, blocked)];
    }
    let told = others(workload);
    let told = if told.is_empty() { belongs(reference, workload) } else { told };
    let found: Vec<Check> = [helm(workload, reference), manager(workload)].into_iter().flatten().chain(told).collect();
    if found.is_empty() {
        return vec![Check::ok(NAME, "not managed by Argo CD, Flux, Helm, an operator or a similar tool")];
    }
    found
}

/// Those of the table, each by its habit. A mark of a manager alone may be old.
fn others(workload: &Value) -> Vec<Check> {
    let keeps = match owner::of(workload) {
        Owner::Other(other) => Some(other),
        _ => None,
    };
    let mut checks = Vec::new();
    for other in owner::others(workload) {
        let (who, way_out) = (other.describe(), other.way_out());
        checks.push(match other.product.habit {
            Habit::AtOnce | Habit::Perhaps if keeps.as_ref() == Some(&other) => {
                Check::typed(NAME, format!("{who} manages it and may redeploy the new version"), way_out)
            }
            Habit::AtOnce | Habit::Perhaps if keeps.is_some() => continue,
            Habit::AtOnce | Habit::Perhaps => {
                let sentence = format!(
                    "{who} has written this workload; if it still manages it, it will redeploy the new \
                             version"
                );
                warning(NAME, sentence, way_out)
            }
            Habit::NextRun => warning(
                NAME,
                format!("{who} does not see this rollback: its next run redeploys the new version"),
                way_out,
            ),
        });
    }
    checks
}

/// An owner that does not claim to control it may still write it.
fn belongs(reference: &WorkloadRef, workload: &Value) -> Vec<Check> {
    let Some((kind, name)) = owner::belongs_to(workload) else { return Vec::new() };
    vec![Check::typed(
        NAME,
        format!("{reference} belongs to {kind}/{name}, whose operator may redeploy the new version"),
        format!("roll back there: kubectl edit {kind} {name} -n {}", reference.namespace),
    )]
}

/// Why an undo would not last.
fn managed(reference: &WorkloadRef, owner: &Owner, manual_command: &str) -> Option<Blocked> {
    match owner {
        Owner::Controller { kind, name } => Some(Blocked {
            reason: format!("{reference} is created by {kind}/{name}, whose controller would redeploy the new version"),
            way_out: format!("roll back there: kubectl edit {kind} {name} -n {}", reference.namespace),
        }),
        Owner::ArgoCd(application) => Some(argo_cd(application)),
        Owner::Flux(owner) => {
            let (kind, name, namespace) = (owner.kind.as_str(), &owner.name, &owner.namespace);
            Some(Blocked {
                reason: format!("Flux manages it ({owner}) and would redeploy the new version"),
                way_out: format!(
                    "revert the commit, or: flux suspend {kind} {name} -n {namespace} && {manual_command}"
                ),
            })
        }
        Owner::Other(Other { product, .. }) if product.habit != Habit::AtOnce => None,
        Owner::Other(other) => Some(Blocked {
            reason: format!("{} manages it and would redeploy the new version", other.describe()),
            way_out: other.way_out(),
        }),
        Owner::Helm { .. } | Owner::Nobody => None,
    }
}

fn argo_cd(application: &Application) -> Blocked {
    Blocked {
        reason: format!("Argo CD manages it (application {application}) and would redeploy the new version"),
        way_out: format!(
            "revert the commit, or turn off auto-sync and: \
             argocd app history {application}; argocd app rollback {application} ID"
        ),
    }
}

fn helm(workload: &Value, reference: &WorkloadRef) -> Option<Check> {
    let Some(Owner::Helm { release, namespace }) = owner::helm(workload) else { return None };
    let namespace = namespace.as_deref().unwrap_or(&reference.namespace);
    Some(warning(
        NAME,
        format!("Helm does not see this rollback: the next upgrade of release {release} starts from the new version"),
        format!("helm rollback {release} REVISION -n {namespace}, instead of this rollback or right after it"),
    ))
}

fn manager(workload: &Value) -> Option<Check> {
    let owner = owner::manager(workload)?;
    Some(warning(
        NAME,
        format!("{owner} has written this workload; if it still manages it, it will redeploy the new version"),
        format!("ask who runs {owner} here; if it does, roll back there"),
    ))
}
