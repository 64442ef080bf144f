//! Numbers in a record. JSON has none that are not finite, and a source may answer some.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Other(String),
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's own signature
pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    let number = if value.is_finite() { Number::Finite(*value) } else { Number::Other(value.to_string()) };
    number.serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match Number::deserialize(from)? {
        Number::Finite(value) => Ok(value),
        Number::Other(text) => text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no number"))),
    }
}
