//! Argo Rollouts: an update in flight is aborted, a version that was promoted is undone (the plugin's `abort`, `retry`
//! and `undo`, with tests in the requests themselves). Workloads of other kinds are undone as Kubernetes does.

mod config;

pub use config::ArgoRolloutsSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::cluster::Cluster;
use crate::deploy::{Version, WorkloadKind, WorkloadRef};
use crate::rollback::action::{Abort, Action, PinnedPatch, Subresource};
use crate::rollback::destination::argo::UpdateStatus;
use crate::rollback::destination::{author, template};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::abort::{self, Way};
use crate::rollback::preflight::{self, OwnerPolicy};
use crate::rollback::request::PlanRequest;
use crate::rollback::workload::{self, Changed, DryRun, Found, Snapshot, Undo};
use crate::rollback::{Answer, Blocked, CheckOutcome, Readiness, Refusal, Step};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::Value;

/// Plans an abort or an undo.
pub struct ArgoRollouts {
    undo: Undo,
    cluster: Cluster,
}

impl ArgoRollouts {
    /// The ways back of workloads in this cluster.
    pub fn new(cluster: Cluster) -> Self {
        Self { undo: Undo::new(cluster.clone()), cluster }
    }
}

impl Planner for ArgoRollouts {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        if request.reference.kind != WorkloadKind::Rollout {
            return self.undo.prepare(request);
        }
        prepare(&self.cluster, request).map(Readiness::from).boxed()
    }
}

/// Computes which way it is, and whether it would succeed now. Changes nothing. A change that comes between the
/// reading and the trying is answered by doing it all once more.
async fn prepare(cluster: &Cluster, request: &PlanRequest) -> Result<Step, Refusal> {
    for _ in 0..2 {
        if let Some(step) = attempt(cluster, request).await? {
            return Ok(step);
        }
        cluster.facts.forget();
    }
    Err(workload::changes_too_fast(&request.reference))
}

async fn attempt(cluster: &Cluster, request: &PlanRequest) -> Result<Option<Step>, Refusal> {
    let reference = &request.reference;
    let snapshot = workload::read(cluster, reference).await;
    let mut snapshot = snapshot.map_err(|check| preflight::refusal(vec![check]))?;
    let template = template_of(cluster, reference, &snapshot.workload).await;
    if let Some(Ok((_, object))) = &template {
        // As its controller does, before it looks at anything else.
        snapshot.workload["spec"]["template"] = object["spec"]["template"].clone();
    }
    match abort::way(request, snapshot.objects()) {
        Way::Blocked(blocked) => Err(blocked.into()),
        Way::Abort => write_status(cluster, request, &snapshot, true).await,
        Way::Retry => write_status(cluster, request, &snapshot, false).await,
        Way::Undo => {
            let through = template.transpose().map_err(Refusal::from)?;
            let through = through.as_ref().map(|(reference, object)| (reference, object));
            let patched = through.map_or(reference, |(reference, _)| reference);
            let permission = workload::review(cluster, patched, "").await;
            workload::undo(OwnerPolicy::Heeded, cluster, request, snapshot, permission, through).await
        }
    }
}

/// The object from which it takes its template, where it has none of its own.
async fn template_of(
    cluster: &Cluster,
    of: &WorkloadRef,
    workload: &Value,
) -> Option<Result<(WorkloadRef, Value), Blocked>> {
    let standing = UpdateStatus::of(workload);
    let named = standing.update().spec.workload_ref.as_ref()?;
    let (kind, name) = (named.kind.as_str(), named.name.clone());
    if kind != WorkloadKind::Deployment.kind() {
        return Some(Err(Blocked {
            reason: format!("{of} uses the template of {}/{name}, which redflag does not patch", kind.to_lowercase()),
            way_out: format!("manually: kubectl argo rollouts undo {} -n {}", of.name, of.namespace),
        }));
    }
    let reference = WorkloadRef { kind: WorkloadKind::Deployment, namespace: of.namespace.clone(), name };
    let read = workload::read_workload(cluster, &reference).await;
    Some(read.map(|object| (reference, object)))
}

/// Drafts the abort or the retry and tries it; `None` when the workload changed meanwhile. Clusters whose definition
/// of Rollouts has no subresource `status` answer 404, and take it in the Rollout itself.
async fn write_status(
    cluster: &Cluster,
    request: &PlanRequest,
    snapshot: &Snapshot,
    abort: bool,
) -> Result<Option<Step>, Refusal> {
    for subresource in [Subresource::Status, Subresource::None] {
        let step = preflight::abort::draft_abort(&cluster.label, request, snapshot.objects(), abort, subresource)?;
        let Action::Abort(Abort { patch, .. }) = &step.action else { break };
        let shows = |object: &Value| abort::is_as_asked(object, abort);
        let (permission, dry_run) = tokio::join!(
            workload::review(cluster, &request.reference, subresource.path()),
            workload::try_status(cluster, (patch, &step.manual_command), subresource.path(), shows),
        );
        let is_allowed = permission.outcome != CheckOutcome::Blocked;
        let drafted = preflight::add(Ok(step), [snapshot.identity.clone(), permission]);
        return match dry_run {
            None => continue,
            // Without the permission the dry_run only says so again.
            Some(DryRun::Made(check)) if is_allowed => preflight::add(drafted, [check]).map(Some),
            Some(DryRun::Overtaken) => Ok(None),
            Some(DryRun::Made(_) | DryRun::NotMade) => drafted.map(Some),
        };
    }
    Ok(None)
}

/// Sends an abort or a retry: one request, with nothing before it and no second try.
pub async fn send(cluster: &Cluster, step: &Step, action: &Abort) -> Answer {
    let Abort { abort, patch, subresource } = action;
    let abort = *abort;
    let reply = match workload::change(cluster, step, patch, subresource.path()).await {
        Changed::Told(answer) => return answer,
        Changed::Overtaken(reply) => reply,
    };
    let of = &patch.reference;
    match look(cluster, step, patch, abort).await {
        Ok(State::AsAsked) if abort => Answer::ChangedUnderUs(format!("somebody else already aborted {of}")),
        Ok(State::AsAsked) => Answer::ChangedUnderUs(format!("somebody else already resumed {of}")),
        Ok(State::Changed(text)) => Answer::ChangedUnderUs(text),
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("the API server rejected it although the update has not moved: {}", reply.said()),
            way_out: format!("retry, or manually: {}", step.manual_command),
        }),
        Err(reason) => Answer::ChangedUnderUs(format!(
            "{of} was changed before the request arrived; its state is unknown: {reason}"
        )),
    }
}

/// Reads whether an abort or a retry took effect. Changes nothing.
pub async fn read_back(cluster: &Cluster, step: &Step, patch: &PinnedPatch, abort: bool) -> Answer {
    match look(cluster, step, patch, abort).await {
        Ok(State::AsAsked) => Answer::Accepted,
        Ok(State::Changed(text)) => Answer::ChangedUnderUs(text),
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("it did not take effect on {}", patch.reference),
            way_out: "retry: the request is idempotent".to_owned(),
        }),
        Err(reason) => Answer::Unknown(reason),
    }
}

/// A Rollout as it is, compared with what the step was made for.
enum State {
    /// The abort is set, or lifted, for the very update that was meant.
    AsAsked,
    /// The update is where it was.
    Untouched,
    /// It is neither; the sentence says what it is.
    Changed(String),
}

async fn look(cluster: &Cluster, step: &Step, patch: &PinnedPatch, abort: bool) -> Result<State, String> {
    let of = &patch.reference;
    let object = match workload::find(cluster, step, patch).await? {
        Found::Same(object) => object,
        Found::Gone(text) => return Ok(State::Changed(text)),
    };
    let standing = UpdateStatus::of(&object);
    let update = standing.update();
    let covered = step.covers.first();
    let meant = covered.map(|covered| if abort { &covered.from } else { &covered.to });
    let by = author::by(author::of_spec(&object).as_ref());
    // One that takes its template from elsewhere has no images to name.
    let template = &object["spec"]["template"];
    let has_images = !template::images(template, None).is_empty();
    let is_other = |meant: &Version| {
        let unseen = !update.is_observed && has_images && !template::runs(template, &meant.images);
        update.status.current_pod_hash != meant.hash || unseen
    };
    if meant.is_none_or(is_other) {
        let container = covered.and_then(|covered| covered.from.main_container());
        let label = template::label(&object, container);
        let runs = if has_images { format!("; it now runs {label}") } else { String::new() };
        return Ok(State::Changed(format!("another deploy of {of} came first{by}{runs}")));
    }
    if abort && update.is_promoted() {
        let label = covered.map_or("the new version", |covered| covered.from.label());
        return Ok(State::Changed(format!("{label} was promoted meanwhile: it is the stable version of {of} now")));
    }
    Ok(if abort::is_as_asked(&object, abort) {
        State::AsAsked
    } else if object["metadata"]["generation"] != patch.generation {
        State::Changed(format!("{of} was changed (replicas or settings){by}; its update has not moved"))
    } else {
        State::Untouched
    })
}
