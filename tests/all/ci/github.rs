//! GitHub Actions.

use crate::ci::peer::{Peer, Reply, breaks, nobody, reply};
use crate::ci::stage::{
    RUN_TIMEOUT, Stage, TOKEN, action, ask_of, check, doubts, failed, fixture, pairs, refused, running, stage, unknown,
    with,
};
use redflag::net::Endpoint;
use redflag::rollback::action::{CiAction, Dispatch};
use redflag::rollback::request::Choice;
use redflag::rollback::{CheckOutcome, Goal, Step};
use redflag::secret::Secret;
use redflag::systems::github::GitHubSpec;
use serde_json::{Value, json};

const WORKFLOW: &str = "/repos/example/shop/actions/workflows/rollback.yml";
const FILE: &str = include_str!("../../../src/systems/github/recorded/rollback.yml");

fn system(endpoint: Endpoint, inputs: &[(&str, &str)]) -> GitHubSpec {
    GitHubSpec {
        endpoint,
        run_timeout: RUN_TIMEOUT,
        token: Secret::new(TOKEN),
        repository: "example/shop".to_owned(),
        workflow: "rollback.yml".to_owned(),
        git_ref: "main".to_owned(),
        inputs: pairs(inputs),
    }
}

fn on(endpoint: Endpoint) -> Stage {
    stage(&system(endpoint, &[("version", "$to"), ("id", "$id")]))
}

/// What GitHub answers while a rollback is prepared.
fn quiet_day() -> Vec<Reply> {
    vec![
        reply(&format!("GET {WORKFLOW}/runs"), 200, fixture!("github/recorded/runs.json")),
        reply(&format!("GET {WORKFLOW}"), 200, fixture!("github/recorded/workflow.json")),
        reply("GET /repos/example/shop/contents/.github/workflows/rollback.yml?ref=main", 200, FILE),
        reply("GET /repos/example/shop$", 200, repository(true)),
    ]
}

/// The repository, as somebody sees it who may write to it or only read.
fn repository(push: bool) -> Value {
    let role = json!({"admin": false, "maintain": false, "push": push, "triage": push, "pull": true});
    json!({"full_name": "example/shop", "private": true, "archived": false, "permissions": role})
}

fn but(first: Vec<Reply>) -> Vec<Reply> {
    first.into_iter().chain(quiet_day()).collect()
}

fn dispatched(status: u16, body: impl ToString) -> Reply {
    reply(&format!("POST {WORKFLOW}/dispatches"), status, body)
}

fn run_is(status: &str, conclusion: Option<&str>) -> Reply {
    let run = with(with(fixture!("github/recorded/run.json"), "/status", status), "/conclusion", conclusion);
    reply("GET /repos/example/shop/actions/runs/30433700", 200, run)
}

/// A list of runs, the newest with this title.
fn runs_with(titles: &[&str]) -> Value {
    let runs: Vec<Value> =
        titles.iter().map(|title| with(fixture!("github/recorded/run.json"), "/display_title", *title)).collect();
    json!({"total_count": runs.len(), "workflow_runs": runs})
}

fn marker(step: &Step) -> String {
    match action(step) {
        CiAction::Dispatch(Dispatch { marker, .. }) => marker.clone(),
        other => panic!("{other:?}"),
    }
}

/// How often something was dispatched.
fn dispatches(peer: &Peer) -> usize {
    peer.asked("POST ").len()
}

#[tokio::test]
async fn a_workflow_is_dispatched_and_followed_to_its_end() {
    let peer = Peer::start(but(vec![dispatched(200, fixture!("github/recorded/dispatched.json"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    assert_eq!(step.subject, "workflow rollback.yml of example/shop (to 1.8.3)");
    assert_eq!(step.place, format!("GitHub ({})", peer.url("")));
    assert_eq!(step.does.len(), 1);
    let id = marker(&step);
    assert_eq!(
        step.does[0],
        format!("run workflow rollback.yml of example/shop on main with version = 1.8.3, id = {id}")
    );
    assert_eq!(
        step.manual_command,
        format!("gh workflow run rollback.yml --repo example/shop --ref main -f version=1.8.3 -f id={id}")
    );
    assert!(doubts(&step).is_empty(), "{:?}", step.checks);
    assert_eq!(check(&step, "time").sentence, "recent runs took 80 s, about 100 s in total");
    assert_eq!(step.expected.num_seconds(), 100);
    assert_eq!(dispatches(&peer), 0, "preparing changes nothing");

    let run = running(stage.send(&step).await);
    assert_eq!(run.link.as_deref(), Some("https://github.com/example/shop/actions/runs/30433700"));
    let asked = &peer.asked("POST ")[0];
    assert_eq!(
        asked.json(),
        json!({"ref": "main", "inputs": {"version": "1.8.3", "id": id}, "return_run_details": true})
    );
    assert_eq!(asked.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(asked.header("accept"), "application/vnd.github+json");
    assert!(asked.header("user-agent").starts_with("redflag/"));

    for (status, conclusion, state) in
        [("queued", None, "queued"), ("in_progress", None, "in progress"), ("completed", Some("success"), "succeeded")]
    {
        peer.now(vec![run_is(status, conclusion)]);
        let now = running(stage.follow(&step, &run).await);
        assert_eq!((now.state.as_str(), now.ended), (state, conclusion.is_some()));
        assert_eq!(now.id, run.id);
    }
    assert_eq!(dispatches(&peer), 1);
}

#[tokio::test]
async fn a_run_that_waits_for_reviewers_says_whose() {
    let peer = Peer::start(but(vec![dispatched(200, fixture!("github/recorded/dispatched.json"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let pending = "GET /repos/example/shop/actions/runs/30433700/pending_deployments";
    peer.now(vec![reply(pending, 200, fixture!("github/recorded/pending_deployments.json")), run_is("waiting", None)]);
    let waits = running(stage.follow(&step, &run).await);
    assert_eq!((waits.state.as_str(), waits.ended), ("waiting for approval of production", false));
}

#[tokio::test]
async fn a_run_that_failed_names_the_step_and_where_to_look() {
    let peer = Peer::start(but(vec![dispatched(200, fixture!("github/recorded/dispatched.json"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let jobs = reply("GET /repos/example/shop/actions/runs/30433700/jobs", 200, fixture!("github/recorded/jobs.json"));
    peer.now(vec![jobs, run_is("completed", Some("failure"))]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert_eq!(blocked.reason, "the run ended with failure in job “deploy”, step “Run ./deploy.sh”");
    assert!(blocked.way_out.ends_with("https://github.com/example/shop/actions/runs/30433700"), "{}", blocked.way_out);
    peer.now(vec![run_is("completed", Some("cancelled"))]);
    assert_eq!(failed(stage.follow(&step, &run).await).reason, "the run was cancelled");
}

#[tokio::test]
async fn a_run_that_cannot_be_asked_for_a_moment_still_runs_and_not_for_ever() {
    let peer = Peer::start(but(vec![dispatched(200, fixture!("github/recorded/dispatched.json"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    peer.now(vec![reply("GET ", 502, "bad gateway")]);
    assert_eq!(unknown(stage.follow(&step, &run).await), "GitHub answered 502: bad gateway");
    stage.later(15 * 60 + 1);
    let blocked = failed(stage.follow(&step, &run).await);
    assert!(blocked.reason.contains("did not finish within 15 min"), "{}", blocked.reason);
    peer.now(vec![run_is("queued", None)]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert!(blocked.way_out.contains("actions/runs/30433700: it may still be running"), "{}", blocked.way_out);
}

#[tokio::test]
async fn an_enterprise_server_is_not_asked_for_what_it_may_not_know_and_its_run_is_found_by_its_name() {
    let workflow = format!("/api/v3{WORKFLOW}");
    let peer = Peer::start(vec![
        reply(&format!("GET {workflow}/runs"), 200, fixture!("github/recorded/runs.json")),
        reply(&format!("GET {workflow}"), 200, fixture!("github/recorded/workflow.json")),
        reply("GET /api/v3/repos/example/shop/contents/", 200, FILE),
        reply(&format!("POST {workflow}/dispatches"), 204, ""),
    ])
    .await;
    let stage = on(peer.endpoint("/api/v3"));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    assert_eq!(peer.asked("POST ")[0].json().get("return_run_details"), None);

    let others = runs_with(&["back to 1.8.1 (redflag-65400000-0a0a0a)"]);
    peer.now(vec![reply(&format!("GET {workflow}/runs"), 200, others)]);
    let sought = running(stage.follow(&step, &run).await);
    assert_eq!(sought.state, "started; its run is not listed yet");
    let asked = &peer.asked(&format!("GET {workflow}/runs?event"))[0].line;
    assert!(asked.contains("created=%3E%3D2023-11-14T22%3A12%3A50Z"), "{asked}");

    let ours = runs_with(&["back to 1.8.1 (redflag-65400000-0a0a0a)", &format!("back to 1.8.3 ({})", marker(&step))]);
    peer.now(vec![reply(&format!("GET {workflow}/runs"), 200, ours)]);
    let found = running(stage.follow(&step, &sought).await);
    assert_eq!((found.state.as_str(), found.id.as_str()), ("queued", "30433700@1700000000"));
    assert_eq!(peer.asked("POST ").len(), 1);
}

#[tokio::test]
async fn a_run_without_a_name_of_its_own_is_only_taken_when_it_is_the_only_one() {
    let peer = Peer::start(but(vec![dispatched(204, "")])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let runs = format!("GET {WORKFLOW}/runs");
    peer.now(vec![reply(&runs, 200, runs_with(&["rollback", "rollback"]))]);
    let unsure = running(stage.follow(&step, &run).await);
    assert!(unsure.state.starts_with("started; 2 runs began since"), "{}", unsure.state);
    peer.now(vec![reply(&runs, 200, runs_with(&["rollback"]))]);
    assert_eq!(running(stage.follow(&step, &run).await).state, "queued");
}

#[tokio::test]
async fn what_github_refuses_changed_nothing_and_says_what_to_do() {
    let message =
        |text: &str| json!({"message": text, "documentation_url": "https://docs.github.com/rest", "status": "422"});
    let refusals = [
        (401, "Bad credentials", "GitHub rejected the token: Bad credentials", "create a new token in GitHub"),
        (
            403,
            "Resource not accessible by personal access token",
            "the token may not start workflows of example/shop: Resource not accessible by personal access token",
            "give it the permission Actions: read and write",
        ),
        (
            404,
            "Not Found",
            "no workflow rollback.yml in example/shop, or the token cannot see it",
            "fix repository and workflow",
        ),
        (
            422,
            "Workflow does not have 'workflow_dispatch' trigger",
            "rollback.yml has no workflow_dispatch trigger: Workflow does not have 'workflow_dispatch' trigger",
            "add `on: workflow_dispatch` to rollback.yml on the default branch of example/shop",
        ),
        (422, "No ref found for: main", "example/shop has no branch or tag main: No ref found for: main", "fix ref"),
        (
            422,
            "Unexpected inputs provided: [\"id\"]",
            "GitHub rejected the inputs of rollback.yml: Unexpected inputs provided: [\"id\"]",
            "compare the inputs",
        ),
    ];
    for (status, said, reason, way_out) in refusals {
        let peer = Peer::start(but(vec![dispatched(status, message(said))])).await;
        let stage = on(peer.endpoint(""));
        let step = stage.step().await;
        let blocked = refused(stage.send(&step).await);
        assert_eq!(blocked.reason, reason);
        assert!(blocked.way_out.starts_with(way_out), "{}", blocked.way_out);
        assert_eq!(dispatches(&peer), 1);
    }
}

#[tokio::test]
async fn too_many_requests_are_refused_with_the_time_to_wait() {
    let secondary =
        dispatched(403, json!({"message": "You have exceeded a secondary rate limit"})).header("retry-after", "40");
    let primary = dispatched(403, json!({"message": "API rate limit exceeded"}))
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", "1700000090");
    for (limited, wait) in [(secondary, "40 s"), (primary, "90 s")] {
        let peer = Peer::start(but(vec![limited])).await;
        let stage = on(peer.endpoint(""));
        let blocked = refused(stage.send(&*stage.step().await).await);
        assert_eq!(blocked.reason, format!("GitHub takes no more requests for {wait}"));
        assert_eq!(blocked.way_out, format!("wait {wait} and retry, or do it in GitHub manually"));
        assert_eq!(dispatches(&peer), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_by_its_name() {
    for lost in [breaks(&format!("POST {WORKFLOW}/dispatches")), dispatched(502, "bad gateway")] {
        let peer = Peer::start(but(vec![lost])).await;
        let stage = on(peer.endpoint(""));
        let step = stage.step().await;
        unknown(stage.send(&step).await);

        // It is not there yet, which says nothing so soon after it was sent.
        peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, runs_with(&[]))]);
        assert_eq!(unknown(stage.read_back(&step).await), "no run of rollback.yml has started; it may still arrive");
        // Somebody else's may have begun.
        peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, runs_with(&["rollback"]))]);
        let unclear = unknown(stage.read_back(&step).await);
        assert!(unclear.contains("its name does not identify it: https://github.com/example/shop/"), "{unclear}");
        // There it is.
        let ours = runs_with(&["rollback", &format!("back ({})", marker(&step))]);
        peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, ours)]);
        assert_eq!(running(stage.read_back(&step).await).state, "queued");
        assert_eq!(dispatches(&peer), 1);
    }
}

#[tokio::test]
async fn what_never_arrived_is_said_only_once_it_is_sure() {
    let peer = Peer::start(but(vec![breaks(&format!("POST {WORKFLOW}/dispatches"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    unknown(stage.send(&step).await);
    peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, runs_with(&[]))]);
    stage.later(59);
    unknown(stage.read_back(&step).await);
    stage.later(1);
    let blocked = refused(stage.read_back(&step).await);
    assert_eq!(blocked.reason, "the request did not arrive: no run of rollback.yml has started 60 s after it was sent");
    assert_eq!(dispatches(&peer), 1);
}

#[tokio::test]
async fn after_a_restart_a_request_is_looked_for_as_if_it_had_just_left() {
    let peer = Peer::start(quiet_day()).await;
    let step = on(peer.endpoint("")).step().await;
    let anew = on(peer.endpoint(""));
    peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, runs_with(&[]))]);
    anew.later(600);
    unknown(anew.read_back(&step).await);
    anew.later(60);
    refused(anew.read_back(&step).await);
}

#[tokio::test]
async fn what_was_never_sent_is_refused_at_once() {
    let peer = Peer::start(quiet_day()).await;
    let step = on(peer.endpoint("")).step().await;
    let away = on(nobody().await);
    let blocked = refused(away.send(&step).await);
    assert!(blocked.reason.starts_with("cannot reach GitHub (http://127.0.0.1:"), "{}", blocked.reason);
    assert!(blocked.reason.contains("connection refused by"), "{}", blocked.reason);
    let blocked = away.refusal().await;
    assert!(blocked.reason.starts_with("GitHub does not answer: cannot connect: "), "{}", blocked.reason);
}

#[tokio::test]
async fn a_workflow_that_is_not_there_or_not_active_blocks() {
    let blocked = on(Peer::start(vec![]).await.endpoint("")).refusal().await;
    assert_eq!(blocked.reason, "no workflow rollback.yml in example/shop, or the token cannot see it");
    assert_eq!(blocked.checks.len(), 2, "what was checked before is kept: the target, and who else put one back");
    let disabled = with(fixture!("github/recorded/workflow.json"), "/state", "disabled_manually");
    let peer = Peer::start(vec![
        reply(&format!("GET {WORKFLOW}/runs"), 200, fixture!("github/recorded/runs.json")),
        reply(&format!("GET {WORKFLOW}"), 200, disabled),
    ])
    .await;
    let blocked = on(peer.endpoint("")).refusal().await;
    assert_eq!(blocked.reason, "rollback.yml of example/shop is disabled manually");
    assert_eq!(blocked.way_out, "enable it: gh workflow enable rollback.yml --repo example/shop");
    let peer = Peer::start(vec![reply("GET ", 401, json!({"message": format!("Bad credentials {TOKEN}")}))]).await;
    let blocked = on(peer.endpoint("")).refusal().await;
    assert_eq!(blocked.reason, "GitHub rejected the token: Bad credentials …");
}

#[tokio::test]
async fn a_sign_in_page_in_front_is_named() {
    let peer = Peer::start(vec![reply("GET ", 302, "").header("location", "https://sso.example/?ticket=hush")]).await;
    let blocked = on(peer.endpoint("")).refusal().await;
    assert!(blocked.reason.starts_with("GitHub answered 302: it redirects: a sign-in page"), "{}", blocked.reason);
    assert_eq!(blocked.way_out, "fix the url of GitHub in this environment's rollback.ci");
}

#[tokio::test]
async fn somebodys_run_in_progress_is_told_with_its_link() {
    let busy = with(fixture!("github/recorded/runs.json"), "/workflow_runs/0/status", "in_progress");
    let peer = Peer::start(but(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, busy)])).await;
    let step = on(peer.endpoint("")).step().await;
    let in_progress = check(&step, "in progress");
    assert_eq!(in_progress.outcome, CheckOutcome::Warning);
    assert_eq!(
        in_progress.sentence,
        "a run of rollback.yml of ana is in progress: this one may wait for it, or overwrite it"
    );
    let look = "check it first: https://github.com/example/shop/actions/runs/30433642";
    assert_eq!(in_progress.way_out.as_deref(), Some(look));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_leaves_the_trigger_to_be_seen() {
    let unseen = reply("GET /repos/example/shop/contents/", 403, json!({"message": "Resource not accessible"}));
    let peer = Peer::start(but(vec![unseen])).await;
    let step = on(peer.endpoint("")).step().await;
    let sentence = &check(&step, "trigger").sentence;
    assert!(sentence.ends_with("is only known when it is started"), "{sentence}");
}

#[tokio::test]
async fn services_whose_inputs_differ_are_steps_of_their_own() {
    let peer = Peer::start(quiet_day()).await;
    let each = stage(&system(peer.endpoint(""), &[("service", "$service"), ("version", "$to")]));
    let subject = |step: &Step| step.subject.clone();
    let (cart, mail) = (each.step().await, each.step_for(&ask_of("mail", "mail")).await);
    assert_eq!(subject(&cart), "workflow rollback.yml of example/shop (cart, to 1.8.3)");
    assert_eq!(subject(&mail), "workflow rollback.yml of example/shop (mail, to 1.8.3)");
    let all = on(peer.endpoint(""));
    assert_eq!(subject(&*all.step().await), subject(&*all.step_for(&ask_of("mail", "mail")).await));
}

#[tokio::test]
async fn many_workloads_ask_no_more_than_one() {
    let peer = Peer::start(quiet_day()).await;
    let stage = on(peer.endpoint(""));
    for name in ["app", "worker", "mail"] {
        stage.step_for(&ask_of("cart", name)).await;
    }
    assert_eq!(peer.asked("").len(), 4, "the repository, the workflow, its runs and its file");
    stage.later(60);
    stage.step().await;
    assert_eq!(peer.asked("").len(), 8);
}

#[tokio::test]
async fn a_rollback_that_is_rolled_back_runs_with_the_newer_version() {
    let peer = Peer::start(quiet_day()).await;
    let stage = stage(&system(peer.endpoint(""), &[("version", "$to"), ("why", "$reason")]));
    let mut ask = ask_of("cart", "app");
    let seen = ask.wanted.seen.as_mut().unwrap();
    seen.running = seen.revisions[1].clone();
    ask.goal = Goal::Undo;
    ask.wanted.choice = Choice::Hash("hash-1.9.0".to_owned());
    let step = stage.step_for(&ask).await;
    assert!(step.does[0].ends_with("version = 1.9.0, why = the rollback to 1.8.3 is undone"), "{}", step.does[0]);
}

#[tokio::test]
async fn a_sign_in_page_that_takes_the_request_has_done_nothing() {
    let to = |status, location: &str| dispatched(status, "").header("location", location);
    let peer = Peer::start(but(vec![to(302, "https://sso.example/login?ticket=hush")])).await;
    let stage = on(peer.endpoint(""));
    let blocked = refused(stage.send(&*stage.step().await).await);
    assert_eq!(blocked.reason, "GitHub redirects to a sign-in page");
    // Anywhere else it may have been done.
    let peer = Peer::start(but(vec![to(303, "/somewhere")])).await;
    let stage = on(peer.endpoint(""));
    unknown(stage.send(&*stage.step().await).await);
}

#[tokio::test]
async fn a_variable_that_is_none_blocks_and_is_named() {
    let peer = Peer::start(quiet_day()).await;
    let blocked = stage(&system(peer.endpoint(""), &[("version", "$version")])).refusal().await;
    assert_eq!(blocked.reason, "$version is not a rollback variable");
    assert!(peer.asked("").is_empty());
}

/// A page of jobs that ended well, from this number on; the 135th failed in its second step.
fn jobs(from: usize, count: usize) -> Value {
    let job = |number: usize| {
        let conclusion = if number == 135 { "failure" } else { "success" };
        json!({"id": number, "name": format!("job {number}"), "status": "completed", "conclusion": conclusion, "steps": [
            {"name": "check out", "conclusion": "success"}, {"name": "deploy", "conclusion": conclusion},
        ]})
    };
    json!({"total_count": 140, "jobs": (from..from + count).map(job).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_job_that_failed_on_the_second_page_is_named() {
    let peer = Peer::start(but(vec![dispatched(200, fixture!("github/recorded/dispatched.json"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let page = |number: usize| format!("GET /repos/example/shop/actions/runs/30433700/jobs?per_page=100&page={number}");
    peer.now(vec![
        reply(&page(1), 200, jobs(1, 100)),
        reply(&page(2), 200, jobs(101, 40)),
        run_is("completed", Some("failure")),
    ]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert_eq!(blocked.reason, "the run ended with failure in job “job 135”, step “deploy”");
    // Of a run that is larger than anybody reads, what was read is said.
    peer.now(vec![
        reply("GET /repos/example/shop/actions/runs/30433700/jobs?", 200, jobs(1, 100)),
        run_is("completed", Some("failure")),
    ]);
    let blocked = failed(stage.follow(&step, &run).await);
    assert_eq!(blocked.reason, "the run ended with failure in none of the first 500 jobs; the rest were not read");
}

#[tokio::test]
async fn who_may_only_read_is_told_before_the_key() {
    let about = |push: bool| reply("GET /repos/example/shop$", 200, repository(push));
    let with_access = |about: Reply| but(vec![about]);
    let step = on(Peer::start(with_access(about(true))).await.endpoint("")).step().await;
    assert_eq!(check(&step, "permission").outcome, CheckOutcome::Ok);

    let step = on(Peer::start(with_access(about(false))).await.endpoint("")).step().await;
    let permission = check(&step, "permission");
    assert_eq!(permission.outcome, CheckOutcome::Typed);
    assert_eq!(
        permission.sentence,
        "the token's owner only has read access to example/shop: GitHub will probably not let it start workflows"
    );

    let scoped = about(true).header("x-oauth-scopes", "read:org, workflow");
    let step = on(Peer::start(with_access(scoped)).await.endpoint("")).step().await;
    assert!(check(&step, "permission").sentence.starts_with("the token has only the scopes read:org, workflow: "));
}

#[tokio::test]
async fn more_runs_than_one_page_holds_may_hide_ours() {
    let peer = Peer::start(but(vec![breaks(&format!("POST {WORKFLOW}/dispatches"))])).await;
    let stage = on(peer.endpoint(""));
    let step = stage.step().await;
    unknown(stage.send(&step).await);
    let mut full = runs_with(&["nightly redflag-somebody"]);
    full["total_count"] = json!(140);
    peer.now(vec![reply(&format!("GET {WORKFLOW}/runs"), 200, full)]);
    stage.later(600);
    let why = unknown(stage.read_back(&step).await);
    assert!(why.starts_with("139 runs of rollback.yml have started since"), "{why}");
}
