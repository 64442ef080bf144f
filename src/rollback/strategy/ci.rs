//! A CI system takes the deploy back: GitHub Actions, GitLab, Jenkins, or a webhook. What is started there is
//! followed to its end, for an accepted request only means that it was accepted.

mod github;
mod gitlab;
mod jenkins;
mod recent;
mod talk;
mod webhook;

use super::aim::{self, Aim};
use super::variables::{self, Values, fresh_id, quoted};
use super::{Strategy, not_mine};
use crate::clock::Clock;
use crate::deploy::{Time, Version, brief};
use crate::rollback::action::{Action, CiAction};
use crate::rollback::ask::Ask;
use crate::rollback::preflight::pace;
use crate::rollback::spec::{CiSpec, CiSystem};
use crate::rollback::{Answer, Blocked, Check, Readiness, Refusal, Run, Step};
use chrono::{DateTime, TimeDelta};
use futures_util::future::{BoxFuture, FutureExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A request whose answer was lost may still be on its way through proxies and queues; only after this long
/// is what cannot be found said not to have arrived.
const SETTLED: TimeDelta = TimeDelta::seconds(60);
/// Assumed of a run when nobody has seen one end.
const GUESS: TimeDelta = TimeDelta::minutes(5);
/// A rollback should be through by then.
const QUICK: TimeDelta = TimeDelta::minutes(2);

/// Tells the commit of a version, where it is known.
pub type CommitOf = Arc<dyn Fn(&Version) -> Option<String> + Send + Sync>;

/// A CI system, as a strategy.
pub struct Ci {
    system: Box<dyn System>,
    run_timeout: TimeDelta,
    clock: Clock,
    commit_of: CommitOf,
    /// When each request left, or was first looked for.
    sent: Mutex<HashMap<String, Time>>,
}

/// What one CI system knows how to do.
trait System: Send + Sync {
    /// Works out what would be asked for, and checks what can be checked. Changes nothing.
    fn prepare<'a>(&'a self, draft: &'a Draft) -> BoxFuture<'a, Result<Prepared, Refusal>>;
    /// Asks for it, once.
    fn send<'a>(&'a self, action: &'a CiAction) -> BoxFuture<'a, Answer>;
    /// How a run goes on. `id` is as this system gave it, `since` when it was asked for.
    fn follow<'a>(&'a self, action: &'a CiAction, id: &'a str, since: Time) -> BoxFuture<'a, Answer>;
    /// What there is to be seen of a request whose answer was lost.
    fn read_back<'a>(&'a self, action: &'a CiAction, since: Time) -> BoxFuture<'a, Trace>;
}

/// What a preparation starts from.
struct Draft {
    from: Version,
    to: Version,
    values: Values,
}

/// What came of it.
struct Prepared {
    /// One for each different request: see [`Values::distinction`].
    subject: String,
    place: String,
    action: CiAction,
    does: String,
    checks: Vec<Check>,
    /// How long such runs took of late, where that can be seen.
    took: Option<TimeDelta>,
    by_hand: String,
}

/// What can be seen of a request whose answer was lost.
enum Trace {
    /// It arrived.
    Found(Answer),
    /// There is nothing of it; the text says what was looked for.
    Nothing(String),
    /// It cannot be told.
    Unclear(String),
}

impl Ci {
    /// The strategy; connects to nothing yet.
    ///
    /// # Errors
    /// When a credential cannot be sent, or the address is none.
    pub fn new(spec: &CiSpec, clock: Clock) -> Result<Self, Blocked> {
        let system: Box<dyn System> = match spec.system.clone() {
            CiSystem::GitHub { token, repository, workflow, git_ref, inputs } => {
                let told = github::Told { repository, workflow, git_ref, inputs };
                Box::new(github::GitHub::new(&spec.endpoint, &token, told, clock.clone())?)
            }
            CiSystem::GitLab { token, project, environment, job } => {
                let told = gitlab::Told { project, environment, job };
                Box::new(gitlab::GitLab::new(&spec.endpoint, &token, told, clock.clone())?)
            }
            CiSystem::Jenkins { auth, job, parameters } => {
                Box::new(jenkins::Jenkins::new(&spec.endpoint, &auth, job, parameters, clock.clone())?)
            }
            CiSystem::Webhook { auth, signing_key, body, status_url } => {
                let told = webhook::Told { signing_key, body, status_url };
                Box::new(webhook::Webhook::new(&spec.endpoint, &auth, told, clock.clone())?)
            }
        };
        Ok(Self {
            system,
            run_timeout: TimeDelta::from_std(spec.run_timeout).unwrap_or(TimeDelta::MAX),
            clock,
            commit_of: Arc::new(variables::commit_in),
            sent: Mutex::default(),
        })
    }

    /// The same, with somebody who knows the commits of versions; without, a version tells its own.
    #[must_use]
    pub fn with_commits(self, commit_of: CommitOf) -> Self {
        Self { commit_of, ..self }
    }

    async fn try_prepare(&self, ask: &Ask) -> Result<Step, Refusal> {
        let Aim { covered, mut checks } = aim::aim(ask)?;
        let values = Values::new(ask, &covered, fresh_id(self.clock.now()), |version| (self.commit_of)(version))?;
        let draft = Draft { from: covered.from.clone(), to: covered.to.clone(), values };
        let prepared = self.system.prepare(&draft).await.map_err(|mut refusal| {
            refusal.checks.splice(0..0, checks.clone());
            refusal
        })?;
        let start = ask.wanted.pace.unwrap_or(pace::GUESS);
        let expected = prepared.took.unwrap_or(GUESS) + start;
        checks.extend(prepared.checks);
        checks.push(time(prepared.took, expected));
        Ok(Step {
            goal: ask.goal,
            subject: prepared.subject,
            place: prepared.place,
            covers: vec![covered],
            action: Action::Ci(prepared.action),
            does: vec![prepared.does],
            checks,
            not_restored: vec![
                "what the run itself does not bring back: settings and data are its own affair".to_owned(),
            ],
            expected,
            by_hand: prepared.by_hand,
        })
    }

    /// When this request left; when it is not known, for another process sent it, from now on.
    fn sent_at(&self, key: String) -> Time {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent.entry(key).or_insert_with(|| self.clock.now())
    }

    async fn try_send(&self, step: &Step, action: &CiAction) -> Answer {
        let now = self.clock.now();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(key(action), now);
        let answer = self.system.send(action).await;
        self.known_since(step, answer, now)
    }

    /// Writes into a run's id since when it has been waited for, and ends the waiting.
    fn known_since(&self, step: &Step, answer: Answer, since: Time) -> Answer {
        let Answer::Running(run) = answer else { return answer };
        let waited = self.clock.now() - since;
        if !run.ended && waited > self.run_timeout {
            let look = run.link.unwrap_or_else(|| step.place.clone());
            return Answer::Failed(Blocked {
                reason: format!("{} has not ended within {}: {}", step.subject, brief(self.run_timeout), run.state),
                way_out: format!("look at {look}: it may still go on; stop it there before anything else is tried"),
            });
        }
        Answer::Running(Run { id: format!("{}@{}", run.id, since.timestamp()), ..run })
    }
}

impl Strategy for Ci {
    fn prepare<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Readiness> {
        self.try_prepare(ask).map(Readiness::from).boxed()
    }

    fn send<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        async move {
            match &step.action {
                Action::Ci(action) => self.try_send(step, action).await,
                _ => not_mine(step),
            }
        }
        .boxed()
    }

    fn follow<'a>(&'a self, step: &'a Step, run: &'a Run) -> BoxFuture<'a, Answer> {
        async move {
            let Action::Ci(action) = &step.action else { return not_mine(step) };
            let (id, since) = parse_id(&run.id).unwrap_or_else(|| (&run.id, self.clock.now()));
            let answer = self.system.follow(action, id, since).await;
            match answer {
                // Nothing was heard, but it has been waited for long enough.
                Answer::Unknown(reason) if self.clock.now() - since > self.run_timeout => {
                    let silent = Run { id: id.to_owned(), state: reason, link: run.link.clone(), ended: false };
                    self.known_since(step, Answer::Running(silent), since)
                }
                answer => self.known_since(step, answer, since),
            }
        }
        .boxed()
    }

    fn read_back<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Answer> {
        async move {
            let Action::Ci(action) = &step.action else { return not_mine(step) };
            let since = self.sent_at(key(action));
            match self.system.read_back(action, since).await {
                Trace::Found(answer) => self.known_since(step, answer, since),
                Trace::Unclear(reason) => Answer::Unknown(reason),
                Trace::Nothing(looked_for) if self.clock.now() - since < SETTLED => {
                    Answer::Unknown(format!("{looked_for}; it may still arrive"))
                }
                Trace::Nothing(looked_for) => Answer::Refused(Blocked {
                    reason: format!("the request did not arrive: {looked_for} {} after it was sent", brief(SETTLED)),
                    way_out: "try again; the plan is worked out anew".to_owned(),
                }),
            }
        }
        .boxed()
    }
}

/// An action of another system: only a mistake of ours brings it here.
fn foreign() -> Answer {
    Answer::Refused(Blocked {
        reason: "the step was made for another CI system".to_owned(),
        way_out: "close the plan and open it again".to_owned(),
    })
}

/// What tells one request from another.
fn key(action: &CiAction) -> String {
    match action {
        CiAction::Dispatch { marker, .. } => marker.clone(),
        CiAction::RetryJob(job) | CiAction::PlayJob(job) => format!("{} {}", job.project, job.id),
        CiAction::Build { job, parameters, marker, .. } => {
            marker.clone().unwrap_or_else(|| format!("{job} {parameters:?}"))
        }
        CiAction::Post { idempotency_key, .. } => idempotency_key.clone(),
    }
}

/// A run's own id and since when it has been waited for.
fn parse_id(id: &str) -> Option<(&str, Time)> {
    let (id, since) = id.rsplit_once('@')?;
    Some((id, DateTime::from_timestamp(since.parse().ok()?, 0)?))
}

/// Whether it is as quick as a rollback should be.
fn time(took: Option<TimeDelta>, expected: TimeDelta) -> Check {
    let (name, total) = ("time", brief(expected));
    let known = match took {
        Some(took) => format!("such runs took {} of late, so about {total} in all", brief(took)),
        None => format!("nobody has seen such a run end; {total} is a guess"),
    };
    if expected <= QUICK {
        return Check::ok(name, known);
    }
    let way_out = "if that is too long, undo the workload itself: strategy = \"kubernetes\"".to_owned();
    Check::warning(name, format!("{known}: longer than {}", brief(QUICK)), Some(way_out))
}

/// The middle of how long runs took.
fn middle(mut spans: Vec<TimeDelta>) -> Option<TimeDelta> {
    spans.retain(|span| *span > TimeDelta::zero());
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

/// ` -f version=1.8.3 -f id=redflag-1`, for the line that people can type instead.
fn options(flag: &str, pairs: &[(String, String)]) -> String {
    let words = pairs.iter().map(|(name, value)| quoted(&format!("{name}={value}")));
    words.fold(String::new(), |line, word| line + " " + flag + " " + &word)
}

/// `version = 1.8.3, id = redflag-1`, for a sentence.
fn listed(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
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

    #[test]
    fn a_slow_run_is_told() {
        let slow = time(Some(TimeDelta::minutes(6)), TimeDelta::seconds(390));
        assert_eq!(slow.sentence, "such runs took 6 min of late, so about 6 min in all: longer than 2 min");
        assert_eq!(time(None, TimeDelta::minutes(5)).outcome, crate::rollback::CheckOutcome::Warning);
        assert_eq!(time(Some(TimeDelta::seconds(30)), QUICK).outcome, crate::rollback::CheckOutcome::Ok);
    }
}
