//! What a revert says of itself: its lines of the plan, its checks, and why it would not work.

use crate::repository::{Commit, Reverted, Trouble, short};
use crate::rollback::spec::RepositorySpec;
use crate::rollback::{Blocked, Check, Covered};
use chrono::TimeDelta;
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
                format!("reverts {merge}{}", commit.describe())
            })
            .collect();
        if commits.len() > NAMED {
            lines.push(format!("reverts {} earlier commits of {}", commits.len() - NAMED, self.from()));
        }
        let files = counted(reverted.files, "file");
        lines
            .push(format!("pushes it as one commit to {} of {}: {files} changed", self.branch, self.repository.remote));
        lines.push(format!("whatever deploys {} then deploys it; redflag waits for the pods", self.branch));
        lines
    }

    /// What came onto the branch after the deploy ships along with the revert.
    pub(super) fn since(&self, running: &str, since: &[Commit]) -> Check {
        let (name, branch, from) = ("branch", self.branch, self.from());
        if since.is_empty() {
            return Check::ok(name, format!("{from} ({}) is the tip of {branch}", short(running)));
        }
        let named: Vec<String> = since.iter().map(Commit::describe).collect();
        let more = if since.len() >= NAMED { ", and maybe more" } else { "" };
        let sentence =
            format!("newer commits are on {branch} and ship along with the revert: {}{more}", named.join(", "));
        Check::warning(name, sentence, Some("ask who wrote them whether they may go out now".to_owned()))
    }

    pub(super) fn not_restored(&self) -> Vec<String> {
        vec![
            format!("database migrations and messages that {} has written", self.from()),
            "whatever is not in this repository: settings, secrets, feature flags".to_owned(),
        ]
    }

    /// The commands that do the same.
    pub(super) fn by_hand(&self, commits: &[Commit]) -> String {
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
                "{} ({}) is not on {}: reverting there changes nothing",
                self.from(),
                short(running),
                self.branch
            ),
            way_out: format!("name the branch that {} was deployed from", self.from()),
        }
    }

    pub(super) fn diverged(&self, target: &str, running: &str) -> Blocked {
        let (from, to) = (self.from(), self.to());
        Blocked {
            reason: format!("{from} ({}) was not built on {to} ({})", short(running), short(target)),
            way_out: format!("deploy {to} anew, or choose a version that {from} was built on (rollback --to)"),
        }
    }

    pub(super) fn same_commit(&self, running: &str) -> Blocked {
        Blocked {
            reason: format!("{} and {} are the same commit, {}", self.from(), self.to(), short(running)),
            way_out: "look for the cause elsewhere: in the settings, or in what was built".to_owned(),
        }
    }

    pub(super) fn too_many(&self, commits: usize) -> Blocked {
        Blocked {
            reason: format!("{} holds {commits} commits that {} has not", self.from(), self.to()),
            way_out: format!("choose a nearer version (rollback --to), or deploy {} anew", self.to()),
        }
    }

    pub(super) fn nothing_to_revert(&self, tip: &str) -> Blocked {
        Blocked {
            reason: format!("all of {} is reverted on {} already ({})", self.from(), self.branch, short(tip)),
            way_out: format!("wait until {} is deployed, or see why it is not", self.branch),
        }
    }

    pub(super) fn not_tried(&self, trouble: &Trouble) -> Blocked {
        Blocked {
            reason: format!("the revert of {} could not be tried: {}", self.from(), trouble.reason()),
            way_out: format!("try by hand, in {}", self.repository.path.display()),
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

/// The revert was tried, and applies.
pub(super) fn applies(reverted: &Reverted) -> Check {
    Check::ok("trial", format!("the revert applies without a conflict: {} changed", counted(reverted.files, "file")))
}

/// It is no way for the first two minutes.
pub(super) fn slow() -> Check {
    let sentence = "slow: what deploys the branch runs first, which takes minutes rather than seconds";
    let way_out = "where it cannot wait, undo the workload first: redflag has the strategy kubernetes for it";
    Check::warning("duration", sentence, Some(way_out.to_owned()))
}

fn revert_command(commit: &Commit) -> String {
    let parent = if commit.parents > 1 { "-m 1 " } else { "" };
    format!("git revert --no-edit {parent}{}", short(&commit.hash))
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("one {what}") } else { format!("{number} {what}s") }
}
