//! Half hours of a service, seeded: healthy ones with each kind of noise, and ones with a true effect in them.
#![allow(dead_code, unreachable_pub, reason = "the tests and the example each use a part of it")]

use chrono::TimeDelta;
use fastrand::Rng;
use redflag_core::signal::{Kind, Sample};
use redflag_core::verdict::recorded::{self, Other, Outcome, Record};

/// Seconds a bin.
pub const STEP: i64 = 30;
/// Bins of an hour before the deploy.
pub const BEFORE: usize = 120;
/// Bins of half an hour after it.
pub const AFTER: usize = 60;

/// How a healthy service varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// Each bin for itself.
    Stationary,
    /// One bin in twenty is three times as bad.
    Bursty,
    /// A day's wave of ±20 %.
    Diurnal,
    /// What one bin has, the next has four fifths of.
    Autocorrelated,
    /// Memory between two collections.
    SawTooth,
    /// New pods that fill their caches: an exponential with a time constant of three minutes.
    WarmUp,
    /// The morning: a third more over the hour and a half.
    Ramp,
    /// A job that takes two minutes, twice an hour, and nearly doubles everything meanwhile.
    Cron,
    /// A batch that begins three minutes after the deploy, as each day, and takes fifteen: six tenths more of everything.
    Batch,
    /// A cache that is dropped once in the window, three tenths of what there is, and fills again.
    CacheDrop,
}

impl Noise {
    /// The noises that any signal can have.
    pub const COMMON: [Self; 4] = [Self::Stationary, Self::Bursty, Self::Diurnal, Self::Autocorrelated];

    /// What comes by itself, deploy or not.
    pub const BY_ITSELF: [Self; 3] = [Self::Ramp, Self::Cron, Self::Batch];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Stationary => "stationary",
            Self::Bursty => "bursty",
            Self::Diurnal => "diurnal",
            Self::Autocorrelated => "autocorrelated",
            Self::SawTooth => "saw-tooth",
            Self::WarmUp => "warm-up",
            Self::Ramp => "daily ramp",
            Self::Cron => "cron job",
            Self::Batch => "daily batch",
            Self::CacheDrop => "cache drop",
        }
    }
}

/// What the deploy does to the service, from its first bin on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Nothing.
    None,
    /// More requests fail, by this share.
    Errors(f64),
    /// The signal is so many times as large.
    Times(f64),
    /// Memory grows by this share of itself in half an hour.
    Leak(f64),
}

/// What is known besides the service's own hour and a half.
#[derive(Debug, Clone, Copy, Default)]
pub struct Besides {
    /// The same time of the day before.
    pub yesterday: bool,
    /// So many services that were not deployed.
    pub neighbours: usize,
    /// What befalls those as well comes from elsewhere.
    pub common: bool,
}

/// One service at one pace.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    pub kind: Kind,
    pub noise: Noise,
    /// Requests a second.
    pub pace: f64,
}

impl Service {
    /// The bin at which the judge blames the deploy.
    pub fn found(self, effect: Effect, rng: &mut Rng) -> Option<usize> {
        self.judged(effect, rng).blamed_at
    }

    /// All that the judge makes of it.
    pub fn judged(self, effect: Effect, rng: &mut Rng) -> Outcome {
        let (before, after) = self.samples(effect, rng);
        let signal = recorded::signal(self.kind, TimeDelta::seconds(STEP));
        recorded::play(&signal, &before, &after)
    }

    /// All that the judge makes of it when it knows what is besides.
    pub fn judged_beside(self, effect: Effect, besides: Besides, rng: &mut Rng) -> Outcome {
        let phase = rng.f64() * std::f64::consts::TAU;
        let (before, after) = self.samples_in(phase, effect, rng);
        // A job begins with some seconds' difference.
        let shifts = matches!(self.noise, Noise::Cron | Noise::Batch);
        let minute = if shifts { 0.001 * f64::from(rng.i32(-1..=1)) } else { 0.0 };
        let yesterday = self.samples_in(phase + minute, Effect::None, rng);
        let theirs = if besides.common { effect } else { Effect::None };
        let neighbours: Vec<_> = (0..besides.neighbours).map(|_| self.samples(theirs, rng)).collect();
        let signal = recorded::signal(self.kind, TimeDelta::seconds(STEP));
        let named: Vec<(&str, Other<'_>)> = ["cart", "search", "orders"]
            .into_iter()
            .zip(neighbours.iter().map(|(baseline, after)| Other { baseline, after }))
            .collect();
        let yesterday = besides.yesterday.then_some(Other { baseline: &yesterday.0, after: &yesterday.1 });
        Record { yesterday, neighbours: &named, ..Record::of(&signal, &before, &after) }.play()
    }

    pub fn samples(self, effect: Effect, rng: &mut Rng) -> (Vec<Sample>, Vec<Sample>) {
        let phase = rng.f64() * std::f64::consts::TAU;
        self.samples_in(phase, effect, rng)
    }

    fn samples_in(self, phase: f64, effect: Effect, rng: &mut Rng) -> (Vec<Sample>, Vec<Sample>) {
        let mut drift = normal(rng);
        let mut samples = (0..BEFORE + AFTER).map(|bin| {
            drift = 0.8 * drift + 0.6 * normal(rng);
            let level = self.level(bin, phase, drift, rng);
            let since = bin.checked_sub(BEFORE).map(|since| since as f64);
            self.sample(bin, level, if since.is_some() { effect } else { Effect::None }, since.unwrap_or(0.0), rng)
        });
        let before = samples.by_ref().take(BEFORE).collect();
        (before, samples.collect())
    }

    /// By how much everything is larger than usual in this bin.
    fn level(self, bin: usize, phase: f64, drift: f64, rng: &mut Rng) -> f64 {
        match self.noise {
            Noise::Bursty if rng.f64() < 0.05 => 3.0,
            Noise::Diurnal => 1.0 + 0.2 * (phase + bin as f64 * STEP as f64 / 86_400.0 * std::f64::consts::TAU).sin(),
            Noise::Autocorrelated => (0.1 * drift).exp(),
            Noise::Ramp => 1.0 + bin as f64 / (3 * (BEFORE + AFTER)) as f64,
            Noise::Cron if (bin + (phase * 1000.0).max(0.0) as usize) % 60 < 4 => 1.9,
            Noise::Batch => {
                let begun = bin as f64 - BEFORE as f64 - 6.0 - (phase * 1000.0).sin();
                if (0.0..30.0).contains(&begun) { 1.6 } else { 1.0 }
            }
            _ => 1.0,
        }
    }

    fn sample(self, bin: usize, level: f64, effect: Effect, since: f64, rng: &mut Rng) -> Sample {
        let times = if let Effect::Times(times) = effect { times } else { 1.0 };
        let usual_requests = self.pace * STEP as f64;
        match self.kind {
            Kind::ErrorRate => {
                let requests = poisson(usual_requests, rng);
                let more = if let Effect::Errors(share) = effect { share } else { 0.0 };
                Sample::Counts { errors: poisson(requests * (0.000_5 * level + more), rng).min(requests), requests }
            }
            Kind::ServerErrors => {
                let more = if let Effect::Errors(share) = effect { share } else { 0.0 };
                Sample::Value(poisson(usual_requests * (0.000_5 * level + more), rng) / STEP as f64)
            }
            Kind::Traffic => {
                // Bursts of requests come on top; a day's wave goes both ways.
                Sample::Value(poisson(usual_requests * level * times, rng) / STEP as f64)
            }
            // The 95th percentile of so many log-normal response times, and how they all vary together.
            Kind::Latency => {
                let own = 0.55 * 2.113 / usual_requests.max(1.0).sqrt();
                Sample::Value(450.0 * level * times * (own.hypot(0.03) * normal(rng)).exp())
            }
            Kind::Memory => Sample::Value(self.memory(bin, level, effect, since, rng)),
            _ => Sample::Value((30.0 * level * times * (0.05 * normal(rng)).exp()).min(100.0)),
        }
    }

    fn memory(self, bin: usize, level: f64, effect: Effect, since: f64, rng: &mut Rng) -> f64 {
        let leak = if let Effect::Leak(share) = effect { share * since / AFTER as f64 } else { 0.0 };
        let base = 40.0 * (1.0 + leak) * (1.0 + 0.1 * (level - 1.0)) + 0.2 * normal(rng);
        match self.noise {
            Noise::SawTooth => base + 1.5 * (bin % 9) as f64,
            Noise::CacheDrop => match bin.checked_sub(BEFORE + AFTER / 3) {
                Some(since) => base * (1.0 - 0.3 * (-(since as f64) / 20.0).exp()),
                None => base,
            },
            Noise::WarmUp if bin >= BEFORE => base + 2.0 - 14.0 * (-since * STEP as f64 / 180.0).exp(),
            _ => base,
        }
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// A Poisson number: counted for small means (Knuth), rounded from a normal one for large.
fn poisson(mean: f64, rng: &mut Rng) -> f64 {
    if mean > 60.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.f64(), 0.0);
    while product > limit {
        product *= rng.f64();
        count += 1.0;
    }
    count
}
