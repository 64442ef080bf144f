//! What is done to a table: can the previous version still read it and write to it?

use super::super::effect::Effect;
use super::harmless::{For, is_harmless};
use super::judge::{Fresh, keeps_rows, key, label};
use super::{CANNOT_INSERT, MAY_BREAK, MAY_READ, MAY_WRITE, OLD_NAME};
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateTable, DataType, Expr,
    ForeignKeyConstraint, IdentityPropertyKind, ReferentialAction, RenameTableNameKind, TableConstraint, Value,
};

/// A new table. The previous version does not know it; but a foreign key in it keeps rows that it deletes.
pub(super) fn created(made: &CreateTable, fresh: &Fresh) -> Vec<Effect> {
    let name = label(&made.name);
    if made.or_replace {
        return vec![Effect::destructive(format!("replaces the table {name}"), MAY_READ)];
    }
    if made.partition_of.is_some() || made.inherits.is_some() || made.query.is_some() {
        return vec![Effect::unsure(format!("adds the table {name} out of another"), MAY_BREAK)];
    }
    let own = key(&made.name);
    let of_columns = made.columns.iter().flat_map(|column| &column.options).filter_map(|option| match &option.option {
        ColumnOption::ForeignKey(foreign) => Some(foreign),
        _ => None,
    });
    let of_table = made.constraints.iter().filter_map(|constraint| match constraint {
        TableConstraint::ForeignKey(foreign) => Some(foreign),
        _ => None,
    });
    let mut keeping =
        of_columns.chain(of_table).filter(|foreign| keeps(foreign, fresh) && key(&foreign.foreign_table) != own);
    vec![match keeping.next() {
        Some(foreign) => {
            let table = label(&foreign.foreign_table);
            keeps_rows(format!("adds the table {name} with a foreign key to {table}"))
        }
        None => Effect::additive(format!("adds the table {name}")),
    }]
}

/// Whether rows that a foreign key refers to can no longer be deleted.
fn keeps(foreign: &ForeignKeyConstraint, fresh: &Fresh) -> bool {
    let goes_along = matches!(foreign.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull));
    !goes_along && !fresh.contains(&key(&foreign.foreign_table))
}

/// Each thing that is done to a table.
pub(super) fn altered(altered: &AlterTable, fresh: &Fresh) -> Vec<Effect> {
    let table = label(&altered.name);
    let is_fresh = fresh.contains(&key(&altered.name));
    if altered.location.is_some() || altered.on_cluster.is_some() {
        return vec![Effect::unsure(format!("changes {table}"), MAY_BREAK)];
    }
    altered.operations.iter().flat_map(|operation| alteration(&table, operation, is_fresh, fresh)).collect()
}

fn alteration(table: &str, operation: &AlterTableOperation, is_fresh: bool, fresh: &Fresh) -> Vec<Effect> {
    let one = match operation {
        AlterTableOperation::AddColumn { column_def, .. } => added_column(table, column_def, fresh),
        AlterTableOperation::AddConstraint { constraint, .. } => added_constraint(table, constraint, is_fresh, fresh),
        AlterTableOperation::DropColumn { column_names, .. } => {
            let of_table = column_names.iter().map(|column| format!("{table}.{}", column.value));
            Effect::destructive(format!("drops {}", of_table.collect::<Vec<_>>().join(", ")), MAY_READ)
        }
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            let (old, new) = (&old_column_name.value, &new_column_name.value);
            Effect::destructive(format!("renames {table}.{old} to {new}"), OLD_NAME)
        }
        AlterTableOperation::RenameTable { table_name } => {
            let (RenameTableNameKind::To(new) | RenameTableNameKind::As(new)) = table_name;
            Effect::destructive(format!("renames {table} to {}", label(new)), OLD_NAME)
        }
        AlterTableOperation::ChangeColumn { old_name, new_name, .. } => {
            let (old, new) = (&old_name.value, &new_name.value);
            if old.eq_ignore_ascii_case(new) {
                Effect::unsure(format!("changes the type of {table}.{old}"), MAY_BREAK)
            } else {
                Effect::destructive(format!("renames {table}.{old} to {new}"), OLD_NAME)
            }
        }
        AlterTableOperation::ModifyColumn { col_name, .. } => {
            Effect::unsure(format!("changes the type of {table}.{}", col_name.value), MAY_BREAK)
        }
        AlterTableOperation::AlterColumn { column_name, op } => altered_column(table, &column_name.value, op),
        AlterTableOperation::DropConstraint { name, .. } | AlterTableOperation::DropForeignKey { name, .. } => {
            Effect::unsure(format!("drops the constraint {} of {table}", name.value), "may rely on it")
        }
        AlterTableOperation::DropPrimaryKey { .. } => {
            Effect::unsure(format!("drops the primary key of {table}"), "may rely on it")
        }
        AlterTableOperation::DropIndex { name } => {
            Effect::unsure(format!("drops the index {} of {table}", name.value), "may be slow without it")
        }
        AlterTableOperation::RenameConstraint { old_name, .. } => {
            Effect::unsure(format!("renames the constraint {} of {table}", old_name.value), OLD_NAME)
        }
        AlterTableOperation::DropPartitions { .. }
        | AlterTableOperation::DetachPartition { .. }
        | AlterTableOperation::DetachPartitionOf { .. } => {
            Effect::destructive(format!("detaches a partition of {table}"), MAY_READ)
        }
        AlterTableOperation::SwapWith { table_name } => {
            Effect::destructive(format!("swaps {table} with {}", label(table_name)), MAY_READ)
        }
        AlterTableOperation::EnableRowLevelSecurity | AlterTableOperation::ForceRowLevelSecurity => {
            Effect::unsure(format!("hides rows of {table} with policies"), "may no longer see them")
        }
        AlterTableOperation::OwnerTo { .. } => {
            Effect::unsure(format!("changes the owner of {table}"), "may no longer be allowed to use it")
        }
        // How long it locks the table, which is over.
        AlterTableOperation::Algorithm { .. } | AlterTableOperation::Lock { .. } => return Vec::new(),
        // New rows were held to it before.
        AlterTableOperation::ValidateConstraint { name } => {
            Effect::additive(format!("validates the constraint {} of {table}", name.value))
        }
        _ => Effect::unsure(format!("changes {table} in a way redflag does not know"), MAY_BREAK),
    };
    vec![one]
}

fn altered_column(table: &str, column: &str, op: &AlterColumnOperation) -> Effect {
    match op {
        AlterColumnOperation::SetNotNull => {
            Effect::unsure(format!("makes {table}.{column} NOT NULL"), "may write an empty value")
        }
        AlterColumnOperation::DropNotNull => {
            Effect::unsure(format!("makes {table}.{column} nullable"), "may not expect an empty value")
        }
        AlterColumnOperation::SetDefault { .. } => {
            Effect::unsure(format!("changes the default of {table}.{column}"), "may rely on what it was")
        }
        AlterColumnOperation::DropDefault => {
            Effect::unsure(format!("drops the default of {table}.{column}"), "may rely on it")
        }
        AlterColumnOperation::SetDataType { .. } => {
            Effect::unsure(format!("changes the type of {table}.{column}"), MAY_BREAK)
        }
        AlterColumnOperation::AddGenerated { .. } | AlterColumnOperation::GenericOptions { .. } => {
            Effect::unsure(format!("changes {table}.{column}"), MAY_BREAK)
        }
    }
}

fn added_constraint(table: &str, constraint: &TableConstraint, is_fresh: bool, fresh: &Fresh) -> Effect {
    let (kind, name) = match constraint {
        TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {
            return Effect::additive(format!("adds an index to {table}"));
        }
        TableConstraint::ForeignKey(foreign) => {
            let to = label(&foreign.foreign_table);
            let what = format!("adds a foreign key from {table} to {to}");
            return match (is_fresh, keeps(foreign, fresh)) {
                (true, false) => Effect::additive(what),
                (true, true) => keeps_rows(what),
                (false, _) => Effect::unsure(what, MAY_WRITE),
            };
        }
        TableConstraint::Unique(unique) => ("unique", unique.name.as_ref()),
        TableConstraint::Check(check) => ("check", check.name.as_ref()),
        TableConstraint::PrimaryKey(primary) => ("primary key", primary.name.as_ref()),
        TableConstraint::PrimaryKeyUsingIndex(using) | TableConstraint::UniqueUsingIndex(using) => {
            ("unique", using.name.as_ref())
        }
        TableConstraint::Exclude(exclude) => ("exclusion", exclude.name.as_ref()),
    };
    let name = name.map(|name| format!(" {}", name.value)).unwrap_or_default();
    let what = format!("adds the {kind} constraint{name} to {table}");
    let fits_any =
        is_fresh && !matches!(constraint, TableConstraint::Check(check) if !is_harmless(&check.expr, For::Default));
    if fits_any { Effect::additive(what) } else { Effect::unsure(what, MAY_WRITE) }
}

fn added_column(table: &str, column: &ColumnDef, fresh: &Fresh) -> Effect {
    let what = format!("adds {table}.{}", column.name.value);
    let mut is_required = false;
    let mut is_filled = fills_itself(&column.data_type);
    for option in &column.options {
        match &option.option {
            ColumnOption::Null
            | ColumnOption::CharacterSet(_)
            | ColumnOption::Collation(_)
            | ColumnOption::Comment(_)
            | ColumnOption::Invisible => {}
            ColumnOption::NotNull => is_required = true,
            // It says nothing that NULL would not.
            ColumnOption::Default(Expr::Value(value)) if value.value == Value::Null => {}
            ColumnOption::Default(value) if is_harmless(value, For::Default) => is_filled = true,
            ColumnOption::Default(_) => {
                return Effect::unsure(format!("{what} with a computed default"), MAY_BREAK);
            }
            ColumnOption::OnUpdate(value) if is_harmless(value, For::Default) => {}
            ColumnOption::Generated { generation_expr: None, .. }
            | ColumnOption::Identity(IdentityPropertyKind::Identity(_) | IdentityPropertyKind::Autoincrement(_)) => {
                is_filled = true;
            }
            ColumnOption::DialectSpecific(words)
                if words.iter().all(|word| {
                    let word = word.to_string();
                    word.eq_ignore_ascii_case("auto_increment") || word.eq_ignore_ascii_case("autoincrement")
                }) =>
            {
                is_filled = true;
            }
            ColumnOption::ForeignKey(foreign) if !keeps(foreign, fresh) && !is_filled => {}
            ColumnOption::ForeignKey(foreign) => {
                return keeps_rows(format!("{what} with a foreign key to {}", label(&foreign.foreign_table)));
            }
            ColumnOption::Unique(_) | ColumnOption::PrimaryKey(_) | ColumnOption::Check(_) => {
                return Effect::unsure(format!("{what} with a constraint"), MAY_WRITE);
            }
            _ => return Effect::unsure(format!("{what} in a way redflag does not know"), MAY_BREAK),
        }
    }
    if is_required && !is_filled {
        return Effect::unsure(format!("{what}, NOT NULL and without a default"), CANNOT_INSERT);
    }
    Effect::additive(what)
}

/// `bigserial` and its kin are NOT NULL and have a default.
fn fills_itself(kind: &DataType) -> bool {
    matches!(kind, DataType::Custom(name, _) if key(name).ends_with("serial"))
}
