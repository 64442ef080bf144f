//! What a system that is read is to everybody else: a [`Source`] is asked at intervals, a [`Streamed`] tells by itself.
//! No system is named here.

pub mod strategy;

use super::questions::Question;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::spec::ClusterSpec;
use crate::message::Message;
use crate::poll::{Poll, PollRequest, SourceError};
use crate::signal::{Point, SignalId, SourceId};
use futures_util::future::BoxFuture;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The specification of one source, with its secrets, and how it delivers.
#[derive(Debug)]
pub enum SourceSpec {
    /// It is asked.
    Polled(Box<dyn Polled>),
    /// It tells by itself.
    Streamed(Arc<dyn Streamed>),
}

impl SourceSpec {
    /// What a system of a known kind is told, for whoever looks at it.
    pub fn told<T: Any>(&self) -> Option<&T> {
        let told: &dyn Any = match self {
            Self::Polled(polled) => polled.as_ref(),
            Self::Streamed(streamed) => streamed.as_ref(),
        };
        told.downcast_ref()
    }
}

/// What a polled source is told: where it is, how it knows us, and its questions.
pub trait Polled: Any + Debug + Send + Sync {
    /// One more question. What the system does not answer it is never asked (see `System::answers`).
    fn ask(&mut self, question: Question);

    /// Makes the adapter; connects to nothing.
    fn build(&self) -> Result<Box<dyn Source>, SourceError>;
}

/// What a streamed source is told. It keeps a connection instead of being asked, and owes the same as a [`Source`]: no
/// secret in a log, a bound on all that it holds, an error for what it does not know. Silence proves nothing, so it makes
/// sure by itself that it would hear; the watch takes what is silent for longer than its interval for unknown.
pub trait Streamed: Any + Debug + Send + Sync {
    /// The cluster that it speaks of; others (strategies, the lease) use the same connection.
    fn cluster(&self) -> &ClusterSpec;

    /// Tells of its workloads until nobody listens any more: runs until it is cancelled.
    fn stream(
        &self,
        source: SourceId,
        cluster: Cluster,
        clock: Clock,
        out: mpsc::Sender<Message>,
    ) -> BoxFuture<'static, ()>;

    /// Tries the connection, permissions and each workload once, for `redflag check`.
    fn check(&self) -> BoxFuture<'_, Vec<CheckLine>>;
}

/// A system that is asked at intervals. One question at a time; the caller paces it and owns the back-off.
///
/// # What an adapter promises
///
/// **Time.** A poll ends: each exchange by itself takes no longer than the endpoint's `timeout` (`Http` sees to it), and
/// what tells that more questions would be useless ends the poll (`fail_fast`). Dropping the future is
/// allowed at any moment and leaves nothing half done. An adapter has no clock: what is "now" is `request.to`. It waits
/// for nothing but answers, and repeats no question; the caller asks again at the next interval.
///
/// **Errors.** `Err` says that nothing at all is known, and why; a failure of some questions stands in `failed`, by its
/// signal. Which [`SourceError`] it is matters more than its text: each is handled differently by the watch and by the
/// screen. A text is one line, in the system's own words, cut and cleaned ([`crate::text::clean`]).
///
/// **Parts.** A part of an answer is no answer: a shard that is missing, a limit that was reached, a result that was cut
/// make it [`SourceError::Partial`]. No reading is made up. A bin that the system did not answer for is left out, an
/// answer without series is what it is (`Empty` only where the system says so), and what is no number is told as such.
/// Bins that may still change (`ingestion`, `settles`) are not told. What was handed over early is repeated in the end.
///
/// **What is never logged.** No secret, not even inside of an error: headers with credentials are marked sensitive, and
/// each [`Secret`](crate::secret::Secret) is known to the scrubber from the moment it is made. No body: texts of an answer
/// reach people through `short` and `message_in` alone. No query of an address; an error names the host.
///
/// **Bounds.** Whatever comes from outside has an end: bytes of a body (`BODY_LIMIT`), items of a list, characters of a
/// text, questions at a time (`AT_ONCE`). A limit that is reached is said.
///
/// **What is shared.** The HTTP client, and with it connections, is one for all. What an adapter learns between polls
/// (scrape distances, units, ids) is its own, behind locks that are never held across an `await`; it may be wrong or lost
/// at any time and only costs a question. Adapters do not know each other: what two need is in `systems::shared`.
pub trait Source: Send + Sync {
    /// Asks for everything its signals need since `request.from`. What asks several questions hands over what is known of
    /// some signals while others are still being asked; what is returned in the end is the whole, parts included.
    fn poll_early<'a>(&'a self, request: &'a PollRequest, early: &'a Early)
    -> BoxFuture<'a, Result<Poll, SourceError>>;

    /// The same, for whoever wants the whole only.
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async move { self.poll_early(request, &Early::nobody()).await })
    }

    /// Asks for the series of the wanted signals in a span that is long over: `request.to` is its end, and not now. No
    /// alerts, no issues. It may be asked beside a poll. A system that keeps no such past, or keeps it under another name,
    /// tells nothing: that is what it does by default, and nobody's fault.
    fn past<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        Box::pin(async { Ok(Poll::default()) })
    }

    /// Tries reachability, credentials and each query once, for `redflag check`.
    fn check<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>>;
}

/// Where a source hands over parts of an answer. At most one part for each query, so that no bound is needed.
#[derive(Debug)]
pub struct Early(Option<mpsc::UnboundedSender<Poll>>);

impl Early {
    /// One that somebody listens to.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Poll>) {
        let (out, parts) = mpsc::unbounded_channel();
        (Self(Some(out)), parts)
    }

    /// One for whoever wants the whole only.
    pub fn nobody() -> Self {
        Self(None)
    }

    /// Hands a part over: points alone, for failures and warnings belong to the whole.
    pub(crate) fn tell(&self, part: impl FnOnce() -> Poll) {
        if let Some(out) = &self.0 {
            // Whoever listened may have left; the whole is nobody's any more, either.
            let _ = out.send(part());
        }
    }
}

/// One line of `redflag check`.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckLine {
    /// What was tried: `grafana: token`.
    pub what: String,
    /// What came of it: a remark, or the reason and the way out.
    pub result: Result<String, CheckFailure>,
    /// What there is to know of something that works, with the way out.
    pub warning: Option<String>,
    /// The signal whose question it was, where it was one.
    pub signal: Option<SignalId>,
    /// What that question was answered with.
    pub seen: Seen,
}

/// What a signal's question was answered with, in the time that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Seen {
    /// It was not asked, or not answered.
    #[default]
    Untried,
    /// With no value at all.
    Nothing,
    /// With these values, in the signal's unit.
    Values {
        /// The newest.
        now: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
}

impl Seen {
    /// What is seen of a signal by its points.
    pub(crate) fn of(points: &[Point]) -> Self {
        let mut seen = Self::Nothing;
        for value in points.iter().filter_map(|(_, sample)| sample.value()) {
            seen = match seen {
                Self::Values { least, most, .. } => {
                    Self::Values { now: value, least: least.min(value), most: most.max(value) }
                }
                Self::Untried | Self::Nothing => Self::Values { now: value, least: value, most: value },
            };
        }
        seen
    }
}

impl CheckLine {
    /// Something that was tried, and what came of it.
    pub fn new(what: impl Into<String>, result: Result<String, CheckFailure>) -> Self {
        Self { what: what.into(), result, warning: None, signal: None, seen: Seen::Untried }
    }

    /// That it was a signal's question.
    #[must_use]
    pub fn about(self, signal: SignalId, seen: Seen) -> Self {
        Self { signal: Some(signal), seen, ..self }
    }
}

/// Why a check failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// One sentence.
    pub reason: String,
    /// One sentence.
    pub way_out: String,
}
