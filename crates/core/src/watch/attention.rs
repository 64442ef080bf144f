//! Suspensions: pauses between ticks, and which sources have reported since the last one.

use crate::deploy::Time;
use crate::signal::SourceId;
use chrono::TimeDelta;

/// A pause is one without so many ticks; shorter than that is a busy machine.
const TICKS: i32 = 8;
/// So long after a pause a source that has not answered is not waited for: it may be down for good, and says so.
const WAIT_FOR_SOURCES: TimeDelta = TimeDelta::seconds(20);

/// When the watch looked, and what it heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Attention {
    /// How far apart ticks are.
    tick: TimeDelta,
    /// Whether any message came yet: before the first one nobody paused.
    heard_any: bool,
    /// When the last pause ended in which nobody looked.
    woke: Option<Time>,
    /// As of when each source spoke last, well or not.
    heard: Vec<Option<Time>>,
}

impl Attention {
    /// Nobody has looked yet at this many sources.
    pub(super) fn new(sources: usize) -> Self {
        Self { tick: TimeDelta::seconds(1), heard_any: false, woke: None, heard: vec![None; sources] }
    }

    pub(super) fn expect_ticks_every(&mut self, tick: TimeDelta) {
        self.tick = tick;
    }

    /// Takes in how long nothing was heard; says whether that was a pause.
    pub(super) fn was_a_pause(&mut self, passed: TimeDelta) -> bool {
        let began = std::mem::replace(&mut self.heard_any, true);
        began && passed > self.tick * TICKS
    }

    /// Notes that a pause ended.
    pub(super) fn wake(&mut self, now: Time) {
        self.woke = Some(now);
    }

    /// Goes on in another process: however short nobody looked, it was a pause.
    pub(super) fn begin_again(&mut self, now: Time) {
        self.heard_any = true;
        self.wake(now);
    }

    /// Whether a pause ended after that.
    pub(super) fn paused_since(&self, then: Time) -> bool {
        self.woke.is_some_and(|woke| woke > then)
    }

    /// Whether everything was looked at again since the last pause: each source has answered a question that was asked
    /// after it, or has had the time to.
    pub(super) fn is_awake(&self, now: Time) -> bool {
        let Some(woke) = self.woke else { return true };
        now - woke >= WAIT_FOR_SOURCES || self.heard.iter().all(|at| at.is_some_and(|at| at >= woke))
    }

    /// Notes that a source answered a question, or told something, that is as of this time.
    pub(super) fn hear(&mut self, source: SourceId, as_of: Time) {
        if let Some(heard) = self.heard.get_mut(usize::from(source.0)) {
            *heard = Some(as_of);
        }
    }
}
