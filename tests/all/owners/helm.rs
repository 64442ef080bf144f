//! Helm, by a fake on the PATH: which revision it goes back to, how it is called, and what becomes of each end.

use crate::owners::{build, checks, failed, ready, refusal, refused, shop, unknown};
use crate::rollback::objects::World;
use crate::rollback::peer::{Act, Peer, not_allowed};
use chrono::{TimeDelta, Utc};
use redflag::cluster::Cluster;
use redflag::rollback::action::{Action, HelmRollback};
use redflag::rollback::{Answer, Step};
use redflag::systems::helm::HelmSpec;
use redflag::systems::registry::strategies::Strategy;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A folder with the fake and what it answers from.
pub(crate) struct Helm {
    folder: TempDir,
}

impl Helm {
    pub(crate) fn with(history: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all/owners/fake/helm");
        // A link, not a copy: a program that was just written may still be open in a process that is being born.
        std::os::unix::fs::symlink(fake, folder.path().join("helm")).unwrap();
        let helm = Self { folder };
        helm.write("history.json", &history.to_string());
        helm
    }

    /// Writes an answer: a history, or a script that takes the place of a verb.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn spec(&self) -> HelmSpec {
        HelmSpec {
            program: self.folder.path().join("helm"),
            context: Some("prod-eu".to_owned()),
            ..HelmSpec::default()
        }
    }

    fn strategy(&self, cluster: &Cluster) -> Strategy {
        build(self.spec(), cluster)
    }

    /// How it was called.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn forget(&self) {
        let _ = std::fs::remove_file(self.folder.path().join("calls"));
    }
}

/// The workload with Helm's marks.
pub(crate) fn released() -> World {
    shop()
        .with("/metadata/labels/app.kubernetes.io~1managed-by", json!("Helm"))
        .with("/metadata/annotations/meta.helm.sh~1release-name", json!("shop"))
        .with("/metadata/annotations/meta.helm.sh~1release-namespace", json!("production"))
}

/// One revision as helm 3 writes it, with the runner's own time zone.
fn revision(number: i64, updated: &str, status: &str, version: &str, description: &str) -> Value {
    json!({
        "revision": number, "updated": updated, "status": status, "chart": format!("shop-{version}"),
        "app_version": version, "description": description,
    })
}

/// Revision 11 brought 1.8.3, revision 12 failed and changed nothing, revision 13 brought 1.9.0.
pub(crate) fn history() -> Value {
    json!([
        revision(10, "2026-11-20T11:00:00.123+01:00", "superseded", "1.8.2", "Upgrade complete"),
        revision(11, "2026-11-23T02:00:00.456+01:00", "superseded", "1.8.3", "Upgrade complete"),
        revision(
            12,
            "2026-11-23T02:30:00.789+01:00",
            "failed",
            "1.8.4",
            "Upgrade \"shop\" failed: no such chart value"
        ),
        revision(13, "2026-11-23T03:09:31.012+01:00", "deployed", "1.9.0", "Upgrade complete"),
    ])
}

fn and(mut history: Value, more: Value) -> Value {
    history.as_array_mut().unwrap().push(more);
    history
}

async fn cluster() -> Cluster {
    Peer::usual(released()).await.cluster()
}

async fn prepared(helm: &Helm) -> (Step, Strategy) {
    let strategy = helm.strategy(&cluster().await);
    let step = ready(&strategy, &released()).await;
    helm.forget();
    (step, strategy)
}

async fn blocked_by(history: &Value) -> (String, String) {
    let helm = Helm::with(history);
    let refusal = refusal(&helm.strategy(&cluster().await), &released()).await;
    assert!(!helm.calls().iter().any(|call| call.starts_with("rollback") && !call.contains("--dry-run")));
    (refusal.reason, refusal.way_out)
}

#[tokio::test]
async fn preparing_names_the_revision_that_served_and_says_what_helm_tried() {
    let helm = Helm::with(&history());
    let step = ready(&helm.strategy(&cluster().await), &released()).await;
    assert_eq!(step.subject, "release shop, revision 11");
    assert_eq!((step.target(), step.manual_command.as_str()), ("1.8.3", "helm rollback shop 11 -n production"));
    assert_eq!(
        step.does[0],
        "roll back release shop to revision 11 (shop-1.8.3, app 1.8.3, deployed 2026-11-23 01:00 UTC)"
    );
    assert_eq!(
        checks(&step, "version"),
        ["ok: 1.8.3 is revision 11 of release shop (shop-1.8.3, app 1.8.3, deployed 2026-11-23 01:00 UTC)"]
    );
    assert_eq!(
        checks(&step, "revision"),
        ["ok: helm has revision 11 of release shop; helm cannot test it in advance"],
        "what its dry run is worth"
    );
    assert_eq!(checks(&step, "permission"), ["ok: you may create secrets in production"]);
    assert_eq!(checks(&step, "operation"), ["ok: no operation on release shop in progress"]);
    assert!(checks(&step, "context").is_empty() && checks(&step, "owner").is_empty());
    assert_eq!(
        helm.calls(),
        [
            "history shop -o json --max 20 --namespace production --kube-context prod-eu",
            "rollback shop 11 --dry-run --namespace production --kube-context prod-eu",
        ]
    );
}

#[tokio::test]
async fn sending_is_one_call_with_the_revision_in_it() {
    let helm = Helm::with(&history());
    let (step, strategy) = prepared(&helm).await;
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
    assert_eq!(
        helm.calls(),
        ["rollback shop 11 --timeout 55s --namespace production --kube-context prod-eu"],
        "helm does not wait for the pods, and gives its hooks up before we give it up"
    );
}

#[tokio::test]
async fn an_upgrade_that_failed_brings_a_version_and_is_not_gone_back_to() {
    // helm's own default would be revision 12, which failed.
    let mut failing = history();
    failing[3]["status"] = json!("failed");
    let helm = Helm::with(&failing);
    let (step, _) = prepared(&helm).await;
    assert!(matches!(step.action, Action::Helm(HelmRollback { revision: 11, current: 13, .. })), "{:?}", step.action);
}

#[tokio::test]
async fn a_revision_that_does_not_name_the_version_is_told_by_time_and_says_so() {
    let mut unnamed = history();
    for revision in unnamed.as_array_mut().unwrap() {
        revision["chart"] = json!("shop-0.1.0");
        revision["app_version"] = json!("");
    }
    let (step, _) = prepared(&Helm::with(&unnamed)).await;
    assert_eq!(
        checks(&step, "version"),
        ["warning: 1.8.3 is assumed to be revision 11 of release shop (shop-0.1.0, deployed 2026-11-23 01:00 UTC), \
          by time only: it does not name it -> compare helm history shop -n production"]
    );
}

#[tokio::test]
async fn what_later_revisions_changed_elsewhere_is_said_to_go_too() {
    let later = and(history(), revision(14, "2026-11-23T03:40:00Z", "deployed", "1.9.0", "Upgrade complete"));
    let (step, _) = prepared(&Helm::with(&later)).await;
    assert_eq!(
        checks(&step, "others"),
        ["warning: changes of 1 later history entry are rolled back too -> compare helm history \
          shop -n production"]
    );
    assert!(matches!(step.action, Action::Helm(HelmRollback { revision: 11, current: 14, .. })));
}

/// A revision behind the history that has had this status for so many minutes.
fn behind(minutes: i64, status: &str) -> Value {
    let at = (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339();
    and(history(), revision(14, &at, status, "1.9.1", "Preparing upgrade"))
}

#[tokio::test]
async fn an_operation_in_progress_blocks_and_names_its_revision_and_its_age() {
    for status in ["pending-install", "pending-upgrade", "pending-rollback"] {
        let (reason, way_out) = blocked_by(&behind(3, status)).await;
        assert_eq!(
            reason,
            format!("another operation on it is in progress: revision 14 of release shop is {status} for 3 min")
        );
        assert_eq!(
            way_out,
            "wait until it finishes, or stop whoever runs it; if it has crashed: helm rollback shop 13 -n production"
        );
    }
    let gone = and(history(), revision(14, "2026-11-23T03:12:00Z", "uninstalled", "1.9.0", "Uninstallation complete"));
    assert_eq!(blocked_by(&gone).await.0, "release shop is uninstalled since 2026-11-23 03:12 UTC");
}

#[tokio::test]
async fn an_operation_whose_clock_is_ahead_or_that_tells_no_time_is_taken_for_a_young_one() {
    let mut timeless = behind(40, "pending-upgrade");
    timeless[4]["updated"] = json!("yesterday");
    assert!(blocked_by(&timeless).await.0.ends_with("revision 14 of release shop is pending-upgrade"));
    assert!(blocked_by(&behind(-60, "pending-upgrade")).await.0.contains("is pending-upgrade since "));
}

#[tokio::test]
async fn an_operation_that_died_long_ago_has_to_be_typed_and_is_gone_back_over() {
    let helm = Helm::with(&behind(40, "pending-upgrade"));
    let (step, strategy) = prepared(&helm).await;
    assert!(step.needs_typing());
    assert_eq!(
        checks(&step, "operation"),
        ["typed: revision 14 of release shop is pending-upgrade for 40 min: whatever ran it has probably crashed -> \
          make sure nobody is working on it; manually: helm rollback shop 13 -n production"]
    );
    assert_eq!(strategy.performer.perform(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_rollback_that_failed_before_has_to_be_typed_where_there_is_no_other_way() {
    let said = "Rollback \"shop\" failed: no ConfigMap with the name \"shop-extra\" found";
    let failed = and(history(), revision(14, "2026-11-23T03:12:00Z", "failed", "1.8.3", said));
    let (step, _) = prepared(&Helm::with(&failed)).await;
    let told = checks(&step, "release").join("");
    assert!(
        told.starts_with(&format!("typed: helm's last rollback of release shop failed as revision 14: {said} -> ")),
        "{told}"
    );
}

#[tokio::test]
async fn a_version_that_did_not_come_by_helm_is_not_guessed_at() {
    // 1.9.0 came by kubectl: as far as helm knows, revision 11 still runs.
    let mut older = history();
    older.as_array_mut().unwrap().truncate(2);
    let (reason, way_out) = blocked_by(&older).await;
    assert_eq!(reason, "Helm's history does not say which entry deployed 1.8.3");
    assert_eq!(way_out, "choose the entry yourself: helm rollback shop REVISION -n production");
}

#[tokio::test]
async fn a_trial_that_fails_blocks_in_helms_words() {
    let helm = Helm::with(&history());
    helm.write("dry_run", "echo 'WARNING: old' >&2; echo 'Error: release has no 11 version' >&2; exit 1");
    let refusal = refusal(&helm.strategy(&cluster().await), &released()).await;
    assert_eq!(refusal.reason, "helm's dry run to revision 11 failed: Error: release has no 11 version");
    assert_eq!(refusal.way_out, "look at helm history shop -n production");
}

#[tokio::test]
async fn a_history_that_cannot_be_read_blocks() {
    let cases = [
        ("echo 'Error: release: not found' >&2; exit 1", "Error: release: not found"),
        ("echo 'WARNING: not JSON'", "helm's output is not a history: expected value at line 1 column 1"),
        ("echo '[]'", "it is empty"),
    ];
    for (script, reason) in cases {
        let helm = Helm::with(&history());
        helm.write("history", script);
        let refusal = refusal(&helm.strategy(&cluster().await), &released()).await;
        assert_eq!(refusal.reason, format!("cannot read the history of release shop: {reason}"));
        assert_eq!(refusal.way_out, "try it manually: helm history shop -n production");
    }
}

#[tokio::test]
async fn without_helm_the_way_out_is_named() {
    let spec = HelmSpec { program: PathBuf::from("redflag-has-no-such-helm"), ..HelmSpec::default() };
    let refusal = refusal(&build(spec, &cluster().await), &released()).await;
    assert_eq!(refusal.reason, "cannot use helm: program redflag-has-no-such-helm not found");
    assert_eq!(
        refusal.way_out,
        "install helm, or set the program in the configuration, or choose strategy = \"kubernetes\""
    );
}

#[tokio::test]
async fn a_workload_of_no_release_needs_one_told() {
    let helm = Helm::with(&history());
    let cluster = Peer::usual(shop()).await.cluster();
    let reason = refusal(&helm.strategy(&cluster), &shop()).await.reason;
    assert_eq!(reason, "deployment/web does not name its Helm release");

    let spec = HelmSpec { release: Some("$service-$environment".to_owned()), context: None, ..helm.spec() };
    let step = ready(&build(spec, &cluster), &shop()).await;
    assert_eq!(step.manual_command, "helm rollback web-production 11 -n production");
    assert_eq!(
        checks(&step, "context"),
        ["warning: helm uses the kubeconfig's current context at that moment: prod-eu only as long as nobody changes \
          it -> set the context in the configuration"]
    );
}

#[tokio::test]
async fn a_name_that_helm_would_take_for_a_flag_never_reaches_it() {
    let odd = released().with("/metadata/annotations/meta.helm.sh~1release-name", json!("--post-renderer=/tmp/evil"));
    let helm = Helm::with(&history());
    let cluster = Peer::usual(odd.clone()).await.cluster();
    let reason = refusal(&helm.strategy(&cluster), &odd).await.reason;
    assert_eq!(reason, "--post-renderer=/tmp/evil in production is not a release name");
    assert!(helm.calls().is_empty());
}

#[tokio::test]
async fn missing_permission_for_its_records_is_a_warning() {
    let peer = Peer::serve(released(), |asked| {
        if asked.target.contains("selfsubjectaccessreviews") { Act::Answer(201, not_allowed()) } else { Act::Usual }
    })
    .await;
    let step = ready(&Helm::with(&history()).strategy(&peer.cluster()), &released()).await;
    assert_eq!(
        checks(&step, "permission"),
        ["warning: you may not create secrets in production, where Helm usually stores its records -> ask for a \
             Role in \
          production with resources [secrets], verbs [create]"]
    );
}

#[tokio::test]
async fn what_helm_refuses_before_it_begins_has_changed_nothing() {
    for said in [
        "Error: release: not found",
        "Error: another operation (install/upgrade/rollback) is in progress",
        "Error: kubernetes cluster unreachable: Get \"https://10.0.0.1\": dial tcp: timeout",
        "Error: release has no 11 version",
    ] {
        let helm = Helm::with(&history());
        let (step, strategy) = prepared(&helm).await;
        helm.write("rollback", &format!("cat >&2 <<'E'\n{said}\nE\nexit 1"));
        assert_eq!(refused(strategy.performer.perform(&step).await).reason, format!("helm refused it: {said}"));
        assert_eq!(helm.calls().len(), 1, "never tried again by itself");
    }
}

#[tokio::test]
async fn any_other_failure_may_have_done_a_part() {
    let helm = Helm::with(&history());
    let (step, strategy) = prepared(&helm).await;
    helm.write("rollback", "echo 'Error: no Deployment with the name \"web\" found' >&2; exit 1");
    let blocked = failed(strategy.performer.perform(&step).await);
    assert_eq!(
        blocked.reason,
        "helm failed to roll back release shop, or did so only partly: Error: no Deployment with the name \"web\" found"
    );
    assert_eq!(
        blocked.way_out,
        "roll back only the pods: kubectl rollout undo deployment/web -n production --to-revision=1; what it did is \
         in helm \
         history shop -n production"
    );
}

#[tokio::test]
async fn a_helm_that_hangs_is_ended_and_its_outcome_looked_for() {
    let helm = Helm::with(&history());
    let (step, patient) = prepared(&helm).await;
    helm.write("rollback", "sleep 600");
    let spec = HelmSpec { timeout: Duration::from_millis(300), ..helm.spec() };
    let impatient = build(spec, &cluster().await);
    let reason = unknown(impatient.performer.perform(&step).await);
    assert_eq!(reason, "helm did not finish within 0 s and was stopped");

    // Nothing of it is in the history, until it is.
    let blocked = refused(patient.performer.read_back(&step).await);
    assert_eq!(blocked.reason, "the rollback of release shop did not take effect");
    assert_eq!(blocked.way_out, "retry, or manually: helm rollback shop 11 -n production");
    let ours = revision(14, "2026-11-23T03:20:00Z", "deployed", "1.8.3", "Rollback to 11");
    helm.write("history.json", &and(history(), ours).to_string());
    assert_eq!(patient.performer.read_back(&step).await, Answer::Accepted);
    assert_eq!(helm.calls().iter().filter(|call| call.starts_with("rollback")).count(), 1);
}

#[tokio::test]
async fn the_history_tells_what_became_of_a_lost_answer() {
    let rollback = |status, description| revision(14, "2026-11-23T03:20:00Z", status, "1.8.3", description);
    let helm = Helm::with(&history());
    let (step, strategy) = prepared(&helm).await;
    let after = |more: Value| helm.write("history.json", &and(history(), more).to_string());

    after(rollback("deployed", "Rollback to 11"));
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);

    // Helm 4 names the revision itself, whatever the description says.
    let mut described = rollback("deployed", "incident 4711");
    described["rollback_revision"] = json!(11);
    after(described);
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Accepted);

    after(rollback("pending-rollback", "Rollback to 11"));
    let blocked = failed(strategy.performer.read_back(&step).await);
    assert_eq!(
        blocked.reason,
        "the rollback of release shop started as revision 14 and did not finish: it is pending-rollback: Rollback to 11"
    );
    assert_eq!(
        blocked.way_out,
        "if nobody is working on it, repeat it: helm rollback shop 11 -n production; only the pods: kubectl rollout \
         undo \
         deployment/web -n production --to-revision=1"
    );

    after(rollback("deployed", "Rollback to 10"));
    let Answer::ChangedUnderUs(what) = strategy.performer.read_back(&step).await else { panic!() };
    assert_eq!(
        what,
        "release shop is at revision 14 now (shop-1.8.3, app 1.8.3, deployed 2026-11-23 03:20 UTC): Rollback to 10"
    );

    helm.write("history", "echo 'Error: Kubernetes cluster unreachable' >&2; exit 1");
    assert!(unknown(strategy.performer.read_back(&step).await).ends_with("Error: Kubernetes cluster unreachable"));
}
