//! Whether events come more often than they did: counts against what was normal, accumulated.
//!
//! Page's CUSUM of the Poisson log-likelihood ratio between the usual rate and a rate that would matter, divided
//! by the baseline's over-dispersion: failures come in bursts, and a burst is one event more than many.

use super::past::Past;
use crate::deploy::Time;

/// What the likelihood ratio must reach: ln 1 000. It restarts at each bin, so that this is not yet the chance of
/// a false alarm in a window.
const ENOUGH: f64 = 6.907_755_278_982;
/// Half as much again: bursts come closer together than the likelihood knows, and are not to be gone back for.
const SURE: f64 = 1.5 * ENOUGH;
/// Fewer events than this are an accident.
const LEAST_EVENTS: f64 = 3.0;
/// So many bins in a row at the usual rate end it, when they hold enough.
const CALM: u32 = 4;
/// What one bin may add at most where the baseline had a burst of one bin: two of them are enough.
const AFTER_BURST: f64 = 0.6;

/// Events and what they happened among: requests, or seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::verdict) struct Count {
    /// How many events.
    pub(in crate::verdict) events: f64,
    /// Among how many requests, or in how many seconds.
    pub(in crate::verdict) exposure: f64,
}

impl Count {
    /// Events for each unit of exposure; 0 of nothing.
    pub(in crate::verdict) fn rate(self) -> f64 {
        if self.exposure > 0.0 { self.events / self.exposure } else { 0.0 }
    }

    pub(in crate::verdict) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.exposure += other.exposure;
    }
}

/// What would be worth a word, as rates.
#[derive(Debug, Clone, Copy)]
pub(in crate::verdict) struct Material {
    /// A rate up to this is fine whatever it was before.
    pub(in crate::verdict) fine: f64,
    /// A rise by less than this is not looked for.
    pub(in crate::verdict) rise: f64,
    /// What a single bin may add at most, as a share of what it takes: below 1, never one bin alone.
    pub(in crate::verdict) one_bin: f64,
    /// Exposure that calm bins must hold before they end it.
    pub(in crate::verdict) calm: f64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Excess {
    usual: f64,
    matters: f64,
    dispersion: f64,
    /// The pooled rate must be above this: the limit, and 95 % of the baseline's bins.
    above: f64,
    one_bin: f64,
    calm_exposure: f64,
    worth: f64,
    run: Count,
    run_since: Option<Time>,
    since: Option<Time>,
    /// Whether it has been worth enough since then to be sure.
    sure: bool,
    calm: Count,
    calm_since: Time,
    calm_bins: u32,
}

impl Excess {
    pub(in crate::verdict) fn new(past: &Past, material: Material) -> Self {
        let fine = material.fine.max(f64::MIN_POSITIVE);
        // Half an event at the limit is what is believed before anything is known.
        let before = (past.total.events + 0.5) / (past.total.exposure + 0.5 / fine);
        let usual = before.max(fine);
        // Where one bin was bad before, one bin is no news.
        let one_bin = if past.had_burst { material.one_bin.min(AFTER_BURST) } else { material.one_bin };
        Self {
            usual,
            matters: (2.0 * usual).max(usual + material.rise),
            dispersion: past.dispersion,
            above: fine.max(past.high),
            one_bin: one_bin * ENOUGH,
            calm_exposure: material.calm,
            worth: 0.0,
            run: Count::default(),
            run_since: None,
            since: None,
            sure: false,
            calm: Count::default(),
            calm_since: Time::default(),
            calm_bins: 0,
        }
    }

    /// Takes in a bin. When it ends an excess, gives since when it is calm and what happened since: that is what is going on now.
    pub(in crate::verdict) fn take(&mut self, at: Time, bin: Count) -> Option<(Time, Count)> {
        let gain = bin.events * (self.matters / self.usual).ln() - bin.exposure * (self.matters - self.usual);
        let gain = (gain / self.dispersion).min(self.one_bin);
        self.worth = (self.worth + gain).min(2.0 * ENOUGH);
        self.run.add(bin);
        self.run_since = self.run_since.or(Some(at));
        if self.worth <= 0.0 && self.since.is_none() {
            (self.worth, self.run, self.run_since) = (0.0, Count::default(), None);
        }
        let material = self.run.events >= LEAST_EVENTS && self.run.rate() > self.above;
        if self.since.is_none() && self.worth >= ENOUGH && material {
            self.since = self.run_since;
            (self.calm, self.calm_bins) = (Count::default(), 0);
        }
        self.since?;
        self.sure |= self.worth >= SURE;
        self.calm_down(at, bin)
    }

    fn calm_down(&mut self, at: Time, bin: Count) -> Option<(Time, Count)> {
        if bin.rate() > self.above {
            (self.calm, self.calm_bins) = (Count::default(), 0);
            return None;
        }
        if self.calm_bins == 0 {
            self.calm_since = at;
        }
        self.calm.add(bin);
        self.calm_bins += 1;
        if self.calm_bins < CALM || self.calm.exposure < self.calm_exposure {
            return None;
        }
        self.end();
        Some((self.calm_since, self.calm))
    }

    /// Restarts, with the same baseline.
    pub(in crate::verdict) fn end(&mut self) {
        (self.since, self.worth, self.sure) = (None, 0.0, false);
        (self.run, self.run_since) = (Count::default(), None);
    }

    /// Since when there are too many; `None` while there are not, for all that is known.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether there is so much evidence that bursts would hardly bring it.
    pub(in crate::verdict) fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether the newest bins are calm: some more of them, and it is over.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.since.is_some() && 2 * self.calm_bins >= CALM
    }

    /// The events since then.
    pub(in crate::verdict) fn run(&self) -> Count {
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    const SHARE: Material = Material { fine: 0.001, rise: 0.005, one_bin: f64::INFINITY, calm: 100.0 };

    fn bin(events: f64, exposure: f64) -> Count {
        Count { events, exposure }
    }

    fn found(baseline: &[Count], bins: &[Count]) -> Option<usize> {
        let mut excess = Excess::new(&Past::new(baseline, SHARE.fine), SHARE);
        bins.iter().position(|&bin| {
            excess.take(DateTime::UNIX_EPOCH, bin);
            excess.since().is_some()
        })
    }

    #[test]
    fn two_errors_among_few_requests_are_an_accident_and_thirty_among_many_are_not() {
        assert_eq!(found(&[bin(0.0, 100.0); 60], &[bin(1.0, 10.0), bin(1.0, 10.0), bin(0.0, 10.0)]), None);
        assert_eq!(found(&[bin(1.0, 1000.0); 60], &[bin(30.0, 1000.0)]), Some(0));
    }

    #[test]
    fn what_came_in_bursts_before_may_come_in_bursts_again() {
        let bursty: Vec<Count> = (0..60).map(|index| bin(if index % 5 == 0 { 20.0 } else { 0.0 }, 1000.0)).collect();
        assert_eq!(found(&bursty, &[bin(20.0, 1000.0), bin(0.0, 1000.0), bin(20.0, 1000.0)]), None);
    }

    #[test]
    fn an_outage_in_the_hour_before_blinds_nothing() {
        for length in [1, 2, 4, 10, 12] {
            let outage: Vec<Count> =
                (0..60).map(|index| bin(if (8..8 + length).contains(&index) { 120.0 } else { 0.1 }, 300.0)).collect();
            let found = found(&outage, &[bin(15.0, 300.0); 4]);
            assert_eq!(found, Some(usize::from(length == 1)), "an outage of {length} bins");
        }
    }

    #[test]
    fn it_is_over_after_calm_bins_with_enough_in_them() {
        let mut excess = Excess::new(&Past::new(&[], SHARE.fine), SHARE);
        excess.take(DateTime::UNIX_EPOCH, bin(30.0, 1000.0));
        assert!(excess.since().is_some());
        for _ in 0..20 {
            excess.take(DateTime::UNIX_EPOCH, bin(0.0, 4.0));
        }
        assert!(excess.since().is_some(), "80 requests are not enough to be sure");
        for _ in 0..6 {
            excess.take(DateTime::UNIX_EPOCH, bin(0.0, 4.0));
        }
        assert!(excess.since().is_none());
    }
}
