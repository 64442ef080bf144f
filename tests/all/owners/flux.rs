//! Flux: suspended first, then undone, and each half told truthfully.

use crate::owners::{build, checks, failed, nothing_worse_than, ready, refusal, refused, shop, unknown};
use crate::rollback::objects::World;
use crate::rollback::peer::{Act, Asked, Peer, failed_test, not_allowed, recorded};
use axum::http::Method;
use redflag::cluster::Cluster;
use redflag::rollback::{Answer, CheckOutcome, Step};
use redflag::systems::flux::FluxSpec;
use redflag::systems::registry::strategies::Strategy;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const APPS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps";
const SUSPEND: &str =
    "PATCH /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps?&fieldManager=redflag";
const UNDO: &str = "PATCH /apis/apps/v1/namespaces/production/deployments/web?&fieldManager=redflag";
const RESUME: &str = "flux resume kustomization apps -n flux-system";

/// The workload with Flux's marks.
pub(crate) fn kept() -> World {
    shop()
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps"))
        .with("/metadata/labels/kustomize.toolkit.fluxcd.io~1namespace", json!("flux-system"))
}

fn kustomization() -> Value {
    json!({
        "metadata": {"name": "apps", "namespace": "flux-system", "uid": "k-1", "generation": 3},
        "spec": {"interval": "5m", "path": "./apps", "prune": true},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}]},
    })
}

/// An API server that also holds a Kustomization.
pub(crate) struct Flux {
    pub(crate) peer: Peer,
    owner: Arc<Mutex<Value>>,
}

impl Flux {
    /// `script` is asked first.
    async fn serve(owner: Value, script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let owner = Arc::new(Mutex::new(owner));
        let shared = Arc::clone(&owner);
        let peer = Peer::serve(kept(), move |asked| match script(asked) {
            Act::Usual if asked.target.starts_with(APPS) => {
                let mut owner = shared.lock().unwrap();
                let mut changed = owner.clone();
                json_patch::merge(&mut changed, &asked.body);
                if asked.method == Method::PATCH && !asked.is_dry() {
                    *owner = changed.clone();
                }
                Act::Answer(200, if asked.method == Method::PATCH { changed } else { owner.clone() })
            }
            act => act,
        })
        .await;
        Self { peer, owner }
    }

    pub(crate) async fn usual() -> Self {
        Self::serve(kustomization(), |_| Act::Usual).await
    }

    fn is_suspended(&self) -> bool {
        self.owner.lock().unwrap()["spec"]["suspend"] == true
    }

    /// What changed something, in order.
    fn writes(&self) -> Vec<String> {
        let asked = self.peer.asked();
        let writes = asked.iter().filter(|asked| asked.method == Method::PATCH && !asked.is_dry());
        writes.map(|asked| format!("{} {}", asked.method, asked.target)).collect()
    }
}

fn flux(cluster: &Cluster) -> Strategy {
    build(FluxSpec, cluster)
}

/// A step that was prepared while all was well.
async fn prepared() -> Step {
    ready(&flux(&Flux::usual().await.peer.cluster()), &kept()).await
}

fn is_suspending(asked: &Asked) -> bool {
    asked.method == Method::PATCH && asked.target.starts_with(APPS) && !asked.is_dry()
}

fn is_undoing(asked: &Asked) -> bool {
    asked.method == Method::PATCH && asked.target.contains("/deployments/web") && !asked.is_dry()
}

async fn blocked_by(owner: Value, script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> (String, String) {
    let cluster = Flux::serve(owner, script).await;
    let refusal = refusal(&flux(&cluster.peer.cluster()), &kept()).await;
    assert!(cluster.writes().is_empty() && !cluster.is_suspended());
    (refusal.reason, refusal.way_out)
}

#[tokio::test]
async fn preparing_tries_both_and_does_neither() {
    let cluster = Flux::usual().await;
    let step = ready(&flux(&cluster.peer.cluster()), &kept()).await;
    assert_eq!((step.subject.as_str(), step.target()), ("deployment/web", "1.8.3"));
    assert_eq!(step.does, ["suspend kustomization/apps", "revert deployment/web to revision 1 (1.8.3)"]);
    assert_eq!(
        step.manual_command,
        "flux suspend kustomization apps -n flux-system && kubectl rollout undo deployment/web -n production \
         --to-revision=1"
    );
    assert_eq!(
        checks(&step, "owner"),
        [format!(
            "warning: Flux manages it (kustomization/apps), which is suspended first and stays suspended -> afterwards \
             revert the commit in Git first, then: {RESUME}"
        )]
    );
    let permissions = checks(&step, "permission");
    assert!(
        permissions.contains(&"ok: you may suspend kustomization/apps in flux-system".to_owned()),
        "{permissions:?}"
    );
    nothing_worse_than(&step, CheckOutcome::Warning);
    assert!(step.action.is_guarded());
    assert!(cluster.writes().is_empty() && !cluster.is_suspended());
    let tried = cluster.peer.asked().iter().filter(|asked| asked.is_dry()).count();
    assert_eq!(tried, 2, "{:?}", cluster.peer.log());
}

#[tokio::test]
async fn sending_suspends_and_then_undoes_and_looks_nothing_up() {
    let cluster = Flux::usual().await;
    let step = prepared().await;
    let strategy = flux(&cluster.peer.cluster());
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(cluster.peer.log(), [SUSPEND, UNDO]);
    assert_eq!(cluster.peer.asked()[0].body, json!({"spec": {"suspend": true}}));
    assert!(cluster.is_suspended());
    assert_eq!(cluster.peer.image(), "company/app:1.8.3");
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn what_was_suspended_already_stays_so_and_is_nobodys_fault() {
    let mut suspended = kustomization();
    suspended["spec"]["suspend"] = json!(true);
    let cluster = Flux::serve(suspended, |asked| {
        if is_undoing(asked) { Act::Answer(403, crate::rollback::peer::forbidden()) } else { Act::Usual }
    })
    .await;
    let strategy = flux(&cluster.peer.cluster());
    let step = ready(&strategy, &kept()).await;
    assert_eq!(step.does[0], "kustomization/apps stays suspended");
    let blocked = refused(strategy.performer.perform(&step).await);
    assert!(blocked.reason.starts_with("you may not patch deployments in production"), "{}", blocked.reason);
    assert!(matches!(strategy.performer.read_back(&step).await, Answer::Refused(_)));
}

#[tokio::test]
async fn a_helm_release_is_suspended_the_same_way() {
    let world = shop()
        .with("/metadata/labels/helm.toolkit.fluxcd.io~1name", json!("shop"))
        .with("/metadata/labels/helm.toolkit.fluxcd.io~1namespace", json!("production"));
    let release = json!({"metadata": {"name": "shop"}, "spec": {}});
    let peer = Peer::serve(world.clone(), move |asked| {
        if asked.target.contains("/helmreleases/") { Act::Answer(200, release.clone()) } else { Act::Usual }
    })
    .await;
    let strategy = flux(&peer.cluster());
    let step = ready(&strategy, &world).await;
    assert!(step.manual_command.starts_with("flux suspend helmrelease shop -n production && kubectl rollout undo"));
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    let path = "PATCH /apis/helm.toolkit.fluxcd.io/v2/namespaces/production/helmreleases/shop?&fieldManager=redflag";
    assert_eq!(peer.log()[peer.log().len() - 2..], [path, UNDO]);
}

/// A Kustomization with the marks of the one that keeps it, and who wrote its `suspend`.
fn kept_kustomization(manager: &str) -> Value {
    let mut kept = kustomization();
    kept["metadata"]["labels"] = json!({
        "kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    });
    kept["metadata"]["managedFields"] = json!([
        {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:suspend": {}, "f:interval": {}}}},
    ]);
    kept
}

/// What is said of owners where `root` above the Kustomization is this, or is not there.
async fn with_root(kept: Value, root: Option<Value>) -> Vec<String> {
    let cluster = Flux::serve(kept, move |asked| match &root {
        _ if !asked.target.contains("/kustomizations/root") => Act::Usual,
        Some(root) => Act::Answer(200, root.clone()),
        None => Act::Answer(404, recorded(404).1),
    })
    .await;
    let step = ready(&flux(&cluster.peer.cluster()), &crate::owners::flux::kept()).await;
    assert_eq!(step.needs_typing(), checks(&step, "owner").iter().any(|told| told.starts_with("typed")));
    checks(&step, "owner").split_off(1)
}

const REVERTED: &str = "typed: kustomization/root manages kustomization/apps and owns spec.suspend: suspend that too, \
                          or it is reverted -> flux suspend kustomization root -n flux-system; or revert the commit \
                          in Git instead";

#[tokio::test]
async fn an_owner_that_is_kept_itself_may_lose_its_suspend_and_has_to_be_typed() {
    let root = json!({"metadata": {"name": "root"}, "spec": {}});
    assert_eq!(with_root(kept_kustomization("kustomize-controller"), Some(root)).await, [REVERTED]);
    assert_eq!(with_root(kept_kustomization("kustomize-controller"), None).await, [REVERTED], "it cannot be read");
}

#[tokio::test]
async fn an_owner_whose_owner_leaves_its_suspend_alone_or_is_suspended_is_safe() {
    let suspended = json!({"metadata": {"name": "root"}, "spec": {"suspend": true}});
    assert_eq!(
        with_root(kept_kustomization("kustomize-controller"), Some(suspended)).await,
        ["ok: kustomization/root manages kustomization/apps and is itself suspended"]
    );
    for hand in ["flux", "kubectl-edit"] {
        assert_eq!(
            with_root(kept_kustomization(hand), None).await,
            ["ok: kustomization/root manages kustomization/apps but not spec.suspend"]
        );
    }
    // The root of a cluster is kept by itself.
    let mut own = kept_kustomization("kustomize-controller");
    own["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("apps");
    assert_eq!(with_root(own, None).await, [""; 0]);
}

#[tokio::test]
async fn a_chain_of_owners_is_suspended_from_the_top() {
    let mut root = kept_kustomization("kustomize-controller");
    root["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("fleet");
    let told = with_root(kept_kustomization("kustomize-controller"), Some(root)).await.join("");
    assert!(
        told.ends_with(
            " -> flux suspend kustomization fleet -n flux-system, then flux suspend kustomization root -n flux-system; \
             or revert the commit in Git instead"
        ),
        "{told}"
    );
}

#[tokio::test]
async fn an_owner_that_argo_cd_keeps_is_told_with_its_application() {
    let mut kept = kept_kustomization("argocd-controller");
    kept["metadata"]["labels"] = json!({});
    kept["metadata"]["annotations"] =
        json!({"argocd.argoproj.io/tracking-id": "apps:x/Kustomization:flux-system/apps"});
    let told = with_root(kept, None).await.join("");
    assert!(
        told.starts_with("typed: Argo CD's application apps manages kustomization/apps and owns spec.suspend"),
        "{told}"
    );
}

#[tokio::test]
async fn a_reconciliation_in_progress_is_a_warning() {
    let mut busy = kustomization();
    busy["status"]["conditions"] = json!([{"type": "Reconciling", "status": "True"}]);
    let cluster = Flux::serve(busy, |_| Act::Usual).await;
    let step = ready(&flux(&cluster.peer.cluster()), &kept()).await;
    assert_eq!(
        checks(&step, "reconciliation"),
        ["warning: kustomization/apps is reconciling now: that continues, and may redeploy the new version once more \
          -> wait until it finishes: kubectl get kustomization/apps -n flux-system --watch"]
    );
}

#[tokio::test]
async fn what_may_not_be_suspended_blocks_with_the_role_that_is_missing() {
    let role = "ask for a Role in flux-system with apiGroups [kustomize.toolkit.fluxcd.io], resources \
                [kustomizations], verbs [get, patch], or ask somebody who has it";
    let no_review = |asked: &Asked| {
        let is_about_flux = asked.body["spec"]["resourceAttributes"]["resource"] == "kustomizations";
        if is_about_flux { Act::Answer(201, not_allowed()) } else { Act::Usual }
    };
    let (reason, way_out) = blocked_by(kustomization(), no_review).await;
    assert_eq!(reason, "you may not patch kustomization/apps in flux-system: no role allows it");
    assert_eq!(way_out, role);

    let unreadable = |asked: &Asked| {
        let body = json!({"kind": "Status", "message": "kustomizations \"apps\" is forbidden", "code": 403});
        if asked.target.starts_with(APPS) { Act::Answer(403, body) } else { Act::Usual }
    };
    let (reason, way_out) = blocked_by(kustomization(), unreadable).await;
    assert_eq!(reason, "you may not get kustomization/apps in flux-system: kustomizations \"apps\" is forbidden");
    assert_eq!(way_out, role);
}

#[tokio::test]
async fn an_owner_that_is_gone_or_older_than_its_mark_blocks() {
    let gone = |asked: &Asked| {
        if asked.target.starts_with(APPS) { Act::Answer(404, recorded(404).1) } else { Act::Usual }
    };
    let (reason, way_out) = blocked_by(kustomization(), gone).await;
    assert!(reason.starts_with("no kustomization/apps in flux-system: "), "{reason}");
    assert_eq!(
        way_out,
        "if Flux no longer manages it, remove its labels from the workload; otherwise update Flux to 2.3 or newer"
    );
}

#[tokio::test]
async fn a_policy_that_keeps_it_from_being_suspended_is_met_in_advance() {
    let policy = |asked: &Asked| {
        let body = json!({"kind": "Status", "message": "admission webhook denied the request", "code": 400});
        if asked.target.starts_with(APPS) && asked.is_dry() { Act::Answer(400, body) } else { Act::Usual }
    };
    let (reason, _) = blocked_by(kustomization(), policy).await;
    assert_eq!(
        reason,
        "the API server refused to patch kustomization/apps, status 400: admission webhook denied the request"
    );
}

#[tokio::test]
async fn a_workload_without_flux_s_mark_is_not_its_to_roll_back() {
    let cluster = Peer::usual(shop()).await.cluster();
    let refusal = refusal(&flux(&cluster), &shop()).await;
    assert_eq!(refusal.reason, "deployment/web does not name a Flux owner");
}

#[tokio::test]
async fn suspending_refused_is_all_refused() {
    let cluster = Flux::serve(kustomization(), |asked| {
        let body = json!({"kind": "Status", "message": "no", "code": 403});
        if is_suspending(asked) { Act::Answer(403, body) } else { Act::Usual }
    })
    .await;
    let blocked = refused(flux(&cluster.peer.cluster()).performer.perform(&prepared().await).await);
    assert_eq!(blocked.reason, "you may not patch kustomization/apps in flux-system: no");
    assert_eq!(cluster.writes(), [SUSPEND], "the undo is not sent");
}

#[tokio::test]
async fn suspended_and_not_undone_is_a_failure_with_the_way_back() {
    let cluster = Flux::serve(kustomization(), |asked| {
        if is_undoing(asked) { Act::Answer(403, crate::rollback::peer::forbidden()) } else { Act::Usual }
    })
    .await;
    let blocked = failed(flux(&cluster.peer.cluster()).performer.perform(&prepared().await).await);
    assert!(
        blocked.reason.starts_with(
            "kustomization/apps was suspended, but the rollback was not done: you may not \
                                    patch"
        ),
        "{}",
        blocked.reason
    );
    assert!(blocked.way_out.ends_with(&format!("; to resume Flux: {RESUME}")), "{}", blocked.way_out);
    assert_eq!(cluster.writes(), [SUSPEND, UNDO]);
}

#[tokio::test]
async fn somebody_who_was_quicker_is_told_with_what_is_suspended_now() {
    let cluster =
        Flux::serve(
            kustomization(),
            |asked| {
                if is_undoing(asked) { Act::Answer(422, failed_test()) } else { Act::Usual }
            },
        )
        .await;
    cluster.peer.change(|world| {
        crate::owners::set(&mut world.workload, "/spec/template/metadata/annotations", json!({"restartedAt": "now"}));
    });
    let Answer::ChangedUnderUs(what) = flux(&cluster.peer.cluster()).performer.perform(&prepared().await).await else {
        panic!()
    };
    assert_eq!(
        what,
        format!(
            "deployment/web was changed (other settings); it still runs 1.9.0; kustomization/apps is \
             suspended now: {RESUME}"
        )
    );
}

#[tokio::test]
async fn a_lost_answer_to_suspending_stops_there_and_is_read_back() {
    for status in [408, 500, 503] {
        let cluster = Flux::serve(kustomization(), move |asked| {
            let body = json!({"kind": "Status", "message": "etcdserver: request timed out", "code": status});
            if is_suspending(asked) { Act::Answer(status, body) } else { Act::Usual }
        })
        .await;
        let step = prepared().await;
        let strategy = flux(&cluster.peer.cluster());
        let reason = unknown(strategy.performer.perform(&step).await);
        assert_eq!(
            reason,
            format!(
                "unknown whether kustomization/apps was suspended (the API server returned {status}: etcdserver: \
                 request timed out); the rollback was not sent"
            )
        );
        assert_eq!(cluster.writes(), [SUSPEND]);
        // It was not suspended after all …
        let blocked = refused(strategy.performer.read_back(&step).await);
        assert_eq!(blocked.reason, "the rollback of deployment/web did not take effect");
        // … or it was.
        cluster.owner.lock().unwrap()["spec"]["suspend"] = json!(true);
        let blocked = failed(strategy.performer.read_back(&step).await);
        assert_eq!(
            blocked.reason,
            "kustomization/apps was suspended, but the rollback was not done: the rollback of deployment/web did not \
             take effect"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_undo_says_what_is_known_and_is_read_back() {
    let cluster =
        Flux::serve(
            kustomization(),
            |asked| {
                if is_undoing(asked) { Act::Page(504, "gateway timeout") } else { Act::Usual }
            },
        )
        .await;
    let step = prepared().await;
    let strategy = flux(&cluster.peer.cluster());
    let reason = unknown(strategy.performer.perform(&step).await);
    assert_eq!(reason, "the API server returned 504: no reason given; kustomization/apps is suspended now");
    assert_eq!(cluster.writes(), [SUSPEND, UNDO], "never tried again by itself");

    // The undo had not arrived …
    let blocked = failed(strategy.performer.read_back(&step).await);
    assert!(blocked.reason.starts_with("kustomization/apps was suspended, but the rollback was not done"));
    // … or it had.
    let undone = shop().history[1]["spec"]["template"].clone();
    cluster.peer.change(|world| {
        world.workload["spec"]["template"] = undone;
        world.workload["metadata"]["generation"] = json!(3);
    });
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_cluster_that_is_not_there_has_done_nothing() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let cluster = crate::rollback::peer::cluster(&address, std::time::Duration::from_secs(20));
    let blocked = refused(flux(&cluster).performer.perform(&prepared().await).await);
    assert!(blocked.reason.starts_with("cannot reach prod-eu: "), "{}", blocked.reason);
}
