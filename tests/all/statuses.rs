//! The exit status of each command, the program itself, in every state that it can be left in.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::TimeDelta;
use redflag::clock::Clock;
use redflag::demo::{Company, Options, Scenario, TOKEN};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// The program in a home of its own, with a configuration.
struct Program {
    home: tempfile::TempDir,
    token: String,
}

impl Program {
    fn of(company: &Company) -> Self {
        Self::with(&company.config(), &company.secret(TOKEN).unwrap())
    }

    fn with(config: &str, token: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("redflag.toml"), config).unwrap();
        Self { home, token: token.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redflag"));
        command.arg("--config").arg(self.home.path().join("redflag.toml")).args(arguments).kill_on_drop(true);
        command.env("HOME", self.home.path()).env(TOKEN, &self.token);
        command.env_remove("XDG_STATE_HOME").env_remove("XDG_DATA_HOME").stdin(Stdio::null());
        command
    }

    async fn status(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().await.unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), text)
    }
}

/// A company half an hour after its deploy, which has gone well.
async fn company(clock: Clock) -> Company {
    let options = Options { age: TimeDelta::minutes(30), ..Options::of(Scenario::Healthy, clock) };
    Company::start_with(options).await.unwrap()
}

/// One line that cannot be judged.
const NOT_A_CASE: &[u8] = b"not a case\n";

#[tokio::test]
async fn what_is_done_is_0_and_what_is_wrong_is_2() {
    let program = Program::with("nonsense = 1\n", "tOKEn-oF-sTATUSEs");
    for (arguments, status) in [
        (&["config", "example"][..], 0),
        (&["config", "path"], 0),
        (&["config", "schema"], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["judge"], 0),
        (&["--nonsense"], 2),
        (&["watch"], 2),
        (&["check"], 2),
        (&["rollback", "production", "--dry-run"], 2),
        (&["demo", "--scenario", "nonsense"], 2),
        (&["demo"], 2),
        (&["--log-file", "/nowhere/at/all", "config", "path"], 2),
    ] {
        let (found, text) = program.status(arguments).await;
        assert_eq!(found, status, "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_case_that_cannot_be_read_is_wrong_input() {
    let program = Program::with("", "");
    let mut child = program.command(&["judge"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut input, NOT_A_CASE).await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("redflag: line 1: "));
}

#[tokio::test]
async fn a_check_is_0_or_1() {
    let company = company(Clock::real()).await;
    let program = Program::of(&company);
    let (status, text) = program.status(&["check"]).await;
    assert_eq!(status, 0, "{text}");
    let stranger = Program { token: "sTRANGEr".to_owned(), ..program };
    assert_eq!(stranger.status(&["check"]).await.0, 1);
}

#[tokio::test]
async fn a_dry_run_is_0_where_it_would_work_and_6_where_not() {
    let company = company(Clock::real()).await;
    let program = Program::of(&company);
    let (status, text) = program.status(&["rollback", "production", "--dry-run"]).await;
    assert_eq!(status, 0, "{text}");
    let (status, text) = program.status(&["rollback", "production", "--dry-run", "--to", "99"]).await;
    assert_eq!(status, 6, "{text}");
    assert_eq!(company.requests().changes().count(), 0);
}

#[tokio::test]
async fn a_rollback_is_5_when_it_is_verified_even_where_nobody_reads_what_it_says() {
    // An hour passes there in a minute: nobody has time to wait for pods.
    let company = company(Clock::faster(60.0)).await;
    let program = Program::of(&company);
    let (status, text) = program.status(&["rollback", "production", "--yes", "--confirm", "staging"]).await;
    assert_eq!(status, 2, "{text}");
    assert_eq!(company.requests().changes().count(), 0);

    // As in `| head -1`: whoever read the first line has gone.
    let arguments = ["rollback", "production", "--yes", "--confirm", "production"];
    let mut child = program.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("rollback of production"));
    drop(lines);
    drop(child.stderr.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(5));
}

#[tokio::test]
async fn a_signal_has_its_own_status_without_a_screen_too() {
    // An address where nobody answers: the plan is waited for.
    let config = "sources.cluster = { kind = \"kubernetes\", url = \"http://127.0.0.1:9\" }\n\
                  environments.production.workloads = [\"deployment/app\"]\n";
    let program = Program::with(config, "");
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut command = program.command(&["--log-file", "log", "rollback", "production", "--dry-run"]);
        let mut child = command.current_dir(program.home.path()).stdout(Stdio::piped()).spawn().unwrap();
        // Signals are listened to before anything is asked.
        let log = program.home.path().join("log");
        while !std::fs::read_to_string(&log).is_ok_and(|text| text.contains("does not answer")) {
            tokio::task::yield_now().await;
            assert!(child.try_wait().unwrap().is_none());
        }
        kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), signal).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(status), "{signal:?}");
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("stopped: nothing was changed\n"), "{text}");
        std::fs::remove_file(log).unwrap();
    }
}

#[tokio::test]
async fn whoever_does_not_want_to_wait_for_a_secret_ends_it_too() {
    let config = "[sources.cluster]\nkind = \"kubernetes\"\nurl = \"http://127.0.0.1:9\"\n\
                  token = { command = [\"sh\", \"-c\", \"echo $$ > runs; mkfifo pipe; cat pipe\"] }\n\
                  [environments.production]\nworkloads = [\"deployment/app\"]\n";
    for arguments in [&["check"][..], &["rollback", "production", "--dry-run"]] {
        let program = Program::with(config, "");
        let mut command = program.command(arguments);
        let mut child = command.current_dir(program.home.path()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        assert!(line.starts_with("redflag: waiting for a secret from `sh -c echo "), "{line}");
        kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::INT).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(130), "{arguments:?}");
        let runs = std::fs::read_to_string(program.home.path().join("runs")).unwrap();
        let process = Pid::from_raw(runs.trim().parse().unwrap()).unwrap();
        while rustix::process::test_kill_process(process).is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_reader_that_has_enough_is_no_error() {
    let program = Program::with("", "");
    for arguments in [&["config", "example"][..], &["config", "schema"], &["completions", "bash"]] {
        let mut child = program.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "{arguments:?}");
    }
    // A disk that is full is one.
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut child = program.command(&["config", "example"]).stdout(Stdio::from(full)).spawn().unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(2));
    }
}

#[tokio::test]
async fn the_log_is_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let program = Program::with("", "");
    let log = program.home.path().join("log");
    let mut open = std::fs::File::create(&log).unwrap();
    open.write_all(b"an earlier line\n").unwrap();
    open.set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    for path in [log, program.home.path().join("fresh")] {
        let (status, text) = program.status(&["--log-file", path.to_str().unwrap(), "config", "path"]).await;
        assert_eq!(status, 0, "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
