//! How much of the window a signal was known for. What is fine now says nothing of the half hour before.

use super::stuck::Run;
use crate::deploy::Time;
use crate::signal::{Kind, Reading, Signal};
use crate::store::Series;
use chrono::TimeDelta;
use std::fmt;

/// No hole may be longer than so many readings.
const HOLE: i32 = 5;
/// A hole as short as this is none, however close together the readings are.
const SHORTEST_HOLE: TimeDelta = TimeDelta::minutes(2);
/// Readings may be further apart than was asked for, as scrapes are: up to so many times as far.
const SPARSE: i32 = 2;

/// A stretch of time: the window, or so much of it as is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
}

impl Stretch {
    /// How long it is; never negative.
    pub fn length(self) -> TimeDelta {
        (self.to - self.from).max(TimeDelta::zero())
    }
}

/// What a signal has to be known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The whole window.
    pub window: Stretch,
    /// When the watch began: what tells of the moment only cannot be known of earlier.
    pub started: Time,
    /// The share of it, in percent.
    pub share: u8,
}

/// For how long of a stretch a signal was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// How long the stretch is.
    pub span: TimeDelta,
    /// For how long of it the signal was known.
    pub known: TimeDelta,
    /// The longest time on end for which it was not.
    pub hole: TimeDelta,
    /// A longer one is too long.
    pub longest: TimeDelta,
    /// The share that is wanted, in percent.
    pub share: u8,
}

impl Coverage {
    /// Whether it was known for long enough, and never unknown for too long.
    pub fn is_enough(&self) -> bool {
        self.hole <= self.longest
            && self.known.num_milliseconds().saturating_mul(100)
                >= self.span.num_milliseconds().saturating_mul(i64::from(self.share))
    }

    /// For how long it was known, of how long, in which unit.
    fn rounded(&self) -> (i64, i64, &'static str) {
        let minutes = |span: TimeDelta| (span.num_seconds() + 30) / 60;
        if self.span < TimeDelta::minutes(2) {
            (self.known.num_seconds(), self.span.num_seconds(), "s")
        } else {
            (minutes(self.known), minutes(self.span), "min")
        }
    }

    /// Whether it says anything of the window: one that began to be asked after its end knows nothing of it.
    pub fn says_anything(&self) -> bool {
        self.span > TimeDelta::zero()
    }
}

impl fmt::Display for Coverage {
    /// `known for 27 of 30 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (known, span, unit) = self.rounded();
        write!(f, "known for {known} of {span} {unit}")
    }
}

/// What a verdict rests on: the required signals, and the one that was known for the least of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// How many signals are required.
    pub required: usize,
    /// How many of them are known, and were for enough of the window.
    pub known: usize,
    /// What is known of the one that is known for the least; `None` before the window has begun.
    pub least: Option<Coverage>,
}

impl Basis {
    /// The same where there is little room: `12/12 known 30/30 min`.
    pub fn brief(&self) -> String {
        let of = self.least.map_or_else(String::new, |least| {
            let (known, span, unit) = least.rounded();
            format!(" {known}/{span} {unit}")
        });
        format!("{}/{} known{of}", self.known, self.required)
    }

    /// Takes in one required signal.
    pub(super) fn add(&mut self, is_known: bool, coverage: Option<Coverage>) {
        self.required += 1;
        let enough = coverage.is_none_or(|coverage| coverage.is_enough());
        self.known += usize::from(is_known && enough);
        let missing = |coverage: &Coverage| coverage.span - coverage.known;
        if let Some(coverage) = coverage.filter(Coverage::says_anything)
            && self.least.is_none_or(|least| missing(&coverage) > missing(&least))
        {
            self.least = Some(coverage);
        }
    }
}

impl fmt::Display for Basis {
    /// `12 of 12 required signals known for 30 of 30 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} required signals ", self.known, self.required)?;
        match &self.least {
            Some(least) => write!(f, "{least}"),
            None => f.write_str("known"),
        }
    }
}

/// How far apart the readings of a series are: what is asked for, or twice that where it is scraped less often.
pub(super) fn spacing(told: &[Reading], step: TimeDelta) -> TimeDelta {
    let mut gaps: Vec<TimeDelta> = told.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    if gaps.is_empty() {
        return step;
    }
    let middle = gaps.len() / 2;
    let (_, gap, _) = gaps.select_nth_unstable(middle);
    (*gap).clamp(step, step * SPARSE)
}

/// The readings of a series that tell anything of a signal of this kind. A probe that fails is news, too.
pub(super) fn told(series: &Series, kind: Kind) -> Vec<Reading> {
    series.readings().iter().filter(|reading| tells(reading, kind)).copied().collect()
}

/// Whether a reading says anything of a signal of this kind.
pub(super) fn tells(reading: &Reading, kind: Kind) -> bool {
    kind == Kind::Probe || reading.sample.tells()
}

/// From when on a signal can be known: what is not recorded anywhere can only be known while it is watched.
fn known_from(kind: Kind, wanted: &Wanted) -> Time {
    match kind {
        Kind::Rollout | Kind::Alerts | Kind::Probe => wanted.window.from.max(wanted.started),
        Kind::ErrorRate
        | Kind::Latency
        | Kind::Traffic
        | Kind::ServerErrors
        | Kind::Cpu
        | Kind::Memory
        | Kind::Connections
        | Kind::NewIssues
        | Kind::CrashFree
        | Kind::Custom => wanted.window.from,
    }
}

/// For how long of what is over of the window a signal was known. Readings in which it was `stuck` do not count.
pub(super) fn of(
    signal: &Signal,
    series: &Series,
    told: &[Reading],
    stuck: &[Run],
    wanted: &Wanted,
    until: Time,
) -> Coverage {
    let from = known_from(signal.kind, wanted);
    let stretch = Stretch { from, to: wanted.window.to.min(until).max(from) };
    let spacing = spacing(told, signal.step);
    let longest = (spacing * HOLE).max(SHORTEST_HOLE);
    let span = stretch.length();
    let nothing = Coverage { span, known: TimeDelta::zero(), hole: span, longest, share: wanted.share };
    if signal.kind == Kind::Rollout {
        // The cluster tells its state as a whole, restarts and failures of meanwhile with it.
        return Coverage { known: span, hole: TimeDelta::zero(), ..nothing };
    }
    let is_known = |place: usize| !stuck.iter().any(|run| (run.first + 1..=run.last).contains(&place));
    let stamps = told.iter().enumerate().filter(|(place, _)| is_known(*place)).map(|(_, reading)| reading.at);
    let runs = series.forgotten().iter().copied().chain(stamps.map(|at| (at, at)));
    let mut coverage = Coverage { hole: TimeDelta::zero(), ..nothing };
    // A reading tells of half a bin on each side of its stamp: sources stamp either end.
    let half = spacing / 2;
    let (mut end, mut before) = (stretch.from, None);
    for (first, last) in runs {
        // One that comes late by less than half a bin leaves no hole.
        let joined = before.filter(|known| first - *known <= spacing * 3 / 2);
        let begin = joined.unwrap_or(first - half).clamp(stretch.from, stretch.to);
        let until = (last + half).clamp(stretch.from, stretch.to);
        coverage.hole = coverage.hole.max(begin - end);
        coverage.known += (until - begin.max(end)).max(TimeDelta::zero());
        end = end.max(until);
        before = Some(last);
    }
    coverage.hole = coverage.hole.max(stretch.to - end);
    coverage
}
