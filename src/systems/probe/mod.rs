//! The environment's own URL, requested as a visitor would.

mod config;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;

pub use config::ProbeSpec;

use crate::net::http::{Http, RetryHint, message_in};
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::{Sample, SignalId};
use crate::systems::api::{CheckLine, Early, Seen, Source};
use crate::systems::shared::check::{broken, fine};
use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use std::time::Instant;

/// Of a failed answer's body, what its reason is looked for in; bytes.
const REASON_LIMIT: usize = 64 << 10;

/// Reads one address. Each attempt is one reading: its milliseconds, or why it failed.
pub struct Probe {
    http: Http,
    name: String,
    signal: SignalId,
    status: Option<u16>,
}

impl Probe {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: ProbeSpec) -> Result<Self, SourceError> {
        let http = Http::new(&spec.endpoint, HeaderMap::new(), RetryHint::RetryAfter)?;
        Ok(Self { http, name: spec.endpoint.name, signal: spec.signal, status: spec.status })
    }

    /// Milliseconds until the status and headers were here. The body of a good answer is not read.
    ///
    /// Redirects are not followed: what they lead to may be well while what was asked for is not.
    async fn attempt(&self) -> Result<(u16, f64), SourceError> {
        let begun = Instant::now();
        let response = match self.http.get_itself().send().await {
            Ok(response) => response,
            Err(error) => return Err(self.http.failure(error).await),
        };
        let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        let status = response.status().as_u16();
        if self.status.map_or(response.status().is_success(), |wanted| status == wanted) {
            return Ok((status, milliseconds));
        }
        let wanted = self.status.map_or_else(|| "2xx".to_owned(), |status| status.to_string());
        Err(if status >= 500 {
            // The body says more than the number, if it comes; the number stands without it.
            let answer = self.http.read(response, REASON_LIMIT).await;
            SourceError::Server {
                status,
                text: answer.map_or_else(|_| String::new(), |answer| message_in(&answer.body)),
            }
        } else {
            SourceError::BadAnswer(format!("status {status}, expected {wanted}"))
        })
    }
}

impl Source for Probe {
    fn poll_early<'a>(
        &'a self,
        request: &'a PollRequest,
        _early: &'a Early,
    ) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move {
            let mut poll = Poll::default();
            let sample = match self.attempt().await {
                Ok((_, milliseconds)) => Sample::Value(milliseconds),
                Err(error) => {
                    poll.failed.push((self.signal, error));
                    Sample::Empty
                }
            };
            poll.points.push((self.signal, vec![(request.to, sample)]));
            Ok(poll)
        })
    }

    fn check<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(async move {
            let what = format!("{}: GET", self.name);
            let tried = self.attempt().await;
            let seen = tried.as_ref().map_or(Seen::Untried, |(_, milliseconds)| Seen::Values {
                now: *milliseconds,
                least: *milliseconds,
                most: *milliseconds,
            });
            let line = match tried {
                Ok((status, _)) => fine(what, format!("status {status}")),
                Err(error @ SourceError::BadAnswer(_)) => {
                    let way_out = "set the url to where a visitor ends up, or `status` to what is expected";
                    broken(what, &error, Some(way_out.to_owned()))
                }
                Err(error) => broken(what, &error, None),
            };
            vec![line.about(self.signal, seen)]
        })
    }
}

#[cfg(test)]
mod tests;
