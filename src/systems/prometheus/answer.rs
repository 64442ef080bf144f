//! What Prometheus' API answers with: the envelope and the matrix of a range query.

use crate::net::http::short;
use crate::poll::SourceError;
use crate::systems::shared::matrix::{Pair, bins};
use crate::systems::shared::series::{Bins, MOST_REMARKS};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What every answer is wrapped in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<T> {
    #[serde(default)]
    pub(super) status: String,
    pub(super) data: Option<T>,
    #[serde(default)]
    pub(super) error: Option<String>,
    /// Errors that did not stop the execution: a remote store or a Thanos endpoint that did not answer, samples that
    /// PromQL had to leave out (<https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>).
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// Hints about the query; the data is whole.
    #[serde(default)]
    infos: Option<Vec<String>>,
    /// VictoriaMetrics' cluster: a storage node did not answer.
    #[serde(default)]
    is_partial: bool,
}

impl<T> Envelope<T> {
    /// Why the data is not the whole, where it is not: in the words of the source.
    pub(super) fn missing(&self) -> Option<String> {
        let mut said = self.warnings.iter().flatten().map(|warning| short(warning));
        match said.next() {
            Some(first) => Some(match said.count() {
                0 => first,
                1 => format!("{first}; 1 more warning"),
                more => format!("{first}; {more} more warnings"),
            }),
            None => self.is_partial.then(|| "a storage node is missing (isPartial)".to_owned()),
        }
    }

    /// What the source remarked of a query whose answer is whole.
    pub(super) fn infos(&self) -> impl Iterator<Item = &str> {
        self.infos.iter().flatten().take(MOST_REMARKS).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) error_type: String,
    pub(super) error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Matrix {
    #[serde(default)]
    result_type: String,
    result: Vec<Series>,
}

impl Matrix {
    /// Its series, as bins.
    pub(super) fn series(self) -> Result<Vec<Bins>, SourceError> {
        if self.result_type != "matrix" {
            return Err(SourceError::BadAnswer(format!("a {} instead of a matrix", short(&self.result_type))));
        }
        self.result.into_iter().map(Series::bins).collect()
    }
}

/// `values`, `histograms`, or both.
#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    values: Vec<Pair>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

impl Series {
    fn bins(self) -> Result<Bins, SourceError> {
        if self.values.is_empty() && self.histograms.is_some() {
            let hint =
                "the query gives native histograms: take a number from them, with histogram_quantile for instance";
            return Err(SourceError::BadQuery(hint.to_owned()));
        }
        Ok(bins(self.values))
    }
}
