//! The `git` program, run in the background: it never prompts, and no hook, pager or editor runs, and nothing
//! of the environment points it at another repository.

use crate::program::{Failure, Inherits, Output, Program};
use crate::secret;
use crate::text::clean;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Settings of one call, over those of the user: nothing that waits for somebody, runs in the background afterwards,
/// or leaves a trace in the clone. Large files (Git LFS) stay the pointers that they are in the commits.
const SETTINGS: [&str; 16] = [
    "core.hooksPath=/dev/null",
    "core.editor=true",
    "core.fsmonitor=false",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "rerere.enabled=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "advice.detachedHead=false",
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
];

/// Of our own environment, git does not see what would lead it to another repository (as in `git rev-parse
/// --local-env-vars`), make it verbose, or make it prompt on the terminal.
const HIDDEN: [&str; 20] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_CURL_VERBOSE",
    "GIT_REDACT_COOKIES",
    "GPG_TTY",
];

/// Git in one folder.
#[derive(Debug, Clone)]
pub(super) struct Git {
    folder: PathBuf,
    timeout: Duration,
    inherited: Vec<String>,
    ssh: OnceCell<Option<String>>,
}

/// Why a git command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitError {
    /// There is no git on this machine: nothing was done.
    NoProgram(String),
    /// It did not start: nothing was done.
    NotStarted(String),
    /// It ended, and said why it could not do it.
    Refused {
        /// All that it wrote, without the credentials that an address may hold.
        said: String,
    },
    /// It was ended when its time was up, or how it ended is not known: it may have done a part.
    Lost(String),
}

impl GitError {
    /// One sentence, fit for a screen.
    pub fn reason(&self) -> String {
        match self {
            Self::NoProgram(reason) | Self::NotStarted(reason) | Self::Lost(reason) => reason.clone(),
            Self::Refused { said } => most_specific_line(said),
        }
    }

    /// Whether git wrote these words, in whatever line.
    pub(super) fn mentions(&self, words: &str) -> bool {
        match self {
            Self::NoProgram(said) | Self::NotStarted(said) | Self::Lost(said) | Self::Refused { said } => {
                said.contains(words)
            }
        }
    }
}

impl Git {
    pub(super) fn new(folder: &Path, timeout: Duration) -> Self {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let secrets = secret::hidden_variables();
        let inherited =
            names.filter(|name| !is_hidden(name) && (!secrets.contains(name) || is_gits_own(name))).collect();
        Self { folder: folder.to_owned(), timeout, inherited, ssh: OnceCell::new() }
    }

    /// The same git in another folder.
    pub(super) fn within(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self.clone() }
    }

    /// Runs git and gives what it wrote, if it could do it.
    pub(super) async fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.output(arguments).await?;
        if output.status.success() {
            // Of what is told in part nothing is known: a migration's first line may be what it lacks.
            let told = output.whole().map(str::to_owned);
            return told.map_err(|error| GitError::Lost(format!("git {}: {error}", arguments.first().unwrap_or(&""))));
        }
        Err(GitError::Refused { said: without_credentials(&format!("{}\n{}", output.stderr, output.stdout)) })
    }

    /// Asks for one line; `None` when git knows none.
    pub(super) async fn line(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        match self.ask(arguments).await {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|line| !line.is_empty())),
            Err(GitError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Runs git, however it ends.
    pub(super) async fn output(&self, arguments: &[&str]) -> Result<Output, GitError> {
        let ssh = self.ssh.get_or_try_init(|| self.ssh_command()).await?;
        self.run(arguments, ssh.as_deref()).await
    }

    async fn run(&self, arguments: &[&str], ssh: Option<&str>) -> Result<Output, GitError> {
        let mut argv: Vec<OsString> = vec!["git".into(), "--no-pager".into()];
        argv.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), (*setting).into()]));
        argv.extend(arguments.iter().map(Into::into));
        let mut environment: Vec<(String, String)> = [
            ("LC_ALL", "C"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GCM_INTERACTIVE", "never"),
            ("SSH_ASKPASS_REQUIRE", "never"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            // A attempt needs no large file, and must not wait for one.
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("GIT_EDITOR", "true"),
            ("GIT_SEQUENCE_EDITOR", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        environment.extend(ssh.map(|command| ("GIT_SSH_COMMAND".to_owned(), command.to_owned())));
        let program = Program {
            argv: &argv,
            inherits: Inherits::Only(&self.inherited),
            environment: &environment,
            folder: Some(&self.folder),
            timeout: self.timeout,
        };
        program.run().await.map_err(|failure| {
            let reason = without_credentials(&failure.to_string());
            match failure {
                // A folder that is not there looks like a program that is not there.
                Failure::NotFound(_) if !self.folder.is_dir() => {
                    GitError::NotStarted(format!("no folder {}", self.folder.display()))
                }
                Failure::NotFound(_) => GitError::NoProgram(reason),
                failure if failure.did_nothing() => GitError::NotStarted(reason),
                _ => GitError::Lost(reason),
            }
        })
    }

    /// The user's own ssh command, made non-interactive.
    async fn ssh_command(&self) -> Result<Option<String>, GitError> {
        if std::env::var_os("GIT_SSH").is_some() {
            return Ok(None);
        }
        let own = match std::env::var("GIT_SSH_COMMAND") {
            Ok(command) if !command.trim().is_empty() => command,
            _ => {
                let output = self.run(&["config", "--get", "core.sshCommand"], None).await?;
                let configured = output.stdout.trim();
                if configured.is_empty() { "ssh".to_owned() } else { configured.to_owned() }
            }
        };
        Ok(Some(format!("{own} -oBatchMode=yes -oConnectTimeout=10")))
    }
}

/// What git's credential helpers read (`gh auth git-credential`, `glab`): these stay, whatever else they are used for.
fn is_gits_own(variable: &str) -> bool {
    const HOSTS: [&str; 6] = ["GH_", "GITHUB_", "GITLAB_", "GLAB_", "BITBUCKET_", "GIT_"];
    HOSTS.iter().any(|host| variable.starts_with(host))
}

fn is_hidden(variable: &str) -> bool {
    HIDDEN.contains(&variable) || variable.starts_with("GIT_TRACE")
}

/// The line that says most: git's own error, not the advice around it.
fn most_specific_line(said: &str) -> String {
    let lines = || said.lines().map(clean).filter(|line| !line.is_empty());
    let verdict = lines().find_map(|line| {
        let word = line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: "))?;
        Some(word.to_owned())
    });
    let line = verdict.or_else(|| lines().next_back()).unwrap_or_else(|| "git gave no reason".to_owned());
    crate::cluster::short(&line)
}

/// The text with whatever stands before the `@` of an address taken out: it may be a token.
pub(super) fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let authority = after.find(|c: char| c.is_whitespace() || "/'\"".contains(c)).unwrap_or(after.len());
        rest = match after[..authority].rfind('@') {
            Some(at) => &after[at + 1..],
            None => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_an_address_are_told_to_nobody() {
        let said =
            "fatal: unable to access 'https://ana:hunter2@git.example/shop.git/': refused\nTo https://t@h\nssh://g/x@y";
        let cleaned = without_credentials(said);
        assert_eq!(
            cleaned,
            "fatal: unable to access 'https://git.example/shop.git/': refused\nTo https://h\nssh://g/x@y"
        );
    }

    #[test]
    fn nothing_of_the_environment_leads_git_to_another_repository_or_makes_it_talk() {
        let hidden = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_TRACE_CURL", "GIT_TRACE", "GPG_TTY"];
        assert!(hidden.iter().all(|name| is_hidden(name)));
        let kept = ["PATH", "HOME", "SSH_AUTH_SOCK", "GIT_AUTHOR_NAME", "GIT_SSL_CAINFO", "HTTPS_PROXY"];
        assert!(!kept.iter().any(|name| is_hidden(name)));
    }

    #[test]
    fn git_s_verdict_is_told_and_not_its_advice() {
        let said =
            "remote: hello\nfatal: Could not read from remote repository.\n\nPlease make sure you have access.\n";
        assert_eq!(most_specific_line(said), "Could not read from remote repository.");
        assert_eq!(most_specific_line("one\ntwo\n\n"), "two");
        assert_eq!(most_specific_line(""), "git gave no reason");
    }
}
