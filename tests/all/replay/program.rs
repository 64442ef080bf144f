//! The program itself: `redflag replay`, `redflag report` and `redflag records`, with a state folder that holds the sample.

use crate::pty::OnPty;
use crate::sample;
use redflag::clock::Clock;
use redflag::demo::{Company, Scenario};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A state folder in which the sample is kept under this name.
fn state(name: &str) -> TempDir {
    let state = tempfile::tempdir().unwrap();
    let kept = state.path().join("redflag/records").join(name);
    fs::create_dir_all(&kept).unwrap();
    fs::copy(sample::folder().join("journal.jsonl.gz"), kept.join("journal.jsonl.gz")).unwrap();
    state
}

/// Runs the program without a terminal: its exit status, its output and its complaints.
fn run(state: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
    command.args(arguments).env("XDG_STATE_HOME", state).env("HOME", state).env("TZ", "UTC");
    command.env_remove("REDFLAG_CONFIG").env_remove("REDFLAG_DEMO_TOKEN");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn without_a_terminal_it_prints_what_happened() {
    let state = state("2026-09-21T1413Z-production-app-1.9.0");
    let (status, out, _) = run(state.path(), &["replay"]);
    assert_eq!(status, Some(5), "{out}");
    assert!(out.contains("rollback  rollback verified") && out.contains("note      checkout fails"), "{out}");
    let (status, out, _) = run(state.path(), &["replay", "--at", "2026-09-21T14:15:46Z"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("FAULTY") && !out.contains("rolled back"), "{out}");
}

#[tokio::test]
async fn other_limits_are_taken_from_a_file_without_its_secrets() {
    let state = state("one");
    let company = Company::start(Scenario::BadRelease, Clock::real()).await.unwrap();
    let file = state.path().join("other.toml");
    fs::write(&file, company.config()).unwrap();
    let file = file.to_str().unwrap();
    let (status, out, err) = run(state.path(), &["replay", "one", "--config", file]);
    assert!(err.is_empty(), "{err}");
    assert!(out.starts_with(&format!("one: as recorded → by {file}\n\nnothing would have been different\n")), "{out}");
    assert_eq!(status, Some(3), "the verdict at its end, by the other file: {out}");
    let (status, _, err) = run(state.path(), &["replay", "one", "--config", file, "--at", "14:10"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("leave one of them out"), "{err}");
    let (status, _, err) = run(state.path(), &["replay", "one", "--config", "none.toml"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("there is no file none.toml, which --config names"), "{err}");
}

#[test]
fn a_report_goes_where_it_is_wanted() {
    let state = state("one");
    let page = state.path().join("page.html");
    let (status, out, err) = run(state.path(), &["report", "--format", "html", "-o", page.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (Some(0), ""), "{err}");
    assert!(fs::read_to_string(&page).unwrap().contains("<svg "));
    let (status, out, _) = run(state.path(), &["report"]);
    assert!(status == Some(0) && out.starts_with("# app 1.9.0 in production: FAULTY, rolled back\n"), "{out}");
    let (status, _, err) = run(state.path(), &["report", "-o", "/nowhere/page.md"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("--out /nowhere/page.md: No such file or directory"), "{err}");
    let (status, _, err) = run(state.path(), &["report", "two"]);
    assert_eq!(status, Some(2), "{err}");
}

#[test]
fn records_are_a_table_and_what_they_come_to() {
    let state = state("one");
    let (status, out, _) = run(state.path(), &["records"]);
    assert_eq!(status, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("started "), "{out}");
    assert!(
        lines[1].contains("deployment/app 1.8.3 → 1.9.0  watching, rolled back") && lines[1].ends_with("one"),
        "{out}"
    );
    assert!(
        lines[3].starts_with("production: 1 deploy; 1 failed (100 %); time to detect 72 s, time to restore "),
        "{out}"
    );
    let (_, out, _) = run(state.path(), &["records", "--output", "json"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["record"], &lines[0]["rollback"]), (&"one".into(), &"verified".into()));
    assert_eq!(lines[1]["figures"]["change_failure_rate"], 100.0);
    let empty = tempfile::tempdir().unwrap();
    let (status, out, err) = run(empty.path(), &["records"]);
    assert_eq!((status, out.as_str()), (Some(0), ""));
    assert!(err.contains("no record in "), "{err}");
}

#[test]
fn on_a_terminal_it_plays_and_gives_it_back() {
    let state = state("one");
    let folder = state.path().to_str().unwrap().to_owned();
    let variables =
        [("XDG_STATE_HOME", folder.as_str()), ("HOME", folder.as_str()), ("LANG", "C.UTF-8"), ("TZ", "UTC")];
    let mut screen = OnPty::start(env!("CARGO_BIN_EXE_redflag"), &["replay"], &variables);
    screen.until("REPLAY");
    screen.press("p");
    screen.until("paused");
    screen.press("R");
    screen.until("this is a replay: nothing can be changed from here");
    screen.press("q");
    assert_eq!(screen.ended(), Some(5), "the exit status is that of the whole record");
    screen.is_as_found();
    assert!(screen.written.contains("redflag: replay of one · watching at its end"), "{}", screen.written);
    let mut screen = OnPty::start(env!("CARGO_BIN_EXE_redflag"), &["replay", "--theme", "none"], &variables);
    assert_eq!(screen.ended(), Some(2), "{}", screen.written);
}
