//! Secrets are never in the file: it says where they are kept, and they are fetched when a watch begins.

mod system;

pub use system::{SecretProgram, Secrets, SystemSecrets};

use crate::secret;
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum SecretRef {
    /// An environment variable: `{ env = "GRAFANA_TOKEN" }`.
    Env(String),
    /// A file that holds nothing else: `{ file = "~/.config/redflag/grafana" }`.
    File(PathBuf),
    /// A program that prints it: `{ command = ["op", "read", "op://ops/grafana/token"] }`.
    Command(Vec<String>),
}

/// The way out, with which each error about a secret ends.
const WAY_OUT: &str =
    "say where it is kept: { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"op\", \"read\", \"…\"] }";

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;

        // By hand, because serde's own errors quote the value.
        impl<'de> Visitor<'de> for SecretVisitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table that says where the secret is kept")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<SecretRef, E> {
                Err(literal())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    let place = match key.as_str() {
                        "env" => SecretRef::Env(map.next_value()?),
                        "file" => SecretRef::File(map.next_value()?),
                        "command" => SecretRef::Command(map.next_value()?),
                        _ => return Err(A::Error::unknown_field(&key, &["env", "file", "command"])),
                    };
                    if found.replace(place).is_some() {
                        return Err(A::Error::custom(format!("a secret has one place, not two\n{WAY_OUT}")));
                    }
                }
                match found {
                    None => Err(A::Error::custom(format!("where is this secret kept?\n{WAY_OUT}"))),
                    Some(SecretRef::Command(words)) if words.is_empty() => {
                        Err(A::Error::custom(format!("this command is empty\n{WAY_OUT}")))
                    }
                    Some(SecretRef::Env(name)) if !is_variable(&name) => Err(A::Error::custom(format!(
                        "this is not the name of an environment variable\n{WAY_OUT}; the name, never the value"
                    ))),
                    Some(place) => Ok(place),
                }
            }
        }

        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Configuration files are committed, pasted and shared: a secret in one is a leaked secret.
fn literal<E: Error>() -> E {
    E::custom(format!("secrets are not allowed in this file: it is shared, committed and backed up\n{WAY_OUT}"))
}

/// Whether this may name an environment variable. Tokens pasted in its place are refused, because the name is
/// shown in errors: they are long, or begin as their makers mark them.
pub(crate) fn is_variable(name: &str) -> bool {
    let marked = secret::is_marked(name) || name.starts_with("xox");
    let hexadecimal = name.len() >= 32 && name.chars().all(|c| c.is_ascii_hexdigit());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins && name.len() < 64 && name.chars().all(word) && !marked && !hexadecimal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_token_is_not_a_variable_name() {
        assert!(is_variable("GRAFANA_TOKEN"));
        assert!(is_variable("my_token_2"));
        assert!(!is_variable("glsa_0123456789abcdef"));
        assert!(!is_variable("0123abcd"));
        assert!(!is_variable("deadbeefdeadbeefdeadbeefdeadbeef"));
        assert!(!is_variable("sk-abc"));
        assert!(!is_variable(""));
    }
}
