//! Label and field selectors, as lists and watches use them.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What selectors look at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Looked {
    metadata: Metadata,
    involved_object: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    reporting_component: String,
    status: Phase,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Phase {
    phase: String,
}

/// One requirement of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Is(String, Vec<String>),
    IsNot(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// Which objects a request wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

impl Selector {
    /// From `labelSelector` and `fieldSelector`; the error is the API server's message.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, String> {
        let labels = split_terms(labels).into_iter().map(label_term).collect::<Result<_, _>>()?;
        let fields = split_terms(fields).into_iter().map(field_term).collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether an object is wanted.
    pub(crate) fn matches(&self, json: &str) -> bool {
        if self.labels.is_empty() && self.fields.is_empty() {
            return true;
        }
        let Ok(object) = serde_json::from_str::<Looked>(json) else { return false };
        let holds = |term: &Term, get: &dyn Fn(&str) -> Option<String>| match term {
            Term::Is(key, values) => get(key).is_some_and(|value| values.contains(&value)),
            Term::IsNot(key, values) => get(key).is_none_or(|value| !values.contains(&value)),
            Term::Exists(key) => get(key).is_some(),
            Term::Absent(key) => get(key).is_none(),
        };
        self.labels.iter().all(|term| holds(term, &|key| object.metadata.labels.get(key).cloned()))
            && self.fields.iter().all(|term| holds(term, &|key| Some(object.field(key))))
    }
}

impl Looked {
    fn field(&self, path: &str) -> String {
        match path {
            "metadata.name" => self.metadata.name.clone(),
            "metadata.namespace" => self.metadata.namespace.clone(),
            "type" => self.kind.clone(),
            "reason" => self.reason.clone(),
            "reportingComponent" | "source" => self.reporting_component.clone(),
            "status.phase" => self.status.phase.clone(),
            other => other
                .strip_prefix("involvedObject.")
                .and_then(|key| self.involved_object.get(key)?.as_str())
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// At commas, but not at those within parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|term| !term.is_empty())
    .collect()
}

fn label_term(term: &str) -> Result<Term, String> {
    let list =
        |values: &str| values.trim().trim_matches(['(', ')']).split(',').map(|value| value.trim().to_owned()).collect();
    if let Some((key, values)) = term.split_once(" notin ") {
        return Ok(Term::IsNot(key.trim().to_owned(), list(values)));
    }
    if let Some((key, values)) = term.split_once(" in ") {
        return Ok(Term::Is(key.trim().to_owned(), list(values)));
    }
    if let Some(term) = equality(term) {
        return Ok(term);
    }
    let (key, absent) = term.strip_prefix('!').map_or((term, false), |key| (key, true));
    if key.contains([' ', '(', ')']) {
        return Err(format!("unable to parse requirement: found '{key}', expected: in, notin, =, ==, !="));
    }
    Ok(if absent { Term::Absent(key.to_owned()) } else { Term::Exists(key.to_owned()) })
}

fn field_term(term: &str) -> Result<Term, String> {
    equality(term).ok_or_else(|| format!("invalid selector: '{term}'; can't understand '{term}'"))
}

fn equality(term: &str) -> Option<Term> {
    let text = |text: &str| text.trim().trim_start_matches('=').trim().to_owned();
    if let Some((key, value)) = term.split_once("!=") {
        return Some(Term::IsNot(text(key), vec![text(value)]));
    }
    term.split_once('=').map(|(key, value)| Term::Is(text(key), vec![text(value)]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const POD: &str =
        r#"{"metadata":{"name":"app-1","labels":{"app":"app","tier":"web"}},"status":{"phase":"Running"}}"#;
    const EVENT: &str = r#"{"metadata":{"name":"e"},"type":"Warning","involvedObject":{"kind":"Pod","name":"app-1"}}"#;

    #[test]
    fn selectors_choose_by_labels_and_fields() {
        let wants = |labels: &str, fields: &str, json: &str| Selector::parse(labels, fields).unwrap().matches(json);
        assert!(wants("app=app,tier in (web, api)", "", POD));
        assert!(wants("app==app,!canary,tier", "metadata.name=app-1", POD));
        assert!(!wants("tier notin (web)", "", POD));
        assert!(!wants("app!=app", "", POD));
        assert!(!wants("", "metadata.name=other", POD));
        assert!(wants("", "type=Warning,involvedObject.kind=Pod,involvedObject.name=app-1", EVENT));
        assert!(!wants("", "type!=Warning", EVENT));
    }
}
