//! What an Alembic migration does: the calls of `op` in its `upgrade`. Only an `upgrade` that is nothing but such calls
//! is read whole; what else is in it may do anything.

use super::effect::{Effect, Weight};
use super::python::{Block, Call, Expr, Module, Names, Statement};
use super::sql::{self, CANNOT_DELETE, CANNOT_INSERT, MAY_BREAK, MAY_READ, MAY_WRITE, OLD_NAME};
use super::values;

/// Where the calls go: to `op`, or to a batch of one table.
#[derive(Clone, Copy)]
enum Through<'a> {
    Op,
    Batch { name: &'a str, table: &'a str },
}

/// What its `upgrade` does, call by call.
pub(super) fn effects(source: &str) -> Vec<Effect> {
    let module = Module::read(source);
    let mut upgrades = Vec::new();
    let mut effects = Vec::new();
    for block in &module.blocks {
        match block.statement() {
            Statement::Function("upgrade", false) => upgrades.push(block),
            Statement::Import | Statement::Idle | Statement::Function(..) => {}
            Statement::Assigned(_, value) if values::is_plain(&value, &module.names) => {}
            _ => effects.extend(unread(block, "runs custom code when loaded")),
        }
    }
    match upgrades.as_slice() {
        [upgrade] if module.names.is_bound_once("upgrade") => {
            effects.extend(body(&upgrade.body, Through::Op, &module.names));
        }
        _ => effects.push(Effect::unsure("has no readable upgrade", MAY_BREAK)),
    }
    if module.is_broken || module.names.has_star() {
        effects.push(Effect::unsure("is only partly readable", MAY_BREAK));
    }
    if module.is_broken {
        effects.extend(values::suspicions(module.all()));
    }
    effects
}

/// What a statement does that is more than a call of `op`.
fn unread(block: &Block, what: &str) -> Vec<Effect> {
    let mut effects = vec![Effect::unsure(what, MAY_BREAK).on(block.line())];
    effects.extend(values::suspicions(block.all()));
    effects
}

fn body(blocks: &[Block], through: Through<'_>, names: &Names) -> Vec<Effect> {
    let mut effects = Vec::new();
    for block in blocks {
        effects.extend(match block.statement() {
            Statement::Idle => Vec::new(),
            Statement::Value(Expr::Call(call)) => match method(&call, through, names) {
                Some(method) if method == "execute" => executed(block, &call, names),
                Some(method) => operation(&call, &method, through, names),
                None => unread(block, "runs custom code"),
            },
            Statement::Autocommit
                if matches!(through, Through::Op) && names.path("op").as_deref() == Some("alembic.op") =>
            {
                body(&block.body, through, names)
            }
            Statement::With(Expr::Call(call), name)
                if method(&call, Through::Op, names).as_deref() == Some("batch_alter_table")
                    && values::has_plain_arguments(&call, names)
                    && name != "op" =>
            {
                let table = call.text(0, "table_name").unwrap_or("?");
                body(&block.body, Through::Batch { name, table }, names)
            }
            _ => unread(block, "runs custom code"),
        });
    }
    effects
}

/// The operation that is called: `drop_column` of `op.drop_column`.
fn method(call: &Call, through: Through<'_>, names: &Names) -> Option<String> {
    match through {
        Through::Op => names.path(&call.name)?.strip_prefix("alembic.op.").map(str::to_owned),
        Through::Batch { name, .. } => call.name.strip_prefix(name)?.strip_prefix('.').map(str::to_owned),
    }
}

fn operation(call: &Call, method: &str, through: Through<'_>, names: &Names) -> Vec<Effect> {
    // In a batch the table is said once, around it all.
    let place = |place: usize| place - usize::from(matches!(through, Through::Batch { .. }));
    let text = |at: usize, name: &str| call.text(place(at), name).unwrap_or("?");
    let table = match through {
        Through::Batch { table, .. } => table,
        Through::Op => call.text(0, "table_name").or_else(|| call.text(0, "source_table")).unwrap_or("?"),
    };
    let one = match method {
        "drop_column" => Effect::destructive(format!("drops {table}.{}", text(1, "column_name")), MAY_READ),
        "drop_table" => Effect::destructive(format!("drops the table {table}"), MAY_READ),
        "rename_table" => {
            let (old, new) = (call.text(0, "old_table_name"), call.text(1, "new_table_name"));
            Effect::destructive(format!("renames {} to {}", old.unwrap_or("?"), new.unwrap_or("?")), OLD_NAME)
        }
        "alter_column" => {
            let column = text(1, "column_name");
            match call.named_argument("new_column_name").or_else(|| call.named_argument("name")) {
                Some(_) => Effect::destructive(format!("renames {table}.{column}"), OLD_NAME),
                None => Effect::unsure(format!("changes {table}.{column}"), MAY_BREAK),
            }
        }
        "add_column" => added(call, table, place(1)),
        "create_table" => created(call, table),
        "create_index" => match call.named_argument("unique") {
            Some(unique) if !unique.is("False") => {
                Effect::unsure(format!("adds a unique index to {}", text(1, "table_name")), MAY_WRITE)
            }
            _ => Effect::additive("adds an index"),
        },
        "create_unique_constraint"
        | "create_foreign_key"
        | "create_check_constraint"
        | "create_primary_key"
        | "create_exclude_constraint" => Effect::unsure("adds a constraint", MAY_WRITE),
        "drop_constraint" => Effect::unsure("drops a constraint", "may rely on it"),
        "drop_index" => Effect::unsure("drops an index", "may be slow without it"),
        "create_table_comment" | "drop_table_comment" => Effect::additive("comments on a table"),
        other => Effect::unsure(format!("does {other}, which redflag does not know"), MAY_BREAK),
    };
    let one = one.on(call.line);
    if one.weight == Weight::Additive && !values::has_plain_arguments(call, names) {
        return vec![Effect::unsure(format!("{} in a way that cannot be parsed", one.what), MAY_BREAK).on(call.line)];
    }
    vec![one]
}

/// SQL that is given as a text, or as `sa.text` of one.
fn executed(block: &Block, call: &Call, names: &Names) -> Vec<Effect> {
    let alone = call.arguments().count() == 1;
    let written = match call.argument(0, "sqltext") {
        Some(Expr::Text(text)) => Some(text.as_str()),
        Some(Expr::Call(inner)) if names.path(&inner.name).is_some_and(|path| values::is_sql(&path)) => {
            inner.text(0, "text").filter(|_| inner.arguments().count() == 1)
        }
        _ => None,
    };
    match written.filter(|_| alone) {
        Some(text) => sql::effects(text).into_iter().map(|effect| effect.behind(call.line)).collect(),
        None => unread(block, "runs SQL that cannot be parsed"),
    }
}

/// Whether a column or constraint keeps rows of another table: a foreign key that does not go along.
fn keeps_rows(call: &Call) -> bool {
    let is_foreign =
        ["ForeignKey", "ForeignKeyConstraint"].iter().any(|name| call.name.rsplit('.').next() == Some(name));
    let goes_along = || matches!(call.named_argument("ondelete"), Some(Expr::Text(text)) if ["CASCADE", "SET NULL"].iter().any(|it| text.eq_ignore_ascii_case(it)));
    (is_foreign && !goes_along())
        || call.arguments().any(|argument| matches!(argument, Expr::Call(inner) if keeps_rows(inner)))
}

fn created(call: &Call, table: &str) -> Effect {
    if keeps_rows(call) {
        return Effect::unsure(format!("adds the table {table} with a foreign key"), CANNOT_DELETE);
    }
    Effect::additive(format!("adds the table {table}"))
}

fn added(call: &Call, table: &str, place: usize) -> Effect {
    let Some(Expr::Call(column)) = call.argument(place, "column") else {
        return Effect::unsure(format!("adds a column to {table}"), MAY_BREAK);
    };
    let what = format!("adds {table}.{}", column.text(0, "name").unwrap_or("?"));
    let is_set = |name: &str| column.named_argument(name).is_some_and(|value| !value.is("False") && !value.is("None"));
    if keeps_rows(column) {
        return Effect::unsure(format!("{what} with a foreign key"), CANNOT_DELETE);
    }
    let constrains = |value: &Expr| matches!(value, Expr::Call(inner) if ["CheckConstraint", "UniqueConstraint"].iter().any(|name| inner.name.ends_with(name)));
    if is_set("unique") || is_set("primary_key") || column.arguments().any(constrains) {
        return Effect::unsure(format!("{what} with a constraint"), MAY_WRITE);
    }
    let is_nullable = column.named_argument("nullable").is_none_or(|value| value.is("True"));
    let fills = |value: &Expr| matches!(value, Expr::Call(inner) if inner.name.ends_with("Identity"));
    if !is_nullable && !is_set("server_default") && !column.arguments().any(fills) {
        return Effect::unsure(format!("{what}, NOT NULL and without a default in the database"), CANNOT_INSERT);
    }
    Effect::additive(what)
}

#[cfg(test)]
mod tests;
