//! Whether each workload could be rolled back now: the strategy is asked as in a watch, and nothing is changed.

use super::{CheckStatus, Line};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::deploy::{WorkloadRef, brief};
use crate::rollback::request::PlanRequest;
use crate::rollback::{CheckOutcome, Readiness, Step};
use crate::systems::api::strategy::RollbackSpec;
use crate::systems::registry::strategies;
use futures_util::future::join_all;

/// A line for each workload; without a cluster none, for its own lines say why.
pub(super) async fn check(
    spec: &RollbackSpec,
    cluster: Option<&Cluster>,
    asks: &[(WorkloadRef, Option<PlanRequest>)],
) -> Vec<Line> {
    let Some(cluster) = cluster else { return Vec::new() };
    let strategy = match strategies::build(spec, cluster, &Clock::real()) {
        Ok(strategy) => strategy,
        Err(blocked) => {
            let what = format!("rollback: strategy {}", spec.name);
            return vec![Line::new(CheckStatus::Failed, &what, &[&blocked.reason, &blocked.way_out])];
        }
    };
    join_all(asks.iter().map(|(reference, request)| async {
        match request {
            Some(request) => line(reference, &strategy.planner.prepare(request).await),
            None => untold(reference),
        }
    }))
    .await
}

/// The worst of what was checked speaks for a workload; the plan itself shows the rest.
fn line(reference: &WorkloadRef, readiness: &Readiness) -> Line {
    let what = format!("rollback: {reference}");
    match readiness {
        Readiness::Ready(step) => ready(&what, step),
        Readiness::Blocked(refusal) => {
            let reason = format!("blocked: {}", refusal.reason);
            Line::new(CheckStatus::Failed, &what, &[&reason, &refusal.way_out])
        }
        Readiness::Preparing => untold(reference),
    }
}

fn ready(what: &str, step: &Step) -> Line {
    let ready = format!("ready → {}, about {}", step.target(), brief(step.expected));
    // Of several that are equally bad the first one speaks.
    let worst = step.checks.iter().rev().max_by_key(|check| check.outcome);
    let Some(worst) = worst.filter(|check| check.outcome > CheckOutcome::Ok) else {
        return Line::new(CheckStatus::Ok, what, &[&ready]);
    };
    let asks = match worst.outcome {
        CheckOutcome::Typed => "; asks for the environment's name, typed",
        _ => "",
    };
    let why = format!("{}: {}{asks}", worst.name(), worst.sentence);
    Line::new(CheckStatus::Warning, what, &[&ready, &why, worst.way_out.as_deref().unwrap_or_default()])
}

fn untold(reference: &WorkloadRef) -> Line {
    let parts = ["skipped: not found", "see above"];
    Line::new(CheckStatus::Failed, &format!("rollback: {reference}"), &parts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::deploy::{Version, WorkloadId, WorkloadKind};
    use crate::rollback::action::{Action, Command};
    use crate::rollback::{Blocked, Check, CheckKind, Covered, Goal, Refusal};
    use chrono::TimeDelta;
    use std::sync::Arc;

    fn app() -> WorkloadRef {
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".to_owned(), name: "app".to_owned() }
    }

    fn step(checks: Vec<Check>) -> Readiness {
        let version = |tag: &str, revision| Version {
            images: vec![format!("registry.example.com/app:{tag}")],
            revision,
            hash: tag.to_owned(),
            ..Version::default()
        };
        Readiness::Ready(Arc::new(Step {
            goal: Goal::RollBack,
            subject: app().to_string(),
            place: "prod".to_owned(),
            covers: vec![Covered {
                workload: WorkloadId(0),
                reference: app(),
                uid: "u".to_owned(),
                generation: 1,
                from: version("1.9.0", 2),
                to: version("1.8.3", 1),
            }],
            action: Action::Command(Command { argv: vec!["true".to_owned()], environment: Vec::new() }),
            does: Vec::new(),
            checks,
            not_reverted: Vec::new(),
            expected: TimeDelta::seconds(70),
            manual_command: String::new(),
        }))
    }

    fn shown(readiness: &Readiness) -> String {
        line(&app(), readiness).to_string()
    }

    #[test]
    fn a_workload_with_nothing_in_the_way_says_where_it_would_go() {
        let checks = vec![Check::ok(CheckKind::Permission, "patch is allowed")];
        assert_eq!(shown(&step(checks)), "ok    rollback: deployment/app: ready → 1.8.3, about 70 s");
    }

    #[test]
    fn the_worst_check_speaks_and_of_equals_the_first() {
        let checks = vec![
            Check::ok(CheckKind::Permission, "patch is allowed"),
            Check::warning(CheckKind::Image, "the tag can be moved", Some("deploy by digest".to_owned())),
            Check::warning(CheckKind::Time, "it takes long", None),
        ];
        assert_eq!(
            shown(&step(checks)),
            "WARN  rollback: deployment/app: ready → 1.8.3, about 70 s; image: the tag can be moved; deploy by digest"
        );
        let checks = vec![
            Check::warning(CheckKind::Time, "it takes long", None),
            Check::typed(CheckKind::Migration, "0042 drops a column", "restore it first"),
        ];
        assert_eq!(
            shown(&step(checks)),
            "WARN  rollback: deployment/app: ready → 1.8.3, about 70 s; migration: 0042 drops a column; \
             asks for the environment's name, typed; restore it first"
        );
    }

    #[test]
    fn what_is_blocked_fails_with_the_way_out() {
        let blocked =
            Blocked { reason: "no earlier revision".to_owned(), way_out: "deploy a fixed version".to_owned() };
        assert_eq!(
            shown(&Readiness::Blocked(Refusal::from(blocked))),
            "FAIL  rollback: deployment/app: blocked: no earlier revision; deploy a fixed version"
        );
    }
}
