//! Whose the rollback is: the lease is asked for when a plan opens, kept while it is needed, and given back.

use super::Watch;
use crate::message::Effect;
use crate::rollback::Rollback;
use crate::rollback::lease::{Holding, LeaseCall};
use chrono::TimeDelta;

/// How often the lease is renewed: three times in its life.
const RENEW_EVERY: TimeDelta = TimeDelta::seconds(5);

impl Watch {
    pub(super) fn take_lease(&mut self, what: String, effects: &mut Vec<Effect>) {
        if self.holding != Holding::Ours {
            self.holding = Holding::Asking;
            self.lease_asked = Some(self.now);
            effects.push(Effect::Lease(LeaseCall::Take(what)));
        }
    }

    pub(super) fn release_lease(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.holding, Holding::Ours | Holding::Asking) {
            effects.push(Effect::Lease(LeaseCall::Release));
        }
        self.holding = Holding::Nobody;
    }

    pub(super) fn keep_lease(&mut self, effects: &mut Vec<Effect>) {
        let wanted = match &self.rollback {
            Rollback::Planned { .. } | Rollback::Countdown { .. } => true,
            rollback => rollback.is_under_way(),
        };
        if !wanted {
            if self.holding != Holding::Nobody {
                self.release_lease(effects);
            }
            return;
        }
        let due = self.lease_asked.is_none_or(|last| self.now - last >= RENEW_EVERY || last > self.now);
        let call = match &self.rollback {
            _ if !due => return,
            _ if self.holding == Holding::Ours => LeaseCall::Renew,
            // Whoever holds it may be done or gone by now.
            Rollback::Planned { plan, .. } if matches!(self.holding, Holding::Theirs(_)) => {
                LeaseCall::Take(format!("rollback to {}", plan.target()))
            }
            _ => return,
        };
        self.lease_asked = Some(self.now);
        effects.push(Effect::Lease(call));
    }

    /// Whose the lease is, as the cluster answered. While requests of ours are out it is only noted: what
    /// was sent cannot be called back.
    pub(super) fn take_holding(&mut self, holding: Holding) {
        let wanted = matches!(self.rollback, Rollback::Planned { .. } | Rollback::Countdown { .. })
            || self.rollback.is_under_way();
        if !wanted {
            return;
        }
        match &holding {
            Holding::Theirs(holder) if self.holding != holding => {
                self.somebody_else = Some((self.now, holder.clone()));
                let text = format!("{} is at it already: {}", holder.who, holder.what);
                if let Rollback::Countdown { .. } = self.rollback {
                    self.rollback = Rollback::Idle;
                }
                self.tell(text);
            }
            _ => {}
        }
        self.holding = holding;
    }
}
