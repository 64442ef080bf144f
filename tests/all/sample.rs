//! The record under `docs/samples`: the demo's bad release, watched, found, rolled back and written down. Committed, so that
//! what is made of it stays the same, and so that there is something to try `redflag replay` with.

use crate::stories::story::{Story, is_red};
use chrono::TimeDelta;
use crossterm::event::KeyCode;
use flate2::Compression;
use flate2::write::GzEncoder;
use redflag::demo::Scenario;
use redflag::records::{Kept, Records, open};
use redflag::rollback::Rollback;
use redflag::signal::Kind;
use redflag::watch::Watch;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Its folder.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples/bad-release")
}

/// The record, read whole.
pub(crate) fn kept() -> Kept {
    open(&folder()).unwrap()
}

/// Where the demo's peers are, as the record may say it: their ports are others each time.
fn without_ports(journal: &str) -> String {
    let mut out = String::with_capacity(journal.len());
    let mut parts = journal.split("http://127.0.0.1:");
    out.push_str(parts.next().unwrap());
    for part in parts {
        out.push_str("https://demo.example.com");
        out.push_str(part.trim_start_matches(|sign: char| sign.is_ascii_digit()));
    }
    out
}

#[tokio::test]
#[ignore = "writes docs/samples/bad-release anew: just samples"]
async fn the_sample_is_recorded() {
    let state = tempfile::tempdir().unwrap();
    let records = Records::at(state.path());
    let mut story =
        Story::begin_with(Scenario::BadRelease, |setup| setup.rollback.actor = "ana@laptop".to_owned()).await;
    story.runtime = story.runtime.recorded(Some(&records), "0.1.0");
    story.until("the error rate is red", |watch| is_red(watch, Kind::ErrorRate)).await;
    story.until("a rollback is ready", Story::is_ready).await;
    story.seconds(20).await;
    story.press('n').await;
    for sign in "checkout fails for customers, rolling back".chars() {
        story.press(sign).await;
    }
    story.press_key(KeyCode::Enter).await;
    story.press('R').await;
    story.until("the plan takes keys", Watch::takes_confirmation).await;
    story.press('y').await;
    story.until("it is verified", |watch| matches!(watch.rollback(), Rollback::Verified { .. })).await;
    // Half an hour in all, as a watch is.
    let half_an_hour = story.state().setup().started + TimeDelta::minutes(30);
    story.until("half an hour has passed", |watch| watch.now() >= half_an_hour).await;

    let recorded = records.all().unwrap().remove(0);
    let journal = without_ports(&fs::read_to_string(recorded.join("journal.jsonl")).unwrap());
    assert!(!journal.contains("127.0.0.1"), "a port of this machine is in it");
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(journal.as_bytes()).unwrap();
    fs::create_dir_all(folder()).unwrap();
    fs::write(folder().join("journal.jsonl.gz"), packed.finish().unwrap()).unwrap();
}
