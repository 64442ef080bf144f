//! Whether there is an earlier revision, how long it is retained, and what is known of the target.

use super::warning;
use crate::rollback::destination::text::moment;
use crate::rollback::destination::{Lineage, Target};
use crate::rollback::request::PlanRequest;
use crate::rollback::version_history::{self, VersionStatus};
use crate::rollback::{Check, CheckKind, Goal};
use serde_json::Value;

pub(super) fn check(request: &PlanRequest, workload: &Value, lineage: &Lineage, target: &Target) -> [Check; 2] {
    [kept(workload, lineage, target), standing(request, target)]
}

fn kept(workload: &Value, lineage: &Lineage, target: &Target) -> Check {
    let name = CheckKind::History;
    let described = target.entry.describe();
    match workload["spec"]["revisionHistoryLimit"].as_i64() {
        Some(0) => warning(
            name,
            format!("revisionHistoryLimit is 0: revision {described} is deleted when the rollout finishes"),
            "roll back before that, or not at all; set spec.revisionHistoryLimit to 10 for next time",
        ),
        limit => {
            let earlier = lineage.entries.len().saturating_sub(usize::from(lineage.current.is_some()));
            let revisions =
                if earlier == 1 { "1 earlier revision".to_owned() } else { format!("{earlier} earlier revisions") };
            Check::ok(name, format!("{revisions} (revisionHistoryLimit {})", limit.unwrap_or(10)))
        }
    }
}

/// A version that was found bad once is only gone back to by somebody who means it. Undoing a rollback is
/// there for exactly that, and says so.
fn standing(request: &PlanRequest, target: &Target) -> Check {
    let name = CheckKind::Target;
    let described = format!("revision {}", target.entry.describe());
    let elsewhere = if target.others.is_empty() {
        "deploy a fixed version instead".to_owned()
    } else {
        format!("deploy a fixed version, or choose another with redflag rollback --to REVISION: {}", target.others)
    };
    let known = version_history::newest(&request.wanted.known, &target.entry.version)
        .map(|known| (known.standing, known.by_whom(), moment(known.at)));
    let harm = match &known {
        Some((VersionStatus::Bad, by, at)) => {
            Some(format!("{described} was found bad by the watch that ended {at}{by}"))
        }
        Some((VersionStatus::RolledBack, by, at)) => Some(format!("{described} was rolled back manually at {at}{by}")),
        _ if target.was_rolled_back => Some(format!("{described} was itself rolled back before")),
        _ => None,
    };
    match (harm, known) {
        (Some(harm), _) if request.goal == Goal::RollBack => Check::typed(name, harm, elsewhere),
        (Some(harm), _) => warning(name, harm, "redeploy it only if it was not the cause"),
        (None, Some((VersionStatus::Good, by, at))) => {
            Check::ok(name, format!("{described} passed its watch{by}, which ended {at}"))
        }
        (None, _) if target.served_before => {
            Check::ok(name, format!("{described} was live before the deploy, never watched to the end"))
        }
        (None, _) => {
            let sentence = format!("{described} was not seen live before the deploy, and never watched to the end");
            let way_out = if target.others.is_empty() {
                "make sure it ever worked: there is no other revision".to_owned()
            } else {
                format!(
                    "make sure it ever worked, or choose another with redflag rollback --to REVISION: {}",
                    target.others
                )
            };
            match request.goal {
                Goal::RollBack => Check::typed(name, sentence, way_out),
                Goal::Undo => warning(name, sentence, way_out),
            }
        }
    }
}
