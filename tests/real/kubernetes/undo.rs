//! Undoing a rollout, in its midst and after its end, until the previous version serves again.

use crate::kubernetes::lab::{Lab, tell};
use crate::kubernetes::listener::{from_to, sentence};
use crate::kubernetes::program::Program;
use redflag::cluster::Cluster;
use redflag::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
use redflag::rollback::request::{PlanRequest, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Answer, Check, CheckOutcome, Goal, Readiness, Refusal, Step};
use redflag::rollout::TroubleKind;
use redflag::systems::registry::perform::Performer;
use std::sync::Arc;

/// What an undo would do now.
pub(crate) async fn readiness(cluster: &Cluster, of: &WorkloadRef) -> Readiness {
    let ask = PlanRequest {
        goal: Goal::RollBack,
        workload: WorkloadId(0),
        reference: of.clone(),
        service: of.name.clone(),
        environment: "lab".to_owned(),
        wanted: Wanted::default(),
    };
    prepare(cluster, &ask).await
}

/// The undo, where it would work.
pub(crate) async fn ready(cluster: &Cluster, of: &WorkloadRef) -> Arc<Step> {
    match readiness(cluster, of).await {
        Readiness::Ready(undo) => undo,
        other => panic!("{other:#?}"),
    }
}

/// Why it would not.
pub(crate) async fn blocked(cluster: &Cluster, of: &WorkloadRef) -> Refusal {
    match readiness(cluster, of).await {
        Readiness::Blocked(blocked) => blocked,
        other => panic!("{other:#?}"),
    }
}

/// Sends a step to this cluster.
pub(crate) async fn send(cluster: &Cluster, step: &Step) -> Answer {
    Performer::of_cluster(cluster.clone()).perform(step).await
}

/// Reads back whether a step took effect in this cluster.
pub(crate) async fn read_back(cluster: &Cluster, step: &Step) -> Answer {
    Performer::of_cluster(cluster.clone()).read_back(step).await
}

/// The versions that it goes from and to.
fn way(undo: &Step) -> (&str, &str) {
    (undo.covers[0].from.label(), undo.covers[0].to.label())
}

pub(crate) fn check<'a>(undo: &'a Step, name: &str) -> &'a Check {
    undo.checks.iter().find(|check| check.name() == name).unwrap_or_else(|| panic!("no check {name}: {undo:#?}"))
}

/// Prepares an undo and sends it.
async fn undo(lab: &Lab, of: &WorkloadRef) -> Arc<Step> {
    let undo = ready(&lab.cluster, of).await;
    assert_eq!(check(&undo, "dry run").sentence, "server-side dry run passed");
    assert_eq!(check(&undo, "permission").outcome, CheckOutcome::Ok);
    assert_eq!(send(&lab.cluster, &undo).await, Answer::Accepted);
    undo
}

async fn a_finished_rollout_is_undone(kind: WorkloadKind) {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(kind, Program::Good, Program::Better).await;
        let undone = undo(lab, &of).await;
        assert_eq!(way(&undone), ("3.10", "3.9"));
        let after = listener.settled(Program::Good).await;
        assert_eq!(from_to(&after), (Some("3.10"), "3.9"));
        assert_eq!(
            after.deploy.unwrap().to.hash,
            undone.covers[0].to.hash,
            "the old template is the same revision as before"
        );

        // Its history has turned round: “the one before” is now what was rolled back, and the plan says so.
        let again = ready(&lab.cluster, &of).await;
        assert_eq!(way(&again), ("3.9", "3.10"));
        // The other kinds tell it by stamps of whole seconds, too coarse for a story as quick as this.
        if kind == WorkloadKind::Deployment {
            let target = check(&again, "target");
            assert!(target.sentence.ends_with("was itself rolled back before"), "{target:?}");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_finished_rollout_of_a_deployment_is_undone() {
    a_finished_rollout_is_undone(WorkloadKind::Deployment).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_finished_rollout_of_a_stateful_set_is_undone() {
    a_finished_rollout_is_undone(WorkloadKind::StatefulSet).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_finished_rollout_of_a_daemon_set_is_undone() {
    a_finished_rollout_is_undone(WorkloadKind::DaemonSet).await;
}

async fn a_bad_rollout_is_undone_in_its_midst(kind: WorkloadKind, bad: Program, trouble: TroubleKind) {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(kind, Program::Good).await;
        lab.hands.deploy(&of, bad).await;
        listener.trouble(trouble).await;
        let undone = undo(lab, &of).await;
        assert_eq!(way(&undone), (bad.version(), "3.9"));
        let after = listener.settled(Program::Good).await;
        assert_eq!(after.troubles, []);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_crashing_deployment_is_undone_in_the_midst_of_its_rollout() {
    a_bad_rollout_is_undone_in_its_midst(WorkloadKind::Deployment, Program::Crashing, TroubleKind::CrashLoop).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_deployment_without_its_image_is_undone_in_the_midst_of_its_rollout() {
    a_bad_rollout_is_undone_in_its_midst(WorkloadKind::Deployment, Program::Missing, TroubleKind::Image).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_crashing_daemon_set_is_undone_in_the_midst_of_its_rollout() {
    a_bad_rollout_is_undone_in_its_midst(WorkloadKind::DaemonSet, Program::Crashing, TroubleKind::CrashLoop).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_stateful_set_is_undone_once_the_broken_pod_that_the_plan_names_is_deleted() {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(WorkloadKind::StatefulSet, Program::Good).await;
        lab.hands.deploy(&of, Program::Missing).await;
        listener.trouble(TroubleKind::Image).await;
        // The plan asks the controller's count, which follows the pods.
        listener.until("the count has followed", |rollout| rollout.replicas.ready == 1).await;
        let undone = undo(lab, &of).await;
        let order = check(&undone, "order");
        assert_eq!(order.outcome, CheckOutcome::Warning);
        assert_eq!(order.sentence, "OrderedReady waits for pod app-1 even after the rollback");
        let command = format!("kubectl delete pod app-1 -n {}", of.namespace);
        assert!(order.way_out.as_ref().is_some_and(|way_out| way_out.ends_with(&command)), "{order:?}");

        let held_up = listener.trouble(TroubleKind::HeldUp).await;
        let told = sentence(&held_up, TroubleKind::HeldUp).unwrap();
        assert!(told.starts_with("app-1 of another version is not ready") && told.ends_with(&command), "{told}");
        lab.hands.delete_pod("app-1").await;
        assert_eq!(listener.settled(Program::Good).await.troubles, []);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn of_two_people_who_undo_at_once_one_does_it_and_the_other_is_told() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let (mine, yours) = (ready(&lab.cluster, &of).await, ready(&lab.cluster, &of).await);
        let (mine, yours) = tokio::join!(send(&lab.cluster, &mine), send(&lab.cluster, &yours));
        let told = Answer::ChangedUnderUs("somebody else already rolled it back to 3.9".to_owned());
        let mut answers = [mine, yours];
        answers.sort_by_key(|answer| *answer != Answer::Accepted);
        assert_eq!(answers, [Answer::Accepted, told]);
        listener.settled(Program::Good).await;
    })
    .await;
}
