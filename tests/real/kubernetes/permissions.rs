//! People who may do less: who may only look, and who has exactly the role that the documentation asks for.

use crate::kubernetes::lab::{BUILT_IN, Lab, kubeconfig, tell};
use crate::kubernetes::listener::Listener;
use crate::kubernetes::program::Program;
use crate::kubernetes::undo::{blocked, read_back, readiness, ready, send};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::core::params::{ListParams, PostParams};
use redflag::clock::Clock;
use redflag::cluster::lease::Lease;
use redflag::cluster::{self, Access, Cluster, ClusterIdentity, Facts};
use redflag::deploy::WorkloadKind;
use redflag::poll::SourceError;
use redflag::rollback::lease::{Holding, LeaseCall};
use redflag::rollback::{Answer, Check, Readiness};
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
    bind(lab, to, &Value::Array(rules)).await;
    let (verb, resource) = may_patch.first().map_or(("watch", "events"), |resource| ("patch", *resource));
    let group = if verb == "patch" { "apps" } else { "" };
    until_allowed(to, Access { verb, group, resource, namespace: &lab.hands.namespace, name: None }).await;
}

/// Makes a role of these rules in the story's namespace, and gives it to this user.
pub(crate) async fn bind(lab: &Lab, to: &Cluster, rules: &Value) {
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "story"}, "rules": rules});
    lab.hands.create(&lab.hands.path(group, "roles"), &role).await;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "story"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "story"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name_of(&to.client).await}]});
    lab.hands.create(&lab.hands.path(group, "rolebindings"), &binding).await;
}

/// Applies what the documentation says to apply, for this user instead of the group of the on-call.
async fn grant_as_documented(lab: &Lab, to: &Cluster) {
    let namespace = &lab.hands.namespace;
    let blocks = include_str!("../../../docs/rollback.md").split("```");
    let yaml =
        blocks.filter_map(|block| block.strip_prefix("yaml\n")).find(|yaml| yaml.contains("kind: Role\n")).unwrap();
    let yaml = yaml
        .replace("namespace: production", &format!("namespace: {namespace}"))
        .replace("redflag-identity", namespace)
        .replace("kind: Group", "kind: User")
        .replace("name: on-call", &format!("name: {}", name_of(&to.client).await));
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let documents = ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];
    for (kind, document) in documents.into_iter().zip(yaml.split("---\n")) {
        assert!(document.contains(&format!("\nkind: {kind}\n")), "{document}");
        let plural = format!("{}s", kind.to_lowercase());
        if kind.starts_with("Cluster") {
            lab.delete_with_the_story(&format!("{group}/{plural}"), namespace);
            lab.hands.create_yaml(&format!("{group}/{plural}"), document).await;
        } else {
            lab.hands.create_yaml(&lab.hands.path(group, &plural), document).await;
        }
    }
    let resource = "statefulsets";
    until_allowed(to, Access { verb: "patch", group: "apps", resource, namespace, name: None }).await;
    let identity = Access { verb: "get", group: "", resource: "namespaces", namespace: "", name: Some("kube-system") };
    until_allowed(to, identity).await;
}

/// The authorizer takes a moment to hear of a new role.
pub(crate) async fn until_allowed(to: &Cluster, access: Access<'_>) {
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

/// Somebody whose context names no user.
async fn nobody() -> Cluster {
    let mut kubeconfig = Kubeconfig::read_from(kubeconfig()).unwrap();
    for user in &mut kubeconfig.auth_infos {
        user.auth_info = None;
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Cluster {
        client: Client::try_from(config).unwrap(),
        label: "nobody".to_owned(),
        timeout: Duration::from_secs(20),
        identity: ClusterIdentity::default(),
        server: "127.0.0.1:443".to_owned(),
        facts: Facts::default(),
    }
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
        assert_eq!(untouched.reason, "the rollback of daemonset/app did not take effect");
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
async fn somebody_without_a_role_for_leases_is_told_so_and_not_held_up() {
    tell(async |lab| {
        let viewer = viewer(lab).await;
        let lease = Lease::new(viewer, Clock::real(), &lab.hands.namespace, "production", "ana");
        let why = format!("you may not get leases in {}", lab.hands.namespace);
        assert_eq!(lease.call(&LeaseCall::Take("rollback to 3.9".to_owned())).await, Holding::Unavailable(why));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn nobody_is_told_to_sign_in() {
    tell(async |lab| {
        let nobody = nobody().await;
        let of = lab.create(WorkloadKind::Deployment, Program::Good, json!({})).await;
        let refused = blocked(&nobody, &of).await;
        assert!(refused.reason.starts_with("not signed in"), "{refused:?}");
        let pods = Request::new(lab.hands.path("/api/v1", "pods")).list(&ListParams::default()).unwrap();
        let error = cluster::call(nobody.timeout, nobody.client.request::<Value>(pods)).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthorized(_)), "{error:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_freeze_of_all_deploys_blocks_the_undo_in_its_own_words() {
    tell(async |lab| {
        let (of, _) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let undo = ready(&lab.cluster, &of).await;
        freeze(lab).await;
        // The API server takes a moment to heed a new policy.
        let mut often = interval(Duration::from_millis(200));
        let refused = loop {
            often.tick().await;
            if let Readiness::Blocked(refused) = readiness(&lab.cluster, &of).await {
                break refused;
            }
        };
        assert!(refused.reason.starts_with("a cluster policy refuses it: "), "{refused:?}");
        assert!(refused.reason.ends_with("denied request: deploys are frozen"), "{refused:?}");
        let Answer::Refused(refused) = send(&lab.cluster, &undo).await else { panic!() };
        assert!(refused.reason.ends_with("denied request: deploys are frozen"), "{refused:?}");
    })
    .await;
}

/// A policy of the cluster that refuses every change of a Deployment in the story's namespace.
async fn freeze(lab: &Lab) {
    let group = "/apis/admissionregistration.k8s.io/v1";
    let name = &lab.hands.namespace;
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": name}, "spec": {
        "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
            "operations": ["UPDATE"], "resources": ["deployments"]}]},
        "validations": [{"expression": "false", "message": "deploys are frozen"}],
    }});
    lab.create_everywhere(&format!("{group}/validatingadmissionpolicies"), &policy).await;
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}}});
    lab.create_everywhere(&format!("{group}/validatingadmissionpolicybindings"), &binding).await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn the_documented_role_is_enough_for_each_kind_of_workload() {
    for kind in BUILT_IN {
        tell(async |lab| {
            let deployer = deployer(lab).await;
            grant_as_documented(lab, &deployer).await;
            let (of, _) = lab.deployed(kind, Program::Good, Program::Better).await;
            let undo = ready(&deployer, &of).await;
            let denied: Vec<&Check> = undo.checks.iter().filter(|check| check.sentence.contains("may not")).collect();
            assert!(denied.is_empty(), "{denied:#?}");
            let lease = Lease::new(deployer.clone(), Clock::real(), &of.namespace, "lab", "ana");
            assert_eq!(lease.call(&LeaseCall::Take("rollback to 3.9".to_owned())).await, Holding::Ours);
            assert_eq!(send(&deployer, &undo).await, Answer::Accepted);
            assert_eq!(read_back(&deployer, &undo).await, Answer::Accepted);
            assert_eq!(lease.call(&LeaseCall::Release).await, Holding::Nobody);
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
