//! What a whole record tells and no moment of it does: when each flag rose and fell, when the verdict changed, what came
//! of each rollback and how long each part of it took. Found by looking at the watch after each message of its record.

mod figures;
mod spans;
mod undertaking;

pub use figures::{Figures, Summary, median};
pub use spans::{Became, Flag, Quiet};
pub use undertaking::{Ending, Said, Undertaking};

use crate::deploy::Time;
use crate::rollback::Goal;
use crate::verdict::Verdict;
use crate::watch::Watch;
use redflag_core::record::Record;
use spans::Spans;
use undertaking::Undertakings;

/// What was seen over a whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hindsight {
    /// The watch as it was at the end.
    pub watch: Watch,
    /// When each flag rose and fell, in the order in which they rose.
    pub flags: Vec<Flag>,
    /// When nothing was known of a required signal, in the order in which that began.
    pub quiet: Vec<Quiet>,
    /// From when on which verdict was said, oldest first.
    pub verdicts: Vec<(Time, Verdict)>,
    /// Each rollback that was confirmed, oldest first.
    pub rollbacks: Vec<Undertaking>,
    /// When every condition of an automatic rollback first held.
    pub armed: Option<Time>,
}

impl Hindsight {
    /// Looks at a whole record.
    pub fn of(record: &Record) -> Self {
        Self::looking(record, |_, _| {})
    }

    /// The same; `look` is shown the watch after each message, with the number of messages taken in so far.
    pub fn looking(record: &Record, mut look: impl FnMut(usize, &Watch)) -> Self {
        let mut watch = record.header.begin();
        let mut eye = Eye::new(&watch);
        for (message, taken) in record.messages.iter().zip(1..) {
            // What it wanted done then was done then.
            watch.update(message.clone());
            eye.look(&watch);
            look(taken, &watch);
        }
        eye.closed(watch)
    }

    /// When a red flag first rose, of any signal.
    pub fn first_red(&self) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.is_red())
    }

    /// What was said of the deploy: as it was rolled back, else at the end.
    pub fn said(&self) -> Said {
        let back = self.rollbacks.iter().find(|done| done.goal == Goal::RollBack);
        back.map_or_else(|| Said::of(&self.watch), |done| done.because.clone())
    }

    /// When the deploys of the push were made: the first of them.
    pub fn deployed_at(&self) -> Option<Time> {
        self.watch.workloads().iter().filter_map(|state| Some(state.deploy.as_ref()?.at)).min()
    }

    /// When nothing was red any more and stayed so: after a rollback when it had recovered, else when the last red flag
    /// fell. `None` where nothing was red, where something still is, and where that is not known any more.
    pub fn restored_at(&self) -> Option<Time> {
        let reds = || self.flags.iter().filter(|flag| flag.is_red());
        let back = self.rollbacks.iter().rev().find_map(|done| done.clear);
        // What a verified rollback left behind it speaks of the version that was rolled back.
        if let Some(back) = back {
            return reds().all(|flag| flag.rose <= back).then_some(back);
        }
        let fell = |flag: &Flag| flag.ended.filter(|(_, became)| *became == Became::Clear).map(|(at, _)| at);
        let all: Option<Vec<Time>> = reds().map(fell).collect();
        all?.into_iter().max()
    }
}

/// What looks at a watch while it goes on.
#[derive(Debug)]
struct Eye {
    revision: Option<u64>,
    spans: Spans,
    verdicts: Vec<(Time, Verdict)>,
    rollbacks: Undertakings,
    armed: Option<Time>,
}

impl Eye {
    fn new(watch: &Watch) -> Self {
        Self {
            revision: None,
            spans: Spans::new(watch),
            verdicts: vec![(watch.now(), watch.verdict())],
            rollbacks: Undertakings::default(),
            armed: None,
        }
    }

    fn look(&mut self, watch: &Watch) {
        let is_new = self.revision.replace(watch.revision()) != Some(watch.revision());
        self.spans.look(watch);
        if self.verdicts.last().is_none_or(|(_, last)| *last != watch.verdict()) {
            self.verdicts.push((watch.now(), watch.verdict()));
        }
        if is_new {
            self.rollbacks.look(watch);
        }
        if self.armed.is_none() && watch.arming().unmet().next().is_none() {
            self.armed = Some(watch.now());
        }
    }

    fn closed(self, watch: Watch) -> Hindsight {
        let (flags, quiet) = self.spans.closed();
        Hindsight {
            flags,
            quiet,
            verdicts: self.verdicts,
            rollbacks: self.rollbacks.closed(&watch),
            armed: self.armed,
            watch,
        }
    }
}
