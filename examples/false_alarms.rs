//! How often each rule raises a false alarm in a healthy half hour, and how long a true effect takes to be
//! found: `cargo run --release --example false_alarms [HALF_HOURS] [SEED]`. Seeded: the same call prints the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/judging/simulate.rs"]
mod simulate;

use fastrand::Rng;
use redflag::signal::Kind;
use simulate::{AFTER, Effect, Noise, STEP, Service};

const PACES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
const BY_REQUESTS: [Kind; 4] = [Kind::ErrorRate, Kind::ServerErrors, Kind::Latency, Kind::Traffic];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a whole number"));
    let halves = arguments.next().unwrap_or(2000);
    let seed = arguments.next().unwrap_or(1);

    println!("False alarms in 100 healthy half hours of {AFTER} bins of {STEP} s, of {halves} each, seed {seed}\n");
    println!("{:28}{:>10}{:>10}{:>10}{:>10}", "requests a second", 1, 10, 100, 1000);
    for kind in BY_REQUESTS {
        for noise in Noise::COMMON {
            print!("{:28}", format!("{}, {}", kind.label(), noise.name()));
            for pace in PACES {
                print!("{:10.2}", false_alarms(Service { kind, noise, pace }, halves, seed));
            }
            println!();
        }
    }
    println!();
    for kind in [Kind::Cpu, Kind::Connections, Kind::Memory, Kind::Custom] {
        let own: &[Noise] = if kind == Kind::Memory { &[Noise::SawTooth, Noise::WarmUp] } else { &[] };
        for noise in Noise::COMMON.iter().chain(own) {
            let alarms = false_alarms(Service { kind, noise: *noise, pace: 1.0 }, halves, seed);
            println!("{:28}{alarms:10.2}", format!("{}, {}", kind.label(), noise.name()));
        }
    }

    println!("\nFound of 100 bad half hours, and the middle one's minutes until then (stationary noise)\n");
    println!("{:28}{:>14}{:>14}{:>14}{:>14}", "requests a second", 1, 10, 100, 1000);
    for (kind, effect, name) in [
        (Kind::ErrorRate, Effect::Errors(0.01), "error rate +1 point"),
        (Kind::ErrorRate, Effect::Errors(0.03), "error rate +3 points"),
        (Kind::ErrorRate, Effect::Errors(0.2), "error rate +20 points"),
        (Kind::ServerErrors, Effect::Errors(0.01), "5xx +1 % of requests"),
        (Kind::Latency, Effect::Times(1.3), "p95 ×1.3"),
        (Kind::Latency, Effect::Times(1.6), "p95 ×1.6"),
        (Kind::Latency, Effect::Times(2.0), "p95 ×2"),
        (Kind::Traffic, Effect::Times(0.5), "half the requests"),
    ] {
        print!("{name:28}");
        for pace in PACES {
            print!("{:>14}", found(Service { kind, noise: Noise::Stationary, pace }, effect, halves / 5, seed));
        }
        println!();
    }
    println!();
    for (kind, noise, effect, name) in [
        (Kind::Cpu, Noise::Stationary, Effect::Times(1.5), "cpu ×1.5"),
        (Kind::Connections, Noise::Stationary, Effect::Times(1.5), "db pool ×1.5"),
        (Kind::Memory, Noise::Stationary, Effect::Leak(0.1), "leak of 10 %"),
        (Kind::Memory, Noise::Stationary, Effect::Leak(0.25), "leak of 25 %"),
        (Kind::Memory, Noise::Stationary, Effect::Leak(0.5), "leak of 50 %"),
        (Kind::Memory, Noise::SawTooth, Effect::Leak(0.5), "leak of 50 %, saw-tooth"),
    ] {
        println!("{name:28}{:>14}", found(Service { kind, noise, pace: 1.0 }, effect, halves / 5, seed));
    }
}

fn false_alarms(service: Service, halves: u64, seed: u64) -> f64 {
    let raised =
        (0..halves).filter(|half| service.found(Effect::None, &mut Rng::with_seed(seed << 32 | half)).is_some());
    100.0 * raised.count() as f64 / halves.max(1) as f64
}

fn found(service: Service, effect: Effect, halves: u64, seed: u64) -> String {
    let mut bins: Vec<usize> =
        (0..halves).filter_map(|half| service.found(effect, &mut Rng::with_seed(seed << 32 | half))).collect();
    bins.sort_unstable();
    let share = 100 * bins.len() as u64 / halves.max(1);
    match bins.get(bins.len() / 2) {
        Some(&bin) => format!("{share} % {:.1} min", (bin + 1) as f64 * STEP as f64 / 60.0),
        None => "0 %".to_owned(),
    }
}
