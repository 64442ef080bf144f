//! Datadog's v2 series: one row of times for all, values beside it.

use super::units;
use crate::net::http::{said_by, short};
use crate::poll::SourceError;
use crate::poll::doubt::Measure;
use crate::systems::shared::series::{Bins, only_series};
use chrono::DateTime;
use serde::Deserialize;

/// The answer of `POST /api/v2/query/timeseries`.
#[derive(Deserialize)]
pub(super) struct TimeseriesAnswer {
    #[serde(default)]
    data: Option<Data>,
    /// What went wrong with some of the queries, in an answer 200 as well: a text, or a list of them.
    #[serde(default)]
    errors: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Data {
    attributes: Attributes,
}

#[derive(Deserialize)]
pub(super) struct Attributes {
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
    /// Of what, and for each of what: `[second, null]`, `[request, second]`.
    #[serde(default)]
    unit: Option<Vec<Option<Unit>>>,
}

#[derive(Deserialize)]
struct Unit {
    #[serde(default)]
    family: String,
    #[serde(default)]
    name: String,
}

impl TimeseriesAnswer {
    /// The series, where the answer is the whole. Beside errors a series that is missing is not one without data,
    /// and one that is there may be any part of itself.
    pub(super) fn whole(self) -> Result<Attributes, SourceError> {
        let said = self.errors.as_ref().and_then(said_by).filter(|said| !said.is_empty());
        match (self.data, said) {
            (Some(data), None) => Ok(data.attributes),
            (Some(_), Some(said)) => Err(SourceError::Partial(short(&said))),
            (None, Some(said)) => Err(SourceError::Server { status: 200, text: short(&said) }),
            (None, None) => Err(SourceError::BadAnswer("an answer without data".to_owned())),
        }
    }
}

impl Attributes {
    /// The unit that a formula's values carry, where it is one of a kind known here, and not one for each of another.
    pub(super) fn measure(&self, formula: usize) -> Option<Measure> {
        let series = self.series.iter().find(|series| series.query_index == formula)?;
        match series.unit.as_deref()? {
            [Some(unit)] | [Some(unit), None] => units::measure(&unit.family, &unit.name),
            _ => None,
        }
    }

    /// The one series of a formula. None at all is an answer too: nothing was reported.
    pub(super) fn bins(&self, formula: usize) -> Result<Bins, SourceError> {
        let Self { series, times, values } = self;
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
