//! How long records are kept and how much of them: never one that a process writes to.

use crate::support::setup;
use chrono::{DateTime, TimeDelta};
use redflag::deploy::Time;
use redflag::message::Message;
use redflag::records::{Keep, Records};
use redflag::setup::Setup;
use redflag_core::record::{Header, message_line};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

fn at(seconds: i64) -> Time {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// A record that was last written so many days ago, of at least so many bytes; nobody has it.
fn record(records: &Records, number: i64, days: u32, bytes: usize) -> PathBuf {
    let setup = Setup { started: at(number * 60), ..setup() };
    drop(records.begin(&Header::new("0.1.0 (test)".to_owned(), TimeDelta::seconds(1), setup)).unwrap());
    let folder = records.all().unwrap().pop().unwrap();
    let mut file = File::options().append(true).open(folder.join("journal.jsonl")).unwrap();
    let line = message_line(&Message::Tick(at(number * 60))).unwrap() + "\n";
    file.write_all(line.repeat(bytes / line.len() + 1).as_bytes()).unwrap();
    file.set_modified(SystemTime::now() - DAY * days).unwrap();
    folder
}

fn names(folders: &[PathBuf]) -> Vec<&Path> {
    folders.iter().map(PathBuf::as_path).collect()
}

#[test]
fn what_is_too_old_is_deleted_and_what_is_written_to_stays() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path());
    let old = record(&records, 1, 91, 0);
    let held = record(&records, 2, 91, 0);
    let young = record(&records, 3, 1, 0);
    let writer = File::options().append(true).open(held.join("journal.jsonl")).unwrap();
    writer.try_lock().unwrap();

    let pruned = records.prune(Keep::default(), SystemTime::now()).unwrap();
    assert_eq!(names(&pruned.folders), [old.as_path()]);
    assert!(pruned.bytes > 0);
    assert_eq!(names(&records.all().unwrap()), [held.as_path(), young.as_path()]);
    assert!(young.join("journal.jsonl").exists(), "it may be gone on with");

    drop(writer);
    assert_eq!(names(&records.prune(Keep::default(), SystemTime::now()).unwrap().folders), [held.as_path()]);
    assert!(!held.exists());
}

#[test]
fn what_nobody_goes_on_with_is_compressed_and_stays_as_old_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path());
    let cold = record(&records, 1, 3, 100_000);
    let pruned = records.prune(Keep::default(), SystemTime::now()).unwrap();
    assert!(pruned.folders.is_empty());
    let closed = fs::metadata(cold.join("journal.jsonl.gz")).unwrap();
    assert!(closed.len() < 10_000 && !cold.join("journal.jsonl").exists());
    let age = SystemTime::now().duration_since(closed.modified().unwrap()).unwrap();
    assert!(age > DAY * 2, "{age:?}");
    assert_eq!(redflag::records::open(&cold).unwrap().record.header.setup.environment, "production");
}

#[test]
fn of_too_much_the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path());
    let all: Vec<PathBuf> = (1..=4).map(|number| record(&records, number, 1, 50_000)).collect();
    let keep = Keep { room: 120_000, ..Keep::default() };
    assert_eq!(names(&records.prune(keep, SystemTime::now()).unwrap().folders), names(&all[..2]));
    assert_eq!(names(&records.all().unwrap()), names(&all[2..]));
}

#[test]
fn of_two_that_began_in_one_minute_the_later_is_the_newest_whatever_they_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::at(folder.path());
    let begin = |seconds: i64| {
        let setup = Setup { started: at(seconds), ..setup() };
        drop(records.begin(&Header::new("0.1.0 (test)".to_owned(), TimeDelta::seconds(1), setup)).unwrap());
    };
    begin(1);
    let older = records.all().unwrap().pop().unwrap();
    let named = folder.path().join(format!("{}-app-1.9.0", older.file_name().unwrap().display()));
    fs::rename(&older, &named).unwrap();
    begin(2);
    assert_eq!(names(&records.all().unwrap()), [named.as_path(), older.as_path()]);
}
