//! One watch that never ends: what it says, and between two failures how long it waits.

use super::kept::{Budget, Kept};
use super::objects;
use crate::clock::Clock;
use crate::cluster::{TooLarge, source_error, status_error, timed_out};
use crate::deploy::Time;
use crate::poll::SourceError;
use chrono::TimeDelta;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use kube::Resource;
use kube::api::Api;
use kube::core::ObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;

/// The server ends each watch after so many seconds, and a connection on which nothing at all came for five
/// seconds more counts as dead. The usual five minutes are half of the time within which a crash loop should be seen.
const WATCH_SECONDS: u32 = 60;
/// The first wait after a failure that is worth a wait, and the longest.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(1);
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(30);
/// Failures further apart than this have nothing to do with each other.
const UNRELATED: TimeDelta = TimeDelta::minutes(2);
/// So many ordinary failures are retried silently: a laptop that wakes up meets a broken connection
/// and then a version that is gone.
const SILENT_RETRIES: u32 = 2;
/// So many objects are asked for in a page of a list, and so many where a page of these is too large to be read. Two
/// objects of the largest size that an API server takes can be.
const PAGE: u32 = 100;
const SMALLER_PAGES: [u32; 2] = [10, 2];
/// Annotations that are longer than this in bytes, and more of them than this, are not kept.
const LONGEST_ANNOTATION: usize = 1 << 10;
const MOST_ANNOTATIONS: usize = 200;

/// What a watch needs to be begun, and begun again.
pub(super) struct Feed<K> {
    /// Of what.
    pub api: Api<K>,
    /// Which of them; see [`selected`].
    pub config: watcher::Config,
    /// By which waits are measured.
    pub clock: Clock,
    /// A page of a list may take this long.
    pub page_timeout: Duration,
    /// What is kept of it, and the limits of it.
    pub bounds: Bounds,
}

/// The limits of a watch.
pub(super) struct Bounds {
    /// What it delivers, in words: `pods in production`.
    pub what: String,
    /// So many objects at most.
    pub most: usize,
    /// How much all watches of the cluster may keep.
    pub budget: Budget,
    /// Whether its objects are kept.
    pub is_kept: bool,
    /// Which of its objects are wanted: the others are counted where they are listed, and dropped.
    pub is_wanted: Box<dyn Fn(&ObjectMeta) -> bool + Send>,
}

/// Why a watch does not go on as it should.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There are more objects than are watched together.
    TooMuch(SourceError),
    /// Anything else.
    Failed(SourceError),
}

impl Trouble {
    /// What to tell of it.
    pub(super) fn error(self) -> SourceError {
        match self {
            Self::TooMuch(error) | Self::Failed(error) => error,
        }
    }
}

/// The configuration of a watch of whatever matches these selectors.
pub(super) fn selected(labels: Option<String>, fields: Option<String>) -> watcher::Config {
    watcher::Config { label_selector: labels, field_selector: fields, ..watcher::Config::default() }
        .timeout(WATCH_SECONDS)
        .page_size(PAGE)
}

/// The watch as a stream without an end.
///
/// A connection that breaks and a resource version that is gone (410) are ordinary: at first nobody hears of
/// it, and the watch goes on or the list is read again at once. Any other failure, or too many of these, is told
/// as an `Err`; then the list is read again after a wait, so that `InitDone` is the proof that all is well. So is more
/// than the bounds, and nothing of what was too much is told.
pub(super) fn listen<K>(feed: Feed<K>) -> impl Stream<Item = Result<Event<K>, Trouble>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let failed_at = feed.clock.now();
    let Bounds { what, most, budget, .. } = &feed.bounds;
    let kept = Kept::new(budget.clone(), what.clone(), *most);
    let watch = begin(&feed);
    let listener = Listener { watch, feed, kept, listed: 0, is_listing: true, failures: 0, failed_at, wait: None };
    stream::unfold(listener, |mut listener| async move { Some((listener.next().await, listener)) })
}

struct Listener<K> {
    feed: Feed<K>,
    watch: BoxStream<'static, watcher::Result<Event<K>>>,
    kept: Kept,
    /// Objects of the list that is being read.
    listed: usize,
    is_listing: bool,
    failures: u32,
    failed_at: Time,
    wait: Option<TimeDelta>,
}

fn begin<K>(feed: &Feed<K>) -> BoxStream<'static, watcher::Result<Event<K>>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(feed.api.clone(), feed.config.clone()).boxed()
}

impl<K> Listener<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    async fn next(&mut self) -> Result<Event<K>, Trouble> {
        loop {
            if let Some(wait) = self.wait.take() {
                self.feed.clock.sleep(wait).await;
            }
            let next = self.watch.next();
            // Only a watch may be silent: a list that does not come is a server that does not answer.
            let said =
                if self.is_listing { tokio::time::timeout(self.feed.page_timeout, next).await } else { Ok(next.await) };
            let failure = match said {
                Ok(Some(Ok(mut event))) => match self.take(&mut event) {
                    Ok(true) => return Ok(event),
                    Ok(false) => continue,
                    Err(error) => Failure { error, kind: FailureKind::TooMuch },
                },
                Ok(Some(Err(error))) => Failure::of(&error),
                Ok(None) => {
                    let error = SourceError::unreachable("the watch ended".to_owned());
                    Failure { error, kind: FailureKind::Ordinary }
                }
                Err(_) => Failure { error: timed_out(self.feed.page_timeout), kind: FailureKind::Persistent },
            };
            if let Some(error) = self.fail(failure) {
                return Err(error);
            }
        }
    }

    /// Trims and counts what came, and says whether to tell it; the error when it is too much.
    fn take(&mut self, event: &mut Event<K>) -> Result<bool, SourceError> {
        let Bounds { what, most, is_kept, is_wanted, .. } = &self.feed.bounds;
        match event {
            Event::Init => {
                (self.is_listing, self.listed) = (true, 0);
                self.kept.begin();
            }
            Event::InitApply(object) => {
                self.listed += 1;
                if self.listed > *most {
                    self.kept.begin();
                    return Err(SourceError::BadAnswer(format!("more than {most} {what}: too many to watch")));
                }
                if !is_wanted(object.meta()) {
                    return Ok(false);
                }
                trim(object);
                if *is_kept {
                    self.kept.arrive(objects::uid(object.meta()), object)?;
                }
            }
            Event::InitDone => {
                self.is_listing = false;
                self.kept.complete();
            }
            Event::Apply(object) if is_wanted(object.meta()) => {
                trim(object);
                if *is_kept {
                    self.kept.apply(objects::uid(object.meta()), object)?;
                }
            }
            Event::Delete(object) if is_wanted(object.meta()) => {
                trim(object);
                self.kept.delete(objects::uid(object.meta()));
            }
            // One that was wanted and has other labels now is told: whoever had it has it no more.
            Event::Apply(object) | Event::Delete(object) => {
                trim(object);
                return Ok(self.kept.delete(objects::uid(object.meta())));
            }
        }
        Ok(true)
    }

    /// Decides what comes after a failure; `None` when it is not worth reporting.
    fn fail(&mut self, failure: Failure) -> Option<Trouble> {
        let page = self.feed.config.page_size.unwrap_or(u32::MAX);
        let smaller = SMALLER_PAGES.into_iter().find(|smaller| *smaller < page);
        if let (FailureKind::TooLarge, true, Some(smaller)) = (failure.kind, self.is_listing, smaller) {
            // Perhaps it is a page of large objects.
            self.feed.config.page_size = Some(smaller);
            self.watch = begin(&self.feed);
            return None;
        }
        let now = self.feed.clock.now();
        if now - self.failed_at > UNRELATED {
            self.failures = 0;
        }
        self.failures += 1;
        self.failed_at = now;
        if failure.kind == FailureKind::Ordinary && self.failures <= SILENT_RETRIES {
            return None;
        }
        self.watch = begin(&self.feed);
        self.is_listing = true;
        self.wait = Some(wait(self.failures, &failure.error));
        Some(match failure.kind {
            FailureKind::TooMuch => Trouble::TooMuch(failure.error),
            FailureKind::Ordinary | FailureKind::Persistent | FailureKind::TooLarge => Trouble::Failed(failure.error),
        })
    }
}

struct Failure {
    error: SourceError,
    kind: FailureKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// Such as happens to every connection.
    Ordinary,
    /// Worth reporting at once.
    Persistent,
    /// One answer, or one line, is larger than what is read.
    TooLarge,
    /// All of it together is more than what is kept.
    TooMuch,
}

impl Failure {
    fn of(error: &watcher::Error) -> Self {
        use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
        let kind = |is_ordinary| if is_ordinary { FailureKind::Ordinary } else { FailureKind::Persistent };
        match error {
            WatchError(status) => Self { error: status_error(status), kind: kind(status.code == 410) },
            InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
                let kind = match error {
                    kube::Error::Api(status) => kind(status.code == 410),
                    error if TooLarge::behind(error).is_some() => FailureKind::TooLarge,
                    _ => FailureKind::Ordinary,
                };
                Self { error: source_error(error), kind }
            }
            NoResourceVersion => {
                let text = "the list has no resource version: it cannot be watched".to_owned();
                Self { error: SourceError::BadAnswer(text), kind: FailureKind::Persistent }
            }
        }
    }
}

/// How long to back off: doubled with each failure, never two clients in step, and never less than was asked.
fn wait(failures: u32, error: &SourceError) -> TimeDelta {
    let doubled = FIRST_WAIT * 2_i32.pow(failures.saturating_sub(1).min(5));
    let jitter = 0.75 + fastrand::f64() * 0.25;
    let wait = TimeDelta::milliseconds((doubled.min(LONGEST_WAIT).num_milliseconds() as f64 * jitter) as i64);
    match error {
        SourceError::RateLimited { retry_after: Some(asked) } => wait.max(*asked),
        _ => wait,
    }
}

/// Drops what is never read and can be larger than the rest.
fn trim<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    objects::managers::keep_the_templates(metadata);
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        let mut left = MOST_ANNOTATIONS;
        annotations.retain(|_, value| {
            left = left.saturating_sub(1);
            left > 0 && value.len() <= LONGEST_ANNOTATION
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_keep_what_was_asked() {
        let down = SourceError::Timeout(1);
        for (failures, longest) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)] {
            let wait = wait(failures, &down);
            assert!(wait <= TimeDelta::seconds(longest) && wait >= TimeDelta::seconds(longest) * 3 / 4, "{wait}");
        }
        let asked = SourceError::RateLimited { retry_after: Some(TimeDelta::seconds(90)) };
        assert_eq!(wait(1, &asked), TimeDelta::seconds(90));
    }
}
