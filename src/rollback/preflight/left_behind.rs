//! What an undo does not bring back: it restores the pods' template and nothing else.

use crate::deploy::{Version, WorkloadKind};
use serde_json::Value;
use std::collections::BTreeSet;

/// A short list, the nearest dangers first. `template` is the one that comes back.
pub(super) fn list(kind: WorkloadKind, from: &Version, template: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(contents(template));
    lines.push(format!("database migrations and messages that {} has written", from.label()));
    if kind == WorkloadKind::StatefulSet {
        lines.push("the data in its volumes".to_owned());
    }
    lines.push("the number of replicas, autoscaler limits, Services, Ingresses and feature flags".to_owned());
    lines
}

/// `the present contents of ConfigMaps app, flags and Secret db: the old version will read them`.
fn contents(template: &Value) -> Option<String> {
    let references = References::of(template);
    let kinds = [("ConfigMap", &references.config_maps), ("Secret", &references.secrets)];
    let named: Vec<String> = kinds
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| {
            let plural = if names.len() == 1 { "" } else { "s" };
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{kind}{plural} {}", names.join(", "))
        })
        .collect();
    (!named.is_empty())
        .then(|| format!("earlier contents of {}: the old version reads what is there now", named.join(" and ")))
}

#[derive(Default)]
struct References {
    config_maps: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl References {
    fn of(template: &Value) -> Self {
        let mut found = Self::default();
        let spec = &template["spec"];
        for volume in items(&spec["volumes"]) {
            found.config_map(&volume["configMap"]["name"]);
            found.secret(&volume["secret"]["secretName"]);
            for source in items(&volume["projected"]["sources"]) {
                found.config_map(&source["configMap"]["name"]);
                found.secret(&source["secret"]["name"]);
            }
        }
        for container in items(&spec["initContainers"]).iter().chain(items(&spec["containers"])) {
            for source in items(&container["envFrom"]) {
                found.config_map(&source["configMapRef"]["name"]);
                found.secret(&source["secretRef"]["name"]);
            }
            for variable in items(&container["env"]) {
                found.config_map(&variable["valueFrom"]["configMapKeyRef"]["name"]);
                found.secret(&variable["valueFrom"]["secretKeyRef"]["name"]);
            }
        }
        found
    }

    fn config_map(&mut self, name: &Value) {
        self.config_maps.extend(name.as_str().map(str::to_owned));
    }

    fn secret(&mut self, name: &Value) {
        self.secrets.extend(name.as_str().map(str::to_owned));
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
