//! Each scenario of the demo through a pipe: its exit status, and what a program reads.

use super::{PLAIN, Passed, Wanted, company, gate};
use crate::demo::Scenario;
use chrono::TimeDelta;
use serde_json::Value;

/// How long the window is: long enough for what comes slowly to come.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// The exit status that a scenario ends with, and the word of its verdict.
const fn expected(scenario: Scenario) -> (u8, &'static str) {
    match scenario {
        Scenario::Healthy => (0, "healthy"),
        Scenario::BadRelease
        | Scenario::MemoryLeak
        | Scenario::PoolExhausted
        | Scenario::CrashLoop
        | Scenario::ImagePull
        | Scenario::Fleet
        | Scenario::Migration
        | Scenario::GitopsOwned
        | Scenario::RollbackFails
        | Scenario::NotTheCause
        | Scenario::AutoCountdown => (1, "faulty"),
        Scenario::LowTraffic | Scenario::FlakySources => (3, "inconclusive"),
    }
}

async fn passed(scenario: Scenario) -> Passed {
    let (company, clock) = company(scenario).await;
    let wanted = Wanted { timeout: Some(TimeDelta::minutes(40)), ..PLAIN };
    let passed = gate(&company, &clock, wanted, |setup| setup.window = WINDOW).await;
    assert_eq!(company.requests().changes().count(), 0, "{scenario}: a gate that was not asked to changes nothing");
    passed
}

/// What holds of every gate: one last line with the status, and before it whatever led there.
fn check(scenario: Scenario, passed: &Passed) {
    let (status, verdict) = expected(scenario);
    let last = passed.last();
    let (kind, told) = (&last["kind"], (last["status"].as_u64(), last["verdict"].as_str()));
    assert_eq!(passed.outcome.status(), status, "{scenario}: {}", passed.people);
    assert_eq!((kind.as_str(), told), (Some("end"), (Some(u64::from(status)), Some(verdict))), "{scenario}");
    assert_eq!(passed.kinds("end").len(), 1, "{scenario}");
    for line in &passed.lines {
        assert_eq!(line["version"], 1, "{scenario}: {line}");
        let at = line["at"].as_str().unwrap_or_default();
        assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{scenario}: {line}");
    }
    assert!(!last["sentence"].as_str().unwrap_or_default().is_empty(), "{scenario}: {last}");
    let reds = passed.kinds("finding").into_iter().filter(|line| line["level"] == "red_flag").count();
    let missing = last["missing"].as_array().map_or(0, Vec::len);
    // A red flag ends it whatever else is known. One that rose before the deploy was found may have gone again.
    let is_as_told = match status {
        0 => missing == 0 && reds == 0,
        1 => reds > 0,
        3 => missing > 0,
        _ => false,
    };
    assert!(is_as_told, "{scenario}: {:#?}", passed.lines);
}

#[tokio::test]
async fn each_scenario_ends_with_its_status_and_says_why_in_json() {
    for scenario in Scenario::ALL {
        check(scenario, &passed(scenario).await);
    }
}

#[tokio::test]
async fn what_is_found_is_told_with_its_value_and_its_limit() {
    let passed = passed(Scenario::BadRelease).await;
    let red = passed.kinds("finding").into_iter().find(|line| line["level"] == "red_flag");
    let red = red.unwrap_or(&Value::Null);
    assert_eq!((&red["service"], &red["unit"]), (&"app".into(), &"per_minute".into()), "{red}");
    let (value, limit) = (red["value"].as_f64(), red["limit"].as_f64());
    assert!(value.zip(limit).is_some_and(|(value, limit)| value > limit), "{red}");
    assert!(red["sentence"].as_str().is_some_and(|text| text.contains("cart.total is None")), "{red}");
}
