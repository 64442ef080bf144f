//! Every place of a secret in a file, found in the table itself: also where what stands around it is refused, so that one
//! that cannot be had is told in the same run.

use crate::config::at::{At, Span};
use crate::config::secrets::SecretRef;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Whose a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) enum Owner {
    /// The source of this name.
    Source(String),
    /// The environment of this name: its rollback or its feature flags.
    Environment(String),
}

/// Where a secret is kept, and whose it is.
#[derive(Debug)]
pub(in crate::config) struct Kept {
    pub(in crate::config) owner: Owner,
    pub(in crate::config) place: At<SecretRef>,
}

/// What of an environment takes secrets.
const TAKE_SECRETS: [&str; 2] = ["rollback", "flags"];

/// Tables whose keys are the user's own: `{ env = "production" }` among a workflow's inputs is no place of a secret.
const OWN_KEYS: [&str; 2] = ["inputs", "parameters"];

/// Every place of a secret.
pub(super) fn kept(root: &DeTable<'_>) -> Vec<Kept> {
    let mut found = Vec::new();
    for (name, source) in tables(root, "sources") {
        let mut places = Vec::new();
        walk(source, &mut places);
        found.extend(places.into_iter().map(|place| Kept { owner: Owner::Source(name.to_owned()), place }));
    }
    for (name, environment) in tables(root, "environments") {
        let mut places = Vec::new();
        let DeValue::Table(entries) = environment.get_ref() else { continue };
        let taking = entries.iter().filter(|(key, _)| TAKE_SECRETS.contains(&key.get_ref().as_ref()));
        taking.for_each(|(_, value)| walk(value, &mut places));
        found.extend(places.into_iter().map(|place| Kept { owner: Owner::Environment(name.to_owned()), place }));
    }
    found
}

/// The entries of a table of the file.
fn tables<'a>(root: &'a DeTable<'_>, key: &str) -> impl Iterator<Item = (&'a str, &'a Spanned<DeValue<'a>>)> {
    let found = root.iter().find(|(name, _)| name.get_ref().as_ref() == key);
    let entries = found.and_then(|(_, value)| match value.get_ref() {
        DeValue::Table(entries) => Some(entries),
        _ => None,
    });
    entries.into_iter().flatten().map(|(name, value)| (name.get_ref().as_ref(), value))
}

fn walk(value: &Spanned<DeValue<'_>>, found: &mut Vec<At<SecretRef>>) {
    match value.get_ref() {
        DeValue::Table(entries) => {
            if let Some(place) = place(value) {
                found.push(place);
                return;
            }
            for (key, value) in entries {
                if !OWN_KEYS.contains(&key.get_ref().as_ref()) {
                    walk(value, found);
                }
            }
        }
        DeValue::Array(values) => values.iter().for_each(|value| walk(value, found)),
        _ => {}
    }
}

/// The place of a secret that a table names: `{ env = "NAME" }` and its like.
fn place(value: &Spanned<DeValue<'_>>) -> Option<At<SecretRef>> {
    let span: Span = value.span();
    let place = SecretRef::deserialize(ValueDeserializer::from(value.clone())).ok()?;
    Some(At::new(place, span))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_whatever_stands_around_them() {
        let text = r#"
            sources.a = { kind = "nonsense", token = { env = "A" }, api_key = "literal" }
            [environments.b]
            url = { env = "NOT_ONE" }
            rollback.ci = { inputs = { env = "NOT_ONE" }, token = { command = ["b"] } }
            flags = [{ colour = 5, signing_key = { file = "c" } }]
        "#;
        let root = DeTable::parse(text).unwrap();
        let found: Vec<(Owner, SecretRef)> =
            kept(root.get_ref()).into_iter().map(|kept| (kept.owner, kept.place.value)).collect();
        let (a, b) = (Owner::Source("a".to_owned()), Owner::Environment("b".to_owned()));
        let expected = [
            (a, SecretRef::Env("A".to_owned())),
            (b.clone(), SecretRef::File("c".into())),
            (b, SecretRef::Command(vec!["b".to_owned()])),
        ];
        assert!(found.len() == 3 && expected.iter().all(|one| found.contains(one)), "{found:?}");
    }
}
