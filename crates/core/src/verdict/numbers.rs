//! What the rules for plain numbers share: the newest value, the plain limits, and when there is enough.

use super::detect::held::{self, Held};
use super::detect::shift::{Effect, LEAST_BASELINE, Shift, Way};
use super::says::{Claim, Kept, Measured, Side, TooFew};
use super::stats::median;
use super::{Evidence, Judgement, Level};
use crate::deploy::Time;
use crate::signal::{Kind, Reading};

/// The middle of so many of the newest values is shown.
const RECENT: usize = 3;

/// A signal's values since the deploy, held against its plain limits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    hold: u32,
    seen: u32,
    /// How many values there are from before the deploy.
    past: usize,
    /// The newest values: their middle is what is shown and judged.
    recent: Vec<f64>,
    may_be_negative: bool,
    warming_up: bool,
    settled: Option<Time>,
    warning: Option<Held>,
    red_flag: Option<Held>,
}

impl Numbers {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let signal = evidence.signal;
        let hold = signal.limits.hold.max(1);
        let side = if signal.kind.lower_is_worse() { held::Side::Below } else { held::Side::Above };
        let full = if signal.kind == Kind::Connections { held::Side::AtLeast } else { side };
        // Errors and lost sessions need no grace; what has to warm up does.
        let warms_up = !matches!(signal.kind, Kind::ErrorRate | Kind::CrashFree);
        Self {
            hold,
            seen: 0,
            past: Self::baseline(evidence).len(),
            recent: Vec::with_capacity(RECENT),
            may_be_negative: signal.kind == Kind::Custom,
            warming_up: false,
            settled: evidence.settled.filter(|_| warms_up),
            warning: signal.limits.warning.map(|limit| Held::new(limit, side, hold)),
            red_flag: signal.limits.red_flag.map(|limit| Held::new(limit, full, hold)),
        }
    }

    /// The values from before the deploy, in order of time.
    pub(super) fn baseline(evidence: &Evidence<'_>) -> Vec<f64> {
        let negative = evidence.signal.kind == Kind::Custom;
        evidence.series.before().iter().filter_map(|reading| value_of(reading, negative)).collect()
    }

    /// A detector of a change by the effect, where the baseline is long enough for one.
    pub(super) fn shift(evidence: &Evidence<'_>, way: Way, effect: Effect) -> Option<Shift> {
        Shift::new(&Self::baseline(evidence), way, effect)
    }

    /// Takes in a reading; gives its value when detectors should see it: not before the new pods are warm.
    pub(super) fn take(&mut self, reading: &Reading) -> Option<f64> {
        let value = value_of(reading, self.may_be_negative)?;
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(value);
        self.seen = self.seen.saturating_add(1);
        self.warming_up = self.settled.is_some_and(|settled| reading.at < settled);
        if self.warming_up {
            return None;
        }
        for held in [&mut self.warning, &mut self.red_flag].into_iter().flatten() {
            held.take(reading.at, value);
        }
        Some(value)
    }

    /// The newest value.
    pub(super) fn newest(&self) -> Option<f64> {
        self.recent.last().copied()
    }

    /// Where the number is: the middle of its newest values; or what to say when there are too few to judge.
    pub(super) fn now(&self, evidence: &Evidence<'_>) -> Result<f64, Box<Judgement>> {
        let (have, want) = (self.seen, self.hold);
        match self.newest() {
            Some(value) if have >= want && self.warming_up && self.is_beyond(value) => {
                let warming_up = evidence.against_before(value).claims(Claim::WarmingUp);
                Err(Box::new(Judgement::new(Level::Insufficient, warming_up)))
            }
            Some(value) if have >= want => Ok(median(self.recent.clone()).unwrap_or(value)),
            _ => Err(Box::new(Judgement::new(Level::Insufficient, TooFew::Readings { have, want }))),
        }
    }

    /// What to say where there is neither a limit nor anything from before the deploy that it could be held against.
    pub(super) fn nothing_to_hold_against(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let has_limit = self.warning.is_some() || self.red_flag.is_some();
        (!has_limit && evidence.series.baseline().is_none())
            .then(|| Judgement::new(Level::Insufficient, shown.claims(Claim::NothingToHoldAgainst)))
    }

    /// What to say where there is something from before the deploy, and too little of it.
    pub(super) fn short_past(&self, shown: Measured) -> Option<Judgement> {
        let (have, want) = (self.past, LEAST_BASELINE);
        let short = (1..want).contains(&have);
        short.then(|| Judgement::new(Level::Insufficient, shown.claims(Claim::ShortPast { have, want })))
    }

    /// What keeps the number clear, where some of its newest readings are beyond a limit.
    pub(super) fn kept(&self) -> Option<Kept> {
        let run = |held: &Held| held.rising().map(|have| Kept::Readings { have, want: self.hold });
        [&self.red_flag, &self.warning].into_iter().flatten().find_map(run)
    }

    fn is_beyond(&self, value: f64) -> bool {
        [&self.warning, &self.red_flag].into_iter().flatten().any(|held| held.is_beyond(value))
    }

    /// What the plain limits say, the worse first. One that the baseline broke already is not this deploy's.
    pub(super) fn broken(&self, evidence: &Evidence<'_>, level: Level, shown: Measured) -> Option<Judgement> {
        let held = if level == Level::RedFlag { &self.red_flag } else { &self.warning };
        let held = held.as_ref()?;
        let (limit, lasting) = (held.limit(), evidence.lasting(held.since()?));
        let below = evidence.signal.kind.lower_is_worse();
        let was_so = evidence
            .series
            .baseline()
            .is_some_and(|baseline| if below { baseline.median < limit } else { baseline.median > limit });
        let level = if was_so { Level::Warning } else { level };
        let side = if below { Side::Below } else { Side::Above };
        let claim = match (evidence.signal.kind, level) {
            (Kind::Connections, Level::RedFlag) => Claim::Exhausted { limit },
            _ => Claim::Beyond { limit, side, as_before: was_so, so_is_version_before: None },
        };
        Some(Judgement::new(level, shown.claims(claim).lasts(lasting).recovers(held.is_recovering())))
    }
}

fn value_of(reading: &Reading, may_be_negative: bool) -> Option<f64> {
    reading.sample.value().filter(|value| may_be_negative || *value >= 0.0)
}
