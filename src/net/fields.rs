//! Fields of an untrusted JSON body, made fit for people.

use super::http::clean;
use crate::deploy::Time;
use serde_json::Value;

/// A text or a number; `?` where it is missing.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        _ => "?".to_owned(),
    }
}

/// An address that a person can open; anything else than the web is left out.
pub(crate) fn link(value: &Value) -> Option<String> {
    let link = clean(value.as_str()?);
    is_web(&link).then_some(link)
}

/// Whether an address leads to a page, and to nothing else that a browser might do.
pub(crate) fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

/// A moment as RFC 3339 writes it.
pub(crate) fn moment(value: &Value) -> Option<Time> {
    chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}
