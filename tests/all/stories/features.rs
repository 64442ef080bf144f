//! A risky feature turned off without a rollback, at the company's Unleash.

use crate::stories::story::{Story, is_red};
use crossterm::event::KeyCode;
use redflag::demo::{Fault, Peer, Scenario};
use redflag::deploy::WorkloadId;
use redflag::rollback::Rollback;
use redflag::signal::Kind;
use redflag::verdict::Level;
use redflag::watch::{TurnOffState, Watch};

/// The flags are shown, and it is asked whether to turn off the only one.
async fn ask(story: &mut Story) {
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.press('f').await;
    story.until("the flags are read", |watch| watch.flags(None)[0].state.is_some()).await;
    story.shows("new-checkout");
    story.press_key(KeyCode::Enter).await;
    story.until("the question takes keys", Watch::takes_turn_off).await;
    story.shows("turn new-checkout off in production?");
}

fn turn(watch: &Watch) -> TurnOffState {
    watch.flags(None)[0].turn.unwrap().state.clone()
}

/// How often Unleash was asked to change something.
fn orders(story: &Story) -> Vec<String> {
    let requests = story.company.requests();
    let changes = requests.last.iter().filter(|request| request.peer == Peer::Unleash && request.method != "GET");
    changes.map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[tokio::test]
async fn turning_a_feature_off_heals_the_release_and_leaves_it_deployed() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    ask(&mut story).await;
    story.press('y').await;
    story.until("it is read as off", |watch| matches!(turn(watch), TurnOffState::Off(_))).await;
    let off = "POST /api/admin/projects/shop/features/new-checkout/environments/production/off";
    assert_eq!(orders(&story), [off]);
    story.shows("clients poll Unleash about every 15 s");
    story.press_key(KeyCode::Esc).await;
    story.shows("feature flag new-checkout turned off by on call: Unleash");
    story.until("the error rate is clear", |watch| !is_red(watch, Kind::ErrorRate)).await;
    story.until("and the latency", |watch| !is_red(watch, Kind::Latency)).await;
    story.seconds(60).await;
    assert_eq!(story.finding(Kind::ErrorRate).0, Level::Clear, "{:?}", story.finding(Kind::ErrorRate));
    assert_eq!(*story.state().rollback(), Rollback::Idle);
    let deploy = story.state().workload(WorkloadId(0)).deploy.as_ref().unwrap();
    assert_eq!(deploy.to.label(), "1.9.0", "the deploy stays");
    assert_eq!(story.company.requests().changes().count(), 0, "the cluster was not touched");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_and_not_sent_again() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    ask(&mut story).await;
    story.company.faults().set(Peer::Unleash, Fault::DropAfter);
    story.press('y').await;
    story.until("the answer is lost", |watch| matches!(turn(watch), TurnOffState::Lost(_))).await;
    story.shows("the response was lost");
    story.seconds(20).await;
    story.company.faults().heal(Peer::Unleash);
    story.until("it is found", |watch| matches!(turn(watch), TurnOffState::Off(_))).await;
    assert_eq!(orders(&story).len(), 1);
}

#[tokio::test]
async fn a_request_that_never_arrived_is_not_called_done() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    ask(&mut story).await;
    story.company.faults().set(Peer::Unleash, Fault::DropBefore);
    story.press('y').await;
    story.until("the answer is lost", |watch| matches!(turn(watch), TurnOffState::Lost(_))).await;
    story.company.faults().heal(Peer::Unleash);
    story.until("it is still on", |watch| turn(watch) == TurnOffState::StillOn).await;
    story.shows("Unleash still says on: turn it off there manually, or retry from here");
    assert_eq!(orders(&story).len(), 1);
}

#[tokio::test]
async fn a_token_that_may_not_is_told() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    ask(&mut story).await;
    story.company.faults().set(Peer::Unleash, Fault::Unauthorized);
    story.press('y').await;
    story.until("it is refused", |watch| matches!(turn(watch), TurnOffState::Refused(_))).await;
    story.shows("not turned off: Unleash rejected the token: You must log in to use Unleash.");
    assert_eq!(orders(&story).len(), 1);
}
