//! Kubernetes' own undo: prepared and tried in advance, sent once, and read back when its answer is lost.

mod answer;
pub(super) mod api;
mod selector;

use super::Strategy;
use crate::cluster::Cluster;
use crate::deploy::{WorkloadRef, version_label};
use crate::rollback::action::{Action, Patch};
use crate::rollback::ask::Ask;
use crate::rollback::preflight::{self, Objects, Owner};
use crate::rollback::target::{patch, template};
use crate::rollback::{Answer, Blocked, Check, Readiness, Refusal, Run, Step};
use answer::Meaning;
use api::{Call, Lost, Reply};
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;
use std::sync::Arc;

/// Kubernetes' own undo, as a strategy.
pub struct Undo {
    cluster: Cluster,
}

impl Undo {
    /// The undo of workloads in this cluster.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }
}

impl Strategy for Undo {
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness> {
        prepare(&self.cluster, ask).boxed()
    }

    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        send(&self.cluster, step).boxed()
    }

    fn follow<'a>(&'a self, _step: &'a Step, _run: &'a Run) -> BoxFuture<'a, Answer> {
        // An undo has no run: what it does is seen in the pods.
        ready(Answer::Accepted).boxed()
    }

    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        read_back(&self.cluster, step).boxed()
    }
}

/// Works out whether an undo would succeed now: reads the workload and its history, picks the target,
/// asks whether we may, and lets the API server try it without storing anything.
///
/// Four or five requests, none of which changes anything; each has the cluster's timeout. A change that
/// comes between the reading and the trying is answered by doing both once more.
pub async fn prepare(cluster: &Cluster, ask: &Ask) -> Readiness {
    match step_under(Owner::Heeded, cluster, ask).await {
        Ok(step) => Readiness::Ready(Arc::new(step)),
        Err(refusal) => Readiness::Blocked(refusal),
    }
}

/// The same, also for whoever deals with the workload's owner.
pub(super) async fn step_under(owner: Owner, cluster: &Cluster, ask: &Ask) -> Result<Step, Refusal> {
    for _ in 0..2 {
        if let Some(step) = attempt(owner, cluster, ask).await? {
            return Ok(step);
        }
    }
    let reference = &ask.reference;
    Err(Refusal::from(Blocked {
        reason: format!("{reference} changes faster than an undo of it can be prepared"),
        way_out: "find out who else deploys or scales it, and wait until they have done".to_owned(),
    }))
}

/// The objects of one workload, as they were read.
pub(super) struct Sight {
    pub(super) workload: Value,
    /// The list of its history, and more that its selector finds.
    pub(super) history: Value,
    /// The list of its pods, where they matter.
    pub(super) pods: Value,
}

impl Sight {
    pub(super) fn objects(&self) -> Objects<'_> {
        Objects { workload: &self.workload, history: items(&self.history), pods: items(&self.pods) }
    }
}

/// Reads all that an undo is drafted from: two requests, or three where pods matter.
pub(super) async fn look_at(cluster: &Cluster, reference: &WorkloadRef) -> Result<Sight, Blocked> {
    let workload = read_workload(cluster, reference).await?;
    let selector = selector::of(&workload);
    let history = Call::History(reference, &selector);
    let history = read(cluster, history, reference, api::history_plural(reference.kind), "list").await?;
    let pods = if preflight::waits_for_broken_pods(reference.kind, &workload) {
        // Only their names are wanted, for a warning that stands without them.
        read(cluster, Call::Pods(reference, &selector), reference, "pods", "list").await.unwrap_or_default()
    } else {
        Value::Null
    };
    Ok(Sight { workload, history, pods })
}

/// Reads the workload itself.
pub(super) async fn read_workload(cluster: &Cluster, reference: &WorkloadRef) -> Result<Value, Blocked> {
    read(cluster, Call::Workload(reference), reference, reference.kind.plural(), "get").await
}

/// One preparation; `None` when the workload changed in its midst.
async fn attempt(owner: Owner, cluster: &Cluster, ask: &Ask) -> Result<Option<Step>, Refusal> {
    let reference = &ask.reference;
    let sight = look_at(cluster, reference).await?;
    let mut step = preflight::draft_under(owner, &cluster.label, ask, sight.objects())?;

    let Some(patch) = patch_of(&step).cloned() else { return Ok(Some(step)) };
    let (review, trial) = tokio::join!(
        api::ask(cluster, Call::AccessReview(reference)),
        api::ask(cluster, Call::Patch { of: reference, patch: &patch.document, dry: true }),
    );
    let permission = permission(reference, review)?;
    let Some(trial) = trial_outcome(cluster, &step, &patch, trial)? else { return Ok(None) };
    step.checks.extend([permission, trial]);
    Ok(Some(step))
}

async fn read(cluster: &Cluster, call: Call<'_>, of: &WorkloadRef, plural: &str, verb: &str) -> Result<Value, Blocked> {
    let reply = api::ask(cluster, call).await.map_err(|lost| answer::unreachable(&cluster.label, &lost.reason()))?;
    if reply.is_success() && reply.body.is_object() {
        Ok(reply.body)
    } else {
        Err(answer::unread(of, plural, verb, &reply))
    }
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What the access review says. “No opinion” (neither allowed nor denied) is a no; an answer that could not
/// be worked out is neither, and the trial decides alone.
fn permission(of: &WorkloadRef, review: Result<Reply, Lost>) -> Result<Check, Blocked> {
    let name = "permission";
    let plural = of.kind.plural();
    let unknown = |why: String| {
        let sentence = format!("the cluster does not say whether you may patch {plural}: {why}");
        Check::warning(name, sentence, None)
    };
    let reply = match review {
        Ok(reply) if reply.is_success() => reply,
        Ok(reply) => return Ok(unknown(reply.said())),
        Err(lost) => return Ok(unknown(lost.reason())),
    };
    let status = &reply.body["status"];
    if status["allowed"] == true {
        return Ok(Check::ok(name, format!("you may patch {plural} in {}", of.namespace)));
    }
    match (status["evaluationError"].as_str(), status["reason"].as_str()) {
        (Some(error), _) if status["denied"] != true => Ok(unknown(api::one_line(error))),
        (_, Some(reason)) if !reason.is_empty() => {
            Err(answer::not_allowed("patch", plural, &of.namespace, &api::one_line(reason)))
        }
        _ => Err(answer::not_allowed("patch", plural, &of.namespace, "no role allows it")),
    }
}

/// What the dry run says; `None` when the workload changed since it was read.
fn trial_outcome(
    cluster: &Cluster,
    step: &Step,
    patch: &Patch,
    trial: Result<Reply, Lost>,
) -> Result<Option<Check>, Blocked> {
    let name = "dry run";
    let warning = |sentence: String| Ok(Some(Check::warning(name, sentence, None)));
    let reply = trial.map_err(|lost| answer::unreachable(&cluster.label, &lost.reason()))?;
    match answer::meaning(&patch.reference, &reply, &step.by_hand) {
        Meaning::Taken if template::same(&reply.body["spec"]["template"], patch::template(&patch.document)) => {
            Ok(Some(Check::ok(name, "the API server has tried it and would take it")))
        }
        Meaning::Taken => warning("the API server would take it, but admission changes the old template".to_owned()),
        Meaning::Overtaken => Ok(None),
        // A webhook with side effects takes no dry runs; that says nothing of the real request.
        Meaning::Refused(_) if reply.status == 400 && reply.said().contains("dry run") => {
            warning(format!("it cannot be tried in advance: {}", reply.said()))
        }
        Meaning::Refused(_) if reply.status == 429 => {
            warning("it could not be tried in advance: the API server is too busy".to_owned())
        }
        Meaning::Refused(blocked) => Err(blocked),
        Meaning::Unclear(reason) => Err(Blocked {
            reason: format!("a dry run of the undo fails: {reason}"),
            way_out: format!("check the API server, or try by hand: {}", step.by_hand),
        }),
    }
}

/// Sends the undo: one request, with nothing before it and no second try.
///
/// The `test` operations make it harmless to send an undo again by hand: once anything has changed, itself
/// included, it changes nothing.
pub async fn send(cluster: &Cluster, step: &Step) -> Answer {
    match &step.action {
        Action::Patch(patch) => send_patch(cluster, step, patch).await,
        _ => super::not_mine(step),
    }
}

/// Reads whether the undo took effect. Changes nothing.
pub async fn read_back(cluster: &Cluster, step: &Step) -> Answer {
    match &step.action {
        Action::Patch(patch) => read_back_patch(cluster, step, patch).await,
        _ => super::not_mine(step),
    }
}

/// Sends a step's patch, once.
pub(super) async fn send_patch(cluster: &Cluster, step: &Step, patch: &Patch) -> Answer {
    let call = Call::Patch { of: &patch.reference, patch: &patch.document, dry: false };
    let reply = match api::ask(cluster, call).await {
        Ok(reply) => reply,
        Err(Lost::NotSent(reason)) => return Answer::Refused(answer::unreachable(&step.place, &reason)),
        Err(Lost::Unknown(reason)) => return Answer::Unknown(reason),
    };
    match answer::meaning(&patch.reference, &reply, &step.by_hand) {
        Meaning::Taken => Answer::Accepted,
        Meaning::Refused(blocked) => Answer::Refused(blocked),
        Meaning::Unclear(reason) => Answer::Unknown(reason),
        Meaning::Overtaken => overtaken(step, patch, look(cluster, step, patch).await, &reply),
    }
}

/// Reads whether a step's patch took effect. Changes nothing.
pub(super) async fn read_back_patch(cluster: &Cluster, step: &Step, patch: &Patch) -> Answer {
    match look(cluster, step, patch).await {
        Ok(State::Restored) => Answer::Accepted,
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("the undo of {} did not take effect", patch.reference),
            way_out: "try again: the request does nothing if the first one should still arrive".to_owned(),
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

async fn look(cluster: &Cluster, step: &Step, patch: &Patch) -> Result<State, String> {
    let of = &patch.reference;
    let reply = api::ask(cluster, Call::Workload(of)).await.map_err(Lost::reason)?;
    if reply.status == 404 {
        return Ok(State::Changed(format!("{of} has been deleted")));
    }
    if !reply.is_success() || !reply.body.is_object() {
        return Err(format!("{of} could not be read: the API server answered {}: {}", reply.status, reply.said()));
    }
    let object = &reply.body;
    let live = &object["spec"]["template"];
    let images = template::images(live);
    let image = images.first().map_or("?", |image| version_label(image));
    if object["metadata"]["uid"] != patch.uid.as_str() {
        return Ok(State::Changed(format!("{of} was deleted and made anew; it now runs {image}")));
    }
    if template::same(live, patch::template(&patch.document)) {
        return Ok(State::Restored);
    }
    if object["metadata"]["generation"] == patch.generation {
        return Ok(State::Untouched);
    }
    let covered = step.covers.first();
    Ok(State::Changed(match covered {
        Some(covered) if images == covered.from.images => {
            format!("{of} was changed (scaled, or its settings); it still runs {image}")
        }
        Some(covered) if images == covered.to.images => {
            format!("{of} runs {image} again, with other settings than revision {} had", covered.to.revision)
        }
        _ => format!("another deploy of {of} was quicker; it now runs {image}"),
    }))
}

/// Says what was quicker than an undo whose tests failed. The undo itself has certainly done nothing.
fn overtaken(step: &Step, patch: &Patch, state: Result<State, String>, reply: &Reply) -> Answer {
    match state {
        Ok(State::Restored) => {
            Answer::ChangedUnderUs(format!("somebody has already taken it back to {}", step.target()))
        }
        Ok(State::Changed(text)) => Answer::ChangedUnderUs(text),
        Ok(State::Untouched) => Answer::Refused(Blocked {
            reason: format!("the API server rejected the undo although nothing has changed: {}", reply.said()),
            way_out: format!("try again, or by hand: {}", step.by_hand),
        }),
        Err(reason) => Answer::ChangedUnderUs(format!(
            "{} was changed before the undo arrived; what it runs now is not known: {reason}",
            patch.reference
        )),
    }
}

/// The patch that a drafted step would send.
fn patch_of(step: &Step) -> Option<&Patch> {
    match &step.action {
        Action::Patch(patch) | Action::Flux { patch, .. } => Some(patch),
        _ => None,
    }
}
