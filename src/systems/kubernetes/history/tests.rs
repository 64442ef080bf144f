//! Which deploy it is, where the tapes do not go.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::objects::Entry;
use super::*;
use chrono::DateTime;
use serde_json::{Value, json};

fn at(seconds: i64) -> Time {
    DateTime::parse_from_rfc3339("2026-11-23T02:00:00Z").unwrap().to_utc() + TimeDelta::seconds(seconds)
}

fn template(image: &str, labels: &Value) -> Value {
    json!({ "metadata": { "labels": labels, "creationTimestamp": null },
        "spec": { "containers": [{ "name": "app", "image": image }] } })
}

fn workload(image: &str, change: &Value) -> Workload {
    let mut object = json!({ "metadata": { "name": "app", "generation": 1 },
        "spec": { "template": template(image, &json!({ "app": "app" })) }, "status": { "observedGeneration": 1 } });
    for (pointer, value) in change.as_object().unwrap() {
        object[pointer] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn replica_set(hash: &str, image: &str, revision: i64, created: i64, annotations: &Value) -> Entry {
    let mut annotations = annotations.clone();
    annotations[REVISION] = json!(revision.to_string());
    let object = json!({
        "metadata": { "name": format!("app-{hash}"), "uid": hash, "creationTimestamp": at(created),
            "labels": { "pod-template-hash": hash }, "annotations": annotations },
        "spec": { "template": template(image, &json!({ "app": "app", "pod-template-hash": hash })) },
    });
    serde_json::from_value(object).unwrap()
}

fn pod(hash: &str, created: i64, ready: Option<i64>) -> Pod {
    let conditions = ready.map(|since| json!({ "type": "Ready", "status": "True", "lastTransitionTime": at(since) }));
    let object = json!({
        "metadata": { "labels": { "pod-template-hash": hash }, "creationTimestamp": at(created) },
        "status": { "conditions": conditions.into_iter().collect::<Vec<_>>() },
    });
    serde_json::from_value(object).unwrap()
}

fn history<'a>(workload: &'a Workload, entries: &'a [Entry], pods: &'a [Pod]) -> History<'a> {
    let (entries, pods) = (entries.iter().collect(), pods.iter().collect());
    History { kind: WorkloadKind::Deployment, workload, entries, pods, container: None }
}

fn deploy(history: &History<'_>, progress: &Progress, known: Option<&Deploy>, now: Time) -> Deploy {
    let replicas = Replicas { desired: 1, updated: 1, ready: 1, available: 1, total: 1 };
    let current = history.current().unwrap();
    history.deploy(current, history.main_container(current), known, &Outlook { progress, replicas }, now)
}

fn waiting() -> Progress {
    Progress::Waiting(String::new())
}

#[test]
fn a_template_equals_its_copy_in_the_history() {
    let workload = workload("app:2", &json!({}));
    let entries = [replica_set("a", "app:1", 2, 0, &json!({})), replica_set("b", "app:2", 1, 0, &json!({}))];
    // The higher number belongs to the deploy before: the controller has not caught up yet.
    assert_eq!(history(&workload, &entries, &[]).current().unwrap().hash(WorkloadKind::Deployment), "b");
}

#[test]
fn a_template_without_a_copy_is_not_taken_for_the_one_before() {
    let unobserved = json!({ "status": { "observedGeneration": 0 } });
    let workload = workload("app:2", &unobserved);
    let entries = [replica_set("a", "app:1", 1, 0, &json!({}))];
    assert!(history(&workload, &entries, &[]).current().is_none());
}

#[test]
fn a_template_written_under_other_defaults_is_found_by_the_controllers_number() {
    let annotated = json!({ "metadata": { "name": "app", "generation": 1, "annotations": { REVISION: "2" } } });
    let workload = workload("app:2", &annotated);
    let entries = [replica_set("a", "app:1", 1, 0, &json!({})), replica_set("b", "app:2-old", 2, 9, &json!({}))];
    assert_eq!(history(&workload, &entries, &[]).current().unwrap().hash(WorkloadKind::Deployment), "b");
}

#[test]
fn after_two_bad_deploys_the_version_that_still_serves_is_the_one_before() {
    let workload = workload("app:3", &json!({}));
    let entries = [
        replica_set("good", "app:1", 1, 0, &json!({})),
        replica_set("bad", "app:2", 2, 100, &json!({})),
        replica_set("worse", "app:3", 3, 200, &json!({})),
    ];
    let pods = [pod("good", 0, Some(5)), pod("bad", 101, None), pod("worse", 201, None)];
    let deploy = deploy(&history(&workload, &entries, &pods), &waiting(), None, at(210));
    assert_eq!((deploy.from.unwrap().label(), deploy.at, deploy.finished), ("1", at(200), None));
}

#[test]
fn a_rollout_stays_finished_when_its_pods_fall_ill_afterwards() {
    let noted = json!({ "status": { "observedGeneration": 1, "conditions": [
        { "type": "Progressing", "status": "True", "reason": ROLLED_OUT, "lastUpdateTime": at(60) }] } });
    let workload = workload("app:2", &noted);
    let entries = [replica_set("a", "app:1", 1, 0, &json!({})), replica_set("b", "app:2", 2, 50, &json!({}))];
    let pods = [pod("b", 51, None)];
    let late = deploy(&history(&workload, &entries, &pods), &waiting(), None, at(4000));
    assert_eq!(late.finished, Some(at(60)));
}

#[test]
fn the_note_of_the_rollout_before_ends_nothing() {
    let noted = json!({ "status": { "observedGeneration": 1, "conditions": [
        { "type": "Progressing", "status": "True", "reason": ROLLED_OUT, "lastUpdateTime": at(40) }] } });
    let workload = workload("app:2", &noted);
    let entries = [replica_set("a", "app:1", 1, 0, &json!({})), replica_set("b", "app:2", 2, 50, &json!({}))];
    assert_eq!(deploy(&history(&workload, &entries, &[]), &waiting(), None, at(51)).finished, None);
}

#[test]
fn without_a_progress_deadline_the_last_pod_to_become_ready_ends_it() {
    let workload = workload("app:2", &json!({}));
    let entries = [replica_set("b", "app:2", 1, 50, &json!({}))];
    let pods = [pod("b", 51, Some(70)), pod("b", 51, Some(65)), pod("a", 1, Some(99))];
    assert_eq!(deploy(&history(&workload, &entries, &pods), &Progress::Complete, None, at(90)).finished, Some(at(70)));
}

#[test]
fn a_known_deploy_keeps_its_times_and_follows_its_number() {
    let workload = workload("app:1", &json!({}));
    let entries = [replica_set("a", "app:1", 3, 0, &json!({})), replica_set("b", "app:2", 2, 50, &json!({}))];
    let history = history(&workload, &entries, &[]);
    let before = Version { images: vec!["app:2".to_owned()], revision: 2, hash: "b".to_owned(), ..Version::default() };
    let seen = Deploy { at: at(0), finished: Some(at(9)), from: None, to: before, by: None };
    // Another version was current a moment ago: the undo happens now, whole seconds as the cluster's stamps.
    let undone = deploy(&history, &waiting(), Some(&seen), at(80) + TimeDelta::milliseconds(700));
    assert_eq!((undone.at, undone.finished), (at(80), None));
    let later = deploy(&history, &Progress::Complete, Some(&undone), at(95));
    assert_eq!((later.at, later.to.revision), (at(80), 3));
}

#[test]
fn who_deployed_is_read_from_the_usual_annotations() {
    let rows = [
        (json!({ "example.com/deployed-by": "ada" }), Some("ada")),
        (json!({ "deployed-by": " ada ", CHANGE_CAUSE: "kubectl set image" }), Some("ada")),
        (json!({ CHANGE_CAUSE: "release 2 by ada" }), Some("release 2 by ada")),
        (json!({ CHANGE_CAUSE: "app:2" }), None),
        (json!({}), None),
    ];
    for (annotations, expected) in rows {
        let workload = workload("app:2", &json!({}));
        let entries = [replica_set("b", "app:2", 1, 50, &annotations)];
        let deploy = deploy(&history(&workload, &entries, &[]), &waiting(), None, at(60));
        assert_eq!(deploy.by.as_deref(), expected, "{annotations}");
    }
}

#[test]
fn a_daemon_set_finds_its_version_by_the_hash_alone() {
    let workload = workload("app:2", &json!({}));
    let revision = |name: &str, image: &str, number: i64| -> Entry {
        let mut template = template(image, &json!({ "app": "app" }));
        template["$patch"] = json!("replace");
        let object = json!({ "revision": number, "data": { "spec": { "template": template } },
            "metadata": { "name": format!("app-{name}"), "uid": name, "creationTimestamp": at(number),
                "labels": { "controller-revision-hash": name } } });
        serde_json::from_value(object).unwrap()
    };
    let entries = [revision("aaa", "app:1", 1), revision("bbb", "app:2", 2)];
    let history = History {
        kind: WorkloadKind::DaemonSet,
        workload: &workload,
        entries: entries.iter().collect(),
        pods: Vec::new(),
        container: None,
    };
    let deploy = deploy(&history, &waiting(), None, at(9));
    assert_eq!((deploy.to.hash.as_str(), deploy.to.label(), deploy.from.unwrap().hash), ("bbb", "2", "aaa".to_owned()));
}

/// A workload and its two revisions with a proxy in front, of which `now` is the newer one.
fn beside_a_proxy(before: [&str; 2], now: [&str; 2]) -> (Workload, [Entry; 2]) {
    let spec = |[proxy, app]: [&str; 2]| json!({ "containers": [{ "name": "proxy", "image": proxy }, { "name": "web", "image": app }] });
    let object = json!({ "metadata": { "name": "app", "generation": 1 },
        "spec": { "template": { "spec": spec(now) } }, "status": { "observedGeneration": 1 } });
    let entry = |hash: &str, revision: i64, images: [&str; 2]| {
        let object = json!({
            "metadata": { "name": format!("app-{hash}"), "uid": hash, "creationTimestamp": at(revision),
                "labels": { "pod-template-hash": hash }, "annotations": { REVISION: revision.to_string() } },
            "spec": { "template": { "spec": spec(images) } },
        });
        serde_json::from_value(object).unwrap()
    };
    (serde_json::from_value(object).unwrap(), [entry("a", 1, before), entry("b", 2, now)])
}

#[test]
fn the_container_that_the_configuration_names_is_the_version() {
    let (workload, entries) = beside_a_proxy(["envoy:2.1", "web:1.8.3"], ["envoy:2.2", "web:1.8.3"]);
    let versions = |container: Option<&'static str>| {
        let history = History { container, ..history(&workload, &entries, &[]) };
        let deploy = deploy(&history, &waiting(), None, at(9));
        (deploy.from.unwrap(), deploy.to)
    };
    let labels = |(from, to): &(Version, Version)| (from.label().to_owned(), to.label().to_owned());
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(labels(&versions(None)), pair("2.1", "2.2"), "it changed");
    let named = versions(Some("web"));
    assert_eq!(labels(&named), pair("1.8.3", "1.8.3"));
    let beside = crate::deploy::change::beside_the_name(&named.0, &named.1);
    assert_eq!(beside.as_deref(), Some("sidecar proxy 2.1 → 2.2"));
    assert_eq!(labels(&versions(Some("nobody"))), pair("2.1", "2.2"), "a name that no container has says nothing");
}
