//! The lease that keeps two from acting at once, where the API server's own rules decide who has it.

use crate::kubernetes::hands::Hands;
use crate::kubernetes::lab::{Lab, tell};
use chrono::{TimeDelta, Utc};
use kube::core::Request;
use kube::core::params::{GetParams, Patch, PatchParams};
use redflag::clock::Clock;
use redflag::cluster::lease::Lease;
use redflag::rollback::lease::{Holding, LeaseCall};
use serde_json::{Value, json};

fn lease_of(lab: &Lab, who: &str, clock: &Clock) -> Lease {
    Lease::new(lab.cluster.clone(), clock.clone(), &lab.hands.namespace, "Production EU", who)
}

fn take() -> LeaseCall {
    LeaseCall::Take("rollback to 3.9".to_owned())
}

/// Who holds it and what for, in the eyes of somebody who does not.
fn theirs(holding: Holding) -> (String, String) {
    match holding {
        Holding::Theirs(holder) => (holder.who, holder.what),
        other => panic!("{other:?}"),
    }
}

async fn read(hands: &Hands) -> Value {
    let request = Request::new(hands.path("/apis/coordination.k8s.io/v1", "leases"));
    hands.client.request(request.get("redflag-production-eu", &GetParams::default()).unwrap()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn the_lease_is_taken_kept_and_given_back_and_the_other_is_told_by_whom() {
    tell(async |lab| {
        let clock = Clock::real();
        let (ana, bo) = (lease_of(lab, "ana", &clock), lease_of(lab, "bo", &clock));
        assert_eq!(ana.call(&take()).await, Holding::Ours);
        let ana_is_at_it = ("ana".to_owned(), "rollback to 3.9".to_owned());
        assert_eq!(theirs(bo.call(&take()).await), ana_is_at_it);
        assert_eq!(ana.call(&LeaseCall::Renew).await, Holding::Ours);
        assert_eq!(theirs(bo.call(&LeaseCall::Renew).await), ana_is_at_it, "nobody renews what is not theirs");
        bo.call(&LeaseCall::Release).await;
        assert_eq!(ana.call(&LeaseCall::Renew).await, Holding::Ours, "nor gives it back");

        assert_eq!(ana.call(&LeaseCall::Release).await, Holding::Nobody);
        assert_eq!(bo.call(&take()).await, Holding::Ours);
        assert_eq!(theirs(ana.call(&take()).await).0, "bo");
        let spec = &read(&lab.hands).await["spec"];
        assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(15), &json!(1)));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn of_many_who_take_it_at_once_exactly_one_has_it() {
    tell(async |lab| {
        let clock = Clock::real();
        // The second time it exists already, and is nobody's.
        for _ in 0..2 {
            let people: Vec<Lease> = (0..8).map(|number| lease_of(lab, &format!("p{number}"), &clock)).collect();
            let held = futures_util::future::join_all(people.iter().map(async |lease| lease.call(&take()).await)).await;
            let winners: Vec<usize> = (0..8).filter(|number| held[*number] == Holding::Ours).collect();
            assert_eq!(winners.len(), 1, "{held:?}");
            assert!(held.iter().all(|holding| matches!(holding, Holding::Ours | Holding::Theirs(_))), "{held:?}");
            people[winners[0]].call(&LeaseCall::Release).await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_lease_whose_holder_died_is_had_again_once_it_has_stood_still() {
    tell(async |lab| {
        let clock = Clock::manual(Utc::now());
        let (dead, bo) = (lease_of(lab, "ana", &clock), lease_of(lab, "bo", &clock));
        assert_eq!(dead.call(&take()).await, Holding::Ours);
        theirs(bo.call(&take()).await);
        clock.set(clock.now() + TimeDelta::seconds(15));
        theirs(bo.call(&take()).await);
        clock.set(clock.now() + TimeDelta::seconds(1));
        assert_eq!(bo.call(&take()).await, Holding::Ours);
        assert_eq!(theirs(dead.call(&LeaseCall::Renew).await).0, "bo", "who comes back from the dead is told");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_lease_that_somebody_emptied_by_hand_can_be_had() {
    tell(async |lab| {
        let clock = Clock::real();
        assert_eq!(lease_of(lab, "ana", &clock).call(&take()).await, Holding::Ours);
        let change = json!({"metadata": {"annotations": null}, "spec": {"holderIdentity": null, "renewTime": null}});
        let leases = Request::new(lab.hands.path("/apis/coordination.k8s.io/v1", "leases"));
        let emptied = leases.patch("redflag-production-eu", &PatchParams::default(), &Patch::Merge(&change));
        lab.hands.client.request::<Value>(emptied.unwrap()).await.unwrap();
        assert_eq!(lease_of(lab, "bo", &clock).call(&take()).await, Holding::Ours);
    })
    .await;
}
