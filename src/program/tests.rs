//! Programs that end well, badly, never, and not by themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// Long enough never to end a test that passes.
const PATIENCE: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", script].map(OsString::from).to_vec()
}

fn program(argv: &[OsString]) -> Program<'_> {
    Program { argv, inherits: Inherits::Only(&[]), environment: &[], folder: None, timeout: PATIENCE }
}

#[tokio::test]
async fn what_it_writes_is_kept_and_its_last_line_told() {
    let output = program(&shell("echo one; echo two; echo warned >&2")).run().await.unwrap();
    assert!(output.status.success());
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("one\ntwo\n", "warned\n"));
    assert_eq!(output.said(), "warned");

    let silent = program(&shell("exit 3")).run().await.unwrap();
    assert_eq!((silent.status.code(), silent.said().as_str()), (Some(3), "exit status: 3"));
}

#[tokio::test]
async fn what_it_says_cannot_steer_the_terminal() {
    let output = program(&shell(r"printf 'no\033[2J way\r\n\n'")).run().await.unwrap();
    assert_eq!(output.said(), "no [2J way");
}

#[tokio::test]
async fn arguments_are_arguments_and_never_a_script() {
    let argv = ["/bin/echo", "$HOME; rm -rf /tmp/nothing", "`id`"].map(OsString::from);
    let output = program(&argv).run().await.unwrap();
    assert_eq!(output.stdout, "$HOME; rm -rf /tmp/nothing `id`\n");
}

#[tokio::test]
async fn it_inherits_what_it_is_allowed_and_nothing_else() {
    // Cargo sets this one for every test.
    let print = shell("echo \"${CARGO_MANIFEST_DIR:-nothing} ${PATH:+path} $PLAN\"");
    let environment = [("PLAN".to_owned(), "1.8.3".to_owned())];
    let denied = Program { environment: &environment, ..program(&print) };
    assert_eq!(denied.run().await.unwrap().stdout, "nothing path 1.8.3\n");

    let allowed = ["CARGO_MANIFEST_DIR".to_owned()];
    let allowed = Program { inherits: Inherits::Only(&allowed), ..denied };
    assert!(allowed.run().await.unwrap().stdout.starts_with('/'));
    let all = Program { inherits: Inherits::Everything, ..denied };
    assert!(all.run().await.unwrap().stdout.starts_with('/'));
}

#[tokio::test]
async fn what_a_secret_was_read_from_is_inherited_by_nobody() {
    // Cargo sets this one for every test, and nothing else here asks for it.
    crate::secret::hide_variable("CARGO_PKG_HOMEPAGE");
    let print = shell("env");
    let output = Program { inherits: Inherits::Everything, ..program(&print) }.run().await.unwrap();
    assert!(output.stdout.contains("CARGO_PKG_NAME=") && !output.stdout.contains("CARGO_PKG_HOMEPAGE"));
}

#[tokio::test]
async fn a_program_that_is_not_there_has_done_nothing() {
    let argv = [OsString::from("redflag-has-no-such-program")];
    let failure = program(&argv).run().await.unwrap_err();
    assert!(matches!(failure, Failure::NotFound(_)) && failure.did_nothing());
    assert_eq!(failure.to_string(), "program redflag-has-no-such-program not found");

    let argv = [OsString::from("/etc/passwd")];
    let failure = program(&argv).run().await.unwrap_err();
    assert!(matches!(failure, Failure::NotStarted { .. }) && failure.did_nothing());
}

#[tokio::test]
async fn it_never_waits_for_an_answer_from_the_keyboard() {
    let output = program(&shell("read answer || echo nobody there")).run().await.unwrap();
    assert_eq!(output.stdout, "nobody there\n");
}

#[tokio::test]
async fn one_that_does_not_end_is_ended_even_when_it_will_not_hear_of_it() {
    for script in ["sleep 600", "trap '' TERM; while :; do sleep 1; done"] {
        let script = shell(script);
        let failure = Program { timeout: Duration::from_millis(50), ..program(&script) }.run().await.unwrap_err();
        assert!(matches!(failure, Failure::TimedOut { .. }) && !failure.did_nothing(), "{failure}");
    }
}

#[tokio::test]
async fn what_one_said_before_its_time_was_up_is_told() {
    let said = |said: &str| {
        let after = Duration::from_secs(60);
        Failure::TimedOut { program: "helm".to_owned(), after, said: said.to_owned() }.to_string()
    };
    assert_eq!(said(""), "helm did not finish within 60 s and was stopped");
    assert_eq!(said("waits"), "helm did not finish within 60 s and was stopped; it said: waits");
}

#[tokio::test]
async fn whoever_stops_waiting_ends_it_with_everything_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let (place, noted) = (folder.path().to_owned(), folder.path().join("child"));
    let running = tokio::spawn(async move {
        let script = shell("sleep 600 & echo $! > noted; mv noted child; wait");
        let result = Program { folder: Some(&place), ..program(&script) }.run().await;
        result.map(|output| output.stdout)
    });
    let child: i32 = loop {
        match std::fs::read_to_string(&noted) {
            Ok(id) => break id.trim().parse().unwrap(),
            Err(_) => tokio::task::yield_now().await,
        }
        assert!(!running.is_finished());
    };
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    while runs(child) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_it_leaves_in_the_background_does_not_hold_us_up() {
    let begun = std::time::Instant::now();
    let output = program(&shell("sleep 30 & echo done")).run().await.unwrap();
    assert_eq!(output.stdout, "done\n");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn endless_output_fills_no_memory_and_its_end_is_kept() {
    let script = "i=0; while [ $i -lt 3000 ]; do printf '%01000d\\n' $i; i=$((i+1)); done; echo the end";
    let output = program(&shell(script)).run().await.unwrap();
    assert_eq!(output.stdout.len(), OUTPUT_LIMIT);
    assert_eq!(output.said(), "the end");
    let error = output.whole().unwrap_err().to_string();
    assert_eq!(error, "its output of 2.9 MiB is over the limit of 1 MiB");
}

#[tokio::test]
async fn what_is_read_whole_is_known_to_be() {
    let output = program(&shell("echo all")).run().await.unwrap();
    assert_eq!(output.whole(), Ok("all\n"));
}

/// Whether a process runs: a killed one that nobody has waited for yet does not.
fn runs(id: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        Ok(stat) => !matches!(stat.rsplit(") ").next().and_then(|rest| rest.chars().next()), Some('Z' | 'X')),
        Err(_) => rustix::process::Pid::from_raw(id)
            .is_some_and(|pid| cfg!(not(target_os = "linux")) && rustix::process::test_kill_process(pid).is_ok()),
    }
}
