//! A plain limit, held for some bins in a row before it counts, and left for as many before it no longer does.

use crate::deploy::Time;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::verdict) struct Held {
    limit: f64,
    side: Side,
    hold: u32,
    /// Bins in a row that contradict the present state.
    against: u32,
    /// The first bin of the run that is beyond.
    since: Option<Time>,
    raised: bool,
}

/// On which side of a limit the bad values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verdict) enum Side {
    /// More is worse.
    Above,
    /// At the limit or more is worse: a pool is exhausted at its size.
    AtLeast,
    /// Less is worse.
    Below,
}

impl Held {
    pub(in crate::verdict) fn new(limit: f64, side: Side, hold: u32) -> Self {
        Self { limit, side, hold: hold.max(1), against: 0, since: None, raised: false }
    }

    pub(in crate::verdict) fn take(&mut self, at: Time, value: f64) {
        let beyond = self.is_beyond(value);
        if beyond == self.raised {
            self.against = 0;
            return;
        }
        if beyond && self.against == 0 {
            self.since = Some(at);
        }
        self.against += 1;
        if self.against >= self.hold {
            self.raised = beyond;
            self.against = 0;
        }
    }

    pub(in crate::verdict) fn is_beyond(&self, value: f64) -> bool {
        match self.side {
            Side::Above => value > self.limit,
            Side::AtLeast => value >= self.limit,
            Side::Below => value < self.limit,
        }
    }

    /// Since when the limit is broken; `None` while it is not.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since.filter(|_| self.raised)
    }

    /// How many bins in a row are beyond, while those are too few to count.
    pub(in crate::verdict) fn rising(&self) -> Option<u32> {
        (!self.raised && self.against > 0).then_some(self.against)
    }

    /// Whether the limit is broken, and the newest bins keep it.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.raised && 2 * self.against >= self.hold
    }

    pub(in crate::verdict) fn limit(&self) -> f64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn a_limit_counts_when_it_is_broken_three_times_in_a_row_and_until_it_is_kept_three_times() {
        let mut held = Held::new(5.0, Side::Above, 3);
        let mut now = DateTime::UNIX_EPOCH;
        let states: Vec<bool> = [9, 9, 1, 9, 9, 9, 1, 1, 9, 1, 1, 1]
            .map(|value| {
                now += TimeDelta::seconds(30);
                held.take(now, f64::from(value));
                held.since().is_some()
            })
            .to_vec();
        let raised = [false, false, false, false, false, true, true, true, true, true, true, false];
        assert_eq!(states, raised);
    }
}
