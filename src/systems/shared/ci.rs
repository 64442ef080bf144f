//! What the CI systems have in common: a job is planned, asked for once, and followed to its end, for an accepted request
//! only means that it was accepted.

pub(in crate::systems) mod config;
pub(in crate::systems) mod planner;
pub(in crate::systems) mod runs;
pub(in crate::systems) mod trace;
pub(in crate::systems) mod words;

use crate::clock::Clock;
use crate::deploy::brief;
use crate::net::client::Purpose;
use crate::net::fresh_id;
use crate::rollback::action::Action;
use crate::rollback::choose_version::{self, Chosen};
use crate::rollback::client::Clients;
use crate::rollback::planner::Planner;
use crate::rollback::preflight::pace;
use crate::rollback::request::PlanRequest;
use crate::rollback::variables::{CommitOf, Values};
use crate::rollback::{Check, CheckKind, Readiness, Refusal, Step};
use crate::systems::api::strategy::{Connected, Surroundings};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt};
use planner::{Draft, JobPlanner};
use runs::Runs;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// What a CI system is spoken to for.
pub(in crate::systems) const PURPOSE: Purpose = Purpose { table: "rollback.ci", deed: "do it" };

/// Assumed of a run when nobody has seen one end.
const GUESS: TimeDelta = TimeDelta::minutes(5);
/// A rollback should be through by then.
const QUICK: TimeDelta = TimeDelta::minutes(2);

/// Plans a job of a CI system.
struct Ci {
    jobs: Arc<dyn JobPlanner>,
    clock: Clock,
    commit_of: CommitOf,
}

/// A CI system that is ready to be asked: it plans its jobs, and performs them.
pub(in crate::systems) fn connected<T: JobPlanner + Any>(
    system: Arc<T>,
    run_timeout: Duration,
    to: &Surroundings<'_>,
) -> Connected {
    let jobs: Arc<dyn JobPlanner> = Arc::clone(&system) as _;
    let ci = Ci { jobs, clock: to.clock.clone(), commit_of: Arc::clone(&to.commits) };
    let runs = Arc::new(Runs::new(run_timeout, to.clock.clone()));
    let clients = Clients::default().with(system).with(runs);
    Connected { planner: Arc::new(ci), clients, names_commits: true }
}

impl Ci {
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
