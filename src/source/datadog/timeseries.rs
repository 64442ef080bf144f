//! Datadog's v2 series: one row of times for all, values beside it.

use crate::poll::SourceError;
use crate::source::series::{Bins, only_series};
use chrono::DateTime;
use serde::Deserialize;

/// The answer of `POST /api/v2/query/timeseries`.
#[derive(Deserialize)]
pub(super) struct TimeseriesAnswer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    series: Vec<Series>,
    /// Epoch milliseconds, only where any series has data.
    #[serde(default)]
    times: Vec<i64>,
    #[serde(default)]
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Series {
    /// The formula's place.
    #[serde(default)]
    query_index: usize,
}

impl TimeseriesAnswer {
    /// The one series of a formula. None at all is an answer too: nothing was reported.
    pub(super) fn bins(&self, formula: usize) -> Result<Bins, SourceError> {
        let Attributes { series, times, values } = &self.data.attributes;
        let mut found = Vec::new();
        for (index, _) in series.iter().enumerate().filter(|(_, series)| series.query_index == formula) {
            let values = values.get(index).filter(|values| values.len() == times.len());
            let values =
                values.ok_or_else(|| SourceError::BadAnswer("values and times differ in length".to_owned()))?;
            let stamp = |millis: &i64| DateTime::from_timestamp_millis(*millis);
            found.push(times.iter().zip(values).filter_map(|(at, value)| Some((stamp(at)?, *value))).collect());
        }
        only_series(found)
    }
}
