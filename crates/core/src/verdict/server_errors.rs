//! 5xx responses: they should stay flat. A rate times the bin's length is a count, and is judged as one.

use super::detect::excess::{Count, Excess, Material};
use super::detect::past::Past;
use super::numbers::Numbers;
use super::says::{Against, Change, Claim, Measured, Usual, Yet};
use super::stats::median;
use super::{Evidence, Judgement, Level, Rule};
use crate::deploy::Time;
use crate::signal::{Reading, Sample};

/// A rise smaller than this is not looked for whatever its share. Responses a second.
const LEAST_RISE: f64 = 0.1;
/// As few as this are fine. Responses a second.
const FINE: f64 = 0.02;
/// A burst is over in a bin or two and has to be told from a change.
const ONE_BIN: f64 = 0.4;
/// Calm bins that last so long in all end it. Seconds.
const CALM: f64 = 60.0;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerErrors {
    numbers: Numbers,
    step: f64,
    /// The usual rate before the deploy; `None` where nothing is known of it.
    usual: Option<f64>,
    excess: Excess,
}

/// More bins than this say nothing more of there having been no error.
const MOST_BINS: f64 = 512.0;

impl ServerErrors {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let step = evidence.signal.step.num_seconds().max(1) as f64;
        let mut values = Numbers::baseline(evidence);
        if values.is_empty() {
            // A counter that was never incremented does not exist: where the service had requests and no count of
            // failed ones, none failed.
            let bins = (evidence.served.num_seconds() as f64 / step).clamp(0.0, MOST_BINS);
            values = vec![0.0; bins as usize];
        }
        let baseline: Vec<Count> = values.iter().map(|rate| Count { events: rate * step, exposure: step }).collect();
        let past = Past::new(&baseline, FINE);
        let usual = past.total.rate();
        let share = evidence.signal.limits.increase.map_or(1.0, |increase| increase / 100.0);
        let material = Material { fine: FINE, rise: LEAST_RISE.max(usual * share), one_bin: ONE_BIN, calm: CALM };
        let (numbers, median) = (Numbers::begin(evidence), median(values));
        Self { numbers, step, usual: median, excess: Excess::new(&past, material) }
    }
}

impl Rule for ServerErrors {
    fn take(&mut self, reading: &Reading, _beside: Option<Sample>) {
        // Errors need no grace: what a pod fails at while it warms up fails all the same.
        self.numbers.take(reading);
        if let Some(rate) = reading.sample.value().filter(|rate| *rate >= 0.0) {
            self.excess.take(reading.at, Count { events: rate * self.step, exposure: self.step });
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.now(evidence) {
            Ok(value) => value,
            Err(too_few) => return *too_few,
        };
        let Some(usual) = self.usual else { return self.without_baseline(evidence, value) };
        if let Some(since) = self.excess.since() {
            return self.increasing(evidence, usual, since).of_this_deploy();
        }
        let shown = against(evidence, value, usual);
        let broken = |level| self.numbers.broken(evidence, level, shown);
        broken(Level::RedFlag)
            .or_else(|| broken(Level::Warning))
            .unwrap_or_else(|| Judgement::new(Level::Clear, shown.claims(Claim::Flat)))
    }
}

impl ServerErrors {
    fn increasing(&self, evidence: &Evidence<'_>, usual: f64, since: Time) -> Judgement {
        let rate = self.excess.run().rate();
        let limit = evidence.signal.limits.increase;
        let passed = limit.is_some_and(|limit| rate > usual * (1.0 + limit / 100.0));
        let yet = (passed && !self.excess.is_sure()).then_some(Yet::NotSure);
        let level = if passed && yet.is_none() { Level::RedFlag } else { Level::Warning };
        let claim = Claim::Changed { how: Change::Increasing, limit, passed, yet };
        let says = against(evidence, rate, usual).claims(claim).lasts(evidence.lasting(since));
        Judgement::new(level, says.recovers(self.excess.is_recovering()))
    }

    /// Nobody knows whether it was so before: many are a warning, next to none are clear, and nothing can be said of
    /// what lies between.
    fn without_baseline(&self, evidence: &Evidence<'_>, value: f64) -> Judgement {
        let without_past = |value| Measured { against: Against::Nothing, ..evidence.against_before(value) };
        let shown = without_past(value);
        if let Some(broken) = self.numbers.broken(evidence, Level::RedFlag, shown) {
            return broken;
        }
        if let Some(since) = self.excess.since() {
            let shown = without_past(self.excess.run().rate()).claims(Claim::MoreThanNone);
            let says = shown.lasts(evidence.lasting(since)).recovers(self.excess.is_recovering());
            return Judgement::new(Level::Warning, says);
        }
        self.numbers.broken(evidence, Level::Warning, shown).unwrap_or_else(|| {
            let next_to_none = value <= FINE;
            let level = if next_to_none { Level::Clear } else { Level::Insufficient };
            Judgement::new(level, shown.claims(Claim::WithoutPast { next_to_none }))
        })
    }
}

fn against(evidence: &Evidence<'_>, value: f64, usual: f64) -> Measured {
    let range = evidence.series.baseline().map(|baseline| (baseline.low, baseline.high));
    Measured { against: Against::Before(Usual { middle: usual, range }), ..evidence.against_before(value) }
}
