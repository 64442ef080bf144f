//! A company of so many services with 8 signals each.

use crate::support::{self, CLUSTER, GRAFANA, at, rolled_out};
use chrono::TimeDelta;
use redflag::deploy::{ServiceId, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::message::Message;
use redflag::setup::{Service, Setup, Workload};
use redflag::signal::{Kind, Point, Sample, Signal, SignalId};
use redflag::watch::Watch;

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
pub(crate) const NOW: i64 = 600;

fn setup(services: u16) -> Setup {
    let one = support::setup();
    let all = (0..services).map(|index| Service { name: format!("service-{index}"), depends_on: Vec::new() }).collect();
    let workloads = (0..services).map(|index| Workload {
        reference: WorkloadRef {
            kind: WorkloadKind::Deployment,
            namespace: "production".to_owned(),
            name: format!("service-{index}"),
        },
        service: ServiceId(index),
        container: None,
    });
    let signals = (0..services).flat_map(|service| {
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
            objective: None,
            step: TimeDelta::seconds(30),
            link: None,
            queries: Vec::new(),
        })
    });
    Setup { services: all, workloads: workloads.collect(), signals: signals.collect(), ..one }
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
pub(crate) fn points(services: u16, from: i64, to: i64) -> Vec<(SignalId, Vec<Point>)> {
    (0..services * KINDS.len() as u16)
        .map(|id| {
            let kind = KINDS[usize::from(id) % KINDS.len()];
            (SignalId(id), (from / 30..=to / 30).map(|bin| (at(bin * 30), sample(kind, bin))).collect())
        })
        .collect()
}

/// An hour of baseline and ten minutes of window for all of them.
pub(crate) fn watch(services: u16) -> Watch {
    let mut watch = Watch::new(setup(services));
    for index in 0..services {
        let news = redflag::message::StreamNews::Rollout(
            WorkloadId(index),
            Box::new(rolled_out(2, "1.8.3", "1.9.0", -10, Some(0))),
        );
        watch.update(Message::Streamed { source: CLUSTER, at: at(0), news });
    }
    watch.update(support::answered(GRAFANA, NOW, points(services, -3600, NOW)));
    watch
}
