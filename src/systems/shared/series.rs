//! What all sources of series have in common: bins, the join of two counts, one series a query.

use super::variables::fill_version;
use crate::deploy::Time;
use crate::net::http::{AT_ONCE, short};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::{Point, Sample};
use crate::systems::api::Early;
use crate::systems::questions::{Expr, SeriesQuery};
use crate::text::MOST;
use chrono::{DateTime, TimeDelta};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::HashMap;

/// Bins as a source gives them: the stamp and a number, `None` where it has the bin and nothing in it.
pub(in crate::systems) type Bins = Vec<(Time, Option<f64>)>;

/// A bin that lies so many steps ahead does not change any more: it comes from a clock that is ahead, which is to be
/// said.
const AHEAD: i32 = 6;

/// A later timestamp than this is invalid.
const BEYOND: TimeDelta = TimeDelta::days(3650);

/// The most remarks that are kept of one poll; the rest is dropped.
pub(in crate::systems) const MOST_REMARKS: usize = MOST;

/// A query that can be asked now: its version is known.
pub(in crate::systems) struct Asked<'a> {
    /// What the configuration says.
    pub(in crate::systems) query: &'a SeriesQuery,
    /// The value; or errors, then requests.
    pub(in crate::systems) parts: Vec<String>,
    /// From when on it is asked.
    pub(in crate::systems) since: Time,
    /// Whether `$version` stands for the version before.
    older: bool,
}

impl Asked<'_> {
    /// Its readings, as a part of an answer whose rest is on its way.
    pub(in crate::systems) fn part(&self, points: &[Point]) -> Poll {
        let points = vec![(self.query.signal, points.to_vec())];
        if self.older { Poll { older: points, ..Poll::default() } } else { Poll { points, ..Poll::default() } }
    }

    /// Records the result.
    pub(in crate::systems) fn answered(&self, result: Result<Vec<Point>, SourceError>, poll: &mut Poll) {
        let signal = self.query.signal;
        match result {
            Ok(points) if self.older => poll.older.push((signal, points)),
            Ok(points) => poll.points.push((signal, points)),
            // A baseline that failed says nothing about the signal itself.
            Err(error) if self.older => {
                remark(&mut poll.warnings, &format!("of the version before nothing is known: {error}"));
            }
            Err(error) => poll.failed.push((signal, error)),
        }
    }
}

/// The queries that can be asked now, those that have waited longest first: what stops a poll half way does not stop
/// the same ones each time. Those that wait for their version are left out of this poll.
pub(in crate::systems) fn askable<'a>(queries: &'a [SeriesQuery], request: &PollRequest) -> Vec<Asked<'a>> {
    let asked = |query: &'a SeriesQuery, version: Option<&str>, older: bool| {
        let parts = texts(&query.expr).into_iter().map(|text| fill_version(text, version)).collect::<Option<_>>()?;
        Some(Asked { query, parts, since: request.since(query.signal), older })
    };
    let both = |query: &'a SeriesQuery| {
        let older = request.older(query.signal).and_then(|version| asked(query, Some(version), true));
        asked(query, request.version(query.service), false).into_iter().chain(older)
    };
    let wanted = queries.iter().filter(|query| request.wants(query.signal));
    let mut asked: Vec<Asked<'a>> = wanted.flat_map(both).collect();
    asked.sort_by_key(|asked| asked.since);
    asked
}

/// What came of a query: the readings, of both of its parts where it has two, and what the source remarked of it.
pub(in crate::systems) type Answered<'a> = (Asked<'a>, Result<Vec<Point>, SourceError>, Vec<String>);

/// Asks each query that can be asked now, [`AT_ONCE`] of them at a time, and hands each answer over as it comes.
pub(in crate::systems) async fn ask_each<'a, F>(
    queries: &'a [SeriesQuery],
    request: &PollRequest,
    early: &Early,
    poll: &mut Poll,
    ask: impl Fn(Asked<'a>) -> F,
) where
    F: Future<Output = Answered<'a>>,
{
    let (mut waiting, mut asking) = (askable(queries, request).into_iter(), FuturesUnordered::new());
    loop {
        while asking.len() < AT_ONCE
            && let Some(asked) = waiting.next()
        {
            asking.push(ask(asked));
        }
        let Some((asked, answer, remarks)) = asking.next().await else { break };
        if let Ok(points) = &answer {
            early.tell(|| asked.part(points));
        }
        for text in &remarks {
            remark(&mut poll.warnings, text);
        }
        asked.answered(answer, poll);
    }
}

/// Adds what a source remarked to its warnings: each remark once, and no more than [`MOST_REMARKS`] of them.
pub(in crate::systems) fn remark(warnings: &mut Vec<String>, text: &str) {
    if warnings.len() >= MOST_REMARKS {
        return;
    }
    let text = short(text);
    if !text.is_empty() && !warnings.contains(&text) {
        warnings.push(text);
    }
}

/// The texts of an expression, in the order in which [`points`] takes their answers.
pub(in crate::systems) fn texts(expr: &Expr) -> Vec<&str> {
    match expr {
        Expr::Value(value) => vec![value],
        Expr::Counts { errors, requests } => vec![errors, requests],
    }
}

/// Makes a signal's points of its parts' answers, without the bins stamped shortly after `settled`: they may still
/// change.
///
/// Counts are joined by their stamps. A bin with requests and without errors counts as no errors, though only
/// because the query for errors was answered: a counter that was never incremented does not exist. A bin
/// without requests is empty, never zero percent. The scale belongs to values; counts are counts.
pub(in crate::systems) fn points(
    query: &SeriesQuery,
    scale: f64,
    parts: Vec<Result<Bins, SourceError>>,
    settled: Time,
) -> Result<Vec<Point>, SourceError> {
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_else(|| Err(SourceError::BadAnswer("a part is missing".to_owned())));
    let mut points: Vec<Point> = match query.expr {
        Expr::Value(_) => {
            let value = |(at, value): (Time, Option<f64>)| {
                (at, value.map_or(Sample::Empty, |value| Sample::from_number(value * scale)))
            };
            next()?.into_iter().map(value).collect()
        }
        Expr::Counts { .. } => {
            let errors: HashMap<Time, Option<f64>> = next()?.into_iter().collect();
            let count = |(at, requests): (Time, Option<f64>)| {
                let errors = errors.get(&at).copied().flatten().unwrap_or(0.0);
                let sample = match requests {
                    None => Sample::Empty,
                    Some(requests) if requests.is_finite() && errors.is_finite() => Sample::Counts { errors, requests },
                    Some(_) => Sample::NotANumber,
                };
                (at, sample)
            };
            next()?.into_iter().map(count).collect()
        }
    };
    let ahead = |at: Time| at - settled > query.step * AHEAD && at - settled < BEYOND;
    points.retain(|(at, _)| *at <= settled || ahead(*at));
    points.sort_by_key(|(at, _)| *at);
    Ok(points)
}

/// Bins with each of their numbers multiplied.
pub(in crate::systems) fn multiplied(bins: Bins, factor: f64) -> Bins {
    bins.into_iter().map(|(at, value)| (at, value.map(|value| value * factor))).collect()
}

/// A query must come down to one series: which of several would be judged?
pub(in crate::systems) fn only_series(mut series: Vec<Bins>) -> Result<Bins, SourceError> {
    match series.len() {
        0 | 1 => Ok(series.pop().unwrap_or_default()),
        several => Err(SourceError::BadQuery(format!(
            "{several} series came back where one is needed: aggregate them, with sum or max for instance"
        ))),
    }
}

/// A duration as Go and `PromQL` read it: `15s`, `1500ms`.
pub(in crate::systems) fn duration(span: TimeDelta) -> String {
    match span.num_milliseconds() {
        millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
        millis => format!("{millis}ms"),
    }
}

/// The last multiple of `step`, counted from the epoch, that is not after `at`.
pub(in crate::systems) fn floor(at: Time, step: TimeDelta) -> Time {
    let step = step.num_milliseconds().max(1);
    DateTime::from_timestamp_millis(at.timestamp_millis().div_euclid(step) * step).unwrap_or(at)
}

/// The aligned span that holds every bin from `from` to `to`, at least one and at most `most`, newest kept.
pub(in crate::systems) fn aligned(from: Time, to: Time, step: TimeDelta, most: i32) -> (Time, Time) {
    let end = floor(to, step);
    (floor(from, step).clamp(end - step * (most - 1), end), end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::deploy::ServiceId;
    use crate::signal::SignalId;
    use crate::systems::questions::Meaning;

    fn at(second: i64) -> Time {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn query(expr: Expr) -> SeriesQuery {
        SeriesQuery {
            signal: SignalId(0),
            service: ServiceId(0),
            expr,
            step: TimeDelta::seconds(15),
            scale: 1.0,
            meaning: Meaning::default(),
            scrape: None,
        }
    }

    fn counts() -> SeriesQuery {
        query(Expr::Counts { errors: "e".into(), requests: "r".into() })
    }

    #[test]
    fn errors_that_never_happened_are_none_but_requests_that_never_came_are_unknown() {
        let errors = vec![(at(30), Some(2.0)), (at(45), Some(1.0))];
        let requests = vec![(at(0), Some(100.0)), (at(15), None), (at(30), Some(50.0))];
        let points = points(&counts(), 100.0, vec![Ok(errors), Ok(requests)], at(1000)).unwrap();
        assert_eq!(
            points,
            [
                (at(0), Sample::Counts { errors: 0.0, requests: 100.0 }),
                (at(15), Sample::Empty),
                (at(30), Sample::Counts { errors: 2.0, requests: 50.0 }),
            ]
        );
    }

    #[test]
    fn errors_that_were_not_answered_are_not_none() {
        let refused = SourceError::BadQuery("no".into());
        let points = points(&counts(), 100.0, vec![Err(refused.clone()), Ok(vec![(at(0), Some(100.0))])], at(1000));
        assert_eq!(points, Err(refused));
    }

    #[test]
    fn nothing_that_is_not_a_number_becomes_one() {
        let values = vec![(at(0), Some(f64::NAN)), (at(15), None), (at(30), Some(0.5))];
        let value = points(&query(Expr::Value("v".into())), 100.0, vec![Ok(values.clone())], at(1000)).unwrap();
        assert_eq!(
            value.iter().map(|(_, sample)| *sample).collect::<Vec<_>>(),
            [Sample::NotANumber, Sample::Empty, Sample::Value(50.0)]
        );
        let rate = points(&counts(), 100.0, vec![Ok(values), Ok(vec![(at(0), Some(9.0))])], at(1000)).unwrap();
        assert_eq!(rate, [(at(0), Sample::NotANumber)]);
    }

    #[test]
    fn a_bin_that_may_still_change_is_left_for_the_next_poll() {
        let values = vec![(at(15), Some(1.0)), (at(0), Some(2.0)), (at(30), Some(3.0))];
        let points = points(&query(Expr::Value("v".into())), 1.0, vec![Ok(values)], at(29)).unwrap();
        assert_eq!(points, [(at(0), Sample::Value(2.0)), (at(15), Sample::Value(1.0))]);
    }

    #[test]
    fn a_bin_far_ahead_is_kept_so_that_the_clocks_can_be_said_to_differ() {
        let values = vec![(at(0), Some(1.0)), (at(60), Some(2.0)), (at(3600), Some(3.0))];
        let points = points(&query(Expr::Value("v".into())), 1.0, vec![Ok(values)], at(29)).unwrap();
        assert_eq!(points, [(at(0), Sample::Value(1.0)), (at(3600), Sample::Value(3.0))]);
    }

    #[test]
    fn two_series_are_one_too_many() {
        let error = only_series(vec![vec![], vec![], vec![]]).unwrap_err();
        assert!(error.to_string().contains("3 series"), "{error}");
        assert_eq!(only_series(vec![]), Ok(vec![]));
    }

    #[test]
    fn a_span_is_aligned_and_never_empty() {
        let step = TimeDelta::seconds(15);
        let aligned = |from, to, most| aligned(at(from), at(to), step, most);
        // 1 700 000 010 is a multiple of 15.
        assert_eq!(aligned(12, 41, 100), (at(10), at(40)));
        assert_eq!(aligned(41, 12, 100), (at(10), at(10)));
        assert_eq!(aligned(0, 1000, 2), (at(985), at(1000)));
    }
}
