//! What several stories need: a small watch to feed messages to.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part of it")]

use chrono::{DateTime, TimeDelta};
use redflag_core::deploy::{Deploy, ServiceId, Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag_core::message::{Command, Effect, Message, StreamNews};
use redflag_core::poll::{Poll, SourceError};
use redflag_core::rollback::action::{Action, PinnedPatch};
use redflag_core::rollback::{Answer, Check, CheckKind, Covered, Goal, Readiness, Step};
use redflag_core::rollout::{Pod, PodPhase, Progress, Replicas, Rollout};
use redflag_core::setup::{Confirm, Delivery, RollbackPolicy, Service, Setup, SourceInfo, Told, Workload};
use redflag_core::signal::{Kind, Point, Sample, Signal, SignalId, SourceId};
use redflag_core::watch::Watch;
use std::sync::Arc;

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
        objective: None,
        step: TimeDelta::seconds(30),
        link: None,
        queries: Vec::new(),
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
            container: None,
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
        coverage: 90,
        rollout_deadline: TimeDelta::minutes(10),
        confirm: Confirm::Key,
        confirm_grace: TimeDelta::milliseconds(300),
        read_only: false,
        rollback: RollbackPolicy::default(),
        feature_flags: Vec::new(),
        told: Told::default(),
        started: at(0),
    }
}

/// A version of the app.
pub fn version(tag: &str, revision: i64) -> Version {
    Version {
        images: vec![format!("registry.example.com/app:{tag}")],
        revision,
        hash: format!("hash-{tag}"),
        ..Version::default()
    }
}

/// The app rolled out to `tag`, three pods ready.
pub fn rolled_out(generation: i64, from: &str, to: &str, deployed: i64, finished: Option<i64>) -> Rollout {
    let pods = (0..3).map(|index| Pod {
        name: format!("app-{to}-{index}"),
        uid: format!("uid-of-app-{to}-{index}"),
        is_new: true,
        hash: format!("hash-{to}"),
        phase: PodPhase::Ready,
        reason: None,
        restarts: 0,
        oom_killed: false,
        created: Some(at(deployed)),
        ready_since: Some(at(deployed + 20)),
        unready_since: None,
        node: None,
        zone: None,
        last_words: None,
        images: vec![format!("registry.example.com/app:{to}@sha256:{to}")],
    });
    Rollout {
        uid: "uid-1".to_owned(),
        generation,
        progress: Progress::Complete,
        replicas: Replicas { desired: 3, updated: 3, ready: 3, available: 3, total: 3 },
        pods: pods.collect(),
        troubles: Vec::new(),
        deadline: redflag_core::rollout::Deadline::default(),
        changed_by: None,
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

/// The same, with every source but the cluster answering that all is well, each ten seconds.
pub fn well(watch: &mut Watch, seconds: std::ops::RangeInclusive<i64>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for second in seconds {
        effects.extend(watch.update(Message::Tick(at(second))));
        if second % 10 == 0 {
            let probe = vec![(PROBE, vec![(at(second), Sample::Value(90.0))])];
            effects.extend(watch.update(answered(SITE, second, probe)));
            effects.extend(watch.update(grafana(second, None)));
            let news = StreamNews::Alive;
            effects.extend(watch.update(Message::Streamed { source: CLUSTER, at: at(second), news }));
        }
    }
    effects
}

/// An undo of the app that is ready to be sent.
pub fn undo(from: &str, to: &str) -> Arc<Step> {
    let reference = setup().workloads[0].reference.clone();
    let (uid, generation) = ("uid-1".to_owned(), 2);
    Arc::new(Step {
        goal: Goal::RollBack,
        subject: reference.to_string(),
        place: "test".to_owned(),
        covers: vec![Covered {
            workload: APP,
            reference: reference.clone(),
            uid: uid.clone(),
            generation,
            from: version(from, 2),
            to: version(to, 1),
        }],
        action: Action::Patch(PinnedPatch { reference, uid, generation, document: json_patch::Patch::default() }),
        does: Vec::new(),
        checks: looked(),
        not_reverted: Vec::new(),
        expected: TimeDelta::seconds(70),
        manual_command: "kubectl rollout undo deployment/app".to_owned(),
    })
}

/// What a strategy says that has looked for what an automatic rollback must know.
pub fn looked() -> Vec<Check> {
    vec![
        Check::ok(CheckKind::Migration, "no migration shipped with it"),
        Check::ok(CheckKind::AlreadyRolledBack, "it is not itself a rollback"),
    ]
}

/// A person wants something.
pub fn ask(watch: &mut Watch, seconds: i64, command: Command) -> Vec<Effect> {
    watch.update(Message::Asked { at: at(seconds), command })
}

/// The undo of the app is answered.
pub fn answer(watch: &mut Watch, seconds: i64, answer: Answer) -> Vec<Effect> {
    watch.update(Message::Answered { workload: APP, at: at(seconds), answer })
}

/// Points of Grafana's three signals: bins of 30 s up to `now`, healthy or bad since `bad_since`.
pub fn grafana(now: i64, bad_since: Option<i64>) -> Message {
    let bins = || (0..30).map(|back| now / 30 * 30 - back * 30);
    let bad = |second: i64| bad_since.is_some_and(|since| second >= since);
    let errors = |second| Sample::Counts { errors: if bad(second) { 30.0 } else { 0.0 }, requests: 1200.0 };
    let latency = |second| Sample::Value(if bad(second) { 800.0 } else { 470.0 });
    answered(
        GRAFANA,
        now,
        vec![
            (ERROR_RATE, bins().map(|second| (at(second), errors(second))).collect()),
            (LATENCY, bins().map(|second| (at(second), latency(second))).collect()),
            (MEMORY, bins().map(|second| (at(second), Sample::Value(40.0))).collect()),
        ],
    )
}

/// What a service tells that is well, in the bin of this second. Numbers move, as those of services do.
pub fn well_sample(kind: Kind, second: i64) -> Sample {
    let moves = (second / 10 * 37).rem_euclid(11) as f64;
    match kind {
        Kind::ErrorRate => Sample::Counts { errors: 0.0, requests: 1200.0 + moves },
        Kind::Latency => Sample::Value(460.0 + moves),
        Kind::NewIssues | Kind::Alerts | Kind::ServerErrors => Sample::Value(0.0),
        Kind::CrashFree => Sample::Value(99.9),
        _ => Sample::Value(40.0 + moves / 10.0),
    }
}

/// Every source is there at `now`: the polled ones say that all is well, in thirty bins up to then.
pub fn all_well(watch: &mut Watch, now: i64) {
    let setup = watch.shared_setup();
    for index in 0..setup.sources.len() as u16 {
        let source = SourceId(index);
        if setup.source(source).delivery == Delivery::Streamed {
            watch.update(Message::Streamed { source, at: at(now), news: StreamNews::Alive });
            continue;
        }
        let own = (0..setup.signals.len() as u16).map(SignalId).filter(|id| setup.signal(*id).source == source);
        let points = own.map(|id| {
            let Signal { kind, step, .. } = *setup.signal(id);
            let step = step.num_seconds();
            let bins = (0..30).map(|back| now / step * step - back * step);
            (id, bins.map(|second| (at(second), well_sample(kind, second))).collect())
        });
        let points = points.collect();
        watch.update(answered(source, now, points));
    }
}

/// Time goes on, and every source says every ten seconds that all is well.
pub fn well_ticks(watch: &mut Watch, seconds: std::ops::RangeInclusive<i64>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for second in seconds {
        if second % 10 == 0 {
            all_well(watch, second);
        }
        effects.extend(watch.update(Message::Tick(at(second))));
    }
    effects
}

/// A deploy made at `at(-100)`, rolled out at `at(-30)`, with a plan ready; bad from `at(60)` on.
pub fn bad_deploy(setup: Setup) -> (Watch, Vec<Effect>) {
    let mut watch = Watch::new(setup);
    watch.update(told(1, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30))));
    let readiness = Readiness::Ready(undo("1.9.0", "1.8.3"));
    watch.update(Message::Prepared { workload: APP, goal: Goal::RollBack, at: at(2), readiness });
    let mut effects = Vec::new();
    for second in 3..=200 {
        effects.extend(watch.update(Message::Tick(at(second))));
        if second % 10 == 0 {
            effects.extend(watch.update(answered(
                SITE,
                second,
                vec![(PROBE, vec![(at(second), Sample::Value(90.0))])],
            )));
            effects.extend(watch.update(told(second, rolled_out(2, "1.8.3", "1.9.0", -100, Some(-30)))));
            effects.extend(watch.update(grafana(second, Some(60))));
        }
    }
    (watch, effects)
}
