//! An answer to somebody who orders things: its status whatever it is, and what it says.

use super::{Http, Lost, message_in};
use crate::deploy::{Time, brief};
use chrono::TimeDelta;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;

/// An answer, whatever its status.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body; `Null` where it is not JSON.
    pub(crate) body: Value,
    /// What an error body says, on one line.
    pub(crate) said: String,
    /// The `Retry-After` of the answer, where it has one.
    wait: Option<TimeDelta>,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Where a redirect points.
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// The text for a rate limit that was hit.
    pub(crate) fn too_many(&self) -> String {
        match self.wait {
            Some(wait) => format!("takes no more requests for {}", brief(wait)),
            None => "takes no more requests for a while".to_owned(),
        }
    }

    /// How long to back off, in words: what the answer asks for, else a minute.
    pub(crate) fn describe_wait(&self) -> String {
        self.wait.map_or_else(|| "a minute".to_owned(), brief)
    }
}

impl Http {
    /// Sends, once, and takes any answer.
    pub(crate) async fn reply(&self, request: RequestBuilder, now: Time) -> Result<Reply, Lost> {
        let answer = self.exchange(request).await?;
        let said = if answer.status.is_redirection() {
            "it redirects: a sign-in page stands in front, or the url is not the final one".to_owned()
        } else {
            message_in(&answer.body)
        };
        Ok(Reply {
            status: answer.status.as_u16(),
            wait: self.wait(&answer, now),
            body: serde_json::from_slice(&answer.body).unwrap_or_default(),
            said,
            headers: answer.headers,
        })
    }
}
