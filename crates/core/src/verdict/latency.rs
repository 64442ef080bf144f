//! Response time: slower beyond chance by more than half is a red flag, by less or beyond a limit a warning. So is
//! far too fast: a request that fails early, or finds nothing, is answered in no time.

use super::detect::few::Few;
use super::detect::held::{self, Held};
use super::detect::lead::Lead;
use super::detect::shift::{Effect, PATIENT, Shift, Way};
use super::numbers::Numbers;
use super::says::{Against, Change, Claim, Kept, Measured, Yet};
use super::stats::median;
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::Time;
use crate::signal::{Reading, Sample, Unit};

/// What is looked for. 3 ms → 5 ms is no regression whatever its share. Milliseconds.
const EFFECT: Effect = Effect { share: 0.12, least: 2.5, most: f64::INFINITY, patient: SLOWER, steady: true };

/// What patience must be worth for it, as a logarithm: ln 25.
const SLOWER: f64 = 3.218_875_824_868;

/// Two fifths less, and ten milliseconds at least: no small improvement is questioned. Milliseconds.
const MUCH_FASTER: Effect = Effect { share: 0.4, least: 10.0, most: f64::INFINITY, patient: PATIENT, steady: true };

/// A rise by less than this is nothing to go back for, whatever its share. Milliseconds.
const LEAST_RED: f64 = 10.0;

/// In a unit that nobody knows, what is too little to matter: so much of the usual value.
const LITTLE: f64 = 0.02;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Latency {
    numbers: Numbers,
    effect: Effect,
    slower: Option<Shift>,
    faster: Option<Shift>,
    /// The guide's increase by itself, where too little is known from before.
    few: Option<Few>,
    /// Since when the guide's increase is passed in each bin.
    passed: Option<Held>,
    /// Whether it is slower than the version before in the bins in which both serve.
    lead: Lead,
}

impl Latency {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let baseline = Numbers::baseline(evidence);
        let (effect, much_faster) = (own_unit(evidence, EFFECT), own_unit(evidence, MUCH_FASTER));
        let limits = evidence.signal.limits;
        let usual = median(baseline.clone());
        let increased = limits.increase.zip(usual).map(|(increase, usual)| usual * (1.0 + increase / 100.0));
        let slower = Numbers::shift(evidence, Way::Up, effect);
        let enough = |limit: f64| limit.max(usual.unwrap_or(0.0) + least_red(evidence));
        Self {
            numbers: Numbers::begin(evidence),
            effect,
            few: increased
                .filter(|_| slower.is_none())
                .and_then(|limit| Few::new(&baseline, enough(limit), limits.hold)),
            slower,
            faster: Numbers::shift(evidence, Way::Down, much_faster),
            passed: increased.map(|limit| Held::new(limit, held::Side::Above, 1)),
            lead: Lead::default(),
        }
    }

    /// Slower beyond chance: than the version before while both serve, than it was before the deploy since.
    fn too_slow(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        if let (Some(since), Some((now, older))) = (self.lead.since(), self.lead.now()) {
            let shown =
                Measured { against: Against::VersionBefore(older), in_percent: true, ..evidence.against_before(now) };
            let shown = shown.lasts(evidence.lasting(since)).recovers(self.lead.is_recovering());
            return Some(self.slower(evidence, shown, since, (now, older), true));
        }
        let slower = self.slower.as_ref()?;
        let (since, now, usual) = (slower.since()?, slower.now()?, evidence.series.baseline()?.median);
        let shown = evidence.compared(now).lasts(evidence.lasting(since)).recovers(slower.is_recovering());
        let passed = self.passed.as_ref().and_then(Held::since);
        // For how long it is more than the limit is another matter than for how long it is slower.
        let over = passed.map_or(since, |passed| passed.max(since));
        Some(self.slower(evidence, shown, over, (now, usual), slower.is_sure()))
    }

    /// `over` is since when the guide's increase is passed.
    fn slower(
        &self,
        evidence: &Evidence<'_>,
        shown: Measured,
        over: Time,
        (now, usual): (f64, f64),
        sure: bool,
    ) -> Judgement {
        let limit = evidence.signal.limits.increase;
        let passed = limit.is_some_and(|limit| 100.0 * (now / usual - 1.0) > limit);
        let least = least_red(evidence);
        let yet = match passed {
            true if now - usual < least => Some(Yet::ByLessThan(least)),
            true if !sure => Some(Yet::NotSure),
            _ => None,
        };
        let level = if passed && yet.is_none() { Level::RedFlag } else { Level::Warning };
        let claim = Claim::Changed { how: Change::Slower, limit, passed, yet };
        let changed = || {
            let says = shown.claims(claim);
            Judgement::new(level, if passed { says.lasts(evidence.lasting(over)) } else { says })
        };
        let broken =
            if limit.is_some() && !passed { self.numbers.broken(evidence, Level::RedFlag, shown) } else { None };
        broken.unwrap_or_else(changed).of_this_deploy()
    }

    /// Plainly slower, by the guide's increase, where too little is known from before for more.
    fn plainly_slower(&self, evidence: &Evidence<'_>, shown: Measured) -> Option<Judgement> {
        let few = self.few.as_ref()?;
        let lasting = evidence.lasting(few.since()?);
        let yet = (!few.is_sure()).then_some(Yet::NotSure);
        let limit = evidence.signal.limits.increase;
        let says = shown.claims(Claim::Changed { how: Change::Slower, limit, passed: true, yet }).lasts(lasting);
        let says = says.recovers(few.is_recovering());
        Some(match yet {
            None => Judgement::new(Level::RedFlag, says).of_this_deploy(),
            Some(_) => Judgement::new(Level::Warning, says),
        })
    }

    fn too_fast(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let faster = self.faster.as_ref()?;
        let (now, lasting) = (faster.now()?, evidence.lasting(faster.since()?));
        let claim = Claim::Changed { how: Change::Faster, limit: None, passed: false, yet: None };
        let says = evidence.compared(now).claims(claim).lasts(lasting).recovers(faster.is_recovering());
        Some(Judgement::new(Level::Warning, says).of_this_deploy())
    }

    /// Nothing speaks against it; what keeps it clear is told where the number alone would not.
    fn clear(&self, evidence: &Evidence<'_>, shown: Measured) -> Judgement {
        let limits = evidence.signal.limits;
        let want = limits.min_requests as f64;
        if let Some(requests) = evidence.requests.and_then(|requests| requests.since_deploy()).filter(|had| *had < want)
        {
            return Judgement::new(Level::Insufficient, shown.claims(Claim::Thin { requests, want }));
        }
        let usual = evidence.series.baseline().map(|baseline| baseline.median);
        let increased = limits.increase.zip(shown.change()).is_some_and(|(limit, change)| change > limit);
        let kept = self.numbers.kept().or_else(|| {
            let little = usual.is_some_and(|usual| shown.value - usual < self.effect.least);
            increased.then_some(if little { Kept::ByLessThan(self.effect.least) } else { Kept::Chance })
        });
        let limit = limits.warning.or(limits.red_flag);
        Judgement::new(Level::Clear, shown.claims(Claim::Within { limit, kept }))
    }
}

/// Where nobody knows what the numbers are in, nothing is too little but for its share.
fn own_unit(evidence: &Evidence<'_>, effect: Effect) -> Effect {
    let usual = evidence.series.baseline().map_or(0.0, |baseline| baseline.median);
    if evidence.signal.unit == Unit::Milliseconds { effect } else { Effect { least: LITTLE * usual.abs(), ..effect } }
}

fn least_red(evidence: &Evidence<'_>) -> f64 {
    if evidence.signal.unit == Unit::Milliseconds { LEAST_RED } else { 0.0 }
}

impl Rule for Latency {
    fn take(&mut self, reading: &Reading, beside: Option<Sample>) {
        let Some(value) = self.numbers.take(reading) else { return };
        if let Some(passed) = &mut self.passed {
            passed.take(reading.at, value);
        }
        if let Some(older) = beside.and_then(Sample::value).filter(|value| *value >= 0.0) {
            // While both serve, the new one may serve few, and vary far more than the baseline did.
            let above = value > older + (older * self.effect.share).max(self.effect.least);
            self.lead.take(reading.at, (value, older), above);
            return;
        }
        self.lead.alone();
        for shift in [&mut self.slower, &mut self.faster].into_iter().flatten() {
            shift.take(reading.at, value);
        }
        if let Some(few) = &mut self.few {
            few.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.now(evidence) {
            Ok(value) => value,
            Err(too_few) => return *too_few,
        };
        if let Some(too_slow) = self.too_slow(evidence) {
            return too_slow;
        }
        let shown = evidence.compared(value);
        let broken = |level| self.numbers.broken(evidence, level, shown);
        broken(Level::RedFlag)
            .or_else(|| self.plainly_slower(evidence, shown))
            .or_else(|| self.too_fast(evidence))
            .or_else(|| broken(Level::Warning))
            .or_else(|| self.numbers.nothing_to_hold_against(evidence, shown))
            .or_else(|| self.numbers.short_past(shown))
            .unwrap_or_else(|| self.clear(evidence, shown))
    }
}
