//! Probe.

use super::spec::ProbeSpec;
use super::{CheckLine, Source};
use crate::poll::{Poll, PollRequest, SourceError};
use futures_util::future::BoxFuture;

/// Reads Probe.
pub struct Probe {
    spec: ProbeSpec,
}

impl Probe {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: ProbeSpec) -> Result<Self, SourceError> {
        Ok(Self { spec })
    }
}

impl Source for Probe {
    fn poll<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        let _ = &self.spec;
        Box::pin(async { Err(SourceError::Unreachable("not built yet".to_owned())) })
    }

    fn check<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(async { Vec::new() })
    }
}
