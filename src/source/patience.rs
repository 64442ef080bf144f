//! When a source is not asked on in a poll, and when a poll as a whole has failed.

use crate::poll::{Poll, SourceError};
use std::future::Future;

/// Asks a source's questions of one poll, one after the other, until an answer says that more would be
/// useless: the same error then stands for the rest.
pub(super) struct Patience {
    ends_with: fn(&SourceError) -> bool,
    ended: Option<SourceError>,
}

impl Patience {
    /// Ends with what concerns every question alike: not signed in, too many requests, nobody there.
    pub(super) fn usual() -> Self {
        Self { ends_with: concerns_all, ended: None }
    }

    /// Ends with a time-out, too: for many small questions, each with a limit that the server should keep.
    pub(super) fn short() -> Self {
        Self { ends_with: |error| concerns_all(error) || matches!(error, SourceError::Timeout(_)), ended: None }
    }

    /// The question's answer, or why it was not asked any more.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let answer = question.await;
        if let Err(error) = &answer
            && (self.ends_with)(error)
        {
            self.ended = Some(error.clone());
        }
        answer
    }
}

fn concerns_all(error: &SourceError) -> bool {
    matches!(error, SourceError::Unauthorized(_) | SourceError::RateLimited { .. } | SourceError::Unreachable(_))
}

/// When nothing at all was answered and for one reason, it is the source that failed, not its signals.
pub(super) fn conclude(poll: Poll) -> Result<Poll, SourceError> {
    let answered = !poll.points.is_empty() || poll.issues.is_some() || poll.alerts.is_some();
    match poll.failed.first() {
        Some((_, error))
            if !answered
                && !matches!(error, SourceError::BadQuery(_))
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
        let partial = Poll { points: vec![(SignalId(1), vec![])], ..failed(&[timeout]) };
        assert!(conclude(partial).is_ok());
    }
}
