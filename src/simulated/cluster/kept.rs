//! Objects that nothing in the cluster moves: configuration, namespaces, leases. They are as they were written.

use super::Cluster;
use super::etcd::Resource;
use super::objects::stamp;
use super::patch::Form;
use super::status::{Cause, Refusal};
use crate::simulated::names::NAMESPACE;
use crate::simulated::scenario::Service;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// The most that a ConfigMap may hold, in bytes (`MaxSecretSize`, in Kubernetes' own validation).
const LARGEST_DATA: usize = 1 << 20;

/// A ConfigMap's data is an object of texts, and not too long.
fn check_size(resource: Resource, name: &str, object: &Value) -> Result<(), Refusal> {
    if resource != Resource::ConfigMaps {
        return Ok(());
    }
    let texts = object["data"].as_object().into_iter().flatten();
    let size: usize = texts.map(|(_, text)| text.as_str().map_or(0, str::len)).sum();
    if size <= LARGEST_DATA {
        return Ok(());
    }
    let message = format!("Too long: may not be more than {LARGEST_DATA} bytes");
    Err(Refusal::invalid(resource, name, &[Cause { reason: "FieldValueTooLong", message, field: "[]".to_owned() }]))
}

impl Cluster {
    /// What the services' pods refer to, and the cluster's own namespaces.
    pub(super) fn found_kept(&mut self, services: &[Service]) {
        let long_ago = self.now - TimeDelta::days(211);
        for name in ["default", "kube-system", NAMESPACE] {
            let meta = self.meta(name, "", long_ago);
            let labels = json!({"kubernetes.io/metadata.name": name});
            let metadata =
                json!({"name": name, "uid": meta.uid, "creationTimestamp": stamp(long_ago), "labels": labels});
            let namespace = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": metadata,
                                   "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
            self.etcd.put(Resource::Namespaces, name, namespace);
        }
        for service in services {
            let config = (Resource::ConfigMaps, format!("{}-config", service.name), json!({"LOG_LEVEL": "info"}));
            let database =
                (Resource::Secrets, format!("{}-database", service.name), json!({"DATABASE_URL": "aGlkZGVu"}));
            for (resource, name, data) in [config, database] {
                let meta = self.meta(&name, &service.name, long_ago);
                let metadata = json!({"name": name, "namespace": NAMESPACE, "uid": meta.uid, "labels": meta.labels,
                                      "creationTimestamp": stamp(long_ago)});
                let mut object =
                    json!({"kind": resource.kind(), "apiVersion": "v1", "metadata": metadata, "data": data});
                if resource == Resource::Secrets {
                    object["type"] = json!("Opaque");
                }
                self.etcd.put(resource, &name, object);
            }
        }
    }

    /// Puts a new object there; the object as it is then.
    pub(crate) fn create_kept(&mut self, resource: Resource, mut object: Value) -> Result<Value, Refusal> {
        let Some(name) = object["metadata"]["name"].as_str().map(ToOwned::to_owned) else {
            return Err(Refusal::bad_request("name or generateName is required"));
        };
        if self.etcd.get(resource, &name).is_some() {
            return Err(Refusal::already_exists(resource, &name));
        }
        check_size(resource, &name, &object)?;
        let meta = self.meta(&name, "", self.now);
        object["metadata"]["uid"] = json!(meta.uid);
        object["metadata"]["namespace"] = json!(NAMESPACE);
        object["metadata"]["creationTimestamp"] = json!(stamp(self.now));
        self.etcd.put(resource, &name, object);
        self.kept(resource, &name)
    }

    /// Applies a patch to an object that is kept.
    pub(crate) fn patch_kept(
        &mut self,
        resource: Resource,
        name: &str,
        form: Form,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        let before = self.kept(resource, name)?;
        let mut after = form.apply(&before, patch)?;
        if after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
            return Err(Refusal::conflict(resource, name));
        }
        check_size(resource, name, &after)?;
        if let Some(metadata) = after["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.etcd.put(resource, name, after);
        self.kept(resource, name)
    }

    fn kept(&self, resource: Resource, name: &str) -> Result<Value, Refusal> {
        let stored = self.etcd.get(resource, name).ok_or_else(|| Refusal::not_found(resource, name))?;
        serde_json::from_str(stored).map_err(|error| Refusal::bad_request(&error.to_string()))
    }
}
