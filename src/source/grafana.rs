//! Grafana.

use super::spec::GrafanaSpec;
use super::{CheckLine, Source};
use crate::poll::{Poll, PollRequest, SourceError};
use futures_util::future::BoxFuture;

/// Reads Grafana.
pub struct Grafana {
    spec: GrafanaSpec,
}

impl Grafana {
    /// Makes the adapter; connects to nothing.
    pub fn new(spec: GrafanaSpec) -> Result<Self, SourceError> {
        Ok(Self { spec })
    }
}

impl Source for Grafana {
    fn poll<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Result<Poll, SourceError>> {
        let _ = &self.spec;
        Box::pin(async { Err(SourceError::Unreachable("not built yet".to_owned())) })
    }

    fn check<'a>(&'a self, _request: &'a PollRequest) -> BoxFuture<'a, Vec<CheckLine>> {
        Box::pin(async { Vec::new() })
    }
}
