//! A request and what can come back: an answer, or none, and then whether the request may have got there.

use super::Cluster;
use super::bounded::TooLarge;
use crate::rollback::destination::text::one_line;
use http::Request;
use serde_json::Value;
use std::error::Error as StdError;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What the API server, or a proxy in front of it, said.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The JSON body; `Null` for any other, or when it broke off.
    pub(crate) body: Value,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// The body was larger than what is read of one.
    pub(crate) too_large: Option<TooLarge>,
}

impl Reply {
    /// Whether it was done.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The server's own sentence, fit for one line of a screen. A page of a proxy in front is not repeated.
    pub(crate) fn said(&self) -> String {
        match (self.too_large, self.message()) {
            (Some(too_large), _) => too_large.to_string(),
            (None, Some(message)) => one_line(message),
            (None, None) => "no reason given".to_owned(),
        }
    }

    /// The message of a `Status`; `None` when something else than an API server answered.
    pub(crate) fn message(&self) -> Option<&str> {
        self.body["message"].as_str().filter(|message| !message.is_empty())
    }
}

/// Why there is no answer. Texts come from causes, never from headers or addresses.
#[derive(Debug, Clone)]
pub(crate) enum Lost {
    /// The request never left: it cannot have done anything.
    NotSent(String),
    /// It may have arrived.
    Unknown(String),
}

impl Lost {
    pub(crate) fn reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Unknown(reason) => reason,
        }
    }
}

impl Cluster {
    /// Makes one request, once, within the cluster's time.
    ///
    /// An answer counts as soon as its status has arrived: a success whose body then breaks off is a success.
    pub(crate) async fn ask(&self, request: Request<Vec<u8>>) -> Result<Reply, Lost> {
        let deadline = Instant::now() + self.timeout;
        let response = match timeout_at(deadline, self.client.send(request.map(Into::into))).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(lost(&error)),
            Err(_) => return Err(Lost::Unknown(format!("no answer within {}", seconds(self.timeout)))),
        };
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let (body, too_large) = match timeout_at(deadline, response.into_body().collect_bytes()).await {
            Ok(Ok(bytes)) => (serde_json::from_slice(&bytes).unwrap_or_default(), None),
            Ok(Err(error)) => (Value::Null, TooLarge::behind(&error)),
            Err(_) => (Value::Null, None),
        };
        let retry_after = header.or_else(|| body["details"]["retryAfterSeconds"].as_u64());
        Ok(Reply { status, body, retry_after, too_large })
    }
}

/// Tells a request that never left from one that may have arrived; in doubt it may have.
fn lost(error: &kube::Error) -> Lost {
    match error {
        // The text of a failed login may hold the plugin's environment: it is not repeated.
        kube::Error::Auth(_) => Lost::NotSent("cannot renew the cluster credentials".to_owned()),
        kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => {
            Lost::NotSent("cannot build the request".to_owned())
        }
        kube::Error::Service(error) => {
            let reason = innermost(error.as_ref());
            if is_connect(error.as_ref()) { Lost::NotSent(reason) } else { Lost::Unknown(reason) }
        }
        kube::Error::HyperError(error) => Lost::Unknown(innermost(error)),
        _ => Lost::Unknown("the response was cut off".to_owned()),
    }
}

/// Whether the connection itself failed. The HTTP client's own error type says so only in its text; should
/// that ever change, the outcome counts as unknown and is read back, which is slower and still true.
fn is_connect(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string() == "client error (Connect)")
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn seconds(span: Duration) -> String {
    if span.as_secs() == 0 { format!("{} ms", span.as_millis()) } else { format!("{} s", span.as_secs()) }
}
