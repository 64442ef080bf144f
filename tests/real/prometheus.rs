//! The Prometheus adapter against a real Prometheus, which scrapes a target that the test serves.
//! Ignored by default: needs the `prometheus` program on the path (Debian's package of that name).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use axum::Router;
use axum::routing::get;
use chrono::{TimeDelta, Utc};
use redflag::deploy::ServiceId;
use redflag::net::{Auth, Endpoint};
use redflag::poll::{Poll, PollRequest, SourceError};
use redflag::signal::{Sample, SignalId};
use redflag::systems::api::Source;
use redflag::systems::prometheus::Prometheus;
use redflag::systems::prometheus::PrometheusSpec;
use redflag::systems::questions::{Expr, Meaning, SeriesQuery};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Killed with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves counters that grow with each scrape: 200 requests, 5 of them failed.
async fn serve_target() -> u16 {
    static SCRAPES: AtomicU64 = AtomicU64::new(0);
    let metrics = || async {
        let scrapes = SCRAPES.fetch_add(1, Ordering::Relaxed) + 1;
        format!(
            "# TYPE app_requests counter\napp_requests_total{{status=\"200\"}} {}\n\
             app_requests_total{{status=\"500\"}} {}\n# TYPE app_nothing gauge\napp_nothing NaN\n",
            scrapes * 195,
            scrapes * 5
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/metrics", get(metrics))).await });
    port
}

fn start_prometheus(target: u16, folder: &std::path::Path) -> (Running, u16) {
    // A port that was free a moment ago; a loopback test can live with that.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: app\n  static_configs:\n  - targets: ['127.0.0.1:{target}']\n"
    );
    let file = folder.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is on the path");
    (Running(child), port)
}

fn query(signal: u16, expr: Expr) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(signal),
        service: ServiceId(0),
        expr,
        step: TimeDelta::seconds(4),
        scale: 1.0,
        meaning: Meaning::default(),
        scrape: None,
    }
}

async fn poll(source: &Prometheus) -> Result<Poll, SourceError> {
    let now = Utc::now();
    let request = PollRequest {
        from: now - TimeDelta::seconds(60),
        since: Vec::new(),
        to: now,
        deployed_at: None,
        versions: vec![Some("1.9.0".into())],
        older: Vec::new(),
    };
    source.poll(&request).await
}

#[tokio::test]
#[ignore = "needs the prometheus program; .ci/run installs it and runs this"]
async fn counts_gaps_nan_and_refusals_come_through_as_what_they_are() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (_running, port) = start_prometheus(serve_target().await, folder.path());
    let endpoint = Endpoint {
        name: "prometheus".to_owned(),
        url: format!("http://127.0.0.1:{port}"),
        timeout: Duration::from_secs(5),
    };
    let counts = Expr::Counts {
        errors: "sum(increase(app_requests_total{status=\"500\"}[$__interval]))".to_owned(),
        requests: "sum(increase(app_requests_total[$__interval]))".to_owned(),
    };
    let queries = vec![
        query(0, counts),
        query(1, Expr::Value("app_nothing".to_owned())),
        query(2, Expr::Value("app_unheard_of".to_owned())),
        query(3, Expr::Value("sum(rate(app_requests_total[".to_owned())),
        query(4, Expr::Value("app_requests_total".to_owned())),
    ];
    let source = Prometheus::new(PrometheusSpec {
        endpoint,
        auth: Auth::None,
        tenant: None,
        queries,
        alerts: Vec::new(),
        alertmanager: None,
    })
    .unwrap();

    // Its start and its first scrapes take some seconds of real time; each answer is awaited, none assumed.
    let mut often = tokio::time::interval(Duration::from_millis(300));
    let answer = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            often.tick().await;
            let Ok(answer) = poll(&source).await else { continue };
            let points = answer.points.iter().find(|(signal, _)| *signal == SignalId(0));
            let full = |sample: Sample| matches!(sample, Sample::Counts { requests, .. } if requests > 500.0);
            if points.is_some_and(|(_, points)| points.iter().filter(|point| full(point.1)).count() >= 2) {
                return answer;
            }
        }
    })
    .await
    .expect("Prometheus answers with two full bins within a minute");

    let points = |wanted: u16| &answer.points.iter().find(|(signal, _)| *signal == SignalId(wanted)).unwrap().1;
    let rate = points(0).iter().rev().find_map(|point| point.1.value()).unwrap();
    assert!((rate - 2.5).abs() < 0.2, "5 of 200 requests failed at each scrape, not {rate} %");
    assert!(points(1).iter().any(|point| point.1 == Sample::NotANumber), "NaN is neither a number nor a gap");
    assert!(points(2).is_empty(), "a metric nobody knows has no points, and that is no error");
    let refused = |wanted: u16| &answer.failed.iter().find(|(signal, _)| *signal == SignalId(wanted)).unwrap().1;
    assert!(matches!(refused(3), SourceError::BadQuery(text) if text.contains("parse error")), "{:?}", refused(3));
    assert!(matches!(refused(4), SourceError::BadQuery(_)), "two series are not one signal");
}
