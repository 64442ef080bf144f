//! The state of the automation: how close it is to acting, and whether it has acted or was cancelled.

use crate::deploy::Time;
use crate::rollback::automatic::{Arming, Condition};

/// The automation of this watch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Automation {
    arming: Arming,
}

impl Automation {
    pub(super) fn arming(&self) -> &Arming {
        &self.arming
    }

    /// Takes in which conditions hold; says whether that is news.
    pub(super) fn note(&mut self, conditions: Vec<Condition>) -> bool {
        let is_news = conditions != self.arming.conditions;
        self.arming.conditions = conditions;
        is_news
    }

    /// It acts, or would have: once in a watch.
    pub(super) fn act(&mut self, now: Time) {
        self.arming.acted = Some(now);
    }

    /// A person stopped it: it does not begin again.
    pub(super) fn veto(&mut self, now: Time) {
        self.arming.vetoed = Some(now);
    }
}
