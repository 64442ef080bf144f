//! A program on a pty, as a person's terminal sees it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test file uses a part of it"
)]

use pty_process::blocking::{Command, Pty};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Termios, tcgetattr};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What switches the alternate screen off and the cursor on.
pub const RESTORED: [&str; 2] = ["\x1b[?1049l", "\x1b[?25h"];
/// A program that has not said it by then never will. Nothing waits for this to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a pty of 120 × 40, and all that it has written.
pub struct OnPty {
    child: Child,
    pty: Pty,
    found: Termios,
    chunks: Receiver<Vec<u8>>,
    pub written: String,
}

impl OnPty {
    /// The program itself, on a terminal that is called so.
    pub fn with_term(term: &str, arguments: &[&str]) -> Self {
        Self::start(env!("CARGO_BIN_EXE_redflag"), arguments, &[("TERM", term)])
    }

    pub fn start(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let found = tcgetattr(&pty).unwrap();
        let command =
            Command::new(program).args(arguments).env("TERM", "xterm-256color").envs(variables.iter().copied());
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

    pub fn demo() -> Self {
        let mut demo = Self::start(env!("CARGO_BIN_EXE_redflag"), &["demo", "--scenario", "healthy"], &[]);
        demo.until("WATCHING");
        demo
    }

    #[track_caller]
    pub fn until(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.written.contains(text) {
            let chunk = self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let chunk = chunk.unwrap_or_else(|_| panic!("{text:?} never came, only {:?}", self.written));
            self.written += &String::from_utf8_lossy(&chunk);
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Takes the terminal away, as a closed window does; gives the exit status.
    pub fn hung_up(self) -> Option<i32> {
        let Self { mut child, pty, chunks, .. } = self;
        // The reader holds a copy of it, and lets go with the next bytes that nobody takes.
        drop((pty, chunks));
        child.wait().unwrap().code()
    }

    /// Waits for the end; gives the exit status.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        while let Ok(chunk) = self.chunks.try_recv() {
            self.written += &String::from_utf8_lossy(&chunk);
        }
        status.code()
    }

    #[track_caller]
    pub fn is_as_found(&self) {
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
