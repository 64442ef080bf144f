//! What several stories need: a small watch to feed messages to.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part of it")]

use chrono::{DateTime, TimeDelta};
use redflag::deploy::{Deploy, ServiceId, Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::{Effect, Message, StreamNews};
use redflag::poll::{Poll, SourceError};
use redflag::rollout::{Pod, PodPhase, Progress, Replicas, Rollout};
use redflag::setup::{Confirm, Delivery, RollbackPolicy, Service, Setup, SourceInfo, Told, Workload};
use redflag::signal::{Kind, Point, Signal, SignalId, SourceId};
use redflag::watch::Watch;

pub const GRAFANA: SourceId = SourceId(0);
pub const SITE: SourceId = SourceId(1);
pub const CLUSTER: SourceId = SourceId(2);
pub const ERROR_RATE: SignalId = SignalId(0);
pub const LATENCY: SignalId = SignalId(1);
pub const MEMORY: SignalId = SignalId(2);
pub const PROBE: SignalId = SignalId(3);
pub const ROLLOUT: SignalId = SignalId(4);
pub const APP: WorkloadId = WorkloadId(0);

/// Noon of a day, and some seconds.
pub fn at(seconds: i64) -> Time {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// One service with five signals from three sources, begun at `at(0)`.
pub fn setup() -> Setup {
    let signal = |name: &str, kind: Kind, source: SourceId| Signal {
        name: name.to_owned(),
        kind,
        unit: kind.unit(),
        service: ServiceId(0),
        workload: (kind == Kind::Rollout).then_some(APP),
        source,
        of_version: false,
        required: true,
        limits: kind.limits(),
        step: TimeDelta::seconds(30),
        link: None,
    };
    let source = |name: &str, delivery, seconds| SourceInfo {
        name: name.to_owned(),
        delivery,
        interval: TimeDelta::seconds(seconds),
    };
    Setup {
        environment: "production".to_owned(),
        services: vec![Service { name: "app".to_owned(), depends_on: Vec::new() }],
        workloads: vec![Workload {
            reference: WorkloadRef {
                kind: WorkloadKind::Deployment,
                namespace: "production".to_owned(),
                name: "app".to_owned(),
            },
            service: ServiceId(0),
        }],
        signals: vec![
            signal("error rate", Kind::ErrorRate, GRAFANA),
            signal("p95", Kind::Latency, GRAFANA),
            signal("memory", Kind::Memory, GRAFANA),
            signal("probe", Kind::Probe, SITE),
            signal("rollout", Kind::Rollout, CLUSTER),
        ],
        sources: vec![
            source("grafana", Delivery::Polled, 15),
            source("site", Delivery::Polled, 10),
            source("kubernetes", Delivery::Streamed, 15),
        ],
        window: TimeDelta::minutes(30),
        baseline: TimeDelta::minutes(60),
        confirm: Confirm::Key,
        confirm_grace: TimeDelta::milliseconds(300),
        read_only: false,
        rollback: RollbackPolicy::default(),
        told: Told::default(),
        started: at(0),
    }
}

/// A version of the app.
pub fn version(tag: &str, revision: i64) -> Version {
    Version { images: vec![format!("registry.example.com/app:{tag}")], revision, hash: format!("hash-{tag}") }
}

/// The app rolled out to `tag`, three pods ready.
pub fn rolled_out(generation: i64, from: &str, to: &str, deployed: i64, finished: Option<i64>) -> Rollout {
    let pods = (0..3).map(|index| Pod {
        name: format!("app-{to}-{index}"),
        is_new: true,
        hash: format!("hash-{to}"),
        phase: PodPhase::Ready,
        reason: None,
        restarts: 0,
        oom_killed: false,
        created: Some(at(deployed)),
        ready_since: Some(at(deployed + 20)),
    });
    Rollout {
        uid: "uid-1".to_owned(),
        generation,
        progress: Progress::Complete,
        replicas: Replicas { desired: 3, updated: 3, ready: 3, available: 3, total: 3 },
        pods: pods.collect(),
        troubles: Vec::new(),
        deploy: Some(Deploy {
            at: at(deployed),
            finished: finished.map(at),
            from: Some(version(from, 1)),
            to: version(to, 2),
            by: None,
        }),
        revisions: Vec::new(),
    }
}

/// The cluster tells of the app.
pub fn told(seconds: i64, rollout: Rollout) -> Message {
    let news = StreamNews::Rollout(APP, Box::new(rollout));
    Message::Streamed { source: CLUSTER, at: at(seconds), news }
}

/// A source answers.
pub fn answered(source: SourceId, seconds: i64, points: Vec<(SignalId, Vec<Point>)>) -> Message {
    Message::Polled { source, at: at(seconds), result: Ok(Poll { points, ..Poll::default() }) }
}

/// A source fails.
pub fn failed(source: SourceId, seconds: i64, error: SourceError) -> Message {
    Message::Polled { source, at: at(seconds), result: Err(error) }
}

/// Time goes on, second by second, as the loop makes it. Gives all effects on the way.
pub fn ticks(watch: &mut Watch, seconds: std::ops::RangeInclusive<i64>) -> Vec<Effect> {
    seconds.flat_map(|second| watch.update(Message::Tick(at(second)))).collect()
}
