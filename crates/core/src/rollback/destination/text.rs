//! Untrusted texts and times, made fit for one line of a screen.

use crate::deploy::Time;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// An untrusted text on one line, without control characters and not longer than people read.
pub fn one_line(text: &str) -> String {
    const ENOUGH: usize = 400;
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `2026-11-23 02:09 UTC`: a moment, not an age, because nothing here knows the time.
pub fn moment(time: Time) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The API's own way to write a moment; `None` for anything else.
pub fn time(value: &Value) -> Option<Time> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.with_timezone(&Utc))
}

/// A value's items; none for anything but a list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// `ConfigMap app`, `ConfigMaps app, flags`.
pub fn named(kind: &str, names: &[&str]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{kind}{plural} {}", names.join(", "))
}
