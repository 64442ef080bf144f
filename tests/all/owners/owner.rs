//! The default: each workload goes its owner's way, told by its marks.

use crate::owners::argocd_server::{ArgoCdServer, application};
use crate::owners::flux;
use crate::owners::{build, checks, ready, refusal, refused, shop};
use crate::rollback::objects::World;
use crate::rollback::peer::Peer;
use redflag::rollback::action::{Action, HelmRollback};
use redflag::rollback::{Answer, Run};
use redflag::systems::helm::HelmSpec;
use redflag::systems::registry::owner::OwnerSpec;
use serde_json::json;
use std::time::Duration;

fn tracked() -> World {
    let id = json!("shop:apps/Deployment:production/web");
    shop().with("/metadata/annotations/argocd.argoproj.io~1tracking-id", id)
}

fn no_helm() -> HelmSpec {
    HelmSpec { program: "redflag-has-no-such-helm".into(), ..HelmSpec::default() }
}

#[tokio::test]
async fn what_nobody_keeps_is_undone() {
    let peer = Peer::usual(shop()).await;
    let strategy = build(OwnerSpec::default(), &peer.cluster());
    let step = ready(&strategy, &shop()).await;
    assert!(matches!(step.action, Action::Patch(_)));
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(peer.image(), "company/app:1.8.3");
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn what_flux_keeps_is_suspended_first() {
    let cluster = flux::Flux::usual().await;
    let strategy = build(OwnerSpec::default(), &cluster.peer.cluster());
    let step = ready(&strategy, &flux::kept()).await;
    assert!(matches!(step.action, Action::Flux(_)));
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(cluster.peer.image(), "company/app:1.8.3");
}

#[tokio::test]
async fn what_argo_cd_keeps_goes_by_its_server_where_there_is_one() {
    let server = ArgoCdServer::usual(application()).await;
    let argocd = Some(server.spec(Duration::from_secs(20)));
    let peer = Peer::usual(tracked()).await;
    let strategy = build(OwnerSpec { argocd, helm: Some(no_helm()) }, &peer.cluster());
    let step = ready(&strategy, &tracked()).await;
    let Answer::Running(run) = strategy.performer.perform(&step).await else { panic!() };
    server.controller_begins();
    let running = Run { state: "running".to_owned(), ..run.clone() };
    assert_eq!(strategy.performer.follow(&step, &run).await, Answer::Running(running.clone()));
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Running(running));
    assert_eq!(peer.image(), "company/app:1.9.0", "the cluster is left to Argo CD");
}

#[tokio::test]
async fn what_argo_cd_keeps_is_blocked_with_its_own_way_where_its_server_is_not_known() {
    let peer = Peer::usual(tracked()).await;
    let refusal = refusal(&build(OwnerSpec::default(), &peer.cluster()), &tracked()).await;
    assert_eq!(refusal.reason, "Argo CD manages it (application shop) and would redeploy the new version");
    assert_eq!(
        refusal.way_out,
        "revert the commit, or turn off auto-sync and: argocd app history shop; argocd app rollback shop ID"
    );
}

#[tokio::test]
async fn what_a_controller_makes_is_blocked_with_its_object_as_the_way_out() {
    let owners = json!([{"kind": "Postgres", "name": "orders", "uid": "p", "controller": true}]);
    let world = shop().with("/metadata/ownerReferences", owners);
    let peer = Peer::usual(world.clone()).await;
    let refusal = refusal(&build(OwnerSpec::default(), &peer.cluster()), &world).await;
    assert_eq!(
        refusal.reason,
        "deployment/web is created by postgres/orders, whose controller would redeploy the new version"
    );
}

#[tokio::test]
async fn whoever_keeps_a_workload_besides_blocks_or_is_typed_by_how_soon_they_act() {
    let marked = |place: &str, value: &str| shop().with(place, json!(value));
    let managed = marked("/metadata/annotations/configmanagement.gke.io~1managed", "enabled");
    let peer = Peer::usual(managed.clone()).await;
    let refusal = refusal(&build(OwnerSpec::default(), &peer.cluster()), &managed).await;
    assert_eq!(refusal.reason, "Config Sync manages it and would redeploy the new version");
    assert!(refusal.way_out.contains("configmanagement.gke.io/managed: disabled"), "{}", refusal.way_out);

    let fleet = marked("/metadata/annotations/objectset.rio.cattle.io~1id", "fleet-shop-main")
        .with("/metadata/annotations/meta.helm.sh~1release-name", json!("shop"));
    let peer = Peer::usual(fleet.clone()).await;
    let step = ready(&build(OwnerSpec { argocd: None, helm: Some(no_helm()) }, &peer.cluster()), &fleet).await;
    assert!(step.needs_typing());
    let told = checks(&step, "owner");
    assert!(
        told.iter()
            .any(|told| told
                .starts_with("typed: Fleet (fleet-shop-main) manages it and may redeploy the new version -> ")),
        "{told:?}"
    );

    let terraform = shop().with("/metadata/managedFields", json!([{"manager": "Terraform"}]));
    let peer = Peer::usual(terraform.clone()).await;
    let step = ready(&build(OwnerSpec::default(), &peer.cluster()), &terraform).await;
    assert_eq!(
        checks(&step, "owner"),
        ["warning: Terraform does not see this rollback: its next run redeploys the new version -> roll back in \
             its configuration, then: terraform apply"]
    );

    let owners = json!([{"apiVersion": "shops.example.com/v1", "kind": "Shop", "name": "web", "uid": "s"}]);
    let owned = shop().with("/metadata/ownerReferences", owners);
    let peer = Peer::usual(owned.clone()).await;
    let step = ready(&build(OwnerSpec::default(), &peer.cluster()), &owned).await;
    assert_eq!(
        checks(&step, "owner"),
        ["typed: deployment/web belongs to shop/web, whose operator may redeploy the new version -> roll back there: \
          kubectl edit shop web -n production"]
    );
}

#[cfg(unix)]
mod helm_s {
    use super::*;
    use crate::owners::helm::{Helm, history, released};

    #[tokio::test]
    async fn release_goes_back_by_helm_where_it_can_be_used() {
        let helm = Helm::with(&history());
        let peer = Peer::usual(released()).await;
        let strategy = build(OwnerSpec { argocd: None, helm: Some(helm.spec()) }, &peer.cluster());
        let step = ready(&strategy, &released()).await;
        assert!(matches!(step.action, Action::Helm(HelmRollback { revision: 11, .. })));
        assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
        assert_eq!(helm.calls().last().unwrap().split(' ').next(), Some("rollback"));
        assert_eq!(peer.image(), "company/app:1.9.0", "the cluster is left to helm");
    }

    #[tokio::test]
    async fn release_is_undone_with_a_warning_where_helm_cannot_be_used() {
        let unreadable = Helm::with(&json!([]));
        for (helm, why, way_out) in [
            (
                no_helm(),
                "cannot use helm: program redflag-has-no-such-helm not found",
                "install helm, or set the program in the configuration, or choose strategy = \"kubernetes\"",
            ),
            (
                unreadable.spec(),
                "cannot read the history of release shop: it is empty",
                "try it manually: helm history shop -n production",
            ),
        ] {
            let peer = Peer::usual(released()).await;
            let strategy = build(OwnerSpec { argocd: None, helm: Some(helm) }, &peer.cluster());
            let step = ready(&strategy, &released()).await;
            assert!(matches!(step.action, Action::Patch(_)));
            assert_eq!(checks(&step, "helm"), [format!("warning: rolled back without Helm: {why} -> {way_out}")]);
            assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
            assert_eq!(peer.image(), "company/app:1.8.3");
        }
    }

    #[tokio::test]
    async fn release_whose_rollback_failed_has_its_pods_undone_by_themselves() {
        let mut failed = history();
        let said = "Rollback \"shop\" failed: no ConfigMap with the name \"shop-extra\" found";
        failed.as_array_mut().unwrap().push(json!({
            "revision": 14, "updated": "2026-11-23T03:12:00Z", "status": "failed", "chart": "shop-1.8.3",
            "app_version": "1.8.3", "description": said,
        }));
        let helm = Helm::with(&failed);
        let peer = Peer::usual(released()).await;
        let strategy = build(OwnerSpec { argocd: None, helm: Some(helm.spec()) }, &peer.cluster());
        let step = ready(&strategy, &released()).await;
        assert!(matches!(step.action, Action::Patch(_)) && step.needs_typing());
        let told = checks(&step, "helm").join("");
        assert!(told.starts_with("typed: helm's last rollback of release shop failed as revision 14: "), "{told}");
        assert!(told.contains(": only the pods are rolled back -> "), "{told}");
        assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
        assert_eq!(peer.image(), "company/app:1.8.3");
    }

    #[tokio::test]
    async fn release_that_somebody_works_on_is_not_undone_behind_their_back() {
        let mut pending = history();
        pending[3]["status"] = json!("pending-upgrade");
        pending[3]["updated"] = json!(chrono::Utc::now().to_rfc3339());
        let helm = Helm::with(&pending);
        let peer = Peer::usual(released()).await;
        let strategy = build(OwnerSpec { argocd: None, helm: Some(helm.spec()) }, &peer.cluster());
        let refusal = refusal(&strategy, &released()).await;
        assert!(
            refusal
                .reason
                .starts_with("another operation on it is in progress: revision 13 of release shop is pending-upgrade"),
            "{}",
            refusal.reason
        );
    }
}

#[tokio::test]
async fn a_step_whose_system_the_configuration_does_not_name_is_not_sent() {
    let server = ArgoCdServer::usual(application()).await;
    let argocd = Some(server.spec(Duration::from_secs(20)));
    let peer = Peer::usual(tracked()).await;
    let step = ready(&build(OwnerSpec { argocd, helm: Some(no_helm()) }, &peer.cluster()), &tracked()).await;
    let performer = build(OwnerSpec::default(), &peer.cluster()).performer;
    let reason = "Argo CD is not configured for this environment";
    assert_eq!(refused(performer.perform(&step).await).reason, reason);
    // Of what was sent before it is not known that it did nothing.
    let run = Run { id: "4".to_owned(), state: "queued".to_owned(), link: None, ended: false };
    assert_eq!(performer.follow(&step, &run).await, Answer::Unknown(reason.to_owned()));
    assert_eq!(performer.read_back(&step).await, Answer::Unknown(reason.to_owned()));
    assert!(server.writes().is_empty());
}
