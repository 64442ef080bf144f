//! Every secret that was read, in every form: one list for the whole process, so that no adapter can forget to look.

use super::forms;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What stands for a secret.
const INSTEAD: char = '…';

static KNOWN: RwLock<Known> =
    RwLock::new(Known { begins: [false; 256], forms: BTreeMap::new(), variables: Vec::new() });

struct Known {
    /// The bytes that any form begins with.
    begins: [bool; 256],
    /// By their first byte, the longest first.
    forms: BTreeMap<u8, Vec<Box<str>>>,
    /// The environment variables that they were read from.
    variables: Vec<String>,
}

impl Known {
    fn add(&mut self, form: &str) {
        let Some(&first) = form.as_bytes().first() else { return };
        let others = self.forms.entry(first).or_default();
        if !others.iter().any(|other| **other == *form) {
            others.push(form.into());
            others.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
        self.begins[usize::from(first)] = true;
    }

    /// The length of the longest form that stands at this place.
    fn at(&self, rest: &[u8]) -> Option<usize> {
        let first = *rest.first()?;
        if !self.begins[usize::from(first)] {
            return None;
        }
        self.forms.get(&first)?.iter().find(|form| rest.starts_with(form.as_bytes())).map(|form| form.len())
    }
}

fn known() -> RwLockReadGuard<'static, Known> {
    // Nobody panics while holding it; and a list that is half written still hides what is in it.
    KNOWN.read().unwrap_or_else(PoisonError::into_inner)
}

fn known_mut() -> RwLockWriteGuard<'static, Known> {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner)
}

/// From now on this text is a secret, in all its forms. Texts of less than six bytes are not looked for.
pub fn hide(text: &str) {
    if text.len() < forms::SHORTEST {
        return;
    }
    let forms = forms::of(text);
    let mut known = known_mut();
    for form in &forms {
        known.add(form);
    }
}

/// A secret was read from this environment variable: no program that does not need it inherits it.
pub fn hide_variable(name: &str) {
    let mut known = known_mut();
    if !known.variables.iter().any(|other| other == name) {
        known.variables.push(name.to_owned());
    }
}

/// The environment variables that secrets were read from.
pub fn hidden_variables() -> Vec<String> {
    known().variables.clone()
}

/// A text without any secret that was ever read, in any of its forms, and without what looks like a credential. One
/// pass over the text.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let known = known();
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        // A form begins with a whole character, so it never matches in the middle of one.
        let Some(length) = known.at(&bytes[at..]).or_else(|| forms::looks_like_one(text, at)) else {
            at += 1;
            continue;
        };
        out.push_str(&text[kept..at]);
        out.push(INSTEAD);
        at += length;
        kept = at;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// How many bytes at the end of a text that was cut may be the beginning of a secret.
pub fn dangling(text: &str) -> usize {
    let known = known();
    let longest = |form: &str| {
        (1..form.len()).rev().find(|&length| form.is_char_boundary(length) && text.ends_with(&form[..length]))
    };
    known.forms.values().flatten().filter_map(|form| longest(form)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_form_goes_whole() {
        hide("kNOWn-oNe");
        hide("kNOWn-oNe-and-more");
        assert_eq!(scrub("a kNOWn-oNe-and-more b kNOWn-oNe."), "a … b ….");
        assert!(matches!(scrub("nothing to hide"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_short_is_not_looked_for() {
        hide("tok");
        hide("");
        assert_eq!(scrub("token"), "token");
    }

    #[test]
    fn a_cut_secret_dangles() {
        hide("kNOWn-tWo-long");
        assert_eq!(dangling("it said kNOWn-tWo"), "kNOWn-tWo".len());
        assert_eq!(dangling("it said nothing;"), 0);
    }

    #[test]
    fn a_variable_is_hidden_once() {
        hide_variable("REDFLAG_TEST_HIDDEN");
        hide_variable("REDFLAG_TEST_HIDDEN");
        assert_eq!(hidden_variables().iter().filter(|name| *name == "REDFLAG_TEST_HIDDEN").count(), 1);
    }
}
