//! A revert tried in a worktree of its own, in a folder for temporary things: the user's checkout is never touched.

use super::git::Git;
use super::{Commit, GitError, Repository};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The result of a attempt revert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevertOutcome {
    /// The reverts apply.
    Reverted(Reverted),
    /// They change nothing: somebody has reverted it all already.
    Nothing,
    /// They do not apply.
    Conflict {
        /// The commit whose revert does not apply.
        at: Commit,
        /// The files in conflict.
        files: Vec<String>,
        /// The worktree with the conflict in it, left for the user to resolve.
        folder: PathBuf,
    },
}

/// Reverts that apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// What the branch would hold, as a tree object.
    pub tree: String,
    /// How many files differ from the tip.
    pub files: usize,
}

impl Repository {
    /// Reverts these commits (newest first) on top of `tip`, in a fresh worktree that is gone afterwards unless there
    /// is a conflict in it. A merge is reverted against its first parent: what it brought to the branch goes.
    pub async fn try_revert(&self, tip: &str, commits: &[Commit]) -> Result<RevertOutcome, GitError> {
        let worktree = Worktree::make(&self.git, tip).await?;
        for commit in commits {
            let mut call = vec!["revert", "--no-commit"];
            if commit.parents > 1 {
                call.extend(["-m", "1"]);
            }
            call.push(&commit.hash);
            let Err(error) = worktree.git.ask(&call).await else { continue };
            let files = worktree.git.ask(&["diff", "--name-only", "--diff-filter=U", "-z"]).await?;
            let files: Vec<String> = files.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect();
            if files.is_empty() {
                worktree.remove(&self.git).await;
                return Err(error);
            }
            if self.is_back(tip, commits).await? {
                worktree.remove(&self.git).await;
                return Ok(RevertOutcome::Nothing);
            }
            return Ok(RevertOutcome::Conflict { at: commit.clone(), files, folder: worktree.keep() });
        }
        let tree = worktree.git.ask(&["write-tree"]).await;
        let changed = worktree.git.ask(&["diff", "--cached", "--name-only", "-z", tip]).await;
        worktree.remove(&self.git).await;
        let files = changed?.split('\0').filter(|file| !file.is_empty()).count();
        let tree = tree?.trim().to_owned();
        Ok(if files == 0 { RevertOutcome::Nothing } else { RevertOutcome::Reverted(Reverted { tree, files }) })
    }

    /// Whether every file that these commits changed is already as it was before them: a revert in one piece, or by
    /// hand, conflicts with reverting them one by one.
    async fn is_back(&self, tip: &str, commits: &[Commit]) -> Result<bool, GitError> {
        let (Some(newest), Some(oldest)) = (commits.first(), commits.last()) else { return Ok(true) };
        let before = format!("{}^1", oldest.hash);
        let names = async |commit: &str| {
            let call = ["diff", "--name-only", "--no-renames", "-z", "--end-of-options", &before, commit];
            self.git.ask(&call).await
        };
        let (changed, different) = (names(&newest.hash).await?, names(tip).await?);
        let different: HashSet<&str> = different.split('\0').filter(|file| !file.is_empty()).collect();
        Ok(!changed.split('\0').any(|file| different.contains(file)))
    }

    /// Removes a worktree that was left for the user, if it is still there.
    pub async fn remove_worktree(&self, folder: &Path) {
        let path = folder.to_string_lossy();
        let _ = self.git.ask(&["worktree", "remove", "--force", &path]).await;
    }
}

/// A worktree for the time being: removed when dropped, unless it is kept.
struct Worktree {
    folder: Option<PathBuf>,
    git: Git,
    /// Where the clone itself remembers it.
    entry: Option<PathBuf>,
}

impl Worktree {
    async fn make(git: &Git, commit: &str) -> Result<Self, GitError> {
        let name = format!("redflag-revert-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let folder = std::env::temp_dir().join(&name);
        let common = git.ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).await?;
        let entry = Path::new(common.trim()).join("worktrees").join(&name);
        let made = Self { git: git.within(&folder), folder: Some(folder.clone()), entry: Some(entry) };
        let path = folder.to_string_lossy();
        git.ask(&["worktree", "add", "--quiet", "--detach", "--", &path, commit]).await?;
        Ok(made)
    }

    async fn remove(mut self, git: &Git) {
        if let Some(folder) = &self.folder {
            let path = folder.to_string_lossy().into_owned();
            if git.ask(&["worktree", "remove", "--force", "--", &path]).await.is_ok() {
                self.folder = None;
            }
        }
    }

    fn keep(mut self) -> PathBuf {
        self.folder.take().unwrap_or_default()
    }
}

impl Drop for Worktree {
    /// Without git, because nobody may wait here: the folder and what the clone remembers of it.
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let _ = std::fs::remove_dir_all(folder);
        if let Some(entry) = self.entry.take() {
            let _ = std::fs::remove_dir_all(entry);
        }
    }
}
