//! Systems that are read: [`Source`], and what each is told to read ([`spec`]).

pub mod datadog;
pub mod grafana;
pub mod http;
pub mod kubernetes;
pub mod probe;
pub mod prometheus;
pub mod sentry;
pub mod spec;

mod check;
mod patience;
mod promql;
mod rules;
mod scrape;
mod series;
mod silences;
mod units;
mod variables;

use crate::poll::{Poll, PollRequest, SourceError};
use futures_util::future::BoxFuture;
use spec::SourceSpec;
use tokio::sync::mpsc;

/// A system that is asked at intervals. One question at a time; the caller paces it and owns the back-off.
pub trait Source: Send + Sync {
    /// Asks for everything its signals need since `request.from`.
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>>;

    /// The same, and hands over what is known of some signals while others are still being asked. What is returned in
    /// the end is the whole, parts included.
    fn poll_early<'a>(
        &'a self,
        request: &'a PollRequest,
        _early: &'a Early,
    ) -> BoxFuture<'a, Result<Poll, SourceError>> {
        self.poll(request)
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLine {
    /// What was tried: `grafana: token`.
    pub what: String,
    /// What came of it: a remark, or the reason and the way out.
    pub result: Result<String, CheckFailure>,
    /// What there is to know of something that works, with the way out.
    pub warning: Option<String>,
}

/// Why a check failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// One sentence.
    pub reason: String,
    /// One sentence.
    pub way_out: String,
}

/// Makes the adapter of a polled source; `None` for the cluster, which streams.
pub fn build(spec: &SourceSpec) -> Result<Option<Box<dyn Source>>, SourceError> {
    Ok(Some(match spec {
        SourceSpec::Grafana(spec) => Box::new(grafana::Grafana::new(spec.clone())?),
        SourceSpec::Prometheus(spec) => Box::new(prometheus::Prometheus::new(spec.clone())?),
        SourceSpec::Sentry(spec) => Box::new(sentry::Sentry::new(spec.clone())?),
        SourceSpec::Datadog(spec) => Box::new(datadog::Datadog::new(spec.clone())?),
        SourceSpec::Probe(spec) => Box::new(probe::Probe::new(spec.clone())?),
        SourceSpec::Kubernetes(_) => return Ok(None),
    }))
}
