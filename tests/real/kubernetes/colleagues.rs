//! Somebody else is rolling back too: a colleague who was quicker with `kubectl rollout undo`, a second run of the same command,
//! an autoscaler between the plan and the key.

use crate::kubernetes::hands::image;
use crate::kubernetes::lab::{BUILT_IN, kubeconfig, tell};
use crate::kubernetes::person::{Desk, ENVIRONMENT};
use crate::kubernetes::program::Program;
use crate::kubernetes::undo::{check, ready};
use chrono::Utc;
use redflag::deploy::{WorkloadKind, WorkloadRef};
use redflag::rollback::CheckOutcome;
use std::time::Duration;
use tokio::time::interval;

/// A colleague's own undo.
async fn kubectl_undo(of: &WorkloadRef) {
    let mut kubectl = tokio::process::Command::new("kubectl");
    kubectl.arg("--kubeconfig").arg(kubeconfig()).args(["-n", &of.namespace, "rollout", "undo", &of.to_string()]);
    let output = kubectl.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
#[ignore = "needs a real API server, and kubectl: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_of_a_colleague_under_the_open_plan_is_not_rolled_back_by_the_key() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        kubectl_undo(&of).await;
        ana.press("y");
        ana.sees("somebody else already rolled it back to 3.9").await;
        listener.settled(Program::Good).await;
        ana.until("their rollout has ended", |screen| !screen.contains("rolling out since")).await;

        // The key is for the bad version now, and a `y` is no answer to that.
        ana.opens_the_plan("3.10").await;
        ana.sees("3.10 was rolled back by kubectl at").await;
        ana.press("y\r");
        ana.sees("not confirmed: type lab and press Enter").await;
        assert_eq!(image(&lab.hands.read(&of).await), Program::Good.version());
        assert_eq!(gate.changes(), 1, "the one that the server refused");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server, and kubectl: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_of_a_colleague_a_second_before_the_watch_is_told_as_one() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        kubectl_undo(&of).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.10").await;
        ana.sees("3.10 was rolled back by kubectl at").await;
        ana.press("y\r");
        ana.sees("not confirmed: type lab and press Enter").await;
        listener.settled(Program::Good).await;

        let (status, said) = desk.run(&["rollback", ENVIRONMENT, "--yes"]).await;
        assert!(said.contains("nothing to do: 3.10 was rolled back by kubectl at"), "{said}");
        assert_eq!((status, gate.changes()), (Some(0), 0), "{said}");
    })
    .await;
}

/// Revisions and changes are stamped in whole seconds: waits until the next one has begun.
async fn another_second() {
    let now = Utc::now().timestamp();
    let mut often = interval(Duration::from_millis(50));
    while Utc::now().timestamp() == now {
        often.tick().await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server, and kubectl: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_of_a_colleague_is_known_for_each_kind_of_workload_at_once_and_afterwards() {
    for kind in BUILT_IN {
        tell(async |lab| {
            let (of, mut listener) = lab.settled(kind, Program::Good).await;
            another_second().await;
            lab.hands.deploy(&of, Program::Better).await;
            listener.settled(Program::Better).await;
            another_second().await;
            kubectl_undo(&of).await;
            let is_told = async || {
                let back = ready(&lab.cluster, &of).await;
                let told = check(&back, "rollback");
                assert_eq!(told.outcome, CheckOutcome::Typed, "{told:?}");
                assert!(told.sentence.starts_with("3.10 was rolled back by kubectl at"), "{told:?}");
            };
            is_told().await;
            listener.settled(Program::Good).await;
            is_told().await;
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_rollback_that_is_run_twice_goes_back_once() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let before = lab.hands.read(&of).await;
        let (status, said) = desk.run(&["rollback", ENVIRONMENT, "--yes"]).await;
        assert_eq!(status, Some(5), "{said}");
        let after = listener.settled(Program::Good).await;
        let (status, said) = desk.run(&["rollback", ENVIRONMENT, "--yes"]).await;
        assert!(said.contains("nothing to do: 3.10 was rolled back by redflag at"), "{said}");
        assert_eq!((status, gate.changes()), (Some(0), 1), "{said}");
        let now = lab.hands.read(&of).await;
        let generation = before["metadata"]["generation"].as_i64().unwrap() + 1;
        assert_eq!((now["metadata"]["generation"].as_i64(), after.generation), (Some(generation), generation));
        assert_eq!(now["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn two_runs_at_once_go_back_once() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = Desk::stage(lab).await;
        let arguments = ["rollback", ENVIRONMENT, "--yes"];
        let (mine, yours) = tokio::join!(desk.run(&arguments), desk.run(&arguments));
        let mut statuses = [mine.0, yours.0];
        statuses.sort_unstable();
        // Whoever comes second is told that somebody is rolling back, or was quicker, or has nothing left to do.
        assert!(matches!(statuses, [Some(5), Some(6)] | [Some(0), Some(5)]), "{mine:?}\n{yours:?}");
        listener.settled(Program::Good).await;
        let of = lab.named(WorkloadKind::Deployment, "app");
        let now = lab.hands.read(&of).await;
        assert_eq!(now["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
        assert!(gate.changes() <= 2, "{}", gate.changes());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn an_autoscaler_between_the_plan_and_the_key_is_not_in_the_way() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        lab.hands.autoscale(&of, 5).await;
        listener.until("it is scaled", |rollout| rollout.replicas.ready == 5).await;
        ana.press("y");
        ana.sees("3.9 serves again").await;
        listener.settled(Program::Good).await;
        assert_eq!(lab.hands.read(&of).await["spec"]["replicas"], 5);
        assert_eq!(gate.changes(), 1);
    })
    .await;
}
