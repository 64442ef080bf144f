//! 5xx responses: they should stay flat. A rate times the bin's length is a count, and is judged as one.

use super::detect::excess::{Count, Excess, Material};
use super::numbers::Numbers;
use super::{Evidence, Judgement, Level, Rule};
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
    excess: Excess,
}

impl ServerErrors {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        let step = evidence.signal.step.num_seconds().max(1) as f64;
        let values = Numbers::baseline(evidence);
        let baseline: Vec<Count> = values.iter().map(|rate| Count { events: rate * step, exposure: step }).collect();
        let usual = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let share = evidence.signal.limits.increase.map_or(1.0, |increase| increase / 100.0);
        let material = Material { fine: FINE, rise: LEAST_RISE.max(usual * share), one_bin: ONE_BIN, calm: CALM };
        Self { numbers: Numbers::begin(evidence), step, excess: Excess::new(&baseline, material) }
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
        let value = match self.numbers.newest(evidence) {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        if let (Some(since), Some(baseline)) = (self.excess.since(), evidence.series.baseline()) {
            let rate = self.excess.run().rate();
            let long = evidence.for_how_long(since);
            let sentence = format!("{}; increasing beyond chance{long}", evidence.against_before(rate));
            let judgement = match evidence.signal.limits.increase {
                Some(limit) if rate <= baseline.median * (1.0 + limit / 100.0) => {
                    Judgement::new(Level::Warning, format!("{sentence}, limit +{limit:.0} %"))
                }
                Some(limit) if !self.excess.is_sure() => {
                    let sentence = format!("{sentence}, limit +{limit:.0} %; not sure enough for a red flag yet");
                    Judgement::new(Level::Warning, sentence)
                }
                Some(limit) => Judgement::new(Level::RedFlag, format!("{sentence}, limit +{limit:.0} %")),
                None => Judgement::new(Level::Warning, sentence),
            };
            return judgement.of_this_deploy();
        }
        let shown = evidence.against_before(value);
        let broken = |level| self.numbers.broken(evidence, level, &shown);
        broken(Level::RedFlag)
            .or_else(|| broken(Level::Warning))
            .unwrap_or_else(|| Judgement::new(Level::Clear, format!("{shown}; flat")))
    }
}
