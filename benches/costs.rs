//! What it costs: one frame, one update, one parse. `cargo bench`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the screens' company")]

#[path = "../tests/all/screens/company.rs"]
mod company;

#[path = "scenes/faulty.rs"]
mod scenes;

use chrono::TimeDelta;
use divan::{Bencher, black_box};
use redflag::hindsight::Hindsight;
use redflag::message::Message;
use redflag::records::{Recorder, Records, open};
use redflag::report::Report;
use redflag::systems::grafana::frames::QueryAnswer;
use scenes::{faulty, polled, twelve_signals};
use std::path::Path;

fn main() {
    divan::main();
}

/// One frame at 200 × 50, everything drawn: the most a single frame can cost.
#[divan::bench]
fn frame_200x50(bencher: Bencher) {
    let mut scene = faulty();
    let now = scene.now;
    let mut second = 0;
    bencher.bench_local(|| {
        // Each second is a new picture: an unchanged one would not be drawn at all.
        second += 1;
        scene.watch.update(Message::Tick(now + TimeDelta::seconds(second % 20)));
        scene.screen(200, 50)
    });
}

/// A tick: every signal judged again, every source looked at.
#[divan::bench]
fn update_tick(bencher: Bencher) {
    let scene = faulty();
    let mut watch = scene.watch.clone();
    bencher.bench_local(|| watch.update(Message::Tick(black_box(scene.now))));
}

/// A source's answer: one new bin for each of its four signals.
#[divan::bench]
fn update_polled(bencher: Bencher) {
    let scene = faulty();
    let mut watch = scene.watch.clone();
    let answer = polled(&scene);
    bencher.bench_local(|| watch.update(black_box(&answer).clone()));
}

/// The same answer written down: what a record adds to each.
#[divan::bench]
fn record_polled(bencher: Bencher) {
    let scene = faulty();
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::begin(Some(&Records::at(folder.path())), "0.1.0", TimeDelta::seconds(1), &scene.watch);
    let answer = polled(&scene);
    bencher.bench_local(|| recorder.append(black_box(&answer)));
}

/// A record without a screen: read, taken in message by message, and looked at after each.
#[divan::bench]
fn replay_of_the_sample(bencher: Bencher) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples/bad-release");
    bencher.bench_local(|| Hindsight::of(&open(black_box(&folder)).unwrap().record));
}

/// The same, and a page made of it.
#[divan::bench]
fn report_of_the_sample(bencher: Bencher) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples/bad-release");
    let zone = chrono::FixedOffset::east_opt(0).unwrap();
    bencher.bench_local(|| Report::of(&open(black_box(&folder)).unwrap()).render(redflag::report::Format::Html, zone));
}

/// An answer of Grafana: twelve signals, 90 minutes of bins of 30 s each.
#[divan::bench]
fn parse_grafana_12_signals(bencher: Bencher) {
    let body = twelve_signals();
    bencher.counter(divan::counter::BytesCount::of_slice(&body)).bench(|| {
        let answer = QueryAnswer::decode(black_box(&body)).unwrap();
        (0..12).map(|index| answer.bins(&format!("A{index}")).unwrap().len()).sum::<usize>()
    });
}
