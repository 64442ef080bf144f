//! What judging costs: a tick of 1 000 services with 8 signals each, and a poll that brings all of them a new bin.
//! `cargo bench --bench judging`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the tests' support")]

#[path = "../tests/support/mod.rs"]
mod support;

use chrono::TimeDelta;
use divan::Bencher;
use redflag::deploy::{ServiceId, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::Message;
use redflag::setup::{Service, Setup, Workload};
use redflag::signal::{Kind, Point, Sample, Signal, SignalId};
use redflag::watch::Watch;
use support::{CLUSTER, GRAFANA, at, rolled_out};

const SERVICES: u16 = 1000;
const KINDS: [Kind; 8] = [
    Kind::ErrorRate,
    Kind::Latency,
    Kind::ServerErrors,
    Kind::Traffic,
    Kind::Cpu,
    Kind::Memory,
    Kind::Connections,
    Kind::Custom,
];
/// Ten minutes into the window.
const NOW: i64 = 600;

fn main() {
    divan::main();
}

fn setup() -> Setup {
    let one = support::setup();
    let services =
        (0..SERVICES).map(|index| Service { name: format!("service-{index}"), depends_on: Vec::new() }).collect();
    let workloads = (0..SERVICES).map(|index| Workload {
        reference: WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "production".to_owned(),
            name: format!("service-{index}"),
        },
        service: ServiceId(index),
        container: None,
    });
    let signals = (0..SERVICES).flat_map(|service| {
        KINDS.map(|kind| Signal {
            name: kind.label().to_owned(),
            kind,
            unit: kind.unit(),
            service: ServiceId(service),
            workload: None,
            source: GRAFANA,
            of_version: false,
            required: true,
            limits: kind.limits(),
            step: TimeDelta::seconds(30),
            link: None,
        })
    });
    Setup { services, workloads: workloads.collect(), signals: signals.collect(), ..one }
}

fn sample(kind: Kind, bin: i64) -> Sample {
    let wobble = (bin * 37 % 11) as f64;
    match kind {
        Kind::ErrorRate => Sample::Counts { errors: (bin % 2) as f64, requests: 1200.0 + wobble },
        Kind::ServerErrors => Sample::Value(0.01 * (bin % 3) as f64),
        Kind::Latency => Sample::Value(420.0 + wobble),
        _ => Sample::Value(40.0 + 0.1 * wobble),
    }
}

/// The bins from one moment to another, for every signal.
fn points(from: i64, to: i64) -> Vec<(SignalId, Vec<Point>)> {
    (0..SERVICES * KINDS.len() as u16)
        .map(|id| {
            let kind = KINDS[usize::from(id) % KINDS.len()];
            (SignalId(id), (from / 30..=to / 30).map(|bin| (at(bin * 30), sample(kind, bin))).collect())
        })
        .collect()
}

/// An hour of baseline and ten minutes of window for all of them.
fn watch() -> Watch {
    let mut watch = Watch::new(setup());
    for index in 0..SERVICES {
        let news = redflag::message::StreamNews::Rollout(
            WorkloadId(index),
            Box::new(rolled_out(2, "1.8.3", "1.9.0", -10, Some(0))),
        );
        watch.update(Message::Streamed { source: CLUSTER, at: at(0), news });
    }
    watch.update(support::answered(GRAFANA, NOW, points(-3600, NOW)));
    watch
}

/// Each second: freshness and for how long, no series read again.
#[divan::bench(sample_count = 50)]
fn tick_1000_services_8_signals(bencher: Bencher) {
    let mut watch = watch();
    let mut milliseconds = 0;
    bencher.bench_local(|| {
        // Within two intervals of the last answer, so that nothing is stale.
        milliseconds = (milliseconds + 7) % 20_000;
        watch.update(Message::Tick(at(NOW) + TimeDelta::milliseconds(milliseconds)))
    });
}

/// Each half minute: one new bin for each of the 8 000 signals, and the three minutes before it over again.
#[divan::bench(sample_count = 20)]
fn poll_1000_services_8_signals(bencher: Bencher) {
    let mut watch = watch();
    let mut now = NOW;
    bencher
        .with_inputs(|| {
            now += 30;
            support::answered(GRAFANA, now, points(now - 180, now))
        })
        .bench_local_values(|message| watch.update(message));
}
