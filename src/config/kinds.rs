//! What may be written for a signal's kind, unit and limits, and what follows from it.

use super::problem::{list, nearest};
use crate::signal::{BurnRate, Kind, Unit};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A kind that may be written: all but the rollout, which is made for each workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignalKind(pub(super) Kind);

/// The names of the kinds that may be written.
pub(super) const WRITTEN: [&str; Kind::ALL.len() - 1] = {
    let mut names = [""; Kind::ALL.len() - 1];
    let (mut from, mut to) = (0, 0);
    while from < Kind::ALL.len() {
        if !matches!(Kind::ALL[from], Kind::Rollout) {
            names[to] = Kind::ALL[from].as_str();
            to += 1;
        }
        from += 1;
    }
    names
};

impl SignalKind {
    /// Every kind that may be written.
    pub(super) fn written() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::Rollout)
    }
}

impl<'de> Deserialize<'de> for SignalKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
            // The second line becomes the way out, see `parse`.
            Some(Kind::Rollout) => Err(D::Error::custom(
                "rollout signals are created for each workload automatically\nleave this signal out",
            )),
            Some(kind) => Ok(Self(kind)),
            None => Err(D::Error::unknown_variant(&text, &WRITTEN)),
        }
    }
}

impl JsonSchema for SignalKind {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": WRITTEN })
    }
}

/// The unit in which a query answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum InputUnit {
    /// 0 to 100.
    Percent,
    /// 0 to 1.
    Fraction,
    /// A duration in milliseconds.
    Ms,
    /// A duration in seconds.
    S,
    /// Events a second.
    PerSecond,
    /// Events a minute.
    PerMinute,
    /// A size in bytes.
    Bytes,
    /// A plain number.
    Number,
}

impl<'de> Deserialize<'de> for InputUnit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|unit| unit.as_str() == text);
        known.ok_or_else(|| {
            let meant = Self::meant(&text).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            // The second line becomes the way out, see `parse`.
            D::Error::custom(format!("unknown unit `{text}`{meant}\nunits: {}", list(&Self::ALL.map(Self::as_str))))
        })
    }
}

impl InputUnit {
    const ALL: [Self; 8] =
        [Self::Percent, Self::Fraction, Self::Ms, Self::S, Self::PerSecond, Self::PerMinute, Self::Bytes, Self::Number];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Fraction => "fraction",
            Self::Ms => "ms",
            Self::S => "s",
            Self::PerSecond => "per_second",
            Self::PerMinute => "per_minute",
            Self::Bytes => "bytes",
            Self::Number => "number",
        }
    }

    /// The unit that people mean by a name of their own.
    fn meant(written: &str) -> Option<&'static str> {
        Some(match written.to_lowercase().as_str() {
            "%" | "pct" | "percentage" => "percent",
            "ratio" | "share" | "percentunit" => "fraction",
            "sec" | "secs" | "second" | "seconds" => "s",
            "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
            "/s" | "rps" | "reqps" | "hz" | "ops" => "per_second",
            "/min" | "rpm" => "per_minute",
            "b" => "bytes",
            "count" | "none" | "short" => "number",
            other => {
                return nearest(other, &Self::ALL.map(Self::as_str))
                    .and_then(|near| Self::ALL.into_iter().map(Self::as_str).find(|known| *known == near));
            }
        })
    }

    /// The unit that it is shown in, and what each value is multiplied by.
    const fn natural(self) -> (Unit, f64) {
        match self {
            Self::Percent => (Unit::Percent, 1.0),
            Self::Fraction => (Unit::Percent, 100.0),
            Self::Ms => (Unit::Milliseconds, 1.0),
            Self::S => (Unit::Milliseconds, 1000.0),
            Self::PerSecond => (Unit::PerSecond, 1.0),
            Self::PerMinute => (Unit::PerMinute, 1.0),
            Self::Bytes => (Unit::Bytes, 1.0),
            Self::Number => (Unit::Number, 1.0),
        }
    }

    /// The unit of a signal of this kind, and the factor to it; `None` where there is no way from one to the other.
    pub(super) fn for_kind(self, kind: Kind) -> Option<(Unit, f64)> {
        let (unit, scale) = self.natural();
        match (kind, unit, kind.unit()) {
            // A custom signal has no unit of its own: it is shown in what it is written in.
            (Kind::Custom, unit, _) => Some((unit, scale)),
            (_, unit, wanted) if unit == wanted => Some((unit, scale)),
            // What is in use of no limit: judged by its own level.
            (Kind::Memory, Unit::Bytes, _) | (Kind::Cpu | Kind::Connections, Unit::Number, _) => Some((unit, scale)),
            (_, Unit::PerMinute, Unit::PerSecond) => Some((Unit::PerSecond, 1.0 / 60.0)),
            _ => None,
        }
    }

    /// The units in which a query for this kind may answer.
    pub(super) fn names_for(kind: Kind) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|unit| unit.for_kind(kind).is_some()).map(Self::as_str).collect()
    }
}

/// A limit: a number in the signal's unit, or how fast its error budget may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// In the signal's unit.
    Number(f64),
    /// `burn 14.4`.
    Burn(BurnRate),
}

impl Limit {
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Burn(_) => None,
        }
    }

    pub(super) fn burn(self) -> Option<BurnRate> {
        match self {
            Self::Number(_) => None,
            Self::Burn(rate) => Some(rate),
        }
    }

    /// The burn rates as they are written.
    fn burn_rates() -> [String; BurnRate::ALL.len()] {
        BurnRate::ALL.map(|rate| format!("burn {}", rate.factor()))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LimitVisitor;

        impl Visitor<'_> for LimitVisitor {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a burn rate such as \"burn 14.4\"")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Limit, E> {
                Ok(Limit::Number(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Limit, E> {
                Ok(Limit::Number(number as f64))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Limit, E> {
                Ok(Limit::Number(number as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
                let rates = Limit::burn_rates();
                let found = BurnRate::ALL.into_iter().zip(&rates).find(|(_, written)| *written == text);
                found.map(|(rate, _)| Limit::Burn(rate)).ok_or_else(|| {
                    // The second line becomes the way out, see `parse`.
                    let known = rates.map(|rate| format!("\"{rate}\"")).join(", ");
                    E::custom(format!(
                        "`{text}` is no limit\na number without quotes, in the signal's unit; or a burn rate: {known}"
                    ))
                })
            }
        }

        deserializer.deserialize_any(LimitVisitor)
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number" }, { "type": "string", "enum": Self::burn_rates() }] })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_by_a_name_of_its_own_is_understood_and_not_taken() {
        for (written, meant) in [
            ("sec", "s"),
            ("%", "percent"),
            ("Ratio", "fraction"),
            ("milliseconds", "ms"),
            ("byte", "bytes"),
            ("rps", "per_second"),
        ] {
            assert_eq!(InputUnit::meant(written), Some(meant), "{written}");
        }
        assert_eq!(InputUnit::meant("parsecs"), None);
    }

    #[test]
    fn every_unit_is_read_by_its_name() {
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, StrDeserializer};
        for unit in InputUnit::ALL {
            let deserializer: StrDeserializer<'_, Error> = unit.as_str().into_deserializer();
            assert_eq!(InputUnit::deserialize(deserializer), Ok(unit));
        }
    }
}
