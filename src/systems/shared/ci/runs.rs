//! Performing: a job of a CI system is asked for, once, and its run is looked after.

use super::trace::Trace;
use crate::clock::Clock;
use crate::deploy::{Time, brief};
use crate::rollback::action::{Build, CiAction};
use crate::rollback::client::unheard;
use crate::rollback::{Answer, Blocked, Run, Step};
use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A request whose answer was lost may still be on its way through proxies and queues; only after this long
/// is what cannot be found said not to have arrived.
const SETTLED: TimeDelta = TimeDelta::seconds(60);

/// Performs what a job's action says, by the CI system that it is of.
pub(in crate::systems) trait Jobs: Send + Sync {
    /// Asks for it, once.
    fn send<'a>(&'a self, action: &'a CiAction) -> BoxFuture<'a, Result<Answer, Blocked>>;

    /// How a run goes on. `id` is as its system gave it, `since` when it was asked for.
    fn follow<'a>(&'a self, action: &'a CiAction, id: &'a str, since: Time) -> BoxFuture<'a, Result<Answer, Blocked>>;

    /// What there is to be seen of a request whose answer was lost.
    fn read_back<'a>(&'a self, action: &'a CiAction) -> BoxFuture<'a, Result<Trace, Blocked>>;
}

/// The runs that were started in a CI system.
pub(in crate::systems) struct Runs {
    run_timeout: TimeDelta,
    clock: Clock,
    /// When each request left, or was first looked for.
    sent: Mutex<HashMap<String, Time>>,
}

impl Runs {
    pub(in crate::systems) fn new(run_timeout: Duration, clock: Clock) -> Self {
        let run_timeout = TimeDelta::from_std(run_timeout).unwrap_or(TimeDelta::MAX);
        Self { run_timeout, clock, sent: Mutex::default() }
    }

    /// Asks for it, once.
    pub(in crate::systems) async fn send(&self, step: &Step, action: &CiAction, jobs: &dyn Jobs) -> Answer {
        let now = self.clock.now();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(key(action), now);
        let answer = jobs.send(action).await.unwrap_or_else(Answer::Refused);
        self.known_since(step, answer, now)
    }

    /// How the run goes on. Changes nothing.
    pub(in crate::systems) async fn follow(
        &self,
        step: &Step,
        action: &CiAction,
        run: &Run,
        jobs: &dyn Jobs,
    ) -> Answer {
        let (id, since) = parse_id(&run.id).unwrap_or_else(|| (&run.id, self.clock.now()));
        let answer = jobs.follow(action, id, since).await.unwrap_or_else(unheard);
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
    pub(in crate::systems) async fn read_back(&self, step: &Step, action: &CiAction, jobs: &dyn Jobs) -> Answer {
        let since = self.sent_at(key(action));
        let trace = jobs.read_back(action).await;
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
