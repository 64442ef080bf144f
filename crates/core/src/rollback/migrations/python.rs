//! As much of Python's syntax as a migration needs: its statements in blocks, and values read as calls, lists and
//! texts. Never runs anything, and says so where it does not understand.

mod module;
mod tokens;

pub(super) use module::{Block, Module, Names, Statement};

use tokens::{Piece, Token};

/// Deeper nesting than this is not read: no migration is written so.
const DEEPEST: usize = 64;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A string, its pieces joined.
    Text(String),
    /// A number.
    Number,
    /// A name with its dots: `models.CASCADE`, `True`.
    Name(String),
    /// A call.
    Call(Call),
    /// A list or a tuple.
    List(Vec<Expr>),
    /// A set, or a dictionary with its keys.
    Set(Vec<Expr>),
    /// Anything else.
    Other,
}

/// A call: `migrations.AddField(model_name="order", …)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// What is called, with its dots.
    pub(super) name: String,
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    positional: Vec<Expr>,
    named: Vec<(String, Expr)>,
}

impl Call {
    /// An argument by its place or its name.
    pub(super) fn argument(&self, place: usize, name: &str) -> Option<&Expr> {
        self.named_argument(name).or_else(|| self.positional.get(place))
    }

    /// An argument that is given by its name.
    pub(super) fn named_argument(&self, name: &str) -> Option<&Expr> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A text argument by its place or its name.
    pub(super) fn text(&self, place: usize, name: &str) -> Option<&str> {
        match self.argument(place, name)? {
            Expr::Text(text) => Some(text),
            _ => None,
        }
    }

    /// All arguments.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &Expr> {
        self.positional.iter().chain(self.named.iter().map(|(_, value)| value))
    }
}

impl Expr {
    /// Whether it is this name.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Name(known) if known == name)
    }
}

/// The one value that these pieces are; `Other` when they are more.
fn value(pieces: &[Piece]) -> Expr {
    let mut parser = Parser { pieces, at: 0, depth: 0 };
    let value = parser.expression();
    if parser.peek().is_none() { value } else { Expr::Other }
}

struct Parser<'a> {
    pieces: &'a [Piece],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.pieces.get(self.at).map(|piece| &piece.token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    /// Behind the bracket that closes the one just opened.
    fn skip_to_close(&mut self) {
        let mut open = 1_usize;
        while let Some(token) = self.next() {
            match token {
                Token::Open(_) => open += 1,
                Token::Close => open -= 1,
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    /// To the end of an expression, over whatever is in it.
    fn skip_rest(&mut self) {
        while let Some(token) = self.peek() {
            match token {
                Token::Comma | Token::Close => return,
                Token::Open(_) => {
                    self.at += 1;
                    self.skip_to_close();
                }
                Token::Name(word) if word == "lambda" => self.skip_lambda(),
                _ => self.at += 1,
            }
        }
    }

    /// Over the parameters of a lambda: their commas separate no arguments.
    fn skip_lambda(&mut self) {
        while let Some(token) = self.next() {
            match token {
                Token::Colon => return,
                Token::Open(_) => self.skip_to_close(),
                Token::Close => {
                    self.at -= 1;
                    return;
                }
                _ => {}
            }
        }
    }

    fn expression(&mut self) -> Expr {
        let is_lambda = matches!(self.peek(), Some(Token::Name(word)) if word == "lambda");
        let value = if is_lambda { Expr::Other } else { self.primary() };
        match self.peek() {
            None | Some(Token::Comma | Token::Close) => value,
            // Only in braces is it the end of a key.
            Some(Token::Colon) if self.depth > 0 => value,
            _ => {
                self.skip_rest();
                Expr::Other
            }
        }
    }

    /// A value with what hangs on it: `a.b(…).c[…]`.
    fn primary(&mut self) -> Expr {
        let mut value = match self.peek() {
            Some(Token::Text(_) | Token::Formatted(_)) => self.texts(),
            Some(Token::Name(name)) => {
                self.at += 1;
                Expr::Name(name.clone())
            }
            Some(Token::Open(bracket)) => {
                self.at += 1;
                self.bracketed(*bracket)
            }
            Some(Token::Number) => {
                self.at += 1;
                Expr::Number
            }
            Some(Token::Minus) => {
                self.at += 1;
                if self.peek() == Some(&Token::Number) { self.primary() } else { Expr::Other }
            }
            Some(Token::Else) => {
                self.at += 1;
                Expr::Other
            }
            _ => Expr::Other,
        };
        loop {
            value = match (self.peek(), value) {
                (Some(Token::Dot), base) => {
                    self.at += 1;
                    match (base, self.next()) {
                        (Expr::Name(name), Some(Token::Name(part))) => Expr::Name(format!("{name}.{part}")),
                        _ => Expr::Other,
                    }
                }
                (Some(Token::Open('(')), Expr::Name(name)) => {
                    let line = self.pieces[self.at].line;
                    self.at += 1;
                    self.call(name, line)
                }
                (Some(Token::Open(_)), _) => {
                    self.at += 1;
                    self.skip_to_close();
                    Expr::Other
                }
                (_, value) => return value,
            };
        }
    }

    /// Strings that stand side by side are one.
    fn texts(&mut self) -> Expr {
        let mut joined = Some(String::new());
        loop {
            match (self.peek(), &mut joined) {
                (Some(Token::Text(text)), Some(joined)) => joined.push_str(text),
                (Some(Token::Formatted(_)), _) => joined = None,
                (Some(Token::Text(_)), None) => {}
                _ => return joined.map_or(Expr::Other, Expr::Text),
            }
            self.at += 1;
        }
    }

    /// What is between brackets of which the first was just taken.
    fn bracketed(&mut self, bracket: char) -> Expr {
        if self.depth >= DEEPEST {
            self.skip_to_close();
            return Expr::Other;
        }
        let mut list = Vec::new();
        let mut commas = false;
        loop {
            match self.peek() {
                None => return Expr::Other,
                Some(Token::Close) => {
                    self.at += 1;
                    break;
                }
                Some(Token::Comma) => {
                    self.at += 1;
                    commas = true;
                }
                Some(Token::Colon) if bracket == '{' => self.at += 1,
                Some(Token::Colon) => {
                    self.at += 1;
                    list.push(Expr::Other);
                }
                Some(_) => list.push(self.inner()),
            }
        }
        match bracket {
            '{' => Expr::Set(list),
            // Brackets around one value alone are only brackets.
            '(' if !commas && list.len() == 1 => list.remove(0),
            _ => Expr::List(list),
        }
    }

    fn call(&mut self, name: String, line: usize) -> Expr {
        if self.depth >= DEEPEST {
            self.skip_to_close();
            return Expr::Other;
        }
        let mut call = Call { name, line, positional: Vec::new(), named: Vec::new() };
        loop {
            match (self.peek(), self.pieces.get(self.at + 1).map(|piece| &piece.token)) {
                (None, _) => return Expr::Other,
                (Some(Token::Close), _) => {
                    self.at += 1;
                    return Expr::Call(call);
                }
                (Some(Token::Comma), _) => self.at += 1,
                (Some(Token::Name(key)), Some(Token::Equals)) => {
                    self.at += 2;
                    let value = self.inner();
                    call.named.push((key.clone(), value));
                }
                (Some(_), _) => {
                    let value = self.inner();
                    call.positional.push(value);
                }
            }
        }
    }

    fn inner(&mut self) -> Expr {
        let before = self.at;
        self.depth += 1;
        let value = self.expression();
        self.depth -= 1;
        // Broken source must not hold it up for ever.
        self.at = self.at.max(before + 1);
        value
    }
}

#[cfg(test)]
mod tests;
