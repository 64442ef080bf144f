//! Secrets are never in the file: it says where they are kept, and they are fetched when a watch begins.

use crate::secret::Secret;
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum SecretRef {
    /// An environment variable: `{ env = "GRAFANA_TOKEN" }`.
    Env(String),
    /// A file that holds nothing else: `{ file = "~/.config/redflag/grafana" }`.
    File(PathBuf),
    /// A program that prints it: `{ command = ["op", "read", "op://ops/grafana/token"] }`.
    Command(Vec<String>),
}

/// What each complaint about a secret ends with.
const WAY_OUT: &str =
    "say where it is kept: { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"op\", \"read\", \"…\"] }";

/// How long a program may take to print a secret: long enough for a person to touch a key.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        // By hand, because serde's own complaints quote the value.
        impl<'de> Visitor<'de> for Reader {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table that says where the secret is kept")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    let place = match key.as_str() {
                        "env" => SecretRef::Env(map.next_value()?),
                        "file" => SecretRef::File(map.next_value()?),
                        "command" => SecretRef::Command(map.next_value()?),
                        _ => return Err(A::Error::unknown_field(&key, &["env", "file", "command"])),
                    };
                    if found.replace(place).is_some() {
                        return Err(A::Error::custom(format!("a secret has one place, not two\n{WAY_OUT}")));
                    }
                }
                match found {
                    None => Err(A::Error::custom(format!("it is not said where this secret is kept\n{WAY_OUT}"))),
                    Some(SecretRef::Command(words)) if words.is_empty() => {
                        Err(A::Error::custom(format!("this command is empty\n{WAY_OUT}")))
                    }
                    Some(SecretRef::Env(name)) if !is_variable(&name) => Err(A::Error::custom(format!(
                        "this is not the name of an environment variable\n{WAY_OUT}; the name, never the value"
                    ))),
                    Some(place) => Ok(place),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Configuration files are committed, pasted and shared: a secret in one is a secret told.
fn literal<E: Error>() -> E {
    E::custom(format!("a secret must not stand in the file: files are shared, committed and backed up\n{WAY_OUT}"))
}

/// Whether this may name an environment variable. Tokens pasted in its place are refused, because the name is
/// shown in errors: they are long, or begin as their makers mark them.
pub(super) fn is_variable(name: &str) -> bool {
    const MARKS: [&str; 12] =
        ["glsa_", "glc_", "sntrys_", "sntryu_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "eyJ", "xox"];
    let marked = MARKS.iter().any(|mark| name.starts_with(mark));
    let hexadecimal = name.len() >= 32 && name.chars().all(|c| c.is_ascii_hexdigit());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins && name.len() < 64 && name.chars().all(word) && !marked && !hexadecimal
}

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
#[derive(Debug, Clone, Copy)]
pub struct SystemSecrets {
    /// How long a program may take.
    patience: Duration,
}

impl Default for SystemSecrets {
    fn default() -> Self {
        Self { patience: PATIENCE }
    }
}

impl Secrets for SystemSecrets {
    fn env(&self, name: &str) -> Result<Secret, String> {
        match std::env::var(name) {
            Ok(value) if value.trim().is_empty() => Err(format!("environment variable {name} is empty")),
            Ok(value) => Ok(Secret::new(&value)),
            Err(std::env::VarError::NotPresent) => Err(format!("environment variable {name} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("environment variable {name} is not UTF-8")),
        }
    }

    fn file(&self, path: &Path) -> Result<Secret, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
        if text.trim().is_empty() { Err(format!("{shown} is empty")) } else { Ok(Secret::new(&text)) }
    }

    fn command(&self, words: &[String]) -> Result<Secret, String> {
        let (program, arguments) = words.split_first().ok_or("the command is empty")?;
        // No standard input: a program that wants to ask something must fail, not wait unseen.
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        let (Some(printed), Some(complaint)) = (collect(child.stdout.take()), collect(child.stderr.take())) else {
            return Err(format!("cannot read what {program} prints"));
        };
        let (Ok(printed), Ok(complaint)) = (printed.recv_timeout(self.patience), complaint.recv_timeout(self.patience))
        else {
            end(&mut child);
            return Err(format!("{program} took longer than {} s", self.patience.as_secs()));
        };
        let status = child.wait().map_err(|error| format!("cannot wait for {program}: {error}"))?;
        if !status.success() {
            return Err(match last_line(&complaint, &printed) {
                Some(line) => format!("{program} failed ({status}): {line}"),
                None => format!("{program} failed ({status})"),
            });
        }
        if printed.trim().is_empty() { Err(format!("{program} printed nothing")) } else { Ok(Secret::new(&printed)) }
    }
}

/// Reads a pipe to its end on a thread of its own, so that neither pipe can block the program.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Option<mpsc::Receiver<String>> {
    /// A secret is short; what is longer is something else.
    const LIMIT: u64 = 64 * 1024;
    let pipe = pipe?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(LIMIT).read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    Some(receiver)
}

fn end(child: &mut Child) {
    // Already ended is as good.
    let _ = child.kill();
    let _ = child.wait();
}

/// The last line of a program's complaint, without control characters and without what it printed.
fn last_line(complaint: &str, printed: &str) -> Option<String> {
    let line = complaint.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let clean: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    let printed = printed.trim();
    Some(if printed.is_empty() { clean } else { clean.replace(printed, "…") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_pasted_token_is_not_a_variable_name() {
        assert!(is_variable("GRAFANA_TOKEN"));
        assert!(is_variable("my_token_2"));
        assert!(!is_variable("glsa_0123456789abcdef"));
        assert!(!is_variable("0123abcd"));
        assert!(!is_variable("deadbeefdeadbeefdeadbeefdeadbeef"));
        assert!(!is_variable("sk-abc"));
        assert!(!is_variable(""));
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
    }

    #[cfg(unix)]
    #[test]
    fn a_program_prints_the_secret() {
        let secret = SystemSecrets::default().command(&words(&["printf", "s3cret\\n"])).unwrap();
        assert_eq!(secret.expose(), "s3cret");
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
    fn a_program_that_waits_for_somebody_is_ended() {
        let hasty = SystemSecrets { patience: Duration::ZERO };
        assert_eq!(hasty.command(&words(&["sleep", "60"])).unwrap_err(), "sleep took longer than 0 s");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = SystemSecrets::default().command(&words(&["redflag-no-such-program"])).unwrap_err();
        assert!(error.starts_with("cannot run redflag-no-such-program: "), "{error}");
    }
}
