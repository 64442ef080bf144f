//! What a watch says in one sentence, with the facts below it; and what the demo's scenarios come to.

use super::{chapter, committed, every};
use crate::stories::story::Story;
use crate::support::at;
use chrono::TimeDelta;
use redflag::demo::Scenario;
use redflag::headline::{Cause, Elsewhere, Headline, Nearest, Quiet, Sureness, Symptom, Trouble};
use redflag::poll::Ago;
use redflag::rollout::TroubleKind;
use redflag::signal::{Kind, SignalId, Unit};
use redflag::verdict::Level;
use redflag::verdict::says::{Counted, Spending};

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

/// A signal of a kind that is bad.
fn symptom(kind: Kind) -> Symptom {
    let (value, before) = match kind {
        Kind::ErrorRate => (2.4, 0.046),
        Kind::Latency => (640.0, 400.0),
        Kind::Traffic => (18.0, 41.0),
        Kind::ServerErrors => (1.3, 0.02),
        Kind::Cpu | Kind::Memory => (91.0, 40.0),
        Kind::Connections => (100.0, 41.0),
        Kind::CrashFree => (98.2, 99.9),
        Kind::Custom => (120.0, 80.0),
        Kind::Rollout | Kind::NewIssues | Kind::Alerts | Kind::Probe => {
            return Symptom { value: None, before: None, change: None, ..bare(kind) };
        }
    };
    let counted = (kind == Kind::ErrorRate).then_some(Counted { events: 168.0, all: 7074.0 });
    let change = Some(100.0 * (value / before - 1.0));
    Symptom { value: Some(value), before: Some(before), counted, change, ..bare(kind) }
}

fn bare(kind: Kind) -> Symptom {
    Symptom {
        id: SignalId(0),
        kind,
        name: kind.label().to_owned(),
        unit: kind.unit(),
        value: None,
        counted: None,
        before: None,
        change: None,
    }
}

fn trouble(cause: Cause, worst: Kind, consequences: &[Kind]) -> Trouble {
    Trouble {
        level: Level::RedFlag,
        service: "checkout".to_owned(),
        version: Some("1.9.0".to_owned()),
        cause,
        worst: symptom(worst),
        consequences: consequences.iter().copied().map(symptom).collect(),
        beside: Vec::new(),
        since: at(90),
        after_deploy: Some(TimeDelta::seconds(90)),
        sureness: Sureness::Significant,
        costs: None,
        users: 0,
        elsewhere: Vec::new(),
    }
}

fn errors() -> Trouble {
    trouble(Cause::Signal(Kind::ErrorRate), Kind::ErrorRate, &[])
}

/// The sentence, and the facts as the line below it.
fn told(headline: &Headline) -> String {
    format!("{headline}\n      {}", headline.facts().join(" · "))
}

fn of(trouble: Trouble) -> String {
    told(&Headline::Trouble(Box::new(trouble)))
}

/// One of each cause, and of each signal that stands for itself.
fn causes() -> Vec<String> {
    let crash = "3 of 3 new pods in CrashLoopBackOff (exit code 1)".to_owned();
    let killed = "2 of 3 new pods OOMKilled".to_owned();
    let title = "TypeError: cart.total is None".to_owned();
    let causes = every!(Cause {
        Cause::Pods { .. } => [
            Cause::Pods { kind: TroubleKind::CrashLoop, sentence: crash.clone() },
            Cause::Pods { kind: TroubleKind::OomKilled, sentence: killed.clone() },
        ],
        Cause::Rollout { .. } => [Cause::Rollout { sentence: "it exceeded its progress deadline".to_owned() }],
        Cause::Pool => [Cause::Pool],
        Cause::Memory => [Cause::Memory],
        Cause::Issue { .. } => [
            Cause::Issue { title: title.clone(), culprit: Some("checkout.views in pay".to_owned()) },
            Cause::Issue { title: title.clone(), culprit: None },
        ],
        Cause::Signal(_) => [Cause::Signal(Kind::ErrorRate)],
    });
    let mut all = Vec::new();
    for cause in causes {
        let (worst, consequences): (Kind, &[Kind]) = match &cause {
            Cause::Pods { .. } => (Kind::Rollout, &[]),
            Cause::Rollout { .. } => (Kind::ErrorRate, &[Kind::Rollout]),
            Cause::Pool => (Kind::Connections, &[Kind::ErrorRate, Kind::Latency]),
            Cause::Memory => (Kind::Memory, &[Kind::Latency]),
            Cause::Issue { culprit: None, .. } => (Kind::NewIssues, &[]),
            Cause::Issue { .. } => (Kind::ErrorRate, &[]),
            Cause::Signal(_) => (Kind::ErrorRate, &[Kind::Latency]),
        };
        all.push(of(trouble(cause, worst, consequences)));
    }
    let warns = Cause::Rollout { sentence: "2 of 12 pods are not ready".to_owned() };
    all.push(of(Trouble { level: Level::Warning, ..trouble(warns, Kind::Rollout, &[]) }));
    all.extend(Kind::ALL.into_iter().map(|kind| of(trouble(Cause::Signal(kind), kind, &[]))));
    let mut faster = trouble(Cause::Signal(Kind::Latency), Kind::Latency, &[]);
    faster.worst = Symptom { value: Some(120.0), before: Some(400.0), change: Some(-70.0), ..bare(Kind::Latency) };
    all.push(of(faster));
    all
}

/// What stands below the sentence.
fn facts() -> Vec<String> {
    let mut all: Vec<String> = every!(Sureness {
        Sureness::LimitOnly => [Sureness::LimitOnly],
        Sureness::Significant => [Sureness::Significant],
        Sureness::Several(_) => [Sureness::Several(3)],
        Sureness::Certain => [Sureness::Certain],
    })
    .into_iter()
    .map(|sureness| of(Trouble { sureness, ..errors() }))
    .collect();
    let neighbours = vec!["cart".to_owned(), "search".to_owned()];
    all.extend(
        every!(Elsewhere {
            Elsewhere::AsBefore => [Elsewhere::AsBefore],
            Elsewhere::VersionBeforeToo => [Elsewhere::VersionBeforeToo],
            Elsewhere::BeganLate(_) => [Elsewhere::BeganLate(minutes(9))],
            Elsewhere::Ago(_) => [Elsewhere::Ago(Ago::Day), Elsewhere::Ago(Ago::Week)],
            Elsewhere::Neighbours(_) => [Elsewhere::Neighbours(neighbours.clone())],
            Elsewhere::NoNewIssue => [Elsewhere::NoNewIssue],
        })
        .into_iter()
        .map(|elsewhere| of(Trouble { elsewhere: vec![elsewhere], ..errors() })),
    );
    let costs = Some(Spending { burn: 24.0, spent: Some(0.11), period: TimeDelta::days(30), limit: None });
    all.push(of(Trouble { costs, users: 112, beside: vec![symptom(Kind::Cpu)], ..errors() }));
    all.push(of(Trouble { users: 1, after_deploy: None, ..errors() }));
    all
}

fn peace() -> Vec<String> {
    let quiet = || Quiet {
        version: Some("1.9.0".to_owned()),
        deployed: true,
        rolled_out: true,
        ok: 12,
        signals: 12,
        unknown: Vec::new(),
        required_unknown: 0,
        lasting: Some(minutes(21)),
        over: false,
        requests: Some(50_214.0),
        nearest: Some(Nearest {
            id: SignalId(1),
            name: "p95".to_owned(),
            unit: Unit::Milliseconds,
            value: 457.0,
            limit: 686.0,
        }),
    };
    let unknown = |count: usize| Quiet {
        ok: 12 - count,
        unknown: ["db pool", "crash-free"].iter().take(count).map(|name| (*name).to_owned()).collect(),
        required_unknown: count,
        lasting: None,
        ..quiet()
    };
    let names = ["error rate", "p95", "db pool", "memory"].map(ToOwned::to_owned).to_vec();
    let nothing = Quiet { ok: 0, required_unknown: 12, unknown: names, ..unknown(2) };
    let nothing = Quiet { requests: None, nearest: None, ..nothing };
    let all = [
        quiet(),
        Quiet { over: true, version: None, ..quiet() },
        Quiet { rolled_out: false, requests: None, nearest: None, ..quiet() },
        unknown(1),
        unknown(2),
        nothing.clone(),
        Quiet { deployed: false, ..nothing },
    ];
    all.into_iter().map(|quiet| told(&Headline::Quiet(quiet))).collect()
}

#[test]
fn every_headline() {
    committed(
        "headlines",
        &[
            chapter("a cause, and what follows from it", causes()),
            chapter("how sure, and what speaks against it", facts()),
            chapter("in peace", peace()),
        ],
    );
}

/// A sentence without its numbers, which hang on the second at which it is read; versions stay.
fn without_numbers(sentence: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_ascii_digit());
        let is_number = !core.is_empty() && core.matches('.').count() < 2;
        if is_number && word.chars().all(|c| c.is_ascii_digit() || "+−-().,×<".contains(c)) {
            word.replace(core, "N")
        } else {
            word.to_owned()
        }
    };
    sentence.split(' ').map(word).collect::<Vec<_>>().join(" ").replace("N N", "N")
}

/// What each scenario comes to: its headline 140 s after the first red flag, or ten minutes after its begin. At two minutes the
/// third bin of the second signal may have come or not.
#[tokio::test]
async fn the_headline_of_each_scenario() {
    let mut told = Vec::new();
    for scenario in Scenario::ALL {
        let mut story = Story::begin(scenario).await;
        let mut seconds = 0;
        while seconds < 600 && Headline::of(story.state(), None).level() != Level::RedFlag {
            story.second().await;
            seconds += 1;
        }
        if seconds < 600 {
            story.seconds(140).await;
        }
        let headline = Headline::of(story.state(), None);
        // What is unknown for now, and nearest to its limit, hangs on the second; what is wrong does not.
        let facts = if matches!(headline, Headline::Trouble(_)) { headline.facts() } else { Vec::new() };
        let facts = facts.iter().fold(String::new(), |told, fact| told + "\n      " + &without_numbers(fact));
        told.push(format!("{}: {}{facts}", scenario.name(), without_numbers(&headline.to_string())));
    }
    committed("scenarios", &[chapter("the demo's scenarios", told)]);
}
