//! What a range query is answered with
//! (<https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time>).

use crate::net::http::{Answer, short};
use crate::poll::SourceError;
use crate::systems::shared::matrix::{Pair, bins};
use crate::systems::shared::series::Bins;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What is said of an answer that is whole: the one warning that takes nothing away (`pkg/engine/engine.go`).
const WHOLE: &str = "query was executed using the new experimental query engine";

/// What every answer is wrapped in. What of `data` is read depends on its kind, which is read first.
#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    status: String,
    data: Option<Data<T>>,
    /// Series that were left out because there were too many, and whatever else it thinks worth saying.
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<T> {
    #[serde(default)]
    result_type: String,
    result: T,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    values: Vec<Pair>,
}

/// The series of an answer, each as bins, and what was remarked of it. What is not the whole is not known: a sum over some
/// of the streams looks like fewer errors.
pub(super) fn series(answer: &Answer) -> Result<(Vec<Bins>, Vec<String>), SourceError> {
    let Envelope { status, data, warnings } = answer.json::<Envelope<IgnoredAny>>()?;
    let (remarks, missing): (Vec<String>, Vec<String>) = warnings
        .unwrap_or_default()
        .iter()
        .map(|warning| short(warning))
        .partition(|warning| warning.to_lowercase().starts_with(WHOLE));
    if let Some(first) = missing.into_iter().next() {
        return Err(SourceError::Partial(first));
    }
    match data {
        Some(data) if data.result_type == "matrix" => {}
        Some(data) if data.result_type == "streams" => {
            let hint = "the query answers with lines, not with numbers: count them, with sum(count_over_time(… [$__interval]))";
            return Err(SourceError::BadQuery(hint.to_owned()));
        }
        Some(data) => {
            return Err(SourceError::BadAnswer(format!("a {} instead of a matrix", short(&data.result_type))));
        }
        None => return Err(SourceError::BadAnswer(format!("no data, and the status {}", short(&status)))),
    }
    let data = answer.json::<Envelope<Vec<Series>>>()?.data;
    let series = data.map(|data| data.result).unwrap_or_default();
    Ok((series.into_iter().map(|series| bins(series.values)).collect(), remarks))
}
