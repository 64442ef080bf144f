//! `git revert` and a push: the way back where a branch is what is deployed. The revert is made in advance, in a
//! worktree of its own; what the key does is one push.

mod branches;
mod config;
mod message;
mod story;

pub use config::GitSpec;
pub(in crate::systems) use config::STRATEGY;

use crate::deploy::Version;
use crate::repository::RepositorySpec;
use crate::repository::{Commit, GitError, Pushed, Repository, RevertOutcome, Reverted};
use crate::rollback::action::{Action, Revert};
use crate::rollback::choose_version;
use crate::rollback::planner::Planner;
use crate::rollback::request::PlanRequest;
use crate::rollback::{Blocked, Check, CheckKind, Covered, Goal, Readiness, Refusal, Step};
pub use branches::Branches;
use futures_util::future::{BoxFuture, FutureExt};
use message::Facts;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use story::Story;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Several workloads of one branch are prepared at the same time: they share what was fetched this long ago.
const FRESH: Duration = Duration::from_secs(10);

/// More commits than these are a release, not a deploy: a person should look at them one by one.
const MOST: usize = 100;

/// Plans a `git revert` and a push.
pub struct Reverts {
    repository: Arc<Repository>,
    branch: String,
    fresh: Duration,
    memory: Mutex<Memory>,
}

/// What was found out lately, so that it is not found out for each workload each minute.
#[derive(Default)]
struct Memory {
    fetched: Option<Instant>,
    /// The tip that the outcomes are on.
    tip: String,
    /// Commits, and what came of reverting them.
    outcomes: Vec<(Vec<String>, RevertOutcome)>,
}

impl Reverts {
    /// Reverts on this branch of this clone.
    pub fn new(spec: &GitSpec, repository: RepositorySpec) -> Self {
        let repository = Arc::new(Repository::new(repository, spec.timeout));
        Self { repository, branch: spec.branch.clone(), fresh: FRESH, memory: Mutex::default() }
    }

    /// Where what was planned is pushed.
    pub fn branches(&self) -> Arc<Branches> {
        Arc::new(Branches::new(Arc::clone(&self.repository)))
    }

    /// The same, but each preparation asks the remote again, however recently another one did.
    #[must_use]
    pub fn fetch_each_time(self) -> Self {
        Self { fresh: Duration::ZERO, ..self }
    }
}

impl Planner for Reverts {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        async move {
            // A push that comes in the midst of it is met by a second preparation, on top of it.
            for _ in 0..2 {
                match self.attempt(request).await {
                    Ok(Some(step)) => return Readiness::Ready(Arc::new(step)),
                    Ok(None) => self.memory.lock().await.fetched = None,
                    Err(blocked) => return Readiness::Blocked(Refusal::from(blocked)),
                }
            }
            Readiness::Blocked(Refusal::from(Blocked {
                reason: format!("{} changes faster than a revert can be prepared", self.branch),
                way_out: "find out who is pushing to it, and wait until they are done".to_owned(),
            }))
        }
        .boxed()
    }
}

impl Reverts {
    /// One preparation; `None` when the branch moved in its midst.
    async fn attempt(&self, request: &PlanRequest) -> Result<Option<Step>, Blocked> {
        let repository = &self.repository;
        let choose_version::Chosen { covered, mut checks } = choose_version::choose_version(request)?;
        // One at a time: a minute's preparation of ten workloads is one fetch and one attempt.
        let mut memory = self.memory.lock().await;
        let address = repository.check().await?;
        if memory.fetched.is_none_or(|at| at.elapsed() >= self.fresh) {
            repository.fetch(Some(&self.branch)).await.map_err(|error| repository.unreachable(&error))?;
            memory.fetched = Some(Instant::now());
        }
        let tip = repository.tip(&self.branch).await.map_err(|error| repository.unreadable(&error))?;
        let tip = tip.ok_or_else(|| Blocked {
            reason: format!("no branch {} on {}", self.branch, repository.spec().remote),
            way_out: "set the branch that is deployed".to_owned(),
        })?;
        let (commits, told) = match request.goal {
            Goal::RollBack => self.deployed(&request.service, &covered, &tip).await?,
            Goal::Undo => self.reverted(&covered.to, &tip).await?,
        };
        let hashes: Vec<String> = commits.iter().map(|commit| commit.hash.clone()).collect();
        let story = self.story(&covered);
        let outcome = self.try_revert(&mut memory, &tip, &commits, &hashes).await;
        drop(memory);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Err(story.not_tried(&error, repository.filter().await.as_deref())),
        };
        let reverted = match outcome {
            RevertOutcome::Reverted(reverted) => reverted,
            RevertOutcome::Nothing => return Err(story.nothing_to_revert(&tip)),
            RevertOutcome::Conflict { at, files, folder } => return Err(story.conflict(&commits, &at, &files, &folder)),
        };
        let marker = format!("{}-{}", &tip[..12.min(tip.len())], &reverted.tree[..12.min(reverted.tree.len())]);
        let message = Self::message(request, &covered, &commits, &marker);
        let Some(permission) = self.permission(&tip, &reverted, &message).await? else { return Ok(None) };
        checks.extend(told);
        checks.extend([story::applies(&reverted), permission, story::slow()]);
        Ok(Some(Step {
            goal: request.goal,
            subject: story.subject(&commits),
            place: format!("{} ({address})", repository.spec().remote),
            does: story.does(&commits, &reverted),
            checks,
            not_reverted: story.not_reverted(),
            expected: story::PIPELINE,
            manual_command: story.manual_command(&commits),
            covers: vec![covered],
            action: Action::Revert(Revert {
                branch: self.branch.clone(),
                tip,
                commits: hashes,
                tree: reverted.tree,
                message,
                marker,
            }),
        }))
    }

    /// The revert of these commits on top of `tip`, tried once for as long as the branch stays where it is.
    async fn try_revert(
        &self,
        memory: &mut Memory,
        tip: &str,
        commits: &[Commit],
        hashes: &[String],
    ) -> Result<RevertOutcome, GitError> {
        if memory.tip != tip {
            tip.clone_into(&mut memory.tip);
            for (_, old) in memory.outcomes.drain(..) {
                // A conflict with what is no longer the tip is no use to anybody.
                if let RevertOutcome::Conflict { folder, .. } = old {
                    self.repository.remove_worktree(&folder).await;
                }
            }
        }
        memory.outcomes.retain(|(_, outcome)| still_there(outcome));
        if let Some((_, outcome)) = memory.outcomes.iter().find(|(tried, _)| tried == hashes) {
            return Ok(outcome.clone());
        }
        let outcome = self.repository.try_revert(tip, commits).await?;
        memory.outcomes.push((hashes.to_vec(), outcome.clone()));
        Ok(outcome)
    }

    /// The commits of a deploy: those of the running version that the earlier one has not.
    async fn deployed(
        &self,
        service: &str,
        covered: &Covered,
        tip: &str,
    ) -> Result<(Vec<Commit>, Vec<Check>), Blocked> {
        let (repository, story) = (&self.repository, self.story(covered));
        let unreadable = |error: GitError| repository.unreadable(&error);
        let running = repository.commit_of(&covered.from).await?;
        let target = repository.commit_of(&covered.to).await?;
        if !repository.is_ancestor(&running, tip).await.map_err(unreadable)? {
            return Err(repository.or_shallow(story.not_on_branch(&running)).await);
        }
        if !repository.is_ancestor(&target, &running).await.map_err(unreadable)? {
            return Err(repository.or_shallow(story.diverged(&target, &running)).await);
        }
        let commits = repository.commits(&target, &running).await.map_err(unreadable)?;
        // Where a shallow clone ends, a commit seems to have no parent.
        if commits.iter().any(|commit| commit.parents == 0) {
            return Err(repository.or_shallow(story.diverged(&target, &running)).await);
        }
        if commits.is_empty() {
            return Err(story.same_commit(&running));
        }
        if commits.len() > MOST {
            return Err(story.too_many(commits.len()));
        }
        let since = repository.new_commits(&running, tip).await.map_err(unreadable)?;
        let touching = repository.commits_touching(&target, &running, service).await.map_err(unreadable)?;
        let mut checks = vec![story.since(&running, &since)];
        checks.extend(story::others(&commits, touching.as_ref(), service));
        Ok((commits, checks))
    }

    /// The revert of ours that took a version back: undoing the rollback reverts it.
    async fn reverted(&self, version: &Version, tip: &str) -> Result<(Vec<Commit>, Vec<Check>), Blocked> {
        let repository = &self.repository;
        let unreadable = |error: GitError| repository.unreadable(&error);
        let label = version.label();
        let marked = repository.with_trailer(tip, message::REVERTS).await.map_err(unreadable)?;
        let ours = marked.into_iter().find(|(_, reverts)| reverts == label).map(|(commit, _)| commit);
        let ours = ours.ok_or_else(|| Blocked {
            reason: format!("no revert of {label} on {}", self.branch),
            way_out: format!("redeploy {label}"),
        })?;
        let check = Check::ok(CheckKind::Branch, format!("{} reverted {label} on {}", ours.describe(), self.branch));
        Ok((vec![ours], vec![check]))
    }

    /// Makes the commit and lets the remote say whether it would let us in. Both show now what a missing name, a
    /// locked signing key or a missing permission would have shown at the key. `None` when the branch has moved.
    async fn permission(&self, tip: &str, reverted: &Reverted, message: &str) -> Result<Option<Check>, Blocked> {
        let name = CheckKind::Permission;
        let (repository, branch) = (&self.repository, &self.branch);
        let (path, remote) = (repository.spec().path.display(), &repository.spec().remote);
        let commit = match repository.commit_tree(&reverted.tree, tip, message).await {
            Ok(commit) => commit,
            Err(error) => return Err(repository.no_commit(&error).await),
        };
        let way_out = format!("make this work without a prompt: git -C {path} push --dry-run {remote} HEAD:{branch}");
        match repository.try_push(&commit, branch).await {
            Pushed::Taken => {
                let sentence = format!(
                    "{remote} accepts your login; branch protection of {branch} is only checked \
                                        at the push"
                );
                Ok(Some(Check::ok(name, sentence)))
            }
            Pushed::Overtaken => Ok(None),
            Pushed::Refused(why) => Err(Blocked { reason: format!("you may not push to {remote}: {why}"), way_out }),
            Pushed::Unknown(why) => {
                Err(Blocked { reason: format!("no response to a push from {remote}: {why}"), way_out })
            }
        }
    }

    fn message(request: &PlanRequest, covered: &Covered, commits: &[Commit], marker: &str) -> String {
        let (from, to) = (covered.from.label(), covered.to.label());
        let (service, environment) = (&request.service, &request.environment);
        let (title, summary) = match request.goal {
            Goal::RollBack => (
                format!("Revert deploy of {service} {from}"),
                format!("Rolls back {} of {environment} to {to}", covered.reference),
            ),
            Goal::Undo => (
                format!("Reapply deploy of {service} {to}"),
                format!("Undoes the rollback of {} of {environment}, to {to}", covered.reference),
            ),
        };
        message::write(&Facts {
            title,
            summary,
            reason: &request.wanted.reason,
            actor: &request.wanted.actor,
            commits,
            marker,
            reverts: (request.goal == Goal::RollBack).then_some(from),
        })
    }

    fn story<'a>(&'a self, covered: &'a Covered) -> Story<'a> {
        Story { repository: self.repository.spec(), branch: &self.branch, covered }
    }
}

/// A conflict's worktree may have been taken away by whoever resolved it.
fn still_there(outcome: &RevertOutcome) -> bool {
    let folder: Option<&PathBuf> = match outcome {
        RevertOutcome::Conflict { folder, .. } => Some(folder),
        RevertOutcome::Reverted(_) | RevertOutcome::Nothing => None,
    };
    folder.is_none_or(|folder| folder.is_dir())
}
