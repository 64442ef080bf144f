//! What an undo must not do: overwrite somebody else's change, change anything when only tried, or go nowhere.

use crate::kubernetes::lab::BUILT_IN;
use crate::kubernetes::lab::tell;
use crate::kubernetes::listener::Listener;
use crate::kubernetes::program::Program;
use crate::kubernetes::undo::{blocked, ready, send};
use redflag::deploy::WorkloadKind;
use redflag::rollback::Answer;
use redflag::rollout::TroubleKind;
use serde_json::json;

/// What was quicker, by whom, and what runs now; without the time.
fn changed(answer: Answer) -> [String; 3] {
    let Answer::ChangedUnderUs(text) = answer else { panic!("{answer:?}") };
    let (what, rest) = text.rsplit_once(" (by ").unwrap();
    let (by, rest) = rest.split_once(", ").unwrap();
    let (_, now) = rest.split_once("); ").unwrap();
    [what.to_owned(), format!("by {by}"), now.to_owned()]
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_prepared_undo_was_tried_and_changed_nothing() {
    for kind in BUILT_IN {
        tell(async |lab| {
            let (of, _) = lab.deployed(kind, Program::Good, Program::Better).await;
            // Not the resourceVersion: a controller may still be writing the status of the rollout that has just ended.
            let pin = async || {
                let object = lab.hands.read(&of).await;
                let metadata = ["generation", "annotations", "labels"].map(|field| object["metadata"][field].clone());
                (metadata, object["spec"].clone())
            };
            let before = pin().await;
            ready(&lab.cluster, &of).await;
            assert_eq!(pin().await, before, "{of}");
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_scaling_between_the_plan_and_the_key_is_not_overwritten_and_not_in_the_way() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let undo = ready(&lab.cluster, &of).await;
        lab.hands.scale(&of, 5).await;
        assert_eq!(send(&lab.cluster, &undo).await, Answer::Accepted);
        assert_eq!(lab.hands.read(&of).await["spec"]["replicas"], 5);
        listener.settled(Program::Good).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn signs_that_the_server_escapes_do_not_fail_the_test_of_the_template() {
    tell(async |lab| {
        let note = json!({"spec": {"template": {"metadata": {"annotations": {"note": "a && b < c > d \u{e9}"}}}}});
        let of = lab.create(WorkloadKind::Deployment, Program::Good, note).await;
        let mut listener = Listener::of(&lab.cluster, &of);
        listener.settled(Program::Good).await;
        lab.hands.deploy(&of, Program::Better).await;
        listener.settled(Program::Better).await;
        let undo = ready(&lab.cluster, &of).await;
        assert_eq!(send(&lab.cluster, &undo).await, Answer::Accepted);
        listener.settled(Program::Good).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_deploy_between_the_plan_and_the_key_is_not_overwritten() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::StatefulSet, Program::Good, Program::Better).await;
        let undo = ready(&lab.cluster, &of).await;
        lab.hands.deploy(&of, Program::Missing).await;
        let told = changed(send(&lab.cluster, &undo).await);
        assert_eq!(told, ["another deploy of statefulset/app came first", "by pipeline", "it now runs no-such-tag"]);
        listener.trouble(TroubleKind::Image).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_workload_recreated_between_the_plan_and_the_key_is_left_alone() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let undo = ready(&lab.cluster, &of).await;
        lab.hands.delete(&of).await;
        assert_eq!(
            send(&lab.cluster, &undo).await,
            Answer::Refused(redflag::rollback::Blocked {
                reason: format!("there is no deployment/app in {}", of.namespace),
                way_out: "check the context and the namespace; if it was deleted, redeploy the earlier version"
                    .to_owned(),
            })
        );
        lab.create(WorkloadKind::Deployment, Program::Better, json!({})).await;
        let told = changed(send(&lab.cluster, &undo).await);
        assert_eq!(told, ["deployment/app was deleted and recreated", "by pipeline", "it now runs 3.10"]);
        listener.settled(Program::Better).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_paused_deployment_is_resumed_by_the_undo() {
    tell(async |lab| {
        let (of, mut listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        lab.hands.change(&of, &json!({"spec": {"paused": true}})).await;
        let undo = ready(&lab.cluster, &of).await;
        assert!(undo.needs_typing());
        assert_eq!(send(&lab.cluster, &undo).await, Answer::Accepted);
        listener.settled(Program::Good).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn the_first_version_of_a_workload_has_nothing_to_go_back_to() {
    for kind in BUILT_IN {
        tell(async |lab| {
            let (of, _) = lab.settled(kind, Program::Good).await;
            assert_eq!(blocked(&lab.cluster, &of).await.reason, "no earlier revision in its history", "{of}");
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_history_of_zero_keeps_nothing_to_go_back_to() {
    tell(async |lab| {
        let forgetful = json!({"spec": {"revisionHistoryLimit": 0}});
        let of = lab.create(WorkloadKind::Deployment, Program::Good, forgetful).await;
        let mut listener = Listener::of(&lab.cluster, &of);
        listener.settled(Program::Good).await;
        lab.hands.deploy(&of, Program::Better).await;
        listener.settled(Program::Better).await;
        listener.until("the old revision is gone", |rollout| rollout.revisions.len() == 1).await;
        let refused = blocked(&lab.cluster, &of).await;
        assert_eq!(refused.reason, "revisionHistoryLimit is 0: the cluster has no earlier revision");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_change_that_is_no_change_of_the_template_leaves_nothing_to_roll_back() {
    tell(async |lab| {
        let (of, _listener) = lab.settled(WorkloadKind::Deployment, Program::Good).await;
        lab.hands.scale(&of, 2).await;
        // The same template once more: no revision comes of it.
        lab.hands.deploy(&of, Program::Good).await;
        assert_eq!(blocked(&lab.cluster, &of).await.reason, "no earlier revision in its history");
    })
    .await;
}
