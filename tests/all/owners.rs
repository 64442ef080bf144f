//! The owners' own ways back: Argo CD, Flux and Helm, and the choice between them by a workload's marks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod argocd;
mod argocd_server;
mod flux;
#[cfg(unix)]
mod helm;
mod owner;

use crate::rollback::objects::{World, set, web};
use redflag::clock::Clock;
use redflag::rollback::request::{Choice, Wanted};
use redflag::rollback::{Answer, Blocked, Check, CheckOutcome, Readiness, Refusal, Step};
use redflag::systems::api::strategy::{RollbackSpec, StrategySpec};
use redflag::systems::registry::strategies::{self, Strategy};
use serde_json::json;
use std::sync::Arc;

/// `deployment/web` with an hour between its versions: 1.8.3 at 01:00, 1.9.0 at 02:09:34 of 2026-11-23.
fn shop() -> World {
    let mut world = web();
    set(&mut world.history[1], "/metadata/creationTimestamp", json!("2026-11-23T01:00:03Z"));
    world
}

fn build(spec: impl StrategySpec, cluster: &redflag::cluster::Cluster) -> Strategy {
    let spec = RollbackSpec { name: "tried", strategy: Arc::new(spec), repository: None };
    strategies::build(&spec, cluster, &Clock::real()).unwrap()
}

/// As a watch asks that saw 1.8.3 serve before the deploy.
fn wanted() -> Wanted {
    Wanted { choice: Choice::Usual { served_before: Some("69dc9d88f6".to_owned()) }, ..Wanted::default() }
}

async fn ready(strategy: &Strategy, world: &World) -> Step {
    match strategy.planner.prepare(&world.ask(wanted())).await {
        Readiness::Ready(step) => Arc::unwrap_or_clone(step),
        other => panic!("{other:?}"),
    }
}

async fn refusal(strategy: &Strategy, world: &World) -> Refusal {
    match strategy.planner.prepare(&world.ask(wanted())).await {
        Readiness::Blocked(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// `outcome name: sentence -> way out` of each check with this name.
fn checks(step: &Step, name: &str) -> Vec<String> {
    let line = |check: &Check| {
        let way_out = check.way_out.as_ref().map(|way_out| format!(" -> {way_out}")).unwrap_or_default();
        format!("{}: {}{way_out}", check.outcome.label(), check.sentence)
    };
    step.checks.iter().filter(|check| check.name() == name).map(line).collect()
}

fn nothing_worse_than(step: &Step, outcome: CheckOutcome) {
    assert!(step.checks.iter().all(|check| check.outcome <= outcome), "{:#?}", step.checks);
}

fn failed(answer: Answer) -> Blocked {
    match answer {
        Answer::Failed(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: Answer) -> Blocked {
    match answer {
        Answer::Refused(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

fn unknown(answer: Answer) -> String {
    match answer {
        Answer::Unknown(reason) => reason,
        other => panic!("{other:?}"),
    }
}
