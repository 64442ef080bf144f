//! Who else writes to a workload, and would put the bad version back after an undo.

use super::warning;
use crate::deploy::WorkloadRef;
use crate::rollback::target::text::items;
use crate::rollback::{Blocked, Check};
use serde_json::Value;

const NAME: &str = "owner";

/// Field managers that keep a workload as their own record has it. A mark of theirs alone may be an old
/// one, so it warns and does not block.
const KEEPERS: [(&str, &str); 5] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("terraform", "Terraform"),
];

/// Looks for an owner by its marks. One that reverts by itself blocks, with its own way back as the way
/// out; one that does so only at its next run warns. `by_hand` is the undo for after the owner was stopped,
/// `suspends_flux` whether the step itself does that.
pub(super) fn check(reference: &WorkloadRef, workload: &Value, suspends_flux: bool, by_hand: &str) -> Vec<Check> {
    let marks = Marks { workload };
    let by_flux = || flux(&marks, by_hand).filter(|_| !suspends_flux);
    if let Some(blocked) = operator(&marks, reference).or_else(|| argo_cd(&marks)).or_else(by_flux) {
        return vec![Check::blocked(NAME, blocked)];
    }
    let stopped = suspends_flux && marks.keeper() == Some("Flux");
    let keeper = keeper(&marks).filter(|_| !stopped);
    let warnings: Vec<Check> = [helm(&marks, reference), keeper].into_iter().flatten().collect();
    if !warnings.is_empty() {
        return warnings;
    }
    let sentence = if suspends_flux {
        "Flux keeps it and is told to leave it alone first"
    } else {
        "it has no mark of Argo CD, Flux, Helm or an operator that would put the new version back"
    };
    vec![Check::ok(NAME, sentence)]
}

struct Marks<'a> {
    workload: &'a Value,
}

impl<'a> Marks<'a> {
    fn label(&self, key: &str) -> Option<&'a str> {
        self.workload["metadata"]["labels"][key].as_str()
    }

    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.workload["metadata"]["annotations"][key].as_str()
    }

    /// Who keeps it, by the managers of its fields.
    fn keeper(&self) -> Option<&'static str> {
        let entries = items(&self.workload["metadata"]["managedFields"]);
        let wrote = |manager: &str| {
            entries.iter().any(|entry| entry["manager"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(manager)))
        };
        KEEPERS.iter().find(|(manager, _)| wrote(manager)).map(|(_, owner)| *owner)
    }
}

fn operator(marks: &Marks<'_>, reference: &WorkloadRef) -> Option<Blocked> {
    let owner =
        items(&marks.workload["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true)?;
    let kind = owner["kind"].as_str().unwrap_or("object").to_lowercase();
    let name = owner["name"].as_str().unwrap_or("?");
    Some(Blocked {
        reason: format!("{reference} is made by {kind}/{name}, whose controller would put the new version back"),
        way_out: format!("take the version back there: kubectl edit {kind} {name} -n {}", reference.namespace),
    })
}

fn argo_cd(marks: &Marks<'_>) -> Option<Blocked> {
    // `app.kubernetes.io/instance` is Argo CD's older mark, but most Helm charts set it too.
    let shared = || marks.label("app.kubernetes.io/instance").filter(|_| marks.keeper() == Some("Argo CD"));
    let tracked = || marks.annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    let name = tracked().or_else(|| marks.label("argocd.argoproj.io/instance")).or_else(shared)?;
    // The tracking id of an application outside Argo CD's own namespace is `namespace_name`.
    let name = name.replacen('_', "/", 1);
    Some(Blocked {
        reason: format!("Argo CD keeps it as its application {name} says, and would put the new version back"),
        way_out: format!(
            "revert the commit, or switch auto-sync off and: argocd app history {name}; argocd app rollback {name} ID"
        ),
    })
}

fn flux(marks: &Marks<'_>, by_hand: &str) -> Option<Blocked> {
    let kinds = [("helm.toolkit.fluxcd.io", "helmrelease"), ("kustomize.toolkit.fluxcd.io", "kustomization")];
    kinds.into_iter().find_map(|(group, kind)| {
        let name = marks.label(&format!("{group}/name"))?;
        let namespace = marks.label(&format!("{group}/namespace")).unwrap_or("flux-system");
        Some(Blocked {
            reason: format!("Flux keeps it as {kind}/{name} says, and would put the new version back"),
            way_out: format!("revert the commit, or: flux suspend {kind} {name} -n {namespace} && {by_hand}"),
        })
    })
}

fn helm(marks: &Marks<'_>, reference: &WorkloadRef) -> Option<Check> {
    let release = marks.annotation("meta.helm.sh/release-name")?;
    let namespace = marks.annotation("meta.helm.sh/release-namespace").unwrap_or(&reference.namespace);
    Some(warning(
        NAME,
        format!("Helm does not hear of an undo: the next upgrade of release {release} starts from the new version"),
        format!("helm rollback {release} REVISION -n {namespace}, instead of the undo or right after it"),
    ))
}

fn keeper(marks: &Marks<'_>) -> Option<Check> {
    let owner = marks.keeper()?;
    Some(warning(
        NAME,
        format!("{owner} has written this workload; if it still keeps it, it will put the new version back"),
        format!("ask who runs {owner} here; if it does, take the version back there"),
    ))
}
