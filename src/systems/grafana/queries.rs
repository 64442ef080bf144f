//! `POST /api/ds/query`: a few requests at a time with some signals each, halved where Grafana does not get through
//! them in time.

use super::frames::QueryAnswer;
use super::{DataSource, Grafana, explain};
use crate::deploy::Time;
use crate::net::http::Answer;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::systems::api::Early;
use crate::systems::shared::fail_fast::FailFast;
use crate::systems::shared::scrape::Filled;
use crate::systems::shared::series::{Asked, aligned, askable, multiplied, remark};
use chrono::TimeDelta;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

/// Prometheus gives no more points than this; with so many asked for, Grafana leaves the step alone.
const MOST_POINTS: i32 = 11_000;

/// So many queries go into one request to begin with: a watch of one service is one request, and of twenty a few.
pub(super) const BATCH: usize = 24;

/// So many requests are in progress at a time. Grafana asks the data source for the queries of each in parallel.
const REQUESTS_AT_ONCE: usize = 2;

/// Queries of one data source that are asked from the same time on: they share a request.
struct Batch<'a> {
    of: &'a DataSource,
    asked: Vec<Asked<'a>>,
}

impl Grafana {
    /// Asks for every series, and hands each request's answer over as it comes. What cannot be told in time is asked
    /// again in two halves, until it is one query that takes too long.
    pub(super) async fn ask_series(&self, request: &PollRequest, early: &Early, fail_fast: &FailFast, poll: &mut Poll) {
        let (mut waiting, mut asking) = (self.batches(request), FuturesUnordered::new());
        loop {
            while asking.len() < REQUESTS_AT_ONCE
                && let Some(batch) = waiting.pop_front()
            {
                asking.push(self.ask_batch(batch, request.to, fail_fast));
            }
            let Some((batch, answer)) = asking.next().await else { return };
            match answer {
                Ok(part) => {
                    early.tell(|| Poll { points: part.points.clone(), older: part.older.clone(), ..Poll::default() });
                    merge(poll, part);
                }
                Err(SourceError::Timeout(_) | SourceError::TooLarge { .. }) if batch.asked.len() > 1 => {
                    waiting.extend(self.halves(batch));
                }
                Err(error) => batch.asked.iter().for_each(|asked| asked.answered(Err(error.clone()), poll)),
            }
        }
    }

    /// The queries that can be asked now: those that have waited longest first, at most [`Grafana::batch`] together.
    fn batches(&self, request: &PollRequest) -> VecDeque<Batch<'_>> {
        let most = self.batch.load(Ordering::Relaxed);
        let mut batches: VecDeque<Batch<'_>> = VecDeque::new();
        for of in &self.datasources {
            for asked in askable(&of.queries, request) {
                let fits = |batch: &&mut Batch<'_>| {
                    batch.of.uid == of.uid && batch.asked.len() < most && batch.asked[0].since == asked.since
                };
                match batches.back_mut().filter(fits) {
                    Some(batch) => batch.asked.push(asked),
                    None => batches.push_back(Batch { of, asked: vec![asked] }),
                }
            }
        }
        batches
    }

    /// Two batches of one, and no larger ones from now on.
    fn halves<'a>(&self, mut batch: Batch<'a>) -> [Batch<'a>; 2] {
        let half = batch.asked.len().div_ceil(2);
        self.batch.fetch_min(half, Ordering::Relaxed);
        let rest = batch.asked.split_off(half);
        let of = batch.of;
        [batch, Batch { of, asked: rest }]
    }

    async fn ask_batch<'a>(
        &self,
        batch: Batch<'a>,
        to: Time,
        fail_fast: &FailFast,
    ) -> (Batch<'a>, Result<Poll, SourceError>) {
        let answer = fail_fast.ask(self.ask_datasource(&batch, to)).await;
        (batch, answer)
    }

    /// Asks some signals of one data source at once. Fails only when the answer as a whole is of no use.
    async fn ask_datasource(&self, batch: &Batch<'_>, to: Time) -> Result<Poll, SourceError> {
        let (body, shares) = query_body(batch.of, &batch.asked, to);
        let answer = self.send(&body).await?;
        let answer = self.partial(&answer, to)?;
        let scrapes = &batch.of.scrapes;
        let mut poll = Poll::default();
        for (index, (asked, shares)) in batch.asked.iter().zip(shares).enumerate() {
            let part = |(part, share): (usize, f64)| Ok(multiplied(answer.bins(&ref_id(index, part))?, share));
            let parts = shares.into_iter().enumerate().map(part).collect();
            let (texts, carried) = (scrapes.texts(asked.query.signal), answer.measure(&ref_id(index, 0)));
            let settled = to - scrapes.engine().settles();
            asked.answered(self.units.points(asked.query, texts, carried, parts, settled), &mut poll);
        }
        answer.remarks().for_each(|text| remark(&mut poll.warnings, text));
        Ok(poll)
    }

    /// Sends a body of queries.
    pub(super) async fn send(&self, body: &Value) -> Result<Answer, SourceError> {
        // Grafana Cloud may answer from a cache; what it said a minute ago is of no use here.
        self.http.send(self.http.post(&["api", "ds", "query"]).header("x-cache-skip", "true").json(body)).await
    }

    /// One bad query makes the whole answer 400 (207, 500 in other versions), and the good ones are still in it.
    pub(super) fn partial<'a>(&self, answer: &'a Answer, now: Time) -> Result<QueryAnswer<'a>, SourceError> {
        let of_use = |parsed: &QueryAnswer<'_>| !parsed.is_empty();
        match answer.status.as_u16() {
            200 | 207 => {
                let parsed = QueryAnswer::decode(&answer.body)?;
                if of_use(&parsed) {
                    Ok(parsed)
                } else {
                    Err(SourceError::BadAnswer("an answer without results".to_owned()))
                }
            }
            400 | 500.. => QueryAnswer::decode(&answer.body)
                .ok()
                .filter(of_use)
                .ok_or_else(|| explain(self.http.refusal(answer, now))),
            _ => Err(explain(self.http.refusal(answer, now))),
        }
    }
}

/// Adds what one request answered to what others did.
fn merge(poll: &mut Poll, part: Poll) {
    poll.points.extend(part.points);
    poll.older.extend(part.older);
    poll.failed.extend(part.failed);
    part.warnings.iter().for_each(|text| remark(&mut poll.warnings, text));
}

/// One refId for each part of each query, each with its own step, and by what each part's values are multiplied.
///
/// `intervalMs` alone is the step. With `interval`, its minimum, Grafana would take that for the scrape interval, too,
/// and `$__rate_interval` would be four steps instead of what the data source's scrapes need.
fn query_body(of: &DataSource, asked: &[Asked<'_>], to: Time) -> (Value, Vec<Vec<f64>>) {
    let mut from = to;
    let (mut queries, mut shares) = (Vec::new(), Vec::new());
    for (index, asked) in asked.iter().enumerate() {
        let step = asked.query.step;
        from = from.min(aligned(asked.since, to - of.scrapes.engine().settles(), step, MOST_POINTS).0);
        let filled: Vec<Filled> = (0..asked.parts.len()).map(|part| of.scrapes.fill_for_grafana(asked, part)).collect();
        for (part, Filled { text, .. }) in filled.iter().enumerate() {
            queries.push(one_query(&of.uid, &ref_id(index, part), text, step));
        }
        shares.push(filled.iter().map(|filled| filled.share).collect());
    }
    (body(from, to, &queries), shares)
}

/// A query of a body.
pub(super) fn one_query(uid: &str, ref_id: &str, expr: &str, step: TimeDelta) -> Value {
    json!({
        "refId": ref_id,
        "datasource": { "uid": uid },
        "expr": expr,
        "range": true,
        "instant": false,
        "format": "time_series",
        "intervalMs": step.num_milliseconds(),
        "maxDataPoints": MOST_POINTS,
    })
}

/// Queries over a time. Times are epoch milliseconds as strings.
pub(super) fn body(from: Time, to: Time, queries: &[Value]) -> Value {
    json!({
        "from": from.timestamp_millis().to_string(),
        "to": to.timestamp_millis().to_string(),
        "queries": queries,
    })
}

/// `A0` for a value or a count of errors, `B0` for requests; the number is the query's.
fn ref_id(query: usize, part: usize) -> String {
    format!("{}{query}", if part == 0 { 'A' } else { 'B' })
}
