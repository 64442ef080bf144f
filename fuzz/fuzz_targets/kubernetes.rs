//! What an API server may say of a workload: each line a list or one line of a watch, in any order. Whatever it is,
//! there is a digest, its texts are fit for a screen, and nothing is in it that nobody said.
#![no_main]

use kube::core::ObjectList;
use kube::core::watch::WatchEvent;
use kube::runtime::watcher;
use libfuzzer_sys::fuzz_target;
use redflag::cluster::status_error;
use redflag::deploy::WorkloadKind;
use redflag::rollout::{Progress, Rollout};
use redflag::systems::kubernetes::events::Sorter;
use redflag::systems::kubernetes::fold::Fold;
use redflag::systems::kubernetes::objects::{Entry, Event, Pod, Workload};
use redflag_fuzz::{at, hold_error, hold_text, know_the_token};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// More lines than this say nothing new.
const MOST: usize = 64;

/// Of what an object or a list says what it is.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Peek {
    kind: String,
    object: Option<Box<Peek>>,
}

/// The events that a line stands for, as kube's watcher makes them.
fn events<K: DeserializeOwned + Clone>(line: &str) -> Vec<watcher::Event<K>> {
    if let Ok(list) = serde_json::from_str::<ObjectList<K>>(line) {
        let objects = list.items.into_iter().map(watcher::Event::InitApply);
        return [watcher::Event::Init].into_iter().chain(objects).chain([watcher::Event::InitDone]).collect();
    }
    match serde_json::from_str(line) {
        Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => vec![watcher::Event::Apply(object)],
        Ok(WatchEvent::Deleted(object)) => vec![watcher::Event::Delete(object)],
        Ok(WatchEvent::Error(status)) => {
            hold_error(&status_error(&status));
            Vec::new()
        }
        Ok(WatchEvent::Bookmark(_)) | Err(_) => Vec::new(),
    }
}

fn hold(kind: WorkloadKind, rollout: &Rollout, pods: usize) {
    if let Progress::Waiting(text) | Progress::Failed(text) = &rollout.progress {
        hold_text("the progress", text);
    }
    rollout.troubles.iter().for_each(|trouble| hold_text("a trouble", &trouble.sentence));
    rollout.pods.iter().flat_map(|pod| &pod.reason).for_each(|reason| hold_text("a pod's reason", reason));
    rollout.changed_by.iter().for_each(|name| hold_text("who changed it", name));
    assert!(rollout.pods.len() <= pods, "{} pods of {pods} that were told of", rollout.pods.len());
    // Partitions and steps leave pods of the previous version on purpose.
    if kind == WorkloadKind::Deployment && rollout.progress == Progress::Complete {
        let replicas = rollout.replicas;
        assert!(replicas.updated >= replicas.desired, "complete with {replicas:?}");
        assert!(replicas.available >= replicas.desired, "complete with {replicas:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    know_the_token();
    let Some((kind, rest)) = data.split_first() else { return };
    let kind = WorkloadKind::ALL[usize::from(*kind) % WorkloadKind::ALL.len()];
    let (mut fold, mut sorter, mut pods) = (Fold::new(kind), Sorter::new(at(0)), 0);
    for (line, second) in String::from_utf8_lossy(rest).lines().take(MOST).zip(0..) {
        let now = at(second * 10);
        let peek: Peek = serde_json::from_str(line).unwrap_or_default();
        let of = peek.object.map_or(peek.kind, |object| object.kind);
        match of.trim_end_matches("List") {
            "ReplicaSet" | "ControllerRevision" => {
                events::<Entry>(line).into_iter().for_each(|event| fold.take_entry(event))
            }
            "Pod" => events::<Pod>(line).into_iter().for_each(|event| {
                pods += 1;
                fold.take_pod(event, now);
            }),
            "Event" => events::<Event>(line).into_iter().for_each(|event| {
                if let watcher::Event::Apply(event) | watcher::Event::InitApply(event) = event {
                    sorter.take(event);
                }
            }),
            _ => events::<Workload>(line).into_iter().for_each(|event| fold.take_workload(event)),
        }
        hold(kind, &fold.digest(now), pods);
        for line in sorter.lines(|uid| fold.owns(uid).then_some(0)) {
            hold_text("a line of the timeline", &line.text);
        }
    }
});
