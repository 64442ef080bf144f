//! What an answer to a request that changes something means, and the way out where it means no.

use super::api::Reply;
use crate::cluster;
use crate::deploy::WorkloadRef;
use crate::rollback::Blocked;
use crate::rollback::destination::text::one_line;

/// What an answer to a request that changes something, sent or only tried, means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// It was done.
    Taken,
    /// Something else was quicker: a `test` did not hold, or a write conflict.
    Overtaken,
    /// It was refused, and nothing was done.
    Refused(Blocked),
    /// It was neither done nor refused for sure.
    Unclear(String),
}

/// What it takes to do something, as an access review asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right<'a> {
    /// `patch`, `delete`.
    pub(super) verb: &'static str,
    /// The API group; empty for the core's.
    pub(super) group: &'static str,
    /// `pods`.
    pub(super) plural: &'a str,
    /// What of it; empty for the object itself.
    pub(super) subresource: &'static str,
    pub(super) namespace: &'a str,
    /// Of which one; `None` for any.
    pub(super) name: Option<&'a str>,
}

impl<'a> Right<'a> {
    /// To patch this workload, or this subresource of it.
    pub(super) const fn to_patch(of: &'a WorkloadRef, subresource: &'static str) -> Self {
        let WorkloadRef { kind, namespace, name } = of;
        Self {
            verb: "patch",
            group: kind.group(),
            plural: kind.plural(),
            subresource,
            namespace: namespace.as_str(),
            name: Some(name.as_str()),
        }
    }

    /// The resource as a role names it: `rollouts/status`.
    pub(super) fn resource(&self) -> String {
        match self.subresource {
            "" => self.plural.to_owned(),
            subresource => format!("{}/{subresource}", self.plural),
        }
    }
}

/// Reads an answer to the patch.
///
/// A failed `test` is told by a 422 without causes: the API server gives a fixed, general sentence for it,
/// while a validation error names its fields in `details.causes`.
pub(super) fn meaning(of: &WorkloadRef, reply: &Reply, manual_command: &str) -> Meaning {
    match reply.status {
        404 | 422 if is_denied(&reply.said()) => Meaning::Refused(denied(&reply.said())),
        404 => Meaning::Refused(gone(of)),
        422 if causes(reply).is_empty() => Meaning::Overtaken,
        422 => Meaning::Refused(Blocked {
            reason: format!("the API server rejects the old template as invalid: {}", causes(reply).join("; ")),
            way_out: "redeploy the earlier version with these fields fixed".to_owned(),
        }),
        _ => meaning_of(&Right::to_patch(of, ""), reply, manual_command),
    }
}

/// Reads an answer to any request that changes something.
///
/// A 5xx tells nothing: the store may have taken the write before the server or a proxy gave up on it. The
/// exceptions are a webhook that cannot be called and a policy that says no, which may choose its status freely:
/// admission comes before the write. The same doubt holds for 408.
pub(super) fn meaning_of(right: &Right<'_>, reply: &Reply, manual_command: &str) -> Meaning {
    let said = reply.said();
    match reply.status {
        200..300 => Meaning::Taken,
        _ if is_denied(&said) => Meaning::Refused(denied(&said)),
        409 => Meaning::Overtaken,
        500.. if said.contains("failed calling webhook") => Meaning::Refused(Blocked {
            reason: format!("an admission webhook does not respond: {said}"),
            way_out: "the webhook must respond first, or its owner must remove its configuration".to_owned(),
        }),
        408 | 500.. => Meaning::Unclear(format!("the API server returned {}: {said}", reply.status)),
        _ => Meaning::Refused(refusal(right, reply, manual_command)),
    }
}

/// The fields that validation found wrong, each with its message.
fn causes(reply: &Reply) -> Vec<String> {
    let causes = reply.body["details"]["causes"].as_array().into_iter().flatten();
    causes
        .map(|cause| {
            let text = |key: &str| one_line(cause[key].as_str().unwrap_or("?"));
            format!("{}: {}", text("field"), text("message"))
        })
        .collect()
}

fn refusal(right: &Right<'_>, reply: &Reply, manual_command: &str) -> Blocked {
    let said = reply.said();
    match reply.status {
        401 => not_signed_in(),
        403 if is_missing_permission(&said) => not_allowed(right.verb, &right.resource(), right.namespace, &said),
        403 if reply.message().is_some() => denied(&said),
        429 => Blocked {
            reason: "the API server is too busy".to_owned(),
            way_out: match reply.retry_after {
                Some(1) => "retry in 1 second".to_owned(),
                Some(seconds) => format!("retry in {seconds} seconds"),
                None => "retry in a few seconds".to_owned(),
            },
        },
        status => Blocked {
            reason: format!("the API server refused it, status {status}: {said}"),
            way_out: format!("try it manually: {manual_command}"),
        },
    }
}

/// Why something that an undo is prepared from could not be read.
pub(super) fn unread(of: &WorkloadRef, plural: &str, verb: &str, reply: &Reply) -> Blocked {
    match reply.status {
        401 => not_signed_in(),
        403 => not_allowed(verb, plural, &of.namespace, &reply.said()),
        404 => gone(of),
        status => Blocked {
            reason: format!("cannot read {plural}: the API server returned {status}: {}", reply.said()),
            way_out: "check the API server; the plan needs this data".to_owned(),
        },
    }
}

/// Why something that is only looked at could not be.
pub(super) fn not_looked_at(verb: &str, namespace: &str, plural: &str, reply: &Reply) -> Blocked {
    match reply.status {
        401 => not_signed_in(),
        403 => not_allowed(verb, plural, namespace, &reply.said()),
        status => Blocked {
            reason: format!("cannot {verb} {plural}: the API server returned {status}: {}", reply.said()),
            way_out: format!("check: kubectl get {plural} -n {namespace}"),
        },
    }
}

/// The cluster cannot be reached.
pub(super) fn unreachable(cluster: &str, reason: &str) -> Blocked {
    Blocked {
        reason: format!("cannot reach {cluster}: {reason}"),
        way_out: "check network, VPN and context: kubectl version".to_owned(),
    }
}

/// A Role, named to the last word, is the quickest way out of a missing permission; but not for nobody.
pub(super) fn not_allowed(verb: &str, plural: &str, namespace: &str, said: &str) -> Blocked {
    if cluster::is_anonymous(said) {
        return Blocked {
            reason: "not signed in: no credentials reached the cluster (system:anonymous)".to_owned(),
            way_out: "set a user in the context, or sign in to the cluster again".to_owned(),
        };
    }
    let group = match plural {
        "pods" | "configmaps" | "secrets" | "resourcequotas" => "\"\"",
        "horizontalpodautoscalers" => "autoscaling",
        "rollouts" | "rollouts/status" => "argoproj.io",
        _ => "apps",
    };
    Blocked {
        reason: format!("you may not {verb} {plural} in {namespace}: {said}"),
        way_out: format!(
            "ask for a Role in {namespace} with apiGroups [{group}], resources [{plural}], verbs [{verb}], \
             or ask somebody who has it"
        ),
    }
}

fn not_signed_in() -> Blocked {
    Blocked {
        reason: "401 Unauthorized: the token is wrong or has expired".to_owned(),
        way_out: "sign in to the cluster again, then retry".to_owned(),
    }
}

fn gone(of: &WorkloadRef) -> Blocked {
    Blocked {
        reason: format!("no {of} in {}", of.namespace),
        way_out: "check the context and the namespace; if it was deleted, redeploy the earlier version".to_owned(),
    }
}

fn denied(said: &str) -> Blocked {
    Blocked {
        reason: format!("a cluster policy refuses it: {said}"),
        way_out: "change what the policy names, or ask the policy's owner".to_owned(),
    }
}

/// Webhooks: `admission webhook "…" denied the request: …`; policies in the API server itself:
/// `ValidatingAdmissionPolicy '…' with binding '…' denied request: …` (`k8s.io/apiserver`,
/// `pkg/admission/plugin/{webhook/errors,policy/validating}`).
fn is_denied(said: &str) -> bool {
    ["denied the request", "denied request: "].iter().any(|words| said.contains(words))
}

/// RBAC writes `… cannot patch resource "deployments" …`; admission plugins and quotas write otherwise.
fn is_missing_permission(said: &str) -> bool {
    said.contains(" cannot ") && said.contains(" resource ")
}
