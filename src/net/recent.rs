//! What was read a moment ago: workloads of one push are prepared together and ask the same, and flags are looked at
//! every few seconds.

use crate::deploy::Time;
use chrono::TimeDelta;
use std::collections::HashMap;
use std::future::Future;
use tokio::sync::Mutex;

/// Values by what was asked for, and when.
pub(crate) struct Recent<T> {
    lasts: TimeDelta,
    known: Mutex<HashMap<String, (Time, T)>>,
}

impl<T: Clone> Recent<T> {
    /// Nothing yet; what is read counts as recent for so long.
    pub(crate) fn new(lasts: TimeDelta) -> Self {
        Self { lasts, known: Mutex::default() }
    }

    /// What was read recently, else what `read` reads now. Whoever asks meanwhile waits for it. Failures are
    /// not kept.
    pub(crate) async fn get<E>(&self, key: &str, now: Time, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut known = self.known.lock().await;
        known.retain(|_, (at, _)| now - *at < self.lasts && *at <= now);
        if let Some((_, value)) = known.get(key) {
            return Ok(value.clone());
        }
        let value = read.await?;
        known.insert(key.to_owned(), (now, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use std::convert::Infallible;

    #[tokio::test]
    async fn what_was_read_a_moment_ago_is_not_read_again() {
        let recent = Recent::new(TimeDelta::seconds(20));
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let read = async |key: &str, second, value| {
            recent.get(key, at(second), async { Ok::<_, Infallible>(value) }).await.unwrap()
        };
        assert_eq!(read("a", 0, 1).await, 1);
        assert_eq!(read("a", 19, 2).await, 1);
        assert_eq!(read("b", 19, 3).await, 3);
        assert_eq!(read("a", 20, 4).await, 4);
    }

    #[tokio::test]
    async fn a_failure_is_tried_again() {
        let recent = Recent::new(TimeDelta::seconds(20));
        assert_eq!(recent.get("a", Time::default(), async { Err::<i32, _>("no") }).await, Err("no"));
        assert_eq!(recent.get("a", Time::default(), async { Ok::<_, &str>(1) }).await, Ok(1));
    }
}
