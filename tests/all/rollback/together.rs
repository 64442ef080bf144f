//! A round of preparations of many workloads: what is the same for all is asked once, and nothing that is sent rests on
//! it for longer than a moment.

use crate::rollback::objects::{World, crowd, set};
use crate::rollback::peer::{Act, Asked, Peer, forbidden};
use crate::rollback::peer::{read_back, send};
use axum::http::Method;
use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use redflag::clock::Clock;
use redflag::cluster::{Cluster, Facts};
use redflag::rollback::action::Action;
use redflag::rollback::request::Wanted;
use redflag::rollback::workload::prepare;
use redflag::rollback::{Answer, CheckOutcome, Readiness, Step};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const MANY: usize = 20;

/// A watch of a crowd: its cluster, and the clock by which its answers grow old.
struct Round {
    peer: Peer,
    world: World,
    cluster: Cluster,
    clock: Clock,
}

impl Round {
    fn of(peer: Peer, world: World) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let facts = Facts::of(&clock, everybody(&world).map(|it| &it.reference));
        let cluster = Cluster { facts, ..peer.cluster() };
        Self { peer, world, cluster, clock }
    }

    async fn usual() -> Self {
        let world = crowd(MANY);
        Self::of(Peer::usual(world.clone()).await, world)
    }

    /// Prepares all of them in parallel; each is ready.
    async fn prepare(&self) -> Vec<Arc<Step>> {
        let asks: Vec<_> = everybody(&self.world).map(|world| world.ask(Wanted::default())).collect();
        let prepared = join_all(asks.iter().map(|ask| prepare(&self.cluster, ask))).await;
        let ready = prepared.into_iter().map(|readiness| match readiness {
            Readiness::Ready(step) => step,
            other => panic!("{other:?}"),
        });
        ready.collect()
    }

    /// How often each thing was asked since `from`, by method and path; names of services are left out.
    fn asked(&self, from: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for asked in self.peer.asked().into_iter().skip(from) {
            let path = asked.target.split('?').next().unwrap();
            let path = path.rsplit_once("/svc").map_or(path.to_owned(), |(collection, _)| format!("{collection}/…"));
            *counts.entry(format!("{} {path}", asked.method)).or_default() += 1;
        }
        counts
    }
}

fn everybody(world: &World) -> impl Iterator<Item = &World> {
    std::iter::once(world).chain(&world.neighbours)
}

fn counts(told: &[(&str, usize)]) -> BTreeMap<String, usize> {
    told.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
}

/// The whole of what a round asks: seven questions for all, and a dry run for each.
fn a_round() -> BTreeMap<String, usize> {
    counts(&[
        ("GET /api/v1/namespaces/kube-system", 1),
        ("GET /api/v1/namespaces/production/resourcequotas", 1),
        ("GET /apis/apps/v1/namespaces/production/deployments", 1),
        ("GET /apis/apps/v1/namespaces/production/replicasets", 1),
        ("GET /apis/autoscaling/v2/namespaces/production/horizontalpodautoscalers", 1),
        ("PATCH /apis/apps/v1/namespaces/production/deployments/…", MANY),
        ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 1),
    ])
}

#[tokio::test]
async fn a_round_for_twenty_workloads_lists_each_thing_once() {
    let round = Round::usual().await;
    let steps = round.prepare().await;
    assert_eq!(round.asked(0), a_round());
    for (step, world) in steps.iter().zip(everybody(&round.world)) {
        let Action::Patch(patch) = &step.action else { panic!("{:?}", step.action) };
        assert_eq!((patch.uid.as_str(), step.covers[0].to.label()), (uid_of(world), "1.8.3"));
        for name in ["cluster", "permission", "dry run", "autoscaler", "capacity"] {
            let check = step.checks.iter().find(|check| check.name() == name).unwrap();
            assert_eq!(check.outcome, CheckOutcome::Ok, "{check:?}");
        }
    }
}

fn uid_of(world: &World) -> &str {
    world.workload["metadata"]["uid"].as_str().unwrap()
}

#[tokio::test]
async fn the_next_round_asks_again_and_so_does_whoever_comes_after_news() {
    let round = Round::usual().await;
    round.prepare().await;
    let once = round.peer.asked().len();
    // A moment later all but the dry runs are still known.
    round.clock.set(round.clock.now() + TimeDelta::seconds(1));
    round.prepare().await;
    assert_eq!(round.asked(once), counts(&[("PATCH /apis/apps/v1/namespaces/production/deployments/…", MANY)]));

    let twice = round.peer.asked().len();
    round.cluster.facts.forget();
    round.prepare().await;
    assert_eq!(round.asked(twice), a_round());

    let thrice = round.peer.asked().len();
    round.clock.set(round.clock.now() + TimeDelta::seconds(60));
    round.prepare().await;
    assert_eq!(round.asked(thrice), a_round());
}

#[tokio::test]
async fn where_lists_of_all_are_refused_each_is_read_by_itself_and_the_lists_are_left_alone() {
    let world = crowd(MANY);
    let of_all = |asked: &Asked| {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let is_collection = path.ends_with("/deployments") || path.ends_with("/replicasets");
        asked.method == Method::GET && is_collection && !query.contains("labelSelector")
    };
    let script = move |asked: &Asked| if of_all(asked) { Act::Answer(403, forbidden()) } else { Act::Usual };
    let round = Round::of(Peer::serve(world.clone(), script).await, world);
    round.prepare().await;
    let first = round.asked(0);
    assert_eq!(first["GET /apis/apps/v1/namespaces/production/deployments"], 1);
    assert_eq!(first["GET /apis/apps/v1/namespaces/production/deployments/…"], MANY);
    // The refused list of all, and one by each selector; they are the same here, and so asked once.
    assert_eq!(first["GET /apis/apps/v1/namespaces/production/replicasets"], 2);

    let before = round.peer.asked().len();
    round.clock.set(round.clock.now() + TimeDelta::seconds(60));
    round.prepare().await;
    let second = round.asked(before);
    assert_eq!(second.get("GET /apis/apps/v1/namespaces/production/deployments"), None);
    assert_eq!(second["GET /apis/apps/v1/namespaces/production/replicasets"], 1);
}

#[tokio::test]
async fn a_permission_for_single_names_is_asked_for_by_name() {
    let world = crowd(MANY);
    let is_of_all =
        |asked: &Asked| asked.method == Method::POST && asked.body["spec"]["resourceAttributes"]["name"].is_null();
    let no = json!({"status": {"allowed": false}});
    let script = move |asked: &Asked| if is_of_all(asked) { Act::Answer(201, no.clone()) } else { Act::Usual };
    let round = Round::of(Peer::serve(world.clone(), script).await, world);
    round.prepare().await;
    assert_eq!(round.asked(0)["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"], 1 + MANY);
}

#[tokio::test]
async fn a_change_in_the_midst_of_a_round_is_read_again() {
    let world = crowd(MANY);
    let changed = AtomicBool::new(false);
    let script = move |asked: &Asked| {
        if asked.is_dry() && asked.target.contains("/svc07?") && !changed.swap(true, Ordering::Relaxed) {
            return Act::After(|world| {
                let svc07 = &mut world.neighbours[6];
                set(&mut svc07.workload, "/metadata/generation", json!(9));
                set(&mut svc07.workload, "/status/observedGeneration", json!(9));
                set(&mut svc07.workload, "/spec/template/metadata/annotations", json!({"changed": "now"}));
            });
        }
        Act::Usual
    };
    let round = Round::of(Peer::serve(world.clone(), script).await, world);
    let steps = round.prepare().await;
    assert_eq!(steps.len(), MANY);
    assert_eq!(round.asked(0)["GET /apis/apps/v1/namespaces/production/deployments"], 2);
    assert_eq!(round.asked(0)["PATCH /apis/apps/v1/namespaces/production/deployments/…"], MANY + 1);
}

#[tokio::test]
async fn what_is_sent_and_read_back_is_never_answered_from_what_others_asked() {
    let round = Round::usual().await;
    let steps = round.prepare().await;
    let before = round.peer.asked().len();
    assert_eq!(send(&round.cluster, &steps[3]).await, Answer::Accepted);
    assert_eq!(read_back(&round.cluster, &steps[3]).await, Answer::Accepted);
    assert_eq!(
        round.asked(before),
        counts(&[
            ("PATCH /apis/apps/v1/namespaces/production/deployments/…", 1),
            ("GET /apis/apps/v1/namespaces/production/deployments/…", 1),
        ])
    );
    // And what others asked before it was sent serves nobody any more.
    let after = round.peer.asked().len();
    prepare(&round.cluster, &round.world.ask(Wanted::default())).await;
    assert_eq!(round.asked(after)["GET /apis/apps/v1/namespaces/production/deployments"], 1);
}
