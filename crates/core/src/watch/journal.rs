//! Entries for the timeline, and whether anything visible has changed.

use crate::deploy::{ServiceId, Time};
use crate::timeline::{Mark, Timeline};

/// The timeline, and a number that grows with each visible change.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Journal {
    timeline: Timeline,
    revision: u64,
}

impl Journal {
    pub(super) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Notes that something changed that anybody could see.
    pub(super) fn changed(&mut self) {
        self.revision += 1;
    }

    /// Writes down something that happened at a time of its own.
    pub(super) fn add(&mut self, at: Time, mark: Mark, text: impl Into<String>) {
        self.timeline.add(at, mark, text);
    }

    /// The same, about one service.
    pub(super) fn add_about(&mut self, service: ServiceId, at: Time, mark: Mark, text: impl Into<String>) {
        self.timeline.add_about(service, at, mark, text);
    }

    /// Writes down something of a rollback or a feature flag, which shows at once.
    pub(super) fn tell(&mut self, now: Time, text: impl Into<String>) {
        self.timeline.add(now, Mark::Rollback, text);
        self.revision += 1;
    }
}
