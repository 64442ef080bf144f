//! What the key costs: from the confirming key in the core to the answer of an API server on loopback, against
//! a bare PATCH with the same client. `cargo bench --bench rollback`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the tests' peer")]

#[path = "../tests/all/rollback"]
mod rollback {
    pub(crate) mod objects;
    pub(crate) mod peer;
}
#[path = "../crates/core/tests/all/support.rs"]
mod support;

use axum::http::Method;
use divan::Bencher;
use kube::core::Request;
use kube::core::params::{Patch, PatchParams};
use redflag::cluster::Cluster;
use redflag::message::{Command, Effect, Message};
use redflag::rollback::request::{PlanRequest, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Answer, Goal, Readiness, Step};
use redflag::watch::Watch;
use rollback::objects;
use rollback::peer::{Act, Asked, Peer, send};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{APP, at, rolled_out, setup, told};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
    ratio();
}

/// A watch with its plan open, and an API server that takes any patch.
struct Scene {
    runtime: Runtime,
    peer: Peer,
    cluster: Cluster,
    watch: Watch,
    step: Arc<Step>,
}

impl Scene {
    fn new() -> Self {
        // The peer and the client share it: what is measured is the way, not the scheduler.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = objects::web();
        let taken = world.workload.clone();
        let is_sent = |asked: &Asked| asked.method == Method::PATCH && !asked.is_dry();
        let script = move |asked: &Asked| if is_sent(asked) { Act::Answer(200, taken.clone()) } else { Act::Usual };
        let (peer, cluster, step) = runtime.block_on(async {
            let peer = Peer::serve(world.clone(), script).await;
            let cluster = peer.cluster();
            let ask = PlanRequest { workload: APP, ..world.ask(Wanted::default()) };
            let Readiness::Ready(step) = prepare(&cluster, &ask).await else { panic!("not ready") };
            (peer, cluster, step)
        });
        let mut watch = Watch::new(setup());
        watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
        let readiness = Readiness::Ready(Arc::clone(&step));
        watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
        let command = Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() };
        watch.update(Message::Asked { at: at(3), command });
        watch.update(Message::Tick(at(4)));
        Self { runtime, peer, cluster, watch, step }
    }

    /// The key: what the core makes of it, sent as the runtime sends it.
    fn press(&self, watch: &mut Watch) {
        let effects = watch.update(Message::Asked { at: at(5), command: Command::Confirm { typed: None } });
        let mut sent = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send(step) => Some(step),
            _ => None,
        });
        let step = sent.next().expect("the key sends");
        assert!(sent.next().is_none(), "one step, one request");
        assert_eq!(self.runtime.block_on(send(&self.cluster, &step)), Answer::Accepted);
    }

    /// The same patch, built beforehand, and nothing else.
    fn bare(&self) -> axum::http::Request<Vec<u8>> {
        let patch = serde_json::from_value(objects::document(&self.step)).unwrap();
        let params = PatchParams { field_manager: Some("bench".to_owned()), ..PatchParams::default() };
        Request::new("/apis/apps/v1/namespaces/production/deployments")
            .patch("web", &params, &Patch::<()>::Json(patch))
            .unwrap()
    }

    fn patch(&self, request: axum::http::Request<Vec<u8>>) {
        self.runtime.block_on(async {
            let response = self.cluster.client.send(request.map(Into::into)).await.unwrap();
            assert!(response.status().is_success());
            response.into_body().collect_bytes().await.unwrap();
        });
    }
}

#[divan::bench]
fn from_the_key_to_the_answer(bencher: Bencher) {
    let scene = Scene::new();
    bencher.with_inputs(|| scene.watch.clone()).bench_local_values(|mut watch| scene.press(&mut watch));
}

#[divan::bench]
fn a_bare_patch(bencher: Bencher) {
    let scene = Scene::new();
    let request = scene.bare();
    bencher.with_inputs(|| request.clone()).bench_local_values(|request| scene.patch(request));
}

/// Both by turns, so that whatever else the machine does falls on both alike.
fn ratio() {
    const TURNS: usize = 500;
    let scene = Scene::new();
    let request = scene.bare();
    let before = scene.peer.asked().len();
    let (mut keys, mut bare) = (Vec::with_capacity(TURNS), Vec::with_capacity(TURNS));
    for _ in 0..TURNS {
        let (mut watch, request) = (scene.watch.clone(), request.clone());
        let began = Instant::now();
        scene.press(&mut watch);
        keys.push(began.elapsed());
        let began = Instant::now();
        scene.patch(request);
        bare.push(began.elapsed());
    }
    let requests = scene.peer.asked().len() - before;
    assert_eq!(requests, 2 * TURNS, "one request a key");
    let middle = |spans: &mut Vec<Duration>| {
        spans.sort_unstable();
        spans[TURNS / 2]
    };
    let (key, bare) = (middle(&mut keys), middle(&mut bare));
    let ratio = key.as_secs_f64() / bare.as_secs_f64();
    println!("from the key to the answer {key:.1?}, a bare PATCH {bare:.1?}: {ratio:.2} times, 1 request a key");
}
