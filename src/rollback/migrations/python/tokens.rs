//! Python cut into the pieces that matter here: names, strings, brackets, and the ends of statements.

/// A piece of source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Open(char),
    Close,
    Comma,
    Colon,
    Dot,
    Equals,
    Newline,
    /// A number or an operator.
    Else,
}

/// Cuts the source into tokens; line ends count only outside of brackets.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut open = 0_usize;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        let token = match first {
            '#' => {
                length = rest.find('\n').unwrap_or(rest.len());
                None
            }
            '\n' => (open == 0).then_some(Token::Newline),
            '\\' if rest[1..].starts_with('\n') => {
                length = 2;
                None
            }
            '"' | '\'' => {
                let (text, used) = string(rest, false);
                length = used;
                Some(Token::Text(text))
            }
            '(' | '[' | '{' => {
                open += 1;
                Some(Token::Open(first))
            }
            ')' | ']' | '}' => {
                open = open.saturating_sub(1);
                Some(Token::Close)
            }
            ',' => Some(Token::Comma),
            ':' => Some(Token::Colon),
            '.' => Some(Token::Dot),
            '=' if rest[1..].starts_with('=') => {
                length = 2;
                Some(Token::Else)
            }
            '=' => Some(Token::Equals),
            c if c.is_alphabetic() || c == '_' => {
                length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let word = &rest[..length];
                let is_prefix = word.len() <= 2 && word.chars().all(|c| "rRbBuUfF".contains(c));
                if is_prefix && rest[length..].starts_with(['"', '\'']) {
                    let (text, used) = string(&rest[length..], word.contains(['r', 'R']));
                    length += used;
                    Some(Token::Text(text))
                } else {
                    Some(Token::Name(word.to_owned()))
                }
            }
            c if c.is_ascii_digit() => {
                length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
                Some(Token::Else)
            }
            c if c.is_whitespace() => None,
            // `+=`, `!=`, `:=` and the like must not look like an assignment.
            _ => {
                if rest[length..].starts_with('=') {
                    length += 1;
                }
                Some(Token::Else)
            }
        };
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

/// The string at the start of `rest` and how many bytes it takes with its quotes.
fn string(rest: &str, raw: bool) -> (String, usize) {
    let quote = &rest[..1];
    let long = quote.repeat(3);
    let end = if rest.starts_with(&long) { long.as_str() } else { quote };
    let mut text = String::new();
    let mut at = end.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(end) {
            return (text, at + end.len());
        }
        at += c.len_utf8();
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some(next) = rest[at..].chars().next() else { break };
        at += next.len_utf8();
        match next {
            _ if raw => text.extend([c, next]),
            '\n' => {}
            'n' => text.push('\n'),
            't' => text.push('\t'),
            other => text.push(other),
        }
    }
    (text, rest.len())
}
