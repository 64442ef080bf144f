//! Whether the ConfigMaps and Secrets that the previous version reads still exist, unchanged.

use super::{Looked, References, Surroundings, warning};
use crate::deploy::Time;
use crate::rollback::destination::Target;
use crate::rollback::destination::author::{self, Author};
use crate::rollback::destination::text::{moment, named, time};
use crate::rollback::{Blocked, Check, CheckKind};
use serde_json::Value;
use std::collections::BTreeMap;

const NAME: CheckKind = CheckKind::Configuration;

/// Held against the moment at which the old revision was made: what was changed after that is not what it was
/// tried with. Judged by the objects' metadata alone, so a change back to the same contents counts as one too.
pub(super) fn check(namespace: &str, target: &Target, around: &Surroundings) -> Vec<Check> {
    let references = References::of(&target.entry.template);
    let kinds = [
        ("ConfigMap", references.config_maps(), &around.config_maps),
        ("Secret", references.secrets(), &around.secrets),
    ];
    let mut checks = Vec::new();
    let mut as_they_were = Vec::new();
    for (kind, names, looked) in kinds {
        if names.is_empty() {
            continue;
        }
        match looked {
            Looked::NotAsked => {}
            Looked::Unknown(why) => {
                let all: Vec<&str> = names.keys().map(String::as_str).collect();
                let sentence = format!("unknown whether {} changed: {}", named(kind, &all), why.reason);
                checks.push(warning(NAME, sentence, why.way_out.clone()));
            }
            Looked::Found { items, all } => {
                let case = Case { kind, namespace, target };
                let unchanged = case.judge(names, items, *all, &mut checks);
                as_they_were.extend((!unchanged.is_empty()).then(|| named(kind, &unchanged)));
            }
        }
    }
    if !as_they_were.is_empty() {
        let revision = target.entry.version.revision;
        checks.push(Check::ok(NAME, format!("{} unchanged since revision {revision}", as_they_were.join(" and "))));
    } else if references == References::default() {
        checks.push(Check::ok(NAME, "the previous version reads no ConfigMap or Secret"));
    }
    checks
}

struct Case<'a> {
    kind: &'static str,
    namespace: &'a str,
    target: &'a Target,
}

impl Case<'_> {
    /// Adds a check for each name that is not as it was; gives back those that are.
    fn judge<'n>(
        &self,
        names: &'n BTreeMap<String, bool>,
        items: &[Value],
        all: bool,
        checks: &mut Vec<Check>,
    ) -> Vec<&'n str> {
        let (kind, namespace) = (self.kind, self.namespace);
        let plural = if kind == "Secret" { "secret" } else { "configmap" };
        let mut unchanged = Vec::new();
        for (name, optional) in names {
            match items.iter().find(|item| item["metadata"]["name"] == name.as_str()) {
                None if !all => checks.push(warning(
                    NAME,
                    format!("unknown whether {kind} {name} changed: too many to read"),
                    format!("check: kubectl get {plural} {name} -n {namespace} --show-managed-fields -o yaml"),
                )),
                // What it starts without it may have done without before.
                None if *optional => unchanged.push(name.as_str()),
                None => checks.push(self.missing(name)),
                Some(item) => match self.changed(item) {
                    Some((at, by)) => checks.push(warning(
                        NAME,
                        format!(
                            "{kind} {name} changed {}{by}, after revision {}: {} will read the current values",
                            moment(at),
                            self.target.entry.version.revision,
                            self.target.entry.version.label(),
                        ),
                        format!(
                            "check that {} works with it: kubectl describe {plural} {name} -n {namespace}",
                            self.target.entry.version.label()
                        ),
                    )),
                    None => unchanged.push(name.as_str()),
                },
            }
        }
        unchanged
    }

    fn missing(&self, name: &str) -> Check {
        let version = &self.target.entry.version;
        Check::blocked(
            NAME,
            Blocked {
                reason: format!(
                    "{} {name} is missing, and the pods of {} cannot start without it",
                    self.kind,
                    version.label()
                ),
                way_out: format!("recreate {name} in {}, or choose a revision that does not need it", self.namespace),
            },
        )
    }

    /// When and by whom it was changed, if that was after the old revision was made.
    fn changed(&self, item: &Value) -> Option<(Time, String)> {
        let author = author::of_contents(item);
        let by = |author: &Author| format!(" by {}", author.manager);
        let by = author.as_ref().map(by).unwrap_or_default();
        let at = author.and_then(|author| author.at).or_else(|| time(&item["metadata"]["creationTimestamp"]))?;
        // Without a moment to hold it against, a change cannot be ruled out.
        (self.target.entry.created.is_none_or(|made| at > made)).then_some((at, by))
    }
}
