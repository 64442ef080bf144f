//! Killed at any moment and begun again from its record: the same findings as if it had not been, nothing sent twice, nothing
//! forgotten.

use super::only;
use crate::stories::story::{Story, is_red};
use chrono::{DateTime, TimeDelta};
use redflag::clock::Clock;
use redflag::demo::{Company, Options, Scenario};
use redflag::deploy::WorkloadId;
use redflag::records::Records;
use redflag::rollback::Rollback;
use redflag::runtime::Recording;
use redflag::signal::Kind;
use redflag::timeline::Mark;
use redflag::verdict::Level;
use redflag::watch::Watch;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// How many moments are tried; `REDFLAG_KILLS` for more.
const MOMENTS: usize = 6;

fn recording(folder: &Path) -> Recording {
    Recording { records: Records::at(folder).attended(), program: "0.1.0 (test)".to_owned() }
}

/// A watch of a deploy that has been bad for ten minutes, with a record.
async fn begin(folder: &Path) -> Story {
    let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
    let options = Options { age: TimeDelta::minutes(10), ..Options::of(Scenario::BadRelease, clock.clone()) };
    let company = Arc::new(Company::start_with(options).await.unwrap());
    Story::go_on(company, clock, &recording(folder))
}

/// Killed as it stands, in the middle of writing a line; begun again.
fn killed_and_begun_again(story: Story, folder: &Path) -> Story {
    let Story { company, clock, keys, runtime } = story;
    drop((keys, runtime));
    let journal = only(&Records::at(folder)).join("journal.jsonl");
    OpenOptions::new().append(true).open(journal).unwrap().write_all(b"{\"tick\":\"2026-0").unwrap();
    Story::go_on(company, clock, &recording(folder))
}

fn notes(watch: &Watch) -> Vec<String> {
    let notes = watch.timeline().entries().filter(|entry| entry.mark == Mark::Note);
    notes.map(|entry| entry.text.clone()).collect()
}

fn changes(story: &Story) -> usize {
    story.company.requests().changes().count()
}

fn levels(watch: &Watch) -> Vec<Level> {
    watch.findings().iter().map(|finding| finding.level).collect()
}

/// When a story is killed: so many seconds, and so many passes over all tasks and sockets, after the key that confirms; or
/// before it.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Before,
    Planned,
    After { seconds: usize, passes: usize },
}

impl Moment {
    /// Around the patch above all.
    fn of(seed: usize, of: usize) -> Self {
        match seed {
            0 => Self::Before,
            1 => Self::Planned,
            _ if seed < of * 2 / 3 => Self::After { seconds: 0, passes: seed - 2 },
            _ => Self::After { seconds: (seed - of * 2 / 3) * 90 / of.max(1), passes: seed % 3 },
        }
    }
}

async fn plan(story: &mut Story) {
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
}

fn is_over(watch: &Watch) -> bool {
    matches!(watch.rollback(), Rollback::Verified { .. } | Rollback::Failed { .. } | Rollback::NotTheCause { .. })
}

/// A bad release from the first second to a verified rollback, killed on the way where a moment is given.
async fn story(folder: &Path, moment: Option<Moment>) -> Story {
    let mut story = begin(folder).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.press('n').await;
    for key in "rang Dana".chars() {
        story.press(key).await;
    }
    story.press_key(crossterm::event::KeyCode::Enter).await;
    if let Some(Moment::Before) = moment {
        story = killed_and_begun_again(story, folder);
    }
    plan(&mut story).await;
    if let Some(Moment::Planned) = moment {
        story = killed_and_begun_again(story, folder);
        assert_eq!(*story.state().rollback(), Rollback::Idle, "no key of before confirms anything");
        plan(&mut story).await;
    }
    story.press('y').await;
    if let Some(Moment::After { seconds, passes }) = moment {
        story.seconds(seconds).await;
        for _ in 0..passes {
            story.take_what_is_ready().await;
        }
        story = killed_and_begun_again(story, folder);
        assert!(story.state().rollback().execution().is_some(), "{moment:?}: it was confirmed");
    }
    story.until("it is over", is_over).await;
    if matches!(story.state().rollback(), Rollback::Failed { .. }) {
        // Its request never left the process that was killed: a person does it again.
        assert_eq!(changes(&story), 0, "{moment:?}");
        plan(&mut story).await;
        story.press('y').await;
        story.until("it is over", is_over).await;
    }
    story
}

#[tokio::test]
async fn killed_at_any_moment_it_ends_as_if_it_had_not_been() {
    let moments = std::env::var("REDFLAG_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(MOMENTS);
    let folder = tempfile::tempdir().unwrap();
    let unbroken = story(folder.path(), None).await;
    assert!(matches!(unbroken.state().rollback(), Rollback::Verified { .. }), "{}", unbroken.screen());
    assert_eq!((changes(&unbroken), notes(unbroken.state())), (1, vec!["rang Dana".to_owned()]));
    for seed in 0..moments {
        let moment = Moment::of(seed, moments);
        let folder = tempfile::tempdir().unwrap();
        let killed = story(folder.path(), Some(moment)).await;
        let watch = killed.state();
        assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{moment:?}: {}", killed.screen());
        assert_eq!(changes(&killed), 1, "{moment:?}");
        assert_eq!(notes(watch), ["rang Dana"], "{moment:?}");
        assert_eq!(levels(watch), levels(unbroken.state()), "{moment:?}");
        let gaps = watch.timeline().entries().filter(|entry| entry.text.starts_with("not watched from "));
        assert_eq!(gaps.count(), 1, "{moment:?}");
        super::is_the_same(&only(&Records::at(folder.path())), watch);
    }
}

#[tokio::test]
async fn what_was_rolled_back_before_it_was_killed_is_still_the_same_deploy() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(folder.path(), None).await;
    let mut story = killed_and_begun_again(story, folder.path());
    story.seconds(5).await;
    assert!(matches!(story.state().rollback(), Rollback::Verified { .. }), "{}", story.screen());
    assert!(story.state().can_go_forward(), "it can be undone");
    assert_eq!(notes(story.state()), ["rang Dana"]);
    super::is_the_same(&only(&Records::at(folder.path())), story.state());
}

#[tokio::test]
async fn another_deploy_begins_a_watch_of_its_own_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path());
    let mut story = begin(folder.path()).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    let old = only(&records);
    story.company.faults().deploy("app", "1.9.1");
    let mut story = killed_and_begun_again(story, folder.path());
    assert!(is_red(story.state(), Kind::ErrorRate), "so far it is as it was left");
    let told = |watch: &Watch| {
        let mut entries = watch.timeline().entries();
        entries.any(|entry| {
            entry.text.starts_with("begun afresh: the watch of ") && entry.text.ends_with("another deploy")
        })
    };
    story.until("it is told", told).await;
    let watch = story.state();
    assert_eq!(watch.workload(WorkloadId(0)).deploy.as_ref().unwrap().to.label(), "1.9.1");
    assert!(!watch.timeline().entries().any(|entry| entry.text.starts_with("not watched from ")));
    while !old.join("journal.jsonl.gz").exists() {
        tokio::task::yield_now().await;
    }
    story.seconds(3).await;
    let all = records.all().unwrap();
    assert_eq!((all.len(), &all[0]), (2, &old));
    super::is_the_same(&all[1], story.state());
}
