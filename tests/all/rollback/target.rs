//! Which revision an undo goes to.

use crate::rollback::objects::{World, agent, db, document, set, tape, web, without_history};
use redflag::rollback::request::{Choice, Wanted};
use redflag::rollback::{CheckOutcome, Refusal};
use serde_json::{Value, json};

fn hash(hash: &str) -> Choice {
    Choice::Hash(hash.to_owned())
}

fn blocked(world: &World, choice: Choice) -> Refusal {
    world.draft(choice).expect_err("it should be blocked")
}

fn operation(document: &Value, path: &str) -> Value {
    let operations = document.as_array().unwrap();
    let is_it = |operation: &&Value| operation["path"] == path && operation["op"] != "test";
    operations.iter().find(is_it).cloned().unwrap_or_default()
}

fn patched(object: &mut Value, operations: Vec<Value>) {
    let patch: json_patch::Patch = serde_json::from_value(Value::from(operations)).unwrap();
    json_patch::patch(object, &patch).unwrap();
}

fn tested(document: &Value, path: &str) -> Value {
    let operations = document.as_array().unwrap();
    let is_it = |operation: &&Value| operation["path"] == path && operation["op"] == "test";
    operations.iter().find(is_it).unwrap()["value"].clone()
}

#[test]
fn the_patch_is_kubectls_own_with_two_tests_before_it() {
    let undo = web().draft(Choice::default()).unwrap();
    let document = document(&undo);
    let operations = document.as_array().unwrap();
    assert_eq!(
        operations[..2],
        [
            json!({"op": "test", "path": "/metadata/uid", "value": "c8f5d89c-51c3-4a5f-b94a-5cc72405eded"}),
            json!({"op": "test", "path": "/spec/template", "value": web().workload["spec"]["template"]}),
        ]
    );
    let recorded = &tape("undo")[2]["request"]["body"];
    assert_eq!(operations[2], recorded[0], "the template, as kubectl brings it back");
    // kubectl replaces the annotations whole, and with them what somebody else has written meanwhile.
    let mut after = web().workload;
    patched(&mut after, operations[3..].to_vec());
    assert_eq!(after["metadata"]["annotations"], recorded[1]["value"]);
}

#[test]
fn an_undo_goes_from_the_new_version_to_the_old_one() {
    let undo = web().draft(Choice::default()).unwrap();
    assert_eq!(
        (undo.covers[0].from.label(), undo.covers[0].from.revision, undo.covers[0].from.hash.as_str()),
        ("1.9.0", 2, "66c979bf5d")
    );
    assert_eq!(
        (undo.covers[0].to.label(), undo.covers[0].to.revision, undo.covers[0].to.hash.as_str()),
        ("1.8.3", 1, "69dc9d88f6")
    );
    assert_eq!(undo.manual_command, "kubectl rollout undo deployment/web -n production --to-revision=1");
    assert_eq!((undo.covers[0].generation, undo.place.as_str()), (2, "prod-eu"));
}

#[test]
fn a_stateful_set_and_a_daemon_set_get_a_json_patch_too() {
    for (world, image) in [(db(), "company/db:1.0.0"), (agent(), "company/agent:3.0")] {
        let undo = world.draft(Choice::default()).unwrap();
        assert_eq!(document(&undo).as_array().unwrap().len(), 3, "two tests and the template");
        assert_eq!(tested(&document(&undo), "/metadata/uid"), world.workload["metadata"]["uid"]);
        assert_eq!(tested(&document(&undo), "/spec/template"), world.workload["spec"]["template"], "as it was told");
        let template = &operation(&document(&undo), "/spec/template")["value"];
        assert_eq!(template["spec"]["containers"][0]["image"], image);
        assert_eq!(template["$patch"], Value::Null, "only a strategic merge understands it");
    }
}

#[test]
fn pods_of_each_kind_know_their_revision_by_another_name() {
    assert_eq!(db().draft(hash("db-564dc996c7")).unwrap().covers[0].to.hash, "db-564dc996c7");
    assert_eq!(agent().draft(hash("aaa")).unwrap().covers[0].to.hash, "aaa");
    assert_eq!(web().draft(hash("69dc9d88f6")).unwrap().covers[0].to.revision, 1);
}

#[test]
fn fields_that_redflag_does_not_know_survive() {
    let mut world = web();
    set(&mut world.history[1], "/spec/template/spec/warpDrive", json!({"factor": 9}));
    let undo = world.draft(Choice::default()).unwrap();
    assert_eq!(operation(&document(&undo), "/spec/template")["value"]["spec"]["warpDrive"]["factor"], 9);
}

#[test]
fn annotations_come_from_the_old_revision_but_for_the_controllers_own() {
    let last_applied = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    let world = web().with(last_applied, json!("{}")).with("/metadata/annotations/team", json!("shop"));
    let undo = world.draft(Choice::default()).unwrap();
    let mut after = world.workload.clone();
    let annotating: Vec<Value> = document(&undo).as_array().unwrap()[3..].to_vec();
    // Whoever annotates it between the plan and the key is not overwritten.
    after["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!("shop");
    patched(&mut after, annotating);
    assert_eq!(
        after["metadata"]["annotations"],
        json!({
            "argocd.argoproj.io/tracking-id": "shop",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "deployment.kubernetes.io/revision": "2",
            "kubernetes.io/change-cause": "company/app:1.8.3",
        })
    );
}

#[test]
fn a_deployment_without_annotations_gets_some_instead_of_an_error() {
    let mut world = web();
    world.workload["metadata"].as_object_mut().unwrap().remove("annotations");
    let undo = world.draft(Choice::default()).unwrap();
    assert_eq!(operation(&document(&undo), "/metadata/annotations")["op"], "add");
}

#[test]
fn right_after_a_deploy_the_newest_revision_is_still_the_good_one() {
    // 2.0.0 was applied a moment ago; its ReplicaSet is not there yet.
    let world = web().with("/spec/template/spec/containers/0/image", json!("company/app:2.0.0"));
    let undo = world.with("/metadata/generation", json!(3)).draft(Choice::default()).unwrap();
    assert_eq!((undo.covers[0].from.label(), undo.covers[0].from.revision), ("2.0.0", 3));
    assert_eq!((undo.covers[0].to.label(), undo.covers[0].to.revision), ("1.9.0", 2), "not 1.8.3, the second highest");
}

#[test]
fn once_the_controller_has_seen_it_the_newest_revision_is_the_current_one() {
    // An upgraded API server fills in a default that the stored revision does not have.
    let world = db().with("/spec/template/spec/newDefault", json!(true));
    let undo = world.draft(Choice::default()).unwrap();
    assert_eq!(undo.covers[0].to.label(), "1.0.0");
    assert_eq!(undo.covers[0].from.revision, 2);
}

#[test]
fn after_two_bad_deploys_it_goes_to_the_one_that_served_before() {
    let world = web()
        .and_revision(3, "ccc", "company/app:1.9.1")
        .with("/spec/template/spec/containers/0/image", json!("company/app:1.9.1"));
    assert_eq!(world.draft(Choice::default()).unwrap().covers[0].to.label(), "1.9.0", "kubectl's own choice");
    assert_eq!(world.draft(hash("69dc9d88f6")).unwrap().covers[0].to.label(), "1.8.3", "the one that was watched");
    assert_eq!(world.draft(Choice::Revision(1)).unwrap().covers[0].to.label(), "1.8.3");
}

#[test]
fn the_order_of_the_list_does_not_matter() {
    let mut world = web().and_revision(10, "ccc", "company/app:1.7.0");
    let first = world.draft(Choice::default()).unwrap();
    assert_eq!(first.covers[0].to.revision, 10, "by number, not by spelling");
    world.history.reverse();
    assert_eq!(world.draft(Choice::default()).unwrap(), first);
}

#[test]
fn a_replica_set_of_another_deployment_is_no_history() {
    let mut world = web().and_revision(9, "stranger", "company/other:5.0");
    set(&mut world.history[2], "/metadata/ownerReferences/0/uid", json!("someone else"));
    assert_eq!(world.draft(Choice::default()).unwrap().covers[0].to.label(), "1.8.3");
}

#[test]
fn a_revision_with_an_unreadable_number_is_left_out() {
    let mut world = web().and_revision(9, "odd", "company/app:odd");
    set(&mut world.history[2], "/metadata/annotations/deployment.kubernetes.io~1revision", json!("nine"));
    assert_eq!(world.draft(Choice::default()).unwrap().covers[0].to.label(), "1.8.3");
}

#[test]
fn no_history_is_told_from_a_history_that_is_not_kept() {
    let first = blocked(&without_history("one"), Choice::default());
    assert_eq!(first.reason, "no earlier revision in its history");
    assert_eq!(first.way_out, "redeploy the earlier version");

    let unkept = blocked(&without_history("nohist"), Choice::default());
    assert_eq!(unkept.reason, "revisionHistoryLimit is 0: the cluster has no earlier revision");
    assert_eq!(unkept.way_out, "redeploy the earlier version, and set spec.revisionHistoryLimit to 10 for next time");
}

#[test]
fn a_paused_deployment_is_resumed_by_the_undo_once_it_was_typed() {
    let line = tape("errors").into_iter().rfind(|line| line["response"]["body"]["spec"]["paused"] == true).unwrap();
    let world = web().with("/spec/paused", line["response"]["body"]["spec"]["paused"].clone());
    let undo = world.draft(hash("69dc9d88f6")).unwrap();
    assert_eq!(
        operation(&document(&undo), "/spec/paused"),
        json!({"op": "replace", "path": "/spec/paused", "value": false})
    );
    let told = undo.checks.iter().find(|check| check.name() == "paused").unwrap();
    assert_eq!(told.outcome, CheckOutcome::Typed);
    assert_eq!(told.sentence, "deployment/web is paused: the rollback resumes it in the same request");
    assert!(undo.needs_typing());
    assert_eq!(operation(&document(&web().draft(Choice::default()).unwrap()), "/spec/paused"), Value::Null);
}

#[test]
fn an_undo_is_written_as_the_server_writes_for_it_compares_bytes() {
    // kubernetes/apiserver#100; a server of 1.36 was seen to refuse the test of a template with an open `&`.
    let text = "a && b < c > d \u{e9}\u{2028}";
    let written = redflag::rollback::destination::patch::written(&json!({"value": text}).to_string());
    assert_eq!(written, "{\"value\":\"a \\u0026\\u0026 b \\u003c c \\u003e d \u{e9}\\u2028\"}");
    let read: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(read["value"], text, "and means the same");
}

#[test]
fn what_is_being_deleted_is_left_alone() {
    let world = web().with("/metadata/deletionTimestamp", json!("2026-11-23T02:09:30Z"));
    assert_eq!(blocked(&world, Choice::default()).reason, "deployment/web is being deleted");
}

#[test]
fn a_missing_revision_is_answered_with_those_there_are() {
    let none = blocked(&web(), Choice::Revision(7));
    assert_eq!(none.reason, "no revision 7 in its history");
    assert_eq!(
        none.way_out,
        "redeploy it, or choose another with redflag rollback --to REVISION: 1 (1.8.3, created 2026-11-23 02:09 UTC)"
    );

    let pruned = blocked(&web(), hash("gone"));
    assert_eq!(pruned.reason, "the previous version is no longer in its history");
}

#[test]
fn going_to_what_runs_already_is_refused() {
    for choice in [Choice::Revision(2), hash("66c979bf5d")] {
        let blocked = blocked(&web(), choice);
        assert_eq!(blocked.reason, "revision 2 (1.9.0) is already running");
        assert_eq!(
            blocked.way_out,
            "look for the cause elsewhere, or choose another with redflag rollback --to REVISION: 1 (1.8.3, created \
             2026-11-23 02:09 UTC)"
        );
    }
}

#[test]
fn an_answer_without_a_uid_cannot_be_pinned() {
    let world = web().with("/metadata/generation", Value::Null);
    assert!(blocked(&world, Choice::default()).reason.contains("no uid or generation"));
}

/// `web` with a proxy in front in every template; only its image differs where `only_the_proxy` is set.
fn beside_a_proxy(only_the_proxy: bool) -> World {
    let mut world = web();
    let app = if only_the_proxy { Some(json!("company/app:1.9.0")) } else { None };
    let templates =
        world.history.iter_mut().map(|entry| (entry["metadata"]["name"].clone(), &mut entry["spec"]["template"]));
    let live = (json!("live"), &mut world.workload["spec"]["template"]);
    for (name, template) in templates.chain([live]) {
        let containers = template["spec"]["containers"].as_array_mut().unwrap();
        let is_new = containers[0]["image"].as_str().unwrap().ends_with("1.9.0");
        let mut proxy = containers[0].clone();
        proxy["name"] = json!("proxy");
        proxy["image"] = json!(if is_new { "envoy:2.2" } else { "envoy:2.1" });
        if let Some(app) = &app {
            containers[0]["image"] = app.clone();
        }
        containers.insert(0, proxy);
        assert!(name != Value::Null);
    }
    world
}

#[test]
fn the_container_that_the_configuration_names_is_the_version() {
    let labels = |world: &World, container: Option<&str>| {
        let container = container.map(str::to_owned);
        let step = world.draft_for(&world.ask(Wanted { container, ..Wanted::default() })).unwrap();
        (step.covers[0].from.label().to_owned(), step.covers[0].to.label().to_owned())
    };
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let both = beside_a_proxy(false);
    let name = both.workload["spec"]["template"]["spec"]["containers"][1]["name"].as_str().unwrap().to_owned();
    assert_eq!(labels(&both, Some("proxy")), pair("2.2", "2.1"));
    assert_eq!(labels(&both, Some(&name)), pair("1.9.0", "1.8.3"));
    let proxy = beside_a_proxy(true);
    assert_eq!(labels(&proxy, None), pair("2.2", "2.1"), "it changed");
    assert_eq!(labels(&proxy, Some(&name)), pair("1.9.0", "1.9.0"));
}

#[test]
fn the_plan_says_what_comes_back_besides_the_version() {
    let mut world = web();
    let container = "/spec/template/spec/containers/0";
    let env = json!([{"name": "LOG_LEVEL", "value": "hush"}]);
    set(&mut world.workload, &format!("{container}/env"), env.clone());
    let is_new = |entry: &&mut Value| entry["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2";
    set(world.history.iter_mut().find(is_new).unwrap(), &format!("{container}/env"), env);
    let step = world.draft(Choice::default()).unwrap();
    let changes = redflag::deploy::change::changes(&step.covers[0].from, &step.covers[0].to);
    let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["1.9.0 → 1.8.3", "env LOG_LEVEL removed"]);
}
