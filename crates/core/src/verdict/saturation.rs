//! What fills up: CPU, memory, the connection pool. At its limit, on its way there, or not where it was.

use super::detect::climb::Climb;
use super::detect::collapse::Collapse;
use super::detect::held::{Held, Side};
use super::detect::shift::{Effect, PATIENT, Shift, Way};
use super::numbers::Numbers;
use super::says::{Change, Claim, Measured, told};
use super::stats::median;
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::{Kind, Reading, Sample, Unit};
use chrono::TimeDelta;

/// Busier by a quarter, yet by five points at least; ten points always matter.
const BUSIER: Effect = Effect { share: 0.25, least: 5.0, most: 10.0, patient: PATIENT, steady: false };
/// Connections in use stand still more than CPU does.
const CONNECTED: Effect = Effect { share: 0.1, least: 5.0, most: f64::INFINITY, patient: PATIENT, steady: false };
/// A pool breathes by some points for minutes on end; less than this is no climb of it. Points.
const POOL_CLIMB: f64 = 10.0;
/// A climb that reaches 100 % within this time is a red flag: the window's own length.
const SOON: TimeDelta = TimeDelta::minutes(30);
/// A climb that is this full is a red flag, however slow.
const NEARLY_FULL: f64 = 90.0;
/// Memory that takes two thirds of the room that was left before the deploy got there by the deploy, at whatever pace,
/// when it is as full as this for two bins: a new version may need more as long as there is room for it.
const FILLED: f64 = 80.0;
const TAKEN: f64 = 2.0 / 3.0;
/// As full as this it is nearly full, where it never was as full as the former before.
const ROOM: f64 = 80.0;
const FULL_BINS: u32 = 2;
/// Of what is no share of a limit nobody knows whether it is much: memory by half as much again, CPU by two fifths,
/// connections by a quarter, and by a quarter of the usual value at least.
const MORE: [f64; 3] = [0.5, 0.4, 0.25];
const LEAST_OWN: f64 = 0.25;

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
        let baseline = Numbers::baseline(evidence);
        let usual = median(baseline.clone()).unwrap_or(0.0).abs();
        let share = evidence.signal.unit == Unit::Percent;
        // What is no share of a limit is judged by its own level.
        let [memory, cpu, connections] = MORE;
        let own =
            |share| Effect { share, least: LEAST_OWN * usual, most: f64::INFINITY, patient: PATIENT, steady: false };
        let shift = |way, effect| Numbers::shift(evidence, way, effect);
        let (numbers, step) = (Numbers::begin(evidence), evidence.signal.step);
        let nothing = Self { numbers, up: None, down: None, climb: None, collapse: None, filled: None };
        match evidence.signal.kind {
            Kind::Cpu => Self { up: shift(Way::Up, if share { BUSIER } else { own(cpu) }), ..nothing },
            Kind::Memory => Self {
                up: if share { None } else { shift(Way::Up, own(memory)) },
                climb: Some(Climb::new(&baseline, 0.0, step)),
                collapse: Some(Collapse::new(&baseline)),
                filled: filled(evidence).map(|limit| Held::new(limit, Side::AtLeast, FULL_BINS)),
                ..nothing
            },
            _ => {
                let least = if share { POOL_CLIMB } else { LEAST_OWN * usual };
                let connected = if share { CONNECTED } else { own(connections) };
                Self {
                    up: shift(Way::Up, connected),
                    // A pool that empties is a service that lost its database, or its requests.
                    down: shift(Way::Down, connected),
                    climb: Some(Climb::new(&baseline, least, step)),
                    ..nothing
                }
            }
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
        Some(Judgement::new(level, shown.claims(claim).lasts(lasting).recovers(climb.is_recovering())))
    }

    fn elsewhere(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let says = elsewhere(evidence, self.up.as_ref(), self.down.as_ref())?;
        Some(Judgement::new(Level::Warning, says))
    }

    fn filled(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let filled = self.filled.as_ref()?;
        let lasting = evidence.lasting(filled.since()?);
        Some(Judgement::new(
            Level::Warning,
            shown.claims(Claim::Filled { limit: filled.limit() }).lasts(lasting).recovers(filled.is_recovering()),
        ))
    }

    fn collapsed(&self, evidence: &Evidence<'_>, value: f64) -> Option<Judgement> {
        let collapse = self.collapse.as_ref()?;
        let lasting = evidence.lasting(collapse.since()?);
        let claim = Claim::Fell { from: collapse.from(), restarts: evidence.restarts };
        let fell = evidence.against_before(value).claims(claim).lasts(lasting);
        let fell = Judgement::new(Level::Warning, fell.recovers(collapse.is_recovering()));
        // Where the cluster knows of no restart, something gave the memory back: a cache, a collection.
        Some(if evidence.restarts == Some(false) { fell } else { fell.of_this_deploy() })
    }

    fn unchanged(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let warning = self.numbers.broken(evidence, Level::Warning, shown);
        warning
            .or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
            .or_else(|| self.numbers.short_past(shown))
    }
}

/// Where a number is now that has left where it was, either way.
pub(super) fn elsewhere(evidence: &Evidence<'_>, up: Option<&Shift>, down: Option<&Shift>) -> Option<Measured> {
    let (shift, how) = [(up, Change::Up), (down, Change::Down)].into_iter().find_map(|(shift, how)| {
        let shift = shift?;
        shift.since().map(|_| (shift, how))
    })?;
    let claim = Claim::Changed { how, limit: None, passed: false, yet: None };
    let says = evidence.against_before(shift.now()?).claims(claim).lasts(evidence.lasting(shift.since()?));
    Some(says.recovers(shift.is_recovering()))
}

/// From where on memory is nearly full by this deploy; `None` where it was before, or where nobody knows what full is.
fn filled(evidence: &Evidence<'_>) -> Option<f64> {
    let before = evidence.series.baseline().filter(|_| evidence.signal.unit == Unit::Percent)?.high;
    (before < ROOM).then(|| (before + TAKEN * (100.0 - before)).clamp(FILLED, NEARLY_FULL))
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
        let middle = match self.numbers.now(evidence) {
            Ok(middle) => middle,
            Err(too_few) => return *too_few,
        };
        // What climbs or falls is where it is now, not where it was a bin before.
        let value = self.numbers.newest().unwrap_or(middle);
        let (shown, newest) = (evidence.against_before(middle), evidence.against_before(value));
        let exhausted = self.numbers.broken(evidence, Level::RedFlag, shown);
        let changed = self
            .climbing(evidence, value, newest)
            .or_else(|| self.filled(evidence, newest))
            .or_else(|| self.elsewhere(evidence))
            .map(Judgement::of_this_deploy)
            .or_else(|| self.collapsed(evidence, value));
        match (exhausted, changed) {
            (Some(exhausted), Some(_)) if exhausted.level == Level::RedFlag => exhausted.of_this_deploy(),
            (Some(exhausted), None) => exhausted,
            (_, Some(changed)) => changed,
            (None, None) => self.unchanged(evidence, shown).unwrap_or_else(|| {
                let (limit, kept) = (evidence.signal.limits.warning, self.numbers.kept());
                Judgement::new(Level::Clear, shown.claims(Claim::Within { limit, kept }))
            }),
        }
    }
}
