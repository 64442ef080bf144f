//! As much of Python's syntax as a migration needs: what is assigned to a name at the top of a class or module,
//! read as calls, lists and texts. Never runs anything, and says `Other` where it does not understand.

mod tokens;

use tokens::{Token, tokens};

/// Deeper nesting than this is not read: no migration is written so.
const DEEPEST: usize = 64;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A string, its pieces joined.
    Text(String),
    /// A name with its dots: `models.CASCADE`, `True`.
    Name(String),
    /// A call.
    Call(Call),
    /// A list or a tuple.
    List(Vec<Expr>),
    /// Anything else.
    Other,
}

/// A call: `migrations.AddField(model_name="order", …)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// What is called, with its dots.
    pub(super) name: String,
    positional: Vec<Expr>,
    named: Vec<(String, Expr)>,
}

impl Call {
    /// The last part of what is called: `AddField`.
    pub(super) fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

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
}

/// The list that is assigned to `name`, outside of any brackets. `None` when there is none, when it is made by more
/// than a plain list, or when it is touched again afterwards.
pub(super) fn assigned_list(source: &str, name: &str) -> Option<Vec<Expr>> {
    let tokens = tokens(source);
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let mut found = None;
    while let Some(token) = parser.next() {
        match token {
            Token::Open(_) => parser.skip_to_close(),
            // `self.operations` is another thing.
            Token::Dot => parser.at += 1,
            Token::Name(word) if word == name => {
                if parser.peek() == Some(&Token::Colon) {
                    parser.skip_annotation();
                }
                if found.is_some() || !parser.take(&Token::Equals) {
                    return None;
                }
                let value = parser.expression();
                let ends = matches!(parser.peek(), None | Some(Token::Newline));
                match value {
                    Expr::List(list) if ends => found = Some(list),
                    _ => return None,
                }
            }
            _ => {}
        }
    }
    found
}

/// Every call in the source whose dotted name begins with one of these, in order, wherever it stands.
pub(super) fn calls(source: &str, prefixes: &[&str]) -> Vec<Call> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        let follows_dot = start > 0 && tokens[start - 1] == Token::Dot;
        if follows_dot || !matches!(&tokens[start], Token::Name(word) if prefixes.contains(&word.as_str())) {
            continue;
        }
        let mut parser = Parser { tokens: &tokens, at: start, depth: 0 };
        if let Expr::Call(call) = parser.primary() {
            found.push(call);
        }
    }
    found
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.peek() == Some(token);
        self.at += usize::from(there);
        there
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

    /// To the `=` or the line's end after a type annotation.
    fn skip_annotation(&mut self) {
        while let Some(token) = self.peek() {
            match token {
                Token::Equals | Token::Newline => return,
                Token::Open(_) => {
                    self.at += 1;
                    self.skip_to_close();
                }
                _ => self.at += 1,
            }
        }
    }

    /// To the end of an expression, over whatever is in it.
    fn skip_rest(&mut self) {
        while let Some(token) = self.peek() {
            match token {
                Token::Comma | Token::Close | Token::Newline => return,
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
        let value = if self.peek() == Some(&Token::Name("lambda".to_owned())) { Expr::Other } else { self.primary() };
        match self.peek() {
            None | Some(Token::Comma | Token::Close | Token::Newline) => value,
            _ => {
                self.skip_rest();
                Expr::Other
            }
        }
    }

    /// A value with what hangs on it: `a.b(…).c[…]`.
    fn primary(&mut self) -> Expr {
        let mut value = match self.peek() {
            Some(Token::Text(_)) => {
                let mut joined = String::new();
                while let Some(Token::Text(text)) = self.peek() {
                    joined.push_str(text);
                    self.at += 1;
                }
                Expr::Text(joined)
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                Expr::Name(name.clone())
            }
            Some(Token::Open(bracket)) => {
                self.at += 1;
                self.bracketed(*bracket)
            }
            // A number, a sign, a star.
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
                    self.at += 1;
                    self.call(name)
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

    /// What is between brackets of which the first was just taken.
    fn bracketed(&mut self, bracket: char) -> Expr {
        if bracket == '{' || self.depth >= DEEPEST {
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
                Some(_) => list.push(self.inner()),
            }
        }
        // Brackets around one value alone are only brackets.
        if bracket == '(' && !commas && list.len() == 1 { list.remove(0) } else { Expr::List(list) }
    }

    fn call(&mut self, name: String) -> Expr {
        if self.depth >= DEEPEST {
            self.skip_to_close();
            return Expr::Other;
        }
        let mut call = Call { name, positional: Vec::new(), named: Vec::new() };
        loop {
            match (self.peek(), self.tokens.get(self.at + 1)) {
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn text(text: &str) -> Expr {
        Expr::Text(text.to_owned())
    }

    #[test]
    fn a_list_is_read_over_lines_comments_and_brackets_in_strings() {
        let source = "class M:\n    # operations = [1]\n    operations = [  # here\n        'a]b', \"c\"\n        'd',\n        \
                      (\"e\", 'f'),  # ]\n    ]\n    other = 1\n";
        let list = assigned_list(source, "operations").unwrap();
        assert_eq!(list, [text("a]b"), text("cd"), Expr::List(vec![text("e"), text("f")])]);
    }

    #[test]
    fn strings_of_every_kind_are_one() {
        let source = "x = ['''a\n'b' ''' r'\\d' \"\\\"q\\\"\", rb'z', f\"{y}\"]";
        assert_eq!(assigned_list(source, "x").unwrap(), [text("a\n'b' \\d\"q\""), text("z"), text("{y}")]);
    }

    #[test]
    fn a_call_has_its_arguments_by_place_and_by_name() {
        let source = "x = [a.b.C('one', two=d.E(null=True), f=lambda apps, editor: {1: 2}, g=-1, *rest)]";
        let list = assigned_list(source, "x").unwrap();
        let [Expr::Call(call)] = list.as_slice() else { panic!("{list:?}") };
        assert_eq!((call.name.as_str(), call.short_name()), ("a.b.C", "C"));
        assert_eq!(call.text(0, "first"), Some("one"));
        let Some(Expr::Call(inner)) = call.argument(9, "two") else { panic!("{call:?}") };
        assert_eq!(inner.named_argument("null"), Some(&Expr::Name("True".to_owned())));
        assert_eq!(call.named_argument("f"), Some(&Expr::Other));
        assert_eq!(call.named_argument("g"), Some(&Expr::Other));
    }

    #[test]
    fn what_is_more_than_a_plain_list_is_not_pretended_to_be_read() {
        for source in [
            "x = [1] + more",
            "x = make()",
            "x = [1]\nx += [2]",
            "x = [1]\nx.append(2)",
            "x = [",
            "x = [1][0]",
            "y = []",
            "",
        ] {
            assert_eq!(assigned_list(source, "x"), None, "{source}");
        }
        assert_eq!(assigned_list("x: list[Op] = []", "x"), Some(Vec::new()));
        assert_eq!(assigned_list("self.x = 1\nx = ()\nf(x=[1])", "x"), Some(Vec::new()));
        assert_eq!(assigned_list("x = [\n a for a in b\n]", "x"), Some(vec![Expr::Other]));
    }

    #[test]
    fn broken_and_hostile_source_ends() {
        for source in ["x = [(", "x = [=,=]", "x = ['", "x = ]]]", "x = [a(b=)]", "x = [lambda", "\\"] {
            assigned_list(source, "x");
        }
        let deep = format!("x = {}", "[".repeat(100_000));
        assert_eq!(assigned_list(&deep, "x"), None);
    }

    #[test]
    fn calls_are_found_wherever_they_stand() {
        let source = "def upgrade():\n    op.drop_column('orders', 'old')\n    with op.batch_alter_table('t') as batch_op:\n        \
                      batch_op.drop_column('c')\n";
        let found = calls(source, &["op", "batch_op"]);
        let names: Vec<&str> = found.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["op.drop_column", "op.batch_alter_table", "batch_op.drop_column"]);
    }
}
