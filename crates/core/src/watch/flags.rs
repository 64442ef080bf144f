//! The feature flags as a frontend sees them.

use super::Watch;
use super::feature_flags::{FeaturePanel, FlagRow};
use crate::deploy::ServiceId;
use crate::feature_flags::FlagId;
use crate::message::Effect;

impl Watch {
    /// Whether the feature flags are shown, and what is asked about them.
    pub fn feature_panel(&self) -> &FeaturePanel {
        self.feature_flags.panel()
    }

    /// The flags of a service and those of the whole environment; without a service all of them. In the
    /// configuration's order, so that nothing moves when one is turned off.
    pub fn flags(&self, service: Option<ServiceId>) -> Vec<FlagRow<'_>> {
        self.feature_flags.flags(&self.setup, service, self.now)
    }

    /// What keeps redflag from knowing all of these flags: one sentence each.
    pub fn flag_problems(&self, service: Option<ServiceId>) -> Vec<String> {
        self.feature_flags.problems(&self.setup, service)
    }

    /// Whether a person may be asked about turning this flag off.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub fn may_turn_off(&self, id: &FlagId) -> Result<(), String> {
        self.feature_flags.may_turn_off(&self.setup, id, self.now)
    }

    /// Whether the question about a flag takes the confirming key now.
    pub fn takes_turn_off(&self) -> bool {
        self.feature_flags.takes_turn_off(&self.setup, &self.silence, self.now)
    }

    /// Turns off the flag that is asked about: one request, whatever becomes of its answer.
    pub(super) fn turn_off(&mut self, effects: &mut Vec<Effect>) {
        if !self.takes_turn_off() {
            return;
        }
        let reason = self.judging.red_sentences();
        self.feature_flags.turn_off(&self.setup, reason, self.now, &mut self.journal, effects);
    }
}
