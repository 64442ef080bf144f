//! Somebody at a terminal with the program itself: keys go in, a screen comes out, and the process can be stopped,
//! continued and killed.

use crate::kubernetes::gate::Gate;
use crate::kubernetes::lab::Lab;
use crate::kubernetes::listener::Listener;
use crate::kubernetes::program::Program;
use crate::kubernetes::screen::Screen;
use pty_process::blocking::{Command, Pty};
use redflag::deploy::{WorkloadKind, WorkloadRef};
use redflag::memory::{Memory, Whose};
use redflag::rollback::version_history::Known;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Output};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// Wide enough that no sentence of these stories is broken.
const ROWS: u16 = 70;
const COLUMNS: u16 = 220;
/// What the screen does not say within this time it never says.
const PATIENCE: Duration = Duration::from_secs(120);
/// The environment's name.
pub(crate) const ENVIRONMENT: &str = "lab";
/// The one workload, and flags that need not stay clear for long.
const ONE: &str = "workloads = [\"deployment/app\"]\nrollback = { clear_for = \"0s\" }\n";

/// What somebody has on disk: a configuration, a kubeconfig, and what earlier watches found.
pub(crate) struct Desk {
    folder: TempDir,
    who: &'static str,
}

impl Desk {
    /// A desk of this name for an environment in a namespace of the cluster behind a gate; `more` says the rest of its
    /// configuration.
    pub(crate) fn of(who: &'static str, gate: &Gate, namespace: &str, more: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), who };
        desk.points_at(gate);
        let configuration = format!(
            "[sources.cluster]\nkind = \"kubernetes\"\nkubeconfig = {:?}\ntimeout = \"5s\"\n\n\
             [environments.{ENVIRONMENT}]\nurl = \"http://{}\"\nnamespace = {namespace:?}\n{more}",
            desk.at("kubeconfig").to_str().unwrap(),
            gate.address,
        );
        std::fs::write(desk.at("redflag.toml"), configuration).unwrap();
        desk
    }

    /// A desk for a newer version of the story's deployment, with the gate before its cluster.
    pub(crate) async fn stage(lab: &Lab) -> (WorkloadRef, Listener, Gate, Self) {
        let (of, listener) = lab.deployed(WorkloadKind::Deployment, Program::Good, Program::Better).await;
        let gate = Gate::open(&lab.cluster.client).await;
        let desk = Self::of("ana", &gate, &of.namespace, ONE);
        (of, listener, gate, desk)
    }

    /// From now on the one context of the kubeconfig leads through this gate.
    pub(crate) fn points_at(&self, gate: &Gate) {
        std::fs::write(self.at("kubeconfig"), gate.kubeconfig().to_string()).unwrap();
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An earlier watch has found this of a version.
    pub(crate) fn remembers(&self, cluster: &str, of: &WorkloadRef, uid: &str, known: &Known) {
        let whose = Whose { cluster, workload: of, uid };
        Memory::at(self.at("redflag/versions.jsonl")).add(ENVIRONMENT, whose, known).unwrap();
    }

    fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        let folder = self.folder.path();
        vec![
            ("HOME", folder.to_owned()),
            ("XDG_STATE_HOME", folder.to_owned()),
            ("XDG_CONFIG_HOME", folder.to_owned()),
            ("REDFLAG_CONFIG", self.at("redflag.toml")),
            ("REDFLAG_ACTOR", Path::new(self.who).to_owned()),
        ]
    }

    /// Runs a command of the program that needs no terminal, to its end; gives its status and what it said.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_redflag"));
        let Output { status, stdout, stderr } = command.args(arguments).envs(self.variables()).output().await.unwrap();
        let said = [stdout, stderr].concat();
        (status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Sits down to a watch.
    pub(crate) fn watch(&self) -> Person {
        Person::start(&["watch", ENVIRONMENT], self.variables())
    }

    /// Sits down to a watch of their own, whatever another one left.
    pub(crate) fn watch_afresh(&self) -> Person {
        Person::start(&["watch", ENVIRONMENT, "--new"], self.variables())
    }

    /// Rolls the deploy back without the screen, and reads along.
    pub(crate) fn rolls_back(&self, arguments: &[&str]) -> Person {
        Person::start(&[&["rollback", ENVIRONMENT], arguments].concat(), self.variables())
    }
}

/// Somebody who watches.
pub(crate) struct Person {
    child: Child,
    pty: Pty,
    chunks: mpsc::UnboundedReceiver<Vec<u8>>,
    screen: Screen,
}

impl Person {
    fn start(arguments: &[&str], variables: Vec<(&'static str, PathBuf)>) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(ROWS, COLUMNS)).unwrap();
        let command = Command::new(env!("CARGO_BIN_EXE_redflag")).args(arguments).envs(variables);
        let child = command.env("TERM", "xterm-256color").spawn(pts).unwrap();
        let mut reader = std::fs::File::from(rustix::io::dup(&pty).unwrap());
        let (out, chunks) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            // The read fails once the last holder of the other end is gone.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if out.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, pty, chunks, screen: Screen::new(ROWS, COLUMNS) }
    }

    /// Waits until the screen says this.
    pub(crate) async fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text)).await;
    }

    /// Waits until the screen says so.
    pub(crate) async fn until(&mut self, what: &str, says: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen.text();
            if says(&screen) {
                return;
            }
            let chunk = timeout_at(deadline, self.chunks.recv()).await.ok().flatten();
            let Some(chunk) = chunk else { panic!("waited in vain for: {what}; the screen says:\n{screen}") };
            self.screen.write(&chunk);
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    /// Opens the plan of a rollback and waits until it takes keys.
    pub(crate) async fn opens_the_plan(&mut self, to: &str) {
        self.sees("   ready · ~").await;
        self.press("R");
        self.sees_the_plan(to).await;
    }

    /// Waits until the plan that is open takes keys.
    pub(crate) async fn sees_the_plan(&mut self, to: &str) {
        let title = format!("roll back {ENVIRONMENT} · ");
        let waits = ["in a moment", "checking the lock", "holds the lock since"];
        self.until("the plan takes keys", |screen| {
            screen.contains(&title) && screen.contains(to) && !waits.iter().any(|wait| screen.contains(wait))
        })
        .await;
    }

    /// Waits until the program has ended; gives its status.
    pub(crate) async fn leaves(mut self) -> Option<i32> {
        while let Some(chunk) = self.chunks.recv().await {
            self.screen.write(&chunk);
        }
        self.child.wait().unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The lid is closed.
    pub(crate) fn stands_still(&self) {
        self.signal(Signal::STOP);
    }

    /// It is opened again.
    pub(crate) fn goes_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Nothing is left of it.
    pub(crate) fn dies(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
