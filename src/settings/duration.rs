//! Durations as people write them: `15s`, `30m`, `1h30m`.

use super::written::Written;
use chrono::TimeDelta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest duration; anything above is a mistake.
const LONGEST: TimeDelta = TimeDelta::days(30);

/// Parses a duration: whole numbers with the units `ms`, `s`, `m`, `h` and `d`, largest first.
/// The error is a sentence without a full stop.
///
/// ```
/// use redflag::config::parse_duration;
/// assert_eq!(parse_duration("1h30m").unwrap().num_minutes(), 90);
/// assert!(parse_duration("90").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    parse_up_to(text, LONGEST)
}

/// The same up to another length, in whole days.
pub(crate) fn parse_up_to(text: &str, longest: TimeDelta) -> Result<TimeDelta, String> {
    const UNITS: [(&str, i64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let bad = |why: &str| Err(format!("invalid duration `{text}`: {why}"));
    if text.is_empty() {
        return bad("it is empty");
    }
    let mut rest = text;
    let mut total = TimeDelta::zero();
    let mut smallest = i64::MAX;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(number) = rest[..digits].parse::<i64>() else {
            return bad("a whole number must come before each unit");
        };
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let unit = &rest[..letters];
        let Some((_, milliseconds)) = UNITS.into_iter().find(|(known, _)| *known == unit) else {
            if unit.is_empty() {
                return bad(if rest.starts_with('.') {
                    "write a smaller unit in place of a fraction"
                } else {
                    "a unit is missing"
                });
            }
            // `sec`, `mins`, `H`: what it begins with is what it means.
            let lower = unit.to_ascii_lowercase();
            let mut known = UNITS.into_iter().map(|(known, _)| known);
            let near = known.find(|known| lower.starts_with(known) && !lower.starts_with("mo"));
            let near =
                near.map_or_else(|| "units are ms, s, m, h and d".to_owned(), |near| format!("did you mean `{near}`?"));
            return bad(&format!("unknown unit `{unit}`, {near}"));
        };
        if milliseconds >= smallest {
            return bad("the larger unit comes first, and each only once");
        }
        smallest = milliseconds;
        rest = &rest[letters..];
        let part = number.checked_mul(milliseconds).and_then(TimeDelta::try_milliseconds);
        match part.and_then(|part| total.checked_add(&part)) {
            Some(sum) if sum <= longest => total = sum,
            _ => return bad(&format!("it is longer than {} days", longest.num_days())),
        }
    }
    Ok(total)
}

/// A duration in the shortest form that [`parse_duration`] reads back.
pub(crate) fn format_duration(span: TimeDelta) -> String {
    const STEPS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let mut left = span.num_milliseconds();
    let mut out = String::new();
    for (step, unit) in STEPS {
        if left >= step {
            let _ = write!(out, "{}{unit}", left / step);
            left %= step;
        }
    }
    if left > 0 || out.is_empty() {
        let _ = write!(out, "{left}ms");
    }
    out
}

/// What a duration looks like, as a regular expression for editors.
pub(crate) const PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// A duration in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HumanDuration(pub(crate) TimeDelta);

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written {
            expected: "a duration in quotes, such as \"30s\" or \"5m\"",
            read: |text| parse_duration(text).map(Self),
            way_out: "write it like \"500ms\", \"30s\", \"5m\" or \"1h30m\"",
        })
    }
}

impl JsonSchema for HumanDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HumanDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "examples": ["500ms", "30s", "1h30m"] })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_is_written() {
        for (text, seconds) in [("15s", 15), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
        assert_eq!(parse_duration("1s500ms"), Ok(TimeDelta::milliseconds(1500)));
    }

    #[test]
    fn what_is_not_a_length_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "it is empty"),
            ("15", "a unit is missing"),
            ("s", "a whole number must come before each unit"),
            ("-5s", "a whole number must come before each unit"),
            ("1.5h", "write a smaller unit in place of a fraction"),
            ("5 m", "a unit is missing"),
            ("5parsecs", "unknown unit `parsecs`, units are ms, s, m, h and d"),
            ("15sec", "unknown unit `sec`, did you mean `s`?"),
            ("5min", "unknown unit `min`, did you mean `m`?"),
            ("5msecs", "unknown unit `msecs`, did you mean `ms`?"),
            ("30s1m", "the larger unit comes first, and each only once"),
            ("5m5m", "the larger unit comes first, and each only once"),
            ("31d", "it is longer than 30 days"),
            ("99999999999999999d", "it is longer than 30 days"),
        ] {
            assert_eq!(parse_duration(text), Err(format!("invalid duration `{text}`: {why}")));
        }
    }

    #[test]
    fn a_length_is_written_as_it_is_read() {
        for text in ["0ms", "500ms", "15s", "30m", "1h30m", "1d1s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
