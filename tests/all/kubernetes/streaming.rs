//! The whole source over HTTP: lists, watches, and everything that goes wrong with them.

use super::server::Server;
use super::tape::{self, Line};
use chrono::TimeDelta;
use redflag::clock::Clock;
use redflag::cluster;
use redflag::cluster::spec::{ClusterAccess, ClusterSpec};
use redflag::deploy::{Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::{Message, StreamNews};
use redflag::poll::SourceError;
use redflag::rollout::{Progress, Rollout};
use redflag::signal::SourceId;
use redflag::systems::kubernetes::stream;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

/// A tape on a server, and the source that watches it.
pub(crate) struct Stage {
    pub(crate) server: Server,
    clock: Clock,
    began: Time,
    news: mpsc::Receiver<Message>,
}

/// What the source is told to watch.
pub(crate) fn spec(server: &Server, name: &str) -> ClusterSpec {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reference =
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: name.to_owned() };
    ClusterSpec {
        name: "kubernetes".to_owned(),
        access: ClusterAccess::Direct { url: server.url.clone(), token: None },
        timeout: Duration::from_secs(20),
        workloads: vec![(WorkloadId(0), reference)],
        containers: Vec::new(),
    }
}

impl Stage {
    /// Plays the tape's lists and begins to watch `name`.
    async fn open(tape: &[Line], name: &str) -> Self {
        let server = Server::start().await;
        for line in tape.iter().filter(|line| line.value["list"].is_object()) {
            server.play(line);
        }
        Self::watch(server, tape::began(tape), name).await
    }

    async fn watch(server: Server, began: Time, name: &str) -> Self {
        let spec = spec(&server, name);
        let cluster = cluster::connect(&spec).await.unwrap();
        assert_eq!(cluster.label, server.url);
        let clock = Clock::manual(began + TimeDelta::seconds(5));
        let (out, news) = mpsc::channel(64);
        tokio::spawn(stream(SourceId(7), spec, cluster, clock.clone(), out));
        Self { server, clock, began, news }
    }

    fn play(&self, tape: &[Line], from_ms: i64, to_ms: i64) {
        for line in tape.iter().filter(|line| (from_ms..to_ms).contains(&line.t_ms)) {
            self.clock.set(self.began + TimeDelta::milliseconds(line.t_ms));
            self.server.play(line);
        }
    }

    async fn next(&mut self) -> StreamNews {
        let Some(Message::Streamed { source: SourceId(7), news, .. }) = self.news.recv().await else { panic!() };
        news
    }

    /// The next digest for which this holds. Nothing else but digests may come before it.
    async fn rollout(&mut self, holds: impl Fn(&Rollout) -> bool) -> Rollout {
        loop {
            match self.next().await {
                StreamNews::Rollout(WorkloadId(0), rollout) if holds(&rollout) => return *rollout,
                StreamNews::Rollout(..) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Lets time pass until something is told.
    async fn news_in_time(&mut self) -> StreamNews {
        loop {
            self.clock.set(self.clock.now() + TimeDelta::seconds(1));
            for _ in 0..20 {
                tokio::task::yield_now().await;
                match self.news.try_recv() {
                    Ok(Message::Streamed { news, .. }) => return news,
                    Ok(other) => panic!("unexpected {other:?}"),
                    Err(_) => {}
                }
            }
        }
    }

    /// Lets time pass until so many more requests came; nothing may be told meanwhile.
    async fn requests_in_silence(&mut self, more: u64) {
        let before = self.server.requests();
        while self.server.requests() < before + more {
            self.clock.set(self.clock.now() + TimeDelta::seconds(1));
            tokio::task::yield_now().await;
            assert_eq!(self.news.try_recv().ok(), None);
        }
    }
}

fn is_complete(rollout: &Rollout) -> bool {
    rollout.progress == Progress::Complete
}

fn runs(label: &'static str) -> impl Fn(&Rollout) -> bool {
    move |rollout| is_complete(rollout) && rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.label() == label)
}

fn from_to(rollout: &Rollout) -> (Option<&str>, &str) {
    let deploy = rollout.deploy.as_ref().unwrap();
    (deploy.from.as_ref().map(Version::label), deploy.to.label())
}

#[tokio::test]
async fn a_rollout_and_its_undo_arrive_over_http() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::open(&tape, "web").await;
    let first = stage.rollout(|_| true).await;
    assert_eq!((from_to(&first), first.pods.len()), ((None, "1.8.3"), 3));

    stage.play(&tape, 6000, 13_000);
    let deployed = stage.rollout(runs("1.9.0")).await;
    assert_eq!(from_to(&deployed), (Some("1.8.3"), "1.9.0"));

    stage.play(&tape, 13_000, 30_000);
    let undone = stage.rollout(|rollout| runs("1.8.3")(rollout) && rollout.replicas.old() == 0).await;
    assert_eq!(from_to(&undone), (Some("1.9.0"), "1.8.3"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_taken_up_where_it_was_and_nobody_hears_of_it() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::open(&tape, "web").await;
    stage.rollout(runs("1.8.3")).await;
    stage.server.break_off();
    stage.play(&tape, 6000, 13_000);
    stage.rollout(runs("1.9.0")).await;
}

#[tokio::test]
async fn a_version_that_is_gone_is_read_again_and_swapped_in_whole() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::open(&tape, "web").await;
    stage.rollout(runs("1.8.3")).await;
    for line in tape.iter().filter(|line| (6000..13_000).contains(&line.t_ms)) {
        stage.server.play_unheard(line);
    }
    stage.server.forget_the_past();
    stage.server.break_off();
    loop {
        let rollout = stage.rollout(|_| true).await;
        assert_eq!(rollout.replicas.total, 3, "half a list was told: {rollout:?}");
        if runs("1.9.0")(&rollout) && rollout.pods.iter().filter(|pod| pod.is_new).count() == 3 {
            break;
        }
    }
}

#[tokio::test]
async fn a_refusal_is_said_once_and_tried_again_until_it_is_lifted() {
    let forbidden = tape::answer("errors.jsonl", 403, "/apis/apps/v1/namespaces/production/deployments/err");
    let unauthorized = tape::answer("errors.jsonl", 401, "/apis/apps/v1/namespaces/production/deployments/err");
    let message = forbidden["message"].as_str().unwrap().to_owned();
    let nobody = tape::answer("errors.jsonl", 403, "/apis/apps/v1/namespaces/production/deployments/app");
    let no_credentials = nobody["message"].as_str().unwrap().to_owned();
    let busy = tape::answer("errors.jsonl", 429, "/apis/apps/v1/namespaces/production/deployments/app?dryRun=All");
    let slow_down = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too many requests, please try again later", "reason": "TooManyRequests",
        "details": { "retryAfterSeconds": 12 }, "code": 429 });
    let cases: [(u16, Value, SourceError); 7] = [
        (401, unauthorized, SourceError::Unauthorized("Unauthorized".to_owned())),
        (403, forbidden, SourceError::Forbidden(message)),
        (403, nobody, SourceError::Unauthorized(no_credentials)),
        (429, busy, SourceError::RateLimited { retry_after: None }),
        (404, json!("404 page not found\n"), SourceError::NotFound("404 page not found".to_owned())),
        (429, slow_down, SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(12)) }),
        (
            503,
            json!("<html>bad gateway</html>"),
            SourceError::Server { status: 503, text: "<html>bad gateway</html>".to_owned() },
        ),
    ];
    let tape = tape::open("rollout-good-then-undo.jsonl");
    for (status, body, expected) in cases {
        let server = Server::start().await;
        for line in tape.iter().filter(|line| line.value["list"].is_object()) {
            server.play(line);
        }
        server.refuse("pods", status, body);
        let mut stage = Stage::watch(server, tape::began(&tape), "web").await;
        assert_eq!(stage.next().await, StreamNews::Down(expected));
        stage.requests_in_silence(4).await;
        stage.server.relent();
        assert!(matches!(stage.news_in_time().await, StreamNews::Rollout(..)), "{status}");
    }
}

#[tokio::test]
async fn a_workload_that_does_not_exist_yet_is_gone_until_it_appears() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::watch(Server::start().await, tape::began(&tape), "web").await;
    let nothing = stage.rollout(|_| true).await;
    assert_eq!((&nothing.progress, nothing.uid.as_str(), nothing.deploy), (&Progress::Gone, "", None));

    let mut added =
        tape.iter().filter(|line| line.value["list"].is_object()).flat_map(as_additions).collect::<Vec<_>>();
    added.sort_by_key(|line| line.stream != "deployments");
    for line in &added {
        stage.server.play(line);
    }
    let there = stage.rollout(|rollout| is_complete(rollout) && rollout.pods.len() == 3).await;

    let mut deleted = added.iter().find(|line| line.stream == "deployments").unwrap().clone();
    deleted.value["event"]["type"] = json!("DELETED");
    deleted.value["event"]["object"]["metadata"]["resourceVersion"] = json!("5000");
    stage.server.play(&deleted);
    let gone = stage.rollout(|_| true).await;
    assert_eq!((&gone.progress, &gone.uid), (&Progress::Gone, &there.uid));

    // Made again under the same name: the old one's pods are not its pods.
    let mut anew = deleted;
    anew.value["event"]["type"] = json!("ADDED");
    anew.value["event"]["object"]["metadata"]["uid"] = json!("another");
    anew.value["event"]["object"]["metadata"]["resourceVersion"] = json!("5001");
    stage.server.play(&anew);
    let anew = stage.rollout(|rollout| rollout.progress != Progress::Gone).await;
    assert_eq!((anew.uid.as_str(), anew.pods, anew.deploy), ("another", vec![], None));
}

fn as_additions(line: &Line) -> Vec<Line> {
    let items = line.value["list"]["items"].as_array().unwrap();
    let of_web = items.iter().filter(|item| item["metadata"]["labels"]["app"] == "web");
    let added =
        of_web.map(|item| Line { value: json!({ "event": { "type": "ADDED", "object": item } }), ..line.clone() });
    added.collect()
}

#[tokio::test]
async fn a_quiet_cluster_gives_a_sign_of_life_and_a_dead_one_does_not() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::open(&tape, "web").await;
    stage.rollout(runs("1.8.3")).await;
    assert_eq!(stage.news_in_time().await, StreamNews::Alive);
    assert_eq!(stage.news_in_time().await, StreamNews::Alive);

    stage.server.refuse("deployments", 500, json!("etcd is on fire"));
    let down = SourceError::Server { status: 500, text: "etcd is on fire".to_owned() };
    assert_eq!(stage.news_in_time().await, StreamNews::Down(down));
    stage.requests_in_silence(3).await;
    stage.server.relent();
    assert_eq!(stage.news_in_time().await, StreamNews::Alive);
}

#[tokio::test]
async fn a_watch_that_hangs_is_noticed_and_restarted() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let mut stage = Stage::open(&tape, "web").await;
    stage.rollout(runs("1.8.3")).await;
    for line in tape.iter().filter(|line| (6000..13_000).contains(&line.t_ms)) {
        stage.server.play_unheard(line);
    }
    loop {
        match stage.news_in_time().await {
            StreamNews::Rollout(_, rollout) if runs("1.9.0")(&rollout) && rollout.pods.iter().all(|pod| pod.is_new) => {
                break;
            }
            StreamNews::Alive | StreamNews::Rollout(..) => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[tokio::test]
async fn events_that_may_not_be_read_are_missed_aloud_and_nothing_else_stops() {
    let tape = tape::open("rollout-good-then-undo.jsonl");
    let server = Server::start().await;
    for line in tape.iter().filter(|line| line.value["list"].is_object()) {
        server.play(line);
    }
    let forbidden = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "events is forbidden", "reason": "Forbidden", "code": 403 });
    server.refuse("events", 403, forbidden);
    let mut stage = Stage::watch(server, tape::began(&tape), "web").await;
    let mut told = Vec::new();
    while told.len() < 2 {
        match stage.next().await {
            StreamNews::Rollout(_, rollout) => told.push(format!("{:?}", rollout.progress)),
            StreamNews::Event { text, .. } => told.push(text),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(
        told,
        ["Complete", "warning events of namespace production are not shown: not allowed: events is forbidden",]
    );
    assert_eq!(stage.news_in_time().await, StreamNews::Alive);
}
