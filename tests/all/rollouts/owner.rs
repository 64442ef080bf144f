//! Which strategy takes a Rollout back: an abort leaves alone what owners keep, an undo does not.

use super::objects::{World, paused, promoted, usual};
use super::peer::Peer;
use redflag::clock::Clock;
use redflag::rollback::action::{Abort, Action};
use redflag::rollback::{Answer, Readiness};
use redflag::systems::api::strategy::{RollbackSpec, StrategySpec};
use redflag::systems::argo_rollouts::ArgoRolloutsSpec;
use redflag::systems::kubernetes::undo::UndoSpec;
use redflag::systems::registry::owner::OwnerSpec;
use redflag::systems::registry::strategies::{Strategy, build};
use serde_json::json;
use std::sync::Arc;

fn strategy(strategy: impl StrategySpec, peer: &Peer) -> Strategy {
    let strategy = Arc::new(strategy);
    build(&RollbackSpec { name: "tried", strategy, repository: None }, &peer.cluster(), &Clock::real()).unwrap()
}

/// Argo CD keeps it as Git has it.
fn kept(mut world: World) -> World {
    let id = json!("shop:argoproj.io/Rollout:production/web");
    world.rollout["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = id;
    world
}

async fn refusal(strategy: &Strategy) -> (String, String) {
    match strategy.planner.prepare(&usual()).await {
        Readiness::Blocked(refusal) => (refusal.reason, refusal.way_out),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_update_in_flight_is_aborted_whoever_keeps_its_template() {
    let peer = Peer::usual(kept(paused())).await;
    let by_owner = strategy(OwnerSpec::default(), &peer);
    let Readiness::Ready(step) = by_owner.planner.prepare(&usual()).await else { panic!() };
    assert!(matches!(step.action, Action::Abort(Abort { abort: true, .. })));
    assert_eq!(by_owner.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(by_owner.performer.read_back(&step).await, Answer::Accepted);
    assert_eq!(peer.world().rollout["status"]["abort"], true);
}

#[tokio::test]
async fn an_undo_that_argo_cd_would_put_back_is_blocked() {
    let peer = Peer::usual(kept(promoted())).await;
    for told in [strategy(OwnerSpec::default(), &peer), strategy(ArgoRolloutsSpec, &peer)] {
        let (reason, _) = refusal(&told).await;
        assert_eq!(reason, "Argo CD manages it (application shop) and would redeploy the new version");
    }
}

#[tokio::test]
async fn what_nobody_keeps_goes_the_way_of_argo_rollouts() {
    let peer = Peer::usual(promoted()).await;
    let by_owner = strategy(OwnerSpec::default(), &peer);
    let Readiness::Ready(step) = by_owner.planner.prepare(&usual()).await else { panic!() };
    assert_eq!(by_owner.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(peer.writes()[0].0, "PATCH /apis/argoproj.io/v1alpha1/namespaces/production/rollouts/web");
}

#[tokio::test]
async fn kubernetes_own_undo_says_that_it_is_not_for_rollouts() {
    let peer = Peer::usual(promoted()).await;
    let (reason, way_out) = refusal(&strategy(UndoSpec, &peer)).await;
    assert_eq!(reason, "rollout/web is an Argo Rollout, which Kubernetes itself cannot roll back");
    assert_eq!(way_out, "choose strategy = \"argo-rollouts\", or \"owner\"");
}
