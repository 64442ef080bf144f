//! What all these stories begin with: a deploy of 1.9.0 that is to go back to 1.8.3.

use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::deploy::{Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::rollback::action::{Action, CiAction};
use redflag::rollback::request::{PlanRequest, Seen, Wanted};
use redflag::rollback::variables::commit_in;
use redflag::rollback::{Answer, Blocked, Check, CheckOutcome, Goal, Readiness, Refusal, Run, Step};
use redflag::systems::api::strategy::{Connected, StrategySpec, Surroundings};
use redflag::systems::registry::perform::Performer;
use redflag::systems::registry::strategies::Strategy;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The token that no text may show.
pub(crate) const TOKEN: &str = "hush-hush-token";

/// 2023-11-14T22:13:20Z.
pub(crate) fn start() -> Time {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// A recorded body.
macro_rules! fixture {
    ($path:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!("../../../src/systems/", $path))).unwrap()
    };
}
pub(crate) use fixture;

/// A body with another value at a JSON pointer.
pub(crate) fn with(mut body: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.into(),
        parent => parent[name] = value.into(),
    }
    body
}

fn version(revision: i64, tag: &str) -> Version {
    Version { images: vec![format!("shop/app:{tag}")], revision, hash: format!("hash-{tag}"), ..Version::default() }
}

/// `deployment/app` of the service `cart` is to be rolled back.
pub(crate) fn ask() -> PlanRequest {
    ask_of("cart", "app")
}

pub(crate) fn ask_of(service: &str, name: &str) -> PlanRequest {
    let seen = Seen {
        uid: "uid-1".to_owned(),
        generation: 7,
        replicas: 3,
        running: version(9, "1.9.0"),
        deployed: start() - TimeDelta::minutes(10),
        revisions: vec![version(9, "1.9.0"), version(8, "1.8.3"), version(7, "1.8.2")],
        served_before: Some("hash-1.8.3".to_owned()),
        rolled_back: None,
    };
    PlanRequest {
        goal: Goal::RollBack,
        workload: WorkloadId(0),
        reference: WorkloadRef { kind: WorkloadKind::Deployment, namespace: "shop".to_owned(), name: name.to_owned() },
        service: service.to_owned(),
        environment: "production".to_owned(),
        wanted: Wanted {
            actor: "ana@laptop".to_owned(),
            reason: "error rate 2.4 %, \"bad\"".to_owned(),
            pace: Some(TimeDelta::seconds(20)),
            seen: Some(seen),
            ..Wanted::default()
        },
    }
}

/// A strategy and the clock that it looks at.
pub(crate) struct Stage {
    pub(crate) ci: Strategy,
    pub(crate) clock: Clock,
}

/// How long a run may take.
pub(crate) const RUN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub(crate) fn stage(spec: &impl StrategySpec) -> Stage {
    let clock = Clock::manual(start());
    assert!(!format!("{spec:?}").contains(TOKEN));
    Stage { ci: alone(spec, &clock), clock }
}

/// A strategy whose cluster is nowhere: nothing is asked of it.
pub(crate) fn alone(spec: &impl StrategySpec, clock: &Clock) -> Strategy {
    let cluster = crate::rollback::peer::cluster("http://127.0.0.1:1", Duration::from_secs(1));
    let to = Surroundings { cluster: &cluster, clock, repository: None, commits: Arc::new(commit_in) };
    let Connected { planner, clients, .. } = spec.connect(&to).unwrap();
    Strategy { planner, performer: Performer { cluster: None, clients } }
}

impl Stage {
    pub(crate) async fn step(&self) -> Arc<Step> {
        self.step_for(&ask()).await
    }

    pub(crate) async fn step_for(&self, ask: &PlanRequest) -> Arc<Step> {
        match self.ci.planner.prepare(ask).await {
            Readiness::Ready(step) => {
                quiet(&step);
                step
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn refusal(&self) -> Refusal {
        match self.ci.planner.prepare(&ask()).await {
            Readiness::Blocked(refusal) => {
                quiet(&refusal);
                refusal
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn send(&self, step: &Step) -> Answer {
        told(self.ci.performer.perform(step).await)
    }

    pub(crate) async fn follow(&self, step: &Step, run: &Run) -> Answer {
        told(self.ci.performer.follow(step, run).await)
    }

    pub(crate) async fn read_back(&self, step: &Step) -> Answer {
        told(self.ci.performer.read_back(step).await)
    }

    /// Time goes on.
    pub(crate) fn later(&self, seconds: i64) {
        self.clock.set(self.clock.now() + TimeDelta::seconds(seconds));
    }
}

/// No secret is in it.
pub(crate) fn quiet(thing: &impl std::fmt::Debug) {
    let text = format!("{thing:?}");
    assert!(!text.contains("hush"), "{text}");
}

fn told(answer: Answer) -> Answer {
    quiet(&answer);
    answer
}

pub(crate) fn running(answer: Answer) -> Run {
    match answer {
        Answer::Running(run) => run,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn refused(answer: Answer) -> Blocked {
    match answer {
        Answer::Refused(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn failed(answer: Answer) -> Blocked {
    match answer {
        Answer::Failed(blocked) => blocked,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn unknown(answer: Answer) -> String {
    match answer {
        Answer::Unknown(reason) => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn check<'a>(step: &'a Step, name: &str) -> &'a Check {
    step.checks.iter().find(|check| check.name() == name).unwrap_or_else(|| panic!("no {name} in {:?}", step.checks))
}

/// The names of the checks that are not ok.
pub(crate) fn doubts(step: &Step) -> Vec<&'static str> {
    step.checks.iter().filter(|check| check.outcome != CheckOutcome::Ok).map(redflag::rollback::Check::name).collect()
}

pub(crate) fn action(step: &Step) -> &CiAction {
    match &step.action {
        Action::Ci(action) => action,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
