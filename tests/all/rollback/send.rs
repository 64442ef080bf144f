//! Sending an undo: one request, and the right word for each answer.

use crate::rollback::objects::{World, agent, db, document, set, web};
use crate::rollback::peer::send;
use crate::rollback::peer::{Act, Asked, Peer, anonymous, cluster, denied, failed_test, forbidden, invalid, recorded};
use crate::support::{APP, at, rolled_out, setup, told};
use axum::http::Method;
use redflag::message::{Command, Effect, Message};
use redflag::rollback::request::{Choice, PlanRequest, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Answer, Blocked, Goal, Step};
use redflag::watch::Watch;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

fn undo() -> Step {
    web().draft(Choice::default()).unwrap()
}

/// Answers the patch so, and everything else as usual.
async fn patch_gets(status: u16, body: Value) -> Peer {
    Peer::serve(
        web(),
        move |asked| {
            if asked.method == Method::PATCH { Act::Answer(status, body.clone()) } else { Act::Usual }
        },
    )
    .await
}

async fn refused(peer: &Peer) -> Blocked {
    match send(&peer.cluster(), &undo()).await {
        Answer::Refused(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

async fn changed(peer: &Peer) -> String {
    match send(&peer.cluster(), &undo()).await {
        Answer::ChangedUnderUs(text) => text,
        other => panic!("{other:?}"),
    }
}

async fn unknown(peer: &Peer) -> String {
    match send(&peer.cluster(), &undo()).await {
        Answer::Unknown(text) => text,
        other => panic!("{other:?}"),
    }
}

const THE_PATCH: &str = "PATCH /apis/apps/v1/namespaces/production/deployments/web?&fieldManager=redflag";

#[tokio::test]
async fn an_undo_is_one_patch_and_nothing_else() {
    let peer = Peer::usual(web()).await;
    assert_eq!(send(&peer.cluster(), &undo()).await, Answer::Accepted);
    assert_eq!(peer.log(), [THE_PATCH]);
    assert_eq!(peer.asked()[0].body, document(&undo()), "to the last byte what was on the screen");
    assert_eq!(peer.image(), "company/app:1.8.3");
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_go_back_the_same_way() {
    for (world, image) in [(db(), "company/db:1.0.0"), (agent(), "company/agent:3.0")] {
        let undo = world.draft(Choice::default()).unwrap();
        let peer = Peer::usual(world).await;
        assert_eq!(send(&peer.cluster(), &undo).await, Answer::Accepted);
        assert_eq!(peer.image(), image);
    }
}

#[tokio::test]
async fn of_two_people_who_press_at_once_one_wins_and_the_other_is_told() {
    let peer = Peer::usual(web()).await;
    assert_eq!(send(&peer.cluster(), &undo()).await, Answer::Accepted);
    assert_eq!(changed(&peer).await, "somebody else already rolled it back to 1.8.3");
}

#[tokio::test]
async fn another_deploy_that_was_quicker_is_not_overwritten() {
    let peer = Peer::usual(web()).await;
    peer.change(|world| {
        set(&mut world.workload, "/spec/template/spec/containers/0/image", json!("company/app:1.9.1"));
        set(&mut world.workload, "/metadata/generation", json!(3));
    });
    assert_eq!(changed(&peer).await, "another deploy of deployment/web came first; it now runs 1.9.1");
    assert_eq!(peer.image(), "company/app:1.9.1");
    assert_eq!(
        peer.log(),
        [THE_PATCH, "GET /apis/apps/v1/namespaces/production/deployments/web"],
        "read again once, and only after the refusal"
    );
}

#[tokio::test]
async fn a_scaling_that_was_quicker_is_in_nobodys_way() {
    let peer = Peer::usual(web()).await;
    peer.change(|world| {
        set(&mut world.workload, "/spec/replicas", json!(5));
        set(&mut world.workload, "/metadata/generation", json!(3));
    });
    assert_eq!(send(&peer.cluster(), &undo()).await, Answer::Accepted);
    assert_eq!(peer.image(), "company/app:1.8.3");
    assert_eq!(peer.log(), [THE_PATCH]);
}

#[tokio::test]
async fn other_settings_that_were_quicker_are_told_from_a_deploy() {
    let peer = Peer::usual(web()).await;
    peer.change(|world| set(&mut world.workload, "/spec/template/metadata/annotations", json!({"restartedAt": "now"})));
    assert_eq!(changed(&peer).await, "deployment/web was changed (other settings); it still runs 1.9.0");
}

#[tokio::test]
async fn a_200_that_shows_nothing_done_is_not_believed() {
    let there = unknown(&patch_gets(200, web().workload).await).await;
    assert_eq!(there, "the response says done, but shows the version from before");
    let page = unknown(&patch_gets(200, json!({"ok": true})).await).await;
    assert_eq!(page, "the response says done, but does not show it");
}

#[tokio::test]
async fn a_workload_recreated_is_another_one() {
    let peer = Peer::usual(web()).await;
    peer.change(|world| set(&mut world.workload, "/metadata/uid", json!("another")));
    assert_eq!(changed(&peer).await, "deployment/web was deleted and recreated; it now runs 1.9.0");
}

#[tokio::test]
async fn a_refusal_without_any_change_is_not_blamed_on_others() {
    for (status, body) in [(422, failed_test()), recorded(409)] {
        let blocked = refused(&patch_gets(status, body).await).await;
        assert!(blocked.reason.starts_with("the API server rejected the rollback although nothing changed: "));
        assert!(blocked.way_out.contains("kubectl rollout undo deployment/web -n production --to-revision=1"));
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_read_is_still_a_change() {
    let peer = Peer::serve(web(), |asked: &Asked| match asked.method {
        Method::PATCH => Act::Answer(422, failed_test()),
        _ => Act::Page(502, "<html>bad gateway</html>"),
    })
    .await;
    assert_eq!(
        changed(&peer).await,
        "deployment/web was changed before the rollback arrived; unknown what it runs now: \
         cannot read deployment/web: the API server returned 502: no reason given"
    );
}

#[tokio::test]
async fn a_busy_server_is_believed_for_how_long() {
    let peer = Peer::serve(web(), |_| Act::Busy).await;
    let blocked = refused(&peer).await;
    assert_eq!(blocked.reason, "the API server is too busy");
    assert_eq!(blocked.way_out, "retry in 1 second");
    assert_eq!(peer.log(), [THE_PATCH]);
}

#[tokio::test]
async fn each_refusal_has_its_reason_and_its_way_out() {
    let (_, unauthorized) = recorded(401);
    let (_, not_found) = recorded(404);
    let policy =
        json!({"kind": "Status", "code": 403, "message": "admission webhook \"freeze\" denied the request: frozen"});
    let busy = json!({"kind": "Status", "code": 429, "message": "too many", "details": {"retryAfterSeconds": 5}});
    // A webhook may say no with any status; one that looks like a failed test is still a no.
    let like_a_failed_test =
        json!({"kind": "Status", "code": 422, "message": "admission webhook \"freeze\" denied the request: frozen"});
    let bad = json!({"kind": "Status", "code": 400, "message": "cannot decode"});
    let webhook = json!({"code": 500, "message": "Internal error occurred: failed calling webhook \"guard\": refused"});
    let cases = [
        (
            401,
            unauthorized,
            "401 Unauthorized: the token is wrong or has expired",
            "sign in to the cluster again, then retry",
        ),
        (
            403,
            forbidden(),
            "you may not patch deployments in production: deployments.apps \"err\" is forbidden: User \"viewer\" cannot \
             patch resource \"deployments\" in API group \"apps\" in the namespace \"production\"",
            "ask for a Role in production with apiGroups [apps], resources [deployments], verbs [patch], \
             or ask somebody who has it",
        ),
        (
            403,
            policy,
            "a cluster policy refuses it: admission webhook \"freeze\" denied the request: frozen",
            "change what the policy names, or ask the policy's owner",
        ),
        (
            422,
            like_a_failed_test,
            "a cluster policy refuses it: admission webhook \"freeze\" denied the request: frozen",
            "change what the policy names, or ask the policy's owner",
        ),
        (
            422,
            denied(),
            "a cluster policy refuses it: deployments.apps \"app\" is forbidden: ValidatingAdmissionPolicy \
             'freeze' with binding 'freeze' denied request: deploys are frozen until Monday",
            "change what the policy names, or ask the policy's owner",
        ),
        (
            403,
            anonymous(),
            "not signed in: no credentials reached the cluster (system:anonymous)",
            "set a user in the context, or sign in to the cluster again",
        ),
        (
            404,
            not_found,
            "no deployment/web in production",
            "check the context and the namespace; if it was deleted, redeploy the earlier version",
        ),
        (
            422,
            invalid(),
            "the API server rejects the old template as invalid: spec.template.spec.containers[0].image: Required \
             value; \
             spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, \
             inclusive",
            "redeploy the earlier version with these fields fixed",
        ),
        (429, busy, "the API server is too busy", "retry in 5 seconds"),
        (
            400,
            bad,
            "the API server refused it, status 400: cannot decode",
            "try it manually: kubectl rollout undo deployment/web -n production --to-revision=1",
        ),
        (
            500,
            webhook,
            "an admission webhook does not respond: Internal error occurred: failed calling webhook \"guard\": refused",
            "the webhook must respond first, or its owner must remove its configuration",
        ),
    ];
    for (status, body, reason, way_out) in cases {
        let peer = patch_gets(status, body).await;
        let blocked = refused(&peer).await;
        assert_eq!((blocked.reason.as_str(), blocked.way_out.as_str()), (reason, way_out));
        assert_eq!(peer.log(), [THE_PATCH], "asked once, whatever the answer");
    }
}

#[tokio::test]
async fn a_server_error_may_have_come_after_the_write() {
    for status in [408, 500, 502, 503, 504] {
        let body = json!({"kind": "Status", "code": status, "message": "etcdserver: request timed out"});
        let peer = patch_gets(status, body).await;
        assert_eq!(unknown(&peer).await, format!("the API server returned {status}: etcdserver: request timed out"));
        assert_eq!(peer.log(), [THE_PATCH], "never tried again by itself");
    }
}

#[tokio::test]
async fn silence_after_sending_is_an_unknown_outcome() {
    let peer = Peer::serve(web(), |_| Act::Hang).await;
    let answer = send(&peer.impatient_cluster(), &undo()).await;
    assert_eq!(answer, Answer::Unknown("no answer within 50 ms".to_owned()));
}

#[tokio::test]
async fn a_connection_that_was_never_made_has_done_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    match send(&cluster(&address, Duration::from_secs(20)), &undo()).await {
        Answer::Refused(blocked) => {
            assert!(blocked.reason.starts_with("cannot reach prod-eu: "), "{}", blocked.reason);
            assert_eq!(blocked.way_out, "check network, VPN and context: kubectl version");
        }
        other => panic!("{other:?}"),
    }
}

/// A server that reads one request, writes `reply` and hangs up. Gives its address, and afterwards its
/// listener, where whoever tried again would be waiting.
async fn breaks_off(reply: &'static str) -> (String, JoinHandle<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let mut length = 0;
        // The patch ends its body with the end of its list of operations.
        while !request[..length].ends_with(b"}]") {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
        listener
    });
    (address, served)
}

async fn nobody_tried_again(served: JoinHandle<TcpListener>) {
    let listener = served.await.unwrap().into_std().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_an_unknown_outcome() {
    let (address, served) = breaks_off("").await;
    let answer = send(&cluster(&address, Duration::from_secs(20)), &undo()).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    nobody_tried_again(served).await;
}

#[tokio::test]
async fn a_success_whose_body_breaks_off_is_looked_for() {
    let (address, served) = breaks_off("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"kind\":").await;
    let answer = send(&cluster(&address, Duration::from_secs(20)), &undo()).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    nobody_tried_again(served).await;
}

#[tokio::test]
async fn a_proxys_page_is_not_repeated_on_the_screen() {
    let peer = Peer::serve(web(), |_| Act::Page(403, "<html>secret internals</html>")).await;
    let blocked = refused(&peer).await;
    assert_eq!(blocked.reason, "the API server refused it, status 403: no reason given");
}

#[tokio::test]
async fn what_a_server_says_fits_on_one_line_and_cannot_steer_the_terminal() {
    let message = format!("denied\n\tby \u{1b}[2Jpolicy {}", "x".repeat(5000));
    let peer = patch_gets(403, json!({"message": message})).await;
    let blocked = refused(&peer).await;
    assert!(blocked.reason.starts_with("a cluster policy refuses it: denied by [2Jpolicy xxx"));
    assert!(blocked.reason.ends_with('…') && blocked.reason.len() < 500);
}

#[tokio::test]
async fn nothing_is_remembered_from_one_world_to_the_next() {
    // An undo drafted for one state is refused in another, however often it is sent.
    let undo = undo();
    let other = web().with("/spec/template/metadata/annotations", json!({"restartedAt": "now"}));
    let peer = Peer::usual(World { workload: other.workload, ..web() }).await;
    for _ in 0..3 {
        assert!(matches!(send(&peer.cluster(), &undo).await, Answer::ChangedUnderUs(_)));
    }
    assert_eq!(peer.image(), "company/app:1.9.0");
}

#[tokio::test]
async fn from_the_confirming_key_to_the_wire_it_is_one_request() {
    let peer = Peer::usual(web()).await;
    let cluster = peer.cluster();
    let choice = Choice::Usual { served_before: Some("69dc9d88f6".to_owned()) };
    let ask = PlanRequest { workload: APP, ..web().ask(Wanted { choice, ..Wanted::default() }) };
    let readiness = prepare(&cluster, &ask).await;
    let prepared = peer.log().len();

    let mut watch = Watch::new(setup());
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    let command = Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() };
    watch.update(Message::Asked { at: at(3), command });
    let effects = watch.update(Message::Asked { at: at(4), command: Command::Confirm { typed: None } });
    let sent: Vec<_> = effects.iter().filter(|effect| !matches!(effect, Effect::Lease(_))).collect();
    let [Effect::Send(step)] = sent.as_slice() else { panic!("{effects:?}") };
    assert_eq!(send(&cluster, step).await, Answer::Accepted);
    assert_eq!(peer.log()[prepared..], [THE_PATCH]);
}
