//! An answer as it came, and its body as what it should be.

use super::text::excerpt;
use crate::poll::SourceError;
use crate::text::clean;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

/// Status, headers and the whole body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as `T`. Content types are not looked at: half of the vendors send wrong ones.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SourceError> {
        decode(&self.body)
    }
}

/// A body as `T`; what cannot be read is named by its beginning.
pub(crate) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SourceError> {
    serde_json::from_slice(body).map_err(|error| {
        SourceError::BadAnswer(match body.trim_ascii_start().first() {
            None => "empty where JSON was expected".to_owned(),
            Some(b'{' | b'[') if error.is_data() => clean(&error.to_string()),
            Some(b'{' | b'[') => format!("broken JSON: {}", clean(&error.to_string())),
            Some(b'<') => format!("HTML where JSON was expected, perhaps a sign-in page: {}", excerpt(body)),
            Some(_) => format!("not JSON: {}", excerpt(body)),
        })
    })
}
