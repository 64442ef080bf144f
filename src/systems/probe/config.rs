//! The specification of a probe. It has no table of its own: each signal of the kind probe makes one.

use super::Probe;
use crate::net::Endpoint;
use crate::poll::SourceError;
use crate::signal::SignalId;
use crate::systems::api::{Polled, Source};
use crate::systems::questions::Question;

/// One address that must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSpec {
    /// Where; asked with GET, without credentials. The timeout counts as a failure.
    pub endpoint: Endpoint,
    /// The signal it feeds: milliseconds, or [`crate::signal::Sample::Empty`] for a failed try.
    pub signal: SignalId,
    /// The status that is expected; `None` means any 2xx.
    pub status: Option<u16>,
}

impl Polled for ProbeSpec {
    /// Its address is its question.
    fn ask(&mut self, _: Question) {}

    fn build(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Probe::new(self.clone())?))
    }
}
