//! Whether we may, asked in advance: the access review, and the request itself as a dry run.

use super::answer::{self, Meaning, Right};
use super::api::{self, Call, Reply};
use crate::cluster::Cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::action::PinnedPatch;
use crate::rollback::destination::text::one_line;
use crate::rollback::destination::{patch, template};
use crate::rollback::preflight::Permission;
use crate::rollback::{Blocked, Check, CheckKind};
use serde_json::Value;

const DRY_RUN: CheckKind = CheckKind::DryRun;

/// Asks whether we may. “No opinion” (neither allowed nor denied) is a no; an answer that could not be computed is
/// neither.
pub(super) async fn ask(cluster: &Cluster, right: Right<'_>) -> Permission {
    let reply = match api::ask_together(cluster, Call::AccessReview(right)).await {
        Ok(reply) if reply.is_success() => reply,
        Ok(reply) => return Permission::Unknown(reply.said()),
        Err(lost) => return Permission::Unknown(lost.reason()),
    };
    let status = &reply.body["status"];
    if status["allowed"] == true {
        return Permission::Given;
    }
    let no = |why: &str| Permission::Denied(answer::not_allowed(right.verb, &right.resource(), right.namespace, why));
    match (status["evaluationError"].as_str(), status["reason"].as_str()) {
        (Some(error), _) if status["denied"] != true => Permission::Unknown(one_line(error)),
        (_, Some(reason)) if !reason.is_empty() => no(&one_line(reason)),
        _ => no("no role allows it"),
    }
}

/// Whether we may patch the workload. Where that cannot be computed the dry_run decides alone.
///
/// `subresource` is what is patched of the workload; empty for the workload itself.
pub(crate) async fn review(cluster: &Cluster, of: &WorkloadRef, subresource: &'static str) -> Check {
    let name = CheckKind::Permission;
    let right = Right::to_patch(of, subresource);
    let plural = right.resource();
    // Whoever may patch all of a kind may patch each: one question for many workloads.
    let for_all = Right { name: None, ..right };
    let has_siblings = cluster.facts.has_siblings(of);
    let permission = if has_siblings && matches!(ask(cluster, for_all).await, Permission::Given) {
        Permission::Given
    } else {
        ask(cluster, right).await
    };
    match permission {
        Permission::Given => Check::ok(name, format!("you may patch {plural} in {}", of.namespace)),
        Permission::Denied(blocked) => Check::blocked(name, blocked),
        Permission::Unknown(why) => {
            let sentence = format!("unknown whether you may patch {plural}: {why}");
            let ask = format!("check: kubectl auth can-i patch {plural} -n {}", of.namespace);
            Check::warning(name, sentence, Some(ask))
        }
    }
}

/// What came of trying.
pub(crate) enum DryRun {
    /// It was tried; the check says how it came out.
    Made(Check),
    /// The workload changed since it was read: what was tried is out of date.
    Overtaken,
    /// There was nothing to try.
    NotMade,
}

/// Lets the API server try the patch without storing anything.
pub(super) async fn try_out(cluster: &Cluster, patch: Option<(&PinnedPatch, &str)>) -> DryRun {
    let Some((patch, manual_command)) = patch else { return DryRun::NotMade };
    let call = Call::Patch { of: &patch.reference, subresource: "", patch: &patch.document, dry: true };
    let check = match api::ask(cluster, call).await {
        Ok(reply) => {
            let is_whole = template::same(&reply.body["spec"]["template"], patch::template(&patch.document));
            tried(patch, &reply, manual_command, is_whole)
        }
        Err(lost) => Some(Check::blocked(DRY_RUN, answer::unreachable(&cluster.label, &lost.reason()))),
    };
    check.map_or(DryRun::Overtaken, DryRun::Made)
}

/// The same for a patch of a subresource; `None` where the cluster does not know that subresource. `shows` is whether
/// an object is as the patch wants it.
pub(crate) async fn try_status(
    cluster: &Cluster,
    (patch, manual_command): (&PinnedPatch, &str),
    subresource: &'static str,
    shows: impl Fn(&Value) -> bool,
) -> Option<DryRun> {
    let call = Call::Patch { of: &patch.reference, subresource, patch: &patch.document, dry: true };
    let check = match api::ask(cluster, call).await {
        Ok(reply) if reply.status == 404 && !subresource.is_empty() => return None,
        Ok(reply) => tried(patch, &reply, manual_command, shows(&reply.body)),
        Err(lost) => Some(Check::blocked(DRY_RUN, answer::unreachable(&cluster.label, &lost.reason()))),
    };
    Some(check.map_or(DryRun::Overtaken, DryRun::Made))
}

/// What the dry run's answer says, and whether it shows the object as it was asked for; `None` when the workload changed since it was read.
fn tried(patch: &PinnedPatch, reply: &Reply, manual_command: &str, is_whole: bool) -> Option<Check> {
    let name = DRY_RUN;
    let later = "it may still be accepted when it is sent";
    let warning = |sentence: String, way_out: &str| Some(Check::warning(name, sentence, Some(way_out.to_owned())));
    match answer::meaning(&patch.reference, reply, manual_command) {
        Meaning::Taken if is_whole => Some(Check::ok(name, "server-side dry run passed")),
        Meaning::Taken => warning(
            "server-side dry run passed, but admission changes the old template".to_owned(),
            "if the policy is newer than the old version, ask its owner what it adds",
        ),
        Meaning::Overtaken => None,
        // A webhook with side effects takes no dry runs; that says nothing of the real request.
        Meaning::Refused(_) if reply.status == 400 && reply.said().contains("dry run") => {
            warning(format!("no dry run: {}", reply.said()), later)
        }
        Meaning::Refused(_) if reply.status == 429 => {
            warning("no dry run: the API server is too busy".to_owned(), later)
        }
        Meaning::Refused(blocked) => Some(Check::blocked(name, blocked)),
        Meaning::Unclear(reason) => Some(Check::blocked(
            name,
            Blocked {
                reason: format!("server-side dry run failed: {reason}"),
                way_out: format!("check the API server, or try it manually: {manual_command}"),
            },
        )),
    }
}
