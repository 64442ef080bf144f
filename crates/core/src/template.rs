//! The one grammar of variables in texts: `$name` and `${name}`. A name is made of letters, digits and underscores, begins
//! with no digit, and ends where none of them follows. Whatever else stands behind a `$` is no variable.

use std::borrow::Cow;
use std::ops::Range;

/// A text with variables in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template<'a> {
    text: &'a str,
    /// Whether two dollars are one.
    is_ours: bool,
}

/// What a template is made of, in order.
enum Piece<'a> {
    /// Stays as it is.
    Text(&'a str),
    /// Two dollars that are one.
    Dollar,
    /// A variable: as it is written, and its name.
    Variable(&'a str, &'a str),
}

impl<'a> Template<'a> {
    /// A text whose variables are all redflag's, so that `$$` is a dollar: an input of a job, an address, a name.
    pub const fn ours(text: &'a str) -> Self {
        Self { text, is_ours: true }
    }

    /// A text in the language of another system, which has variables and dollars of its own: a query. `$$` is two dollars.
    pub const fn foreign(text: &'a str) -> Self {
        Self { text, is_ours: false }
    }

    /// The names of its variables, in order, each as often as it stands there.
    pub fn variables(self) -> impl Iterator<Item = &'a str> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Variable(_, name) => Some(name),
            Piece::Text(_) | Piece::Dollar => None,
        })
    }

    /// Its variables with their places, in order; also those with a format as in a dashboard, which no variable of ours has.
    pub fn references(self) -> Vec<Reference<'a>> {
        let mut found = Vec::new();
        let mut start = 0;
        for piece in self.pieces() {
            let end = start + piece.length();
            match piece {
                Piece::Variable(_, name) => found.push(Reference { at: start..end, name, has_format: false }),
                Piece::Text("$") => found.extend(formatted(&self.text[start..]).map(|(name, length)| Reference {
                    at: start..start + length,
                    name,
                    has_format: true,
                })),
                Piece::Text(_) | Piece::Dollar => {}
            }
            start = end;
        }
        found
    }

    /// Whether it has this variable.
    pub fn mentions(self, name: &str) -> bool {
        self.variables().any(|variable| variable == name)
    }

    /// The text with each variable filled in that `value` knows; all others stay as they are written.
    pub fn fill_known<'v>(self, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
        self.pieces().fold(String::with_capacity(self.text.len()), |out, piece| match piece {
            Piece::Text(text) => out + text,
            Piece::Dollar => out + "$",
            Piece::Variable(whole, name) => match value(name) {
                Some(value) => out + &value,
                None => out + whole,
            },
        })
    }

    /// The text with each variable filled in.
    ///
    /// # Errors
    /// What `value` says of the first that has no value.
    pub fn fill<'v, E>(self, value: impl Fn(&str) -> Result<Cow<'v, str>, E>) -> Result<String, E> {
        self.pieces().try_fold(String::with_capacity(self.text.len()), |out, piece| {
            Ok(match piece {
                Piece::Text(text) => out + text,
                Piece::Dollar => out + "$",
                Piece::Variable(_, name) => out + &value(name)?,
            })
        })
    }

    fn pieces(self) -> impl Iterator<Item = Piece<'a>> {
        let Self { mut text, is_ours } = self;
        std::iter::from_fn(move || {
            let piece = first(text, is_ours)?;
            text = &text[piece.length()..];
            Some(piece)
        })
    }
}

/// A variable in a text, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Its bytes.
    pub at: Range<usize>,
    /// Its name.
    pub name: &'a str,
    /// Whether it has a format, as in a dashboard: `${name:regex}`. Nobody fills that in.
    pub has_format: bool,
}

impl Piece<'_> {
    /// In bytes, as it is written.
    const fn length(&self) -> usize {
        match self {
            Self::Text(text) | Self::Variable(text, _) => text.len(),
            Self::Dollar => 2,
        }
    }
}

/// What a text begins with; nothing where it is empty.
fn first(text: &str, is_ours: bool) -> Option<Piece<'_>> {
    let Some(behind) = text.strip_prefix('$') else {
        let end = text.find('$').unwrap_or(text.len());
        return (end > 0).then(|| Piece::Text(&text[..end]));
    };
    if is_ours && behind.starts_with('$') {
        return Some(Piece::Dollar);
    }
    let variable = match behind.strip_prefix('{') {
        Some(inner) => {
            name(inner).filter(|name| inner[name.len()..].starts_with('}')).map(|name| (name, name.len() + 3))
        }
        None => name(behind).map(|name| (name, name.len() + 1)),
    };
    Some(match variable {
        Some((name, length)) => Piece::Variable(&text[..length], name),
        None => Piece::Text(&text[..1]),
    })
}

/// The variable with a format that a text begins with: its name, and its length in bytes.
fn formatted(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("${")?;
    let name = name(inner)?;
    let format = inner[name.len()..].strip_prefix(':')?.split_once('}')?.0;
    let is_word = format.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then_some((name, "${:}".len() + name.len() + format.len()))
}

/// The name that a text begins with.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit())).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn known(name: &str) -> Option<Cow<'static, str>> {
        (name == "to").then_some(Cow::Borrowed("1.8.3"))
    }

    #[test]
    fn both_spellings_are_filled_in() {
        let filled = Template::ours("v$to, ${to}-rc, $to_x ü$to").fill_known(known);
        assert_eq!(filled, "v1.8.3, 1.8.3-rc, $to_x ü1.8.3");
        assert!(Template::ours("v${to}").mentions("to"));
        assert!(!Template::ours("v$to_x").mentions("to"));
    }

    #[test]
    fn a_dollar_alone_is_no_variable() {
        for text in ["$", "5 $ 6", "$1", "a$", "${", "${to", "${}", "${to:raw}", "$-", "[$ü]", "${1}"] {
            assert_eq!(Template::ours(text).fill_known(known), text);
            assert_eq!(Template::foreign(text).fill_known(known), text);
            assert_eq!(Template::ours(text).variables().count(), 0, "{text}");
        }
        assert_eq!(Template::ours("${ $to").fill_known(known), "${ 1.8.3", "what follows is looked at all the same");
    }

    #[test]
    fn two_dollars_are_one_where_all_variables_are_ours() {
        assert_eq!(Template::ours("$$to costs $$$to").fill_known(known), "$to costs $1.8.3");
        assert_eq!(Template::ours("$$to costs $$$to").variables().collect::<Vec<_>>(), ["to"]);
        assert_eq!(Template::foreign("$$to $$__x").fill_known(known), "$1.8.3 $$__x");
    }

    #[test]
    fn references_have_their_places() {
        let text = "é$a-${b}{c=~'5..$'}${d:regex}$1${e f}$_g$";
        let references = Template::foreign(text).references();
        let found: Vec<(&str, &str, bool)> =
            references.into_iter().map(|one| (&text[one.at], one.name, one.has_format)).collect();
        let expected = [("$a", "a", false), ("${b}", "b", false), ("${d:regex}", "d", true), ("$_g", "_g", false)];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_has_no_value_is_told() {
        let filled = Template::ours("$to and ${from}").fill(|name| known(name).ok_or_else(|| name.to_owned()));
        assert_eq!(filled, Err("from".to_owned()));
    }

    proptest! {
        #[test]
        fn only_variables_change(text in r"[$\{\}a-z_0-9ü ]{0,40}") {
            prop_assert_eq!(Template::foreign(&text).fill_known(|_| None), text.clone());
            let named = |name: &str| Ok::<_, Infallible>(Cow::Owned(format!("${{{name}}}")));
            let Ok(spelled_out) = Template::foreign(&text).fill(named);
            let (before, after) = (Template::foreign(&text), Template::foreign(&spelled_out));
            prop_assert_eq!(after.variables().collect::<Vec<_>>(), before.variables().collect::<Vec<_>>());
        }

        #[test]
        fn what_is_escaped_comes_out_as_it_was(text in r"[$\{\}a-z_0-9ü ]{0,40}") {
            let escaped = text.replace('$', "$$");
            prop_assert_eq!(Template::ours(&escaped).variables().count(), 0);
            prop_assert_eq!(Template::ours(&escaped).fill_known(|_| Some(Cow::Borrowed("!"))), text);
        }

        #[test]
        fn a_value_is_never_looked_at_again(value in r"[$\{\}a-z]{0,20}") {
            let filled = Template::ours("<$to>").fill_known(|_| Some(Cow::Borrowed(value.as_str())));
            prop_assert_eq!(filled, format!("<{value}>"));
        }
    }
}
