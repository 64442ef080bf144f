//! How often each rule raises a false alarm in a healthy half hour, and how long a true effect takes to be
//! found: `cargo run --release --example false_alarms [HALF_HOURS] [SEED]`. Seeded: the same call prints the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../crates/core/tests/all/judging/simulate.rs"]
mod simulate;

use fastrand::Rng;
use redflag::signal::Kind;
use redflag::verdict::recorded::Outcome;
use simulate::{AFTER, Besides, Effect, Noise, STEP, Service};

const PACES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
/// What is steadier the more requests there are, and what is not.
const BY_REQUESTS: [Kind; 4] = [Kind::ErrorRate, Kind::ServerErrors, Kind::Latency, Kind::Traffic];
const WHATEVER_REQUESTS: [Kind; 4] = [Kind::Cpu, Kind::Connections, Kind::Memory, Kind::Custom];

/// What a service's signals all told raise in each half hour.
type Watches = Vec<Raised>;

/// What was raised in one healthy half hour.
#[derive(Debug, Clone, Copy, Default)]
struct Raised {
    /// A warning or a red flag that blames the deploy.
    blame: bool,
    /// A red flag, whoever it blames.
    red: bool,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a whole number"));
    let halves = arguments.next().unwrap_or(2000);
    let seed = arguments.next().unwrap_or(1);

    println!("Of 100 healthy half hours ({AFTER} bins of {STEP} s, {halves} each, seed {seed}): how many blame the");
    println!("deploy by a warning or a red flag / how many show a red flag\n");
    println!("{:28}{:>13}{:>13}{:>13}{:>13}", "requests a second", 1, 10, 100, 1000);
    let mut watches: [[Watches; PACES.len()]; Noise::COMMON.len()] = Default::default();
    for kind in BY_REQUESTS {
        for (noise, watches) in Noise::COMMON.into_iter().zip(&mut watches) {
            print!("{:28}", format!("{}, {}", kind.label(), noise.name()));
            for (pace, watches) in PACES.into_iter().zip(watches) {
                let raised = healthy(Service { kind, noise, pace }, halves, seed);
                print!("{:>13}", in_a_hundred(&raised));
                add(watches, &raised);
            }
            println!();
        }
    }
    println!();
    for kind in WHATEVER_REQUESTS {
        for (noise, watches) in Noise::COMMON.into_iter().zip(&mut watches) {
            let raised = healthy(Service { kind, noise, pace: 1.0 }, halves, seed);
            println!("{:28}{:>13}", format!("{}, {}", kind.label(), noise.name()), in_a_hundred(&raised));
            for watches in watches.iter_mut() {
                add(watches, &raised);
            }
        }
    }
    for noise in [Noise::SawTooth, Noise::WarmUp, Noise::CacheDrop] {
        let raised = healthy(Service { kind: Kind::Memory, noise, pace: 1.0 }, halves, seed);
        println!("{:28}{:>13}", format!("memory, {}", noise.name()), in_a_hundred(&raised));
    }

    println!();
    for kind in BY_REQUESTS.into_iter().chain(WHATEVER_REQUESTS) {
        for noise in Noise::BY_ITSELF {
            let raised = healthy(Service { kind, noise, pace: 100.0 }, halves, seed);
            println!("{:28}{:>13}", format!("{}, {}", kind.label(), noise.name()), in_a_hundred(&raised));
        }
    }

    comparisons(halves, seed);

    println!(
        "\nThe same of whole watches: all {} signals above together\n",
        BY_REQUESTS.len() + WHATEVER_REQUESTS.len()
    );
    println!("{:28}{:>13}{:>13}{:>13}{:>13}", "requests a second", 1, 10, 100, 1000);
    for (noise, watches) in Noise::COMMON.into_iter().zip(&watches) {
        print!("{:28}", noise.name());
        for watches in watches {
            print!("{:>13}", in_a_hundred(watches));
        }
        println!();
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
    println!("\nThe same until there is a red flag\n");
    for (kind, effect, name) in [
        (Kind::ErrorRate, Effect::Errors(0.03), "error rate +3 points"),
        (Kind::ServerErrors, Effect::Errors(0.01), "5xx +1 % of requests"),
        (Kind::Latency, Effect::Times(1.6), "p95 ×1.6"),
        (Kind::Latency, Effect::Times(2.0), "p95 ×2"),
    ] {
        print!("{name:28}");
        for pace in PACES {
            print!("{:>14}", red(Service { kind, noise: Noise::Stationary, pace }, effect, halves / 5, seed));
        }
        println!();
    }
}

/// What is blamed with and without the same time yesterday, and with and without three services that were not deployed.
fn comparisons(halves: u64, seed: u64) {
    const ALONE: Besides = Besides { yesterday: false, neighbours: 0, common: false };
    const YESTERDAY: Besides = Besides { yesterday: true, ..ALONE };
    const NEIGHBOURS: Besides = Besides { neighbours: 3, ..ALONE };
    const COMMON: Besides = Besides { common: true, ..NEIGHBOURS };
    let row = |name: String, service: Service, effect: Effect, besides: [Besides; 2]| {
        let share = |besides: Besides| {
            in_a_hundred(&raised(halves, seed ^ service.kind as u64, |rng| service.judged_beside(effect, besides, rng)))
        };
        println!("{name:36}{:>16}{:>16}", share(besides[0]), share(besides[1]));
    };
    println!("\n{:36}{:>16}{:>16}\n", "what comes by itself", "alone", "with yesterday");
    for (kind, noise) in BY_REQUESTS
        .into_iter()
        .chain(WHATEVER_REQUESTS)
        .flat_map(|kind| Noise::BY_ITSELF.map(|noise| (kind, noise)))
        .chain([(Kind::Memory, Noise::CacheDrop)])
    {
        let service = Service { kind, noise, pace: 100.0 };
        row(format!("{}, {}", kind.label(), noise.name()), service, Effect::None, [ALONE, YESTERDAY]);
    }
    let faults = [
        (Kind::ErrorRate, Effect::Errors(0.01), "error rate +1 point"),
        (Kind::ErrorRate, Effect::Errors(0.03), "error rate +3 points"),
        (Kind::ServerErrors, Effect::Errors(0.01), "5xx +1 % of requests"),
        (Kind::Latency, Effect::Times(1.3), "p95 ×1.3"),
        (Kind::Latency, Effect::Times(1.6), "p95 ×1.6"),
        (Kind::Latency, Effect::Times(2.0), "p95 ×2"),
        (Kind::Traffic, Effect::Times(0.5), "half the requests"),
        (Kind::Cpu, Effect::Times(1.5), "cpu ×1.5"),
        (Kind::Connections, Effect::Times(1.5), "db pool ×1.5"),
        (Kind::Memory, Effect::Leak(0.25), "leak of 25 %"),
    ];
    println!("\n{:36}{:>16}{:>16}\n", "common fault", "alone", "with neighbours");
    for (kind, effect, name) in faults {
        row(name.to_owned(), Service { kind, noise: Noise::Stationary, pace: 10.0 }, effect, [ALONE, COMMON]);
    }
    println!("\n{:36}{:>16}{:>16}\n", "true fault, all else well", "alone", "with both");
    let both = Besides { neighbours: 3, ..YESTERDAY };
    for (kind, effect, name) in faults {
        for noise in [Noise::Stationary, Noise::Bursty, Noise::Autocorrelated, Noise::Ramp, Noise::Cron] {
            let name = format!("{name}, {}", noise.name());
            row(name, Service { kind, noise, pace: 10.0 }, effect, [ALONE, both]);
        }
    }
}

fn healthy(service: Service, halves: u64, seed: u64) -> Vec<Raised> {
    // Each signal has chances of its own, or a watch of several would be no more than the worst of them.
    raised(halves, seed << 16 | service.kind as u64, |rng| service.judged(Effect::None, rng))
}

fn raised(halves: u64, seed: u64, judged: impl Fn(&mut Rng) -> Outcome) -> Vec<Raised> {
    let judged = (0..halves).map(|half| judged(&mut Rng::with_seed(seed << 32 | half)));
    judged.map(|outcome| Raised { blame: outcome.blamed_at.is_some(), red: outcome.red_at.is_some() }).collect()
}

fn add(watches: &mut Watches, raised: &[Raised]) {
    watches.resize(raised.len(), Raised::default());
    for (watch, raised) in watches.iter_mut().zip(raised) {
        watch.blame |= raised.blame;
        watch.red |= raised.red;
    }
}

fn in_a_hundred(raised: &[Raised]) -> String {
    let share = |what: fn(&Raised) -> bool| {
        100.0 * raised.iter().filter(|raised| what(raised)).count() as f64 / raised.len().max(1) as f64
    };
    format!("{:.2} / {:.2}", share(|raised| raised.blame), share(|raised| raised.red))
}

fn found(service: Service, effect: Effect, halves: u64, seed: u64) -> String {
    middle_one(service, effect, halves, seed, |outcome| outcome.blamed_at)
}

fn red(service: Service, effect: Effect, halves: u64, seed: u64) -> String {
    middle_one(service, effect, halves, seed, |outcome| outcome.red_at)
}

/// How many of the bad half hours are found, and how long the middle one takes.
fn middle_one(
    service: Service,
    effect: Effect,
    halves: u64,
    seed: u64,
    bin_of: impl Fn(&Outcome) -> Option<usize>,
) -> String {
    let judged = |half| service.judged(effect, &mut Rng::with_seed(seed << 32 | half));
    let mut bins: Vec<usize> = (0..halves).filter_map(|half| bin_of(&judged(half))).collect();
    bins.sort_unstable();
    let share = 100 * bins.len() as u64 / halves.max(1);
    match bins.get(bins.len() / 2) {
        Some(&bin) => format!("{share} % {:.1} min", (bin + 1) as f64 * STEP as f64 / 60.0),
        None => "0 %".to_owned(),
    }
}
