//! Everything that can happen to the one request: what is said of it, that it is never sent twice, and what a
//! fresh start finds.

use crate::rollback::objects::{World, set, web};
use crate::rollback::peer::{Act, Asked, Peer, cluster, failed_test};
use crate::rollback::peer::{read_back, send};
use crate::rollback::wire::{Cut, Wire};
use axum::http::Method;
use futures_util::future::join_all;
use redflag::cluster::Cluster;
use redflag::rollback::request::{Choice, Wanted};
use redflag::rollback::workload::prepare;
use redflag::rollback::{Answer, Readiness, Step};
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);
/// For answers that never come.
const IMPATIENCE: Duration = Duration::from_secs(1);

fn is_patch(asked: &Asked) -> bool {
    asked.method == Method::PATCH && !asked.is_dry()
}

/// The answer in one word: its text is for people.
fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted => "accepted",
        Answer::Running(_) => "running",
        Answer::ChangedUnderUs(_) => "changed under us",
        Answer::Refused(_) => "refused",
        Answer::Failed(_) => "failed",
        Answer::Unknown(_) => "unknown",
    }
}

/// What the API server does with the undo, and whether it is done then.
struct Fault {
    name: &'static str,
    cut: Cut,
    script: fn(&Asked) -> Act,
    is_done: bool,
    sent: &'static str,
    read_back: &'static str,
    /// Why a fresh start finds that there is nothing to roll back, where it does.
    fresh: Option<&'static str>,
}

const ALREADY: &str = "revision 1 (1.8.3) is already running";

fn usual(_: &Asked) -> Act {
    Act::Usual
}

/// Answers a real patch so; what it is asked besides is answered as usual.
fn status(asked: &Asked, status: u16) -> Act {
    let body = json!({"kind": "Status", "code": status, "message": "told so by the test"});
    if is_patch(asked) { Act::Answer(status, body) } else { Act::Usual }
}

/// The same after the write, as a proxy that gave up on the API server does.
fn status_afterwards(asked: &Asked, status: u16) -> Act {
    let body = json!({"kind": "Status", "code": status, "message": "told so by the test"});
    if is_patch(asked) { Act::DoneBut(status, body) } else { Act::Usual }
}

fn on_the_wire(name: &'static str, cut: Cut, is_done: bool, read_back: &'static str) -> Fault {
    Fault { name, cut, script: usual, is_done, sent: "unknown", read_back, fresh: is_done.then_some(ALREADY) }
}

fn answered(name: &'static str, script: fn(&Asked) -> Act, is_done: bool, sent: &'static str) -> Fault {
    let read_back = if is_done { "accepted" } else { "refused" };
    Fault { name, cut: Cut::Nowhere, script, is_done, sent, read_back, fresh: is_done.then_some(ALREADY) }
}

/// A write that was read back as not done is refused: the person may send it again, and if the first one should
/// still arrive, the tests in it hold it off.
fn matrix() -> Vec<Fault> {
    vec![
        answered("no fault", usual, true, "accepted"),
        on_the_wire("the connection drops before a byte is read", Cut::Before, false, "refused"),
        on_the_wire("the connection drops while it is sent", Cut::While, false, "refused"),
        on_the_wire("the connection drops after it was sent, undone", Cut::AfterUndone, false, "refused"),
        on_the_wire("the connection drops after it was sent, done", Cut::AfterDone, true, "accepted"),
        on_the_wire("no answer, undone", Cut::HangUndone, false, "refused"),
        on_the_wire("no answer, done", Cut::HangDone, true, "accepted"),
        answered("409", |asked| status(asked, 409), false, "refused"),
        answered("429", |asked| status(asked, 429), false, "refused"),
        answered("500, undone", |asked| status(asked, 500), false, "unknown"),
        answered("500, done", |asked| status_afterwards(asked, 500), true, "unknown"),
        answered("504, undone", |asked| status(asked, 504), false, "unknown"),
        answered("504, done", |asked| status_afterwards(asked, 504), true, "unknown"),
        answered(
            "422 although nothing changed",
            |asked| if is_patch(asked) { Act::Answer(422, failed_test()) } else { Act::Usual },
            false,
            "refused",
        ),
        Fault {
            name: "422, for somebody deployed in between",
            cut: Cut::Nowhere,
            script: |asked| if is_patch(asked) { Act::After(deploy) } else { Act::Usual },
            is_done: false,
            sent: "changed under us",
            read_back: "changed under us",
            fresh: None,
        },
        Fault {
            name: "422, for somebody else took it back in between",
            cut: Cut::Nowhere,
            script: |asked| if is_patch(asked) { Act::After(roll_back) } else { Act::Usual },
            is_done: true,
            sent: "changed under us",
            read_back: "accepted",
            fresh: Some(ALREADY),
        },
        Fault {
            name: "recreated in between",
            cut: Cut::Nowhere,
            script: |asked| if is_patch(asked) { Act::After(recreate) } else { Act::Usual },
            is_done: false,
            sent: "changed under us",
            read_back: "changed under us",
            // Nothing of the old one's history is its own.
            fresh: Some("no earlier revision in its history"),
        },
    ]
}

fn run(world: &mut World, image: &str) {
    set(&mut world.workload, "/spec/template/spec/containers/0/image", json!(image));
    set(&mut world.workload, "/metadata/generation", json!(3));
}

fn deploy(world: &mut World) {
    run(world, "company/app:1.9.1");
}

fn roll_back(world: &mut World) {
    run(world, "company/app:1.8.3");
}

fn recreate(world: &mut World) {
    set(&mut world.workload, "/metadata/uid", json!("another"));
}

async fn prepared(cluster: &Cluster) -> Readiness {
    let choice = Choice::Usual { served_before: Some("69dc9d88f6".to_owned()) };
    prepare(cluster, &web().ask(Wanted { choice, ..Wanted::default() })).await
}

/// The same undo, prepared over the same connections that it is then sent on.
async fn undo(cluster: &Cluster) -> Step {
    match prepared(cluster).await {
        Readiness::Ready(step) => (*step).clone(),
        other => panic!("{other:?}"),
    }
}

/// A fault, and the undo that was prepared before it.
struct Trouble {
    peer: Peer,
    wire: Wire,
    step: Step,
    /// Who sends, over the connections that were prepared on; of an answer that never comes it is not
    /// awaited for long.
    cluster: Cluster,
}

async fn before(fault: &Fault) -> Trouble {
    let peer = Peer::serve(web(), fault.script).await;
    let wire = Wire::to(&peer, fault.cut).await;
    let mut cluster = wire.cluster(PATIENCE);
    let step = undo(&cluster).await;
    if matches!(fault.cut, Cut::HangUndone | Cut::HangDone) {
        cluster.timeout = IMPATIENCE;
    }
    Trouble { peer, wire, step, cluster }
}

/// What is done is done a moment after the wire was cut at the latest.
async fn until_done(peer: &Peer) {
    let done = async {
        while peer.image() != "company/app:1.8.3" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("it should be done");
}

#[tokio::test]
async fn no_fault_is_misreported_and_nothing_is_sent_twice() {
    let told = matrix().into_iter().map(|fault| async move {
        let name = fault.name;
        let Trouble { peer, wire, step, cluster } = before(&fault).await;
        let answer = send(&cluster, &step).await;
        assert_eq!(word(&answer), fault.sent, "{name}: {answer:?}");
        if fault.is_done {
            until_done(&peer).await;
        }
        let found = read_back(&wire.cluster(PATIENCE), &step).await;
        assert_eq!(word(&found), fault.read_back, "{name}: {found:?}");
        assert_eq!(peer.image() == "company/app:1.8.3", fault.is_done, "{name}");
        assert_eq!(wire.patches(), 1, "{name}");
    });
    join_all(told).await;
}

#[tokio::test]
async fn whoever_is_killed_at_any_point_finds_the_truth_at_the_next_start() {
    let found = matrix().into_iter().map(|fault| async move {
        let name = fault.name;
        let Trouble { peer, wire, step, cluster } = before(&fault).await;
        // Killed: nobody heard the answer, and nothing of the process is left.
        drop((send(&cluster, &step).await, cluster, step));
        if fault.is_done {
            until_done(&peer).await;
        }
        let fresh = prepared(&wire.cluster(PATIENCE)).await;
        match (fault.fresh, &fresh) {
            (Some(reason), Readiness::Blocked(refusal)) => assert_eq!(refusal.reason, reason, "{name}"),
            (None, Readiness::Ready(step)) => assert_eq!(step.target(), "1.8.3", "{name}"),
            (_, other) => panic!("{name}: {other:?}"),
        }
        assert_eq!(wire.patches(), 1, "{name}: preparing only tries");
    });
    join_all(found).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let peer = Peer::usual(web()).await;
    let step = undo(&peer.cluster()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(word(&send(&cluster(&address, PATIENCE), &step).await), "refused");
    assert_eq!(word(&read_back(&cluster(&address, PATIENCE), &step).await), "unknown");
    assert_eq!(word(&read_back(&peer.cluster(), &step).await), "refused", "it did not take effect");
}

#[tokio::test]
async fn another_cluster_at_the_same_address_says_nothing_of_ours() {
    // Another cluster with a workload of this name, and one without.
    fn with_namesake(world: &mut World) {
        world.cluster = "the second cluster";
        recreate(world);
    }
    fn without(world: &mut World) {
        world.cluster = "the second cluster";
        world.reference.name = "other".to_owned();
    }
    for (name, change) in [("with a namesake", with_namesake as fn(&mut World)), ("without", without)] {
        let peer = Peer::usual(web()).await;
        let cluster = peer.cluster();
        let step = undo(&cluster).await;
        peer.change(change);

        // Its refusal is sure, for the patch tests the uid; whether ours was reached before is not.
        let answer = send(&cluster, &step).await;
        assert!(matches!(answer, Answer::Refused(_) | Answer::ChangedUnderUs(_)), "{name}: {answer:?}");
        let Answer::Unknown(why) = read_back(&cluster, &step).await else { panic!("{name}") };
        assert!(why.starts_with("prod-eu is not the cluster this watch started with"), "{why}");
        let Readiness::Blocked(refusal) = prepared(&cluster).await else { panic!("{name}") };
        assert_eq!(refusal.reason, why);
        assert_eq!(peer.asked().iter().filter(|asked| is_patch(asked)).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_undo_that_admission_rewrote_is_still_ours() {
    fn rewrite(world: &mut World) {
        roll_back(world);
        set(&mut world.workload, "/spec/template/spec/injected", json!(true));
        let fields = json!({"f:spec": {"f:template": {}}});
        let entry = json!({"manager": "redflag", "time": "2026-11-23T02:30:00Z", "fieldsV1": fields});
        set(&mut world.workload, "/metadata/managedFields", json!([entry]));
    }
    let peer = Peer::usual(web()).await;
    let step = undo(&peer.cluster()).await;
    peer.change(rewrite);
    assert_eq!(read_back(&peer.cluster(), &step).await, Answer::Accepted);
}

#[tokio::test]
async fn whoever_was_quicker_is_named() {
    let fields = json!({"f:spec": {"f:template": {}}});
    let author = json!([{"manager": "kubectl-set", "time": "2026-11-23T02:30:00Z", "fieldsV1": fields}]);
    let peer = Peer::usual(web()).await;
    let step = undo(&peer.cluster()).await;
    peer.change(|world| {
        deploy(world);
        set(&mut world.workload, "/metadata/managedFields", author);
        set(&mut world.workload, "/metadata/annotations/kubernetes.io~1change-cause", json!("hotfix for the cart"));
    });
    assert_eq!(
        send(&peer.cluster(), &step).await,
        Answer::ChangedUnderUs(
            "another deploy of deployment/web came first (by kubectl-set, 2026-11-23 02:30 UTC, \
             “hotfix for the cart”); it now runs 1.9.1"
                .to_owned()
        )
    );
}
