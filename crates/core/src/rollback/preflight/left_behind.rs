//! What a rollback does not revert: it restores the pod template and nothing else.

use super::References;
use crate::deploy::{Version, WorkloadKind};
use crate::rollback::destination::text::named;
use serde_json::Value;

/// A short list, the nearest dangers first. `template` is the one that comes back.
pub(super) fn list(kind: WorkloadKind, from: &Version, template: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(contents(template));
    lines.push(format!("database changes and queued messages written by {}", from.label()));
    if kind == WorkloadKind::StatefulSet {
        lines.push("data in its volumes".to_owned());
    }
    lines.push("replica count, HPA limits, Services, Ingresses and feature flags".to_owned());
    lines
}

/// `ConfigMaps app, flags and Secret db (the previous version will read the current values)`.
fn contents(template: &Value) -> Option<String> {
    let references = References::of(template);
    let told: Vec<String> = [("ConfigMap", references.config_maps()), ("Secret", references.secrets())]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| named(kind, &names.keys().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    (!told.is_empty()).then(|| format!("{} (the previous version will read the current values)", told.join(" and ")))
}
