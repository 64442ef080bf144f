//! What an undo warns of before it is sent: each check with a state that trips it and one that does not.

use crate::objects::{World, agent, db, set, web};
use chrono::TimeDelta;
use redflag::rollback::ask::Choice;
use redflag::rollback::{CheckOutcome, Refusal};
use serde_json::{Value, json};

/// The sentences of the warnings under this name.
fn warnings(world: &World, name: &str) -> Vec<String> {
    let undo = world.draft(Choice::default()).unwrap();
    let tripped = |outcome| outcome == CheckOutcome::Warning;
    undo.checks.into_iter().filter(|check| check.name == name && tripped(check.outcome)).map(|it| it.sentence).collect()
}

fn blocked(world: &World) -> Refusal {
    world.draft(Choice::default()).expect_err("it should be blocked")
}

/// `web`, which would go back to this image.
fn back_to(image: &str) -> World {
    let mut world = web();
    set(&mut world.history[1], "/spec/template/spec/containers/0/image", json!(image));
    world
}

#[test]
fn a_plain_deployment_has_nothing_in_its_way() {
    let undo = web().draft(Choice::default()).unwrap();
    let told: Vec<String> = undo.checks.iter().map(|check| format!("{}: {}", check.name, check.sentence)).collect();
    assert_eq!(
        told,
        [
            "owner: it has no mark of Argo CD, Flux, Helm or an operator that would put the new version back",
            "target: the history has revision 1 (1.8.3, made 2026-11-23 02:09 UTC)",
            "image: company/app:1.8.3 does not look like a tag that moves",
            "downtime: at least 3 of 3 pods stay up",
        ]
    );
    assert!(undo.checks.iter().all(|check| check.outcome == CheckOutcome::Ok));
}

#[test]
fn argo_cd_would_put_it_back() {
    let tracked = web()
        .with("/metadata/annotations/argocd.argoproj.io~1tracking-id", json!("shop:apps/Deployment:production/web"));
    let why = blocked(&tracked);
    assert_eq!(why.reason, "Argo CD keeps it as its application shop says, and would put the new version back");
    assert_eq!(
        why.way_out,
        "revert the commit, or switch auto-sync off and: argocd app history shop; argocd app rollback shop ID"
    );

    let elsewhere = web().with(
        "/metadata/annotations/argocd.argoproj.io~1tracking-id",
        json!("teams_shop:apps/Deployment:production/web"),
    );
    assert!(blocked(&elsewhere).reason.contains("application teams/shop "));

    let labelled = web().with("/metadata/labels/app.kubernetes.io~1instance", json!("shop"));
    assert!(warnings(&labelled, "owner").is_empty(), "Helm charts set this label too");
    let managed =
        labelled.with("/metadata/managedFields", json!([{"manager": "argocd-controller", "operation": "Apply"}]));
    assert!(blocked(&managed).reason.contains("application shop "));
}

#[test]
fn flux_would_put_it_back() {
    let kustomized = web()
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps"))
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1namespace", json!("flux-system"));
    let why = blocked(&kustomized);
    assert_eq!(why.reason, "Flux keeps it as kustomization/apps says, and would put the new version back");
    assert_eq!(
        why.way_out,
        "revert the commit, or: flux suspend kustomization apps -n flux-system && \
         kubectl rollout undo deployment/web -n production --to-revision=1"
    );

    let released = web().with("/metadata/labels/helm.toolkit.fluxcd.io~1name", json!("shop"));
    assert!(blocked(&released).reason.contains("helmrelease/shop"));
}

#[test]
fn an_operator_would_put_it_back() {
    let owners = json!([{"kind": "Rollout", "name": "shop", "uid": "1", "controller": true}]);
    let why = blocked(&web().with("/metadata/ownerReferences", owners));
    assert_eq!(why.reason, "deployment/web is made by rollout/shop, whose controller would put the new version back");
    assert_eq!(why.way_out, "take the version back there: kubectl edit rollout shop -n production");

    let bystander = json!([{"kind": "Group", "name": "shop", "uid": "1"}]);
    assert!(warnings(&web().with("/metadata/ownerReferences", bystander), "owner").is_empty());
}

#[test]
fn helm_and_kubectl_apply_do_so_only_at_their_next_run() {
    let helm = web().with("/metadata/annotations/meta.helm.sh~1release-name", json!("shop"));
    assert_eq!(
        warnings(&helm, "owner"),
        ["Helm does not hear of an undo: the next upgrade of release shop starts from the new version; \
          afterwards use helm rollback shop -n production"]
    );
    let applied = web().with("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", json!("{}"));
    assert_eq!(
        warnings(&applied, "owner"),
        ["it is deployed with kubectl apply: the next apply of the same files brings the new version back"]
    );
    let terraform = web().with("/metadata/managedFields", json!([{"manager": "Terraform"}]));
    assert_eq!(
        warnings(&terraform, "owner"),
        ["Terraform has written this workload; if it still keeps it, it will put the new version back"]
    );
}

#[test]
fn a_target_that_was_taken_back_before_is_named() {
    // 1.8.3 was put back over 1.9.0, so it now is revision 3; undoing that would bring 1.9.0 again.
    let mut world = web().with("/spec/template/spec/containers/0/image", json!("company/app:1.8.3"));
    set(&mut world.history[1], "/metadata/annotations/deployment.kubernetes.io~1revision", json!("3"));
    assert!(warnings(&world, "target").is_empty());
    set(&mut world.history[1], "/metadata/annotations/deployment.kubernetes.io~1revision-history", json!("1"));
    assert_eq!(
        warnings(&world, "target"),
        ["revision 2 (1.9.0, made 2026-11-23 02:09 UTC) was itself taken back before"]
    );
}

#[test]
fn a_stateful_sets_history_tells_by_its_age_what_was_taken_back() {
    // 1.0.0 is revision 1 and 1.1.0 revision 2; an undo gives the older one the higher number.
    let mut world = db();
    assert!(warnings(&world, "target").is_empty());
    let old = world.history.iter().position(|item| item["revision"] == 1).unwrap();
    set(&mut world.history[old], "/revision", json!(3));
    let template = world.history[old]["data"]["spec"]["template"].clone();
    set(&mut world.workload, "/spec/template", template);
    let told = warnings(&world, "target");
    assert!(told.len() == 1 && told[0].ends_with(") was itself taken back before"), "{told:?}");
    assert!(told[0].starts_with("revision 2 (1.1.0, "), "{told:?}");
}

#[test]
fn a_history_that_is_not_kept_is_there_only_until_the_rollout_ends() {
    let world = web().with("/spec/revisionHistoryLimit", json!(0));
    assert_eq!(
        warnings(&world, "target"),
        ["revisionHistoryLimit is 0: revision 1 (1.8.3, made 2026-11-23 02:09 UTC) is gone once the rollout has ended"]
    );
}

#[test]
fn tags_that_move_bring_back_who_knows_what() {
    for image in ["company/app", "company/app:latest", "registry:5000/app:stable", "company/app:main"] {
        let sentence = format!("the tag of {image} moves: what comes back may not be what ran before");
        assert_eq!(warnings(&back_to(image), "image"), [sentence]);
    }
    for image in ["company/app:1.8.2", "company/app:sha-3f2c1", "company/app:latest@sha256:0123456789abcdef"] {
        assert_eq!(warnings(&back_to(image), "image"), Vec::<String>::new(), "{image}");
    }
}

#[test]
fn the_same_image_on_both_sides_is_said() {
    let image = |image: &str| {
        let mut world = back_to(image).with("/spec/template/spec/containers/0/image", json!(image));
        set(&mut world.history[1], "/spec/template/spec/priority", json!(1));
        world
    };
    assert_eq!(
        warnings(&image("company/app:1.9.0"), "image"),
        ["both revisions run the same image: only the settings around it change"]
    );
    assert_eq!(
        warnings(&image("company/app:latest"), "image"),
        ["both revisions run company/app:latest, so the undo may change nothing"]
    );
}

#[test]
fn downtime_is_told_beforehand() {
    let strategy = |unavailable: Value| web().with("/spec/strategy/rollingUpdate/maxUnavailable", unavailable);
    let cases = [
        (
            web().with("/spec/strategy", json!({"type": "Recreate"})),
            "strategy Recreate: all pods end before the first old one starts",
        ),
        (strategy(json!("100%")), "maxUnavailable allows all 3 pods to be down at once"),
        (strategy(json!(3)), "maxUnavailable allows all 3 pods to be down at once"),
        (
            strategy(json!(1)).with("/spec/replicas", json!(1)),
            "its only pod is replaced in place: nothing serves meanwhile",
        ),
        (db().with("/spec/replicas", json!(1)), "its only pod is replaced in place: nothing serves meanwhile"),
        (web().with("/spec/replicas", json!(0)), "it has no pods to change: nothing will serve after the undo either"),
    ];
    for (world, sentence) in cases {
        assert_eq!(warnings(&world, "downtime"), [sentence]);
    }
    for calm in [web(), strategy(json!("67%")), db(), agent()] {
        assert_eq!(warnings(&calm, "downtime"), Vec::<String>::new());
    }
}

#[test]
fn a_stateful_set_waits_for_its_broken_pods() {
    let pod = |name: &str, ready: &str| {
        json!({
            "metadata": {"name": name, "ownerReferences": [{"uid": db().workload["metadata"]["uid"], "controller": true}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        })
    };
    let mut broken = db().with("/status/readyReplicas", json!(1));
    assert_eq!(
        warnings(&broken, "order"),
        ["OrderedReady waits for pods that are not ready even after the undo; if so, delete by hand: \
          kubectl delete pod NAME -n production"]
    );
    broken.pods = vec![pod("db-0", "True"), pod("db-1", "False")];
    assert_eq!(
        warnings(&broken, "order"),
        ["OrderedReady waits for db-1 even after the undo; if so, delete by hand: \
          kubectl delete pod db-1 -n production"]
    );
    assert!(warnings(&db(), "order").is_empty());
    assert!(warnings(&broken.with("/spec/podManagementPolicy", json!("Parallel")), "order").is_empty());
}

#[test]
fn pods_that_an_undo_does_not_touch_are_named() {
    let parted = db().with("/spec/updateStrategy/rollingUpdate/partition", json!(1));
    assert_eq!(warnings(&parted, "partition"), ["partition 1: pods with a number below 1 are not touched"]);
    assert!(warnings(&db(), "partition").is_empty());

    for world in [db(), agent()] {
        let by_hand = world.with("/spec/updateStrategy", json!({"type": "OnDelete"}));
        assert_eq!(
            warnings(&by_hand, "strategy"),
            ["strategy OnDelete: each pod keeps the new version until it is deleted by hand"]
        );
    }
}

#[test]
fn an_autoscaler_is_known_by_its_traces() {
    let trace = json!([{"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale"}]);
    assert_eq!(warnings(&web().with("/metadata/managedFields", trace), "autoscaler").len(), 1);
    let controller = json!([{"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}]);
    assert!(warnings(&web().with("/metadata/managedFields", controller), "autoscaler").is_empty());
}

#[test]
fn what_stays_as_it_is_is_listed_by_name() {
    let mut world = web();
    let container = "/spec/template/spec/containers/0";
    let history = &mut world.history[1];
    set(
        history,
        &format!("{container}/envFrom"),
        json!([{"configMapRef": {"name": "flags"}}, {"secretRef": {"name": "tokens"}}]),
    );
    set(
        history,
        &format!("{container}/env"),
        json!([{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]),
    );
    set(
        history,
        "/spec/template/spec/volumes",
        json!([
            {"name": "a", "configMap": {"name": "app"}},
            {"name": "b", "projected": {"sources": [{"configMap": {"name": "ca"}}, {"secret": {"name": "db"}}]}},
        ]),
    );
    assert_eq!(
        world.draft(Choice::default()).unwrap().not_restored,
        [
            "earlier contents of ConfigMaps app, ca, flags and Secrets db, tokens: the old version reads what is there now",
            "database migrations and messages that 1.9.0 has written",
            "the number of replicas, autoscaler limits, Services, Ingresses and feature flags",
        ]
    );
    assert_eq!(web().draft(Choice::default()).unwrap().not_restored.len(), 2);
    assert!(db().draft(Choice::default()).unwrap().not_restored.contains(&"the data in its volumes".to_owned()));
}

#[test]
fn the_time_is_a_guess_until_pods_were_seen_to_start() {
    // Three pods, one at a time.
    assert_eq!(web().draft(Choice::default()).unwrap().expected, TimeDelta::seconds(90));
    assert_eq!(agent().draft(Choice::default()).unwrap().expected, TimeDelta::seconds(120));
}
