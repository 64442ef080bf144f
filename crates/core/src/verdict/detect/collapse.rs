//! Whether memory fell away in the middle of the window, as it does when containers are restarted or die.
//!
//! Held against the new version's own level, for new pods may well need less than the old ones.

use crate::deploy::Time;
use crate::verdict::stats::median;

/// Below this share of its level it has collapsed.
const COLLAPSED: f64 = 0.75;
/// The level is known from so many bins, and from no more than so many.
const LEAST: usize = 4;
const MOST: usize = 18;
/// So many bins in a row begin it, and so many end it.
const BEGINS: u32 = 2;
const CALM: u32 = 4;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Collapse {
    /// The baseline's lowest value as a share of its middle: what fell so far before may do so again.
    own: f64,
    /// The baseline's lowest value: what is no lower is nowhere new.
    lowest: f64,
    recent: Vec<f64>,
    level: f64,
    low: u32,
    calm: u32,
    began: Option<Time>,
    since: Option<Time>,
}

impl Collapse {
    pub(in crate::verdict) fn new(baseline: &[f64]) -> Self {
        let lowest = baseline.iter().copied().fold(f64::INFINITY, f64::min);
        let own = median(baseline.to_vec()).filter(|middle| *middle > 0.0).map_or(1.0, |middle| lowest / middle);
        let recent = Vec::with_capacity(MOST);
        Self { own: own.clamp(0.0, 1.0), lowest, recent, level: 0.0, low: 0, calm: 0, began: None, since: None }
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        let level = if self.recent.len() >= LEAST { median(self.recent.clone()) } else { None };
        if level.is_some_and(|level| value < self.lowest.min(COLLAPSED * self.own * level)) {
            if self.low == 0 {
                (self.began, self.level) = (Some(at), level.unwrap_or(value));
            }
            (self.low, self.calm) = (self.low + 1, 0);
            if self.low >= BEGINS {
                self.since = self.since.or(self.began);
            }
            return;
        }
        (self.low, self.calm) = (0, self.calm + 1);
        if self.calm >= CALM {
            self.since = None;
        }
        if self.recent.len() == MOST {
            self.recent.remove(0);
        }
        self.recent.push(value);
    }

    /// Since when it is down; `None` while it is not.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether the newest bins are back: some more of them, and it is over.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.since.is_some() && self.low == 0 && 2 * self.calm >= CALM
    }

    /// Where it fell from.
    pub(in crate::verdict) fn from(&self) -> f64 {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn found(baseline: &[f64], values: &[f64]) -> Option<usize> {
        let mut collapse = Collapse::new(baseline);
        values.iter().position(|&value| {
            collapse.take(DateTime::UNIX_EPOCH, value);
            collapse.since().is_some()
        })
    }

    #[test]
    fn new_pods_that_need_less_have_not_collapsed_and_those_that_lose_it_have() {
        assert_eq!(found(&[60.0; 60], &[40.0; 20]), None);
        assert_eq!(found(&[60.0; 60], &[40.0, 41.0, 42.0, 42.0, 43.0, 12.0, 13.0]), Some(6));
        let swings: Vec<f64> = (0..60).map(|index| if index % 9 == 0 { 20.0 } else { 60.0 }).collect();
        assert_eq!(found(&swings, &[60.0, 60.0, 60.0, 60.0, 20.0, 20.0, 60.0]), None);
    }

    #[test]
    fn what_ends_where_it_was_before_the_deploy_or_a_fifth_below_is_no_fall() {
        assert_eq!(found(&[60.0; 60], &[90.0, 90.0, 91.0, 92.0, 92.0, 60.0, 60.0, 60.0]), None);
        assert_eq!(found(&[60.0; 60], &[60.0, 61.0, 60.0, 61.0, 48.0, 48.0, 48.0, 48.0]), None);
    }
}
