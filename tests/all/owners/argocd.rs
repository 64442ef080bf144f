//! Argo CD: which entry it goes back to, what is said before, and what becomes of each answer.

use crate::owners::argocd_server::{Act, ArgoCdServer, TOKEN, application, error};
use crate::owners::{build, checks, failed, nothing_worse_than, ready, refusal, refused, set, shop, unknown};
use crate::rollback::objects::World;
use crate::rollback::peer::Peer;
use redflag::rollback::action::{Action, ArgoCdRollback};
use redflag::rollback::{Answer, CheckOutcome, Run, Step};
use redflag::secret::Secret;
use redflag::systems::argocd::ArgoCdSpec;
use redflag::systems::registry::strategies::Strategy;
use serde_json::{Value, json};

const ROLLBACK: &str = "POST /api/v1/applications/shop/rollback";
const SWITCH_OFF: &str = "PATCH /api/v1/applications/shop";
const AGAIN: &str =
    r#"argocd app patch shop --type merge --patch '{"spec":{"syncPolicy":{"automated":{"enabled":null}}}}'"#;
const PAUSE: &str = r#"{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}"#;

/// The workload with Argo CD's mark.
fn kept() -> World {
    let id = json!("shop:apps/Deployment:production/web");
    shop().with("/metadata/annotations/argocd.argoproj.io~1tracking-id", id)
}

/// An application whose auto-sync is off.
fn manual() -> Value {
    let mut application = application();
    application["spec"]["syncPolicy"] = json!({});
    application
}

async fn strategy(spec: ArgoCdSpec) -> Strategy {
    build(spec, &Peer::usual(kept()).await.cluster())
}

/// A step that was prepared while all was well, and the strategy, patient or not.
async fn prepared(server: &ArgoCdServer) -> (Step, Strategy) {
    let calm = ArgoCdServer::usual(application()).await;
    let step = ready(&strategy(calm.strategy()).await, &kept()).await;
    (step, strategy(server.strategy()).await)
}

async fn blocked_by(application: Value) -> (String, String) {
    let server = ArgoCdServer::usual(application).await;
    let refusal = refusal(&strategy(server.strategy()).await, &kept()).await;
    assert!(server.writes().is_empty());
    (refusal.reason, refusal.way_out)
}

#[tokio::test]
async fn preparing_says_all_that_will_be_done_and_does_nothing() {
    let server = ArgoCdServer::usual(application()).await;
    let step = ready(&strategy(server.strategy()).await, &kept()).await;
    assert_eq!(step.subject, "application shop, entry 4");
    assert_eq!(step.target(), "1.8.3");
    assert_eq!(
        step.does,
        [
            "pause auto-sync of application shop",
            "roll back application shop to history entry 4 (bbbbbbb)",
            "everything else it deploys is rolled back too; what the new version added is not removed",
        ]
    );
    assert_eq!(
        step.manual_command,
        format!("argocd app patch shop --type merge --patch '{PAUSE}' && argocd app rollback shop 4")
    );
    assert_eq!(
        checks(&step, "version"),
        ["ok: 1.8.3 is entry 4 of shop's history (bbbbbbb, deployed 2026-11-23 01:00 UTC by ana)"]
    );
    assert_eq!(
        checks(&step, "auto-sync"),
        [format!(
            "warning: auto-sync of shop is paused first, and stays paused; its settings stay -> afterwards revert \
             the commit in Git, then restore it: {AGAIN}"
        )]
    );
    assert_eq!(
        checks(&step, "permission"),
        ["ok: the Argo CD token may roll it back", "ok: the Argo CD token may pause its auto-sync"]
    );
    nothing_worse_than(&step, CheckOutcome::Warning);
    assert!(server.writes().is_empty());
    assert_eq!(
        server.log(),
        [
            "GET /api/v1/applications/shop",
            "GET /api/version",
            "GET /api/v1/account/can-i/applications/rollback/retail/shop",
            "GET /api/v1/account/can-i/applications/update/retail/shop",
        ]
    );
}

#[tokio::test]
async fn from_the_key_to_the_end_it_is_asked_for_once() {
    let server = ArgoCdServer::usual(application()).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    server.forget();

    let Answer::Running(run) = strategy.performer.perform(&step).await else { panic!() };
    let link = Some(format!("{}/applications/argocd/shop", server.address));
    assert_eq!(run, Run { id: "4".to_owned(), state: "queued".to_owned(), link, ended: false });
    assert_eq!(server.log(), [SWITCH_OFF, ROLLBACK], "nothing is looked up before or between");
    let [(_, off), (_, back)] = server.writes().try_into().unwrap();
    assert_eq!(off, json!({"name": "shop", "project": "retail", "patch": PAUSE, "patchType": "merge"}));
    assert_eq!(back, json!({"name": "shop", "project": "retail", "id": 4, "dryRun": false, "prune": false}));

    assert_eq!(strategy.performer.follow(&step, &run).await, Answer::Running(run.clone()));
    server.controller_begins();
    let running = Run { state: "running".to_owned(), ..run.clone() };
    assert_eq!(strategy.performer.follow(&step, &run).await, Answer::Running(running.clone()));
    server.controller_ends("Succeeded", "successfully synced");
    let ended = Run { state: "succeeded".to_owned(), ended: true, ..run };
    assert_eq!(strategy.performer.follow(&step, &running).await, Answer::Running(ended.clone()));
    assert_eq!(strategy.performer.read_back(&step).await, Answer::Running(ended));
    assert_eq!(server.writes().len(), 2);
}

#[tokio::test]
async fn pausing_keeps_prune_and_self_heal_and_the_way_back_leaves_no_trace() {
    let server = ArgoCdServer::usual(application()).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    assert!(matches!(strategy.performer.perform(&step).await, Answer::Running(_)));
    let paused = json!({"prune": true, "selfHeal": true, "enabled": false});
    assert_eq!(server.application()["spec"]["syncPolicy"]["automated"], paused);
    // What the way back sends brings the policy back as it was.
    let again = AGAIN.split('\'').nth(1).unwrap();
    server.change(|app| json_patch::merge(app, &serde_json::from_str(again).unwrap()));
    assert_eq!(server.application()["spec"]["syncPolicy"], application()["spec"]["syncPolicy"]);
}

#[tokio::test]
async fn a_server_that_does_not_know_the_pause_gets_the_whole_policy_back() {
    let server = ArgoCdServer::older(application()).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    let again = r#"'{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}'"#;
    let again = format!("argocd app patch shop --type merge --patch {again}");
    assert_eq!(
        checks(&step, "auto-sync"),
        [format!(
            "warning: auto-sync of shop is removed first, with its settings, and stays off -> \
             afterwards revert the commit in Git, then restore it: {again}"
        )]
    );
    assert!(matches!(strategy.performer.perform(&step).await, Answer::Running(_)));
    assert_eq!(server.application()["spec"]["syncPolicy"]["automated"], Value::Null);
    server.change(|app| json_patch::merge(app, &serde_json::from_str(again.split('\'').nth(1).unwrap()).unwrap()));
    assert_eq!(server.application()["spec"]["syncPolicy"], application()["spec"]["syncPolicy"]);
}

#[tokio::test]
async fn a_pause_that_did_not_take_stops_before_the_rollback() {
    // A server that says it is new, and forgets the field: a fork, or an admission webhook that puts it back.
    let server = ArgoCdServer::older(application()).await;
    let (step, strategy) = prepared(&server).await;
    let blocked = refused(strategy.performer.perform(&step).await);
    assert!(blocked.reason.starts_with("Argo CD accepted the pause of shop, but auto-sync is still on"));
    assert_eq!(server.log(), [SWITCH_OFF], "the rollback is not asked for");
}

#[tokio::test]
async fn with_auto_sync_off_it_is_one_request() {
    for policy in [json!({}), Value::Null, json!({"automated": {"enabled": false, "selfHeal": true}})] {
        let mut application = application();
        application["spec"]["syncPolicy"] = policy;
        let server = ArgoCdServer::usual(application).await;
        let strategy = strategy(server.strategy()).await;
        let step = ready(&strategy, &kept()).await;
        assert_eq!(step.manual_command, "argocd app rollback shop 4");
        assert_eq!(checks(&step, "auto-sync"), ["ok: auto-sync of shop is already off"]);
        server.forget();
        assert!(matches!(strategy.performer.perform(&step).await, Answer::Running(_)));
        assert_eq!(server.log(), [ROLLBACK]);
    }
}

#[tokio::test]
async fn an_application_of_another_namespace_is_asked_for_there() {
    let id = json!("retail_shop:apps/Deployment:production/web");
    let world = shop().with("/metadata/annotations/argocd.argoproj.io~1tracking-id", id);
    let server = ArgoCdServer::usual(application()).await;
    let strategy = build(server.strategy(), &Peer::usual(world.clone()).await.cluster());
    let step = ready(&strategy, &world).await;
    assert!(
        step.manual_command.starts_with("argocd app patch retail/shop --type merge --patch "),
        "{}",
        step.manual_command
    );
    assert!(step.manual_command.ends_with(" && argocd app rollback retail/shop 4"), "{}", step.manual_command);
    assert!(matches!(strategy.performer.perform(&step).await, Answer::Running(_)));
    assert_eq!(
        server.log()[..3],
        [
            "GET /api/v1/applications/shop?appNamespace=retail",
            "GET /api/version",
            "GET /api/v1/account/can-i/applications/rollback/retail/retail/shop",
        ]
    );
    assert!(server.writes().iter().all(|(_, body)| body["appNamespace"] == "retail"));
}

#[tokio::test]
async fn the_configuration_may_name_the_application() {
    let server = ArgoCdServer::usual(application()).await;
    let mut spec = server.strategy();
    spec.application = Some("$service".to_owned());
    server.change(|application| application["metadata"]["name"] = json!("web"));
    let world = shop();
    let strategy = build(spec, &Peer::usual(world.clone()).await.cluster());
    assert_eq!(ready(&strategy, &world).await.subject, "application web, entry 4");
    assert_eq!(server.log()[0], "GET /api/v1/applications/web");

    let unnamed = build(server.strategy(), &Peer::usual(world.clone()).await.cluster());
    let refusal = refusal(&unnamed, &world).await;
    assert_eq!(refusal.reason, "deployment/web does not name its Argo CD application");
}

#[tokio::test]
async fn an_entry_that_does_not_name_the_version_is_told_by_time_and_says_so() {
    let mut plain = application();
    for entry in plain["status"]["history"].as_array_mut().unwrap() {
        entry["source"] = json!({"repoURL": "https://git.example/shop", "path": "deploy"});
    }
    let server = ArgoCdServer::usual(plain).await;
    let step = ready(&strategy(server.strategy()).await, &kept()).await;
    assert_eq!(
        checks(&step, "version"),
        ["warning: 1.8.3 is assumed to be entry 4 of shop's history (bbbbbbb, deployed 2026-11-23 01:00 UTC by ana), \
          by time only: it does not name it -> compare argocd app history shop"]
    );
    assert!(matches!(step.action, Action::ArgoCd(ArgoCdRollback { id: 4, .. })));
}

#[tokio::test]
async fn a_sync_that_failed_may_have_brought_the_version_and_the_one_before_it_is_the_target() {
    // The history only knows what succeeded: 1.9.0 is not in it.
    let mut failing = manual();
    failing["status"]["history"].as_array_mut().unwrap().pop();
    failing["status"]["operationState"]["phase"] = json!("Failed");
    let server = ArgoCdServer::usual(failing).await;
    let step = ready(&strategy(server.strategy()).await, &kept()).await;
    assert!(matches!(step.action, Action::ArgoCd(ArgoCdRollback { id: 4, last: 4, .. })), "{:?}", step.action);
}

#[tokio::test]
async fn an_older_server_that_writes_only_the_ends_is_understood_too() {
    let mut older = application();
    for entry in older["status"]["history"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("deployStartedAt");
    }
    let server = ArgoCdServer::usual(older).await;
    let step = ready(&strategy(server.strategy()).await, &kept()).await;
    assert!(matches!(step.action, Action::ArgoCd(ArgoCdRollback { id: 4, last: 5, .. })), "{:?}", step.action);
}

#[tokio::test]
async fn a_history_that_cannot_tell_the_entry_is_not_guessed_at() {
    let mut short = application();
    short["status"]["history"].as_array_mut().unwrap().drain(..2);
    let (reason, way_out) = blocked_by(short).await;
    assert_eq!(reason, "Argo CD's history does not reach back to 1.8.3");
    assert_eq!(way_out, "choose the entry yourself: argocd app history shop; argocd app rollback shop ID");
}

#[tokio::test]
async fn an_operation_in_progress_blocks_and_is_named() {
    let mut running = manual();
    running["status"]["operationState"]["phase"] = json!("Running");
    running["status"]["operationState"]["operation"]["initiatedBy"] = json!({"username": "ben"});
    let (reason, way_out) = blocked_by(running).await;
    assert_eq!(reason, "another rollback or sync of shop is in progress, by ben since 02:09:30 UTC");
    assert_eq!(way_out, "wait until it finishes, or stop it: argocd app terminate-op shop");

    let mut queued = manual();
    queued["operation"] = json!({"sync": {}, "initiatedBy": {"automated": true}});
    assert_eq!(blocked_by(queued).await.0, "another rollback or sync of shop is in progress, by Argo CD itself");
}

#[tokio::test]
async fn an_application_that_is_made_by_another_object_has_to_be_typed() {
    type Mark = fn(&mut Value);
    let marks: [(Mark, &str); 4] = [
        (
            |app| app["metadata"]["ownerReferences"] = json!([{"kind": "ApplicationSet", "name": "shops"}]),
            "ApplicationSet shops",
        ),
        (
            |app| set(app, "/metadata/annotations/argocd.argoproj.io~1tracking-id", json!("root:argoproj.io/App:a/b")),
            "application root",
        ),
        (|app| set(app, "/metadata/labels/kustomize.toolkit.fluxcd.io~1name", json!("apps")), "kustomization/apps"),
        (
            |app| set(app, "/metadata/annotations/objectset.rio.cattle.io~1id", json!("fleet-apps")),
            "Fleet (fleet-apps)",
        ),
    ];
    for (mark, maker) in marks {
        let mut made = application();
        mark(&mut made);
        let server = ArgoCdServer::usual(made.clone()).await;
        let step = ready(&strategy(server.strategy()).await, &kept()).await;
        assert!(step.needs_typing());
        assert_eq!(
            checks(&step, "owner"),
            [format!(
                "typed: shop is itself created by {maker}, which may turn auto-sync on again and redeploy the new \
                 version -> revert the commit in Git instead, or first make sure it leaves the sync policy alone"
            )]
        );
        // Nothing is paused, so nothing is there to be let go on.
        made["spec"]["syncPolicy"] = json!({});
        let server = ArgoCdServer::usual(made).await;
        assert!(!ready(&strategy(server.strategy()).await, &kept()).await.needs_typing());
    }
}

#[tokio::test]
async fn a_token_that_may_not_is_told_which_policy_it_lacks() {
    let denied = |action: &'static str| {
        ArgoCdServer::serve(application(), move |asked| {
            if asked.contains(&format!("can-i/applications/{action}")) {
                Act::Answer(200, json!({"value": "no"}))
            } else {
                Act::Usual
            }
        })
    };
    let server = denied("rollback").await;
    let refusal_ = refusal(&strategy(server.strategy()).await, &kept()).await;
    assert_eq!(refusal_.reason, "the Argo CD token may not roll it back");
    assert_eq!(refusal_.way_out, "ask for: p, ROLE, applications, sync, retail/shop, allow");

    let server = denied("update").await;
    let refusal_ = refusal(&strategy(server.strategy()).await, &kept()).await;
    assert_eq!(refusal_.reason, "the Argo CD token may not pause its auto-sync");
}

#[tokio::test]
async fn servers_that_do_not_know_the_action_are_asked_for_the_older_one() {
    let server = ArgoCdServer::serve(manual(), |asked| {
        if asked.contains("applications/rollback/") {
            let (status, body) = error(400, 3, "[get create update delete sync] does not contain rollback");
            Act::Answer(status, body)
        } else {
            Act::Usual
        }
    })
    .await;
    let step = ready(&strategy(server.strategy()).await, &kept()).await;
    assert_eq!(checks(&step, "permission"), ["ok: the Argo CD token may roll it back"]);
    assert_eq!(server.log()[2], "GET /api/v1/account/can-i/applications/sync/retail/shop", "off already");
}

#[tokio::test]
async fn forbidden_and_unknown_are_one_answer_and_one_sentence() {
    for (status, code, message) in [(403, 7, "permission denied"), (404, 5, "applications \"shop\" not found")] {
        let server = ArgoCdServer::serve(application(), move |_| {
            let (status, body) = error(status, code, message);
            Act::Answer(status, body)
        })
        .await;
        let refusal = refusal(&strategy(server.strategy()).await, &kept()).await;
        assert_eq!(
            refusal.reason,
            format!("Argo CD has no application shop, or this token cannot access it: {message}")
        );
    }
}

#[tokio::test]
async fn a_token_that_is_wrong_is_said_and_never_shown() {
    let server = ArgoCdServer::usual(application()).await;
    let mut spec = server.spec(std::time::Duration::from_secs(20));
    spec.token = Secret::new("stale-token");
    let refusal = refusal(&strategy(spec).await, &kept()).await;
    assert_eq!(refusal.reason, "Argo CD rejected the token (401): wrong or expired");
    assert!(!format!("{refusal:?}").contains("stale-token"));
    assert!(!format!("{:?}", server.strategy()).contains(TOKEN));
}

#[tokio::test]
async fn what_is_refused_before_anything_was_done_is_refused() {
    let cases = [
        (
            error(403, 7, "permission denied"),
            "Argo CD has no application shop, or this token cannot access it: permission denied",
        ),
        (error(401, 16, "token expired"), "Argo CD rejected the token (401): wrong or expired"),
        (error(429, 8, "slow down"), "Argo CD is too busy"),
        (error(400, 3, "bad patch"), "Argo CD refused it, status 400: bad patch"),
    ];
    for ((status, body), reason) in cases {
        let server = ArgoCdServer::serve(application(), move |asked| match asked {
            SWITCH_OFF => Act::Answer(status, body.clone()),
            _ => Act::Usual,
        })
        .await;
        let (step, strategy) = prepared(&server).await;
        assert_eq!(refused(strategy.performer.perform(&step).await).reason, reason);
        assert_eq!(server.log(), [SWITCH_OFF], "the rollback is not asked for");
    }
}

#[tokio::test]
async fn half_of_it_is_told_with_the_way_back() {
    let (status, body) = error(400, 9, "another operation is already in progress");
    let server = ArgoCdServer::serve(application(), move |asked| match asked {
        ROLLBACK => Act::Answer(status, body.clone()),
        _ => Act::Usual,
    })
    .await;
    let (step, strategy) = prepared(&server).await;
    let blocked = failed(strategy.performer.perform(&step).await);
    assert_eq!(
        blocked.reason,
        "auto-sync of shop was paused, then the rollback was refused: another rollback or sync of shop is in progress"
    );
    assert_eq!(
        blocked.way_out,
        format!("wait until it finishes, or stop it: argocd app terminate-op shop; to resume it: {AGAIN}")
    );
    assert_eq!(server.log(), [SWITCH_OFF, ROLLBACK]);
    let blocked = failed(strategy.performer.read_back(&step).await);
    assert_eq!(blocked.reason, "auto-sync of shop was paused, but it was not rolled back");
}

#[tokio::test]
async fn auto_sync_that_somebody_switched_on_again_is_named() {
    let server = ArgoCdServer::usual(manual()).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    server.change(|app| app["spec"]["syncPolicy"] = json!({"automated": {}}));
    let blocked = refused(strategy.performer.perform(&step).await);
    assert_eq!(blocked.reason, "Argo CD refused it: auto-sync of shop is on");
}

#[tokio::test]
async fn a_server_error_may_have_come_after_the_write() {
    for status in [408, 500, 502, 503, 504] {
        for (request, sent) in [(SWITCH_OFF, 1), (ROLLBACK, 2)] {
            let server = ArgoCdServer::serve(application(), move |asked| {
                if asked == request { Act::Page(status, "upstream gave up") } else { Act::Usual }
            })
            .await;
            let (step, strategy) = prepared(&server).await;
            let reason = unknown(strategy.performer.perform(&step).await);
            assert!(reason.contains(&format!("Argo CD answered {status}: upstream gave up")), "{reason}");
            assert_eq!(server.log().len(), sent, "never tried again by itself");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_by_reading_back() {
    for (act, took_effect) in [(0, true), (1, false)] {
        let server = ArgoCdServer::serve(application(), move |asked| match (asked, act) {
            (ROLLBACK, 0) => Act::Lost,
            (ROLLBACK, _) => Act::Hang,
            _ => Act::Usual,
        })
        .await;
        let (step, patient) = prepared(&server).await;
        let impatient = strategy(server.impatient()).await;
        let reason = unknown(impatient.performer.perform(&step).await);
        assert!(reason.ends_with("auto-sync of shop is paused"), "{reason}");
        match patient.performer.read_back(&step).await {
            Answer::Running(run) => assert!(took_effect && run.state == "queued"),
            Answer::Failed(blocked) => {
                assert!(!took_effect);
                assert_eq!(blocked.way_out, format!("reopen the plan, or resume it: {AGAIN}"));
            }
            other => panic!("{other:?}"),
        }
        let posts = server.writes().iter().filter(|(asked, _)| asked == ROLLBACK).count();
        assert_eq!(posts, 1);
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_pause_stops_there() {
    let server =
        ArgoCdServer::serve(application(), |asked| if asked == SWITCH_OFF { Act::Lost } else { Act::Usual }).await;
    let (step, patient) = prepared(&server).await;
    let impatient = strategy(server.impatient()).await;
    let reason = unknown(impatient.performer.perform(&step).await);
    assert!(reason.ends_with("the rollback was not requested"), "{reason}");
    assert_eq!(server.writes().len(), 1);
    let blocked = failed(patient.performer.read_back(&step).await);
    assert_eq!(blocked.reason, "auto-sync of shop was paused, but it was not rolled back");
}

#[tokio::test]
async fn a_server_that_is_not_there_has_done_nothing() {
    let server = ArgoCdServer::usual(application()).await;
    let (step, _) = prepared(&server).await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = server.spec(std::time::Duration::from_secs(20));
    spec.endpoint.url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let strategy = strategy(spec).await;
    let blocked = refused(strategy.performer.perform(&step).await);
    assert!(blocked.reason.contains("does not answer: cannot connect"), "{}", blocked.reason);
    assert!(unknown(strategy.performer.read_back(&step).await).contains("does not answer"));
}

#[tokio::test]
async fn an_operation_that_ends_badly_is_told_in_argo_cds_words() {
    for phase in ["Failed", "Error"] {
        let server = ArgoCdServer::usual(application()).await;
        let strategy = strategy(server.strategy()).await;
        let step = ready(&strategy, &kept()).await;
        let Answer::Running(run) = strategy.performer.perform(&step).await else { panic!() };
        server.controller_begins();
        server.controller_ends(phase, "one or more objects failed\nto apply: quota exceeded");
        let blocked = failed(strategy.performer.follow(&step, &run).await);
        assert_eq!(
            blocked.reason,
            "Argo CD could not roll shop back: one or more objects failed to apply: quota exceeded"
        );
        assert_eq!(blocked.way_out, format!("check argocd app get shop; auto-sync is paused: {AGAIN}"));
    }
}

#[tokio::test]
async fn an_operation_of_somebody_else_is_not_taken_for_ours() {
    let server = ArgoCdServer::usual(application()).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    // The same target, but a dry run, and begun by somebody else.
    server.change(|app| {
        app["status"]["operationState"] = json!({
            "phase": "Succeeded", "startedAt": "2026-11-23T02:15:00Z",
            "operation": {"sync": {"revision": "b".repeat(40), "dryRun": true}, "initiatedBy": {"username": "ben"}},
        });
    });
    let Answer::ChangedUnderUs(what) = strategy.performer.read_back(&step).await else { panic!() };
    assert_eq!(what, "shop: another operation to bbbbbbb was started by ben");
}

#[tokio::test]
async fn an_earlier_attempt_that_failed_is_not_taken_for_this_one() {
    let mut before = manual();
    before["status"]["operationState"] = json!({
        "phase": "Failed", "message": "quota exceeded", "startedAt": "2026-11-23T02:12:00Z",
        "operation": {"sync": {"revision": "b".repeat(40)}, "initiatedBy": {"username": "ana"}},
    });
    let server = ArgoCdServer::usual(before).await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    let blocked = refused(strategy.performer.read_back(&step).await);
    assert_eq!(blocked.reason, "the rollback of shop did not take effect");
    assert_eq!(blocked.way_out, "reopen the plan, or manually: argocd app rollback shop 4");
}

#[tokio::test]
async fn a_run_that_cannot_be_asked_for_the_moment_still_runs() {
    let server = ArgoCdServer::serve(application(), |_| Act::Page(503, "down")).await;
    let (step, strategy) = prepared(&server).await;
    let run = Run { id: "4".to_owned(), state: "queued".to_owned(), link: None, ended: false };
    assert!(matches!(strategy.performer.follow(&step, &run).await, Answer::Unknown(_)));
    assert!(matches!(strategy.performer.read_back(&step).await, Answer::Unknown(_)));
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_proves_nothing() {
    let server = ArgoCdServer::serve(manual(), |asked| {
        if asked == ROLLBACK { Act::Page(200, "<html><title>Sign in</title></html>") } else { Act::Usual }
    })
    .await;
    let strategy = strategy(server.strategy()).await;
    let step = ready(&strategy, &kept()).await;
    assert_eq!(
        unknown(strategy.performer.perform(&step).await),
        "the response is not an application: the page “Sign in”"
    );
    let server = ArgoCdServer::serve(manual(), |_| Act::Page(302, "")).await;
    let refusal = refusal(&crate::owners::argocd::strategy(server.strategy()).await, &kept()).await;
    assert!(refusal.reason.contains("a sign-in page stands in front"), "{}", refusal.reason);
}
