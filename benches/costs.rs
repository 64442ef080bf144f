//! What it costs: one frame, one update, one parse. `cargo bench`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the screens' company")]

#[path = "../tests/screens/company.rs"]
mod company;

use company::{Health, Scene};
use divan::{Bencher, black_box};
use redflag::message::Message;
use redflag::poll::Poll;
use redflag::signal::{Sample, SignalId, SourceId};
use redflag::source::grafana::frames::QueryAnswer;
use serde_json::json;

fn main() {
    divan::main();
}

/// A watch ten minutes into its window, with two red flags on it.
fn faulty() -> Scene {
    let mut scene = Scene::new();
    scene.health = Health::Bad;
    scene.rolled_out();
    scene.until(700);
    scene
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
        scene.watch.update(Message::Tick(now + chrono::TimeDelta::seconds(second % 20)));
        scene.screen(200, 50)
    });
}

/// A tick: every signal judged anew, every source looked at.
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
    let points = (1..5).map(|id| (SignalId(id), vec![(scene.now, Sample::Value(440.0))])).collect();
    let poll = Poll { points, ..Poll::default() };
    bencher.bench_local(|| {
        let result = Ok(black_box(&poll).clone());
        watch.update(Message::Polled { source: SourceId(1), at: scene.now, result })
    });
}

/// An answer of Grafana: twelve signals, 90 minutes of bins of 30 s each.
#[divan::bench]
fn parse_grafana_12_signals(bencher: Bencher) {
    let times: Vec<i64> = (0..180).map(|bin| 1_790_000_000_000 + bin * 30_000).collect();
    let values: Vec<f64> = (0..180).map(|bin| 440.0 + f64::from(bin) / 7.0).collect();
    let frame = json!({
        "schema": { "refId": "A", "meta": { "type": "timeseries-multi" }, "fields": [
            { "name": "Time", "type": "time", "typeInfo": { "frame": "time.Time" } },
            { "name": "Value", "type": "number", "typeInfo": { "frame": "float64" }, "labels": {} },
        ] },
        "data": { "values": [times, values] },
    });
    let results: serde_json::Map<String, serde_json::Value> =
        (0..12).map(|index| (format!("A{index}"), json!({ "status": 200, "frames": [frame] }))).collect();
    let body = json!({ "results": results }).to_string().into_bytes();
    bencher.counter(divan::counter::BytesCount::of_slice(&body)).bench(|| {
        let answer = QueryAnswer::decode(black_box(&body)).unwrap();
        (0..12).map(|index| answer.bins(&format!("A{index}")).unwrap().len()).sum::<usize>()
    });
}
