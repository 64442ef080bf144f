//! What came of all: how many deploys would have been flagged, and what of those that people rolled back was found.

use super::case::{Case, TakenBack};
use super::play::Played;
use crate::hindsight::median;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is said of one deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// A red flag rose.
    RedFlag,
    /// A warning, and no more.
    Warning,
    /// Everything that was waited for was known, and nothing rose.
    NotFlagged,
    /// Nothing rose, and something was not known.
    NotKnown,
}

impl Came {
    /// What a deploy came to.
    pub const fn of(played: &Played) -> Self {
        match (&played.red, &played.flagged, played.is_known) {
            (Some(_), ..) => Self::RedFlag,
            (None, Some(_), _) => Self::Warning,
            (None, None, true) => Self::NotFlagged,
            (None, None, false) => Self::NotKnown,
        }
    }

    /// The words for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RedFlag => "RED FLAG",
            Self::Warning => "warning",
            Self::NotFlagged => "not flagged",
            Self::NotKnown => "not known",
        }
    }
}

/// The figures of a back-test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// How many deploys were played.
    pub deploys: usize,
    /// How many of them had a red flag.
    pub red_flags: usize,
    /// How many had a warning, and no more.
    pub warnings: usize,
    /// How many had nothing, and everything was known.
    pub not_flagged: usize,
    /// Of how many it is not known.
    pub not_known: usize,
    /// How many people rolled back.
    pub rolled_back: usize,
    /// How many of those had a red flag by then.
    pub found: usize,
    /// How many of those that people rolled back it is not known of.
    pub rolled_back_not_known: usize,
    /// How much sooner than the person, in seconds: the median of those whose moment is known.
    pub sooner_seconds: Option<i64>,
    /// How many it would have rolled back alone, by its signals.
    pub alone: usize,
    /// How many of those nobody rolled back.
    pub alone_and_kept: usize,
}

impl Figures {
    /// Counts what each deploy came to; one of which nothing is known is in no other count.
    pub fn of<'a>(cases: impl IntoIterator<Item = (&'a Case, &'a Played)>) -> Self {
        let mut figures = Self::default();
        let mut sooner = Vec::new();
        for (case, played) in cases {
            let came = Came::of(played);
            figures.deploys += 1;
            match came {
                Came::RedFlag => figures.red_flags += 1,
                Came::Warning => figures.warnings += 1,
                Came::NotFlagged => figures.not_flagged += 1,
                Came::NotKnown => figures.not_known += 1,
            }
            if let Some(TakenBack { at, automatic: false }) = case.taken_back {
                figures.rolled_back += 1;
                figures.found += usize::from(came == Came::RedFlag);
                figures.rolled_back_not_known += usize::from(came == Came::NotKnown);
                sooner.extend(at.zip(played.red.as_ref()).map(|(at, red)| (at - red.at).num_seconds()));
            }
            if played.acts.is_some() {
                figures.alone += 1;
                figures.alone_and_kept += usize::from(case.taken_back.is_none());
            }
        }
        figures.sooner_seconds = median(sooner);
        figures
    }
}

fn count(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

const fn were(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flagged = self.red_flags + self.warnings;
        write!(f, "of {}, {flagged} would have been flagged", count(self.deploys, "deploy"))?;
        if self.warnings > 0 {
            write!(f, " ({} with a warning only)", self.warnings)?;
        }
        write!(f, ", {} not", self.not_flagged)?;
        if self.not_known > 0 {
            write!(f, ", {} not known", self.not_known)?;
        }
        if self.rolled_back > 0 {
            let (back, found) = (self.rolled_back, self.found);
            write!(f, "; {back} {} rolled back by people: {found} found", were(back))?;
            if self.rolled_back_not_known > 0 {
                write!(f, ", {} not known", self.rolled_back_not_known)?;
            }
            if let Some(seconds) = self.sooner_seconds {
                let by = crate::deploy::brief(TimeDelta::seconds(seconds.abs()));
                write!(f, ", {by} {}", if seconds < 0 { "later" } else { "sooner" })?;
            }
        }
        write!(f, "; alone it would have rolled back {}", self.alone)?;
        if self.alone_and_kept > 0 {
            write!(f, ", {} of which nobody did", self.alone_and_kept)?;
        }
        Ok(())
    }
}

/// The figures of the newest back-test of an environment, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Over how many days.
    pub days: i64,
    /// What came of it.
    pub figures: Figures,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::case::tests::{at, deployed};
    use crate::backtest::case::{Case, Origin};
    use crate::backtest::play::Flag;

    fn flag(minutes: i64) -> Flag {
        let text = || "x".to_owned();
        let after = TimeDelta::minutes(minutes);
        Flag { at: at(minutes), after, service: text(), signal: text(), sentence: text() }
    }

    fn played(red: Option<i64>, warned: Option<i64>, is_known: bool) -> Played {
        Played {
            flagged: red.or(warned).map(flag),
            red: red.map(flag),
            acts: red.map(|minutes| at(minutes + 1)),
            is_known,
            missing: Vec::new(),
            untold: Vec::new(),
        }
    }

    fn case(taken_back: Option<TakenBack>) -> Case {
        Case { origin: Origin::Record, deploys: vec![deployed("app", 0, Some("1"))], taken_back }
    }

    #[test]
    fn what_is_not_known_is_counted_apart_and_is_never_healthy() {
        let by_a_person = |minutes: Option<i64>| Some(TakenBack { at: minutes.map(at), automatic: false });
        let by_itself = Some(TakenBack { at: Some(at(3)), automatic: true });
        let all = [
            (case(None), played(None, None, true)),
            (case(None), played(None, None, false)),
            (case(None), played(None, Some(4), false)),
            (case(None), played(Some(2), None, true)),
            (case(by_a_person(Some(9))), played(Some(2), None, true)),
            (case(by_a_person(None)), played(None, None, true)),
            (case(by_a_person(Some(9))), played(None, None, false)),
            (case(by_itself), played(Some(2), None, true)),
        ];
        let figures = Figures::of(all.iter().map(|(case, played)| (case, played)));
        let sum = figures.red_flags + figures.warnings + figures.not_flagged + figures.not_known;
        assert_eq!((figures.deploys, sum), (8, 8));
        assert_eq!((figures.not_flagged, figures.not_known), (2, 2));
        assert_eq!((figures.rolled_back, figures.found, figures.rolled_back_not_known), (3, 1, 1));
        assert_eq!((figures.sooner_seconds, figures.alone, figures.alone_and_kept), (Some(420), 3, 1));
        assert_eq!(
            figures.to_string(),
            "of 8 deploys, 4 would have been flagged (1 with a warning only), 2 not, 2 not known; 3 were rolled back by \
             people: 1 found, 1 not known, 7 min sooner; alone it would have rolled back 3, 1 of which nobody did"
        );
    }

    #[test]
    fn of_two_moments_the_median_is_between_them() {
        let by_a_person = |minutes: i64| case(Some(TakenBack { at: Some(at(minutes)), automatic: false }));
        let all = [(by_a_person(4), played(Some(2), None, true)), (by_a_person(12), played(Some(2), None, true))];
        let figures = Figures::of(all.iter().map(|(case, played)| (case, played)));
        assert_eq!(figures.sooner_seconds, Some(360));
    }
}
