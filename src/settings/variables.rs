//! `$service` and its like. What redflag does not know is left alone: Grafana and Prometheus have their own.

use std::ops::Range;

/// What the variables stand for in one service of one environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) service: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) namespace: &'a str,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "service" => Some(self.service),
            "environment" => Some(self.environment),
            "namespace" => Some(self.namespace),
            _ => None,
        }
    }

    /// The text with them filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        replace(text, |name| self.value(name))
    }
}

/// The text with each `$name` and `${name}` filled in that has a value. Names end where no letter, digit or underscore
/// follows.
pub(crate) fn replace<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let (whole, name) = reference(rest);
        out.push_str(value(name).unwrap_or(&rest[..whole]));
        rest = &rest[whole..];
    }
    out.push_str(rest);
    out
}

/// Whether a text refers to a variable.
pub(crate) fn mentions(text: &str, variable: &str) -> bool {
    text.match_indices('$').any(|(start, _)| reference(&text[start..]).1 == variable)
}

/// A reference to a variable in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    /// Its bytes.
    pub(crate) at: Range<usize>,
    /// The variable.
    pub(crate) name: &'a str,
    /// Whether it has a format, as in a dashboard: `${name:regex}`. Nobody fills that in.
    pub(crate) format: bool,
}

/// The references in a text, in order. The `$1` of a regular expression is none.
pub(crate) fn places(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let is_name = |name: &str| name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let mut start = 0;
    while let Some(at) = text[start..].find('$').map(|at| start + at) {
        let (whole, name) = reference(&text[at..]);
        let formatted = || {
            let (name, format) = text[at..].strip_prefix("${")?.split_once('}')?.0.split_once(':')?;
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let fine = is_name(name) && name.chars().all(word) && format.chars().all(word);
            fine.then_some((name.len() + format.len() + 4, name))
        };
        let (whole, name, format) = match formatted() {
            Some((whole, name)) => (whole, name, true),
            None => (whole, name, false),
        };
        if is_name(name) {
            found.push(Reference { at: at..at + whole, name, format });
        }
        start = at + whole;
    }
    found
}

/// The variables that a text refers to, in order. For texts in which `$$` is a dollar; a price or a shell's `$1` is
/// no variable.
pub(crate) fn references(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix("$$") {
            rest = after;
            continue;
        }
        let (whole, name) = reference(rest);
        if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            found.push(name);
        }
        rest = &rest[whole..];
    }
    found
}

/// The reference that a text begins with: its length in bytes and its name, empty where it is none.
fn reference(text: &str) -> (usize, &str) {
    let identifier = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let after = &text[1..];
    if let Some(inner) = after.strip_prefix('{') {
        let end = identifier(inner);
        return if inner[end..].starts_with('}') { (end + 3, &inner[..end]) } else { (2, "") };
    }
    let end = identifier(after);
    (end + 1, &after[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: Variables<'_> = Variables { service: "cart", environment: "production", namespace: "shop" };

    #[test]
    fn redflags_own_variables_are_filled_in() {
        let filled = CART.fill("up{app=\"$service\",env=\"${environment}\",ns=~\"$namespace-.*\"}");
        assert_eq!(filled, "up{app=\"cart\",env=\"production\",ns=~\"shop-.*\"}");
    }

    #[test]
    fn all_others_are_left_alone() {
        for text in
            ["$__interval", "${__range}", "$version", "$service_name", "${service:raw}", "a$", "$", "${", "5 $ 6"]
        {
            assert_eq!(CART.fill(text), text);
        }
        assert_eq!(CART.fill("[$__interval]$service"), "[$__interval]cart");
        assert_eq!(CART.fill("ü$service ü"), "ücart ü");
    }

    #[test]
    fn references_are_listed_and_a_doubled_dollar_is_none() {
        assert_eq!(references("$from→${to}, $5 and 6 $"), ["from", "to"]);
        assert_eq!(references("$$to costs $$$to"), ["to"]);
        assert_eq!(references("nothing ${ here"), [""; 0]);
    }

    #[test]
    fn references_have_their_places() {
        let text = "é$a-${b}{c=~'5..$'}${d:regex}$1${e f}$_g$";
        let found: Vec<(&str, &str, bool)> =
            places(text).into_iter().map(|one| (&text[one.at], one.name, one.format)).collect();
        let expected = [("$a", "a", false), ("${b}", "b", false), ("${d:regex}", "d", true), ("$_g", "_g", false)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_reference_is_seen_in_both_spellings() {
        assert!(mentions("app@$version", "version"));
        assert!(mentions("app@${version}", "version"));
        assert!(!mentions("app@$version_old", "version"));
    }
}
