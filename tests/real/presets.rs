//! The presets against a real Prometheus: what each family's cases export is written into it, and each signal is read
//! through a configuration that names the preset, as redflag reads it. Seconds become milliseconds, shares percent, counts
//! stay counts, and quantiles are those of classic and native histograms.
//! Ignored by default: needs the `prometheus` program on the path (Debian's package of that name).

#[path = "../all/presets/cases.rs"]
mod cases;
mod remote_write;

use cases::{Case, Expected};
use chrono::{DateTime, TimeDelta, Utc};
use redflag::config::presets::{Preset, Presets};
use redflag::config::{AssembleOptions, Config, SystemSecrets};
use redflag::deploy::Time;
use redflag::poll::PollRequest;
use redflag::signal::{Point, Sample};
use redflag::systems::api::SourceSpec;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many scrapes there are, and how far apart.
const SCRAPES: u64 = 121;
const EVERY: TimeDelta = TimeDelta::seconds(15);
/// How much of them is asked for.
const ASKED: TimeDelta = TimeDelta::minutes(20);

/// Killed with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path) -> (Running, String) {
    // A port that was free a moment ago; a loopback test can live with that.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, "global: { scrape_interval: 1h }\n").unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is on the path");
    (Running(child), format!("http://127.0.0.1:{port}"))
}

/// Writes everything at once, as soon as the server takes it.
async fn write(url: &str, body: Vec<u8>) {
    let client = reqwest::Client::new();
    let mut often = tokio::time::interval(Duration::from_millis(100));
    let written = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            often.tick().await;
            let request = client
                .post(format!("{url}/api/v1/write"))
                .header("content-encoding", "snappy")
                .header("content-type", "application/x-protobuf")
                .header("x-prometheus-remote-write-version", "0.1.0");
            let Ok(answer) = request.body(body.clone()).send().await else { continue };
            let status = answer.status();
            if status.is_success() {
                return;
            }
            let text = answer.text().await.unwrap_or_default();
            assert!(status.is_server_error(), "{status}: {text}");
        }
    });
    written.await.expect("Prometheus takes samples within a minute");
}

/// What is wrong with a signal's points, if anything.
fn wrong(points: &[Point], expected: Expected) -> Option<String> {
    let is = |value: f64, wanted: f64| (value - wanted).abs() <= 0.01 * wanted.abs().max(1e-9);
    let fits = |sample: &Sample| match (sample, expected) {
        (Sample::Counts { errors, requests }, Expected::Counts { errors: failed, requests: all }) => {
            is(*errors, failed) && is(*requests, all)
        }
        (Sample::Value(value), Expected::Value(wanted)) => is(*value, wanted),
        _ => false,
    };
    if points.len() < 20 {
        return Some(format!("{} readings in {ASKED}: {points:?}", points.len()));
    }
    points.iter().find(|(_, sample)| !fits(sample)).map(|(at, sample)| format!("{sample:?} at {at}, not {expected:?}"))
}

/// Everything that is wrong with a case, whose series are in a namespace of its own.
async fn tried(preset: &Preset, case: &Case, namespace: &str, url: &str, now: Time) -> Vec<String> {
    let found = case.recognised(std::slice::from_ref(preset), namespace);
    let source = format!("kind = \"prometheus\"\nurl = \"{url}\"");
    let used = found[0].written(std::slice::from_ref(preset));
    let text = cases::configuration(&used, &source, namespace);
    let config = Config::parse(&text, "redflag.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let assembly = config.assemble(None, &AssembleOptions::beginning(now), &SystemSecrets::default()).unwrap();
    let polled = assembly.sources.iter().find_map(|source| match source {
        SourceSpec::Polled(polled) => Some(polled),
        SourceSpec::Streamed(_) => None,
    });
    let request = PollRequest {
        from: now - ASKED,
        to: now,
        since: Vec::new(),
        deployed_at: None,
        versions: vec![case.version().map(Into::into)],
        older: Vec::new(),
    };
    let poll = polled.unwrap().build().unwrap().poll(&request).await.unwrap();
    let failed = poll.failed.iter().map(|(signal, error)| (*signal, error.to_string()));
    let mut all: Vec<String> = failed
        .filter(|(signal, _)| case.expected.contains_key(&assembly.setup.signal(*signal).name))
        .map(|(signal, error)| format!("{}: {error}", assembly.setup.signal(signal).name))
        .collect();
    for (name, expected) in &case.expected {
        let points = poll.points.iter().find(|(signal, _)| assembly.setup.signal(*signal).name == *name);
        let points = points.map(|(_, points)| points.as_slice()).unwrap_or_default();
        all.extend(wrong(points, *expected).map(|why| format!("{name}: {why}")));
    }
    all.into_iter().map(|why| format!("{}, {}: {why}", preset.name, case.name)).collect()
}

#[tokio::test]
#[ignore = "needs the prometheus program; .ci/run installs it and runs this"]
async fn every_signal_of_every_preset_has_the_value_of_what_happened() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let presets = Presets::built_in().all();
    let all = presets.iter().flat_map(|preset| cases::of(&preset.name).into_iter().map(move |case| (preset, case)));
    let all: Vec<(&Preset, Case, String)> =
        all.enumerate().map(|(place, (preset, case))| (preset, case, format!("shop{place}"))).collect();
    let scraped: Vec<_> = all.iter().flat_map(|(_, case, namespace)| case.scraped(namespace)).collect();
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = start(folder.path());
    let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap();
    let body = remote_write::body(&scraped, SCRAPES, EVERY.num_milliseconds(), now.timestamp_millis());
    write(&url, body).await;

    let (mut wrong, mut values) = (Vec::new(), 0);
    for (preset, case, namespace) in &all {
        wrong.extend(tried(preset, case, namespace, &url, now).await);
        values += case.expected.len();
    }
    assert!(wrong.is_empty(), "{} of {values} signals are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
