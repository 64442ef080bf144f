//! What was usual before the deploy, whatever went wrong in it: an outage in the hour before is no measure of anything.
//!
//! Left out are few stretches of bins that misfit the rest. Many of them are how the service is, and stay.

use super::excess::Count;
use crate::verdict::stats::median;

/// A baseline may have so many outages; more are how it is. Errors should not come at all, while a job that slows
/// everything down comes twice an hour.
const MOST_OUTAGES: usize = 2;
const MOST_SLOW: usize = 1;
/// They may take so much of it.
const MOST_LEFT_OUT: f64 = 0.2;
/// A bin so many squared deviations from what is expected misfits.
const MISFITS: f64 = 30.0;
/// The deviations are measured on this share of the bins, the best fitting ones; a normal one is so many times as wide.
const MEASURED_ON: f64 = 0.8;
const WIDER: f64 = 2.3;
/// Over-dispersion is measured without one bin in sixty besides.
const WORST: f64 = 1.0 / 60.0;
/// Bins are put together until so many events would be expected in them at what is fine: then half of them say what
/// is usual.
const LEAST_EVENTS: f64 = 3.0;
/// A run of latencies is an outage when it is at least so long and so many median deviations out.
const LEAST_RUN: usize = 3;
const FAR_OUT: f64 = 8.0;
/// Where more single ones than this are as far out, so is the number at times.
const MOST_SINGLES: usize = 1;
/// The median deviation is never taken to be smaller than this, in logarithms.
const LEAST_DEVIATION: f64 = 0.01;

/// How often something happened before the deploy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::verdict) struct Past {
    /// All of it, but for outages.
    pub(in crate::verdict) total: Count,
    /// The rate of the middle bin, where bins are put together until each says something.
    pub(in crate::verdict) middle: f64,
    /// How much wider than chance it varied; at least 1.
    pub(in crate::verdict) dispersion: f64,
    /// 95 % of the bins had a lower rate.
    pub(in crate::verdict) high: f64,
    /// Whether an outage of a single bin was left out: one bin alone is no news then.
    pub(in crate::verdict) had_burst: bool,
}

impl Past {
    /// Of bins in order of time; a rate up to `fine` is fine whatever it was.
    pub(in crate::verdict) fn new(bins: &[Count], fine: f64) -> Self {
        let outages = stretches(&misfits(bins, fine), 1, MOST_OUTAGES);
        let left_out = |place: usize| outages.iter().any(|&(first, last)| (first..=last).contains(&place));
        let kept: Vec<Count> =
            bins.iter().enumerate().filter(|(place, _)| !left_out(*place)).map(|(_, &bin)| bin).collect();
        let total = sum(&kept);
        let mut deviations = deviations(&kept, total.rate());
        deviations.sort_by(f64::total_cmp);
        deviations.truncate((deviations.len() as f64 * (1.0 - WORST)).floor() as usize);
        let mut rates: Vec<f64> = kept.iter().map(|bin| bin.rate()).collect();
        rates.sort_by(f64::total_cmp);
        let high = rates.get((rates.len().saturating_sub(1) as f64 * 0.95) as usize).copied().unwrap_or(0.0);
        Self {
            total,
            middle: middle_rate(bins, fine),
            dispersion: mean(&deviations).max(1.0),
            high,
            had_burst: outages.iter().any(|(first, last)| first == last),
        }
    }
}

fn sum(bins: &[Count]) -> Count {
    let mut total = Count::default();
    for &bin in bins {
        total.add(bin);
    }
    total
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// How far each bin is from what is expected at a rate, in units of what chance brings; squared.
fn deviations(bins: &[Count], rate: f64) -> Vec<f64> {
    let deviation = |bin: &Count| {
        let expected = bin.exposure * rate;
        (bin.events - expected).powi(2) / expected.max(0.5)
    };
    bins.iter().map(deviation).collect()
}

/// The bins with far more events than the usual ones.
fn misfits(bins: &[Count], fine: f64) -> Vec<bool> {
    let mut sorted: Vec<&Count> = bins.iter().collect();
    sorted.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    sorted.truncate((sorted.len() as f64 * MEASURED_ON).ceil() as usize);
    let usual: Vec<Count> = sorted.into_iter().copied().collect();
    let rate = sum(&usual).rate().max(fine);
    let mut own = deviations(bins, rate);
    let all = own.clone();
    own.sort_by(f64::total_cmp);
    own.truncate((own.len() as f64 * MEASURED_ON).ceil() as usize);
    let far = MISFITS * (WIDER * mean(&own)).max(1.0);
    bins.iter().zip(all).map(|(bin, deviation)| deviation > far && bin.rate() > 2.0 * rate).collect()
}

/// The stretches of what misfits, where they are few enough to be outages; none otherwise. Those shorter than `shortest`
/// are none.
fn stretches(misfits: &[bool], shortest: usize, outages: usize) -> Vec<(usize, usize)> {
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (place, _) in misfits.iter().enumerate().filter(|(_, misfits)| **misfits) {
        match all.last_mut() {
            // One good bin amidst bad ones ends nothing.
            Some((_, end)) if place - *end <= 2 => *end = place,
            _ => all.push((place, place)),
        }
    }
    all.retain(|(first, last)| last - first + 1 >= shortest);
    let length: usize = all.iter().map(|(first, last)| last - first + 1).sum();
    if all.len() > outages || length as f64 > MOST_LEFT_OUT * misfits.len() as f64 {
        all.clear();
    }
    all
}

fn middle_rate(bins: &[Count], fine: f64) -> f64 {
    let (mut rates, mut together) = (Vec::with_capacity(bins.len()), Count::default());
    for &bin in bins {
        together.add(bin);
        if together.exposure * fine >= LEAST_EVENTS {
            rates.push(together.rate());
            together = Count::default();
        }
    }
    median(rates).unwrap_or(together.rate())
}

/// Where a run of at least three numbers is far out, on either side, and neither reaches the deploy nor comes again and
/// again. By the places of [`super::shift`], which are logarithms.
pub(super) fn outages(places: &[f64]) -> Vec<(usize, usize)> {
    let Some(middle) = median(places.to_vec()) else { return Vec::new() };
    let deviation = median(places.iter().map(|place| (place - middle).abs()).collect());
    let far = FAR_OUT * deviation.unwrap_or(0.0).max(LEAST_DEVIATION);
    let misfits: Vec<bool> = places.iter().map(|place| (place - middle).abs() > far).collect();
    let mut outages = stretches(&misfits, LEAST_RUN, MOST_SLOW);
    let in_outages: usize = outages.iter().map(|(first, last)| last - first + 1).sum();
    if misfits.iter().filter(|misfits| **misfits).count() > in_outages + MOST_SINGLES {
        return Vec::new();
    }
    // What still is so when the deploy is made is how things are.
    outages.retain(|(_, last)| last + 1 < places.len());
    outages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(of: impl Fn(usize) -> f64) -> Vec<Count> {
        (0..60).map(|bin| Count { events: of(bin), exposure: 300.0 }).collect()
    }

    #[test]
    fn an_outage_of_up_to_a_fifth_is_no_measure_and_bursts_again_and_again_are() {
        for length in 0..=12 {
            let past = Past::new(&bins(|bin| if (10..10 + length).contains(&bin) { 120.0 } else { 0.0 }), 0.001);
            assert!(past.total.rate() < 0.001 && past.high < 0.001 && past.dispersion < 2.0, "{length}: {past:?}");
            assert_eq!(past.had_burst, length == 1);
        }
        let bursts = Past::new(&bins(|bin| if bin % 5 == 0 { 20.0 } else { 0.0 }), 0.001);
        assert!(!bursts.had_burst && bursts.dispersion > 5.0, "{bursts:?}");
    }

    #[test]
    fn what_is_usual_is_said_by_the_middle_however_thin_the_traffic() {
        assert!(Past::new(&bins(|bin| if bin < 20 { 30.0 } else { 0.0 }), 0.001).middle < 1e-9);
        let thin: Vec<Count> = (0..200).map(|bin| Count { events: f64::from(bin % 40 == 0), exposure: 1.0 }).collect();
        assert!(Past::new(&thin, 0.001).middle > 0.02, "one in forty, at one request a bin");
    }

    #[test]
    fn a_run_of_slow_bins_is_an_outage_and_single_ones_and_the_newest_are_not() {
        let place =
            |bin: usize, bad: &[usize]| if bad.contains(&bin) { 8.0 } else { 6.0 + 0.01 * (bin * 37 % 11) as f64 };
        let found = |bad: &[usize]| outages(&(0..60).map(|bin| place(bin, bad)).collect::<Vec<_>>());
        assert_eq!(found(&[20, 21, 22, 23]), [(20, 23)]);
        assert_eq!(found(&[20, 21, 30, 40]), []);
        assert_eq!(found(&[10, 11, 12, 13, 40, 41, 42, 43]), [], "what comes twice comes again");
        assert_eq!(found(&[56, 57, 58, 59]), []);
    }
}
