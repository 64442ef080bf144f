//! What would make an undo fail or do harm, told from the objects alone; and the undo, worked out whole.

mod left_behind;
mod owner;
pub mod pace;

use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::action::{Action, Patch};
use crate::rollback::ask::Ask;
use crate::rollback::target::{self, Target, patch};
use crate::rollback::{Check, Covered, Refusal, Step};
use pace::Pace;
use serde_json::Value;

/// Tags that people move from image to image, so that the same name brings another program.
const MOVING_TAGS: [&str; 14] = [
    "latest",
    "stable",
    "main",
    "master",
    "edge",
    "dev",
    "develop",
    "nightly",
    "production",
    "prod",
    "staging",
    "canary",
    "release",
    "current",
];

/// The objects of one workload, as the API server gave them.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    /// The Deployment, `StatefulSet` or `DaemonSet`.
    pub workload: &'a Value,
    /// Its `ReplicaSets` or `ControllerRevisions`; others among them are ignored.
    pub history: &'a [Value],
    /// Its pods, where they matter: see [`waits_for_broken_pods`].
    pub pods: &'a [Value],
}

/// What is made of somebody who keeps the workload as their own record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// One that would put the new version back blocks.
    Heeded,
    /// The step goes the owner's own way, or stops it first: whoever asks for it says so in a check of its own.
    Handled,
}

/// Works out the undo and checks all that can be checked without asking again. What only the API server can
/// answer (permission, admission) is added by the adapter. `place` is the cluster as the person knows it.
pub fn draft(place: &str, ask: &Ask, objects: Objects<'_>) -> Result<Step, Refusal> {
    draft_under(Owner::Heeded, place, ask, objects)
}

/// The same, for whoever deals with the owner.
pub fn draft_under(owner: Owner, place: &str, ask: &Ask, objects: Objects<'_>) -> Result<Step, Refusal> {
    let (reference, wanted) = (&ask.reference, &ask.wanted);
    let target = target::choose(reference, objects.workload, objects.history, wanted)?;
    let pinned = patch::Pinned::of(objects.workload)?;
    let to = target.entry.version.clone();
    let by_hand = format!("kubectl rollout undo {reference} -n {} --to-revision={}", reference.namespace, to.revision);
    let pace = Pace::of(reference.kind, objects.workload);

    let mut checks = match owner {
        Owner::Heeded => owner::check(reference, objects.workload, &by_hand)?,
        Owner::Handled => Vec::new(),
    };
    checks.extend(history(objects.workload, &target));
    checks.push(images(&target));
    checks.push(downtime(reference.kind, objects.workload, pace));
    checks.extend(hesitation(reference, objects));
    checks.extend(autoscaler(objects.workload));

    let document = patch::build(reference.kind, objects.workload, &pinned, &target);
    Ok(Step {
        goal: ask.goal,
        subject: reference.to_string(),
        place: place.to_owned(),
        does: vec![format!("{reference} gets the template of revision {} again ({})", to.revision, to.label())],
        not_restored: left_behind::list(reference.kind, &target.from, &target.entry.template),
        expected: pace.expected(wanted.pace),
        covers: vec![Covered {
            workload: ask.workload,
            reference: reference.clone(),
            uid: pinned.uid.clone(),
            generation: pinned.generation,
            from: target.from,
            to,
        }],
        action: Action::Patch(Patch {
            reference: reference.clone(),
            uid: pinned.uid,
            generation: pinned.generation,
            document,
        }),
        checks,
        by_hand,
    })
}

/// Whether its pods should be read too: a `StatefulSet` that goes pod by pod waits for ever for one that
/// never becomes ready, even after the template went back.
pub fn waits_for_broken_pods(kind: WorkloadKind, workload: &Value) -> bool {
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    kind == WorkloadKind::StatefulSet
        && workload["spec"]["podManagementPolicy"] != "Parallel"
        && count(&workload["status"]["readyReplicas"]) < workload["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn ok(name: &'static str, sentence: impl Into<String>) -> Check {
    Check::ok(name, sentence)
}

fn warning(name: &'static str, sentence: impl Into<String>) -> Check {
    Check::warning(name, sentence, None)
}

fn history(workload: &Value, target: &Target) -> Vec<Check> {
    let mut checks = Vec::new();
    let described = target.entry.describe();
    if target.was_taken_back {
        checks.push(warning("target", format!("revision {described} was itself taken back before")));
    }
    if workload["spec"]["revisionHistoryLimit"].as_i64() == Some(0) {
        let sentence = format!("revisionHistoryLimit is 0: revision {described} is gone once the rollout has ended");
        checks.push(warning("target", sentence));
    }
    if checks.is_empty() {
        checks.push(ok("target", format!("the history has revision {described}")));
    }
    checks
}

fn images(target: &Target) -> Check {
    let (from, to) = (&target.from.images, &target.entry.version.images);
    let moving: Vec<&str> = to.iter().map(String::as_str).filter(|image| is_moving(image)).collect();
    match (moving.is_empty(), from == to) {
        (true, false) => ok("image", format!("{} does not look like a tag that moves", to.join(", "))),
        (true, true) => warning("image", "both revisions run the same image: only the settings around it change"),
        (false, true) => {
            let sentence = format!("both revisions run {}, so the undo may change nothing", moving.join(", "));
            warning("image", sentence)
        }
        (false, false) => {
            let sentence =
                format!("the tag of {} moves: what comes back may not be what ran before", moving.join(", "));
            warning("image", sentence)
        }
    }
}

/// Whether the same reference may bring another program tomorrow. Only a digest is sure not to; a tag is
/// trusted unless its name says that it moves.
fn is_moving(image: &str) -> bool {
    !image.contains('@') && MOVING_TAGS.contains(&crate::deploy::version_label(image))
}

fn downtime(kind: WorkloadKind, workload: &Value, pace: Pace) -> Check {
    let name = "downtime";
    if pace.pods == 0 {
        return warning(name, "it has no pods to change: nothing will serve after the undo either");
    }
    if kind == WorkloadKind::Deployment && pace::is_recreated(workload) {
        return warning(name, "strategy Recreate: all pods end before the first old one starts");
    }
    if pace.unavailable >= pace.pods {
        let sentence = match pace.pods {
            1 => "its only pod is replaced in place: nothing serves meanwhile".to_owned(),
            pods => format!("maxUnavailable allows all {pods} pods to be down at once"),
        };
        return warning(name, sentence);
    }
    let pods = pace.pods;
    ok(name, format!("at least {} of {pods} pods stay up", pods - pace.unavailable))
}

/// What keeps the old version from getting to all pods although the template went back.
fn hesitation(reference: &WorkloadRef, objects: Objects<'_>) -> Vec<Check> {
    if reference.kind == WorkloadKind::Deployment {
        return Vec::new();
    }
    let strategy = &objects.workload["spec"]["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        let sentence = "strategy OnDelete: each pod keeps the new version until it is deleted by hand";
        return vec![warning("strategy", sentence)];
    }
    let mut checks = Vec::new();
    let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    if partition > 0 {
        let sentence = format!("partition {partition}: pods with a number below {partition} are not touched");
        checks.push(warning("partition", sentence));
    }
    if waits_for_broken_pods(reference.kind, objects.workload) {
        checks.push(warning("order", broken_pods(reference, objects)));
    }
    checks
}

fn broken_pods(reference: &WorkloadRef, objects: Objects<'_>) -> String {
    let uid = objects.workload["metadata"]["uid"].as_str().unwrap_or_default();
    let broken: Vec<&str> = objects
        .pods
        .iter()
        .filter(|pod| target::history::is_controlled_by(pod, uid))
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null() && !is_ready(pod))
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .collect();
    let (names, command) = match broken.as_slice() {
        [] => ("pods that are not ready".to_owned(), "kubectl delete pod NAME".to_owned()),
        names => (names.join(", "), format!("kubectl delete pod {}", names.join(" "))),
    };
    format!(
        "OrderedReady waits for {names} even after the undo; if so, delete by hand: {command} -n {}",
        reference.namespace
    )
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// An autoscaler leaves its trace in the fields' managers, so no further permission is needed to see it.
fn autoscaler(workload: &Value) -> Option<Check> {
    let managers = workload["metadata"]["managedFields"].as_array()?;
    let scales = |entry: &Value| entry["subresource"] == "scale" && entry["manager"] == "kube-controller-manager";
    managers.iter().any(scales).then(|| {
        warning(
            "autoscaler",
            "an autoscaler changes its size: a change in the very moment of the undo makes the undo stop, not overwrite",
        )
    })
}
