//! A revert, pushed to its branch, and whether it arrived.

use super::{message, story};
use crate::repository::{GitError, Pushed, Repository};
use crate::rollback::action::Revert;
use crate::rollback::{Answer, Blocked};
use std::sync::Arc;

/// The branches of a repository, by the clone that is pushed from.
pub struct Branches {
    repository: Arc<Repository>,
}

impl Branches {
    pub(super) fn new(repository: Arc<Repository>) -> Self {
        Self { repository }
    }

    /// Pushes the revert: one commit on what the plan was made for, which git refuses once the branch has moved.
    pub(crate) async fn push(&self, action: &Revert) -> Answer {
        let Revert { branch, tip, tree, message, .. } = action;
        let (repository, remote) = (&self.repository, &self.repository.spec().remote);
        let commit = match repository.commit_tree(tree, tip, message).await {
            Ok(commit) => commit,
            Err(error) => return Answer::Refused(repository.no_commit(&error).await),
        };
        match repository.push(&commit, branch).await {
            Pushed::Taken => Answer::Accepted,
            Pushed::Unknown(why) => Answer::Unknown(format!("the push to {branch} of {remote} was interrupted: {why}")),
            Pushed::Overtaken => self.overtaken(action).await,
            Pushed::Refused(why) => {
                let signs = repository.signs().await.unwrap_or_default();
                Answer::Refused(story::not_taken(repository.spec(), branch, &commit, signs, &why))
            }
        }
    }

    /// What was quicker than a push that git refused. The push itself has certainly done nothing.
    async fn overtaken(&self, action: &Revert) -> Answer {
        let branch = &action.branch;
        match self.found(action).await {
            Ok(Found::Ours) => Answer::ChangedUnderUs(format!("this revert is already on {branch}")),
            Ok(Found::Others(text)) => Answer::ChangedUnderUs(text),
            Ok(Found::Untouched) => Answer::Refused(Blocked {
                reason: format!("the push to {branch} collided with another one, which failed"),
                way_out: "reopen the plan".to_owned(),
            }),
            Err(why) => Answer::ChangedUnderUs(format!("{branch} moved before the push; its state is unknown: {why}")),
        }
    }

    /// Whether a push whose answer was lost arrived. Changes nothing.
    pub(crate) async fn read_back(&self, action: &Revert) -> Answer {
        let branch = &action.branch;
        match self.found(action).await {
            Ok(Found::Ours) => Answer::Accepted,
            Ok(Found::Others(text)) => Answer::ChangedUnderUs(text),
            Ok(Found::Untouched) => Answer::Refused(Blocked {
                reason: format!("the push to {branch} did not arrive"),
                way_out: "retry: if the first one still arrives, the second does nothing".to_owned(),
            }),
            Err(why) => Answer::Unknown(why),
        }
    }

    /// Fetches the branch and sees what is on it since `tip`.
    async fn found(&self, Revert { branch, tip, marker, .. }: &Revert) -> Result<Found, String> {
        let repository = &self.repository;
        let reason = |error: GitError| error.reason();
        repository.fetch(Some(branch)).await.map_err(|error| repository.unreachable(&error).reason)?;
        let now = repository.tip(branch).await.map_err(reason)?;
        let now = now.ok_or_else(|| format!("branch {branch} no longer exists"))?;
        let reverts = repository.with_trailer(&now, message::ID).await.map_err(reason)?;
        if reverts.iter().any(|(_, id)| id == marker) {
            return Ok(Found::Ours);
        }
        if now == *tip {
            return Ok(Found::Untouched);
        }
        let newcomers = repository.new_commits(tip, &now).await.map_err(reason)?;
        let what = match newcomers.as_slice() {
            [] => "was reset".to_owned(),
            [newest, ..] => format!("moved on: {}", newest.describe()),
        };
        Ok(Found::Others(format!("{branch} {what}")))
    }
}

/// What is on the branch, compared with what a plan was made for.
enum Found {
    /// Our revert.
    Ours,
    /// What was there.
    Untouched,
    /// Something else; the sentence says what.
    Others(String),
}
