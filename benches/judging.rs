//! What judging costs: a tick of 1 000 services with 8 signals each, and a poll that brings all of them a new bin.
//! `cargo bench --bench judging`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the tests' support")]

#[path = "../crates/core/tests/all/support.rs"]
mod support;

#[path = "scenes/fleet.rs"]
mod scenes;

use chrono::TimeDelta;
use divan::Bencher;
use redflag::message::Message;
use scenes::{NOW, points, watch};
use support::{GRAFANA, at};

const SERVICES: u16 = 1000;

fn main() {
    divan::main();
}

/// Each second: freshness and for how long, no series read again.
#[divan::bench(sample_count = 50)]
fn tick_1000_services_8_signals(bencher: Bencher) {
    let mut watch = watch(SERVICES);
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
    let mut watch = watch(SERVICES);
    let mut now = NOW;
    bencher
        .with_inputs(|| {
            now += 30;
            support::answered(GRAFANA, now, points(SERVICES, now - 180, now))
        })
        .bench_local_values(|message| watch.update(message));
}
