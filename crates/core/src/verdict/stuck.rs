//! Whether a series stands still where it moved before: an exporter, a cache or a recording rule that repeats itself.
//!
//! How often two bins in a row are equal, and how often a bin is equal again after two that were, is counted in all
//! other bins: those before the deploy most of all. A run of equal bins that has next to no chance by that is stuck. A
//! number that often stands still may go on to do so, and some may always: no errors, an idle pool, whole percents.

use crate::deploy::Time;
use crate::signal::{Kind, Reading, Sample};

/// A run that is less likely than this is stuck: once in 15 000 half hours of sixty bins.
const CHANCE: f64 = 1e-6;
/// With fewer pairs of bins beside the run nothing is known of how the series moves.
const LEAST_PAIRS: usize = 10;
/// A gauge that takes fewer values than a quarter of its bins is coarse: it may stand still in earnest.
const COARSE: usize = 4;

/// A run of equal bins, as places among the readings that tell anything; the first of them is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The place of its first bin.
    pub(super) first: usize,
    /// The place of its last bin.
    pub(super) last: usize,
}

/// Pairs of neighbours, and how many of them are equal.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    all: usize,
    equal: usize,
    /// Equal ones that follow an equal one.
    again: usize,
}

impl Pairs {
    /// The chance of so many equal pairs in a row, as a logarithm. One more is believed than was seen.
    fn log_chance(self, run: usize) -> f64 {
        let once = (self.equal + 1) as f64 / (self.all + 2) as f64;
        let again = (self.again + 1) as f64 / (self.equal + 2) as f64;
        once.ln() + (run as f64 - 1.0) * again.max(once).ln()
    }
}

/// The runs of `told`, which are the readings that tell anything in order of time, in which a signal of this kind was
/// stuck.
pub(super) fn runs(told: &[Reading], kind: Kind) -> Vec<Run> {
    if !may_be_stuck(kind) {
        return Vec::new();
    }
    let all = equal_runs(told);
    let mut pairs = Pairs { all: told.len().saturating_sub(1), ..Pairs::default() };
    for run in &all {
        pairs.equal += run.last - run.first;
        pairs.again += run.last - run.first - 1;
    }
    let is_stuck = |run: &Run| {
        let length = run.last - run.first;
        let others = Pairs { all: pairs.all - length, equal: pairs.equal - length, again: pairs.again - (length - 1) };
        others.all >= LEAST_PAIRS
            && others.log_chance(length) < CHANCE.ln()
            && !is_natural(told[run.first].sample, kind)
            && !(is_gauge(kind) && is_coarse(told, *run))
    };
    all.into_iter().filter(is_stuck).collect()
}

/// Since when the newest reading repeats, where that is stuck.
pub(super) fn since(told: &[Reading], runs: &[Run]) -> Option<Time> {
    let run = runs.last().filter(|run| run.last + 1 == told.len())?;
    Some(told[run.first].at)
}

/// What is measured here, or counts what hardly ever happens, may be equal for ever.
fn may_be_stuck(kind: Kind) -> bool {
    !matches!(kind, Kind::Rollout | Kind::Probe | Kind::Alerts | Kind::NewIssues)
}

/// Whether a service that is well, or that nobody asks, has this number again and again.
fn is_natural(sample: Sample, kind: Kind) -> bool {
    match (sample, kind) {
        (Sample::Value(value), Kind::CrashFree) => value >= 100.0,
        (Sample::Value(value), kind) => value == 0.0 && !matches!(kind, Kind::Latency | Kind::Memory),
        (Sample::Counts { requests, .. }, _) => requests == 0.0,
        (Sample::Empty | Sample::NotANumber | Sample::Impossible(_), _) => true,
    }
}

/// What is in use may be as much for long; requests, and how long they take, vary by chance.
fn is_gauge(kind: Kind) -> bool {
    matches!(kind, Kind::Cpu | Kind::Memory | Kind::Connections | Kind::Custom)
}

fn is_coarse(told: &[Reading], run: Run) -> bool {
    let others = told[..run.first].iter().chain(&told[run.last + 1..]);
    let mut values: Vec<f64> = others
        .filter_map(|reading| match reading.sample {
            Sample::Value(value) => Some(value),
            _ => None,
        })
        .collect();
    let count = values.len();
    values.sort_by(f64::total_cmp);
    values.dedup();
    count > 0 && values.len() * COARSE < count
}

/// Every run of two or more equal bins.
fn equal_runs(told: &[Reading]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, pair) in told.windows(2).enumerate() {
        if pair[0].sample != pair[1].sample {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.last == place => run.last = place + 1,
            _ => runs.push(Run { first: place, last: place + 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    fn readings(samples: impl IntoIterator<Item = Sample>) -> Vec<Reading> {
        let at = |bin: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(30 * bin);
        (0..).zip(samples).map(|(bin, sample)| Reading { at: at(bin), arrived: at(bin + 1), sample }).collect()
    }

    fn is_stuck(kind: Kind, moving: impl IntoIterator<Item = Sample>, stands: Sample, bins: usize) -> bool {
        let told = readings(moving.into_iter().chain(std::iter::repeat_n(stands, bins)));
        since(&told, &runs(&told, kind)).is_some()
    }

    fn moves(bin: u32) -> f64 {
        f64::from(bin * 37 % 101)
    }

    #[test]
    fn what_moved_in_each_bin_and_stands_for_minutes_is_stuck_and_not_before() {
        let latency = || (0..90).map(|bin| Sample::Value(400.0 + moves(bin)));
        assert!(is_stuck(Kind::Latency, latency(), Sample::Value(441.5), 20));
        assert!(!is_stuck(Kind::Latency, latency(), Sample::Value(441.5), 8));
        let counts =
            || (0..90).map(|bin| Sample::Counts { errors: 0.0, requests: 100.0 + (moves(bin) / 10.0).floor() });
        assert!(is_stuck(Kind::ErrorRate, counts(), Sample::Counts { errors: 0.0, requests: 104.0 }, 40));
    }

    #[test]
    fn a_number_that_often_stands_still_may_go_on_to_do_so() {
        // Whole percents of a pool of fifty; a gauge that is scraped every fifth bin; what never moved.
        let pool = (0..120).map(|bin| Sample::Value(2.0 * (18.0 + (moves(bin) / 20.0).floor())));
        assert!(!is_stuck(Kind::Connections, pool, Sample::Value(40.0), 60));
        let slow = (0..120_u32).map(|bin| Sample::Value(moves(bin / 10)));
        assert!(!is_stuck(Kind::Cpu, slow, Sample::Value(40.5), 20));
        assert!(!is_stuck(Kind::Latency, (0..120).map(|_| Sample::Value(47.5)), Sample::Value(47.5), 60));
    }

    #[test]
    fn no_errors_and_no_requests_may_last_for_ever() {
        let rates = || (0..90).map(|bin| Sample::Value(moves(bin) / 50.0 + 0.01));
        for kind in [Kind::ServerErrors, Kind::ErrorRate, Kind::Traffic] {
            assert!(!is_stuck(kind, rates(), Sample::Value(0.0), 60), "{kind:?}");
            assert!(is_stuck(kind, rates(), Sample::Value(0.123), 60), "{kind:?}");
        }
        let shares = || (0..90).map(|bin| Sample::Value(100.0 - moves(bin) / 500.0));
        assert!(!is_stuck(Kind::CrashFree, shares(), Sample::Value(100.0), 60));
        assert!(is_stuck(Kind::CrashFree, shares(), Sample::Value(99.87), 60));
    }

    #[test]
    fn a_run_that_is_over_is_still_one() {
        let samples = (0..60).map(|bin| if (20..45).contains(&bin) { 7.25 } else { moves(bin) });
        let told = readings(samples.map(Sample::Value));
        let runs = runs(&told, Kind::Latency);
        assert_eq!(runs, [Run { first: 20, last: 44 }]);
        assert_eq!(since(&told, &runs), None);
    }
}
