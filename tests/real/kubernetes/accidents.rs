//! The connection breaks before, while and after the request is sent: what happened is read back, never guessed,
//! and sending the same undo again does no harm.

use crate::kubernetes::hands::Hands;
use crate::kubernetes::lab::{Lab, kubeconfig, tell};
use crate::kubernetes::listener::Listener;
use crate::kubernetes::permissions::{deployer, grant};
use crate::kubernetes::program::Program;
use crate::kubernetes::undo::{blocked, check, read_back, ready, send};
use crate::kubernetes::wire::{self, Wire};
use redflag::cluster::Cluster;
use redflag::deploy::{WorkloadKind, WorkloadRef};
use redflag::rollback::{Answer, CheckOutcome};
use serde_json::json;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Time enough for an answer on any lab, and short enough to wait for one that does not come.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A deployment that can be undone, and the cluster at the end of a wire.
async fn stage(lab: &Lab) -> (WorkloadRef, Listener, Cluster, watch::Sender<Wire>) {
    let (of, listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
    let (cluster, wire) = wire::cluster(&kubeconfig(), TIMEOUT).await;
    (of, listener, cluster, wire)
}

fn unknown(answer: Answer) -> String {
    match answer {
        Answer::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn an_answer_that_is_lost_is_read_back_as_done() {
    tell(async |lab| {
        let (of, mut listener, cluster, wire) = stage(lab).await;
        let undo = ready(&cluster, &of).await;
        wire.send_replace(Wire::Deaf);
        let cut_once_done = async {
            listener.until("the undo has arrived", |rollout| rollout.generation > undo.covers[0].generation).await;
            wire.send_replace(Wire::Cut);
        };
        let (answer, ()) = tokio::join!(send(&cluster, &undo), cut_once_done);
        unknown(answer);
        unknown(read_back(&cluster, &undo).await);

        wire.send_replace(Wire::Whole);
        assert_eq!(read_back(&cluster, &undo).await, Answer::Accepted);
        listener.settled(Program::Good).await;
        let told = "somebody else already rolled it back to 3.9";
        assert_eq!(send(&cluster, &undo).await, Answer::ChangedUnderUs(told.to_owned()), "sent again, it does nothing");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_server_that_hangs_after_taking_it_is_read_back_as_done() {
    tell(async |lab| {
        let (of, mut listener, cluster, wire) = stage(lab).await;
        let undo = ready(&cluster, &of).await;
        wire.send_replace(Wire::Deaf);
        assert_eq!(unknown(send(&cluster, &undo).await), "no answer within 3 s");
        wire.send_replace(Wire::Cut);
        tokio::task::yield_now().await;
        wire.send_replace(Wire::Whole);
        assert_eq!(read_back(&cluster, &undo).await, Answer::Accepted);
        listener.settled(Program::Good).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_request_that_is_lost_is_read_back_as_not_done_and_can_be_sent_again() {
    tell(async |lab| {
        let (of, mut listener, cluster, wire) = stage(lab).await;
        let undo = ready(&cluster, &of).await;
        wire.send_replace(Wire::Mute);
        assert_eq!(unknown(send(&cluster, &undo).await), "no answer within 3 s");
        wire.send_replace(Wire::Cut);
        tokio::task::yield_now().await;
        wire.send_replace(Wire::Whole);
        let Answer::Refused(untouched) = read_back(&cluster, &undo).await else { panic!() };
        assert_eq!(untouched.reason, "the rollback of deployment/app did not take effect");
        assert_eq!(send(&cluster, &undo).await, Answer::Accepted);
        listener.settled(Program::Good).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_request_that_never_left_is_known_not_to_have_happened() {
    tell(async |lab| {
        let (of, _listener, cluster, wire) = stage(lab).await;
        let undo = ready(&cluster, &of).await;
        wire.send_replace(Wire::Cut);
        // The connection that served the plan must be seen to be gone before the key is struck.
        unknown(read_back(&cluster, &undo).await);
        let Answer::Refused(refused) = send(&cluster, &undo).await else { panic!() };
        assert!(refused.reason.starts_with("cannot reach wire: "), "{refused:?}");
        assert!(blocked(&cluster, &of).await.reason.starts_with("cannot reach wire: "));
        assert_eq!(lab.hands.read(&of).await["metadata"]["generation"], undo.covers[0].generation);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_server_that_is_too_busy_refuses_at_once_and_says_for_how_long() {
    tell(async |lab| {
        let (of, _listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let deployer = deployer(lab).await;
        grant(lab, &deployer, &["deployments"]).await;
        // Whenever the server does have a moment for it, this undo comes too late and changes nothing.
        let late = ready(&deployer, &of).await;
        lab.hands.scale(&of, 2).await;
        choke(lab, &of).await;
        let mut crowd = JoinSet::new();
        for _ in 0..8 {
            let (hands, of) = (Hands { client: deployer.client.clone(), ..lab.hands.clone() }, of.clone());
            crowd.spawn(async move {
                loop {
                    hands.knock(&of).await;
                }
            });
        }

        let dry_run = loop {
            let undo = ready(&deployer, &of).await;
            let dry_run = check(&undo, "dry run");
            if dry_run.outcome == CheckOutcome::Warning {
                break dry_run.sentence.clone();
            }
        };
        assert_eq!(dry_run, "no dry run: the API server is too busy");
        let refused = loop {
            if let Answer::Refused(refused) = send(&deployer, &late).await {
                break refused;
            }
        };
        assert_eq!(refused.reason, "the API server is too busy");
        // For longer, the longer it goes on.
        let seconds = refused.way_out.strip_prefix("try again in ").and_then(|rest| rest.split_once(" second"));
        assert!(seconds.is_some_and(|(number, _)| number.parse::<u64>().is_ok()), "{refused:?}");
    })
    .await;
}

/// Leaves room for one patch at a time of this story's deployments by ordinary users, and none to wait.
async fn choke(lab: &Lab, of: &WorkloadRef) {
    let group = "/apis/flowcontrol.apiserver.k8s.io/v1";
    let name = &of.namespace;
    let none = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name}, "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 0,
            "lendablePercent": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}}}});
    lab.create_everywhere(&format!("{group}/prioritylevelconfigurations"), &none).await;
    let patches = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
    "metadata": {"name": name}, "spec": {"priorityLevelConfiguration": {"name": name}, "matchingPrecedence": 50,
        "rules": [{
            "subjects": [{"kind": "Group", "group": {"name": "system:authenticated"}}],
            "resourceRules": [{"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"],
                "namespaces": [name]}],
        }]}});
    lab.create_everywhere(&format!("{group}/flowschemas"), &patches).await;
}
