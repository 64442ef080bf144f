//! SQL cut into statements, by the rules of one family of databases. Where a string or a comment ends differs between
//! them, and so does what a database runs: a text is only taken for what every one of them reads in it.

use super::strange::Strange;

/// What differs between databases in where strings and comments end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // eight facts, each of which a database has or has not
pub(super) struct Rules {
    /// `'it\'s'` is one string.
    pub(super) backslashes: bool,
    /// `#` begins a comment.
    pub(super) hashes: bool,
    /// `--` begins a comment only before a space.
    pub(super) spaced_dashes: bool,
    /// `/*!50000 … */` is run.
    pub(super) conditional: bool,
    /// A comment may stand in a comment.
    pub(super) nested: bool,
    /// `$tag$ … $tag$` is a string.
    pub(super) dollars: bool,
    /// `[…]` is a name, whatever is in it.
    pub(super) brackets: bool,
    /// `` `…` `` is a name, whatever is in it.
    pub(super) backticks: bool,
}

const STANDARD: Rules = Rules {
    backslashes: false,
    hashes: false,
    spaced_dashes: false,
    conditional: false,
    nested: false,
    dollars: false,
    brackets: false,
    backticks: false,
};

/// PostgreSQL and what descends from it; MySQL and MariaDB; SQL Server; SQLite; Oracle and the standard.
pub(super) const FAMILIES: [Rules; 5] = [
    Rules { nested: true, dollars: true, ..STANDARD },
    Rules { backslashes: true, hashes: true, spaced_dashes: true, conditional: true, backticks: true, ..STANDARD },
    Rules { nested: true, brackets: true, ..STANDARD },
    Rules { brackets: true, backticks: true, ..STANDARD },
    STANDARD,
];

/// What a piece of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word without quotes.
    Word,
    /// A name in quotes; MySQL's `"…"` is a string.
    Quoted,
    /// A string.
    Text,
    /// A number.
    Number,
    /// Anything else, operators whole.
    Sign,
}

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// As it is written, with its quotes.
    pub(super) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this word, in whatever case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// A name without its quotes.
    pub(super) fn name(&self) -> &str {
        if self.kind == Kind::Quoted { self.text.get(1..self.text.len() - 1).unwrap_or_default() } else { self.text }
    }

    /// Whether it can be a part of a name.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }
}

/// One statement, without its comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// Never empty.
    pub(super) tokens: Vec<Token<'a>>,
}

/// All that is in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    pub(super) statements: Vec<Statement<'a>>,
    pub(super) strange: Vec<Strange>,
}

/// Cuts a text into statements by these rules.
pub(super) fn cut(text: &str, rules: Rules) -> Cut<'_> {
    let mut lexer =
        Lexer { text, at: 0, line: 1, rules, is_conditional: false, tokens: Vec::new(), start: 1, cut: Cut::default() };
    lexer.run();
    lexer.cut
}

const SIGNS: &str = "+-*/<>=~!@#%^&|?:";

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    rules: Rules,
    /// Within MySQL's `/*! … */`, which is code.
    is_conditional: bool,
    tokens: Vec<Token<'a>>,
    start: usize,
    cut: Cut<'a>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        while let Some(first) = self.rest().chars().next() {
            self.piece(first);
        }
        if self.is_conditional {
            self.strange("a comment that does not end");
        }
        self.end_statement();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes over so many bytes.
    fn skip(&mut self, length: usize) {
        self.line += self.text[self.at..self.at + length].matches('\n').count();
        self.at += length;
    }

    fn strange(&mut self, what: &'static str) {
        let line = self.line;
        self.cut.strange.push(Strange { line, what });
    }

    fn push(&mut self, kind: Kind, length: usize) {
        if self.tokens.is_empty() {
            self.start = self.line;
        }
        self.tokens.push(Token { kind, text: &self.rest()[..length] });
        self.skip(length);
    }

    fn end_statement(&mut self) {
        if !self.tokens.is_empty() {
            let tokens = std::mem::take(&mut self.tokens);
            self.cut.statements.push(Statement { line: self.start, tokens });
        }
    }

    fn piece(&mut self, first: char) {
        let rest = self.rest();
        match first {
            ' ' | '\t' | '\n' | '\r' => self.skip(1),
            ';' => {
                self.skip(1);
                self.end_statement();
            }
            '-' if rest.starts_with("--") && self.is_comment(2, self.rules.spaced_dashes) => self.skip_line(),
            '#' if self.is_hash_comment() => self.skip_line(),
            '/' if rest.starts_with("/*") => self.comment(),
            '*' if self.is_conditional && rest.starts_with("*/") => {
                self.is_conditional = false;
                self.skip(2);
            }
            '\'' => self.string(0, self.rules.backslashes),
            '"' => self.quoted('"', self.rules.backslashes),
            '`' if self.rules.backticks || self.is_plain_until('`') => self.quoted('`', false),
            '[' if self.rules.brackets && !self.is_plain_until(']') => self.quoted(']', false),
            '$' => self.dollar(),
            '(' | ')' | ',' | '[' | ']' | '{' | '}' | '.' | '`' => self.push(Kind::Sign, 1),
            c if c.is_ascii_digit() => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
                self.push(Kind::Number, length);
            }
            c if begins_word(c) || (c == '@' && rest[1..].starts_with(begins_word)) => self.word(),
            c if SIGNS.contains(c) => self.sign(),
            '\\' => {
                self.strange("a backslash outside a string");
                self.skip(1);
            }
            other => {
                self.strange("a character that is not SQL");
                self.skip(other.len_utf8());
            }
        }
    }

    /// Whether `--x` is a comment: where a space must follow, only if nothing hangs on it.
    fn is_comment(&self, length: usize, needs_space: bool) -> bool {
        let after = &self.rest()[length..];
        if !needs_space || after.is_empty() || after.starts_with(|c: char| c.is_ascii_whitespace()) {
            return true;
        }
        // Where no statement has begun it is one or the text is refused whole.
        hides_nothing(line_of(after), self.tokens.is_empty())
    }

    /// A comment of MySQL's is taken for one everywhere if nothing hangs on it.
    fn is_hash_comment(&self) -> bool {
        self.rules.hashes || (self.tokens.is_empty() && hides_nothing(line_of(self.rest()), true))
    }

    fn skip_line(&mut self) {
        let length = line_of(self.rest()).len();
        self.skip(length);
    }

    fn comment(&mut self) {
        let rest = self.rest();
        for opening in ["/*!", "/*M!"] {
            if self.rules.conditional && rest.starts_with(opening) {
                let digits = rest[opening.len()..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
                self.is_conditional = true;
                return self.skip(opening.len() + digits);
            }
        }
        let mut depth = 1_usize;
        let mut at = 2;
        while depth > 0 {
            let Some(next) = rest[at..].find(['*', '/']) else {
                self.strange("a comment that does not end");
                return self.skip(rest.len());
            };
            at += next;
            if rest[at..].starts_with("*/") {
                depth -= 1;
                at += 2;
            } else if self.rules.nested && rest[at..].starts_with("/*") {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        self.skip(at);
    }

    /// A string that begins `before` bytes further, behind what belongs to it.
    fn string(&mut self, before: usize, backslashes: bool) {
        if let Some(length) = end_of_quoted(&self.rest()[before..], '\'', backslashes) {
            self.push(Kind::Text, before + length);
        } else {
            self.strange("a string that does not end");
            self.push(Kind::Text, self.rest().len());
        }
    }

    fn quoted(&mut self, end: char, backslashes: bool) {
        if let Some(length) = end_of_quoted(self.rest(), end, backslashes) {
            self.push(Kind::Quoted, length);
        } else {
            self.strange("a name that does not end");
            self.push(Kind::Sign, self.rest().len());
        }
    }

    /// Whether what is in these quotes is the same for a database that does not know them.
    fn is_plain_until(&self, end: char) -> bool {
        let inner = &self.rest()[1..];
        let Some(length) = inner.find(end) else { return false };
        inner[..length].chars().all(|c| is_word(c) || " ,.-:".contains(c)) && !inner[..length].contains("--")
    }

    fn dollar(&mut self) {
        let rest = self.rest();
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2]);
        let tag = tag.filter(|tag| {
            tag[1..tag.len() - 1].chars().all(is_word) && !tag[1..].starts_with(|c: char| c.is_ascii_digit())
        });
        let Some(tag) = tag.filter(|_| self.rules.dollars) else { return self.push(Kind::Sign, 1) };
        if let Some(end) = rest[tag.len()..].find(tag) {
            self.push(Kind::Text, end + 2 * tag.len());
        } else {
            self.strange("a string that does not end");
            self.push(Kind::Text, rest.len());
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        // To PostgreSQL an `@` is an operator wherever it stands, and what follows it may be a `$$`.
        let is_in = |c: char| is_word(c) && (c != '@' || !self.rules.dollars);
        let length = rest.char_indices().skip(1).find(|(_, c)| !is_in(*c)).map_or(rest.len(), |(at, _)| at);
        let word = &rest[..length];
        if rest[length..].starts_with('\'') {
            // `E'…'`, `N'…'`, `_utf8'…'`: the quote belongs to the word.
            let small = word.to_ascii_lowercase();
            if !matches!(small.as_str(), "e" | "n" | "b" | "x") && !small.starts_with('_') {
                self.strange("a string syntax that only some databases have");
            }
            let escapes = self.rules.backslashes || (self.rules.dollars && small == "e");
            return self.string(length, escapes);
        }
        if word.eq_ignore_ascii_case("delimiter") && self.tokens.is_empty() {
            self.strange("DELIMITER");
        }
        if word.eq_ignore_ascii_case("go") && self.is_alone_on_its_line(length) {
            // What ends a batch of SQL Server's; nothing in any other database.
            self.skip(length);
            return self.end_statement();
        }
        self.push(Kind::Word, length);
    }

    fn is_alone_on_its_line(&self, length: usize) -> bool {
        let before = self.text[..self.at].rsplit('\n').next().unwrap_or_default();
        before.trim().is_empty() && line_of(&self.rest()[length..]).trim().is_empty()
    }

    fn sign(&mut self) {
        let rest = self.rest();
        let mut length = 0;
        for (at, c) in rest.char_indices() {
            let begins_comment = rest[at..].starts_with("--") || rest[at..].starts_with("/*");
            if !SIGNS.contains(c) || (at > 0 && (begins_comment || (c == '#' && self.rules.hashes))) {
                break;
            }
            length = at + 1;
            if at == 0 && begins_comment {
                break;
            }
        }
        let (sign, after) = rest.split_at(length);
        let is_put_in = match sign {
            ":" => after.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '\'' || c == '"'),
            "&" => after.starts_with(char::is_alphabetic),
            _ => false,
        };
        if is_put_in {
            self.strange("a variable");
        }
        if sign.contains("//") {
            self.strange("a comment that only some databases have");
        }
        self.push(Kind::Sign, length);
    }
}

fn begins_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || c == '@'
}

/// The rest of the line, without its end.
fn line_of(text: &str) -> &str {
    &text[..text.find('\n').unwrap_or(text.len())]
}

/// Words that change what a statement does when they stand in it.
const VERBS: [&str; 12] = [
    "drop", "rename", "change", "modify", "alter", "convert", "exchange", "truncate", "discard", "select", "set", "as",
];

/// Whether a line that is a comment to one database and code to another is of no consequence to the other.
fn hides_nothing(line: &str, is_first: bool) -> bool {
    let is_closed = line.contains([';', '\'', '"', '`', '$', '\\']) || line.contains("/*") || line.contains("*/");
    let has_verb = || line.split(|c: char| !is_word(c)).any(|word| VERBS.contains(&word.to_ascii_lowercase().as_str()));
    !is_closed && (is_first || !has_verb())
}

/// How long the quoted text at the start is; `None` when it does not end. A doubled quote is part of it.
fn end_of_quoted(text: &str, end: char, backslashes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslashes {
            chars.next();
        } else if c == end {
            if chars.peek().is_none_or(|(_, next)| *next != end) {
                return Some(at + end.len_utf8());
            }
            chars.next();
        }
    }
    None
}
