//! What the benches of `costs` and `judging` cost in instructions, which nothing else on the machine changes: `just bench`
//! runs each by its name under callgrind, and holds it against benches/counts.txt.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, reason = "borrows the tests' company")]

#[path = "../tests/all/screens/company.rs"]
mod company;
#[path = "scenes/faulty.rs"]
mod faulty;
#[path = "scenes/fleet.rs"]
mod fleet;
#[path = "../crates/core/tests/all/support.rs"]
mod support;

use chrono::TimeDelta;
use redflag::message::Message;
use redflag::records::{Recorder, Records};
use redflag::systems::grafana::frames::QueryAnswer;
use std::hint::black_box;
use support::{GRAFANA, at};

/// A bench: its name, how often it is run, and what runs it so often.
struct Bench {
    name: &'static str,
    runs: usize,
    play: fn(usize),
}

/// A tenth of what `judging` has: valgrind is slow, and what is counted goes by the number of services.
const SERVICES: u16 = 100;

const BENCHES: [Bench; 7] = [
    Bench { name: "frame_200x50", runs: 20, play: frame_200x50 },
    Bench { name: "update_tick", runs: 100, play: update_tick },
    Bench { name: "update_polled", runs: 100, play: update_polled },
    Bench { name: "record_polled", runs: 100, play: record_polled },
    Bench { name: "parse_grafana_12_signals", runs: 20, play: parse_grafana_12_signals },
    Bench { name: "tick_100_services_8_signals", runs: 20, play: tick_100_services_8_signals },
    Bench { name: "poll_100_services_8_signals", runs: 5, play: poll_100_services_8_signals },
];

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "--list" {
        for bench in &BENCHES {
            println!("{}", bench.name);
        }
    } else if let Some(bench) = BENCHES.iter().find(|bench| bench.name == wanted) {
        (bench.play)(bench.runs);
        println!("runs: {}", bench.runs);
    } else {
        println!("counted by: just bench");
    }
}

/// All that is counted: callgrind is told to look at this function alone, with what it calls.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// The same work several times; the first time, which fills caches, is not counted.
fn repeated(runs: usize, work: &mut dyn FnMut()) {
    work();
    for _ in 0..runs {
        measured(work);
    }
}

fn frame_200x50(runs: usize) {
    let mut scene = faulty::faulty();
    let now = scene.now;
    let mut second = 0;
    repeated(runs, &mut || {
        // Each second is a new picture: an unchanged one would not be drawn at all.
        second += 1;
        scene.watch.update(Message::Tick(now + TimeDelta::seconds(second % 20)));
        black_box(scene.screen(200, 50));
    });
}

fn update_tick(runs: usize) {
    let scene = faulty::faulty();
    let mut watch = scene.watch.clone();
    repeated(runs, &mut || {
        black_box(watch.update(Message::Tick(black_box(scene.now))));
    });
}

fn update_polled(runs: usize) {
    let scene = faulty::faulty();
    let mut watch = scene.watch.clone();
    let answer = faulty::polled(&scene);
    repeated(runs, &mut || {
        black_box(watch.update(black_box(&answer).clone()));
    });
}

fn record_polled(runs: usize) {
    let scene = faulty::faulty();
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::begin(Some(&Records::at(folder.path())), "0.1.0", TimeDelta::seconds(1), &scene.watch);
    let answer = faulty::polled(&scene);
    repeated(runs, &mut || recorder.append(black_box(&answer)));
}

fn parse_grafana_12_signals(runs: usize) {
    let body = faulty::twelve_signals();
    repeated(runs, &mut || {
        let answer = QueryAnswer::decode(black_box(&body)).unwrap();
        black_box((0..12).map(|index| answer.bins(&format!("A{index}")).unwrap().len()).sum::<usize>());
    });
}

fn tick_100_services_8_signals(runs: usize) {
    let mut watch = fleet::watch(SERVICES);
    let mut milliseconds = 0;
    repeated(runs, &mut || {
        // Within two intervals of the last answer, so that nothing is stale.
        milliseconds = (milliseconds + 7) % 20_000;
        black_box(watch.update(Message::Tick(at(fleet::NOW) + TimeDelta::milliseconds(milliseconds))));
    });
}

fn poll_100_services_8_signals(runs: usize) {
    let mut watch = fleet::watch(SERVICES);
    for (run, later) in (0..=runs).zip(1..) {
        let now = fleet::NOW + 30 * later;
        let mut message = Some(support::answered(GRAFANA, now, fleet::points(SERVICES, now - 180, now)));
        let mut work = || {
            black_box(watch.update(message.take().unwrap()));
        };
        if run == 0 { work() } else { measured(&mut work) }
    }
}
