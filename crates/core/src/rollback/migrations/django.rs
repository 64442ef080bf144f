//! What a Django migration does, read from its `operations` and never run.
//!
//! An undo brings the code back and leaves the database as it is, so what counts is whether the previous version can
//! live with it. Django writes every column that it knows in each INSERT and reads every one in each SELECT; and it
//! drops a column's default from the database once the column is filled, so a NOT NULL column that only the new
//! version knows refuses the old one's rows, whatever `default=` says. `db_default=` (Django 5) stays.

use super::effect::{Effect, Weight};
use super::python::{Block, Call, Expr, Module, Names, Statement};
use super::sql::{self, CANNOT_DELETE, CANNOT_INSERT, MAY_BREAK, MAY_WRITE};
use super::values;

/// Where Django's own operations come from.
const ORIGINS: [&str; 3] =
    ["django.db.migrations.operations.", "django.db.migrations.", "django.contrib.postgres.operations."];

/// What does nothing.
const NOOPS: [&str; 2] = ["django.db.migrations.RunPython.noop", "django.db.migrations.RunSQL.noop"];

/// Operations that add one of PostgreSQL's own extensions, or a collation.
const EXTENSIONS: [&str; 9] = [
    "BloomExtension",
    "BtreeGinExtension",
    "BtreeGistExtension",
    "CITextExtension",
    "CryptoExtension",
    "HStoreExtension",
    "TrigramExtension",
    "UnaccentExtension",
    "CreateCollation",
];

/// What the migration does, operation by operation.
pub(super) fn effects(source: &str) -> Vec<Effect> {
    let module = Module::read(source);
    let (mut effects, class) = read_class(&module);
    let operations = class.iter().find(|(name, _)| *name == "operations").map(|(_, value)| value);
    match operations {
        Some(Expr::List(operations)) => {
            effects.extend(operations.iter().flat_map(|it| operation(it, &module.names)));
        }
        _ => effects.push(Effect::unsure("has operations that cannot be parsed", MAY_BREAK)),
    }
    if !module.names.is_bound_once("Migration") {
        effects.push(Effect::unsure("has more than one Migration", MAY_BREAK));
    }
    if class.iter().any(|(name, value)| *name == "replaces" && *value != Expr::List(Vec::new())) {
        // Squashed: where the migrations that it replaces have run, it does nothing any more.
        effects.push(Effect::unsure("replaces earlier migrations", MAY_BREAK));
    }
    if module.is_broken || module.names.has_star() {
        effects.push(Effect::unsure("is only partly readable", MAY_BREAK));
    }
    if module.is_broken {
        effects.extend(values::suspicions(module.all()));
    }
    effects
}

/// What is assigned in its one class; and what else the file does, which is unknown.
fn read_class(module: &Module) -> (Vec<Effect>, Vec<(&str, Expr)>) {
    let mut effects = Vec::new();
    let mut class = Vec::new();
    let mut odd = |block: &Block| {
        effects.push(Effect::unsure("runs custom code when loaded", MAY_BREAK).on(block.line()));
        effects.extend(values::suspicions(block.all()));
    };
    for block in &module.blocks {
        match block.statement() {
            Statement::Import | Statement::Idle | Statement::Function(..) => {}
            Statement::Assigned(_, value) if values::is_plain(&value, &module.names) => {}
            Statement::Class("Migration", Some(base)) if class.is_empty() && is_base(base.as_str(), &module.names) => {
                for inner in &block.body {
                    match inner.statement() {
                        Statement::Idle => {}
                        Statement::Assigned(name, value)
                            if (name == "operations" || values::is_plain(&value, &module.names))
                                && ATTRIBUTES.contains(&name)
                                && !class.iter().any(|(known, _)| *known == name) =>
                        {
                            class.push((name, value));
                        }
                        _ => odd(inner),
                    }
                }
            }
            _ => odd(block),
        }
    }
    (effects, class)
}

/// What Django reads of a migration.
const ATTRIBUTES: [&str; 6] = ["initial", "dependencies", "operations", "replaces", "run_before", "atomic"];

fn is_base(base: &str, names: &Names) -> bool {
    base.is_empty()
        || names.path(base).is_some_and(|path| {
            path == "django.db.migrations.Migration" || path == "django.db.migrations.migration.Migration"
        })
}

/// The migration of the same app that it comes after: where `manage.py migrate` would have to go back to.
pub(super) fn predecessor(source: &str, app: &str) -> Option<String> {
    let module = Module::read(source);
    let (_, class) = read_class(&module);
    let (_, Expr::List(dependencies)) = class.into_iter().find(|(name, _)| *name == "dependencies")? else {
        return None;
    };
    dependencies.into_iter().find_map(|dependency| match dependency {
        Expr::List(pair) => match pair.as_slice() {
            [Expr::Text(of), Expr::Text(name)] if of == app => Some(name.clone()),
            _ => None,
        },
        _ => None,
    })
}

fn operation(operation: &Expr, names: &Names) -> Vec<Effect> {
    let Expr::Call(call) = operation else {
        return vec![Effect::unsure("has an operation that cannot be parsed", MAY_BREAK)];
    };
    let found = known_operation(call, names).into_iter().map(|effect| match effect.weight {
        Weight::Additive if !values::has_plain_arguments(call, names) => {
            Effect::unsure(format!("{} in a way that cannot be parsed", effect.what), MAY_BREAK)
                .behind(effect.line.unwrap_or(1))
        }
        _ => effect,
    });
    // A line of SQL is one of the text that the call has.
    found.map(|effect| effect.behind(call.line)).collect()
}

fn known_operation(call: &Call, names: &Names) -> Vec<Effect> {
    let path = names.path(&call.name).unwrap_or_default();
    // An operation of one's own may be called like one of Django's.
    let Some(kind) = ORIGINS.iter().find_map(|from| path.strip_prefix(from)) else {
        let name = call.name.rsplit('.').next().unwrap_or_default();
        return vec![Effect::unsure(format!("does {name}, which redflag does not know"), MAY_BREAK)];
    };
    let model = || call.text(0, "model_name").unwrap_or("?");
    let name = || call.text(0, "name").unwrap_or("?");
    let member = || format!("{}.{}", model(), call.text(1, "name").unwrap_or("?"));
    let one = match kind {
        "RemoveField" => Effect::destructive(format!("removes {}", member()), "reads it"),
        "DeleteModel" => Effect::destructive(format!("removes the table of {}", name()), "reads it"),
        "RenameField" => {
            let (old, new) = (call.text(1, "old_name").unwrap_or("?"), call.text(2, "new_name").unwrap_or("?"));
            Effect::destructive(format!("renames {}.{old} to {new}", model()), "reads the old name")
        }
        "RenameModel" => {
            let (old, new) = (call.text(0, "old_name").unwrap_or("?"), call.text(1, "new_name").unwrap_or("?"));
            Effect::destructive(format!("renames {old} to {new}, and its table"), "reads the old name")
        }
        "AlterModelTable" => Effect::destructive(format!("renames the table of {}", name()), "reads the old name"),
        "AddField" => added_field(call, &member()),
        "AlterField" => Effect::unsure(format!("changes {}", member()), MAY_BREAK),
        "AddConstraint" => Effect::unsure(format!("adds a constraint to {}", model()), MAY_WRITE),
        "AlterUniqueTogether" => Effect::unsure(format!("changes the unique constraints of {}", name()), MAY_WRITE),
        "AlterOrderWithRespectTo" => Effect::unsure(format!("changes the order of {}", name()), MAY_BREAK),
        "RemoveConstraint" => Effect::unsure(format!("drops a constraint of {}", model()), "may rely on it"),
        "RemoveIndex" | "RemoveIndexConcurrently" | "AlterIndexTogether" => {
            Effect::unsure(format!("changes the indexes of {}", model_or_name(call)), "may be slow without them")
        }
        "CreateModel" if call.argument(1, "fields").is_some_and(keeps_rows) => {
            Effect::unsure(format!("adds the table of {} with a foreign key", name()), CANNOT_DELETE)
        }
        "CreateModel" => Effect::additive(format!("adds the table of {}", name())),
        "AddIndex" | "AddIndexConcurrently" | "RenameIndex" => {
            Effect::additive(format!("adds or renames an index of {}", model()))
        }
        // New rows were held to it before.
        "ValidateConstraint" => Effect::additive(format!("validates a constraint of {}", model())),
        "AlterModelOptions" | "AlterModelManagers" | "AlterModelTableComment" => {
            Effect::additive(format!("changes {} in code only", name()))
        }
        "RunPython" => run_python(call, names),
        "RunSQL" => return run_sql(call, names),
        "SeparateDatabaseAndState" => return separated(call, names),
        "CreateExtension" => match call.text(0, "name") {
            Some(name) if sql::is_known_extension(name) => Effect::additive(format!("adds the extension {name}")),
            _ => Effect::unsure("adds an extension", MAY_BREAK),
        },
        extension if EXTENSIONS.contains(&extension) => {
            Effect::additive(format!("adds to the database with {extension}"))
        }
        other => Effect::unsure(format!("does {other}, which redflag does not know"), MAY_BREAK),
    };
    vec![one]
}

fn model_or_name(call: &Call) -> &str {
    call.named_argument("model_name")
        .map_or_else(|| call.text(0, "name"), |_| call.text(0, "model_name"))
        .unwrap_or("?")
}

/// Whether a field, or one of several, keeps rows of another model's table: Django lets no foreign key go along in
/// the database, whatever `on_delete` says.
fn keeps_rows(value: &Expr) -> bool {
    match value {
        Expr::Call(field) => {
            let kind = field.name.rsplit('.').next().unwrap_or_default();
            let is_relation = ["ForeignKey", "OneToOneField", "ManyToManyField"].contains(&kind);
            is_relation && !field.named_argument("db_constraint").is_some_and(|value| value.is("False"))
        }
        Expr::List(all) => all.iter().any(keeps_rows),
        _ => false,
    }
}

fn added_field(call: &Call, member: &str) -> Effect {
    let Some(Expr::Call(field)) = call.argument(2, "field") else {
        return Effect::unsure(format!("adds {member} in a way that cannot be parsed"), MAY_BREAK);
    };
    let is_true = |name: &str| field.named_argument(name).is_some_and(|value| value.is("True"));
    let kind = field.name.rsplit('.').next().unwrap_or_default();
    let is_filled = field.named_argument("db_default").is_some_and(|value| !value.is("None"));
    if kind == "GenericRelation" {
        return Effect::additive(format!("adds {member} in code only"));
    }
    if kind != "ManyToManyField" && !is_true("null") && !is_filled {
        let what = format!("adds {member}, NOT NULL and without a default in the database");
        return Effect::unsure(what, CANNOT_INSERT);
    }
    if call.argument(2, "field").is_some_and(keeps_rows) {
        return Effect::unsure(format!("adds {member}, a foreign key"), CANNOT_DELETE);
    }
    if is_filled && (is_true("unique") || is_true("primary_key")) {
        return Effect::unsure(format!("adds {member}, unique and with one default for all"), MAY_WRITE);
    }
    if kind == "ManyToManyField" {
        Effect::additive(format!("adds {member}, in its own table"))
    } else if is_filled {
        Effect::additive(format!("adds {member}, filled by the database"))
    } else {
        Effect::additive(format!("adds {member}, nullable"))
    }
}

/// Django's own way to do nothing: a function of one's own may be called so and do something.
fn is_noop(value: &Expr, names: &Names) -> bool {
    let Expr::Name(name) = value else { return false };
    let path = names.path(name);
    path.is_some_and(|path| NOOPS.contains(&path.as_str()))
}

fn run_python(call: &Call, names: &Names) -> Effect {
    let is_noop = |value: &Expr| is_noop(value, names);
    let code = call.argument(0, "code");
    if code.is_some_and(is_noop) {
        return Effect::additive("does nothing when applied");
    }
    let name = match code {
        Some(Expr::Name(name)) => name.as_str(),
        _ => "code",
    };
    match call.argument(1, "reverse_code").filter(|reverse| **reverse != none()) {
        None => without_reverse(format!("runs {name}, without a reverse")),
        Some(reverse) if is_noop(reverse) => {
            Effect::unsure(format!("runs {name}, whose reverse does nothing"), MAY_BREAK)
        }
        Some(_) => Effect::unsure(format!("runs {name}, which has a reverse"), MAY_BREAK),
    }
}

fn none() -> Expr {
    Expr::Name("None".to_owned())
}

fn without_reverse(what: String) -> Effect {
    Effect::destructive(what, "may break on what it changed")
}

/// Its SQL says what it does; a missing reverse only makes the unsure worse.
fn run_sql(call: &Call, names: &Names) -> Vec<Effect> {
    let statements = call.argument(0, "sql").and_then(|value| written(value, names));
    let has_reverse = call.argument(1, "reverse_sql").is_some_and(|reverse| *reverse != none());
    let Some(statements) = statements else {
        return vec![if has_reverse {
            Effect::unsure("runs SQL that cannot be parsed", MAY_BREAK)
        } else {
            without_reverse("runs SQL that cannot be parsed, without a reverse".to_owned())
        }];
    };
    let mut effects = sql::effects(&statements);
    for effect in &mut effects {
        if effect.weight == Weight::Unsure && !has_reverse {
            *effect =
                Effect { weight: Weight::Destructive, what: format!("{}, without a reverse", effect.what), ..*effect };
        }
    }
    effects
}

/// The SQL of a text, or of a list of texts and of pairs of a text and its parameters.
fn written(value: &Expr, names: &Names) -> Option<String> {
    match value {
        Expr::Text(text) => Some(text.clone()),
        noop if is_noop(noop, names) => Some(String::new()),
        Expr::List(list) => {
            let texts = list.iter().map(|part| match part {
                Expr::Text(text) => Some(text.as_str()),
                Expr::List(pair) => match pair.first() {
                    Some(Expr::Text(text)) => Some(text.as_str()),
                    _ => None,
                },
                _ => None,
            });
            Some(texts.collect::<Option<Vec<&str>>>()?.join(";\n"))
        }
        _ => None,
    }
}

/// Only its database part touches the database. Where there is none, the columns stay: what Django forgot is still
/// there for the previous version, but for rows that the new one wrote without it.
fn separated(call: &Call, names: &Names) -> Vec<Effect> {
    let mut effects = vec![Effect::unsure("changes Django's state and the database separately", MAY_BREAK)];
    match call.argument(0, "database_operations") {
        Some(Expr::List(operations)) => effects.extend(operations.iter().flat_map(|it| operation(it, names))),
        None => {}
        Some(_) => effects.push(Effect::unsure("has an operation that cannot be parsed", MAY_BREAK)),
    }
    effects
}

#[cfg(test)]
mod tests;
