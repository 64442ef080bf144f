//! Sentry's release health: crash-free sessions.

use crate::deploy::Time;
use crate::signal::{Point, Sample};
use chrono::TimeDelta;
use serde::Deserialize;

/// The answer of `GET …/sessions/` for one release, not grouped.
#[derive(Deserialize)]
pub(super) struct SessionsAnswer {
    intervals: Vec<Time>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    series: Series,
}

/// Counts are `0` in empty buckets and rates `null`; rates are fractions.
#[derive(Deserialize)]
struct Series {
    #[serde(rename = "sum(session)")]
    sessions: Vec<Option<f64>>,
    #[serde(rename = "crash_free_rate(session)")]
    crash_free: Vec<Option<f64>>,
}

impl SessionsAnswer {
    /// A point for each bucket that is over at `now`. The rate counts only where there were sessions: it may
    /// be given without any.
    pub(super) fn points(&self, step: TimeDelta, now: Time) -> Vec<Point> {
        self.buckets().filter(|(at, _)| *at <= now - step).collect()
    }

    /// Where Sentry gives only hours, the running one is a running total of this release's sessions. It is the
    /// best there is in half an hour of watching, and carries the time at which it was read.
    pub(super) fn hours(&self, now: Time) -> Vec<Point> {
        let hour = TimeDelta::hours(1);
        let mut points = self.points(hour, now);
        points.extend(self.buckets().filter(|(at, _)| *at <= now && *at > now - hour).map(|(_, sample)| (now, sample)));
        points
    }

    fn buckets(&self) -> impl Iterator<Item = Point> {
        let series = self.groups.first().map(|group| &group.series);
        let sample = move |index: usize| {
            let series = series?;
            let sessions = series.sessions.get(index).copied().flatten().unwrap_or(0.0);
            let rate = series.crash_free.get(index).copied().flatten().filter(|_| sessions > 0.0);
            Some(rate.map_or(Sample::Empty, |rate| Sample::from_number(rate * 100.0)))
        };
        self.intervals.iter().enumerate().filter_map(move |(index, at)| Some((*at, sample(index)?)))
    }
}

/// The bucket to ask for, in minutes: at least the step, and it must divide a day. `None`: an hour or more.
pub(super) fn interval(step: TimeDelta) -> Option<i64> {
    let wanted = (step.num_seconds().max(1) + 59) / 60;
    (wanted..60).find(|minutes| 1440 % minutes == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_divides_a_day() {
        let minutes = |seconds| interval(TimeDelta::seconds(seconds));
        assert_eq!(minutes(30), Some(1));
        assert_eq!(minutes(600), Some(10));
        assert_eq!(minutes(660), Some(12));
        assert_eq!(minutes(3000), None);
    }
}
