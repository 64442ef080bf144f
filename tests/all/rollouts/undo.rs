//! A version that was promoted is undone: its template goes back, and what that costs in steps is said before.

use super::objects::{NEW, OLD, ask, blue_green, by_reference, promoted, template, usual, world};
use super::peer::Peer;
use chrono::TimeDelta;
use redflag::deploy::WorkloadKind;
use redflag::rollback::action::{Action, PinnedPatch};
use redflag::rollback::request::Choice;
use redflag::rollback::{Answer, Check, CheckOutcome, Goal, Step};
use serde_json::json;

fn check<'a>(step: &'a Step, name: &str) -> &'a Check {
    step.checks.iter().find(|check| check.name() == name).unwrap()
}

fn patch(step: &Step) -> &PinnedPatch {
    let Action::Patch(patch) = &step.action else { panic!("{step:?}") };
    patch
}

/// The template as the `ReplicaSet` has it, without what the controller added.
fn stored(tag: &str) -> serde_json::Value {
    let mut template = template(tag);
    template["spec"]["dnsPolicy"] = json!("ClusterFirst");
    template["spec"]["terminationGracePeriodSeconds"] = json!(30);
    template
}

#[tokio::test]
async fn the_template_goes_back_by_one_patch_with_tests_and_the_steps_are_counted() {
    let peer = Peer::usual(promoted()).await;
    let step = peer.ready(&usual()).await;
    assert_eq!((step.covers[0].from.label(), step.covers[0].to.label()), ("1.9.0", "1.8.3"));
    assert_eq!(step.manual_command, "kubectl argo rollouts undo web -n production --to-revision=7");
    let steps = check(&step, "steps");
    assert_eq!(steps.outcome, CheckOutcome::Warning);
    assert_eq!(steps.sentence, "the rollback runs its 5 steps again: 10 min of pauses, and manual promotion at step 2");
    assert_eq!(
        steps.way_out.as_deref(),
        Some(
            "once it is running, skip them: kubectl argo rollouts promote web -n production --full; for next time \
             set spec.rollbackWindow.revisions"
        )
    );
    assert!(step.expected >= TimeDelta::minutes(10));
    assert_eq!(check(&step, "permission").sentence, "you may patch rollouts in production");

    // The template as it stands is what must not have changed; scaling may have.
    let live = peer.world().rollout["spec"]["template"].clone();
    let document = json!([
        {"op": "test", "path": "/metadata/uid", "value": "uid-web"},
        {"op": "test", "path": "/spec/template", "value": live},
        {"op": "replace", "path": "/spec/template", "value": stored("1.8.3")},
    ]);
    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    assert_eq!(
        peer.writes(),
        [("PATCH /apis/argoproj.io/v1alpha1/namespaces/production/rollouts/web".to_owned(), document)]
    );
    assert_eq!(peer.world().rollout["metadata"]["generation"], 13);
    assert_eq!(peer.performer().read_back(&step).await, Answer::Accepted);
    assert!(step.action.changes_spec(&step.covers[0].reference));
}

#[tokio::test]
async fn within_the_rollback_window_the_steps_are_skipped() {
    let within = |revisions: i64| {
        let mut world = promoted();
        world.rollout["spec"]["rollbackWindow"] = json!({ "revisions": revisions });
        world
    };
    let peer = Peer::usual(within(1)).await;
    let step = peer.ready(&usual()).await;
    assert_eq!(
        check(&step, "steps").sentence,
        "within its rollbackWindow of 1 revision: Argo Rollouts skips the steps"
    );
    assert!(step.expected < TimeDelta::minutes(10));
    // 1.8.3 lies between 1.8.2 and the stable version.
    let further = ask(Goal::RollBack, Choice::Revision(6));
    assert_eq!(check(&peer.ready(&further).await.as_ref().clone(), "steps").outcome, CheckOutcome::Warning);
    let peer = Peer::usual(within(2)).await;
    assert_eq!(check(&peer.ready(&further).await.as_ref().clone(), "steps").outcome, CheckOutcome::Ok);
}

#[tokio::test]
async fn a_switch_that_a_person_makes_is_said_before() {
    let strategy = blue_green().rollout["spec"]["strategy"].clone();
    let status = json!({"phase": "Healthy", "stableRS": NEW.0, "blueGreen": {"activeSelector": NEW.0}});
    let peer = Peer::usual(world(strategy, 0, 5, &status)).await;
    let step = peer.ready(&usual()).await;
    assert_eq!(check(&step, "steps").sentence, "the rollback waits for manual promotion before traffic switches");
}

#[tokio::test]
async fn a_template_that_is_a_deployments_goes_back_there_and_nothing_else_of_it_changes() {
    let peer = Peer::usual(by_reference(promoted())).await;
    let step = peer.ready(&usual()).await;
    let patch = patch(&step);
    assert_eq!((patch.reference.kind, patch.reference.name.as_str()), (WorkloadKind::Deployment, "web-template"));
    assert_eq!((patch.uid.as_str(), patch.generation), ("uid-template", 3));
    assert_eq!(step.covers[0].uid, "uid-web");
    assert!(!step.action.changes_spec(&step.covers[0].reference), "the Rollout's generation stays as it is");
    assert_eq!(step.does[0], "patch deployment/web-template, whose template rollout/web uses:");
    assert_eq!(check(&step, "permission").sentence, "you may patch deployments in production");

    assert_eq!(peer.performer().perform(&step).await, Answer::Accepted);
    let deployment = peer.world().deployment.unwrap();
    assert_eq!(deployment["spec"]["template"], stored("1.8.3"));
    assert_eq!(deployment["metadata"]["annotations"], json!({"note": "kept"}));
    assert_eq!(peer.performer().read_back(&step).await, Answer::Accepted);
}

#[tokio::test]
async fn a_template_that_is_something_elses_is_left_to_hands() {
    let mut world = by_reference(promoted());
    world.rollout["spec"]["workloadRef"]["kind"] = json!("PodTemplate");
    let refusal = Peer::usual(world).await.blocked(&usual()).await;
    assert_eq!(
        refusal.reason,
        "rollout/web uses the template of podtemplate/web-template, which redflag does not patch"
    );
}

#[tokio::test]
async fn an_update_that_the_controller_has_not_seen_yet_is_rolled_back_by_its_template() {
    let mut world = promoted();
    world.rollout["spec"]["template"] = template("1.9.1");
    world.rollout["metadata"]["generation"] = json!(13);
    let peer = Peer::usual(world).await;
    let step = peer.ready(&ask(Goal::RollBack, Choice::Hash(OLD.0.to_owned()))).await;
    assert_eq!(patch(&step).generation, 13);
    assert_eq!((step.covers[0].from.label(), step.covers[0].to.label()), ("1.9.1", "1.8.3"));
}
