//! Whether a number is plainly higher than before, where too little is known from before for bets on ranks.
//!
//! While nothing changed, any `k` of `n + k` bins are as likely to be the `k` largest: that the newest `k` are has one
//! chance in (n + k choose k).

use super::held::{Held, Side};
use crate::deploy::Time;

/// What is plainly higher is sure when chance would order the bins so in one of a thousand cases: ln 1 000.
const SURE: f64 = 6.907_755_278_982;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Few {
    held: Held,
    old: usize,
    largest: f64,
    /// How many bins in a row are larger than all from before.
    run: u32,
}

impl Few {
    /// `None` of nothing. What is above the limit for `hold` bins is plainly higher.
    pub(in crate::verdict) fn new(baseline: &[f64], limit: f64, hold: u32) -> Option<Self> {
        let largest = baseline.iter().copied().reduce(f64::max)?;
        Some(Self { held: Held::new(limit, Side::Above, hold), old: baseline.len(), largest, run: 0 })
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        self.held.take(at, value);
        self.run = if value > self.largest { self.run + 1 } else { 0 };
    }

    /// Since when it is plainly higher; `None` while it is not.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.held.since()
    }

    /// Whether chance would hardly bring that.
    pub(in crate::verdict) fn is_sure(&self) -> bool {
        let orders: f64 = (1..=self.run).map(|bin| (self.old as f64 / f64::from(bin)).ln_1p()).sum();
        orders >= SURE
    }

    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.held.is_recovering()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn sure_after(old: usize) -> Option<usize> {
        let mut few = Few::new(&vec![100.0; old], 150.0, 3).unwrap();
        (1..=200).find(|_| {
            few.take(DateTime::UNIX_EPOCH, 400.0);
            few.since().is_some() && few.is_sure()
        })
    }

    #[test]
    fn the_less_is_known_from_before_the_longer_it_takes_to_be_sure() {
        // (9 + 5 choose 5) is 2 002, (9 + 4 choose 4) 715; of a single bin it takes a thousand.
        assert_eq!((sure_after(9), sure_after(5), sure_after(2)), (Some(5), Some(8), Some(44)));
        assert_eq!(sure_after(1), None);
        assert_eq!(Few::new(&[], 150.0, 3), None);
    }
}
