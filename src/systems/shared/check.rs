//! Lines of `redflag check`: what was tried, what came of it, and the way out.

mod meaning;

use super::scrape::{Scrapes, Short};
use super::series::{duration, floor};
use crate::deploy::{Time, brief as brief_length};
use crate::poll::{Alert, AlertState, Poll, PollRequest, SourceError};
use crate::signal::{Point, SignalId};
use crate::systems::api::{CheckFailure, CheckLine, Seen};
use crate::systems::questions::SeriesQuery;
use chrono::TimeDelta;
use meaning::doubt;

/// A point that is stamped so much later than now comes from another clock.
const FUTURE: TimeDelta = TimeDelta::minutes(2);

/// The most characters of a query in a line.
const QUERY_LENGTH: usize = 60;

/// Something that was tried and went well.
pub(in crate::systems) fn fine(what: impl Into<String>, remark: impl Into<String>) -> CheckLine {
    CheckLine::new(what, Ok(remark.into()))
}

/// Something that was tried and failed; the way out is the vendor's own, or follows from the error.
pub(in crate::systems) fn broken(what: impl Into<String>, error: &SourceError, way_out: Option<String>) -> CheckLine {
    let way_out = way_out.unwrap_or_else(|| usual_way_out(error));
    failed(what.into(), error.to_string(), way_out)
}

fn failed(what: String, reason: String, way_out: String) -> CheckLine {
    CheckLine::new(what, Err(CheckFailure { reason, way_out }))
}

/// What a query's answer is held against.
pub(in crate::systems) struct Background<'a> {
    from: Time,
    /// The newest time of which the source could have told.
    to: Time,
    scrapes: Option<&'a Scrapes>,
    /// Why a step may have no value though all is well, and what to do about it.
    gaps: Option<&'static str>,
}

impl<'a> Background<'a> {
    /// For PromQL, whose samples are scraped.
    pub(in crate::systems) fn of(scrapes: &'a Scrapes, request: &PollRequest) -> Self {
        Self { from: request.from, to: request.to - scrapes.engine().settles(), scrapes: Some(scrapes), gaps: None }
    }

    /// For a source that tells of everything so much later.
    pub(in crate::systems) fn plain(request: &PollRequest, later: TimeDelta) -> Self {
        Self { from: request.from, to: request.to - later, scrapes: None, gaps: None }
    }

    /// For a source that counts events: a step without any has no value, and `gaps` says what to do about it.
    pub(in crate::systems) fn of_events(request: &PollRequest, later: TimeDelta, gaps: &'static str) -> Self {
        Self { gaps: Some(gaps), ..Self::plain(request, later) }
    }

    /// How many points a whole answer has.
    fn points(&self, step: TimeDelta) -> usize {
        let span = floor(self.to, step) - floor(self.from, step);
        usize::try_from(span.num_milliseconds() / step.num_milliseconds().max(1) + 1).unwrap_or_default()
    }

    /// Why there may be no data, or half of it, and what to do about it.
    fn way_out(&self, query: &SeriesQuery) -> Option<String> {
        let Short { range, scrape } = self.scrapes?.too_short(query)?;
        let (range, scrape) = (duration(range), duration(scrape));
        Some(format!(
            "[{range}] holds fewer than two scrapes of {scrape}: write [$__rate_interval], or [$__interval] for a count; \
             if Grafana fills it in, set the scrape interval of its data source, or scrape = \"{scrape}\" here"
        ))
    }

    /// What is worth knowing of a query that was answered.
    fn warning(&self, query: &SeriesQuery, known: usize, of: usize) -> Option<String> {
        // Of several pods, some are missing in each point then, and their sum is too low.
        if let Some(way_out) = self.way_out(query) {
            return Some(way_out);
        }
        if known * 2 < of {
            let usual = "more than half is missing: is the service up all the time, and scraped?";
            return Some(self.gaps.unwrap_or(usual).to_owned());
        }
        let scrape = self.scrapes?.slowest(query).filter(|scrape| *scrape > query.step)?;
        let (step, scrape) = (duration(query.step), duration(scrape));
        Some(format!("a step of {step} repeats samples that are {scrape} apart: set step = \"{scrape}\""))
    }
}

/// What came of a signal's question: readings, no data, or why it was refused.
pub(in crate::systems) fn queried(
    what: String,
    signal: SignalId,
    answer: Result<&[Point], &SourceError>,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> CheckLine {
    let line = match answer {
        Err(error) => broken(what, error, way_out(error)),
        Ok(points) => {
            let known = points.iter().filter(|(_, sample)| sample.value().is_some()).count();
            match (known, points.len()) {
                (0, 0) => fine(what, "no data in this time"),
                (0, points) => fine(what, format!("no value in any of {points} points")),
                (known, points) => fine(what, format!("{known} of {points} points")),
            }
        }
    };
    line.about(signal, answer.map_or(Seen::Untried, Seen::of))
}

/// What came of a series' query: `61 of 61 points, now 0.05 %`, no data, or why it was refused.
fn of_series(
    what: String,
    query: &SeriesQuery,
    answer: Result<&[Point], &SourceError>,
    background: &Background<'_>,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> CheckLine {
    let points = match answer {
        Err(error) => return broken(what, error, way_out(error)),
        Ok(points) => points,
    };
    let values: Vec<f64> = points.iter().filter_map(|(_, sample)| sample.value()).collect();
    let of = background.points(query.step).max(points.len());
    if values.is_empty() {
        let reason = match points.len() {
            0 => format!("no data in the last {}", brief_length(background.to - background.from)),
            points => format!("no value in any of {points} points"),
        };
        let way_out = background.way_out(query).or(background.gaps.map(ToOwned::to_owned));
        return if query.meaning.required {
            let usual =
                || "correct the query: no series of this name has these labels, or nothing was counted".to_owned();
            failed(what, reason, way_out.unwrap_or_else(usual))
        } else {
            let usual = || "check the query; the verdict does not wait for it".to_owned();
            CheckLine { warning: Some(way_out.unwrap_or_else(usual)), ..fine(what, reason) }
        };
    }
    let newest = points.iter().map(|(at, _)| *at).max();
    if let Some(ahead) = newest.map(|newest| newest - background.to).filter(|ahead| *ahead > FUTURE.max(query.step * 2))
    {
        let reason = format!("its newest point is stamped {} in the future: the clocks differ", brief_length(ahead));
        return failed(what, reason, "set the clock of this machine, or of the source, by NTP".to_owned());
    }
    let known = values.len();
    let warning = doubt(query, background.scrapes, &values).or_else(|| background.warning(query, known, of));
    CheckLine { warning, ..fine(what, format!("{known} of {of} points")) }
}

/// What a poll answered to one signal.
pub(in crate::systems) fn answer_for<'a>(
    points: &'a [(SignalId, Vec<Point>)],
    failed: &'a [(SignalId, SourceError)],
    signal: SignalId,
) -> Option<Result<&'a [Point], &'a SourceError>> {
    if let Some((_, error)) = failed.iter().find(|(id, _)| *id == signal) {
        return Some(Err(error));
    }
    points.iter().find(|(id, _)| *id == signal).map(|(_, points)| Ok(points.as_slice()))
}

/// A question that has to wait for a version.
pub(in crate::systems) fn unasked(what: String, signal: SignalId) -> CheckLine {
    fine(what, "the version is not known yet").about(signal, Seen::Untried)
}

/// A line for each query that a poll asked, and for each that had to wait.
pub(in crate::systems) fn queries(
    source: &str,
    queries: &[SeriesQuery],
    poll: &Poll,
    background: &Background<'_>,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> Vec<CheckLine> {
    let line = |query: &SeriesQuery| {
        let text = super::series::texts(&query.expr).join(" ; ");
        let what = format!("{source}: {}", brief(&text));
        match answer_for(&poll.points, &poll.failed, query.signal) {
            Some(answer) => of_series(what, query, answer, background, &way_out)
                .about(query.signal, answer.map_or(Seen::Untried, Seen::of)),
            None => unasked(what, query.signal),
        }
    };
    queries.iter().map(line).collect()
}

/// A line for the alert rules of each signal; `unseen` is the way out where none carries the labels.
pub(in crate::systems) fn alert_rules(
    source: &str,
    signals: impl Iterator<Item = SignalId>,
    poll: &Poll,
    unseen: &str,
    way_out: impl Fn(&SourceError) -> Option<String>,
) -> Vec<CheckLine> {
    let what = format!("{source}: alert rules");
    let line = |signal| match answer_for(&poll.points, &poll.failed, signal) {
        None => CheckLine::new(what.as_str(), Ok("not asked".to_owned())),
        Some(Err(error)) => broken(what.as_str(), error, way_out(error)),
        Some(Ok([])) => {
            let error = SourceError::NotFound("no alert rule carries these labels".to_owned());
            broken(what.as_str(), &error, Some(unseen.to_owned()))
        }
        Some(Ok(_)) => CheckLine { warning: of_rules(poll, signal), ..fine(what.as_str(), "found") },
    };
    let seen = |signal| match answer_for(&poll.points, &poll.failed, signal) {
        Some(Ok(points)) => Seen::of(points),
        Some(Err(_)) | None => Seen::Untried,
    };
    signals.map(|signal| line(signal).about(signal, seen(signal))).collect()
}

/// What is worth knowing of the alert rules or monitors of a signal that were found: which of them guard nothing, and
/// how many were not looked at.
pub(in crate::systems) fn of_rules(poll: &Poll, signal: SignalId) -> Option<String> {
    let alerts = poll.alerts.iter().flatten();
    let blind: Vec<&Alert> =
        alerts.filter(|alert| alert.signal == signal && alert.state == AlertState::Unknown).collect();
    if let Some(first) = blind.first() {
        let others = if blind.len() > 1 { format!(" and {} more", blind.len() - 1) } else { String::new() };
        return Some(format!("cannot be evaluated, so guards nothing: {}{others}", first.name));
    }
    let unread: usize = poll.unread.iter().filter(|(of, _)| *of == signal).map(|(_, count)| count).sum();
    (unread > 0).then(|| format!("{unread} more match and are not read: narrow the filter"))
}

/// A line for each warning of a poll.
pub(in crate::systems) fn warnings<'a>(source: &'a str, poll: &'a Poll) -> impl Iterator<Item = CheckLine> + 'a {
    poll.warnings.iter().map(move |warning| fine(format!("{source}: warning"), warning.as_str()))
}

/// The beginning of a query, on one line.
pub(in crate::systems) fn brief(query: &str) -> String {
    let query = crate::net::http::clean(query);
    match query.char_indices().nth(QUERY_LENGTH) {
        Some((end, _)) => format!("{}…", &query[..end]),
        None => query,
    }
}

fn usual_way_out(error: &SourceError) -> String {
    match error {
        SourceError::Unreachable(none) => return none.way_out(),
        // Its sentence ends with the way out: the screen has to say it, too.
        SourceError::Unit(_) => "",
        SourceError::Unauthorized(_) => "set a valid credential for this source",
        SourceError::Forbidden(_) => "give the credential the permission that is named",
        SourceError::NotFound(_) => "correct the url or the name",
        SourceError::RateLimited { .. } | SourceError::Server { status: ..400, .. } => {
            "wait, and give this source a longer interval"
        }
        SourceError::BadQuery(_) => "correct the query",
        SourceError::Timeout(_) => "give this source a longer timeout, or the query less to do",
        SourceError::Server { .. } => "look at the source itself; it is in trouble",
        SourceError::Partial(_) => {
            "look at the part of the source that did not answer; what came back is not the whole"
        }
        SourceError::Unproven(_) => "correct the name that it does not know",
        SourceError::TooLarge { .. } => "let it answer less: aggregate the query, or narrow what it asks for",
        SourceError::BadAnswer(_) => "check that the url is the system's own address and not a sign-in page",
    }
    .to_owned()
}
