//! What git says of a push that failed: overtaken, refused, or not known.

use super::GitError;
use crate::net::http::clean;

/// Git's own words for what happens before anything is sent.
const NEVER_SENT: [&str; 12] = [
    "does not appear to be a git repository",
    "Could not read from remote repository",
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "unable to access",
    "Could not resolve host",
    "Connection refused",
    "Permission denied (",
    "Host key verification failed",
    "hung up upon initial contact",
    "' not found",
];

/// Git's words for a branch that has moved on, at the remote's greeting or while ours was taken.
const OVERTAKEN: [&str; 7] = [
    "fetch first",
    "non-fast-forward",
    "stale info",
    "needs force",
    "failed to update ref",
    "cannot lock ref",
    "failed to lock",
];

/// The result of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// It was taken.
    Taken,
    /// Somebody pushed before: nothing was changed.
    Overtaken,
    /// It was refused, and nothing was changed. What the remote said of it.
    Refused(String),
    /// Nobody knows whether it was taken.
    Unknown(String),
}

impl Pushed {
    /// Reads what a push that failed said. The words for what happens before anything is sent are few and known;
    /// whatever else went wrong may have gone wrong after the remote took it.
    pub(super) fn after(error: &GitError) -> Self {
        let said = match error {
            GitError::NoProgram(reason) | GitError::NotStarted(reason) => return Self::Refused(reason.clone()),
            GitError::Lost(reason) => return Self::Unknown(reason.clone()),
            GitError::Refused { said } => said,
        };
        // `--porcelain`: a flag, what went where, and a summary, with tabs between them.
        if let Some(line) = said.lines().find(|line| line.starts_with('!')) {
            let summary = line.rsplit('\t').next().unwrap_or_default();
            return if summary.contains("[remote failure]") {
                Self::Unknown(clean(summary))
            } else if OVERTAKEN.iter().any(|words| summary.contains(words)) {
                Self::Overtaken
            } else {
                Self::Refused(refusal(said, summary))
            };
        }
        if NEVER_SENT.iter().any(|words| said.contains(words)) && !said.contains("unexpectedly") {
            return Self::Refused(error.reason());
        }
        Self::Unknown(error.reason())
    }
}

/// `pre-receive hook declined: GH006: Protected branch update failed for refs/heads/main.`
fn refusal(said: &str, summary: &str) -> String {
    let summary = clean(summary);
    let why = summary.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(&summary);
    let remote: Vec<String> = said
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(|line| clean(line.trim().trim_start_matches("error:")))
        .filter(|line| !line.is_empty())
        .take(3)
        .collect();
    let text = if remote.is_empty() { why.to_owned() } else { format!("{why}: {}", remote.join(" ")) };
    crate::cluster::short(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(said: &str) -> Pushed {
        Pushed::after(&GitError::Refused { said: said.to_owned() })
    }

    #[test]
    fn a_push_that_was_refused_is_told_from_one_that_was_overtaken() {
        let line = |summary: &str| format!("To /x\n!\tabc:refs/heads/main\t{summary}\nDone");
        assert_eq!(push(&line("[rejected] (fetch first)")), Pushed::Overtaken);
        assert_eq!(push(&line("[rejected] (non-fast-forward)")), Pushed::Overtaken);
        assert_eq!(push(&line("[remote rejected] (cannot lock ref 'refs/heads/main')")), Pushed::Overtaken);
        let protected = format!(
            "remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: \nremote: - Changes must be \
             made through a pull request.\n{}",
            line("[remote rejected] (protected branch hook declined)")
        );
        let text = "protected branch hook declined: GH006: Protected branch update failed for refs/heads/main. - Changes \
                    must be made through a pull request.";
        assert_eq!(push(&protected), Pushed::Refused(text.to_owned()));
    }

    #[test]
    fn what_was_never_sent_is_told_from_what_may_have_arrived() {
        for said in [
            "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.",
            "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            "fatal: unable to access 'https://x/': Could not resolve host: x",
            "fatal: Authentication failed for 'https://x/'",
            "fatal: '/x' does not appear to be a git repository",
            "remote: Not here\nfatal: repository 'https://x/' not found",
        ] {
            assert!(matches!(push(said), Pushed::Refused(_)), "{said}");
        }
        for said in [
            "fatal: the remote end hung up unexpectedly",
            "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
            "send-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly",
            "!\tabc:refs/heads/main\t[remote failure] (remote failed to report status)",
            "something new",
            "",
        ] {
            assert!(matches!(push(said), Pushed::Unknown(_)), "{said}");
        }
        assert!(matches!(Pushed::after(&GitError::Lost("ended".to_owned())), Pushed::Unknown(_)));
        assert!(matches!(Pushed::after(&GitError::NotStarted("no git".to_owned())), Pushed::Refused(_)));
    }
}
