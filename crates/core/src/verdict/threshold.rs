//! Plain limits, held for some readings: crash-free sessions, bare ratios, and numbers of a meaning of their own.
//! A number without any limit is held against its own past, in both directions.

use super::detect::shift::{Effect, PATIENT, Shift, Way};
use super::numbers::Numbers;
use super::saturation;
use super::says::Claim;
use super::stats::median;
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::{Kind, Reading, Sample, Unit};

/// A bare error ratio: by half, and by a quarter of a percent at least. Points.
const MORE_ERRORS: Effect = Effect { share: 0.5, least: 0.25, most: f64::INFINITY, patient: PATIENT, steady: false };
/// Sessions that crash, where a limit is passed: by a tenth of a point at least. Points.
const MORE_CRASHES: Effect = Effect { share: 0.0, least: 0.1, most: f64::INFINITY, patient: PATIENT, steady: false };
/// Of a number that nothing is known of: by so much of its usual size.
const UNKNOWN_SHARE: f64 = 0.15;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold {
    numbers: Numbers,
    up: Option<Shift>,
    down: Option<Shift>,
    /// What shows that a passed limit is this deploy's doing, where nothing else is held against the past.
    since_then: Option<Shift>,
    /// Whether it is held against its own past at all.
    is_compared: bool,
}

impl Threshold {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let limits = evidence.signal.limits;
        let nothing =
            Self { numbers: Numbers::begin(evidence), up: None, down: None, since_then: None, is_compared: false };
        match evidence.signal.kind {
            Kind::ErrorRate => {
                let least = match evidence.signal.unit {
                    Unit::Percent => MORE_ERRORS.least,
                    // In a unit that nobody knows nothing is too little but for its share.
                    _ => MORE_ERRORS.share * evidence.series.baseline().map_or(0.0, |baseline| baseline.median.abs()),
                };
                let up = Numbers::shift(evidence, Way::Up, Effect { least, ..MORE_ERRORS });
                Self { up, is_compared: true, ..nothing }
            }
            // No reason to warn by itself: it tells whose doing a limit is that is passed.
            Kind::CrashFree => Self { since_then: Numbers::shift(evidence, Way::Down, MORE_CRASHES), ..nothing },
            Kind::Custom if limits.warning.is_none() && limits.red_flag.is_none() => {
                let sizes = Numbers::baseline(evidence).iter().map(|value| value.abs()).collect();
                let usual = median(sizes).unwrap_or(0.0);
                let least = (UNKNOWN_SHARE * usual).max(f64::MIN_POSITIVE);
                let effect =
                    Effect { share: UNKNOWN_SHARE, least, most: f64::INFINITY, patient: PATIENT, steady: false };
                let shift = |way| Numbers::shift(evidence, way, effect);
                Self { up: shift(Way::Up), down: shift(Way::Down), is_compared: true, ..nothing }
            }
            _ => nothing,
        }
    }

    fn elsewhere(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let shown = saturation::elsewhere(evidence, self.up.as_ref(), self.down.as_ref())?;
        let red = self.numbers.broken(evidence, Level::RedFlag, shown);
        let judgement = red.unwrap_or_else(|| Judgement::new(Level::Warning, shown));
        // A number of a meaning that nobody told changes for reasons that nobody knows: that is said, and blames nobody.
        Some(if evidence.signal.kind == Kind::Custom { judgement } else { judgement.of_this_deploy() })
    }
}

impl Rule for Threshold {
    fn take(&mut self, reading: &Reading, _beside: Option<Sample>) {
        let Some(value) = self.numbers.take(reading) else { return };
        for shift in [&mut self.up, &mut self.down, &mut self.since_then].into_iter().flatten() {
            shift.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.now(evidence) {
            Ok(value) => value,
            Err(too_few) => return *too_few,
        };
        let limits = evidence.signal.limits;
        let shown = evidence.against_before(value);
        let changed = self.since_then.as_ref().is_some_and(|shift| shift.since().is_some());
        let broken = |level| {
            let broken = self.numbers.broken(evidence, level, shown)?;
            Some(if changed { broken.of_this_deploy() } else { broken })
        };
        self.elsewhere(evidence)
            .or_else(|| broken(Level::RedFlag))
            .or_else(|| broken(Level::Warning))
            .or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
            .or_else(|| if self.is_compared { self.numbers.short_past(shown) } else { None })
            .unwrap_or_else(|| {
                let limit = limits.warning.or(limits.red_flag);
                let kept = self.numbers.kept();
                let claim = limit.map_or(Claim::NoLimit, |limit| Claim::Within { limit: Some(limit), kept });
                Judgement::new(Level::Clear, shown.claims(claim))
            })
    }
}
