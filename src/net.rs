//! What every adapter needs to talk to the outside over HTTP: the endpoint, its credentials, and the one client.

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod fields;
pub mod http;
pub(crate) mod recent;

use crate::deploy::Time;
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

/// A text that no other order has, by which its receiver knows that it has seen it: `$id`.
pub(crate) fn fresh_id(now: Time) -> String {
    format!("redflag-{:x}-{:06x}", now.timestamp(), fastrand::u32(..1 << 24))
}
