//! The automation keeps off where somebody else may be at it: a run of another person, a check that nobody made, a lease
//! that cannot be had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::*;
use redflag_core::message::{Effect, Message};
use redflag_core::rollback::action::{Action, CiAction, Post};
use redflag_core::rollback::lease::Holding;
use redflag_core::rollback::version_history::{Known, VersionStatus};
use redflag_core::rollback::{Check, CheckKind, Goal, Readiness, Step};
use redflag_core::setup::{Automatic, RollbackPolicy, Setup};
use redflag_core::signal::Sample;
use redflag_core::watch::Watch;
use std::sync::Arc;

/// A bad deploy that a webhook would roll back by itself; how often it was asked to.
#[expect(clippy::needless_pass_by_value, reason = "reads as the answer that is given")]
fn play(checks: Vec<Check>, holding: Holding) -> usize {
    let good = Known {
        hash: "hash-1.8.3".to_owned(),
        images: Vec::new(),
        standing: VersionStatus::Good,
        at: at(-90_000),
        by: None,
    };
    let rollback = RollbackPolicy { automatic: Automatic::On, known: vec![vec![good]], ..RollbackPolicy::default() };
    let mut watch = Watch::new(Setup { rollback, ..setup() });
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let mut step = Step::clone(&undo("1.9.0", "1.8.3"));
    step.action = Action::Ci(CiAction::Post(Post { body: "{}".into(), idempotency_key: "k".into() }));
    step.checks = checks;
    let readiness = Readiness::Ready(Arc::new(step));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    let mut sent = 0;
    for second in 3..=300 {
        let mut effects = watch.update(Message::Tick(at(second)));
        if second % 10 == 0 {
            effects.extend(watch.update(answered(
                SITE,
                second,
                vec![(PROBE, vec![(at(second), Sample::Value(90.0))])],
            )));
            effects.extend(watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30)))));
            effects.extend(watch.update(grafana(second, Some(60))));
        }
        if effects.iter().any(|it| matches!(it, Effect::Lease(_))) {
            effects.extend(watch.update(Message::Leased { at: at(second), holding: holding.clone() }));
        }
        sent += effects.iter().filter(|it| matches!(it, Effect::Send(_))).count();
    }
    sent
}

#[test]
fn somebody_elses_ci_run_is_in_progress() {
    let run = Check::warning(
        CheckKind::InProgress,
        "a run of rollback.yml of bob is in progress",
        Some("look at it first".into()),
    );
    assert_eq!(play(vec![Check::ok(CheckKind::Migration, "none shipped"), run], Holding::Ours), 0);
}

#[test]
fn nobody_looked_for_anybody_else() {
    assert_eq!(play(vec![Check::ok(CheckKind::Time, "fast")], Holding::Unavailable("no permission".into())), 0);
}

#[test]
fn nobody_looked_for_migrations() {
    assert_eq!(play(vec![Check::ok(CheckKind::AlreadyRolledBack, "nobody put it back")], Holding::Ours), 0);
}

#[test]
fn it_was_looked_for_everything_and_the_lease_cannot_be_had() {
    assert_eq!(play(looked(), Holding::Unavailable("no permission".into())), 0);
    assert_eq!(play(looked(), Holding::Asking), 0, "nor while it does not answer");
}

#[test]
fn it_was_looked_for_everything_and_the_lease_is_ours() {
    assert_eq!(play(looked(), Holding::Ours), 1);
}

#[test]
fn no_other_check_stands_in_for_one_that_is_missing() {
    for kind in CheckKind::ALL {
        let others = vec![Check::ok(CheckKind::Migration, "none shipped"), Check::ok(kind, "well")];
        assert_eq!(play(others, Holding::Ours), usize::from(kind.is_about_others()), "{kind:?}");
        let migrations = vec![Check::ok(CheckKind::AlreadyRolledBack, "nobody put it back"), Check::ok(kind, "well")];
        assert_eq!(play(migrations, Holding::Ours), usize::from(kind == CheckKind::Migration), "{kind:?}");
    }
}

#[test]
fn nothing_was_checked() {
    assert_eq!(play(Vec::new(), Holding::Ours), 0);
}
