//! Records on the disk: every scenario is made again from its own, byte for byte; whoever may not read them cannot; and
//! what cannot be written stops nothing.

mod keeping;
mod kills;
#[cfg(unix)]
mod processes;

use crate::stories::story::{Story, is_red};
use flate2::Compression;
use flate2::write::GzEncoder;
use redflag::demo::Scenario;
use redflag::records::{RecordError, Records, open};
use redflag::rollback::Rollback;
use redflag::signal::Kind;
use redflag::timeline::{Entry, Mark};
use redflag::verdict::{Finding, Verdict};
use redflag::watch::Watch;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The one record that is kept.
fn only(records: &Records) -> PathBuf {
    let all = records.all().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().unwrap()
}

/// A story that is written down from its first moment.
async fn recorded(scenario: Scenario, records: &Records) -> Story {
    let mut story = Story::begin(scenario).await;
    story.runtime = story.runtime.recorded(Some(records), "0.1.0 (test)");
    story
}

/// What a record holds is the watch, with every finding and sentence in it.
#[track_caller]
fn is_the_same(folder: &Path, watch: &Watch) {
    let kept = open(folder).unwrap();
    assert!(kept.record.torn.is_none());
    let again = kept.record.fold();
    let says = |watch: &Watch| watch.findings().iter().map(Finding::sentence).collect::<Vec<_>>();
    assert_eq!(says(&again), says(watch));
    assert_eq!(again.verdict(), watch.verdict());
    assert!(again == *watch, "something else differs");
    crate::replay::plays_the_same(&kept, watch);
}

#[tokio::test]
async fn every_scenario_is_made_again_from_its_record() {
    for scenario in Scenario::ALL {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::at(folder.path());
        let mut story = recorded(scenario, &records).await;
        story.seconds(100).await;
        is_the_same(&only(&records), story.state());
    }
}

#[tokio::test]
async fn a_rollback_its_notes_and_its_person_are_in_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path().join("state/redflag/records"));
    let mut story = recorded(Scenario::BadRelease, &records).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.press('R').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
    story.press('y').await;
    story.until("it is verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;

    let folder = only(&records);
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with("-production-app-1.9.0"), "{name}");
    is_the_same(&folder, story.state());
    // As it is when it has been closed: a quarter of an hour, and a rollback.
    let journal = fs::read(folder.join("journal.jsonl")).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&journal).unwrap();
    let size = packed.finish().unwrap().len();
    assert!(size < 512 << 10, "{size} bytes for one service");
}

#[cfg(unix)]
#[tokio::test]
async fn a_record_is_for_whoever_watched() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path().join("records"));
    let mut story = recorded(Scenario::Healthy, &records).await;
    story.second().await;
    let folder = only(&records);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(records.folder()), mode(&folder), mode(&folder.join("journal.jsonl"))), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn what_cannot_be_written_is_said_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("records");
    fs::write(&taken, "a file where the folder should be").unwrap();
    let mut story = recorded(Scenario::BadRelease, &Records::at(&taken)).await;
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    let told: Vec<&str> = story
        .state()
        .timeline()
        .entries()
        .filter(|entry| entry.mark == Mark::Unknown && entry.text.starts_with("not recorded"))
        .map(|entry| entry.text.as_str())
        .collect();
    assert_eq!(told, ["not recorded from here on: File exists (os error 17)"], "once");
}

#[test]
fn what_is_no_record_names_the_file_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, RecordError::NoRecord(_)));
    assert!(error.to_string().ends_with("redflag records lists what is kept"), "{error}");

    let journal = folder.path().join("journal.jsonl");
    fs::write(&journal, "{\"format\":1}\n").unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("journal.jsonl, line 1: not a line of a record: missing field"), "{error}");

    fs::write(folder.path().join("journal.jsonl.gz"), "no gzip").unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("journal.jsonl.gz: "), "{error}");
}

/// Written by the program when the format was 1. Whatever the lines look like today, it stays as it is.
#[test]
fn a_record_of_the_first_format_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.jsonl"), include_str!("records/format-1.jsonl")).unwrap();
    let kept = open(folder.path()).unwrap();
    assert_eq!((kept.record.header.format, kept.is_closed), (1, false));
    let watch = kept.record.fold();
    assert_eq!(watch.verdict(), Verdict::Watching);
    assert!(matches!(watch.rollback(), Rollback::Verified { .. }), "{:?}", watch.rollback());
    let told = |entry: &Entry| format!("{} {:?} {}", entry.at.format("%H:%M:%S"), entry.mark, entry.text);
    let timeline: Vec<String> = watch.timeline().entries().map(told).collect();
    insta::assert_snapshot!(timeline.join("\n"));
}
