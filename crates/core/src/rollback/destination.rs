//! Which revision a rollback goes to, and the request that goes there.

pub mod argo;
pub mod author;
pub mod history;
pub mod patch;
pub mod template;
pub mod text;

use crate::deploy::{Outline, Version, WorkloadKind};
use crate::rollback::request::{Choice, Wanted};
use crate::rollback::version_history;
use crate::rollback::{Blocked, Check, CheckKind};
use history::Entry;
use serde_json::Value;

/// A workload's history, and which entry of it is the workload as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// Newest first, what runs now among it.
    pub entries: Vec<Entry>,
    /// What runs now; `None` while the controller has not made an entry of it yet.
    pub current: Option<Entry>,
    /// The main container's name: what the images of each entry begin with. Everybody who wants to know it asks here.
    main: Option<String>,
}

impl Lineage {
    /// Reads the history out of whatever the label selector found.
    ///
    /// The current revision is told by its template, not by its number: right after a change the newest entry
    /// of the history is still the good one, and “the second highest” would be one version too old. Only once
    /// the controller has seen the change (`observedGeneration`) is the newest entry certain to be the current
    /// one; then it is taken for it even if an upgraded API server has since filled in defaults that a stored
    /// revision lacks. `container` is the main one where the configuration names it.
    pub fn of(kind: WorkloadKind, workload: &Value, items: &[Value], container: Option<&str>) -> Self {
        let mut entries = history::read(kind, workload, items);
        let live = &workload["spec"]["template"];
        let before = entries.iter().find(|entry| !template::same_version(&entry.template, live));
        let main = template::main_container(workload, before.map(|entry| &entry.template), container);
        for entry in &mut entries {
            entry.version.images = template::images(&entry.template, main.as_deref());
        }
        if kind == WorkloadKind::Rollout {
            let current = of_rollout(workload, &entries);
            return Self { entries, current, main };
        }
        let by_template = entries.iter().find(|entry| template::same(&entry.template, live));
        let current = by_template.or_else(|| entries.first().filter(|_| is_observed(workload))).cloned();
        Self { entries, current, main }
    }

    /// The version that the workload's own template makes, whether the controller has made an entry of it or not.
    pub fn running(&self, workload: &Value) -> Version {
        let live = &workload["spec"]["template"];
        let current = self.current.as_ref().map(|current| &current.version);
        Version {
            images: template::images(live, self.main.as_deref()),
            // Not in the history yet: the controller will give it the next number.
            revision: current.map_or_else(|| next_number(&self.entries), |current| current.revision),
            hash: current.map(|current| current.hash.clone()).unwrap_or_default(),
            outline: current.map_or_else(|| Outline::of(live), |current| current.outline.clone()),
        }
    }

    /// Whether what runs now is an old revision that somebody rolled back to: another one has a higher number still, for the
    /// controller has not come to it; or it carries the number that it had before; or its number is the highest and it
    /// is still not what was made last.
    pub fn is_rollback(&self) -> bool {
        let Some(current) = &self.current else { return false };
        let is_below = self.entries.iter().any(|entry| entry.version.revision > current.version.revision);
        let made_later = |entry: &Entry| entry.created > current.created && current.created.is_some();
        is_below || current.former_revision().is_some() || self.entries.iter().any(made_later)
    }

    /// What ran before an old revision was put back: the newest of the others. `None` while none was.
    pub fn rolled_back(&self) -> Option<&Entry> {
        let current = self.current.as_ref().filter(|_| self.is_rollback())?;
        self.entries.iter().find(|entry| entry.version.hash != current.version.hash)
    }

    /// Whether this revision was current before an older one was rolled back to over it. A `ReplicaSet` tells by the
    /// numbers that the older one had before and has now; a `ControllerRevision` only by when it was made.
    fn was_rolled_back(&self, entry: &Entry) -> bool {
        let Some(current) = &self.current else { return false };
        let (number, now) = (entry.version.revision, current.version.revision);
        if number > now {
            return true;
        }
        let since = match current.former_revision() {
            Some(former) => former < number,
            None => current.created.is_some() && entry.created > current.created,
        };
        since && number < now
    }
}

/// The entry that a Rollout's template makes. Its controller says which: the template is stored as it was written,
/// those of `ReplicaSets` with all defaults filled in, so that they are rarely equal.
fn of_rollout(workload: &Value, entries: &[Entry]) -> Option<Entry> {
    let standing = argo::UpdateStatus::of(workload);
    let update = standing.update();
    let live = &workload["spec"]["template"];
    let is_current = |entry: &&Entry| {
        if update.is_observed {
            entry.version.hash == update.status.current_pod_hash
        } else {
            template::same(&entry.template, live)
        }
    };
    entries.iter().find(is_current).cloned()
}

/// Where an undo goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What runs now.
    pub from: Version,
    /// Whose template comes back.
    pub entry: Entry,
    /// Whether the target was itself rolled back once: going there brings an old trouble back.
    pub was_rolled_back: bool,
    /// Whether it served when the watched deploy came, as far as the watch saw that.
    pub served_before: bool,
    /// The earlier revisions that one could go to instead, for people.
    pub others: String,
}

/// Picks the revision to go back to; where there is none, says so as a check that is blocked.
pub fn choose(workload: &Value, lineage: &Lineage, wanted: &Wanted) -> Result<Target, Check> {
    let (entries, choice) = (&lineage.entries, &wanted.choice);
    let live = &workload["spec"]["template"];
    let current = lineage.current.as_ref();
    let is_current = |entry: &Entry| {
        template::same_version(&entry.template, live)
            || current.is_some_and(|now| now.version.hash == entry.version.hash)
    };
    let others: Vec<&Entry> = entries.iter().filter(|entry| !is_current(entry)).collect();

    let named = match choice {
        Choice::Usual { served_before: Some(hash) }
            if entries.iter().any(|entry| entry.is_known_as(hash) && is_current(entry)) =>
        {
            entries.iter().find(|entry| entry.is_known_as(hash))
        }
        // Whoever does not choose means the last change: that was a rollback, and further back only goes who says so.
        Choice::Usual { .. } if lineage.is_rollback() => lineage.rolled_back(),
        Choice::Usual { served_before } => {
            let before = served_before.as_ref();
            // Pods and histories may know the same version by different names.
            let named = before.and_then(|hash| others.iter().find(|entry| entry.is_known_as(hash)));
            let before = named.map(|entry| &entry.version.hash).or(before);
            let versions: Vec<&Version> = others.iter().map(|entry| &entry.version).collect();
            let place = version_history::default_target(&versions, before.map(String::as_str), &wanted.known);
            place.map(|place| others[place])
        }
        Choice::Hash(hash) => entries.iter().find(|entry| entry.is_known_as(hash)),
        Choice::Revision(number) => entries.iter().find(|entry| entry.version.revision == *number),
    };
    let entry = named.ok_or_else(|| not_found(workload, choice, &others))?;
    if is_current(entry) {
        return Err(identical(entry, &others));
    }
    let elsewhere: Vec<&Entry> = others.iter().copied().filter(|other| *other != entry).collect();
    let before = match choice {
        Choice::Usual { served_before } => served_before.as_ref(),
        Choice::Hash(_) | Choice::Revision(_) => wanted.seen.as_ref().and_then(|seen| seen.served_before.as_ref()),
    };
    let served_before = before.is_some_and(|hash| entry.is_known_as(hash));
    Ok(Target {
        from: lineage.running(workload),
        was_rolled_back: lineage.was_rolled_back(entry),
        served_before,
        others: list(&elsewhere),
        entry: entry.clone(),
    })
}

/// Whether the controller has seen the newest change of the spec.
pub fn is_observed(workload: &Value) -> bool {
    let generation = workload["metadata"]["generation"].as_i64().unwrap_or(0);
    let observed = &workload["status"]["observedGeneration"];
    // A Rollout's is a number in a string; before Argo Rollouts 0.10 it was a hash, which says nothing.
    let in_text = || observed.as_str().map(|text| text.parse().unwrap_or(i64::MAX));
    observed.as_i64().or_else(in_text).is_some_and(|observed| observed >= generation)
}

fn next_number(entries: &[Entry]) -> i64 {
    entries.first().map_or(1, |newest| newest.version.revision + 1)
}

fn no_history(workload: &Value) -> Check {
    let (reason, way_out) = if workload["spec"]["revisionHistoryLimit"].as_i64() == Some(0) {
        (
            "revisionHistoryLimit is 0: the cluster has no earlier revision",
            "redeploy the earlier version, and set spec.revisionHistoryLimit to 10 for next time",
        )
    } else {
        ("no earlier revision in its history", "redeploy the earlier version")
    };
    Check::blocked(CheckKind::History, Blocked { reason: reason.to_owned(), way_out: way_out.to_owned() })
}

fn not_found(workload: &Value, choice: &Choice, others: &[&Entry]) -> Check {
    if others.is_empty() {
        return no_history(workload);
    }
    let is_there = |hash: &str| others.iter().any(|entry| entry.is_known_as(hash));
    let (reason, deploy) = match choice {
        Choice::Revision(number) => (format!("no revision {number} in its history"), "redeploy it"),
        // With the one that served before at hand, only what is remembered of all of them leaves no choice.
        Choice::Usual { served_before } if served_before.as_ref().is_none_or(|hash| is_there(hash)) => {
            ("every earlier version in its history is known to be bad".to_owned(), "deploy a fixed version")
        }
        Choice::Hash(_) | Choice::Usual { .. } => {
            ("the previous version is no longer in its history".to_owned(), "redeploy it")
        }
    };
    let way_out = format!("{deploy}, or choose another with redflag rollback --to REVISION: {}", list(others));
    Check::blocked(CheckKind::Target, Blocked { reason, way_out })
}

fn identical(entry: &Entry, others: &[&Entry]) -> Check {
    let way_out = if others.is_empty() {
        "nothing to roll back: look for the cause elsewhere".to_owned()
    } else {
        format!("look for the cause elsewhere, or choose another with redflag rollback --to REVISION: {}", list(others))
    };
    let reason = format!("revision {} ({}) is already running", entry.version.revision, entry.version.label());
    Check::blocked(CheckKind::Template, Blocked { reason, way_out })
}

fn list(entries: &[&Entry]) -> String {
    let described: Vec<String> = entries.iter().map(|entry| entry.describe()).collect();
    described.join(", ")
}
