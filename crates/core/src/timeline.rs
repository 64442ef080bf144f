//! Everything that happened in a watch, with times, oldest first and bounded.

use crate::deploy::{ServiceId, Time};
use std::collections::VecDeque;

/// The most entries kept of all kinds together.
pub const CAPACITY: usize = 840;

/// What happened, oldest first. Each kind has room of its own ([`Mark::room`]), of which its oldest entries go first:
/// whatever the cluster says over and over pushes out nothing but itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    /// How many there are of each kind.
    counts: [usize; Mark::ALL.len()],
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was true, which may be before it was known here.
    pub at: Time,
    /// What kind of thing: the view's glyph and colour.
    pub mark: Mark,
    /// One line.
    pub text: String,
    /// The service that it is about; `None` where it is about all of them, or nobody can tell.
    pub about: Option<ServiceId>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The deploy and its rollout.
    Deploy,
    /// A red flag went up.
    RedFlag,
    /// A warning.
    Warning,
    /// A flag or warning cleared.
    Clear,
    /// Something became unknown: a source fell silent, too little data.
    Unknown,
    /// A rollback and its steps.
    Rollback,
    /// Something the cluster said.
    Event,
    /// A person's note.
    Note,
}

impl Mark {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Deploy,
        Self::RedFlag,
        Self::Warning,
        Self::Clear,
        Self::Unknown,
        Self::Rollback,
        Self::Event,
        Self::Note,
    ];

    /// What people call it, where there is no colour.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::RedFlag => "RED FLAG",
            Self::Warning => "warning",
            Self::Clear => "ok",
            Self::Unknown => "unknown",
            Self::Rollback => "rollback",
            Self::Event => "event",
            Self::Note => "note",
        }
    }

    /// The most entries kept of this kind. Half an hour of a bad deploy of twenty services stays well below.
    pub const fn room(self) -> usize {
        match self {
            Self::Deploy | Self::RedFlag | Self::Clear | Self::Rollback | Self::Note => 100,
            Self::Warning | Self::Unknown => 70,
            Self::Event => 200,
        }
    }
}

impl Timeline {
    /// Adds an entry at its time: late news of earlier things goes where it belongs.
    pub fn add(&mut self, at: Time, mark: Mark, text: impl Into<String>) {
        self.insert(Entry { at, mark, text: text.into(), about: None });
    }

    /// Adds an entry about one service.
    pub fn add_about(&mut self, service: ServiceId, at: Time, mark: Mark, text: impl Into<String>) {
        self.insert(Entry { at, mark, text: text.into(), about: Some(service) });
    }

    fn insert(&mut self, entry: Entry) {
        let (at, mark) = (entry.at, entry.mark);
        let index = self.entries.partition_point(|other| other.at <= at);
        self.entries.insert(index, entry);
        let count = &mut self.counts[mark as usize];
        if *count < mark.room() {
            *count += 1;
        } else if let Some(oldest) = self.entries.iter().position(|other| other.mark == mark) {
            self.entries.remove(oldest);
        }
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn at(second: i64) -> Time {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_flood_of_events_pushes_out_nothing_but_events() {
        let mut timeline = Timeline::default();
        for mark in Mark::ALL.into_iter().filter(|mark| *mark != Mark::Event) {
            timeline.add(at(0), mark, format!("{mark:?}"));
        }
        for second in 1..=60_000 {
            timeline.add(at(second), Mark::Event, "Unhealthy");
        }
        let kept = |mark| timeline.entries().filter(|entry| entry.mark == mark).count();
        assert!(Mark::ALL.into_iter().filter(|mark| *mark != Mark::Event).all(|mark| kept(mark) == 1));
        assert_eq!(kept(Mark::Event), Mark::Event.room());
        assert_eq!(timeline.entries().next_back().unwrap().at, at(60_000), "the newest are kept");
    }

    #[test]
    fn the_capacity_is_that_of_all_kinds() {
        assert_eq!(Mark::ALL.into_iter().map(Mark::room).sum::<usize>(), CAPACITY);
        for (place, mark) in Mark::ALL.into_iter().enumerate() {
            assert_eq!(mark as usize, place);
        }
    }

    proptest! {
        #[test]
        fn each_kind_keeps_its_newest_in_order(news in proptest::collection::vec((0_i64..500, 0_usize..8), 0..900)) {
            let mut timeline = Timeline::default();
            for (second, mark) in &news {
                timeline.add(at(*second), Mark::ALL[*mark], "");
            }
            prop_assert!(timeline.entries().zip(timeline.entries().skip(1)).all(|(one, next)| one.at <= next.at));
            for mark in Mark::ALL {
                let kept = timeline.entries().filter(|entry| entry.mark == mark).count();
                let told = news.iter().filter(|(_, told)| Mark::ALL[*told] == mark).count();
                prop_assert_eq!(kept, told.min(mark.room()));
            }
        }
    }
}
