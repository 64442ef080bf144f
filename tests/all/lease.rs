//! The lease against the company's API server: two people never act at the same time, and nobody waits for the dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::http::StatusCode;
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::cluster::lease::Lease;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::cluster::{self, Cluster};
use redflag::demo::{Company, Fault, Peer, Scenario, TOKEN, VIEWER_TOKEN};
use redflag::rollback::lease::{Holding, LeaseCall};
use redflag::secret::Secret;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

struct World {
    company: Company,
    clock: Clock,
}

impl World {
    async fn begin() -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let company = Company::start(Scenario::Healthy, clock.clone()).await.unwrap();
        Self { company, clock }
    }

    async fn cluster(&self, token: &str) -> Cluster {
        let token = self.company.secret(token).map(|token| Secret::new(&token));
        let access = ClusterAccess::Direct { url: self.company.url(Peer::Kubernetes), token };
        let spec = ClusterSpec {
            name: "demo".to_owned(),
            access,
            timeout: Duration::from_secs(20),
            workloads: Vec::new(),
            containers: Vec::new(),
        };
        cluster::connect(&spec).await.unwrap()
    }

    async fn person(&self, name: &str) -> Lease {
        Lease::new(self.cluster(TOKEN).await, self.clock.clone(), "production", "production", name)
    }

    fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now() + TimeDelta::seconds(seconds));
    }
}

fn take() -> LeaseCall {
    LeaseCall::Take("rollback to 1.8.3".to_owned())
}

fn holder(holding: &Holding) -> (String, String) {
    match holding {
        Holding::Theirs(holder) => (holder.who.clone(), holder.what.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_comes_second_is_told_who_is_at_it_and_with_what() {
    let world = World::begin().await;
    let (ana, ben) = (world.person("ana@laptop").await, world.person("ben@desk").await);
    assert_eq!(ana.call(&take()).await, Holding::Ours);
    assert_eq!(ana.call(&take()).await, Holding::Ours, "asking again takes nothing away");
    let told = ben.call(&take()).await;
    assert_eq!(holder(&told), ("ana@laptop".to_owned(), "rollback to 1.8.3".to_owned()));
    assert_eq!(ana.call(&LeaseCall::Release).await, Holding::Nobody);
    assert_eq!(ben.call(&take()).await, Holding::Ours);
    assert_eq!(holder(&ana.call(&take()).await).0, "ben@desk");
}

#[tokio::test]
async fn two_terminals_of_one_person_are_two_holders() {
    let world = World::begin().await;
    let (one, other) = (world.person("ana@laptop").await, world.person("ana@laptop").await);
    assert_eq!(one.call(&take()).await, Holding::Ours);
    assert_eq!(holder(&other.call(&take()).await).0, "ana@laptop");
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_never_taken_over() {
    let world = World::begin().await;
    let (ana, ben) = (world.person("ana").await, world.person("ben").await);
    ana.call(&take()).await;
    for _ in 0..30 {
        world.pass(5);
        assert_eq!(ana.call(&LeaseCall::Renew).await, Holding::Ours);
        assert!(matches!(ben.call(&take()).await, Holding::Theirs(_)));
    }
}

#[tokio::test]
async fn whoever_died_in_the_middle_holds_nobody_up_for_long() {
    let world = World::begin().await;
    let (ana, ben, eve) = (world.person("ana").await, world.person("ben").await, world.person("eve").await);
    ana.call(&take()).await;
    assert!(matches!(ben.call(&take()).await, Holding::Theirs(_)));
    world.pass(14);
    assert!(matches!(ben.call(&take()).await, Holding::Theirs(_)));
    world.pass(3);
    assert_eq!(ben.call(&take()).await, Holding::Ours, "it did not move for longer than it lasts");
    assert!(matches!(eve.call(&take()).await, Holding::Theirs(_)));
    let late = ana.call(&LeaseCall::Renew).await;
    assert_eq!(holder(&late).0, "ben", "who comes back from the dead is told");
    ana.call(&LeaseCall::Release).await;
    assert!(matches!(eve.call(&take()).await, Holding::Theirs(_)), "and gives nothing away that is not theirs");
}

#[tokio::test]
async fn a_clock_that_is_a_minute_off_takes_nothing_from_anybody() {
    let world = World::begin().await;
    let ana = world.person("ana").await;
    ana.call(&take()).await;
    let fast = Clock::manual(world.clock.now() + TimeDelta::seconds(60));
    let ben = Lease::new(world.cluster(TOKEN).await, fast, "production", "production", "ben");
    assert!(matches!(ben.call(&take()).await, Holding::Theirs(_)));
}

#[tokio::test]
async fn of_two_that_take_an_expired_lease_at_once_one_gets_it() {
    let world = World::begin().await;
    let (ana, ben, eve) = (world.person("ana").await, world.person("ben").await, world.person("eve").await);
    ana.call(&take()).await;
    world.pass(200);
    let what = take();
    let (ben, eve) = tokio::join!(ben.call(&what), eve.call(&what));
    let ours = [&ben, &eve].into_iter().filter(|holding| **holding == Holding::Ours).count();
    assert_eq!(ours, 1, "{ben:?} {eve:?}");
}

#[tokio::test]
async fn environments_do_not_hold_each_other_up() {
    let world = World::begin().await;
    let cluster = world.cluster(TOKEN).await;
    let production = Lease::new(cluster.clone(), world.clock.clone(), "production", "production", "ana");
    let blue = Lease::new(cluster, world.clock.clone(), "production", "EU Blue_2", "ben");
    assert_eq!(production.call(&take()).await, Holding::Ours);
    assert_eq!(blue.call(&take()).await, Holding::Ours);
}

/// An API server that says one thing after another, whatever it is asked.
async fn scripted(answers: Vec<(u16, Value)>) -> Lease {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let answer = async move || {
        let (status, body) = answers.lock().unwrap().pop_front().unwrap();
        (StatusCode::from_u16(status).unwrap(), Json(body))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let access = ClusterAccess::Direct { url, token: None };
    let spec = ClusterSpec {
        name: "api".to_owned(),
        access,
        timeout: Duration::from_secs(20),
        workloads: Vec::new(),
        containers: Vec::new(),
    };
    Lease::new(cluster::connect(&spec).await.unwrap(), Clock::real(), "production", "production", "ana")
}

fn status(code: u16) -> (u16, Value) {
    (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no"}))
}

#[tokio::test]
async fn a_lease_that_somebody_had_for_a_moment_is_taken_all_the_same() {
    let released = json!({"metadata": {"name": "redflag-production", "resourceVersion": "7"},
        "spec": {"holderIdentity": "", "leaseDurationSeconds": 15}});
    let given_back = || (200, released.clone());
    // It is not there; it cannot be made, for somebody has just made it; and they have given it back.
    let lease = scripted(vec![status(404), status(409), given_back(), given_back(), given_back()]).await;
    assert_eq!(lease.call(&take()).await, Holding::Ours);
    // What is kept is never taken again behind anybody's back.
    let lease = scripted(vec![status(422), given_back()]).await;
    assert_eq!(lease.call(&LeaseCall::Renew).await, Holding::Nobody);
    // Each time somebody is quicker: it does not try for ever.
    let again = || [given_back(), status(422), given_back()];
    let lease = scripted([again(), again(), again()].concat()).await;
    let changing = Holding::Unavailable("its holder keeps changing".to_owned());
    assert_eq!(lease.call(&take()).await, changing);
}

#[tokio::test]
async fn what_stands_in_the_way_of_the_lease_is_said() {
    let world = World::begin().await;
    let viewer = Lease::new(world.cluster(VIEWER_TOKEN).await, world.clock.clone(), "production", "production", "eve");
    let refused = Holding::Unavailable("you may not create leases in production".to_owned());
    assert_eq!(viewer.call(&take()).await, refused);
    world.company.faults().set(Peer::Kubernetes, Fault::ServerError);
    let Holding::Unavailable(_) = world.person("ana").await.call(&take()).await else { panic!() };
}
