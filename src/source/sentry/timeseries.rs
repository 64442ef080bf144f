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
