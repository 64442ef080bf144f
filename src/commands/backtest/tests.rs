//! A back-test of the demo's company: its sources are asked as in a watch, its cluster tells what was deployed.
#![allow(clippy::unwrap_used)]

use super::told::{self, Side};
use super::{Configuration, in_cluster};
use crate::backtest::case::{Case, TakenBack, merged};
use crate::backtest::figures::Came;
use crate::clock::Clock;
use crate::config::{AssembleOptions, Config};
use crate::demo::{Company, Fault, Options, Peer, Scenario};
use chrono::{DateTime, TimeDelta};
use std::slice;

/// A company an hour after its deploy.
async fn company(scenario: Scenario) -> (Company, Clock) {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    let options = Options { age: TimeDelta::hours(1), ..Options::of(scenario, clock.clone()) };
    (Company::start_with(options).await.unwrap(), clock)
}

fn configuration(company: &Company, clock: &Clock, name: &str, text: &str) -> Configuration {
    let config = Config::parse(text, name).unwrap();
    let assembly = config.assemble(None, &AssembleOptions::beginning(clock.now()), company).unwrap();
    Configuration { name: name.to_owned(), assembly }
}

async fn deploys(of: &Configuration, clock: &Clock) -> Vec<Case> {
    let since = clock.now() - TimeDelta::days(30);
    merged(in_cluster(&of.assembly, &of.workloads(), since, clock).await.unwrap())
}

async fn played(company: &Company, clock: &Clock) -> Side {
    let configuration = configuration(company, clock, "redflag.toml", &company.config());
    let cases = deploys(&configuration, clock).await;
    configuration.play(&cases, clock, None).await
}

fn came(side: &Side) -> Vec<(&str, Came)> {
    side.played.iter().map(|(case, played)| (case.label(), Came::of(played))).collect()
}

#[tokio::test]
async fn the_bad_release_is_found_and_the_ones_before_it_are_not_flagged() {
    let (company, clock) = company(Scenario::BadRelease).await;
    let side = played(&company, &clock).await;
    let all = came(&side);
    assert_eq!(all.last(), Some(&("1.9.0", Came::RedFlag)), "{}", told::text(slice::from_ref(&side)));
    assert!(all.len() > 1 && all[..all.len() - 1].iter().all(|(_, came)| *came == Came::NotFlagged), "{all:?}");
    let (_, last) = side.played.last().unwrap();
    let red = last.red.as_ref().unwrap();
    assert!(red.after < TimeDelta::minutes(10), "{red:?}");
    assert!(last.acts.is_some_and(|at| at >= red.at), "its signals would have been enough: {last:?}");
    assert!(last.untold.iter().any(|name| name == "app new issues"), "{:?}", last.untold);
    let text = told::text(&[side]);
    assert!(text.contains("production: of "), "{text}");
    assert!(text.contains("1 would have been flagged"), "{text}");
    assert_eq!(company.requests().changes().count(), 0, "it reads");
}

#[tokio::test]
async fn what_people_rolled_back_is_counted_with_how_much_sooner_it_was_found() {
    let (company, clock) = company(Scenario::BadRelease).await;
    let configuration = configuration(&company, &clock, "redflag.toml", &company.config());
    let mut cases = deploys(&configuration, &clock).await;
    let last = cases.last_mut().unwrap();
    let at = last.at().unwrap() + TimeDelta::minutes(25);
    last.taken_back = Some(TakenBack { at: Some(at), automatic: false });
    let side = configuration.play(&cases, &clock, None).await;
    let figures = side.figures();
    assert_eq!((figures.rolled_back, figures.found), (1, 1));
    assert!(figures.sooner_seconds.is_some_and(|seconds| seconds > 600), "{figures:?}");
}

#[tokio::test]
async fn a_source_that_has_nothing_of_then_makes_it_not_known_and_never_healthy() {
    let (company, clock) = company(Scenario::Healthy).await;
    company.faults().set(Peer::Grafana, Fault::ServerError);
    let side = played(&company, &clock).await;
    assert!(!side.played.is_empty());
    for (case, played) in &side.played {
        assert_eq!(Came::of(played), Came::NotKnown, "{}: {played:?}", case.label());
        assert!(!played.missing.is_empty());
    }
    assert_eq!(side.figures().not_known, side.played.len());
}

#[tokio::test]
async fn two_configurations_are_compared_deploy_by_deploy() {
    let (company, clock) = company(Scenario::BadRelease).await;
    let strict = configuration(&company, &clock, "redflag.toml", &company.config());
    let cases = deploys(&strict, &clock).await;
    // Nothing but one signal, which is not what goes bad.
    let text = company.config();
    let memory = text.find("[[environments.production.signals]]\nkind = \"memory\"").unwrap();
    let next = memory + 1 + text[memory + 1..].find("[[environments.production.signals]]").unwrap();
    let first = text.find("[[environments.production.signals]]").unwrap();
    let lax = format!("{}{}", &text[..first], &text[memory..next]);
    let lax = configuration(&company, &clock, "other.toml", &lax);
    let sides = [strict.play(&cases, &clock, None).await, lax.play(&cases, &clock, None).await];
    let text = told::text(&sides);
    assert!(text.contains("1.9.0: RED FLAG after ") && text.contains("→ not flagged (other.toml)"), "{text}");
    let lines: Vec<serde_json::Value> =
        told::lines(&sides).iter().map(|line| serde_json::to_value(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((of("deploy"), of("summary"), of("difference")), (2 * cases.len(), 2, 1));
    assert!(lines.iter().all(|line| line["version"] == 1));
}

#[tokio::test]
async fn a_deploy_that_one_configuration_alone_judges_is_told_and_they_do_not_agree_of_it() {
    let (company, clock) = company(Scenario::Healthy).await;
    let first = configuration(&company, &clock, "redflag.toml", &company.config());
    let other = configuration(&company, &clock, "other.toml", &company.config());
    let cases = deploys(&first, &clock).await;
    assert!(cases.len() > 2);
    let mut sides = [first.play(&cases, &clock, None).await, other.play(&cases, &clock, None).await];
    let same = "both say the same of every deploy";
    assert!(told::text(&sides).contains(same), "{}", told::text(&sides));
    sides[0].played.remove(1);
    sides[1].played.remove(0);
    let text = told::text(&sides);
    assert!(!text.contains(same), "{text}");
    let only: Vec<&str> = text.lines().filter(|line| line.ends_with(", judged by one only")).collect();
    assert!(only.len() == 2 && only[0].contains("(redflag.toml)") && only[1].contains("(other.toml)"), "{text}");
    let lines: Vec<serde_json::Value> =
        told::lines(&sides).iter().map(|line| serde_json::to_value(line).unwrap()).collect();
    let only: Vec<_> = lines.iter().filter(|line| line["kind"] == "one_only").collect();
    assert_eq!((only.len(), &only[0]["judged"]["configuration"]), (2, &"redflag.toml".into()));
    assert!(lines.iter().all(|line| line["kind"] != "difference"));
}

#[test]
fn the_schema_names_every_kind_of_line() {
    let schema = told::schema();
    for kind in ["deploy", "summary", "difference", "one_only"] {
        assert!(schema.contains(&format!("\"const\": \"{kind}\"")), "{kind}");
    }
}
