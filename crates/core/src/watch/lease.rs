//! Who may roll back: the lease is requested when a plan opens, renewed while needed, and released.

use crate::deploy::Time;
use crate::message::Effect;
use crate::rollback::Rollback;
use crate::rollback::lease::{Holder, Holding, LASTS, LeaseCall};
use chrono::TimeDelta;

/// How often the lease is renewed: three times in its life.
const RENEW_EVERY: TimeDelta = TimeDelta::seconds(5);
/// A rollback of somebody else is left alone to work for this long.
const OTHERS_COUNT_FOR: TimeDelta = TimeDelta::minutes(30);
/// How long a lease that could not be had keeps the automation from trying again.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(5);

/// The lease of the environment, as this watch knows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lease {
    holding: Holding,
    /// When it was last asked for.
    asked: Option<Time>,
    /// The oldest request that was not answered.
    open: Option<Time>,
    /// Since when it is surely ours: the newest request that was answered with [`Holding::Ours`].
    held: Option<Time>,
    /// When it could last not be had while nothing else kept others out, and why.
    lost: Option<(Time, String)>,
    /// Who else was last seen to take something back here, and when.
    somebody_else: Option<(Time, Holder)>,
}

impl Lease {
    pub(super) fn holding(&self) -> &Holding {
        &self.holding
    }

    /// Takes it, unless it is ours.
    pub(super) fn take(&mut self, what: String, now: Time, effects: &mut Vec<Effect>) {
        if !self.is_ours(now) {
            self.retake(LeaseCall::Take(what), now, effects);
        }
    }

    /// Takes it, whatever is known of it.
    pub(super) fn retake(&mut self, call: LeaseCall, now: Time, effects: &mut Vec<Effect>) {
        self.holding = Holding::Asking;
        self.ask(call, now, effects);
    }

    fn ask(&mut self, call: LeaseCall, now: Time, effects: &mut Vec<Effect>) {
        self.asked = Some(now);
        // It lasts from when the server heard of it, which is not before it was asked.
        self.open = self.open.or(Some(now));
        effects.push(Effect::Lease(call));
    }

    /// Whether it is ours for sure: nobody else can have taken it since it was last taken or renewed.
    pub(super) fn is_ours(&self, now: Time) -> bool {
        let held = self.held.is_some_and(|since| now - since < LASTS && since <= now);
        self.holding == Holding::Ours && held
    }

    /// Nobody looked for a while: it may be somebody else's by now.
    pub(super) fn doubt(&mut self) {
        self.held = None;
    }

    /// Whoever asked for it is gone, and with it what it heard.
    pub(super) fn forget(&mut self) {
        self.holding = Holding::Nobody;
        (self.asked, self.open, self.held) = (None, None, None);
    }

    pub(super) fn release(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.holding, Holding::Ours | Holding::Asking) {
            effects.push(Effect::Lease(LeaseCall::Release));
        }
        self.holding = Holding::Nobody;
        (self.held, self.open) = (None, None);
    }

    /// Renews it, takes it again, or gives it back, as the rollback needs it.
    pub(super) fn keep(&mut self, rollback: &Rollback, now: Time, effects: &mut Vec<Effect>) {
        if !is_wanted(rollback) {
            if self.holding != Holding::Nobody {
                self.release(effects);
            }
            return;
        }
        let due = self.asked.is_none_or(|last| now - last >= RENEW_EVERY || last > now);
        let call = match (&self.holding, rollback) {
            _ if !due => return,
            (Holding::Ours, _) => LeaseCall::Renew,
            // It was lost and given back, or whoever holds it may be done or gone by now.
            (Holding::Nobody, _) | (Holding::Theirs(_), Rollback::Planned { .. }) => {
                LeaseCall::Take(taken_for(rollback))
            }
            (Holding::Theirs(_) | Holding::Asking | Holding::Unavailable(_), _) => return,
        };
        self.ask(call, now, effects);
    }

    /// Whose the lease is, as the cluster answered. While requests of ours are out it is only noted: what
    /// was sent cannot be called back. Says who is rolling back, in a sentence, where that is somebody else and news.
    pub(super) fn answered(&mut self, holding: Holding, rollback: &Rollback, now: Time) -> Option<String> {
        let asked = self.open.take();
        if !is_wanted(rollback) {
            return None;
        }
        let mut somebody = None;
        match &holding {
            Holding::Ours => self.held = Some(asked.unwrap_or(now)),
            Holding::Theirs(holder) if self.holding != holding => {
                self.somebody_else = Some((now, holder.clone()));
                somebody = Some(format!("{} holds the lease: {}", holder.who, holder.what));
            }
            // Whoever cannot be kept out may be at it: a person decides.
            Holding::Unavailable(why) if matches!(rollback, Rollback::Countdown { .. }) => self.lose(why.clone(), now),
            // It was lost, and whoever had it has given it back: it is asked for again at once.
            Holding::Nobody => self.asked = None,
            Holding::Theirs(_) | Holding::Unavailable(_) | Holding::Asking => {}
        }
        self.holding = holding;
        somebody
    }

    /// Notes that nobody else can be kept out at the moment, so that nothing goes without a person.
    pub(super) fn lose(&mut self, why: String, now: Time) {
        self.lost = Some((now, why));
    }

    /// Who else took something back here, not so long ago that it would not matter any more.
    pub(super) fn somebody_else(&self, now: Time) -> Option<&(Time, Holder)> {
        self.somebody_else.as_ref().filter(|(at, _)| now - *at < OTHERS_COUNT_FOR)
    }

    /// Why it could not be had a moment ago.
    pub(super) fn lost(&self, now: Time) -> Option<&str> {
        self.lost.as_ref().filter(|(at, _)| now - *at < AGAIN_AFTER).map(|(_, why)| why.as_str())
    }
}

fn is_wanted(rollback: &Rollback) -> bool {
    matches!(rollback, Rollback::Planned { .. } | Rollback::Countdown { .. }) || rollback.is_in_progress()
}

/// What others are told that it is held for.
pub(super) fn taken_for(rollback: &Rollback) -> String {
    match rollback {
        Rollback::Planned { plan, .. } => format!("rollback to {}", plan.target()),
        Rollback::Countdown { plan, .. } => format!("auto-rollback to {}", plan.target()),
        rollback => rollback.execution().map_or_else(String::new, |done| format!("rollback to {}", done.plan.target())),
    }
}
