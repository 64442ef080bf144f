//! Which events are told, and how often.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use chrono::DateTime;
use serde_json::{Value, json};

fn at(seconds: i64) -> Time {
    DateTime::parse_from_rfc3339("2026-11-23T02:00:00Z").unwrap().to_utc() + TimeDelta::seconds(seconds)
}

fn event(uid: &str, about: &str, seconds: i64, change: &Value) -> Event {
    let mut object = json!({
        "metadata": { "uid": uid, "creationTimestamp": "2026-11-23T01:00:00Z" },
        "type": "Warning", "reason": "BackOff",
        "message": format!("Back-off restarting failed container app in pod {about}_production({about}-uid)"),
        "involvedObject": { "kind": "Pod", "name": about, "uid": format!("{about}-uid") },
        "count": 1, "firstTimestamp": null, "eventTime": null, "lastTimestamp": at(seconds),
    });
    for (key, value) in change.as_object().unwrap() {
        object[key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn app_only(uid: &str) -> Option<usize> {
    uid.starts_with("app-").then_some(0)
}

fn texts(sorter: &mut Sorter) -> Vec<String> {
    sorter.lines(app_only).into_iter().map(|line| line.text).collect()
}

#[test]
fn a_warning_about_a_watched_pod_is_told() {
    let mut sorter = Sorter::new(at(0));
    sorter.take(event("e1", "app-1", 5, &json!({ "count": 3 })));
    let lines = sorter.lines(app_only);
    assert_eq!(lines, [Line {
        workload: 0,
        seen: at(5),
        text: "BackOff: Back-off restarting failed container app in pod app-1_production(app-1-uid) (pod app-1, 3 times)"
            .to_owned(),
    }]);
}

#[test]
fn others_pods_normal_events_and_old_ones_are_not() {
    let mut sorter = Sorter::new(at(0));
    sorter.take(event("e1", "other-1", 5, &json!({})));
    sorter.take(event("e2", "app-1", 5, &json!({ "type": "Normal" })));
    sorter.take(event("e3", "app-1", -301, &json!({})));
    assert_eq!(texts(&mut sorter), [""; 0]);
    sorter.take(event("e4", "app-1", -299, &json!({})));
    assert_eq!(texts(&mut sorter).len(), 1);
}

#[test]
fn the_same_thing_of_many_pods_is_told_once_in_two_minutes() {
    let mut sorter = Sorter::new(at(0));
    sorter.take(event("e1", "app-1", 5, &json!({})));
    sorter.take(event("e2", "app-2", 6, &json!({})));
    assert_eq!(texts(&mut sorter).len(), 1);
    sorter.take(event("e1", "app-1", 60, &json!({ "count": 2 })));
    assert_eq!(texts(&mut sorter), [""; 0]);
    sorter.take(event("e1", "app-1", 130, &json!({ "count": 9 })));
    assert_eq!(texts(&mut sorter).len(), 1);
}

#[test]
fn a_list_read_again_repeats_nothing() {
    let mut sorter = Sorter::new(at(0));
    sorter.take(event("e1", "app-1", 5, &json!({})));
    sorter.lines(app_only);
    sorter.take(event("e1", "app-1", 5, &json!({})));
    assert_eq!(sorter.lines(app_only), []);
}

#[test]
fn an_event_that_is_quicker_than_its_pod_waits_for_it() {
    let mut sorter = Sorter::new(at(0));
    sorter.take(event("e1", "app-1", 5, &json!({})));
    assert_eq!(sorter.lines(|_| None), []);
    assert_eq!(texts(&mut sorter).len(), 1);
}

#[test]
fn the_first_stamp_that_there_is_counts() {
    let series = json!({ "count": 4, "lastObservedTime": at(30) });
    let rows = [
        (json!({ "series": series }), 20),
        (json!({ "lastTimestamp": null, "series": series }), 30),
        (json!({ "lastTimestamp": null, "eventTime": at(40) }), 40),
        (json!({ "lastTimestamp": null }), -3600),
    ];
    for (change, expected) in rows {
        assert_eq!(event("e", "app-1", 20, &change).seen(), Some(at(expected)), "{change}");
    }
}
