//! Whose the rollback is: the lease is asked for when a plan opens, kept while it is needed, and given back.

use super::Watch;
use crate::message::Effect;
use crate::rollback::Rollback;
use crate::rollback::lease::{Holding, LASTS, LeaseCall};
use chrono::TimeDelta;

/// How often the lease is renewed: three times in its life.
const RENEW_EVERY: TimeDelta = TimeDelta::seconds(5);

impl Watch {
    pub(super) fn take_lease(&mut self, what: String, effects: &mut Vec<Effect>) {
        if !self.holds_lease() {
            self.holding = Holding::Asking;
            self.ask_for_lease(LeaseCall::Take(what), effects);
        }
    }

    pub(super) fn ask_for_lease(&mut self, call: LeaseCall, effects: &mut Vec<Effect>) {
        self.lease_asked = Some(self.now);
        // It lasts from when the server heard of it, which is not before it was asked.
        self.lease_open = self.lease_open.or(Some(self.now));
        effects.push(Effect::Lease(call));
    }

    /// Whether it is ours for sure: nobody else can have taken it since it was last taken or renewed.
    pub(super) fn holds_lease(&self) -> bool {
        let held = self.lease_held.is_some_and(|since| self.now - since < LASTS && since <= self.now);
        self.holding == Holding::Ours && held
    }

    pub(super) fn release_lease(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.holding, Holding::Ours | Holding::Asking) {
            effects.push(Effect::Lease(LeaseCall::Release));
        }
        self.holding = Holding::Nobody;
        (self.lease_held, self.lease_open) = (None, None);
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
        let call = match (&self.holding, &self.rollback) {
            _ if !due => return,
            (Holding::Ours, _) => LeaseCall::Renew,
            // It was lost and given back, or whoever holds it may be done or gone by now.
            (Holding::Nobody, _) | (Holding::Theirs(_), Rollback::Planned { .. }) => LeaseCall::Take(self.leased_for()),
            (Holding::Theirs(_) | Holding::Asking | Holding::Unavailable(_), _) => return,
        };
        self.ask_for_lease(call, effects);
    }

    /// What others are told that it is held for.
    pub(super) fn leased_for(&self) -> String {
        match &self.rollback {
            Rollback::Planned { plan, .. } => format!("rollback to {}", plan.target()),
            Rollback::Countdown { plan, .. } => format!("automatic rollback to {}", plan.target()),
            rollback => {
                rollback.undertaking().map_or_else(String::new, |done| format!("rollback to {}", done.plan.target()))
            }
        }
    }

    /// Whose the lease is, as the cluster answered. While requests of ours are out it is only noted: what
    /// was sent cannot be called back.
    pub(super) fn take_holding(&mut self, holding: Holding) {
        let asked = self.lease_open.take();
        let wanted = matches!(self.rollback, Rollback::Planned { .. } | Rollback::Countdown { .. })
            || self.rollback.is_under_way();
        if !wanted {
            return;
        }
        let counts_down = matches!(self.rollback, Rollback::Countdown { .. });
        match &holding {
            Holding::Ours => self.lease_held = Some(asked.unwrap_or(self.now)),
            Holding::Theirs(holder) if self.holding != holding => {
                self.somebody_else = Some((self.now, holder.clone()));
                let text = format!("{} is at it already: {}", holder.who, holder.what);
                if counts_down {
                    self.rollback = Rollback::Idle;
                }
                self.tell(text);
            }
            // Whoever cannot be kept out may be at it: a person decides.
            Holding::Unavailable(why) if counts_down => self.lose_lease(why.clone()),
            // It was lost, and whoever had it has given it back: it is asked for again at once.
            Holding::Nobody => self.lease_asked = None,
            Holding::Theirs(_) | Holding::Unavailable(_) | Holding::Asking => {}
        }
        self.holding = holding;
    }
}
