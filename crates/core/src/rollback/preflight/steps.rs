//! The steps of a canary, or the switch of a blue-green update: an undo is an update like any other and goes through
//! them again, unless Argo Rollouts knows the previous version well enough.

use super::warning;
use crate::deploy::{WorkloadKind, WorkloadRef, brief};
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::destination::history::Entry;
use crate::rollback::destination::{Lineage, Target};
use crate::rollback::{Check, CheckKind};
use crate::rollout::argo::{Pause, Update};
use chrono::TimeDelta;
use serde_json::Value;

const NAME: CheckKind = CheckKind::Steps;

/// What an undo waits for on its way, beside its pods.
pub(super) struct Steps {
    /// `None` where there is nothing to wait for.
    pub(super) check: Option<Check>,
    /// All pauses that end by themselves.
    pub(super) pauses: TimeDelta,
}

pub(super) fn of(reference: &WorkloadRef, workload: &Value, lineage: &Lineage, target: &Target) -> Steps {
    let nothing = Steps { check: None, pauses: TimeDelta::zero() };
    if reference.kind != WorkloadKind::Rollout {
        return nothing;
    }
    let standing = UpdateStatus::of(workload);
    let update = standing.update();
    if update.is_in_flight() && target.entry.version.hash == update.status.stable_rs {
        let sentence = "back to the stable version, without steps";
        return Steps { check: Some(Check::ok(NAME, sentence)), ..nothing };
    }
    if let Some(revisions) = window(update, lineage, &target.entry) {
        let revisions = if revisions == 1 { "1 revision".to_owned() } else { format!("{revisions} revisions") };
        let sentence = format!("within its rollbackWindow of {revisions}: Argo Rollouts skips the steps");
        return Steps { check: Some(Check::ok(NAME, sentence)), ..nothing };
    }
    let pauses = pauses(update);
    let Some(what) = again(update, pauses) else { return nothing };
    let (name, namespace) = (&reference.name, &reference.namespace);
    let way_out = format!(
        "once it is running, skip them: kubectl argo rollouts promote {name} -n {namespace} --full; for next time \
         set spec.rollbackWindow.revisions"
    );
    Steps { check: Some(warning(NAME, what, way_out)), pauses }
}

/// The size of the window that the target is in: older than the stable version, with fewer revisions made between the
/// two than the window has (`rollout/sync.go` of Argo Rollouts).
fn window(update: Update<'_>, lineage: &Lineage, target: &Entry) -> Option<i64> {
    let revisions = update.spec.rollback_window.as_ref().map(|window| window.revisions).filter(|size| *size > 0)?;
    let stable = lineage.entries.iter().find(|entry| entry.version.hash == update.status.stable_rs)?;
    let (from, to) = (target.created?, stable.created?);
    let between = |entry: &&Entry| entry.created.is_some_and(|created| from < created && created < to);
    let between = i64::try_from(lineage.entries.iter().filter(between).count()).unwrap_or(i64::MAX);
    (from < to && between < revisions).then_some(revisions)
}

fn pauses(update: Update<'_>) -> TimeDelta {
    let lengths = update.steps().iter().filter_map(|step| step.pause.as_ref()?.length());
    lengths.fold(TimeDelta::zero(), |all, length| all.checked_add(&length).unwrap_or(TimeDelta::MAX))
}

/// `the rollback runs its 5 steps again: 25 min of pauses, and manual promotion at steps 2 and 4`.
fn again(update: Update<'_>, pauses: TimeDelta) -> Option<String> {
    if let Some(switch) = &update.spec.strategy.blue_green {
        let manual = switch.auto_promotion_enabled == Some(false) && switch.auto_promotion_seconds.is_none();
        return manual.then(|| "the rollback waits for manual promotion before traffic switches".to_owned());
    }
    let steps = update.steps();
    if steps.is_empty() {
        return None;
    }
    let waits = |pause: &Pause| pause.length().is_none();
    let manual: Vec<String> = (1..)
        .zip(steps)
        .filter(|(_, step)| step.pause.as_ref().is_some_and(waits))
        .map(|(number, _): (usize, _)| number.to_string())
        .collect();
    let mut waited = Vec::new();
    if !pauses.is_zero() {
        waited.push(format!("{} of pauses", brief(pauses)));
    }
    match manual.as_slice() {
        [] => {}
        [one] => waited.push(format!("manual promotion at step {one}")),
        many => waited.push(format!("manual promotion at steps {}", many.join(", "))),
    }
    let number = if steps.len() == 1 { "its only step".to_owned() } else { format!("its {} steps", steps.len()) };
    Some(if waited.is_empty() {
        format!("the rollback runs {number} again, without pauses")
    } else {
        format!("the rollback runs {number} again: {}", waited.join(", and "))
    })
}
