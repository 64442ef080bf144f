//! Which revision an undo goes to, and the request that goes there.

pub mod history;
pub mod patch;
pub mod template;

use crate::deploy::{Version, WorkloadKind, WorkloadRef};
use crate::rollback::Blocked;
use crate::rollback::ask::{Choice, Wanted};
use crate::rollback::known;
use history::Entry;
use serde_json::Value;

/// Where an undo goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What runs now.
    pub from: Version,
    /// Whose template comes back.
    pub entry: Entry,
    /// Whether the target was itself taken back once: going there brings an old trouble back.
    pub was_taken_back: bool,
}

/// Picks the revision to go back to.
///
/// The current revision is told by its template, not by its number: right after a change the newest entry
/// of the history is still the good one, and “the second highest” would be one version too old. Only once
/// the controller has seen the change (`observedGeneration`) is the newest entry certain to be the current
/// one; then it is taken for it even if an upgraded API server has since filled in defaults that a stored
/// revision lacks.
pub fn choose(reference: &WorkloadRef, workload: &Value, items: &[Value], wanted: &Wanted) -> Result<Target, Blocked> {
    let choice = &wanted.choice;
    refuse_unfit(reference, workload)?;
    let entries = history::read(reference.kind, workload, items);
    let live = &workload["spec"]["template"];
    let by_template = entries.iter().find(|entry| template::same(&entry.template, live));
    let current = by_template.or_else(|| entries.first().filter(|_| is_observed(workload)));
    let is_current = |entry: &Entry| {
        template::same(&entry.template, live) || current.is_some_and(|now| now.version.hash == entry.version.hash)
    };
    let others: Vec<&Entry> = entries.iter().filter(|entry| !is_current(entry)).collect();

    let named = match choice {
        Choice::Usual { served_before: Some(hash) }
            if entries.iter().any(|entry| entry.is_known_as(hash) && is_current(entry)) =>
        {
            entries.iter().find(|entry| entry.is_known_as(hash))
        }
        Choice::Usual { served_before } => {
            let before = served_before.as_ref();
            // Pods and histories may know the same version by different names.
            let named = before.and_then(|hash| others.iter().find(|entry| entry.is_known_as(hash)));
            let before = named.map(|entry| &entry.version.hash).or(before);
            let versions: Vec<&Version> = others.iter().map(|entry| &entry.version).collect();
            let place = known::default_target(&versions, before.map(String::as_str), &wanted.known);
            place.map(|place| others[place])
        }
        Choice::Hash(hash) => entries.iter().find(|entry| entry.is_known_as(hash)),
        Choice::Revision(number) => entries.iter().find(|entry| entry.version.revision == *number),
    };
    let entry = named.ok_or_else(|| not_found(workload, choice, &others))?;
    if is_current(entry) {
        return Err(identical(entry, &others));
    }
    let from = Version {
        images: template::images(live),
        // Not in the history yet: the controller will give it the next number.
        revision: current.map_or_else(|| next_number(&entries), |current| current.version.revision),
        hash: current.map(|current| current.version.hash.clone()).unwrap_or_default(),
    };
    let was_taken_back = current.is_some_and(|current| was_taken_back(reference.kind, entry, current));
    Ok(Target { from, entry: entry.clone(), was_taken_back })
}

/// Whether the controller has seen the newest change of the spec.
pub fn is_observed(workload: &Value) -> bool {
    let generation = workload["metadata"]["generation"].as_i64().unwrap_or(0);
    workload["status"]["observedGeneration"].as_i64().is_some_and(|observed| observed >= generation)
}

fn next_number(entries: &[Entry]) -> i64 {
    entries.first().map_or(1, |newest| newest.version.revision + 1)
}

/// Whether the current revision was put back over this one. A Deployment's keeps its former number, and one that lies
/// between it and the present says so; a `ControllerRevision` does not, but is the older of the two and yet has the
/// higher number.
fn was_taken_back(kind: WorkloadKind, entry: &Entry, current: &Entry) -> bool {
    let number = entry.version.revision;
    let was_before = match kind {
        WorkloadKind::Deployment => current.former_revision().is_some_and(|former| former < number),
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            current.created.zip(entry.created).is_some_and(|(current, entry)| current < entry)
        }
    };
    was_before && number < current.version.revision
}

fn refuse_unfit(reference: &WorkloadRef, workload: &Value) -> Result<(), Blocked> {
    if !workload["metadata"]["deletionTimestamp"].is_null() {
        return Err(Blocked {
            reason: format!("{reference} is being deleted"),
            way_out: "find out who deletes it, then deploy the earlier version anew".to_owned(),
        });
    }
    if reference.kind == WorkloadKind::Deployment && workload["spec"]["paused"] == true {
        return Err(Blocked {
            reason: format!("{reference} is paused: it takes no other version until it is resumed"),
            way_out: format!("kubectl rollout resume {reference} -n {}", reference.namespace),
        });
    }
    Ok(())
}

fn no_history(workload: &Value) -> Blocked {
    if workload["spec"]["revisionHistoryLimit"].as_i64() == Some(0) {
        return Blocked {
            reason: "its revisionHistoryLimit is 0, so the cluster keeps no earlier revision".to_owned(),
            way_out: "deploy the earlier version anew, and set spec.revisionHistoryLimit to 10 for the next time"
                .to_owned(),
        };
    }
    Blocked {
        reason: "there is no earlier revision in its history".to_owned(),
        way_out: "deploy the earlier version anew".to_owned(),
    }
}

fn not_found(workload: &Value, choice: &Choice, others: &[&Entry]) -> Blocked {
    if others.is_empty() {
        return no_history(workload);
    }
    let reason = match choice {
        Choice::Revision(number) => format!("there is no revision {number} in its history"),
        Choice::Usual { served_before } if served_before.is_none() => {
            "every earlier version in its history is known to be bad".to_owned()
        }
        Choice::Hash(_) | Choice::Usual { .. } => {
            "the version that served before the deploy is no longer in its history".to_owned()
        }
    };
    Blocked { reason, way_out: format!("deploy it anew, or go to one that is there: {}", list(others)) }
}

fn identical(entry: &Entry, others: &[&Entry]) -> Blocked {
    let way_out = if others.is_empty() {
        "there is nothing to take back: look for the cause elsewhere".to_owned()
    } else {
        format!("look for the cause elsewhere, or go to another revision: {}", list(others))
    };
    Blocked {
        reason: format!("revision {} ({}) is what it runs already", entry.version.revision, entry.version.label()),
        way_out,
    }
}

fn list(entries: &[&Entry]) -> String {
    let described: Vec<String> = entries.iter().map(|entry| entry.describe()).collect();
    described.join(", ")
}
