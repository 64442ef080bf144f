//! Rollouts, good and bad, as the source tells them.

use crate::kubernetes::lab::tell;
use crate::kubernetes::listener::{Listener, from_to, sentence};
use crate::kubernetes::program::Program;
use redflag::deploy::WorkloadKind;
use redflag::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use serde_json::{Value, json};

async fn a_good_rollout_is_told(kind: WorkloadKind) {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(kind, Program::Good).await;
        let before = listener.settled(Program::Good).await;
        assert_eq!(from_to(&before), (None, "3.9"));
        lab.hands.deploy(&of, Program::Better).await;
        let in_progress = listener.until("the rollout is in progress", |rollout| !is_over(rollout)).await;
        assert!(matches!(in_progress.progress, Progress::Waiting(_)), "{:?}", in_progress.progress);

        let after = listener.settled(Program::Better).await;
        assert_eq!(from_to(&after), (Some("3.9"), "3.10"));
        assert_eq!(after.troubles, []);
        assert_eq!((after.replicas.updated, after.replicas.ready), (after.replicas.desired, after.replicas.desired));
        assert_eq!((after.replicas.old(), after.generation, &after.uid), (0, 2, &before.uid));
        let deploy = after.deploy.unwrap();
        assert!(deploy.finished.is_some_and(|finished| finished >= deploy.at), "{deploy:?}");
        let numbers: Vec<(i64, &str)> =
            after.revisions.iter().map(|revision| (revision.version.revision, revision.version.label())).collect();
        assert_eq!(numbers, [(2, "3.10"), (1, "3.9")]);
    })
    .await;
}

fn is_over(rollout: &Rollout) -> bool {
    rollout.progress == Progress::Complete
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_good_rollout_of_a_deployment_is_told() {
    a_good_rollout_is_told(WorkloadKind::Deployment).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_good_rollout_of_a_stateful_set_is_told() {
    a_good_rollout_is_told(WorkloadKind::StatefulSet).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_good_rollout_of_a_daemon_set_is_told() {
    a_good_rollout_is_told(WorkloadKind::DaemonSet).await;
}

/// Deploys a program that does not work, and waits for the trouble and for what `stands` says of the counts, which
/// come from another watch and may be later.
async fn a_bad_rollout(
    kind: WorkloadKind,
    program: Program,
    trouble: TroubleKind,
    stands: fn(&Rollout) -> bool,
    says: &str,
) {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(kind, Program::Good).await;
        lab.hands.deploy(&of, program).await;
        let is_told = |rollout: &Rollout| sentence(rollout, trouble).is_some() && stands(rollout);
        let rollout = listener.until(&format!("{trouble:?}"), is_told).await;
        assert_eq!(from_to(&rollout), (Some("3.9"), program.version()));
        assert!(matches!(rollout.progress, Progress::Waiting(_)), "{:?}", rollout.progress);
        assert!(rollout.deploy.as_ref().is_some_and(|deploy| deploy.finished.is_none()));
        assert!(rollout.pods.iter().any(|pod| pod.is_new && pod.phase == PodPhase::Failing), "{:?}", rollout.pods);
        let sentence = sentence(&rollout, trouble).unwrap();
        assert!(sentence.starts_with(says), "{sentence}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_deployment_whose_new_pods_crash_keeps_its_old_ones() {
    let old_ones_stay = |rollout: &Rollout| rollout.replicas.old() == 3;
    let says = "1 of 1 new pod crash-loops: CrashLoopBackOff";
    a_bad_rollout(WorkloadKind::Deployment, Program::Crashing, TroubleKind::CrashLoop, old_ones_stay, says).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_stateful_set_stops_at_the_first_pod_whose_image_is_missing() {
    let one_is_left = |rollout: &Rollout| rollout.replicas.old() == 1;
    let says = "1 of 1 new pod cannot pull registry.k8s.io/pause:no-such-tag";
    a_bad_rollout(WorkloadKind::StatefulSet, Program::Missing, TroubleKind::Image, one_is_left, says).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_daemon_set_stops_at_the_first_node_whose_pod_crashes() {
    let one_is_new = |rollout: &Rollout| rollout.replicas.updated == 1;
    let says = "1 of 1 new pod crash-loops: CrashLoopBackOff";
    a_bad_rollout(WorkloadKind::DaemonSet, Program::Crashing, TroubleKind::CrashLoop, one_is_new, says).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_rollout_that_exceeds_its_deadline_has_failed() {
    tell(async |lab| {
        let deadline = json!({"spec": {"progressDeadlineSeconds": 3}});
        let of = lab.create(WorkloadKind::Deployment, Program::Good, deadline).await;
        let mut listener = Listener::of(&lab.cluster, &of);
        listener.settled(Program::Good).await;
        lab.hands.deploy(&of, Program::Deaf).await;
        let rollout = listener.trouble(TroubleKind::DeadlineExceeded).await;
        assert_eq!(rollout.progress, Progress::Failed("deployment \"app\" exceeded its progress deadline".to_owned()));
        let sentence = sentence(&rollout, TroubleKind::DeadlineExceeded).unwrap();
        assert!(sentence.starts_with("the rollout exceeded its progress deadline of 3 s: "), "{sentence}");
        assert!(rollout.pods.iter().any(|pod| pod.is_new && pod.phase == PodPhase::Unready));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_crash_loop_is_also_told_as_the_clusters_own_warning() {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(WorkloadKind::Deployment, Program::Good).await;
        lab.hands.deploy(&of, Program::Crashing).await;
        let event = listener.event("BackOff").await;
        assert!(event.starts_with("BackOff: Back-off restarting failed container"), "{event}");
        assert!(event.contains("(pod app-"), "{event}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn pods_that_a_policy_refuses_are_told_with_the_clusters_reason() {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(WorkloadKind::Deployment, Program::Good).await;
        lab.hands.admit_restricted_pods_only().await;
        lab.hands.deploy(&of, Program::Better).await;
        let rollout = listener.trouble(TroubleKind::ReplicaFailure).await;
        let sentence = sentence(&rollout, TroubleKind::ReplicaFailure).unwrap();
        assert!(sentence.starts_with("pods are refused: FailedCreate: "), "{sentence}");
        assert!(sentence.contains("violates PodSecurity"), "{sentence}");
        let event = listener.event("FailedCreate").await;
        assert!(event.contains("violates PodSecurity") && event.contains("(replicaset app-"), "{event}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_paused_deployment_waits_until_it_is_resumed() {
    tell(async |lab| {
        let (of, mut listener) = lab.settled(WorkloadKind::Deployment, Program::Good).await;
        lab.hands.change(&of, &json!({"spec": {"paused": true}})).await;
        lab.hands.deploy(&of, Program::Better).await;
        let paused = listener.until("a paused deploy is seen", |rollout| {
            sentence(rollout, TroubleKind::Paused).is_some() && rollout.generation == 3
        });
        let paused = paused.await;
        assert!(matches!(paused.progress, Progress::Waiting(_)), "{:?}", paused.progress);
        lab.hands.change(&of, &json!({"spec": {"paused": Value::Null}})).await;
        let resumed = listener.settled(Program::Better).await;
        assert_eq!(sentence(&resumed, TroubleKind::Paused), None);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_workload_that_is_deleted_and_recreated_is_another_one() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let first = listener.settled(Program::Better).await;
        lab.hands.delete(&of).await;
        listener.until("it is gone", |rollout| rollout.progress == Progress::Gone).await;
        lab.create(WorkloadKind::Deployment, Program::Good, json!({})).await;
        let second = listener.settled(Program::Good).await;
        assert_ne!(second.uid, first.uid);
        assert_eq!(from_to(&second), (None, "3.9"), "the history of the one before is not its own");
    })
    .await;
}
