//! What a revert says of itself: its lines of the plan, its checks, and why it would not work.

use crate::repository::RepositorySpec;
use crate::repository::{Commit, GitError, Reverted, short};
use crate::rollback::{Blocked, Check, CheckKind, Covered};
use chrono::TimeDelta;
use std::collections::HashSet;
use std::path::Path;

/// Assumed from a push to the pods of what it brought: no pipeline tells beforehand how long it takes.
pub(super) const PIPELINE: TimeDelta = TimeDelta::minutes(10);

/// This many commits or files are named one by one.
const NAMED: usize = 5;

/// The words for the revert of one deploy.
pub(super) struct Story<'a> {
    pub(super) repository: &'a RepositorySpec,
    pub(super) branch: &'a str,
    pub(super) covered: &'a Covered,
}

impl Story<'_> {
    fn from(&self) -> &str {
        self.covered.from.label()
    }

    fn to(&self) -> &str {
        self.covered.to.label()
    }

    /// The same for every workload that the same commits bring back.
    pub(super) fn subject(&self, commits: &[Commit]) -> String {
        let branch = self.branch;
        match commits {
            [] => format!("branch {branch}"),
            [one] => format!("branch {branch}, commit {}", short(&one.hash)),
            [newest, .., oldest] => {
                format!("branch {branch}, commits {}..{}", short(&oldest.hash), short(&newest.hash))
            }
        }
    }

    pub(super) fn does(&self, commits: &[Commit], reverted: &Reverted) -> Vec<String> {
        let mut lines: Vec<String> = commits
            .iter()
            .take(NAMED)
            .map(|commit| {
                let merge = if commit.parents > 1 { "the merge " } else { "" };
                format!("revert {merge}{}", commit.describe())
            })
            .collect();
        if commits.len() > NAMED {
            lines.push(format!("revert {} earlier commits of {}", commits.len() - NAMED, self.from()));
        }
        let files = counted(reverted.files, "file");
        lines.push(format!("push one commit to {} of {}: {files} changed", self.branch, self.repository.remote));
        lines.push(format!("wait for the pipeline of {} to deploy it", self.branch));
        lines
    }

    /// What came onto the branch after the deploy ships along with the revert.
    pub(super) fn since(&self, running: &str, since: &[Commit]) -> Check {
        let (name, branch, from) = (CheckKind::Branch, self.branch, self.from());
        if since.is_empty() {
            return Check::ok(name, format!("{from} ({}) is the tip of {branch}", short(running)));
        }
        let named: Vec<String> = since.iter().map(Commit::describe).collect();
        let more = if since.len() >= NAMED { ", and maybe more" } else { "" };
        let sentence = format!("newer commits on {branch} ship with the revert: {}{more}", named.join(", "));
        Check::warning(name, sentence, Some("ask their authors whether they may ship now".to_owned()))
    }

    pub(super) fn not_reverted(&self) -> Vec<String> {
        vec![
            format!("database changes and queued messages written by {}", self.from()),
            "whatever is not in this repository: settings, secrets, feature flags".to_owned(),
        ]
    }

    /// The commands that do the same.
    pub(super) fn manual_command(&self, commits: &[Commit]) -> String {
        let RepositorySpec { remote, .. } = self.repository;
        let branch = self.branch;
        let mut commands = vec![format!("git fetch {remote}"), format!("git switch --detach {remote}/{branch}")];
        commands.extend(commits.iter().map(revert_command));
        commands.push(format!("git push {remote} HEAD:{branch}"));
        commands.join(" && ")
    }

    pub(super) fn not_on_branch(&self, running: &str) -> Blocked {
        Blocked {
            reason: format!(
                "{} ({}) is not on {}: a revert there changes nothing",
                self.from(),
                short(running),
                self.branch
            ),
            way_out: format!("set the branch that {} was deployed from", self.from()),
        }
    }

    pub(super) fn diverged(&self, target: &str, running: &str) -> Blocked {
        let (from, to) = (self.from(), self.to());
        Blocked {
            reason: format!("{from} ({}) is not based on {to} ({})", short(running), short(target)),
            way_out: format!("redeploy {to}, or choose a version that {from} is based on (rollback --to)"),
        }
    }

    pub(super) fn same_commit(&self, running: &str) -> Blocked {
        Blocked {
            reason: format!("{} and {} are the same commit, {}", self.from(), self.to(), short(running)),
            way_out: "look for the cause elsewhere: in the settings or the build".to_owned(),
        }
    }

    pub(super) fn too_many(&self, commits: usize) -> Blocked {
        Blocked {
            reason: format!("{} holds {commits} commits that {} has not", self.from(), self.to()),
            way_out: format!("choose a nearer version (rollback --to), or redeploy {}", self.to()),
        }
    }

    pub(super) fn nothing_to_revert(&self, tip: &str) -> Blocked {
        Blocked {
            reason: format!("all of {} is already reverted on {} ({})", self.from(), self.branch, short(tip)),
            way_out: format!("wait until {} is deployed, or find out why it is not", self.branch),
        }
    }

    /// `filter`: that of a partial clone, which fetches what it lacks while it tries.
    pub(super) fn not_tried(&self, trouble: &GitError, filter: Option<&str>) -> Blocked {
        let path = self.repository.path.display();
        Blocked {
            reason: format!("cannot try the revert of {}: {}", self.from(), trouble.reason()),
            way_out: match filter {
                Some(filter) => format!(
                    "{path} is a partial clone ({filter}), which fetches what it lacks while it tries: set a full clone"
                ),
                None => format!("try it manually, in {path}"),
            },
        }
    }

    /// The worktree with the conflict in it is left for a person, at the commit that does not apply.
    pub(super) fn conflict(&self, commits: &[Commit], at: &Commit, files: &[String], folder: &Path) -> Blocked {
        let mut named = files.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if files.len() > NAMED {
            named.push_str(&format!(" and {} more", files.len() - NAMED));
        }
        let (folder, remote, branch) = (folder.display(), &self.repository.remote, self.branch);
        let rest: Vec<String> = commits.iter().skip_while(|commit| *commit != at).skip(1).map(revert_command).collect();
        let then = if rest.is_empty() { String::new() } else { format!(", then {}", rest.join(" && ")) };
        Blocked {
            reason: format!("the revert of {} conflicts with what came after it: {named}", at.describe()),
            way_out: format!(
                "resolve it in {folder}, git add and git commit there{then}, and git push {remote} HEAD:{branch}"
            ),
        }
    }
}

/// Commits that may be another team's: those that change nothing in a folder of the service's name, where there is one;
/// else those of several people.
pub(super) fn others(commits: &[Commit], touching: Option<&HashSet<String>>, service: &str) -> Option<Check> {
    let name = CheckKind::Commits;
    let named = |commits: &[&Commit]| {
        let named: Vec<String> = commits.iter().take(NAMED).map(|commit| commit.describe()).collect();
        let more = commits.len().saturating_sub(NAMED);
        if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
    };
    let outside: Vec<&Commit> = match touching {
        // No commit in such a folder: there may be none.
        Some(touching) if !touching.is_empty() => {
            commits.iter().filter(|commit| !touching.contains(&commit.hash)).collect()
        }
        _ => Vec::new(),
    };
    if !outside.is_empty() {
        let (count, all) = (outside.len(), counted(commits.len(), "commit"));
        let sentence =
            format!("{count} of {all} change nothing in {service}/ and are rolled back too: {}", named(&outside));
        let way_out = "ask their authors, or revert the service's commits manually".to_owned();
        return Some(Check::warning(name, sentence, Some(way_out)));
    }
    let mut authors: Vec<&str> = commits.iter().map(|commit| commit.author.as_str()).collect();
    authors.sort_unstable();
    authors.dedup();
    if authors.len() < 2 {
        return None;
    }
    let (count, more) = (authors.len(), authors.len().saturating_sub(NAMED));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    authors.truncate(NAMED);
    let sentence = format!("it rolls back commits of {count} people: {}{more}", authors.join(", "));
    Some(Check::warning(name, sentence, Some("tell them".to_owned())))
}

/// Why a push was not taken. What is offered instead must not meet the same refusal.
pub(super) fn not_taken(spec: &RepositorySpec, branch: &str, commit: &str, signs: bool, why: &str) -> Blocked {
    let RepositorySpec { remote, path, .. } = spec;
    let path = path.display();
    let lower = why.to_lowercase();
    let wants_signature =
        ["verified signature", "signed commit", "gpg signature", "not signed", "unsigned", "must be signed"];
    let way_out = match (wants_signature.iter().any(|words| lower.contains(words)), signs) {
        (true, false) => format!(
            "set up signing here, then reopen the plan: git -C {path} config commit.gpgSign true (and \
             user.signingKey)"
        ),
        (true, true) => format!(
            "the commit is signed, but {remote} does not know the key: add its public key to your account there, or \
             set user.signingKey and user.email to what it knows"
        ),
        (false, _) => format!(
            "if {branch} only takes reviewed changes, open one with the prepared revert: git -C {path} push \
             {remote} {commit}:refs/heads/revert-{}",
            &commit[..12.min(commit.len())]
        ),
    };
    Blocked { reason: format!("{remote} refused the push to {branch}: {why}"), way_out }
}

/// The revert was tried, and applies.
pub(super) fn applies(reverted: &Reverted) -> Check {
    Check::ok(
        CheckKind::Revert,
        format!("the revert applies without a conflict: {} changed", counted(reverted.files, "file")),
    )
}

/// It is no way for the first two minutes.
pub(super) fn slow() -> Check {
    let sentence = "slow: the pipeline runs first, which takes minutes, not seconds";
    let way_out = "if it cannot wait, roll back the workload first with strategy kubernetes";
    Check::warning(CheckKind::Duration, sentence, Some(way_out.to_owned()))
}

fn revert_command(commit: &Commit) -> String {
    let parent = if commit.parents > 1 { "-m 1 " } else { "" };
    format!("git revert --no-edit {parent}{}", short(&commit.hash))
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("one {what}") } else { format!("{number} {what}s") }
}
