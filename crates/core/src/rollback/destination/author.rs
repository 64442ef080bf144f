//! Who changed an object last, according to its `managedFields`.

use super::text::{items, moment, one_line, time};
use crate::deploy::Time;
use serde_json::Value;
use std::fmt;

/// What people say of a deploy, by `kubectl annotate` or their pipeline.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// The newest change of a part of an object. Displayed as `kubectl-rollout, 2026-11-23 02:10 UTC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The field manager: the program, not the person.
    pub manager: String,
    /// When it was made, where the object tells.
    pub at: Option<Time>,
    /// What was said of it.
    pub cause: Option<String>,
}

/// Whose change of a workload's spec was the newest. The template counts before anything else in it.
pub fn of_spec(workload: &Value) -> Option<Author> {
    let cause = workload["metadata"]["annotations"][CHANGE_CAUSE].as_str().map(one_line);
    let template = newest(workload, |fields| !fields["f:spec"]["f:template"].is_null());
    match template {
        Some(author) => Some(Author { cause, ..author }),
        None => of_settings(workload),
    }
}

/// Whose change of anything in the spec was the newest: a scaling, for instance.
pub fn of_settings(workload: &Value) -> Option<Author> {
    newest(workload, |fields| !fields["f:spec"].is_null())
}

/// Whose change of a ConfigMap's or Secret's contents was the newest. A new label is none.
pub fn of_contents(object: &Value) -> Option<Author> {
    newest(object, |fields| ["f:data", "f:binaryData", "f:stringData"].iter().any(|key| !fields[*key].is_null()))
}

/// The status is the controllers' own, and nobody's change. A scaling through its subresource is one.
fn newest(object: &Value, touches: impl Fn(&Value) -> bool) -> Option<Author> {
    let entries = items(&object["metadata"]["managedFields"]).iter();
    let entries = entries.filter(|entry| entry["subresource"] != "status" && touches(&entry["fieldsV1"]));
    let newest = entries.max_by_key(|entry| time(&entry["time"]))?;
    Some(Author {
        manager: one_line(newest["manager"].as_str().filter(|name| !name.is_empty())?),
        at: time(&newest["time"]),
        cause: None,
    })
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.manager)?;
        if let Some(at) = self.at {
            write!(f, ", {}", moment(at))?;
        }
        match &self.cause {
            Some(cause) => write!(f, ", “{cause}”"),
            None => Ok(()),
        }
    }
}

/// ` (by …)`, or nothing where nobody is known.
pub fn by(author: Option<&Author>) -> String {
    author.map_or_else(String::new, |author| format!(" (by {author})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(entries: &Value) -> Value {
        json!({"metadata": {"managedFields": entries, "annotations": {"kubernetes.io/change-cause": "fix\n the cart"}}})
    }

    #[test]
    fn the_newest_change_of_the_template_counts_and_a_status_never_does() {
        let template = json!({"f:spec": {"f:template": {}}});
        let object = workload(&json!([
            {"manager": "kubectl-set", "time": "2026-11-23T02:10:00Z", "fieldsV1": template},
            {"manager": "helm", "time": "2026-11-23T02:09:00Z", "fieldsV1": template},
            {"manager": "kube-controller-manager", "time": "2026-11-23T02:11:00Z", "subresource": "scale",
             "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kube-controller-manager", "time": "2026-11-23T02:12:00Z", "subresource": "status",
             "fieldsV1": {"f:status": {}}},
        ]));
        let author = of_spec(&object);
        assert_eq!(by(author.as_ref()), " (by kubectl-set, 2026-11-23 02:10 UTC, “fix the cart”)");
        assert_eq!(of_settings(&object).map(|author| author.manager).as_deref(), Some("kube-controller-manager"));
    }

    #[test]
    fn nobody_is_named_where_nobody_is_known() {
        assert_eq!(by(of_spec(&json!({"metadata": {}})).as_ref()), "");
    }

    #[test]
    fn a_label_does_not_change_contents() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "kubectl-edit", "time": "2026-11-23T02:10:00Z", "fieldsV1": {"f:data": {"f:a": {}}}},
            {"manager": "kubectl-label", "time": "2026-11-23T02:20:00Z", "fieldsV1": {"f:metadata": {}}},
        ]}});
        assert_eq!(of_contents(&object).map(|author| author.manager).as_deref(), Some("kubectl-edit"));
    }
}
