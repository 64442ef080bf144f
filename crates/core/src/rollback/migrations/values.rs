//! Which values of a Python migration only describe something, and do nothing when they are read.

use super::effect::Effect;
use super::python::{Block, Call, Expr, Names};
use super::sql;

/// Where constructors come from that only describe columns, constraints and the like.
const DESCRIBING: [&str; 9] = [
    "django.db.models.",
    "django.db.migrations.",
    "django.contrib.postgres.fields.",
    "django.contrib.postgres.indexes.",
    "django.contrib.postgres.constraints.",
    "django.contrib.postgres.search.",
    "django.contrib.postgres.operations.",
    "django.core.validators.",
    "sqlalchemy.",
];

/// Functions that do nothing but give a value.
const FUNCTIONS: [&str; 10] = [
    "django.db.migrations.swappable_dependency",
    "alembic.op.f",
    "logging.getLogger",
    "sqlalchemy.func.now",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.gen_random_uuid",
    "sqlalchemy.sql.func.now",
    "sqlalchemy.sql.func.current_timestamp",
    "sqlalchemy.func.lower",
    "sqlalchemy.func.upper",
];

/// Functions that take SQL.
const OF_SQL: [&str; 4] =
    ["sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.literal_column", "sqlalchemy.sql.expression.text"];

/// What takes SQL or a function's name as a text, whatever it is called with.
const OPAQUE: [&str; 5] = ["RawSQL", "Func", "Computed", "DDL", "RunSQL"];

/// Names of what takes something away, wherever it stands.
const TAKES_AWAY: [&str; 11] = [
    "drop_column",
    "drop_table",
    "rename_table",
    "drop_all",
    "delete_model",
    "remove_field",
    "RemoveField",
    "DeleteModel",
    "RenameField",
    "RenameModel",
    "AlterModelTable",
];

/// Whether a value only describes something.
pub(super) fn is_plain(value: &Expr, names: &Names) -> bool {
    match value {
        Expr::Text(_) | Expr::Number | Expr::Name(_) => true,
        Expr::List(all) | Expr::Set(all) => all.iter().all(|value| is_plain(value, names)),
        Expr::Call(call) => describes(call, names),
        Expr::Other => false,
    }
}

/// Whether a call only describes something, with all that it is given.
pub(super) fn describes(call: &Call, names: &Names) -> bool {
    let Some(path) = names.path(&call.name) else { return false };
    if is_sql(&path) {
        return call.text(0, "text").is_some_and(sql::is_harmless_expression);
    }
    let last = path.rsplit('.').next().unwrap_or_default();
    let is_class = last.starts_with(|c: char| c.is_ascii_uppercase()) && !OPAQUE.contains(&last);
    let is_known =
        FUNCTIONS.contains(&path.as_str()) || (is_class && DESCRIBING.iter().any(|from| path.starts_with(from)));
    is_known && has_plain_arguments(call, names)
}

/// Whether all that a call is given only describes something.
pub(super) fn has_plain_arguments(call: &Call, names: &Names) -> bool {
    call.arguments().all(|value| is_plain(value, names))
}

/// Whether this is a function that takes SQL: `sa.text`.
pub(super) fn is_sql(path: &str) -> bool {
    OF_SQL.contains(&path)
}

/// What code that was not read whole seems to take away: a name or a text in it says so.
pub(super) fn suspicions<'a>(code: impl Iterator<Item = &'a Block>) -> Vec<Effect> {
    let mut found = Vec::new();
    for block in code {
        for (name, line) in block.words().filter(|(name, _)| TAKES_AWAY.contains(name)) {
            found.push(
                Effect::destructive(format!("has {name} in code that cannot be fully parsed"), sql::MAY_READ).on(line),
            );
        }
        found.extend(block.texts().filter_map(|(text, line)| sql::suspicion(text).map(|effect| effect.on(line))));
    }
    found.truncate(8);
    found
}
