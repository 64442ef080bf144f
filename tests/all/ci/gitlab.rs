//! GitLab.

use crate::ci::peer::{Peer, Reply, breaks, reply};
use crate::ci::stage::{
    RUN_TIMEOUT, Stage, TOKEN, action, check, doubts, failed, fixture, refused, running, stage, unknown, with,
};
use redflag::net::Endpoint;
use redflag::rollback::CheckOutcome;
use redflag::rollback::action::CiAction;
use redflag::secret::Secret;
use redflag::systems::gitlab::GitLabSpec;
use serde_json::{Value, json};

const PROJECT: &str = "/gitlab/api/v4/projects/example%2Fshop";

fn with_job(endpoint: Endpoint, job: Option<&str>) -> Stage {
    stage(&GitLabSpec {
        endpoint,
        run_timeout: RUN_TIMEOUT,
        token: Secret::new(TOKEN),
        project: "example/shop".to_owned(),
        environment: "$environment".to_owned(),
        job: job.map(str::to_owned),
    })
}

fn on(peer: &Peer) -> Stage {
    with_job(peer.endpoint("/gitlab"), None)
}

fn get(path: &str, status: u16, body: impl ToString) -> Reply {
    reply(&format!("GET {PROJECT}{path}"), status, body)
}

/// What GitLab answers while a rollback is prepared.
fn but(mut first: Vec<Reply>) -> Vec<Reply> {
    first.push(get("/deployments", 200, fixture!("gitlab/recorded/deployments.json")));
    first.push(get("/pipelines/36/jobs", 200, fixture!("gitlab/recorded/jobs.json")));
    first.push(get("", 200, fixture!("gitlab/recorded/project.json")));
    first
}

fn retried(status: u16, body: impl ToString) -> Reply {
    reply(&format!("POST {PROJECT}/jobs/577/retry"), status, body)
}

fn job_is(status: &str) -> Value {
    with(fixture!("gitlab/recorded/job.json"), "/status", status)
}

#[tokio::test]
async fn the_job_of_the_earlier_deployment_runs_again_under_a_new_number() {
    let peer = Peer::start(but(vec![retried(201, fixture!("gitlab/recorded/job.json"))])).await;
    let stage = on(&peer);
    let step = stage.step().await;
    assert_eq!(step.subject, "job deploy_prod 577 of example/shop");
    assert_eq!(step.does, ["rerun job deploy_prod of pipeline 36 of example/shop: it deploys b83d5e39 to production"]);
    assert_eq!(step.manual_command, "glab api --method POST projects/example%2Fshop/jobs/577/retry");
    assert_eq!(check(&step, "deployment").sentence, "1.8.3 was deployed as v1.8.3 (b83d5e39) of 11-07 11:32 UTC");
    assert!(doubts(&step).is_empty(), "{:?}", step.checks);
    assert_eq!(step.expected.num_seconds(), 100, "80 s of the job and 20 s of a pod");
    let asked = &peer.asked(&format!("GET {PROJECT}/deployments"))[0].line;
    assert!(asked.contains("environment=production&order_by=id&sort=desc"), "{asked}");
    assert!(peer.asked("POST ").is_empty());

    let run = running(stage.send(&step).await);
    assert_eq!(run.link.as_deref(), Some("https://gitlab.example/example/shop/-/jobs/700"));
    for (status, state) in [
        ("pending", "queued"),
        ("waiting_for_resource", "waiting for another deployment"),
        ("manual", "waiting for approval or a manual start"),
        ("running", "in progress"),
        ("success", "succeeded"),
    ] {
        peer.now(vec![get("/jobs/700", 200, job_is(status))]);
        let now = running(stage.follow(&step, &run).await);
        assert_eq!((now.state.as_str(), now.ended), (state, status == "success"));
    }
    let posts = peer.asked("POST ");
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].header("authorization"), format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_job_that_failed_says_why_and_where_to_look() {
    let peer = Peer::start(but(vec![retried(201, fixture!("gitlab/recorded/job.json"))])).await;
    let stage = on(&peer);
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let why = with(job_is("failed"), "/failure_reason", "runner_system_failure");
    peer.now(vec![get("/jobs/700", 200, why)]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert_eq!(blocked.reason, "job deploy_prod failed (runner system failure)");
    assert!(blocked.way_out.ends_with("https://gitlab.example/example/shop/-/jobs/700"), "{}", blocked.way_out);
    peer.now(vec![get("/jobs/700", 200, job_is("canceled"))]);
    assert_eq!(failed(stage.follow(&step, &run).await).reason, "job deploy_prod was cancelled");
}

#[tokio::test]
async fn a_deployment_without_a_job_cannot_be_run_again() {
    let only_by_api =
        json!([fixture!("gitlab/recorded/deployments.json")[0], fixture!("gitlab/recorded/deployments.json")[2]]);
    let peer = Peer::start(but(vec![get("/deployments", 200, only_by_api)])).await;
    let blocked = on(&peer).refusal().await;
    assert_eq!(blocked.reason, "the earlier deployment of example/shop has no job to rerun");
}

#[tokio::test]
async fn a_version_that_no_deployment_names_is_taken_to_be_the_one_before_and_that_is_said() {
    let mut nameless = fixture!("gitlab/recorded/deployments.json");
    for deployment in nameless.as_array_mut().unwrap() {
        deployment["ref"] = json!("main");
    }
    let peer = Peer::start(but(vec![get("/deployments", 200, nameless)])).await;
    let step = on(&peer).step().await;
    let deployment = check(&step, "deployment");
    assert_eq!(deployment.outcome, CheckOutcome::Warning);
    assert_eq!(
        deployment.sentence,
        "no deployment names 1.8.3; using the one before the newest: main (b83d5e39) of 11-07 11:32 UTC"
    );
}

#[tokio::test]
async fn without_an_earlier_deployment_there_is_nothing_to_go_back_to() {
    let peer = Peer::start(but(vec![get("/deployments", 200, json!([]))])).await;
    assert_eq!(on(&peer).refusal().await.reason, "GitLab has no successful deployment to production");
    let one = json!([fixture!("gitlab/recorded/deployments.json")[0]]);
    let peer = Peer::start(but(vec![get("/deployments", 200, one)])).await;
    let reason = on(&peer).refusal().await.reason;
    assert!(reason.starts_with("GitLab has no deployment to production before the one of v1.9.0"), "{reason}");
}

#[tokio::test]
async fn a_project_that_lets_nothing_earlier_run_blocks() {
    let strict = with(fixture!("gitlab/recorded/project.json"), "/ci_forward_deployment_rollback_allowed", false);
    let peer = Peer::start(but(vec![get("/deployments", 200, json!([])), get("", 200, strict)])).await;
    let blocked = on(&peer).refusal().await;
    assert_eq!(blocked.reason, "example/shop does not let earlier deployment jobs rerun");
    assert!(blocked.way_out.contains("Allow job retries for rollback deployments"), "{}", blocked.way_out);
    let peer = Peer::start(vec![]).await;
    assert_eq!(on(&peer).refusal().await.reason, "no project example/shop, or the token cannot see it");
}

#[tokio::test]
async fn a_deployment_in_progress_is_told_with_its_link() {
    let busy = with(fixture!("gitlab/recorded/deployments.json"), "/0/status", "blocked");
    let newest = "/deployments?environment=production&order_by=id&sort=desc&per_page=20";
    let peer = Peer::start(but(vec![get(newest, 200, busy)])).await;
    let step = on(&peer).step().await;
    let in_progress = check(&step, "in progress");
    assert_eq!(
        in_progress.sentence,
        "a deployment to production by ana is blocked: this one may wait for it, or overwrite it"
    );
    let look = "check it first: https://gitlab.example/example/shop/-/jobs/664";
    assert_eq!(in_progress.way_out.as_deref(), Some(look));
}

#[tokio::test]
async fn a_manual_job_is_started_and_one_that_ran_before_runs_again() {
    let peer = Peer::start(but(vec![reply(&format!("POST {PROJECT}/jobs/578/play"), 200, job_is("pending"))])).await;
    let stage = with_job(peer.endpoint("/gitlab"), Some("rollback"));
    let step = stage.step().await;
    assert!(matches!(action(&step), CiAction::PlayJob(job) if job.id == 578), "{:?}", step.action);
    assert!(step.does[0].starts_with("start job rollback of pipeline 36 of example/shop"), "{}", step.does[0]);
    assert_eq!(doubts(&step), ["project"], "outdated manual jobs may be refused");
    assert_eq!(running(stage.send(&step).await).state, "queued");
    assert_eq!(peer.asked("POST ").len(), 1);

    let again = with_job(peer.endpoint("/gitlab"), Some("deploy_prod")).step().await;
    assert!(matches!(action(&again), CiAction::RetryJob(job) if job.id == 577), "{:?}", again.action);
    let missing = with_job(peer.endpoint("/gitlab"), Some("undo")).refusal().await;
    assert_eq!(missing.reason, "pipeline 36 of example/shop has no job undo");
}

#[tokio::test]
async fn what_gitlab_refuses_changed_nothing_and_says_what_to_do() {
    let refusals = [
        (401, json!({"message": "401 Unauthorized"}), "GitLab rejected the token: 401 Unauthorized"),
        (
            401,
            json!({"error": "invalid_token", "error_description": "Token is expired. You can either do re-authorization \
                   or token refresh."}),
            "GitLab rejected the token: Token is expired. You can either do re-authorization or token refresh.",
        ),
        (
            403,
            json!({"message": "403 Forbidden  - Job is not retryable"}),
            "cannot rerun job deploy_prod: 403 Forbidden - Job is not retryable",
        ),
        (403, json!({"message": "403 Forbidden"}), "the token may not deploy example/shop: 403 Forbidden"),
        (
            404,
            json!({"message": "404 Not Found"}),
            "no job deploy_prod of example/shop, or the token may not run it: 404 Not Found",
        ),
    ];
    for (status, body, reason) in refusals {
        let peer = Peer::start(but(vec![retried(status, body)])).await;
        let stage = on(&peer);
        let blocked = refused(stage.send(&*stage.step().await).await);
        assert_eq!(blocked.reason, reason);
        assert_eq!(peer.asked("POST ").len(), 1);
    }
    let limited = retried(429, "Retry later").header("ratelimit-reset", "1700000030");
    let peer = Peer::start(but(vec![limited])).await;
    let stage = on(&peer);
    let blocked = refused(stage.send(&*stage.step().await).await);
    assert_eq!(blocked.reason, "GitLab takes no more requests for 30 s");
}

#[tokio::test]
async fn a_lost_answer_is_read_in_the_pipeline() {
    let peer = Peer::start(but(vec![breaks(&format!("POST {PROJECT}/jobs/577/retry"))])).await;
    let stage = on(&peer);
    let step = stage.step().await;
    unknown(stage.send(&step).await);
    assert_eq!(
        unknown(stage.read_back(&step).await),
        "job deploy_prod of pipeline 36 has not been started; it may still arrive"
    );
    // A job that runs again takes the old one's place in the list.
    let again = with(fixture!("gitlab/recorded/jobs.json"), "/0", job_is("running"));
    peer.now(vec![get("/pipelines/36/jobs", 200, again)]);
    let run = running(stage.read_back(&step).await);
    assert_eq!((run.id.as_str(), run.state.as_str()), ("700@1700000000", "in progress"));

    peer.now(vec![get("/pipelines/36/jobs", 200, fixture!("gitlab/recorded/jobs.json"))]);
    stage.later(60);
    let blocked = refused(stage.read_back(&step).await);
    assert!(blocked.reason.starts_with("the request did not arrive: job deploy_prod"), "{}", blocked.reason);
    assert_eq!(peer.asked("POST ").len(), 1);
}

#[tokio::test]
async fn a_token_that_has_expired_is_told_in_gitlabs_words_before_the_key() {
    let expired = json!({"error": "invalid_token", "error_description": "Token is expired."});
    let peer = Peer::start(vec![reply("GET ", 401, expired)]).await;
    let blocked = on(&peer).refusal().await;
    assert_eq!(blocked.reason, "GitLab rejected the token: Token is expired.");
}

#[tokio::test]
async fn a_role_that_may_not_run_jobs_is_told_before_the_key() {
    let project = |project: Value, group: Value| {
        let permissions = json!({"project_access": project, "group_access": group});
        with(fixture!("gitlab/recorded/project.json"), "/permissions", permissions)
    };
    let level = |level: i64| json!({"access_level": level, "notification_level": 3});
    for (project_access, group_access, role) in [
        (level(20), Value::Null, "Reporter"),
        (level(10), level(20), "Reporter"),
        (level(15), Value::Null, "Planner"),
        (Value::Null, level(10), "Guest"),
    ] {
        let peer = Peer::start(but(vec![
            get("/deployments", 200, fixture!("gitlab/recorded/deployments.json")),
            get("", 200, project(project_access, group_access)),
        ]))
        .await;
        let step = on(&peer).step().await;
        let permission = check(&step, "permission");
        assert_eq!(permission.outcome, CheckOutcome::Typed);
        assert_eq!(
            permission.sentence,
            format!("the token is {role} in example/shop, which may not run jobs: GitLab will probably refuse it")
        );
    }
    // Roles inherited from further up are told by neither.
    for (project_access, group_access) in [(level(20), level(30)), (Value::Null, Value::Null)] {
        let peer = Peer::start(but(vec![
            get("/deployments", 200, fixture!("gitlab/recorded/deployments.json")),
            get("", 200, project(project_access, group_access)),
        ]))
        .await;
        let step = on(&peer).step().await;
        assert!(doubts(&step).is_empty(), "{:?}", step.checks);
    }
}

/// A page of deployments that are all of later versions than 1.8.3.
fn later(from: u64) -> Value {
    let deployment = |id: u64| {
        let mut deployment = fixture!("gitlab/recorded/deployments.json")[0].clone();
        deployment["ref"] = json!(format!("v1.9.{id}"));
        deployment["sha"] = json!(format!("{id:040x}"));
        deployment
    };
    Value::Array((from..from + 100).map(deployment).collect())
}

#[tokio::test]
async fn a_deployment_on_a_later_page_is_found() {
    let page = |number: usize| {
        format!("/deployments?environment=production&order_by=id&sort=desc&status=success&per_page=100&page={number}")
    };
    let peer = Peer::start(but(vec![
        get(&page(1), 200, later(1000)),
        get(&page(2), 200, later(2000)),
        get(&page(3), 200, fixture!("gitlab/recorded/deployments.json")),
    ]))
    .await;
    let step = on(&peer).step().await;
    assert_eq!(check(&step, "deployment").sentence, "1.8.3 was deployed as v1.8.3 (b83d5e39) of 11-07 11:32 UTC");
    assert_eq!(peer.asked(&format!("GET {PROJECT}{}", page(4))).len(), 0);
}

#[tokio::test]
async fn deployments_that_were_not_read_are_counted() {
    let peer = Peer::start(but(vec![get(
        "/deployments?environment=production&order_by=id&sort=desc&status",
        200,
        later(1000),
    )]))
    .await;
    let step = on(&peer).step().await;
    let deployment = check(&step, "deployment");
    assert_eq!(deployment.outcome, CheckOutcome::Warning);
    assert!(
        deployment.sentence.starts_with("none of the newest 500 deployments names 1.8.3; "),
        "{}",
        deployment.sentence
    );
}
