//! An update in flight is aborted: one request, pinned to this very update, whose answer may be lost.

use super::objects::{NEW, OLD, OLDER, World, aborted, ask, blue_green, by_reference, paused, promoted, usual};
use super::peer::{Act, Peer};
use chrono::{DateTime, TimeDelta};
use redflag::rollback::action::{Abort, Action};
use redflag::rollback::request::Choice;
use redflag::rollback::version_history::{Known, VersionStatus};
use redflag::rollback::{Answer, Check, CheckOutcome, Goal, Step};
use serde_json::json;

const STATUS: &str = "PATCH /apis/argoproj.io/v1alpha1/namespaces/production/rollouts/web/status";

fn check<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name() == name).unwrap()
}

fn is_abort(step: &Step) -> bool {
    matches!(step.action, Action::Abort(Abort { abort: true, .. }))
}

#[tokio::test]
async fn an_update_in_flight_is_aborted_by_one_request_that_tests_that_it_still_is() {
    let peer = Peer::usual(paused()).await;
    let step = peer.ready(&usual()).await;
    assert!(is_abort(&step));
    assert_eq!((step.covers[0].from.label(), step.covers[0].to.label()), ("1.9.0", "1.8.3"));
    assert_eq!(step.does, ["abort rollout/web: traffic and pods return to 1.8.3, the stable version"]);
    assert_eq!(step.manual_command, "kubectl argo rollouts abort web -n production");
    assert_eq!(step.not_reverted[0], "the template: it still has 1.9.0, and the next change to it starts an update");
    assert_eq!(check(&step.checks, "permission").sentence, "you may patch rollouts/status in production");
    assert_eq!(check(&step.checks, "dry run").sentence, "server-side dry run passed");
    assert_eq!(check(&step.checks, "pods").sentence, "4 of 5 pods of 1.8.3 are still running, the rest start fresh");
    assert_eq!(
        check(&step.checks, "rollout").sentence,
        "a rollout of 1.9.0 is in progress, 1 of 5 pods; it is not watched here"
    );
    assert_eq!(step.expected, TimeDelta::seconds(30));
    assert!(step.action.is_guarded() && !step.action.changes_spec(&step.covers[0].reference));
    assert_eq!(peer.writes(), [], "preparing changes nothing");

    let before = peer.log().len();
    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    assert_eq!(peer.log().len(), before + 1, "nothing is looked up");
    let document = json!([
        {"op": "test", "path": "/metadata/uid", "value": "uid-web"},
        {"op": "test", "path": "/metadata/generation", "value": 12},
        {"op": "test", "path": "/status/currentPodHash", "value": NEW.0},
        {"op": "test", "path": "/status/stableRS", "value": OLD.0},
        {"op": "add", "path": "/status/abort", "value": true},
    ]);
    assert_eq!(peer.writes(), [(STATUS.to_owned(), document)]);
    assert_eq!(peer.world().rollout["status"]["abort"], true);
    assert_eq!(peer.performer().read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_blue_green_update_before_its_switch_is_aborted_too() {
    let peer = Peer::usual(blue_green()).await;
    let step = peer.ready(&usual()).await;
    assert!(is_abort(&step));
    assert_eq!(check(&step.checks, "pods").sentence, "all 5 pods of 1.8.3 are still running");
    assert_eq!(check(&step.checks, "time").sentence, "immediate: no pod has to start");
    assert_eq!(step.expected, TimeDelta::seconds(5));
}

#[tokio::test]
async fn an_update_whose_template_is_a_deployments_is_aborted_in_the_rollout() {
    let peer = Peer::usual(by_reference(paused())).await;
    let step = peer.ready(&usual()).await;
    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    assert_eq!(peer.world().rollout["status"]["abort"], true);
}

#[tokio::test]
async fn where_the_status_has_no_resource_of_its_own_it_goes_into_the_rollout() {
    let peer = Peer::usual(World { has_status: false, ..paused() }).await;
    let step = peer.ready(&usual()).await;
    assert_eq!(check(&step.checks, "permission").sentence, "you may patch rollouts in production");
    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    assert_eq!(peer.writes()[0].0, STATUS.trim_end_matches("/status"));
    assert_eq!(peer.world().rollout["status"]["abort"], true);
    assert_eq!(peer.performer().read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn without_the_permission_it_is_blocked_with_the_role_that_is_missing() {
    let refusal = Peer::forbidding(paused()).await.blocked(&usual()).await;
    assert_eq!(refusal.reason, "you may not patch rollouts/status in production: no role allows it");
    assert_eq!(
        refusal.way_out,
        "ask for a Role in production with apiGroups [argoproj.io], resources [rollouts/status], verbs [patch], \
         or ask somebody who has it"
    );
    assert_eq!(refusal.checks.iter().filter(|check| check.outcome == CheckOutcome::Blocked).count(), 1);
}

#[tokio::test]
async fn one_that_is_aborted_already_says_so_and_how_its_template_goes_back() {
    let peer = Peer::usual(aborted()).await;
    let refusal = peer.blocked(&usual()).await;
    assert_eq!(refusal.reason, "rollout/web is already aborted: it is back on 1.8.3");
    assert_eq!(
        refusal.way_out,
        "deploy a fixed version; to revert its template too: \
         kubectl argo rollouts undo web -n production --to-revision=7"
    );
    // Who names the revision means the template.
    let step = peer.ready(&ask(Goal::RollBack, Choice::Revision(7))).await;
    assert!(matches!(&step.action, Action::Patch(_)));
    assert_eq!(check(&step.checks, "steps").sentence, "back to the stable version, without steps");
}

#[tokio::test]
async fn an_abort_that_did_not_help_can_be_rolled_back() {
    let peer = Peer::usual(aborted()).await;
    let step = peer.ready(&ask(Goal::Undo, Choice::Hash(NEW.0.to_owned()))).await;
    assert!(matches!(step.action, Action::Abort(Abort { abort: false, .. })));
    assert_eq!(step.does, ["retry 1.9.0 on rollout/web from the first step"]);
    assert_eq!((step.covers[0].from.label(), step.covers[0].to.label()), ("1.8.3", "1.9.0"));
    assert_eq!(step.manual_command, "kubectl argo rollouts retry rollout web -n production");
    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    assert_eq!(peer.world().rollout["status"]["abort"], false);
    assert_eq!(peer.performer().read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn past_a_stable_version_that_is_known_to_be_bad_it_is_an_undo() {
    let peer = Peer::usual(paused()).await;
    let mut ask = usual();
    let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    ask.wanted.known =
        vec![Known { hash: OLD.0.to_owned(), images: Vec::new(), standing: VersionStatus::Bad, at, by: None }];
    let step = peer.ready(&ask).await;
    assert!(matches!(&step.action, Action::Patch(_)));
    assert_eq!((step.covers[0].to.label(), step.covers[0].to.hash.as_str()), ("1.8.2", OLDER.0));
}

#[tokio::test]
async fn what_came_in_between_is_told_and_nothing_was_done() {
    let deploy: fn(&mut World) = |world| {
        world.rollout["spec"]["template"] = super::objects::template("1.9.1");
        world.rollout["metadata"]["generation"] = json!(13);
    };
    let promote: fn(&mut World) = |world| world.rollout["status"]["stableRS"] = json!(NEW.0);
    let scale: fn(&mut World) = |world| {
        world.rollout["spec"]["replicas"] = json!(8);
        world.rollout["metadata"]["generation"] = json!(13);
    };
    let recreate: fn(&mut World) = |world| world.rollout["metadata"]["uid"] = json!("uid-another");
    let rows = [
        (deploy, "another deploy of rollout/web came first; it now runs 1.9.1"),
        (promote, "1.9.0 was promoted meanwhile: it is the stable version of rollout/web now"),
        (scale, "rollout/web was changed (replicas or settings); its update has not moved"),
        (recreate, "rollout/web was deleted and recreated; it now runs 1.9.0"),
    ];
    for (change, expected) in rows {
        let peer = Peer::acting(paused(), Act::After(change)).await;
        let step = peer.ready(&usual()).await;
        assert_eq!(peer.performer().perform(&step).await, Answer::ChangedUnderUs(expected.to_owned()));
        assert!(peer.world().rollout["status"]["abort"].is_null(), "{expected}");
        assert_eq!(peer.writes().len(), 1, "{expected}");
    }
}

/// What is said of each answer, then what a reading finds, and whether it was done.
#[tokio::test]
async fn a_lost_answer_is_read_back_and_never_sent_again() {
    let rows = [
        (Act::DoneBut(504), "unknown", "accepted", true),
        (Act::DoneBut(500), "unknown", "accepted", true),
        (Act::Answer(500), "unknown", "refused", false),
        (Act::Answer(429), "refused", "refused", false),
        (Act::Answer(409), "refused", "refused", false),
        (Act::Usual, "accepted", "accepted", true),
    ];
    let word = |answer: &Answer| match answer {
        Answer::Accepted => "accepted",
        Answer::Refused(_) => "refused",
        Answer::Unknown(_) => "unknown",
        other => panic!("{other:?}"),
    };
    for (act, sent, found, done) in rows {
        let peer = Peer::acting(paused(), act).await;
        let step = peer.ready(&usual()).await;
        assert_eq!(word(&peer.performer().perform(&step).await), sent);
        assert_eq!(word(&peer.performer().read_back(&step).await), found);
        assert_eq!(peer.world().rollout["status"]["abort"] == true, done);
        assert_eq!(peer.writes().len(), 1, "sent once");
    }
}

#[tokio::test]
async fn a_promoted_version_is_never_aborted() {
    let step = Peer::usual(promoted()).await.ready(&usual()).await;
    assert!(matches!(&step.action, Action::Patch(_)));
}
