//! What one statement does to the previous version: a list of what is harmless, and everything else is not.

use super::super::effect::{Effect, Weight};
use super::harmless::{self, DEEPEST, For};
use super::lexer::Statement as Written;
use super::render::rendered;
use super::{CANNOT_DELETE, MAY_BREAK, MAY_READ, MAY_WRITE, OLD_NAME, table, words};
use sqlparser::ast::{
    CreateIndex, CreateView, FromTable, Insert, ObjectName, ObjectType, Query, SetExpr, Statement, TableObject,
};
use sqlparser::dialect::Dialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::BTreeSet;

/// A statement of more pieces is told by its words: what a parser makes of it may be too deep to be let go of.
const LONGEST: usize = 3_000;

/// The tables that the same text has made: whatever is done to them, the previous version does not know them.
pub(super) type Fresh = BTreeSet<String>;

/// What it does, in every dialect that reads it whole: the worst counts.
pub(super) fn statement(written: &Written<'_>, fresh: &mut Fresh) -> Vec<Effect> {
    if harmless::is_setting(written) || harmless::is_idle_select(written) {
        return Vec::new();
    }
    if written.tokens.len() > LONGEST {
        return vec![words::unread(written)];
    }
    let text = rendered(written);
    let mut worst: Option<(Weight, Vec<Effect>)> = None;
    let mut made = None;
    for read in harmless::dialects().into_iter().filter_map(|dialect| read(dialect, &text)) {
        let effects = judged(&read, written, fresh);
        let weight = effects.iter().map(|effect| effect.weight).max().unwrap_or(Weight::Additive);
        if worst.as_ref().is_none_or(|(known, _)| weight > *known) {
            worst = Some((weight, effects));
        }
        made = made.or_else(|| made_table(&read));
        if weight == Weight::Destructive {
            // Nothing is worse.
            break;
        }
    }
    let Some((weight, mut effects)) = worst else { return vec![words::unread(written)] };
    if weight == Weight::Additive
        && !written.tokens[0].is("grant")
        && let Some(word) = words::foreign(written)
    {
        // A reading that has no use for such a word has missed something.
        effects.push(Effect::unsure(format!("has {word} in a statement that adds"), MAY_BREAK));
    }
    fresh.extend(made);
    effects
}

/// One whole statement of a dialect; `None` when it is none, or more.
fn read(dialect: &dyn Dialect, text: &str) -> Option<Statement> {
    let mut parser = Parser::new(dialect).with_recursion_limit(DEEPEST).try_with_sql(text).ok()?;
    let statement = parser.parse_statement().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(statement)
}

/// The name of a table that nothing else can have had before.
fn made_table(statement: &Statement) -> Option<String> {
    match statement {
        Statement::CreateTable(table) if !table.if_not_exists && !table.or_replace => Some(key(&table.name)),
        _ => None,
    }
}

/// A name as it is compared.
pub(super) fn key(name: &ObjectName) -> String {
    label(name).to_lowercase()
}

/// A name as it is told: without its quotes.
pub(super) fn label(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()));
    parts.collect::<Vec<_>>().join(".")
}

fn labels(names: &[ObjectName]) -> String {
    names.iter().map(label).collect::<Vec<_>>().join(", ")
}

fn judged(statement: &Statement, written: &Written<'_>, fresh: &Fresh) -> Vec<Effect> {
    let one = match statement {
        Statement::CreateTable(made) => return table::created(made, fresh),
        Statement::AlterTable(altered) => return table::altered(altered, fresh),
        Statement::CreateIndex(index) => created_index(index, fresh),
        Statement::CreateView(view) => created_view(view),
        Statement::CreateSchema { schema_name, or_replace: false, .. } => {
            Effect::additive(format!("adds the schema {schema_name}"))
        }
        Statement::CreateSequence { name, .. } => Effect::additive(format!("adds the sequence {}", label(name))),
        Statement::CreateType { name, .. } => Effect::additive(format!("adds the type {}", label(name))),
        Statement::CreateDomain(domain) => Effect::additive(format!("adds the domain {}", label(&domain.name))),
        Statement::CreateExtension(extension) => {
            let name = extension.name.value.to_lowercase();
            if harmless::is_known_extension(&name) {
                Effect::additive(format!("adds the extension {name}"))
            } else {
                Effect::unsure(format!("adds the extension {name}"), MAY_BREAK)
            }
        }
        Statement::Comment { object_name, .. } => Effect::additive(format!("comments on {}", label(object_name))),
        Statement::StartTransaction { statements, exception: None, .. } if statements.is_empty() => return Vec::new(),
        Statement::Commit { .. } | Statement::Analyze(_) | Statement::Use(_) | Statement::ShowVariable { .. } => {
            return Vec::new();
        }
        Statement::Grant(_) if !written.tokens.iter().any(|token| token.is("identified")) => {
            Effect::additive("grants privileges")
        }
        Statement::Revoke(_) | Statement::RevokeRole(_) | Statement::Deny(_) => {
            Effect::unsure("revokes privileges", "may need them")
        }
        Statement::Insert(insert) => inserted(insert, fresh),
        Statement::Update(update) => Effect::unsure(format!("changes rows of {}", update.table), MAY_BREAK),
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let table = from.first().map_or_else(|| labels(&delete.tables), ToString::to_string);
            Effect::destructive(format!("deletes rows of {}", table.replace(['"', '`', '[', ']'], "")), MAY_READ)
        }
        Statement::Truncate(truncate) => {
            let names: Vec<String> = truncate.table_names.iter().map(|target| label(&target.name)).collect();
            Effect::destructive(format!("empties {}", names.join(", ")), MAY_READ)
        }
        Statement::Drop { object_type, names, .. } => dropped(*object_type, &labels(names)),
        Statement::DropTrigger(drop) => {
            Effect::unsure(format!("drops the trigger {}", label(&drop.trigger_name)), MAY_BREAK)
        }
        Statement::DropPolicy(drop) => Effect::unsure(format!("drops the policy {}", drop.name), MAY_BREAK),
        Statement::RenameTable(renamed) => {
            let names: Vec<String> =
                renamed.iter().map(|it| format!("{} to {}", label(&it.old_name), label(&it.new_name))).collect();
            Effect::destructive(format!("renames {}", names.join(", ")), OLD_NAME)
        }
        Statement::CreateFunction(function) => {
            let verb = if function.or_replace || function.or_alter { "replaces" } else { "adds" };
            Effect::unsure(format!("{verb} the function {}", label(&function.name)), MAY_BREAK)
        }
        Statement::CreateProcedure { name, .. } => {
            Effect::unsure(format!("adds the procedure {}", label(name)), MAY_BREAK)
        }
        Statement::CreateTrigger(trigger) => {
            Effect::unsure(format!("adds the trigger {}", label(&trigger.name)), "writes rows that it sees too")
        }
        Statement::AlterType(altered) => return vec![altered_type(&label(&altered.name), written)],
        Statement::Query(_) => words::destructive(written).unwrap_or_else(|| {
            Effect::unsure("has a SELECT that reads tables or calls functions", "may break on what those do")
        }),
        _ => words::unread(written),
    };
    vec![one]
}

fn created_index(index: &CreateIndex, fresh: &Fresh) -> Effect {
    let table = label(&index.table_name);
    let name = index.name.as_ref().map_or_else(|| "without a name".to_owned(), label);
    let is_fresh = fresh.contains(&key(&index.table_name));
    if index.unique && !is_fresh {
        return Effect::unsure(format!("adds the unique index {name} to {table}"), MAY_WRITE);
    }
    let columns = index.columns.iter().map(|column| &column.column.expr);
    let fails_on_none = columns.chain(&index.predicate).all(|expr| harmless::is_harmless(expr, For::Index));
    if !(fails_on_none && index.alter_options.is_empty()) {
        return Effect::unsure(format!("adds the index {name}, computed for each row of {table}"), MAY_WRITE);
    }
    Effect::additive(format!("adds the index {name} to {table}"))
}

fn created_view(view: &CreateView) -> Effect {
    let name = label(&view.name);
    if view.or_replace || view.or_alter {
        return Effect::unsure(format!("replaces the view {name}"), "may expect the old one");
    }
    if view.materialized {
        return Effect::unsure(format!("refreshes the view {name}"), MAY_BREAK);
    }
    Effect::additive(format!("adds the view {name}"))
}

fn inserted(insert: &Insert, fresh: &Fresh) -> Effect {
    let TableObject::TableName(name) = &insert.table else {
        return Effect::unsure("adds rows in a way that cannot be parsed", MAY_BREAK);
    };
    let table = label(name);
    if insert.on.is_some() || insert.or.is_some() || insert.replace_into || insert.overwrite {
        return Effect::unsure(format!("adds rows to {table} or overwrites them"), MAY_BREAK);
    }
    let plain = insert.returning.is_none()
        && insert.output.is_none()
        && insert.assignments.is_empty()
        && insert.source.as_deref().is_some_and(is_plain_values);
    if plain && fresh.contains(&key(name)) {
        return Effect::additive(format!("fills {table}"));
    }
    Effect::unsure(format!("adds rows to {table}"), "may not know them")
}

/// `VALUES` of constants and nothing else.
fn is_plain_values(query: &Query) -> bool {
    let SetExpr::Values(values) = &*query.body else { return false };
    let mut all = values.rows.iter().flat_map(|row| row.iter());
    query.with.is_none() && query.order_by.is_none() && all.all(|expr| harmless::is_harmless(expr, For::Default))
}

fn dropped(kind: ObjectType, names: &str) -> Effect {
    match kind {
        ObjectType::Index => Effect::unsure(format!("drops the index {names}"), "may be slow without it"),
        kind => Effect::destructive(format!("drops the {} {names}", kind.to_string().to_lowercase()), MAY_READ),
    }
}

fn altered_type(name: &str, written: &Written<'_>) -> Effect {
    if let Some(effect) = words::destructive(written) {
        return effect;
    }
    if written.tokens.iter().any(|token| token.is("value")) {
        return Effect::unsure(format!("adds a value to the type {name}"), "may read a value that it does not know");
    }
    Effect::unsure(format!("changes the type {name}"), MAY_BREAK)
}

/// What follows from a foreign key that keeps rows of a table which the previous version knows.
pub(super) fn keeps_rows(what: String) -> Effect {
    Effect::unsure(what, CANNOT_DELETE)
}
