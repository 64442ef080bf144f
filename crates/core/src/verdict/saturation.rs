//! What fills up: CPU, memory, the connection pool. At its limit, on its way there, or not where it was.

use super::detect::climb::Climb;
use super::detect::collapse::Collapse;
use super::detect::held::{Held, Side};
use super::detect::shift::{Effect, Shift, Way};
use super::numbers::Numbers;
use super::says::{Change, Claim, Measured, told};
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::{Kind, Reading, Sample, Unit};
use chrono::TimeDelta;

/// Busier by a quarter, yet by five points at least; ten points always matter.
const BUSIER: Effect = Effect { share: 0.25, least: 5.0, most: 10.0, steady: false };
/// Connections in use stand still more than CPU does.
const CONNECTED: Effect = Effect { share: 0.1, least: 5.0, most: f64::INFINITY, steady: false };
/// A pool breathes by some points for minutes on end; less than this is no climb of it. Points.
const POOL_CLIMB: f64 = 10.0;
/// A climb that reaches 100 % within this time is a red flag: the window's own length.
const SOON: TimeDelta = TimeDelta::minutes(30);
/// A climb that is this full is a red flag, however slow.
const NEARLY_FULL: f64 = 90.0;
/// Memory that never was this full before the deploy and is nearly full for two bins got there by the deploy, at
/// whatever pace: a new version may need more as long as there is room for it.
const ROOM: f64 = 80.0;
const FULL_BINS: u32 = 2;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Saturation {
    numbers: Numbers,
    up: Option<Shift>,
    down: Option<Shift>,
    climb: Option<Climb>,
    collapse: Option<Collapse>,
    /// Where there was room before.
    filled: Option<Held>,
}

impl Saturation {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let shift = |way, effect| Numbers::shift(evidence, way, effect);
        let baseline = Numbers::baseline(evidence);
        let (numbers, step) = (Numbers::begin(evidence), evidence.signal.step);
        let nothing = Self { numbers, up: None, down: None, climb: None, collapse: None, filled: None };
        match evidence.signal.kind {
            Kind::Cpu => Self { up: shift(Way::Up, BUSIER), ..nothing },
            Kind::Memory => Self {
                climb: Some(Climb::new(&baseline, 0.0, step)),
                collapse: Some(Collapse::new(&baseline)),
                filled: had_room(evidence).then(|| Held::new(NEARLY_FULL, Side::AtLeast, FULL_BINS)),
                ..nothing
            },
            _ => Self {
                up: shift(Way::Up, CONNECTED),
                // A pool that empties is a service that lost its database, or its requests.
                down: shift(Way::Down, CONNECTED),
                climb: Some(Climb::new(&baseline, POOL_CLIMB, step)),
                ..nothing
            },
        }
    }

    fn climbing(&self, evidence: &Evidence<'_>, value: f64, shown: Measured) -> Option<Judgement> {
        let climb = self.climb.as_ref()?;
        let lasting = evidence.lasting(climb.since()?);
        // Where it is full is only known of a share.
        let share = evidence.signal.unit == Unit::Percent;
        let left = if share { climb.left(value, 100.0) } else { None };
        let near = share && (value >= NEARLY_FULL || left.is_some_and(|left| left <= SOON));
        let level = if near { Level::RedFlag } else { Level::Warning };
        let claim = Claim::Climbs { pace: climb.pace(), full_in: left.map(told) };
        Some(Judgement::new(level, shown.claims(claim).lasts(lasting)))
    }

    fn elsewhere(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let says = elsewhere(evidence, self.up.as_ref(), self.down.as_ref())?;
        Some(Judgement::new(Level::Warning, says))
    }

    fn filled(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let filled = self.filled.as_ref()?;
        let lasting = evidence.lasting(filled.since()?);
        Some(Judgement::new(Level::Warning, shown.claims(Claim::Filled { limit: filled.limit() }).lasts(lasting)))
    }

    fn collapsed(&self, evidence: &Evidence<'_>, value: f64) -> Option<Judgement> {
        let collapse = self.collapse.as_ref()?;
        let lasting = evidence.lasting(collapse.since()?);
        let fell = evidence.against_before(value).claims(Claim::Fell { from: collapse.from() });
        Some(Judgement::new(Level::Warning, fell.lasts(lasting)))
    }

    fn unchanged(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let warning = self.numbers.broken(evidence, Level::Warning, shown);
        warning.or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
    }
}

/// Where a number is now that has left where it was, either way.
pub(super) fn elsewhere(evidence: &Evidence<'_>, up: Option<&Shift>, down: Option<&Shift>) -> Option<Measured> {
    let (shift, how) = [(up, Change::Up), (down, Change::Down)].into_iter().find_map(|(shift, how)| {
        let shift = shift?;
        shift.since().map(|_| (shift, how))
    })?;
    let claim = Claim::Changed { how, limit: None, passed: false, yet: None };
    Some(evidence.against_before(shift.now()?).claims(claim).lasts(evidence.lasting(shift.since()?)))
}

fn had_room(evidence: &Evidence<'_>) -> bool {
    evidence.signal.unit == Unit::Percent && evidence.series.baseline().is_some_and(|baseline| baseline.max < ROOM)
}

impl Rule for Saturation {
    fn take(&mut self, reading: &Reading, _beside: Option<Sample>) {
        let Some(value) = self.numbers.take(reading) else { return };
        for shift in [&mut self.up, &mut self.down].into_iter().flatten() {
            shift.take(reading.at, value);
        }
        if let Some(climb) = &mut self.climb {
            climb.take(reading.at, value);
        }
        if let Some(filled) = &mut self.filled {
            filled.take(reading.at, value);
        }
        if let Some(collapse) = &mut self.collapse {
            collapse.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.newest(evidence) {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let shown = evidence.against_before(value);
        let exhausted = self.numbers.broken(evidence, Level::RedFlag, shown);
        let changed = self
            .climbing(evidence, value, shown)
            .or_else(|| self.filled(evidence, shown))
            .or_else(|| self.elsewhere(evidence))
            .or_else(|| self.collapsed(evidence, value))
            .map(Judgement::of_this_deploy);
        match (exhausted, changed) {
            (Some(exhausted), Some(_)) if exhausted.level == Level::RedFlag => exhausted.of_this_deploy(),
            (Some(exhausted), None) => exhausted,
            (_, Some(changed)) => changed,
            (None, None) => self.unchanged(evidence, shown).unwrap_or_else(|| {
                Judgement::new(Level::Clear, shown.claims(Claim::Within(evidence.signal.limits.warning)))
            }),
        }
    }
}
