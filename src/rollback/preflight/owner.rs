//! Who else writes to a workload, and would put the bad version back after an undo.

use crate::deploy::WorkloadRef;
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
/// out; one that does so only at its next run warns. `by_hand` is the undo for after the owner was stopped.
pub(super) fn check(reference: &WorkloadRef, workload: &Value, by_hand: &str) -> Result<Vec<Check>, Blocked> {
    let marks = Marks { workload };
    let keeps = operator(&marks, reference).or_else(|| argo_cd(&marks)).or_else(|| flux(&marks, by_hand));
    if let Some(blocked) = keeps {
        return Err(blocked);
    }
    let warnings: Vec<String> =
        [helm(&marks, reference), keeper(&marks), last_applied(&marks)].into_iter().flatten().collect();
    if warnings.is_empty() {
        return Ok(vec![Check::ok(
            NAME,
            "it has no mark of Argo CD, Flux, Helm or an operator that would put the new version back",
        )]);
    }
    let warn = |sentence: String| Check::warning(NAME, sentence, None);
    Ok(warnings.into_iter().map(warn).collect())
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
        let entries = self.workload["metadata"]["managedFields"].as_array()?;
        let wrote = |manager: &str| {
            entries.iter().any(|entry| entry["manager"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(manager)))
        };
        KEEPERS.iter().find(|(manager, _)| wrote(manager)).map(|(_, owner)| *owner)
    }
}

fn operator(marks: &Marks<'_>, reference: &WorkloadRef) -> Option<Blocked> {
    let owners = marks.workload["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
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

fn helm(marks: &Marks<'_>, reference: &WorkloadRef) -> Option<String> {
    let release = marks.annotation("meta.helm.sh/release-name")?;
    let namespace = marks.annotation("meta.helm.sh/release-namespace").unwrap_or(&reference.namespace);
    Some(format!(
        "Helm does not hear of an undo: the next upgrade of release {release} starts from the new version; \
         afterwards use helm rollback {release} -n {namespace}"
    ))
}

fn keeper(marks: &Marks<'_>) -> Option<String> {
    let owner = marks.keeper()?;
    Some(format!("{owner} has written this workload; if it still keeps it, it will put the new version back"))
}

fn last_applied(marks: &Marks<'_>) -> Option<String> {
    marks.annotation("kubectl.kubernetes.io/last-applied-configuration")?;
    Some("it is deployed with kubectl apply: the next apply of the same files brings the new version back".to_owned())
}
