//! A statement rewritten for the parser.

use super::lexer::{Kind, Statement, Token};
use std::borrow::Cow;

/// A statement written so that every dialect of the parser cuts it alike: no comments, no strings but empty of
/// meaning, and one space between any two pieces.
pub(super) fn rendered(statement: &Statement<'_>) -> String {
    let mut written = String::new();
    let mut is_tight = true;
    for token in &statement.tokens {
        let (text, sticks) = match token.kind {
            Kind::Text => (Cow::Borrowed("'s'"), false),
            Kind::Quoted => (quoted_plainly(token), false),
            Kind::Sign => (Cow::Borrowed(token.text), matches!(token.text, "[" | ".")),
            Kind::Word | Kind::Number => (Cow::Borrowed(token.text), false),
        };
        if !(is_tight || (token.kind == Kind::Sign && matches!(token.text, "]" | "."))) {
            written.push(' ');
        }
        written.push_str(&text);
        is_tight = sticks;
    }
    written
}

/// A name in quotes; one with anything but letters in it loses it, for it is only a name.
fn quoted_plainly<'a>(token: &Token<'a>) -> Cow<'a, str> {
    if token.name().chars().all(|c| c.is_alphanumeric() || " _.-".contains(c)) && !token.name().contains("--") {
        return Cow::Borrowed(token.text);
    }
    let (open, close) = match token.text.chars().next() {
        Some('[') => ('[', ']'),
        Some('`') => ('`', '`'),
        _ => ('"', '"'),
    };
    let name: String = token.name().chars().filter(|c| c.is_alphanumeric() || " _.".contains(*c)).collect();
    Cow::Owned(format!("{open}{}{close}", if name.is_empty() { "name" } else { &name }))
}
