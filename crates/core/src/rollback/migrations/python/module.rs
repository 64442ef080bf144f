//! A module's statements in their blocks, and what its names stand for.

use super::tokens::{Line, Piece, Token, lines};
use super::{Expr, value};
use std::collections::BTreeMap;

/// Blocks within blocks deeper than this are not read.
const DEEPEST: usize = 32;

/// A statement, and those that are indented under it.
#[derive(Debug)]
pub(in super::super) struct Block {
    pieces: Vec<Piece>,
    /// What is indented under it.
    pub(in super::super) body: Vec<Block>,
}

/// What a statement is, as far as a migration needs it.
#[derive(Debug)]
pub(in super::super) enum Statement<'a> {
    /// `import …` or `from … import …`, of names that are told one by one.
    Import,
    /// A text alone, or `pass`.
    Idle,
    /// `name = value`.
    Assigned(&'a str, Expr),
    /// `def name(…):` without anything that runs when it is read, and whether it takes arguments.
    Function(&'a str, bool),
    /// `class name(base):`; `None` for a base that is more than a name.
    Class(&'a str, Option<String>),
    /// `with value as name:`.
    With(Expr, &'a str),
    /// `with op.get_context().autocommit_block():`.
    Autocommit,
    /// A value alone: a call.
    Value(Expr),
    /// Anything else.
    Other,
}

/// What names stand for: where they were imported from.
#[derive(Debug, Default)]
pub(in super::super) struct Names {
    bound: BTreeMap<String, Vec<Option<String>>>,
    has_star: bool,
}

/// A whole source.
#[derive(Debug)]
pub(in super::super) struct Module {
    /// Its statements.
    pub(in super::super) blocks: Vec<Block>,
    /// What its names stand for.
    pub(in super::super) names: Names,
    /// That it could not be cut as Python would.
    pub(in super::super) is_broken: bool,
}

impl Module {
    /// Reads a source.
    pub(in super::super) fn read(source: &str) -> Self {
        let found = lines(source);
        let mut is_broken = found.is_broken;
        let mut lines = found.lines.into_iter().peekable();
        let blocks = blocks(&mut lines, 0, &mut is_broken);
        let mut names = Names::default();
        for block in &blocks {
            names.learn(block);
        }
        Self { blocks, names, is_broken }
    }

    /// Every piece of it, wherever it stands.
    pub(in super::super) fn all(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flat_map(Block::all)
    }
}

/// The statements that are indented alike, with what is indented under each.
fn blocks(lines: &mut std::iter::Peekable<std::vec::IntoIter<Line>>, depth: usize, is_broken: &mut bool) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let Some(indent) = lines.peek().map(|line| line.indent) else { return found };
    while let Some(line) = lines.peek() {
        if line.indent < indent && depth > 0 {
            break;
        }
        *is_broken |= line.indent != indent && (line.indent < indent || found.is_empty());
        if line.indent > indent && depth < DEEPEST && !found.is_empty() {
            let body = blocks(lines, depth + 1, is_broken);
            if let Some(head) = found.last_mut() {
                *is_broken |=
                    !head.body.is_empty() || head.pieces.last().map(|piece| &piece.token) != Some(&Token::Colon);
                head.body.extend(body);
            }
            continue;
        }
        *is_broken |= depth >= DEEPEST;
        found.extend(lines.next().map(|line| Block { pieces: line.pieces, body: Vec::new() }));
    }
    found
}

impl Block {
    /// The line on which it begins, from 1.
    pub(in super::super) fn line(&self) -> usize {
        self.pieces.first().map_or(1, |piece| piece.line)
    }

    /// It and all that is indented under it.
    pub(in super::super) fn all(&self) -> Box<dyn Iterator<Item = &Block> + '_> {
        Box::new(std::iter::once(self).chain(self.body.iter().flat_map(Block::all)))
    }

    /// Its names, each with its line; not those under it.
    pub(in super::super) fn words(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pieces.iter().filter_map(|piece| match &piece.token {
            Token::Name(name) => Some((name.as_str(), piece.line)),
            _ => None,
        })
    }

    /// Its strings, each with its line; not those under it.
    pub(in super::super) fn texts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pieces.iter().filter_map(|piece| match &piece.token {
            Token::Text(text) | Token::Formatted(text) => Some((text.as_str(), piece.line)),
            _ => None,
        })
    }

    fn token(&self, at: usize) -> Option<&Token> {
        self.pieces.get(at).map(|piece| &piece.token)
    }

    fn name(&self, at: usize) -> Option<&str> {
        match self.token(at)? {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    /// What it is.
    pub(in super::super) fn statement(&self) -> Statement<'_> {
        let is_head = !self.body.is_empty();
        match (self.name(0), is_head) {
            (Some("import" | "from"), false) => Statement::Import,
            (Some("pass"), false) if self.pieces.len() == 1 => Statement::Idle,
            (Some("def"), true) => self.function(),
            (Some("class"), true) => self.class(),
            (Some("with"), true) => self.with(),
            (_, true) => Statement::Other,
            (_, false) => self.simple(),
        }
    }

    fn simple(&self) -> Statement<'_> {
        if self.pieces.iter().all(|piece| matches!(piece.token, Token::Text(_))) {
            return Statement::Idle;
        }
        if let Some(name) = self.name(0) {
            let after = match self.token(1) {
                Some(Token::Equals) => Some(2),
                // `name: type = value`; the type is computed as well.
                Some(Token::Colon) => {
                    let plain = self.pieces[2..].iter().position(|piece| piece.token == Token::Equals);
                    plain.filter(|at| self.is_plain_type(2, 2 + at)).map(|at| at + 3)
                }
                _ => None,
            };
            if let Some(at) = after {
                return Statement::Assigned(name, value(&self.pieces[at..]));
            }
        }
        match value(&self.pieces) {
            Expr::Other => Statement::Other,
            value => Statement::Value(value),
        }
    }

    /// Whether nothing is called in a type.
    fn is_plain_type(&self, from: usize, to: usize) -> bool {
        !self.pieces[from..to].iter().any(|piece| matches!(piece.token, Token::Open('(')))
    }

    fn function(&self) -> Statement<'_> {
        let Some(name) = self.name(1) else { return Statement::Other };
        let calls =
            self.pieces.iter().filter(|piece| matches!(piece.token, Token::Open(bracket) if bracket != '[')).count();
        let takes = self.token(3) != Some(&Token::Close);
        if calls == 1 && self.token(2) == Some(&Token::Open('(')) {
            Statement::Function(name, takes)
        } else {
            // A default that is computed runs now.
            Statement::Other
        }
    }

    fn class(&self) -> Statement<'_> {
        let Some(name) = self.name(1) else { return Statement::Other };
        if self.pieces.len() == 3 && self.token(2) == Some(&Token::Colon) {
            return Statement::Class(name, Some(String::new()));
        }
        let end = self.pieces.len() - 1;
        if self.token(2) != Some(&Token::Open('(')) || self.token(end) != Some(&Token::Colon) {
            return Statement::Other;
        }
        match value(&self.pieces[2..end]) {
            Expr::Name(base) => Statement::Class(name, Some(base)),
            _ => Statement::Class(name, None),
        }
    }

    fn with(&self) -> Statement<'_> {
        let names: Vec<&str> = self.words().map(|(name, _)| name).collect();
        let signs = self.pieces.iter().filter(|piece| !matches!(piece.token, Token::Name(_)));
        if names == ["with", "op", "get_context", "autocommit_block"] && signs.count() == 7 {
            return Statement::Autocommit;
        }
        let end = self.pieces.len() - 1;
        match (self.name(end.saturating_sub(1)), self.name(end.saturating_sub(2)), self.token(end)) {
            (Some(name), Some("as"), Some(Token::Colon)) => {
                Statement::With(value(&self.pieces[1..end.saturating_sub(2).max(1)]), name)
            }
            _ => Statement::Other,
        }
    }
}

impl Names {
    /// Whether something was imported that is not told by its name.
    pub(in super::super) fn has_star(&self) -> bool {
        self.has_star
    }

    /// Whether something has this name, and nothing else takes it.
    pub(in super::super) fn is_bound_once(&self, name: &str) -> bool {
        self.bound.get(name).is_some_and(|bound| bound.len() == 1)
    }

    /// What a dotted name stands for, from where it was imported: `django.db.migrations.AddField`. `None` when that
    /// is not certain. What is bound nowhere stands for what everybody calls so: else the source would not run.
    pub(in super::super) fn path(&self, name: &str) -> Option<String> {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let root = match self.bound.get(first).map(Vec::as_slice) {
            Some([Some(path)]) => path.clone(),
            Some(_) => return None,
            None => match first {
                "migrations" => "django.db.migrations".to_owned(),
                "models" => "django.db.models".to_owned(),
                "op" => "alembic.op".to_owned(),
                "sa" => "sqlalchemy".to_owned(),
                other => other.to_owned(),
            },
        };
        Some(rest.map_or(root.clone(), |rest| format!("{root}.{rest}")))
    }

    fn bind(&mut self, name: &str, path: Option<String>) {
        let bound = self.bound.entry(name.to_owned()).or_default();
        // `import a.b` and `import a.c` both bind `a`, to the same.
        if !bound.contains(&path) || path.is_none() {
            bound.push(path);
        }
    }

    fn learn(&mut self, block: &Block) {
        match block.statement() {
            Statement::Import => self.learn_import(block),
            Statement::Assigned(name, _) | Statement::Function(name, _) | Statement::Class(name, _) => {
                self.bind(name, None);
            }
            Statement::Idle => {}
            // Whatever it names, it may give another meaning.
            Statement::With(..) | Statement::Autocommit | Statement::Value(_) | Statement::Other => {
                for (name, _) in block.all().flat_map(Block::words) {
                    self.bind(name, None);
                }
            }
        }
    }

    fn learn_import(&mut self, block: &Block) {
        let pieces = &block.pieces;
        let import = pieces.iter().position(|piece| piece.token == Token::Name("import".to_owned()));
        let Some(import) = import else { return self.has_star = true };
        let dotted = |pieces: &[Piece]| -> Option<String> {
            pieces
                .iter()
                .map(|piece| match &piece.token {
                    Token::Name(name) => Some(name.as_str()),
                    Token::Dot => Some("."),
                    _ => None,
                })
                .collect()
        };
        let from = if import == 0 { Some(None) } else { dotted(&pieces[1..import]).map(Some) };
        let Some(from) = from else { return self.has_star = true };
        let rest = pieces[import + 1..].iter().filter(|piece| !matches!(piece.token, Token::Open('(') | Token::Close));
        let rest: Vec<Piece> = rest.cloned().collect();
        for part in rest.split(|piece| piece.token == Token::Comma).filter(|part| !part.is_empty()) {
            let is_as = part.iter().rposition(|piece| piece.token == Token::Name("as".to_owned()));
            let (what, alias) = match is_as.filter(|at| *at > 0) {
                Some(at) => (&part[..at], dotted(&part[at + 1..])),
                None => (part, None),
            };
            let Some(what) = dotted(what) else { return self.has_star = true };
            match (&from, alias) {
                (Some(from), alias) => {
                    self.bind(&alias.unwrap_or_else(|| what.clone()), Some(format!("{from}.{what}")));
                }
                (None, Some(alias)) => self.bind(&alias, Some(what)),
                (None, None) => {
                    let first = what.split('.').next().unwrap_or_default().to_owned();
                    self.bind(&first, Some(first.clone()));
                }
            }
        }
    }
}
