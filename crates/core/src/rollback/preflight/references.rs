//! The ConfigMaps and Secrets that a pod template names.

use crate::rollback::destination::text::items;
use serde_json::Value;
use std::collections::BTreeMap;

/// The names, each with whether its pods start without it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    config_maps: BTreeMap<String, bool>,
    secrets: BTreeMap<String, bool>,
}

impl References {
    /// Finds them in volumes, in the containers' environments and among the secrets for pulling images.
    pub fn of(template: &Value) -> Self {
        let mut found = Self::default();
        let spec = &template["spec"];
        for volume in items(&spec["volumes"]) {
            found.config_map(&volume["configMap"], "name");
            found.secret(&volume["secret"], "secretName");
            for source in items(&volume["projected"]["sources"]) {
                found.config_map(&source["configMap"], "name");
                found.secret(&source["secret"], "name");
            }
        }
        for container in items(&spec["initContainers"]).iter().chain(items(&spec["containers"])) {
            for source in items(&container["envFrom"]) {
                found.config_map(&source["configMapRef"], "name");
                found.secret(&source["secretRef"], "name");
            }
            for variable in items(&container["env"]) {
                found.config_map(&variable["valueFrom"]["configMapKeyRef"], "name");
                found.secret(&variable["valueFrom"]["secretKeyRef"], "name");
            }
        }
        for pull in items(&spec["imagePullSecrets"]) {
            // Images that are public, or on the node already, come without it.
            note(&mut found.secrets, &pull["name"], true);
        }
        found
    }

    /// The ConfigMaps, each with whether the pods start without it.
    pub fn config_maps(&self) -> &BTreeMap<String, bool> {
        &self.config_maps
    }

    /// The Secrets, each with whether the pods start without it.
    pub fn secrets(&self) -> &BTreeMap<String, bool> {
        &self.secrets
    }

    fn config_map(&mut self, reference: &Value, key: &str) {
        note(&mut self.config_maps, &reference[key], reference["optional"] == true);
    }

    fn secret(&mut self, reference: &Value, key: &str) {
        note(&mut self.secrets, &reference[key], reference["optional"] == true);
    }
}

/// What one place needs and another could do without is needed.
fn note(names: &mut BTreeMap<String, bool>, name: &Value, optional: bool) {
    if let Some(name) = name.as_str() {
        names.entry(name.to_owned()).and_modify(|known| *known &= optional).or_insert(optional);
    }
}
