//! Reads what the sources have kept, politely: one question at a time, and whoever says that this is too much is left alone
//! for as long as it asks for.

use crate::deploy::Time;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::SourceId;
use crate::systems::api::{Source, SourceSpec};
use chrono::TimeDelta;
use std::time::Duration;

/// How often a source is asked again that says that it is too much.
const PATIENCE: usize = 3;
/// How long it is left alone where it does not say, and at the most.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much of the present a source is asked for first: it learns there how its numbers are scraped.
const PRESENT: TimeDelta = TimeDelta::minutes(15);

/// The sources of an environment, as they are asked of the past.
pub struct Reader {
    sources: Vec<Result<Box<dyn Source>, SourceError>>,
}

impl Reader {
    /// Makes the adapters; connects to nothing.
    pub fn new(specs: &[SourceSpec]) -> Self {
        let build = |spec: &SourceSpec| match spec {
            SourceSpec::Polled(spec) => spec.build(),
            SourceSpec::Streamed(_) => Err(SourceError::Unproven("it is not asked".to_owned())),
        };
        Self { sources: specs.iter().map(build).collect() }
    }

    /// Asks each of these for the present, once: what cannot be reached now cannot be asked of the past.
    pub async fn learn(&mut self, questions: &[(SourceId, PollRequest)], now: Time) {
        for (id, request) in questions {
            let place = usize::from(id.0);
            let Some(Ok(source)) = self.sources.get(place) else { continue };
            let from = now - PRESENT;
            let since = request.since.iter().map(|(signal, _)| (*signal, from)).collect();
            let present = PollRequest { from, since, to: now, older: Vec::new(), ..request.clone() };
            if let Err(error) = source.poll(&present).await
                && is_hopeless(&error)
            {
                self.sources[place] = Err(error);
            }
        }
    }

    /// Asks a source for the past of each of the wanted signals, one after the other.
    ///
    /// # Errors
    /// Where nothing can be had of it at all.
    pub async fn past(&self, id: SourceId, request: &PollRequest) -> Result<Poll, SourceError> {
        let source = match self.sources.get(usize::from(id.0)) {
            Some(Ok(source)) => source,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(SourceError::Unproven("there is no such source".to_owned())),
        };
        let mut whole = Poll::default();
        for (signal, since) in &request.since {
            let one = PollRequest {
                from: *since,
                since: vec![(*signal, *since)],
                older: request.older.iter().filter(|(wanted, _)| wanted == signal).cloned().collect(),
                ..request.clone()
            };
            match patiently(source.as_ref(), &one).await {
                Ok(poll) => {
                    whole.points.extend(poll.points);
                    whole.older.extend(poll.older);
                    whole.failed.extend(poll.failed);
                }
                Err(error) if is_hopeless(&error) => return Err(error),
                Err(error) => whole.failed.push((*signal, error)),
            }
        }
        Ok(whole)
    }
}

/// Asks, and asks again where it was too much.
async fn patiently(source: &dyn Source, request: &PollRequest) -> Result<Poll, SourceError> {
    for _ in 1..PATIENCE {
        let answer = source.past(request).await;
        let wait = match &answer {
            Err(SourceError::RateLimited { retry_after }) => retry_after,
            Ok(Poll { failed, .. }) => match failed.first() {
                Some((_, SourceError::RateLimited { retry_after })) => retry_after,
                _ => return answer,
            },
            Err(_) => return answer,
        };
        let wait = wait.and_then(|wait| wait.to_std().ok()).unwrap_or(PAUSE);
        tokio::time::sleep(wait.min(LONGEST_PAUSE)).await;
    }
    source.past(request).await
}

/// Whether every further question would fail in the same way.
const fn is_hopeless(error: &SourceError) -> bool {
    matches!(error, SourceError::Unauthorized(_) | SourceError::Forbidden(_) | SourceError::Unreachable(_))
}
