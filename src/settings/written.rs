//! Values that are written as a text and read by a function.

use serde::de::{Error, Visitor};
use std::fmt;

/// Reads such a text. What is wrong with one has the way out on a second line, see `parse`.
pub(crate) struct Written<T> {
    /// What should stand there: `a duration in quotes, such as "30s"`.
    pub(crate) expected: &'static str,
    /// Reads it; the error is a sentence without a full stop.
    pub(crate) read: fn(&str) -> Result<T, String>,
    /// How to write it.
    pub(crate) way_out: &'static str,
}

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(|why| E::custom(format!("{why}\n{}", self.way_out)))
    }
}
