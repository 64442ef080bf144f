//! Whether what is kept only grows: the floor of a saw-tooth climbs, steadily, further than it ever did before.
//!
//! Judged on the minima of blocks of bins, which is where a garbage collector leaves memory. A warm-up bends
//! and a leak does not, so the newest part must still climb about as fast as the whole. Blocks are stretches of time,
//! not numbers of bins: short bins are put together, and what climbs too slowly for short blocks is seen in blocks of
//! twice and four times their length, up to the whole window.

use crate::deploy::Time;
use crate::verdict::stats::{median, theil_sen};
use chrono::TimeDelta;

/// Shorter bins are put together until they last so long. Seconds.
const UNIT: i64 = 30;
/// Units a block: the first of these that irons out the baseline's own saw-tooth, for units that last from so long to
/// so long (seconds): half an hour must have enough blocks.
const BLOCK: [(usize, i64, i64); 7] =
    [(1, 240, i64::MAX), (2, 100, 240), (3, 0, 160), (5, 0, 100), (7, 0, 100), (9, 0, 100), (12, 0, 100)];
/// The most and the fewest blocks that are looked at.
const BLOCKS: usize = 6;
const FEWEST: usize = 4;
/// Blocks of a single bin say less.
const FEWEST_SINGLE: usize = 5;
/// Longer blocks are looked at while the fewest of them last no longer than this. Seconds.
const LONGEST: i64 = 40 * 60;
/// So many lengths of blocks at most, each twice the one before.
const LENGTHS: usize = 4;
/// A climb by less than this share of the usual value is not told from noise.
const LEAST_RISE: f64 = 0.03;
/// The climb must be so many times as far as the baseline ever climbed in the same time.
const BEYOND_OWN: f64 = 1.5;
/// How fast the newer part must climb, of the older's pace.
const UNBENT: f64 = 0.75;
/// So many units in a row without a climb end it.
const CALM: u32 = 6;

/// How far a baseline climbed within 4, 5 and 6 blocks, but for one time in twenty.
type Own = [f64; BLOCKS - FEWEST + 1];

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Climb {
    /// The usual value; `None` until something is known.
    usual: Option<f64>,
    /// The least climb that matters whatever its share.
    least: f64,
    /// 95 % of the values before the deploy lie below.
    high: f64,
    /// Bins a unit.
    bins: usize,
    /// The unit that is not full yet: when it began, its minimum, and its bins.
    begun: Option<(Time, f64, usize)>,
    /// Units a block, in the shortest.
    block: usize,
    lengths: Vec<Length>,
    recent: Vec<(Time, f64)>,
    units: usize,
    pace: f64,
    since: Option<Time>,
    calm: u32,
}

/// Blocks of one length.
#[derive(Debug, Clone, PartialEq)]
struct Length {
    block: usize,
    own: Own,
    /// Where the climb begins and how much it climbs a minute, as last looked at.
    climbed: Option<(Time, f64)>,
}

impl Climb {
    /// Held against a baseline in order of time; `least` is the least climb that matters, in the signal's unit.
    pub(in crate::verdict) fn new(baseline: &[f64], least: f64, step: TimeDelta) -> Self {
        let seconds = step.num_seconds().max(1);
        let bins = (UNIT / seconds).max(1);
        let unit = seconds * bins;
        let bins = usize::try_from(bins).unwrap_or(1);
        let mut sorted = baseline.to_vec();
        sorted.sort_by(f64::total_cmp);
        let high = sorted.get((sorted.len().saturating_sub(1) as f64 * 0.95) as usize);
        let usual = median(sorted.clone());
        let units: Vec<f64> = floors(baseline, bins).collect();
        let harmless = (LEAST_RISE * usual.unwrap_or(0.0).abs()).max(least);
        let (block, own) = shortest(&units, harmless, unit);
        Self {
            usual,
            least,
            high: high.copied().unwrap_or(f64::NEG_INFINITY),
            bins,
            begun: None,
            block,
            lengths: lengths(&units, block, own, unit),
            recent: Vec::new(),
            units: 0,
            pace: 0.0,
            since: None,
            calm: 0,
        }
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        self.usual = self.usual.or(Some(value));
        let (since, low, bins) =
            self.begun.map_or((at, value, 1), |(since, low, bins)| (since, low.min(value), bins + 1));
        if bins < self.bins {
            self.begun = Some((since, low, bins));
            return;
        }
        self.begun = None;
        // Some blocks more than are looked at: what was there before tells a warm-up's end.
        let longest = self.lengths.last().map_or(self.block, |length| length.block);
        if self.recent.len() == (2 * BLOCKS * self.block).max((BLOCKS + 2) * longest) {
            self.recent.remove(0);
        }
        self.recent.push((at, low));
        self.units += 1;
        let mut lengths = std::mem::take(&mut self.lengths);
        for length in &mut lengths {
            // The longer ones need not be looked at in each unit.
            if length.block == self.block || self.units.is_multiple_of(self.block) {
                length.climbed = self.climbed(length);
            }
        }
        self.lengths = lengths;
        if let Some((since, pace)) = self.lengths.iter().find_map(|length| length.climbed) {
            self.since = self.since.or(Some(since));
            (self.pace, self.calm) = (pace, 0);
        } else {
            self.calm += 1;
            if self.calm >= CALM {
                self.since = None;
            }
        }
    }

    /// Where the climb begins and how much it climbs a minute.
    fn climbed(&self, length: &Length) -> Option<(Time, f64)> {
        let block = length.block;
        let surplus = self.recent.len() % block;
        let all: Vec<f64> = self.recent[surplus..].chunks_exact(block).map(lowest).collect();
        let (older, floors) = all.split_at(all.len().saturating_sub(BLOCKS));
        let blocked = &self.recent[surplus + older.len() * block..];
        let own = length.own.get(floors.len().checked_sub(FEWEST)?)?;
        let (usual, last) = (self.usual?, floors.last()?);
        let steady = floors.windows(2).all(|pair| pair[1] > pair[0]);
        if !steady || *last <= self.high || (block == 1 && floors.len() < FEWEST_SINGLE) {
            return None;
        }
        let pace = theil_sen(floors)?;
        let rise = pace * (floors.len() - 1) as f64;
        let newest_pace = theil_sen(&floors[floors.len() - floors.len() / 3 - 1..])?;
        let unbent = newest_pace >= UNBENT * pace && theil_sen(older).is_none_or(|before| pace >= UNBENT * before);
        let enough = (LEAST_RISE * usual.abs()).max(BEYOND_OWN * own).max(self.least);
        if !(rise >= enough && rise > 0.0 && unbent) {
            return None;
        }
        let (since, newest) = (blocked.first()?.0, blocked.last()?.0);
        // From floor to floor is one block less than from end to end.
        let units = (block * (floors.len() - 1)) as f64 / (blocked.len() - 1) as f64;
        let minutes = units * (newest - since).num_seconds().max(1) as f64 / 60.0;
        Some((since, rise / minutes))
    }

    /// Since when it climbs; `None` while it does not.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether it has not climbed of late.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.since.is_some() && 2 * self.calm >= CALM
    }

    /// By how much a minute.
    pub(in crate::verdict) fn pace(&self) -> f64 {
        self.pace
    }

    /// How long until `full` is reached from `value` at this pace; `None` for more than a week.
    pub(in crate::verdict) fn left(&self, value: f64, full: f64) -> Option<TimeDelta> {
        let minutes = (full - value).max(0.0) / self.pace;
        (0.0..7.0 * 24.0 * 60.0).contains(&minutes).then(|| TimeDelta::seconds((minutes * 60.0) as i64))
    }
}

/// The block length that leaves the least of the baseline's own ups and downs, and what it leaves of them.
fn shortest(units: &[f64], harmless: f64, unit: i64) -> (usize, Own) {
    let fits = BLOCK.into_iter().filter(|(_, from, below)| (*from..*below).contains(&unit));
    let mut candidates = fits.map(|(block, ..)| block).peekable();
    let mut best = (candidates.peek().copied().unwrap_or(1), Own::default());
    let mut least = f64::INFINITY;
    for block in candidates {
        let Some(own) = own_climbs(units, block) else { break };
        let worst = own.iter().copied().fold(0.0, f64::max);
        if worst < least {
            (best, least) = ((block, own), worst);
        }
        if worst <= harmless {
            break;
        }
    }
    best
}

/// The lengths of blocks that are looked at, the shortest first.
fn lengths(units: &[f64], block: usize, own: Own, unit: i64) -> Vec<Length> {
    let mut lengths = vec![Length { block, own, climbed: None }];
    while let Some(before) = lengths.last().filter(|_| lengths.len() < LENGTHS) {
        let block = 2 * before.block;
        if i64::try_from(FEWEST * block).is_ok_and(|units| units * unit > LONGEST) {
            break;
        }
        // What wanders goes √2 times as far in twice the time.
        let wandered = before.own.map(|own| own * std::f64::consts::SQRT_2);
        lengths.push(Length { block, own: own_climbs(units, block).unwrap_or(wandered), climbed: None });
    }
    lengths
}

/// How far a baseline's floors climb within each number of blocks; `None` where it is too short to tell.
fn own_climbs(units: &[f64], block: usize) -> Option<Own> {
    let floors: Vec<f64> = floors(units, block).collect();
    if floors.len() < 2 * FEWEST {
        return None;
    }
    let mut own = Own::default();
    for (blocks, own) in (FEWEST..=BLOCKS).zip(&mut own) {
        let pace = |floors: &[f64]| Some(theil_sen(floors)? * (floors.len() - 1) as f64);
        let mut rises: Vec<f64> = floors.windows(blocks).filter_map(pace).collect();
        rises.sort_by(f64::total_cmp);
        let index = (rises.len() as f64 * 0.95) as usize;
        *own = rises.get(index.min(rises.len().saturating_sub(1))).copied().unwrap_or(0.0).max(0.0);
    }
    Some(own)
}

fn floors(values: &[f64], block: usize) -> impl Iterator<Item = f64> {
    values.chunks_exact(block).map(|block| block.iter().copied().fold(f64::INFINITY, f64::min))
}

fn lowest(block: &[(Time, f64)]) -> f64 {
    block.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn found(baseline: &[f64], values: impl Iterator<Item = f64>) -> Option<usize> {
        let mut climb = Climb::new(baseline, 0.0, TimeDelta::seconds(30));
        let mut at = DateTime::UNIX_EPOCH;
        values.into_iter().position(|value| {
            at += TimeDelta::seconds(30);
            climb.take(at, value);
            climb.since().is_some()
        })
    }

    fn saw(index: u32) -> f64 {
        f64::from(index % 4)
    }

    #[test]
    fn a_saw_tooth_is_no_leak_until_its_floor_climbs() {
        let before: Vec<f64> = (0..60).map(|index| 40.0 + saw(index)).collect();
        assert_eq!(found(&before, (0..60).map(|index| 40.0 + saw(index))), None);
        let leak = (0..30).map(|index| 40.0 + saw(index) + f64::from(index));
        assert!(found(&before, leak).is_some_and(|bin| bin < 15));
    }

    #[test]
    fn a_warm_up_bends_and_is_no_leak() {
        let warm_up = (0..60).map(|index| 42.0 + 10.0 * (1.0 - (-f64::from(index) / 4.0).exp()));
        assert_eq!(found(&[40.0; 60], warm_up), None);
    }

    #[test]
    fn the_end_of_a_warm_up_is_no_leak_either() {
        let warm_up = (0..120).map(|index| 42.0 - 14.0 * (-f64::from(index) / 6.0).exp() + 0.01 * saw(index));
        assert_eq!(found(&[40.0; 60], warm_up), None);
    }

    #[test]
    fn a_long_saw_tooth_is_seen_through() {
        let tooth = |index: u32| 1.5 * f64::from(index % 9);
        let before: Vec<f64> = (0..120).map(|index| 40.0 + tooth(index)).collect();
        assert_eq!(found(&before, (120..180).map(|index| 40.0 + tooth(index))), None);
        let leak = (0..60).map(|index| 40.0 + tooth(index + 120) + f64::from(index) / 3.0);
        assert!(found(&before, leak).is_some());
    }

    #[test]
    fn a_climb_no_steeper_than_before_is_no_news() {
        let before: Vec<f64> = (0..60).map(|index| 30.0 + 0.2 * f64::from(index)).collect();
        assert_eq!(found(&before, (60..90).map(|index| 30.0 + 0.2 * f64::from(index))), None);
    }

    #[test]
    fn a_leak_is_one_whatever_the_length_of_the_bins_and_a_slow_one_is_found_late() {
        let found = |step: u32, rise: f64| {
            let minutes = |bin: u32| f64::from(bin * step) / 60.0;
            let before: Vec<f64> = (0..3600 / step).map(|bin| 50.0 + 0.1 * saw(bin)).collect();
            let mut climb = Climb::new(&before, 0.0, TimeDelta::seconds(i64::from(step)));
            let bin = (0..1800 / step).find(|&bin| {
                let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::from(bin * step));
                climb.take(at, 50.0 + 0.1 * saw(bin) + rise * minutes(bin) / 30.0);
                climb.since().is_some()
            });
            bin.map(|bin| (minutes(bin), climb.pace()))
        };
        for step in [5, 10, 15, 20, 30, 60, 120, 180, 300] {
            assert_eq!(found(step, 0.0), None, "bins of {step} s");
            let (minutes, pace) = found(step, 10.0).expect("bins of every length");
            assert!(minutes <= 24.0 && (pace - 1.0 / 3.0).abs() < 0.1, "{step} s: {minutes} min, {pace}");
        }
        assert!(found(30, 2.5).is_some_and(|(minutes, _)| minutes > 20.0), "5 % in half an hour: {:?}", found(30, 2.5));
    }
}
