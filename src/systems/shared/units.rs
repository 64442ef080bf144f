//! Whether a signal's values are in the unit that they are read in: its query's text, the unit that the answer carries
//! and the values themselves are held against each other.

use super::promql::{Text, UnitHint};
use super::series::{Bins, points};
use crate::deploy::Time;
use crate::poll::SourceError;
use crate::poll::doubt::{Evidence, Measure, UnitDoubt};
use crate::signal::{Point, SignalId, Unit};
use crate::systems::questions::{Expr, SeriesQuery};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// No share of a whole is so many percent; a number of bytes is.
const HUGE: f64 = 10_000.0;

/// What the values of signals were like so far.
#[derive(Default)]
pub(in crate::systems) struct Units(Mutex<BTreeMap<SignalId, Seen>>);

/// How many values of a signal, zero apart, lie where.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    small: u64,
    others: u64,
    huge: u64,
}

impl Seen {
    fn add(&mut self, bins: &Bins) {
        for value in bins.iter().filter_map(|(_, value)| *value).filter(|value| value.is_finite() && *value != 0.0) {
            match value.abs() {
                value if value <= 1.0 => self.small += 1,
                value if value > HUGE => self.huge += 1,
                _ => self.others += 1,
            }
        }
    }

    fn none_above_one(self) -> bool {
        self.small > 0 && self.others + self.huge == 0
    }

    fn mostly_below_one(self) -> bool {
        self.small > self.others + self.huge
    }

    fn all_huge(self) -> bool {
        self.huge > 0 && self.small + self.others == 0
    }
}

impl Units {
    /// Makes a signal's points of its parts' answers, in the signal's unit.
    pub(in crate::systems) fn points(
        &self,
        query: &SeriesQuery,
        texts: &[Option<Text>],
        carried: Option<Measure>,
        parts: Vec<Result<Bins, SourceError>>,
        settled: Time,
    ) -> Result<Vec<Point>, SourceError> {
        let scale = match parts.first() {
            Some(Ok(bins)) => self.scale(query, texts, carried, bins)?,
            Some(Err(_)) | None => query.scale,
        };
        points(query, scale, parts, settled)
    }

    /// What the values of an answer are multiplied by to be in the signal's unit, or why that is not known. `carried` is
    /// the unit that the answer itself names. Counts have none.
    fn scale(
        &self,
        query: &SeriesQuery,
        texts: &[Option<Text>],
        carried: Option<Measure>,
        bins: &Bins,
    ) -> Result<f64, SourceError> {
        let unit = query.meaning.unit;
        let Some(read_as) = Measure::read_as(unit, query.scale).filter(|_| matches!(query.expr, Expr::Value(_))) else {
            return Ok(query.scale);
        };
        let doubt = |seems, evidence| Err(SourceError::Unit(UnitDoubt { read_as, seems, evidence }));
        if let Some(carried) = carried {
            return match carried.scale(unit) {
                Some(_) if carried == read_as => Ok(query.scale),
                // Nothing contradicts it.
                Some(scale) if !query.meaning.unit_is_stated => Ok(scale),
                Some(_) | None => doubt(carried, Evidence::Answer),
            };
        }
        let seen = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = all.entry(query.signal).or_default();
            seen.add(bins);
            *seen
        };
        let hint = texts.first().and_then(|text| text.as_ref()?.unit_hint);
        match hint {
            Some(UnitHint::Certain(told)) if agree(told, read_as) => Ok(query.scale),
            Some(UnitHint::Certain(told)) if concerns(told, unit) => doubt(told, Evidence::Query),
            Some(UnitHint::Likely(Measure::Fraction)) if read_as == Measure::Percent && seen.none_above_one() => {
                doubt(Measure::Fraction, Evidence::Query)
            }
            Some(UnitHint::Likely(Measure::Percent)) if read_as == Measure::Fraction && seen.others > 0 => {
                doubt(Measure::Percent, Evidence::Query)
            }
            Some(UnitHint::Likely(told)) if agree(told, read_as) => Ok(query.scale),
            _ if read_as == Measure::Percent && seen.all_huge() => doubt(Measure::Bytes, Evidence::Huge),
            // A unit that the configuration states is believed where only the size of the values speaks against it.
            _ if query.meaning.unit_is_stated => Ok(query.scale),
            _ if read_as == Measure::Percent && seen.none_above_one() => doubt(Measure::Fraction, Evidence::Small),
            _ if read_as == Measure::Milliseconds && seen.mostly_below_one() => {
                doubt(Measure::Seconds, Evidence::Small)
            }
            _ => Ok(query.scale),
        }
    }
}

/// Whether what the text says may be read so. The cores of a container whose limit is one core are a fraction of it.
fn agree(told: Measure, read_as: Measure) -> bool {
    told == read_as || (told, read_as) == (Measure::Cores, Measure::Fraction)
}

/// Whether a measure says anything against a unit. A share that is called a latency may be one that is called a share.
fn concerns(told: Measure, unit: Unit) -> bool {
    let is_time =
        matches!(told, Measure::Seconds | Measure::Milliseconds | Measure::Microseconds | Measure::Nanoseconds);
    match unit {
        Unit::Percent => true,
        Unit::Milliseconds => is_time,
        Unit::Bytes | Unit::PerSecond | Unit::PerMinute | Unit::Number => false,
    }
}

#[cfg(test)]
mod tests;
