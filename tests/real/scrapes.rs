//! The README's own queries against a real Prometheus and a real VictoriaMetrics, with scrapes of 15, 30 and 60 s and
//! with short bursts of errors between them. The samples are written beforehand, so that nothing waits for a scrape.
//! Ignored by default: needs the programs `prometheus`, `promtool` and `victoria-metrics` on the path (Debian's packages
//! `prometheus` and `victoria-metrics`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{DateTime, TimeDelta, Utc};
use redflag::deploy::{ServiceId, Time};
use redflag::net::{Auth, Endpoint};
use redflag::poll::{Poll, PollRequest};
use redflag::signal::{Point, Sample, SignalId, Unit};
use redflag::systems::api::{CheckLine, Seen, Source};
use redflag::systems::prometheus::Prometheus;
use redflag::systems::prometheus::PrometheusSpec;
use redflag::systems::questions::{Expr, Meaning, SeriesQuery};
use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Requests a second of each pod, all the time.
const REQUESTS: f64 = 20.0;
/// Failed requests in a burst, of both pods together, and how long it lasts.
const BURST: f64 = 120.0;
const LASTS: i64 = 10;
/// When the bursts begin, in seconds before now: at many places between two scrapes and two bins.
const BURSTS: [i64; 7] = [3301, 2874, 2432, 1996, 1555, 1111, 667];
/// When each pod is scraped, in milliseconds after full intervals.
const PODS: [i64; 2] = [7_300, 2_900];

/// Killed with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago; a loopback test can live with that.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(program: &str, arguments: &[String]) -> Running {
    let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(child.unwrap_or_else(|error| panic!("{program} is on the path: {error}")))
}

/// The samples of two hours: labels, milliseconds and value of each.
fn samples(now: Time, scrape: i64) -> Vec<(String, i64, f64)> {
    let mut samples = Vec::new();
    for (pod, offset) in PODS.iter().enumerate() {
        let first = (now.timestamp() - 7200).div_euclid(scrape) * scrape;
        for at in
            (0..).map(|place| (first + place * scrape) * 1000 + offset).take_while(|at| *at <= now.timestamp_millis())
        {
            let since = at as f64 / 1000.0 - now.timestamp() as f64;
            let share = |begin: i64| ((since + begin as f64) / LASTS as f64).clamp(0.0, 1.0);
            let errors: f64 = BURSTS.iter().map(|begin| share(*begin) * BURST / PODS.len() as f64).sum();
            let mut add = |metric: &str, labels: &str, value: f64| {
                samples.push((format!("{metric}{{service=\"app\",pod=\"{pod}\"{labels}}}"), at, value));
            };
            // Both have counted for a week.
            add("http_requests_total", ",status=\"200\"", 12e6 + (since + 7200.0) * REQUESTS - errors);
            add("http_requests_total", ",status=\"500\"", 5000.0 + errors);
            for (bound, part) in [("0.1", 0.5), ("0.25", 0.96), ("+Inf", 1.0)] {
                let count = 12e6 + (since + 7200.0) * REQUESTS * part;
                add("http_request_duration_seconds_bucket", &format!(",le=\"{bound}\""), count);
            }
        }
    }
    samples.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
    samples
}

/// A Prometheus whose blocks were written by its own tool.
fn prometheus(now: Time, scrape: i64, folder: &Path) -> (Running, String) {
    let mut text = String::new();
    for (metric, kind) in [("http_request_duration_seconds", "histogram"), ("http_requests", "counter")] {
        writeln!(text, "# TYPE {metric} {kind}").unwrap();
        for (series, at, value) in samples(now, scrape).iter().filter(|(series, ..)| series.starts_with(metric)) {
            writeln!(text, "{series} {value} {}.{:03}", at / 1000, at % 1000).unwrap();
        }
    }
    text += "# EOF\n";
    let (file, data) = (folder.join("metrics.txt"), folder.join("data").display().to_string());
    std::fs::write(&file, text).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", &file.display().to_string(), &data])
        .output()
        .expect("promtool is on the path");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, "global: { scrape_interval: 1h }\n").unwrap();
    let port = port();
    let running = start(
        "prometheus",
        &[
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={data}"),
            "--storage.tsdb.retention.time=10d".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ],
    );
    (running, format!("http://127.0.0.1:{port}"))
}

/// A VictoriaMetrics into which the samples are imported.
async fn victoria_metrics(now: Time, scrape: i64, folder: &Path) -> (Running, String) {
    let port = port();
    let running = start(
        "victoria-metrics",
        &[format!("-storageDataPath={}", folder.display()), format!("-httpListenAddr=127.0.0.1:{port}")],
    );
    let url = format!("http://127.0.0.1:{port}");
    let mut text = String::new();
    for (series, at, value) in samples(now, scrape) {
        writeln!(text, "{series} {value} {at}").unwrap();
    }
    let client = reqwest::Client::new();
    let imported = async || {
        let sent = client.post(format!("{url}/api/v1/import/prometheus")).body(text.clone()).send().await;
        sent.is_ok_and(|answer| answer.status().is_success())
    };
    until(imported).await;
    // What was imported is seen at once, not with the next flush.
    until(async || client.get(format!("{url}/internal/force_flush")).send().await.is_ok()).await;
    (running, url)
}

/// Tries again until it holds: programs take their time to start.
async fn until(holds: impl AsyncFn() -> bool) {
    let mut often = tokio::time::interval(Duration::from_millis(100));
    let held = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            often.tick().await;
            if holds().await {
                return;
            }
        }
    });
    held.await.expect("it is up within a minute");
}

fn query(signal: u16, expr: Expr, unit: Unit, scale: f64, step: i64) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(signal),
        service: ServiceId(0),
        expr,
        step: TimeDelta::seconds(step),
        scale,
        meaning: Meaning { unit, unit_is_stated: scale > 1.0, required: true },
        scrape: None,
    }
}

/// The queries of the README and of the example, and one whose range is written out.
fn queries(step: i64) -> Vec<SeriesQuery> {
    let errors = r#"sum(increase(http_requests_total{service="app",status=~"5.."}[$__interval]))"#;
    let requests = r#"sum(increase(http_requests_total{service="app"}[$__interval]))"#;
    let latency = r#"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="app"}[$__rate_interval])))"#;
    let traffic = r#"sum(rate(http_requests_total{service="app"}[$__rate_interval]))"#;
    let counts = Expr::Counts { errors: errors.to_owned(), requests: requests.to_owned() };
    let value = |text: &str| Expr::Value(text.to_owned());
    vec![
        query(0, counts, Unit::Percent, 1.0, step),
        query(1, value(latency), Unit::Milliseconds, 1000.0, step),
        query(2, value(traffic), Unit::PerSecond, 1.0, step),
        query(3, value(latency), Unit::Milliseconds, 1.0, step),
        query(4, value(r#"sum(rate(http_requests_total{service="app"}[20s]))"#), Unit::PerSecond, 1.0, step),
    ]
}

fn source(url: &str, step: i64) -> Prometheus {
    let endpoint = Endpoint { name: "peer".to_owned(), url: url.to_owned(), timeout: Duration::from_secs(10) };
    let (queries, alerts) = (queries(step), Vec::new());
    Prometheus::new(PrometheusSpec { endpoint, auth: Auth::None, tenant: None, queries, alerts, alertmanager: None })
        .unwrap()
}

fn request(now: Time) -> PollRequest {
    PollRequest {
        from: now - TimeDelta::minutes(60),
        to: now,
        since: Vec::new(),
        deployed_at: None,
        versions: vec![None],
        older: Vec::new(),
    }
}

fn points(poll: &Poll, signal: u16) -> &[Point] {
    let found = poll.points.iter().find(|(id, _)| *id == SignalId(signal));
    &found.unwrap_or_else(|| panic!("no points of {signal}: {:?}", poll.failed)).1
}

/// Waits until it answers, and holds the answers against what happened.
async fn is_counted_right(url: &str, now: Time, scrape: i64, step: i64) {
    let what = format!("scrapes of {scrape} s, a step of {step} s");
    let least = usize::try_from(3600 / step - 2).unwrap();
    until(async || {
        let poll = source(url, step).poll(&request(now)).await;
        poll.is_ok_and(|poll| poll.points.iter().any(|(id, points)| *id == SignalId(2) && !points.is_empty()))
    })
    .await;
    let poll = source(url, step).poll(&request(now)).await.unwrap();
    let counts: Vec<(Time, f64, f64)> = points(&poll, 0)
        .iter()
        .map(|(at, sample)| match sample {
            Sample::Counts { errors, requests } => (*at, *errors, *requests),
            other => panic!("{what}: {other:?} at {at}"),
        })
        .collect();
    assert!(counts.len() >= least, "{what}: {} points of an hour", counts.len());
    let all: f64 = counts.iter().map(|(_, errors, _)| errors).sum();
    let happened = BURST * BURSTS.len() as f64;
    assert!((all / happened - 1.0).abs() < 0.03, "{what}: {all} errors counted, {happened} happened");
    for begin in BURSTS {
        // From before it began until it was scraped and lay in a bin of its own.
        let begin = now - TimeDelta::seconds(begin);
        let reach = TimeDelta::seconds(LASTS + 2 * scrape + 2 * step);
        let near = counts.iter().filter(|(at, ..)| *at > begin && *at <= begin + reach);
        let near: f64 = near.map(|(_, errors, _)| errors).sum();
        assert!((near / BURST - 1.0).abs() < 0.05, "{what}: {near} errors of the burst at {begin}, not {BURST}");
    }
    let requests: f64 = counts.iter().map(|(.., requests)| requests).sum();
    let happened = REQUESTS * PODS.len() as f64 * counts.len() as f64 * step as f64;
    assert!((requests / happened - 1.0).abs() < 0.02, "{what}: {requests} requests counted, {happened} happened");

    let latency: Vec<f64> = points(&poll, 1).iter().filter_map(|(_, sample)| sample.value()).collect();
    assert!(latency.len() >= least, "{what}: {} readings of the latency", latency.len());
    assert!(latency.iter().all(|value| (240.0..250.0).contains(value)), "{what}: {latency:?}");
    let wrong = poll.failed.iter().find(|(signal, _)| *signal == SignalId(3)).map(|(_, error)| error.to_string());
    assert!(wrong.is_some_and(|error| error.contains("unit = \"s\"")), "{what}: seconds are no milliseconds");

    let lines = source(url, step).check(&request(now)).await;
    let line = |place: usize| &lines[place + 1];
    let told = |line: &CheckLine| line.result.clone().unwrap_or_else(|failure| format!("{failure:?}"));
    let now_is = |line: &CheckLine| match line.seen {
        Seen::Values { now, .. } => now,
        _ => f64::NAN,
    };
    assert!(told(line(0)).ends_with(" points") && (0.0..=100.0).contains(&now_is(line(0))), "{what}: {lines:#?}");
    assert!(told(line(2)).ends_with(" points") && (now_is(line(2)) - 40.0).abs() < 0.5, "{what}: {lines:#?}");
    assert!(line(3).result.is_err(), "{what}: {lines:#?}");
    let finer = line(2).warning.as_ref().is_some_and(|warning| warning.contains(&format!("set step = \"{scrape}s\"")));
    assert_eq!(finer, step < scrape, "{what}: {lines:#?}");
}

fn now() -> Time {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

#[tokio::test]
#[ignore = "needs prometheus and promtool; .ci/run installs them and runs this"]
async fn prometheus_counts_each_event_once_with_scrapes_of_15_30_and_60_seconds() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for scrape in [15, 30, 60] {
        let (folder, now) = (tempfile::tempdir().unwrap(), now());
        let (_running, url) = prometheus(now, scrape, folder.path());
        for step in [15, 30, 60] {
            is_counted_right(&url, now, scrape, step).await;
        }
        // Of a range that is written out, the check says what is wrong with it.
        let lines = source(&url, 30).check(&request(now)).await;
        let way_out = lines[5].result.clone().unwrap_err().way_out;
        assert!(way_out.contains(&format!("[20s] holds fewer than two scrapes of {scrape}s")), "{way_out}");
    }
}

#[tokio::test]
#[ignore = "needs victoria-metrics; .ci/run installs it and runs this"]
async fn victoria_metrics_counts_each_event_once_with_scrapes_of_15_30_and_60_seconds() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for scrape in [15, 30, 60] {
        let (folder, now) = (tempfile::tempdir().unwrap(), now());
        let (_running, url) = victoria_metrics(now, scrape, folder.path()).await;
        for step in [15, 30, 60] {
            is_counted_right(&url, now, scrape, step).await;
        }
    }
}
