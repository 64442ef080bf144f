//! Rollbacks that are not plain: a migration, an owner, a way back that fails, an innocent deploy, the automation.

use crate::stories::story::{Story, is_red};
use chrono::TimeDelta;
use crossterm::event::KeyCode;
use redflag::demo::{Fault, Peer, Scenario};
use redflag::deploy::WorkloadId;
use redflag::rollback::lease::Holding;
use redflag::rollback::{Readiness, Rollback};
use redflag::rollout::{PodPhase, Progress};
use redflag::signal::Kind;
use redflag::watch::Watch;

/// Presses `R`, waits until the plan takes keys, and says yes.
async fn roll_back(story: &mut Story) {
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
    story.press('y').await;
}

/// Which versions serve, by their labels; a version twice is one.
fn serving(watch: &Watch) -> Vec<String> {
    let Some(rollout) = &watch.workload(WorkloadId(0)).rollout else { return Vec::new() };
    let label = |hash: &str| {
        let found = rollout.revisions.iter().find(|revision| revision.version.hash == hash);
        found.map_or_else(|| hash.to_owned(), |revision| revision.version.label().to_owned())
    };
    let mut labels: Vec<String> =
        rollout.pods.iter().filter(|pod| pod.phase == PodPhase::Ready).map(|pod| label(&pod.hash)).collect();
    labels.sort();
    labels.dedup();
    labels
}

#[tokio::test]
async fn a_dropped_column_takes_the_typed_name_and_nothing_less() {
    let mut story = Story::begin(Scenario::Migration).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.shows("drops orders.legacy_id");
    story.press('R').await;
    story.second().await;
    assert!(story.state().wants_typing());
    story.press('y').await;
    story.second().await;
    assert_eq!(story.company.requests().changes().count(), 0, "y is a letter here, not an answer");
    story.press_key(KeyCode::Enter).await;
    assert!(matches!(story.state().rollback(), Rollback::Planned { .. }), "y is not the name");
    story.press_key(KeyCode::Backspace).await;
    for letter in "production".chars() {
        story.press(letter).await;
    }
    story.press_key(KeyCode::Enter).await;
    assert!(matches!(story.state().rollback(), Rollback::Confirmed(_)), "{}", story.screen());
}

#[tokio::test]
async fn what_argo_cd_keeps_goes_back_by_argo_cd_and_stays_there() {
    let mut story = Story::begin(Scenario::GitopsOwned).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    roll_back(&mut story).await;
    story.until("it is verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
    assert_eq!(serving(story.state()), ["1.8.3"]);
    let kubernetes = story.company.requests().changes().filter(|request| request.peer == Peer::Kubernetes).count();
    assert_eq!(kubernetes, 0, "the cluster was not touched but by Argo CD");
    story.seconds(60).await;
    assert_eq!(serving(story.state()), ["1.8.3"], "and it stays");
}

#[tokio::test]
async fn an_undo_by_hand_of_what_argo_cd_keeps_is_put_back_within_seconds() {
    let mut story = Story::begin(Scenario::GitopsOwned).await;
    story.until("the rollout is through", |watch| serving(watch) == ["1.9.0"]).await;
    story.company.faults().undo("app");
    let generation = |watch: &Watch| watch.workload(WorkloadId(0)).rollout.as_ref().unwrap().generation;
    let before = generation(story.state());
    let took = story.until("Argo CD has put it back", |watch| {
        let rollout = watch.workload(WorkloadId(0)).rollout.as_ref();
        let settled = rollout.is_some_and(|rollout| rollout.progress == Progress::Complete);
        generation(watch) >= before + 2 && settled && serving(watch) == ["1.9.0"]
    });
    assert!(took.await < 120, "there and back again");
}

#[tokio::test]
async fn a_way_back_that_does_not_come_up_is_told_and_can_be_rolled_back() {
    let mut story = Story::begin(Scenario::RollbackFails).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    roll_back(&mut story).await;
    let took = story.until("it failed", |watch| matches!(watch.rollback(), Rollback::Failed { .. })).await;
    assert!(took < 300, "told only after {took} s");
    story.shows("FAILED");
    story.shows("1.8.3 failed to start");
    assert_eq!(serving(story.state()), ["1.9.0"], "what is bad still serves: better than nothing");

    story
        .until("the way forward is ready", |watch| matches!(watch.workload(WorkloadId(0)).undo, Readiness::Ready(_)))
        .await;
    story.press('U').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
    story.shows("undo the rollback of production");
    story.press('y').await;
    story.until("it is whole again", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
    assert_eq!(serving(story.state()), ["1.9.0"]);
    assert_eq!(story.company.requests().changes().count(), 2, "one request each way");
}

#[tokio::test]
async fn somebody_elses_outage_is_not_the_deploys_fault() {
    let mut story = Story::begin(Scenario::NotTheCause).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    roll_back(&mut story).await;
    story.until("it is known", |watch| matches!(watch.rollback(), Rollback::NotTheCause { .. })).await;
    story.shows("NOT THE CAUSE");
    assert_eq!(serving(story.state()), ["1.8.3"]);
}

#[tokio::test]
async fn a_countdown_that_nobody_stops_takes_it_back_by_itself() {
    let mut story = Story::begin(Scenario::AutoCountdown).await;
    story.until("it counts down", |watch| matches!(watch.rollback(), Rollback::Countdown { .. })).await;
    assert_eq!(story.company.requests().changes().count(), 0);
    story.until("it is verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
    let done = story.state().rollback().execution().unwrap();
    assert!(done.automatic);
    assert!(done.ready.unwrap() - done.confirmed < TimeDelta::minutes(2), "the guide's two minutes");
    assert_eq!(story.company.requests().changes().count(), 1);
}

#[tokio::test]
async fn a_countdown_is_stopped_by_its_key_and_by_no_other() {
    let mut story = Story::begin(Scenario::AutoCountdown).await;
    story.until("it counts down", |watch| matches!(watch.rollback(), Rollback::Countdown { .. })).await;
    story.press('2').await;
    assert!(matches!(story.state().rollback(), Rollback::Countdown { .. }), "other keys do what they always do");
    story.press('v').await;
    assert_eq!(*story.state().rollback(), Rollback::Idle);
    story.seconds(300).await;
    assert_eq!(*story.state().rollback(), Rollback::Idle, "nor does it begin again");
    assert_eq!(story.company.requests().changes().count(), 0);
}

#[tokio::test]
async fn whoever_comes_second_is_told_who_is_at_it() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.second().await;

    let mut second = story.beside(|setup| setup.rollback.actor = "ben@desk".to_owned());
    second.until("a rollback is ready", Story::is_ready).await;
    second.press('R').await;
    second.second().await;
    assert!(matches!(second.state().holding(), Holding::Theirs(holder) if holder.who == "on call"));
    second.shows("on call holds the lock since");
    second.press('y').await;
    second.second().await;
    assert_eq!(second.company.requests().changes().count(), 0);
}

/// The program dies between its request and the answer. Whoever starts it again sees what is true, and nothing is
/// sent twice.
#[tokio::test]
async fn a_program_that_dies_in_the_middle_leaves_nothing_to_guess() {
    for (fault, serves) in [(Fault::DropAfter, "1.8.3"), (Fault::DropBefore, "1.9.0")] {
        let mut story = Story::begin(Scenario::BadRelease).await;
        story.until("the rollout is through", |watch| serving(watch) == ["1.9.0"]).await;
        story.until("a rollback is ready", Story::is_ready).await;
        story.press('R').await;
        story.until("the plan takes keys", Watch::takes_confirmation).await;
        story.company.faults().set_for_changes(fault);
        story.press('y').await;
        story.seconds(1).await;
        story.company.faults().heal(Peer::Kubernetes);
        let mut again = story.killed_and_begun_again();
        again.seconds(90).await;
        assert_eq!(serving(again.state()), [serves], "{fault:?}");
        let readiness = &again.state().workload(WorkloadId(0)).readiness;
        match readiness {
            Readiness::Ready(step) if serves == "1.9.0" => assert_eq!(step.target(), "1.8.3", "{fault:?}"),
            // What is before it now is what was rolled back: nobody gets there by a slip of the finger.
            Readiness::Ready(step) => assert!(step.needs_typing(), "{fault:?}: {:?}", step.checks),
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(again.company.requests().changes().count(), 1, "{fault:?}: sent once");
    }
}
