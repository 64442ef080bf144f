//! The demo company, asked over plain HTTP: it must behave as the real systems do, and a rollback must really
//! change what it says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{TimeDelta, TimeZone, Utc};
use redflag::clock::Clock;
use redflag::config::{AssembleOptions, Assembly, Config};
use redflag::demo::{Company, Fault, Options, Peer, Scenario, TOKEN, VIEWER_TOKEN};
use redflag::deploy::{Time, version_label};
use redflag::poll::{Ago, AlertState, PollRequest};
use redflag::signal::{Kind, SignalId, SourceId};
use redflag::systems::api::SourceSpec;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/production/deployments";
const REPLICA_SETS: &str = "/apis/apps/v1/namespaces/production/replicasets?labelSelector=app%3Dapp";
const PODS: &str = "/api/v1/namespaces/production/pods?labelSelector=app%3Dapp";

fn begin() -> Time {
    Utc.with_ymd_and_hms(2026, 11, 23, 14, 0, 0).unwrap()
}

/// A company, its clock, and somebody who asks it things.
struct Story {
    company: Company,
    clock: Clock,
    client: reqwest::Client,
}

impl Story {
    async fn of(scenario: Scenario) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::manual(begin());
        let company = Company::start(scenario, clock.clone()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { company, clock, client }
    }

    /// Lets time pass.
    fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.now() + TimeDelta::seconds(seconds));
    }

    fn ask(&self, peer: Peer, method: Method, path: &str) -> reqwest::RequestBuilder {
        let token = self.company.secret(TOKEN).unwrap();
        self.client
            .request(method, format!("{}{path}", self.company.url(peer)))
            .bearer_auth(&token)
            .header("DD-API-KEY", &token)
            .header("DD-APPLICATION-KEY", &token)
    }

    async fn get(&self, peer: Peer, path: &str) -> Value {
        self.ask(peer, Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    async fn cluster(&self, path: &str) -> Value {
        self.get(Peer::Kubernetes, path).await
    }

    async fn app(&self) -> Value {
        self.cluster(&format!("{DEPLOYMENTS}/app")).await
    }

    async fn patch(&self, path: &str, kind: &str, body: &Value) -> Response {
        self.ask(Peer::Kubernetes, Method::PATCH, path)
            .header("content-type", format!("application/{kind}+json"))
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    /// The undo as redflag sends it, with its `test` operations.
    async fn undo_patch(&self) -> Value {
        let app = self.app().await;
        let sets = self.cluster(REPLICA_SETS).await;
        let mut sets = sets["items"].as_array().unwrap().clone();
        sets.sort_by_key(|set| -revision(set));
        let mut template = sets[1]["spec"]["template"].clone();
        template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
        json!([
            {"op": "test", "path": "/metadata/uid", "value": app["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": app["metadata"]["generation"]},
            {"op": "replace", "path": "/spec/template", "value": template},
        ])
    }

    /// Values of a query in Grafana over the last `seconds`, 30 seconds apart, whole bins only.
    async fn query(&self, expr: &str, seconds: i64) -> Vec<f64> {
        let now = self.clock.now().timestamp_millis();
        let body = json!({"from": (now - seconds * 1000).to_string(), "to": now.to_string(), "queries": [
            {"refId": "A", "datasource": {"uid": "demo-prometheus"}, "expr": expr, "range": true, "interval": "30s",
             "maxDataPoints": 600}]});
        let answer = self.ask(Peer::Grafana, Method::POST, "/api/ds/query").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        let values = &answer["results"]["A"]["frames"][0]["data"]["values"][1];
        values.as_array().into_iter().flatten().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
    }

    /// The newest value of one of the signals that the configuration asks for.
    async fn now(&self, expr: &str) -> f64 {
        *self.query(expr, 60).await.last().unwrap()
    }

    async fn rolled_out(&self) -> bool {
        let app = self.app().await;
        let status = &app["status"];
        status["observedGeneration"] == app["metadata"]["generation"]
            && status["updatedReplicas"] == app["spec"]["replicas"]
            && status["replicas"] == status["updatedReplicas"]
            && status["availableReplicas"] == status["updatedReplicas"]
    }
}

fn revision(object: &Value) -> i64 {
    object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str().unwrap().parse().unwrap()
}

fn image(object: &Value) -> &str {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}

const ERROR_SHARE: &str = r#"100 * sum(increase(http_requests_total{service="app",status=~"5.."}[1m])) / sum(increase(http_requests_total{service="app"}[1m]))"#;
const P95: &str = r#"1000 * histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="app"}[$__rate_interval])))"#;
const MEMORY: &str = r#"100 * max(container_memory_working_set_bytes{service="app"} / container_spec_memory_limit_bytes{service="app"})"#;

#[tokio::test]
async fn a_deploy_rolls_out_in_about_seventy_seconds_and_never_below_its_size() {
    let story = Story::of(Scenario::Healthy).await;
    let before = story.app().await;
    assert_eq!(image(&before), "registry.example.com/app:1.8.3");
    assert!(story.rolled_out().await);
    story.pass(3);
    let app = story.app().await;
    assert_eq!(image(&app), "registry.example.com/app:1.9.0");
    assert_eq!(revision(&app), revision(&before) + 1);
    assert_eq!(app["metadata"]["generation"], before["metadata"]["generation"].as_i64().unwrap() + 1);
    let mut took = 0;
    while !story.rolled_out().await {
        took += 1;
        assert!(took < 120, "{}", story.app().await["status"]);
        story.pass(1);
        let status = story.app().await["status"].clone();
        assert!(status["availableReplicas"].as_i64().unwrap() >= 12);
        assert!(status["replicas"].as_i64().unwrap() <= 15);
    }
    assert!((55..85).contains(&took), "{took} s");
    let app = story.app().await;
    let progressing = &app["status"]["conditions"][1];
    assert_eq!(progressing["reason"], "NewReplicaSetAvailable");
}

#[tokio::test]
async fn an_undo_brings_the_old_replica_set_back_with_a_new_revision_number_and_the_errors_fall() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(300);
    let bad = story.now(ERROR_SHARE).await;
    assert!((2.0..4.5).contains(&bad), "{bad} %");
    assert!(story.now(P95).await > 620.0);
    let before = revision(&story.app().await);

    let undo = story.undo_patch().await;
    let answer = story.patch(&format!("{DEPLOYMENTS}/app?fieldManager=redflag"), "json-patch", &undo).await;
    assert_eq!(answer.status(), StatusCode::OK);
    story.pass(100);

    assert!(story.rolled_out().await);
    let app = story.app().await;
    assert_eq!(image(&app), "registry.example.com/app:1.8.3");
    assert_eq!(revision(&app), before + 1);
    let sets = story.cluster(REPLICA_SETS).await;
    let old = sets["items"].as_array().unwrap().iter().find(|set| image(set).ends_with(":1.8.3")).unwrap();
    assert_eq!(revision(old), before + 1);
    let history = old["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"].as_str();
    assert_eq!(history, Some((before - 1).to_string().as_str()));
    story.pass(60);
    assert!(story.now(ERROR_SHARE).await < 0.1);
    assert!(story.now(P95).await < 500.0);
}

#[tokio::test]
async fn a_failed_test_is_an_anonymous_422_and_a_dry_run_changes_nothing() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(100);
    let undo = story.undo_patch().await;
    let path = format!("{DEPLOYMENTS}/app");
    let before = story.app().await;

    let dry: Value = story.patch(&format!("{path}?dryRun=All"), "json-patch", &undo).await.json().await.unwrap();
    assert_eq!(dry["metadata"]["generation"].as_i64().unwrap(), before["metadata"]["generation"].as_i64().unwrap() + 1);
    assert_eq!(dry["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(story.app().await, before);

    story.company.faults().scale("app", 13);
    let answer = story.patch(&path, "json-patch", &undo).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = answer.json().await.unwrap();
    let tape = "the server rejected our request due to an error in our request";
    assert_eq!((body["message"].as_str(), body["reason"].as_str()), (Some(tape), Some("Invalid")));
    assert_eq!(body["details"], json!({}));
    assert_eq!(story.company.requests().changes().count(), 1);
}

#[tokio::test]
async fn what_is_not_valid_or_not_current_is_refused_as_by_a_real_server() {
    let story = Story::of(Scenario::Healthy).await;
    story.pass(90);
    let path = format!("{DEPLOYMENTS}/app");
    let bad = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "", "ports": [{"containerPort": 99999}]}]}}}});
    let body: Value = story.patch(&path, "strategic-merge-patch", &bad).await.json().await.unwrap();
    assert_eq!(
        body["message"],
        "Deployment.apps \"app\" is invalid: [spec.template.spec.containers[0].image: Required value, \
         spec.template.spec.containers[0].ports[1].containerPort: Invalid value: 99999: must be between 1 and 65535, \
         inclusive]"
    );
    assert_eq!(body["details"]["causes"].as_array().unwrap().len(), 2);

    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 5}});
    assert_eq!(story.patch(&path, "merge-patch", &stale).await.status(), StatusCode::CONFLICT);
    let missing: Value = story.cluster(&format!("{DEPLOYMENTS}/nope")).await;
    assert_eq!(missing["message"], "deployments.apps \"nope\" not found");
    let metrics = story.ask(Peer::Kubernetes, Method::GET, "/apis/metrics.k8s.io/v1beta1/namespaces/production/pods");
    let metrics = metrics.send().await.unwrap();
    assert_eq!(
        (metrics.status(), metrics.text().await.unwrap().as_str()),
        (StatusCode::NOT_FOUND, "404 page not found\n")
    );
    let deleted = story.ask(Peer::Kubernetes, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_wrong_token_is_turned_away_everywhere_and_a_viewer_may_only_look() {
    let story = Story::of(Scenario::Healthy).await;
    for (peer, path, message) in [
        (Peer::Kubernetes, DEPLOYMENTS, json!({"message": "Unauthorized"})),
        (Peer::Grafana, "/api/datasources", json!({"messageId": "api-key.invalid"})),
        (Peer::Sentry, "/api/0/organizations/demo/issues/", json!({"detail": "Invalid token"})),
    ] {
        let url = format!("{}{path}", story.company.url(peer));
        let answer = story.client.get(url).bearer_auth("wrong").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let body: Value = answer.json().await.unwrap();
        for (key, value) in message.as_object().unwrap() {
            assert_eq!(body[key], *value);
        }
    }
    let url = format!("{}/api/v1/monitor/search", story.company.url(Peer::Datadog));
    assert_eq!(story.client.get(url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let viewer = story.company.secret(VIEWER_TOKEN).unwrap();
    let url = format!("{}{DEPLOYMENTS}/app", story.company.url(Peer::Kubernetes));
    assert_eq!(story.client.get(&url).bearer_auth(&viewer).send().await.unwrap().status(), StatusCode::OK);
    let refused = story.client.patch(&url).bearer_auth(&viewer).body("[]").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(
        refused["message"],
        "deployments.apps \"app\" is forbidden: User \"viewer\" cannot patch resource \"deployments\" in API group \
         \"apps\" in the namespace \"production\""
    );
    let url = format!("{}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", story.company.url(Peer::Kubernetes));
    let review = json!({"spec": {"resourceAttributes": {"verb": "patch", "resource": "deployments"}}});
    let answer = story.client.post(url).bearer_auth(&viewer).json(&review).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], json!({"allowed": false}));
}

/// The next whole line of a watch.
async fn line(stream: &mut Response, rest: &mut String) -> Option<Value> {
    loop {
        if let Some((line, after)) = rest.split_once('\n') {
            let value = serde_json::from_str(line).unwrap();
            *rest = after.to_string();
            return Some(value);
        }
        rest.push_str(std::str::from_utf8(&stream.chunk().await.ok()??).unwrap());
    }
}

#[tokio::test]
async fn a_watch_tells_of_each_change_and_one_that_is_too_old_gets_410() {
    let story = Story::of(Scenario::Healthy).await;
    let list = story.cluster(PODS).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 12);
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = |version: &str| format!("{PODS}&watch=true&allowWatchBookmarks=true&resourceVersion={version}");
    let mut stream = story.ask(Peer::Kubernetes, Method::GET, &watch(version)).send().await.unwrap();
    story.pass(8);
    let mut rest = String::new();
    let added = line(&mut stream, &mut rest).await.unwrap();
    assert_eq!(added["type"], "ADDED");
    assert_eq!(added["object"]["kind"], "Pod");
    assert_eq!(added["object"]["status"]["phase"], "Pending");
    assert_eq!(added["object"]["metadata"]["ownerReferences"][0]["controller"], true);

    let too_old = story.ask(Peer::Kubernetes, Method::GET, &watch("1")).send().await.unwrap();
    assert_eq!(too_old.status(), StatusCode::OK);
    let too_old: Value = serde_json::from_str(too_old.text().await.unwrap().trim()).unwrap();
    assert_eq!((too_old["type"].as_str(), too_old["object"]["code"].as_i64()), (Some("ERROR"), Some(410)));
    assert_eq!(too_old["object"]["reason"], "Expired");

    let streamed = format!(
        "{DEPLOYMENTS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut stream = story.ask(Peer::Kubernetes, Method::GET, &streamed).send().await.unwrap();
    let mut rest = String::new();
    assert_eq!(line(&mut stream, &mut rest).await.unwrap()["object"]["metadata"]["name"], "app");
    let bookmark = line(&mut stream, &mut rest).await.unwrap();
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");

    // A watch ends with its server's health.
    story.company.faults().set(Peer::Kubernetes, Fault::DropBefore);
    assert!(line(&mut stream, &mut rest).await.is_none());
}

#[tokio::test]
async fn sentry_names_the_new_issues_of_a_bad_release_and_none_of_a_good_one() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(400);
    let new = "/api/0/organizations/demo/issues/?query=firstRelease%3A%22app%401.9.0%22%20is%3Aunresolved&sort=freq";
    let issues = story.get(Peer::Sentry, new).await;
    let titles: Vec<&str> = issues.as_array().unwrap().iter().map(|issue| issue["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["TypeError: cart.total is None", "IntegrityError: orders_fk"]);
    let count = |issues: &Value| issues[0]["count"].as_str().unwrap().parse::<u64>().unwrap();
    let (before, id) = (count(&issues), issues[0]["id"].as_str().unwrap().to_owned());
    assert!(before > 100);
    story.pass(60);
    assert!(count(&story.get(Peer::Sentry, new).await) > before);

    let path = format!(
        "/api/0/organizations/demo/events-timeseries/?dataset=errors&yAxis=count()&interval=60&statsPeriod=10m&query=issue.id%3A%5B{id}%5D"
    );
    let series = story.get(Peer::Sentry, &path).await;
    let values = series["timeSeries"][0]["values"].as_array().unwrap();
    assert!(values.iter().rev().take(2).all(|value| value["incomplete"] == true));
    assert_eq!(values[0]["timestamp"].as_i64().unwrap() % 60_000, 0, "milliseconds");
    assert!(values.iter().any(|value| value["value"].as_f64().unwrap() > 20.0));

    let healthy = Story::of(Scenario::Healthy).await;
    healthy.pass(1800);
    assert_eq!(healthy.get(Peer::Sentry, new).await, json!([]));
    let path = "/api/0/organizations/demo/sessions/?field=sum(session)&field=crash_free_rate(session)&interval=10m&statsPeriod=1h&query=release%3A%22app%401.9.0%22";
    let sessions = healthy.get(Peer::Sentry, path).await;
    let totals = &sessions["groups"][0]["totals"];
    assert!(totals["sum(session)"].as_f64().unwrap() > 5000.0);
    assert!((0.997..0.9999).contains(&totals["crash_free_rate(session)"].as_f64().unwrap()), "a fraction");
    assert!(sessions["groups"][0]["series"]["crash_free_rate(session)"][0].is_null(), "none before the deploy");
    let stranger = healthy.ask(Peer::Sentry, Method::GET, "/api/0/organizations/other/issues/").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_alert_is_pending_first_and_fires_later() {
    let story = Story::of(Scenario::BadRelease).await;
    let mut states = Vec::new();
    for _ in 0..40 {
        story.pass(15);
        let rules = story.get(Peer::Grafana, "/api/prometheus/grafana/api/v1/rules").await;
        let state = rules["data"]["groups"][0]["rules"][0]["state"].as_str().unwrap().to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(states, ["inactive", "pending", "firing"]);
    let firing = story.get(Peer::Grafana, "/api/prometheus/grafana/api/v1/rules?state=firing&limit_alerts=16").await;
    assert_eq!(firing["data"]["groups"][0]["rules"][0]["alerts"][0]["state"], "Alerting");
    let monitors = story.get(Peer::Datadog, "/api/v1/monitor/search?query=service:app%20status:alert").await;
    assert_eq!(monitors["monitors"][0]["status"], "Alert");
}

#[tokio::test]
async fn grafana_answers_good_queries_beside_a_bad_one_with_400() {
    let story = Story::of(Scenario::Healthy).await;
    let query = |id: &str, expr: &str| json!({"refId": id, "datasource": {"uid": "demo-prometheus"}, "expr": expr, "range": true});
    let ask = async |queries: Value| {
        let body = json!({"from": "now-30m", "to": "now", "queries": queries});
        story.ask(Peer::Grafana, Method::POST, "/api/ds/query").json(&body).send().await.unwrap()
    };
    let answer =
        ask(json!([query("A", "sum(up)"), query("B", "sum(rate(x[5m])"), query("C", "nobody_has_this")])).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["results"]["A"]["frames"][0]["data"]["values"][1][0], 1.0);
    assert_eq!(
        body["results"]["B"],
        json!({"error": "bad_data: invalid parameter \"query\": 1:16: parse error: unclosed left parenthesis",
               "errorSource": "downstream", "status": 400})
    );
    assert_eq!(body["results"]["C"]["frames"], json!([]), "no series is no error");
    let mut strange = query("A", "up");
    strange["datasource"]["uid"] = json!("nope");
    let answer = ask(json!([strange])).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_data_source_proxy_speaks_prometheus() {
    let story = Story::of(Scenario::Healthy).await;
    let proxy = "/api/datasources/proxy/uid/demo-prometheus/api/v1";
    let now = begin().timestamp();
    let range = format!("{proxy}/query_range?query=sum(up)&start={}&end={now}&step=15s", now - 60);
    let answer = story.get(Peer::Grafana, &range).await;
    assert_eq!(answer["data"]["resultType"], "matrix");
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 5);
    assert_eq!(answer["data"]["result"][0]["values"][0][1], "1", "values are texts");
    let nothing = story.get(Peer::Grafana, &format!("{proxy}/query?query=0%20/%200")).await;
    assert_eq!(nothing["data"]["result"][0]["value"][1], "NaN");
    let endless = format!("{proxy}/query_range?query=up&start=0&end={now}&step=1");
    let refused = story.ask(Peer::Grafana, Method::GET, &endless).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.json::<Value>().await.unwrap()["errorType"], "bad_data");
}

async fn pool(story: &Story) -> f64 {
    let now = story.clock.now().timestamp_millis();
    let body = json!({"data": {"type": "timeseries_request", "attributes": {"from": now - 600_000, "to": now - 30_000,
        "interval": 30_000, "queries": [{"data_source": "metrics", "name": "a",
            "query": "avg:db.pool.utilization{service:app,env:production}"}], "formulas": [{"formula": "a"}]}}});
    let answer = story.ask(Peer::Datadog, Method::POST, "/api/v2/query/timeseries").json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let attributes = &answer["data"]["attributes"];
    let values = attributes["values"][0].as_array().unwrap();
    assert_eq!(values.len(), attributes["times"].as_array().unwrap().len());
    values.last().unwrap().as_f64().unwrap()
}

#[tokio::test]
async fn each_scenario_shows_what_it_is_named_after() {
    let story = Story::of(Scenario::MemoryLeak).await;
    story.pass(120);
    assert!(story.now(MEMORY).await < 48.0);
    story.pass(1080);
    assert!(story.now(MEMORY).await > 70.0);
    story.pass(900);
    let pods = story.cluster(PODS).await.to_string();
    assert!(pods.contains("OOMKilled"), "killed at the limit");

    let story = Story::of(Scenario::PoolExhausted).await;
    story.pass(60);
    assert!(pool(&story).await < 80.0);
    story.pass(600);
    assert!((pool(&story).await - 100.0).abs() < 1e-9);
    assert!(story.now(ERROR_SHARE).await > 2.0);
    let site = story.ask(Peer::Website, Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(site.status(), StatusCode::SERVICE_UNAVAILABLE);

    for (scenario, reason) in [(Scenario::CrashLoop, "CrashLoopBackOff"), (Scenario::ImagePull, "ImagePullBackOff")] {
        let story = Story::of(scenario).await;
        story.pass(300);
        assert!(story.cluster(PODS).await.to_string().contains(reason));
        let app = story.app().await;
        assert!(app["status"]["conditions"].to_string().contains("ProgressDeadlineExceeded"), "{}", app["status"]);
        assert_eq!(app["status"]["availableReplicas"], 12, "the old pods keep serving");
        assert!(story.now(ERROR_SHARE).await < 0.1);
        let events = "/api/v1/namespaces/production/events?fieldSelector=type%3DWarning,involvedObject.kind%3DPod";
        assert!(story.cluster(events).await.to_string().contains("BackOff"));
        // Undone, it is well again.
        let undo = story.undo_patch().await;
        assert_eq!(story.patch(&format!("{DEPLOYMENTS}/app"), "json-patch", &undo).await.status(), StatusCode::OK);
        story.pass(20);
        assert!(story.rolled_out().await);
    }

    let story = Story::of(Scenario::LowTraffic).await;
    story.pass(1800);
    let requests: f64 =
        story.query(r#"sum(increase(http_requests_total{service="app"}[$__interval]))"#, 1770).await.iter().sum();
    assert!((20.0..70.0).contains(&requests), "{requests} requests in half an hour");
}

#[tokio::test]
async fn a_healthy_deploy_stays_quiet_for_its_whole_window() {
    let story = Story::of(Scenario::Healthy).await;
    story.pass(2000);
    let errors = r#"sum(increase(http_requests_total{service="app",status=~"5.."}[45s]))"#;
    let requests = r#"sum(increase(http_requests_total{service="app"}[45s]))"#;
    let (errors, requests) = (story.query(errors, 5000).await, story.query(requests, 5000).await);
    assert!(errors.len() > 160);
    assert!(errors.iter().zip(&requests).all(|(errors, requests)| errors / requests < 0.002));
    let share = errors.iter().sum::<f64>() / requests.iter().sum::<f64>();
    assert!((0.0003..0.0006).contains(&share));
    assert!(story.query(P95, 5000).await.iter().all(|ms| (430.0..492.0).contains(ms)));
    assert!(story.query(MEMORY, 5000).await.iter().all(|share| (38.0..45.0).contains(share)));
    let rules = story.get(Peer::Grafana, "/api/prometheus/grafana/api/v1/rules?state=firing&state=pending").await;
    assert_eq!(rules["data"]["groups"], json!([]));
}

#[tokio::test]
async fn a_fleet_of_twenty_rolls_out_and_two_of_it_go_bad() {
    let story = Story::of(Scenario::Fleet).await;
    story.pass(500);
    let all = story.cluster(DEPLOYMENTS).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 20);
    for deployment in all["items"].as_array().unwrap() {
        assert_eq!(deployment["status"]["availableReplicas"], deployment["spec"]["replicas"]);
    }
    let share = |service: &str| ERROR_SHARE.replace("\"app\"", &format!("\"{service}\""));
    assert!(story.now(&share("checkout")).await > 1.0);
    assert!(story.now(&share("search")).await > 1.0);
    assert!(story.now(&share("media")).await < 0.5);
}

#[tokio::test]
async fn flaky_sources_take_turns_and_the_deploy_is_well() {
    let story = Story::of(Scenario::FlakySources).await;
    let mut seen = Vec::new();
    for _ in 0..160 {
        story.pass(10);
        let answer = story.ask(Peer::Datadog, Method::GET, "/api/v1/validate").send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.headers()["x-ratelimit-reset"], "40");
        }
        seen.push(answer.status().as_u16());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [200, 429, 500]);
    let values = story.query(ERROR_SHARE, 1600).await;
    assert!(values.iter().any(|value| value.is_nan()));
    assert!(values.iter().all(|value| value.is_nan() || *value < 0.2));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_change_done_and_a_lost_request_does_not() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(100);
    let undo = story.undo_patch().await;
    let faults = story.company.faults();
    let send = async || {
        let request = story.ask(Peer::Kubernetes, Method::PATCH, &format!("{DEPLOYMENTS}/app"));
        request.header("content-type", "application/json-patch+json").body(undo.to_string()).send().await
    };
    faults.set_for_changes(Fault::DropBefore);
    assert!(send().await.is_err());
    assert!(image(&story.app().await).ends_with(":1.9.0"));
    faults.set_for_changes(Fault::DropAfter);
    assert!(send().await.is_err());
    assert!(image(&story.app().await).ends_with(":1.8.3"));
    faults.heal(Peer::Kubernetes);
    assert_eq!(send().await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn other_people_deploy_undo_and_pause() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(100);
    let faults = story.company.faults();
    faults.undo("app");
    assert!(image(&story.app().await).ends_with(":1.8.3"));
    faults.deploy("app", "1.9.1");
    faults.pause("app", true);
    story.pass(5);
    let app = story.app().await;
    assert!(image(&app).ends_with(":1.9.1"));
    assert_eq!(app["status"]["conditions"][1]["reason"], "DeploymentPaused");
    assert_eq!(app["status"]["observedGeneration"], app["metadata"]["generation"]);
}

#[tokio::test]
async fn stateful_sets_and_daemon_sets_roll_and_remember_too() {
    let story = Story::of(Scenario::Healthy).await;
    story.pass(5);
    for (path, app, pods) in [("statefulsets/db", "db", 2), ("daemonsets/log-agent", "log-agent", 3)] {
        let path = format!("/apis/apps/v1/namespaces/production/{path}");
        let list = format!("/apis/apps/v1/namespaces/production/controllerrevisions?labelSelector=app%3D{app}");
        let revisions = story.cluster(&list).await;
        let old = revisions["items"].as_array().unwrap().iter().find(|one| one["revision"] == 1).unwrap().clone();
        let answer = story.patch(&path, "strategic-merge-patch", &old["data"]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        story.pass(120);
        let object = story.cluster(&path).await;
        let ready = if pods == 2 { &object["status"]["readyReplicas"] } else { &object["status"]["numberAvailable"] };
        assert_eq!(*ready, pods);
        assert_eq!(object["spec"]["template"].get("$patch"), None);
        let revisions = story.cluster(&list).await;
        let renumbered =
            revisions["items"].as_array().unwrap().iter().find(|one| one["metadata"]["uid"] == old["metadata"]["uid"]);
        assert_eq!(renumbered.unwrap()["revision"], 3, "the same template again has a new number");
        let list = story.cluster(&format!("/api/v1/namespaces/production/pods?labelSelector=app%3D{app}")).await;
        let image = old["data"]["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        assert!(list["items"].as_array().unwrap().iter().all(|pod| pod["spec"]["containers"][0]["image"] == image));
    }
}

#[tokio::test]
async fn a_company_can_have_its_ports_and_token_told_and_keeps_the_token_out_of_the_configuration() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::manual(begin());
    let options = Options { seed: 7, token: Some("known".to_owned()), ..Options::of(Scenario::Healthy, clock) };
    let company = Company::start_with(options.clone()).await.unwrap();
    assert_eq!(company.secret(TOKEN).as_deref(), Some("known"));
    assert_eq!(company.secret("HOME"), None);
    assert!(!company.config().contains("known"));
    assert!(toml::from_str::<toml::Table>(&company.config()).is_ok());
    let taken = company.url(Peer::Grafana).rsplit_once(':').unwrap().1.parse().unwrap();
    let refused = Company::start_with(Options { port: Some(taken), ..options }).await;
    assert_eq!(refused.err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
}

impl Story {
    /// What redflag makes of the company's configuration.
    fn assembly(&self) -> Assembly {
        let config = Config::parse(&self.company.config(), "demo").unwrap();
        let options = AssembleOptions::beginning(self.clock.now());
        config.assemble(None, &options, &self.company).unwrap()
    }

    /// Asks for the versions that the company's cluster says are running.
    async fn request(&self, assembly: &Assembly) -> PollRequest {
        let running = self.get(Peer::Kubernetes, DEPLOYMENTS).await;
        let image_of = |service: &str| {
            let items = running["items"].as_array().unwrap();
            let own = items.iter().find(|item| item["metadata"]["name"] == service)?;
            own["spec"]["template"]["spec"]["containers"][0]["image"].as_str()
        };
        let version = |service: &redflag::setup::Service| Some(version_label(image_of(&service.name)?).to_owned());
        let versions = assembly.setup.services.iter().map(version);
        PollRequest {
            from: begin() - TimeDelta::minutes(60),
            since: Vec::new(),
            to: self.clock.now(),
            deployed_at: Some(begin() + TimeDelta::seconds(2)),
            versions: versions.collect(),
            older: Vec::new(),
        }
    }
}

#[tokio::test]
async fn redflags_own_adapters_understand_the_company() {
    for scenario in Scenario::ALL {
        // In turns, something is broken there; this is about what is not.
        if scenario == Scenario::FlakySources {
            continue;
        }
        let story = Story::of(scenario).await;
        story.pass(600);
        let assembly = story.assembly();
        let request = story.request(&assembly).await;
        let mut heard = Vec::new();
        for spec in &assembly.sources {
            let source = match spec {
                SourceSpec::Polled(spec) => spec.build().unwrap(),
                SourceSpec::Streamed(cluster) => {
                    for line in cluster.check().await {
                        assert!(line.result.is_ok(), "{scenario}: {line:?}");
                    }
                    continue;
                }
            };
            if scenario != Scenario::PoolExhausted {
                for line in source.check(&request).await {
                    assert!(line.result.is_ok(), "{scenario}: {line:?}");
                }
            }
            let poll = source.poll(&request).await.unwrap_or_else(|error| panic!("{scenario}: {error}"));
            assert_eq!(poll.warnings, Vec::<String>::new());
            if scenario != Scenario::PoolExhausted {
                assert!(poll.failed.is_empty(), "{scenario}: {:?}", poll.failed);
            }
            heard.extend(poll.points);
        }
        for (signal, points) in &heard {
            let name = &assembly.setup.signal(*signal).name;
            if scenario != Scenario::Fleet {
                assert!(!points.is_empty(), "{scenario}: {name} has no points");
            }
        }
        let numeric = assembly.setup.signals.iter().filter(|signal| signal.kind != Kind::Rollout).count();
        assert_eq!(heard.len(), numeric, "{scenario}: every signal is answered");
    }
}

#[tokio::test]
async fn redflags_own_adapters_read_the_bad_release_as_it_is() {
    let story = Story::of(Scenario::BadRelease).await;
    story.pass(600);
    let assembly = story.assembly();
    let request = story.request(&assembly).await;
    let (mut latest, mut issues, mut alerts) = (Vec::new(), Vec::new(), Vec::new());
    for spec in &assembly.sources {
        let SourceSpec::Polled(spec) = spec else { continue };
        let source = spec.build().unwrap();
        let poll = source.poll(&request).await.unwrap();
        for (signal, points) in poll.points {
            let last = points.iter().rev().find_map(|(_, sample)| sample.value()).unwrap();
            latest.push((assembly.setup.signal(signal).kind, last));
        }
        issues.extend(poll.issues.into_iter().flatten().map(|issue| issue.title));
        alerts.extend(poll.alerts.into_iter().flatten().map(|alert| alert.state));
    }
    let value = |kind: Kind| latest.iter().find(|(of, _)| *of == kind).unwrap().1;
    assert!((1.5..5.0).contains(&value(Kind::ErrorRate)), "{latest:?}");
    assert!((620.0..820.0).contains(&value(Kind::Latency)), "{latest:?}");
    assert!((30.0..60.0).contains(&value(Kind::Connections)), "{latest:?}");
    assert!((38.0..45.0).contains(&value(Kind::Memory)), "{latest:?}");
    assert!((30.0..55.0).contains(&value(Kind::Cpu)), "{latest:?}");
    assert!((35.0..45.0).contains(&value(Kind::Traffic)), "{latest:?}");
    assert!(value(Kind::NewIssues) > 20.0, "{latest:?}");
    assert!((97.0..99.3).contains(&value(Kind::CrashFree)), "{latest:?}");
    assert!(value(Kind::Alerts) >= 1.0, "{latest:?}");
    issues.sort();
    assert_eq!(issues, ["IntegrityError: orders_fk", "TypeError: cart.total is None"]);
    assert!(alerts.contains(&AlertState::Firing));
}

#[tokio::test]
async fn the_company_knows_of_yesterday_and_of_a_week_ago_what_it_knows_of_today() {
    let story = Story::of(Scenario::Healthy).await;
    story.pass(60);
    let assembly = story.assembly();
    let today = PollRequest { from: begin() - TimeDelta::minutes(60), ..story.request(&assembly).await };
    for ago in Ago::ALL {
        let mut told = 0;
        for (index, spec) in assembly.sources.iter().enumerate() {
            let SourceSpec::Polled(spec) = spec else { continue };
            let source = spec.build().unwrap();
            // What it learns for its queries it learns of today.
            source.poll(&today).await.unwrap();
            let is_own = |signal: &SourceId| usize::from(signal.0) == index;
            let own = (0..).map(SignalId).zip(&assembly.setup.signals).filter(|(_, signal)| is_own(&signal.source));
            let from = today.from - ago.span();
            let since: Vec<(SignalId, Time)> = own.map(|(id, _)| (id, from)).collect();
            if since.is_empty() {
                continue;
            }
            let to = begin() + TimeDelta::minutes(30) - ago.span();
            let versions = assembly.setup.services.iter().map(|_| Some("1.8.3".to_owned())).collect();
            let poll = source.past(&PollRequest { from, to, since, versions, ..today.clone() }).await.unwrap();
            assert_eq!(poll.failed, []);
            for (id, points) in &poll.points {
                let values = points.iter().filter(|(at, sample)| sample.value().is_some() && *at >= from && *at <= to);
                let (signal, values) = (&assembly.setup.signal(*id).name, values.count());
                assert!(values >= 150, "{signal} has {values} readings of {ago:?}");
                told += 1;
            }
        }
        assert!(told >= 5, "{told} signals are known of {ago:?}");
    }
}
