//! The process stands still at every state of a rollback until somebody else has taken its expired lease: a closed lid, a
//! stolen CPU. Then nothing is sent before the lease, the plan and the readings are fresh.

use crate::kubernetes::gate::Gate;
use crate::kubernetes::hands::{Hands, image};
use crate::kubernetes::lab::{Lab, tell};
use crate::kubernetes::listener::Listener;
use crate::kubernetes::person::{Desk, ENVIRONMENT, Person};
use crate::kubernetes::program::Program;
use redflag::clock::Clock;
use redflag::cluster::lease::Lease;
use redflag::deploy::{WorkloadKind, WorkloadRef};
use redflag::rollback::lease::{Holding, LeaseCall};
use redflag::rollback::version_history::{Known, VersionStatus};
use redflag::rollback::workload::identify;
use serde_json::json;
use std::time::Duration;
use tokio::time::interval;

/// Somebody else, at another machine.
struct Bo {
    lease: Lease,
    hands: Hands,
}

impl Bo {
    fn of(lab: &Lab) -> Self {
        let lease = Lease::new(lab.cluster.clone(), Clock::real(), &lab.hands.namespace, ENVIRONMENT, "bo");
        Self { lease, hands: lab.hands.clone() }
    }

    /// Tries until the lease is his: as long as it is kept, and 15 s longer.
    async fn takes_the_lease(&self) {
        let mut often = interval(Duration::from_millis(500));
        while self.lease.call(&LeaseCall::Take("rollback to 3.9".to_owned())).await != Holding::Ours {
            often.tick().await;
        }
    }

    async fn gives_it_back(&self) {
        assert_eq!(self.lease.call(&LeaseCall::Release).await, Holding::Nobody);
    }
}

/// Stands still until Bo has the lease.
async fn pause(ana: &Person, bo: &Bo) {
    bo.hands.until_leased("ana").await;
    ana.stands_still();
    bo.takes_the_lease().await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_while_the_plan_is_open_closes_it_and_the_key_struck_meanwhile_does_nothing() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        pause(&ana, &bo).await;
        ana.press("y");
        ana.goes_on();
        ana.sees("the plan was closed and will be recomputed").await;
        ana.until("the plan is closed", |screen| !screen.contains("roll back lab →")).await;
        assert_eq!(gate.changes(), 0);

        // The plan opens again, and belongs to whoever has the lease.
        ana.sees("roll back to 3.9   ready").await;
        ana.press("R");
        ana.sees("bo holds the lock since").await;
        ana.press("y");
        ana.until("the plan is closed", |screen| !screen.contains("nothing is sent from here")).await;
        assert_eq!(image(&lab.hands.read(&of).await), Program::Better.version());
        assert_eq!(gate.changes(), 0);

        bo.gives_it_back().await;
        ana.opens_the_plan("3.9").await;
        ana.press("y");
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_before_the_answer_of_a_run_without_a_screen_does_nothing_and_says_so() {
    tell(async |lab| {
        let (of, _listener, gate, desk) = Desk::stage(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.rolls_back(&[]);
        ana.sees("proceed? [y/N]").await;
        pause(&ana, &bo).await;
        ana.press("y\r");
        ana.goes_on();
        ana.sees("the plan was closed and will be recomputed").await;
        assert_eq!(ana.leaves().await, Some(6));
        assert_eq!(image(&lab.hands.read(&of).await), Program::Better.version());
        assert_eq!(gate.changes(), 0);
    })
    .await;
}

/// A bad version rolls out that the automation would roll back in a few seconds: all of its conditions hold.
async fn counted_down(lab: &Lab) -> (WorkloadRef, Listener, Gate, Desk) {
    let none = json!({"metadata": {"annotations": {"redflag.dev/migration": "none"}}});
    let of = lab.create(WorkloadKind::Deployment, Program::Good, none).await;
    let mut listener = Listener::of(&lab.cluster, &of);
    let good = listener.settled(Program::Good).await;
    let gate = Gate::open(&lab.cluster.client).await;
    let more = "workloads = [\"deployment/app\"]\n\
                [[environments.lab.signals]]\nkind = \"probe\"\npath = \"/probe\"\ninterval = \"5s\"\n\
                [environments.lab.rollback]\nauto = \"countdown\"\ncountdown = \"10s\"\nclear_for = \"0s\"\n";
    let desk = Desk::of("ana", &gate, &of.namespace, more);
    let to = good.deploy.unwrap().to;
    let known =
        Known { hash: to.hash, images: to.images, standing: VersionStatus::Good, at: Clock::real().now(), by: None };
    desk.remembers(&identify(&lab.cluster).await, &of, &good.uid, &known);
    lab.hands.deploy(&of, Program::Crashing).await;
    (of, listener, gate, desk)
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn the_automatic_rollback_takes_back_what_crashes() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = counted_down(lab).await;
        let mut ana = desk.watch();
        ana.sees("automatic rollback → 3.9 is being counted down").await;
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_in_the_countdown_sends_nothing_while_somebody_else_is_at_it() {
    tell(async |lab| {
        let (of, _listener, gate, desk) = counted_down(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.sees("automatic rollback → 3.9 is being counted down").await;
        pause(&ana, &bo).await;
        ana.goes_on();
        ana.sees("the countdown to 3.9 restarts").await;
        ana.sees("bo holds the lease: rollback to 3.9").await;
        ana.sees("bo was at it").await;
        assert_eq!(image(&lab.hands.read(&of).await), Program::Crashing.version());
        assert_eq!(gate.changes(), 0);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_in_the_countdown_restarts_it() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = counted_down(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.sees("automatic rollback → 3.9 is being counted down").await;
        pause(&ana, &bo).await;
        bo.gives_it_back().await;
        ana.goes_on();
        ana.sees("the countdown to 3.9 restarts").await;
        ana.sees("automatic rollback → 3.9 is being counted down").await;
        assert_eq!(gate.changes(), 0, "its old end has long passed");
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_while_the_request_is_out_sends_no_second_one() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = Desk::stage(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        gate.hold();
        ana.press("y");
        gate.until_asked(1).await;
        pause(&ana, &bo).await;
        gate.let_go();
        gate.until_answered(1).await;
        listener.settled(Program::Good).await;
        ana.goes_on();
        ana.sees("VERIFIED: 3.9 serves,").await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_before_the_request_takes_effect_leaves_its_outcome_unknown() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = Desk::stage(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        gate.hold();
        ana.press("y");
        gate.until_asked(1).await;
        pause(&ana, &bo).await;
        ana.goes_on();
        ana.sees("it has not taken effect, and may still for").await;
        ana.press("Ry");
        gate.let_go();
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_while_the_pods_are_followed_is_caught_up() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        ana.press("y");
        gate.until_answered(1).await;
        pause(&ana, &bo).await;
        // A deploy of somebody else in the meantime is no success of ours.
        lab.hands.deploy(&of, Program::Missing).await;
        ana.goes_on();
        ana.sees("no-such-tag").await;
        lab.hands.deploy(&of, Program::Good).await;
        listener.settled(Program::Good).await;
        ana.sees("3.9 serves again").await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_pause_between_two_stages_leaves_the_second_to_whoever_is_at_it() {
    tell(async |lab| {
        let (of, mut listener, gate, _desk) = Desk::stage(lab).await;
        let backend = lab.named(WorkloadKind::Deployment, "backend");
        lab.make(&backend, Program::Good, &json!({})).await;
        let mut behind = Listener::of(&lab.cluster, &backend);
        behind.settled(Program::Good).await;
        lab.hands.deploy(&backend, Program::Better).await;
        behind.settled(Program::Better).await;

        let more = "rollback = { clear_for = \"0s\" }\n\
                    [[environments.lab.services]]\nname = \"app\"\nworkloads = [\"deployment/app\"]\ndepends_on = [\"backend\"]\n\
                    [[environments.lab.services]]\nname = \"backend\"\nworkloads = [\"deployment/backend\"]\n";
        let desk = Desk::of("ana", &gate, &of.namespace, more);
        let bo = Bo::of(lab);
        let mut ana = desk.watch();
        ana.sees("roll back 2 workloads to 3.9   ready").await;
        ana.opens_the_plan("3.9").await;
        gate.hold();
        ana.press("y");
        gate.until_asked(1).await;
        pause(&ana, &bo).await;
        gate.let_go();
        listener.settled(Program::Good).await;
        ana.goes_on();
        ana.sees("FAILED: bo holds the lease: rollback to 3.9; deployment/backend not sent").await;
        assert_eq!(image(&lab.hands.read(&backend).await), Program::Better.version());
        assert_eq!(gate.changes(), 1);
    })
    .await;
}
