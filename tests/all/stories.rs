//! Stories told through the real loop: its select, its adapters over HTTP, its screen, against the demo's company.
//! The clock is moved manually; keys are keys. Nothing sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod features;
mod held_up;
mod rollbacks;
pub(crate) mod story;

use chrono::TimeDelta;
use redflag::demo::{Fault, Peer, Scenario};
use redflag::deploy::WorkloadId;
use redflag::headline::Headline;
use redflag::poll::SourceError;
use redflag::rollback::{Readiness, Rollback};
use redflag::signal::{Kind, SignalId};
use redflag::store::Health;
use redflag::verdict::{Finding, Level, Verdict};
use redflag::watch::Watch;

use story::{Story, is_red};

#[tokio::test]
async fn a_deploy_goes_bad_is_flagged_rolled_back_and_verified_with_the_keyboard_alone() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.shows("1.8.3 → 1.9.0");
    story.shows("R roll back to 1.8.3");

    let took = story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    assert!(took < 360, "flagged only after {took} s");
    story.shows("✖ FAULTY");
    story.shows("✖ RED FLAG");
    story.shows("✖ 1.9.0 fails ");
    let (_, sentence) = story.finding(Kind::ErrorRate);
    assert!(sentence.contains("was 0.0") && sentence.contains("above 1 % for"), "{sentence}");

    // R opens the plan; a key struck at once is not an answer; then y does it.
    story.press('R').await;
    story.shows("roll back production · app");
    story.shows("registry.example.com/app:1.9.0 → registry.example.com/app:1.8.3");
    story.press('y').await;
    assert!(matches!(story.state().rollback(), Rollback::Planned { .. }));
    story.second().await;
    assert_eq!(story.company.requests().changes().count(), 0, "nothing was changed by reading");
    story.press('y').await;
    assert!(matches!(story.state().rollback(), Rollback::Confirmed(_)));
    story.until("the pods change", |watch| matches!(watch.rollback(), Rollback::Running(_))).await;
    story.shows("ready on 1.8.3");

    let took = story.until("verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
    assert!(took < 360, "verified only after {took} s");
    assert_eq!(story.company.requests().changes().count(), 1, "one request, once");
    let done = story.state().rollback().execution().unwrap();
    let ready = done.ready.unwrap() - done.confirmed;
    assert!(ready < TimeDelta::minutes(2), "the guide's two minutes, and it took {ready}");
    story.shows("1.8.3");
    assert_ne!(story.state().verdict(), Verdict::Faulty);

    // The previous version is now the bad one: a second press must not bring it back.
    story.until("recomputed", |watch| matches!(watch.workload(WorkloadId(0)).readiness, Readiness::Blocked(_))).await;
    story.shows("rolled back: 1.9.0 → 1.8.3");
    story.press('R').await;
    assert!(matches!(story.state().rollback(), Rollback::Verified { .. }), "{:?}", story.state().rollback());
}

#[tokio::test]
async fn a_healthy_deploy_raises_nothing_for_the_whole_half_hour_and_ends_healthy() {
    let mut story = Story::begin(Scenario::Healthy).await;
    let flagged = |watch: &Watch| watch.findings().iter().any(|finding| finding.level >= Level::Warning);
    while story.state().verdict() != Verdict::Healthy {
        story.second().await;
        assert!(!flagged(story.state()), "{}", story.screen());
        assert!(
            story.state().window().left(story.clock.now()) > TimeDelta::zero()
                || !story.state().findings().iter().any(|finding| finding.level.is_unknown()),
            "{}",
            story.screen()
        );
    }
    story.shows("✔ HEALTHY");
    story.shows("✔ Healthy.  ");
    assert_eq!(story.company.requests().changes().count(), 0);
}

#[tokio::test]
async fn a_source_that_dies_makes_its_signals_stale_within_two_intervals_and_no_other() {
    let mut story = Story::begin(Scenario::Healthy).await;
    story
        .until("everything is known", |watch| watch.findings().iter().all(|finding| !finding.level.is_unknown()))
        .await;
    story.company.faults().set(Peer::Grafana, Fault::ServerError);
    let took = story
        .until("the error rate is stale", |watch| {
            let signals = watch.setup().signals.iter().zip(watch.findings());
            signals
                .filter(|(signal, _)| signal.kind == Kind::ErrorRate)
                .all(|(_, finding)| finding.level == Level::Stale)
        })
        .await;
    assert!(took <= 2 * 15 + 1, "only after {took} s");
    let (_, sentence) = story.finding(Kind::ErrorRate);
    assert!(sentence.starts_with("grafana has not answered for"), "{sentence}");
    assert_eq!(story.finding(Kind::Connections).0, Level::Clear, "Datadog is another source");
    story.shows("stale");

    story.company.faults().heal(Peer::Grafana);
    story.until("it is clear again", |watch| watch.findings().iter().all(|finding| !finding.level.is_unknown())).await;
}

#[tokio::test]
async fn two_people_take_it_back_at_once_one_wins_and_the_other_is_told() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.second().await;
    // The plan is on the screen when somebody else is quicker.
    story.company.faults().undo("app");
    story.press('y').await;
    story.until("answered", |watch| matches!(watch.rollback(), Rollback::Failed { .. })).await;
    let Rollback::Failed { blocked, .. } = story.state().rollback() else { unreachable!() };
    assert!(blocked.reason.contains("1.8.3"), "{}", blocked.reason);
    story.shows("somebody");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown_until_it_is_read_back() {
    let mut story = Story::begin(Scenario::BadRelease).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.second().await;
    story.company.faults().set_for_changes(Fault::DropAfter);
    story.press('y').await;
    story.until("it is known again", |watch| matches!(watch.rollback(), Rollback::Running(_))).await;
    let told: Vec<&str> = story.state().timeline().entries().map(|entry| entry.text.as_str()).collect();
    assert!(told.iter().any(|text| text.contains("the response was lost")), "{told:#?}");
    assert_eq!(story.company.requests().changes().count(), 1, "never sent again");
    story.until("verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
}

#[tokio::test]
async fn each_scenario_shows_what_it_is_named_after() {
    for (scenario, kind, words, headline) in [
        (Scenario::MemoryLeak, Kind::Memory, "climbs", "1.9.0 uses more and more memory ("),
        (Scenario::PoolExhausted, Kind::Connections, "", "1.9.0 exhausts its database pool ("),
        (Scenario::CrashLoop, Kind::Rollout, "CrashLoopBackOff", "1.9.0 does not come up: "),
        (Scenario::ImagePull, Kind::Rollout, "pull", "1.9.0 does not come up: "),
    ] {
        let mut story = Story::begin(scenario).await;
        story.until(scenario.name(), |watch| is_red(watch, kind)).await;
        let (_, sentence) = story.finding(kind);
        assert!(sentence.contains(words), "{scenario}: {sentence}");
        story.shows("✖ FAULTY");
        story.shows(headline);
    }
}

#[tokio::test]
async fn thin_traffic_is_not_enough_data_to_the_end_and_never_healthy() {
    let mut story = Story::begin(Scenario::LowTraffic).await;
    story.until("the window is over", |watch| watch.window().is_over(watch.now())).await;
    let (level, sentence) = story.finding(Kind::ErrorRate);
    assert_eq!(level, Level::Insufficient, "{sentence}");
    assert!(sentence.contains("not enough data"), "{sentence}");
    assert_eq!(story.state().verdict(), Verdict::Inconclusive);
    story.shows("INCONCLUSIVE");
    let headline = Headline::of(story.state(), None);
    assert!(headline.level().is_unknown(), "{headline}");
}

#[tokio::test]
async fn flaky_sources_come_and_go_and_never_raise_a_flag() {
    // A hanging peer would hold this test up by its timeout in real seconds; the adapters' tests have those.
    let mut story = Story::begin(Scenario::FlakySources).await;
    let mut troubles = Vec::new();
    for _ in 0..20 * 60 {
        story.second().await;
        for index in 0..story.state().setup().sources.len() {
            let health = &story.state().store().source(redflag::signal::SourceId(index as u16)).health;
            let kind = match health {
                Health::Down(SourceError::RateLimited { .. }) => "429",
                Health::Down(SourceError::Server { .. }) => "5xx",
                Health::Down(SourceError::BadAnswer(_)) | Health::Partial(_, SourceError::BadAnswer(_)) => "unreadable",
                Health::Down(_) | Health::Partial(..) => "other",
                Health::Up | Health::Waiting => continue,
            };
            if !troubles.contains(&kind) {
                troubles.push(kind);
            }
        }
        let red: Vec<String> = story
            .state()
            .findings()
            .iter()
            .filter(|finding| finding.level == Level::RedFlag)
            .map(Finding::sentence)
            .collect();
        assert!(red.is_empty(), "{red:#?}");
    }
    for kind in ["429", "5xx", "unreadable"] {
        assert!(troubles.contains(&kind), "no {kind} among {troubles:?}");
    }
}

#[tokio::test]
async fn a_push_of_twenty_opens_as_a_board_with_the_worst_service_on_top() {
    let mut story = Story::begin(Scenario::Fleet).await;
    story.until("one is red", |watch| watch.verdict() == Verdict::Faulty).await;
    story.shows("[2] services");
    assert_eq!(story.state().setup().services.len(), 20);
}

#[tokio::test]
async fn a_watch_begun_in_the_middle_shows_the_whole_window() {
    let mut story = Story::begin(Scenario::Healthy).await;
    story
        .until("ten minutes in", |watch| {
            watch.window().opened.is_some_and(|opened| watch.now() - opened > TimeDelta::minutes(10))
        })
        .await;
    let Story { company, clock, runtime, .. } = story;
    let early = runtime.watch().clone();
    drop(runtime);
    let mut late = Story::watch(company, clock, |_| {});
    late.until("it knows as much", |watch| watch.findings().iter().all(|finding| !finding.level.is_unknown())).await;
    let index = early.setup().signals.iter().position(|signal| signal.kind == Kind::Latency).unwrap();
    let (early_series, late_series) =
        (early.store().series(SignalId(index as u16)), late.state().store().series(SignalId(index as u16)));
    let common: Vec<_> = early_series.since_deploy().iter().map(|reading| (reading.at, reading.sample)).collect();
    let late_ones: Vec<_> = late_series.since_deploy().iter().map(|reading| (reading.at, reading.sample)).collect();
    assert!(common.len() > 15 && late_ones.starts_with(&common), "{common:?}\n{late_ones:?}");
    assert_eq!(late.state().window().opened, early.window().opened);
    assert!(late_series.baseline().is_some_and(|baseline| baseline.count > 100));
}

#[tokio::test]
async fn read_only_is_held_by_the_core() {
    let mut story = Story::begin_with(Scenario::BadRelease, |setup| setup.read_only = true).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.press('R').await;
    story.second().await;
    story.press('y').await;
    story.seconds(5).await;
    assert_eq!(story.company.requests().changes().count(), 0);
    assert_eq!(*story.state().rollback(), Rollback::Idle);
}
