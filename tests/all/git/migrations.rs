//! Migrations between two versions, told with the checks of whatever strategy takes the deploy back.

use crate::git::company::{Company, ask};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::{Json, Router};
use futures_util::future::{BoxFuture, FutureExt, ready};
use redflag::cluster::{Cluster, ClusterIdentity, Facts};
use redflag::repository::Repository;
use redflag::repository::RepositorySpec;
use redflag::rollback::action::{self, Action};
use redflag::rollback::planner::Planner;
use redflag::rollback::request::PlanRequest;
use redflag::rollback::with_migrations::WithMigrations;
use redflag::rollback::{Blocked, Check, CheckOutcome, Covered, Goal, Readiness, Refusal, Step};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A strategy that is always ready, or always blocked.
struct Plain {
    is_ready: bool,
}

impl Planner for Plain {
    fn prepare<'a>(&'a self, ask: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        let seen = ask.wanted.seen.clone().unwrap();
        let readiness = if self.is_ready {
            Readiness::Ready(Arc::new(Step {
                goal: ask.goal,
                subject: ask.reference.to_string(),
                place: "prod".to_owned(),
                covers: vec![Covered {
                    workload: ask.workload,
                    reference: ask.reference.clone(),
                    uid: seen.uid,
                    generation: seen.generation,
                    from: seen.running,
                    to: seen.revisions[1].clone(),
                }],
                action: Action::Command(action::Command { argv: Vec::new(), environment: Vec::new() }),
                does: Vec::new(),
                checks: Vec::new(),
                not_reverted: Vec::new(),
                expected: chrono::TimeDelta::seconds(1),
                manual_command: String::new(),
            }))
        } else {
            Readiness::Blocked(Refusal::from(Blocked { reason: "no".to_owned(), way_out: "none".to_owned() }))
        };
        ready(readiness).boxed()
    }
}

#[derive(Clone)]
struct Api {
    workload: Value,
    jobs: Result<Value, u16>,
    asked: Arc<AtomicUsize>,
}

impl Api {
    fn new(annotation: Option<&str>, jobs: Result<Value, u16>) -> Self {
        let mut workload = json!({
            "metadata": {"name": "shop", "labels": {"app": "shop"}, "annotations": {}},
            "spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "shop:1.9.0"}]}}},
        });
        if let Some(text) = annotation {
            workload["metadata"]["annotations"]["redflag.dev/migration"] = json!(text);
        }
        Self { workload, jobs, asked: Arc::default() }
    }

    async fn serve(&self) -> Cluster {
        // The first test to get here wins; the others find it done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut config = kube::Config::new(address.parse().unwrap());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        Cluster {
            client,
            label: "prod".to_owned(),
            timeout: Duration::from_secs(20),
            identity: ClusterIdentity::default(),
            server: "127.0.0.1:443".to_owned(),
            facts: Facts::default(),
        }
    }
}

async fn answer(State(api): State<Api>, uri: Uri) -> (StatusCode, Json<Value>) {
    api.asked.fetch_add(1, Ordering::SeqCst);
    let refused = |code: u16| {
        let body =
            json!({"kind": "Status", "status": "Failure", "code": code, "reason": "Forbidden", "message": "no role"});
        (StatusCode::from_u16(code).unwrap(), Json(body))
    };
    match (uri.path(), api.jobs) {
        ("/apis/apps/v1/namespaces/production/deployments/shop", _) => (StatusCode::OK, Json(api.workload)),
        ("/apis/batch/v1/namespaces/production/jobs", Ok(jobs)) => (StatusCode::OK, Json(jobs)),
        ("/apis/batch/v1/namespaces/production/jobs", Err(code)) => refused(code),
        _ => refused(404),
    }
}

async fn checks(api: &Api, repository: Option<RepositorySpec>, is_ready: bool) -> Vec<Check> {
    let strategy = WithMigrations::new(Arc::new(Plain { is_ready }), api.serve().await, repository.map(read));
    told(strategy.prepare(&ask("1.9.0", "1.8.3")).await)
}

fn read(told: RepositorySpec) -> Arc<Repository> {
    Arc::new(Repository::new(told, Duration::from_secs(60)))
}

fn told(readiness: Readiness) -> Vec<Check> {
    let checks = match readiness {
        Readiness::Ready(step) => step.checks.clone(),
        Readiness::Blocked(refusal) => refusal.checks,
        Readiness::Preparing => panic!(),
    };
    assert!(checks.iter().all(|check| check.name() == "migration"), "{checks:?}");
    checks
}

fn no_jobs() -> Value {
    json!({"kind": "JobList", "items": []})
}

const DROP: &str = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n\n    dependencies = [\n        \
                    ('shop', '0041_state'),\n    ]\n\n    operations = [\n        migrations.RemoveField(\n            \
                    model_name='order',\n            name='legacy_id',\n        ),\n    ]\n";

#[tokio::test]
async fn a_dropped_column_between_the_two_commits_needs_the_environments_name_typed() {
    let company = Company::new();
    company.write("shop/migrations/0042_drop_legacy.py", DROP);
    company.write("shop/views.py", "x = 1\n");
    company.commit("drop the legacy id");
    company.deploy("1.9.0");
    let before = company.fingerprint();
    let api = Api::new(None, Ok(no_jobs()));
    let checks = checks(&api, Some(company.repository()), true).await;
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!(check.outcome, CheckOutcome::Typed);
    assert_eq!(check.sentence, "shop/migrations/0042_drop_legacy.py:11 removes order.legacy_id, and 1.8.3 reads it");
    assert!(check.way_out.as_ref().unwrap().ends_with("manage.py migrate shop 0041_state"), "{check:?}");
    assert_eq!(company.fingerprint(), before);
}

#[tokio::test]
async fn a_migration_too_long_to_be_read_whole_is_never_harmless() {
    let company = Company::new();
    let harmless = "CREATE TABLE IF NOT EXISTS carts_archive (id bigint);\n".repeat(40_000);
    company.write("db/migration/V2__archive.sql", &format!("DROP TABLE carts;\n{harmless}"));
    company.commit("archive");
    company.deploy("1.9.0");
    let checks = checks(&Api::new(None, Ok(no_jobs())), Some(company.repository()), true).await;
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!(check.outcome, CheckOutcome::Warning, "{check:?}");
    assert!(check.sentence.contains("V2__archive.sql is new and could not be read"), "{check:?}");
}

#[tokio::test]
async fn a_blocked_rollback_is_told_of_migrations_too() {
    let company = Company::new();
    company.write("shop/migrations/0042_drop_legacy.py", DROP);
    company.commit("drop the legacy id");
    company.deploy("1.9.0");
    let checks = checks(&Api::new(None, Ok(no_jobs())), Some(company.repository()), false).await;
    assert_eq!(checks[0].outcome, CheckOutcome::Typed);
}

#[tokio::test]
async fn a_deploy_without_a_migration_is_clear_by_its_repository() {
    let company = Company::new();
    company.deploy_1_9_0();
    let checks = checks(&Api::new(None, Err(403)), Some(company.repository()), true).await;
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!(check.outcome, CheckOutcome::Ok);
    assert!(check.sentence.starts_with("no migration shipped with 1.9.0: none differs from 1.8.3 ("), "{check:?}");
}

#[tokio::test]
async fn a_version_that_the_repository_does_not_know_leaves_it_open() {
    let company = Company::new();
    let checks = checks(&Api::new(None, Ok(no_jobs())), Some(company.repository()), true).await;
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!(check.outcome, CheckOutcome::Warning);
    let sentence = "unknown whether a migration shipped with 1.9.0: cannot find the commit of 1.9.0 (tried the tags \
                    1.9.0, v1.9.0)";
    assert_eq!(check.sentence, sentence);
}

#[tokio::test]
async fn without_a_repository_the_annotation_and_the_jobs_speak() {
    let annotated = checks(&Api::new(Some("destructive: drops orders.legacy_id"), Ok(no_jobs())), None, true).await;
    assert_eq!(annotated[0].outcome, CheckOutcome::Typed);

    let job = json!({"items": [{
        "metadata": {"name": "shop-migrate-9", "creationTimestamp": "2026-09-21T14:13:20Z"},
        "spec": {"template": {"spec": {"containers": [{"name": "m", "command": ["python", "manage.py", "migrate"]}]}}},
    }]});
    let by_job = checks(&Api::new(None, Ok(job)), None, true).await;
    let sentence = "job shop-migrate-9 ran manage.py migrate; unknown whether 1.8.3 works with what it changed: no \
                    repository is set";
    assert_eq!((by_job[0].outcome, by_job[0].sentence.as_str()), (CheckOutcome::Warning, sentence));

    let forbidden = checks(&Api::new(None, Err(403)), None, true).await;
    assert_eq!(forbidden[0].outcome, CheckOutcome::Warning);
    assert!(forbidden[0].sentence.contains("no repository is set; cannot read jobs: "), "{forbidden:?}");
}

#[tokio::test]
async fn the_repository_is_read_once_and_the_cluster_each_time() {
    let company = Company::new();
    company.deploy_1_9_0();
    let api = Api::new(None, Ok(no_jobs()));
    let strategy =
        WithMigrations::new(Arc::new(Plain { is_ready: true }), api.serve().await, Some(read(company.repository())));
    let ask = ask("1.9.0", "1.8.3");
    let first = told(strategy.prepare(&ask).await);
    assert_eq!(first[0].outcome, CheckOutcome::Ok);
    std::fs::rename(company.clone(), company.clone().with_extension("away")).unwrap();
    assert_eq!(told(strategy.prepare(&ask).await), first, "two commits never change");
    assert_eq!(api.asked.load(Ordering::SeqCst), 4, "an annotation may be set at any time");
}

#[tokio::test]
async fn the_way_forward_asks_for_no_migration() {
    let api = Api::new(Some("destructive"), Ok(no_jobs()));
    let strategy = WithMigrations::new(Arc::new(Plain { is_ready: true }), api.serve().await, None);
    let mut ask = ask("1.9.0", "1.8.3");
    ask.goal = Goal::Undo;
    assert!(told(strategy.prepare(&ask).await).is_empty());
    assert_eq!(api.asked.load(Ordering::SeqCst), 0);
}

/// A strategy that is blocked with the commits that it was told of.
struct Curious(Arc<Repository>);

impl Planner for Curious {
    fn prepare<'a>(&'a self, ask: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        let seen = ask.wanted.seen.as_ref().unwrap();
        let commits: Vec<_> = seen.revisions.iter().map(|version| self.0.known_commit(version)).collect();
        let blocked = Blocked { reason: format!("{commits:?}"), way_out: String::new() };
        ready(Readiness::Blocked(Refusal::from(blocked))).boxed()
    }
}

#[tokio::test]
async fn a_strategy_that_names_commits_is_asked_when_they_are_known() {
    let company = Company::new();
    company.deploy_1_9_0();
    let repository = read(company.repository());
    let curious = Arc::new(Curious(Arc::clone(&repository)));
    let api = Api::new(None, Ok(no_jobs()));
    let strategy = WithMigrations::new(curious, api.serve().await, Some(repository)).with_repository_first();
    let Readiness::Blocked(refusal) = strategy.prepare(&ask("1.9.0", "1.8.3")).await else { panic!() };
    let hash = |tag: &str| company.git(&["rev-parse", tag]).trim().to_owned();
    assert_eq!(refusal.reason, format!("{:?}", [Some(hash("1.9.0")), Some(hash("1.8.3"))]));
}
