//! What is found of migrations becomes checks, and nothing found is never taken for nothing there.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::rollback::CheckOutcome;
use serde_json::json;

fn told(annotation: Option<&str>, ran: &[&str], files: Files) -> Vec<(CheckOutcome, String)> {
    let cluster = InCluster {
        annotation: annotation.map(str::to_owned),
        ran: ran.iter().map(|&line| line.to_owned()).collect(),
        unread: None,
    };
    let shipped = Shipped { from: "1.9.0".to_owned(), to: "1.8.3".to_owned(), cluster, files };
    let checks = checks(&shipped);
    assert!(!checks.is_empty(), "a check must always be there");
    assert!(checks.iter().all(|check| check.kind == CHECK));
    let needs_way_out = |check: &Check| check.outcome == CheckOutcome::Ok || check.way_out.is_some();
    assert!(checks.iter().all(needs_way_out), "{checks:?}");
    checks.into_iter().map(|check| (check.outcome, check.sentence)).collect()
}

fn read(migrations: &[(&str, &str)]) -> Files {
    let migration = |(path, operations): &(&str, &str)| Migration {
        path: (*path).to_owned(),
        change: Change::Added,
        text: Some(format!(
            "class Migration:\n    dependencies = [('shop', '0041_x')]\n    operations = [{operations}]\n"
        )),
    };
    Files::Read {
        between: "1a2b3c4..5d6e7f8".to_owned(),
        migrations: migrations.iter().map(migration).collect(),
        patterns: Vec::new(),
    }
}

const DROP: &str = "migrations.RemoveField(model_name='order', name='legacy_id')";
const ADD: &str = "migrations.AddField('order', 'note', models.TextField(null=True))";

#[test]
fn a_dropped_column_takes_a_typed_confirmation() {
    let told = told(None, &[], read(&[("shop/migrations/0042_drop_legacy.py", DROP)]));
    let sentence = "shop/migrations/0042_drop_legacy.py:3 removes order.legacy_id, and 1.8.3 reads it";
    assert_eq!(told, [(CheckOutcome::Typed, sentence.to_owned())]);
}

#[test]
fn the_way_out_of_a_django_migration_names_the_one_before() {
    let files = read(&[("shop/migrations/0042_drop_legacy.py", DROP)]);
    let shipped = Shipped { from: "2".to_owned(), to: "1".to_owned(), cluster: InCluster::default(), files };
    let way_out = checks(&shipped)[0].way_out.clone().unwrap();
    assert_eq!(way_out, "fix 2 forward with a new deploy; or reverse it first, from 2: manage.py migrate shop 0041_x");
}

#[test]
fn an_added_nullable_column_is_a_remark() {
    let told = told(None, &[], read(&[("shop/migrations/0042_note.py", ADD)]));
    let sentence = "shop/migrations/0042_note.py:3 adds order.note, nullable, and 1.8.3 is not affected";
    assert_eq!(told, [(CheckOutcome::Ok, sentence.to_owned())]);
}

#[test]
fn the_worst_of_a_file_speaks_for_it_and_the_rest_is_counted() {
    let told = told(None, &[], read(&[("shop/migrations/0042_x.py", &format!("{ADD}, {DROP}, {ADD}"))]));
    let sentence = "shop/migrations/0042_x.py:3 removes order.legacy_id, and 1.8.3 reads it; and 2 more changes";
    assert_eq!(told, [(CheckOutcome::Typed, sentence.to_owned())]);
}

#[test]
fn many_migrations_do_not_fill_the_screen_and_none_is_lost() {
    let paths: Vec<String> = (0..9).map(|number| format!("shop/migrations/000{number}_x.py")).collect();
    let drops: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), DROP)).collect();
    let dropped = told(None, &[], read(&drops));
    assert_eq!(dropped.len(), 5);
    assert_eq!(dropped[4], (CheckOutcome::Typed, "5 more migrations in 1.9.0 like these".to_owned()));
    let adds: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), ADD)).collect();
    let sentence = "9 additive migrations in 1.9.0: 1.8.3 is not affected";
    assert_eq!(told(None, &[], read(&adds)), [(CheckOutcome::Ok, sentence.to_owned())]);
}

#[test]
fn a_repository_without_changed_migrations_settles_it() {
    let told = told(None, &["init container setup runs manage.py migrate"], read(&[]));
    let sentence = "no migration shipped with 1.9.0: none differs from 1.8.3 (1a2b3c4..5d6e7f8)";
    assert_eq!(told, [(CheckOutcome::Ok, sentence.to_owned())]);
}

#[test]
fn nothing_to_look_at_is_never_taken_for_nothing_there() {
    let nothing = told(None, &[], Files::NoRepository);
    let sentence = "unknown whether a migration shipped with 1.9.0: no repository is set";
    assert_eq!(nothing, [(CheckOutcome::Warning, sentence.to_owned())]);
    let job = told(None, &["job m ran alembic upgrade"], Files::Unread("there is no tag 1.8.3".to_owned()));
    let sentence = "job m ran alembic upgrade; unknown whether 1.8.3 works with what it changed: \
                    there is no tag 1.8.3";
    assert_eq!(job, [(CheckOutcome::Warning, sentence.to_owned())]);
}

#[test]
fn an_annotation_speaks_where_no_file_does() {
    for (annotation, outcome) in [
        ("none", CheckOutcome::Ok),
        ("None", CheckOutcome::Ok),
        ("additive: orders.note", CheckOutcome::Ok),
        ("destructive: drops orders.legacy_id", CheckOutcome::Typed),
        ("Destructive", CheckOutcome::Typed),
        ("0042, ask Ana", CheckOutcome::Warning),
        ("nothing", CheckOutcome::Warning),
    ] {
        let told = told(Some(annotation), &["job m ran migrate"], Files::NoRepository);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, outcome, "{annotation}: {told:?}");
    }
}

#[test]
fn files_and_annotation_both_count_and_none_does_not_hide_a_dropped_column() {
    let drop = [("shop/migrations/0042_x.py", DROP)];
    assert_eq!(told(Some("none"), &[], read(&drop))[0].0, CheckOutcome::Typed);
    let both = told(Some("destructive: a table"), &[], read(&[("shop/migrations/0042_x.py", ADD)]));
    assert_eq!(both.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(), [CheckOutcome::Typed, CheckOutcome::Ok]);
}

#[test]
fn what_was_edited_removed_or_not_read_is_not_taken_for_harmless() {
    for (change, text) in [(Change::Edited, Some("")), (Change::Removed, None), (Change::Added, None)] {
        let migration =
            Migration { path: "shop/migrations/0001_x.py".to_owned(), change, text: text.map(str::to_owned) };
        let files = Files::Read { between: String::new(), migrations: vec![migration], patterns: Vec::new() };
        assert_eq!(told(None, &[], files)[0].0, CheckOutcome::Warning, "{change:?}");
    }
}

#[test]
fn the_templates_annotation_counts_before_the_workloads() {
    let workload = json!({
        "metadata": {"annotations": {ANNOTATION: "none"}},
        "spec": {"template": {"metadata": {"annotations": {ANNOTATION: " destructive: x "}}}},
    });
    assert_eq!(in_cluster(&workload, &[], None).annotation.as_deref(), Some("destructive: x"));
    let workload = json!({"metadata": {"annotations": {ANNOTATION: "none"}}});
    assert_eq!(in_cluster(&workload, &[], None).annotation.as_deref(), Some("none"));
    assert_eq!(in_cluster(&json!({}), &[], None), InCluster::default());
}
