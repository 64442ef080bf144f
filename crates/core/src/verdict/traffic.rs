//! Requests: a drop is a flag of its own, for a broken client or route raises no error anywhere else.

use super::detect::shift::{Effect, PATIENT, Shift, Way};
use super::numbers::Numbers;
use super::says::{Change, Claim, Kept, Measured};
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::{Reading, Sample, Unit};

/// Fewer by less than a third is how traffic comes and goes. Requests a second.
const FEWER: Effect = Effect { share: 0.3, least: 0.05, most: f64::INFINITY, patient: PATIENT, steady: false };

/// In a unit that nobody knows, what is too little to matter: so much of the usual value.
const LITTLE: f64 = 0.1;
/// Where fewer requests than this would have come, none at all is not told from chance: e⁻¹⁰ is.
const LEAST_REQUESTS: f64 = 10.0;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traffic {
    numbers: Numbers,
    fewer: Option<Shift>,
}

impl Traffic {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let usual = evidence.series.baseline().map_or(0.0, |baseline| baseline.median);
        // In a unit that nobody knows nothing is too little but for its share.
        let least = if is_rate(evidence) { FEWER.least } else { LITTLE * usual };
        let fewer = Numbers::shift(evidence, Way::Down, Effect { least, ..FEWER });
        Self { numbers: Numbers::begin(evidence), fewer }
    }
}

fn is_rate(evidence: &Evidence<'_>) -> bool {
    evidence.signal.unit == Unit::PerSecond
}

/// Where so few requests are usual that none at all for as long would be no news, nothing is known.
fn too_thin(evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
    let usual = evidence.series.baseline().filter(|_| is_rate(evidence))?.median;
    let seconds = evidence.signal.step.num_milliseconds() as f64 / 1000.0;
    let requests = usual * seconds * evidence.series.since_deploy().len() as f64;
    let thin = usual <= FEWER.least || requests < LEAST_REQUESTS;
    let want = LEAST_REQUESTS;
    thin.then(|| Judgement::new(Level::Insufficient, shown.claims(Claim::Thin { requests, want })))
}

impl Traffic {
    fn clear(&self, evidence: &Evidence<'_>, shown: Measured) -> Judgement {
        let limits = evidence.signal.limits;
        let fell = shown.change().is_some_and(|change| change < -100.0 * FEWER.share);
        let kept = self.numbers.kept().or(fell.then_some(Kept::Chance));
        Judgement::new(Level::Clear, shown.claims(Claim::Within { limit: limits.warning.or(limits.red_flag), kept }))
    }
}

impl Rule for Traffic {
    fn take(&mut self, reading: &Reading, _beside: Option<Sample>) {
        if let (Some(value), Some(fewer)) = (self.numbers.take(reading), &mut self.fewer) {
            fewer.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.now(evidence) {
            Ok(value) => value,
            Err(too_few) => return *too_few,
        };
        if let Some((since, now)) = self.fewer.as_ref().and_then(|fewer| Some((fewer.since()?, fewer.now()?))) {
            let claim = Claim::Changed { how: Change::Fewer, limit: None, passed: false, yet: None };
            let says = evidence.compared(now).claims(claim).lasts(evidence.lasting(since));
            let recovering = self.fewer.as_ref().is_some_and(Shift::is_recovering);
            return Judgement::new(Level::Warning, says.recovers(recovering)).of_this_deploy();
        }
        let shown = evidence.compared(value);
        let broken = |level| self.numbers.broken(evidence, level, shown);
        broken(Level::RedFlag)
            .or_else(|| broken(Level::Warning))
            .or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
            .or_else(|| self.numbers.short_past(shown))
            .or_else(|| too_thin(evidence, shown))
            .unwrap_or_else(|| self.clear(evidence, shown))
    }
}
