//! Histories of an owner beside histories of a workload, and which record a version is found under.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::deploy::WorkloadKind;
use crate::rollback::destination::history;
use chrono::DateTime;
use serde_json::{Value, json};

fn minute(minutes: i64) -> Time {
    DateTime::from_timestamp(minutes * 60, 0).unwrap()
}

fn record(number: i64, began: i64) -> Record {
    Record { number, began: minute(began), is_good: true }
}

fn failed(number: i64, began: i64) -> Record {
    Record { is_good: false, ..record(number, began) }
}

/// A template history: name, revision, the minute it was made, and the number it had before it was undone to.
fn templates(of: &[(&str, i64, i64, Option<i64>)]) -> Vec<Entry> {
    let item = |(name, revision, made, former): &(&str, i64, i64, Option<i64>)| {
        let mut item = json!({
            "metadata": {
                "name": name,
                "creationTimestamp": minute(*made).to_rfc3339(),
                "labels": {"pod-template-hash": name},
                "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
                "ownerReferences": [{"controller": true, "uid": "u"}],
            },
            "spec": {"template": {"spec": {"containers": [{"image": format!("app:{name}")}]}}},
        });
        if let Some(former) = former {
            let annotations = &mut item["metadata"]["annotations"];
            annotations["deployment.kubernetes.io/revision-history"] = json!(former.to_string());
        }
        item
    };
    let items: Vec<Value> = of.iter().map(item).collect();
    history::read(WorkloadKind::Deployment, &json!({"metadata": {"uid": "u"}}), &items)
}

/// The number of the record that `wanted` is found under.
fn found(records: &[Record], entries: &[Entry], wanted: &str) -> Result<i64, Missing> {
    serving(records, entries, wanted).map(|found| records[found.place].number)
}

#[test]
fn a_version_is_found_under_the_record_that_brought_it() {
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    assert_eq!(found(&[record(7, 10), record(8, 60)], &entries, "a"), Ok(7));
}

#[test]
fn the_newest_record_before_the_change_is_the_one_that_served() {
    // Records 8 and 9 changed other workloads: they are part of what was there before the deploy.
    let records = [record(7, 10), record(8, 30), record(9, 40), record(10, 60), record(11, 90)];
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    assert_eq!(found(&records, &entries, "a"), Ok(9));
}

#[test]
fn a_record_that_failed_brings_a_version_and_is_no_way_back() {
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    assert_eq!(found(&[record(7, 10), failed(8, 40), failed(9, 60)], &entries, "a"), Ok(7));
    assert_eq!(found(&[record(6, 5), failed(7, 10), record(8, 60)], &entries, "a"), Err(Missing::Failed));
}

#[test]
fn two_versions_back_is_two_records_back() {
    let records = [record(1, 10), record(2, 60), record(3, 90)];
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None), ("c", 3, 90, None)]);
    assert_eq!(found(&records, &entries, "b"), Ok(2));
    assert_eq!(found(&records, &entries, "a"), Ok(1));
}

#[test]
fn a_version_that_was_gone_back_to_is_found_where_it_served_last() {
    // a, then b, back to a, then c: record 3 is the newest with a.
    let records = [record(1, 10), record(2, 60), record(3, 70), record(4, 90)];
    let entries = templates(&[("a", 3, 10, Some(1)), ("b", 2, 60, None), ("c", 4, 90, None)]);
    assert_eq!(found(&records, &entries, "a"), Ok(3));
    assert_eq!(found(&records, &entries, "b"), Ok(2), "and the way forward again still leads to the one between");
}

#[test]
fn what_was_rolled_back_is_found_again_under_its_own_record() {
    let records = [record(1, 10), record(2, 60), record(3, 70)];
    let entries = templates(&[("a", 3, 10, Some(1)), ("b", 2, 60, None)]);
    assert_eq!(found(&records, &entries, "b"), Ok(2));
}

#[test]
fn a_version_without_a_record_of_its_own_is_not_guessed() {
    // b came by kubectl: going back to record 1 is what runs as far as the owner knows.
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    assert_eq!(found(&[record(1, 10)], &entries, "a"), Err(Missing::NotRecorded));
    assert_eq!(found(&[record(1, 10), record(2, 60)], &entries, "z"), Err(Missing::NotRecorded));
    assert_eq!(found(&[record(9, 60)], &entries, "a"), Err(Missing::TooOld));
    assert_eq!(found(&[], &entries, "a"), Err(Missing::TooOld));
}

#[test]
fn a_record_that_began_a_minute_after_the_change_makes_it_doubtful() {
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    let is_close = |records: &[Record]| serving(records, &entries, "a").unwrap().is_close;
    assert!(!is_close(&[record(7, 10), record(8, 60)]));
    assert!(!is_close(&[record(7, 10), record(8, 60), record(9, 65)]));
    // With a clock that is a minute ahead, record 9 may be the one that brought b, and 8 the one before it.
    assert!(is_close(&[record(7, 10), record(8, 50), record(9, 61)]));
}

#[test]
fn what_others_have_changed_since_is_counted() {
    let entries = templates(&[("a", 1, 10, None), ("b", 2, 60, None)]);
    let others = |records: &[Record]| serving(records, &entries, "a").unwrap().others;
    assert_eq!(others(&[record(7, 10), record(8, 60)]), 0);
    assert_eq!(others(&[record(7, 10), record(8, 30), record(9, 60)]), 0, "what was there before stays");
    assert_eq!(others(&[record(7, 10), record(8, 60), record(9, 70), failed(10, 80), record(11, 90)]), 2);
}

#[test]
fn how_sure_the_version_is_decides_what_the_person_has_to_do() {
    let found = |is_close| Found { place: 0, is_close, others: 0 };
    let says = |found, named| {
        let checks = checks(found, named, "1.8.3", "revision 11", "helm history shop");
        let [check] = checks.try_into().unwrap();
        check
    };
    let outcomes = [
        says(found(true), true).outcome.label(),
        says(found(false), false).outcome.label(),
        says(found(true), false).outcome.label(),
    ];
    assert_eq!(outcomes, ["ok", "warning", "typed"]);
    assert_eq!(
        says(found(true), false).sentence,
        "1.8.3 is assumed to be revision 11, which does not name it; another started within 2 min of the change and \
         may be the one"
    );
}
