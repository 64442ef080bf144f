//! Response time: slower beyond chance by more than half is a red flag, by less or beyond a limit a warning. So is
//! far too fast: a request that fails early, or finds nothing, is answered in no time.

use super::detect::lead::Lead;
use super::detect::shift::{Effect, Shift, Way};
use super::numbers::Numbers;
use super::says::{Against, Change, Claim, Measured, Yet};
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::Time;
use crate::signal::{Reading, Sample};

/// What is looked for. 3 ms → 5 ms is no regression whatever its share. Milliseconds.
const EFFECT: Effect = Effect { share: 0.08, least: 2.5, most: f64::INFINITY, steady: true };

/// Two fifths less, and ten milliseconds at least: no small improvement is questioned. Milliseconds.
const MUCH_FASTER: Effect = Effect { share: 0.4, least: 10.0, most: f64::INFINITY, steady: true };

/// A rise by less than this is nothing to go back for, whatever its share. Milliseconds.
const LEAST_RED: f64 = 10.0;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Latency {
    numbers: Numbers,
    slower: Option<Shift>,
    faster: Option<Shift>,
    /// Whether it is slower than the version before in the bins in which both serve.
    lead: Lead,
}

impl Latency {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        Self {
            numbers: Numbers::begin(evidence),
            slower: Numbers::shift(evidence, Way::Up, EFFECT),
            faster: Numbers::shift(evidence, Way::Down, MUCH_FASTER),
            lead: Lead::default(),
        }
    }

    /// Slower beyond chance: than the version before while both serve, than it was before the deploy since.
    fn too_slow(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        if let (Some(since), Some((now, older))) = (self.lead.since(), self.lead.now()) {
            let shown = Measured { against: Against::VersionBefore(older), ..evidence.against_before(now) };
            return Some(self.slower(evidence, shown, since, (now, older), true));
        }
        let slower = self.slower.as_ref()?;
        let (since, now, usual) = (slower.since()?, slower.now()?, evidence.series.baseline()?.median);
        Some(self.slower(evidence, evidence.compared(now), since, (now, usual), slower.is_sure()))
    }

    fn slower(
        &self,
        evidence: &Evidence<'_>,
        shown: Measured,
        since: Time,
        (now, usual): (f64, f64),
        sure: bool,
    ) -> Judgement {
        let limit = evidence.signal.limits.increase;
        let passed = limit.is_some_and(|limit| 100.0 * (now / usual - 1.0) > limit);
        let yet = match passed {
            true if now - usual < LEAST_RED => Some(Yet::ByLessThan(LEAST_RED)),
            true if !sure => Some(Yet::NotSure),
            _ => None,
        };
        let level = if passed && yet.is_none() { Level::RedFlag } else { Level::Warning };
        let claim = Claim::Changed { how: Change::Slower, limit, passed, yet };
        let changed = || Judgement::new(level, shown.claims(claim).lasts(evidence.lasting(since)));
        let broken =
            if limit.is_some() && !passed { self.numbers.broken(evidence, Level::RedFlag, shown) } else { None };
        broken.unwrap_or_else(changed).of_this_deploy()
    }

    fn too_fast(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let faster = self.faster.as_ref()?;
        let (now, lasting) = (faster.now()?, evidence.lasting(faster.since()?));
        let claim = Claim::Changed { how: Change::Faster, limit: None, passed: false, yet: None };
        let says = evidence.compared(now).claims(claim).lasts(lasting);
        Some(Judgement::new(Level::Warning, says).of_this_deploy())
    }
}

impl Rule for Latency {
    fn take(&mut self, reading: &Reading, beside: Option<Sample>) {
        let Some(value) = self.numbers.take(reading) else { return };
        if let Some(older) = beside.and_then(Sample::value).filter(|value| *value >= 0.0) {
            // While both serve, the new one may serve few, and vary far more than the baseline did.
            let above = value > older + (older * EFFECT.share).max(EFFECT.least);
            self.lead.take(reading.at, (value, older), above);
            return;
        }
        self.lead.alone();
        for shift in [&mut self.slower, &mut self.faster].into_iter().flatten() {
            shift.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.newest(evidence) {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        if let Some(too_slow) = self.too_slow(evidence) {
            return too_slow;
        }
        let shown = evidence.compared(value);
        let broken = |level| self.numbers.broken(evidence, level, shown);
        let flagged = broken(Level::RedFlag).or_else(|| self.too_fast(evidence)).or_else(|| broken(Level::Warning));
        let unjudged = || self.numbers.nothing_to_hold_against(evidence, shown);
        let within = Claim::Within(evidence.signal.limits.warning);
        flagged.or_else(unjudged).unwrap_or_else(|| Judgement::new(Level::Clear, shown.claims(within)))
    }
}
