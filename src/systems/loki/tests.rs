//! Loki: metric queries, and what is no answer to one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Loki, LokiSpec, filled};
use crate::net::Auth;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::secret::Secret;
use crate::signal::{Sample, SignalId};
use crate::systems::api::{Early, Source};
use crate::systems::questions::{Meaning, SeriesQuery};
use crate::systems::shared::peer::*;
use chrono::TimeDelta;
use proptest::prelude::*;

const MATRIX: &str = include_str!("recorded/matrix.json");
const EMPTY: &str = include_str!("recorded/empty.json");
const SEVERAL: &str = include_str!("recorded/several.json");
const STREAMS: &str = include_str!("recorded/streams.json");
const PARTIAL: &str = include_str!("recorded/partial.json");
const NEW_ENGINE: &str = include_str!("recorded/new_engine.json");
const PARSE_ERROR: &str = include_str!("recorded/parse_error.txt");
const TOO_MANY_SERIES: &str = include_str!("recorded/too_many_series.txt");

const LABELS: &str = r#"{"status":"success","data":["app","namespace"]}"#;

fn loki(peer: &Peer, queries: Vec<SeriesQuery>) -> Loki {
    let auth = Auth::Basic { user: "12345".to_owned(), password: Secret::new(TOKEN) };
    Loki::new(LokiSpec { endpoint: peer.endpoint(), auth, tenant: Some("shop|web".to_owned()), queries }).unwrap()
}

async fn polled(status: u16, body: &str) -> Result<Poll, SourceError> {
    let peer = Peer::start(vec![reply("query_range", status, body)]).await;
    loki(&peer, vec![value(0, "sum(count_over_time({app=\"a\"}[15s]))")]).poll(&request()).await
}

/// Why the one query of [`polled`] failed.
async fn refused(status: u16, body: &str) -> SourceError {
    match polled(status, body).await {
        Ok(poll) => failure(&poll, 0),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_range_is_aligned_filled_in_and_ends_before_lines_are_still_on_their_way() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    loki(&peer, vec![value(0, "sum(rate({app=\"a\"}[$__interval]))")]).poll(&request()).await.unwrap();
    let asked = &peer.asked()[0];
    assert_eq!(asked.method, "GET");
    let query = "sum(rate({app=\"a\"}[15s]))";
    let (start, end) = (BASE, BASE + 90);
    assert_eq!(
        asked.target,
        format!("/loki/api/v1/query_range?query={query}&start={start}000000000&end={end}000000000&step=15s")
    );
    assert_eq!(asked.headers["x-scope-orgid"], "shop|web");
    assert!(asked.headers["authorization"].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn no_more_than_eleven_thousand_points_are_asked_for() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let request = PollRequest { from: at(-400_000), ..request() };
    loki(&peer, vec![value(0, "sum(rate({app=\"a\"}[1m]))")]).poll(&request).await.unwrap();
    let start = BASE + 90 - 10_999 * 15;
    assert!(peer.asked()[0].target.contains(&format!("start={start}000000000")), "{:?}", peer.asked());
}

#[tokio::test]
async fn a_long_query_goes_into_the_body() {
    let peer = Peer::start(vec![reply("query_range", 200, EMPTY)]).await;
    let long = format!("sum(count_over_time({{app=\"a\"}} |= \"{}\" [$__interval]))", "x".repeat(2_000));
    loki(&peer, vec![value(0, &long)]).poll(&request()).await.unwrap();
    let asked = &peer.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/loki/api/v1/query_range"));
    assert!(asked.body.contains("%5B15s%5D"), "{}", asked.body);
}

#[tokio::test]
async fn steps_without_a_line_stay_gaps_and_nan_is_no_number() {
    let poll = polled(200, MATRIX).await.unwrap();
    assert_eq!(points(&poll, 0), [number(0, 12.0), number(15, 0.5), (at(30), Sample::NotANumber), number(60, 1e6)]);
    assert_eq!(points(&polled(200, EMPTY).await.unwrap(), 0), []);
}

#[tokio::test]
async fn error_lines_are_held_against_all_lines() {
    let peer = Peer::start(vec![reply("(?i)error", 200, EMPTY), reply("query_range", 200, MATRIX)]).await;
    let query =
        counts(0, r#"sum(count_over_time({a="b"} |~ "(?i)error" [1m]))"#, r#"sum(count_over_time({a="b"}[1m]))"#);
    let poll = loki(&peer, vec![query]).poll(&request()).await.unwrap();
    assert_eq!(
        points(&poll, 0)[0],
        (at(0), Sample::Counts { errors: 0.0, requests: 12.0 }),
        "lines, and none of errors"
    );

    let peer = Peer::start(vec![reply("(?i)error", 200, MATRIX), reply("query_range", 200, EMPTY)]).await;
    let query =
        counts(0, r#"sum(count_over_time({a="b"} |~ "(?i)error" [1m]))"#, r#"sum(count_over_time({a="b"}[1m]))"#);
    let poll = loki(&peer, vec![query]).poll(&request()).await.unwrap();
    assert_eq!(points(&poll, 0), [], "without any line nothing is known");
}

#[tokio::test]
async fn a_result_that_was_cut_is_no_result() {
    let text = "maximum number of series (500) reached for a single query; returning partial results";
    assert_eq!(refused(200, PARTIAL).await, SourceError::Partial(text.to_owned()));
    let whole = polled(200, NEW_ENGINE).await.unwrap();
    assert_eq!(points(&whole, 0), [number(0, 12.0)], "the new engine's remark takes nothing away");
    assert_eq!(whole.warnings.len(), 1, "{:?}", whole.warnings);
}

#[tokio::test]
async fn lines_are_no_numbers_and_several_series_no_single_one() {
    let SourceError::BadQuery(text) = refused(200, STREAMS).await else { panic!("lines were taken") };
    assert!(text.contains("count_over_time"), "{text}");
    let SourceError::BadQuery(text) = refused(200, SEVERAL).await else { panic!("one of two was chosen") };
    assert!(text.starts_with("2 series came back"), "{text}");
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    assert_eq!(refused(200, vector).await, SourceError::BadAnswer("a vector instead of a matrix".to_owned()));
    assert!(matches!(refused(200, r#"{"status":"fail"}"#).await, SourceError::BadAnswer(_)));
    assert!(matches!(refused(200, "ready").await, SourceError::BadAnswer(_)));
}

#[tokio::test]
async fn reasons_come_in_plain_text() {
    assert_eq!(refused(400, PARSE_ERROR).await, SourceError::BadQuery(PARSE_ERROR.to_owned()));
    let SourceError::BadQuery(text) = refused(400, TOO_MANY_SERIES).await else { panic!("no refusal") };
    assert!(text.starts_with("maximum number of series (500) reached for a single query"), "{text}");
    // dskit says 401, Loki's own mapping of the same error 400.
    for status in [400, 401] {
        assert_eq!(refused(status, "no org id\n").await, SourceError::Unauthorized("no org id".to_owned()));
    }
    assert_eq!(refused(429, "too many outstanding requests").await, SourceError::RateLimited { retry_after: None });
    assert!(matches!(refused(504, "request timed out").await, SourceError::Server { status: 504, .. }));
    assert!(matches!(refused(404, "404 page not found").await, SourceError::NotFound(_)));
}

#[tokio::test]
async fn no_error_tells_the_password() {
    for status in [200, 400, 401, 403, 500] {
        let error = refused(status, &format!("your password is {TOKEN}")).await;
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_asked_no_further() {
    let peer = Peer::start(vec![reply("query_range", 401, "no org id")]).await;
    let queries = (0..20).map(|signal| value(signal, "sum(rate({app=\"a\"}[1m]))")).collect();
    let error = loki(&peer, queries).poll(&request()).await.unwrap_err();
    assert_eq!(error, SourceError::Unauthorized("no org id".to_owned()));
    assert!(peer.asked().len() <= 6, "{} questions", peer.asked().len());
}

#[tokio::test]
async fn answers_count_as_they_come() {
    let peer = Peer::start(vec![reply("bad", 400, PARSE_ERROR), reply("query_range", 200, MATRIX)]).await;
    let (early, mut told) = Early::channel();
    let whole = loki(&peer, vec![value(0, "bad"), value(1, "good")]).poll_early(&request(), &early).await.unwrap();
    drop(early);
    let part = told.recv().await.unwrap();
    assert_eq!(part.points[0].0, SignalId(1));
    assert!(told.recv().await.is_none(), "a failure is told with the whole alone");
    assert_eq!((whole.points.len(), whole.failed.len()), (1, 1));
}

async fn checked(replies: Vec<Reply>) -> Vec<(String, Result<String, String>)> {
    let peer = Peer::start(replies).await;
    let required = SeriesQuery { meaning: Meaning { required: true, ..Meaning::default() }, ..value(0, "lines") };
    let lines = loki(&peer, vec![required]).check(&request()).await;
    lines.into_iter().map(|line| (line.what, line.result.map_err(|failure| failure.way_out))).collect()
}

#[tokio::test]
async fn a_check_says_the_way_out() {
    let lines = checked(vec![reply("labels", 401, "no org id")]).await;
    assert_eq!(lines, [("peer: reachable".to_owned(), Err("set the tenant of `peer`".to_owned()))]);
    let lines = checked(vec![reply("other", 200, "")]).await;
    assert_eq!(lines[0].1, Err("set the url of `peer` to everything before /loki/api/v1".to_owned()));

    let lines = checked(vec![reply("labels", 200, LABELS), reply("query_range", 200, MATRIX)]).await;
    assert_eq!(lines[0].1, Ok("answers queries".to_owned()));
    assert!(lines[1].1.as_ref().unwrap().starts_with("3 of 7 points"), "{lines:?}");
    let lines = checked(vec![reply("labels", 200, LABELS), reply("query_range", 200, EMPTY)]).await;
    assert!(lines[1].1.as_ref().unwrap_err().contains("or vector(0)"), "{lines:?}");
    let lines = checked(vec![reply("labels", 200, LABELS), reply("query_range", 200, PARTIAL)]).await;
    assert_eq!(lines[1].1, Err("aggregate the query to fewer series, with sum for instance".to_owned()));
}

#[test]
fn what_grafana_would_fill_in_is_filled_in() {
    let (step, range) = (TimeDelta::seconds(30), TimeDelta::minutes(30));
    let text = "a[$__interval] b[${__auto}] $__interval_ms c[$__range] $__range_s $__range_ms $__rate_interval $1";
    let right = "a[30s] b[30s] 30000 c[1800s] 1800 1800000 $__rate_interval $1";
    assert_eq!(filled(text, step, range), right);
    assert_eq!(filled("[$__range]", step, TimeDelta::zero()), "[30s]", "no range is empty");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever became of an answer on its way: an error, or readings in order and no more of them than were said.
    #[test]
    fn a_broken_answer_is_an_error_or_holds_only_what_was_said(
        body in proptest::sample::select(vec![MATRIX, EMPTY, SEVERAL, STREAMS, PARTIAL, NEW_ENGINE, PARSE_ERROR]),
        status in proptest::sample::select(vec![200, 204, 302, 400, 401, 429, 500, 599]),
        place in any::<proptest::sample::Index>(),
        gone in 0_usize..40,
        noise in "[\\[\\]{}\",:0-9a-zäE.+-]{0,20}",
    ) {
        let body = body.replace("{BASE+", "").replace('}', "");
        let place = place.index(body.len());
        let broken = format!("{}{noise}{}", &body[..place], body.get(place + gone..).unwrap_or_default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let Ok(poll) = runtime.block_on(polled(status, &broken)) else { return Ok(()) };
        for (_, points) in &poll.points {
            prop_assert!(points.len() <= broken.len() / 2, "{points:?} of {broken}");
            prop_assert!(points.is_sorted_by_key(|(at, _)| *at));
        }
    }
}

#[tokio::test]
async fn of_an_earlier_day_the_wanted_series_alone_are_asked_for() {
    let peer = Peer::start(vec![reply("query_range", 200, MATRIX)]).await;
    let week = chrono::TimeDelta::days(7);
    let since = vec![(SignalId(1), at(0) - week)];
    let then = PollRequest { from: at(0) - week, to: at(110) - week, since, ..request() };
    let poll = loki(&peer, vec![value(0, "not wanted"), value(1, "wanted")]).past(&then).await.unwrap();
    let asked = peer.asked();
    assert_eq!((asked.len(), poll.points.len()), (1, 1));
    let start = format!("start={}000000000", BASE - 7 * 86_400);
    assert!(asked[0].target.contains("query=wanted") && asked[0].target.contains(&start), "{}", asked[0].target);
}
