//! `redflag check`, the program itself, against a company on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::TimeDelta;
use redflag::clock::Clock;
use redflag::demo::{Company, Options, Scenario, TOKEN};
use std::path::Path;
use tokio::process::Command;

/// What `redflag check` prints of rollbacks, its last line, and its exit status.
struct Report {
    rollbacks: Vec<String>,
    summary: String,
    status: i32,
}

async fn check(company: &Company, config: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    std::fs::write(&path, config).unwrap();
    let token = company.secret(TOKEN).unwrap();
    let output = redflag(&path).env(TOKEN, &token).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(&token), "{text}");
    let rollbacks = text.lines().filter(|line| line.contains("  rollback: ")).map(ToOwned::to_owned).collect();
    let summary = text.lines().last().unwrap_or_default().to_owned();
    Report { rollbacks, summary, status: output.status.code().unwrap() }
}

fn redflag(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
    command.arg("--config").arg(config).arg("check").kill_on_drop(true);
    // What is remembered of earlier watches on this machine is none of the company's.
    command.env("HOME", config.with_extension("home")).env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME");
    command
}

/// A company half an hour after its deploy.
async fn company() -> Company {
    let options = Options { age: TimeDelta::minutes(30), ..Options::of(Scenario::Healthy, Clock::real()) };
    Company::start_with(options).await.unwrap()
}

#[tokio::test]
async fn a_workload_that_could_be_rolled_back_says_where_to() {
    let company = company().await;
    let report = check(&company, &company.config()).await;
    let [line] = report.rollbacks.as_slice() else { panic!("{:?}", report.rollbacks) };
    assert!(line.starts_with("ok    rollback: deployment/app: ready → 1.8.3, about "), "{line}");
    assert!(report.summary.starts_with("all ") && report.status == 0, "{}", report.summary);
    assert_eq!(company.requests().changes().count(), 0, "checking changes nothing");
}

#[tokio::test]
async fn a_rollback_that_takes_the_name_typed_warns_with_the_way_out() {
    let company = company().await;
    company.faults().pause("app", true);
    let report = check(&company, &company.config()).await;
    let [line] = report.rollbacks.as_slice() else { panic!("{:?}", report.rollbacks) };
    let paused = "; paused: deployment/app is paused: the rollback resumes it in the same request; asks for the environment's \
         name";
    assert!(line.starts_with("warn  rollback: deployment/app: ready") && line.contains(paused), "{line}");
    assert!(line.contains("manually: kubectl rollout resume deployment/app -n production"), "{line}");
    assert!(report.summary.ends_with("1 with a warning") && report.status == 0, "{}", report.summary);
}

#[tokio::test]
async fn a_workload_that_is_not_there_cannot_be_rolled_back() {
    let company = company().await;
    let config = company.config().replace("namespace = \"production\"", "namespace = \"elsewhere\"");
    let report = check(&company, &config).await;
    let line = "FAIL  rollback: deployment/app: the cluster told nothing of it; its own lines say why";
    assert_eq!(report.rollbacks, [line]);
    assert_eq!(report.status, 1);
}

#[tokio::test]
async fn without_a_cluster_its_own_line_says_why_and_no_other_repeats_it() {
    let company = company().await;
    let config = "sources.cluster = { kind = \"kubernetes\", kubeconfig = \"nowhere.yaml\" }\n\
                  environments.production.workloads = [\"deployment/app\"]\n";
    let report = check(&company, config).await;
    assert_eq!(report.rollbacks, [""; 0]);
    assert_eq!((report.summary.as_str(), report.status), ("1 of 1 checks failed", 1));
}
