//! Whether the next `kubectl apply` of the same files would redeploy the new version.

use super::warning;
use crate::rollback::destination::text::items;
use crate::rollback::destination::{Target, template};
use crate::rollback::{Check, CheckKind};
use serde_json::Value;

const NAME: CheckKind = CheckKind::NextApply;
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const WAY_OUT: &str = "revert the files too, before anyone applies them again";

/// `None` for what nobody applies from files.
pub(super) fn check(workload: &Value, target: &Target) -> Option<Check> {
    let Some(applied) = workload["metadata"]["annotations"][LAST_APPLIED].as_str() else {
        let by_server = items(&workload["metadata"]["managedFields"])
            .iter()
            .any(|entry| entry["manager"] == "kubectl" && entry["operation"] == "Apply");
        return by_server.then(|| warning(NAME, brings_back(target.from.label()), WAY_OUT));
    };
    let applied: Value = serde_json::from_str(applied).unwrap_or_default();
    let template = &applied["spec"]["template"];
    if template::images(template, None).is_empty() {
        return Some(warning(NAME, brings_back("the new version"), WAY_OUT));
    }
    if template::runs(template, &target.entry.version.images) {
        return Some(Check::ok(NAME, "the last applied files already have the old images"));
    }
    Some(warning(NAME, brings_back(&template::label(&applied, target.from.main_container())), WAY_OUT))
}

fn brings_back(version: &str) -> String {
    format!("deployed with kubectl apply: applying the same files again redeploys {version}")
}
