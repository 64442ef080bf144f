//! What the CI systems have in common: how long runs take, and pairs of names and values as people read and type them.

use crate::rollback::variables::quoted;
use chrono::TimeDelta;

/// The middle of how long runs took.
pub(in crate::systems) fn middle(mut spans: Vec<TimeDelta>) -> Option<TimeDelta> {
    spans.retain(|span| *span > TimeDelta::zero());
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

/// ` -f version=1.8.3 -f id=redflag-1`, for the line that people can type instead.
pub(in crate::systems) fn options(flag: &str, pairs: &[(String, String)]) -> String {
    let words = pairs.iter().map(|(name, value)| quoted(&format!("{name}={value}")));
    words.fold(String::new(), |line, word| line + " " + flag + " " + &word)
}

/// `version = 1.8.3, id = redflag-1`, for a sentence.
pub(in crate::systems) fn listed(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}
