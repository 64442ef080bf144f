//! Kubernetes' own undo: prepared and tried in advance, sent once, and read back when its answer is lost.

mod answer;
pub(crate) mod api;
mod around;
mod permission;
mod pods;
mod selector;
mod snapshot;

pub(crate) use around::jobs;
pub(crate) use permission::{DryRun, review, try_status};
pub use pods::delete as delete_pods;
pub(crate) use snapshot::{Snapshot, look_at, read, read_workload};

use crate::cluster::Cluster;
use crate::deploy::{WorkloadKind, WorkloadRef};
use crate::rollback::action::{Action, PinnedPatch};
use crate::rollback::destination::history::Entry;
use crate::rollback::destination::text::items;
use crate::rollback::destination::{Lineage, author, patch, template};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::{self, Aim, OwnerPolicy};
use crate::rollback::request::PlanRequest;
use crate::rollback::{Answer, Blocked, Check, CheckOutcome, Covered, Readiness, Refusal, Step};
use answer::Meaning;
use api::{Call, Lost, Reply};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::Value;

/// Which cluster this is, by what never changes: the uid of its namespace `kube-system`, or its address where that may not
/// be read.
pub async fn identify(cluster: &Cluster) -> String {
    // What there is to say of it is said with the plan.
    let _told = around::identity(cluster).await;
    cluster.identity.uid().unwrap_or(&cluster.label).to_owned()
}

/// Plans Kubernetes' own undo.
pub struct Undo {
    cluster: Cluster,
}

impl Undo {
    /// The undo of workloads in this cluster.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }
}

impl Planner for Undo {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        prepare(&self.cluster, request).boxed()
    }
}

/// Computes whether an undo would succeed now: reads the workload, its history and what is around it, picks
/// the target, asks whether we may, and lets the API server try it without storing anything.
///
/// At most thirteen requests, in three rounds of requests in parallel, none of which changes anything; each has
/// the cluster's timeout. Where many workloads are prepared at once, all but the dry_run are shared: see
/// [`Facts`](crate::cluster::Facts). A change that comes between the reading and the trying is answered by doing it all
/// once more.
///
/// An Argo Rollout is not for this way alone: its updates are aborted, and some take their template from elsewhere.
pub async fn prepare(cluster: &Cluster, request: &PlanRequest) -> Readiness {
    if request.reference.kind == WorkloadKind::Rollout {
        return Readiness::Blocked(Refusal::from(Blocked {
            reason: format!("{} is an Argo Rollout, which Kubernetes itself cannot roll back", request.reference),
            way_out: "choose strategy = \"argo-rollouts\", or \"owner\"".to_owned(),
        }));
    }
    step_under(OwnerPolicy::Heeded, cluster, request).await.into()
}

/// The earlier revisions in its history, the newest first: two requests, and nothing of what a rollback there would need.
pub(crate) async fn earlier(
    cluster: &Cluster,
    reference: &WorkloadRef,
    container: Option<&str>,
) -> Result<Vec<Entry>, Blocked> {
    let (workload, history) = snapshot::read_revisions(cluster, reference).await?;
    let lineage = Lineage::of(reference.kind, &workload, items(&history["items"]), container);
    let current = lineage.current.as_ref().map(|current| current.version.revision);
    let earlier = lineage.entries.into_iter().filter(|entry| Some(entry.version.revision) != current);
    Ok(earlier.collect())
}

/// Computes an undo, also for whoever deals with the workload's owner.
pub(crate) async fn step_under(owner: OwnerPolicy, cluster: &Cluster, request: &PlanRequest) -> Result<Step, Refusal> {
    for _ in 0..2 {
        if let Some(step) = attempt(owner, cluster, request).await? {
            return Ok(step);
        }
        // What was read together is out of date as well.
        cluster.facts.forget();
    }
    Err(changes_too_fast(&request.reference))
}

/// A workload that was changed in the midst of each preparation.
pub(crate) fn changes_too_fast(reference: &WorkloadRef) -> Refusal {
    Refusal::from(Blocked {
        reason: format!("{reference} changes faster than a rollback can be prepared"),
        way_out: "find out who is deploying or scaling it, and wait until they are done".to_owned(),
    })
}

/// One preparation; `None` when the workload changed in its midst.
async fn attempt(owner: OwnerPolicy, cluster: &Cluster, request: &PlanRequest) -> Result<Option<Step>, Refusal> {
    let reference = &request.reference;
    let (permission, snapshot) = tokio::join!(review(cluster, reference, ""), read(cluster, reference));
    match snapshot {
        Ok(snapshot) if snapshot.workload["spec"]["workloadRef"].is_object() => Err(Refusal::from(Blocked {
            reason: format!("{reference} has no template of its own: it uses that of another object"),
            way_out: "roll back where that object comes from".to_owned(),
        })),
        Ok(snapshot) => undo(owner, cluster, request, snapshot, permission, None).await,
        Err(check) => Err(preflight::refusal(vec![check, permission])),
    }
}

/// Drafts the undo of what was read, and tries it; `None` when the workload changed meanwhile. `through` is the object
/// from which the workload takes its template, where it has none of its own.
pub(crate) async fn undo(
    owner: OwnerPolicy,
    cluster: &Cluster,
    request: &PlanRequest,
    mut snapshot: Snapshot,
    permission: Check,
    through: Option<(&WorkloadRef, &Value)>,
) -> Result<Option<Step>, Refusal> {
    let reference = &request.reference;
    let is_allowed = permission.outcome != CheckOutcome::Blocked;
    let mut aim = Aim::of(request, &snapshot.workload, snapshot.objects().history);
    if let Some((reference, object)) = through {
        aim = aim.through(reference, object).map_err(Refusal::from)?;
    }
    let references = aim.references();
    let (config_maps, secrets, dry_run) = tokio::join!(
        around::metadata(cluster, reference, "configmaps", references.config_maps()),
        around::metadata(cluster, reference, "secrets", references.secrets()),
        permission::try_out(cluster, aim.patch()),
    );
    (snapshot.around.config_maps, snapshot.around.secrets) = (config_maps, secrets);

    let mut drafted = preflight::draft_under(owner, &cluster.label, request, snapshot.objects());
    if let (Ok(step), Some((from, _)), Some((patch, _))) = (&mut drafted, through, aim.patch()) {
        step.action = Action::Patch(patch.clone());
        step.does.insert(0, format!("patch {from}, whose template {reference} uses:"));
    }
    let drafted = preflight::add(drafted, [snapshot.identity, permission]);
    match dry_run {
        // Without the permission the dry_run only says so again.
        DryRun::Made(check) if is_allowed => preflight::add(drafted, [check]).map(Some),
        DryRun::Overtaken => Ok(None),
        DryRun::Made(_) | DryRun::NotMade => drafted.map(Some),
    }
}

/// Sends a step's patch: one request, with nothing before it and no second try.
///
/// The `test` operations make it harmless to send an undo again manually: once anything has changed, itself
/// included, it changes nothing.
pub async fn send_patch(cluster: &Cluster, step: &Step, patch: &PinnedPatch) -> Answer {
    match change(cluster, step, patch, "").await {
        Changed::Told(answer) => answer,
        Changed::Overtaken(reply) => overtaken(step, patch, look(cluster, step, patch).await, &reply),
    }
}

/// What came of a request that changes something.
pub(crate) enum Changed {
    /// The answer tells what came of it.
    Told(Answer),
    /// Its tests did not hold, so that it has certainly done nothing: somebody was quicker.
    Overtaken(Reply),
}

/// Sends a patch of a workload or of its subresource, once.
pub(crate) async fn change(cluster: &Cluster, step: &Step, patch: &PinnedPatch, subresource: &'static str) -> Changed {
    let call = Call::Patch { of: &patch.reference, subresource, patch: &patch.document, dry: false };
    let reply = match api::ask(cluster, call).await {
        Ok(reply) => reply,
        Err(Lost::NotSent(reason)) => {
            return Changed::Told(Answer::Refused(answer::unreachable(&step.place, &reason)));
        }
        Err(Lost::Unknown(reason)) => return Changed::Told(Answer::Unknown(reason)),
    };
    Changed::Told(match answer::meaning(&patch.reference, &reply, &step.manual_command) {
        Meaning::Taken => done(patch, subresource, &reply),
        Meaning::Refused(blocked) => Answer::Refused(blocked),
        Meaning::Unclear(reason) => Answer::Unknown(reason),
        Meaning::Overtaken => return Changed::Overtaken(reply),
    })
}

/// What the answer to a patch that was taken shows: an API server answers with the object as it has stored it. Where it
/// shows anything else, whoever answered is not asked to be believed: it is read back.
fn done(patch: &PinnedPatch, subresource: &str, reply: &Reply) -> Answer {
    let object = &reply.body;
    if object["metadata"]["uid"] != patch.uid.as_str() {
        return Answer::Unknown("the response says done, but does not show it".to_owned());
    }
    let (before, live) = (patch::replaced(&patch.document), &object["spec"]["template"]);
    if subresource.is_empty() && !before.is_null() && template::same(live, before) {
        let wanted = patch::template(&patch.document);
        if !template::same(before, wanted) {
            return Answer::Unknown("the response says done, but shows the version from before".to_owned());
        }
    }
    Answer::Accepted
}

/// Reads whether a step's patch took effect. Changes nothing.
pub async fn read_back_patch(cluster: &Cluster, step: &Step, patch: &PinnedPatch) -> Answer {
    match look(cluster, step, patch).await {
        Ok(State::Restored) => Answer::Accepted,
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("the rollback of {} did not take effect", patch.reference),
            way_out: "retry: the request does nothing if the first one still arrives".to_owned(),
        }),
        Ok(State::Changed(text)) => Answer::ChangedUnderUs(text),
        Err(reason) => Answer::Unknown(reason),
    }
}

/// The workload as it is, compared with what the undo was made for.
enum State {
    /// It has the template that the undo brings.
    Restored,
    /// It is what it was.
    Untouched,
    /// It is neither; the sentence says what it is.
    Changed(String),
}

/// The object of a patch, as it is now.
pub(crate) enum Found {
    /// The very object that was pinned.
    Same(Value),
    /// Deleted, or another one by that name; the sentence says which.
    Gone(String),
}

/// Reads the object of a patch; the error says why it could not be read.
pub(crate) async fn find(cluster: &Cluster, step: &Step, patch: &PinnedPatch) -> Result<Found, String> {
    let of = &patch.reference;
    let reply = api::ask(cluster, Call::Workload(of)).await.map_err(Lost::reason)?;
    let object = &reply.body;
    let uid = object["metadata"]["uid"].as_str().filter(|_| reply.is_success());
    let is_gone = reply.status == 404;
    if uid.is_none() && !is_gone {
        return Err(format!("cannot read {of}: the API server returned {}: {}", reply.status, reply.said()));
    }
    if uid != Some(patch.uid.as_str()) {
        // Of another cluster that answers at the same address nothing follows for this one.
        let identity = around::identity(cluster).await;
        if identity.outcome == CheckOutcome::Blocked {
            return Err(identity.sentence);
        }
    }
    if is_gone {
        return Ok(Found::Gone(format!("{of} has been deleted")));
    }
    if uid != Some(patch.uid.as_str()) {
        let (by, image) = (author::by(author::of_spec(object).as_ref()), image(step, object));
        return Ok(Found::Gone(format!("{of} was deleted and recreated{by}; it now runs {image}")));
    }
    Ok(Found::Same(reply.body))
}

/// The version in a workload's template, as people call it: of the container that the step went by.
fn image(step: &Step, workload: &Value) -> String {
    template::label(workload, step.covers.first().and_then(|covered| covered.from.main_container()))
}

async fn look(cluster: &Cluster, step: &Step, patch: &PinnedPatch) -> Result<State, String> {
    let of = &patch.reference;
    let object = match find(cluster, step, patch).await? {
        Found::Same(object) => object,
        Found::Gone(text) => return Ok(State::Changed(text)),
    };
    let object = &object;
    let live = &object["spec"]["template"];
    let image = image(step, object);
    let by = author::by(author::of_spec(object).as_ref());
    if template::same(live, patch::template(&patch.document)) || is_ours(step, patch, object) {
        return Ok(State::Restored);
    }
    let before = patch::replaced(&patch.document);
    let is_untouched = if before.is_null() {
        object["metadata"]["generation"] == patch.generation
    } else {
        template::same(live, before)
    };
    if is_untouched {
        return Ok(State::Untouched);
    }
    let covered = step.covers.first();
    Ok(State::Changed(match covered {
        Some(covered) if template::runs(live, &covered.from.images) => {
            let by = author::by(author::of_settings(object).as_ref());
            format!("{of} was changed (other settings){by}; it still runs {image}")
        }
        Some(covered) if template::runs(live, &covered.to.images) => {
            format!("{of} runs {image} again{by}, with other settings than revision {} had", covered.to.revision)
        }
        _ => format!("another deploy of {of} came first{by}; it now runs {image}"),
    }))
}

/// Whether an undo made the workload what it is although its template is not quite the old one: admission may
/// change what it lets in.
fn is_ours(step: &Step, patch: &PinnedPatch, object: &Value) -> bool {
    let is_newer = object["metadata"]["generation"].as_i64().is_some_and(|generation| generation > patch.generation);
    let live = &object["spec"]["template"];
    let is_target =
        |covered: &Covered| covered.reference == patch.reference && template::runs(live, &covered.to.images);
    let is_target = step.covers.iter().any(is_target);
    is_newer && is_target && author::of_spec(object).is_some_and(|author| author.manager == api::FIELD_MANAGER)
}

/// Says what was quicker than an undo whose tests failed. The undo itself has certainly done nothing.
fn overtaken(step: &Step, patch: &PinnedPatch, state: Result<State, String>, reply: &Reply) -> Answer {
    match state {
        Ok(State::Restored) => {
            Answer::ChangedUnderUs(format!("somebody else already rolled it back to {}", step.target()))
        }
        Ok(State::Changed(text)) => Answer::ChangedUnderUs(text),
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("the API server rejected the rollback although nothing changed: {}", reply.said()),
            way_out: format!("retry, or manually: {}", step.manual_command),
        }),
        Err(reason) => Answer::ChangedUnderUs(format!(
            "{} was changed before the rollback arrived; unknown what it runs now: {reason}",
            patch.reference
        )),
    }
}
