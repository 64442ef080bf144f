//! Which program changed a workload's template last, as the API server notes it in `metadata.managedFields`
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers>). It names programs, not people.

use kube::core::ObjectMeta;
use serde_json::Value;

/// Of the managers keeps the one that changed the pod template last, without its list of fields, which can be larger
/// than the object.
pub fn keep_the_templates(metadata: &mut ObjectMeta) {
    let Some(entries) = metadata.managed_fields.take() else { return };
    let owns_template = |fields: &Value| {
        let template = fields.pointer("/f:spec/f:template");
        template.is_some_and(Value::is_object)
    };
    let of_template = entries.into_iter().filter(|entry| {
        // The scale and status subresources have entries of their own.
        let of_object = entry.subresource.as_deref().unwrap_or_default().is_empty();
        of_object && entry.fields_v1.as_ref().is_some_and(|fields| owns_template(&fields.0))
    });
    let last = of_template.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    metadata.managed_fields = last.map(|mut entry| {
        entry.fields_v1 = None;
        vec![entry]
    });
}

/// The program that changed the pod template last, by the name that it gives itself: `kubectl`, `helm`,
/// `argocd-controller`.
pub fn of_template(metadata: &ObjectMeta) -> Option<&str> {
    let last = metadata.managed_fields.as_ref()?.first()?;
    last.manager.as_deref().filter(|manager| !manager.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn last_of(entries: &Value) -> Option<String> {
        let mut metadata: ObjectMeta = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
        keep_the_templates(&mut metadata);
        assert!(metadata.managed_fields.iter().flatten().all(|entry| entry.fields_v1.is_none()));
        of_template(&metadata).map(str::to_owned)
    }

    fn entry(manager: &str, minute: u32, subresource: &str, fields: &Value) -> Value {
        json!({ "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "subresource": subresource,
                "time": format!("2026-11-28T10:{minute:02}:00Z"), "fieldsType": "FieldsV1", "fieldsV1": fields })
    }

    #[test]
    fn the_last_to_change_the_template_is_named_and_nobody_else() {
        let template = json!({ "f:spec": { "f:template": { "f:spec": {} } } });
        let replicas = json!({ "f:spec": { "f:replicas": {} } });
        let status = json!({ "f:status": { "f:replicas": {} } });
        assert_eq!(last_of(&json!([])), None);
        assert_eq!(last_of(&json!([entry("hpa", 9, "scale", &replicas), entry("kcm", 9, "status", &status)])), None);
        let all = json!([
            entry("helm", 1, "", &template),
            entry("kubectl", 7, "", &template),
            entry("kube-controller-manager", 9, "status", &status),
            entry("hpa", 8, "scale", &replicas),
            entry("somebody", 9, "", &replicas),
        ]);
        assert_eq!(last_of(&all).as_deref(), Some("kubectl"));
    }
}
