//! What a Django migration does, read from its `operations` and never run.
//!
//! An undo brings the code back and leaves the database as it is, so what counts is whether the version before can
//! live with it. Django writes every column that it knows in each INSERT and reads every one in each SELECT; and it
//! drops a column's default from the database once the column is filled, so a NOT NULL column that only the new
//! version knows refuses the old one's rows, whatever `default=` says. `db_default=` (Django 5) stays.

use super::effect::{Effect, Weight};
use super::python::{self, Call, Expr};
use super::sql;

const MAY_NOT_COPE: &str = "may not cope with it";

/// What the migration does, operation by operation.
pub(super) fn effects(source: &str) -> Vec<Effect> {
    let Some(operations) = python::assigned_list(source, "operations") else {
        return vec![Effect::unsure("has operations that cannot be read", MAY_NOT_COPE)];
    };
    let mut effects: Vec<Effect> = operations.iter().flat_map(operation).collect();
    if python::assigned_list(source, "replaces").is_some_and(|replaced| !replaced.is_empty()) {
        // Squashed: where the migrations that it replaces have run, it does nothing any more.
        effects.push(Effect::unsure("replaces earlier migrations", MAY_NOT_COPE));
    }
    effects
}

/// The migration of the same app that it comes after: where `manage.py migrate` would have to go back to.
pub(super) fn predecessor(source: &str, app: &str) -> Option<String> {
    let dependencies = python::assigned_list(source, "dependencies")?;
    dependencies.into_iter().find_map(|dependency| match dependency {
        Expr::List(pair) => match pair.as_slice() {
            [Expr::Text(of), Expr::Text(name)] if of == app => Some(name.clone()),
            _ => None,
        },
        _ => None,
    })
}

fn operation(operation: &Expr) -> Vec<Effect> {
    let Expr::Call(call) = operation else {
        return vec![Effect::unsure("has an operation that cannot be read", MAY_NOT_COPE)];
    };
    let model = || call.text(0, "model_name").unwrap_or("?");
    let name = || call.text(0, "name").unwrap_or("?");
    let member = || format!("{}.{}", model(), call.text(1, "name").unwrap_or("?"));
    let one = match call.short_name() {
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
        "AlterField" => Effect::unsure(format!("changes {}", member()), MAY_NOT_COPE),
        "AddConstraint" => Effect::unsure(format!("adds a constraint to {}", model()), "may write what it forbids"),
        "AlterUniqueTogether" => {
            Effect::unsure(format!("changes what must be unique in {}", name()), "may write what it forbids")
        }
        "AlterOrderWithRespectTo" => Effect::unsure(format!("changes the order of {}", name()), MAY_NOT_COPE),
        "RemoveIndex" | "RemoveIndexConcurrently" | "AlterIndexTogether" => {
            Effect::unsure(format!("changes the indexes of {}", model_or_name(call)), "may be slow without them")
        }
        "CreateModel" => Effect::additive(format!("adds the table of {}", name())),
        "AddIndex" | "AddIndexConcurrently" | "RenameIndex" => {
            Effect::additive(format!("adds or renames an index of {}", model()))
        }
        // A constraint less forbids the version before nothing.
        "RemoveConstraint" | "AlterConstraint" | "ValidateConstraint" => {
            Effect::additive(format!("changes a constraint of {}", model()))
        }
        "AlterModelOptions" | "AlterModelManagers" | "AlterModelTableComment" => {
            Effect::additive(format!("changes {} in the code alone", name()))
        }
        "RunPython" => run_python(call),
        "RunSQL" => return run_sql(call),
        "SeparateDatabaseAndState" => return separated(call),
        extension if extension.ends_with("Extension") || extension == "CreateCollation" => {
            Effect::additive(format!("adds to the database with {extension}"))
        }
        other => Effect::unsure(format!("does {other}, which is not known here"), MAY_NOT_COPE),
    };
    vec![one]
}

fn model_or_name(call: &Call) -> &str {
    call.named_argument("model_name")
        .map_or_else(|| call.text(0, "name"), |_| call.text(0, "model_name"))
        .unwrap_or("?")
}

fn added_field(call: &Call, member: &str) -> Effect {
    let Some(Expr::Call(field)) = call.argument(2, "field") else {
        return Effect::unsure(format!("adds {member}, in a way that cannot be read"), MAY_NOT_COPE);
    };
    let is_true = |name: &str| field.named_argument(name) == Some(&Expr::Name("True".to_owned()));
    let kind = field.short_name();
    if kind == "ManyToManyField" || kind == "GenericRelation" {
        Effect::additive(format!("adds {member}, in a table of its own"))
    } else if is_true("null") {
        Effect::additive(format!("adds {member}, nullable"))
    } else if field.named_argument("db_default").is_some() || kind == "GeneratedField" {
        Effect::additive(format!("adds {member}, which the database fills"))
    } else {
        let what = format!("adds {member}, NOT NULL and without a default in the database");
        Effect::unsure(what, "cannot insert rows")
    }
}

fn run_python(call: &Call) -> Effect {
    let is_noop = |value: &Expr| matches!(value, Expr::Name(name) if name.ends_with("noop"));
    let code = call.argument(0, "code");
    if code.is_some_and(is_noop) {
        return Effect::additive("does nothing on the way forward");
    }
    let name = match code {
        Some(Expr::Name(name)) => name.as_str(),
        _ => "code",
    };
    match call.argument(1, "reverse_code").filter(|reverse| **reverse != none()) {
        None => without_reverse(format!("runs {name}, without a reverse")),
        Some(reverse) if is_noop(reverse) => {
            Effect::unsure(format!("runs {name}, whose reverse does nothing"), MAY_NOT_COPE)
        }
        Some(_) => Effect::unsure(format!("runs {name}, which has a reverse"), MAY_NOT_COPE),
    }
}

fn none() -> Expr {
    Expr::Name("None".to_owned())
}

fn without_reverse(what: String) -> Effect {
    Effect::destructive(what, "may not cope with what it changed")
}

/// Its SQL says what it does; a missing reverse only makes the unsure worse.
fn run_sql(call: &Call) -> Vec<Effect> {
    let statements = call.argument(0, "sql").and_then(written);
    let has_reverse = call.argument(1, "reverse_sql").is_some_and(|reverse| *reverse != none());
    let Some(statements) = statements else {
        return vec![if has_reverse {
            Effect::unsure("runs SQL that cannot be read", MAY_NOT_COPE)
        } else {
            without_reverse("runs SQL that cannot be read, without a reverse".to_owned())
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
fn written(value: &Expr) -> Option<String> {
    match value {
        Expr::Text(text) => Some(text.clone()),
        Expr::Name(noop) if noop.ends_with("noop") => Some(String::new()),
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
/// there for the version before, but for rows that the new one wrote without it.
fn separated(call: &Call) -> Vec<Effect> {
    let mut effects =
        vec![Effect::unsure("changes Django's state and the database apart from each other", MAY_NOT_COPE)];
    match call.argument(0, "database_operations") {
        Some(Expr::List(operations)) => effects.extend(operations.iter().flat_map(operation)),
        None => {}
        Some(_) => effects.push(Effect::unsure("has an operation that cannot be read", MAY_NOT_COPE)),
    }
    effects
}

#[cfg(test)]
mod tests;
