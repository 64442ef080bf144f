//! Reading whether an undo whose answer was lost took effect.

use crate::rollback::objects::{set, web};
use crate::rollback::peer::{Act, Asked, Peer, recorded};
use crate::rollback::peer::{read_back, send};
use axum::http::Method;
use redflag::rollback::request::Choice;
use redflag::rollback::{Answer, Step};
use serde_json::json;

fn undo() -> Step {
    web().draft(Choice::default()).unwrap()
}

#[tokio::test]
async fn what_took_effect_although_its_answer_was_lost_is_found() {
    let peer = Peer::usual(web()).await;
    assert_eq!(send(&peer.cluster(), &undo()).await, Answer::Accepted);
    assert_eq!(read_back(&peer.cluster(), &undo()).await, Answer::Accepted);
    assert_eq!(peer.log()[1..], ["GET /apis/apps/v1/namespaces/production/deployments/web"]);
}

#[tokio::test]
async fn what_did_not_take_effect_is_said_and_may_be_tried_again() {
    let peer = Peer::usual(web()).await;
    let Answer::Refused(blocked) = read_back(&peer.cluster(), &undo()).await else { panic!() };
    assert_eq!(blocked.reason, "the rollback of deployment/web did not take effect");
    assert_eq!(blocked.way_out, "retry: the request does nothing if the first one still arrives");
}

#[tokio::test]
async fn what_came_in_between_is_named() {
    let peer = Peer::usual(web()).await;
    peer.change(|world| {
        set(&mut world.workload, "/spec/template/spec/containers/0/image", json!("company/app:1.9.1"));
        set(&mut world.workload, "/metadata/generation", json!(3));
    });
    let another = "another deploy of deployment/web came first; it now runs 1.9.1";
    assert_eq!(read_back(&peer.cluster(), &undo()).await, Answer::ChangedUnderUs(another.to_owned()));

    peer.change(|world| {
        set(&mut world.workload, "/spec/template/spec/containers/0/image", json!("company/app:1.8.3"));
        set(&mut world.workload, "/spec/template/spec/injected", json!(true));
    });
    let altered = "deployment/web runs 1.8.3 again, with other settings than revision 1 had";
    assert_eq!(read_back(&peer.cluster(), &undo()).await, Answer::ChangedUnderUs(altered.to_owned()));

    peer.change(|world| set(&mut world.workload, "/metadata/uid", json!("another")));
    let anew = "deployment/web was deleted and recreated; it now runs 1.8.3";
    assert_eq!(read_back(&peer.cluster(), &undo()).await, Answer::ChangedUnderUs(anew.to_owned()));
}

#[tokio::test]
async fn a_deleted_workload_is_told_from_an_unreadable_one() {
    let gone = |_: &Asked| Act::Answer(404, recorded(404).1);
    let peer = Peer::serve(web(), gone).await;
    let deleted = Answer::ChangedUnderUs("deployment/web has been deleted".to_owned());
    assert_eq!(read_back(&peer.cluster(), &undo()).await, deleted);

    for status in [401, 403] {
        let peer = Peer::serve(web(), move |_| Act::Answer(status, recorded(status).1)).await;
        assert!(matches!(read_back(&peer.cluster(), &undo()).await, Answer::Unknown(_)), "{status}");
    }
    let peer = Peer::serve(web(), |asked| if asked.method == Method::GET { Act::Hang } else { Act::Usual }).await;
    let answer = read_back(&peer.impatient_cluster(), &undo()).await;
    assert_eq!(answer, Answer::Unknown("no answer within 50 ms".to_owned()));
}

#[tokio::test]
async fn a_page_in_place_of_an_object_proves_nothing() {
    let peer = Peer::serve(web(), |_| Act::Page(200, "<html>sign in</html>")).await;
    assert!(matches!(read_back(&peer.cluster(), &undo()).await, Answer::Unknown(_)));
}
