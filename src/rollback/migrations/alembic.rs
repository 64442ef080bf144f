//! What an Alembic migration does: the calls of `op` in its `upgrade`.

use super::effect::Effect;
use super::python::{self, Call, Expr};
use super::sql;

const MAY_READ: &str = "may read it";
const MAY_NOT_COPE: &str = "may not cope with it";

/// What its `upgrade` does, call by call.
pub(super) fn effects(source: &str) -> Vec<Effect> {
    let Some(upgrade) = upgrade(source) else {
        return vec![Effect::unsure("has no upgrade that can be read", MAY_NOT_COPE)];
    };
    python::calls(upgrade, &["op", "batch_op"]).iter().flat_map(operation).collect()
}

/// The text of the function `upgrade`: up to the next one at the top.
fn upgrade(source: &str) -> Option<&str> {
    let start = source.find("def upgrade(")?;
    let rest = &source[start..];
    Some(rest.find("\ndef ").map_or(rest, |end| &rest[..end]))
}

fn operation(call: &Call) -> Vec<Effect> {
    let in_batch = call.name.starts_with("batch_op.");
    // In a batch the table is said once, around it all.
    let text = |place: usize, name: &str| call.text(place - usize::from(in_batch), name).unwrap_or("?");
    let table = if in_batch { "its table" } else { call.text(0, "table_name").unwrap_or("?") };
    let one = match call.short_name() {
        "drop_column" => Effect::destructive(format!("drops {table}.{}", text(1, "column_name")), MAY_READ),
        "drop_table" => Effect::destructive(format!("drops the table {}", text(0, "table_name")), MAY_READ),
        "rename_table" => {
            let (old, new) = (text(0, "old_table_name"), text(1, "new_table_name"));
            Effect::destructive(format!("renames {old} to {new}"), "may read the old name")
        }
        "alter_column" => {
            let column = text(1, "column_name");
            match call.named_argument("new_column_name") {
                Some(_) => Effect::destructive(format!("renames {table}.{column}"), "may read the old name"),
                None => Effect::unsure(format!("changes {table}.{column}"), MAY_NOT_COPE),
            }
        }
        "add_column" => added(call, table, usize::from(!in_batch)),
        "create_table" => Effect::additive(format!("adds the table {}", text(0, "table_name"))),
        "create_index" if call.named_argument("unique").is_none() => Effect::additive("adds an index"),
        "create_index"
        | "create_unique_constraint"
        | "create_foreign_key"
        | "create_check_constraint"
        | "create_primary_key"
        | "create_exclude_constraint" => Effect::unsure("adds a constraint", "may write what it forbids"),
        "drop_constraint" => Effect::additive("drops a constraint"),
        "drop_index" => Effect::unsure("drops an index", "may be slow without it"),
        "batch_alter_table" | "f" | "get_bind" | "get_context" => return Vec::new(),
        "execute" => match call.argument(0, "sqltext") {
            Some(Expr::Text(text)) => return sql::effects(text),
            Some(Expr::Call(inner)) if inner.short_name() == "text" => match inner.text(0, "text") {
                Some(text) => return sql::effects(text),
                None => unreadable_sql(),
            },
            _ => unreadable_sql(),
        },
        other => Effect::unsure(format!("does {other}, which is not known here"), MAY_NOT_COPE),
    };
    vec![one]
}

fn unreadable_sql() -> Effect {
    Effect::unsure("runs SQL that cannot be read", MAY_NOT_COPE)
}

fn added(call: &Call, table: &str, place: usize) -> Effect {
    let Some(Expr::Call(column)) = call.argument(place, "column") else {
        return Effect::unsure(format!("adds a column to {table}"), MAY_NOT_COPE);
    };
    let name = column.text(0, "name").unwrap_or("?");
    let not_null = column.named_argument("nullable") == Some(&Expr::Name("False".to_owned()));
    if not_null && column.named_argument("server_default").is_none() {
        let what = format!("adds {table}.{name}, NOT NULL and without a default in the database");
        return Effect::unsure(what, "cannot insert rows");
    }
    Effect::additive(format!("adds {table}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::super::effect::Weight::{Additive, Destructive, Unsure};
    use super::*;

    #[test]
    fn the_calls_of_upgrade_are_told_and_those_of_downgrade_are_not() {
        let source = r#"
from alembic import op
import sqlalchemy as sa

revision = "3f2a"


def upgrade() -> None:
    op.add_column("orders", sa.Column("note", sa.String(80), nullable=True))
    op.add_column("orders", sa.Column("region", sa.String(8), nullable=False))
    op.add_column("orders", sa.Column("kind", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("carts") as batch_op:
        batch_op.drop_column("legacy")
    op.alter_column("orders", "state", new_column_name="status")
    op.alter_column("orders", "total", type_=sa.Numeric(12, 2))
    op.execute(sa.text("DELETE FROM carts"))
    op.create_index(op.f("ix"), "orders", ["note"])


def downgrade() -> None:
    op.drop_table("everything")
"#;
        let found = effects(source);
        let found: Vec<(_, &str)> = found.iter().map(|effect| (effect.weight, effect.what.as_str())).collect();
        let wanted = [
            (Additive, "adds orders.note"),
            (Unsure, "adds orders.region, NOT NULL and without a default in the database"),
            (Additive, "adds orders.kind"),
            (Destructive, "drops its table.legacy"),
            (Destructive, "renames orders.state"),
            (Unsure, "changes orders.total"),
            (Destructive, "deletes rows of carts"),
            (Additive, "adds an index"),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn one_without_an_upgrade_is_not_taken_for_harmless() {
        assert_eq!(effects("revision = '1'")[0].weight, Unsure);
    }
}
