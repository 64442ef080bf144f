//! One signal's readings in bounded memory: the baseline before the deploy, the window after it.

use crate::deploy::Time;
use crate::poll::SourceError;
use crate::signal::{Point, Possible, Reading, Sample, Signal};
use chrono::TimeDelta;
use std::ops::Range;

/// The most readings kept on each side of the deploy. At 48 bytes each this bounds a signal's memory to
/// about 48 KiB; an hour of baseline at 15 s is 240 readings.
pub(super) const CAPACITY: usize = 512;
/// A reading stamped further away than this from when it arrived is none: arithmetic with such a stamp could overflow.
const FARTHEST: TimeDelta = TimeDelta::days(3650);
/// So many of the newest waits for something new say what is usual.
const WAITS: usize = 8;
/// The most spans of old knowledge that are kept of what is beyond [`CAPACITY`].
const SPANS: usize = 64;

/// How long the readings of a signal tell of when a window ends: what is kept of the baseline and of the window.
pub fn reach(baseline: TimeDelta, window: TimeDelta, step: TimeDelta) -> TimeDelta {
    let most = step * i32::try_from(CAPACITY).unwrap_or(i32::MAX);
    baseline.min(most) + window.min(most)
}

/// A signal's readings, oldest first, without duplicates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    readings: Vec<Reading>,
    /// How many of them lie before the deploy.
    before: usize,
    deploy: Option<Time>,
    baseline: Option<Baseline>,
    trouble: Option<SourceError>,
    /// When its query was last answered.
    answered: Option<Time>,
    /// The span that its answers cover without a gap, as it was asked for.
    covered: Option<(Time, Time)>,
    /// What the previous version did since the deploy, where it was asked for: oldest first, without duplicates.
    beside: Vec<(Time, Sample)>,
    /// What its readings can be at all.
    possible: Possible,
    /// How old the newest reading that tells anything had become whenever a newer one came: the newest such waits.
    waits: Vec<TimeDelta>,
    /// How far apart its readings are true.
    step: TimeDelta,
    /// The first and the last stamp of each run of readings that told something and are no longer kept, since the
    /// deploy; oldest first.
    forgotten: Vec<(Time, Time)>,
    /// Grows whenever anything but the end of the readings changes.
    history: u64,
}

/// What was normal before the deploy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Readings with a value.
    pub count: usize,
    /// The middle value.
    pub median: f64,
    /// 5 % of the values lie below.
    pub low: f64,
    /// 5 % of the values lie above.
    pub high: f64,
    /// The largest value.
    pub max: f64,
    /// All failed requests, where counts are known.
    pub errors: f64,
    /// All requests, where counts are known.
    pub requests: f64,
}

impl Series {
    /// An empty series of a signal: what cannot be of it is no reading.
    pub fn of(signal: &Signal) -> Self {
        Self::within(Possible::of(signal.kind, signal.unit), signal.step)
    }

    /// An empty series whose readings can be no others than these.
    pub fn within(possible: Possible, step: TimeDelta) -> Self {
        Self { possible, step, ..Self::default() }
    }

    /// Takes in an answer to the signal's query: points in any order, or none. One with a known stamp replaces the
    /// earlier reading.
    pub fn insert(&mut self, points: &[Point], arrived: Time) {
        self.trouble = None;
        self.answered = Some(arrived);
        let known = self.newest_told();
        self.merge(points, arrived);
        if let (Some(known), Some(newest)) = (known, self.newest_told())
            && newest > known
        {
            if self.waits.len() == WAITS {
                self.waits.remove(0);
            }
            self.waits.push(arrived - known);
        }
    }

    /// Takes in what the previous version told. Of a signal that speaks of the new version alone, this is what it was
    /// before the deploy; since then it is what happens beside. Nothing while the deploy is not known.
    pub fn insert_older(&mut self, points: &[Point], arrived: Time) {
        let Some(deploy) = self.deploy else { return };
        let (past, beside): (Vec<Point>, Vec<Point>) = points.iter().partition(|(at, _)| *at < deploy);
        self.merge(&past, arrived);
        for (at, sample) in beside {
            let sample = self.possible.check(sample);
            let place = self.beside.binary_search_by_key(&at, |(known, _)| *known);
            match place {
                Ok(index) if self.beside[index].1 == sample => continue,
                Ok(index) => self.beside[index].1 = sample,
                Err(index) => self.beside.insert(index, (at, sample)),
            }
            // The bin that it stands beside may have been judged without it.
            self.history += 1;
        }
        self.beside.drain(..self.beside.len().saturating_sub(CAPACITY));
    }

    fn merge(&mut self, points: &[Point], arrived: Time) {
        let mut rewritten = false;
        // In order of time most of them go to the end; in any other each would move all that are there.
        let mut points = points.to_vec();
        points.sort_by_key(|(at, _)| *at);
        for (at, sample) in points {
            if (at - arrived).abs() > FARTHEST {
                continue;
            }
            let reading = Reading { at, arrived, sample: self.possible.check(sample) };
            match self.readings.binary_search_by_key(&at, |known| known.at) {
                Ok(index) => {
                    rewritten |= self.readings[index].sample != sample;
                    self.readings[index] = reading;
                }
                Err(index) => {
                    // Before the deploy even the newest belongs to what everything is held against.
                    rewritten |= index < self.readings.len() || self.deploy.is_some_and(|deploy| at < deploy);
                    self.readings.insert(index, reading);
                }
            }
        }
        self.bound();
        if rewritten || self.before != self.split() {
            self.settle();
        }
    }

    /// Notes that this signal's own query failed while its source answered.
    pub fn set_trouble(&mut self, error: SourceError) {
        self.trouble = Some(error);
    }

    /// Why this signal's own query failed last, if it did.
    pub fn trouble(&self) -> Option<&SourceError> {
        self.trouble.as_ref()
    }

    /// When this signal's query was last answered, with readings or without.
    pub fn answered(&self) -> Option<Time> {
        self.answered
    }

    /// Notes the span that its query was answered for.
    pub fn cover(&mut self, (from, to): (Time, Time)) {
        self.covered = Some(match self.covered {
            // What was asked joins on to what is covered; else there is a gap, and only the newer span counts.
            Some((begin, end)) if from <= end => (begin.min(from), end.max(to)),
            _ => (from, to),
        });
    }

    /// The span that its answers cover without a gap, as it was asked for.
    pub fn covered(&self) -> Option<(Time, Time)> {
        self.covered
    }

    /// Makes everything be asked for again: another deploy has another baseline.
    pub fn forget_coverage(&mut self) {
        self.covered = None;
    }

    /// The clock was set back by `step` to `now`: the answer is as old as it was, and no stamp lies in the future.
    pub fn set_back(&mut self, step: TimeDelta, now: Time) {
        self.answered = self.answered.map(|at| (at - step).min(now));
        self.covered = self.covered.map(|(from, to)| (from.min(now), to.min(now)));
    }

    /// Notes when the deploy was made: what lies before is the baseline.
    pub fn set_deploy(&mut self, at: Time) {
        if self.deploy != Some(at) {
            self.deploy = Some(at);
            self.beside.clear();
            self.forgotten.clear();
            self.settle();
        }
    }

    /// A number that grows whenever anything but the end of the readings changes: a late or corrected reading,
    /// another deploy. While it stands still, readings were only added since the deploy.
    pub fn history(&self) -> u64 {
        self.history
    }

    /// Every reading, oldest first.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The readings from before the deploy; none while the deploy is not known.
    pub fn before(&self) -> &[Reading] {
        &self.readings[..self.before]
    }

    /// The readings since the deploy; all while the deploy is not known.
    pub fn since_deploy(&self) -> &[Reading] {
        &self.readings[self.before..]
    }

    /// The same, with another sample in each reading, and nothing of the version before beside them.
    #[must_use]
    pub fn with_samples(&self, sample: impl Fn(&Reading) -> Sample) -> Self {
        let mut other = Self { beside: Vec::new(), ..self.clone() };
        for reading in &mut other.readings {
            reading.sample = sample(reading);
        }
        other.settle();
        other
    }

    /// What the previous version did in the bin of this stamp, since the deploy.
    pub fn beside(&self, at: Time) -> Option<Sample> {
        let index = self.beside.binary_search_by_key(&at, |(known, _)| *known).ok()?;
        Some(self.beside[index].1)
    }

    /// When the newest reading that tells anything was true.
    fn newest_told(&self) -> Option<Time> {
        self.readings.iter().rev().find(|reading| reading.sample.tells()).map(|reading| reading.at)
    }

    /// How old the newest reading that tells anything usually becomes before a newer one comes, at worst; `None` while
    /// that was seen too seldom.
    pub fn usual_wait(&self) -> Option<TimeDelta> {
        self.waits.iter().max().copied().filter(|_| self.waits.len() >= WAITS / 2)
    }

    /// The first and the last stamp of each run of readings since the deploy that told something and are no longer
    /// kept, oldest first.
    pub fn forgotten(&self) -> &[(Time, Time)] {
        &self.forgotten
    }

    /// The newest reading.
    pub fn last(&self) -> Option<&Reading> {
        self.readings.last()
    }

    /// The newest reading that has a value, with it.
    pub fn last_value(&self) -> Option<(Time, f64)> {
        self.readings.iter().rev().find_map(|reading| Some((reading.at, reading.sample.value()?)))
    }

    /// What was normal before the deploy; `None` where nothing with a value lies before it.
    pub fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// How many readings lie before the deploy.
    fn split(&self) -> usize {
        self.deploy.map_or(0, |deploy| self.readings.partition_point(|reading| reading.at < deploy))
    }

    /// Drops what is beyond the bounds: the oldest on each side of the deploy.
    fn bound(&mut self) {
        let before = self.split();
        let surplus = (self.readings.len() - before).saturating_sub(CAPACITY);
        self.forget(before..before + surplus);
        self.readings.drain(before..before + surplus);
        self.readings.drain(..before.saturating_sub(CAPACITY));
    }

    /// Keeps of readings that are dropped for when they told something.
    fn forget(&mut self, dropped: Range<usize>) {
        if self.deploy.is_none() {
            return;
        }
        for reading in self.readings[dropped].iter().filter(|reading| reading.sample.tells()) {
            match self.forgotten.last_mut() {
                Some((_, last)) if reading.at - *last <= self.step * 3 / 2 => *last = reading.at.max(*last),
                _ => self.forgotten.push((reading.at, reading.at)),
            }
        }
        // What was known longest ago counts as not known once there are too many pieces of it.
        self.forgotten.drain(..self.forgotten.len().saturating_sub(SPANS));
    }

    /// Splits at the deploy and summarises what lies before.
    fn settle(&mut self) {
        self.bound();
        self.before = self.split();
        self.baseline = Baseline::of(self.before());
        self.history += 1;
    }
}

impl Baseline {
    fn of(readings: &[Reading]) -> Option<Self> {
        let mut values: Vec<f64> = readings.iter().filter_map(|reading| reading.sample.value()).collect();
        values.sort_by(f64::total_cmp);
        let (errors, requests) = readings.iter().fold((0.0, 0.0), |(errors, requests), reading| match reading.sample {
            Sample::Counts { errors: failed, requests: all } => (errors + failed, requests + all),
            _ => (errors, requests),
        });
        Some(Self {
            count: values.len(),
            median: quantile(&values, 0.5)?,
            low: quantile(&values, 0.05)?,
            high: quantile(&values, 0.95)?,
            max: *values.last()?,
            errors,
            requests,
        })
    }
}

/// Linear interpolation between the two nearest of the sorted values (Hyndman and Fan's type 7).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}
