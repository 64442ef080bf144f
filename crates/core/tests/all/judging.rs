//! The judge as a whole: what it raises on healthy half hours and finds in bad ones, what no sequence of readings
//! can make it do, and `redflag judge`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod properties;
mod simulate;

use fastrand::Rng;
use redflag_core::signal::Kind;
use simulate::{Besides, Effect, Noise, Service};

/// Half hours of each sort: a small part of what `examples/false_alarms.rs` prints.
const HALVES: u64 = 60;

fn found(service: Service, effect: Effect) -> Vec<usize> {
    (0..HALVES).filter_map(|half| service.found(effect, &mut Rng::with_seed(half))).collect()
}

#[test]
fn healthy_half_hours_are_left_in_peace() {
    let (mut raised, mut all) = (0, 0);
    for kind in [Kind::ErrorRate, Kind::ServerErrors, Kind::Latency, Kind::Traffic, Kind::Cpu, Kind::Connections] {
        for noise in [Noise::Stationary, Noise::Bursty, Noise::Diurnal] {
            for pace in [1.0, 100.0] {
                let alarms = found(Service { kind, noise, pace }, Effect::None).len();
                // Bursts of 5xx at a high pace are the worst there is.
                assert!(alarms <= 6, "{alarms} of {HALVES}: {} at {pace} a second, {}", kind.label(), noise.name());
                (raised, all) = (raised + alarms, all + HALVES);
            }
        }
    }
    assert!(raised as u64 * 100 <= all, "{raised} of {all} healthy half hours");
}

#[test]
fn a_red_flag_takes_more_than_noise() {
    let mut red = 0;
    for kind in [Kind::ErrorRate, Kind::ServerErrors, Kind::Latency, Kind::Connections, Kind::Memory] {
        for noise in Noise::COMMON {
            let judged = |half| Service { kind, noise, pace: 1.0 }.judged(Effect::None, &mut Rng::with_seed(half));
            red += (0..HALVES).filter(|&half| judged(half).red_at.is_some()).count();
        }
    }
    assert!(red <= 2, "{red} of {} healthy half hours, a third of them of the hardest noises there are", 20 * HALVES);
}

#[test]
fn memory_may_breathe_and_warm_up() {
    for noise in [Noise::Stationary, Noise::SawTooth, Noise::Diurnal, Noise::WarmUp] {
        let alarms = found(Service { kind: Kind::Memory, noise, pace: 1.0 }, Effect::None).len();
        assert!(alarms <= 3, "{alarms} of {HALVES}: {}", noise.name());
    }
}

#[test]
fn what_is_strongly_alike_from_bin_to_bin_is_not_trusted_blindly() {
    // The hardest noise there is: an hour of it knows little of its own level.
    let service = Service { kind: Kind::Latency, noise: Noise::Autocorrelated, pace: 100.0 };
    let alarms = found(service, Effect::None).len();
    assert!(alarms <= 5, "{alarms} of {HALVES}");
}

#[test]
fn true_effects_are_found_and_soon() {
    let stationary = |kind, pace| Service { kind, noise: Noise::Stationary, pace };
    for (service, effect, least, bins) in [
        (stationary(Kind::ErrorRate, 1.0), Effect::Errors(0.03), 58, 8),
        (stationary(Kind::ErrorRate, 10.0), Effect::Errors(0.01), 58, 6),
        (stationary(Kind::ErrorRate, 1000.0), Effect::Errors(0.01), 60, 1),
        (stationary(Kind::ServerErrors, 100.0), Effect::Errors(0.01), 60, 3),
        (stationary(Kind::Latency, 1.0), Effect::Times(1.6), 58, 8),
        (stationary(Kind::Latency, 100.0), Effect::Times(1.3), 60, 4),
        (stationary(Kind::Latency, 100.0), Effect::Times(2.0), 60, 3),
        (stationary(Kind::Traffic, 10.0), Effect::Times(0.5), 60, 4),
        (stationary(Kind::Memory, 1.0), Effect::Leak(0.25), 57, 20),
        (stationary(Kind::Memory, 1.0), Effect::Leak(0.5), 58, 16),
    ] {
        let mut found = found(service, effect);
        found.sort_unstable();
        let what = format!("{effect:?} in {} at {} a second", service.kind.label(), service.pace);
        assert!(found.len() >= least, "{what}: {} of {HALVES}", found.len());
        assert!(found[found.len() / 2] < bins, "{what}: after {} bins", found[found.len() / 2] + 1);
    }
}

const ALONE: Besides = Besides { yesterday: false, neighbours: 0, common: false };

/// How many of the half hours blame the deploy.
fn blamed(service: Service, effect: Effect, besides: Besides) -> usize {
    let judged = |half| service.judged_beside(effect, besides, &mut Rng::with_seed(half));
    (0..HALVES).filter(|&half| judged(half).blamed_at.is_some()).count()
}

#[test]
fn what_comes_every_day_is_blamed_on_nobody_where_yesterday_is_known() {
    let yesterday = Besides { yesterday: true, ..ALONE };
    for (kind, noise) in [
        (Kind::Latency, Noise::Batch),
        (Kind::Cpu, Noise::Batch),
        (Kind::Connections, Noise::Batch),
        (Kind::Memory, Noise::CacheDrop),
    ] {
        let service = Service { kind, noise, pace: 100.0 };
        let (alone, known) = (blamed(service, Effect::None, ALONE), blamed(service, Effect::None, yesterday));
        let what = format!("{}, {}: {alone} of {HALVES} alone, {known} with yesterday", kind.label(), noise.name());
        assert!(alone as u64 >= HALVES - 1 && known <= 1, "{what}");
    }
}

#[test]
fn a_fault_that_hits_the_neighbours_too_is_blamed_on_nobody_and_one_that_does_not_is_found_as_ever() {
    let neighbours = Besides { neighbours: 3, yesterday: true, common: false };
    let (mut found, mut without) = (0, 0);
    for (kind, effect) in [
        (Kind::ErrorRate, Effect::Errors(0.01)),
        (Kind::ServerErrors, Effect::Errors(0.01)),
        (Kind::Latency, Effect::Times(1.3)),
        (Kind::Traffic, Effect::Times(0.5)),
        (Kind::Memory, Effect::Leak(0.25)),
    ] {
        let service = Service { kind, noise: Noise::Stationary, pace: 10.0 };
        let common = blamed(service, effect, Besides { common: true, ..neighbours });
        // A leak begins in each for itself.
        let most = if kind == Kind::Memory { 6 } else { 2 };
        assert!(common <= most, "{effect:?} in {}: {common} of {HALVES} blame the deploy", kind.label());
        for noise in [Noise::Stationary, Noise::Cron] {
            let service = Service { noise, ..service };
            found += blamed(service, effect, neighbours);
            without += blamed(service, effect, ALONE);
        }
    }
    assert!(100 * found >= 99 * without, "{found} true faults are found, and {without} without comparing");
}
