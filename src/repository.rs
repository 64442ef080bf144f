//! A local clone of what is deployed, read through the `git` program. The user's checkout, index, branches and
//! tags are never touched, and what is fetched goes under `refs/redflag`: a background fetch that moved
//! `origin/main` would defeat the check of their next `push --force-with-lease`. Only a push moves it.

mod git;
mod push;
mod spec;
mod worktree;

pub use git::GitError;
pub use push::Pushed;
pub use spec::RepositorySpec;
pub use worktree::{RevertOutcome, Reverted};

use crate::deploy::Version;
use crate::net::http::clean;
use crate::rollback::Blocked;
use crate::rollback::migrations::{self, Change, Files, Migration};
use crate::template::Template;
use git::Git;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Of changed migrations, this many are read; more are told without their contents.
const READ: usize = 100;

/// How many of the newest commits are looked through for one that redflag made.
const REMEMBERED: &str = "--max-count=500";

/// How git writes a commit for [`read_commit`].
const COMMIT: &str = "%H%x00%P%x00%an%x00%s";

/// A local clone.
#[derive(Debug)]
pub struct Repository {
    spec: RepositorySpec,
    git: Git,
    /// Versions whose commits were found, by their images. A version that is deployed keeps its commit.
    known: Mutex<HashMap<Vec<String>, String>>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its full hash.
    pub hash: String,
    /// How many parents it has: two or more for a merge.
    pub parents: usize,
    /// Who wrote it.
    pub author: String,
    /// Its first line.
    pub subject: String,
}

impl Commit {
    /// `1a2b3c4 “make carts faster” by Ana`.
    pub fn describe(&self) -> String {
        format!("{} “{}” by {}", short(&self.hash), self.subject, self.author)
    }
}

/// The first seven letters of a hash.
pub fn short(hash: &str) -> &str {
    hash.get(..7).unwrap_or(hash)
}

impl Repository {
    /// The clone that the configuration names. Nothing is looked at yet. `timeout` is how long one call of git
    /// may take.
    pub fn new(spec: RepositorySpec, timeout: Duration) -> Self {
        let git = Git::new(&spec.path, timeout);
        Self { spec, git, known: Mutex::default() }
    }

    /// The newest tags that are like a pattern, a line each: when it was made (RFC 3339), and its name.
    ///
    /// # Errors
    /// What git says.
    pub async fn tags(&self, pattern: &str, most: usize) -> Result<String, GitError> {
        let (count, pattern) = (format!("--count={most}"), format!("refs/tags/{pattern}"));
        let format = "--format=%(creatordate:iso-strict) %(refname:lstrip=2)";
        self.git.ask(&["for-each-ref", "--sort=-creatordate", &count, format, &pattern]).await
    }

    /// What the configuration says of it.
    pub fn spec(&self) -> &RepositorySpec {
        &self.spec
    }

    /// Makes sure that it is a clone with that remote, and gives the remote's address.
    ///
    /// # Errors
    /// What is there instead, and the way out.
    pub async fn check(&self) -> Result<String, Blocked> {
        let path = self.spec.path.display();
        self.git.ask(&["rev-parse", "--git-dir"]).await.map_err(|error| match error {
            GitError::NoProgram(reason) => Blocked {
                reason: format!("cannot read the repository {path}: {reason}"),
                way_out: "install git, or add it to PATH".to_owned(),
            },
            error if error.reason().contains("dubious ownership") => Blocked {
                reason: format!("git does not trust {path}, which is owned by another user"),
                way_out: format!("git config --global --add safe.directory {path}"),
            },
            error => Blocked {
                reason: format!("{path} is not a git repository: {}", error.reason()),
                way_out: "set the repository's path to a local clone of what is deployed".to_owned(),
            },
        })?;
        let remote = &self.spec.remote;
        let url = self.git.line(&["remote", "get-url", "--push", "--", remote]).await;
        let url = url.map_err(|error| self.unreadable(&error))?.ok_or_else(|| Blocked {
            reason: format!("the repository {path} has no remote {remote}"),
            way_out: format!("git -C {path} remote add {remote} URL, or set another remote"),
        })?;
        Ok(git::without_credentials(&url))
    }

    /// Fetches the tags, and this branch where one is given, into refs of our own.
    pub async fn fetch(&self, branch: Option<&str>) -> Result<(), GitError> {
        let branch = branch.map(|branch| format!("+refs/heads/{branch}:{}", fetched(branch)));
        let mut call =
            vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--", &self.spec.remote];
        call.extend(branch.as_deref());
        call.push("+refs/tags/*:refs/redflag/tags/*");
        self.git.ask(&call).await.map(|_| ())
    }

    /// The tip of the remote's branch, as it was fetched last.
    pub async fn tip(&self, branch: &str) -> Result<Option<String>, GitError> {
        self.commit(&fetched(branch)).await
    }

    /// The commit of a version, as far as it is here: by its tag, or by the hash that the version is or ends in.
    pub async fn commit_here(&self, version: &Version) -> Result<Option<String>, GitError> {
        let label = version.label();
        for tag in self.tags_of(label) {
            for place in ["refs/redflag/tags", "refs/tags"] {
                if let Some(hash) = self.commit(&format!("{place}/{tag}")).await? {
                    return Ok(Some(hash));
                }
            }
        }
        let Some(start) = hash_in(label) else { return Ok(None) };
        // A branch may look like a hash; then it is not the commit that is meant.
        Ok(self.commit(start).await?.filter(|hash| hash.starts_with(start)))
    }

    /// The tags that may name a version, in the order in which they are tried.
    fn tags_of(&self, label: &str) -> impl Iterator<Item = String> {
        let named = |pattern: &String| {
            Template::ours(pattern).fill_known(|name| (name == "version").then_some(Cow::Borrowed(label)))
        };
        self.spec.tags.iter().map(named)
    }

    /// The commit of a version, as far as [`Self::commit_of`] has found it before.
    pub fn known_commit(&self, version: &Version) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&version.images).cloned()
    }

    /// The commit of a version. What is not here is fetched once.
    ///
    /// # Errors
    /// Why it is not known, and the way out.
    pub async fn commit_of(&self, version: &Version) -> Result<String, Blocked> {
        if let Some(hash) = self.known_commit(version) {
            return Ok(hash);
        }
        let hash = self.find_commit(version).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(version.images.clone(), hash.clone());
        Ok(hash)
    }

    async fn find_commit(&self, version: &Version) -> Result<String, Blocked> {
        let label = version.label();
        let unread = |error: GitError| self.unreadable(&error);
        if let Some(hash) = self.commit_here(version).await.map_err(unread)? {
            return Ok(hash);
        }
        self.check().await?;
        let fetching = self.fetch(None).await;
        if let Some(hash) = self.commit_here(version).await.map_err(unread)? {
            return Ok(hash);
        }
        fetching.map_err(|error| self.unreachable(&error))?;
        let tags: Vec<String> = self.tags_of(label).collect();
        let tried = if tags.is_empty() { String::new() } else { format!(" (tried the tags {})", tags.join(", ")) };
        let unknown = Blocked {
            reason: format!("cannot find the commit of {label}{tried}"),
            way_out: "tag what is deployed, or end the version with its commit hash".to_owned(),
        };
        Err(self.or_shallow(unknown).await)
    }

    /// Whether it holds only the newest commits, as the clones of most CI jobs do.
    pub async fn is_shallow(&self) -> bool {
        matches!(self.git.line(&["rev-parse", "--is-shallow-repository"]).await, Ok(Some(answer)) if answer == "true")
    }

    /// What a clone lacks that is shallow explains what seems wrong with its history.
    pub async fn or_shallow(&self, seems: Blocked) -> Blocked {
        if !self.is_shallow().await {
            return seems;
        }
        let (path, remote) = (self.spec.path.display(), &self.spec.remote);
        Blocked {
            reason: format!("{path} is a shallow clone without the earlier commits: {}", seems.reason),
            way_out: format!("git -C {path} fetch --unshallow {remote}, or set a full clone"),
        }
    }

    /// The filter of a partial clone: what it leaves out is fetched when it is needed.
    pub async fn filter(&self) -> Option<String> {
        let key = format!("remote.{}.partialclonefilter", self.spec.remote);
        let filter = self.git.line(&["config", "--get", &key]).await.ok().flatten();
        filter.map(|filter| clean(&filter))
    }

    /// Which commits between these two, along the first parents, change anything in a folder of this name. `None` where
    /// the name is none that a folder would have.
    pub async fn commits_touching(
        &self,
        from: &str,
        to: &str,
        folder: &str,
    ) -> Result<Option<HashSet<String>>, GitError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if folder.is_empty() || !folder.chars().all(is_plain) {
            return Ok(None);
        }
        let (range, place) = (format!("{from}..{to}"), format!(":(top,glob)**/{folder}/**"));
        let call =
            ["log", "--no-show-signature", "--first-parent", "--format=%H", "--end-of-options", &range, "--", &place];
        Ok(Some(self.git.ask(&call).await?.lines().map(|line| line.trim().to_owned()).collect()))
    }

    /// The commits of `to` that `from` has not, newest first, along the first parents: a merge counts as one.
    pub async fn commits(&self, from: &str, to: &str) -> Result<Vec<Commit>, GitError> {
        let range = format!("{from}..{to}");
        self.log(&["--first-parent", "--end-of-options", &range]).await
    }

    /// The commits of `to` that `from` has not, on whatever way they came, newest first, at most a handful.
    pub async fn new_commits(&self, from: &str, to: &str) -> Result<Vec<Commit>, GitError> {
        let range = format!("{from}..{to}");
        self.log(&["--max-count=5", "--end-of-options", &range]).await
    }

    /// The commits down from this one whose message has this trailer, newest first, each with the trailer's value.
    pub async fn with_trailer(&self, tip: &str, trailer: &str) -> Result<Vec<(Commit, String)>, GitError> {
        let format = format!("--format={COMMIT}%x00%(trailers:key={trailer},valueonly,separator=%x20)");
        let call = ["log", "--no-show-signature", "--first-parent", REMEMBERED, &format, "--end-of-options", tip];
        let listed = self.git.ask(&call).await?;
        let marked = listed.lines().filter_map(|line| {
            let (commit, value) = line.rsplit_once('\0')?;
            let value = value.trim();
            (!value.is_empty()).then_some((read_commit(commit)?, value.to_owned()))
        });
        Ok(marked.collect())
    }

    /// Whether everything of `old` is in `new`.
    pub async fn is_ancestor(&self, old: &str, new: &str) -> Result<bool, GitError> {
        let output = self.git.output(&["merge-base", "--is-ancestor", old, new]).await?;
        Ok(output.status.success())
    }

    /// The migrations that differ between the commits of two versions.
    ///
    /// # Errors
    /// Why it could not be told, in one sentence.
    pub async fn migrations(&self, old: &str, new: &str) -> Result<Files, GitError> {
        let patterns = &self.spec.migrations;
        let places = migrations::pathspecs(patterns);
        let mut call =
            vec!["diff", "--name-status", "--no-renames", "--no-ext-diff", "-z", "--end-of-options", old, new, "--"];
        call.extend(places.iter().map(String::as_str));
        let listed = self.git.ask(&call).await?;
        let mut fields = listed.split('\0');
        let mut found = Vec::new();
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            let change = match status {
                "A" => Change::Added,
                "D" => Change::Removed,
                _ => Change::Edited,
            };
            if !migrations::is_migration(path, patterns) {
                continue;
            }
            let text = match change {
                Change::Added if found.len() < READ => {
                    self.git.ask(&["cat-file", "blob", &format!("{new}:{path}")]).await.ok()
                }
                _ => None,
            };
            found.push(Migration { path: path.to_owned(), change, text });
        }
        let between = format!("{}..{}", short(old), short(new));
        Ok(Files::Read { between, migrations: found, patterns: patterns.clone() })
    }

    /// Whether the remote would accept the push, as far as a dry run can tell: a protected branch or a
    /// hook speaks only at the real push.
    pub async fn try_push(&self, commit: &str, branch: &str) -> Pushed {
        self.push_with(&["--dry-run"], commit, branch).await
    }

    /// Pushes one commit to a branch, once. Git itself refuses when the branch has moved on: nothing is ever forced.
    pub async fn push(&self, commit: &str, branch: &str) -> Pushed {
        self.push_with(&[], commit, branch).await
    }

    async fn push_with(&self, options: &[&str], commit: &str, branch: &str) -> Pushed {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let mut call = vec!["push", "--porcelain", "--no-verify", "--no-force-with-lease"];
        call.extend(options);
        call.extend(["--", &self.spec.remote, &refspec]);
        match self.git.ask(&call).await {
            Ok(_) => Pushed::Taken,
            Err(error) => Pushed::after(&error),
        }
    }

    /// Makes a commit of a tree on top of another commit. Nothing points at it: it is pushed, or forgotten.
    pub async fn commit_tree(&self, tree: &str, parent: &str, message: &str) -> Result<String, GitError> {
        let mut call = vec!["commit-tree", tree, "-p", parent, "-m", message];
        if self.signs().await? {
            call.push("-S");
        }
        Ok(self.git.ask(&call).await?.trim().to_owned())
    }

    /// Whether its commits are signed.
    pub async fn signs(&self) -> Result<bool, GitError> {
        let signs = self.git.line(&["config", "--type=bool", "--get", "commit.gpgSign"]).await?;
        Ok(signs.as_deref() == Some("true"))
    }

    /// The way out when git cannot make a commit: a name, a signing key, or whatever it says.
    pub async fn no_commit(&self, error: &GitError) -> Blocked {
        let (path, said) = (self.spec.path.display(), error.reason());
        let signs = self.signs().await.unwrap_or_default();
        let try_it = format!("git -C {path} commit-tree {}'HEAD^{{tree}}' -m test", if signs { "-S " } else { "" });
        let lacks_name = ["ident name", "auto-detect email", "auto-detect name", "tell me who you are"];
        let way_out = if lacks_name.iter().any(|words| error.mentions(words)) {
            format!("git -C {path} config user.name NAME && git -C {path} config user.email ADDRESS")
        } else if signs {
            format!("commits are signed here: unlock the key, so that this works without a prompt: {try_it}")
        } else {
            format!("make this work without a prompt: {try_it}")
        };
        Blocked { reason: format!("git cannot create the commit: {said}"), way_out }
    }

    /// The way out when the remote does not answer.
    pub fn unreachable(&self, error: &GitError) -> Blocked {
        let (path, remote) = (self.spec.path.display(), &self.spec.remote);
        let reason = error.reason();
        if let Some(name) = reason.strip_prefix("couldn't find remote ref refs/heads/") {
            return Blocked {
                reason: format!("no branch {name} on {remote}"),
                way_out: "set the branch that is deployed".to_owned(),
            };
        }
        if let Some(locked) = self.locked(&reason) {
            return locked;
        }
        Blocked {
            reason: format!("the remote {remote} does not answer: {reason}"),
            way_out: format!("make this work without a prompt: git -C {path} fetch {remote}"),
        }
    }

    /// The way out when the clone cannot be read.
    pub fn unreadable(&self, error: &GitError) -> Blocked {
        let path = self.spec.path.display();
        if let Some(locked) = self.locked(&error.reason()) {
            return locked;
        }
        Blocked {
            reason: format!("git cannot read {path}: {}", error.reason()),
            way_out: format!("check git -C {path} status; a fresh clone may be quickest"),
        }
    }

    /// Another git works there, or left its lock behind: `Unable to create '/x/.git/index.lock': File exists`.
    fn locked(&self, reason: &str) -> Option<Blocked> {
        let (_, rest) = reason.split_once("Unable to create '")?;
        let (lock, rest) = rest.split_once('\'')?;
        let is_lock = Path::new(lock).extension().is_some_and(|extension| extension == "lock");
        (is_lock && rest.contains("File exists")).then(|| Blocked {
            reason: format!("another git is running in {}, or crashed there: {lock} exists", self.spec.path.display()),
            way_out: format!("wait until it finishes; if no git is running there: rm {lock}"),
        })
    }

    /// The commit that a name stands for.
    async fn commit(&self, name: &str) -> Result<Option<String>, GitError> {
        let name = format!("{name}^{{commit}}");
        self.git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).await
    }

    async fn log(&self, arguments: &[&str]) -> Result<Vec<Commit>, GitError> {
        let format = format!("--format={COMMIT}");
        let mut call = vec!["log", "--no-show-signature", &format];
        call.extend(arguments);
        let listed = self.git.ask(&call).await?;
        Ok(listed.lines().filter_map(read_commit).collect())
    }
}

/// Where we keep what the remote's branch was when it was fetched last.
fn fetched(branch: &str) -> String {
    format!("refs/redflag/heads/{branch}")
}

fn read_commit(line: &str) -> Option<Commit> {
    let mut fields = line.split('\0');
    let hash = fields.next()?.to_owned();
    let parents = fields.next()?.split_whitespace().count();
    let mut text = || Some(clean(fields.next()?));
    Some(Commit { hash, parents, author: text()?, subject: text()? })
}

/// The hash that a version is, or that ends it: `1a2b3c4`, `1.9.0-12-g1a2b3c4`, `main-1a2b3c4`, `sha-1a2b3c4`.
fn hash_in(label: &str) -> Option<&str> {
    let last = label.rsplit(['-', '_', '.']).next()?;
    let is_hash = |text: &str| {
        (7..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    [last, last.strip_prefix('g').unwrap_or(last)].into_iter().find(|text| is_hash(text))
}

#[cfg(test)]
mod tests;
