//! What many records come to together: the stability figures of DORA, as far as watches can tell them.
//!
//! DORA (<https://dora.dev/guides/dora-metrics-four-keys/>) counts a change as failed that needed an immediate
//! intervention, a rollback most often. What its definitions leave open is said in `docs/record.md`.

use super::{Ending, Hindsight};
use crate::deploy::Time;
use crate::rollback::Goal;
use crate::verdict::Verdict;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one record adds to the figures: small enough to be kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The environment.
    pub environment: String,
    /// When its first deploy was made; `None` where none was found.
    pub deployed: Option<Time>,
    /// Whether it failed: it was rolled back, or something was red at the end.
    pub failed: bool,
    /// Whether a red flag rose and fell again, and nothing was rolled back.
    pub recovered_alone: bool,
    /// From the deploy to the first red flag, in seconds.
    pub detected_after: Option<i64>,
    /// From the first red flag until nothing was red any more, in seconds.
    pub restored_after: Option<i64>,
}

impl Summary {
    /// Of a whole record.
    pub fn of(hindsight: &Hindsight) -> Self {
        let deployed = hindsight.deployed_at();
        let red = hindsight.first_red().map(|flag| flag.rose);
        // What was red before the deploy was detected in no time.
        let detected = deployed.zip(red).map(|(deployed, red)| (red - deployed).max(TimeDelta::zero()));
        let went_back =
            hindsight.rollbacks.iter().any(|done| done.goal == Goal::RollBack && done.ending != Ending::Failed);
        let is_red = hindsight.watch.verdict() == Verdict::Faulty;
        let failed = deployed.is_some() && (went_back || is_red);
        let restored = red.zip(hindsight.restored_at()).map(|(red, restored)| (restored - red).max(TimeDelta::zero()));
        Self {
            environment: hindsight.watch.setup().environment.clone(),
            deployed,
            failed,
            recovered_alone: deployed.is_some() && red.is_some() && !failed,
            detected_after: detected.map(|span| span.num_seconds()),
            restored_after: restored.map(|span| span.num_seconds()),
        }
    }
}

/// What the records of one environment come to. What nothing tells of is not known, and never zero.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// The environment.
    pub environment: String,
    /// Records with a deploy in them.
    pub deploys: usize,
    /// Between the first and the last of them, in days.
    pub days: Option<f64>,
    /// How many of them failed: rolled back, or red at the end.
    pub failed: usize,
    /// How many had a red flag that fell again without a rollback; they do not count as failed.
    pub recovered_alone: usize,
    /// `failed` of `deploys`, in percent.
    pub change_failure_rate: Option<f64>,
    /// From a failed deploy to its first red flag, in seconds: the median.
    pub time_to_detect: Option<i64>,
    /// From the first red flag of a failed deploy until nothing was red any more, in seconds: the median.
    pub time_to_restore: Option<i64>,
    /// Of how many failed deploys that is known.
    pub restored: usize,
}

impl Figures {
    /// Of these records, an environment each, in the order in which they first come.
    pub fn of(summaries: &[Summary]) -> Vec<Self> {
        let mut environments: Vec<&str> = Vec::new();
        for summary in summaries {
            if !environments.contains(&summary.environment.as_str()) {
                environments.push(&summary.environment);
            }
        }
        let figures = environments.into_iter().map(|name| {
            let own = summaries.iter().filter(|summary| summary.environment == name);
            Self::of_one(name, &each_deploy(own))
        });
        figures.collect()
    }

    fn of_one(environment: &str, summaries: &[&Summary]) -> Self {
        let deploys: Vec<Time> = summaries.iter().filter_map(|summary| summary.deployed).collect();
        let failed: Vec<&&Summary> = summaries.iter().filter(|summary| summary.failed).collect();
        let days = deploys.iter().min().zip(deploys.iter().max()).filter(|_| deploys.len() > 1);
        let restored: Vec<i64> = failed.iter().filter_map(|summary| summary.restored_after).collect();
        Self {
            environment: environment.to_owned(),
            deploys: deploys.len(),
            days: days.map(|(first, last)| (*last - *first).num_seconds() as f64 / 86_400.0),
            failed: failed.len(),
            recovered_alone: summaries.iter().filter(|summary| summary.recovered_alone).count(),
            change_failure_rate: (!deploys.is_empty()).then(|| 100.0 * failed.len() as f64 / deploys.len() as f64),
            time_to_detect: median(failed.iter().filter_map(|summary| summary.detected_after).collect()),
            restored: restored.len(),
            time_to_restore: median(restored),
        }
    }
}

/// Each deploy once, however often it was watched: the record that tells the most of it, a failure before anything else.
fn each_deploy<'a>(summaries: impl Iterator<Item = &'a Summary>) -> Vec<&'a Summary> {
    let tells = |summary: &Summary| (summary.failed, summary.restored_after.is_some(), summary.recovered_alone);
    let mut kept: Vec<&Summary> = Vec::new();
    for summary in summaries.filter(|summary| summary.deployed.is_some()) {
        match kept.iter_mut().find(|known| known.deployed == summary.deployed) {
            Some(known) if tells(summary) > tells(known) => *known = summary,
            Some(_) => {}
            None => kept.push(summary),
        }
    }
    kept
}

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let (below, above) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(i64::midpoint(*below, *above))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn summary(day: i64, failed: bool, detected: Option<i64>, restored: Option<i64>) -> Summary {
        Summary {
            environment: "production".to_owned(),
            deployed: Some(DateTime::from_timestamp(1_790_000_000 + day * 86_400, 0).unwrap()),
            failed,
            recovered_alone: false,
            detected_after: detected,
            restored_after: restored,
        }
    }

    #[test]
    fn what_nothing_tells_of_is_not_known() {
        assert_eq!(Figures::of(&[]), []);
        let none = Summary { deployed: None, ..summary(0, false, None, None) };
        let figures = &Figures::of(&[none])[0];
        assert_eq!((figures.deploys, figures.change_failure_rate, figures.days), (0, None, None));
        let healthy = &Figures::of(&[summary(0, false, None, None)])[0];
        assert_eq!((healthy.change_failure_rate, healthy.time_to_detect), (Some(0.0), None));
        assert_eq!((healthy.time_to_restore, healthy.days), (None, None), "one deploy has no span");
    }

    #[test]
    fn only_what_failed_is_in_the_medians() {
        let records = [
            summary(0, false, Some(9_000), Some(9_000)),
            summary(1, true, Some(60), Some(300)),
            summary(2, true, Some(120), None),
            summary(10, true, Some(600), Some(100)),
        ];
        let figures = &Figures::of(&records)[0];
        assert_eq!((figures.deploys, figures.failed, figures.restored), (4, 3, 2));
        assert_eq!((figures.change_failure_rate, figures.days), (Some(75.0), Some(10.0)));
        assert_eq!((figures.time_to_detect, figures.time_to_restore), (Some(120), Some(200)));
    }

    #[test]
    fn a_deploy_that_was_watched_twice_is_one() {
        let watched =
            [summary(0, false, None, None), summary(0, true, Some(60), None), summary(0, true, Some(60), Some(90))];
        let figures = &Figures::of(&watched)[0];
        assert_eq!((figures.deploys, figures.failed, figures.time_to_restore), (1, 1, Some(90)));
    }

    #[test]
    fn each_environment_has_its_own() {
        let staging = Summary { environment: "staging".to_owned(), ..summary(0, true, Some(5), None) };
        let figures = Figures::of(&[staging, summary(0, false, None, None)]);
        let told: Vec<_> = figures.iter().map(|one| (one.environment.as_str(), one.failed)).collect();
        assert_eq!(told, [("staging", 1), ("production", 0)]);
    }
}
