//! Expressions that can be computed without anything happening, and what else is known by its name.

use super::lexer::{Kind, Statement};
use super::render::rendered;
use super::strange;
use super::words::plain_cut;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// Deeper nesting is not read: without optimization, each level of the parser takes some fifty kilobytes of stack.
pub(super) const DEEPEST: usize = 12;

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Worked out when a row is written without the column.
    Default,
    /// Worked out for every row that anybody writes: it must not fail on any of theirs.
    Index,
}

/// Functions that give a value and do nothing else.
const FUNCTIONS: [&str; 34] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timezone",
    "gen_random_uuid",
    "uuid_generate_v4",
    "uuid_generate_v1mc",
    "uuidv7",
    "uuid",
    "uuid_short",
    "newid",
    "newsequentialid",
    "sysdatetime",
    "sysutcdatetime",
    "getdate",
    "getutcdate",
    "sysdate",
    "datetime",
    "date",
    "strftime",
    "utc_timestamp",
    "unix_timestamp",
    "random",
    "nextval",
    "json_array",
    "json_object",
    "jsonb_build_object",
    "jsonb_build_array",
];

/// Functions that fail on no text.
const OF_TEXT: [&str; 10] =
    ["lower", "upper", "trim", "btrim", "ltrim", "rtrim", "coalesce", "nullif", "to_tsvector", "md5"];

/// Extensions of PostgreSQL that add to a database and change nothing that was there.
const EXTENSIONS: [&str; 17] = [
    "plpgsql",
    "pgcrypto",
    "uuid-ossp",
    "citext",
    "hstore",
    "pg_trgm",
    "btree_gin",
    "btree_gist",
    "unaccent",
    "ltree",
    "intarray",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "tablefunc",
    "vector",
    "postgis",
];

/// Settings of a session that change no statement's meaning.
const SETTINGS: [&str; 22] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "client_encoding",
    "names",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "row_security",
    "default_tablespace",
    "default_table_access_method",
    "default_with_oids",
    "search_path",
    "foreign_key_checks",
    "unique_checks",
    "time_zone",
    "timezone",
    "maintenance_work_mem",
    "work_mem",
    "innodb_lock_wait_timeout",
    "lock_wait_timeout",
];

/// Whether an extension of this name only adds.
pub(in super::super) fn is_known_extension(name: &str) -> bool {
    EXTENSIONS.contains(&name)
}

/// The dialects that a statement is read in.
pub(super) fn dialects() -> [&'static dyn Dialect; 5] {
    [&PostgreSqlDialect {}, &MySqlDialect {}, &SQLiteDialect {}, &MsSqlDialect {}, &GenericDialect {}]
}

/// Whether a statement is a `SET` or `PRAGMA` that changes no other statement's meaning.
pub(super) fn is_setting(statement: &Statement<'_>) -> bool {
    let Some((verb, mut rest)) = statement.tokens.split_first() else { return false };
    if verb.is("pragma") {
        return rest.first().is_some_and(|name| name.is("foreign_keys") || name.is("defer_foreign_keys"))
            && rest.iter().all(|token| matches!(token.kind, Kind::Word | Kind::Number) || token.text == "=");
    }
    if !verb.is("set") {
        return false;
    }
    while rest.first().is_some_and(|token| token.is("session") || token.is("local")) {
        rest = &rest[1..];
    }
    let Some((name, value)) = rest.split_first() else { return false };
    if name.is("standard_conforming_strings") {
        return value.last().is_some_and(|last| last.is("on")) && value.len() == 2;
    }
    let lists = name.is("search_path");
    SETTINGS.iter().any(|known| name.is(known))
        && value.iter().all(|token| match token.kind {
            Kind::Text | Kind::Number | Kind::Quoted => true,
            Kind::Word => !token.text.starts_with('@'),
            Kind::Sign => token.text == "=" || token.text == "-" || (lists && token.text == ","),
        })
}

/// Whether a `SELECT` reads no table and calls nothing that is not known to do nothing.
pub(super) fn is_idle_select(statement: &Statement<'_>) -> bool {
    let tokens = &statement.tokens;
    let calls = tokens.windows(2).filter(|pair| pair[1].text == "(" && pair[1].kind == Kind::Sign);
    let is_known = |name: &str| FUNCTIONS.iter().chain(&OF_TEXT).any(|known| name.eq_ignore_ascii_case(known));
    let mut calls = calls.map(|pair| pair[0].kind == Kind::Word && is_known(pair[0].text));
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    let is_setter = |word: &str| word.eq_ignore_ascii_case("nextval");
    tokens.first().is_some_and(|first| first.is("select"))
        && !["from", "into", "for", "with", "union"].iter().any(|word| has(word))
        && !tokens.iter().any(|token| is_setter(token.text) || token.text.contains(['@', '#']))
        && calls.all(|is_known| is_known)
        && tokens
            .iter()
            .all(|token| token.kind != Kind::Sign || ["(", ")", ",", "+", "-", "*", "=", "."].contains(&token.text))
}

/// Whether a text is one expression that does nothing, in every dialect that reads it.
pub(super) fn is_harmless_text(text: &str) -> bool {
    let Some(cut) = plain_cut(text).filter(|_| strange::of(text).is_empty()) else { return false };
    let [statement] = cut.statements.as_slice() else { return false };
    if statement.tokens.len() > 200 {
        return false;
    }
    let written = rendered(statement);
    let readings: Vec<Expr> = dialects().into_iter().filter_map(|dialect| expression(dialect, &written)).collect();
    !readings.is_empty() && readings.iter().all(|expr| is_harmless(expr, For::Default))
}

fn expression(dialect: &dyn Dialect, text: &str) -> Option<Expr> {
    let mut parser = Parser::new(dialect).with_recursion_limit(DEEPEST).try_with_sql(text).ok()?;
    let expr = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(expr)
}

/// Whether an expression does nothing, and, in an index, fails on nobody's row.
pub(super) fn is_harmless(expr: &Expr, what_for: For) -> bool {
    let rec = |expr: &Expr| is_harmless(expr, what_for);
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::TypedString(_) => true,
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::Interval(interval) => rec(&interval.value),
        Expr::Array(array) => array.elem.iter().all(rec),
        Expr::Nested(inner)
        | Expr::Prefixed { value: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner) => rec(inner),
        Expr::In { expr, target: InTarget::List(list), .. } => rec(expr) && list.iter().all(rec),
        Expr::Between { expr, low, high, .. } => rec(expr) && rec(low) && rec(high),
        Expr::Like { expr, pattern, .. } => rec(expr) && rec(pattern),
        Expr::UnaryOp { op, expr } => {
            matches!(op, UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not) && rec(expr)
        }
        Expr::BinaryOp { left, op, right } => is_harmless_operator(op, what_for) && rec(left) && rec(right),
        // A cast of a constant has worked, or the statement has not; one of a column fails on rows to come.
        Expr::Cast { expr, .. } => match what_for {
            For::Default => rec(expr),
            For::Index => matches!(**expr, Expr::Value(_)),
        },
        Expr::Function(function) => is_harmless_call(function, what_for),
        _ => false,
    }
}

fn is_harmless_operator(op: &BinaryOperator, what_for: For) -> bool {
    match op {
        BinaryOperator::Gt
        | BinaryOperator::Lt
        | BinaryOperator::GtEq
        | BinaryOperator::LtEq
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::StringConcat
        | BinaryOperator::Arrow
        | BinaryOperator::LongArrow
        | BinaryOperator::HashArrow
        | BinaryOperator::HashLongArrow => true,
        BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply => what_for == For::Default,
        _ => false,
    }
}

fn is_harmless_call(function: &Function, what_for: For) -> bool {
    let name = function.name.to_string().to_ascii_lowercase();
    let known = match what_for {
        For::Default => FUNCTIONS.contains(&name.as_str()) || OF_TEXT.contains(&name.as_str()),
        For::Index => OF_TEXT.contains(&name.as_str()),
    };
    let plain = function.within_group.is_empty()
        && function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && matches!(function.parameters, FunctionArguments::None);
    known
        && plain
        && match &function.args {
            FunctionArguments::None => true,
            FunctionArguments::Subquery(_) => false,
            FunctionArguments::List(list) => {
                list.clauses.is_empty()
                    && list.args.iter().all(|argument| match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_harmless(expr, what_for),
                        _ => false,
                    })
            }
        }
}
