//! Response time: slower beyond chance by more than half is a red flag, by less or beyond a limit a warning. So is
//! far too fast: a request that fails early, or finds nothing, is answered in no time.

use super::detect::shift::{Effect, Shift, Way};
use super::numbers::Numbers;
use super::{Evidence, Judgement, Level, Rule};
use crate::signal::Reading;

/// What is looked for. 3 ms → 5 ms is no regression whatever its share. Milliseconds.
const EFFECT: Effect = Effect { share: 0.08, least: 2.5, most: f64::INFINITY };

/// Two fifths less, and ten milliseconds at least: no small improvement is questioned. Milliseconds.
const MUCH_FASTER: Effect = Effect { share: 0.4, least: 10.0, most: f64::INFINITY };

/// A rise by less than this is nothing to go back for, whatever its share. Milliseconds.
const LEAST_RED: f64 = 10.0;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Latency {
    numbers: Numbers,
    slower: Option<Shift>,
    faster: Option<Shift>,
}

impl Latency {
    pub(super) fn begin(evidence: &Evidence<'_>) -> Self {
        Self {
            numbers: Numbers::begin(evidence),
            slower: Numbers::shift(evidence, Way::Up, EFFECT),
            faster: Numbers::shift(evidence, Way::Down, MUCH_FASTER),
        }
    }

    fn too_fast(&self, evidence: &Evidence<'_>) -> Option<Judgement> {
        let faster = self.faster.as_ref()?;
        let (shown, long) = (evidence.compared(faster.now()?), evidence.for_how_long(faster.since()?));
        let sentence = format!("{shown}; faster beyond chance{long}, as answers are that fail or find nothing");
        Some(Judgement::new(Level::Warning, sentence).of_this_deploy())
    }
}

impl Rule for Latency {
    fn take(&mut self, reading: &Reading) {
        let Some(value) = self.numbers.take(reading) else { return };
        for shift in [&mut self.slower, &mut self.faster].into_iter().flatten() {
            shift.take(reading.at, value);
        }
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Judgement {
        let value = match self.numbers.newest(evidence) {
            Ok(value) => value,
            Err(too_few) => return too_few,
        };
        let unit = evidence.signal.unit;
        let limits = evidence.signal.limits;
        let slower = self.slower.as_ref().and_then(|slower| Some((slower.since()?, slower.now()?, slower.is_sure())));
        if let (Some((since, now, sure)), Some(baseline)) = (slower, evidence.series.baseline()) {
            let shown = evidence.compared(now);
            let long = evidence.for_how_long(since);
            let increase = 100.0 * (now / baseline.median - 1.0);
            return match limits.increase {
                Some(limit) if increase > limit && now - baseline.median < LEAST_RED => {
                    let least = unit.format(LEAST_RED);
                    let sentence = format!("{shown}; more than +{limit:.0} %{long}, yet by less than {least}");
                    Judgement::new(Level::Warning, sentence)
                }
                Some(limit) if increase > limit && sure => {
                    Judgement::new(Level::RedFlag, format!("{shown}; more than +{limit:.0} %{long}"))
                }
                Some(limit) if increase > limit => {
                    let sentence =
                        format!("{shown}; more than +{limit:.0} %{long}, not sure enough for a red flag yet");
                    Judgement::new(Level::Warning, sentence)
                }
                Some(limit) => {
                    let sentence = format!("{shown}; slower beyond chance{long}, limit +{limit:.0} %");
                    self.numbers
                        .broken(evidence, Level::RedFlag, &shown)
                        .unwrap_or_else(|| Judgement::new(Level::Warning, sentence))
                }
                None => Judgement::new(Level::Warning, format!("{shown}; slower beyond chance{long}")),
            }
            .of_this_deploy();
        }
        let shown = evidence.compared(value);
        let broken = |level| self.numbers.broken(evidence, level, &shown);
        let flagged = broken(Level::RedFlag).or_else(|| self.too_fast(evidence)).or_else(|| broken(Level::Warning));
        flagged.unwrap_or_else(|| {
            let limit = limits.warning.map_or_else(String::new, |limit| format!("; limit {}", unit.format(limit)));
            Judgement::new(Level::Clear, format!("{shown}{limit}"))
        })
    }
}
