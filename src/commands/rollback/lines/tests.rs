//! What `redflag rollback` prints, asks and refuses, told through its frontend and the pure core.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Input, Lines, Mode};
use crate::deploy::{Deploy, ServiceId, Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use crate::message::{Effect, Message, StreamNews};
use crate::outcome::Outcome;
use crate::output::Cleaned;
use crate::rollback::action::{Action, HelmRollback};
use crate::rollback::lease::{Holder, Holding, LeaseCall};
use crate::rollback::version_history::{Known, VersionStatus};
use crate::rollback::{Blocked, Check, CheckKind, Covered, Goal, Readiness, Refusal, Step, describe};
use crate::rollout::{Progress, Replicas, Rollout};
use crate::runtime::{Frontend, Intent};
use crate::setup::{Confirm, Delivery, RollbackPolicy, Service, Setup, SourceInfo, Told, Workload};
use crate::signal::SourceId;
use crate::watch::Watch;
use chrono::{DateTime, TimeDelta};
use std::sync::Arc;

const APP: WorkloadId = WorkloadId(0);

fn at(seconds: i64) -> Time {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn version(tag: &str, revision: i64) -> Version {
    Version { images: vec![format!("app:{tag}")], revision, hash: format!("hash-{tag}"), ..Version::default() }
}

fn reference() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Deployment, namespace: "production".to_owned(), name: "app".to_owned() }
}

fn setup() -> Setup {
    Setup {
        environment: "production".to_owned(),
        services: vec![Service { name: "app".to_owned(), depends_on: Vec::new() }],
        workloads: vec![Workload { reference: reference(), service: ServiceId(0), container: None }],
        signals: Vec::new(),
        sources: vec![SourceInfo {
            name: "kubernetes".to_owned(),
            delivery: Delivery::Streamed,
            interval: TimeDelta::seconds(30),
        }],
        window: TimeDelta::minutes(30),
        baseline: TimeDelta::minutes(60),
        coverage: 90,
        rollout_deadline: TimeDelta::minutes(10),
        confirm: Confirm::Key,
        confirm_grace: TimeDelta::zero(),
        read_only: false,
        rollback: RollbackPolicy::default(),
        feature_flags: Vec::new(),
        told: Told::default(),
        started: at(0),
    }
}

fn step(checks: Vec<Check>) -> Step {
    Step {
        goal: Goal::RollBack,
        subject: "release app".to_owned(),
        place: "prod-eu".to_owned(),
        covers: vec![Covered {
            workload: APP,
            reference: reference(),
            uid: "u".to_owned(),
            generation: 7,
            from: version("1.9.0", 42),
            to: version("1.8.3", 41),
        }],
        // Not guarded: who else is rolling back has to be known first.
        action: Action::Helm(HelmRollback {
            release: "app".to_owned(),
            namespace: "production".to_owned(),
            revision: 41,
            current: 42,
        }),
        does: vec!["helm rollback app 41".to_owned(), "its pods are followed".to_owned()],
        checks,
        not_reverted: vec!["ConfigMap app-settings".to_owned()],
        expected: TimeDelta::seconds(70),
        manual_command: "helm rollback app 41 -n production".to_owned(),
    }
}

fn migration() -> Check {
    Check::typed(CheckKind::Migration, "a migration drops orders.legacy_id", "restore the column first")
}

fn rollout() -> Rollout {
    Rollout {
        uid: "u".to_owned(),
        generation: 7,
        progress: Progress::Complete,
        replicas: Replicas { desired: 3, updated: 3, ready: 3, available: 3, total: 3 },
        pods: Vec::new(),
        troubles: Vec::new(),
        deadline: crate::rollout::Deadline::default(),
        changed_by: None,
        deploy: Some(Deploy {
            at: at(0),
            finished: Some(at(0)),
            from: Some(version("1.8.3", 41)),
            to: version("1.9.0", 42),
            by: None,
        }),
        revisions: Vec::new(),
    }
}

/// The frontend, the core, and a cluster that knows whether it could go back and who is rolling back.
struct Story {
    watch: Watch,
    frontend: Lines<Vec<u8>>,
    readiness: Readiness,
    holding: Option<Holding>,
    sent: usize,
}

impl Story {
    fn new(mode: Mode, readiness: Readiness) -> Self {
        let frontend = Lines::new(mode, Cleaned::new(Vec::new()));
        Self { watch: Watch::new(setup()), frontend, readiness, holding: Some(Holding::Ours), sent: 0 }
    }

    fn say(&mut self, message: Message) {
        for effect in self.watch.update(message) {
            let at = self.watch.now();
            match effect {
                Effect::Prepare(_) => {
                    let readiness = self.readiness.clone();
                    self.say(Message::Prepared { workload: APP, goal: Goal::RollBack, at, readiness });
                }
                Effect::Lease(LeaseCall::Take(_)) => {
                    if let Some(holding) = self.holding.clone() {
                        self.say(Message::Leased { at, holding });
                    }
                }
                Effect::Send(_) => self.sent += 1,
                _ => {}
            }
        }
    }

    /// Turns the loop until nothing is wanted any more; gives the exit status, if it leaves.
    fn run(&mut self) -> Option<Outcome> {
        let news = StreamNews::Rollout(APP, Box::new(rollout()));
        self.say(Message::Streamed { source: SourceId(0), at: at(1), news });
        self.turn()
    }

    fn turn(&mut self) -> Option<Outcome> {
        let intents = self.frontend.show(&self.watch).unwrap();
        self.grant(intents)
    }

    fn type_line(&mut self, line: &str) -> Option<Outcome> {
        let intents = self.frontend.take(Input::Typed(line.to_owned()), &self.watch);
        self.grant(intents)
    }

    fn grant(&mut self, intents: Vec<Intent>) -> Option<Outcome> {
        let again = !intents.is_empty();
        for intent in intents {
            match intent {
                Intent::Ask(command) => self.say(Message::Asked { at: self.watch.now(), command }),
                Intent::Leave(outcome) => return Some(outcome),
                other => panic!("{other:?}"),
            }
        }
        if again { self.turn() } else { None }
    }

    fn told(&self) -> &str {
        std::str::from_utf8(self.frontend.out.inner()).unwrap()
    }
}

fn ready(checks: Vec<Check>) -> Readiness {
    Readiness::Ready(Arc::new(step(checks)))
}

fn yes(named: Option<&str>) -> Mode {
    Mode::Yes { named: named.map(str::to_owned) }
}

#[test]
fn a_dry_run_tells_the_whole_plan_and_what_it_takes() {
    let mut story = Story::new(Mode::DryRun, ready(vec![Check::ok(CheckKind::Permission, "may do it"), migration()]));
    assert_eq!(story.run(), Some(Outcome::Done));
    assert_eq!(
        story.told(),
        "\
rollback of production

strategy        kubernetes at prod-eu
namespace       production
ETA             ~70 s (all pods ready)
target          the previous version, never watched to the end

roll back       deployment/app   1.9.0 → 1.8.3   (revision 42 → 41)
  typed     migration: a migration drops orders.legacy_id
                → restore the column first
will            1. helm rollback app 41
                2. its pods are followed
image           app:1.9.0 → app:1.8.3
not reverted    ConfigMap app-settings
  ok        permission: may do it
manual command  helm rollback app 41 -n production

type the environment's name to confirm; with --yes: --confirm production
dry run: nothing was changed
"
    );
    assert_eq!(story.sent, 0);
}

#[test]
fn what_does_no_harm_needs_one_letter_and_what_does_the_whole_name() {
    let mut harmless = Story::new(Mode::PlanRequest, ready(vec![]));
    assert_eq!(harmless.run(), None);
    assert!(harmless.told().ends_with("proceed? [y/N] "), "{}", harmless.told());
    assert_eq!(harmless.type_line("y"), None);
    assert_eq!(harmless.sent, 1);

    let mut harmful = Story::new(Mode::PlanRequest, ready(vec![migration()]));
    harmful.run();
    assert!(harmful.told().ends_with("type production to confirm: "), "{}", harmful.told());
    assert_eq!(harmful.type_line("y"), Some(Outcome::LeftEarly));
    assert_eq!(harmful.sent, 0);
}

#[test]
fn yes_alone_does_no_harm() {
    let mut story = Story::new(yes(None), ready(vec![migration()]));
    assert_eq!(story.run(), Some(Outcome::Misused));
    assert_eq!(story.sent, 0);
    let told = "not done: a migration drops orders.legacy_id\n\
                to do it anyway, name the environment: --yes --confirm production\n";
    assert!(story.told().ends_with(told), "{}", story.told());
}

#[test]
fn yes_with_the_name_does_it() {
    let mut story = Story::new(yes(Some("production")), ready(vec![migration()]));
    assert_eq!(story.run(), None);
    assert_eq!(story.sent, 1);
    let mut harmless = Story::new(yes(None), ready(vec![]));
    harmless.run();
    assert_eq!(harmless.sent, 1);
}

#[test]
fn nothing_is_asked_before_it_is_known_who_else_is_at_it() {
    let mut story = Story::new(Mode::PlanRequest, ready(vec![]));
    story.holding = None;
    assert_eq!(story.run(), None);
    assert!(!story.told().contains("proceed?"), "{}", story.told());
    assert_eq!(story.type_line("y"), None, "an answer to no question");
    let ana = Holder { who: "ana@laptop".to_owned(), what: "rollback to 1.8.3".to_owned(), since: at(0) };
    story.say(Message::Leased { at: at(2), holding: Holding::Theirs(ana) });
    assert_eq!(story.turn(), Some(Outcome::RollbackFailed));
    assert!(story.told().contains("not done: ana@laptop has held the lease since "), "{}", story.told());
    assert_eq!(story.sent, 0);
}

#[test]
fn a_cluster_that_tells_nothing_is_not_waited_for_for_ever() {
    for (mode, outcome) in [(Mode::DryRun, Outcome::Inconclusive), (yes(None), Outcome::RollbackFailed)] {
        let mut story = Story::new(mode, ready(vec![]));
        story.say(Message::Tick(at(14)));
        assert_eq!(story.turn(), None);
        story.say(Message::Tick(at(15)));
        assert_eq!(story.turn(), Some(outcome));
        assert!(story.told().starts_with("no plan: the cluster has not reported its workloads\n"), "{}", story.told());
    }
}

#[test]
fn whoever_stops_it_learns_what_goes_on() {
    let mut story = Story::new(Mode::PlanRequest, ready(vec![]));
    story.run();
    let stop = |story: &mut Story| {
        let intents = story.frontend.take(Input::Stop(Outcome::Interrupted), &story.watch);
        story.grant(intents)
    };
    assert_eq!(stop(&mut story), Some(Outcome::Interrupted));
    assert!(story.told().ends_with("stopped: nothing was changed\n"), "{}", story.told());
    let mut story = Story::new(yes(None), ready(vec![]));
    story.run();
    assert_eq!((stop(&mut story), story.sent), (Some(Outcome::Interrupted), 1));
    let told = "stopped: the rollback continues without redflag\ncheck it yourself:\n  \
                kubectl rollout status deployment/app -n production\n";
    assert!(story.told().ends_with(told), "{}", story.told());
}

#[test]
fn what_is_blocked_is_told_with_every_check_and_its_way_out() {
    let blocked = Blocked { reason: "Argo CD would put it back".to_owned(), way_out: "revert in Git".to_owned() };
    let checks = vec![Check::ok(CheckKind::Permission, "may do it"), Check::blocked(CheckKind::Owner, blocked.clone())];
    let refusal = Refusal { checks, ..Refusal::from(blocked) };
    let mut story = Story::new(yes(None), Readiness::Blocked(refusal));
    assert_eq!(story.run(), Some(Outcome::RollbackFailed));
    let told = "nothing can be rolled back\n\ndeployment/app\n  \
                blocked   owner: Argo CD would put it back\n                \
                → revert in Git\n  ok        permission: may do it\n";
    assert!(story.told().ends_with(told), "{}", story.told());
}

#[test]
fn it_is_told_why_it_goes_where_it_goes() {
    let found = |tag: &str, standing| Known {
        hash: format!("hash-{tag}"),
        images: vec![format!("app:{tag}")],
        standing,
        at: at(-60),
        by: None,
    };
    let why = |known: Vec<Known>, from: &str, to: &str, chosen| {
        let mut setup = setup();
        setup.rollback.known = vec![known];
        setup.told.rollback_to = chosen;
        let covered = Covered { to: version(to, 41), ..step(vec![]).covers[0].clone() };
        let deploy =
            Deploy { at: at(0), finished: None, from: Some(version(from, 41)), to: version("2", 42), by: None };
        describe::why(&setup, &covered, Some(&deploy))
    };
    let good = |tag| found(tag, VersionStatus::Good);
    let bad = |tag| found(tag, VersionStatus::Bad);
    assert_eq!(why(vec![good("1")], "1", "1", None), "the previous version, last known good");
    assert_eq!(why(vec![bad("1")], "1", "1", None), "the previous version, but its watch found it bad");
    assert_eq!(
        why(vec![bad("1"), good("0")], "1", "0", None),
        "1 was the previous version but was bad; this is the newest that passed its watch"
    );
    assert_eq!(
        why(vec![bad("1")], "1", "0", None),
        "1 was the previous version but was bad; this is the newest that is not known to be bad"
    );
    assert_eq!(why(vec![], "1", "0", Some(41)), "revision 41, as requested");
}

#[test]
fn a_program_reads_the_plan_what_happened_and_how_it_ended() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut story = Story::new(yes(Some("production")), ready(vec![migration()]));
    story.frontend =
        Lines::new(yes(Some("production")), Cleaned::new(Vec::new())).told_to(Some(Cleaned::new(Box::new(writer))));
    assert_eq!(story.run(), None);
    assert_eq!(story.sent, 1);
    story.frontend.end(&story.watch, Outcome::RollbackUnknown).unwrap();
    drop(story);
    let text = std::io::read_to_string(reader).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"plan"), Some(&"end")));
    assert!(kinds[1..kinds.len() - 1].iter().all(|kind| *kind == "progress") && kinds.len() > 2, "{kinds:?}");
    let plan = &lines[0];
    assert_eq!((&plan["would_work"], &plan["needs_typing"], &plan["version"]), (&true.into(), &true.into(), &1.into()));
    let covers = &plan["stages"][0][0]["covers"][0];
    assert_eq!((&covers["from"], &covers["to"]), (&"1.9.0".into(), &"1.8.3".into()));
    assert_eq!(plan["stages"][0][0]["checks"][0]["outcome"], "typed");
    assert_eq!((&lines.last().unwrap()["status"], &lines.last().unwrap()["unchanged"]), (&6.into(), &false.into()));
}

#[test]
fn a_dry_run_that_would_not_work_tells_a_program_why() {
    let (reader, writer) = std::io::pipe().unwrap();
    let blocked = Blocked { reason: "no earlier revision".to_owned(), way_out: "deploy a fixed version".to_owned() };
    let mut story = Story::new(Mode::DryRun, Readiness::Blocked(Refusal::from(blocked)));
    story.frontend = Lines::new(Mode::DryRun, Cleaned::new(Vec::new())).told_to(Some(Cleaned::new(Box::new(writer))));
    assert_eq!(story.run(), Some(Outcome::RollbackFailed));
    drop(story);
    let plan: serde_json::Value = serde_json::from_reader(reader).unwrap();
    assert_eq!(plan["would_work"], false);
    assert_eq!(plan["refused"][0]["reason"], "no earlier revision");
    let schema = super::super::event::schema();
    assert!(
        ["plan", "nothing", "progress", "end"].iter().all(|kind| schema.contains(&format!("\"const\": \"{kind}\"")))
    );
}
