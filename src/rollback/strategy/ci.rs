//! A CI system takes the deploy back: GitHub Actions, GitLab, Jenkins, or a webhook. What is started there is
//! followed to its end, for an accepted request only means that it was accepted.

mod client;
mod github;
mod gitlab;
mod jenkins;
mod planner;
mod recent;
mod runs;
mod trace;
mod webhook;
mod words;

use super::choose_version::{self, Chosen};
use super::variables::{self, CommitOf, Values, fresh_id};
use crate::clock::Clock;
use crate::deploy::brief;
use crate::rollback::action::Action;
use crate::rollback::planner::Planner;
use crate::rollback::preflight::pace;
use crate::rollback::request::PlanRequest;
use crate::rollback::spec::{CiSpec, CiSystem};
use crate::rollback::{Blocked, Check, CheckKind, Readiness, Refusal, Step};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use planner::{Draft, JobPlanner};
use runs::Clients;
pub use runs::Runs;
use std::sync::Arc;

/// Assumed of a run when nobody has seen one end.
const GUESS: TimeDelta = TimeDelta::minutes(5);
/// A rollback should be through by then.
const QUICK: TimeDelta = TimeDelta::minutes(2);

/// Plans a job of a CI system.
pub struct Ci {
    jobs: Arc<dyn JobPlanner>,
    clock: Clock,
    commit_of: CommitOf,
}

/// Who plans the jobs of the CI system that this names, and who performs them. Connects to nothing yet.
///
/// # Errors
/// When a credential cannot be sent, or the address is none.
pub fn connect(spec: &CiSpec, clock: &Clock) -> Result<(Ci, Runs), Blocked> {
    let mut clients = Clients::default();
    let jobs: Arc<dyn JobPlanner> = match spec.system.clone() {
        CiSystem::GitHub { token, repository, workflow, git_ref, inputs } => {
            let told = github::Told { repository, workflow, git_ref, inputs };
            let github = Arc::new(github::GitHub::new(&spec.endpoint, &token, told, clock.clone())?);
            clients.github = Some(Arc::clone(&github));
            github
        }
        CiSystem::GitLab { token, project, environment, job } => {
            let told = gitlab::Told { project, environment, job };
            let gitlab = Arc::new(gitlab::GitLab::new(&spec.endpoint, &token, told, clock.clone())?);
            clients.gitlab = Some(Arc::clone(&gitlab));
            gitlab
        }
        CiSystem::Jenkins { auth, job, parameters } => {
            let jenkins = jenkins::Jenkins::new(&spec.endpoint, &auth, job, parameters, clock.clone())?;
            let jenkins = Arc::new(jenkins);
            clients.jenkins = Some(Arc::clone(&jenkins));
            jenkins
        }
        CiSystem::Webhook { auth, signing_key, body, status_url } => {
            let told = webhook::Told { signing_key, body, status_url };
            let webhook = Arc::new(webhook::Webhook::new(&spec.endpoint, &auth, told, clock.clone())?);
            clients.webhook = Some(Arc::clone(&webhook));
            webhook
        }
    };
    let ci = Ci { jobs, clock: clock.clone(), commit_of: Arc::new(variables::commit_in) };
    Ok((ci, Runs::new(clients, spec.run_timeout, clock.clone())))
}

impl Ci {
    /// The same, with somebody who knows the commits of versions; without, a version tells its own.
    #[must_use]
    pub fn with_commits(self, commit_of: CommitOf) -> Self {
        Self { commit_of, ..self }
    }

    async fn try_prepare(&self, request: &PlanRequest) -> Result<Step, Refusal> {
        let Chosen { covered, mut checks } = choose_version::choose_version(request)?;
        let values = Values::new(request, &covered, fresh_id(self.clock.now()), |version| (self.commit_of)(version))?;
        let draft = Draft { from: covered.from.clone(), to: covered.to.clone(), values };
        let prepared = self.jobs.prepare(&draft).await.map_err(|mut refusal| {
            refusal.checks.splice(0..0, checks.clone());
            refusal
        })?;
        let start = request.wanted.pace.unwrap_or(pace::GUESS);
        let expected = prepared.took.unwrap_or(GUESS) + start;
        checks.extend(prepared.checks);
        checks.push(time(prepared.took, expected));
        Ok(Step {
            goal: request.goal,
            subject: prepared.subject,
            place: prepared.place,
            covers: vec![covered],
            action: Action::Ci(prepared.action),
            does: vec![prepared.does],
            checks,
            not_reverted: vec!["whatever the run itself does not revert, such as settings and data".to_owned()],
            expected,
            manual_command: prepared.manual_command,
        })
    }
}

impl Planner for Ci {
    fn prepare<'a>(&'a self, request: &'a PlanRequest) -> BoxFuture<'a, Readiness> {
        self.try_prepare(request).map(Readiness::from).boxed()
    }
}

/// Whether it is as quick as a rollback should be.
fn time(took: Option<TimeDelta>, expected: TimeDelta) -> Check {
    let (name, total) = (CheckKind::Time, brief(expected));
    let known = match took {
        Some(took) => format!("recent runs took {}, about {total} in total", brief(took)),
        None => format!("no finished run to go by; {total} is a guess"),
    };
    if expected <= QUICK {
        return Check::ok(name, known);
    }
    let way_out = "if that is too long, roll back the workload itself: strategy = \"kubernetes\"".to_owned();
    Check::warning(name, format!("{known}: longer than {}", brief(QUICK)), Some(way_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_run_is_told() {
        let slow = time(Some(TimeDelta::minutes(6)), TimeDelta::seconds(390));
        assert_eq!(slow.sentence, "recent runs took 6 min, about 6 min in total: longer than 2 min");
        assert_eq!(time(None, TimeDelta::minutes(5)).outcome, crate::rollback::CheckOutcome::Warning);
        assert_eq!(time(Some(TimeDelta::seconds(30)), QUICK).outcome, crate::rollback::CheckOutcome::Ok);
    }
}
