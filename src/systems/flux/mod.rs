//! Flux is told to leave the workload alone, then Kubernetes undoes it: otherwise Flux's next reconciliation brings
//! the new version back.

mod config;

pub use config::FluxSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::cluster::{Access, Cluster};
use crate::rollback::action::{Action, FluxKind, FluxOwner, FluxUndo, PinnedPatch};
use crate::rollback::owner::{self, Owner};
use crate::rollback::planner::Planner;
use crate::rollback::preflight::{self, OwnerPolicy};
use crate::rollback::request::PlanRequest;
use crate::rollback::workload;
use crate::rollback::workload::api::{self, Call, Lost, Reply};
use crate::rollback::{Answer, Blocked, Check, CheckKind, Readiness, Refusal, Step};
use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};

/// Plans an undo with its owner suspended.
pub struct Flux {
    cluster: Cluster,
}

/// So many owners of an owner are looked at, one above the other.
const MOST_ABOVE: usize = 4;

/// What came of suspending, or of trying to.
enum Suspending {
    Done,
    Refused(Blocked),
    Unknown(String),
}

impl Flux {
    /// Rolls back workloads that Flux manages in this cluster.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    async fn attempt(&self, request: &PlanRequest) -> Result<Step, Refusal> {
        let reference = &request.reference;
        let workload = workload::read_workload(&self.cluster, reference).await?;
        let Owner::Flux(owner) = owner::of(&workload) else {
            return Err(Refusal::from(Blocked {
                reason: format!("{reference} does not name a Flux owner"),
                way_out: "choose strategy = \"owner\" or \"kubernetes\"".to_owned(),
            }));
        };
        let (drafted, (suspended, checks)) = tokio::join!(
            workload::step_under(OwnerPolicy::Handled, &self.cluster, request),
            self.prepare_to_suspend(&owner)
        );
        let mut step = preflight::add(drafted, checks)?;
        let owner = FluxOwner { suspended, ..owner };
        let first = if suspended { format!("{owner} stays suspended") } else { format!("suspend {owner}") };
        step.does.insert(0, first);
        step.manual_command = format!("{} && {}", command("suspend", &owner), step.manual_command);
        step.action = match step.action {
            Action::Patch(patch) => Action::Flux(FluxUndo { owner, patch }),
            other => other,
        };
        Ok(step)
    }

    /// Whether it is suspended already, and whether we could suspend it.
    async fn prepare_to_suspend(&self, owner: &FluxOwner) -> (bool, Vec<Check>) {
        let object = match read(&self.cluster, owner).await {
            Ok(object) => object,
            Err(blocked) => return (false, vec![Check::blocked(CheckKind::Owner, blocked)]),
        };
        let suspended = object["spec"]["suspend"] == true;
        let access = Access {
            verb: "patch",
            group: owner.kind.group(),
            resource: plural(owner.kind),
            namespace: &owner.namespace,
            name: Some(&owner.name),
        };
        let (allowed, dry_run, above) =
            tokio::join!(self.cluster.may(access), suspend(&self.cluster, owner, true), self.kept_by(owner, &object));
        let permission = match allowed {
            Ok(true) => Check::ok(CheckKind::Permission, format!("you may suspend {owner} in {}", owner.namespace)),
            Ok(false) => Check::blocked(CheckKind::Permission, not_allowed(owner, "patch", "no role allows it")),
            Err(error) => {
                let sentence = format!("unknown whether you may suspend {owner}: {error}");
                Check::warning(CheckKind::Permission, sentence, None)
            }
        };
        let mut checks = vec![reminder(owner, suspended), permission];
        checks.extend(above);
        checks.extend(match dry_run {
            Suspending::Done => None,
            Suspending::Refused(blocked) => Some(Check::blocked(CheckKind::DryRun, blocked)),
            Suspending::Unknown(reason) => {
                let reason = format!("dry run of suspending {owner} failed: {reason}");
                let way_out = format!("check the API server, or try it manually: {}", command("suspend", owner));
                Some(Check::blocked(CheckKind::DryRun, Blocked { reason, way_out }))
            }
        });
        checks.extend(reconciling(owner, &object));
        (suspended, checks)
    }

    /// Whether something that manages the owner itself would revert its `suspend`. All that would are named, the
    /// highest first in the way out: each is managed by the one above it.
    async fn kept_by(&self, owner: &FluxOwner, object: &Value) -> Option<Check> {
        let mut below = owner.clone();
        let mut object = object.clone();
        let mut taking: Vec<(String, String)> = Vec::new();
        let mut first = None;
        for _ in 0..MOST_ABOVE {
            let manager = owner::of(&object);
            let Some((who, way_out)) = named(&manager) else { break };
            // The root of a cluster is managed by itself: suspended, it reconciles nothing.
            if matches!(&manager, Owner::Flux(parent) if *parent == FluxOwner { suspended: false, ..below.clone() }) {
                break;
            }
            let Owner::Flux(parent) = manager else {
                if owner::writes(&object, &["spec", "suspend"]) != Some(false) {
                    first.get_or_insert_with(|| sentence(&who, &below, &object));
                    taking.push((who, way_out));
                }
                break;
            };
            if owner::writes(&object, &["spec", "suspend"]) == Some(false) {
                if first.is_none() {
                    return Some(Check::ok(CheckKind::Owner, format!("{parent} manages {below} but not spec.suspend")));
                }
                break;
            }
            let read = read(&self.cluster, &parent).await.ok();
            if read.as_ref().is_some_and(|read| read["spec"]["suspend"] == true) {
                if first.is_none() {
                    return Some(Check::ok(
                        CheckKind::Owner,
                        format!("{parent} manages {below} and is itself suspended"),
                    ));
                }
                break;
            }
            first.get_or_insert_with(|| sentence(&who, &below, &object));
            taking.push((who, way_out));
            let Some(read) = read else { break };
            (below, object) = (parent, read);
        }
        let commands: Vec<String> = taking.into_iter().rev().map(|(_, way_out)| way_out).collect();
        Some(Check::typed(
            CheckKind::Owner,
            first?,
            format!("{}; or revert the commit in Git instead", commands.join(", then ")),
        ))
    }
}

impl Planner for Flux {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.attempt(request).map(Readiness::from).boxed()
    }
}

async fn read(cluster: &Cluster, owner: &FluxOwner) -> Result<Value, Blocked> {
    let collection = collection(owner);
    let call = Call::Object { collection: &collection, name: &owner.name };
    let reply = api::ask(cluster, call).await.map_err(|lost| unreachable(cluster, lost))?;
    if reply.is_success() && reply.body.is_object() { Ok(reply.body) } else { Err(refusal(owner, "get", &reply)) }
}

/// Asks for it once; suspending what is suspended changes nothing.
async fn suspend(cluster: &Cluster, owner: &FluxOwner, dry: bool) -> Suspending {
    let (collection, patch) = (collection(owner), json!({"spec": {"suspend": true}}));
    let call = Call::Merge { collection: &collection, name: &owner.name, patch: &patch, dry };
    match api::ask(cluster, call).await {
        Ok(reply) if reply.is_success() => Suspending::Done,
        // As with the undo: the write may have come before the server gave up on the request.
        Ok(reply) if matches!(reply.status, 408 | 500..) => {
            Suspending::Unknown(format!("the API server returned {}: {}", reply.status, reply.said()))
        }
        Ok(reply) => Suspending::Refused(refusal(owner, "patch", &reply)),
        Err(Lost::Unknown(reason)) => Suspending::Unknown(reason),
        Err(lost @ Lost::NotSent(_)) => Suspending::Refused(unreachable(cluster, lost)),
    }
}

/// Suspends the owner and sends the undo: two requests, nothing looked up before them and none repeated.
pub async fn send(cluster: &Cluster, step: &Step, undo: &FluxUndo) -> Answer {
    let FluxUndo { owner, patch } = undo;
    match suspend(cluster, owner, false).await {
        Suspending::Done => {}
        Suspending::Refused(blocked) => return Answer::Refused(blocked),
        Suspending::Unknown(reason) => {
            return Answer::Unknown(format!(
                "unknown whether {owner} was suspended ({reason}); the rollback was not sent"
            ));
        }
    }
    let answer = workload::send_patch(cluster, step, patch).await;
    if owner.suspended {
        return answer;
    }
    let resume = command("resume", owner);
    match answer {
        Answer::Refused(blocked) => half_done(owner, &blocked),
        Answer::ChangedUnderUs(text) => Answer::ChangedUnderUs(format!("{text}; {owner} is suspended now: {resume}")),
        Answer::Unknown(reason) => Answer::Unknown(format!("{reason}; {owner} is suspended now")),
        other => other,
    }
}

/// Reads whether both took effect. Changes nothing.
pub async fn read_back(cluster: &Cluster, step: &Step, owner: &FluxOwner, patch: &PinnedPatch) -> Answer {
    let answer = workload::read_back_patch(cluster, step, patch).await;
    let Answer::Refused(blocked) = answer else { return answer };
    if owner.suspended {
        return Answer::Refused(blocked);
    }
    match read(cluster, owner).await {
        Ok(object) if object["spec"]["suspend"] == true => half_done(owner, &blocked),
        Ok(_) => Answer::Refused(blocked),
        Err(unread) => {
            Answer::Unknown(format!("{}; unknown whether {owner} was suspended: {}", blocked.reason, unread.reason))
        }
    }
}

fn unreachable(cluster: &Cluster, lost: Lost) -> Blocked {
    Blocked {
        reason: format!("cannot reach {}: {}", cluster.label, lost.reason()),
        way_out: "check network, VPN and context: kubectl version".to_owned(),
    }
}

/// Who manages a Flux object, and how to stop it from reverting a change.
fn named(manager: &Owner) -> Option<(String, String)> {
    match manager {
        Owner::Flux(parent) => Some((parent.to_string(), command("suspend", parent))),
        Owner::ArgoCd(application) => {
            Some((format!("Argo CD's application {application}"), format!("turn off auto-sync of {application}")))
        }
        Owner::Controller { kind, name } => {
            Some((format!("{kind}/{name}"), format!("suspend it in {kind}/{name}, which creates it")))
        }
        Owner::Other(other) => Some((other.describe(), other.way_out())),
        // Helm acts when somebody runs it.
        Owner::Helm { .. } | Owner::Nobody => None,
    }
}

/// That somebody would revert `spec.suspend`, or might, where the object does not say who wrote it.
fn sentence(who: &str, kept: &FluxOwner, object: &Value) -> String {
    let owns = if owner::writes(object, &["spec", "suspend"]).is_some() { "owns" } else { "may own" };
    format!("{who} manages {kept} and {owns} spec.suspend: suspend that too, or it is reverted")
}

/// Suspended, and not undone.
fn half_done(owner: &FluxOwner, blocked: &Blocked) -> Answer {
    Answer::Failed(Blocked {
        reason: format!("{owner} was suspended, but the rollback was not done: {}", blocked.reason),
        way_out: format!("{}; to resume Flux: {}", blocked.way_out, command("resume", owner)),
    })
}

fn reminder(owner: &FluxOwner, suspended: bool) -> Check {
    let sentence = if suspended {
        format!("Flux manages it ({owner}), which is already suspended and stays suspended")
    } else {
        format!("Flux manages it ({owner}), which is suspended first and stays suspended")
    };
    let resume = command("resume", owner);
    Check::warning(
        CheckKind::Owner,
        sentence,
        Some(format!("afterwards revert the commit in Git first, then: {resume}")),
    )
}

/// Suspending keeps new reconciliations from starting; one that runs goes on.
fn reconciling(owner: &FluxOwner, object: &Value) -> Option<Check> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().any(|condition| condition["type"] == "Reconciling" && condition["status"] == "True").then(|| {
        Check::warning(
            CheckKind::Reconciliation,
            format!("{owner} is reconciling now: that continues, and may redeploy the new version once more"),
            Some(format!("wait until it finishes: kubectl get {owner} -n {} --watch", owner.namespace)),
        )
    })
}

fn command(verb: &str, owner: &FluxOwner) -> String {
    format!("flux {verb} {} {} -n {}", owner.kind.as_str(), owner.name, owner.namespace)
}

const fn plural(kind: FluxKind) -> &'static str {
    match kind {
        FluxKind::Kustomization => "kustomizations",
        FluxKind::HelmRelease => "helmreleases",
    }
}

fn collection(owner: &FluxOwner) -> String {
    let version = match owner.kind {
        FluxKind::Kustomization => "v1",
        FluxKind::HelmRelease => "v2",
    };
    format!("/apis/{}/{version}/namespaces/{}/{}", owner.kind.group(), owner.namespace, plural(owner.kind))
}

fn refusal(owner: &FluxOwner, verb: &str, reply: &Reply) -> Blocked {
    let said = reply.said();
    match reply.status {
        401 => Blocked {
            reason: "401 Unauthorized: the token is wrong or has expired".to_owned(),
            way_out: "sign in to the cluster again, then retry".to_owned(),
        },
        403 => not_allowed(owner, verb, &said),
        404 => Blocked {
            reason: format!("no {owner} in {}: {said}", owner.namespace),
            way_out:
                "if Flux no longer manages it, remove its labels from the workload; otherwise update Flux to 2.3 or newer"
                    .to_owned(),
        },
        status => Blocked {
            reason: format!("the API server refused to {verb} {owner}, status {status}: {said}"),
            way_out: format!("try it manually: {}", command("suspend", owner)),
        },
    }
}

fn not_allowed(owner: &FluxOwner, verb: &str, said: &str) -> Blocked {
    let (namespace, group, resource) = (&owner.namespace, owner.kind.group(), plural(owner.kind));
    Blocked {
        reason: format!("you may not {verb} {owner} in {namespace}: {said}"),
        way_out: format!(
            "ask for a Role in {namespace} with apiGroups [{group}], resources [{resource}], verbs [get, patch], or \
             ask somebody who has it"
        ),
    }
}
