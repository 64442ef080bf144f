//! The terminal is always left as it was found, seen from outside through a real pty: after quitting, after
//! each signal, and after a panic in any task.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::pty::{OnPty, RESTORED};
use redflag::tui::terminal;
use rustix::process::Signal;

#[test]
fn quitting_restores_it_and_leaves_one_line_behind() {
    let mut demo = OnPty::demo();
    demo.press("q");
    demo.until("redflag: production");
    assert_eq!(demo.ended(), Some(3), "it was left before there was a verdict");
    demo.is_as_found();
}

#[test]
fn quitting_says_how_things_stand() {
    let demo = |scenario: &str, speed: &str| {
        OnPty::start(env!("CARGO_BIN_EXE_redflag"), &["demo", "--scenario", scenario, "--speed", speed], &[])
    };
    let mut faulty = demo("bad-release", "300");
    faulty.until("FAULTY");
    faulty.press("q");
    assert_eq!(faulty.ended(), Some(1));

    // Slow enough for a probe every fifteen seconds of theirs: what is asked too seldom is not known.
    let mut healthy = demo("healthy", "100");
    healthy.until("HEALTHY");
    healthy.press("q");
    assert_eq!(healthy.ended(), Some(0));

    let mut interrupted = demo("healthy", "300");
    interrupted.until("WATCHING");
    interrupted.press("\x03");
    assert_eq!(interrupted.ended(), Some(130));
}

#[test]
fn a_secret_that_somebody_must_give_is_waited_for_behind_the_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let config = format!(
            "[sources.cluster]\nkind = \"kubernetes\"\nurl = \"http://127.0.0.1:9\"\n\
             token = {{ command = [\"sh\", \"-c\", \"{script}\"] }}\n\
             [environments.production]\nworkloads = [\"deployment/app\"]\n"
        );
        let path = folder.path().join("redflag.toml");
        std::fs::write(&path, config).unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let arguments = ["--config", path.to_str().unwrap(), "watch"];
        OnPty::start(env!("CARGO_BIN_EXE_redflag"), &arguments, &[("HOME", home.as_str())])
    };
    // It goes on for as long as nobody writes into the pipe.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = format!("echo $$ >> {0}/runs; cat {0}/pipe", folder.path().display());
    let mut waits = shell(&script);
    waits.until("WATCHING");
    waits.until("waiting for a secret from `sh -c");
    let runs = || std::fs::read_to_string(folder.path().join("runs")).unwrap_or_default();
    while runs().is_empty() {
        std::thread::yield_now();
    }
    waits.written.clear();
    std::fs::write(&pipe, "tOKEn-oF-a-pERSOn\n").unwrap();
    // Only with its secret is the cluster asked, and cannot be reached.
    waits.until("cannot connect");
    assert_eq!(runs().lines().count(), 1, "it is run once");
    waits.press("q");
    assert_eq!(waits.ended(), Some(3));

    // Whoever quits does not wait for it, and leaves nothing behind that does.
    std::fs::remove_file(folder.path().join("runs")).unwrap();
    let mut left = shell(&script);
    left.until("waiting for a secret");
    while runs().is_empty() {
        std::thread::yield_now();
    }
    left.press("q");
    assert_eq!(left.ended(), Some(3));
    let process = rustix::process::Pid::from_raw(runs().trim().parse().unwrap()).unwrap();
    while rustix::process::test_kill_process(process).is_ok() {
        std::thread::yield_now();
    }

    // One that fails ends the watch and says where in the file it is asked for.
    let mut fails = shell("exit 7");
    fails.until("sh failed (exit status: 7)");
    assert_eq!(fails.ended(), Some(2));
    fails.is_as_found();
}

#[test]
fn each_signal_that_ends_it_restores_it() {
    let signals =
        [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131), (Signal::ABORT, 134)];
    for (signal, status) in signals {
        let mut demo = OnPty::demo();
        demo.signal(signal);
        demo.until(RESTORED[0]);
        assert_eq!(demo.ended(), Some(status));
        demo.is_as_found();
    }
}

#[test]
fn suspending_restores_it_and_coming_back_takes_it_again() {
    // Only a shell with job control can be suspended to: alone on its pty, nobody could wake the program.
    let mut shell = OnPty::start("sh", &["-i"], &[("PS1", "$ "), ("ENV", "")]);
    shell.until("$ ");
    shell.press(&format!("{} demo --scenario healthy\n", env!("CARGO_BIN_EXE_redflag")));
    shell.until("\x1b[?1049h");
    shell.until("WATCHING");
    shell.press("\x1a");
    shell.until(RESTORED[0]);
    shell.until("Stopped");
    shell.is_as_found();
    shell.written.clear();
    shell.press("fg\n");
    shell.until("\x1b[?1049h");
    shell.until("WATCHING");
    shell.press("q");
    shell.until("redflag: production");
    shell.press("exit 0\n");
    assert_eq!(shell.ended(), Some(0));
    shell.is_as_found();
}

/// Not a story of its own: what the next one starts in a process of its own, on a pty.
#[test]
fn child_that_panics_in_a_task() {
    if std::env::var_os("REDFLAG_TEST_PANIC").is_none() {
        return;
    }
    let _guard = terminal::enter().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let task = async { tokio::spawn(async { panic!("a task came to grief") }).await };
    assert!(runtime.block_on(task).is_err());
}

#[test]
fn a_panic_in_a_task_restores_it_before_its_message_is_printed() {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "terminal::child_that_panics_in_a_task", "--nocapture"];
    let mut child = OnPty::start(this.to_str().unwrap(), &arguments, &[("REDFLAG_TEST_PANIC", "1")]);
    child.until("a task came to grief");
    child.ended();
    let restored = child.written.find(RESTORED[0]).expect("the alternate screen is left");
    assert!(restored < child.written.find("a task came to grief").unwrap());
    child.is_as_found();
}

#[test]
fn a_terminal_that_goes_away_ends_it_without_a_panic() {
    for _ in 0..3 {
        assert_eq!(OnPty::demo().hung_up(), Some(129));
    }
}

#[test]
fn the_ground_that_the_terminal_tells_chooses_the_theme_and_is_no_key() {
    let colors = [("COLORTERM", "truecolor")];
    let mut demo = OnPty::start(env!("CARGO_BIN_EXE_redflag"), &["demo", "--scenario", "healthy"], &colors);
    demo.until("\x1b]11;?\x07");
    // Of the letters of an answer several are keys.
    demo.press("\x1b]11;rgb:ffff/ffff/ffff\x07");
    demo.until("38;2;23;108;50");
    demo.press("t");
    demo.until("theme: dark");
    demo.press("q");
    assert_eq!(demo.ended(), Some(3));
    demo.is_as_found();
}

#[test]
fn a_terminal_that_can_show_nothing_is_refused() {
    let mut dumb = OnPty::with_term("dumb", &["demo"]);
    dumb.until("TERM=dumb says that this terminal cannot show one");
    assert_eq!(dumb.ended(), Some(2));
    assert!(!dumb.written.contains("\x1b["), "{:?}", dumb.written);
    let mut mono = OnPty::with_term("xterm-mono", &["demo", "--scenario", "healthy"]);
    mono.until("WATCHING");
    mono.press("q");
    mono.ended();
    for color in ["\x1b[38;5;", "\x1b[38;2;", "\x1b[48;", "\x1b[31m"] {
        assert!(!mono.written.contains(color), "{color:?}");
    }
}
