//! Whether a number of the new version lies above that of the version before in the same bins, again and again.
//!
//! The new version may get few requests, so that its number varies far more than the other's ever did: how far it lies
//! above tells nothing. But while they are the same, it is above in at most half of the bins, whatever each varies by.
//! That is what a bet is made on; see [`super::shift`] for what bets are worth.

use crate::deploy::Time;
use crate::verdict::stats::median;

/// What a bin wins or loses, as a share of what the bet is worth.
const STAKE: f64 = 0.8;
/// What it must be worth: ln 1 000, twelve bins in a row. The chances are even at worst, so it takes that many.
const ENOUGH: f64 = 6.907_755_278_982;
/// So many bins in a row not above end it.
const CALM: u32 = 4;
/// How many of the newest pairs say where the two are now.
const RECENT: usize = 5;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::verdict) struct Lead {
    worth: f64,
    began: Option<Time>,
    since: Option<Time>,
    behind: u32,
    recent: Vec<(f64, f64)>,
}

impl Lead {
    /// Takes in both numbers of a bin; `above` says whether the new one is higher by enough to matter.
    pub(in crate::verdict) fn take(&mut self, at: Time, (new, old): (f64, f64), above: bool) {
        if self.worth <= 0.0 && above {
            self.began = Some(at);
        }
        let gain = if above { STAKE.ln_1p() } else { (-STAKE).ln_1p() };
        self.worth = (self.worth + gain).clamp(0.0, ENOUGH);
        self.behind = if above { 0 } else { self.behind + 1 };
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push((new, old));
        if self.worth >= ENOUGH {
            self.since = self.since.or(self.began);
        } else if self.behind >= CALM {
            self.since = None;
        }
    }

    /// A bin in which only the new one serves: a lead is kept until its own past can tell.
    pub(in crate::verdict) fn alone(&mut self) {
        self.behind += 1;
        if self.behind >= CALM {
            *self = Self::default();
        }
    }

    /// Since when it is above; `None` while it is not, for all that is known.
    pub(in crate::verdict) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether the newest bins are not above: some more of them, and it is over.
    pub(in crate::verdict) fn is_recovering(&self) -> bool {
        self.since.is_some() && 2 * self.behind >= CALM
    }

    /// Where the new one and the old one are now.
    pub(in crate::verdict) fn now(&self) -> Option<(f64, f64)> {
        let middle = |of: fn(&(f64, f64)) -> f64| median(self.recent.iter().map(of).collect());
        Some((middle(|pair| pair.0)?, middle(|pair| pair.1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn found(above: impl IntoIterator<Item = bool>) -> Option<usize> {
        let mut lead = Lead::default();
        above.into_iter().position(|above| {
            lead.take(DateTime::UNIX_EPOCH, (2.0, 1.0), above);
            lead.since().is_some()
        })
    }

    #[test]
    fn twelve_bins_in_a_row_are_a_lead_and_two_of_three_are_none() {
        assert_eq!(found([true; 20]), Some(11));
        assert_eq!(found((0..200).map(|bin| bin % 3 > 0)), None);
    }

    #[test]
    fn a_fair_coin_hardly_ever_leads() {
        let leads = |seed| {
            let mut coin = fastrand::Rng::with_seed(seed);
            found((0..60).map(|_| coin.bool())).is_some()
        };
        let raised = (0..1000).filter(|&seed| leads(seed)).count();
        assert!(raised <= 20, "{raised} of 1 000 half hours");
    }
}
