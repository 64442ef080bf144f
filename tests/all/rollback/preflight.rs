//! The finer points of single checks; that each is tripped, and not without reason, is in `checks`.

use crate::rollback::objects::{World, agent, db, set, web};
use chrono::TimeDelta;
use redflag::rollback::preflight::{self, Looked, Objects, OwnerPolicy, References, Surroundings};
use redflag::rollback::request::{Choice, Wanted};
use redflag::rollback::{CheckKind, CheckOutcome, Refusal};
use serde_json::{Value, json};

/// The sentences of the warnings under this name.
fn warnings(world: &World, name: &str) -> Vec<String> {
    let undo = world.draft(Choice::default()).unwrap();
    let tripped = |outcome| outcome == CheckOutcome::Warning;
    undo.checks
        .into_iter()
        .filter(|check| check.name() == name && tripped(check.outcome))
        .map(|it| it.sentence)
        .collect()
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
fn argo_cd_would_redeploy_it() {
    let tracked = web()
        .with("/metadata/annotations/argocd.argoproj.io~1tracking-id", json!("shop:apps/Deployment:production/web"));
    let why = blocked(&tracked);
    assert_eq!(why.reason, "Argo CD manages it (application shop) and would redeploy the new version");
    assert_eq!(
        why.way_out,
        "revert the commit, or turn off auto-sync and: argocd app history shop; argocd app rollback shop ID"
    );

    let elsewhere = web().with(
        "/metadata/annotations/argocd.argoproj.io~1tracking-id",
        json!("teams_shop:apps/Deployment:production/web"),
    );
    assert!(blocked(&elsewhere).reason.contains("(application teams/shop)"));

    let labelled = web().with("/metadata/labels/app.kubernetes.io~1instance", json!("shop"));
    assert!(warnings(&labelled, "owner").is_empty(), "Helm charts set this label too");
    let managed =
        labelled.with("/metadata/managedFields", json!([{"manager": "argocd-controller", "operation": "Apply"}]));
    assert!(blocked(&managed).reason.contains("(application shop)"));
}

#[test]
fn flux_would_redeploy_it() {
    let kustomized = web()
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps"))
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1namespace", json!("flux-system"));
    let why = blocked(&kustomized);
    assert_eq!(why.reason, "Flux manages it (kustomization/apps) and would redeploy the new version");
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
    assert_eq!(
        why.reason,
        "deployment/web is created by rollout/shop, whose controller would redeploy the new \
                            version"
    );
    assert_eq!(why.way_out, "roll back there: kubectl edit rollout shop -n production");

    let bystander = json!([{"kind": "Group", "name": "shop", "uid": "1"}]);
    assert!(warnings(&web().with("/metadata/ownerReferences", bystander), "owner").is_empty());
}

#[test]
fn tags_that_move_bring_back_who_knows_what() {
    for image in ["company/app", "company/app:latest", "registry:5000/app:stable", "company/app:main"] {
        let sentence = format!("mutable tag {image}: it may not point to what ran before");
        assert_eq!(warnings(&back_to(image), "image"), [sentence]);
    }
    for image in ["company/app:1.8.2", "company/app:sha-3f2c1", "company/app:latest@sha256:0123456789abcdef"] {
        assert_eq!(warnings(&back_to(image), "image"), Vec::<String>::new(), "{image}");
    }
}

#[test]
fn downtime_is_told_beforehand() {
    let strategy = |unavailable: Value| web().with("/spec/strategy/rollingUpdate/maxUnavailable", unavailable);
    let cases = [
        (
            web().with("/spec/strategy", json!({"type": "Recreate"})),
            "strategy Recreate: all pods stop before the first old one starts",
        ),
        (strategy(json!("100%")), "maxUnavailable allows all 3 pods to be down at once"),
        (strategy(json!(3)), "maxUnavailable allows all 3 pods to be down at once"),
        (
            strategy(json!(1)).with("/spec/replicas", json!(1)),
            "its only pod is replaced in place: down until the new one is ready",
        ),
        (db().with("/spec/replicas", json!(1)), "its only pod is replaced in place: down until the new one is ready"),
        (web().with("/spec/replicas", json!(0)), "0 pods: nothing will serve after the rollback either"),
    ];
    for (world, sentence) in cases {
        assert_eq!(warnings(&world, "downtime"), [sentence]);
    }
    for calm in [web(), strategy(json!("67%")), db(), agent()] {
        assert_eq!(warnings(&calm, "downtime"), Vec::<String>::new());
    }
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
    let named = |name: &str| json!({"metadata": {"name": name, "creationTimestamp": "2026-11-01T00:00:00Z"}});
    world.config_maps = ["app", "ca", "flags"].map(named).to_vec();
    world.secrets = ["db", "tokens"].map(named).to_vec();
    assert_eq!(
        world.draft(Choice::default()).unwrap().not_reverted,
        [
            "ConfigMaps app, ca, flags and Secrets db, tokens (the previous version will read the current values)",
            "database changes and queued messages written by 1.9.0",
            "replica count, HPA limits, Services, Ingresses and feature flags",
        ]
    );
    assert_eq!(web().draft(Choice::default()).unwrap().not_reverted.len(), 2);
    assert!(db().draft(Choice::default()).unwrap().not_reverted.contains(&"data in its volumes".to_owned()));
}

#[test]
fn the_time_is_a_guess_until_pods_were_seen_to_start() {
    // Three pods, one at a time.
    assert_eq!(web().draft(Choice::default()).unwrap().expected, TimeDelta::seconds(90));
    assert_eq!(agent().draft(Choice::default()).unwrap().expected, TimeDelta::seconds(120));
}

#[test]
fn an_old_revision_that_was_never_numbered_before_is_known_by_its_age() {
    // ControllerRevisions keep no former numbers: 1.0.0 was put back over 1.1.0, and only their ages tell.
    let mut world = db().with("/spec/template/spec/containers/0/image", json!("company/db:1.0.0"));
    set(&mut world.history[0], "/revision", json!(3));
    let step = world.draft(Choice::default()).unwrap();
    let told = step.checks.iter().find(|check| check.kind == CheckKind::AlreadyRolledBack).unwrap();
    assert_eq!(told.sentence, "1.1.0 was rolled back: 1.0.0 is what it was rolled back to");
    assert_eq!(told.outcome, CheckOutcome::Typed);
    assert_eq!(step.covers[0].to.label(), "1.1.0", "further back only goes who says so");
    assert!(warnings(&db(), "rollback").is_empty());
}

#[test]
fn an_owner_that_is_dealt_with_is_in_nobodys_way() {
    let world = web().with("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps"));
    let ask = world.ask(Wanted::default());
    let around = Surroundings::default();
    let objects = Objects { workload: &world.workload, history: &world.history, pods: &[], around: &around };
    assert!(preflight::draft_under(OwnerPolicy::Heeded, "prod-eu", &ask, objects).is_err());
    let step = preflight::draft_under(OwnerPolicy::Handled, "prod-eu", &ask, objects).unwrap();
    assert!(step.checks.iter().all(|check| check.name() != "owner"), "whoever deals with it says so");
}

#[test]
fn a_list_that_was_not_read_to_its_end_proves_nothing_gone() {
    let mut world = web();
    set(&mut world.history[1], "/spec/template/spec/volumes", json!([{"name": "a", "configMap": {"name": "app"}}]));
    let around = |all| Surroundings {
        config_maps: Looked::Found { items: Vec::new(), all },
        secrets: Looked::NotAsked,
        ..Surroundings::default()
    };
    let ask = world.ask(Wanted::default());
    assert!(world.draft_among(&ask, &around(true)).is_err());
    let step = world.draft_among(&ask, &around(false)).unwrap();
    let told = step.checks.iter().find(|check| check.name() == "configuration").unwrap();
    assert_eq!(told.sentence, "unknown whether ConfigMap app changed: too many to read");
}

#[test]
fn what_one_place_needs_another_may_do_without() {
    let template = json!({"spec": {
        "imagePullSecrets": [{"name": "registry"}],
        "containers": [
            {"envFrom": [{"configMapRef": {"name": "app", "optional": true}}]},
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "a"}}}]},
        ],
    }});
    let references = References::of(&template);
    assert_eq!(references.config_maps().get("app"), Some(&false));
    assert_eq!(references.secrets().get("registry"), Some(&true), "its images may be on the node already");
}
