//! Every preflight check, asked of an API server: one state of the cluster that trips it, and one that does not.

use crate::rollback::objects::{World, agent, db, set, web, without_history};
use crate::rollback::peer::{Act, Asked, Peer, not_allowed};
use axum::http::Method;
use chrono::{DateTime, TimeDelta};
use redflag::deploy::{Time, Version, WorkloadKind};
use redflag::rollback::request::{Choice, PlanRequest, Seen, Wanted};
use redflag::rollback::version_history::{Known, VersionStatus};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Check, CheckOutcome, Goal, Readiness};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The hash of 1.8.3, which `web` goes back to.
const OLD: &str = "69dc9d88f6";
/// The hash of 1.9.0, which `web` runs.
const NEW: &str = "66c979bf5d";

/// A state of the cluster and what is wanted of it.
struct State {
    world: World,
    goal: Goal,
    wanted: Wanted,
    script: Box<dyn Fn(&Asked) -> Act + Send + Sync>,
    /// Whether the cluster at the address is another one by the time that counts.
    moves: bool,
}

impl State {
    async fn readiness(self) -> Readiness {
        let ask = PlanRequest { goal: self.goal, ..self.world.ask(self.wanted) };
        let peer = Peer::serve(self.world, self.script).await;
        let cluster = peer.cluster();
        if self.moves {
            prepare(&cluster, &ask).await;
            peer.change(|world| world.cluster = "the second cluster");
        }
        prepare(&cluster, &ask).await
    }

    fn wanting(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    fn answering(self, script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), ..self }
    }
}

/// What a watch would ask about this world: it saw the previous version serve before.
fn state(world: World) -> State {
    let wanted = usual(&world);
    State { world, goal: Goal::RollBack, wanted, script: Box::new(|_| Act::Usual), moves: false }
}

fn usual(world: &World) -> Wanted {
    let served_before = match world.reference.kind {
        WorkloadKind::Deployment | WorkloadKind::Rollout => OLD,
        WorkloadKind::StatefulSet => "db-564dc996c7",
        WorkloadKind::DaemonSet => "aaa",
    };
    Wanted { choice: Choice::Usual { served_before: Some(served_before.to_owned()) }, ..Wanted::default() }
}

fn at(text: &str) -> Time {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn known(standing: VersionStatus) -> Wanted {
    let known = Known { hash: OLD.to_owned(), images: Vec::new(), standing, at: at("2026-11-20T10:00:00Z"), by: None };
    Wanted { choice: Choice::Revision(1), known: vec![known], ..Wanted::default() }
}

/// The workload as a watch sees it: running this image.
fn seen(uid: &str, image: &str) -> Wanted {
    let running = Version { images: vec![image.to_owned()], revision: 2, hash: NEW.to_owned(), ..Version::default() };
    let deployed = at("2026-11-23T02:09:34Z");
    let uid = uid.to_owned();
    let seen = Seen {
        uid,
        generation: 2,
        replicas: 3,
        running,
        deployed,
        revisions: Vec::new(),
        served_before: None,
        rolled_back: None,
    };
    Wanted { seen: Some(seen), ..usual(&web()) }
}

/// `web` after somebody took it back to 1.8.3, with so many pods updated.
fn is_rollback(updated: i64) -> World {
    let mut world = web()
        .with("/spec/template/spec/containers/0/image", json!("company/app:1.8.3"))
        .with("/status/updatedReplicas", json!(updated))
        .with("/metadata/managedFields", by("kubectl-rollout", "2026-11-23T02:20:00Z"));
    set(&mut world.history[1], "/metadata/annotations/deployment.kubernetes.io~1revision", json!("3"));
    set(&mut world.history[1], "/metadata/annotations/deployment.kubernetes.io~1revision-history", json!("1"));
    world
}

fn by(manager: &str, time: &str) -> Value {
    json!([{"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:spec": {"f:template": {}}}}])
}

/// `web` whose template names these, and the old one too.
fn reading(spec: &Value) -> World {
    let mut world = web();
    for template in world.history.iter_mut().chain([&mut world.workload]) {
        set(template, "/spec/template/spec/containers/0/envFrom", spec.clone());
    }
    world
}

/// A ConfigMap or Secret, with contents that nobody may ever see.
fn stored(name: &str, changed: &str) -> Value {
    json!({
        "metadata": {"name": name, "creationTimestamp": "2026-11-01T00:00:00Z", "managedFields": [
            {"manager": "kubectl-edit", "time": changed, "fieldsV1": {"f:data": {"f:key": {}}}},
        ]},
        "data": {"key": "s3cret"},
    })
}

fn flags() -> World {
    reading(&json!([{"configMapRef": {"name": "flags"}}, {"secretRef": {"name": "tokens"}}]))
}

/// `flags`, with both there, changed at these moments.
fn with_flags(config_map: &str, secret: &str) -> World {
    World { config_maps: vec![stored("flags", config_map)], secrets: vec![stored("tokens", secret)], ..flags() }
}

fn hpa(now: i64, wanted: i64, active: &str) -> World {
    let hpa = json!({
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                 "minReplicas": 2, "maxReplicas": 10},
        "status": {"currentReplicas": now, "desiredReplicas": wanted, "conditions": [
            {"type": "ScalingActive", "status": active, "reason": "FailedGetResourceMetric"},
        ]},
    });
    World { autoscalers: vec![hpa], ..web() }
}

/// `web`, whose pods request half a CPU each, under a quota that has so much left of it.
fn quota(used: &str) -> World {
    let mut world = web();
    for template in world.history.iter_mut().chain([&mut world.workload]) {
        set(template, "/spec/template/spec/containers/0/resources/requests/cpu", json!("500m"));
    }
    let status = json!({"hard": {"requests.cpu": "2", "pods": "50"}, "used": {"requests.cpu": used, "pods": "3"}});
    world.quotas = vec![json!({"metadata": {"name": "compute"}, "spec": {}, "status": status})];
    world
}

fn broken_db() -> World {
    let uid = db().workload["metadata"]["uid"].clone();
    let pod = |name: &str, ready: &str| {
        json!({
            "metadata": {"name": name, "ownerReferences": [{"uid": uid, "controller": true}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        })
    };
    World {
        pods: vec![pod("db-0", "False"), pod("db-1", "False"), pod("db-2", "True")],
        ..db().with("/status/readyReplicas", json!(1))
    }
}

fn old_image(image: &str) -> World {
    let mut world = web();
    set(&mut world.history[1], "/spec/template/spec/containers/0/image", json!(image));
    world
}

fn last_applied(image: &str) -> World {
    let applied = json!({"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}).to_string();
    web().with("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", json!(applied))
}

fn forbid(part: &'static str) -> impl Fn(&Asked) -> Act + Send + Sync + 'static {
    move |asked| {
        let message = format!("{part} is forbidden: User \"ana\" cannot read resource \"{part}\"");
        let status = json!({"kind": "Status", "code": 403, "message": message});
        if asked.target.contains(part) { Act::Answer(403, status) } else { Act::Usual }
    }
}

/// Answers this to every dry run.
fn dry_run(status: u16, body: Value) -> impl Fn(&Asked) -> Act + Send + Sync + 'static {
    move |asked| if asked.is_dry() { Act::Answer(status, body.clone()) } else { Act::Usual }
}

/// Answers this to every access review.
fn review(body: Value) -> impl Fn(&Asked) -> Act + Send + Sync + 'static {
    move |asked| if asked.method == Method::POST { Act::Answer(201, body.clone()) } else { Act::Usual }
}

/// The check, what is the matter, the state that trips it, and one that does not.
type Case = (&'static str, &'static str, State, State);

fn on_the_cluster() -> Vec<Case> {
    let policy = json!({"kind": "Status", "code": 403, "message": "admission webhook \"freeze\" denied the request: \
                        no changes on Fridays"});
    let webhook = json!({"kind": "Status", "code": 400, "message": "admission webhook \"audit\" does not support \
                         dry run"});
    let mut rewritten = web().workload;
    set(&mut rewritten, "/spec/template/spec/injected", json!(true));
    vec![
        ("cluster", "the address leads to another one", State { moves: true, ..state(web()) }, state(web())),
        ("cluster", "its identity may not be read", state(web()).answering(forbid("kube-system")), state(web())),
        ("permission", "denied", state(web()).answering(review(not_allowed())), state(web())),
        (
            "permission",
            "not told",
            state(web()).answering(review(json!({"status": {"allowed": false, "evaluationError": "webhook down"}}))),
            state(web()),
        ),
        ("dry run", "a policy", state(web()).answering(dry_run(403, policy)), state(web())),
        ("dry run", "a webhook with side effects", state(web()).answering(dry_run(400, webhook)), state(web())),
        ("dry run", "admission rewrites it", state(web()).answering(dry_run(200, rewritten)), state(web())),
    ]
}

fn on_the_history() -> Vec<Case> {
    let same = |image: &str| {
        let mut world = old_image(image).with("/spec/template/spec/containers/0/image", json!(image));
        set(&mut world.history[1], "/spec/template/spec/priority", json!(1));
        world
    };
    let two_bad = web()
        .and_revision(3, "ccc", "company/app:1.9.1")
        .with("/spec/template/spec/containers/0/image", json!("company/app:1.9.1"));
    let bad_and_worse = Wanted {
        known: vec![
            Known { hash: OLD.to_owned(), ..known(VersionStatus::Bad).known[0].clone() },
            Known { hash: NEW.to_owned(), ..known(VersionStatus::Bad).known[0].clone() },
        ],
        ..Wanted::default()
    };
    let revision = |number| Wanted { choice: Choice::Revision(number), ..Wanted::default() };
    vec![
        ("history", "there is none", state(without_history("one")), state(web())),
        ("history", "it is not kept", state(without_history("nohist")), state(web())),
        ("history", "it is kept no longer", state(web().with("/spec/revisionHistoryLimit", json!(0))), state(web())),
        ("target", "no such revision", state(web()).wanting(revision(7)), state(web())),
        ("target", "all are bad", state(two_bad).wanting(bad_and_worse), state(web())),
        (
            "target",
            "found bad",
            state(web()).wanting(known(VersionStatus::Bad)),
            state(web()).wanting(known(VersionStatus::Good)),
        ),
        ("target", "unknown", state(web()).wanting(Wanted::default()), state(web())),
        ("target", "itself rolled back", state(is_rollback(3)).wanting(revision(2)), state(web())),
        (
            "target",
            "itself rolled back, and wanted again",
            State { goal: Goal::Undo, ..state(is_rollback(3)).wanting(revision(2)) },
            state(web()),
        ),
        ("template", "identical", state(web()).wanting(revision(2)), state(web())),
        ("image", "the tag moves", state(old_image("company/app:stable")), state(web())),
        ("image", "both are the same tag that moves", state(same("company/app:latest")), state(web())),
        (
            "image",
            "both are the same",
            state(same("company/app:1.9.0")),
            state(old_image("app:latest@sha256:0123456789")),
        ),
    ]
}

fn on_other_people() -> Vec<Case> {
    let uid = web().workload["metadata"]["uid"].as_str().unwrap().to_owned();
    let another = web()
        .with("/metadata/managedFields", by("kubectl-set", "2026-11-23T02:21:00Z"))
        .with("/metadata/annotations/kubernetes.io~1change-cause", json!("hotfix for the cart"));
    let in_progress = || web().with("/status/updatedReplicas", json!(1));
    let tracked = web()
        .with("/metadata/annotations/argocd.argoproj.io~1tracking-id", json!("shop:apps/Deployment:production/web"));
    let flux = web().with("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps"));
    let operated = json!([{"kind": "Rollout", "name": "shop", "uid": "1", "controller": true}]);
    let bystander = web().with("/metadata/ownerReferences", json!([{"kind": "Group", "name": "shop", "uid": "1"}]));
    let helm = web().with("/metadata/annotations/meta.helm.sh~1release-name", json!("shop"));
    let terraform = web().with("/metadata/managedFields", json!([{"manager": "Terraform"}]));
    let server_side = json!([{"manager": "kubectl", "operation": "Apply"}]);
    vec![
        (
            "deletion",
            "in progress",
            state(web().with("/metadata/deletionTimestamp", json!("2026-11-23T02:09:30Z"))),
            state(web()),
        ),
        ("paused", "it is", state(web().with("/spec/paused", json!(true))), state(web())),
        ("rollback", "another in progress", state(is_rollback(1)), state(web())),
        ("rollback", "another done", state(is_rollback(3)), state(web())),
        (
            "rollout",
            "another deploy came in between",
            state(another).wanting(seen(&uid, "company/app:1.8.9")),
            state(web()).wanting(seen(&uid, "company/app:1.9.0")),
        ),
        (
            "rollout",
            "recreated",
            state(web().with("/metadata/managedFields", by("helm", "2026-11-23T02:21:00Z")))
                .wanting(seen("the one before", "company/app:1.9.0")),
            state(web()).wanting(seen(&uid, "company/app:1.9.0")),
        ),
        (
            "rollout",
            "one that nobody watches",
            state(in_progress()),
            state(in_progress()).wanting(seen(&uid, "company/app:1.9.0")),
        ),
        ("owner", "Argo CD", state(tracked), state(web())),
        ("owner", "Flux", state(flux), state(web())),
        ("owner", "an operator", state(web().with("/metadata/ownerReferences", operated)), state(bystander)),
        ("owner", "Helm", state(helm), state(web())),
        ("owner", "Terraform", state(terraform), state(web())),
        (
            "next apply",
            "of the new version",
            state(last_applied("company/app:1.9.0")),
            state(last_applied("company/app:1.8.3")),
        ),
        (
            "next apply",
            "by the server",
            state(web().with("/metadata/managedFields", server_side)),
            state(last_applied("company/app:1.8.3")),
        ),
        (
            "annotations",
            "dropped and changed",
            state(dropping()),
            state(web().with("/metadata/annotations/kubernetes.io~1change-cause", json!("another"))),
        ),
    ]
}

/// `web`, with one annotation that the old revision lacks and one that it has otherwise.
fn dropping() -> World {
    let mut world = web()
        .with("/metadata/annotations/prometheus.io~1scrape", json!("true"))
        .with("/metadata/annotations/team", json!("shop"));
    set(&mut world.history[1], "/metadata/annotations/team", json!("cart"));
    world
}

fn on_the_surroundings() -> Vec<Case> {
    let (before, after) = ("2026-11-20T00:00:00Z", "2026-11-23T14:00:00Z");
    let calm = || state(with_flags(before, before));
    let gone = World { config_maps: Vec::new(), ..with_flags(before, before) };
    let optional = World {
        secrets: vec![stored("tokens", before)],
        ..reading(&json!([{"configMapRef": {"name": "flags", "optional": true}}, {"secretRef": {"name": "tokens"}}]))
    };
    let fewer = web().with("/spec/replicas", json!(2)).with("/status/replicas", json!(2));
    let scaled = json!([{"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale"}]);
    let scaled = web().with("/metadata/managedFields", scaled);
    let strategy = |unavailable: Value| web().with("/spec/strategy/rollingUpdate/maxUnavailable", unavailable);
    let slow = |seconds| Wanted { pace: Some(TimeDelta::seconds(seconds)), ..usual(&web()) };
    let recreate = || web().with("/spec/strategy", json!({"type": "Recreate"}));
    let partition = |number: i64| state(db().with("/spec/updateStrategy/rollingUpdate/partition", json!(number)));
    let on_delete = |world: World| state(world.with("/spec/updateStrategy", json!({"type": "OnDelete"})));
    let one = |world: World| state(world.with("/spec/replicas", json!(1)));
    let no_surge = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    vec![
        ("configuration", "a ConfigMap changed", state(with_flags(after, before)), calm()),
        ("configuration", "a Secret changed", state(with_flags(before, after)), calm()),
        ("configuration", "a ConfigMap is gone", state(gone), state(optional)),
        ("configuration", "it may not be read", calm().answering(forbid("secrets")), calm()),
        ("autoscaler", "at its most", state(hpa(10, 10, "True")), state(hpa(3, 3, "True"))),
        ("autoscaler", "scaling now", state(hpa(3, 5, "True")), state(hpa(3, 3, "True"))),
        ("autoscaler", "blind", state(hpa(3, 3, "False")), state(hpa(3, 3, "True"))),
        ("autoscaler", "seen by its traces", state(scaled).answering(forbid("horizontalpodautoscalers")), state(web())),
        ("autoscaler", "fewer pods than before", state(fewer), state(web())),
        ("capacity", "the quota is used up", state(quota("1.8")), state(quota("1"))),
        (
            "capacity",
            "it would be slow",
            state(World { quotas: quota("1.8").quotas, ..quota_parted() }),
            state(web().with("/spec/strategy", no_surge)),
        ),
        ("downtime", "Recreate", state(recreate()), state(web())),
        ("downtime", "all at once", state(strategy(json!("100%"))), state(strategy(json!("67%")))),
        ("downtime", "its only pod", one(strategy(json!(1))), one(web())),
        ("downtime", "no pods", state(web().with("/spec/replicas", json!(0))), state(agent())),
        (
            "order",
            "broken pods",
            state(broken_db()),
            state(broken_db().with("/spec/podManagementPolicy", json!("Parallel"))),
        ),
        ("order", "partition", partition(1), partition(0)),
        ("order", "OnDelete", on_delete(agent()), state(agent())),
        ("time", "too long", state(web()).wanting(slow(50)), state(web()).wanting(slow(40))),
        (
            "time",
            "too long by a guess",
            state(db().with("/spec/replicas", json!(5)).with("/status/readyReplicas", json!(5))),
            state(recreate()),
        ),
    ]
}

/// `quota`, with pods that may be missing meanwhile.
fn quota_parted() -> World {
    quota("1.8").with("/spec/strategy/rollingUpdate/maxUnavailable", json!(1))
}

fn checks(readiness: Readiness) -> Vec<Check> {
    match readiness {
        Readiness::Ready(step) => step.checks.clone(),
        Readiness::Blocked(refusal) => {
            let first = refusal.checks.iter().find(|check| check.outcome == CheckOutcome::Blocked).unwrap();
            assert_eq!((&refusal.reason, Some(&refusal.way_out)), (&first.sentence, first.way_out.as_ref()));
            refusal.checks
        }
        Readiness::Preparing => panic!("still preparing"),
    }
}

#[tokio::test]
async fn each_check_has_a_state_that_trips_it_and_one_that_does_not() {
    let mut told = String::new();
    let mut tripped = BTreeSet::new();
    for cases in [on_the_cluster(), on_the_history(), on_other_people(), on_the_surroundings()] {
        for (name, matter, trips, calm) in cases {
            let found = checks(trips.readiness().await);
            let of_name: Vec<&Check> =
                found.iter().filter(|check| check.name() == name && check.outcome != CheckOutcome::Ok).collect();
            assert!(!of_name.is_empty(), "{name}, {matter}: not tripped by {found:#?}");
            tripped.insert(name);
            writeln!(told, "{name}: {matter}").unwrap();
            for check in of_name {
                let way_out = check.way_out.as_deref().unwrap_or_else(|| panic!("{name}, {matter}: no way out"));
                writeln!(told, "  {:<8} {}\n           → {way_out}", check.outcome.label(), check.sentence).unwrap();
            }
            let found = checks(calm.readiness().await);
            let worse: Vec<&Check> =
                found.iter().filter(|check| check.name() == name && check.outcome != CheckOutcome::Ok).collect();
            assert!(worse.is_empty(), "{name}, {matter}: the calm state trips it: {worse:#?}");
            for check in found.iter().filter(|check| check.name() == name) {
                assert_eq!(check.way_out, None, "{name}, {matter}");
                writeln!(told, "  ok       {}", check.sentence).unwrap();
            }
        }
    }
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("checks", told);
    });
    // Whatever a plain workload is checked for is in the table.
    for world in [web(), db(), agent()] {
        for check in checks(state(world).readiness().await) {
            assert!(tripped.contains(check.name()), "nothing trips {}", check.name());
        }
    }
}

#[tokio::test]
async fn every_check_is_told_however_many_block() {
    let world = with_flags("2026-11-20T00:00:00Z", "2026-11-23T14:00:00Z")
        .with("/spec/paused", json!(true))
        .with("/metadata/annotations/argocd.argoproj.io~1tracking-id", json!("shop:apps/Deployment:production/web"));
    let found =
        checks(state(World { config_maps: Vec::new(), ..world }).answering(review(not_allowed())).readiness().await);
    let outcome = |name: &str| found.iter().filter(|check| check.name() == name).map(|check| check.outcome).max();
    assert_eq!(outcome("paused"), Some(CheckOutcome::Typed), "the undo resumes it");
    for name in ["owner", "permission", "configuration"] {
        assert_eq!(outcome(name), Some(CheckOutcome::Blocked), "{name}");
    }
    assert_eq!(outcome("time"), Some(CheckOutcome::Ok), "the others are still made");
}

/// `db` with a broken pod, whose previous version reads so many ConfigMaps and as many Secrets.
fn reading_many(many: usize) -> World {
    let mut world = broken_db();
    let config_map = |number: usize| json!({"configMapRef": {"name": format!("flags-{number}")}});
    let secret = |number: usize| json!({"secretRef": {"name": format!("tokens-{number}")}});
    let sources: Vec<Value> = (0..many).flat_map(|number| [config_map(number), secret(number)]).collect();
    for revision in &mut world.history {
        set(revision, "/data/spec/template/spec/containers/0/envFrom", json!(sources));
    }
    let before = "2026-11-20T00:00:00Z";
    world.config_maps = (0..many).map(|number| stored(&format!("flags-{number}"), before)).collect();
    world.secrets = (0..many).map(|number| stored(&format!("tokens-{number}"), before)).collect();
    world
}

#[tokio::test]
async fn the_contents_of_secrets_are_never_asked_for() {
    for many in [1, 3] {
        let world = reading_many(many);
        let peer = Peer::usual(world.clone()).await;
        let readiness = prepare(&peer.cluster(), &world.ask(usual(&world))).await;
        assert!(matches!(readiness, Readiness::Ready(_)), "{readiness:?}");
        assert!(!format!("{readiness:?}").contains("s3cret"));
        let is_store = |asked: &Asked| asked.target.contains("/configmaps") || asked.target.contains("/secrets");
        let asked: Vec<Asked> = peer.asked().into_iter().filter(is_store).collect();
        assert_eq!(asked.len(), 2, "one of each, or all of each at once: {:#?}", peer.log());
        for asked in asked {
            assert!(asked.accept.starts_with("application/json;as=PartialObjectMetadata"), "{}", asked.accept);
        }
    }
}

#[tokio::test]
async fn a_preparation_is_thirteen_requests_at_most() {
    for (many, requests) in [(0, 9), (1, 11), (2, 13), (3, 11), (20, 11)] {
        let world = reading_many(many);
        let peer = Peer::usual(world.clone()).await;
        prepare(&peer.cluster(), &world.ask(usual(&world))).await;
        assert_eq!(peer.asked().len(), requests, "{many}: {:#?}", peer.log());
    }
}
