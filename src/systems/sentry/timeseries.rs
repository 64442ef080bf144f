//! Sentry's event counts over time. Everything in them is in milliseconds.

use crate::deploy::Time;
use crate::poll::SourceError;
use crate::signal::{Point, Sample};
use chrono::{DateTime, TimeDelta};
use serde::Deserialize;

/// The answer of `GET …/events-timeseries/`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeseriesAnswer {
    time_series: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    meta: Meta,
    values: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Meta {
    interval: f64,
}

#[derive(Deserialize)]
struct Bucket {
    timestamp: f64,
    value: Option<f64>,
    #[serde(default)]
    incomplete: bool,
}

impl TimeseriesAnswer {
    /// Counts as events a minute. Buckets that Sentry calls incomplete, or that end after `now`, are left out.
    pub(super) fn per_minute(self, now: Time) -> Result<Vec<Point>, SourceError> {
        let Some(series) = self.time_series.into_iter().next() else { return Ok(Vec::new()) };
        let interval = series.meta.interval;
        if !(interval.is_finite() && interval >= 1.0) {
            return Err(SourceError::BadAnswer("a series without an interval".to_owned()));
        }
        // An interval that reaches back to before time itself leaves nothing complete.
        let width = TimeDelta::try_milliseconds(interval as i64);
        let settled = width.and_then(|width| now.checked_sub_signed(width)).unwrap_or(Time::MIN_UTC);
        let point = |bucket: Bucket| {
            let at = DateTime::from_timestamp_millis(bucket.timestamp as i64)?;
            let rate = |count: f64| Sample::from_number(count * 60_000.0 / interval);
            (!bucket.incomplete && at <= settled).then(|| (at, bucket.value.map_or(Sample::Empty, rate)))
        };
        Ok(series.values.into_iter().filter_map(point).collect())
    }
}

/// The answer of the older `GET …/events-stats/`: epoch seconds, each with a list of one count.
#[derive(Deserialize)]
pub(super) struct StatsAnswer {
    data: Vec<(i64, Vec<StatsCount>)>,
}

#[derive(Deserialize)]
struct StatsCount {
    count: Option<f64>,
}

impl StatsAnswer {
    /// Counts of `step` as events a minute, without those that end after `settled`: nothing here says which of them
    /// are complete.
    pub(super) fn per_minute(self, step: TimeDelta, settled: Time) -> Vec<Point> {
        let minutes = step.num_milliseconds().max(1) as f64 / 60_000.0;
        let point = |(second, counts): (i64, Vec<StatsCount>)| {
            let at = DateTime::from_timestamp(second, 0)?;
            let count = counts.first().and_then(|count| count.count);
            let sample = count.map_or(Sample::Empty, |count| Sample::from_number(count / minutes));
            (at <= settled - step).then_some((at, sample))
        };
        self.data.into_iter().filter_map(point).collect()
    }
}
