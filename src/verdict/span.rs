//! The readings a rule judges: those with a value since the deploy, and for how long they agree.

use super::{Evidence, Judgement, Level};
use crate::deploy::{Time, brief};

/// Readings with a value, oldest first, as (stamp, value).
pub(super) struct Recent {
    values: Vec<(Time, f64)>,
    hold: usize,
    now: Time,
}

impl Recent {
    /// The readings since the deploy; all that there are while no deploy is known.
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        let readings = evidence.series.since_deploy().iter();
        Self {
            values: readings.filter_map(|reading| Some((reading.at, reading.sample.value()?))).collect(),
            hold: evidence.signal.limits.hold.max(1) as usize,
            now: evidence.now,
        }
    }

    /// The newest value, or what to say when there are too few to judge.
    pub(super) fn newest(&self) -> Result<f64, Judgement> {
        match self.values.last() {
            Some(&(_, value)) if self.values.len() >= self.hold => Ok(value),
            _ => {
                let (have, want) = (self.values.len(), self.hold);
                let more = want - have;
                let sentence = format!("{have} of {want} readings since the deploy; {more} more before it is judged");
                Err(Judgement::new(Level::Insufficient, sentence))
            }
        }
    }

    /// Every value with its stamp, oldest first.
    pub(super) fn values(&self) -> &[(Time, f64)] {
        &self.values
    }

    /// Whether a state that needs all of the last readings to begin, and any of them to go on, holds.
    pub(super) fn holds(&self, held_before: bool, beyond: impl Fn(f64) -> bool) -> bool {
        let last = &self.values[self.values.len().saturating_sub(self.hold)..];
        if held_before {
            last.iter().any(|&(_, value)| beyond(value))
        } else {
            last.len() == self.hold && last.iter().all(|&(_, value)| beyond(value))
        }
    }

    /// For how long the newest readings have been beyond: ` for 2 min`, or nothing when the newest is not.
    pub(super) fn for_how_long(&self, beyond: impl Fn(f64) -> bool) -> String {
        let run = self.values.iter().rev().take_while(|&&(_, value)| beyond(value)).last();
        run.map_or_else(String::new, |&(since, _)| format!(" for {}", brief(self.now - since)))
    }
}
