//! Tapes: what a real API server said, replayed through the fold in the order and at the times of the recording.

use chrono::{DateTime, TimeDelta, Utc};
use kube::runtime::watcher::Event;
use redflag::deploy::{Deploy, Time, WorkloadKind};
use redflag::rollout::{Progress, Rollout};
use redflag::systems::kubernetes::fold::Fold;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// One line of a tape.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Milliseconds since the recording began.
    pub(crate) t_ms: i64,
    /// The plural of what was watched, or `http`.
    pub(crate) stream: String,
    /// The line, whole.
    pub(crate) value: Value,
}

/// The lines of a tape, in order.
pub(crate) fn open(name: &str) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systems/kubernetes/recorded/streams").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        let stream = value["stream"].as_str().unwrap().to_owned();
        Line { t_ms: value["t_ms"].as_i64().unwrap(), stream, value }
    };
    text.lines().map(line).collect()
}

/// The answer of the HTTP request of a tape that has this status and this path.
pub(crate) fn answer(name: &str, status: u64, path: &str) -> Value {
    let lines = open(name).into_iter().map(|line| line.value);
    let mut matching = lines.filter(|line| line["response"]["status"] == status && line["request"]["path"] == path);
    matching.next().unwrap()["response"]["body"].clone()
}

/// When the recording began: the stamps in it have whole seconds, so the latest possible beginning is it.
pub(crate) fn began(tape: &[Line]) -> Time {
    let added = tape.iter().filter(|line| line.value["event"]["type"] == "ADDED");
    let beginnings = added.filter_map(|line| {
        let stamp = line.value["event"]["object"]["metadata"]["creationTimestamp"].as_str()?;
        let stamp: DateTime<Utc> = stamp.parse().ok()?;
        Some(stamp - TimeDelta::milliseconds(line.t_ms))
    });
    beginnings.max().unwrap()
}

/// What a watch with our selectors would have heard of this object.
fn is_selected(stream: &str, object: &Value, name: &str) -> bool {
    match stream {
        "deployments" | "statefulsets" | "daemonsets" => object["metadata"]["name"] == name,
        _ => object["metadata"]["labels"]["app"] == name,
    }
}

/// The events of a watch that a line stands for.
pub(crate) fn events<K: DeserializeOwned>(line: &Line, name: &str) -> Vec<Event<K>> {
    let parse = |object: &Value| serde_json::from_value::<K>(object.clone()).unwrap();
    let is_selected = |object: &Value| is_selected(&line.stream, object, name);
    if let Some(items) = line.value["list"]["items"].as_array() {
        let items = items.iter().filter(|object| is_selected(object)).map(|object| Event::InitApply(parse(object)));
        return [Event::Init].into_iter().chain(items).chain([Event::InitDone]).collect();
    }
    let event = &line.value["event"];
    let object = &event["object"];
    if !is_selected(object) {
        return Vec::new();
    }
    match event["type"].as_str().unwrap() {
        "ADDED" | "MODIFIED" => vec![Event::Apply(parse(object))],
        "DELETED" => vec![Event::Delete(parse(object))],
        other => panic!("unexpected {other}"),
    }
}

/// The same tape for a watch that begins at this moment: what was there by then comes as lists.
pub(crate) fn begun_at(t_ms: i64, tape: &[Line]) -> Vec<Line> {
    let mut objects: Vec<(&str, &Value)> = Vec::new();
    for line in tape.iter().filter(|line| line.t_ms <= t_ms) {
        let event = &line.value["event"];
        let listed = line.value["list"]["items"].as_array().into_iter().flatten();
        for object in listed.chain(Some(&event["object"]).filter(|object| object.is_object())) {
            objects.retain(|(_, known)| known["metadata"]["uid"] != object["metadata"]["uid"]);
            if event["type"] != "DELETED" {
                objects.push((&line.stream, object));
            }
        }
    }
    let list = |line: &Line| {
        let of_stream = objects.iter().filter(|(stream, _)| *stream == line.stream);
        let items: Vec<&Value> = of_stream.map(|(_, object)| *object).collect();
        Line { t_ms, stream: line.stream.clone(), value: json!({ "stream": line.stream, "list": { "items": items } }) }
    };
    let lists = tape.iter().filter(|line| line.value["list"].is_object()).map(list);
    lists.chain(tape.iter().filter(|line| line.t_ms > t_ms).cloned()).collect()
}

/// A digest and when it was made, in milliseconds of the tape.
pub(crate) type Moment = (i64, Rollout);

/// A fold that was told a tape, and what it said on the way.
pub(crate) struct Replay {
    /// The fold, as the tape left it.
    pub(crate) fold: Fold,
    /// Every digest that differs from the one before.
    pub(crate) moments: Vec<Moment>,
    /// When the recording began.
    pub(crate) began: Time,
}

/// Replays a tape event by event.
pub(crate) fn replay(tape: &[Line], kind: WorkloadKind, name: &str) -> Replay {
    replay_from(began(tape), tape, kind, name)
}

/// Replays lines of a tape whose recording began then.
pub(crate) fn replay_from(began: Time, tape: &[Line], kind: WorkloadKind, name: &str) -> Replay {
    let mut replay = Replay { fold: Fold::new(kind), moments: Vec::new(), began };
    for line in tape {
        replay.take(line, name);
    }
    replay
}

impl Replay {
    /// Takes one line in.
    pub(crate) fn take(&mut self, line: &Line, name: &str) {
        let now = self.began + TimeDelta::milliseconds(line.t_ms);
        match line.stream.as_str() {
            "deployments" | "statefulsets" | "daemonsets" => {
                for event in events(line, name) {
                    self.fold.take_workload(event);
                }
            }
            "replicasets" | "controllerrevisions" => {
                for event in events(line, name) {
                    self.fold.take_entry(event);
                }
            }
            "pods" => {
                for event in events(line, name) {
                    self.fold.take_pod(event, now);
                }
            }
            _ => return,
        }
        if self.fold.is_complete() {
            let digest = self.fold.digest(now);
            if self.moments.last().map(|(_, last)| last) != Some(&digest) {
                self.moments.push((line.t_ms, digest));
            }
        }
    }

    /// The digest at a time of the tape.
    pub(crate) fn at(&self, t_ms: i64) -> &Rollout {
        &self.moments.iter().rev().find(|(at, _)| *at <= t_ms).unwrap().1
    }

    /// The story in lines: each change of what kubectl says, of the troubles, and of the deploy.
    pub(crate) fn story(&self) -> String {
        let mut story = String::new();
        let mut last = Vec::new();
        for (t_ms, rollout) in &self.moments {
            let lines = tell(rollout);
            for line in lines.iter().filter(|line| !last.contains(*line)) {
                writeln!(story, "{t_ms:>6} {line}").unwrap();
            }
            let gone = |line: &&String| line.starts_with("trouble") && !lines.contains(*line);
            for line in last.iter().filter(gone) {
                writeln!(story, "{t_ms:>6} no more {line}").unwrap();
            }
            last = lines;
        }
        story
    }
}

fn tell(rollout: &Rollout) -> Vec<String> {
    let progress = match &rollout.progress {
        Progress::Waiting(text) => format!("status: {text}"),
        Progress::Complete => "status: rolled out".to_owned(),
        Progress::Failed(text) => format!("status: failed, {text}"),
        Progress::Gone => "status: gone".to_owned(),
    };
    let deploy = rollout.deploy.as_ref().map(deploy);
    let troubles = rollout.troubles.iter().map(|trouble| format!("trouble: {}", trouble.sentence));
    [progress].into_iter().chain(deploy).chain(troubles).collect()
}

fn deploy(deploy: &Deploy) -> String {
    let from = deploy.from.as_ref().map_or("nothing", |version| version.label());
    let time = |at: Time| at.format("%H:%M:%S");
    let finished = deploy.finished.map_or_else(|| "in progress".to_owned(), |at| format!("ended {}", time(at)));
    format!("deploy: {from} to {} made {}, {finished}", deploy.to.label(), time(deploy.at))
}
