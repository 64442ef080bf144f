//! The terminal is always left as it was found, seen from outside through a real pty: after quitting, after
//! each signal, and after a panic in any task.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use pty_process::blocking::{Command, Pty};
use redflag::tui::terminal;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Termios, tcgetattr};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What switches the alternate screen off and the cursor on.
const RESTORED: [&str; 2] = ["\x1b[?1049l", "\x1b[?25h"];
/// A program that has not said it by then never will. Nothing waits for this to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a pty of 120 × 40, and all that it has written.
struct OnPty {
    child: Child,
    pty: Pty,
    found: Termios,
    chunks: Receiver<Vec<u8>>,
    written: String,
}

impl OnPty {
    fn start(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let found = tcgetattr(&pty).unwrap();
        let command =
            Command::new(program).args(arguments).envs(variables.iter().copied()).env("TERM", "xterm-256color");
        let child = command.spawn(pts).unwrap();
        let mut reader = std::fs::File::from(rustix::io::dup(&pty).unwrap());
        let (out, chunks) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            // The read fails once the last holder of the other end is gone.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if out.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, pty, found, chunks, written: String::new() }
    }

    fn demo() -> Self {
        let mut demo = Self::start(env!("CARGO_BIN_EXE_redflag"), &["demo", "--scenario", "healthy"], &[]);
        demo.until("redflag");
        demo
    }

    #[track_caller]
    fn until(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.written.contains(text) {
            let chunk = self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let chunk = chunk.unwrap_or_else(|_| panic!("{text:?} never came, only {:?}", self.written));
            self.written += &String::from_utf8_lossy(&chunk);
        }
    }

    fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; gives the exit status.
    fn ended(&mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        while let Ok(chunk) = self.chunks.try_recv() {
            self.written += &String::from_utf8_lossy(&chunk);
        }
        status.code()
    }

    #[track_caller]
    fn is_as_found(&self) {
        for sequence in RESTORED {
            let found = self.written.matches(sequence).count();
            assert!(found >= 1, "{sequence:?} is missing at the end of {:?}", self.written);
        }
        let left = tcgetattr(&self.pty).unwrap();
        assert_eq!(left.local_modes, self.found.local_modes);
        assert_eq!(left.input_modes, self.found.input_modes);
        assert_eq!(left.output_modes, self.found.output_modes);
    }
}

#[test]
fn quitting_restores_it_and_leaves_one_line_behind() {
    let mut demo = OnPty::demo();
    demo.press("q");
    demo.until("redflag: production");
    assert_eq!(demo.ended(), Some(0));
    demo.is_as_found();
}

#[test]
fn each_signal_that_ends_it_restores_it() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
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
    shell.press("exit\n");
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
    let arguments = ["--exact", "child_that_panics_in_a_task", "--nocapture"];
    let mut child = OnPty::start(this.to_str().unwrap(), &arguments, &[("REDFLAG_TEST_PANIC", "1")]);
    child.until("a task came to grief");
    child.ended();
    let restored = child.written.find(RESTORED[0]).expect("the alternate screen is left");
    assert!(restored < child.written.find("a task came to grief").unwrap());
    child.is_as_found();
}
