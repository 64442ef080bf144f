//! What the company's services do, as functions of time: the same question always has the same answer, for
//! any moment of the past. Only who served when ([`History`]) is remembered; the rest is arithmetic.

use super::history::{History, PodTrace, Seconds};
use super::noise;
use super::scenario::{Service, Trouble};

/// Counters are made of bins this long.
const BIN: Seconds = 10.0;
/// A pod's memory limit: 512 MiB.
pub(crate) const MEMORY_LIMIT: f64 = 512.0 * 1024.0 * 1024.0;
/// A pod's CPU limit, in cores.
pub(crate) const CPU_LIMIT: f64 = 0.5;
/// The size of a service's database pool.
pub(crate) const POOL_SIZE: f64 = 50.0;
/// The statuses that requests end with.
pub(crate) const STATUSES: [&str; 4] = ["200", "404", "500", "503"];
/// Upper bounds of the response time histogram, in seconds; the last one is infinite.
pub(crate) const BUCKETS: [f64; 22] = [
    0.05,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.45,
    0.5,
    0.55,
    0.6,
    0.7,
    0.8,
    0.9,
    1.0,
    1.25,
    1.5,
    2.0,
    3.0,
    5.0,
    f64::INFINITY,
];
/// How wide response times spread: the deviation of their logarithm.
const SPREAD: f64 = 0.55;
/// The 95th percentile of the normal distribution.
const P95: f64 = 1.644_853_626_951;

/// The model: the services, the noise's seed, and what the simulation recorded.
pub(crate) struct Metrics<'a> {
    pub(crate) services: &'a [Service],
    pub(crate) seed: u64,
    pub(crate) history: &'a History,
    /// When the story began.
    pub(crate) start: Seconds,
    /// Nothing is known after this moment.
    pub(crate) now: Seconds,
}

/// Requests of one bin by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Requests {
    pub(crate) all: f64,
    pub(crate) not_found: f64,
    pub(crate) failed: f64,
    /// Of the failed ones, those that were turned away (503).
    pub(crate) unavailable: f64,
}

impl Requests {
    /// Those that ended with this status.
    pub(crate) fn with_status(&self, status: &str) -> f64 {
        match status {
            "200" => self.all - self.not_found - self.failed,
            "404" => self.not_found,
            "500" => self.failed - self.unavailable,
            "503" => self.unavailable,
            _ => 0.0,
        }
    }
}

impl Metrics<'_> {
    fn stream(&self, service: usize, what: u64) -> u64 {
        noise::stream(&self.services[service].name) ^ (what << 8)
    }

    fn drift(&self, service: usize, what: u64, at: Seconds) -> f64 {
        noise::drift(self.seed, self.stream(service, what), at)
    }

    /// Requests a second, as a rate.
    pub(crate) fn traffic(&self, service: usize, at: Seconds) -> f64 {
        let usual = self.services[service].requests_per_second;
        usual * (1.0 + 0.045 * self.drift(service, 1, at) + 0.03 * noise::daily(at))
    }

    /// Of a faulty version's share what shows: nothing while its feature is turned off.
    fn served(&self, faulty: f64, at: Seconds) -> f64 {
        if self.history.serves_feature(at) { faulty } else { 0.0 }
    }

    /// The share of requests that fail, 0 to 1.
    pub(crate) fn error_share(&self, service: usize, at: Seconds) -> f64 {
        let profile = &self.services[service];
        let serving = self.history.serving(service, at);
        let exposure = serving.exposure(at);
        let mut share = profile.error_share * (1.0 + 0.08 * self.drift(service, 2, at));
        match profile.trouble {
            Trouble::Errors | Trouble::ErrorsAndNoWayBack => {
                let climb = 0.012 + 0.022 * ramp(exposure, 0.0, 150.0);
                share += self.served(serving.faulty, at) * climb * (1.0 + 0.12 * self.drift(service, 3, at));
            }
            Trouble::PoolExhausted => share += 0.055 * self.pool_pressure(service, at),
            Trouble::Dependency => share += 0.03 * self.outage(at) * (1.0 + 0.12 * self.drift(service, 3, at)),
            _ => {}
        }
        // Too few pods turn requests away.
        (share + 0.4 * (0.7 - serving.capacity).max(0.0)).min(1.0)
    }

    /// The 95th percentile of the response time, in milliseconds.
    pub(crate) fn latency(&self, service: usize, at: Seconds) -> f64 {
        let profile = &self.services[service];
        let serving = self.history.serving(service, at);
        let exposure = serving.exposure(at);
        let usual = profile.latency * (1.0 + 0.03 * self.drift(service, 4, at) + 0.006 * noise::daily(at));
        let slower = match profile.trouble {
            Trouble::Errors | Trouble::ErrorsAndNoWayBack => {
                self.served(serving.faulty, at) * (0.36 + 0.36 * ramp(exposure, 60.0, 600.0))
            }
            Trouble::Dependency => 0.7 * self.outage(at),
            Trouble::PoolExhausted => 3.2 * self.pool_pressure(service, at),
            _ => 0.0,
        };
        usual * (1.0 + slower + (0.7 - serving.capacity).max(0.0))
    }

    /// Database connections in use, 0 to 1 of the pool.
    pub(crate) fn pool(&self, service: usize, at: Seconds) -> f64 {
        let usual = 0.44 + 0.11 * self.drift(service, 5, at) + 0.02 * noise::daily(at);
        let serving = self.history.serving(service, at);
        let kept = match self.services[service].trouble {
            // Climbs to the pool's size within five minutes.
            Trouble::PoolExhausted => 0.75 * serving.faulty * ramp(serving.exposure(at), 0.0, 330.0),
            _ => 0.0,
        };
        (usual + kept).min(1.0)
    }

    /// How long requests wait for a connection, 0 to 1: from nothing to timeouts in three minutes.
    fn pool_pressure(&self, service: usize, at: Seconds) -> f64 {
        let serving = self.history.serving(service, at);
        serving.faulty * ramp(serving.exposure(at), 240.0, 420.0)
    }

    /// How far what a service depends on is gone, 0 to 1: whole within half a minute, three minutes into the story.
    fn outage(&self, at: Seconds) -> f64 {
        ramp(at - self.start, 180.0, 210.0)
    }

    /// Memory in use of a pod, 0 to 1 of its limit; `None` when its container did not run.
    pub(crate) fn memory(&self, pod: &PodTrace, at: Seconds) -> Option<f64> {
        let age = at - pod.started(at)?;
        let stream = noise::stream(&pod.name);
        let usual = 0.41 + 0.022 * noise::drift(self.seed, stream, at);
        let leaks = pod.faulty && self.services[pod.service].trouble == Trouble::MemoryLeak;
        Some((usual + if leaks { leaked(self.seed, &pod.name, age) } else { 0.0 }).min(1.0))
    }

    /// CPU in use of a pod, 0 to 1 of its limit; `None` when its container did not run.
    pub(crate) fn cpu(&self, pod: &PodTrace, at: Seconds) -> Option<f64> {
        pod.started(at)?;
        let busy = self.history.serving(pod.service, at).faulty;
        let heavier = if self.services[pod.service].trouble.is_errors() { 0.06 * busy } else { 0.0 };
        let stream = noise::stream(&pod.name) ^ 0xc9;
        Some(0.37 + 0.05 * noise::drift(self.seed, stream, at) + 0.02 * noise::daily(at) + heavier)
    }

    /// Requests in the window `(from, to]`. Whole in whole bins; parts of bins count in proportion.
    pub(crate) fn requests(&self, service: usize, from: Seconds, to: Seconds) -> Requests {
        let mut sum = Requests::default();
        for_bins(from, to.min(self.now), |bin, part| {
            let one = self.requests_in(service, bin);
            sum.all += part * one.all;
            sum.not_found += part * one.not_found;
            sum.failed += part * one.failed;
            sum.unavailable += part * one.unavailable;
        });
        sum
    }

    fn requests_in(&self, service: usize, bin: i64) -> Requests {
        let middle = (bin as f64 + 0.5) * BIN;
        let dither = |what| noise::even(self.seed, self.stream(service, what), bin);
        let luck = noise::unit(self.seed, self.stream(service, 10), bin);
        let all = (self.traffic(service, middle) * BIN + luck).floor();
        let failed = (all * self.error_share(service, middle) + dither(11)).floor().min(all);
        let not_found = ((all - failed) * 0.008 + dither(12)).floor().min(all - failed);
        Requests { all, not_found, failed, unavailable: (failed * 0.2 + dither(13)).floor().min(failed) }
    }

    /// Failures in the window that the new version alone is to blame for: all of them, and those of the rare kind.
    pub(crate) fn new_failures(&self, service: usize, from: Seconds, to: Seconds) -> (f64, f64) {
        let (mut all, mut rare) = (0.0, 0.0);
        for_bins(from, to.min(self.now), |bin, part| {
            let middle = (bin as f64 + 0.5) * BIN;
            if self.history.serving(service, middle).faulty > 0.0 {
                let usual = self.services[service].error_share * 1.1;
                let excess = 1.0 - (usual / self.error_share(service, middle)).min(1.0);
                let failures = (self.requests_in(service, bin).failed * excess).round();
                all += part * failures;
                if self.services[service].trouble.is_errors() {
                    let dither = noise::even(self.seed, self.stream(service, 14), bin);
                    rare += part * (failures * 0.026 + dither).floor();
                }
            }
        });
        (all, rare)
    }

    /// Sessions in the window with the new version (or all others), and how many of them crashed.
    pub(crate) fn sessions(&self, service: usize, new: bool, from: Seconds, to: Seconds) -> (f64, f64) {
        let (mut all, mut crashed) = (0.0, 0.0);
        for_bins(from, to.min(self.now), |bin, part| {
            let middle = (bin as f64 + 0.5) * BIN;
            let faulty = self.history.serving(service, middle).faulty;
            let sessions = self.traffic(service, middle) * BIN * 0.12 * if new { faulty } else { 1.0 - faulty };
            let breaks = new && self.services[service].trouble.is_errors() && self.history.serves_feature(middle);
            let share = if breaks { 0.014 } else { 0.0012 };
            all += part * sessions;
            crashed += part * sessions * share * (1.0 + 0.2 * self.drift(service, 6, middle));
        });
        (all.round(), crashed.round())
    }

    /// Requests in the window that took at most `bound` seconds.
    pub(crate) fn requests_within(&self, service: usize, bound: f64, from: Seconds, to: Seconds) -> f64 {
        let mut sum = 0.0;
        for_bins(from, to.min(self.now), |bin, part| {
            let middle = (bin as f64 + 0.5) * BIN;
            let median = (self.latency(service, middle) / 1000.0).ln() - P95 * SPREAD;
            sum += part * self.requests_in(service, bin).all * normal((bound.ln() - median) / SPREAD);
        });
        sum
    }

    /// CPU seconds that a pod used in the window.
    pub(crate) fn cpu_seconds(&self, pod: &PodTrace, from: Seconds, to: Seconds) -> f64 {
        let mut sum = 0.0;
        for_bins(from, to.min(self.now), |bin, part| {
            let middle = (bin as f64 + 0.5) * BIN;
            sum += part * BIN * CPU_LIMIT * self.cpu(pod, middle).unwrap_or(0.0);
        });
        sum
    }
}

/// What a leaking container has kept `age` seconds after its start, 0 to 1 of its limit: 1.2 points in the
/// first minute, a little more in each that follows, the limit after some 25 minutes.
pub(crate) fn leaked(seed: u64, pod: &str, age: Seconds) -> f64 {
    let minutes = age / 60.0;
    let pace = 0.94 + 0.12 * noise::unit(seed, noise::stream(pod), 77);
    pace * (1.2 * minutes + 0.045 * minutes * minutes) / 100.0
}

/// Whether a leaking container of this age is over its limit.
pub(crate) fn is_over_limit(seed: u64, pod: &str, age: Seconds) -> bool {
    0.41 + leaked(seed, pod, age) >= 1.0
}

/// 0 before `from`, 1 after `to`, in between a straight line.
fn ramp(at: f64, from: f64, to: f64) -> f64 {
    ((at - from) / (to - from)).clamp(0.0, 1.0)
}

/// Calls with each bin that the window touches, and which part of it.
fn for_bins(from: Seconds, to: Seconds, mut each: impl FnMut(i64, f64)) {
    let mut bin = (from / BIN).floor();
    while bin * BIN < to {
        let part = ((bin + 1.0) * BIN).min(to) - (bin * BIN).max(from);
        if part > 1e-9 {
            each(bin as i64, part / BIN);
        }
        bin += 1.0;
    }
}

/// The standard normal distribution function (Abramowitz and Stegun 26.2.17; off by less than 1e-7).
fn normal(x: f64) -> f64 {
    if x.is_infinite() {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenario;
    use super::*;

    const START: Seconds = 1_790_000_000.0;

    fn half_hour_of(scenario: Scenario, check: impl Fn(&Metrics<'_>, Seconds)) {
        let services = scenario.services();
        let mut history = History::new(services.len());
        history.note_start(0, "app-1", false, START - 86_400.0);
        history.note_serving(0, START + 70.0, 1.0, 1.0);
        let metrics = Metrics { services: &services, seed: 1, history: &history, start: START, now: START + 4000.0 };
        for second in -3600..2000 {
            check(&metrics, START + f64::from(second));
        }
    }

    #[test]
    fn a_healthy_service_stays_well_within_every_limit() {
        half_hour_of(Scenario::Healthy, |metrics, at| {
            assert!((0.0003..0.0006).contains(&metrics.error_share(0, at)));
            assert!((435.0..485.0).contains(&metrics.latency(0, at)), "{}", metrics.latency(0, at));
            assert!((0.30..0.60).contains(&metrics.pool(0, at)));
            assert!((36.0..44.0).contains(&metrics.traffic(0, at)));
            let requests = metrics.requests(0, at - 30.0, at);
            assert!(requests.failed / requests.all < 0.001, "never even a warning: {requests:?}");
            for pod in metrics.history.pods(0) {
                assert!(metrics.memory(pod, at).is_some_and(|share| (0.38..0.44).contains(&share)));
                assert!(metrics.cpu(pod, at).is_some_and(|share| (0.30..0.45).contains(&share)));
            }
        });
    }

    #[test]
    fn a_bad_release_shows_within_a_minute_of_taking_the_traffic() {
        half_hour_of(Scenario::BadRelease, |metrics, at| {
            let since = at - START - 70.0;
            let share = metrics.error_share(0, at);
            if since < 0.0 {
                assert!(share < 0.001);
            } else if since > 60.0 {
                assert!((0.012..0.042).contains(&share), "{share}");
            }
            if since > 700.0 {
                assert!(metrics.latency(0, at) > 1.5 * 460.0);
            }
        });
    }

    #[test]
    fn an_exhausted_pool_is_full_after_five_minutes_and_not_before_two() {
        half_hour_of(Scenario::PoolExhausted, |metrics, at| {
            let since = at - START - 70.0;
            if since < 120.0 {
                assert!(metrics.pool(0, at) < 0.95);
            } else if since > 330.0 {
                assert!((metrics.pool(0, at) - 1.0).abs() < 1e-9);
            }
        });
    }

    #[test]
    fn a_leak_begins_at_a_point_a_minute_and_reaches_the_limit_within_the_window() {
        let after = |minutes: f64| leaked(1, "app-x", minutes * 60.0) * 100.0;
        assert!((1.0..1.4).contains(&after(1.0)));
        assert!(!is_over_limit(1, "app-x", 20.0 * 60.0));
        assert!(is_over_limit(1, "app-x", 29.0 * 60.0));
    }

    #[test]
    fn windows_add_up() {
        half_hour_of(Scenario::BadRelease, |metrics, at| {
            if at as i64 % 300 == 0 {
                let whole = metrics.requests(0, at - 60.0, at);
                let halves = (metrics.requests(0, at - 60.0, at - 27.0), metrics.requests(0, at - 27.0, at));
                assert!((whole.all - halves.0.all - halves.1.all).abs() < 1e-6);
                assert!((whole.failed - halves.0.failed - halves.1.failed).abs() < 1e-6);
                let slow = metrics.requests_within(0, f64::INFINITY, at - 60.0, at);
                assert!((slow - whole.all).abs() < 1e-6, "every request ends in the last bucket");
            }
        });
    }
}
