//! What the targets share: a script of answers, a question to a source, and what is held of every answer.

use chrono::{DateTime, TimeDelta, Utc};
use redflag::deploy::ServiceId;
use redflag::fuzzing::{Answer, Outside, Ran, alone_with};
use redflag::net::Endpoint;
use redflag::poll::{Poll, PollRequest, SourceError};
use redflag::secret::Secret;
use redflag::signal::{Impossible, Point, Sample, SignalId, Unit};
use redflag::systems::api::Source;
use redflag::systems::questions::{AlertQuery, Expr, Meaning, SeriesQuery};
use redflag::text;
use std::sync::Once;
use std::time::Duration;

/// The credentials of every source: nothing that is told may hold them, whoever repeats them.
pub const TOKEN: &str = "hush-hush-token";

/// Makes the credentials known, as a configuration that names them does.
pub fn know_the_token() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| drop(Secret::new(TOKEN)));
}

/// 2023-11-14T22:14:00Z, a whole minute: when the deploy of each question was made.
pub const BASE: i64 = 1_700_000_040;

/// `BASE` and so many seconds.
pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(BASE + second, 0).expect("a moment of this century")
}

/// One answer, to whatever has the needle in it.
struct Block {
    needle: String,
    code: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What the outside says, written down: `%% NEEDLE CODE NAME: VALUE; NAME: VALUE` and, from the next line on, the
/// body. The first block whose needle is in the request answers it; the needle `*` is in each.
#[derive(Default)]
pub struct Script(Vec<Block>);

impl Script {
    /// Reads any bytes; what stands before the first block answers everything.
    pub fn read(data: &[u8]) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            if let Some(head) = line.strip_prefix(b"%% ") {
                blocks.push(Self::head(&String::from_utf8_lossy(head)));
                continue;
            }
            if blocks.is_empty() {
                blocks.push(Self::head("* 200"));
            }
            if let Some(last) = blocks.last_mut() {
                last.body.extend_from_slice(line);
            }
        }
        Self(blocks)
    }

    fn head(line: &str) -> Block {
        let mut words = line.trim_end().splitn(3, ' ');
        let needle = words.next().unwrap_or_default().to_owned();
        let code = words.next().and_then(|code| code.parse().ok()).unwrap_or(200);
        let headers = words.next().unwrap_or_default().split("; ").filter_map(|header| header.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Block { needle, code, headers, body: Vec::new() }
    }

    /// The body of the first block with this needle, for what is not asked by anybody.
    pub fn body(&self, needle: &str) -> Option<String> {
        let block = self.0.iter().find(|block| block.needle == needle)?;
        Some(String::from_utf8_lossy(&block.body).into_owned())
    }

    fn block(&self, said: &str) -> Option<&Block> {
        self.0.iter().find(|block| block.needle == "*" || said.contains(&block.needle))
    }
}

impl Outside for Script {
    fn answer(&self, request: &str) -> Answer {
        match self.block(request) {
            Some(block) => Answer { status: block.code, headers: block.headers.clone(), body: block.body.clone() },
            None => Answer { status: 404, ..Answer::default() },
        }
    }

    /// A program that fails says why on its error output.
    fn run(&self, command: &str) -> Ran {
        let Some(block) = self.block(command) else { return Ran::default() };
        let code = u8::try_from(block.code).unwrap_or_default();
        let (stdout, stderr) =
            if code == 0 { (block.body.clone(), Vec::new()) } else { (Vec::new(), block.body.clone()) };
        Ran { code, stdout, stderr }
    }
}

/// Where every source is.
pub fn endpoint() -> Endpoint {
    let timeout = Duration::from_secs(5);
    Endpoint { name: "peer".to_owned(), url: "https://peer.example.com".to_owned(), timeout }
}

/// A query for each way in which answers become readings: values of several units, and counts.
pub fn queries() -> Vec<SeriesQuery> {
    let counts =
        Expr::Counts { errors: "errors[$__interval]".to_owned(), requests: "requests[$__interval]".to_owned() };
    let rate = "rate(http_requests_total{version=\"$version\"}[$__rate_interval])".to_owned();
    let asked = [
        (counts, Unit::Percent, 1.0),
        (Expr::Value(rate), Unit::PerSecond, 1.0),
        (Expr::Value("latency_seconds".to_owned()), Unit::Milliseconds, 1000.0),
        (Expr::Value("memory".to_owned()), Unit::Percent, 100.0),
    ];
    asked.into_iter().zip(0..).map(|((expr, unit, scale), signal)| query(signal, expr, unit, scale)).collect()
}

/// One query of the first service, every 15 seconds.
pub fn query(signal: u16, expr: Expr, unit: Unit, scale: f64) -> SeriesQuery {
    SeriesQuery {
        signal: SignalId(signal),
        service: ServiceId(0),
        expr,
        step: TimeDelta::seconds(15),
        scale,
        meaning: Meaning { unit, unit_is_stated: signal % 2 == 1, required: true },
        scrape: None,
    }
}

/// The alerts that every source with alerts watches.
pub fn alerts(filter: &str) -> Vec<AlertQuery> {
    vec![AlertQuery { signal: SignalId(10), filter: filter.to_owned() }]
}

/// Asks a source twice, as a watch does: the second question is asked with what the first one taught.
pub fn ask(source: &impl Source, data: &[u8]) {
    for second in [110, 600] {
        let request = PollRequest {
            from: at(-600),
            since: vec![(SignalId(1), at(-60))],
            to: at(second),
            deployed_at: Some(at(0)),
            versions: vec![Some("1.9.0".to_owned())],
            older: vec![(SignalId(1), "1.8.3".to_owned())],
        };
        let said = alone_with(Script::read(data), async { source.poll(&request).await });
        match said.expect("a runtime") {
            Ok(poll) => hold(&poll, data.len()),
            Err(error) => hold_error(&error),
        }
    }
}

/// What is true of every answer, whatever was said: its texts steer nothing, tell no secret and have an end; its
/// numbers are numbers and in order; and there is no more of it than was said.
pub fn hold(poll: &Poll, said: usize) {
    for (_, points) in poll.points.iter().chain(&poll.older) {
        hold_points(points, said);
    }
    poll.failed.iter().for_each(|(_, error)| hold_error(error));
    poll.warnings.iter().for_each(|warning| hold_text("a warning", warning));
    assert!(poll.warnings.len() <= 100, "{} warnings", poll.warnings.len());
    for issue in poll.issues.iter().flatten() {
        hold_text("an issue's title", &issue.title);
        issue.culprit.iter().for_each(|text| hold_text("an issue's culprit", text));
        issue.link.iter().for_each(|text| hold_text("an issue's link", text));
    }
    for alert in poll.alerts.iter().flatten() {
        hold_text("an alert's name", &alert.name);
        alert.link.iter().for_each(|text| hold_text("an alert's link", text));
    }
    let many = poll.issues.iter().flatten().count() + poll.alerts.iter().flatten().count();
    assert!(many <= said, "{many} issues and alerts of {said} bytes");
}

fn hold_points(points: &[Point], said: usize) {
    // A source may fill in zeros of its own for a quarter of an hour.
    assert!(points.len() <= said + 100, "{} readings of {said} bytes", points.len());
    assert!(points.is_sorted_by_key(|(at, _)| *at), "readings out of order");
    for (_, sample) in points {
        match sample {
            Sample::Value(number) => assert!(number.is_finite(), "{number} is no number"),
            Sample::Counts { errors, requests } => {
                assert!(errors.is_finite() && requests.is_finite(), "{errors} of {requests} is no number");
            }
            Sample::Impossible(impossible) => hold_impossible(impossible),
            Sample::Empty | Sample::NotANumber => {}
        }
    }
}

fn hold_impossible(impossible: &Impossible) {
    assert!(format!("{impossible:?}").len() < 1000);
}

/// An error is a text like any other.
pub fn hold_error(error: &SourceError) {
    hold_text("an error", &error.to_string());
}

/// One line that steers no terminal, hides nothing, tells no secret and has an end.
pub fn hold_text(what: &str, said: &str) {
    assert_eq!(text::visible(said), said, "{what} would steer a terminal");
    assert!(!said.contains('\n'), "{what} has more than one line: {said:?}");
    assert!(!said.contains(TOKEN), "{what} tells a secret: {said}");
    assert!(said.len() <= 2 * text::LONGEST, "{what} has {} bytes", said.len());
}
