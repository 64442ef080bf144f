//! Pods and the kubelet that runs them: created, started, ready, crashed, restarted, gone.

use super::etcd::Resource;
use super::objects::{Meta, object, stamp};
use crate::deploy::Time;
use crate::simulated::metrics;
use crate::simulated::noise;
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

/// How a container's runs turn out; depends on its image alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    #[default]
    Works,
    /// Exits with 1 a few seconds after each start.
    Crashes,
    /// The registry does not have its image.
    NoImage,
    /// Keeps memory until it is killed for it.
    Leaks,
}

/// What a pod's container is doing.
#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Created; no node has taken it yet.
    New,
    /// On a node: `ContainerCreating`.
    Creating,
    /// `ErrImagePull`, or between two tries `ImagePullBackOff`.
    NoImage { backing_off: bool },
    /// Running, since then.
    Running { since: Time },
    /// `CrashLoopBackOff`.
    BackingOff { pause: i64 },
}

/// How a container's last run ended.
#[derive(Debug, Clone)]
struct Ended {
    exit: i64,
    reason: &'static str,
    started: Time,
    at: Time,
}

/// What the kubelet did to a pod, for the cluster to record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// An event: type, reason, message.
    Event(&'static str, &'static str, String),
    /// Its container started.
    Started,
    /// It was removed from the API server.
    Removed,
}

/// A pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) meta: Meta,
    pub(crate) spec: Value,
    pub(crate) outcome: Outcome,
    state: State,
    /// When the state changes next by itself.
    due: Option<Time>,
    /// How many times the image was asked for.
    pulls: i64,
    node: u64,
    scheduled: Option<Time>,
    ready_since: Option<Time>,
    unready_since: Time,
    restarts: i64,
    ended: Option<Ended>,
    deleted: Option<Time>,
}

impl Pod {
    /// A pod as its controller creates it.
    pub(crate) fn new(meta: Meta, mut spec: Value, outcome: Outcome, seed: u64) -> Self {
        let at = meta.created;
        spec["serviceAccountName"] = json!("default");
        spec["tolerations"] = json!([
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ]);
        Self {
            node: 1 + noise::hash(seed, noise::stream(&meta.name), 40) % 6,
            meta,
            spec,
            outcome,
            state: State::New,
            due: Some(at + TimeDelta::seconds(1)),
            pulls: 0,
            scheduled: None,
            ready_since: None,
            unready_since: at,
            restarts: 0,
            ended: None,
            deleted: None,
        }
    }

    /// Makes it one that has been ready for long.
    pub(crate) fn settle(&mut self) {
        let at = self.meta.created;
        self.scheduled = Some(at);
        self.state = State::Running { since: at + TimeDelta::seconds(4) };
        self.ready_since = Some(at + TimeDelta::seconds(11));
        self.due = None;
        self.note_zone();
    }

    /// The first container's image.
    pub(crate) fn image(&self) -> &str {
        self.spec.pointer("/containers/0/image").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether its readiness changed just now, for which there is no [`Change`].
    pub(crate) fn changed_at(&self, now: Time) -> bool {
        self.ready_since == Some(now) || self.unready_since == now
    }

    /// Whether it is on its way out.
    pub(crate) fn is_terminating(&self) -> bool {
        self.deleted.is_some()
    }

    /// Whether it serves.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready_since.is_some() && self.deleted.is_none()
    }

    /// Whether it has been ready for at least this long.
    pub(crate) fn is_available(&self, now: Time, min_ready_seconds: i64) -> bool {
        self.is_ready() && self.ready_since.is_some_and(|since| now - since >= TimeDelta::seconds(min_ready_seconds))
    }

    /// Asks it to end; the kubelet takes a few seconds for that.
    pub(crate) fn delete(&mut self, now: Time, seed: u64) -> Change {
        if self.deleted.is_none() {
            self.deleted = Some(now);
            self.due = Some(now + self.pause(seed, 90, 2.0, 5.0));
        }
        Change::Event("Normal", "Killing", "Stopping container app".to_owned())
    }

    /// One sync of the kubelet. Each pod changes at most once a second.
    pub(crate) fn step(&mut self, now: Time, seed: u64) -> Vec<Change> {
        if self.outcome == Outcome::Leaks
            && self.is_ready()
            && let State::Running { since } = self.state
            && metrics::is_over_limit(seed, &self.meta.name, (now - since).as_seconds_f64())
        {
            return self.end(now, seed, 137, "OOMKilled");
        }
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        if self.deleted.is_some() {
            return vec![Change::Removed];
        }
        match self.state {
            State::New => {
                self.state = State::Creating;
                self.scheduled = Some(now);
                self.due = Some(now + self.pause(seed, 1, 1.0, 3.0));
                self.note_zone();
                let node = format!("Successfully assigned production/{} to node-{}", self.meta.name, self.node);
                vec![Change::Event("Normal", "Scheduled", node)]
            }
            State::Creating if self.outcome == Outcome::NoImage => self.fail_to_pull(now),
            State::NoImage { backing_off: true } => self.fail_to_pull(now),
            State::NoImage { backing_off: false } => {
                self.state = State::NoImage { backing_off: true };
                self.due = Some(now + TimeDelta::seconds((10 << self.pulls.min(5)).min(300)));
                vec![Change::Event("Warning", "BackOff", format!("Back-off pulling image \"{}\"", self.image()))]
            }
            State::Creating => self.start(now, seed),
            State::BackingOff { .. } => {
                self.restarts += 1;
                self.start(now, seed)
            }
            State::Running { .. } if self.outcome == Outcome::Crashes => self.end(now, seed, 1, "Error"),
            State::Running { .. } => {
                self.ready_since = Some(now);
                self.due = None;
                Vec::new()
            }
        }
    }

    /// Copies the labels of its node that say where that is, as the API server does with the binding (`PodTopologyLabels`).
    fn note_zone(&mut self) {
        let zone = ["a", "b", "c"][(self.node % 3) as usize];
        self.meta.labels.insert("topology.kubernetes.io/region".to_owned(), "eu-1".to_owned());
        self.meta.labels.insert("topology.kubernetes.io/zone".to_owned(), format!("eu-1{zone}"));
    }

    fn start(&mut self, now: Time, seed: u64) -> Vec<Change> {
        self.state = State::Running { since: now };
        self.due = Some(if self.outcome == Outcome::Crashes {
            now + self.pause(seed, 2 + self.restarts, 3.0, 6.0)
        } else if self.restarts == 0 {
            // Ready six to fourteen seconds after it was created.
            (self.meta.created + self.pause(seed, 2, 6.0, 14.0)).max(now + TimeDelta::seconds(1))
        } else {
            now + self.pause(seed, 2 + self.restarts, 6.0, 11.0)
        });
        vec![Change::Event("Normal", "Started", "Started container app".to_owned()), Change::Started]
    }

    /// The container died. The first time it is started again at once, then with longer and longer pauses.
    fn end(&mut self, now: Time, seed: u64, exit: i64, reason: &'static str) -> Vec<Change> {
        if let State::Running { since } = self.state {
            self.ended = Some(Ended { exit, reason, started: since, at: now });
        }
        if self.ready_since.take().is_some() {
            self.unready_since = now;
        }
        if self.restarts == 0 {
            self.restarts = 1;
            return self.start(now, seed);
        }
        let pause = (10 << (self.restarts - 1).min(5)).min(300);
        self.state = State::BackingOff { pause };
        self.due = Some(now + TimeDelta::seconds(pause));
        let name = format!("{}_production({})", self.meta.name, self.meta.uid);
        vec![Change::Event("Warning", "BackOff", format!("Back-off restarting failed container app in pod {name}"))]
    }

    fn fail_to_pull(&mut self, now: Time) -> Vec<Change> {
        self.state = State::NoImage { backing_off: false };
        self.pulls += 1;
        self.due = Some(now + TimeDelta::seconds(4));
        vec![
            Change::Event(
                "Warning",
                "Failed",
                format!("Failed to pull image \"{}\": {}", self.image(), self.pull_error()),
            ),
            Change::Event("Warning", "Failed", "Error: ErrImagePull".to_owned()),
        ]
    }

    fn pull_error(&self) -> String {
        let image = self.image();
        format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve \
             reference \"{image}\": {image}: not found"
        )
    }

    fn pause(&self, seed: u64, turn: i64, least: f64, most: f64) -> TimeDelta {
        let share = noise::unit(seed, noise::stream(&self.meta.name), turn);
        TimeDelta::milliseconds(((least + (most - least) * share) * 1000.0) as i64)
    }

    /// The object as the API server writes it.
    pub(crate) fn render(&self) -> Value {
        let mut meta = self.meta.render();
        if let Some(at) = self.deleted {
            meta.insert("deletionTimestamp".to_owned(), json!(stamp(at + TimeDelta::seconds(30))));
            meta.insert("deletionGracePeriodSeconds".to_owned(), json!(30));
        }
        let mut status = Map::new();
        let mut spec = self.spec.clone();
        let running = matches!(self.state, State::Running { .. } | State::BackingOff { .. });
        status.insert("phase".to_owned(), json!(if running { "Running" } else { "Pending" }));
        if let Some(scheduled) = self.scheduled {
            spec["nodeName"] = json!(format!("node-{}", self.node));
            let ready = self.is_ready();
            let readiness = |kind: &str| {
                let since = stamp(self.ready_since.filter(|_| ready).unwrap_or(self.unready_since));
                let mut condition = json!({"type": kind, "status": if ready { "True" } else { "False" },
                                           "lastProbeTime": null, "lastTransitionTime": since});
                if !ready {
                    condition["reason"] = json!("ContainersNotReady");
                    condition["message"] = json!("containers with unready status: [app]");
                }
                condition
            };
            let settled = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": stamp(scheduled)});
            status.insert(
                "conditions".to_owned(),
                json!([
                    settled("Initialized"),
                    readiness("Ready"),
                    readiness("ContainersReady"),
                    settled("PodScheduled")
                ]),
            );
            status.insert("startTime".to_owned(), json!(stamp(scheduled)));
            if running {
                let address = noise::stream(&self.meta.uid);
                let ip = format!("10.1.{}.{}", address % 250 + 1, (address >> 8) % 250 + 1);
                status.insert("podIP".to_owned(), json!(ip));
                status.insert("podIPs".to_owned(), json!([{"ip": ip}]));
            }
            status.insert("containerStatuses".to_owned(), json!([self.container_status()]));
        }
        status.insert("qosClass".to_owned(), json!("Burstable"));
        object(Resource::Pods, meta, &spec, status)
    }

    fn container_status(&self) -> Value {
        let waiting = |reason: &str, message: Option<String>| match message {
            Some(message) => json!({"waiting": {"reason": reason, "message": message}}),
            None => json!({"waiting": {"reason": reason}}),
        };
        let state = match &self.state {
            State::New | State::Creating => waiting("ContainerCreating", None),
            State::NoImage { backing_off: false } => waiting("ErrImagePull", Some(self.pull_error())),
            State::NoImage { backing_off: true } => {
                waiting("ImagePullBackOff", Some(format!("Back-off pulling image \"{}\"", self.image())))
            }
            State::Running { since } => json!({"running": {"startedAt": stamp(*since)}}),
            State::BackingOff { pause } => {
                let span = if *pause >= 60 { format!("{}m{}s", pause / 60, pause % 60) } else { format!("{pause}s") };
                let name = format!("{}_production({})", self.meta.name, self.meta.uid);
                let message = format!("back-off {span} restarting failed container=app pod={name}");
                waiting("CrashLoopBackOff", Some(message))
            }
        };
        let last = match &self.ended {
            None => json!({}),
            Some(ended) => json!({"terminated": {"exitCode": ended.exit, "reason": ended.reason,
                                                 "startedAt": stamp(ended.started), "finishedAt": stamp(ended.at)}}),
        };
        let started = matches!(self.state, State::Running { .. });
        let id = if started {
            format!("{}@sha256:{:064x}", self.image(), noise::stream(self.image()))
        } else {
            String::new()
        };
        json!({"name": "app", "state": state, "lastState": last, "ready": self.is_ready(), "restartCount": self.restarts,
               "image": self.image(), "imageID": id, "started": started})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use chrono::DateTime;

    fn pod(outcome: Outcome) -> Pod {
        let meta = Meta {
            name: "app-7d4b9c-x2x2x".to_owned(),
            uid: "u".to_owned(),
            generation: 1,
            created: DateTime::UNIX_EPOCH,
            labels: [("app".to_owned(), "app".to_owned())].into(),
            annotations: [].into(),
            owner: None,
        };
        Pod::new(meta, json!({"containers": [{"name": "app", "image": "r/app:1"}]}), outcome, 1)
    }

    /// What a pod's container looks like each second, without repetitions.
    fn story(outcome: Outcome, seconds: i64) -> Vec<String> {
        let mut pod = pod(outcome);
        let mut lines = Vec::new();
        for second in 1..seconds {
            pod.step(DateTime::UNIX_EPOCH + TimeDelta::seconds(second), 1);
            let status = pod.render()["status"]["containerStatuses"][0].clone();
            let state = match &status["state"]["waiting"]["reason"] {
                Value::String(reason) => reason.clone(),
                _ if status["ready"] == true => "ready".to_owned(),
                _ => "running".to_owned(),
            };
            let line = format!("{state} {}", status["restartCount"]);
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }

    #[test]
    fn a_pod_that_works_is_created_runs_and_is_ready() {
        assert_eq!(story(Outcome::Works, 60), ["ContainerCreating 0", "running 0", "ready 0"]);
    }

    #[test]
    fn a_crash_loop_restarts_at_once_then_backs_off_and_runs_between() {
        assert_eq!(
            story(Outcome::Crashes, 75)[..7],
            [
                "ContainerCreating 0",
                "running 0",
                "running 1",
                "CrashLoopBackOff 1",
                "running 2",
                "CrashLoopBackOff 2",
                "running 3"
            ]
        );
    }

    #[test]
    fn a_missing_image_alternates_between_the_error_and_the_pause() {
        assert_eq!(
            story(Outcome::NoImage, 60),
            ["ContainerCreating 0", "ErrImagePull 0", "ImagePullBackOff 0", "ErrImagePull 0", "ImagePullBackOff 0"]
        );
    }

    #[test]
    fn a_leak_ends_in_an_oom_kill_and_a_restart() {
        let mut pod = pod(Outcome::Leaks);
        let killed = (1..1900).find(|second| {
            pod.step(DateTime::UNIX_EPOCH + TimeDelta::seconds(*second), 1);
            pod.render()["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] == "OOMKilled"
        });
        assert!(killed.is_some_and(|second| second > 1200));
        assert_eq!(pod.restarts, 1);
    }
}
