//! Performing: a job of a CI system is asked for, once, and its run is looked after.

use super::github::GitHub;
use super::gitlab::GitLab;
use super::jenkins::Jenkins;
use super::trace::Trace;
use super::webhook::Webhook;
use crate::clock::Clock;
use crate::deploy::{Time, brief};
use crate::rollback::action::{Build, CiAction};
use crate::rollback::client::{client, unheard};
use crate::rollback::{Answer, Blocked, Run, Step};
use chrono::{DateTime, TimeDelta};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A request whose answer was lost may still be on its way through proxies and queues; only after this long
/// is what cannot be found said not to have arrived.
const SETTLED: TimeDelta = TimeDelta::seconds(60);

/// The CI system of an environment, with our token: the one of these that its configuration names.
#[derive(Default)]
pub(super) struct Clients {
    pub(super) github: Option<Arc<GitHub>>,
    pub(super) gitlab: Option<Arc<GitLab>>,
    pub(super) jenkins: Option<Arc<Jenkins>>,
    pub(super) webhook: Option<Arc<Webhook>>,
}

/// The runs that were started in a CI system.
pub struct Runs {
    clients: Clients,
    run_timeout: TimeDelta,
    clock: Clock,
    /// When each request left, or was first looked for.
    sent: Mutex<HashMap<String, Time>>,
}

impl Runs {
    pub(super) fn new(clients: Clients, run_timeout: Duration, clock: Clock) -> Self {
        let run_timeout = TimeDelta::from_std(run_timeout).unwrap_or(TimeDelta::MAX);
        Self { clients, run_timeout, clock, sent: Mutex::default() }
    }

    /// Asks for it, once.
    pub async fn send(&self, step: &Step, action: &CiAction) -> Answer {
        let now = self.clock.now();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(key(action), now);
        let answer = self.clients.send(action).await.unwrap_or_else(Answer::Refused);
        self.known_since(step, answer, now)
    }

    /// How the run goes on. Changes nothing.
    pub async fn follow(&self, step: &Step, action: &CiAction, run: &Run) -> Answer {
        let (id, since) = parse_id(&run.id).unwrap_or_else(|| (&run.id, self.clock.now()));
        let answer = self.clients.follow(action, id, since).await.unwrap_or_else(unheard);
        match answer {
            // Nothing was heard, but it has been waited for long enough.
            Answer::Unknown(reason) if self.clock.now() - since > self.run_timeout => {
                let silent = Run { id: id.to_owned(), state: reason, link: run.link.clone(), ended: false };
                self.known_since(step, Answer::Running(silent), since)
            }
            answer => self.known_since(step, answer, since),
        }
    }

    /// Whether a request whose answer was lost arrived. Changes nothing.
    pub async fn read_back(&self, step: &Step, action: &CiAction) -> Answer {
        let since = self.sent_at(key(action));
        let trace = self.clients.read_back(action).await;
        match trace.unwrap_or_else(|blocked| Trace::Unclear(blocked.reason)) {
            Trace::Found(answer) => self.known_since(step, answer, since),
            Trace::Unclear(reason) => Answer::Unknown(reason),
            Trace::Nothing(looked_for) if self.clock.now() - since < SETTLED => {
                Answer::Unknown(format!("{looked_for}; it may still arrive"))
            }
            Trace::Nothing(looked_for) => Answer::Refused(Blocked {
                reason: format!("the request did not arrive: {looked_for} {} after it was sent", brief(SETTLED)),
                way_out: "retry; the plan is recomputed".to_owned(),
            }),
        }
    }

    /// When this request left; when it is not known, for another process sent it, from now on.
    fn sent_at(&self, key: String) -> Time {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent.entry(key).or_insert_with(|| self.clock.now())
    }

    /// Writes into a run's id since when it has been waited for, and ends the waiting.
    fn known_since(&self, step: &Step, answer: Answer, since: Time) -> Answer {
        let Answer::Running(run) = answer else { return answer };
        let waited = self.clock.now() - since;
        if !run.ended && waited > self.run_timeout {
            let look = run.link.unwrap_or_else(|| step.place.clone());
            return Answer::Failed(Blocked {
                reason: format!("{} did not finish within {}: {}", step.subject, brief(self.run_timeout), run.state),
                way_out: format!("check {look}: it may still be running; stop it there before trying anything else"),
            });
        }
        Answer::Running(Run { id: format!("{}@{}", run.id, since.timestamp()), ..run })
    }
}

impl Clients {
    async fn send(&self, action: &CiAction) -> Result<Answer, Blocked> {
        Ok(match action {
            CiAction::Dispatch(dispatch) => self.github()?.send(dispatch).await,
            CiAction::RetryJob(job) => self.gitlab()?.retry(job).await,
            CiAction::PlayJob(job) => self.gitlab()?.play(job).await,
            CiAction::Build(build) => self.jenkins()?.send(build).await,
            CiAction::Post(post) => self.webhook()?.send(post).await,
        })
    }

    /// How a run goes on. `id` is as its system gave it, `since` when it was asked for.
    async fn follow(&self, action: &CiAction, id: &str, since: Time) -> Result<Answer, Blocked> {
        Ok(match action {
            CiAction::Dispatch(dispatch) => self.github()?.follow(dispatch, id, since).await,
            CiAction::RetryJob(job) | CiAction::PlayJob(job) => self.gitlab()?.follow(job, id).await,
            CiAction::Build(build) => self.jenkins()?.follow(build, id).await,
            CiAction::Post(post) => self.webhook()?.follow(post, id).await,
        })
    }

    async fn read_back(&self, action: &CiAction) -> Result<Trace, Blocked> {
        Ok(match action {
            CiAction::Dispatch(dispatch) => self.github()?.read_back(dispatch).await,
            CiAction::RetryJob(job) => self.gitlab()?.find_retried(job).await,
            CiAction::PlayJob(job) => self.gitlab()?.find_played(job).await,
            CiAction::Build(build) => self.jenkins()?.read_back(build).await,
            CiAction::Post(post) => self.webhook()?.read_back(post).await,
        })
    }

    fn github(&self) -> Result<&GitHub, Blocked> {
        client(self.github.as_deref(), "GitHub")
    }

    fn gitlab(&self) -> Result<&GitLab, Blocked> {
        client(self.gitlab.as_deref(), "GitLab")
    }

    fn jenkins(&self) -> Result<&Jenkins, Blocked> {
        client(self.jenkins.as_deref(), "Jenkins")
    }

    fn webhook(&self) -> Result<&Webhook, Blocked> {
        client(self.webhook.as_deref(), "a webhook")
    }
}

/// What tells one request from another.
fn key(action: &CiAction) -> String {
    match action {
        CiAction::Dispatch(dispatch) => dispatch.marker.clone(),
        CiAction::RetryJob(job) | CiAction::PlayJob(job) => format!("{} {}", job.project, job.id),
        CiAction::Build(Build { job, parameters, marker, .. }) => {
            marker.clone().unwrap_or_else(|| format!("{job} {parameters:?}"))
        }
        CiAction::Post(post) => post.idempotency_key.clone(),
    }
}

/// A run's own id and since when it has been waited for.
fn parse_id(id: &str) -> Option<(&str, Time)> {
    let (id, since) = id.rsplit_once('@')?;
    Some((id, DateTime::from_timestamp(since.parse().ok()?, 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_id_remembers_since_when_it_has_been_waited_for() {
        assert_eq!(
            parse_id("queue/7@1700000000"),
            DateTime::from_timestamp(1_700_000_000, 0).map(|at| ("queue/7", at))
        );
        assert_eq!(parse_id("7"), None);
    }
}
