//! Lines of `redflag check`: what was tried, what came of it, and the way out.

use super::spec::SeriesQuery;
use super::{CheckFailure, CheckLine};
use crate::poll::{Poll, SourceError};
use crate::signal::{Point, SignalId};

/// The most characters of a query in a line.
const QUERY_LENGTH: usize = 60;

/// Something that was tried and went well.
pub(super) fn fine(what: impl Into<String>, remark: impl Into<String>) -> CheckLine {
    CheckLine { what: what.into(), result: Ok(remark.into()) }
}

/// Something that was tried and failed; the way out is the vendor's own, or follows from the error.
pub(super) fn broken(what: impl Into<String>, error: &SourceError, way_out: Option<String>) -> CheckLine {
    let way_out = way_out.unwrap_or_else(|| usual_way_out(error));
    CheckLine { what: what.into(), result: Err(CheckFailure { reason: error.to_string(), way_out }) }
}

/// What came of a signal's query: `5 readings`, `no data`, or why it was refused.
pub(super) fn queried(
    what: String,
    answer: Result<&[Point], &SourceError>,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> CheckLine {
    match answer {
        Err(error) => broken(what, error, way_out(error)),
        Ok(points) => {
            let known = points.iter().filter(|(_, sample)| sample.value().is_some()).count();
            match (known, points.len()) {
                (0, 0) => fine(what, "answered, no data in this time"),
                (0, bins) => fine(what, format!("answered, no value in any of {bins} bins")),
                (known, bins) => fine(what, format!("answered, {known} of {bins} bins with a value")),
            }
        }
    }
}

/// What a poll answered to one signal.
pub(super) fn answer_for<'a>(
    points: &'a [(SignalId, Vec<Point>)],
    failed: &'a [(SignalId, SourceError)],
    signal: SignalId,
) -> Option<Result<&'a [Point], &'a SourceError>> {
    if let Some((_, error)) = failed.iter().find(|(id, _)| *id == signal) {
        return Some(Err(error));
    }
    points.iter().find(|(id, _)| *id == signal).map(|(_, points)| Ok(points.as_slice()))
}

/// A line for each query that a poll asked, and for each that had to wait.
pub(super) fn queries(
    source: &str,
    queries: &[SeriesQuery],
    poll: &Poll,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> Vec<CheckLine> {
    let line = |query: &SeriesQuery| {
        let text = super::series::texts(&query.expr).join(" ; ");
        let what = format!("{source}: {}", brief(&text));
        match answer_for(&poll.points, &poll.failed, query.signal) {
            Some(answer) => queried(what, answer, &way_out),
            None => fine(what, "not asked: the version is not known yet"),
        }
    };
    queries.iter().map(line).collect()
}

/// A line for the alert rules of each signal; `unseen` is the way out where none carries the labels.
pub(super) fn alert_rules(
    source: &str,
    signals: impl Iterator<Item = SignalId>,
    poll: &Poll,
    unseen: &str,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> Vec<CheckLine> {
    let what = format!("{source}: alert rules");
    let line = |signal| match answer_for(&poll.points, &poll.failed, signal) {
        Some(Err(error)) => broken(what.as_str(), error, way_out(error)),
        Some(Ok([])) => {
            let error = SourceError::NotFound("no alert rule carries these labels".to_owned());
            broken(what.as_str(), &error, Some(unseen.to_owned()))
        }
        Some(Ok(_)) => fine(what.as_str(), "found"),
        None => fine(what.as_str(), "not asked"),
    };
    signals.map(line).collect()
}

/// The beginning of a query, on one line.
pub(super) fn brief(query: &str) -> String {
    let query = super::http::clean(query);
    match query.char_indices().nth(QUERY_LENGTH) {
        Some((end, _)) => format!("{}…", &query[..end]),
        None => query,
    }
}

fn usual_way_out(error: &SourceError) -> String {
    match error {
        SourceError::Unauthorized(_) => "set a valid credential for this source",
        SourceError::Forbidden(_) => "give the credential the permission that is named",
        SourceError::NotFound(_) => "correct the url or the name",
        SourceError::RateLimited { .. } => "wait, and give this source a longer interval",
        SourceError::BadQuery(_) => "correct the query",
        SourceError::Timeout(_) => "give this source a longer timeout, or the query less to do",
        SourceError::Unreachable(_) => "check the url, the network, the proxy and the certificate",
        SourceError::Server { .. } => "look at the source itself; it is in trouble",
        SourceError::Partial(_) => {
            "look at the part of the source that did not answer; what came back is not the whole"
        }
        SourceError::Unproven(_) => "correct the name that it does not know",
        SourceError::BadAnswer(_) => "check that the url is the system's own address and not a sign-in page",
    }
    .to_owned()
}
