//! Jenkins.

use crate::ci::peer::{Peer, Reply, breaks, reply};
use crate::ci::stage::{
    RUN_TIMEOUT, Stage, TOKEN, action, check, doubts, failed, fixture, pairs, refused, running, stage, unknown, with,
};
use redflag::net::Auth;
use redflag::rollback::Step;
use redflag::rollback::action::{Build, CiAction};
use redflag::secret::Secret;
use redflag::systems::jenkins::JenkinsSpec;
use serde_json::{Value, json};

const JOB: &str = "/ci/job/shop/job/rollback";

fn given(peer: &Peer, parameters: &[(&str, &str)]) -> Stage {
    let auth = Auth::Basic { user: "ana".to_owned(), password: Secret::new(TOKEN) };
    stage(&JenkinsSpec {
        endpoint: peer.endpoint("/ci"),
        run_timeout: RUN_TIMEOUT,
        auth,
        job: "shop/rollback".to_owned(),
        parameters: pairs(parameters),
    })
}

fn on(peer: &Peer) -> Stage {
    given(peer, &[("VERSION", "$to"), ("ID", "$id")])
}

fn job() -> Reply {
    reply(&format!("GET {JOB}/api/json?"), 200, fixture!("jenkins/recorded/job.json"))
}

fn built(status: u16, place: &str) -> Reply {
    reply(&format!("POST {JOB}/buildWithParameters?delay=0sec"), status, "").header("location", place)
}

fn build_is(result: Option<&str>) -> Value {
    with(with(fixture!("jenkins/recorded/build.json"), "/result", result), "/building", result.is_none())
}

fn marker(step: &Step) -> String {
    match action(step) {
        CiAction::Build(Build { marker, .. }) => marker.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_is_built_and_followed_from_the_queue_to_its_end() {
    // Jenkins knows itself by another name than we do.
    let peer = Peer::start(vec![job(), built(201, "http://jenkins.internal:8080/queue/item/17/")]).await;
    let stage = on(&peer);
    let step = stage.step().await;
    let id = marker(&step);
    assert_eq!(step.subject, "job shop/rollback (to 1.8.3)");
    assert_eq!(step.does, [format!("build job shop/rollback with VERSION = 1.8.3, ID = {id}")]);
    let address = peer.url(&format!("{JOB}/buildWithParameters"));
    assert_eq!(
        step.manual_command,
        format!("curl -X POST -u USER:TOKEN {address} --data-urlencode VERSION=1.8.3 --data-urlencode ID={id}")
    );
    assert!(doubts(&step).is_empty(), "{:?}", step.checks);
    assert_eq!(step.expected.num_seconds(), 81);

    let run = running(stage.send(&step).await);
    assert_eq!((run.id.as_str(), run.state.as_str()), ("queue/17@1700000000", "queued"));
    let asked = &peer.asked("POST ")[0];
    assert_eq!(asked.body, format!("VERSION=1.8.3&ID={id}"));
    assert!(asked.header("authorization").starts_with("Basic "));

    peer.now(vec![reply("GET /ci/queue/item/17/api/json?", 200, fixture!("jenkins/recorded/queue_item.json"))]);
    assert_eq!(running(stage.follow(&step, &run).await).state, "queued: In the quiet period. Expires in 4.9 sec");
    let left = json!({"executable": {"number": 42, "url": "https://jenkins.example/job/shop/job/rollback/42/"}});
    peer.now(vec![reply("GET /ci/queue/item/17/api/json?", 200, left)]);
    let run = running(stage.follow(&step, &run).await);
    assert_eq!(run.id, "build/42@1700000000");
    assert_eq!(run.link.as_deref(), Some("https://jenkins.example/job/shop/job/rollback/42/"));
    for (result, state, ended) in [
        (None, "in progress", false),
        (Some("UNSTABLE"), "finished, unstable", true),
        (Some("SUCCESS"), "succeeded", true),
    ] {
        peer.now(vec![reply(&format!("GET {JOB}/42/api/json?"), 200, build_is(result))]);
        let now = running(stage.follow(&step, &run).await);
        assert_eq!((now.state.as_str(), now.ended), (state, ended));
    }
    assert_eq!(peer.asked("POST ").len(), 1);
}

#[tokio::test]
async fn an_identical_build_in_the_queue_is_not_taken_for_a_sign_in_page() {
    let peer = Peer::start(vec![job(), built(303, "https://jenkins.example/queue/item/17/")]).await;
    let stage = on(&peer);
    assert_eq!(running(stage.send(&*stage.step().await).await).id, "queue/17@1700000000");
    assert_eq!(peer.asked("").len(), 2, "a redirect is not followed");
}

#[tokio::test]
async fn a_place_that_the_queue_has_forgotten_is_found_among_the_builds() {
    let peer = Peer::start(vec![job(), built(201, "https://jenkins.example/queue/item/17/")]).await;
    let stage = on(&peer);
    let step = stage.step().await;
    let run = running(stage.send(&step).await);
    let builds = |queue: u64| {
        let build = with(build_is(None), "/queueId", queue);
        reply(&format!("GET {JOB}/api/json?tree=builds"), 200, json!({"builds": [build]}))
    };
    peer.now(vec![builds(17)]);
    assert_eq!(running(stage.follow(&step, &run).await).id, "build/42@1700000000");
    peer.now(vec![builds(18)]);
    let reason = unknown(stage.follow(&step, &run).await);
    assert!(reason.starts_with("Jenkins no longer has queue item 17"), "{reason}");
}

#[tokio::test]
async fn a_build_that_failed_was_aborted_or_cancelled_is_told_with_its_link() {
    let peer = Peer::start(vec![job(), built(201, "https://jenkins.example/queue/item/17/")]).await;
    let stage = on(&peer);
    let step = stage.step().await;
    let queued = running(stage.send(&step).await);
    peer.now(vec![reply("GET /ci/queue/item/17/api/json?", 200, json!({"cancelled": true}))]);
    let blocked = failed(stage.follow(&step, &queued).await);
    assert_eq!(blocked.reason, "the build of shop/rollback was cancelled in the queue");
    let run = redflag::rollback::Run { id: "build/42@1700000000".to_owned(), ..queued };
    for (result, reason) in [
        ("FAILURE", "build 42 of shop/rollback failed"),
        ("ABORTED", "build 42 of shop/rollback was aborted"),
        ("NOT_BUILT", "build 42 of shop/rollback was not built"),
    ] {
        peer.now(vec![reply(&format!("GET {JOB}/42/api/json?"), 200, build_is(Some(result)))]);
        let blocked = failed(stage.follow(&step, &run).await);
        assert_eq!(blocked.reason, reason);
        assert!(blocked.way_out.ends_with("https://jenkins.example/job/shop/job/rollback/42/"), "{}", blocked.way_out);
    }
}

#[tokio::test]
async fn a_parameter_that_jenkins_would_drop_blocks() {
    let peer = Peer::start(vec![job()]).await;
    let blocked = given(&peer, &[("VERSON", "$to")]).refusal().await;
    assert_eq!(blocked.reason, "shop/rollback has no parameter VERSON: Jenkins would drop it silently");
    assert_eq!(blocked.way_out, "use the ones it has: VERSION, ID");
    let plain = with(fixture!("jenkins/recorded/job.json"), "/property", json!([]));
    let peer = Peer::start(vec![reply(&format!("GET {JOB}/api/json?"), 200, plain)]).await;
    let blocked = on(&peer).refusal().await;
    assert_eq!(blocked.reason, "shop/rollback takes no parameters, but gets VERSION, ID");
    let step = given(&peer, &[]).step().await;
    assert_eq!(doubts(&step), ["build name"]);
    assert!(step.manual_command.ends_with(&format!("{JOB}/build")), "{}", step.manual_command);
}

#[tokio::test]
async fn a_job_that_cannot_be_built_blocks_and_one_in_progress_is_told() {
    let disabled = with(fixture!("jenkins/recorded/job.json"), "/buildable", false);
    let peer = Peer::start(vec![reply(&format!("GET {JOB}/api/json?"), 200, disabled)]).await;
    assert_eq!(on(&peer).refusal().await.reason, "shop/rollback is disabled, or is a folder");
    let peer = Peer::start(vec![]).await;
    assert_eq!(on(&peer).refusal().await.reason, "no job shop/rollback, or the user cannot see it");
    let busy = with(fixture!("jenkins/recorded/job.json"), "/lastBuild/building", true);
    let peer = Peer::start(vec![reply(&format!("GET {JOB}/api/json?"), 200, busy)]).await;
    let step = on(&peer).step().await;
    assert_eq!(
        check(&step, "in progress").sentence,
        "build 41 of shop/rollback is in progress: this one may wait for it, or overwrite it"
    );
}

#[tokio::test]
async fn what_jenkins_refuses_changed_nothing_and_says_what_to_do() {
    let post = format!("POST {JOB}/buildWithParameters");
    let crumb = "<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>";
    let refusals = [
        (403, crumb, "Jenkins requires a crumb: the page “Error 403 No valid crumb was included in the request”"),
        (
            403,
            "ana is missing the Job/Build permission",
            "the user may not build shop/rollback: ana is missing the Job/Build permission",
        ),
        (404, "", "no job shop/rollback that this user may build"),
        (409, "shop/rollback is not buildable", "shop/rollback is disabled: shop/rollback is not buildable"),
        (400, "not parameterized", "shop/rollback cannot be built this way: not parameterized"),
        (
            401,
            "Invalid password/token for user: ana",
            "Jenkins rejected the token: Invalid password/token for user: ana",
        ),
    ];
    for (status, said, reason) in refusals {
        let peer = Peer::start(vec![job(), reply(&post, status, said)]).await;
        let stage = on(&peer);
        assert_eq!(refused(stage.send(&*stage.step().await).await).reason, reason);
        assert_eq!(peer.asked("POST ").len(), 1);
    }
    let peer = Peer::start(vec![job(), reply(&post, 429, "").header("retry-after", "7")]).await;
    let stage = on(&peer);
    let blocked = refused(stage.send(&*stage.step().await).await);
    assert_eq!(blocked.reason, "Jenkins takes no more requests for 7 s");
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_in_the_queue_and_among_the_builds() {
    let peer = Peer::start(vec![job(), breaks(&format!("POST {JOB}/buildWithParameters"))]).await;
    let stage = on(&peer);
    let step = stage.step().await;
    unknown(stage.send(&step).await);
    let queue = |params: &str| reply("GET /ci/queue/api/json?", 200, json!({"items": [{"id": 17, "params": params}]}));
    let builds = |id: &str| {
        let build = with(build_is(None), "/actions/0/parameters/1/value", id);
        reply(&format!("GET {JOB}/api/json?tree=builds"), 200, json!({"builds": [build]}))
    };
    peer.now(vec![queue("\nVERSION=1.8.3\nID=other"), builds("other")]);
    let reason = unknown(stage.read_back(&step).await);
    assert_eq!(reason, "neither the builds of shop/rollback nor the queue have it; it may still arrive");
    peer.now(vec![queue(&format!("\nVERSION=1.8.3\nID={}", marker(&step))), builds("other")]);
    assert_eq!(running(stage.read_back(&step).await).id, "queue/17@1700000000");
    peer.now(vec![queue(""), builds(&marker(&step))]);
    assert_eq!(running(stage.read_back(&step).await).id, "build/42@1700000000");
    peer.now(vec![queue(""), builds("other")]);
    stage.later(60);
    refused(stage.read_back(&step).await);
    assert_eq!(peer.asked("POST ").len(), 1);
}

#[tokio::test]
async fn without_a_parameter_that_shows_it_a_lost_build_cannot_be_told() {
    let peer = Peer::start(vec![job(), breaks(&format!("POST {JOB}/buildWithParameters"))]).await;
    let stage = given(&peer, &[("VERSION", "$to")]);
    let step = stage.step().await;
    assert_eq!(doubts(&step), ["build name"]);
    unknown(stage.send(&step).await);
    stage.later(600);
    let reason = unknown(stage.read_back(&step).await);
    assert!(reason.ends_with("check its builds in Jenkins"), "{reason}");
}
