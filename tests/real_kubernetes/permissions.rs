//! People who may do less: who may only look, and who has exactly the role that the documentation asks for.

use crate::lab::{Lab, tell};
use crate::listener::Listener;
use crate::program::Program;
use crate::undo::{blocked, ready};
use kube::Client;
use kube::core::Request;
use kube::core::params::PostParams;
use redflag::cluster::{Access, Cluster};
use redflag::deploy::WorkloadKind;
use redflag::rollback::Answer;
use redflag::rollback::strategy::kubernetes::{read_back, send};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::interval;

/// Lets somebody watch, and undo these kinds of workload; nothing else.
pub(crate) async fn grant(lab: &Lab, to: &Cluster, may_patch: &[&'static str]) {
    let mut rules = vec![
        json!({"apiGroups": ["apps"], "verbs": ["get", "list", "watch"],
            "resources": ["deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"]}),
        json!({"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list", "watch"]}),
    ];
    if !may_patch.is_empty() {
        rules.push(json!({"apiGroups": ["apps"], "resources": may_patch, "verbs": ["patch"]}));
    }
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "story"}, "rules": rules});
    lab.hands.create(&lab.hands.path(group, "roles"), &role).await;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "story"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "story"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name_of(&to.client).await}]});
    lab.hands.create(&lab.hands.path(group, "rolebindings"), &binding).await;
    // The authorizer takes a moment to hear of it.
    let (verb, resource) = may_patch.first().map_or(("watch", "events"), |resource| ("patch", *resource));
    let group = if verb == "patch" { "apps" } else { "" };
    let access = Access { verb, group, resource, namespace: &lab.hands.namespace, name: None };
    let mut often = interval(Duration::from_millis(100));
    while !to.may(access).await.unwrap() {
        often.tick().await;
    }
}

/// Who the API server takes this client for.
async fn name_of(client: &Client) -> String {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let request = Request::new("/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .create(&PostParams::default(), review.to_string().into_bytes());
    let answer: Value = client.request(request.unwrap()).await.unwrap();
    answer["status"]["userInfo"]["username"].as_str().unwrap().to_owned()
}

async fn viewer(lab: &Lab) -> Cluster {
    lab.seen_by("REDFLAG_TEST_VIEWER_CONTEXT", "lab-viewer").await
}

pub(crate) async fn deployer(lab: &Lab) -> Cluster {
    lab.seen_by("REDFLAG_TEST_DEPLOYER_CONTEXT", "lab-deployer").await
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn somebody_who_may_only_look_sees_the_rollout_and_is_told_which_role_the_undo_needs() {
    tell(async |lab| {
        let viewer = viewer(lab).await;
        grant(lab, &viewer, &[]).await;
        let (of, _) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        Listener::of(&viewer, &of).settled(Program::Better).await;

        let refused = blocked(&viewer, &of).await;
        let namespace = &of.namespace;
        assert_eq!(refused.reason, format!("you may not patch deployments in {namespace}: no role allows it"));
        assert!(refused.way_out.contains("apiGroups [apps], resources [deployments], verbs [patch]"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_whose_permission_was_withdrawn_is_refused_and_nothing_is_done() {
    tell(async |lab| {
        let viewer = viewer(lab).await;
        grant(lab, &viewer, &[]).await;
        let (of, _) = lab.deployed(WorkloadKind::DaemonSet, Program::Good, Program::Better).await;
        // Prepared by somebody who may, sent by somebody who may not.
        let undo = ready(&lab.cluster, &of).await;
        let Answer::Refused(refused) = send(&viewer, &undo).await else { panic!() };
        assert!(
            refused.reason.starts_with(&format!("you may not patch daemonsets in {}: ", of.namespace)),
            "{refused:?}"
        );
        let Answer::Refused(untouched) = read_back(&viewer, &undo).await else { panic!() };
        assert_eq!(untouched.reason, "the undo of daemonset/app did not take effect");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn somebody_who_may_not_even_look_is_told_what_is_missing_first() {
    tell(async |lab| {
        let stranger = viewer(lab).await;
        let (of, _) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let refused = blocked(&stranger, &of).await;
        assert!(
            refused.reason.starts_with(&format!("you may not get deployments in {}: ", of.namespace)),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn the_documented_role_is_enough_for_each_kind_of_workload() {
    for kind in WorkloadKind::ALL {
        tell(async |lab| {
            let deployer = deployer(lab).await;
            grant(lab, &deployer, &["deployments", "statefulsets", "daemonsets"]).await;
            let (of, _) = lab.deployed(kind, Program::Good, Program::Better).await;
            let undo = ready(&deployer, &of).await;
            assert_eq!(send(&deployer, &undo).await, Answer::Accepted);
            assert_eq!(read_back(&deployer, &undo).await, Answer::Accepted);
            Listener::of(&deployer, &of).settled(Program::Good).await;
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_role_for_deployments_does_not_undo_a_stateful_set() {
    tell(async |lab| {
        let deployer = deployer(lab).await;
        grant(lab, &deployer, &["deployments"]).await;
        let (of, _) = lab.deployed(WorkloadKind::StatefulSet, Program::Good, Program::Better).await;
        let refused = blocked(&deployer, &of).await;
        assert!(
            refused.reason.starts_with(&format!("you may not patch statefulsets in {}", of.namespace)),
            "{refused:?}"
        );
    })
    .await;
}
