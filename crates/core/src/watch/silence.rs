//! The silence that a confirming key needs: whatever changes production takes no key that is held down, struck twice, or
//! struck for something else in the moment in which it was opened.

use crate::deploy::Time;
use crate::setup::Setup;

/// After a confirming key that came too early it has to be let go. Keyboards begin to repeat a key that is held after a
/// quarter to three quarters of a second (as they come: 500 ms on Windows and macOS, 660 ms under X), which is longer than
/// the silence; so many times that is longer still, and who strikes it again a second later is heard.
const HELD: i32 = 3;

/// When keys were last struck.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Silence {
    /// Any key.
    struck: Option<Time>,
    /// A confirming key that was not taken.
    refused: Option<Time>,
}

impl Silence {
    /// Notes a key.
    pub(super) fn strike(&mut self, now: Time) {
        self.struck = Some(now);
    }

    /// Notes a confirming key that was not taken.
    pub(super) fn refuse(&mut self, now: Time) {
        self.refused = Some(now);
    }

    /// From when on what was opened then takes the confirming key, if no other is struck before. A clock that was set back
    /// locks nobody out.
    pub(super) fn ends(&self, setup: &Setup, opened: Time, now: Time) -> Time {
        let grace = setup.confirm_grace;
        let past = |at: Option<Time>| at.filter(|at| *at <= now);
        let struck = past(self.struck).map_or(opened, |at| at.max(opened)) + grace;
        past(self.refused).map_or(struck, |at| struck.max(at + grace * HELD))
    }

    /// Whether it is over.
    pub(super) fn is_over(&self, setup: &Setup, opened: Time, now: Time) -> bool {
        now >= self.ends(setup, opened, now)
    }
}
