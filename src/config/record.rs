//! `[record]`: whether watches are recorded, and how long and how much of it is kept.

use super::at::At;
use super::duration::{PATTERN, parse_up_to};
use crate::records::Keep;
use crate::settings::written::Written;
use chrono::TimeDelta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// The longest that anybody keeps a record.
const LONGEST: TimeDelta = TimeDelta::days(3650);
/// Less than this is not enough for one watch of twenty services while it runs, in bytes.
const LEAST: u64 = 100_000_000;

/// What is done about records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// Whether none is kept of a watch that begins.
    pub off: bool,
    /// How long, and how much.
    pub keep: Keep,
}

/// Records of watches.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// How long the record of a watch is kept; default `90d`.
    keep: Option<At<Age>>,
    /// How much room all of them may take, the oldest go first; default `1GB`.
    max: Option<At<Size>>,
    /// `true`: no watch is recorded, and none can be resumed; default `false`.
    off: Option<bool>,
}

impl Record {
    pub(super) fn settings(&self) -> RecordSettings {
        let usual = Keep::default();
        RecordSettings {
            off: self.off.unwrap_or_default(),
            keep: Keep {
                age: self.keep.as_ref().map_or(usual.age, |keep| keep.0),
                room: self.max.as_ref().map_or(usual.room, |max| max.0),
            },
        }
    }
}

/// For how long: `90d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Age(TimeDelta);

/// How much: `1GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size(u64);

/// A size as people write it. The error is a sentence without a full stop.
fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("MB", 1_000_000), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let bad = |why: &str| Err(format!("invalid size `{text}`: {why}"));
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let Ok(number) = text[..digits].parse::<u64>() else { return bad("a whole number must stand before the unit") };
    let unit = text[digits..].trim_start();
    let Some((_, bytes)) = UNITS.into_iter().find(|(known, _)| *known == unit) else {
        return bad(if unit.is_empty() { "a unit is missing" } else { "units are MB, GB, MiB and GiB" });
    };
    match number.checked_mul(bytes) {
        Some(size) if size >= LEAST => Ok(size),
        Some(_) => bad("one watch may take 100MB"),
        None => bad("there is no such disk"),
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written {
            expected: "a duration in quotes, such as \"90d\"",
            read: |text| parse_up_to(text, LONGEST).map(Self),
            way_out: "write it like \"12h\" or \"90d\"",
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written {
            expected: "a size in quotes, such as \"1GB\"",
            read: |text| parse_size(text).map(Self),
            way_out: "write it like \"500MB\" or \"1GB\"",
        })
    }
}

impl JsonSchema for Age {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Age".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "examples": ["30d", "90d"] })
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ ?(MB|GB|MiB|GiB)$", "examples": ["500MB", "1GB"] })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_is_read_as_it_is_written() {
        assert_eq!(parse_size("1GB"), Ok(1_000_000_000));
        assert_eq!(parse_size("500 MiB"), Ok(500 << 20));
        for (text, why) in [
            ("", "a whole number must stand before the unit"),
            ("1.5GB", "units are MB, GB, MiB and GiB"),
            ("1", "a unit is missing"),
            ("1gb", "units are MB, GB, MiB and GiB"),
            ("99MB", "one watch may take 100MB"),
            ("99999999999999GB", "there is no such disk"),
        ] {
            assert_eq!(parse_size(text), Err(format!("invalid size `{text}`: {why}")));
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_size_that_is_not_one(text in "\\PC{0,12}") {
            if let Ok(size) = parse_size(&text) {
                prop_assert!(size >= LEAST && text.starts_with(|sign: char| sign.is_ascii_digit()));
            }
        }
    }
}
