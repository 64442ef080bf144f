//! A back-test against a real Prometheus that has recorded four hours: two deploys, of which one went bad, and a third of a
//! time that it has nothing of. Ignored by default: needs the `prometheus` and `promtool` programs on the path (Debian's
//! package `prometheus`).

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Killed with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Four hours of counters, scraped every 15 s: 300 requests each, of which after `bad` every twentieth fails.
fn recorded(until: DateTime<Utc>, bad: DateTime<Utc>) -> String {
    let mut text = "# TYPE app_requests counter\n".to_owned();
    let begin = until - TimeDelta::hours(4);
    let mut served = (Vec::new(), Vec::new());
    let (mut well, mut failed) = (0, 0);
    for scrape in 0..4 * 240 {
        let at = begin + TimeDelta::seconds(15 * scrape);
        // A number that never moves is no number of a service.
        let requests = 300 + scrape * 37 % 11;
        let failures = if at > bad { requests / 20 } else { i64::from(scrape % 40 == 0) };
        well += requests - failures;
        failed += failures;
        served.0.push((well, at.timestamp()));
        served.1.push((failed, at.timestamp()));
    }
    for (status, samples) in [("200", served.0), ("500", served.1)] {
        for (count, second) in samples {
            let _ = writeln!(text, "app_requests_total{{status=\"{status}\"}} {count} {second}");
        }
    }
    text + "# EOF\n"
}

fn start_prometheus(folder: &Path, openmetrics: &str) -> (Running, u16) {
    let (file, data) = (folder.join("recorded.txt"), folder.join("data"));
    std::fs::write(&file, openmetrics).unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(&data);
    let made = promtool.output().expect("promtool is on the path");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, "global: { scrape_interval: 15s }\n").unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is on the path");
    (Running(child), port)
}

async fn is_there(port: u16) {
    let mut often = tokio::time::interval(Duration::from_millis(200));
    let there = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            often.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there).await.expect("Prometheus listens within a minute");
}

#[tokio::test]
#[ignore = "needs the prometheus and promtool programs; .ci/run installs them and runs this"]
async fn the_deploy_that_went_bad_is_found_and_a_time_without_data_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let now = Utc::now();
    // A minute old at least: what Prometheus was given ends there.
    let (good, bad, before) = (now - TimeDelta::minutes(140), now - TimeDelta::minutes(50), now - TimeDelta::hours(9));
    let (_running, port) = start_prometheus(folder.path(), &recorded(now, bad + TimeDelta::minutes(2)));
    is_there(port).await;
    let config = format!(
        "[sources.cluster]\nkind = \"kubernetes\"\nurl = \"http://127.0.0.1:9\"\n\
         [sources.prometheus]\nkind = \"prometheus\"\nurl = \"http://127.0.0.1:{port}\"\n\
         [environments.production]\nworkloads = [\"deployment/app\"]\n\
         [[environments.production.signals]]\nkind = \"error_rate\"\nsource = \"prometheus\"\n\
         errors = 'sum(increase(app_requests_total{{status=~\"5..\"}}[$__interval]))'\n\
         requests = 'sum(increase(app_requests_total[$__interval]))'\n"
    );
    let file = folder.path().join("redflag.toml");
    std::fs::write(&file, config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_redflag"))
        .arg("--config")
        .arg(&file)
        .args(["backtest", "production", "--at", "-", "--output", "json"])
        .env("HOME", folder.path())
        .env_remove("XDG_STATE_HOME")
        .env_remove("REDFLAG_CONFIG")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut list = child.stdin.take().unwrap();
    for (at, version) in [(before, "1.7.0"), (good, "1.8.0"), (bad, "1.9.0")] {
        writeln!(list, "{} {version}", at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap();
    }
    drop(list);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains('\u{1b}'), "no terminal reads it: {said:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deploys: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line["kind"] == "deploy")
        .map(|line| (line["deploys"][0]["to"].as_str().unwrap(), line["came"].as_str().unwrap()))
        .collect();
    assert_eq!(deploys, [("1.7.0", "not_known"), ("1.8.0", "not_flagged"), ("1.9.0", "red_flag")], "{text}");
    let red = lines.iter().find(|line| line["came"] == "red_flag").unwrap();
    let after = red["red"]["after_seconds"].as_i64().unwrap();
    assert!((120..600).contains(&after), "it failed from the second minute on: {red}");
    assert_eq!(red["red"]["signal"], "error rate");
    assert_eq!(output.status.code(), Some(0));
}
