//! A StatefulSet whose rollback waits for a broken pod: named on the screen, deleted by two keys, and back it comes.

use crate::stories::story::Story;
use redflag::demo::{Company, Peer, Scenario, TOKEN};
use redflag::deploy::WorkloadId;
use redflag::rollback::Rollback;
use redflag::rollout::Progress;
use redflag::watch::Watch;
use serde_json::json;

const DB: WorkloadId = WorkloadId(0);

/// Somebody deploys a database whose image the registry does not have.
async fn deploy_what_is_not_there(company: &Company) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let database = "/apis/apps/v1/namespaces/production/statefulsets/db";
    let image = "registry.example.com/app:1.9.0";
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .patch(format!("{}{database}", company.url(Peer::Kubernetes)))
        .bearer_auth(company.secret(TOKEN).unwrap())
        .header("content-type", "application/strategic-merge-patch+json")
        .body(patch.to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn is_held_up(watch: &Watch) -> bool {
    !watch.deletable_pods(DB).is_empty()
}

fn deletions(story: &Story) -> Vec<String> {
    let requests = story.company.requests();
    let deletions = requests.changes().filter(|request| request.method == "DELETE");
    deletions.map(|request| request.path.clone()).collect()
}

#[tokio::test]
async fn the_pod_that_a_rollback_waits_for_is_deleted_from_the_screen() {
    let mut story = Story::begin_with_the_database(Scenario::ImagePull).await;
    story.until("the database is seen", |watch| watch.workload(DB).rollout.is_some()).await;
    deploy_what_is_not_there(&story.company).await;
    let is_stuck = |watch: &Watch| {
        let rollout = watch.workload(DB).rollout.as_ref().unwrap();
        rollout.pods.iter().any(|pod| pod.is_new && pod.reason.as_deref() == Some("ImagePullBackOff"))
    };
    story.until("the new pod is stuck", is_stuck).await;
    assert!(!is_held_up(story.state()), "it is the version that is wanted, so far");

    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
    story.press('y').await;
    story.until("it waits for the broken pod", is_held_up).await;
    story.seconds(60).await;
    assert!(matches!(story.state().rollback(), Rollback::Running(_)), "and it waits for ever");
    story.shows("D deletes db-1, which OrderedReady waits for");

    story.press('D').await;
    story.press('y').await;
    assert_eq!(deletions(&story), Vec::<String>::new(), "a key struck at once is not an answer");
    story.until("the question takes keys", Watch::takes_deletion).await;
    story.shows("y delete db-1 now");
    story.press('y').await;
    story
        .until("all pods are ready on the old version", |watch| {
            watch.rollback().execution().is_some_and(|done| done.ready.is_some())
        })
        .await;
    assert_eq!(deletions(&story), ["/api/v1/namespaces/production/pods/db-1?"]);
    assert_eq!(story.state().workload(DB).rollout.as_ref().unwrap().progress, Progress::Complete);
    let entries: Vec<&str> = story.state().timeline().entries().map(|entry| entry.text.as_str()).collect();
    assert!(entries.contains(&"on call deletes db-1 of statefulset/db, which blocks the rollback"), "{entries:#?}");
    assert!(entries.contains(&"pod db-1: deletion accepted"), "{entries:#?}");
}
