//! What the rules for plain numbers share: the newest value, the plain limits, and when there is enough.

use super::detect::held::{Held, Side};
use super::detect::shift::{Effect, Shift, Way};
use super::{Evidence, Judgement, Level};
use crate::deploy::Time;
use crate::signal::{Kind, Reading};

/// A signal's values since the deploy, held against its plain limits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    hold: u32,
    seen: u32,
    newest: Option<f64>,
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
        let side = if signal.kind.lower_is_worse() { Side::Below } else { Side::Above };
        let full = if signal.kind == Kind::Connections { Side::AtLeast } else { side };
        // Errors and lost sessions need no grace; what has to warm up does.
        let warms_up = !matches!(signal.kind, Kind::ErrorRate | Kind::CrashFree);
        Self {
            hold,
            seen: 0,
            newest: None,
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
        self.newest = Some(value);
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

    /// The newest value, or what to say when there are too few to judge.
    pub(super) fn newest(&self, evidence: &Evidence<'_>) -> Result<f64, Judgement> {
        let (have, want) = (self.seen, self.hold);
        match self.newest {
            Some(value) if have >= want && self.warming_up && self.is_beyond(value) => {
                let value = evidence.signal.unit.format(value);
                let sentence = format!("{value}; not judged while the new pods warm up");
                Err(Judgement::new(Level::Insufficient, sentence))
            }
            Some(value) if have >= want => Ok(value),
            _ => {
                let more = want.saturating_sub(have);
                let sentence = format!("{have} of {want} readings since the deploy; {more} more before it is judged");
                Err(Judgement::new(Level::Insufficient, sentence))
            }
        }
    }

    /// What to say where there is neither a limit nor anything from before the deploy that it could be held against.
    pub(super) fn nothing_to_hold_against(&self, evidence: &Evidence<'_>, shown: &str) -> Option<Judgement> {
        let has_limit = self.warning.is_some() || self.red_flag.is_some();
        (!has_limit && evidence.series.baseline().is_none()).then(|| {
            Judgement::new(Level::Insufficient, format!("{shown} and without a limit: nothing to hold it against"))
        })
    }

    fn is_beyond(&self, value: f64) -> bool {
        [&self.warning, &self.red_flag].into_iter().flatten().any(|held| held.is_beyond(value))
    }

    /// What the plain limits say, the worse first. One that the baseline broke already is not this deploy's.
    pub(super) fn broken(&self, evidence: &Evidence<'_>, level: Level, shown: &str) -> Option<Judgement> {
        let held = if level == Level::RedFlag { &self.red_flag } else { &self.warning };
        let held = held.as_ref()?;
        let (limit, long) = (evidence.signal.unit.format(held.limit()), evidence.for_how_long(held.since()?));
        let below = evidence.signal.kind.lower_is_worse();
        let was_so = evidence.series.baseline().is_some_and(|baseline| {
            if below { baseline.median < held.limit() } else { baseline.median > held.limit() }
        });
        let (level, as_before) = if was_so { (Level::Warning, ", as before the deploy") } else { (level, "") };
        let side = if below { "below" } else { "above" };
        let says = match (evidence.signal.kind, level) {
            (Kind::Connections, Level::RedFlag) => format!("exhausted: at {limit} or more{long}"),
            _ => format!("{side} {limit}{long}{as_before}"),
        };
        Some(Judgement::new(level, format!("{shown}; {says}")))
    }
}

fn value_of(reading: &Reading, may_be_negative: bool) -> Option<f64> {
    reading.sample.value().filter(|value| may_be_negative || *value >= 0.0)
}
