//! Secrets of this machine: its environment, its files, and programs that print them. A program may wait for somebody
//! to touch a key: each is run once, however many settings name it, and for a bounded time.

use crate::files;
use crate::program::{Failure, Inherits, Program};
use crate::secret::{self, Secret};
use crate::text::clean;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a program may take to print a secret: long enough to touch a security key.
const TIMEOUT: Duration = Duration::from_secs(60);

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

/// Environment, files and programs of this machine. Programs are not run here, for they may wait for somebody: the
/// secret of one is empty until [`SystemSecrets::keep`] brings it, and [`SystemSecrets::missing`] says which those are.
/// So all else can be found right or wrong before anybody waits.
#[derive(Debug, Default)]
pub struct SystemSecrets {
    printed: Mutex<Printed>,
}

/// The result of each program; `None` for those that are missing.
type Printed = BTreeMap<Vec<String>, Option<Result<Secret, String>>>;

/// A program that prints a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretProgram {
    words: Vec<String>,
    timeout: Duration,
}

impl SystemSecrets {
    /// The programs whose secrets were asked for and not brought yet, each once.
    pub fn missing(&self) -> Vec<SecretProgram> {
        let printed = self.printed();
        let missing = printed.iter().filter(|(_, printed)| printed.is_none());
        missing.map(|(words, _)| SecretProgram { words: words.clone(), timeout: TIMEOUT }).collect()
    }

    /// Stores what a program printed, or why it failed.
    pub fn keep(&self, program: SecretProgram, printed: Result<Secret, String>) {
        self.printed().insert(program.words, Some(printed));
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        // Each change of it is one call: whoever panicked left it whole.
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
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
        let text = files::read_regular(path, LONGEST).map_err(|error| format!("cannot read {shown}: {error}"))?;
        if text.trim().is_empty() {
            return Err(format!("{shown} is empty"));
        }
        Secret::read(&text).map_err(|why| format!("{shown}: {why}"))
    }

    fn command(&self, words: &[String]) -> Result<Secret, String> {
        let mut printed = self.printed();
        let printed = printed.entry(words.to_vec()).or_default();
        printed.clone().unwrap_or_else(|| Ok(Secret::new("")))
    }
}

impl SecretProgram {
    /// The status line while it runs.
    pub fn waiting(&self) -> String {
        let line = clean(&self.words.join(" "));
        format!("waiting for a secret from `{line}`, for {} s at most", self.timeout.as_secs())
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
            timeout: self.timeout,
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
        // Even if it failed, what it printed was meant to be a secret.
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
        assert!(SystemSecrets::default().file(&path).unwrap_err().ends_with("not a regular file"));
        std::fs::write(folder.path().join("large"), vec![b'x'; LONGEST + 1]).unwrap();
        let error = SystemSecrets::default().file(&folder.path().join("large")).unwrap_err();
        assert!(error.contains("over the limit of 64 KiB: is it the right file?"), "{error}");
    }

    fn program(text: &[&str]) -> SecretProgram {
        SecretProgram { words: words(text), timeout: TIMEOUT }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_prints_the_secret() {
        assert_eq!(program(&["printf", "s3%s\\n", "cret"]).printed().await.unwrap().expose(), "s3cret");
        let why = program(&["printf", "s3cret-1\\ns3cret-2"]).printed().await.unwrap_err();
        assert_eq!(why, "printf: a secret is one line, and this has 2");
        assert_eq!(program(&["true"]).printed().await.unwrap_err(), "true printed nothing");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_failing_program_is_quoted_without_what_it_printed() {
        let script = "echo s3cret; echo 'no account; tried s3cret' >&2; exit 3";
        let error = program(&["sh", "-c", script]).printed().await.unwrap_err();
        assert_eq!(error, "sh failed (exit status: 3): no account; tried …");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_waits_for_somebody_is_ended() {
        let hasty = SecretProgram { timeout: Duration::ZERO, ..program(&["sleep", "60"]) };
        assert_eq!(hasty.printed().await.unwrap_err(), "sleep took longer than 0 s");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = program(&["redflag-no-such-program"]).printed().await.unwrap_err();
        assert_eq!(error, "program redflag-no-such-program not found");
    }

    #[test]
    fn what_several_settings_ask_for_is_missing_once_until_it_is_brought() {
        let secrets = SystemSecrets::default();
        let op = words(&["op", "read", "op://ops/grafana/token"]);
        for _ in 0..2 {
            assert_eq!(secrets.command(&op).unwrap().expose(), "");
        }
        let [program] = secrets.missing().try_into().unwrap();
        assert_eq!(program.waiting(), "waiting for a secret from `op read op://ops/grafana/token`, for 60 s at most");
        secrets.keep(program, Ok(Secret::new("s3cret")));
        assert_eq!(secrets.command(&op).unwrap().expose(), "s3cret");
        assert!(secrets.missing().is_empty());
    }
}
