//! The program itself: killed and begun again, joined from another terminal, and asked for its keys.

use crate::pty::OnPty;
use chrono::TimeDelta;
use redflag::clock::Clock;
use redflag::demo::{Company, Options, Scenario, TOKEN};
use redflag::records::{self, Records};
use redflag::timeline::Mark;
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// A company whose deploy has been bad for ten minutes, and a machine to watch it from.
struct Machine {
    home: TempDir,
    company: Company,
}

impl Machine {
    async fn new() -> Self {
        let clock = Clock::real();
        let options = Options { age: TimeDelta::minutes(10), ..Options::of(Scenario::BadRelease, clock) };
        let company = Company::start_with(options).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        // The key alone rolls back: what is tried here is what comes after it.
        let config = company.config().replacen("default = true", "default = true\nconfirm = \"none\"", 1);
        fs::write(home.path().join("redflag.toml"), config).unwrap();
        Self { home, company }
    }

    fn watch(&self, arguments: &[&str]) -> OnPty {
        let config = self.home.path().join("redflag.toml");
        let home = self.home.path().to_str().unwrap();
        let arguments = [&["--config", config.to_str().unwrap(), "watch"], arguments].concat();
        let token = self.company.secret(TOKEN).unwrap();
        let variables = [("HOME", home), ("XDG_STATE_HOME", home), (TOKEN, &token)];
        OnPty::start(env!("CARGO_BIN_EXE_redflag"), &arguments, &variables)
    }

    /// The folder of the newest record.
    fn newest(&self) -> Option<PathBuf> {
        Records::at(self.home.path().join("redflag/records")).all().unwrap().pop()
    }

    /// The text of the newest journal.
    fn journal(&self) -> String {
        self.newest().and_then(|folder| fs::read_to_string(folder.join("journal.jsonl")).ok()).unwrap_or_default()
    }

    /// What the timeline says that was not known.
    fn told(&self) -> String {
        let watch = records::open(&self.newest().unwrap()).unwrap().record.fold();
        let unknown = watch.timeline().entries().filter(|entry| entry.mark == Mark::Unknown);
        unknown.map(|entry| entry.text.clone() + "\n").collect()
    }

    /// Waits until the journal holds this.
    fn until_written(&self, text: &str, times: usize) {
        self.until(text, || self.journal().matches(text).count() >= times);
    }

    /// Waits until something is so. What never will be is a failure, and no test that hangs.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(120);
        while !is_so() {
            assert!(Instant::now() < patience, "{what} never came, but: {:?}", self.journal().lines().last());
            std::thread::yield_now();
        }
    }

    fn changes(&self) -> usize {
        self.company.requests().changes().count()
    }
}

/// When the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    BeforeTheKey,
    KeyWritten,
    RequestTaken,
    AnswerWritten,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_around_the_key_it_goes_on_and_sends_nothing_twice() {
    for (moment, signal, left) in [
        (Moment::BeforeTheKey, Signal::KILL, "killed"),
        (Moment::KeyWritten, Signal::KILL, "killed"),
        (Moment::RequestTaken, Signal::KILL, "killed"),
        (Moment::AnswerWritten, Signal::KILL, "killed"),
        (Moment::AnswerWritten, Signal::HUP, "terminal closed"),
    ] {
        let machine = Machine::new().await;
        let mut first = machine.watch(&[]);
        machine.until_written("{\"prepared\"", 1);
        first.until("ready");
        if moment != Moment::BeforeTheKey {
            first.press("R");
            machine.until_written("\"open_plan\"", 1);
        }
        match moment {
            Moment::BeforeTheKey | Moment::KeyWritten => {}
            Moment::RequestTaken => {
                machine.until("the request", || machine.changes() > 0);
            }
            Moment::AnswerWritten => machine.until_written("{\"answered\"", 1),
        }
        first.signal(signal);
        first.ended();
        let answered = machine.journal().matches("{\"answered\"").count();

        let mut second = machine.watch(&[]);
        second.until("watched");
        if moment == Moment::BeforeTheKey {
            second.until("ready");
            assert_eq!(machine.changes(), 0, "{moment:?}");
        } else {
            second.until("ROLL");
            // What nobody heard is read back.
            machine.until_written("{\"answered\"", answered.max(1));
            assert!(machine.changes() <= 1, "{moment:?}");
        }
        let told = machine.told();
        assert!(told.contains("not watched from ") && told.contains(&format!(" ({left}); read back")), "{told}");
        if matches!(moment, Moment::RequestTaken | Moment::AnswerWritten) {
            assert_eq!(machine.changes(), 1, "{moment:?}");
        }
        assert!(machine.journal().matches("{\"resumed\"").count() == 1, "{moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_terminal_joins_and_goes_on_when_the_first_is_gone() {
    let machine = Machine::new().await;
    let mut first = machine.watch(&[]);
    first.until("ready");
    let mut second = machine.watch(&[]);
    second.until("READ-ONLY:");
    second.press("R");
    second.until("read-only:");
    assert_eq!(machine.changes(), 0, "the key changes nothing there");

    first.signal(Signal::KILL);
    first.ended();
    second.until("yours");
    machine.until_written("{\"resumed\"", 1);
    second.press("q");
    second.ended();
    let end = machine.journal();
    assert!(end.ends_with("\"how\":\"quit\"}}\n"), "{}", end.lines().last().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_asked_for_the_keys_hands_them_over() {
    let machine = Machine::new().await;
    let mut first = machine.watch(&[]);
    first.until("ready");
    let mut second = machine.watch(&["--take-over"]);
    second.until("asked");
    first.until("asks");
    first.press("q");
    first.until("handed over to ");
    first.ended();
    second.until("yours");
    machine.until_written("{\"resumed\"", 1);
    assert!(machine.told().contains(" (handed over to "), "{}", machine.told());
    // The request is taken back: nobody is asked any more.
    let folder = machine.home.path().join("redflag/records");
    assert!(fs::read_dir(folder).unwrap().all(|entry| entry.unwrap().path().is_dir()));

    // With --new it begins a watch of its own, and says so.
    let mut third = machine.watch(&["--new"]);
    third.until("afresh");
    machine.until_written("{\"begun_afresh\"", 1);
    assert!(machine.told().contains("begun afresh (--new), beside the watch of "), "{}", machine.told());
}

#[test]
fn pruning_says_first_how_many_it_deleted_and_then_which() {
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    let folder = home.path().join("redflag/records/2026-02-03T1402Z-production-app-1.9.0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("journal.jsonl.gz"), "old").unwrap();
    let old = SystemTime::now() - Duration::from_secs(86_400 * 31);
    fs::File::options().write(true).open(folder.join("journal.jsonl.gz")).unwrap().set_modified(old).unwrap();
    let pruned = |config: &str| {
        fs::write(home.path().join("redflag.toml"), config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_redflag"));
        command.args(["records", "--prune", "--config"]).arg(home.path().join("redflag.toml"));
        let output = command.env("HOME", home_path).env("XDG_STATE_HOME", home_path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let rest = "[sources.k]\nkind = \"kubernetes\"\n[environments.production]\nworkloads = [\"deployment/app\"]\n";
    assert_eq!(pruned(rest), "0 records deleted, 0 bytes\n", "90 days are kept unless the file says otherwise");
    let kept = format!("[record]\nkeep = \"30d\"\n{rest}");
    assert_eq!(pruned(&kept), "1 record deleted, 3 bytes\n  2026-02-03T1402Z-production-app-1.9.0\n");
    assert!(!folder.exists());
}
