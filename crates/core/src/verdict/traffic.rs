//! Requests: a drop is a flag of its own, for a broken client or route raises no error anywhere else.

use super::detect::shift::{Effect, Shift, Way};
use super::numbers::Numbers;
use super::says::{Change, Claim};
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::{Reading, Sample};

/// Fewer by less than a third is how traffic comes and goes. Requests a second.
const FEWER: Effect = Effect { share: 0.3, least: 0.05, most: f64::INFINITY, steady: false };

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traffic {
    numbers: Numbers,
    fewer: Option<Shift>,
}

impl Traffic {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        Self { numbers: Numbers::begin(evidence), fewer: Numbers::shift(evidence, Way::Down, FEWER) }
    }
}

impl Rule for Traffic {
    fn take(&mut self, reading: &Reading, _beside: Option<Sample>) {
        if let (Some(value), Some(fewer)) = (self.numbers.take(reading), &mut self.fewer) {
            fewer.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.newest(evidence) {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        if let Some((since, now)) = self.fewer.as_ref().and_then(|fewer| Some((fewer.since()?, fewer.now()?))) {
            let claim = Claim::Changed { how: Change::Fewer, limit: None, passed: false, yet: None };
            let says = evidence.compared(now).claims(claim).lasts(evidence.lasting(since));
            return Judgement::new(Level::Warning, says).of_this_deploy();
        }
        let shown = evidence.compared(value);
        let broken = |level| self.numbers.broken(evidence, level, shown);
        broken(Level::RedFlag)
            .or_else(|| broken(Level::Warning))
            .or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
            .unwrap_or_else(|| Judgement::new(Level::Clear, shown))
    }
}
