//! Whether what is kept only grows: the floor of a saw-tooth climbs, steadily, further than it ever did before.
//!
//! Judged on the minima of blocks of bins, which is where a garbage collector leaves memory. A warm-up bends
//! and a leak does not, so the newest part must still climb about as fast as the whole.

use crate::deploy::Time;
use crate::verdict::stats::{median, theil_sen};
use chrono::TimeDelta;

/// Bins a block: the first of these that irons out the baseline's own saw-tooth.
const BLOCK: [usize; 5] = [3, 5, 7, 9, 12];
/// The most and the fewest blocks that are looked at.
const BLOCKS: usize = 6;
const FEWEST: usize = 4;
/// A climb by less than this share of the usual value is not told from noise.
const LEAST_RISE: f64 = 0.03;
/// The climb must be so many times as far as the baseline ever climbed in the same time.
const BEYOND_OWN: f64 = 1.5;
/// How fast the newer part must climb, of the older's pace.
const UNBENT: f64 = 0.75;
/// So many bins in a row without a climb end it.
const CALM: u32 = 6;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Climb {
    /// The usual value; `None` until something is known.
    usual: Option<f64>,
    /// The least climb that matters whatever its share.
    least: f64,
    /// 95 % of the values before the deploy lie below.
    high: f64,
    block: usize,
    /// How far the baseline climbed within 4, 5 and 6 blocks, but for one time in twenty.
    own: [f64; BLOCKS - FEWEST + 1],
    recent: Vec<(Time, f64)>,
    pace: f64,
    since: Option<Time>,
    calm: u32,
}

impl Climb {
    /// Held against a baseline in order of time; `least` is the least climb that matters, in the signal's unit.
    pub(in crate::verdict) fn new(baseline: &[f64], least: f64) -> Self {
        let mut sorted = baseline.to_vec();
        sorted.sort_by(f64::total_cmp);
        let high = sorted.get((sorted.len().saturating_sub(1) as f64 * 0.95) as usize);
        let usual = median(sorted.clone());
        let (block, own) = own_climbs(baseline, (LEAST_RISE * usual.unwrap_or(0.0).abs()).max(least));
        Self {
            usual,
            least,
            block,
            high: high.copied().unwrap_or(f64::NEG_INFINITY),
            own,
            recent: Vec::new(),
            pace: 0.0,
            since: None,
            calm: 0,
        }
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        self.usual = self.usual.or(Some(value));
        // As many blocks again as are looked at: what was there before tells a warm-up's end.
        if self.recent.len() == 2 * self.block * BLOCKS {
            self.recent.remove(0);
        }
        self.recent.push((at, value));
        if let Some((since, pace)) = self.climbed() {
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
    fn climbed(&self) -> Option<(Time, f64)> {
        let surplus = self.recent.len() % self.block;
        let all = floors(self.recent[surplus..].iter().map(|&(_, value)| value), self.block);
        let (older, floors) = all.split_at(all.len().saturating_sub(BLOCKS));
        let blocked = &self.recent[surplus + older.len() * self.block..];
        let own = self.own.get(floors.len().checked_sub(FEWEST)?)?;
        let (usual, last) = (self.usual?, floors.last()?);
        let pace = theil_sen(floors)?;
        let rise = pace * (floors.len() - 1) as f64;
        let newest_pace = theil_sen(&floors[floors.len() - floors.len() / 3 - 1..])?;
        let unbent = newest_pace >= UNBENT * pace && theil_sen(older).is_none_or(|before| pace >= UNBENT * before);
        let enough = (LEAST_RISE * usual.abs()).max(BEYOND_OWN * own).max(self.least);
        let grown = rise >= enough && rise > 0.0;
        let steady = floors.windows(2).all(|pair| pair[1] > pair[0]);
        if !(grown && steady && unbent && *last > self.high) {
            return None;
        }
        let (since, newest) = (blocked.first()?.0, blocked.last()?.0);
        // From floor to floor is one block less than from end to end.
        let bins = (self.block * (floors.len() - 1)) as f64 / (blocked.len() - 1) as f64;
        let minutes = bins * (newest - since).num_seconds().max(1) as f64 / 60.0;
        Some((since, rise / minutes))
    }

    /// Since when it climbs; `None` while it does not.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
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

/// The block length that leaves the least of the baseline's own ups and downs, and what it leaves of them: how
/// far its floors climb within each number of blocks.
fn own_climbs(baseline: &[f64], harmless: f64) -> (usize, [f64; BLOCKS - FEWEST + 1]) {
    let mut best = (BLOCK[0], [0.0; BLOCKS - FEWEST + 1]);
    let mut least = f64::INFINITY;
    for block in BLOCK {
        let floors = floors(baseline.iter().copied(), block);
        if floors.len() < 2 * FEWEST {
            break;
        }
        let mut own = [0.0; BLOCKS - FEWEST + 1];
        for (blocks, own) in (FEWEST..=BLOCKS).zip(&mut own) {
            let pace = |floors: &[f64]| Some(theil_sen(floors)? * (floors.len() - 1) as f64);
            let mut rises: Vec<f64> = floors.windows(blocks).filter_map(pace).collect();
            rises.sort_by(f64::total_cmp);
            let index = (rises.len() as f64 * 0.95) as usize;
            *own = rises.get(index.min(rises.len().saturating_sub(1))).copied().unwrap_or(0.0).max(0.0);
        }
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

fn floors(values: impl Iterator<Item = f64>, block: usize) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    values.chunks_exact(block).map(|block| block.iter().copied().fold(f64::INFINITY, f64::min)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn found(baseline: &[f64], values: impl Iterator<Item = f64>) -> Option<usize> {
        let mut climb = Climb::new(baseline, 0.0);
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
}
