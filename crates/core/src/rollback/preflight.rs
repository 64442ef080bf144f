//! What would make an undo fail or do harm, told from the objects alone; and the undo, computed whole.

pub mod abort;
mod annotations;
mod apply;
mod autoscaler;
mod capacity;
mod configuration;
mod downtime;
mod history;
mod image;
mod left_behind;
mod order;
mod owner;
pub mod pace;
mod quantity;
mod references;
mod rollout;
mod state;
mod steps;
mod time;

pub use references::References;

use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::action::{Action, PinnedPatch};
use crate::rollback::destination::{self, Lineage, Target, patch};
use crate::rollback::request::PlanRequest;
use crate::rollback::{Blocked, Check, CheckKind, CheckOutcome, Covered, Refusal, Step};
use pace::Pace;
use serde_json::Value;

/// The objects of one workload, as the API server gave them.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    /// The Deployment, `StatefulSet`, `DaemonSet` or Rollout.
    pub workload: &'a Value,
    /// Its `ReplicaSets` or `ControllerRevisions`; others among them are ignored.
    pub history: &'a [Value],
    /// Its pods, where they matter: see [`waits_for_broken_pods`].
    pub pods: &'a [Value],
    /// What is around it.
    pub around: &'a Surroundings,
}

/// What to do about an owner that manages the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerPolicy {
    /// One that would redeploy the new version blocks.
    Heeded,
    /// The step goes the owner's own way, or stops it first: whoever asks for it says so in a check of its own.
    Handled,
}

/// What was read of a workload's surroundings. None of it is needed to send an undo; all of it tells harm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// The ConfigMaps of its namespace, their metadata alone.
    pub config_maps: Looked,
    /// The Secrets of its namespace, their metadata alone: what is in them is never fetched.
    pub secrets: Looked,
    /// The namespace's HorizontalPodAutoscalers.
    pub autoscalers: Looked,
    /// The namespace's ResourceQuotas.
    pub quotas: Looked,
    /// Whether we may delete pods there; asked where some may have to be: see [`waits_for_broken_pods`].
    pub delete_pods: Option<Permission>,
}

/// Whether we may do something, as the cluster says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Permission {
    /// We may.
    Given,
    /// We may not, and what would help.
    Denied(Blocked),
    /// The cluster does not say, and why not.
    Unknown(String),
}

/// What came of looking for something.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Looked {
    /// Nobody needed it.
    #[default]
    NotAsked,
    /// This is there.
    Found {
        /// The objects.
        items: Vec<Value>,
        /// Whether these are all: a very long list is not read to its end.
        all: bool,
    },
    /// It could not be read: why not, and what would help.
    Unknown(Blocked),
}

impl Looked {
    /// What was found, where it was.
    fn found(&self) -> Option<&[Value]> {
        match self {
            Self::Found { items, .. } => Some(items),
            Self::NotAsked | Self::Unknown(_) => None,
        }
    }
}

/// Where an undo goes and what it sends, as far as the workload and its history alone tell that.
#[derive(Debug, Clone)]
pub struct Aim {
    lineage: Lineage,
    going: Result<Going, Check>,
}

#[derive(Debug, Clone)]
struct Going {
    target: Target,
    patch: PinnedPatch,
    manual_command: String,
}

impl Aim {
    /// Picks the target and builds the patch.
    pub fn of(request: &PlanRequest, workload: &Value, history: &[Value]) -> Self {
        let kind = request.reference.kind;
        let lineage = Lineage::of(kind, workload, history, request.wanted.container.as_deref());
        let going = destination::choose(workload, &lineage, &request.wanted).and_then(|target| {
            let pinned = patch::Pinned::of(workload).map_err(|blocked| Check::blocked(CheckKind::Identity, blocked))?;
            let document = patch::build(kind, workload, &pinned, &target);
            let (reference, patch::Pinned { uid, generation }) = (request.reference.clone(), pinned);
            let manual_command = manual_command(&reference, Some(&target));
            Ok(Going { target, patch: PinnedPatch { reference, uid, generation, document }, manual_command })
        });
        Self { lineage, going }
    }

    /// The patch that would be sent, and the nearest thing to it on a command line; `None` where there is
    /// nowhere to go.
    pub fn patch(&self) -> Option<(&PinnedPatch, &str)> {
        self.going.as_ref().ok().map(|going| (&going.patch, going.manual_command.as_str()))
    }

    /// The same for a workload that takes its template from another object: that one is patched, and pinned.
    ///
    /// # Errors
    /// When it has no identity to pin.
    pub fn through(mut self, reference: &WorkloadRef, object: &Value) -> Result<Self, Blocked> {
        let pinned = patch::Pinned::of(object)?;
        if let Ok(going) = &mut self.going {
            let document = patch::build(WorkloadKind::Rollout, object, &pinned, &going.target);
            let (reference, patch::Pinned { uid, generation }) = (reference.clone(), pinned);
            going.patch = PinnedPatch { reference, uid, generation, document };
        }
        Ok(self)
    }

    /// What the template that would come back reads.
    pub fn references(&self) -> References {
        self.going.as_ref().map(|going| References::of(&going.target.entry.template)).unwrap_or_default()
    }
}

/// Computes the undo and checks all that can be checked without asking again. What only the API server can
/// answer (permission, admission) is added by the adapter, with [`add`]. `cluster` is what the person calls it.
pub fn draft(cluster: &str, request: &PlanRequest, objects: Objects<'_>) -> Result<Step, Refusal> {
    draft_under(OwnerPolicy::Heeded, cluster, request, objects)
}

/// The same, also for whoever deals with the owner.
pub fn draft_under(
    owner: OwnerPolicy,
    cluster: &str,
    request: &PlanRequest,
    objects: Objects<'_>,
) -> Result<Step, Refusal> {
    let (reference, workload) = (&request.reference, objects.workload);
    let aim = Aim::of(request, workload, objects.history);
    let owner = |manual_command: &str| match owner {
        OwnerPolicy::Heeded => owner::check(reference, workload, manual_command),
        OwnerPolicy::Handled => Vec::new(),
    };
    let mut checks = vec![state::check(reference, workload)];
    checks.extend(rollout::check(request, workload, &aim.lineage));
    let going = match &aim.going {
        Ok(going) => going,
        Err(check) => {
            checks.push(check.clone());
            checks.extend(owner(&manual_command(reference, None)));
            return Err(refusal(checks));
        }
    };
    let Going { target, patch, manual_command } = going;
    let steps = steps::of(reference, workload, &aim.lineage, target);
    let pace = Pace::of(reference.kind, workload).with_pauses(steps.pauses);

    checks.extend(history::check(request, workload, &aim.lineage, target));
    checks.extend(owner(manual_command));
    checks.extend(apply::check(workload, target));
    checks.push(image::check(reference, target));
    checks.extend(configuration::check(&reference.namespace, target, objects.around));
    checks.extend(annotations::check(reference, workload, target));
    checks.extend(autoscaler::check(reference, workload, target, &objects.around.autoscalers));
    checks.extend(capacity::check(reference, workload, target, pace, &objects.around.quotas));
    checks.push(downtime::check(reference, workload, pace));
    checks.extend(order::check(reference, objects));
    checks.extend(steps.check);
    checks.push(time::check(pace, request.wanted.pace));

    let to = target.entry.version.clone();
    settled(Step {
        goal: request.goal,
        subject: reference.to_string(),
        place: cluster.to_owned(),
        does: vec![format!("revert {reference} to revision {} ({})", to.revision, to.label())],
        not_reverted: left_behind::list(reference.kind, &target.from, &target.entry.template),
        expected: pace.expected(request.wanted.pace),
        covers: vec![Covered {
            workload: request.workload,
            reference: reference.clone(),
            uid: patch.uid.clone(),
            generation: patch.generation,
            from: target.from.clone(),
            to,
        }],
        action: Action::Patch(patch.clone()),
        checks,
        manual_command: manual_command.clone(),
    })
}

/// Adds checks to what was drafted; one that is blocked among them makes it a refusal.
pub fn add(drafted: Result<Step, Refusal>, more: impl IntoIterator<Item = Check>) -> Result<Step, Refusal> {
    match drafted {
        Ok(mut step) => {
            step.checks.extend(more);
            settled(step)
        }
        Err(mut refused) => {
            refused.checks.extend(more);
            Err(refused)
        }
    }
}

fn settled(step: Step) -> Result<Step, Refusal> {
    let is_blocked = step.checks.iter().any(|check| check.outcome == CheckOutcome::Blocked);
    if is_blocked { Err(refusal(step.checks)) } else { Ok(step) }
}

/// The refusal that the first of the blocked checks asks for.
pub fn refusal(checks: Vec<Check>) -> Refusal {
    let first = checks.iter().find(|check| check.outcome == CheckOutcome::Blocked);
    let reason = first.map(|check| check.sentence.clone()).unwrap_or_default();
    let way_out = first.and_then(|check| check.way_out.clone()).unwrap_or_default();
    Refusal { reason, way_out, checks }
}

/// Whether its pods should be read too: a `StatefulSet` that goes pod by pod waits for ever for one that
/// never becomes ready, even after the template went back.
pub fn waits_for_broken_pods(kind: WorkloadKind, workload: &Value) -> bool {
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    kind == WorkloadKind::StatefulSet
        && workload["spec"]["podManagementPolicy"] != "Parallel"
        && count(&workload["status"]["readyReplicas"]) < workload["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn manual_command(reference: &WorkloadRef, target: Option<&Target>) -> String {
    let to = target.map(|target| format!(" --to-revision={}", target.entry.version.revision)).unwrap_or_default();
    if reference.kind == WorkloadKind::Rollout {
        return format!("kubectl argo rollouts undo {} -n {}{to}", reference.name, reference.namespace);
    }
    format!("kubectl rollout undo {reference} -n {}{to}", reference.namespace)
}

fn warning(kind: CheckKind, sentence: impl Into<String>, way_out: impl Into<String>) -> Check {
    Check::warning(kind, sentence, Some(way_out.into()))
}
