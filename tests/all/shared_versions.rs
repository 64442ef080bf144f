//! What watches find of versions, shared through the company's cluster: two machines know the same, nobody's word is taken
//! for one's own, and what is broken there is said.

use crate::stories::story::Story;
use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::cluster::{self, Cluster};
use redflag::demo::{Company, Peer, Scenario, TOKEN, VIEWER_TOKEN};
use redflag::deploy::{Time, WorkloadKind, WorkloadRef};
use redflag::memory::{NAME, Shared, Told, Whose};
use redflag::rollback::version_history::{Known, VersionStatus};
use redflag::secret::Secret;
use redflag::setup::Setup;
use redflag::timeline::Mark;
use redflag::verdict::Verdict;
use redflag::watch::Watch;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn app() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: "app".to_owned() }
}

fn now() -> Time {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

async fn company() -> Company {
    Company::start(Scenario::Healthy, Clock::manual(now())).await.unwrap()
}

async fn connected(company: &Company, token: &str) -> Cluster {
    let token = company.secret(token).map(|token| Secret::new(&token));
    let spec = ClusterSpec {
        name: "demo".to_owned(),
        access: ClusterAccess::Direct { url: company.url(Peer::Kubernetes), token },
        timeout: Duration::from_secs(20),
        workloads: Vec::new(),
        containers: Vec::new(),
    };
    cluster::connect(&spec).await.unwrap()
}

async fn shared(company: &Company, actor: &str) -> Shared {
    Shared::new(connected(company, TOKEN).await, actor)
}

async fn add(shared: &Shared, hash: &str, standing: VersionStatus) -> Result<(), String> {
    let app = app();
    let known = Known { hash: hash.to_owned(), images: vec![format!("app:{hash}")], standing, at: now(), by: None };
    shared.add("production", Whose { cluster: "c", workload: &app, uid: "uid-1" }, &known).await
}

async fn recalled(shared: &Shared) -> Told {
    shared.recall("production", &[&app()], now()).await
}

/// The ConfigMap as somebody else writes it.
async fn write(cluster: &Cluster, text: &str) {
    let patch = json!({"data": {"versions.jsonl": text}});
    let request = http::Request::patch(format!("/api/v1/namespaces/production/configmaps/{NAME}"))
        .header("content-type", "application/merge-patch+json")
        .body(patch.to_string().into_bytes())
        .unwrap();
    cluster.client.request::<Value>(request).await.unwrap();
}

#[tokio::test]
async fn two_machines_know_the_same_each_by_the_others_word() {
    let company = company().await;
    let (ana, ben) = (shared(&company, "ana@laptop").await, shared(&company, "ben@desk").await);
    assert_eq!(recalled(&ana).await, Told { known: vec![Vec::new()], doubts: Vec::new() }, "nothing is there yet");
    // At the same time: one of them is quicker, and the other does it once more.
    let (one, other) = tokio::join!(add(&ana, "1.8.3", VersionStatus::Good), add(&ben, "1.9.0", VersionStatus::Bad));
    assert_eq!((one, other), (Ok(()), Ok(())));
    let told = recalled(&ana).await;
    let mut words: Vec<_> = told.known[0]
        .iter()
        .map(|found| (found.known.by.as_deref().unwrap(), found.known.hash.as_str(), found.known.standing))
        .collect();
    words.sort_unstable_by_key(|word| word.0);
    assert_eq!(
        words,
        [("ana@laptop", "1.8.3", VersionStatus::Good), ("ben@desk", "1.9.0", VersionStatus::Bad)],
        "{told:?}"
    );
    assert_eq!(ben.recall("staging", &[&app()], now()).await.known, [Vec::new()], "another environment's");
}

#[tokio::test]
async fn who_may_not_write_is_told_which_role_it_takes() {
    let company = company().await;
    let viewer = Shared::new(connected(&company, VIEWER_TOKEN).await, "vic");
    let error = add(&viewer, "1.8.3", VersionStatus::Good).await.unwrap_err();
    assert_eq!(error, "you may not write the ConfigMap redflag-versions in production; docs/rollback.md has the role");
}

#[tokio::test]
async fn what_is_broken_or_forged_there_is_said_and_the_rest_stands() {
    let company = company().await;
    let cluster = connected(&company, TOKEN).await;
    let ana = shared(&company, "ana@laptop").await;
    add(&ana, "1.8.3", VersionStatus::Good).await.unwrap();
    let line = serde_json::to_value(json!({
        "environment": "production", "cluster": "c", "uid": "uid-1", "namespace": "production",
        "workload": "deployment/app", "hash": "1.9.0", "images": [], "standing": "good", "at": now(),
    }))
    .unwrap();
    let whole = json!({"by": "ana@laptop"});
    let of_ana = line.as_object().unwrap().iter().chain(whole.as_object().unwrap());
    let of_ana: serde_json::Map<String, Value> = of_ana.map(|(key, value)| (key.clone(), value.clone())).collect();
    // One without a name is nobody's word.
    write(&cluster, &format!("{}\n{line}\n{{half\n", Value::Object(of_ana))).await;
    let told = recalled(&ana).await;
    assert_eq!(told.known[0].len(), 1);
    assert_eq!(told.doubts, ["shared versions: 2 entries of redflag-versions in production cannot be read"]);
}

/// A watch of ana's or ben's machine that shares what it finds.
fn sharing(actor: &str) -> impl FnOnce(&mut Setup) {
    let actor = actor.to_owned();
    move |setup: &mut Setup| {
        setup.window = TimeDelta::minutes(3);
        setup.rollback.shared = true;
        setup.rollback.actor = actor;
        setup.rollback.known = Vec::new();
    }
}

#[tokio::test]
async fn what_passed_a_watch_here_is_last_known_good_there_by_whose_word_it_is() {
    let mut here = Story::begin_with(Scenario::Healthy, sharing("ana@laptop")).await;
    here.until("it is healthy", |watch| watch.verdict() == Verdict::Healthy).await;
    let wrote = |company: &Company| {
        company.requests().last.iter().any(|it| it.method == "POST" && it.path.contains("configmaps"))
    };
    while !wrote(&here.company) {
        here.second().await;
    }
    let (company, clock) = (Arc::clone(&here.company), here.clock.clone());
    company.faults().deploy("app", "1.9.1");
    let mut there = Story::watch(Arc::clone(&company), clock, sharing("ben@desk"));
    let by_ana = |watch: &Watch| {
        let known = watch.setup().rollback.known.first().into_iter().flatten();
        known.filter_map(|known| known.by.clone()).any(|by| by == "ana@laptop")
    };
    there.until("it knows what passed", by_ana).await;
    there.until("a rollback is ready", Story::is_ready).await;
    let plan = there.state().plan(redflag::rollback::Goal::RollBack, &[]);
    let target = plan.steps().flat_map(|step| &step.checks).map(|check| check.sentence.clone());
    let told: Vec<String> = target.collect();
    assert!(
        told.iter().any(|text| text.contains("passed its watch by ana@laptop's word (redflag-versions)")),
        "{told:?}"
    );

    let cluster = connected(&company, TOKEN).await;
    write(&cluster, "{broken\n").await;
    let mut later = Story::watch(company, there.clock.clone(), sharing("cy"));
    let said = |watch: &Watch| {
        watch
            .timeline()
            .entries()
            .any(|entry| entry.mark == Mark::Unknown && entry.text.starts_with("shared versions: 1 entry"))
    };
    later.until("what is broken is said", said).await;
}

#[tokio::test]
async fn what_is_read_only_or_not_shared_writes_nothing_there() {
    for (shared, read_only) in [(true, true), (false, false)] {
        let mut story = Story::begin_with(Scenario::Healthy, |setup| {
            sharing("ana@laptop")(setup);
            setup.rollback.shared = shared;
            setup.read_only = read_only;
        })
        .await;
        story.until("it is healthy", |watch| watch.verdict() == Verdict::Healthy).await;
        for _ in 0..5 {
            story.second().await;
        }
        let requests = story.company.requests();
        let touched = requests
            .last
            .iter()
            .filter(|it| it.path.contains(NAME) || it.method == "POST" && it.path.contains("configmaps"));
        let changed = touched.filter(|it| it.method != "GET").count();
        assert_eq!(changed, 0, "shared {shared}, read-only {read_only}");
    }
}
