//! Whether the watch that a record holds is the one that begins now.

use crate::setup::{RollbackPolicy, Setup, Told};

/// The part of the setup that is another one now than when the watch began that was recorded; `None` where it can be
/// resumed. When it began, who is at the keys and what earlier watches found may differ; the command line may be silent
/// about the deploy now.
pub fn difference(recorded: &Setup, now: &Setup) -> Option<&'static str> {
    let Setup {
        environment,
        services,
        workloads,
        signals,
        sources,
        window,
        baseline,
        coverage,
        rollout_deadline,
        confirm,
        confirm_grace,
        read_only,
        rollback,
        feature_flags,
        told,
        started: _,
    } = now;
    let policy = RollbackPolicy {
        actor: recorded.rollback.actor.clone(),
        known: recorded.rollback.known.clone(),
        ..rollback.clone()
    };
    let parts = [
        ("the environment", *environment == recorded.environment),
        ("the services", *services == recorded.services),
        ("the workloads", *workloads == recorded.workloads),
        ("the signals", *signals == recorded.signals),
        ("the sources", *sources == recorded.sources),
        ("the window", *window == recorded.window),
        ("the baseline", *baseline == recorded.baseline),
        ("the coverage", *coverage == recorded.coverage),
        ("the rollout's deadline", *rollout_deadline == recorded.rollout_deadline),
        ("how a rollback is confirmed", *confirm == recorded.confirm && *confirm_grace == recorded.confirm_grace),
        ("read-only", *read_only == recorded.read_only),
        ("the rollback's settings", policy == recorded.rollback),
        ("the feature flags", *feature_flags == recorded.feature_flags),
        ("what the command line says of the deploy", *told == Told::default() || *told == recorded.told),
    ];
    parts.into_iter().find(|(_, is_same)| !is_same).map(|(part, _)| part)
}
