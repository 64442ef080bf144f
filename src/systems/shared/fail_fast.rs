//! When a source is not asked on in a poll, and when a poll as a whole has failed.

use crate::poll::{Poll, SourceError};
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Asks a source's queries of one poll, one after the other or a few at a time, until an answer says that more
/// would be useless: the same error then stands for the rest.
pub(in crate::systems) struct FailFast {
    /// Stops after this many time-outs; `None`: after none.
    timeouts_allowed: Option<usize>,
    timeouts: AtomicUsize,
    ended: OnceLock<SourceError>,
}

impl FailFast {
    /// Stops at an error that concerns every query alike: unauthorized, rate limited, unreachable.
    pub(in crate::systems) fn new() -> Self {
        Self { timeouts_allowed: None, timeouts: AtomicUsize::new(0), ended: OnceLock::new() }
    }

    /// Stops after so many time-outs, too: one query may be too much for the server, several are not the queries'
    /// fault.
    pub(in crate::systems) fn with_timeouts(allowed: usize) -> Self {
        Self { timeouts_allowed: Some(allowed), ..Self::new() }
    }

    /// The query's answer, or why it was not asked any more.
    pub(in crate::systems) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        if let Some(error) = self.ended.get() {
            return Err(error.clone());
        }
        let answer = question.await;
        if let Err(error) = &answer
            && self.is_enough(error)
        {
            // Of several concurrent errors the first one is kept.
            let _ = self.ended.set(error.clone());
        }
        answer
    }

    fn is_enough(&self, error: &SourceError) -> bool {
        match error {
            SourceError::Unauthorized(_) | SourceError::RateLimited { .. } | SourceError::Unreachable(_) => true,
            SourceError::Timeout(_) => {
                let so_far = self.timeouts.fetch_add(1, Ordering::Relaxed) + 1;
                self.timeouts_allowed.is_some_and(|allowed| so_far >= allowed)
            }
            SourceError::Forbidden(_)
            | SourceError::NotFound(_)
            | SourceError::BadQuery(_)
            | SourceError::Server { .. }
            | SourceError::Partial(_)
            | SourceError::Unproven(_)
            | SourceError::Unit(_)
            | SourceError::TooLarge { .. }
            | SourceError::BadAnswer(_) => false,
        }
    }
}

/// When nothing at all was answered and for one reason, it is the source that failed, not its signals.
pub(in crate::systems) fn conclude(poll: Poll) -> Result<Poll, SourceError> {
    let answered = !poll.points.is_empty() || poll.issues.is_some();
    match poll.failed.first() {
        Some((_, error))
            if !answered
                // A query that is refused, misread, or answered in part or with nothing, is no sign that the source is gone.
                && !matches!(
                    error,
                    SourceError::BadQuery(_) | SourceError::Partial(_) | SourceError::Unproven(_) | SourceError::Unit(_)
                )
                && poll.failed.iter().all(|(_, other)| other == error) =>
        {
            Err(error.clone())
        }
        _ => Ok(poll),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SignalId;

    #[test]
    fn a_source_that_answers_nothing_has_failed_as_a_whole() {
        let timeout = SourceError::Timeout(5);
        let failed = |errors: &[SourceError]| Poll {
            failed: errors.iter().map(|error| (SignalId(0), error.clone())).collect(),
            ..Poll::default()
        };
        assert_eq!(conclude(failed(&[timeout.clone(), timeout.clone()])), Err(timeout.clone()));
        assert!(conclude(failed(&[timeout.clone(), SourceError::NotFound("x".into())])).is_ok());
        assert!(conclude(failed(&[SourceError::BadQuery("x".into())])).is_ok());
        assert!(conclude(failed(&[SourceError::Partial("x".into())])).is_ok());
        let partial = Poll { points: vec![(SignalId(1), vec![])], ..failed(&[timeout]) };
        assert!(conclude(partial).is_ok());
    }
}
