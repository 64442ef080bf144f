//! Sentry's search: `key:value` tokens, quoted values, lists, negation.

use crate::simulated::history::Seconds;
use crate::simulated::promql::duration;

/// A parsed search.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Search(Vec<Token>);

#[derive(Debug, PartialEq)]
struct Token {
    negated: bool,
    key: String,
    values: Vec<String>,
}

/// What a search looks at.
pub(super) struct Facts<'a> {
    pub(super) id: &'a str,
    pub(super) short_id: &'a str,
    pub(super) first_release: &'a str,
    pub(super) level: &'a str,
    pub(super) unhandled: bool,
    pub(super) age: Seconds,
    pub(super) is_new: bool,
}

impl Search {
    pub(super) fn parse(text: &str) -> Self {
        Self(split(text).iter().filter_map(|token| Token::parse(token)).collect())
    }

    /// The release whose events are wanted.
    pub(super) fn release(&self) -> Option<&str> {
        let token = self.0.iter().find(|token| token.key == "release" && !token.negated)?;
        token.values.first().map(String::as_str)
    }

    pub(super) fn wants_issue(&self, id: &str, short_id: &str) -> bool {
        self.every(&["issue", "issue.id"], |value| value == id || value == short_id)
    }

    pub(super) fn wants_first_release(&self, release: &str) -> bool {
        self.every(&["firstrelease", "first-release"], |value| value == release)
    }

    /// Whether an issue is wanted, but for its release, which is a matter of its events.
    pub(super) fn wants(&self, facts: &Facts<'_>) -> bool {
        self.wants_issue(facts.id, facts.short_id)
            && self.wants_first_release(facts.first_release)
            && self.every(&["level"], |value| value == facts.level)
            && self.every(&["error.unhandled"], |value| (value == "true" || value == "1") == facts.unhandled)
            && self.every(&["is"], |value| match value {
                "unresolved" => true,
                "new" => facts.is_new,
                "ongoing" => !facts.is_new,
                _ => false,
            })
            && self.every(&["age"], |value| match value.split_at_checked(1) {
                Some(("-", span)) => duration(span).is_some_and(|span| facts.age <= span),
                Some(("+", span)) => duration(span).is_some_and(|span| facts.age >= span),
                _ => false,
            })
    }

    fn every(&self, keys: &[&str], holds: impl Fn(&str) -> bool) -> bool {
        let mut tokens = self.0.iter().filter(|token| keys.contains(&token.key.as_str()));
        tokens.all(|token| token.values.iter().any(|value| holds(value)) != token.negated)
    }
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let (negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (key, value) = text.split_once(':')?;
        let value = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')).map_or_else(
            || vec![value.trim_matches('"').to_owned()],
            |list| list.split(',').map(|one| one.trim().trim_matches('"').to_owned()).collect(),
        );
        Some(Self { negated, key: key.to_lowercase(), values: value })
    }
}

/// At blanks, but not at those within quotes or brackets.
fn split(text: &str) -> Vec<String> {
    let (mut tokens, mut quoted, mut listed) = (vec![String::new()], false, false);
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' => listed = true,
            ']' => listed = false,
            ' ' if !quoted && !listed => {
                tokens.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(token) = tokens.last_mut() {
            token.push(letter);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_name_releases_issues_and_states() {
        let facts = Facts {
            id: "42",
            short_id: "APP-1",
            first_release: "app@1.9.0",
            level: "error",
            unhandled: true,
            age: 600.0,
            is_new: true,
        };
        let wants = |text: &str| Search::parse(text).wants(&facts);
        assert!(wants("firstRelease:\"app@1.9.0\" is:unresolved"));
        assert!(!wants("firstRelease:\"app@1.8.3\" is:unresolved"));
        assert!(!wants("is:regressed release:\"app@1.9.0\""));
        assert!(wants("issue.id:[41, 42] level:[error,fatal] !level:info age:-45m"));
        assert!(!wants("!issue:APP-1"));
        assert_eq!(Search::parse("is:unresolved release:\"app@1.9.0\"").release(), Some("app@1.9.0"));
    }
}
