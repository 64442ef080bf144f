//! Secrets of this machine: its environment, its files, and programs that print them. A program may wait for somebody
//! to touch a key: each is run once, however many settings name it, and for a bounded time.

use crate::rollback::strategy::program::{Failure, Inherits, Program};
use crate::secret::{self, Secret};
use crate::text::clean;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a program may take to print a secret: long enough for a person to touch a key.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a program prints within this time was not waited for.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A secret is short; what is longer, in bytes, is something else.
const LONGEST: usize = 64 << 10;

/// Fetches secrets from where they are kept. The system does it for people; tests and the demo bring their own.
/// Errors are sentences without the secret.
pub trait Secrets {
    /// An environment variable.
    fn env(&self, name: &str) -> Result<Secret, String>;
    /// A file's content.
    fn file(&self, path: &Path) -> Result<Secret, String>;
    /// What a program prints; the program and its arguments, at least one word.
    fn command(&self, words: &[String]) -> Result<Secret, String>;
}

/// Environment, files and programs of this machine.
pub struct SystemSecrets {
    /// How long a program may take.
    patience: Duration,
    /// How long it may take before somebody is told.
    at_once: Duration,
    /// Told what is waited for, once a program has not answered at once.
    waits: Box<dyn Fn(&SecretProgram) + Send + Sync>,
    /// Whether programs are run here; else they are collected, and their secrets are empty.
    runs: bool,
    /// What came of each program.
    printed: Mutex<BTreeMap<Vec<String>, Result<Secret, String>>>,
}

/// A program that prints a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretProgram {
    words: Vec<String>,
    patience: Duration,
}

impl SystemSecrets {
    /// Whatever a program prints is waited for here; `waits` is told when that takes longer than a moment.
    pub fn new(waits: impl Fn(&SecretProgram) + Send + Sync + 'static) -> Self {
        Self { patience: PATIENCE, at_once: AT_ONCE, waits: Box::new(waits), runs: true, printed: Mutex::default() }
    }

    /// No program is run: each secret of one is empty until [`SystemSecrets::keep`] brings it, and
    /// [`SystemSecrets::missing`] says which those are. For whoever must not wait.
    pub fn without_programs() -> Self {
        Self { runs: false, ..Self::new(|_| ()) }
    }

    /// The programs whose secrets were asked for and not brought yet.
    pub fn missing(&self) -> Vec<SecretProgram> {
        let printed = self.printed();
        let missing = printed.iter().filter(|(_, secret)| secret.as_ref().is_ok_and(|it| it.expose().is_empty()));
        missing.map(|(words, _)| SecretProgram { words: words.clone(), patience: self.patience }).collect()
    }

    /// Brings what a program printed, or why it did not.
    pub fn keep(&self, program: SecretProgram, printed: Result<Secret, String>) {
        self.printed().insert(program.words, printed);
    }

    fn printed(&self) -> MutexGuard<'_, BTreeMap<Vec<String>, Result<Secret, String>>> {
        // Each change of it is one call: whoever panicked left it whole.
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a program and waits for it.
    fn run(&self, program: &SecretProgram) -> Result<Secret, String> {
        // A thread of its own: whoever asks may be part of a runtime already, and those cannot be nested.
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| format!("{} cannot be run: {error}", program.name()))?;
                runtime.block_on(async {
                    let printed = program.printed();
                    tokio::pin!(printed);
                    if let Ok(printed) = tokio::time::timeout(self.at_once, &mut printed).await {
                        return printed;
                    }
                    (self.waits)(program);
                    printed.await
                })
            });
            running.join().unwrap_or_else(|_| Err(format!("{} cannot be run", program.name())))
        })
    }
}

impl Default for SystemSecrets {
    fn default() -> Self {
        Self::new(|_| ())
    }
}

impl Secrets for SystemSecrets {
    fn env(&self, name: &str) -> Result<Secret, String> {
        secret::hide_variable(name);
        match std::env::var(name) {
            Ok(value) if value.trim().is_empty() => Err(format!("environment variable {name} is empty")),
            Ok(value) => Secret::read(&value).map_err(|why| format!("environment variable {name}: {why}")),
            Err(std::env::VarError::NotPresent) => Err(format!("environment variable {name} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("environment variable {name} is not UTF-8")),
        }
    }

    fn file(&self, path: &Path) -> Result<Secret, String> {
        let shown = path.display();
        let text = read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
        if text.trim().is_empty() {
            return Err(format!("{shown} is empty"));
        }
        Secret::read(&text).map_err(|why| format!("{shown}: {why}"))
    }

    fn command(&self, words: &[String]) -> Result<Secret, String> {
        if let Some(printed) = self.printed().get(words) {
            return printed.clone();
        }
        let program = SecretProgram { words: words.to_vec(), patience: self.patience };
        let printed = if self.runs { self.run(&program) } else { Ok(Secret::new("")) };
        self.keep(program, printed.clone());
        printed
    }
}

/// A file's text. A pipe or a device may never end, and nobody would see what is waited for.
fn read(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST as u64 + 1).read_to_string(&mut text)?;
    if text.len() > LONGEST {
        return Err(io::Error::other(format!("it is larger than {} KiB, and no secret is", LONGEST >> 10)));
    }
    Ok(text)
}

impl SecretProgram {
    /// What is waited for, in a sentence.
    pub fn waiting(&self) -> String {
        let line = clean(&self.words.join(" "));
        format!("waiting for a secret from `{line}`, for {} s at most", self.patience.as_secs())
    }

    fn name(&self) -> String {
        clean(self.words.first().map_or("the program", String::as_str))
    }

    /// Runs it and gives what it prints. Whoever stops waiting (drops the future) ends the program, with all that it
    /// started. It has no standard input: one that wants to ask something must fail, not wait unseen.
    pub async fn printed(&self) -> Result<Secret, String> {
        let argv: Vec<OsString> = self.words.iter().map(OsString::from).collect();
        let program = Program {
            argv: &argv,
            inherits: Inherits::Everything,
            environment: &[],
            folder: None,
            timeout: self.patience,
        };
        let output = match program.run().await {
            Ok(output) => output,
            Err(Failure::TimedOut { program, after, .. }) => {
                return Err(format!("{program} took longer than {} s", after.as_secs()));
            }
            Err(failure) => return Err(failure.to_string()),
        };
        let name = self.name();
        if output.stdout.len() > LONGEST {
            return Err(format!("{name} printed more than {} KiB, and no secret is that long", LONGEST >> 10));
        }
        // Whatever becomes of it, what it printed was meant to be a secret.
        let secret = Secret::read(&output.stdout);
        if !output.status.success() {
            return Err(match clean(&output.stderr).as_str() {
                "" => format!("{name} failed ({})", output.status),
                _ => format!("{name} failed ({}): {}", output.status, output.said()),
            });
        }
        match secret {
            Ok(secret) if secret.expose().is_empty() => Err(format!("{name} printed nothing")),
            secret => secret.map_err(|why| format!("{name}: {why}")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = SystemSecrets::default().env("REDFLAG_TEST_SURELY_NOT_SET").unwrap_err();
        assert_eq!(error, "environment variable REDFLAG_TEST_SURELY_NOT_SET is not set");
    }

    #[test]
    fn a_file_ends_with_a_newline_that_is_no_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        assert_eq!(SystemSecrets::default().file(&path).unwrap().expose(), "s3cret");
        std::fs::write(&path, "\n").unwrap();
        assert!(SystemSecrets::default().file(&path).unwrap_err().ends_with("token is empty"));
        std::fs::write(&path, "s3cret-1\ns3cret-2\n").unwrap();
        assert!(
            SystemSecrets::default().file(&path).unwrap_err().ends_with("token: a secret is one line, and this has 2")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_an_endless_file_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(SystemSecrets::default().file(&path).unwrap_err().ends_with("it is no regular file"));
        std::fs::write(folder.path().join("large"), vec![b'x'; LONGEST + 1]).unwrap();
        let error = SystemSecrets::default().file(&folder.path().join("large")).unwrap_err();
        assert!(error.ends_with("it is larger than 64 KiB, and no secret is"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_prints_the_secret_and_is_run_once() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let script = format!("echo x >> {}; printf 's3cret\\n'", count.display());
        let secrets = SystemSecrets::default();
        for _ in 0..2 {
            assert_eq!(secrets.command(&words(&["sh", "-c", &script])).unwrap().expose(), "s3cret");
        }
        assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_program_is_quoted_without_what_it_printed() {
        let script = "echo s3cret; echo 'no account; tried s3cret' >&2; exit 3";
        let error = SystemSecrets::default().command(&words(&["sh", "-c", script])).unwrap_err();
        assert_eq!(error, "sh failed (exit status: 3): no account; tried …");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_waits_for_somebody_is_told_of_and_ended() {
        let hasty = SystemSecrets { patience: Duration::ZERO, ..SystemSecrets::default() };
        assert_eq!(hasty.command(&words(&["sleep", "60"])).unwrap_err(), "sleep took longer than 0 s");

        let times = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&times);
        let told = SystemSecrets::new(move |program| {
            assert!(
                program.waiting().starts_with("waiting for a secret from `printf s3%s cret`"),
                "{}",
                program.waiting()
            );
            count.fetch_add(1, Ordering::SeqCst);
        });
        let told = SystemSecrets { at_once: Duration::ZERO, ..told };
        let secret = told.command(&words(&["printf", "s3%s", "cret"])).unwrap();
        assert_eq!((secret.expose(), times.load(Ordering::SeqCst)), ("s3cret", 1));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = SystemSecrets::default().command(&words(&["redflag-no-such-program"])).unwrap_err();
        assert_eq!(error, "there is no program redflag-no-such-program");
    }

    #[test]
    fn whoever_must_not_wait_learns_what_is_missing() {
        let quick = SystemSecrets::without_programs();
        let op = words(&["op", "read", "op://ops/grafana/token"]);
        assert_eq!(quick.command(&op).unwrap().expose(), "");
        let [program] = quick.missing().try_into().unwrap();
        assert_eq!(program.waiting(), "waiting for a secret from `op read op://ops/grafana/token`, for 60 s at most");
        quick.keep(program, Ok(Secret::new("s3cret")));
        assert_eq!(quick.command(&op).unwrap().expose(), "s3cret");
        assert!(quick.missing().is_empty());
    }
}
