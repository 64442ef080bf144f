//! What every adapter needs to talk to the outside over HTTP: the endpoint, its credentials, and the one client.

pub(crate) mod connection;
pub mod http;

use crate::secret::Secret;
use std::time::Duration;

/// Where a source is and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The source's name in the configuration, for errors.
    pub name: String,
    /// Base address, without a trailing slash; may contain a path.
    pub url: String,
    /// The whole of one exchange may take this long.
    pub timeout: Duration,
}

/// How redflag authenticates to a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Without credentials.
    None,
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
}
