//! A gate before the demo's company: what each scenario comes to, by what it prints and by its exit status.
#![allow(clippy::unwrap_used)]

mod cut_off;
mod scenarios;

use super::event::{VERSION, schema};
use super::frontend::{Gate, Job, Wanted};
use super::junit;
use super::sections::Sections;
use crate::cli::{Output, Until};
use crate::clock::Clock;
use crate::config::{AssembleOptions, Config};
use crate::demo::{Company, Fault, Options, Peer, Scenario};
use crate::outcome::Outcome;
use crate::output::Cleaned;
use crate::runtime::{Outside, QUEUE, Runtime};
use crate::setup::{Automatic, Setup};
use crate::watch::Watch;
use chrono::{DateTime, TimeDelta};
use futures_util::stream;
use serde_json::Value;
use std::future::Future;
use std::io::{self, BufRead, BufReader};
use std::pin::pin;
use std::task::Poll;
use tokio::sync::mpsc;

const PLAIN: Wanted = Wanted { until: Until::Verdict, timeout: None, rollback: false };

/// What a gate came to, and what it printed.
struct Passed {
    outcome: Outcome,
    lines: Vec<Value>,
    people: String,
    junit: String,
}

impl Passed {
    fn last(&self) -> &Value {
        self.lines.last().unwrap()
    }

    fn kinds(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["kind"] == kind).collect()
    }
}

/// A job of GitLab.
fn job() -> Job {
    Job { github: None, gitlab: Some(Sections::default()) }
}

/// Runs a gate to its end, a second at a time.
async fn gate(company: &Company, clock: &Clock, wanted: Wanted, change: impl FnOnce(&mut Setup)) -> Passed {
    let config = Config::parse(&company.config(), "demo").unwrap();
    let options = AssembleOptions::beginning(clock.now());
    let mut assembly = config.assemble(None, &options, company).unwrap();
    company.recall(&mut assembly.setup);
    assembly.setup.rollback.automatic = if wanted.rollback { Automatic::On } else { Automatic::Off };
    change(&mut assembly.setup);
    let (out, inbox) = mpsc::channel(QUEUE);
    let watch = Watch::new(assembly.setup);
    let outside = Outside::new(watch.shared_setup(), assembly.sources, assembly.rollback, clock.clone(), out);
    // As a pipeline reads it: a line at a time, from a pipe, while the gate runs.
    let (reader, writer) = io::pipe().unwrap();
    let programs = std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect::<Vec<Value>>()
    });
    let output = (Cleaned::new(Vec::new()), Cleaned::new(writer));
    let frontend = Gate::new(wanted, Output::Json, job(), output);
    let mut runtime = Runtime::new(watch, frontend, stream::pending(), clock.clone(), outside, inbox);
    runtime.connect();
    let outcome = loop {
        clock.set(clock.now() + TimeDelta::seconds(1));
        let mut left = None;
        while left.is_none() && runtime.is_busy() {
            left = runtime.turn().await.unwrap();
        }
        // What the cluster tells by itself may still be on its way through the loopback.
        for _ in 0..50 {
            if left.is_some() {
                break;
            }
            tokio::task::yield_now().await;
            let mut turn = pin!(runtime.turn());
            let ready = std::future::poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await;
            left = if let Poll::Ready(left) = ready { left.unwrap() } else { None };
        }
        if let Some(outcome) = left {
            break outcome;
        }
        let watched = (clock.now() - runtime.watch().setup().started).num_minutes();
        assert!(watched < 60, "it does not end: {:?}", runtime.watch().verdict());
    };
    let watch = runtime.watch().clone();
    runtime.frontend_mut().end(&watch, outcome).unwrap();
    let (people, junit) = (runtime.frontend().told_people(), junit::text(&watch, outcome));
    // The pipe ends with the gate.
    drop(runtime);
    Passed { outcome, lines: programs.join().unwrap(), people, junit }
}

async fn company(scenario: Scenario) -> (Company, Clock) {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    let options = Options { age: TimeDelta::seconds(8), ..Options::of(scenario, clock.clone()) };
    (Company::start_with(options).await.unwrap(), clock)
}

/// Five minutes instead of thirty.
fn short(setup: &mut Setup) {
    setup.window = TimeDelta::minutes(5);
}

#[tokio::test]
async fn a_bad_release_ends_at_its_first_red_flag_with_1() {
    let (company, clock) = company(Scenario::BadRelease).await;
    let passed = gate(&company, &clock, PLAIN, short).await;
    assert_eq!(passed.outcome.status(), 1);
    let last = passed.last();
    assert_eq!((&last["kind"], &last["status"], &last["verdict"]), (&"end".into(), &1.into(), &"faulty".into()));
    assert_eq!(last["version"], VERSION);
    assert!(last["sentence"].as_str().unwrap().contains("TypeError: cart.total is None"), "{last}");
    let red = passed.kinds("finding").into_iter().find(|line| line["level"] == "red_flag").unwrap();
    assert_eq!(red["service"], "app");
    assert!(passed.people.contains("RED FLAG  app "), "{}", passed.people);
    assert!(passed.people.ends_with("exit status 1\n"), "{}", passed.people);
    assert_eq!(company.requests().changes().count(), 0, "nothing was changed");
    assert!(passed.junit.contains("name=\"new issues\" time=\"0\"><failure message=\"1 new issue"), "{}", passed.junit);
    // What is not news is folded away, and a red flag is not.
    let folded = passed.people.split("section_start:").skip(1).map(|text| text.split("section_end:").next());
    assert!(folded.flatten().all(|text| !text.contains("RED FLAG") && !text.contains("FAULTY")), "{}", passed.people);
    let (begun, ended) =
        (passed.people.matches("section_start:").count(), passed.people.matches("section_end:").count());
    assert!(begun > 0 && begun == ended, "{}", passed.people);
}

#[tokio::test]
async fn a_healthy_deploy_waits_for_its_window_and_says_how_long() {
    let (company, clock) = company(Scenario::Healthy).await;
    let passed = gate(&company, &clock, PLAIN, short).await;
    assert_eq!((passed.outcome, &passed.last()["verdict"]), (Outcome::Healthy, &"healthy".into()));
    let waits = passed.kinds("wait");
    assert!(waits.len() >= 5, "once a minute: {waits:?}");
    assert_eq!(waits[0]["seconds"], Value::Null, "the rollout has not finished");
    let sized = waits.iter().filter(|line| line["requests"].as_u64().is_some_and(|requests| requests > 0));
    assert!(sized.count() >= 4, "{waits:?}");
    assert!(passed.people.contains("more at this traffic (about "), "{}", passed.people);
}

#[tokio::test]
async fn it_rolls_back_where_it_may_and_the_status_says_so() {
    let (company, clock) = company(Scenario::BadRelease).await;
    let passed = gate(&company, &clock, Wanted { rollback: true, ..PLAIN }, |_| {}).await;
    assert_eq!(passed.outcome.status(), 5, "{}", passed.people);
    assert!(!passed.kinds("rollback").is_empty());
}

#[tokio::test]
async fn what_is_waited_for_can_be_less_than_the_window_and_a_timeout_is_no_health() {
    let (company, clock) = company(Scenario::Healthy).await;
    let rollout = gate(&company, &clock, Wanted { until: Until::Rollout, ..PLAIN }, |_| {}).await;
    assert_eq!(rollout.outcome, Outcome::Done);
    let settled = gate(&company, &clock, Wanted { until: Until::Settled, ..PLAIN }, |_| {}).await;
    assert_eq!(settled.outcome, Outcome::Done);
    assert!(settled.last()["missing"].as_array().unwrap().is_empty(), "{}", settled.last());
    let late = Wanted { timeout: Some(TimeDelta::seconds(20)), ..PLAIN };
    assert_eq!(gate(&company, &clock, late, |_| {}).await.outcome, Outcome::LeftEarly);
}

#[tokio::test]
async fn with_any_source_cut_off_it_never_says_healthy() {
    for peer in [Peer::Grafana, Peer::Sentry, Peer::Datadog, Peer::Website, Peer::Kubernetes] {
        let (company, clock) = company(Scenario::Healthy).await;
        company.faults().set(peer, Fault::ServerError);
        let wanted = Wanted { timeout: Some(TimeDelta::minutes(8)), ..PLAIN };
        let passed = gate(&company, &clock, wanted, |setup| {
            setup.window = TimeDelta::minutes(3);
            // Here every signal is one that the verdict waits for.
            setup.signals.iter_mut().for_each(|signal| signal.required = true);
        })
        .await;
        assert_ne!(passed.outcome.status(), 0, "{peer:?}: {}", passed.people);
        let missing = passed.last()["missing"].as_array().unwrap();
        assert!(!missing.is_empty() || passed.last()["verdict"] != "healthy", "{peer:?}");
    }
}

#[test]
fn the_schema_names_every_kind_of_line() {
    let schema = schema();
    for kind in ["deploy", "finding", "verdict", "rollback", "wait", "end"] {
        assert!(schema.contains(&format!("\"const\": \"{kind}\"")), "{kind}");
    }
}
